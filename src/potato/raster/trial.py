"""Creation options, tried on a small picture before a large one is made with them."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.shutil
from rasterio.io import MemoryFile
from rasterio.warp import transform

from potato.core.profiles import TIFF_BLOCK
from potato.errors import OutputError
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import GDAL_ERRORS, refusals
from potato.raster.untrusted import MOST_BLOCK

SIDE = TIFF_BLOCK + 8
"""Pixels along a side: more than a TIFF block, so that there are overviews."""

STEPS = 16
"""Parts of an edge of a picture, between whose ends the antimeridian is looked for."""

FAR = 100
"""Times the usual length of such a part; all are about equally long in any usual CRS."""

MOST_NUMBER = 2**31
"""GDAL ends the process where a creation option has a much larger number."""

MOST_SIDE = 8192
"""Pixels along a side that creation options may give any picture."""

MOST_GROWN = 4
"""Times its side that they may give a larger one. GDAL fills the rest for minutes, in which it
hears no interruption."""

_SIZING = {
    "ALIGNED_LEVELS": "a whole number from 1",
    "ZOOM_LEVEL": "a whole number from 0",
    "RES": "a number above 0, beside an EXTENT,",
    "EXTENT": "west,south,east,north",
}
"""Creation options that give a picture another size, and what they take."""

_WARPED = "TARGET_SRS", "TILING_SCHEME"
_LOSSY = "COMPRESS=JPEG", "COMPRESS=WEBP"

HEARD_WITH = {
    **dict.fromkeys(("EXTENT", "RES"), ("TARGET_SRS",)),
    **dict.fromkeys(("ZOOM_LEVEL", "ZOOM_LEVEL_STRATEGY", "ALIGNED_LEVELS"), ("TILING_SCHEME",)),
    # The profile says how overviews are resampled.
    **dict.fromkeys(("WARP_RESAMPLING", "RESAMPLING", "ADD_ALPHA"), _WARPED),
    "QUALITY": _LOSSY,
    "OVERVIEW_QUALITY": (*_LOSSY, "OVERVIEW_COMPRESS"),
    "JPEG_QUALITY": ("COMPRESS=JPEG",),
    **dict.fromkeys(("WEBP_LEVEL", "WEBP_LOSSLESS"), ("COMPRESS=WEBP",)),
    "MAX_Z_ERROR": ("COMPRESS=LERC",),
    "ZLEVEL": ("COMPRESS=DEFLATE", "COMPRESS=LERC_DEFLATE"),
    "ZSTD_LEVEL": ("COMPRESS=ZSTD", "COMPRESS=LERC_ZSTD"),
}
"""Creation options that GDAL ignores, without a word, where none of these others is given. The
others are named by how they begin."""

_TILED = {"GoogleMapsCompatible": "EPSG:3857"}
"""CRSs of tiling schemes that end at the antimeridian."""


def check_place(path: Path, grid: Grid, given: Mapping[str, str]) -> None:
    """Refuse to move a picture into a CRS in which it would be torn in two.

    GDAL would stretch it around the Earth, with hardly a valid pixel in it.

    Args:
        path: the picture to be made, for messages.
        grid: of that picture.
        given: creation options of the user, by names in capitals.

    Raises:
        OutputError: if the picture crosses the antimeridian, where that CRS ends.
    """
    name = next((name for name in ("TARGET_SRS", "TILING_SCHEME") if name in given), None)
    if name is None or not grid.placed:
        return
    crs = _TILED.get(given[name]) if name == "TILING_SCHEME" else given[name]
    if crs is not None and _is_torn(grid, crs):
        raise OutputError(
            f"{path}: expected a picture on one side of the antimeridian for {name}={given[name]}, found one "
            "that crosses it; leave this option out, or take a CRS that goes on there (TARGET_SRS=EPSG:3832)"
        )


def _is_torn(grid: Grid, crs: str) -> bool:
    """Whether neighbouring places along the edges of a grid lie far from each other in a CRS."""
    part, zero = np.linspace(0, 1, STEPS + 1), np.zeros(STEPS + 1)
    edges = ((part, zero), (part, zero + 1), (zero, part), (zero + 1, part))
    for x, y in edges:
        places = [grid.transform @ place for place in zip(x * grid.width, y * grid.height, strict=True)]
        try:
            steps = np.hypot(*np.diff(transform(grid.crs, crs, *zip(*places, strict=True))))
        except GDAL_ERRORS:
            return False  # GDAL itself says better what is wrong with that CRS
        if np.isfinite(steps).all() and steps.max() > FAR * np.median(steps):
            return True
    return False


def try_options(
    path: Path,
    grid: Grid,
    dtype: str,
    count: int,
    driver: str,
    options: Mapping[str, str],
    given: Mapping[str, str],
) -> list[Path]:
    """Make a small picture with creation options and read it.

    GDAL notices much that is wrong with them only when it compresses pixels, perhaps in a thread
    that can't raise an error.

    Args:
        path: the picture to be made, for messages.
        grid: of that picture.
        dtype: of its pixels.
        count: its bands.
        driver: that writes it.
        options: creation options of that driver.
        given: those of the user.

    Returns:
        The files that GDAL makes beside the picture.

    Raises:
        OutputError: if GDAL can't make it, or can't read what it made; the message names `given`.
    """
    names = ", ".join(f"{name}={value}" for name, value in given.items())
    shape = {"height": SIDE, "width": SIDE, "count": count, "dtype": dtype}
    place = {"crs": grid.crs, "transform": grid.transform} if grid.placed else {}
    # One thread, since errors of others are lost; a number that GDAL refuses is left to it.
    threads = options.get("NUM_THREADS", "1")
    options = {
        **{name: value for name, value in options.items() if name not in _SIZING},
        "NUM_THREADS": "1" if threads.upper() == "ALL_CPUS" else re.sub(r"^[0-9]+$", "1", threads),
    }
    try:
        _check_numbers(path, given, count * np.dtype(dtype).itemsize)
        with refusals(path), MemoryFile() as stage, MemoryFile() as whole:
            pixels = np.ones((count, SIDE, SIDE), dtype)
            direct = driver == "GTiff"
            with stage.open(driver="GTiff", **shape, **place, **(options if direct else {})) as file:
                file.write(pixels)
            if not direct:
                rasterio.shutil.copy(stage.name, whole.name, driver=driver, **options)
            with (stage if direct else whole).open() as file:
                file.read(out_shape=(file.count, 16, 16))
                file.read()
                _check_heard(path, given, options)
                _check_sides(path, grid, given, file)
                own = Path(file.name).name
                return [_beside(path, own, Path(name).name) for name in file.files if Path(name).name != own]
    except (OutputError, SystemError) as error:  # rasterio's, if GDAL fails without a word
        reason = f"{path}: GDAL can't write it" if isinstance(error, SystemError) else str(error)
        # Without the name of a MemoryFile.
        reason = re.sub(r"(/vsimem/)?([0-9a-f-]{36}(/|\.tif:? ?))+", "", reason).rstrip(".")
        raise OutputError(f"{reason}; leave out what is wrong of the creation options {names}") from error


def _check_heard(path: Path, given: Mapping[str, str], options: Mapping[str, str]) -> None:
    """Refuse options that GDAL ignores, since those that they belong to aren't there."""
    others = [f"{name}={value}".upper() for name, value in options.items() if value.upper() != "CUSTOM"]
    for name in given:
        needed = HEARD_WITH.get(name)
        if needed and not any(other.startswith(needed) for other in others):
            raise OutputError(
                f"{path}: expected {' or '.join(needed)} with {name}, which GDAL ignores without it"
            )


def _check_sides(path: Path, grid: Grid, given: Mapping[str, str], trial: Any) -> None:
    """Refuse options that would make a far larger picture, or whose values mean nothing.

    Args:
        path: the picture to be made, for messages.
        grid: of that picture.
        given: options of the user.
        trial: a small picture, open, made without those of `_SIZING`.
    """
    longest = max(grid.height, grid.width)
    most = max(MOST_SIDE, MOST_GROWN * longest)
    for name, meaning in _SIZING.items():
        if name not in given:
            continue
        try:
            side = _side(name, given, grid, trial)
        except (ValueError, LookupError, ZeroDivisionError) as error:
            raise OutputError(f"{path}: expected {meaning} for {name}, found {given[name]}") from error
        if side > most:
            raise OutputError(
                f"{path}: expected a picture of at most {most} pixels a side, found {side:.6g} by {name}"
            )


def _side(name: str, given: Mapping[str, str], grid: Grid, trial: Any) -> float:
    """The longest side in pixels that an option gives a picture; ValueError if it means nothing."""
    if name == "ALIGNED_LEVELS":
        return float(max(trial.block_shapes[0])) * 2.0 ** (_whole(given[name], 1) - 1)
    if name == "ZOOM_LEVEL":
        usual = int(trial.tags(ns="TILING_SCHEME")["ZOOM_LEVEL"])
        return max(grid.height, grid.width) * 2.0 ** (_whole(given[name], 0) - usual)
    pixel = float(given.get("RES", trial.res[0]))
    if not 0 < pixel < math.inf or "EXTENT" not in given:
        raise ValueError(pixel)
    if name == "RES":
        return 0
    west, south, east, north = map(float, given["EXTENT"].split(","))
    sides = (east - west) / pixel, (north - south) / pixel
    if not 0 < min(sides) <= max(sides) < math.inf:
        raise ValueError(name)
    return max(sides)


def _whole(text: str, least: int) -> int:
    """A whole number of at least `least`, and below 100; ValueError if it is none."""
    number = int(text)
    if not least <= number < 100:
        raise ValueError(text)
    return number


def _check_numbers(path: Path, given: Mapping[str, str], pixel: int) -> None:
    """Refuse numbers for which GDAL would take all memory, or end the process."""
    numbers = {name: int(value) for name, value in given.items() if re.fullmatch(r"[+-]?[0-9]{1,40}", value)}
    for name, number in numbers.items():
        if abs(number) >= MOST_NUMBER:
            raise OutputError(f"{path}: expected a number below {MOST_NUMBER} for {name}, found {number}")
    side = numbers.get("BLOCKSIZE", TIFF_BLOCK)
    tall, wide = (numbers.get(f"BLOCK{axis}SIZE", side) for axis in "YX")
    # No larger than a TIFF block that is read.
    if tall * wide * pixel > MOST_BLOCK:
        raise OutputError(
            f"{path}: expected TIFF blocks of at most {MOST_BLOCK >> 20} MB, found {wide} × {tall} pixels"
        )


def _beside(path: Path, own: str, made: str) -> Path:
    """The place of a file that lies beside a picture `own` as `made`, for a picture at `path`."""
    ending = made.removeprefix(own)
    return path.with_name(path.name + ending if ending != made else path.stem + Path(made).suffix)
