"""Moving mul to where pan shows the ground, each detector array by one displacement."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from potato.core.advice import MOVE
from potato.core.displacement import (
    LEAST_WINDOW,
    LIMIT,
    Way,
    average_and_spread,
    displacement_map,
)
from potato.core.resample import enlarge_mask
from potato.core.text import counted, redact
from potato.core.windows import PairWindow, even_starts
from potato.errors import PairError
from potato.raster.pair import Pair
from potato.raster.regridded import Regridded

SAMPLES = 4
"""Most samples along a side of the pair, evenly spaced."""

SAMPLE = 80
"""Side of a sample in cells: large enough to show displacements of `LIMIT` as a whole."""

SIDE = 32
"""Side of the windows in which displacements are measured, cells."""

LEAST_WINDOWS = 4
"""Fewest windows in which a displacement must be found: fewer may show a moving thing."""

MOST_BEYOND = 0.25
"""Largest share of windows in which a displacement may reach the limit of the search."""

ALIGNED = 0.05
"""Pan pixels below which a displacement is left: it is smaller than the error of measurement."""

ROUNDS = 3
"""Most measurements: the first finds displacements of several pixels a few hundredths too short."""


def align_pair(pair: Pair) -> Pair:
    """Move the bands of mul to where pan shows the ground, each detector array by one displacement.

    It is measured in samples of the whole pair, so all parts of a pair are moved alike. Moving
    things and heights, which are displaced in other ways, remain so.

    Returns:
        A pair that shares the open files; its last note says what was done.

    Raises:
        InputError: if a file can't be read.
        PairError: if no displacement can be measured, or it reaches the limit of the search.
    """
    arrays = pair.sensor.array_places
    moved, ways = pair, np.zeros((len(arrays), 2))
    for _ in range(ROUNDS):
        measures = _measure(moved)
        steps = np.array([average_and_spread(places)[0] for places in measures])
        if abs(steps).max() * pair.ratio < ALIGNED:
            break
        ways += steps
        by_band = {band: way for bands, way in zip(arrays, ways, strict=True) for band in bands}
        moved = pair.moved_back([(down, right) for _, (down, right) in sorted(by_band.items())])
    return moved.noted(_note(pair, ways, measures))


def _measure(pair: Pair) -> list[NDArray[np.float64]]:
    """The displacements (n, 2) that windows of a pair show, for each array, in mul pixels.

    Raises:
        PairError: if they are too few, or reach the limit of the search.
    """
    side = min(SIDE, pair.height, pair.width)
    if side < LEAST_WINDOW:
        raise PairError(
            f"expected a pair of at least {LEAST_WINDOW} mul pixels along each side to align, found "
            f"{pair.width} × {pair.height}; leave out --align"
        )
    maps = []
    for window in _samples(pair):
        pixels = pair.read(window)
        valid = pixels.pan_valid & enlarge_mask(pixels.mul_valid, pair.ratio)
        maps.append(displacement_map(pixels.pan, pixels.mul, pair.sensor, side, valid).arrays)
    arrays = list(zip(*maps, strict=True))
    measures = [np.concatenate([each.found for each in places]) for places in arrays]
    beyond = max(sum(int(each.beyond.sum()) for each in places) for places in arrays)
    _check(pair, measures, beyond)
    return measures


def _samples(pair: Pair) -> Iterator[PairWindow]:
    """Windows of a pair, evenly spaced."""
    tall, wide = min(SAMPLE, pair.height), min(SAMPLE, pair.width)
    for row in even_starts(pair.height, tall, SAMPLES):
        for column in even_starts(pair.width, wide, SAMPLES):
            yield PairWindow(row, column, tall, wide)


def _check(pair: Pair, measures: Sequence[NDArray[np.float64]], beyond: int) -> None:
    """Refuse measures from which no displacement of the whole pair follows."""
    least = min(map(len, measures))
    if beyond > MOST_BEYOND * (least + beyond):
        raise PairError(
            f"{redact(pair.mul_path)}: expected mul within {LIMIT} pan pixels of where pan shows the ground, "
            f"found it at that limit or beyond in {beyond:,} of {counted(least + beyond, 'window')}; check "
            f"that both show the same ground, and give mul its right corners: {MOVE}"
        )
    if least < LEAST_WINDOWS:
        raise PairError(
            f"{redact(pair.mul_path)}: expected ground that shows how far mul lies from pan, found it in "
            f"{counted(least, 'window')} of {SIDE} mul pixels, fewer than {LEAST_WINDOWS}; leave out --align"
        )


def _note(pair: Pair, ways: NDArray[np.float64], measures: Sequence[NDArray[np.float64]]) -> str:
    """What was done, in a line."""
    if not ways.any():
        return f"mul lies within {ALIGNED} pan pixels of where pan shows the ground, so it is left there"
    parts = []
    for bands, way, places in zip(pair.sensor.arrays or ((),), ways * pair.ratio, measures, strict=True):
        spread = max(average_and_spread(places)[1]) * pair.ratio
        parts.append(
            f"{', '.join(bands) or 'it'} lay {way[1]:+.2f} pan pixels across and {way[0]:+.2f} down "
            f"({counted(len(places), 'window')}, spread {spread:.2f})"
        )
    return f"mul aligned with pan: {'; '.join(parts)}"


def resampling_tags(pair: Pair) -> dict[str, str]:
    """Tags of a picture whose mul was resampled: how far it lay from its place.

    Each is pan pixels across and down: of mul's grid, and of what each detector array shows.
    """
    tags = {}
    if pair.resampled is not None:
        tags["POTATO_MUL_RESAMPLED"] = _across_and_down(pair.resampled, 1)
    ways = pair.mul.ways if isinstance(pair.mul, Regridded) else ()
    if ways:
        arrays = [ways[bands[0]] for bands in pair.sensor.array_places]
        tags["POTATO_MUL_ALIGNED"] = "; ".join(_across_and_down(way, pair.ratio) for way in arrays)
    return tags


def _across_and_down(way: Way, ratio: int) -> str:
    return f"{way[1] * ratio:+.3f} {way[0] * ratio:+.3f}"
