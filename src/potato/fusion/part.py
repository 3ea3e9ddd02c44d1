"""The part of a pair that a picture shows, as a person asks for it."""

from collections.abc import Sequence

from potato.core.text import redact
from potato.core.types import PathLike
from potato.core.windows import PairWindow, PixelWindow
from potato.errors import InputError
from potato.fusion.aoi import choose_area
from potato.raster.area import Part, part_of
from potato.raster.coordinates import grid_to_lonlat
from potato.raster.pair import Pair

EXTENTS = ("pan", "intersection")
"""What a picture shows: all of pan, or only the ground that mul has too."""


def choose_part(
    pair: Pair,
    *,
    bbox: Sequence[float] | None = None,
    aoi: PathLike | None = None,
    window: Sequence[int] | None = None,
    extent: str = "pan",
) -> Part:
    """The part of an open pair inside a box, an area or a window, at most one of which is given.

    Args:
        pair: from `open_pair`.
        bbox: west, south, east, north in degrees (WGS 84); west exceeds east across the
            antimeridian.
        aoi: a file of polygons.
        window: row, column, height, width in pan pixels, multiples of the ratio.
        extent: `pan` or `intersection`.

    Raises:
        InputError: if more than one is given, one can't be used, or nothing of the pair is inside.
    """
    if extent not in EXTENTS:
        raise InputError(f"expected an extent of {' or '.join(EXTENTS)}, found {extent}")
    if window is not None and (bbox is not None or aoi is not None):
        raise InputError("expected one of a bbox, an area of interest and a window, found two; give one")
    area = choose_area(bbox, aoi)
    cells = PairWindow(0, 0, pair.height, pair.width) if window is None else cells_of_window(pair, window)
    if extent == "intersection":
        cells = cells.intersection(pair.common)
    if area is not None and pair.grid.crs is None:
        raise InputError(
            f"{redact(pair.pan_path)}: expected an image with a CRS, where a bbox or an area of interest can "
            "lie, found none; choose the part by --window"
        )
    part = part_of(pair.grid, pair.ratio, area=area, within=cells)
    if part is None:
        asked = "window" if window is not None else "bbox" if bbox is not None else "area of interest"
        raise InputError(f"expected a {asked} inside the pair, found nothing of the pair in it{_place(pair)}")
    return part


def cells_of_window(pair: Pair, window: Sequence[int]) -> PairWindow:
    """The cells of a window.

    Args:
        pair: the open pair.
        window: row, column, height, width in pan pixels, multiples of the ratio.

    Raises:
        InputError: if it isn't one of whole cells inside the pair.
    """
    ratio, grid = pair.ratio, pair.grid
    row, column, height, width = window
    asked = PixelWindow(row, column, height, width)
    if (
        row < 0
        or column < 0
        or height < 1
        or width < 1
        or asked.bottom > grid.height
        or asked.right > grid.width
    ):
        raise InputError(
            f"expected a window (row, column, height, width) inside the {grid.height} rows and {grid.width} "
            f"columns of pan, found {row} {column} {height} {width}"
        )
    top, left = row // ratio, column // ratio
    cells = PairWindow(top, left, -(-asked.bottom // ratio) - top, -(-asked.right // ratio) - left)
    whole = cells.pixels(ratio)
    ends = (min(whole.bottom, grid.height), min(whole.right, grid.width))
    if (whole.row, whole.column, *ends) != (row, column, asked.bottom, asked.right):
        raise InputError(
            f"expected a window of whole mul pixels, {ratio} × {ratio} of pan, found {row} {column} {height} "
            f"{width}; {whole.row} {whole.column} {ends[0] - whole.row} {ends[1] - whole.column} holds it"
        )
    return cells


def _place(pair: Pair) -> str:
    """Where a pair lies, for a message."""
    grid = pair.grid
    if grid.crs is None:
        return f", which has {grid.height} rows and {grid.width} columns"
    corners = [grid_to_lonlat(grid, x, y) for x in (0, grid.width) for y in (0, grid.height)]
    (west, south), (east, north) = (
        tuple(ends(axis) for axis in zip(*corners, strict=True)) for ends in (min, max)
    )
    return f", which lies between {west:.6f} {south:.6f} {east:.6f} {north:.6f} (west, south, east, north)"
