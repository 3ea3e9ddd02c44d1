"""Drawing web tiles: what lies there, sharpened and warped, as codes of the look `flat`.

A web tile is drawn in two steps. The first reads, sharpens and warps, and gives codes of 16 bits
that any look can be made of; a cache of bounded size keeps them. The second applies look, exposure
and contrast, which takes a few milliseconds, so a slider moves a map without sharpening it again.
"""

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.color import srgb_encode
from potato.core.draw import PRIMARIES
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import FLAT
from potato.core.sensors import Sensor
from potato.core.types import Codes
from potato.errors import ArdError, BandError, PotatoError
from potato.fusion.outputs import choose_output
from potato.fusion.window import find_window
from potato.model.backend import open_backend
from potato.model.model import Model
from potato.model.native import render_colour
from potato.model.weights import load_model
from potato.raster.coordinates import Grid
from potato.raster.pair import Pair
from potato.raster.remote import remote_gdal, try_again
from potato.raster.warp import cells_within, find_shown_part, warp_picture
from potato.serving.catalogue import ANYTHING, Catalogue, Entry, Opened, Wanted
from potato.serving.keeping import Cache, OpenFiles
from potato.serving.mercator import inside, web_box, web_grid
from potato.serving.opening import picture_entry

VIEWS = {
    "sharp": "Sharpened",
    "plain": "Plain colour",
    "pan": "Pan",
    "composite": "Near infrared, red, green",
    "picture": "Finished picture",
}
"""What can be shown, and its title."""

DEFAULT = "default"
"""The name of the weights that fit the sensor of each pair."""

COMPOSITE = "nir", "red", "green"
"""The bands that a composite shows as red, green and blue."""

MOST_ENTRIES = 64
"""Entries of a pass that a web tile may show; one with more is empty, since opening takes time."""

COARSEST = 2**0.5
"""How large a pixel that is sharpened may be, in pixels of the web tile. Then it isn't less than
half of that, so a web tile costs at most 362 × 362 pixels, and needs no smoothing."""

MOST_OPEN = 32
"""Pairs that are kept open between web tiles."""

PAUSE = 60.0
"""Seconds until an entry is tried again when the network or a server failed."""

CACHE_BYTES = 128 << 20
"""Size of the cache of web tiles: 256 of them."""


@dataclass(frozen=True)
class Subject:
    """What a web tile shows, but for its look.

    Attributes:
        view: of `VIEWS`.
        weights: a name of `Painter.weights`; None for those of the sensor.
        wanted: what may be shown; the best of each place is.
        picture: the ID of a job, whose picture is shown instead; None for none.
    """

    view: str = "sharp"
    weights: str | None = None
    wanted: Wanted = ANYTHING
    picture: str | None = None


class Painter:
    """Draws web tiles of a catalogue; may be called from many threads at once.

    Args:
        catalogue: what there is.
        weights: what `load_model` takes, by the names that requests give it.
        pictures: gives the finished picture of a job by its ID, or None; None without jobs.
        follow_links: whether servers may redirect requests to other hosts.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        weights: dict[str, str | None],
        pictures: Callable[[str], Path | None] | None = None,
        follow_links: bool = False,
    ) -> None:
        self.catalogue, self.weights = catalogue, weights
        self._faults: dict[str, tuple[str, float]] = {}
        self._pictures, self._made = pictures, dict[str, Entry]()
        self._follow = follow_links
        self._files = OpenFiles(MOST_OPEN)
        self._kept = Cache(CACHE_BYTES)

    def close(self) -> None:
        """Close all files."""
        self._files.close()

    def picture(self, name: str) -> Entry | None:
        """The finished picture of a job by its ID; None without one."""
        if name not in self._made:
            path = None if self._pictures is None else self._pictures(name)
            if path is None:
                return None
            self._made[name] = picture_entry(str(path), f"job-{name}")
        return self._made[name]

    def web_tile(self, zoom: int, column: int, row: int, subject: Subject) -> Codes:
        """Draw a web tile.

        Returns:
            RGBA (4, 256, 256): codes of the look `flat` in uint16; or finished ones in uint8, if it
            shows a picture. 0 where nothing is valid.
        """
        key = zoom, column, row, subject
        codes = self._kept.get(key)
        if codes is None:
            entries = self._entries(zoom, column, row, subject)
            codes = self.draw(entries, web_grid(zoom, column, row), subject)
            if not any(map(self.fault, entries)):
                self._kept.put(key, codes)
        return codes

    def _entries(self, zoom: int, column: int, row: int, subject: Subject) -> Sequence[Entry]:
        if subject.picture is not None:
            picture = self.picture(subject.picture)
            return () if picture is None else (picture,)
        entries = self.catalogue.within(web_box(zoom, column, row), subject.wanted)
        if len(entries) > MOST_ENTRIES:
            best = self.catalogue.owner(entries[0])
            of_best = sum(self.catalogue.owner(entry) is best for entry in entries)
            return () if of_best > MOST_ENTRIES else entries[:MOST_ENTRIES]
        return entries

    def draw(self, entries: Sequence[Entry], grid: Grid, subject: Subject) -> Codes:
        """Draw entries on a grid in Web Mercator: RGBA codes as those of a web tile.

        The first pass is on top. Its tiles meet at the edges of their grid squares, as in mosaics
        of `fuse_ard`: beyond them they lack context, so that a seam would be seen.
        """
        whole: Codes | None = None
        for tiles in self.catalogue.by_pass(_of_view(entries, subject)):
            bare = np.ones((grid.height, grid.width), np.bool_) if whole is None else whole[3] == 0
            for entry in tiles:
                own = bare & inside(entry.square, grid) if entry.square else np.zeros_like(bare)
                if whole is not None and not (own.any() or (whole[3] == 0).any()):
                    continue
                codes = self._draw_entry(entry, grid, subject)
                if codes is None or (whole is not None and codes.dtype != whole.dtype):
                    continue
                own &= codes[3] > 0
                if whole is None:
                    whole = codes
                else:
                    shown = own | (whole[3] == 0)
                    whole[:, shown] = codes[:, shown]
                bare &= ~own
            if whole is not None and whole[3].all():
                break
        return np.zeros((4, grid.height, grid.width), np.uint16) if whole is None else whole

    def _draw_entry(self, entry: Entry, grid: Grid, subject: Subject) -> Codes | None:
        """Draw an entry; None if nothing of it is there, or it can't be read."""

        def draw(opened: Opened) -> Codes | None:
            if not isinstance(opened, Pair):
                return _draw_picture(opened, grid)
            return _draw_pair(opened, grid, subject.view, self.model(subject.weights, opened.sensor))

        found: Codes | None = self.use(entry, draw)
        return found

    def use(self, entry: Entry, function: Callable[[Opened], Any]) -> Any:
        """What a function makes of an open entry; None if it can't be read."""

        def attempt() -> Any:
            with remote_gdal(), self._files.borrow(entry) as opened:
                return function(opened)

        if self.fault(entry) is not None:
            return None
        try:
            return try_again(attempt, entry.paths, follow=self._follow)
        except BandError:  # no such band, or weights for other bands
            return None
        except PotatoError as error:
            pause = PAUSE if isinstance(error, ArdError) else math.inf
            self._faults[entry.id] = str(error), time.monotonic() + pause
            return None

    def fault(self, entry: Entry) -> str | None:
        """Why an entry can't be drawn that seemed fine until it was opened; None if it can."""
        reason, until = self._faults.get(entry.id, ("", 0.0))
        return reason if time.monotonic() < until else None

    def model(self, name: str | None, sensor: Sensor) -> Model:
        """The model of a name for a sensor; WeightsError if it doesn't fit."""
        return _model(self.weights[name] if name else None, sensor)


# A checkpoint file is read once, and not each time that a web tile asks for it.
@functools.lru_cache(maxsize=16)
def _model(weights: str | None, sensor: Sensor) -> Model:
    return load_model(weights, sensor)


def _of_view(entries: Sequence[Entry], subject: Subject) -> Sequence[Entry]:
    """What a view shows: finished pictures, or pairs and, where there are none, pictures."""
    pairs = [entry for entry in entries if entry.sensor is not None]
    if subject.view == "picture":
        return [entry for entry in entries if entry.sensor is None]
    return pairs or entries


def _draw_pair(pair: Pair, grid: Grid, view: str, model: Model) -> Codes | None:
    """Draw a view of a pair on a grid: RGBA codes of the look `flat`; None if it shows nothing."""
    found = find_window(pair, grid, pair.ratio if view == "plain" else 1, COARSEST)
    if found is None:
        return None
    pair, window = found
    fine = window.pixels(pair.ratio)
    codes: Codes | None
    if view == "pan":
        pan, valid = pair.pan.read(fine.row, fine.column, fine.height, fine.width)
        codes = np.concatenate([_grey(pan[0]).repeat(3, 0), valid[None] * np.uint16(FLAT.white)])
        codes[:, ~valid] = 0
    elif pair.factor % pair.ratio:
        output = choose_output(pair.sensor, FLAT, composite=COMPOSITE if view == "composite" else ())
        backend = open_backend(model, pair.sensor)
        pixels = pair.read(window.padded(output.halo(backend)))
        codes = output.make(backend, pixels, fine.row, fine.column)
    else:
        bands, valid = pair.read_colour(window)
        sensor = pair.sensor
        if view == "composite":
            bands, sensor = bands[list(sensor.choose_bands(COMPOSITE))], PRIMARIES
        codes = render_colour(bands, valid, sensor, FLAT) if valid.any() else None
    return None if codes is None else warp_picture(codes, pair.grid, fine, grid, smooth=False)


@functools.cache
def _grey_codes() -> NDArray[np.uint16]:
    light = counts_to_reflectance(np.arange(1 << 16, dtype=np.uint16))
    codes: NDArray[np.uint16] = np.rint(srgb_encode(np.clip(light, 0, 1)) * FLAT.white).astype(np.uint16)
    return codes


def _grey(counts: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Counts of pan (h, w) as codes of the look `flat` (1, h, w)."""
    grey: NDArray[np.uint16] = _grey_codes()[counts][None]
    return grey


def _draw_picture(picture: Opened, grid: Grid) -> Codes | None:
    """Draw a finished picture on a grid: RGBA codes uint8."""
    assert not isinstance(picture, Pair)
    part = find_shown_part(picture.grid, grid)
    if part is None:
        return None
    factor = 1
    while 2 * factor <= COARSEST * part.scale:
        factor *= 2
    picture = picture.coarser(factor)
    window = cells_within(picture.grid, 1, part)
    if not window.size:
        return None
    codes, valid = picture.read(window.row, window.column, window.height, window.width)
    if codes.dtype != np.uint8:
        codes = (codes >> 8).astype(np.uint8)
    whole: Codes = np.concatenate([codes, valid[None] * np.uint8(255)])
    return warp_picture(whole, picture.grid, window.pixels(1), grid, smooth=False)
