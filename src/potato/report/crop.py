"""The window that a page holds in full detail."""

import math
from collections.abc import Sequence

from potato.core.windows import PixelWindow
from potato.errors import InputError
from potato.raster.coordinates import Grid

DETAIL_PIXELS = 5_000_000
"""Pixels in full detail, all layers together, unless a window is named: about 13 MB of HTML."""

MOST_PIXELS = 1 << 24
"""Pixels of the largest window that a caller may name; memory holds the whole window."""


def choose_window(
    grid: Grid, wanted: Sequence[int] | None = None, *, layers: float = 1, step: int = 1
) -> PixelWindow:
    """Choose the part of a picture to show pixel by pixel.

    Args:
        grid: grid of the picture.
        wanted: row, column, height and width in pixels, clipped to the picture; None for all of a
            small picture and the middle of a large one.
        layers: number of layers that share `DETAIL_PIXELS`; a grey layer counts as a fraction of a
            coloured one.
        step: the window grows to multiples of this, but not beyond the picture.

    Raises:
        InputError: if the window lies outside the picture or is larger than `MOST_PIXELS`.

    Example:
        >>> choose_window(Grid(4096, 4096, None, None), (10, 10, 90, 90), step=4)
        PixelWindow(row=8, column=8, height=92, width=92)
    """
    if wanted is None:
        pixels = DETAIL_PIXELS / layers
        height = min(grid.height, max(step, math.isqrt(int(pixels))))
        width = min(grid.width, max(step, int(pixels / height)))
        height = min(grid.height, max(step, int(pixels / width)))
        wanted = ((grid.height - height) // 2, (grid.width - width) // 2, height, width)
    row, column, height, width = wanted
    top, bottom = _grow(row, row + height, grid.height, step)
    left, right = _grow(column, column + width, grid.width, step)
    if bottom <= top or right <= left:
        raise InputError(
            f"expected a window (row, column, height, width) that holds {step} × {step} pixels or more of a "
            f"picture of {grid.height} rows and {grid.width} columns, found "
            f"{row} {column} {height} {width}"
        )
    if (bottom - top) * (right - left) > MOST_PIXELS:
        side = math.isqrt(MOST_PIXELS)
        raise InputError(
            f"expected a window of at most {side} × {side} pixels, found {bottom - top} × {right - left}; "
            "ask for a smaller one"
        )
    return PixelWindow(top, left, bottom - top, right - left)


def _grow(low: int, high: int, size: int, step: int) -> tuple[int, int]:
    """Widen an interval to multiples of `step` within 0..size."""
    if high <= low:
        return 0, 0
    return max(0, low // step * step), min(size // step * step, -(-high // step) * step)
