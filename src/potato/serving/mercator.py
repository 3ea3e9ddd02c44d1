"""Web tiles: squares of 256 pixels in Web Mercator (EPSG:3857), by zoom, column and row."""

import math
from collections.abc import Sequence

from potato.raster import Grid, grid_at
from potato.raster.coordinates import Box
from potato.raster.web_mosaic import HALF_WORLD, WEB_CRS, WEB_TILE, zoom_pixel

MOST_ZOOM = 24
"""The finest zoom: pixels of a centimetre."""

FARTHEST = 85.051129
"""Degrees of latitude at the edge of the world."""


def web_box(zoom: int, column: int, row: int) -> Box:
    """West, south, east, north of a web tile in metres."""
    size = 2 * HALF_WORLD / (1 << zoom)
    west, north = column * size - HALF_WORLD, HALF_WORLD - row * size
    return west, north - size, west + size, north


def web_grid(zoom: int, column: int, row: int) -> Grid:
    """The pixels of a web tile."""
    west, _, _, north = web_box(zoom, column, row)
    return grid_at(WEB_TILE, WEB_TILE, zoom_pixel(zoom), west, north, WEB_CRS)


def grid_around(box: Box, side: int) -> Grid:
    """Pixels that show a box of Web Mercator, `side` of them along its longer side."""
    west, south, east, north = box
    pixel = max(east - west, north - south) / side
    height, width = (max(1, math.ceil(length / pixel)) for length in (north - south, east - west))
    return grid_at(height, width, pixel, west, north, WEB_CRS)


def project(longitude: float, latitude: float) -> tuple[float, float]:
    """Web Mercator coordinates of a place."""
    latitude = min(max(latitude, -FARTHEST), FARTHEST)
    return longitude / 180 * HALF_WORLD, math.asinh(math.tan(math.radians(latitude))) / math.pi * HALF_WORLD


def extent_of(ring: Sequence[Sequence[float]]) -> Box:
    """A box in Web Mercator around a ring of longitudes and latitudes, a hundredth larger.

    The ring's sides are straight in another CRS, so they bend a little here. Across the
    antimeridian the box continues beyond the edge of the world.
    """
    longitudes = [point[0] for point in ring]
    if max(longitudes) - min(longitudes) > 180:
        ring = [(point[0] % 360, point[1]) for point in ring]
    across, down = zip(*(project(*point[:2]) for point in ring), strict=True)
    spare = 0.01 * max(max(across) - min(across), max(down) - min(down))
    return min(across) - spare, min(down) - spare, max(across) + spare, max(down) + spare


def zoom_of(metres: float, latitude: float) -> int:
    """The zoom whose pixels are about so many metres of ground, and no larger."""
    wanted = metres / math.cos(math.radians(min(abs(latitude), FARTHEST)))
    return max(0, min(MOST_ZOOM, math.ceil(math.log2(zoom_pixel(0) / wanted) - 0.1)))
