"""Pictures on another grid: which part of one a grid shows, and bringing that part onto it."""

import math
from dataclasses import dataclass

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import reproject, transform, transform_bounds

from potato.core.sensors import RATIO
from potato.core.windows import PairWindow
from potato.raster.coordinates import Grid

DENSE = 21
"""Points along each side of a box when it is transformed: what is straight in one CRS bends in another."""

SPARE = 2
"""Pixels around what a grid shows: what linear interpolation looks at."""


@dataclass(frozen=True)
class Sight:
    """What a grid shows of another one.

    Attributes:
        bounds: west, south, east, north of a box around it, in the CRS of what is shown.
        scale: pixels of what is shown along one pixel of the grid, in its middle, the finer way.
    """

    bounds: tuple[float, float, float, float]
    scale: float


def find_sight(shown: Grid, grid: Grid) -> Sight | None:
    """What `grid` shows of `shown`; None if that is nothing."""
    corners = _outline(shown)
    try:
        # From what is shown outwards: its own CRS suits it, while a whole hemisphere may not fit into that.
        box = transform_bounds(shown.crs, grid.crs, *corners, densify_pts=DENSE)
        columns, rows = _spans(~grid.transform, box)
        left, right = max(0.0, columns[0]), min(float(grid.width), columns[1])
        top, bottom = max(0.0, rows[0]), min(float(grid.height), rows[1])
        if not (left < right and top < bottom):
            return None
        part = rasterio.Affine.translation(left, top) @ rasterio.Affine.scale(right - left, bottom - top)
        piece = _outline(Grid(1, 1, grid.crs, grid.transform @ part))
        bounds = transform_bounds(grid.crs, shown.crs, *piece, densify_pts=DENSE)
        column, row = (left + right) / 2, (top + bottom) / 2
        points = [grid.transform @ point for point in ((column, row), (column + 1, row), (column, row + 1))]
        places = transform(grid.crs, shown.crs, *map(list, zip(*points, strict=True)))
    except (CRSError, RasterioError):  # GDAL can't say: it isn't there
        return None
    middle, *beside = (~shown.transform @ place for place in zip(*places, strict=True))
    scale = min(math.dist(middle, point) for point in beside)
    if not all(map(math.isfinite, (*bounds, scale))):
        return None
    return Sight(bounds, scale)


def cells_within(grid: Grid, sight: Sight) -> PairWindow:
    """The cells of a grid, counted from its corner, that hold a sight and a little around it."""
    columns, rows = _spans(~grid.transform, sight.bounds)
    (top, bottom), (left, right) = (
        (max(0, math.floor(low) - SPARE) // RATIO, -(-min(side, math.ceil(high) + SPARE) // RATIO))
        for (low, high), side in ((rows, grid.height), (columns, grid.width))
    )
    return PairWindow(top, left, max(0, bottom - top), max(0, right - left))


def warp_picture(
    codes: NDArray[np.uint8] | NDArray[np.uint16], source: Grid, window: PairWindow, grid: Grid
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Bring a picture onto another grid, by linear interpolation, wider where the grid is coarser.

    Args:
        codes: red, green, blue, alpha (4, 4h, 4w); what alpha makes invalid has no part in the result.
        source: the grid of the picture that they are from,
        window: and the cells of it that they are.
        grid: where they are wanted.

    Returns:
        Codes of the same type (4, grid.height, grid.width). Alpha is all or nothing: more than half of what
        a pixel is made of has to be valid. 0 where it is nothing.
    """
    result = np.zeros((4, grid.height, grid.width), codes.dtype)
    reproject(
        codes,
        result,
        src_transform=source.transform
        @ rasterio.Affine.translation(window.column * RATIO, window.row * RATIO),
        src_crs=source.crs,
        dst_transform=grid.transform,
        dst_crs=grid.crs,
        src_alpha=4,
        dst_alpha=4,
        resampling=Resampling.bilinear,
    )
    white = np.iinfo(codes.dtype).max
    result[3] = np.where(result[3] > white // 2, white, 0)
    result[:3, result[3] == 0] = 0
    return result


def _outline(grid: Grid) -> tuple[float, float, float, float]:
    """West, south, east, north of a grid."""
    points = [grid.transform @ (column, row) for column in (0, grid.width) for row in (0, grid.height)]
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _spans(
    to_pixels: rasterio.Affine, box: tuple[float, float, float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """First and last column, first and last row of a box in pixels."""
    west, south, east, north = box
    points = [to_pixels @ (x, y) for x in (west, east) for y in (south, north)]
    columns, rows = zip(*points, strict=True)
    return (min(columns), max(columns)), (min(rows), max(rows))
