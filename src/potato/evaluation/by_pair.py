"""Judging by a real pair: Wald's protocol twice, and full scale, where there is no truth."""

import functools
import itertools
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from potato.core.sensors import RATIO, SCALE
from potato.core.windows import PairWindow
from potato.engine.dask import open_cluster
from potato.engine.devices import one_thread
from potato.engine.processes import ask_in_order
from potato.engine.threads import available_cores, map_blocks, progress_bar
from potato.errors import EmptyError, InputError
from potato.evaluation.error_map import DistanceMap
from potato.evaluation.findings import Findings, Protocols, judge_window
from potato.evaluation.methods import ALL, Contender, Lineup, open_contenders
from potato.evaluation.result import Charts, Evaluation, provenance
from potato.evaluation.tables import first_spread, pair_sections
from potato.model.network import Sharpener
from potato.raster import Pair, PairPixels, gdal, open_pair

WINDOW = 1280
"""Pan pixels along the side of the largest window that is judged as one."""

_ALIGNED = 16
"""Cells that windows begin at multiples of, so that coarser grids fit them."""

Path_ = str | os.PathLike[str]


def judge_pair(
    pan: Path_,
    mul: Path_,
    *,
    weights: Path_ | Sharpener | None = None,
    baselines: Sequence[str] = ALL,
    protocols: Protocols | None = None,
    window: Sequence[int] | None = None,
    device: str = "auto",
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Evaluation:
    """Judge a model and the baselines by a pair of files.

    The pair is judged in windows of at most `WINDOW` pan pixels, each as a pair of its own, so memory is
    bounded; what a window holds doesn't depend on `workers` or `cluster`, nor does any figure. Invalid pixels
    are left out, and what lies beside them, as are the borders of windows.

    Args:
        pan: as for `open_pair`.
        mul: the same.
        weights: as for `load_model`, or a model.
        baselines: as for `open_contenders`.
        protocols: what to judge; None for everything.
        window: judge only (row, column, height, width) in pan pixels, multiples of 4.
        device: as for `fuse`.
        workers: threads at work on windows; None for one per core that this process may use.
        cluster: as for `open_cluster`, whose workers read and judge the windows; None for threads.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError, PairError, BandError, EmptyError: if the pair can't be used or is too small.
        WeightsError: if the weights can't.
        BlockError: if the work fails on a window.
        ClusterError: if the cluster can't be used, or is lost.
    """
    protocols = protocols or Protocols()
    contenders = open_contenders(weights, baselines, device)
    with gdal(), open_pair(pan, mul) as pair, open_cluster(cluster, workers) as machines, one_thread():
        region = region_of(pair, window, protocols.least)
        found, chart = [Findings() for _ in contenders], DistanceMap(region)
        judged = 0
        if machines is None:
            workers = workers or available_cores()
            work = functools.partial(_judge_pixels, contenders, protocols)
            results = map_blocks(read_windows(pair, region), work, workers, workers + 1)
        else:
            lineup = Lineup.of(contenders, weights, device)
            job = functools.partial(_judge_elsewhere, names_elsewhere(pan, mul), lineup, protocols)
            results = ask_in_order(even_windows(region), job, machines)
        bar = progress_bar(region.height * region.width * RATIO * RATIO, progress)
        with bar:
            for place, result in results:
                bar.update(place.height * place.width * RATIO * RATIO / 1e6)
                if result is None:
                    continue
                judged += 1
                for whole, part in zip(found, result[0], strict=True):
                    whole.join(part)
                chart.put(place, result[1])
    if not judged:
        raise EmptyError(f"{pair.pan_path}: expected valid pixels to judge, found none")
    sections = pair_sections([one.name for one in contenders], found, protocols)
    first = sections[0]
    column = "mean" if "mean" in first.columns else "consistency"
    name = contenders[-1].name
    headline = first.rows[name][column]
    if math.isnan(headline):
        raise EmptyError(f"{pair.pan_path}: expected valid pixels away from borders and holes, found none")
    return Evaluation(
        "pair",
        {"pan": pair.pan_path, "mul": pair.mul_path, "window": None if window is None else list(window)},
        provenance(contenders),
        sections,
        headline,
        f"{column} ΔE of {name}, {first.key}",
        {"windows": {"judged": judged, "side_in_pan_pixels": WINDOW}, "platform": protocols.platform},
        Charts(
            first.title,
            {one.name: first_spread(part, protocols) for one, part in zip(contenders, found, strict=True)},
            chart.canvas,
            f"{name}, {first.key}",
        ),
    )


def region_of(pair: Pair, window: Sequence[int] | None, least: int) -> PairWindow:
    """The cells to judge; the last, where pan ends within them, don't count.

    Raises:
        InputError: if the window isn't one of the pair, or there are fewer than `least` cells along a side.
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
            f"expected at least {least * RATIO} pan pixels along each side to judge by these protocols, "
            f"found {region.height * RATIO} × {region.width * RATIO}; judge by fewer (--protocol, --halvings)"
        )
    return region


def even_windows(region: PairWindow, side: int = WINDOW // RATIO) -> list[PairWindow]:
    """Cut a region into windows of nearly one size, none larger than `side` cells, none a sliver."""

    def cuts(start: int, size: int) -> list[tuple[int, int]]:
        count = math.ceil(size / side)
        marks = [start + round(size * k / count / _ALIGNED) * _ALIGNED for k in range(count)]
        return list(itertools.pairwise([*marks, start + size]))

    return [
        PairWindow(top, left, bottom - top, right - left)
        for top, bottom in cuts(region.row, region.height)
        for left, right in cuts(region.column, region.width)
    ]


def read_windows(
    pair: Pair, region: PairWindow, side: int = WINDOW // RATIO
) -> Iterator[tuple[PairWindow, PairPixels]]:
    """The windows of a region and their pixels, row after row."""
    for window in even_windows(region, side):
        yield window, pair.read(window)


def names_elsewhere(pan: Path_, mul: Path_) -> tuple[str, str]:
    """What a worker elsewhere calls the files of a pair: those of a disk by their absolute paths."""
    names = [os.fspath(path) for path in (pan, mul)]
    first, second = (str(Path(name).absolute()) if Path(name).exists() else name for name in names)
    return first, second


def to_tensors(pixels: PairPixels) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Reflectance pan (1, 4h, 4w) and mul (8, h, w), and where they are valid, bool (4h, 4w) and (h, w)."""
    pan, mul = (torch.from_numpy(image.astype("float32")) / SCALE for image in (pixels.pan[None], pixels.mul))
    return pan, mul, torch.from_numpy(pixels.pan_valid.copy()), torch.from_numpy(pixels.mul_valid.copy())


def _judge_pixels(
    contenders: Sequence[Contender], protocols: Protocols, pixels: PairPixels
) -> tuple[list[Findings], Tensor] | None:
    if not (pixels.pan_valid.any() and pixels.mul_valid.any()):
        return None
    return judge_window(contenders, *to_tensors(pixels), protocols)


@one_thread()
def _judge_elsewhere(
    files: tuple[str, str], lineup: Lineup, protocols: Protocols, window: PairWindow
) -> tuple[list[Findings], Tensor] | None:
    """Judge a window, at a worker: names came, and figures go."""
    with gdal(), open_pair(*files) as pair:
        return _judge_pixels(lineup.contenders, protocols, pair.read(window))
