"""Mosaics: pictures of neighbouring grid squares side by side, cut at the edges of the squares.

A grid square is seldom a whole number of pixels wide, so pixels of neighbouring pictures don't lie
on one grid. A mosaic gives every square the nearest whole number of pixels. It copies pixels
instead of resampling them, so nothing becomes softer. Where a square is n pixels wide, no pixel is
displaced by more than |n − round(n)| / 2, which is at most ¼.
"""

import dataclasses
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from potato.core.profiles import PANEL, TIFF_BLOCK, Profile
from potato.core.types import PathLike
from potato.core.windows import PixelWindow
from potato.errors import InputError
from potato.raster.atomic import write_whole
from potato.raster.coordinates import Box, Grid
from potato.raster.gdal_env import gdal
from potato.raster.header import Header, read_header
from potato.raster.pictures import read_rgba
from potato.raster.vrt import VRT_TYPES, add_rectangle, start_vrt
from potato.raster.writer import Channels, create_picture

TOLERANCE = 0.01
"""Share by which a square's number of pixels may differ from that of most squares; within it,
pixels are left out or repeated."""

COLOURS = ("Red", "Green", "Blue", "Alpha")
"""GDAL's names of the bands' colour interpretations."""


@dataclass(frozen=True)
class Piece:
    """A picture, and its grid square's place in it and in the mosaic, in pixels.

    Attributes:
        path: the picture's path.
        masked: whether a mask says what is valid, and not a fourth band, as in JPEG.
        height, width: the picture's rows and columns.
        row, column: the square's first row and column in the picture; may lie outside.
        count: the square's side in pixels of the picture.
        top, left: the square's first row and column in the mosaic.
        side: the square's side in pixels of the mosaic.
    """

    path: str
    masked: bool
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
        """The filled part of the mosaic: first row and column, end row and column."""
        rows, columns = self._filled(self.row, self.height), self._filled(self.column, self.width)
        return self.top + rows[0], self.left + columns[0], self.top + rows[1], self.left + columns[1]

    def rows(self, first: int, end: int) -> NDArray[np.int64]:
        """The picture's row for each row of the mosaic from `first` to before `end`."""
        return self._source(np.arange(first - self.top, end - self.top), self.row)

    def columns(self, first: int, end: int) -> NDArray[np.int64]:
        """The picture's column for each column of the mosaic from `first` to before `end`."""
        return self._source(np.arange(first - self.left, end - self.left), self.column)

    def _source(self, lines: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = (2 * lines + 1) * self.count // (2 * self.side) + start
        return found

    def _filled(self, start: int, size: int) -> tuple[int, int]:
        """First and end row or column of the square, as far as the picture has it."""
        source = self._source(np.arange(self.side), start)
        there = np.flatnonzero((source >= 0) & (source < size))
        return (int(there[0]), int(there[-1]) + 1) if len(there) else (0, 0)


@dataclass(frozen=True)
class Layout:
    """A mosaic before it is written.

    Attributes:
        grid: the mosaic's grid.
        dtype: the data type of its pixels.
        pieces: its pictures, which don't overlap.
        misfits: the pictures that can't be part of it, and why.
    """

    grid: Grid
    dtype: str
    pieces: tuple[Piece, ...]
    misfits: tuple[str, ...]


def lay_out(pictures: Sequence[tuple[str, Box]]) -> Layout:
    """Find the places of pictures in their mosaic.

    Pictures that show nothing of their squares are left out.

    Args:
        pictures: paths, and the grid squares that they show: west, south, east, north in metres.

    Raises:
        InputError: if a picture can't be opened, or there is nothing to put together.
    """
    opened = [(path, square, read_header(path, "picture")) for path, square in pictures]
    if not opened:
        raise InputError("expected pictures to put together, found none")
    counts = [round((square[2] - square[0]) / each.grid.transform.a) for _, square, each in opened]
    side = Counter(counts).most_common(1)[0][0]
    _, square, first = opened[0]
    pieces, misfits, shifts = [], [], []
    for (path, box, header), count in zip(opened, counts, strict=True):
        others = (header.dtype, header.grid.crs) != (first.dtype, first.grid.crs)
        if abs(count - side) > TOLERANCE * side or others:
            misfits.append(f"{path}: another pixel size, type or CRS than the others")
            continue
        piece, shift = _place(header, box, count, side)
        top, left, bottom, right = piece.window
        if top < bottom and left < right:
            pieces.append(piece)
            shifts.append(shift)
    if not pieces:
        raise InputError(f"expected pictures that show their squares, found none in {len(pictures)}")
    tops, lefts, bottoms, rights = zip(*(piece.window for piece in pieces), strict=True)
    top, left = min(tops), min(lefts)
    pixel = (square[2] - square[0]) / side
    # All pieces share the mean shift, so the place of the mosaic makes up for it.
    right, down = np.mean(shifts, 0).tolist()
    transform = Affine(pixel, 0, (left + right) * pixel, 0, -pixel, -(top + down) * pixel)
    moved = (dataclasses.replace(one, top=one.top - top, left=one.left - left) for one in pieces)
    grid = Grid(max(bottoms) - top, max(rights) - left, first.grid.crs, transform)
    return Layout(grid, first.dtype, tuple(moved), tuple(misfits))


def _place(header: Header, square: Box, count: int, side: int) -> tuple[Piece, tuple[float, float]]:
    """A picture as a piece, and by how much rounding shifts it to the right and down, in pixels."""
    grid = header.grid
    size, pixel = square[2] - square[0], grid.transform.a
    stretch = (size / pixel - count) / 2
    row = (grid.transform.f - square[3]) / pixel + stretch
    column = (square[0] - grid.transform.c) / pixel + stretch
    piece = Piece(
        header.name,
        len(header.descriptions) < len(COLOURS),
        grid.height,
        grid.width,
        row=_nearest(row),
        column=_nearest(column),
        count=count,
        top=-round(square[3] / size) * side,
        left=round(square[0] / size) * side,
        side=side,
    )
    return piece, (piece.column - column, piece.row - row)


def write_mosaic(
    output: PathLike,
    layout: Layout,
    *,
    profile: Profile,
    options: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
    threads: int | None = None,
) -> float:
    """Write a mosaic as one picture, whole or absent, in bounded memory.

    Args:
        output: the file to write.
        layout: from `lay_out`.
        profile: the format.
        options: GDAL creation options, which replace or add to those of the profile.
        tags: metadata of the file.
        overwrite: whether to replace a file.
        threads: threads that compress; None for one per core that this process may use.

    Returns:
        The share of its pixels that are valid.

    Raises:
        InputError: if a picture can't be read.
        OutputError, OutputExists: if it can't be written.
    """
    grid = layout.grid
    settings: dict[str, Any] = {"profile": profile, "options": options, "tags": tags}
    settings |= {"overwrite": overwrite, "threads": threads}
    with gdal(), create_picture(output, grid, channels=Channels(layout.dtype), **settings) as picture:
        for left in range(0, grid.width, PANEL):
            right = min(left + PANEL, grid.width)
            for top in range(0, grid.height, TIFF_BLOCK):
                bottom = min(top + TIFF_BLOCK, grid.height)
                strip = _read_strip(layout, top, left, bottom, right)
                picture.put(top, left, strip, bottom - top)
    return picture.share


def write_vrt(output: Path, layout: Layout) -> None:
    """Write a mosaic as a VRT: a list of its pictures, by paths relative to it, without pixels.

    Raises:
        OutputError: if it can't be written.
    """
    grid = layout.grid
    root = start_vrt(grid)
    for band, colour in enumerate(COLOURS, 1):
        kind = VRT_TYPES[layout.dtype]
        element = ElementTree.SubElement(root, "VRTRasterBand", dataType=kind, band=str(band))
        ElementTree.SubElement(element, "ColorInterp").text = colour
        for piece in layout.pieces:
            source = ElementTree.SubElement(element, "SimpleSource")
            name = Path(os.path.relpath(piece.path, output.parent)).as_posix()
            ElementTree.SubElement(source, "SourceFilename", relativeToVRT="1").text = name
            masked = piece.masked and band == len(COLOURS)
            ElementTree.SubElement(source, "SourceBand").text = "mask,1" if masked else str(band)
            top, left, bottom, right = piece.window
            rows, columns = piece.rows(top, bottom), piece.columns(left, right)
            add_rectangle(source, "SrcRect", rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)
            add_rectangle(source, "DstRect", top, left, bottom, right)
    ElementTree.indent(root)
    write_whole(output, ElementTree.tostring(root, encoding="unicode") + "\n")


def _nearest(value: float) -> int:
    """The nearest whole number; halves, with the noise of their places, are all rounded up."""
    return math.floor(value + 0.501)


def _read_strip(layout: Layout, top: int, left: int, bottom: int, right: int) -> NDArray[np.generic] | None:
    """A rectangle of a mosaic (4, bottom − top, right − left); None if no picture shows it."""
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
        pixels: NDArray[Any] = read_rgba(piece.path, PixelWindow(*corner, *size))
        if size != (len(rows), len(columns)):
            pixels = pixels[:, rows - corner[0]][:, :, columns - corner[1]]
        if strip is None:
            strip = np.zeros((4, bottom - top, right - left), layout.dtype)
        strip[:, first - top : end - top, start - left : stop - left] = pixels
    return strip
