"""Misregistration of a pair of files of any size: where its band arrays lie relative to pan."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from potato.core.installation import VERSION
from potato.core.resample import enlarge_mask, to_cells
from potato.core.sensors import FIRST_ARRAY, SECOND_ARRAY
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.engine.torch_threads import one_thread
from potato.errors import EmptyError
from potato.evaluation.pair_windows import choose_region, map_windows, to_tensors
from potato.evaluation.registration import (
    LEAST_CONFIDENCE,
    Displacement,
    Registration,
    average_and_spread,
    displacement_map,
)
from potato.evaluation.result import Evaluation, Section
from potato.raster import PairPixels, gdal, open_pair

_SIDE = 32
"""Mul pixels along the side of the windows in which displacements are measured."""

_COLUMNS = ("down", "right", "length", "spread down", "spread right", "windows")


@one_thread()
def measure_registration(
    pan: PathLike,
    mul: PathLike,
    *,
    window: Sequence[int] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Evaluation:
    """Measure how far the two band arrays of a pair lie from pan, and from each other.

    Args:
        pan: a panchromatic image: one band of uint16 reflectance × 10,000, from any file or address
            that GDAL reads.
        mul: the 8 multispectral bands of the same ground, four times coarser.
        window: measure only (row, column, height, width) in pan pixels, multiples of 4; None for
            the whole.
        workers: pieces of the pair to work on at once; changes no figure. None for one per core.
        cluster: `local`, or the address of a Dask scheduler, whose workers read and measure;
            changes no figure. None for threads of this process.
        progress: whether to draw a progress bar on stderr.

    Returns:
        Medians over windows of 32 mul pixels; `details["windows"]` has the displacement of each.

    Raises:
        InputError, PairError, BandError: if the pair can't be used or is too small.
        EmptyError: if nothing can be measured: too little is valid, or the ground is featureless.
        ClusterError: if the cluster can't be used, or is lost.
    """
    with gdal(), open_pair(pan, mul) as pair:
        region = choose_region(pair, window, _SIDE, "choose a larger part or another pair")
        files = {"pan": pair.pan_path, "mul": pair.mul_path}
    results = map_windows(pan, mul, region, _measure, workers=workers, cluster=cluster, progress=progress)
    measured = [one for place, found in results for one in _windows(place, found)]
    rows = {f"{name} array": _average([one[name] for one in measured]) for name in ("first", "second")}
    if not all(row["windows"] for row in rows.values()):
        raise EmptyError(f"{pan}: expected ground whose displacement can be measured, found none that can")
    first, second = rows["first array"], rows["second array"]
    down, right = (second[way] - first[way] for way in ("down", "right"))
    rows["between them"] = {"down": down, "right": right, "length": math.hypot(down, right)}
    title = (
        f"registration: the second array lies {down:+.3f} down and {right:+.3f} right of the first, "
        f"{math.hypot(down, right):.3f} mul pixels"
    )
    note = (
        "mul pixels, what the array shows against where pan shows it; "
        f"first: {', '.join(FIRST_ARRAY)}; second: {', '.join(SECOND_ARRAY)}"
    )
    return Evaluation(
        "registration",
        {**files, "window": None if window is None else list(window)},
        {"potato": VERSION},
        (Section("registration", title, _COLUMNS, rows, note),),
        None,
        "",
        {"side_of_windows": _SIDE, "windows": measured},
    )


@one_thread()
def _measure(pixels: PairPixels) -> Registration | None:
    """The displacements in a piece of the pair; None if no cell of it is wholly valid."""
    pan, mul, pan_valid, mul_valid = to_tensors(pixels)
    valid = pan_valid & enlarge_mask(mul_valid)
    if not bool((to_cells(valid[None, None].float()) > 0).all(1).any()):
        return None
    return displacement_map(pan, mul, _SIDE, valid)


def _windows(place: PairWindow, found: Registration | None) -> Iterator[dict[str, Any]]:
    """The windows of a piece of the pair, by their middles in the whole pair."""
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
    """Medians and spreads over all windows of enough confidence."""
    sure = [[one["down"], one["right"]] for one in windows if one["confidence"] >= LEAST_CONFIDENCE]
    (down, right), spread = average_and_spread(torch.tensor(sure, dtype=torch.float64).reshape(-1, 2))
    if not sure:
        return {"windows": 0}
    length = math.hypot(down, right)
    return dict(zip(_COLUMNS, (down, right, length, *spread, len(sure)), strict=True))
