"""The choice of an ARD's tiles by CID, day, cloud and place, from their metadata."""

import re
from dataclasses import dataclass
from pathlib import Path

from potato.ard.item import CID, CID_EXAMPLE, Tile, check_clouds, unusable
from potato.ard.moments import day_of
from potato.ard.naming import read_allow_list
from potato.ard.reason import Reason
from potato.core.types import PathLike
from potato.errors import InputError
from potato.model.model import Architecture
from potato.model.weights import PREDICTOR
from potato.raster.area import Area, part_of
from potato.raster.coordinates import Box, Grid, grid_at
from potato.raster.outlines import outline_of_box

LATITUDE_SLACK, LONGITUDE_SLACK = 0.1, 1.0
"""Degrees by which a tile may miss the bounds of an area in a first, quick check."""

SLACK_METRES = 10.0
"""Metres by which a tile may miss an area in a second check; its item gives its place roughly."""

OUTSIDE = Reason("outside of the area")
"""Why tiles of other ground are left out."""

COARSE_SIDE = 256
"""Pixels along the longer side of a tile in the second check."""

_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


@dataclass(frozen=True)
class Choice:
    """Which tiles of an ARD to fuse.

    Attributes:
        cids: catalog IDs in capitals; empty for all.
        area: the ground that tiles must touch; None for anywhere.
        dates: first and last day, `yyyy-mm-dd`, both included; empty for no limit.
        max_clouds: percent of cloud that a tile may have; a tile without that figure passes.
        network: the sizes of the network that must be able to read a tile; None for any tile.
    """

    cids: frozenset[str] = frozenset()
    area: Area | None = None
    dates: tuple[str, str] = ("", "")
    max_clouds: float = 100.0
    network: Architecture | None = None

    @classmethod
    def of(
        cls,
        cids: tuple[str, ...],
        allow_list: PathLike | None,
        dates: str | None,
        max_clouds: float,
        area: Area | None,
        network: Architecture | None = None,
    ) -> "Choice":
        """The choice that options of a command describe.

        Args:
            cids: catalog IDs, in upper or lower case; empty for all.
            allow_list: a text file of catalog IDs, one a line; with `cids`, both must allow a tile.
            dates: a day, `first/last`, `first/` or `/last`; None for no limit.
            max_clouds: percent of cloud that a tile may have.
            area: the ground that tiles must touch; None for anywhere.
            network: the sizes of the network that must be able to read a tile; None for any tile.

        Raises:
            InputError: if a date, a CID or a percentage isn't one, or the allow-list can't be read.
        """
        check_clouds(max_clouds)
        wanted = {cid.strip().upper() for cid in cids}
        for cid in sorted(wanted):
            if not CID.fullmatch(cid):
                raise InputError(f"expected {CID_EXAMPLE}, found {cid}")
        if allow_list is not None:
            listed = read_allow_list(Path(allow_list))
            wanted = wanted & listed if wanted else set(listed)
            if not wanted:
                raise InputError(f"{allow_list}: expected the CIDs that are asked for, found none of them")
        return cls(frozenset(wanted), area, parse_dates(dates or ""), max_clouds, network)

    def refusal(self, tile: Tile) -> Reason | None:
        """Why a tile is left out; None if it isn't. The choice comes before faults of the tile."""
        if self.cids and tile.cid.upper() not in self.cids:
            return Reason("another CID")
        first, last = self.dates
        if (first or last) and not (tile.date and first <= tile.date <= (last or "9999")):
            return Reason("another date")
        if tile.clouds is not None and tile.clouds > self.max_clouds:
            return Reason("too cloudy", f"{tile.clouds:g} %")
        if self.area is not None and not _touches(self.area, tile):
            return OUTSIDE
        reason = unusable(tile)
        if reason is not None:
            return reason
        if self.network and tile.sensor and not self.network.fits(tile.sensor):
            kind = f"a sensor that the given weights don't read: {tile.sensor.name}"
            return Reason(f"{kind}; leave out -w, or take {PREDICTOR}")
        return None


def parse_dates(dates: str) -> tuple[str, str]:
    """The first and the last day of `day`, `first/last`, `first/` or `/last`; empty for no limit.

    Raises:
        InputError: if it is none of these, or the last day comes first.
    """
    text = dates.replace("..", "")  # STAC's sign for an open end
    if not text:
        return "", ""
    found = re.fullmatch(f"({_DAY})?/({_DAY})?|({_DAY})", text)
    if found is None or text == "/":
        raise InputError(f"expected a date such as 2023-05-16 or 2023-05-01/2023-05-31, found {dates}")
    first, last, only = found.groups("")
    first, last = first or only, last or only
    unknown = [day for day in (first, last) if day and not day_of(day)]
    if unknown or (first > last and last):
        wrong = f"{unknown[0]}, a day that no calendar has" if unknown else f"{dates}, the last day first"
        raise InputError(f"expected days of the calendar, the first before the last, found {wrong}")
    return first, last


def tile_grid(tile: Tile, side: int | None = None, slack: float = 0.0) -> Grid | None:
    """The grid of a tile's pan by its item; None if the item doesn't say enough.

    Args:
        tile: a tile of an ARD.
        side: pixels along the longer side, in place of the tile's own.
        slack: metres to add on every side.
    """
    if tile.bbox is None or tile.epsg is None or (side is None and tile.shape is None):
        return None
    west, south, east, north = tile.bbox
    across, down = east - west + 2 * slack, north - south + 2 * slack
    if side is not None:
        pixel = max(across, down) / side
        height, width = max(1, round(down / pixel)), max(1, round(across / pixel))
    else:
        assert tile.shape is not None
        (height, width), pixel = tile.shape, across / tile.shape[1]
    return grid_at(height, width, pixel, west - slack, north + slack, tile.epsg)


def _touches(area: Area, tile: Tile) -> bool:
    """Whether a tile may touch an area; True for a tile without a place."""
    grid = tile_grid(tile, COARSE_SIDE, SLACK_METRES)
    if grid is None or tile.bbox is None or tile.epsg is None:
        return True
    return _meets(area, tile.bbox, tile.epsg) and part_of(grid, 1, None, area) is not None


def _meets(area: Area, box: Box, epsg: int) -> bool:
    """Whether a box in metres comes close to the bounds of an area: quick, rough near the poles."""
    west, south, east, north = area.bounds
    ring = outline_of_box(box, epsg)
    longitudes, latitudes = [point[0] for point in ring], [point[1] for point in ring]
    if min(latitudes) > north + LATITUDE_SLACK or max(latitudes) < south - LATITUDE_SLACK:
        return False
    middle, reach = (west + east) / 2, (east - west) / 2 + LONGITUDE_SLACK
    return any(abs((longitude - middle + 180) % 360 - 180) <= reach for longitude in longitudes)
