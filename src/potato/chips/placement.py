"""Placement of chips: spread over tiles, then over each tile, evenly for any number of chips.

All of it is integer arithmetic, so chip n lies at the same place on every machine, however many
chips were made before it.

1.  *Tile.* Tiles stand in a row, in the order of their names, each as wide as its ground is large.
    Chip n points at the fraction n/φ of the row (golden ratio). So after any number of chips every
    tile has its share, to one or two chips.
2.  *Window.* The k-th chip of a tile is the k-th valid point of the R2 sequence (M. Roberts, "The
    unreasonable effectiveness of quasirandom sequences", 2018), which starts elsewhere in each
    tile.
3.  *Detours.* If a window turns out bad when it is read, others are tried that depend on n alone:
    three in the same tile, then one in each tile in turn. So a bad window of one chip moves no
    other chip.
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
"""Chips whose tiles are worked out at once."""

_POINTS = 4096
"""Points of the R2 sequence that are worked out at once."""

_NEARBY = 3
"""Other windows of a tile that are tried before other tiles."""


@dataclass(frozen=True, slots=True)
class ChipPlace:
    """Where chip `n` is cut: it is chip number `rank` of tile number `tile`."""

    n: int
    tile: int
    rank: int


class Placement:
    """The row of tiles, and the places of chips on it.

    Args:
        areas: of the tiles' ground in their order, whole numbers above 0.
    """

    def __init__(self, areas: Sequence[int]) -> None:
        total, sums = sum(areas), np.cumsum(areas, dtype=object)
        self._bounds = np.array([(int(edge) << 64) // total for edge in sums[:-1]], np.uint64)
        self._count = len(areas)

    def places(self, start: int, count: int) -> Iterator[ChipPlace]:
        """The places of chips `start` to `start + count`."""
        ranks = np.zeros(self._count, np.int64)
        for first in range(0, start + count, _CHUNK):
            numbers = np.arange(first, min(first + _CHUNK, start + count), dtype=np.uint64)
            tiles = self._tiles((numbers + np.uint64(1)) * np.uint64(GOLDEN))
            if start >= first + _CHUNK:
                ranks += np.bincount(tiles, minlength=self._count)
                continue
            for n, tile in zip(numbers.tolist(), tiles.tolist(), strict=True):
                if n >= start:
                    yield ChipPlace(n, tile, int(ranks[tile]))
                ranks[tile] += 1

    def detours(self, place: ChipPlace) -> Iterator[tuple[int, int]]:
        """Other tiles for chip `place.n`, each with a number that chooses a window in it."""
        for turn in range(_NEARBY):
            yield place.tile, scramble(place.n, turn)
        first = int(self._tiles(np.array([scramble(place.n, _NEARBY)], np.uint64))[0])
        for turn in range(2 * self._count):
            yield (first + turn) % self._count, scramble(place.n, _NEARBY + 1 + turn)

    def _tiles(self, points: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The tiles that points of the row, in units of 1/2^64, fall on."""
        return np.searchsorted(self._bounds, points, side="right")


def scramble(*numbers: int) -> int:
    """A number 0..2^64 that looks random and depends on `numbers` alone."""
    return int.from_bytes(hashlib.sha256(repr(numbers).encode()).digest()[:8], "big")


class Lattice:
    """The windows of a tile that a chip may be cut from.

    Args:
        name: of the tile; decides where its sequence starts.
        inside: the part of the tile that windows stay in.
        side: of a window in cells.
        step: cells between one window and the next.
        coverage: bool map of the whole tile, from `raster.coverage.read_coverage`.
        factor: cells along one side of a pixel of the map.
        minimum_valid: share of the map that must be valid under a window.
    """

    def __init__(
        self,
        name: str,
        inside: PairWindow,
        side: int,
        step: int,
        coverage: NDArray[np.bool_],
        factor: int,
        minimum_valid: float,
    ) -> None:
        self._inside, self._side, self._step = inside, side, step
        counts = [max(0, (length - side) // step + 1) for length in (inside.height, inside.width)]
        self._shape = counts[0], counts[1]
        (rows, bottoms), (columns, rights) = (
            _map_edges(low, count, side, step, factor)
            for low, count in zip((inside.row, inside.column), counts, strict=True)
        )
        # A summed-area table: the valid pixels of every window from four look-ups.
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
        """The window of the tile's chip number `rank`; None if the tile has fewer windows."""
        if rank >= self.windows:
            return None
        seen = np.zeros(self._shape, np.bool_)
        left = rank
        for first in range(0, 64 * seen.size + _CHUNK, _POINTS):
            # A window counts only when the sequence first meets it.
            for row, column in self._points(first, _POINTS):
                if self._good[row, column] and not seen[row, column]:
                    seen[row, column] = True
                    if not left:
                        return self._at(row, column)
                    left -= 1
        return None

    def other(self, number: int) -> PairWindow | None:
        """A window chosen by any number; None if there is no window."""
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
        top, left = self._inside.row + row * self._step, self._inside.column + column * self._step
        return PairWindow(top, left, self._side, self._side)


def _map_edges(
    low: int, count: int, side: int, step: int, factor: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First pixels of the map under each window along one axis, and the pixels after the last."""
    starts = low + step * np.arange(count, dtype=np.int64)
    return starts // factor, -(-(starts + side) // factor)
