"""Outlines of grids and boxes in longitude and latitude, and the polygons inside them."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

from rasterio.warp import transform

from potato.raster.coordinates import WGS84, Box, Grid, grid_to_lonlat, narrowest_bounds


def outline_of(grid: Grid, pieces: int = 1) -> list[list[float]]:
    """The outline of a grid as a closed ring of longitudes and latitudes, anticlockwise.

    Args:
        grid: with a CRS.
        pieces: of each side; more follow a side that bends in longitude and latitude.

    Returns:
        Points in degrees (WGS 84), to a centimetre; the last one is the first.
    """
    corners = ((0, grid.height), (grid.width, grid.height), (grid.width, 0), (0, 0), (0, grid.height))
    points = [
        (x + (next_x - x) * step / pieces, y + (next_y - y) * step / pieces)
        for (x, y), (next_x, next_y) in itertools.pairwise(corners)
        for step in range(pieces)
    ]
    ring = [[round(value, 7) for value in grid_to_lonlat(grid, x, y)] for x, y in points]
    # The antimeridian has two longitudes; a picture that ends there has the one of its own side.
    inner = {math.copysign(180.0, x) for x, _ in ring if abs(x) != 180}
    if len(inner) == 1:
        ring = [[*inner, y] if abs(x) == 180 else [x, y] for x, y in ring]
    return [*ring, ring[0]]


def outline_of_box(box: Box, epsg: int) -> list[list[float]]:
    """The outline of a box in a CRS, as `outline_of` gives it, to a tenth of a millimetre."""
    west, south, east, north = box
    across, down = [west, east, east, west, west], [south, south, north, north, south]
    longitudes, latitudes = transform(f"EPSG:{epsg}", WGS84, across, down)
    return [[round(x, 9), round(y, 9)] for x, y in zip(longitudes, latitudes, strict=True)]


def geometry_of(ring: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The polygon inside a ring; two, if it crosses the antimeridian (RFC 7946, 3.1.9)."""
    west, _, east, _ = narrowest_bounds(ring)
    if west <= east:
        return {"type": "Polygon", "coordinates": [ring]}
    turned = [(x % 360, y) for x, y in ring]
    parts: list[list[list[float]]] = [[], []]
    for (x, y), (next_x, next_y) in itertools.pairwise(turned):
        parts[x > 180].append([x, y])
        if (x > 180) != (next_x > 180):
            crossing = round(y + (next_y - y) * (180 - x) / (next_x - x), 7)
            for part in parts:
                part.append([180.0, crossing])
    parts[1] = [[round(x - 360, 7), y] for x, y in parts[1]]
    return {"type": "MultiPolygon", "coordinates": [[[*part, part[0]]] for part in parts]}
