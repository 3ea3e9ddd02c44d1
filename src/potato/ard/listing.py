"""What an ARD holds: events, CIDs, tiles, clouds."""

import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from potato.ard import Broken, Tile, unusable, walk_ard
from potato.core.text import counted, redact

_PLACE = re.compile(r"/\d{1,2}/[0-3]{12}/\d{4}-\d\d-\d\d/[^/]+$")
COLUMNS = ("event", "cid", "platform", "date", "zones", "tiles", "usable", "clouds", "km2")


@dataclass(frozen=True)
class Listed:
    """One CID of an event.

    Attributes:
        event: name of the folder above its `ard` folder, or else above its tiles.
        cid: catalog ID.
        platform: `WV02`, `WV03`, or what the items say.
        date: the first day, `yyyy-mm-dd`.
        zones: UTM zones.
        tiles: how many items it has.
        usable: how many of them can be sharpened.
        clouds: percent, the mean of its tiles weighted by their data; None if none says.
        km2: square kilometres of data, aprons included, as far as items say.
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


@dataclass(frozen=True)
class Listing:
    """What an ARD holds.

    Attributes:
        cids: by event, date and CID.
        tiles: how many items there are.
        unusable: how many can't be sharpened, by the kind of reason.
        broken: what can't be read or understood.
    """

    cids: tuple[Listed, ...]
    tiles: int
    unusable: dict[str, int]
    broken: tuple[Broken, ...]

    def __str__(self) -> str:
        """A table, and what can't be used."""
        rows = [COLUMNS, *(_cells(one) for one in self.cids)]
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
        told = counted(events, "event"), counted(len(self.cids), "CID"), counted(self.tiles, "tile")
        lines.append(f"{', '.join(told)}, {usable:,} usable")
        lines += [
            f"not usable: {counted(count, 'tile')}, {reason}" for reason, count in self.unusable.items()
        ]
        return "\n".join(lines + [f"broken: {one.item}: {one.reason}" for one in self.broken])


def list_ard(ard: str | os.PathLike[str], *, follow_links: bool = False) -> Listing:
    """List what an ARD holds; no image is opened.

    Args:
        ard: as for `walk_ard`; a folder of events will do.
        follow_links: as for `walk_ard`.

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
        groups[_event(found.item), found.cid].append(found)
        reason = unusable(found)
        if reason is not None:
            reasons[reason.split(" (")[0]] += 1
    listed = [_listed(event, tiles) for (event, _), tiles in groups.items()]
    listed.sort(key=lambda one: (one.event, one.date, one.cid))
    return Listing(
        tuple(listed), sum(one.tiles for one in listed), dict(sorted(reasons.items())), tuple(broken)
    )


def _event(item: str) -> str:
    """The event that an item is of: the folder above `ard`, or else that above the zones."""
    above = redact(_PLACE.sub("", item if "://" in item else Path(item).absolute().as_posix()))
    parts = [part for part in above.split("/") if part]
    if len(parts) > 1 and parts[-1] == "ard":
        parts.pop()
    return parts[-1] if parts else ""


def _listed(event: str, tiles: list[Tile]) -> Listed:
    told = [(tile.clouds, tile.data_area or 1.0) for tile in tiles if tile.clouds is not None]
    area = sum(share for _, share in told)
    return Listed(
        event=event,
        cid=tiles[0].cid,
        platform=tiles[0].platform,
        date=min((tile.date for tile in tiles if tile.date), default=""),
        zones=tuple(sorted({tile.zone for tile in tiles if tile.zone is not None})),
        tiles=len(tiles),
        usable=sum(unusable(tile) is None for tile in tiles),
        clouds=round(sum(clouds * share for clouds, share in told) / area, 1) if area else None,
        km2=round(sum(tile.data_area or 0.0 for tile in tiles), 1),
    )


def _cells(one: Listed) -> tuple[str, ...]:
    clouds = "-" if one.clouds is None else f"{one.clouds:.0f} %"
    zones = " ".join(map(str, one.zones))
    return (
        one.event,
        one.cid,
        one.platform or "-",
        one.date or "-",
        zones,
        str(one.tiles),
        str(one.usable),
        clouds,
        f"{one.km2:.1f}",
    )
