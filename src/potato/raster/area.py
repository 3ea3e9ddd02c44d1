"""Areas on the Earth, and the part of a pair that lies inside one."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.warp import transform

from potato.core.windows import PairWindow
from potato.raster.coordinates import WGS84, Box, Grid
from potato.raster.gdal_env import placeless

PATCH = 128
"""Cells along a side of the patches in which the Earth is taken for flat: about 300 m, where the
error is a millimetre."""

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Area:
    """Polygons on the Earth whose sides are straight in longitude and latitude, as in GeoJSON.

    Attributes:
        polygons: for each polygon an outer ring, then its holes, of (longitude, latitude) in
            degrees, WGS 84. Rings may be closed or not. Longitudes beyond ±180 continue across the
            antimeridian.
    """

    polygons: tuple[tuple[Ring, ...], ...]

    @property
    def bounds(self) -> Box:
        """West, south, east, north in degrees."""
        points = np.array([point for polygon in self.polygons for point in polygon[0]])
        (west, south), (east, north) = points.min(0).tolist(), points.max(0).tolist()
        return west, south, east, north


@dataclass(frozen=True, eq=False)
class Part:
    """The part of a pair that a picture shows: a rectangle, or an area inside it.

    Attributes:
        grid: the grid of the pair's pan.
        ratio: pan pixels along a cell.
        window: the rectangle.
        area: the area; None for the whole rectangle.
        cells: bool (height, width), the cells of the window that the area touches; None without
            an area.
    """

    grid: Grid
    ratio: int
    window: PairWindow
    area: Area | None = None
    cells: NDArray[np.bool_] | None = None

    @property
    def picture(self) -> Grid:
        """The grid of the picture: the rectangle, as far as pan reaches."""
        pixels = self.window.pixels(self.ratio)
        return Grid(
            min(pixels.bottom, self.grid.height) - pixels.row,
            min(pixels.right, self.grid.width) - pixels.column,
            self.grid.crs,
            self.grid.transform @ Affine.translation(pixels.column, pixels.row),
        )

    def touches(self, window: PairWindow) -> bool:
        """Whether the area touches a window, which lies inside the rectangle."""
        if self.cells is None:
            return True
        row, column = window.row - self.window.row, window.column - self.window.column
        return bool(self.cells[row : row + window.height, column : column + window.width].any())

    def mask(self, window: PairWindow) -> NDArray[np.bool_]:
        """The pan pixels of a window whose centre lies in the area: bool (rh, rw)."""
        if self.area is None:
            return np.ones((window.height * self.ratio, window.width * self.ratio), np.bool_)
        return _rasterize(self.area, self.grid.coarser(self.ratio), window, self.ratio, touched=False)


def part_of(
    grid: Grid,
    ratio: int,
    box: Box | None = None,
    area: Area | None = None,
    within: PairWindow | None = None,
) -> Part | None:
    """The smallest part of a pair that shows all of its ground inside a box and an area.

    Args:
        grid: the grid of the pair's pan.
        ratio: pan pixels along a cell.
        box: in the CRS of the pair; cells that lie partly in it are shown. None for no limit.
        area: a further limit; None for none.
        within: cells that may be shown; None for all of the pair.

    Returns:
        The part; None if the pair has no ground there.
    """
    within = within or PairWindow(0, 0, -(-grid.height // ratio), -(-grid.width // ratio))
    top, left, bottom, right = within.row, within.column, within.bottom, within.right
    if box is not None:
        to_cells = ~(grid.transform @ Affine.scale(ratio))
        (first_column, first_row), (last_column, last_row) = (
            to_cells @ (x, y) for x, y in ((box[0], box[3]), (box[2], box[1]))
        )
        # Rounding of the coordinates must not add a row of cells.
        slack = 1e-3 / ratio
        top, left = max(top, math.floor(first_row + slack)), max(left, math.floor(first_column + slack))
        bottom = min(bottom, math.ceil(last_row - slack))
        right = min(right, math.ceil(last_column - slack))
    if top >= bottom or left >= right:
        return None
    window = PairWindow(top, left, bottom - top, right - left)
    if area is None:
        return Part(grid, ratio, window)
    cells = _rasterize(area, grid.coarser(ratio), window, 1, touched=True)
    rows, columns = np.flatnonzero(cells.any(1)), np.flatnonzero(cells.any(0))
    if not len(rows):
        return None
    (up, down), (west, east) = ((int(line[0]), int(line[-1]) + 1) for line in (rows, columns))
    inner = PairWindow(top + up, left + west, down - up, east - west)
    return Part(grid, ratio, inner, area, cells[up:down, west:east].copy())


def _rasterize(area: Area, cells: Grid, window: PairWindow, side: int, touched: bool) -> NDArray[np.bool_]:
    """Rasterize an area.

    Args:
        area: the area.
        cells: the grid of cells.
        window: where.
        side: pixels of the result along a cell.
        touched: whether pixels that the area only touches count as inside.

    Returns:
        bool: the pixels of the window that are inside the area.
    """
    found = np.zeros((window.height * side, window.width * side), np.bool_)
    west, south, east, north = area.bounds
    for patch, corners, place in _patches(cells, window):
        longitudes, latitudes = corners[..., 0], corners[..., 1]
        if latitudes.max() < south or latitudes.min() > north:
            continue
        whole = np.zeros((PATCH * side, PATCH * side), np.bool_)
        # Whole turns apart, longitudes name one place.
        for turn in (-360.0, 0.0, 360.0):
            if longitudes.max() + turn >= west and longitudes.min() + turn <= east:
                fine = Affine.translation(turn, 0) @ place @ Affine.scale(1 / side)
                # rasterio silences a warning meanwhile, in a way that isn't safe among threads.
                with placeless():
                    drawn = rasterize(
                        _shapes(area), whole.shape, transform=fine, all_touched=touched, dtype="uint8"
                    )
                whole |= drawn > 0
        both = window.intersection(patch)
        found[_cut(both, window, side)] = whole[_cut(both, patch, side)]
    return found


def _cut(inner: PairWindow, outer: PairWindow, side: int) -> tuple[slice, slice]:
    """Rows and columns of `inner` in an array of `outer`, with `side` pixels along a cell."""
    rows = slice((inner.row - outer.row) * side, (inner.bottom - outer.row) * side)
    return rows, slice((inner.column - outer.column) * side, (inner.right - outer.column) * side)


def _shapes(area: Area) -> list[tuple[dict[str, Any], int]]:
    closed = ([(*ring, ring[0]) for ring in polygon] for polygon in area.polygons)
    return [({"type": "Polygon", "coordinates": rings}, 1) for rings in closed]


def _patches(cells: Grid, window: PairWindow) -> Iterator[tuple[PairWindow, NDArray[np.float64], Affine]]:
    """Patches that cover a window.

    They lie on a grid of their own, so that results for a place don't depend on the window.

    Yields:
        A patch, the longitudes and latitudes of its corners (2, 2, 2), and the transform from its
        cells to them.
    """
    rows = range(window.row // PATCH * PATCH, window.bottom + PATCH, PATCH)
    columns = range(window.column // PATCH * PATCH, window.right + PATCH, PATCH)
    points = [cells.transform @ (column, row) for row, column in product(rows, columns)]
    lonlat = np.array(transform(cells.crs, WGS84, *zip(*points, strict=True))).T
    lonlat = lonlat.reshape(len(rows), len(columns), 2)
    for i, j in product(range(len(rows) - 1), range(len(columns) - 1)):
        corners = lonlat[i : i + 2, j : j + 2].copy()
        first = corners[0, 0, 0]
        corners[..., 0] = first + (corners[..., 0] - first + 180) % 360 - 180
        across = (corners[:, 1] - corners[:, 0]).mean(0) / PATCH
        down = (corners[1] - corners[0]).mean(0) / PATCH
        start = corners.mean((0, 1)) - (across + down) * PATCH / 2
        place = Affine(across[0], down[0], start[0], across[1], down[1], start[1])
        yield PairWindow(rows[i], columns[j], PATCH, PATCH), corners, place
