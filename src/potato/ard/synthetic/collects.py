"""The plan of a synthetic ARD: its passes, with their tiles, ground and sky."""

import math
from dataclasses import dataclass

from potato.ard.grid import OVERLAP, SQUARE_SIDE, TILE_SIDE, Box, square_quadkey
from potato.raster import Grid, grid_at

SIZE_STEP = 136
"""Pan pixels of which a tile's side is a multiple, so that the overlap, 1/34 of the side, is a
whole number of mul pixels and neighbours share pixels there."""

ZONES = (33, 32)
"""UTM zones that meet at 12° E."""

CORNERS = {33: (265_000.0, 4_935_000.0), 32: (730_000.0, 4_935_000.0)}
"""Upper left corner of the first grid square by zone: in Emilia-Romagna, beside 12° E."""

STYLES = ("town", "country", "suburb")
"""Styles of ground of the passes, in turns."""


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
class Collect:
    """The plan of one pass of the satellite.

    Attributes:
        cid: catalog ID.
        platform: `WV02` or `WV03`.
        date: `yyyy-mm-dd`.
        squares: grid squares that it has tiles of.
        style: of the ground, as `simulation.ground.make_ground` takes it.
        plain: share of the ground, 0..1, that is open and featureless.
        water: share of the ground under water.
        clouds: share of the ground under cloud.
        haze: reflectance that haze adds to the coastal band.
        old: whether to write an older export: `proj:epsg`, `worldview-0x`, and 0 for invalid pixels
            rather than a mask band.
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


def plan_cid(index: int, seed: int, prefix: str) -> str:
    """A catalog ID that begins with `prefix` (103 for WorldView-2, 104 for WorldView-3)."""
    return f"{prefix}001{(0x10B00 + 977 * index + 7919 * seed) % (1 << 32):08X}00"


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


def plan_collects(tiles: int, seed: int) -> tuple[Collect, ...]:
    """Plan several passes of `tiles` tiles in all; the last has tiles in a second zone.

    One is an older export, and those after the first have clouds or water.
    """
    count = min(tiles, max(3, math.ceil(tiles / 4)))
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
            Collect(
                cid=plan_cid(index, seed, "103" if third == 1 else "104"),
                platform="WV02" if third == 1 else "WV03",
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
