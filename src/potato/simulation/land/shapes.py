"""Drawing on the pixel grid: windows, and how much of each pixel a shape covers.

Coordinates are pixels: pixel (row 0, column 0) has its centre at x = 0.5, y = 0.5.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Window:
    """Rows `top` to `bottom` and columns `left` to `right`, ends left out."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """For indexing the last two axes of an image."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.bottom - self.top, self.right - self.left


@dataclass(frozen=True, slots=True)
class Local:
    """A turned rectangle's own coordinates over a window, and what of each pixel it covers.

    Attributes:
        window: where.
        u: along its length, pixels from its centre (rows, columns).
        v: across, the same.
        cover: 0..1 (rows, columns), edges softened over a pixel.
    """

    window: Window
    u: Tensor
    v: Tensor
    cover: Tensor


def window_around(
    x: float, y: float, reach_x: float, reach_y: float, height: int, width: int
) -> Window | None:
    """The window of pixels within `reach` of a point, cut by the image; None if nothing is left."""
    top, bottom = max(0, math.floor(y - reach_y) - 1), min(height, math.ceil(y + reach_y) + 1)
    left, right = max(0, math.floor(x - reach_x) - 1), min(width, math.ceil(x + reach_x) + 1)
    return Window(top, bottom, left, right) if top < bottom and left < right else None


def local_grid(window: Window, x: float, y: float, angle: float) -> tuple[Tensor, Tensor]:
    """Coordinates along and across the direction `angle` (radians, from x towards y) about a point."""
    ys = torch.arange(window.top, window.bottom, dtype=torch.float32)[:, None] + (0.5 - y)
    xs = torch.arange(window.left, window.right, dtype=torch.float32)[None, :] + (0.5 - x)
    c, s = math.cos(angle), math.sin(angle)
    return xs * c + ys * s, ys * c - xs * s


def rectangle(
    x: float,
    y: float,
    length: float,
    width: float,
    angle: float,
    height: int,
    columns: int,
    margin: float = 0.0,
) -> Local | None:
    """A turned rectangle.

    Args:
        x: its centre.
        y: its centre.
        length: along `angle`, pixels.
        width: across, pixels.
        angle: of its length, radians from x towards y.
        height: rows of the image.
        columns: columns of the image.
        margin: pixels around it that the window takes in too.

    Returns:
        Its coordinates and coverage over the smallest window; None outside the image.
    """
    c, s = abs(math.cos(angle)), abs(math.sin(angle))
    reach_x, reach_y = (length * c + width * s) / 2 + margin, (length * s + width * c) / 2 + margin
    window = window_around(x, y, reach_x, reach_y, height, columns)
    if window is None:
        return None
    u, v = local_grid(window, x, y, angle)
    cover = (length / 2 + 0.5 - u.abs()).clamp_(0, 1).mul_((width / 2 + 0.5 - v.abs()).clamp_(0, 1))
    return Local(window, u, v, cover)


def disc(x: float, y: float, radius: float, height: int, width: int) -> Local | None:
    """A disc, as `rectangle` gives it: u and v are x and y from its centre."""
    window = window_around(x, y, radius, radius, height, width)
    if window is None:
        return None
    u, v = local_grid(window, x, y, 0.0)
    return Local(window, u, v, (radius + 0.5 - torch.sqrt(u * u + v * v)).clamp_(0, 1))


def segment(
    start: tuple[float, float], end: tuple[float, float], reach: float, height: int, width: int
) -> tuple[Window, Tensor, Tensor] | None:
    """A straight piece of line.

    Args:
        start: (x, y).
        end: (x, y).
        reach: how far from the line the window goes, pixels.
        height: rows of the image.
        width: columns of the image.

    Returns:
        The window, the signed distance from the line (right of it is positive on screen; rounded at the
        ends) and the way along it from `start`, both in pixels; None outside the image.
    """
    (x0, y0), (x1, y1) = start, end
    window = window_around(
        (x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) / 2 + reach, abs(y1 - y0) / 2 + reach, height, width
    )
    if window is None:
        return None
    length = math.hypot(x1 - x0, y1 - y0)
    u, v = local_grid(window, x0, y0, math.atan2(y1 - y0, x1 - x0))
    beyond = u - u.clamp(0, length)
    return window, torch.sqrt(beyond * beyond + v * v).copysign(v), u
