"""Writing plain images, as vendors deliver them: no masks, no overviews."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from potato.raster.atomic import writing
from potato.raster.checked_files import checked_files
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import gdal, refusals

JPEG2000 = {"QUALITY": "100", "REVERSIBLE": "YES"}
"""Creation options by which JPEG 2000 loses nothing."""


def write_plain(path: Path, pixels: NDArray[Any], grid: Grid, names: Sequence[str] = ()) -> None:
    """Write an image as a TIFF, or as a lossless JPEG 2000 if its name ends in `.JP2`.

    Args:
        path: the file to write; replaced if it is there.
        pixels: (n, h, w).
        grid: size and place.
        names: band descriptions; empty for none.

    Raises:
        OutputError: if it can't be written.
    """
    jpeg = path.suffix.upper() == ".JP2"
    with (
        writing(path),
        checked_files(path.parent) as files,
        gdal(),
        refusals(path),
        files.uninterrupted(),
        files.create(
            path.name,
            driver="JP2OpenJPEG" if jpeg else "GTiff",
            dtype=pixels.dtype,
            count=len(pixels),
            height=grid.height,
            width=grid.width,
            crs=grid.crs,
            transform=grid.transform,
            **(JPEG2000 if jpeg else {}),
        ) as file,
    ):
        file.write(pixels)
        if names:
            file.descriptions = tuple(names)
