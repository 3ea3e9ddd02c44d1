"""Pictures of any CRS in one of the web's CRS (Web Mercator), the first of them on top.

A pixel shows the first picture that is valid there. Nothing is blended, so every pixel is of one
moment, and the edge between two pictures is where the upper one ends.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import transform_bounds

from potato.core.profiles import PANEL, TIFF_BLOCK, Profile
from potato.core.types import Codes, PathLike
from potato.core.windows import PixelWindow, pixel_windows
from potato.engine.threads import available_cores, map_blocks
from potato.errors import InputError
from potato.raster.coordinates import Box, Grid, crs_name, grid_to_lonlat, ground_pixel
from potato.raster.gdal_env import GDAL_ERRORS, gdal
from potato.raster.header import Header, read_header
from potato.raster.pictures import read_rgba
from potato.raster.warp import DENSE, cells_within, find_shown_part, warp_picture
from potato.raster.writer import Channels, create_picture

WEB_CRS = 3857
"""EPSG code of Web Mercator."""

HALF_WORLD = math.pi * 6_378_137.0
"""Easting and northing of the right and the upper edge of the web's map, in its metres."""

WEB_TILE = 256
"""Side of a web tile in pixels."""

COARSEST = 1.1
"""How large a pixel of the mosaic may be, in pixels of the finest picture."""

BLOCK = 2 * TIFF_BLOCK
"""Side of a block of work in pixels."""


@dataclass(frozen=True)
class WebPiece:
    """A picture, the part of it that is shown, and the box around that part in the mosaic.

    Attributes:
        path: the picture's path.
        shown: the grid of the part.
        row, column: the first row and column of the part in the picture.
        box: the box around it, in pixels of the mosaic.
    """

    path: str
    shown: Grid
    row: int
    column: int
    box: PixelWindow


@dataclass(frozen=True)
class WebLayout:
    """A mosaic in Web Mercator before it is written.

    Attributes:
        grid: the mosaic's grid; its corner is one of a web tile of twice `WEB_TILE`.
        zoom: the zoom level of its pixels.
        dtype: the data type of its pixels.
        pieces: its pictures, the uppermost first.
        misfits: the pictures that can't be part of it, and why.
    """

    grid: Grid
    zoom: int
    dtype: str
    pieces: tuple[WebPiece, ...]
    misfits: tuple[str, ...]


def zoom_pixel(zoom: int) -> float:
    """The side of a pixel at a zoom level, in metres of Web Mercator."""
    return 2 * HALF_WORLD / (WEB_TILE << zoom)


def zoom_of(metres: float, latitude: float) -> int:
    """The first zoom level whose pixels are about so many metres of ground, or less."""
    pixel = metres / max(1e-3, math.cos(math.radians(latitude)))
    return max(0, math.ceil(math.log2(zoom_pixel(0) / (COARSEST * pixel))))


def zoom_for(grid: Grid) -> int:
    """The first zoom level whose pixels are about as fine as a grid's, or finer."""
    _, latitude = grid_to_lonlat(grid, grid.width / 2, grid.height / 2)
    return zoom_of(ground_pixel(grid), latitude)


def lay_out_web(pictures: Sequence[tuple[str, Box | None]]) -> WebLayout:
    """Find the places of pictures in their mosaic.

    Args:
        pictures: paths, the uppermost first; and the box that each is cut to, in the metres of its
            own CRS, to whole pixels; None for all of it.

    Raises:
        InputError: if a picture can't be opened, there is nothing to put together, or pictures lie
            on both sides of the antimeridian.
    """
    opened = [(read_header(path, "picture"), box) for path, box in pictures]
    if not opened:
        raise InputError("expected pictures to put together, found none")
    kept, misfits = [], []
    for header, box in opened:
        reason = _misfit(header, opened[0][0])
        if reason:
            misfits.append(f"{header.name}: {reason}")
            continue
        part = _part(header.grid, box)
        if part.size:
            move = header.grid.transform @ Affine.translation(part.column, part.row)
            kept.append((header, part, Grid(part.height, part.width, header.grid.crs, move)))
    if not kept:
        raise InputError(f"expected pictures of places on Earth, found none in {len(pictures)}")
    zoom = max(zoom_for(shown) for _, _, shown in kept)
    boxes = [_web_box(shown, zoom_pixel(zoom)) for _, _, shown in kept]
    grid, corner = _around(boxes, zoom)
    pieces = (
        WebPiece(
            header.name,
            shown,
            part.row,
            part.column,
            PixelWindow(box.row - corner[0], box.column - corner[1], box.height, box.width),
        )
        for (header, part, shown), box in zip(kept, boxes, strict=True)
    )
    return WebLayout(grid, zoom, opened[0][0].dtype, tuple(pieces), tuple(misfits))


def write_web_mosaic(
    output: PathLike,
    layout: WebLayout,
    *,
    profile: Profile,
    options: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
    threads: int | None = None,
) -> float:
    """Write a mosaic as one picture, whole or absent, in bounded memory.

    Pixels are interpolated by cubic convolution, since linear interpolation would soften them.

    Args:
        output: the file to write.
        layout: from `lay_out_web`.
        profile: the format.
        options: GDAL creation options, which replace or add to those of the profile.
        tags: metadata of the file.
        overwrite: whether to replace a file.
        threads: threads that warp and compress; None for one per core that this process may use.

    Returns:
        The share of its pixels that are valid.

    Raises:
        InputError: if a picture can't be read.
        OutputError, OutputExists: if it can't be written.
    """
    grid, threads = layout.grid, threads or available_cores()
    windows = (
        (window, window)
        for window in pixel_windows(grid.height, grid.width, BLOCK, PANEL)
        if any(piece.box.intersection(window).size for piece in layout.pieces)
    )

    def make(window: PixelWindow) -> Codes | None:
        with gdal():
            return _make_block(layout, window)

    with (
        gdal(),
        create_picture(
            output,
            grid,
            channels=Channels(layout.dtype),
            profile=profile,
            options=options,
            tags=tags,
            overwrite=overwrite,
            threads=threads,
        ) as picture,
    ):
        for window, block in map_blocks(windows, make, threads, threads + 2):
            picture.put(window.row, window.column, block, window.height)
    return picture.share


def _misfit(header: Header, first: Header) -> str | None:
    """Why a picture can't be part of a mosaic that begins with another."""
    if header.grid.crs is None:
        return "no place on Earth"
    if header.dtype != first.dtype:
        return f"pixels of {header.dtype}, not {first.dtype} as the others"
    return None


def _part(grid: Grid, box: Box | None) -> PixelWindow:
    """The pixels of a picture within a box, those at its edges included."""
    whole = PixelWindow(0, 0, grid.height, grid.width)
    if box is None:
        return whole
    corners = [~grid.transform @ (x, y) for x in box[::2] for y in box[1::2]]
    (left, right), (top, bottom) = (
        # A thousandth of a pixel is noise of the arithmetic.
        (math.floor(min(line) + 1e-3), math.ceil(max(line) - 1e-3))
        for line in zip(*corners, strict=True)
    )
    return whole.intersection(PixelWindow(top, left, max(0, bottom - top), max(0, right - left)))


def _web_box(shown: Grid, pixel: float) -> PixelWindow:
    """The box around a grid, in pixels counted from the upper left corner of the web's map."""
    corners = [shown.transform @ (x, y) for x in (0, shown.width) for y in (0, shown.height)]
    across, down = zip(*corners, strict=True)
    try:
        west, south, east, north = transform_bounds(
            shown.crs,
            CRS.from_epsg(WEB_CRS),
            min(across),
            min(down),
            max(across),
            max(down),
            densify_pts=DENSE,
        )
    except GDAL_ERRORS as error:
        raise InputError(f"can't transform {crs_name(shown.crs)} to Web Mercator: {error}") from error
    left, right = math.floor((west + HALF_WORLD) / pixel), math.ceil((east + HALF_WORLD) / pixel)
    top, bottom = math.floor((HALF_WORLD - north) / pixel), math.ceil((HALF_WORLD - south) / pixel)
    return PixelWindow(top, left, bottom - top, right - left)


def _around(boxes: Iterable[PixelWindow], zoom: int) -> tuple[Grid, tuple[int, int]]:
    """The grid around boxes, and its first row and column in pixels of the web's map."""
    rows, columns, bottoms, rights = zip(
        *((box.row, box.column, box.bottom, box.right) for box in boxes), strict=True
    )
    side, pixel = 2 * WEB_TILE, zoom_pixel(zoom)
    top, left = min(rows) // side * side, min(columns) // side * side
    height, width = -(-(max(bottoms) - top) // side) * side, -(-(max(rights) - left) // side) * side
    if width * pixel > HALF_WORLD:
        raise InputError(
            "expected pictures on one side of the antimeridian, found some on both sides; make a mosaic of "
            "each side with --bbox or --aoi"
        )
    place = Affine(pixel, 0, left * pixel - HALF_WORLD, 0, -pixel, HALF_WORLD - top * pixel)
    return Grid(height, width, CRS.from_epsg(WEB_CRS), place), (top, left)


def _make_block(layout: WebLayout, window: PixelWindow) -> Codes | None:
    """A block of a mosaic (4, h, w); None if no picture is valid there."""
    block: Codes = np.zeros((4, window.height, window.width), layout.dtype)
    for piece in layout.pieces:
        shared = piece.box.intersection(window)
        if not shared.size:
            continue
        row, column = shared.row - window.row, shared.column - window.column
        target = block[:, row : row + shared.height, column : column + shared.width]
        if target[3].all():
            continue
        moved = layout.grid.transform @ Affine.translation(shared.column, shared.row)
        codes = _warp_piece(piece, Grid(shared.height, shared.width, layout.grid.crs, moved))
        if codes is not None:
            taken = (target[3] == 0) & (codes[3] > 0)
            target[:, taken] = codes[:, taken]
    return block if block[3].any() else None


def _warp_piece(piece: WebPiece, grid: Grid) -> Codes | None:
    """The pixels of a grid (4, h, w) as far as a piece shows them; None if it shows none."""
    part = find_shown_part(piece.shown, grid)
    if part is None:
        return None
    whole = PixelWindow(0, 0, piece.shown.height, piece.shown.width)
    # Cubic convolution reaches a pixel further than linear interpolation.
    window = cells_within(piece.shown, 1, part).pixels(1).padded(1).intersection(whole)
    row, column = piece.row + window.row, piece.column + window.column
    codes = read_rgba(piece.path, PixelWindow(row, column, window.height, window.width))
    return warp_picture(codes, piece.shown, window, grid, Resampling.cubic)
