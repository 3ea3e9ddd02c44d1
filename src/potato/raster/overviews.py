"""Overviews of a picture, averaged while its TIFF blocks are written.

GDAL would read the finished pixels again and take more than twice the time.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from xml.etree import ElementTree

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window

from potato.core.profiles import TIFF_BLOCK
from potato.raster.checked_files import CheckedFiles
from potato.raster.coordinates import Grid


class Overviews:
    """The overviews of a picture, each in a file of its own; made by `open_overviews`."""

    def __init__(self, datasets: list[Any], has_alpha: bool, pool: ThreadPoolExecutor) -> None:
        self._datasets, self._has_alpha, self._pool = datasets, has_alpha, pool

    def average(self, blocks: Sequence[NDArray[Any]]) -> Iterator[list[NDArray[Any]]]:
        """The overviews of TIFF blocks (n, h, w), in their order; threads make them ahead."""
        return self._pool.map(self._halved, blocks)

    def put(self, top: int, left: int, levels: Sequence[NDArray[Any]]) -> None:
        """Write the overviews of the TIFF block that begins at (`top`, `left`) of the picture."""
        for level, (dataset, pixels) in enumerate(zip(self._datasets, levels, strict=True), 1):
            height, width = pixels.shape[1:]
            dataset.write(pixels, window=Window(left >> level, top >> level, width, height))

    def _halved(self, pixels: NDArray[Any]) -> list[NDArray[Any]]:
        levels = []
        for _ in self._datasets:
            pixels = halve(pixels, self._has_alpha)
            levels.append(pixels)
        return levels


@contextlib.contextmanager
def open_overviews(
    grid: Grid, create: Callable[[str, Grid, int], Any], has_alpha: bool, threads: int
) -> Iterator[Overviews]:
    """Make the overviews of a picture, down to one that fits into a TIFF block.

    Args:
        grid: size and place of the picture.
        create: creates the file of an overview, of a name and a grid, in TIFF blocks of a side.
        has_alpha: whether the last band is alpha; else pixels of 0 are invalid.
        threads: threads that average.
    """
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(threads, thread_name_prefix="potato-overviews"))
        datasets = []
        for level in range(1, _count(grid) + 1):
            step = 2**level
            coarse = Grid(
                -(-grid.height // step), -(-grid.width // step), grid.crs, grid.transform @ Affine.scale(step)
            )
            # A TIFF block of the picture becomes one of the overview; 16 is TIFF's least side.
            dataset = create(_name(level), coarse, max(16, TIFF_BLOCK // step))
            datasets.append(stack.enter_context(contextlib.closing(dataset)))
        yield Overviews(datasets, has_alpha, pool)


def with_overviews(files: CheckedFiles, stage: str, grid: Grid) -> str:
    """The name of a VRT of a picture and its overviews, for GDAL to copy both into one file."""
    name = "stage.vrt"
    files.copy(stage, name, "VRT")
    files.check()
    path = files.folder / name
    tree = ElementTree.parse(path)
    for band in tree.iter("VRTRasterBand"):
        for level in range(1, _count(grid) + 1):
            overview = ElementTree.SubElement(band, "Overview")
            ElementTree.SubElement(overview, "SourceFilename", relativeToVRT="1").text = _name(level)
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


def _count(grid: Grid) -> int:
    """The number of overviews; in more, a TIFF block of the picture would be less than a pixel."""
    most = TIFF_BLOCK.bit_length() - 1
    return min(most, math.ceil(math.log2(max(grid.width, grid.height, TIFF_BLOCK) / TIFF_BLOCK)))


def _name(level: int) -> str:
    return f"overview-{level}.tif"
