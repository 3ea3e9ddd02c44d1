"""Creation options, tried on a small picture before a large one is made with them."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio.shutil
from rasterio.io import MemoryFile

from potato.core.profiles import TIFF_BLOCK
from potato.errors import OutputError
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import refusals

SIDE = TIFF_BLOCK + 8
"""Pixels along a side: more than a TIFF block, so that there are overviews."""


def try_options(
    path: Path,
    grid: Grid,
    dtype: str,
    count: int,
    driver: str,
    options: Mapping[str, str],
    given: Mapping[str, str],
) -> None:
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

    Raises:
        OutputError: if GDAL can't make it, or can't read what it made; the message names `given`.
    """
    names = ", ".join(f"{name}={value}" for name, value in given.items())
    shape = {"height": SIDE, "width": SIDE, "count": count, "dtype": dtype}
    place = {"crs": grid.crs, "transform": grid.transform} if grid.placed else {}
    try:
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
    except OutputError as error:
        reason = re.sub(r"[0-9a-f-]{36}\.tif: ?", "", str(error)).rstrip(".")  # a MemoryFile's name
        raise OutputError(f"{reason}; leave out what is wrong of the creation options {names}") from error
