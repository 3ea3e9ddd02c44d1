"""Web tiles: squares of 256 pixels in Web Mercator (EPSG:3857), by zoom, column and row."""

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from potato.raster.coordinates import Box, Grid, grid_at
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


def jumps(ring: Sequence[Sequence[float]]) -> bool:
    """Whether longitudes of a ring jump from 180 to −180, as across the antimeridian."""
    longitudes = [point[0] for point in ring]
    return max(longitudes) - min(longitudes) > 180


def unwrapped(ring: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """A ring of longitudes and latitudes without a jump: across the antimeridian they go on."""
    beyond = jumps(ring)
    return [(point[0] % 360 if beyond else point[0], point[1]) for point in ring]


def projected(ring: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """A ring of longitudes and latitudes in Web Mercator, which goes on across the antimeridian."""
    return [project(*point) for point in unwrapped(ring)]


def extent_of(ring: Sequence[Sequence[float]]) -> Box:
    """A box in Web Mercator around a ring of longitudes and latitudes, a hundredth larger.

    The ring's sides are straight in another CRS, so they bend a little here. Across the
    antimeridian the box continues beyond the edge of the world.
    """
    across, down = zip(*projected(ring), strict=True)
    spare = 0.01 * max(max(across) - min(across), max(down) - min(down))
    return min(across) - spare, min(down) - spare, max(across) + spare, max(down) + spare


def turn_to(x: float, other: float) -> float:
    """The whole turns around the Earth, in metres, that bring an easting closest to another."""
    return 2 * HALF_WORLD * round((other - x) / (2 * HALF_WORLD))


def box_around(boxes: Sequence[Box]) -> Box:
    """A box in Web Mercator around others, which may lie on both sides of the antimeridian."""
    first = boxes[0][0]
    turns = [turn_to(box[0], first) for box in boxes]
    west, south, east, north = zip(*boxes, strict=True)
    west, east = (tuple(map(operator.add, side, turns)) for side in (west, east))
    return min(west), min(south), max(east), max(north)


def within_world(grid: Grid) -> list[Grid]:
    """A grid in Web Mercator, or its two parts on both sides of the antimeridian.

    One that lies a turn around the Earth away is brought back.
    """
    turn = turn_to(grid.transform.c, 0.0)
    grid = replace(grid, transform=Affine.translation(turn, 0) @ grid.transform)
    left = round((HALF_WORLD - grid.transform.c) / grid.transform.a)
    if not 0 < left < grid.width:
        return [grid]
    beyond = grid.transform @ Affine.translation(left - 2 * HALF_WORLD / grid.transform.a, 0)
    return [replace(grid, width=left), replace(grid, width=grid.width - left, transform=beyond)]


def inside(ring: Sequence[tuple[float, float]], grid: Grid) -> NDArray[np.bool_]:
    """The pixels of a north-up grid whose centre lies in a convex ring: bool (h, w).

    Args:
        ring: closed, anticlockwise, in Web Mercator; also a turn around the Earth away.
        grid: in Web Mercator.
    """
    x = grid.transform.c + grid.transform.a * (np.arange(grid.width) + 0.5)
    y = (grid.transform.f + grid.transform.e * (np.arange(grid.height) + 0.5))[:, None]
    x = x - turn_to(ring[0][0], float(x.mean()))
    found = np.ones((grid.height, grid.width), np.bool_)
    for (left, low), (right, high) in itertools.pairwise(ring):
        found &= (right - left) * (y - low) >= (high - low) * (x - left)
    return found
