"""What the command line named: passes, and what can be drawn of each, where."""

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potato.ard.broken import Broken
from potato.core.sensors import Sensor
from potato.raster.coordinates import Box
from potato.raster.image import Image
from potato.raster.layer import Reading
from potato.raster.pair import Pair
from potato.raster.web_mosaic import HALF_WORLD

Opened = Pair | Image
"""What is drawn: a pair, or a finished picture."""

Outline = Sequence[Sequence[float]]
"""Longitudes and latitudes of an outline, closed."""

KINDS = "ard", "delivery", "pair", "pictures"

PAIR_VIEWS = "sharp", "plain", "pan", "composite"
"""What a pair can show."""


@dataclass(frozen=True)
class PassOrigin:
    """From what a job makes the pictures of a pass.

    Attributes:
        source: the ARD, the delivery, or pan.
        mul: mul, if `source` is pan.
        cids: passes of an ARD, the best first; empty for a pair.
        reading: how a pair is to be read; None for an ARD.
    """

    source: str
    mul: str | None = None
    cids: tuple[str, ...] = ()
    reading: Reading | None = None


@dataclass(frozen=True)
class Wanted:
    """What may be shown. What is unknown of an entry doesn't keep it out.

    Attributes:
        collect: the ID of a pass; None for all.
        first: the first day, `yyyy-mm-dd`; None for any.
        last: the last day.
        clouds: percent of clouds, at most.
        sensor: the title of a sensor; None for all.
    """

    collect: str | None = None
    first: str | None = None
    last: str | None = None
    clouds: float = 100.0
    sensor: str | None = None

    @property
    def dates(self) -> str | None:
        """The days, `first/last`, as `fuse_ard` takes them; None for any."""
        return f"{self.first or ''}/{self.last or ''}" if self.first or self.last else None

    def takes(self, collect: "Collect", entry: "Entry") -> bool:
        """Whether an entry of a pass may be shown."""
        day = entry.date or ""
        return (
            (self.collect is None or self.collect == collect.id)
            and (not day or (self.first or "") <= day <= (self.last or "9999"))
            and (entry.clouds is None or entry.clouds <= self.clouds)
            and (self.sensor is None or self.sensor == collect.sensor)
        )


ANYTHING = Wanted()


@dataclass(frozen=True, eq=False)
class Entry:
    """One thing that may be drawn: the tile of an ARD, a pair, or a finished picture.

    Attributes:
        id: unique among all.
        opening: opens it, inside `raster.gdal`; None if it can't be drawn.
        paths: the files, for a reader over the network.
        reason: why it can't be drawn; None if nothing is known to be wrong.
        ring: its outline; empty if its place is unknown.
        extent: a box around it in Web Mercator; None if its place is unknown.
        square: the outline of its grid square in Web Mercator, in which it is shown before its
            neighbours; empty if it has none.
        sensor: its sensor; None for pictures.
        zone, quadkey, date, time, clouds, off_nadir: facts; None where unknown.
    """

    id: str
    opening: Callable[[], AbstractContextManager[Opened]] | None
    paths: tuple[str, ...] = ()
    reason: str | None = None
    ring: Outline = ()
    extent: Box | None = None
    square: Sequence[tuple[float, float]] = ()
    sensor: Sensor | None = None
    zone: int | None = None
    quadkey: str | None = None
    date: str | None = None
    time: str | None = None
    clouds: float | None = None
    off_nadir: float | None = None


@dataclass(frozen=True, eq=False)
class Collect:
    """A pass, or what stands for one: a product of a delivery, a pair, a finished picture.

    Attributes:
        id: part of addresses: letters, digits, dots, underscores and dashes.
        title: for people.
        kind: of `KINDS`.
        entries: what it consists of.
        origin: from what jobs make pictures of it; None if there is nothing to sharpen.
        event, date, time, sensor, platform, clouds, off_nadir, sun_elevation: facts; None where
            unknown.
        gsd: metres along a pixel; None if unknown.
    """

    id: str
    title: str
    kind: str
    entries: tuple[Entry, ...]
    origin: PassOrigin | None = None
    event: str | None = None
    date: str | None = None
    time: str | None = None
    sensor: str | None = None
    platform: str | None = None
    clouds: float | None = None
    off_nadir: float | None = None
    sun_elevation: float | None = None
    gsd: float | None = None

    @property
    def views(self) -> tuple[str, ...]:
        """The names of what it can show."""
        return ("picture",) if self.kind == "pictures" else PAIR_VIEWS

    @property
    def order(self) -> tuple[float, int, str]:
        """A key that sorts the best first: few clouds, then the newest."""
        newest = int(re.sub("[^0-9]", "", self.date or "0")[:8] or 0)
        return (101.0 if self.clouds is None else self.clouds, -newest, self.id)


def plain_name(text: str, otherwise: str) -> str:
    """A text as part of an address and of a file's name; `otherwise` if nothing of it is left."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("-.")[:80] or otherwise


class Catalogue:
    """All passes, and an index of what lies where.

    Attributes:
        title: for people.
        collects: the passes.
        lost: files whose place is unknown, and why they can't be drawn.
    """

    def __init__(self, title: str, collects: Sequence[Collect], lost: Sequence[Broken] = ()) -> None:
        self.title, self.lost = title, tuple(lost)
        self.collects = {collect.id: collect for collect in collects}
        self._placed = [
            (collect, entry)
            for collect in sorted(collects, key=lambda one: one.order)
            for entry in collect.entries
            if entry.extent is not None and entry.opening is not None
        ]
        self._extents = np.array([entry.extent for _, entry in self._placed]).reshape(-1, 4)
        self._owner_of = {entry.id: collect for collect in collects for entry in collect.entries}
        self._taken = functools.lru_cache(maxsize=32)(self._find_taken)
        self._owners = np.array([collect.id for collect, _ in self._placed], np.str_)

    @property
    def kind(self) -> str:
        """The first of `KINDS` that anything is of."""
        found = {collect.kind for collect in self.collects.values()}
        return next((kind for kind in KINDS if kind in found), KINDS[-1])

    @property
    def entries(self) -> list[tuple[Collect, Entry]]:
        """Everything with a place that may be drawn."""
        return self._placed

    def of(self, collect: str) -> list[Entry]:
        """Everything of a pass that may be drawn."""
        return [entry for owner, entry in self._placed if owner.id == collect]

    def owner(self, entry: Entry) -> Collect:
        """The pass that an entry belongs to."""
        return self._owner_of[entry.id]

    def by_pass(self, entries: Sequence[Entry]) -> list[list[Entry]]:
        """Entries in their order, those that follow each other in one pass together."""
        groups = itertools.groupby(entries, lambda entry: self._owner_of.get(entry.id))
        return [list(group) for _, group in groups]

    def _find_taken(self, wanted: Wanted) -> NDArray[np.bool_]:
        """Whether each entry with a place may be shown."""
        return np.array([wanted.takes(*one) for one in self._placed], np.bool_)

    def within(self, box: Box, wanted: Wanted = ANYTHING) -> list[Entry]:
        """What may show a box of Web Mercator: the best pass first, then what lies nearest.

        Args:
            box: west, south, east, north.
            wanted: what may be shown.
        """
        west, south, east, north = box
        boxes = self._extents
        inside = (boxes[:, 1] < north) & (boxes[:, 3] > south)
        turns = (-2 * HALF_WORLD, 0.0, 2 * HALF_WORLD)
        inside &= np.any(
            [(boxes[:, 0] < east + turn) & (boxes[:, 2] > west + turn) for turn in turns], axis=0
        )
        places = np.flatnonzero(inside & self._taken(wanted))
        middle = np.array([(west + east) / 2, (south + north) / 2])
        off = np.abs((boxes[places, :2] + boxes[places, 2:]) / 2 - middle)
        off[:, 0] = np.minimum(off[:, 0], np.abs(2 * HALF_WORLD - off[:, 0]))
        far = off.max(1)
        ranks = {name: rank for rank, name in enumerate(dict.fromkeys(self._owners[places].tolist()))}
        order = sorted(range(len(places)), key=lambda at: (ranks[self._owners[places[at]]], far[at]))
        return [self._placed[places[at]][1] for at in order]
