"""Finished pictures: whether all of one is there, and how it comes to its place."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio

from potato.errors import DiskFullError, OutputError
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import GDAL_ERRORS, placeless
from potato.raster.output_files import BESIDE, check_output

WHOLE = "whole.tif"
"""Name of a finished file until it comes to its place."""


def check_space(folder: Path, size: int) -> None:
    """Refuse to write `size` bytes where there is no room.

    Raises:
        DiskFullError: if the disk has less room.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise DiskFullError(
            f"{folder.parent}: the disk is full: expected room for {size / 1e6:.0f} MB more, "
            f"found {free / 1e6:.0f} MB; free some and run again"
        )


def grid_of(file: Path) -> Grid:
    """The grid of a file, which creation options such as TARGET_SRS may have changed."""
    with placeless(), rasterio.open(file) as dataset:
        return Grid(dataset.height, dataset.width, dataset.crs, dataset.transform)


def count_valid(file: Path) -> int:
    """The number of valid pixels of a file."""
    with placeless(), rasterio.open(file) as dataset:
        windows = (window for _, window in dataset.block_windows())
        return sum(int(np.count_nonzero(dataset.dataset_mask(window=window))) for window in windows)


def check_blocks(file: Path, path: Path, marks: Sequence[tuple[int, int]]) -> None:
    """Refuse a file in which a TIFF block is missing or lies beyond the end, overviews included.

    GDAL leaves a block out, without a word, if it can't compress it.

    Args:
        file: the file.
        path: what the message calls it.
        marks: row and column of a pixel of each TIFF block that must be there.

    Raises:
        OutputError: if one isn't.
    """
    complaint = f"{path}: GDAL left a part of it out; can it compress such pixels as --co says?"
    size = file.stat().st_size
    try:
        with placeless(), rasterio.open(file) as dataset:
            # The last band that is written, and one that is nowhere 0 where a pixel is valid.
            last = dataset.count
            tall, wide = dataset.block_shapes[last - 1]
            for level in range(1 + len(dataset.overviews(last))):
                of_overview = {"ovr": level - 1} if level else {}
                for y, x in {(row // tall >> level, column // wide >> level) for row, column in marks}:
                    start, length = (
                        int(dataset.get_tag_item(f"BLOCK_{what}_{x}_{y}", "TIFF", last, **of_overview) or 0)
                        for what in ("OFFSET", "SIZE")
                    )
                    if not length or start + length > size:
                        raise OutputError(complaint)
    except GDAL_ERRORS as error:
        raise OutputError(f"{complaint} ({error})") from error


def move_into_place(folder: Path, path: Path, overwrite: bool) -> None:
    """Move a finished file to its place, with the files that GDAL made beside it (TFW, .aux.xml).

    Those that described a file that is replaced are removed.
    """
    stem, old = Path(WHOLE).stem, {f"{path.name}{ending}" for ending in BESIDE} if path.exists() else set()
    made = {}
    for file in sorted(folder.glob(f"{stem}.*"), key=lambda file: file.name == WHOLE):
        ending = file.name.removeprefix(WHOLE)
        name = path.stem + file.name.removeprefix(stem) if ending == file.name else path.name + ending
        if file.suffix != ".tmp":  # GDAL's own, which it leaves behind
            made[file] = check_output(path.with_name(name), overwrite)
    for file, target in made.items():
        file.replace(target)
    for name in old - {target.name for target in made.values()}:
        path.with_name(name).unlink(missing_ok=True)
