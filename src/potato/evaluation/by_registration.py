"""Misregistration of a pair of files of any size: where its band arrays lie relative to pan."""

import functools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from potato.core.resample import to_cells
from potato.core.sensors import FIRST_ARRAY, RATIO, SECOND_ARRAY
from potato.core.windows import PairWindow
from potato.engine.dask import open_cluster
from potato.engine.devices import one_thread
from potato.engine.processes import ask_in_order
from potato.engine.threads import available_cores, map_blocks, progress_bar
from potato.errors import EmptyError
from potato.evaluation.by_pair import even_windows, names_elsewhere, read_windows, region_of, to_tensors
from potato.evaluation.registration import LEAST_CONFIDENCE, Displacement, Registration, displacement_map
from potato.evaluation.result import Evaluation, Section, version
from potato.raster import PairPixels, gdal, open_pair

_SIDE = 32
"""Mul pixels along the side of the windows in which displacements are measured."""

_ARRAYS = {"first": FIRST_ARRAY, "second": SECOND_ARRAY}

Path_ = str | os.PathLike[str]


def measure_registration(
    pan: Path_,
    mul: Path_,
    *,
    window: Sequence[int] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Evaluation:
    """Measure how far the two band arrays of a pair lie from pan, and from each other.

    Args:
        pan: as for `open_pair`.
        mul: the same.
        window: measure only (row, column, height, width) in pan pixels, multiples of 4.
        workers: threads at work; changes no figure. None for one per core.
        cluster: as for `open_cluster`, whose workers read and measure; changes no figure either.
        progress: whether to draw a progress bar on stderr.

    Returns:
        Medians over windows of 32 mul pixels, and each window's own displacement in `details["windows"]`.

    Raises:
        InputError, PairError, BandError: if the pair can't be used or is too small.
        EmptyError: if nothing can be measured: too little is valid, or nothing is to be seen.
        ClusterError: if the cluster can't be used, or is lost.
    """
    measured: list[dict[str, Any]] = []
    with gdal(), open_pair(pan, mul) as pair, open_cluster(cluster, workers) as machines, one_thread():
        region = region_of(pair, window, _SIDE)
        if machines is None:
            workers = workers or available_cores()
            results = map_blocks(read_windows(pair, region), _measure, workers, workers + 1)
        else:
            job = functools.partial(_measure_elsewhere, names_elsewhere(pan, mul))
            results = ask_in_order(even_windows(region), job, machines)
        bar = progress_bar(region.height * region.width * RATIO * RATIO, progress)
        with bar:
            for place, found in results:
                measured.extend(_windows(place, found))
                bar.update(place.height * place.width * RATIO * RATIO / 1e6)
        names = pair.pan_path, pair.mul_path
    rows = {f"{name} array": _average([one[name] for one in measured]) for name in _ARRAYS}
    if not all(row["windows"] for row in rows.values()):
        raise EmptyError(f"{pan}: expected ground whose displacement can be measured, found none that can")
    first, second = rows["first array"], rows["second array"]
    between = tuple(second[way] - first[way] for way in ("down", "right"))
    rows["between them"] = {"down": between[0], "right": between[1], "length": math.hypot(*between)}
    line = (
        f"the second array lies {between[0]:+.3f} down and {between[1]:+.3f} right of the first, "
        f"{math.hypot(*between):.3f} mul pixels"
    )
    return Evaluation(
        "registration",
        {"pan": names[0], "mul": names[1], "window": None if window is None else list(window)},
        {"potato": version()},
        (
            Section(
                "registration",
                f"registration: {line}",
                ("down", "right", "length", "spread down", "spread right", "windows"),
                rows,
                "mul pixels, what the array shows against where pan shows it; "
                f"first: {', '.join(FIRST_ARRAY)}; second: {', '.join(SECOND_ARRAY)}",
            ),
        ),
        None,
        "",
        {"side_of_windows": _SIDE, "windows": measured},
    )


def _measure(pixels: PairPixels) -> Registration | None:
    pan, mul, pan_valid, mul_valid = to_tensors(pixels)
    valid = pan_valid & mul_valid.repeat_interleave(RATIO, 0).repeat_interleave(RATIO, 1)
    if not bool((to_cells(valid[None, None].float()) > 0).all(1).any()):
        return None
    return displacement_map(pan, mul, _SIDE, valid)


@one_thread()
def _measure_elsewhere(files: tuple[str, str], window: PairWindow) -> Registration | None:
    """Measure a window, at a worker."""
    with gdal(), open_pair(*files) as pair:
        return _measure(pair.read(window))


def _windows(place: PairWindow, found: Registration | None) -> Iterator[dict[str, Any]]:
    """The windows of a piece of the pair, by their middles on the whole of it."""
    if found is None:
        return
    for i, row in enumerate(found.rows.tolist()):
        for j, column in enumerate(found.columns.tolist()):
            yield {
                "row": place.row + row,
                "column": place.column + column,
                "first": _at(found.first, i, j),
                "second": _at(found.second, i, j),
            }


def _at(found: Displacement, i: int, j: int) -> dict[str, float]:
    return {name: float(getattr(found, name)[i, j]) for name in ("down", "right", "confidence")}


def _average(windows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Medians over all windows that can be judged, as `Displacement` has them of its own."""
    sure = [one for one in windows if one["confidence"] >= LEAST_CONFIDENCE]
    if not sure:
        return {"windows": 0}
    ways = torch.tensor([[one["down"], one["right"]] for one in sure], dtype=torch.float64)
    middle = _median(ways)
    spread = 1.4826 * _median((ways - middle).abs())
    down, right = middle.tolist()
    return {
        "down": down,
        "right": right,
        "length": math.hypot(down, right),
        "spread down": float(spread[0]),
        "spread right": float(spread[1]),
        "windows": len(sure),
    }


def _median(values: Tensor) -> Tensor:
    return values.quantile(0.5, dim=0)
