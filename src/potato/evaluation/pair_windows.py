"""A pair of files of any size in windows that fit in memory."""

import contextlib
import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import torch
from torch import Tensor

from potato.core.radiometry import counts_to_reflectance
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.engine.executor import open_executor
from potato.engine.progress import MEGAPIXELS, progress_bar
from potato.errors import InputError
from potato.fusion.part import cells_of_window
from potato.raster.gdal_env import gdal
from potato.raster.layer import Layer, Reading
from potato.raster.pair import Pair, PairPixels, open_pair

Result = TypeVar("Result")

WINDOW = 1280
"""Pan pixels along the side of the largest window that is evaluated as one."""

_ALIGNED = 4
"""Windows begin at multiples of this many cells, times the ratio: coarser grids then fit them."""


@dataclass(frozen=True)
class PairFiles:
    """A pair of files, as each worker opens it.

    Attributes:
        pan, mul, reading: as `open_pair` takes them.
    """

    pan: PathLike | Layer
    mul: PathLike | Layer
    reading: Reading | None = None

    def open(self) -> Pair:
        """Open the pair and check it, as `open_pair` does."""
        return open_pair(self.pan, self.mul, reading=self.reading)

    def absolute(self) -> Self:
        """The pair for workers that have another current folder; addresses stay as they are."""
        pan, mul = (
            name if isinstance(name, Layer) or not Path(name).exists() else Path(name).absolute()
            for name in (self.pan, self.mul)
        )
        return type(self)(pan, mul, self.reading)


def map_windows(
    files: PairFiles,
    region: PairWindow,
    ratio: int,
    work: Callable[[PairPixels], Result],
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Iterator[tuple[PairWindow, Result]]:
    """Read and work on the windows of a region, in the order of `even_windows`.

    Args:
        files: the pair.
        region: the cells to work on.
        ratio: that of the pair.
        work: works on a window's pixels; pickled for the workers of a cluster.
        workers: windows to work on at once; None for one per core that this process may use.
        cluster: `local`, or the address of a Dask scheduler; None for threads.
        progress: whether to draw a progress bar on stderr.

    Yields:
        Each window with its result.
    """
    reader = functools.partial(_open_windows, files.absolute())
    bar = progress_bar(region.height * region.width * ratio**2 / 1e6, MEGAPIXELS, progress)
    with open_executor(workers, cluster) as executor, bar:
        for window, result in executor.map(even_windows(region, ratio), work, reader):
            yield window, result
            bar.update(window.height * window.width * ratio**2 / 1e6)


@contextlib.contextmanager
def _open_windows(files: PairFiles) -> Iterator[Callable[[PairWindow], PairPixels]]:
    with gdal(), files.open() as pair:
        yield pair.read


def choose_region(pair: Pair, window: Sequence[int] | None, least: int, advice: str) -> PairWindow:
    """The cells to evaluate; cells that pan covers only in part are left out.

    Args:
        pair: the open pair.
        window: (row, column, height, width) in pan pixels, multiples of the ratio; None for the
            whole.
        least: cells that the region must have along each side.
        advice: what to do if it has fewer.

    Raises:
        InputError: if the window isn't inside the pair or on its grid, or the region is too small.
    """
    ratio = pair.ratio
    region = PairWindow(0, 0, pair.grid.height // ratio, pair.grid.width // ratio)
    if window is not None:
        region = region.intersection(cells_of_window(pair, window))
    if min(region.height, region.width) < least:
        raise InputError(
            f"expected at least {least * ratio} pan pixels along each side, found "
            f"{region.height * ratio} × {region.width * ratio}; {advice}"
        )
    return region


def even_windows(region: PairWindow, ratio: int) -> list[PairWindow]:
    """Cut a region into windows of nearly one size, row after row.

    Args:
        region: the cells to cut.
        ratio: that of the pair. A window has `WINDOW` pan pixels at most, give or take some cells.
    """
    side, step = WINDOW // ratio, _ALIGNED * ratio

    def cuts(start: int, size: int) -> list[tuple[int, int]]:
        count = math.ceil(size / side)
        marks = [start + round(size * k / count / step) * step for k in range(count)]
        return list(itertools.pairwise([*marks, start + size]))

    return [
        PairWindow(top, left, bottom - top, right - left)
        for top, bottom in cuts(region.row, region.height)
        for left, right in cuts(region.column, region.width)
    ]


def to_tensors(pixels: PairPixels) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Reflectance pan (1, rh, rw) and mul (n, h, w), and their masks, bool (rh, rw) and (h, w)."""
    pan, mul = (torch.from_numpy(counts_to_reflectance(counts)) for counts in (pixels.pan[None], pixels.mul))
    return pan, mul, torch.from_numpy(pixels.pan_valid.copy()), torch.from_numpy(pixels.mul_valid.copy())
