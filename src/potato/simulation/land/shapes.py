"""Shapes on the pixel grid: windows, and the share of each pixel that a shape covers.

Coordinates are pixels: pixel (row 0, column 0) has its centre at x = 0.5, y = 0.5.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Window:
    """Rows `top` to `bottom` and columns `left` to `right`, the ends excluded."""

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
class Plot:
    """A rectangle of land at any angle: its centre and sides in pixels.

    Attributes:
        x: of the centre.
        y: of the centre.
        length: along `angle`.
        width: across `angle`.
        angle: direction of the length, radians from x towards y.
    """

    x: float
    y: float
    length: float
    width: float
    angle: float

    def part(self, u: float, v: float, length: float, width: float, turn: float = 0.0) -> "Plot":
        """A rectangle placed in this one: `u` along its length and `v` across, from its centre."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        return Plot(self.x + u * c - v * s, self.y + u * s + v * c, length, width, self.angle + turn)


@dataclass(frozen=True, slots=True)
class ShapePixels:
    """The pixels that a shape covers.

    Attributes:
        window: the rows and columns that hold the shape.
        u: coordinate along the shape's length, pixels from its centre (rows, columns).
        v: coordinate across, pixels from its centre (rows, columns).
        cover: share of each pixel that is covered, 0..1 (rows, columns); edges are one pixel soft.
    """

    window: Window
    u: Tensor
    v: Tensor
    cover: Tensor


def window_around(
    x: float, y: float, reach_x: float, reach_y: float, height: int, width: int
) -> Window | None:
    """The window of pixels within `reach` of a point, clipped to the image; None if it is empty."""
    top, bottom = max(0, math.floor(y - reach_y) - 1), min(height, math.ceil(y + reach_y) + 1)
    left, right = max(0, math.floor(x - reach_x) - 1), min(width, math.ceil(x + reach_x) + 1)
    return Window(top, bottom, left, right) if top < bottom and left < right else None


def local_grid(window: Window, x: float, y: float, angle: float) -> tuple[Tensor, Tensor]:
    """Coordinates along and across `angle` (radians from x towards y), measured from (x, y)."""
    u, v = _coordinates(window, x, y, angle)
    return torch.from_numpy(u), torch.from_numpy(v)


def _coordinates(
    window: Window, x: float, y: float, angle: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`local_grid` as arrays: most shapes are small, and numpy begins a small sum sooner."""
    ys = np.arange(window.top, window.bottom, dtype=np.float32)[:, None] + np.float32(0.5 - y)
    xs = np.arange(window.left, window.right, dtype=np.float32)[None, :] + np.float32(0.5 - x)
    c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return xs * c + ys * s, ys * c - xs * s


def rectangle(plot: Plot, height: int, width: int, margin: float = 0.0) -> ShapePixels | None:
    """The footprint of a plot on an image of `height` rows and `width` columns.

    Args:
        plot: the rectangle.
        height: rows of the image.
        width: columns of the image.
        margin: pixels around the rectangle that the window includes.

    Returns:
        None if the plot lies outside the image.
    """
    c, s = abs(math.cos(plot.angle)), abs(math.sin(plot.angle))
    reach_x = (plot.length * c + plot.width * s) / 2 + margin
    reach_y = (plot.length * s + plot.width * c) / 2 + margin
    window = window_around(plot.x, plot.y, reach_x, reach_y, height, width)
    if window is None:
        return None
    u, v = _coordinates(window, plot.x, plot.y, plot.angle)
    cover = _inside(u, plot.length / 2)
    cover *= _inside(v, plot.width / 2)
    return ShapePixels(window, *map(torch.from_numpy, (u, v, cover)))


def _inside(way: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
    """How much of each pixel lies within `reach` of a line `way` pixels off, 0..1."""
    cover = np.abs(way)
    np.subtract(np.float32(reach + 0.5), cover, out=cover)
    return cover.clip(0, 1, out=cover)


def disc(x: float, y: float, radius: float, height: int, width: int) -> ShapePixels | None:
    """The footprint of a disc, u and v being x and y from its centre; None outside the image."""
    window = window_around(x, y, radius, radius, height, width)
    if window is None:
        return None
    u, v = local_grid(window, x, y, 0.0)
    return ShapePixels(window, u, v, (radius + 0.5 - torch.sqrt(u * u + v * v)).clamp_(0, 1))


def segment(
    start: tuple[float, float], end: tuple[float, float], reach: float, height: int, width: int
) -> tuple[Window, Tensor, Tensor] | None:
    """Distances from a straight piece of line.

    Args:
        start: (x, y).
        end: (x, y).
        reach: pixels around the line that the window includes.
        height: rows of the image.
        width: columns of the image.

    Returns:
        The window; the distance from the line, positive on its right on screen, with rounded ends;
        and the distance along it from `start`. Both in pixels. None outside the image.
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
