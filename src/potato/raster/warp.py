"""Warping: the part of a picture that another grid shows, and the picture on that grid."""

import math
from dataclasses import dataclass

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform, transform_bounds

from potato.core.types import Codes
from potato.core.windows import PairWindow, PixelWindow
from potato.raster.coordinates import Box, Grid
from potato.raster.gdal_env import GDAL_ERRORS, placeless

DENSE = 21
"""Points along each side of a box that is transformed, since its sides bend in another CRS."""

SPARE = 2
"""Pixels around a part that are read with it: linear interpolation needs them."""


@dataclass(frozen=True)
class ShownPart:
    """The part of a picture that another grid shows.

    Attributes:
        bounds: a box around it, in the CRS of the picture.
        scale: pixels of the picture along one pixel of the grid, in the middle of the part, along
            rows or columns, whichever is finer.
    """

    bounds: Box
    scale: float


def find_shown_part(shown: Grid, grid: Grid) -> ShownPart | None:
    """The part of a picture on the grid `shown` that `grid` shows; None if it shows nothing."""
    corners = _outline(shown)
    try:
        # In the CRS of `grid`: the CRS of `shown` may not hold a grid as large as a hemisphere.
        box = transform_bounds(shown.crs, grid.crs, *corners, densify_pts=DENSE)
        if box[0] > box[2]:  # degrees across the antimeridian, on whichever side the grid begins
            box = -360.0, box[1], 360.0, box[3]
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
    except GDAL_ERRORS:  # GDAL can't transform it, so it isn't there
        return None
    middle, *beside = (~shown.transform @ place for place in zip(*places, strict=True))
    scale = min(math.dist(middle, point) for point in beside)
    if not all(map(math.isfinite, (*bounds, scale))):
        return None
    return ShownPart(bounds, scale)


def cells_within(grid: Grid, ratio: int, part: ShownPart) -> PairWindow:
    """The cells, `ratio` pixels a side, that hold a part and `SPARE` pixels around it."""
    columns, rows = _spans(~grid.transform, part.bounds)
    (top, bottom), (left, right) = (
        (max(0, math.floor(low) - SPARE) // ratio, -(-min(side, math.ceil(high) + SPARE) // ratio))
        for (low, high), side in ((rows, grid.height), (columns, grid.width))
    )
    return PairWindow(top, left, max(0, bottom - top), max(0, right - left))


def warp_picture(
    codes: Codes,
    source: Grid,
    window: PixelWindow,
    grid: Grid,
    resampling: Resampling = Resampling.bilinear,
    smooth: bool = True,
) -> Codes:
    """Warp a picture to another grid by interpolation.

    Args:
        codes: red, green, blue, alpha (4, h, w); pixels that alpha makes invalid are ignored.
        source: the grid of the picture that `codes` is a window of.
        window: that window.
        grid: the grid of the result.
        resampling: GDAL's name of the interpolation.
        smooth: whether interpolation takes in more pixels where the grid is coarser than the
            picture. Without it, a warp takes a third of the time.

    Returns:
        Codes of that type (4, grid.height, grid.width). A pixel is valid, with full alpha, if more
        than half of its sources are; others are 0 in every band.
    """
    result = np.zeros((4, grid.height, grid.width), codes.dtype)
    # rasterio silences a warning about its own arrays, but not for several threads at once.
    with placeless():
        reproject(
            codes,
            result,
            src_transform=source.transform @ rasterio.Affine.translation(window.column, window.row),
            src_crs=source.crs,
            dst_transform=grid.transform,
            dst_crs=grid.crs,
            src_alpha=4,
            dst_alpha=4,
            resampling=resampling,
            **({} if smooth else {"XSCALE": 1, "YSCALE": 1}),
        )
    white = np.iinfo(codes.dtype).max
    result[3] = np.where(result[3] > white // 2, white, 0)
    result[:3, result[3] == 0] = 0
    return result


def _outline(grid: Grid) -> Box:
    """A box around a grid."""
    points = [grid.transform @ (column, row) for column in (0, grid.width) for row in (0, grid.height)]
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _spans(to_pixels: rasterio.Affine, box: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    """First and last column of a box in pixels; first and last row."""
    west, south, east, north = box
    points = [to_pixels @ (x, y) for x in (west, east) for y in (south, north)]
    columns, rows = zip(*points, strict=True)
    return (min(columns), max(columns)), (min(rows), max(rows))
