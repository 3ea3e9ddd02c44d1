"""Which part of a picture a page holds in full detail."""

import math
from collections.abc import Sequence

from potato.core.windows import PixelWindow
from potato.errors import InputError
from potato.raster import Grid

PIXELS = 5_000_000
"""Pixels in full detail, of all layers together, unless a window is named: about 13 MB of a page."""

LARGEST = 1 << 24
"""Pixels of a window that may be asked for: all of it is in memory at once."""


def choose_window(
    grid: Grid, wanted: Sequence[int] | None = None, *, layers: float = 1, step: int = 1
) -> PixelWindow:
    """The part of a picture that is shown as it is, pixel by pixel.

    Args:
        grid: of the picture.
        wanted: row, column, height and width in its pixels, of which the part inside the picture counts;
            None for all of a small picture, and the middle of a large one.
        layers: how many layers will share `PIXELS`, in units of a coloured one.
        step: what its sides and corner must be multiples of. It grows to them, but not beyond the picture.

    Raises:
        InputError: if nothing of it lies in the picture, or it is larger than `LARGEST`.

    Example:
        >>> choose_window(Grid(4096, 4096, None, None), (10, 10, 90, 90), step=4)
        PixelWindow(row=8, column=8, height=92, width=92)
    """
    if wanted is None:
        height = min(grid.height, max(step, math.isqrt(int(PIXELS / layers))))
        width = min(grid.width, max(step, int(PIXELS / layers / height)))
        height = min(grid.height, max(step, int(PIXELS / layers / width)))
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
    if (bottom - top) * (right - left) > LARGEST:
        side = math.isqrt(LARGEST)
        raise InputError(
            f"expected a window of at most {side} × {side} pixels, found {bottom - top} × {right - left}; "
            "ask for a smaller one"
        )
    return PixelWindow(top, left, bottom - top, right - left)


def _grow(low: int, high: int, size: int, step: int) -> tuple[int, int]:
    """An interval grown to multiples of `step` inside 0..size, or cut to them where that ends."""
    if high <= low:
        return 0, 0
    return max(0, low // step * step), min(size // step * step, -(-high // step) * step)
