"""A summary of an ARD: events, CIDs, tiles, clouds."""

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from potato.ard.item import ITEM_PATH, Broken, Tile, unusable
from potato.ard.walk import walk_ard
from potato.core.text import counted, redact
from potato.core.types import PathLike

COLUMNS = ("event", "cid", "platform", "date", "zones", "tiles", "usable", "clouds", "km2")


@dataclass(frozen=True)
class Listed:
    """One CID of an event.

    Attributes:
        event: name of the folder above its `ard` folder, or else above its tiles.
        cid: catalog ID.
        platform: `WV02`, `WV03`, or the items' own word.
        date: the first day, `yyyy-mm-dd`.
        zones: UTM zones.
        tiles: number of items.
        usable: number of items that can be sharpened.
        clouds: percent under cloud, tiles weighted by their data; None if no item has the figure.
        km2: square kilometres of data, overlap included, of the items that have the figure.
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

    def row(self) -> tuple[str, ...]:
        """The cells of the table, in the order of `COLUMNS`."""
        clouds = "-" if self.clouds is None else f"{self.clouds:.0f} %"
        start = self.event, self.cid, self.platform or "-", self.date or "-", " ".join(map(str, self.zones))
        return *start, str(self.tiles), str(self.usable), clouds, f"{self.km2:.1f}"


@dataclass(frozen=True)
class Listing:
    """The content of an ARD.

    Attributes:
        cids: by event, date and CID.
        tiles: number of items.
        unusable: number of items that can't be sharpened, by the kind of reason.
        broken: files that can't be read or understood.
    """

    cids: tuple[Listed, ...]
    tiles: int
    unusable: dict[str, int]
    broken: tuple[Broken, ...]

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
        lines += [
            f"not usable: {counted(count, 'tile')}, {reason}" for reason, count in self.unusable.items()
        ]
        return "\n".join(lines + [f"broken: {one.item}: {one.reason}" for one in self.broken])


def list_ard(ard: PathLike, *, follow_links: bool = False) -> Listing:
    """List the events and CIDs of an ARD; no image is opened.

    Args:
        ard: a local folder, `s3://bucket/prefix`, or `https://…`: an event, its `ard` folder, or a
            folder of events.
        follow_links: whether images may lie outside the ARD where an item says so, and symlinks may
            lead out of a folder.

    Raises:
        ArdError: if there is no ARD.
    """
    groups: dict[tuple[str, str], list[Tile]] = defaultdict(list)
    reasons: Counter[str] = Counter()
    broken: list[Broken] = []
    for found in walk_ard(os.fspath(ard), follow_links=follow_links):
        if isinstance(found, Broken):
            broken.append(found)
            continue
        groups[event_of(found.item), found.cid].append(found)
        reason = unusable(found)
        if reason is not None:
            reasons[reason.split(" (")[0]] += 1
    listed = [_listed(event, tiles) for (event, _), tiles in groups.items()]
    listed.sort(key=lambda one: (one.event, one.date, one.cid))
    return Listing(
        tuple(listed), sum(one.tiles for one in listed), dict(sorted(reasons.items())), tuple(broken)
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
    )
