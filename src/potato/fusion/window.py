"""Sharpening on demand: windows of an open pair, and web tiles, at any scale.

What is sharpened depends on the scale of the result, in pixels of pan:

| a pixel of the result | is made from |
|---|---|
| below 2 pan pixels | pan and mul as they are, sharpened |
| 2 to 4 | pan and mul at half their scale, sharpened like any other pair |
| 4 and more | mul alone, which has that scale by itself, so there is nothing to sharpen |

That is for pairs of 4:1. For other ratios, mul alone serves from the first power of two that the
ratio divides, if there is one.

The coarser images come from the overviews of the files, so a result of n × n pixels costs about the
same at every scale. Files without overviews are read whole and give the same result.
"""

import numpy as np
from numpy.typing import NDArray

from potato.core.render import Look, as_look
from potato.core.types import Codes
from potato.core.windows import PairWindow
from potato.model.backend import open_backend
from potato.model.model import HasModel, Model
from potato.model.native import render_colour
from potato.raster.coordinates import Grid
from potato.raster.pair import Pair
from potato.raster.warp import cells_within, find_shown_part, warp_picture

LEAST_SIDE = 64
"""Pixels along the longer side below which a pair isn't reduced any more."""


def sharpen_window(
    pair: Pair, window: PairWindow, model: Model | HasModel, look: str | Look = "natural"
) -> tuple[Codes, NDArray[np.bool_]]:
    """Sharpen a window of an open pair, as `fuse` would.

    Args:
        pair: from `open_pair`; or `pair.reduced(n)`, n times coarser. A pair reduced by 4 or more
            isn't sharpened: its colours are those of mul, which has that scale by itself.
        window: cells of the pair, counted from its corner; may reach beyond it.
        model: from `load_model`, or a network.
        look: `natural`, `clear` or `vivid` (8 bits), `flat` (16 bits), or a `Look`.

    Returns:
        Red, green, blue (3, rh, rw), uint8 or uint16, and a mask bool (rh, rw), True where both
        images are valid; the colours are 0 elsewhere.

    Raises:
        InputError: if a file can't be read there.

    Example:
        >>> from potato import load_model, open_pair
        >>> with open_pair("x-pan.tif", "x-ms.tif") as pair:  # doctest: +SKIP
        ...     rgb, mask = sharpen_window(pair, PairWindow(100, 100, 64, 64), load_model())
    """
    codes = _window_codes(pair, window, model, as_look(look))
    return codes[:3], codes[3] > 0


def sharpen_onto(
    pair: Pair, grid: Grid, model: Model | HasModel, look: str | Look = "natural"
) -> tuple[Codes, NDArray[np.bool_]]:
    """Sharpen the ground that a grid (of a web tile, say) shows of a pair, and warp it there.

    The pair is first reduced by the largest power of two by which it stays as fine as the grid.

    Args:
        pair: from `open_pair`.
        grid: any CRS, scale and place.
        model: from `load_model`, or a network.
        look: `natural`, `clear` or `vivid` (8 bits), `flat` (16 bits), or a `Look`.

    Returns:
        Red, green, blue (3, grid.height, grid.width), uint8 or uint16, and a mask bool
        (grid.height, grid.width), True where both images are valid; the colours are 0 elsewhere.
        Nothing is valid if the grid shows nothing of the pair.

    Raises:
        InputError: if a file can't be read there.
    """
    look = as_look(look)
    found = find_window(pair, grid)
    if found is None:
        empty: Codes = np.zeros((3, grid.height, grid.width), f"uint{look.bits}")
        return empty, np.zeros((grid.height, grid.width), np.bool_)
    pair, window = found
    codes = _window_codes(pair, window, model, look)
    codes = warp_picture(codes, pair.grid, window.pixels(pair.ratio), grid)
    return codes[:3], codes[3] > 0


def find_window(
    pair: Pair, grid: Grid, least: int = 1, coarsest: float = 1.0
) -> tuple[Pair, PairWindow] | None:
    """Reduce a pair to the scale of a grid, and find the window that the grid shows.

    Args:
        pair: from `open_pair`.
        grid: any CRS, scale and place.
        least: the factor by which it is reduced at least; that of the result is this number times
            a power of two.
        coarsest: how large a pixel of the reduced pair may be, in pixels of the grid.

    Returns:
        The pair, reduced as far as it may be, and a window of it; None if the grid shows nothing of
        it.
    """
    part = find_shown_part(pair.grid, grid)
    if part is None:
        return None
    longest, factor = max(pair.grid.height, pair.grid.width), least
    while 2 * factor <= coarsest * part.scale and longest >= 2 * factor * LEAST_SIDE:
        factor *= 2
    pair = pair.reduced(factor)
    window = cells_within(pair.grid, pair.ratio, part)
    return (pair, window) if window.size else None


def _window_codes(pair: Pair, window: PairWindow, model: Model | HasModel, look: Look) -> Codes:
    """Red, green, blue, alpha (4, rh, rw) of a window."""
    fine = window.pixels(pair.ratio)
    if pair.factor % pair.ratio:
        backend = open_backend(model, pair.sensor)
        codes = backend.fuse(pair.read(window.padded(backend.read_halo)), look, fine.row, fine.column)
        if codes is not None:
            return codes
    else:
        bands, valid = pair.read_colour(window)
        if valid.any():
            return render_colour(bands, valid, pair.sensor, look, fine.row, fine.column)
    nothing: Codes = np.zeros((4, fine.height, fine.width), f"uint{look.bits}")
    return nothing
