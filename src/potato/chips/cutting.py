"""Cutting chips out of the tiles of an ARD."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from potato.ard.inspection import metadata_mismatch, open_tile
from potato.ard.item import Tile
from potato.ard.naming import tile_name
from potato.ard.reason import Reason
from potato.chips.chip import chip_bytes
from potato.chips.fill import NewChip
from potato.chips.placement import ChipPlace, Lattice, Placement
from potato.chips.survey import Shape, Skip, Survey, grid_square_window
from potato.chips.wald import coarsen_pair
from potato.core.sensors import Sensor
from potato.core.text import one_line
from potato.core.windows import PairWindow
from potato.errors import ArdError, BandError, InputError, PairError
from potato.raster.coordinates import grid_to_lonlat
from potato.raster.coverage import read_coverage
from potato.raster.pair import Pair, PairPixels
from potato.raster.remote import remote_gdal, try_again

MAP_SIDE = 128
"""Pixels along a side of a tile's map of valid ground."""

READS = 32
"""Windows that are read for one chip before it is given up."""

REMEMBERED = 1024
"""Lattices kept in memory, some 20 kB each."""

_Pick = Callable[[Lattice], PairWindow | None]


@dataclass(frozen=True)
class Cut(NewChip):
    """A chip that was cut.

    Attributes:
        window: where the chip lies in its tile.
        skips: tiles and windows that were tried before and gave no chip.
    """

    window: PairWindow
    skips: tuple[Skip, ...]


@dataclass(frozen=True)
class _Seen:
    """Pixels that were read for a chip, and where they lie.

    Attributes:
        window: in the tile.
        pixels: of the window.
        sensor: of the pair.
        longitude, latitude: of its centre, in degrees.
        metres: along its side.
    """

    window: PairWindow
    pixels: PairPixels
    sensor: Sensor
    longitude: float
    latitude: float
    metres: float


class _NoChipError(Exception):
    """What gives no chip, and why; `read` if a window had to be read to find out."""

    def __init__(self, reason: Reason, read: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.read = reason, read


class _TileError(_NoChipError):
    """A tile that gives no chip at all."""


class _WindowError(_NoChipError):
    """A window that gives no chip."""


class _DamagedError(InputError):
    """A window that can't be read."""


class Cutter:
    """Cuts any chip of a survey, given its place; several threads may call it.

    Which window becomes chip n depends on the tiles and on n, not on earlier chips: whether a tile
    is usable (not missing, not damaged, as its item says) and which windows it has depend on the
    tile alone; both are only remembered here.

    Args:
        survey: the tiles.
        shape: of the chips.
        follow_links: whether a server may redirect to another host for images.
    """

    def __init__(self, survey: Survey, shape: Shape, follow_links: bool = False) -> None:
        self.placement = Placement(survey.areas)
        self._survey, self._shape, self._follow_links = survey, shape, follow_links
        self._unusable: dict[str, Reason] = {}
        self._lattices: OrderedDict[str, Lattice] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # Other processes get the names of tiles, and nothing that is open or remembered.
        return Cutter, (self._survey, self._shape, self._follow_links)

    def cut(self, place: ChipPlace) -> Cut:
        """Cut a chip.

        Raises:
            ArdError: if no tile gives one, or the network fails.
        """
        skips: list[Skip] = []
        reads = 0
        for tile, pick in self._picks(place):
            name = tile_name(tile)
            try:
                window, data, row = self._make(tile, pick)
            except _NoChipError as error:
                skips.append(Skip(name, error.reason))
                reads += error.read
                if reads == READS:
                    break
            else:
                return Cut(place.n, data, row, window, tuple(skips))
        last = f"{skips[-1].where}: {skips[-1].reason}"
        tried = f"{reads} windows" if reads == READS else f"all {len(self._survey.tiles)} tiles"
        raise ArdError(
            f"chip {place.n}: expected ground to cut it from, found none in {tried}; the last was {last}; "
            "allow less valid ground (--minimum-valid) or mend the tiles"
        )

    def _picks(self, place: ChipPlace) -> list[tuple[Tile, _Pick]]:
        """Tiles to try for a chip, each with a function that picks one of its windows."""

        def planned(lattice: Lattice) -> PairWindow | None:
            return lattice.window(place.rank)

        def detour(number: int) -> _Pick:
            return lambda lattice: lattice.other(number)

        tiles = self._survey.tiles
        detours = ((tiles[index], detour(number)) for index, number in self.placement.detours(place))
        return [(tiles[place.tile], planned), *detours]

    def _make(self, tile: Tile, pick: _Pick) -> tuple[PairWindow, bytes, dict[str, Any]]:
        """Window, file and manifest row of a chip of a tile."""
        seen = self._read(tile, pick)
        chip = coarsen_pair(seen.pixels, self._shape.extra_halving, seen.sensor)
        valid = float(chip.valid.float().mean())
        window = seen.window
        if valid < self._shape.minimum_valid:
            raise _WindowError(Reason("too little valid", f"{window}: {valid:.1%}"), read=True)
        row = {
            "cid": tile.cid,
            "platform": tile.platform,
            "zone": tile.zone,
            "quadkey": tile.quadkey,
            "date": tile.date,
            "window": [window.row, window.column, window.height, window.width],
            "lon": round(seen.longitude, 6),
            "lat": round(seen.latitude, 6),
            "metres": round(seen.metres, 1),
            "valid": round(valid, 4),
            "clouds": tile.clouds,
        }
        return window, chip_bytes(chip), row

    def _read(self, tile: Tile, pick: _Pick) -> _Seen:
        """Read a window of a tile; a tile that turns out unusable is remembered as such."""
        name = tile_name(tile)
        if name in self._unusable:
            raise _TileError(self._unusable[name])
        assert tile.pan is not None and tile.mul is not None
        try:
            return try_again(lambda: self._fetch(tile, pick), (tile.pan, tile.mul), follow=self._follow_links)
        except _DamagedError as error:
            raise _WindowError(Reason("damaged", one_line(error)), read=True) from error
        except InputError as error:
            kind = "no pair" if isinstance(error, PairError | BandError) else "unreadable"
            self._unusable[name] = Reason(kind, one_line(error))
            raise _TileError(self._unusable[name]) from error
        except _TileError as error:
            self._unusable[name] = error.reason
            raise

    def _fetch(self, tile: Tile, pick: _Pick) -> _Seen:
        assert tile.pan is not None and tile.mul is not None
        with remote_gdal(), open_tile(tile) as pair:
            lattice = self._lattice(tile, pair)
            if not lattice.windows:
                raise _TileError(Reason("too little valid", "no window with enough"))
            window = pick(lattice)
            if window is None:
                raise _WindowError(Reason("no more room", f"all of {lattice.windows} windows are cut"))
            centre = (
                pair.ratio * (window.column + window.width / 2),
                pair.ratio * (window.row + window.height / 2),
            )
            lonlat = grid_to_lonlat(pair.grid, *centre)
            metres = window.width * pair.ratio * float(pair.grid.transform.a)
            try:
                return _Seen(window, pair.read(window), pair.sensor, *lonlat, metres)
            except InputError as error:
                raise _DamagedError(str(error)) from error

    def _lattice(self, tile: Tile, pair: Pair) -> Lattice:
        name = tile_name(tile)
        with self._lock:
            if name in self._lattices:
                self._lattices.move_to_end(name)
                return self._lattices[name]
        mismatch = metadata_mismatch(tile, pair.grid)
        if mismatch:
            raise _TileError(Reason("item and file disagree", mismatch))
        if pair.notes:
            raise _TileError(Reason("mul that has to be resampled", pair.notes[0]))
        factor = math.ceil(max(pair.height, pair.width) / MAP_SIDE)
        lattice = Lattice(
            name,
            grid_square_window(tile, pair.height, pair.width),
            self._shape.window,
            self._shape.step,
            read_coverage(pair, factor),
            factor,
            self._shape.minimum_valid,
        )
        with self._lock:
            self._lattices[name] = lattice
            while len(self._lattices) > REMEMBERED:
                self._lattices.popitem(last=False)
        return lattice
