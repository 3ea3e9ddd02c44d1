"""Rectangles of pixels: of a pair, or of one image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Rectangle:
    row: int
    column: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """How many cells or pixels it has."""
        return self.height * self.width

    @property
    def bottom(self) -> int:
        """The first row below."""
        return self.row + self.height

    @property
    def right(self) -> int:
        """The first column to the right."""
        return self.column + self.width

    def intersection(self, other: Self) -> Self:
        """What both have in common; of size 0 if that is nothing."""
        top, left = max(self.row, other.row), max(self.column, other.column)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        return type(self)(top, left, max(0, bottom - top), max(0, right - left))

    def padded(self, side: int) -> Self:
        """This window, made larger by `side` cells or pixels on every side."""
        return type(self)(self.row - side, self.column - side, self.height + 2 * side, self.width + 2 * side)


Rectangle = TypeVar("Rectangle", bound=_Rectangle)


@dataclass(frozen=True)
class PairWindow(_Rectangle):
    """A rectangle of a pair, in cells, so that pan and mul pixels always cover the same ground.

    Rows and columns are counted from the upper left corner of pan; they may lie outside the image.

    Attributes:
        row: first row of cells.
        column: first column of cells.
        height: rows of cells.
        width: columns of cells.

    Raises:
        ValueError: if a side is negative.
    """

    def __post_init__(self) -> None:
        if self.height < 0 or self.width < 0:
            raise ValueError(f"expected sides of 0 or more, found {self.height} × {self.width}")

    def __str__(self) -> str:
        """The window, for messages."""
        return f"mul rows {self.row}–{self.bottom}, columns {self.column}–{self.right}"

    def pixels(self, ratio: int) -> "PixelWindow":
        """This window in pan pixels, of which a cell has `ratio` along each side."""
        return PixelWindow(self.row * ratio, self.column * ratio, self.height * ratio, self.width * ratio)


@dataclass(frozen=True)
class PixelWindow(_Rectangle):
    """A rectangle of one image, in its own pixels.

    Attributes:
        row: first row.
        column: first column.
        height: rows.
        width: columns.
    """

    def __str__(self) -> str:
        """The window, for messages."""
        return f"rows {self.row}–{self.bottom}, columns {self.column}–{self.right}"

    def cells(self, ratio: int) -> PairWindow:
        """This window, in cells of `ratio` pixels a side: the inverse of `PairWindow.pixels`."""
        return PairWindow(self.row // ratio, self.column // ratio, self.height // ratio, self.width // ratio)


def split(region: Rectangle, block: int) -> Iterator[tuple[Rectangle, ...]]:
    """Split a region into blocks.

    Args:
        region: the rectangle to split.
        block: side of a block, in cells or pixels; blocks at the right and lower edges may be
            smaller.

    Yields:
        The blocks of one row, from left to right; rows from top to bottom. They cover the region.

    Raises:
        ValueError: if `block` isn't positive.
    """
    if block < 1:
        raise ValueError(f"expected a block of 1 cell or more, found {block}")
    for row in range(region.row, region.bottom, block):
        tall = min(block, region.bottom - row)
        yield tuple(
            type(region)(row, column, tall, min(block, region.right - column))
            for column in range(region.column, region.right, block)
        )


def panels(region: Rectangle, panel: int) -> Iterator[Rectangle]:
    """Split a region into panels of its height, of the width `panel`; the last may be narrower."""
    for column in range(region.column, region.right, panel):
        yield type(region)(region.row, column, region.height, min(panel, region.right - column))


def even_starts(length: int, size: int, most: int) -> list[int]:
    """Where windows of `size` begin that are spread evenly over a side: enough, but at most `most`.

    Example:
        >>> even_starts(100, 30, 3), even_starts(20, 30, 3)
        ([0, 35, 70], [0])
    """
    count = min(most, -(-length // size))
    return sorted({round(start) for start in np.linspace(0, max(0, length - size), count)})


def evenly(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many of some items, spread evenly over them.

    Example:
        >>> evenly("abcdefghi", 3)
        ['b', 'e', 'h']
    """
    count = min(most, len(items))
    return [items[(2 * place + 1) * len(items) // (2 * count)] for place in range(count)]


def pixel_windows(height: int, width: int, block: int, panel: int) -> Iterator[PixelWindow]:
    """Split an image into blocks, in the order in which `raster.Picture` takes them.

    Args:
        height: rows of the image.
        width: columns of the image.
        block: side of a block in pixels; blocks at the right and lower edges may be smaller.
        panel: width of a panel in pixels; panels come from left to right.

    Yields:
        The blocks of a panel, row after row; then those of the next panel.
    """
    for upright in panels(PixelWindow(0, 0, height, width), panel):
        for row in split(upright, block):
            yield from row
