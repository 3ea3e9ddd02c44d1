"""A summary of an ARD: events, CIDs, tiles, clouds."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from potato.ard.broken import Broken
from potato.ard.grid import union
from potato.ard.item import ITEM_PATH, Tile, fault, unusable
from potato.ard.naming import tile_name
from potato.ard.reason import Reason
from potato.ard.walk import walk_ard
from potato.core.text import counted, first_lines, redact
from potato.core.types import PathLike
from potato.raster.coordinates import Box, Degrees, narrowest_bounds
from potato.raster.outlines import outline_of_box

COLUMNS = (
    *("event", "cid", "platform", "date", "time", "zones", "tiles", "usable", "clouds", "off-nadir"),
    *("sun", "gsd", "km2", "west", "south", "east", "north"),
)
"""Columns of the table: `time` is UTC; `off-nadir`, `sun` (above the horizon) and the bounds are in
degrees; `gsd` is pan's pixel in metres."""


@dataclass(frozen=True)
class Listed:
    """One CID of an event.

    Attributes:
        event: name of the folder above its `ard` folder, or else above its tiles.
        cid: catalog ID.
        platform: `WV02`, `WV03`, or the items' own word.
        date: the first day, `yyyy-mm-dd`.
        datetime: the first moment, `yyyy-mm-ddThh:mm:ssZ`; empty if no item has one.
        zones: UTM zones.
        tiles: number of items.
        usable: number of items that can be sharpened.
        clouds: percent under cloud, tiles weighted by their data; None if no item has the figure.
        km2: square kilometres of data, overlap included, of the items that have the figure.
        off_nadir: degrees between the line of sight and straight down, a mean; None if unknown.
        sun_elevation: degrees of the sun above the horizon, a mean; None if unknown.
        gsd: metres along a pixel of pan, a mean; None if unknown.
        bounds: west, south, east, north in degrees; None if no item gives a place.
    """

    event: str
    cid: str
    platform: str
    date: str
    zones: tuple[int, ...]
    tiles: int
    usable: int
    clouds: float | None
    km2: float
    datetime: str = ""
    off_nadir: float | None = None
    sun_elevation: float | None = None
    gsd: float | None = None
    bounds: Degrees | None = None

    def row(self) -> tuple[str, ...]:
        """The cells of the table, in the order of `COLUMNS`."""
        clouds = "-" if self.clouds is None else f"{self.clouds:.0f} %"
        zones, time = " ".join(map(str, self.zones)), self.datetime[11:16]
        start = self.event, self.cid, self.platform or "-", self.date or "-", time or "-", zones
        counts = str(self.tiles), str(self.usable), clouds
        angles = (_told(value, 1) for value in (self.off_nadir, self.sun_elevation))
        bounds = (_told(value, 4) for value in self.bounds or (None,) * 4)
        return *start, *counts, *angles, _told(self.gsd, 2), f"{self.km2:.1f}", *bounds


@dataclass(frozen=True)
class ArdListing:
    """The content of an ARD.

    Attributes:
        cids: by event, date and CID.
        tiles: number of items.
        unusable: number of items that can't be sharpened, by the kind of reason.
        faults: what these lack or why else they can't be sharpened, by their names.
        left_out: number of items that weren't chosen, by the kind of reason.
        bounds: west, south, east, north of all items in degrees, chosen or not; None if unknown.
        broken: files that can't be read or understood.
    """

    cids: tuple[Listed, ...]
    tiles: int
    unusable: dict[str, int]
    broken: tuple[Broken, ...]
    faults: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    bounds: Degrees | None = None

    def __str__(self) -> str:
        """A table of CIDs, then counts and reasons of what can't be used."""
        rows = [COLUMNS, *(one.row() for one in self.cids)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
        lines = [
            "  ".join(
                # Numbers to the right, words to the left.
                cell.rjust(width) if column >= COLUMNS.index("tiles") else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        events = len({one.event for one in self.cids})
        usable = sum(one.usable for one in self.cids)
        counts = counted(events, "event"), counted(len(self.cids), "CID"), counted(self.tiles, "tile")
        lines.append(f"{', '.join(counts)}, {usable:,} usable")
        if self.bounds and not self.cids:
            place = " ".join(_told(value, 4) for value in self.bounds)
            lines.append(f"its tiles lie between {place} (west, south, east, north)")
        for name, reasons in (("left out", self.left_out), ("not usable", self.unusable)):
            lines += [f"{name}: {counted(count, 'tile')}, {reason}" for reason, count in reasons.items()]
        lines += first_lines([f"not usable: {name}: {reason}" for name, reason in self.faults.items()])
        return "\n".join(lines + [f"broken: {one.item}: {one.reason}" for one in self.broken])


def list_ard(
    ard: PathLike, *, follow_links: bool = False, refuse: Callable[[Tile], Reason | None] = unusable
) -> ArdListing:
    """List the events and CIDs of an ARD; no image is opened.

    Args:
        ard: a local folder, `s3://bucket/prefix`, or `https://…`: an event, its `ard` folder, or a
            folder of events.
        follow_links: whether images may lie outside the ARD where an item says so, and symlinks may
            lead out of a folder.
        refuse: says why a tile isn't listed, for example `Choice.refusal` of `fuse-ard`; what it
            says of tiles that can't be sharpened doesn't count.

    Raises:
        ArdError: if there is no ARD.
    """
    seen: list[Tile] = []
    faults: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    groups: dict[tuple[str, str], list[Tile]] = defaultdict(list)
    reasons: Counter[str] = Counter()
    broken: list[Broken] = []
    for found in walk_ard(os.fspath(ard), follow_links=follow_links):
        if isinstance(found, Broken):
            broken.append(found)
            continue
        seen.append(found)
        reason, trouble = refuse(found), unusable(found)
        if reason is not None and reason != trouble:
            left_out[reason.kind] += 1
            continue
        groups[event_of(found.item), found.cid].append(found)
        if trouble is not None:
            reasons[trouble.kind] += 1
            faults[tile_name(found)] = redact(fault(found) or "")
    listed = [_listed(event, tiles) for (event, _), tiles in groups.items()]
    listed.sort(key=lambda one: (one.event, one.date, one.cid))
    return ArdListing(
        tuple(listed),
        sum(one.tiles for one in listed),
        dict(sorted(reasons.items())),
        tuple(broken),
        dict(sorted(faults.items())),
        dict(sorted(left_out.items())),
        lonlat_bounds(seen),
    )


def reported_clouds(tiles: Sequence[Tile]) -> float | None:
    """Percent under cloud by the items, weighted by their data; None if no item has the figure."""
    known = [(tile.clouds, tile.data_area or 1.0) for tile in tiles if tile.clouds is not None]
    area = sum(share for _, share in known)
    return sum(clouds * share for clouds, share in known) / area if area else None


def event_of(item: str) -> str:
    """The event of an item: the folder above `ard`, or else above the zones."""
    path = item if "://" in item else Path(item).absolute().as_posix()
    parts = [part for part in redact(ITEM_PATH.sub("", path)).split("/") if part]
    if len(parts) > 1 and parts[-1] == "ard":
        parts.pop()
    return parts[-1] if parts else ""


def _listed(event: str, tiles: list[Tile]) -> Listed:
    clouds = reported_clouds(tiles)
    return Listed(
        event=event,
        cid=tiles[0].cid,
        platform=tiles[0].platform,
        date=min((tile.date for tile in tiles if tile.date), default=""),
        zones=tuple(sorted({tile.zone for tile in tiles if tile.zone is not None})),
        tiles=len(tiles),
        usable=sum(unusable(tile) is None for tile in tiles),
        clouds=None if clouds is None else round(clouds, 1),
        km2=round(sum(tile.data_area or 0.0 for tile in tiles), 1),
        datetime=min((tile.datetime for tile in tiles if tile.datetime), default=""),
        off_nadir=mean_of((dict(tile.view).get("off_nadir") for tile in tiles), 2),
        sun_elevation=mean_of((dict(tile.view).get("sun_elevation") for tile in tiles), 2),
        gsd=mean_of(map(pan_pixel, tiles), 2),
        bounds=lonlat_bounds(tiles),
    )


def lonlat_bounds(tiles: Iterable[Tile]) -> Degrees | None:
    """West, south, east, north of tiles in degrees; None if no item gives a place."""
    boxes: dict[int, Box] = {}
    for tile in tiles:
        if tile.bbox is not None and tile.epsg is not None:
            boxes[tile.epsg] = union(boxes.get(tile.epsg, tile.bbox), tile.bbox)
    points = [point for epsg, box in boxes.items() for point in outline_of_box(box, epsg)]
    return narrowest_bounds(points) if points else None


def pan_pixel(tile: Tile) -> float | None:
    """Metres along a pixel of a tile's pan, by its item; None if it doesn't say."""
    return (tile.bbox[2] - tile.bbox[0]) / tile.shape[1] if tile.bbox and tile.shape else None


def mean_of(values: Iterable[float | None], digits: int) -> float | None:
    """The mean of the known values, rounded; None if none is known."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), digits) if known else None


def _told(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
