"""Areas on the Earth, and the part of a pair that lies in one."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.warp import transform

from potato.core.sensors import RATIO
from potato.core.windows import PairWindow
from potato.raster.coordinates import Grid

PATCH = 128
"""Cells along a side of the pieces in which the Earth counts as flat: true to a millimetre over 300 m."""

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Area:
    """Polygons on the Earth, whose sides are straight in longitude and latitude, as GeoJSON has them.

    Attributes:
        polygons: each an outer ring and then its holes, of (longitude, latitude) in degrees, WGS 84.
            Rings may be closed or not; longitudes may go beyond ±180, across the antimeridian.
    """

    polygons: tuple[tuple[Ring, ...], ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        points = np.array([point for polygon in self.polygons for point in polygon[0]])
        (west, south), (east, north) = points.min(0).tolist(), points.max(0).tolist()
        return west, south, east, north


@dataclass(frozen=True, eq=False)
class Part:
    """What a picture shows of a pair: a rectangle, and of it only what lies in an area, if there is one.

    Attributes:
        grid: of the pair's pan.
        window: the rectangle.
        area: what it is for; None for all of the rectangle.
        cells: bool (height, width) of the window, which cells the area touches; None without one.
    """

    grid: Grid
    window: PairWindow
    area: Area | None = None
    cells: NDArray[np.bool_] | None = None

    @property
    def picture(self) -> Grid:
        """The grid of the picture, which ends where pan does."""
        row, column = self.window.row * RATIO, self.window.column * RATIO
        return Grid(
            min(self.window.bottom * RATIO, self.grid.height) - row,
            min(self.window.right * RATIO, self.grid.width) - column,
            self.grid.crs,
            self.grid.transform @ Affine.translation(column, row),
        )

    def touches(self, window: PairWindow) -> bool:
        """Whether the area touches a window inside the rectangle."""
        if self.cells is None:
            return True
        row, column = window.row - self.window.row, window.column - self.window.column
        return bool(self.cells[row : row + window.height, column : column + window.width].any())

    def mask(self, window: PairWindow) -> NDArray[np.bool_]:
        """Which pan pixels of a window have their centre in the area: bool (4h, 4w)."""
        if self.area is None:
            return np.ones((window.height * RATIO, window.width * RATIO), np.bool_)
        return _burn(self.area, self.grid, window, 1, touched=False)


def part_of(
    grid: Grid, box: tuple[float, float, float, float] | None = None, area: Area | None = None
) -> Part | None:
    """The smallest part of a pair that shows a box and an area, as far as the pair has them.

    Args:
        grid: of its pan.
        box: west, south, east, north in the CRS of the pair; cells that lie in it partly count. None for all.
        area: what else limits it.

    Returns:
        The part; None if there is nothing of them in the pair.
    """
    top, left, bottom, right = 0, 0, -(-grid.height // RATIO), -(-grid.width // RATIO)
    if box is not None:
        (first_column, first_row), (last_column, last_row) = (
            ~grid.transform @ (x, y) for x, y in ((box[0], box[3]), (box[2], box[1]))
        )
        # Noise in the coordinates must not add a row of cells.
        slack = 1e-3
        top, left = max(top, _floor(first_row + slack)), max(left, _floor(first_column + slack))
        bottom, right = min(bottom, -_floor(slack - last_row)), min(right, -_floor(slack - last_column))
    if top >= bottom or left >= right:
        return None
    window = PairWindow(top, left, bottom - top, right - left)
    if area is None:
        return Part(grid, window)
    cells = _burn(area, grid, window, RATIO, touched=True)
    rows, columns = np.flatnonzero(cells.any(1)), np.flatnonzero(cells.any(0))
    if not len(rows):
        return None
    (up, down), (west, east) = ((int(line[0]), int(line[-1]) + 1) for line in (rows, columns))
    inner = PairWindow(top + up, left + west, down - up, east - west)
    return Part(grid, inner, area, cells[up:down, west:east].copy())


def _floor(pixels: float) -> int:
    return int(pixels // RATIO)


def _burn(area: Area, grid: Grid, window: PairWindow, step: int, touched: bool) -> NDArray[np.bool_]:
    """Where an area is: of each `step` × `step` pan pixels of a window, touched or with the centre in it."""
    side = RATIO // step
    found = np.zeros((window.height * side, window.width * side), np.bool_)
    west, south, east, north = area.bounds
    for patch, corners, place in _patches(grid, window):
        longitudes, latitudes = corners[..., 0], corners[..., 1]
        if latitudes.max() < south or latitudes.min() > north:
            continue
        whole = np.zeros((PATCH * side, PATCH * side), np.bool_)
        # The same place has many longitudes.
        for turn in (-360.0, 0.0, 360.0):
            if longitudes.max() + turn >= west and longitudes.min() + turn <= east:
                fine = Affine.translation(turn, 0) @ place @ Affine.scale(1 / side)
                burnt = rasterize(
                    _shapes(area), whole.shape, transform=fine, all_touched=touched, dtype="uint8"
                )
                whole |= burnt > 0
        top, left = max(patch.row, window.row), max(patch.column, window.column)
        bottom, right = min(patch.bottom, window.bottom), min(patch.right, window.right)
        both = PairWindow(top, left, bottom - top, right - left)
        found[_cut(both, window, side)] = whole[_cut(both, patch, side)]
    return found


def _cut(inner: PairWindow, outer: PairWindow, side: int) -> tuple[slice, slice]:
    """Where a window lies in one around it, `side` pixels to a cell."""
    rows = slice((inner.row - outer.row) * side, (inner.bottom - outer.row) * side)
    return rows, slice((inner.column - outer.column) * side, (inner.right - outer.column) * side)


def _shapes(area: Area) -> list[tuple[dict[str, Any], int]]:
    closed = ([(*ring, ring[0]) for ring in polygon] for polygon in area.polygons)
    return [({"type": "Polygon", "coordinates": rings}, 1) for rings in closed]


def _patches(grid: Grid, window: PairWindow) -> Iterator[tuple[PairWindow, NDArray[np.float64], Affine]]:
    """Pieces that cover a window: corners (2, 2, 2) in longitude and latitude, and from cells to these.

    They lie on a grid of their own, so that what is found in a place doesn't depend on the window.
    """
    rows = range(window.row // PATCH * PATCH, window.bottom + PATCH, PATCH)
    columns = range(window.column // PATCH * PATCH, window.right + PATCH, PATCH)
    points = [grid.transform @ (column * RATIO, row * RATIO) for row, column in product(rows, columns)]
    lonlat = np.array(transform(grid.crs, "EPSG:4326", *zip(*points, strict=True))).T
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
