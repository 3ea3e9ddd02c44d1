"""Mosaics: pictures of neighbouring cells put side by side, cut at the edges of the cells.

A cell is seldom a whole number of pixels wide, so the pixels of neighbours don't lie on one grid. A mosaic
gives every cell the whole number that is nearest, and pixels are copied, not resampled: nothing becomes
softer. Where a cell is n pixels wide, none is further out of place than |n − round(n)| / 2, at most ¼.
"""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from potato.core.profiles import PANEL, TILE, Profile
from potato.errors import InputError
from potato.raster.atomic import write_whole
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import gdal
from potato.raster.writer import create_picture

TOLERANCE = 0.01
"""Share by which a cell's pixels may differ in number from the mosaic's; some are left out or repeated."""

Box = tuple[float, float, float, float]
_KINDS = {"uint8": "Byte", "uint16": "UInt16"}
_COLOURS = ("Red", "Green", "Blue", "Alpha")


@dataclass(frozen=True)
class Piece:
    """A picture, and where its cell lies in it and in the mosaic. Everything in pixels.

    Attributes:
        path: of the picture.
        height, width: of it.
        row, column: where the cell begins in it; may lie outside.
        count: the cell's side in it.
        top, left: where the cell begins in the mosaic.
        side: the cell's side in the mosaic.
    """

    path: str
    height: int
    width: int
    row: int
    column: int
    count: int
    top: int
    left: int
    side: int

    @property
    def window(self) -> tuple[int, int, int, int]:
        """What it fills of the mosaic: first row and column, ends of rows and columns."""
        rows, columns = self._lines(self.row, self.height), self._lines(self.column, self.width)
        return self.top + rows[0], self.left + columns[0], self.top + rows[1], self.left + columns[1]

    def rows(self, first: int, end: int) -> NDArray[np.int64]:
        """Rows of the picture that come into those of the mosaic."""
        return self._source(np.arange(first - self.top, end - self.top), self.row)

    def columns(self, first: int, end: int) -> NDArray[np.int64]:
        """The same for columns."""
        return self._source(np.arange(first - self.left, end - self.left), self.column)

    def _source(self, lines: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = (2 * lines + 1) * self.count // (2 * self.side) + start
        return found

    def _lines(self, start: int, size: int) -> tuple[int, int]:
        """The first line of the cell that the picture has, and the end of those."""
        source = self._source(np.arange(self.side), start)
        there = np.flatnonzero((source >= 0) & (source < size))
        return (int(there[0]), int(there[-1]) + 1) if len(there) else (0, 0)


@dataclass(frozen=True)
class Layout:
    """A mosaic before it is written.

    Attributes:
        grid: of the mosaic.
        dtype: of its pixels.
        pieces: what it is made of; they don't overlap.
        misfits: pictures that can't be part of it, and why.
    """

    grid: Grid
    dtype: str
    pieces: tuple[Piece, ...]
    misfits: tuple[str, ...]


def picture_grid(path: str) -> Grid:
    """Size and place of a picture.

    Raises:
        InputError: if it can't be opened.
    """
    return _open(path)[0]


def lay_out(pictures: Sequence[tuple[str, Box]]) -> Layout:
    """Find the places of pictures in their mosaic. Those that show nothing of their cells have none.

    Args:
        pictures: paths, and the cells that they are of: west, south, east, north in metres.

    Raises:
        InputError: if a picture can't be opened, or there is nothing to put together.
    """
    opened = [(path, cell, *_open(path)) for path, cell in pictures]
    if not opened:
        raise InputError("expected pictures to put together, found none")
    sides = [round((cell[2] - cell[0]) / grid.transform.a) for _, cell, grid, _ in opened]
    side = Counter(sides).most_common(1)[0][0]
    kind = opened[0][3]
    pieces, misfits, drift = [], [], []
    for (path, cell, grid, dtype), count in zip(opened, sides, strict=True):
        if abs(count - side) > TOLERANCE * side or dtype != kind or grid.crs != opened[0][2].crs:
            misfits.append(f"{path}: another pixel size, type or CRS than the others")
            continue
        size, pixel = cell[2] - cell[0], grid.transform.a
        stretch = (size / pixel - count) / 2
        row = (grid.transform.f - cell[3]) / pixel + stretch
        column = (cell[0] - grid.transform.c) / pixel + stretch
        piece = Piece(
            path,
            grid.height,
            grid.width,
            row=_nearest(row),
            column=_nearest(column),
            count=count,
            top=-round(cell[3] / size) * side,
            left=round(cell[0] / size) * side,
            side=side,
        )
        top, left, bottom, right = piece.window
        if top < bottom and left < right:
            pieces.append(piece)
            drift.append((piece.column - column, piece.row - row))
    if not pieces:
        raise InputError(f"expected pictures that show their cells, found none in {len(pictures)}")
    windows = [piece.window for piece in pieces]
    top, left = min(window[0] for window in windows), min(window[1] for window in windows)
    height = max(window[2] for window in windows) - top
    width = max(window[3] for window in windows) - left
    pixel = (opened[0][1][2] - opened[0][1][0]) / side
    # What rounding did to all of them alike is no fault of their places, but the mosaic's own place.
    right, down = np.mean(drift, 0).tolist()
    place = Affine(pixel, 0, (left + right) * pixel, 0, -pixel, -(top + down) * pixel)
    moved = tuple(
        Piece(**{**vars(piece), "top": piece.top - top, "left": piece.left - left}) for piece in pieces
    )
    return Layout(Grid(height, width, opened[0][2].crs, place), kind, moved, tuple(misfits))


def write_mosaic(
    output: str | os.PathLike[str],
    layout: Layout,
    *,
    profile: Profile,
    options: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> float:
    """Write a mosaic as one picture, in bounded memory; it is whole or absent.

    Args:
        output: the file to write.
        layout: from `lay_out`.
        profile: the format.
        options: GDAL creation options on top of the profile's.
        tags: metadata to set.
        overwrite: whether to replace a file.

    Returns:
        The share of its pixels that are valid.

    Raises:
        InputError: if a picture can't be read.
        OutputError, OutputExists: if it can't be written.
    """
    grid, valid = layout.grid, 0
    with (
        gdal(),
        create_picture(
            output,
            grid,
            dtype=layout.dtype,
            profile=profile,
            options=options,
            tags=tags,
            overwrite=overwrite,
        ) as canvas,
    ):
        for left in range(0, grid.width, PANEL):
            right = min(left + PANEL, grid.width)
            for top in range(0, grid.height, TILE):
                bottom = min(top + TILE, grid.height)
                strip = _strip(layout, top, left, bottom, right)
                canvas.put(top, left, strip, bottom - top)
                valid += 0 if strip is None else int(np.count_nonzero(strip[3]))
    return valid / (grid.height * grid.width)


def write_vrt(output: Path, layout: Layout) -> None:
    """Write a mosaic as a VRT, which names its pictures, relative to itself, and copies nothing.

    Raises:
        OutputError: if it can't be written.
    """
    grid = layout.grid
    root = ElementTree.Element("VRTDataset", rasterXSize=str(grid.width), rasterYSize=str(grid.height))
    ElementTree.SubElement(root, "SRS").text = grid.crs.to_wkt()
    ElementTree.SubElement(root, "GeoTransform").text = ", ".join(
        repr(float(value)) for value in grid.transform.to_gdal()
    )
    for band, colour in enumerate(_COLOURS, 1):
        element = ElementTree.SubElement(root, "VRTRasterBand", dataType=_KINDS[layout.dtype], band=str(band))
        ElementTree.SubElement(element, "ColorInterp").text = colour
        for piece in layout.pieces:
            source = ElementTree.SubElement(element, "SimpleSource")
            name = Path(os.path.relpath(piece.path, output.parent)).as_posix()
            ElementTree.SubElement(source, "SourceFilename", relativeToVRT="1").text = name
            ElementTree.SubElement(source, "SourceBand").text = str(band)
            top, left, bottom, right = piece.window
            rows, columns = piece.rows(top, bottom), piece.columns(left, right)
            _rectangle(source, "SrcRect", rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
            _rectangle(source, "DstRect", top, left, bottom, right)
    ElementTree.indent(root)
    write_whole(output, ElementTree.tostring(root, encoding="unicode") + "\n")


def _rectangle(source: ElementTree.Element, name: str, top: int, left: int, bottom: int, right: int) -> None:
    ElementTree.SubElement(
        source, name, xOff=str(left), yOff=str(top), xSize=str(right - left), ySize=str(bottom - top)
    )


def _nearest(value: float) -> int:
    """The nearest whole number; of two the larger, for all alike, whatever the noise in their places."""
    return math.floor(value + 0.501)


def _open(path: str) -> tuple[Grid, str]:
    """The grid of a picture, and the type of its pixels."""
    try:
        with gdal(), rasterio.open(path) as file:
            return Grid(file.height, file.width, file.crs, file.transform), str(file.dtypes[0])
    except RasterioError as error:
        raise InputError(f"can't open the picture {path}: {error}") from error


def _strip(layout: Layout, top: int, left: int, bottom: int, right: int) -> NDArray[np.generic] | None:
    """A rectangle of a mosaic (4, bottom − top, right − left); None if no picture has anything of it."""
    strip: NDArray[np.generic] | None = None
    for piece in layout.pieces:
        window = piece.window
        first, end = max(top, window[0]), min(bottom, window[2])
        start, stop = max(left, window[1]), min(right, window[3])
        if first >= end or start >= stop:
            continue
        rows, columns = piece.rows(first, end), piece.columns(start, stop)
        corner = int(rows[0]), int(columns[0])
        size = int(rows[-1]) + 1 - corner[0], int(columns[-1]) + 1 - corner[1]
        try:
            with rasterio.open(piece.path) as file:
                pixels = file.read(window=Window(corner[1], corner[0], size[1], size[0]))
        except RasterioError as error:
            raise InputError(f"can't read the picture {piece.path}: {error}") from error
        if size != (len(rows), len(columns)):
            pixels = pixels[:, rows - corner[0]][:, :, columns - corner[1]]
        if strip is None:
            strip = np.zeros((4, bottom - top, right - left), layout.dtype)
        strip[:, first - top : end - top, start - left : stop - left] = pixels
    return strip
