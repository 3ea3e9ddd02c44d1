"""The plan of a synthetic ARD: its passes, with their tiles, ground and sky."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from potato.ard.grid import OVERLAP, SQUARE_SIDE, TILE_SIDE, square_quadkey
from potato.core.platforms import find_sensor
from potato.core.sensors import Sensor
from potato.raster.coordinates import Box, Grid, grid_at

SIZE_STEP = 136
"""Pan pixels of which a tile's side is a multiple, so that the overlap, 1/34 of the side, is a
whole number of mul pixels and neighbours share pixels there."""

ZONES = (33, 32)
"""UTM zones that meet at 12° E."""

CORNERS = {33: (265_000.0, 4_935_000.0), 32: (730_000.0, 4_935_000.0)}
"""Upper left corner of the first grid square by zone: in Emilia-Romagna, beside 12° E."""

STYLES = ("town", "country", "suburb")
"""Styles of ground of the passes, in turns."""


PLATFORMS = ("WV03", "WV02", "WV03")
"""Platforms of the passes, in turns."""

REVISIT_DAYS = 9
"""Days between two passes over a place."""

REVISITS: tuple[dict[str, Any], ...] = (
    {"clouds": 0.45, "water": 0.12},
    {"clouds": 0.0, "water": 0.12},
    {"clouds": 0.1, "water": 0.0},
)
"""Clouds and water of later passes, in turns: a flood under clouds, the flood, then nearly dry."""

CID_STARTS = {
    "QB02": "101",
    "WV01": "102",
    "WV02": "103",
    "WV03": "104",
    "GE01": "105",
    **{f"LG0{number}": f"B0{number}" for number in range(1, 7)},
}
"""First digits of the catalog IDs of a platform; those of others are UUIDs with an ending."""


@dataclass(frozen=True, slots=True)
class GridSquare:
    """A square of the ARD grid.

    Attributes:
        zone: UTM zone, northern.
        west, north: upper left corner in metres.
    """

    zone: int
    west: float
    north: float

    @property
    def quadkey(self) -> str:
        """Its 12 digits."""
        return square_quadkey(self.west, self.north)

    def grid(self, side: int) -> Grid:
        """The grid of its tile's pixels, `side` of them along each side."""
        west, _, _, north = self.tile_box
        return grid_at(side, side, TILE_SIDE / side, west, north, self.epsg)

    @property
    def epsg(self) -> int:
        """The code of its CRS."""
        return 32600 + self.zone

    @property
    def tile_box(self) -> Box:
        """The box of its tile, overlap included."""
        return (
            self.west - OVERLAP,
            self.north - SQUARE_SIDE - OVERLAP,
            self.west - OVERLAP + TILE_SIDE,
            self.north + OVERLAP,
        )


@dataclass(frozen=True, slots=True)
class PassPlan:
    """The plan of one pass of the satellite.

    Attributes:
        cid: catalog ID.
        platform: its satellite, such as `WV02`.
        date: `yyyy-mm-dd`.
        squares: grid squares that it has tiles of.
        style: of the ground, as `simulation.ground.make_ground` takes it.
        plain: share of the ground, 0..1, that is open and featureless.
        water: share of the ground under water.
        clouds: share of the ground under cloud.
        haze: reflectance that haze adds to the coastal band.
        old: whether to write an older export: `proj:epsg`, `worldview-0x` (or likewise), and 0 for
            invalid pixels rather than a mask band.
        reported: whether the items have the share of clouds.
        seed: of everything random in the pass.
    """

    cid: str
    platform: str
    date: str
    squares: tuple[GridSquare, ...]
    style: str = "town"
    plain: float = 0.0
    water: float = 0.0
    clouds: float = 0.0
    haze: float = 0.0
    old: bool = False
    reported: bool = True
    seed: int = 0

    @property
    def sensor(self) -> Sensor | None:
        """The sensor of the satellite; None if we don't know it."""
        return find_sensor(self.platform)


def plan_cid(index: int, seed: int, platform: str) -> str:
    """A catalog ID such as a platform's passes have."""
    number = (0x10B00 + 977 * index + 7919 * seed) % (1 << 32)
    if platform in CID_STARTS:
        return f"{CID_STARTS[platform]}001{number:08X}00"
    return f"{uuid.uuid5(uuid.NAMESPACE_OID, str(number))}-inv"


def plan_squares(zone: int, count: int, rows_down: int) -> tuple[GridSquare, ...]:
    """A nearly square block of `count` grid squares, `rows_down` rows below the first."""
    west, north = CORNERS[zone]
    columns = math.ceil(math.sqrt(count))
    return tuple(
        GridSquare(
            zone, west + place % columns * SQUARE_SIDE, north - (rows_down + place // columns) * SQUARE_SIDE
        )
        for place in range(count)
    )


def plan_collects(tiles: int, seed: int, platforms: Sequence[str] = PLATFORMS) -> tuple[PassPlan, ...]:
    """Plan several passes of `tiles` tiles in all; the last has tiles in a second zone.

    One is an older export, and those after the first have clouds or water.

    Args:
        tiles: number of tiles.
        seed: of catalog IDs.
        platforms: of the passes, in turns.
    """
    count = min(tiles, max(3, len(platforms), math.ceil(tiles / 4)))
    collects = []
    top = 0
    for index in range(count):
        share = tiles // count + (index < tiles % count)
        last = index == count - 1 and count > 1
        far = (share + 1) // 2 if last else 0
        squares = plan_squares(ZONES[0], share - far, top) + plan_squares(ZONES[1], far, top)
        top += math.ceil(math.sqrt(share)) + 1
        third = index % 3
        collects.append(
            PassPlan(
                cid=plan_cid(index, seed, platform := platforms[index % len(platforms)]),
                platform=platform,
                date=f"2023-05-{16 + index % 15:02}",
                squares=squares,
                style=STYLES[third],
                plain=0.0 if index < 3 else 0.3,
                water=0.15 if third == 2 else 0.0,
                clouds=0.2 if third == 1 else 0.0,
                haze=0.01 * third,
                old=third == 1,
                seed=index,
            )
        )
    return tuple(collects)


def plan_revisits(collects: Sequence[PassPlan], count: int, seed: int) -> tuple[PassPlan, ...]:
    """Plan passes over the ground of others, days later: other clouds, other water, more haze.

    Args:
        collects: the first passes.
        count: how many more passes see the ground of each.
        seed: of catalog IDs.
    """
    return tuple(
        replace(
            first,
            **REVISITS[turn % len(REVISITS)],
            cid=plan_cid(len(collects) * (turn + 1) + index, seed, first.platform),
            date=(date.fromisoformat(first.date) + timedelta(REVISIT_DAYS * (turn + 1))).isoformat(),
            haze=first.haze + 0.005,
            old=False,
        )
        for turn in range(count)
        for index, first in enumerate(collects)
    )
