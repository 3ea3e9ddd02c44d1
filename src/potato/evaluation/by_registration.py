"""Misregistration of a pair of files of any size: where its band arrays lie relative to pan."""

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from potato.core.advice import MOVE
from potato.core.displacement import (
    LIMIT,
    Displacement,
    DisplacementMap,
    average_and_spread,
    displacement_map,
)
from potato.core.installation import VERSION
from potato.core.resample import block_mean, enlarge_mask
from potato.core.sensors import Sensor
from potato.core.text import counted
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.errors import EmptyError
from potato.evaluation.pair_windows import PairFiles, choose_region, map_windows
from potato.evaluation.result import Evaluation, Row, Section
from potato.raster.gdal_env import gdal
from potato.raster.layer import Layer, Reading
from potato.raster.pair import PairPixels

_SIDE = 32
"""Mul pixels along the side of the windows in which displacements are measured."""

_COLUMNS = ("down", "right", "length", "spread down", "spread right", "windows", "beyond")

_ARRAYS = {"first": "first array", "second": "second array", "third": "third array"}
"""Arrays in their order, and how the table names them."""

_ALL = {"all": "all bands"}
"""The name of all bands together, of a sensor without arrays."""


def measure_registration(
    pan: PathLike | Layer,
    mul: PathLike | Layer,
    *,
    reading: Reading | None = None,
    window: Sequence[int] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Evaluation:
    """Measure how far the two band arrays of a pair lie from pan, and from each other.

    Args:
        pan: the panchromatic image, as `open_pair` takes it.
        mul: the multispectral bands of the same ground.
        reading: how to read the files, where they don't say it themselves.
        window: measure only (row, column, height, width) in pan pixels, multiples of the
            ratio; None for the whole.
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
    pair_files = PairFiles(pan, mul, reading)
    with gdal(), pair_files.open() as pair:
        region = choose_region(pair, window, _SIDE, "choose a larger part or another pair")
        files, sensor, notes = {"pan": pair.pan_path, "mul": pair.mul_path}, pair.sensor, pair.notes
    work = functools.partial(_measure, sensor)
    results = map_windows(
        pair_files, region, sensor.ratio, work, workers=workers, cluster=cluster, progress=progress
    )
    names = dict(itertools.islice(_ARRAYS.items(), len(sensor.arrays))) or _ALL
    measured = [one for place, found in results for one in _windows(place, found, names)]
    rows = {name: _average([one[key] for one in measured]) for key, name in names.items()}
    _refuse_nothing(files["pan"], rows)
    title = _title(rows)
    if len(rows) > 1:
        rows["between them"] = _between(rows)
    arrays = (f"{name}: {', '.join(bands)}" for name, bands in zip(names, sensor.arrays, strict=False))
    note = "; ".join(("mul pixels, what the array shows against where pan shows it", *arrays))
    return Evaluation(
        "registration",
        {**files, "window": None if window is None else list(window)},
        {"potato": VERSION},
        (Section("registration", title, _COLUMNS, rows, note),),
        None,
        "",
        {"side_of_windows": _SIDE, "arrays": names, "windows": measured},
        notes=notes,
    )


def _refuse_nothing(pan: str, rows: Mapping[str, Row]) -> None:
    """Refuse a pair in which an array has no window with a displacement.

    Raises:
        EmptyError: if there is one; the message says whether it lies beyond the limit.
    """
    if all(row["windows"] for row in rows.values()):
        return
    beyond = max(int(row["beyond"]) for row in rows.values())
    if beyond:
        raise EmptyError(
            f"{pan}: expected mul within {LIMIT} pan pixels of where pan shows the ground, found "
            f"{counted(beyond, 'window')} in which it lies at that limit or beyond, and none in "
            f"which it doesn't; check that both show the same ground, and give mul its right corners: {MOVE}"
        )
    raise EmptyError(f"{pan}: expected ground whose displacement can be measured, found none that can")


def _between(rows: Mapping[str, Row]) -> Row:
    """How far the second array lies from the first."""
    first, second = list(rows.values())[:2]
    down, right = (second[way] - first[way] for way in ("down", "right"))
    return {"down": down, "right": right, "length": math.hypot(down, right)}


def _title(rows: Mapping[str, Row]) -> str:
    """A line that explains the table."""
    here, what, where = next(iter(rows.values())), "mul", "pan"
    if len(rows) > 1:
        here, what, where = _between(rows), "the second array", "the first"
    place = f"{what} lies {here['down']:+.3f} down and {here['right']:+.3f} right of {where}"
    title = f"registration: {place}, {here['length']:.3f} mul pixels"
    beyond = max(int(row["beyond"]) for row in rows.values())
    if beyond:
        title += (
            f"; {counted(beyond, 'window')} left out, whose displacement reaches the limit of the search, "
            f"{LIMIT} pan pixels"
        )
    return title


def _measure(sensor: Sensor, pixels: PairPixels) -> DisplacementMap | None:
    """The displacements in a piece of the pair; None if no cell of it is wholly valid."""
    valid = pixels.pan_valid & enlarge_mask(pixels.mul_valid, pixels.ratio)
    if not (block_mean(valid.astype(np.float32), pixels.ratio) == 1).any():
        return None
    return displacement_map(pixels.pan, pixels.mul, sensor, _SIDE, valid)


def _windows(
    place: PairWindow, found: DisplacementMap | None, names: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """The windows of a piece of the pair, by their middles in the whole pair."""
    if found is None:
        return
    for i, row in enumerate(found.rows.tolist()):
        for j, column in enumerate(found.columns.tolist()):
            arrays = {name: _at(each, i, j) for name, each in zip(names, found.arrays, strict=True)}
            yield {"row": place.row + row, "column": place.column + column, **arrays}


def _at(found: Displacement, i: int, j: int) -> Row:
    numbers = {name: float(getattr(found, name)[i, j]) for name in ("down", "right", "confidence")}
    return {**numbers, "beyond": bool(found.beyond[i, j])}


def _average(windows: Sequence[Row]) -> Row:
    """Medians and spreads over all windows in which a displacement was found."""
    sure = [[one["down"], one["right"]] for one in windows if math.isfinite(one["down"])]
    (down, right), spread = average_and_spread(np.array(sure).reshape(-1, 2))
    beyond = sum(one["beyond"] for one in windows)
    if not sure:
        return {"windows": 0, "beyond": beyond}
    length = math.hypot(down, right)
    return dict(zip(_COLUMNS, (down, right, length, *spread, len(sure), beyond), strict=True))
