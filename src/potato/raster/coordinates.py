"""Grids of pixels on the Earth: pixels to map coordinates, to longitude and latitude, and back."""

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

Box = tuple[float, float, float, float]
"""West, south, east, north, in the units of a CRS."""

Degrees = tuple[float, float, float, float]
"""West, south, east, north in degrees; west exceeds east across the antimeridian."""

EARTH_RADIUS = 6_371_008.8
"""Mean radius of the Earth in metres (IUGG)."""

METRES_PER_DEGREE = 111_320.0
"""Along the equator; along a meridian to within 0.7 %."""

WGS84 = "EPSG:4326"
"""The CRS of longitude and latitude in degrees."""


@dataclass(frozen=True)
class Grid:
    """The number of a picture's pixels, and their place on Earth.

    Attributes:
        height: rows.
        width: columns.
        crs: the CRS; None for a picture without a place on Earth, such as a PNG.
        transform: the affine transform from columns and rows to the CRS; the identity without one.
    """

    height: int
    width: int
    crs: Any
    transform: Any

    @property
    def placed(self) -> bool:
        """Whether the picture has a place on Earth."""
        return self.crs is not None or self.transform != Affine.identity()

    def coarser(self, factor: int) -> "Grid":
        """This grid with pixels `factor` times as large; a partial one at the far edges counts."""
        height, width = -(-self.height // factor), -(-self.width // factor)
        return Grid(height, width, self.crs, self.transform @ Affine.scale(factor))


@functools.cache
def is_crs(epsg: int) -> bool:
    """Whether there is a CRS of this code."""
    try:
        CRS.from_epsg(epsg)
    except (CRSError, RasterioError):
        return False
    return True


def grid_at(
    height: int,
    width: int,
    pixel: float,
    west: float = 350_000.0,
    north: float = 3_800_000.0,
    epsg: int = 32611,
) -> Grid:
    """A north-up grid whose upper left corner lies at (`west`, `north`), in metres of a UTM zone.

    Args:
        height: rows.
        width: columns.
        pixel: metres along a side of a pixel.
        west: easting of the corner.
        north: northing of the corner.
        epsg: code of the CRS.
    """
    return Grid(height, width, CRS.from_epsg(epsg), Affine(pixel, 0, west, 0, -pixel, north))


def grid_to_lonlat(grid: Grid, x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude (WGS 84) of column `x`, row `y`; whole numbers are pixel corners."""
    longitude, latitude = transform(grid.crs, WGS84, *([value] for value in grid.transform @ (x, y)))
    return longitude[0], latitude[0]


def ground_pixel(grid: Grid) -> float:
    """Metres on the ground along the height of a pixel in the middle of a grid.

    In a UTM zone these are metres of the zone, as vendors count them; elsewhere, of a sphere.
    """
    if (grid.crs.to_epsg() or 0) // 100 in (326, 327):
        return abs(float(grid.transform.e))
    middle = grid.width / 2, grid.height / 2
    (west, south), (east, north) = (grid_to_lonlat(grid, middle[0], middle[1] + down) for down in (0.5, -0.5))
    across = (east - west + 180) % 360 - 180
    return EARTH_RADIUS * math.radians(math.hypot(north - south, across * math.cos(math.radians(north))))


def narrowest_bounds(points: Sequence[Sequence[float]]) -> Degrees:
    """The narrowest bounds of longitudes and latitudes, one or more."""
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    turned = [x % 360 for x in xs]
    if max(xs) - min(xs) > max(180, max(turned) - min(turned)):
        return round(min(turned), 7), min(ys), round(max(turned) - 360, 7), max(ys)
    return min(xs), min(ys), max(xs), max(ys)


def lonlat_to_grid(grid: Grid, longitude: float, latitude: float) -> tuple[float, float]:
    """Column and row at a longitude and latitude (WGS 84): the inverse of `grid_to_lonlat`."""
    x, y = transform(WGS84, grid.crs, [longitude], [latitude])
    return map_to_grid(grid, x[0], y[0])


def map_to_grid(grid: Grid, x: float, y: float) -> tuple[float, float]:
    """Column and row at map coordinates in the grid's own CRS."""
    column, row = ~grid.transform @ (x, y)
    return column, row


def crs_name(crs: Any) -> str:
    """A short name of a CRS for messages: `EPSG:32611`, or the name in its WKT, or `none`."""
    text = crs.to_string() if crs else "none"
    named = re.match(r'\w+\["([^"]+)"', text)
    return named.group(1) if named else text
