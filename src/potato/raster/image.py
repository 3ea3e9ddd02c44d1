"""Whole images at once: writing the source images of generated data, reading pieces of pictures."""

import os
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from potato.core.profiles import TILE
from potato.core.sensors import RATIO
from potato.core.windows import PairWindow
from potato.errors import InputError, OutputError
from potato.raster.gdal_env import Grid, gdal, open_dataset, refusals


def grid_at(
    height: int,
    width: int,
    pixel: float,
    west: float = 350_000.0,
    north: float = 3_800_000.0,
    epsg: int = 32611,
) -> Grid:
    """A north-up grid whose upper left corner lies at (`west`, `north`), in metres of a UTM zone.

    Args:
        height: rows.
        width: columns.
        pixel: metres along a side of a pixel.
        west: easting of the corner.
        north: northing of the corner.
        epsg: code of the CRS.
    """
    return Grid(height, width, CRS.from_epsg(epsg), rasterio.Affine(pixel, 0, west, 0, -pixel, north))


def read_picture(path: str | os.PathLike[str], window: PairWindow) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A piece of a finished picture: its codes (4, 4h, 4w) in a window that lies inside it."""
    with gdal(), rasterio.open(path) as file:
        codes: NDArray[np.uint8] | NDArray[np.uint16] = file.read(
            window=Window(
                window.column * RATIO, window.row * RATIO, window.width * RATIO, window.height * RATIO
            )
        )
    return codes


def write_image(
    path: Path, pixels: NDArray[Any], valid: NDArray[np.bool_] | None, grid: Grid, names: Sequence[str]
) -> None:
    """Write a Cloud Optimized GeoTIFF as the ARD has them: DEFLATE, overviews, band names.

    Args:
        path: the file to write; replaced if it is there, whole or absent.
        pixels: (n, h, w); written as they are.
        valid: bool (h, w) for the mask band; None for a file without one, whose nodata value is 0.
        grid: size and place.
        names: n band descriptions, such as BAND_P.

    Raises:
        OutputError: if it can't be written.
    """
    try:
        with (
            tempfile.TemporaryDirectory(
                prefix=f".{path.name}.", suffix=".partial", dir=path.parent
            ) as folder,
            refusals(path),
            gdal(),
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        ):
            stage, whole = Path(folder) / "stage.tif", Path(folder) / path.name
            with rasterio.open(
                stage,
                "w",
                driver="GTiff",
                dtype=pixels.dtype,
                count=len(pixels),
                height=grid.height,
                width=grid.width,
                crs=grid.crs,
                transform=grid.transform,
                nodata=0 if valid is None else None,
                photometric="RGB" if tuple(names) == ("BAND_R", "BAND_G", "BAND_B") else "MINISBLACK",
            ) as file:
                file.write(pixels)
                file.descriptions = tuple(names)
                if valid is not None:
                    file.write_mask(valid)
            rasterio.shutil.copy(
                stage,
                whole,
                driver="COG",
                COMPRESS="DEFLATE",
                LEVEL="1",
                PREDICTOR="YES",
                # Small images have small tiles, so that reading windows of them is like reading real ones.
                BLOCKSIZE=str(TILE if max(grid.height, grid.width) > 2 * TILE else TILE // 4),
                OVERVIEW_RESAMPLING="AVERAGE",
            )
            whole.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: can't write it: {error.strerror or error}") from error


def read_photograph(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """A picture without a place, such as a JPEG.

    Args:
        path: anything that GDAL opens.

    Returns:
        Its first three bands, uint8 (3, h, w).

    Raises:
        InputError: if it can't be read, or hasn't three bands of 8 bits.
    """
    with gdal(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with open_dataset(os.fspath(path), "photograph") as file:
            if file.count < 3 or file.dtypes[0] != "uint8":
                raise InputError(
                    f"{path}: expected a photograph of 3 bands of 8 bits, "
                    f"found {file.count} of {file.dtypes[0]}"
                )
            try:
                pixels: NDArray[np.uint8] = file.read((1, 2, 3))
            except RasterioError as error:
                raise InputError(f"{path}: can't read this photograph: {error}") from error
    return pixels
