"""A pair of files of any size in windows that fit in memory."""

import contextlib
import functools
import itertools
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from potato.core.radiometry import counts_to_reflectance
from potato.core.sensors import RATIO
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.engine.executor import open_executor
from potato.engine.threads import progress_bar
from potato.errors import InputError
from potato.raster import Pair, PairPixels, gdal, open_pair

Result = TypeVar("Result")

WINDOW = 1280
"""Pan pixels along the side of the largest window that is evaluated as one."""

_ALIGNED = 16
"""Cells that windows begin at multiples of, so that coarser grids fit them."""


def map_windows(
    pan: PathLike,
    mul: PathLike,
    region: PairWindow,
    work: Callable[[PairPixels], Result],
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Iterator[tuple[PairWindow, Result]]:
    """Read and work on the windows of a region, in the order of `even_windows`.

    Args:
        pan: the pair's pan, as `open_pair` takes it.
        mul: the pair's mul, as `open_pair` takes it.
        region: the cells to work on.
        work: works on a window's pixels; pickled for the workers of a cluster.
        workers: windows to work on at once; None for one per core that this process may use.
        cluster: `local`, or the address of a Dask scheduler; None for threads.
        progress: whether to draw a progress bar on stderr.

    Yields:
        Each window with its result.
    """
    # Workers may have another current folder; addresses stay as they are.
    files = tuple(
        str(Path(name).absolute()) if Path(name).exists() else os.fspath(name) for name in (pan, mul)
    )
    reader = functools.partial(_open_windows, *files)
    bar = progress_bar(region.height * region.width * RATIO * RATIO, progress)
    with open_executor(workers, cluster) as executor, bar:
        for window, result in executor.map(even_windows(region), work, reader):
            yield window, result
            bar.update(window.height * window.width * RATIO * RATIO / 1e6)


@contextlib.contextmanager
def _open_windows(pan: str, mul: str) -> Iterator[Callable[[PairWindow], PairPixels]]:
    with gdal(), open_pair(pan, mul) as pair:
        yield pair.read


def choose_region(pair: Pair, window: Sequence[int] | None, least: int, advice: str) -> PairWindow:
    """The cells to evaluate; cells that pan covers only in part are left out.

    Args:
        pair: the open pair.
        window: (row, column, height, width) in pan pixels, multiples of 4; None for the whole pair.
        least: cells that the region must have along each side.
        advice: what to do if it has fewer.

    Raises:
        InputError: if the window isn't inside the pair or on its grid, or the region is too small.
    """
    rows, columns = pair.grid.height // RATIO, pair.grid.width // RATIO
    region = PairWindow(0, 0, rows, columns)
    if window is not None:
        row, column, height, width = window
        if any(number % RATIO for number in window) or row < 0 or column < 0 or height < 1 or width < 1:
            raise InputError(
                f"expected a window of row, column, height, width in pan pixels, multiples of {RATIO}, "
                f"found {' '.join(map(str, window))}"
            )
        region = PairWindow(*(number // RATIO for number in window))
        if region.bottom > rows or region.right > columns:
            raise InputError(
                f"expected a window inside the pair, {pair.grid.height} rows and {pair.grid.width} columns, "
                f"found one that ends at {region.bottom * RATIO} and {region.right * RATIO}"
            )
    if min(region.height, region.width) < least:
        raise InputError(
            f"expected at least {least * RATIO} pan pixels along each side, found "
            f"{region.height * RATIO} × {region.width * RATIO}; {advice}"
        )
    return region


def even_windows(region: PairWindow, side: int = WINDOW // RATIO) -> list[PairWindow]:
    """Cut a region into windows of nearly one size, row after row.

    Args:
        region: the cells to cut.
        side: most cells along a window, give or take `_ALIGNED`.
    """

    def cuts(start: int, size: int) -> list[tuple[int, int]]:
        count = math.ceil(size / side)
        marks = [start + round(size * k / count / _ALIGNED) * _ALIGNED for k in range(count)]
        return list(itertools.pairwise([*marks, start + size]))

    return [
        PairWindow(top, left, bottom - top, right - left)
        for top, bottom in cuts(region.row, region.height)
        for left, right in cuts(region.column, region.width)
    ]


def to_tensors(pixels: PairPixels) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Reflectance pan (1, 4h, 4w) and mul (8, h, w), and their masks, bool (4h, 4w) and (h, w)."""
    pan, mul = (torch.from_numpy(counts_to_reflectance(counts)) for counts in (pixels.pan[None], pixels.mul))
    return pan, mul, torch.from_numpy(pixels.pan_valid.copy()), torch.from_numpy(pixels.mul_valid.copy())
