"""Rectangles of ground: seen in both images of a pair, or in one image."""

from collections.abc import Iterator
from dataclasses import dataclass

from potato.core.sensors import RATIO


@dataclass(frozen=True)
class PairWindow:
    """A rectangle of ground, kept in mul pixels (cells), so that it can't leave the 4:1 grid.

    Rows and columns count from the upper left corner of *pan*; they may lie outside the image.

    Raises:
        ValueError: if a side is negative.
    """

    row: int
    column: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 0 or self.width < 0:
            raise ValueError(f"expected sides of 0 or more, found {self.height} × {self.width}")

    def __str__(self) -> str:
        """The window as people meet it: in pan pixels."""
        return (
            f"pan rows {self.row * RATIO}–{self.bottom * RATIO}, "
            f"columns {self.column * RATIO}–{self.right * RATIO}"
        )

    @property
    def bottom(self) -> int:
        """The first row below."""
        return self.row + self.height

    @property
    def right(self) -> int:
        """The first column to the right."""
        return self.column + self.width

    def padded(self, cells: int) -> "PairWindow":
        """The window with `cells` more on every side."""
        return PairWindow(
            self.row - cells, self.column - cells, self.height + 2 * cells, self.width + 2 * cells
        )


@dataclass(frozen=True)
class PixelWindow:
    """A rectangle of one image, in its own pixels."""

    row: int
    column: int
    height: int
    width: int

    def __str__(self) -> str:
        """The window as people meet it."""
        return f"rows {self.row}–{self.row + self.height}, columns {self.column}–{self.column + self.width}"


def split(region: PairWindow, block: int) -> Iterator[tuple[PairWindow, ...]]:
    """Split a region into blocks: row after row of windows, left to right.

    Args:
        region: what to split.
        block: side of a block in cells; blocks at the right and lower edge are smaller.

    Yields:
        The windows of one row of blocks; all rows together cover every cell once.

    Raises:
        ValueError: if `block` isn't positive.
    """
    if block < 1:
        raise ValueError(f"expected a block of 1 cell or more, found {block}")
    for row in range(region.row, region.bottom, block):
        tall = min(block, region.bottom - row)
        yield tuple(
            PairWindow(row, column, tall, min(block, region.right - column))
            for column in range(region.column, region.right, block)
        )


def panels(region: PairWindow, panel: int) -> Iterator[PairWindow]:
    """Split a region into upright panels, `panel` cells wide but for the last."""
    for column in range(region.column, region.right, panel):
        yield PairWindow(region.row, column, region.height, min(panel, region.right - column))


def pixel_windows(height: int, width: int, block: int, panel: int) -> Iterator[PixelWindow]:
    """Split an image into blocks, in the order in which pictures are written.

    Args:
        height: of the image, in pixels.
        width: likewise.
        block: side of a block; those at the right and lower edge are smaller.
        panel: width of the upright panels that come one after the other.
    """
    for upright in panels(PairWindow(0, 0, height, width), panel):
        for row in split(upright, block):
            yield from (PixelWindow(each.row, each.column, each.height, each.width) for each in row)
