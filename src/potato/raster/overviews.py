"""A picture and its overviews, which are averaged while its TIFF blocks are written.

GDAL would read the finished pixels again and take more than twice the time.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any
from xml.etree import ElementTree

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window

from potato.core.profiles import TIFF_BLOCK
from potato.raster.checked_files import CheckedFiles
from potato.raster.coordinates import Grid

PlacedBlock = tuple[int, int, NDArray[Any]]
"""First row and first column of a TIFF block, and its pixels (n, h, w)."""


class Size:
    """One size of a picture, in a file of its own: takes parts, and gives whole TIFF blocks."""

    def __init__(self, dataset: Any) -> None:
        """`dataset` is open for writing."""
        self._dataset = dataset
        self._waiting: dict[tuple[int, int], NDArray[Any]] = {}

    def place(self, row: int, column: int, pixels: NDArray[Any]) -> None:
        """Place pixels (n, h, w), not to be changed afterwards, but for those beyond the grid."""
        bottom = min(row + pixels.shape[1], self._dataset.height)
        right = min(column + pixels.shape[2], self._dataset.width)
        for top in range(row // TIFF_BLOCK * TIFF_BLOCK, bottom, TIFF_BLOCK):
            for left in range(column // TIFF_BLOCK * TIFF_BLOCK, right, TIFF_BLOCK):
                rows = slice(max(top, row), min(top + TIFF_BLOCK, bottom))
                columns = slice(max(left, column), min(left + TIFF_BLOCK, right))
                part = pixels[:, _moved(rows, row), _moved(columns, column)]
                self._merge(top, left, part, _moved(rows, top), _moved(columns, left))

    def take(self, is_whole: Callable[[int, int], bool]) -> list[PlacedBlock]:
        """Remove TIFF blocks whose first row and column `is_whole` takes; returns them in order."""
        places = sorted(place for place in self._waiting if is_whole(*place))
        return [(*place, self._waiting.pop(place)) for place in places]

    def write(self, block: PlacedBlock) -> None:
        """Write a TIFF block."""
        top, left, pixels = block
        self._dataset.write(pixels, window=Window(left, top, pixels.shape[2], pixels.shape[1]))

    def _merge(self, top: int, left: int, part: NDArray[Any], rows: slice, columns: slice) -> None:
        """Place a part of the TIFF block at (`top`, `left`): a view of it, if it is the whole."""
        dataset = self._dataset
        shape = min(TIFF_BLOCK, dataset.height - top), min(TIFF_BLOCK, dataset.width - left)
        if part.shape[1:] == shape:
            self._waiting[top, left] = part
            return
        if (top, left) not in self._waiting:
            self._waiting[top, left] = np.zeros((dataset.count, *shape), dataset.dtypes[0])
        self._waiting[top, left][:, rows, columns] = part


def _moved(span: slice, start: int) -> slice:
    return slice(span.start - start, span.stop - start)


def overview_grids(grid: Grid) -> list[Grid]:
    """The grids of the overviews of a picture, down to one that fits into a TIFF block."""
    longest = max(grid.width, grid.height, TIFF_BLOCK)
    steps = [2**level for level in range(1, 1 + math.ceil(math.log2(longest / TIFF_BLOCK)))]
    return [
        Grid(-(-grid.height // step), -(-grid.width // step), grid.crs, grid.transform @ Affine.scale(step))
        for step in steps
    ]


def halve_blocks(pool: Executor, has_alpha: bool, blocks: Sequence[PlacedBlock]) -> Iterator[PlacedBlock]:
    """What TIFF blocks become in the next overview, in their order; threads make them ahead."""

    def half(block: PlacedBlock) -> PlacedBlock:
        top, left, pixels = block
        return top // 2, left // 2, halve(pixels, has_alpha)

    return pool.map(half, blocks)


def with_overviews(files: CheckedFiles, names: Sequence[str]) -> str:
    """The name of a VRT of a picture and its overviews, for GDAL to copy all into one file.

    Args:
        files: where they lie.
        names: the files of the picture and of its overviews.
    """
    name = "stage.vrt"
    files.copy(names[0], name, "VRT")
    files.check()
    path = files.folder / name
    tree = ElementTree.parse(path)
    for band in tree.iter("VRTRasterBand"):
        for overview_name in names[1:]:
            overview = ElementTree.SubElement(band, "Overview")
            ElementTree.SubElement(overview, "SourceFilename", relativeToVRT="1").text = overview_name
            ElementTree.SubElement(overview, "SourceBand").text = band.get("band")
    tree.write(path)
    return name


def halve(pixels: NDArray[Any], has_alpha: bool = True) -> NDArray[Any]:
    """Make a picture half as large: means of 2 × 2 pixels.

    Args:
        pixels: codes (n, h, w) of 8 or 16 bits.
        has_alpha: whether the last band is alpha; else pixels of 0 are invalid.

    Returns:
        Codes of that type (n, ⌈h/2⌉, ⌈w/2⌉), rounded. Means are weighted by alpha, so that invalid
        pixels don't darken their neighbours; alpha is a mean too.
    """
    pixels = _even(pixels)
    alpha = pixels[-1:] if has_alpha else pixels[-1:] > 0
    if alpha.min() == (np.iinfo(pixels.dtype).max if has_alpha else 1):
        return halve_opaque(pixels)
    weight = _sums(alpha, np.uint64)
    colour = _sums((pixels[:-1] if has_alpha else pixels).astype(np.uint64) * alpha, np.uint64)
    colour = (colour + weight // 2) // np.maximum(weight, 1)
    if has_alpha:
        colour = np.concatenate([colour, (weight + 2) >> 2])
    return colour.astype(pixels.dtype)


def halve_opaque(pixels: NDArray[Any]) -> NDArray[Any]:
    """Make a picture half as large, as `halve` does, whose pixels are all valid."""
    whole: NDArray[Any] = (_sums(_even(pixels), np.uint16 if pixels.itemsize == 1 else np.uint32) + 2) >> 2
    return whole.astype(pixels.dtype)


def _even(pixels: NDArray[Any]) -> NDArray[Any]:
    """A picture of even sides: an odd last row or column comes twice."""
    height, width = pixels.shape[1:]
    if not (height % 2 or width % 2):
        return pixels
    return np.pad(pixels, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")


def _sums(pixels: NDArray[Any], dtype: type) -> NDArray[Any]:
    """Sums of 2 × 2 pixels."""
    rows = np.add(pixels[:, ::2], pixels[:, 1::2], dtype=dtype)
    sums: NDArray[Any] = rows[..., ::2] + rows[..., 1::2]
    return sums
