"""Sampling the reflectance of a pair at one place, as a line for a list of reflectances."""

import csv
import io
import math
import os
from typing import Literal

import numpy as np

from potato.core.sensors import SCALE
from potato.core.text import file_name
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.errors import BandError, EmptyError, InputError
from potato.raster.coordinates import grid_to_lonlat, lonlat_to_grid, map_to_grid
from potato.raster.gdal_env import gdal
from potato.raster.pair import Pair, open_pair
from potato.simulation.land.basis import BASIS
from potato.simulation.land.reflectances import COLUMNS, KINDS, Reflectance

ENDINGS = ("-pan.tif", "-ms.tif")
"""Ends of the file names of a pair in an ARD: pan and mul."""

HEADER = ",".join(COLUMNS)
"""First line of a list of reflectances."""


def pair_of_stem(stem: PathLike) -> tuple[str, str]:
    """The files of a pair whose names begin with `stem`, as in an ARD.

    Example:
        >>> pair_of_stem("ard/11/103001010A705C00")
        ('ard/11/103001010A705C00-pan.tif', 'ard/11/103001010A705C00-ms.tif')
    """
    text = os.fspath(stem)
    for ending in ENDINGS:
        text = text.removesuffix(ending)
    return text + ENDINGS[0], text + ENDINGS[1]


def get_reflectance(
    pan: PathLike,
    mul: PathLike | None,
    x: float,
    y: float,
    *,
    name: str | None = None,
    kind: str = "paint",
    coordinates: Literal["pixels", "map", "lonlat"] = "pixels",
) -> Reflectance:
    """Sample the reflectance of a pair at one place: a cell of mul and its 16 pan pixels.

    Args:
        pan: the panchromatic image; or, if `mul` is None, the beginning of both names
            (`pair_of_stem`).
        mul: the multispectral image.
        x: column in pan; or easting; or longitude.
        y: row in pan; or northing; or latitude.
        name: of the surface; None for the name of the image and the place.
        kind: of surface, one of `reflectances.KINDS`.
        coordinates: of `x` and `y`.

    Returns:
        The surface. Its `pan` is the mean of 16 pixels; its note has the image, longitude and
        latitude.

    Raises:
        InputError: if the place is outside the images, or the pair can't be used.
        BandError: if the pair has other bands or another ratio than lists of reflectances.
        EmptyError: if a pixel there is invalid.
    """
    if kind not in KINDS:
        raise InputError(f"expected a kind of surface, one of {', '.join(KINDS)}, found {kind}")
    if not (math.isfinite(x) and math.isfinite(y)):
        raise InputError(f"expected two numbers, found {x} and {y}")
    paths = pair_of_stem(pan) if mul is None else (os.fspath(pan), os.fspath(mul))
    with gdal(), open_pair(*paths) as pair:
        _check_bands(pair)
        to_grid = {"map": map_to_grid, "lonlat": lonlat_to_grid}.get(coordinates)
        column, row = to_grid(pair.grid, x, y) if to_grid else (x, y)
        if not (0 <= column < pair.grid.width and 0 <= row < pair.grid.height):
            raise InputError(
                f"expected a place in the image, {pair.grid.width} columns by {pair.grid.height} rows, "
                f"found ({x:g}, {y:g}), which is column {column:.1f}, row {row:.1f}"
            )
        cell = PairWindow(int(row) // BASIS.ratio, int(column) // BASIS.ratio, 1, 1)
        pixels = pair.read(cell)
        middle = BASIS.ratio * (cell.column + 0.5), BASIS.ratio * (cell.row + 0.5)
        longitude, latitude = grid_to_lonlat(pair.grid, *middle)
    if not (pixels.pan_valid.all() and pixels.mul_valid.all()):
        raise EmptyError(f"expected valid pixels at ({x:g}, {y:g}), found some invalid; choose another place")
    # Halves round up; a list of reflectances has no 0.
    level = max(1, (2 * int(pixels.pan.sum(dtype=np.int64)) + BASIS.ratio**2) // (2 * BASIS.ratio**2))
    bands = [max(1, int(value)) / SCALE for value in pixels.mul[:, 0, 0]]
    image = file_name(paths[0]).removesuffix(ENDINGS[0])
    called = name if name is not None else f"{image} {cell.column * BASIS.ratio} {cell.row * BASIS.ratio}"
    if not called.strip():
        raise InputError("expected a name for the surface, found an empty one")
    note = f"{image} at {longitude:.6f} {latitude:.6f}"
    coastal, blue, green, yellow, red, rededge, nir1, nir2 = bands
    return Reflectance(
        called, kind, level / SCALE, (coastal, blue, green, yellow, red, rededge, nir1, nir2), note
    )


def _check_bands(pair: Pair) -> None:
    """Raise BandError for a pair of other bands, or another ratio, than the workshop's."""
    if (pair.sensor.bands, pair.ratio) != (BASIS.bands, BASIS.ratio):
        raise BandError(
            f"{pair.mul_path}: expected the {len(BASIS.bands)} bands of {BASIS.title} at "
            f"{BASIS.ratio}:1, as lists of reflectances have them, found the {len(pair.sensor.bands)} of "
            f"{pair.sensor.title} at {pair.ratio}:1; take another pair"
        )


def reflectance_row(surface: Reflectance) -> str:
    """A surface as a line of CSV, in counts, with the columns `HEADER`."""
    counts = (round(value * SCALE) for value in (surface.pan, *surface.bands))
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow((surface.name, surface.kind, *counts, surface.note))
    return line.getvalue()
