"""Creation options, tried on a small picture before a large one is made with them."""

import re
from collections.abc import Mapping
from pathlib import Path

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
        **options,
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
                own = Path(file.name).name
                return [_beside(path, own, Path(name).name) for name in file.files if Path(name).name != own]
    except (OutputError, SystemError) as error:  # rasterio's, if GDAL fails without a word
        reason = f"{path}: GDAL can't write it" if isinstance(error, SystemError) else str(error)
        # Without the name of a MemoryFile.
        reason = re.sub(r"(/vsimem/)?([0-9a-f-]{36}(/|\.tif:? ?))+", "", reason).rstrip(".")
        raise OutputError(f"{reason}; leave out what is wrong of the creation options {names}") from error


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
