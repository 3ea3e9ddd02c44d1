"""Where chips are cut: spread over tiles, then over each tile, evenly for any number of them.

Everything here is arithmetic on whole numbers, so chip n lies at the same place on every machine,
however many chips were made before it.

1.  *Which tile.* Tiles stand in a row, in the order of their cells, each as wide as its ground is
large.
    Chip n points at the fraction n/φ of the row (golden ratio). So after any number of chips every
    tile has its due, to one or two chips.
2.  *Where in it.* The k-th chip of a tile is the k-th point of the R2 sequence that is good there
(M.
    Roberts, "The unreasonable effectiveness of quasirandom sequences", 2018), begun elsewhere in
    each tile.
3.  *If it turns out bad* when it is read, a detour is taken that depends on n alone: three other
places in
    the tile, then other tiles. So whatever is wrong with one chip moves no other.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potato.core.windows import PairWindow

GOLDEN = 0x9E3779B97F4A7C15
"""2^64 / φ, φ the golden ratio."""

R2 = (0xC13FA9A902A6328F, 0x91E10DA5C79E7B1C)
"""2^64 / g and 2^64 / g², g the plastic number, the real root of x³ = x + 1."""

_CHUNK = 1 << 16
_NEARBY = 3
"""Other places in a tile that are tried before other tiles."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where chip `n` is to be cut: it is the one numbered `rank` in tile number `tile`."""

    n: int
    tile: int
    rank: int


class Spread:
    """The row of tiles, and how chips fall on it.

    Args:
        names: of the tiles, in order; nothing but their names and areas decides.
        areas: of their ground, whole numbers above 0.
    """

    def __init__(self, names: Sequence[str], areas: Sequence[int]) -> None:
        total, sums = sum(areas), np.cumsum(areas, dtype=object)
        self._bounds = np.array([(int(edge) << 64) // total for edge in sums[:-1]], np.uint64)
        self._count = len(names)

    def places(self, start: int, count: int) -> Iterator[Place]:
        """The places of chips `start` to `start + count`."""
        ranks = np.zeros(self._count, np.int64)
        for first in range(0, start + count, _CHUNK):
            numbers = np.arange(first, min(first + _CHUNK, start + count), dtype=np.uint64)
            tiles = np.searchsorted(self._bounds, (numbers + np.uint64(1)) * np.uint64(GOLDEN), side="right")
            for n, tile in (
                zip(numbers.tolist(), tiles.tolist(), strict=True) if start < first + _CHUNK else ()
            ):
                if n >= start:
                    yield Place(n, tile, int(ranks[tile]))
                ranks[tile] += 1
            if start >= first + _CHUNK:
                ranks += np.bincount(tiles, minlength=self._count)

    def detours(self, place: Place) -> Iterator[tuple[int, int]]:
        """Where else chip n may be cut: tiles, and for each a number that chooses a place in it."""
        for turn in range(_NEARBY):
            yield place.tile, scramble(place.n, turn)
        point = np.array([scramble(place.n, _NEARBY)], np.uint64)
        first = int(np.searchsorted(self._bounds, point, side="right")[0])
        for turn in range(2 * self._count):
            yield (first + turn) % self._count, scramble(place.n, _NEARBY + 1 + turn)


def scramble(*numbers: int) -> int:
    """A number 0..2^64 that looks random and depends on `numbers` alone."""
    return int.from_bytes(hashlib.sha256(repr(numbers).encode()).digest()[:8], "big")


class Lattice:
    """The windows of a tile that a chip may be cut from.

    Args:
        name: of the tile; decides where its sequence begins.
        box: first row and column, end of rows and columns, in cells: windows stay inside.
        side: of a window in cells.
        step: cells between one window and the next.
        coverage: bool map of the whole tile, from `raster.read_coverage`.
        factor: cells along one side of a pixel of the map.
        minimum_valid: share of the map that must be valid under a window.
    """

    def __init__(
        self,
        name: str,
        box: tuple[int, int, int, int],
        side: int,
        step: int,
        coverage: NDArray[np.bool_],
        factor: int,
        minimum_valid: float,
    ) -> None:
        self._corner, self._side, self._step = box[:2], side, step
        counts = [max(0, (high - low - side) // step + 1) for low, high in zip(box[:2], box[2:], strict=True)]
        self._shape = counts[0], counts[1]
        (rows, bottoms), (columns, rights) = (
            _map_edges(low, count, side, step, factor) for low, count in zip(box[:2], counts, strict=True)
        )
        sums = np.pad(coverage.cumsum(0, dtype=np.int64).cumsum(1), ((1, 0), (1, 0)))
        valid = (
            sums[np.ix_(bottoms, rights)]
            - sums[np.ix_(rows, rights)]
            - sums[np.ix_(bottoms, columns)]
            + sums[np.ix_(rows, columns)]
        )
        areas = np.outer(bottoms - rows, rights - columns)
        self._good = valid >= minimum_valid * areas
        digest = hashlib.sha256(name.encode()).digest()
        self._begin = [int.from_bytes(digest[k : k + 8], "big") for k in (0, 8)]

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return int(self._good.sum())

    def window(self, rank: int) -> PairWindow | None:
        """The window of the tile's chip number `rank`; None if it has fewer."""
        if rank >= self.windows:
            return None
        seen = np.zeros(self._shape, np.bool_)
        left = rank
        for first in range(0, 64 * seen.size + _CHUNK, 4096):
            # A window comes once, when the sequence first meets it.
            for row, column in self._points(first, 4096):
                if self._good[row, column] and not seen[row, column]:
                    seen[row, column] = True
                    if not left:
                        return self._at(row, column)
                    left -= 1
        return None

    def other(self, number: int) -> PairWindow | None:
        """Any window, chosen by a number; None if there is none."""
        good = np.argwhere(self._good)
        return self._at(*good[number % len(good)].tolist()) if len(good) else None

    def _points(self, first: int, count: int) -> Iterator[tuple[int, int]]:
        """Rows and columns of the lattice where the R2 sequence falls."""
        numbers = np.arange(first + 1, first + 1 + count, dtype=np.uint64)
        places = (
            ((numbers * np.uint64(step) + np.uint64(begin)) >> np.uint64(32)) * np.uint64(size)
            >> np.uint64(32)
            for step, begin, size in zip(R2, self._begin, self._shape, strict=True)
        )
        return zip(*(place.tolist() for place in places), strict=True)

    def _at(self, row: int, column: int) -> PairWindow:
        top, left = self._corner
        return PairWindow(top + row * self._step, left + column * self._step, self._side, self._side)


def _map_edges(
    low: int, count: int, side: int, step: int, factor: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First pixels of the map under each window along one axis, and the pixels after the last."""
    starts = low + step * np.arange(count, dtype=np.int64)
    return starts // factor, -(-(starts + side) // factor)
