"""Grids of pixels on the Earth, and the ways between pixels, map coordinates, longitude and latitude."""

from dataclasses import dataclass
from typing import Any

from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform

WGS84 = "EPSG:4326"
"""The CRS of longitude and latitude in degrees."""


@dataclass(frozen=True)
class Grid:
    """Where the pixels of a picture lie: their number, a CRS, and the affine transform from pixels to it.

    A picture without a place on Earth, such as a PNG, has no CRS (None) and the identity.
    """

    height: int
    width: int
    crs: Any
    transform: Any

    @property
    def placed(self) -> bool:
        """Whether the picture has a place on Earth."""
        return self.crs is not None or self.transform != Affine.identity()


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
    """Longitude and latitude (WGS 84) of column `x` and row `y`; corners of pixels are whole numbers."""
    longitude, latitude = transform(grid.crs, WGS84, *([value] for value in grid.transform @ (x, y)))
    return longitude[0], latitude[0]


def lonlat_to_grid(grid: Grid, longitude: float, latitude: float) -> tuple[float, float]:
    """Column and row at a longitude and latitude (WGS 84): the inverse of `grid_to_lonlat`."""
    x, y = transform(WGS84, grid.crs, [longitude], [latitude])
    return map_to_grid(grid, x[0], y[0])


def map_to_grid(grid: Grid, x: float, y: float) -> tuple[float, float]:
    """Column and row at map coordinates in the grid's own CRS."""
    column, row = ~grid.transform @ (x, y)
    return column, row


def crs_name(crs: Any) -> str:
    """A short name of a CRS for messages: `EPSG:32611`, or the start of its WKT; `none` without a CRS."""
    return crs.to_string()[:60] if crs else "none"
