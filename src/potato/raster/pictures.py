"""Reading pictures: finished ones, and photographs."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from potato.core.advice import AS_BYTES, SHARES_AS_BYTES, warp_onto
from potato.core.types import Codes, PathLike
from potato.core.windows import PixelWindow
from potato.errors import BandError, GridError, InputError
from potato.raster.coordinates import crs_name
from potato.raster.gdal_env import GDAL_ERRORS, gdal, open_dataset, placeless, understood
from potato.raster.image import Image, opaque_bands

CORNER_TOLERANCE = 0.1
"""Pixels by which the corners of two grids may differ: float noise in their transforms."""

MOST_PIXELS = 100_000_000
"""Pixels of the largest photograph, since all of it is read at once."""

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


@contextlib.contextmanager
def open_picture(path: PathLike) -> Iterator[Image]:
    """Open a finished picture: red, green and blue in 8 or 16 bits, with or without mask or alpha.

    Args:
        path: anything that GDAL opens: a GeoTIFF, a PNG, a VRT; also `https://…`, `s3://…`, `zip://…`.

    Yields:
        The image with its bands red, green and blue. A half-transparent pixel is valid.

    Raises:
        InputError: if it can't be opened.
        BandError: if bands or data type aren't the expected ones.
    """
    name = os.fspath(path)
    with contextlib.closing(open_dataset(name, "picture")) as dataset:
        with understood(name):
            image = Image(name, dataset, _rgb_bands(name, dataset))
        yield image


def read_picture(path: PathLike, window: PixelWindow) -> Codes:
    """The codes (4, h, w) of a window of a finished picture; the window lies inside it."""
    with gdal(), rasterio.open(path) as file:
        codes: Codes = file.read(window=Window(window.column, window.row, window.width, window.height))
    return codes


def read_rgba(path: PathLike, window: PixelWindow) -> Codes:
    """Red, green, blue and alpha (4, h, w) of a window of a picture; the window lies inside it.

    A picture of three bands, such as one in JPEG, has a mask in place of alpha.

    Raises:
        InputError: if it can't be read.
    """
    part = Window(window.column, window.row, window.width, window.height)
    try:
        with rasterio.open(path) as file:
            codes: Codes = file.read(window=part)
            if file.count == len(RGB):
                white = np.iinfo(codes.dtype).max
                alpha = np.where(file.read_masks(1, window=part) > 0, white, 0).astype(codes.dtype)
                codes = np.concatenate([codes, alpha[None]])
    except GDAL_ERRORS as error:
        raise InputError(f"can't read the picture {path}: {error}") from error
    return codes


def read_photograph(path: PathLike) -> NDArray[np.uint8]:
    """All of a picture without a place on Earth, such as a JPEG.

    Args:
        path: anything that GDAL opens.

    Returns:
        Its first three bands, uint8 (3, h, w).

    Raises:
        InputError: if it can't be read, has fewer than three bands, not of 8 bits, or is huge.
    """
    with gdal(), placeless(), contextlib.closing(open_dataset(os.fspath(path), "photograph")) as file:
        if file.count < 3 or file.dtypes[0] != "uint8":
            raise InputError(
                f"{path}: expected a photograph of 3 bands of 8 bits, found {file.count} of {file.dtypes[0]}"
            )
        if file.height * file.width > MOST_PIXELS:
            raise InputError(
                f"{path}: expected a photograph of up to {MOST_PIXELS:,} pixels, found "
                f"{file.width:,} × {file.height:,}"
            )
        try:
            pixels: NDArray[np.uint8] = file.read((1, 2, 3))
        except GDAL_ERRORS as error:
            raise InputError(f"{path}: can't read this photograph: {error}") from error
    return pixels


def check_same_grid(first: Image, second: Image) -> None:
    """Refuse two pictures that don't lie on one grid, pixel on pixel.

    If either has no place on Earth, such as a PNG, only the sizes are compared.

    Raises:
        GridError: if they differ; the message says by how much.
    """
    here, there = first.grid, second.grid
    names = f"{first.path} and {second.path}"
    remedy = _onto(first, second)
    if (here.height, here.width) != (there.height, there.width):
        raise GridError(
            f"expected two pictures of one size, found {here.width} × {here.height} and "
            f"{there.width} × {there.height} pixels in {names}; {remedy}"
        )
    if not (here.placed and there.placed):
        return
    if here.crs != there.crs:
        raise GridError(
            f"expected two pictures in one CRS, found {crs_name(here.crs)} and {crs_name(there.crs)} in "
            f"{names}; {remedy}"
        )
    step = ~here.transform @ there.transform
    corners = [(x, y) for x in (0, here.width) for y in (0, here.height)]
    miss = max(
        max(abs(end - start) for start, end in zip(corner, step @ corner, strict=True)) for corner in corners
    )
    if miss > CORNER_TOLERANCE:
        raise GridError(
            f"expected two pictures on one grid, found corners up to {miss:.3g} pixels apart in {names}; "
            f"{remedy}"
        )


def _onto(first: Image, second: Image) -> str:
    """What brings the second picture onto the grid of the first: the end of a message."""
    here, there = first.grid, second.grid
    place = here.transform
    if not (here.crs and there.crs) or place.b or place.d or place.e > 0:
        return "cut both to one grid first"
    (west, north), (east, south) = place @ (0, 0), place @ (here.width, here.height)
    crs = here.crs.to_string() if here.crs != there.crs else None
    command = warp_onto(second.path, (west, south, east, north), (place.a, -place.e), "on-grid", crs)
    return f"warp one to the grid of the other first: {command}"


def _rgb_bands(path: str, dataset: Any) -> list[int]:
    """Numbers of red, green and blue, by colour interpretation, else in the order of the file."""
    indexes, kinds = opaque_bands(dataset)
    if len(indexes) != len(RGB):
        raise BandError(
            f"{path}: expected a finished picture of 3 bands (red, green, blue), found {len(indexes)}; "
            + ("a mul becomes one by potato mul-to-rgb" if len(indexes) > len(RGB) else "convert it first")
        )
    if kinds not in (["uint8"], ["uint16"]):
        raise BandError(
            f"{path}: expected a finished picture of uint8 or uint16, found {', '.join(kinds)}; "
            f"convert it first: {AS_BYTES} if its values are 0 to 255, {SHARES_AS_BYTES} if they are 0 to 1"
        )
    found = dict(zip(dataset.colorinterp, dataset.indexes, strict=True))
    return [found[colour] for colour in RGB] if found.keys() >= set(RGB) else indexes
