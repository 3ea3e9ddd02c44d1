"""Opening one image by itself: a finished picture, or a mul without its pan."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from rasterio.enums import ColorInterp

from potato.errors import BandError, GridError
from potato.raster.gdal_env import open_dataset
from potato.raster.pair import CORNER_TOLERANCE, Image, crs_name, mul_bands

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@contextlib.contextmanager
def open_picture(path: str | os.PathLike[str]) -> Iterator[Image]:
    """Open a finished picture: red, green and blue, in 8 or 16 bits, with a mask, an alpha or neither.

    Args:
        path: anything GDAL opens: a GeoTIFF, a PNG, a VRT; also `https://…`, `s3://…`, `zip://…`.

    Yields:
        The image, whose bands are red, green and blue in this order. What is half transparent is valid.

    Raises:
        InputError: if it can't be opened.
        BandError: if bands or data type aren't the expected ones.
    """
    name = os.fspath(path)
    with contextlib.closing(open_dataset(name, "picture")) as dataset:
        yield Image(name, dataset, _rgb_bands(name, dataset))


@contextlib.contextmanager
def open_mul(path: str | os.PathLike[str]) -> Iterator[Image]:
    """Open a multispectral image by itself, its bands in the order of `sensor.BANDS`.

    Raises:
        InputError: if it can't be opened.
        BandError: if bands or data type aren't the expected ones.
    """
    name = os.fspath(path)
    with contextlib.closing(open_dataset(name, "mul")) as dataset:
        yield Image(name, dataset, mul_bands(name, dataset))


def check_same_grid(first: Image, second: Image) -> None:
    """Refuse two pictures that don't show the same ground, pixel on pixel.

    Of a picture without a place, such as a PNG, only the size counts.

    Raises:
        GridError: says by how much they differ.
    """
    here, there = first.grid, second.grid
    names = f"{first.path} and {second.path}"
    if (here.height, here.width) != (there.height, there.width):
        raise GridError(
            f"expected two pictures of one size, found {here.width} × {here.height} and "
            f"{there.width} × {there.height} pixels in {names}; cut both to one grid first (gdalwarp -te -tr)"
        )
    if not (here.placed and there.placed):
        return
    if here.crs != there.crs:
        raise GridError(
            f"expected two pictures in one CRS, found {crs_name(here.crs)} and {crs_name(there.crs)} in "
            f"{names}; warp one to the grid of the other first (gdalwarp -t_srs -te -tr)"
        )
    step = ~here.transform @ there.transform
    corners = [(x, y) for x in (0, here.width) for y in (0, here.height)]
    miss = max(
        max(abs(end - start) for start, end in zip(corner, step @ corner, strict=True)) for corner in corners
    )
    if miss > CORNER_TOLERANCE:
        raise GridError(
            f"expected two pictures on one grid, found corners up to {miss:.3g} pixels apart in {names}; "
            "warp one to the grid of the other first (gdalwarp -te -tr)"
        )


def _rgb_bands(path: str, dataset: Any) -> list[int]:
    """Indexes of red, green and blue: by what the file says of its bands, else the first three."""
    meanings = dict(zip(dataset.indexes, dataset.colorinterp, strict=True))
    indexes = [index for index, meaning in meanings.items() if meaning != ColorInterp.alpha]
    if len(indexes) != len(RGB):
        raise BandError(
            f"{path}: expected a finished picture of 3 bands (red, green, blue), found {len(indexes)}; "
            + ("a mul becomes one by potato mul-to-rgb" if len(indexes) > len(RGB) else "convert it first")
        )
    kinds = sorted({dataset.dtypes[index - 1] for index in indexes})
    if kinds not in (["uint8"], ["uint16"]):
        raise BandError(
            f"{path}: expected a finished picture of uint8 or uint16, found {', '.join(kinds)}; "
            "convert it first, for example with gdal_translate -ot UInt16 -scale"
        )
    found = {meaning: index for index, meaning in meanings.items()}
    return [found[colour] for colour in RGB] if found.keys() >= set(RGB) else indexes
