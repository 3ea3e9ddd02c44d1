"""Layers of a page as codes for a screen: pictures, pan, enlarged mul, differences."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.color import mul_to_oklab
from potato.core.draw import PICTURE_BACKGROUND, overview_step, render_pan
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, Look, dither, render
from potato.core.resample import BICUBIC_REACH, enlarge_mask, fill_invalid, upsample
from potato.core.sensors import Sensor
from potato.core.windows import PairWindow, PixelWindow
from potato.raster.image import read_reduced
from potato.raster.pair import Pair
from potato.viewing.color_ops import screen_look
from potato.viewing.reflectance import Colours

OVERVIEW_SIDE = 1024
"""Pixels along the longer side of an overview, at most."""

MOST_DIFFERENCE = 10.0
"""JND at the end of the colour scale of differences, on every page."""

SCALE_STOPS = (
    (0.12, 0.0, 0.0),
    (0.36, 0.1, -0.12),
    (0.6, 0.17, 0.04),
    (0.8, 0.06, 0.14),
    (0.97, -0.02, 0.06),
)
"""Oklab along the colour scale of differences, in equal steps to `MOST_DIFFERENCE`; L rises."""

SCALE_COLOURS = 255
"""Colours of the scale in a palette; the 256th entry is for invalid pixels."""

PAN_NAME, MUL_NAME = "pan", "mul, enlarged"
"""Names of the two layers of a pair."""


@dataclass(frozen=True, eq=False)
class ShownOverview:
    """All of a picture, made coarser.

    Attributes:
        codes: uint8 (3, h, w).
        row: row of its corner in pixels of the picture.
        column: column of its corner in pixels of the picture.
        step: pixels of the picture along one pixel of the overview.
    """

    codes: NDArray[np.uint8]
    row: float
    column: float
    step: int


@dataclass(frozen=True, eq=False)
class PageLayer:
    """An image that a page can show.

    Attributes:
        name: shown on the page.
        codes: uint8 (3, h, w) of the window, or (1, h, w): grey, or indexes into the palette.
        overview: the whole picture; None if the window is all of it, or for differences.
        palette: uint8 (256, 3), or None.
    """

    name: str
    codes: NDArray[np.uint8]
    overview: ShownOverview | None = None
    palette: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class ShownPicture:
    """What a page shows of a finished picture, in the window.

    Attributes:
        layer: for the page; flat pictures and reflectance in a look, others unchanged.
        oklab: colours of the scene (3, h, w), with look and grade undone if the tags name them.
        valid: bool (h, w).
        look: the look that the tags name; None for an unknown one, whose codes count as sRGB.
        sensor: whose reflectance it is; None for a picture.
    """

    layer: PageLayer
    oklab: NDArray[Any]
    valid: NDArray[np.bool_]
    look: Look | None
    sensor: Sensor | None


@dataclass(frozen=True, eq=False)
class ShownPair:
    """What a page shows of a pair, in the window.

    Attributes:
        sensor: that of the pair, with n bands and the ratio r.
        pan: reflectance (1, rh, rw); 0 where invalid.
        mul: reflectance (n, h, w); 0 where invalid.
        pan_valid: bool (rh, rw).
        mul_valid: bool (h, w).
        oklab: the colour of mul, enlarged with bicubic interpolation (3, rh, rw).
    """

    sensor: Sensor
    pan: NDArray[np.float32]
    mul: NDArray[np.float32]
    pan_valid: NDArray[np.bool_]
    mul_valid: NDArray[np.bool_]
    oklab: NDArray[np.float32]

    @property
    def colour_valid(self) -> NDArray[np.bool_]:
        """Validity of `oklab`: bool (rh, rw)."""
        return enlarge_mask(self.mul_valid, self.sensor.ratio)


def read_shown_picture(picture: Colours, window: PixelWindow, name: str, look: Look) -> ShownPicture:
    """Read the window and the overview of a finished picture.

    Args:
        picture: open.
        window: where.
        name: of the layer, shown on the page.
        look: in which to show it if it is flat, or reflectance.

    Raises:
        InputError: if the file is damaged.
    """
    image = picture.image
    numbers, valid = image.read(window.row, window.column, window.height, window.width)
    overview = None
    if (window.height, window.width) != (image.grid.height, image.grid.width):
        small, small_valid, step = read_reduced(image, OVERVIEW_SIDE)
        overview = ShownOverview(picture.draw(small, small_valid, look), 0, 0, step)
    drawn = picture.draw(numbers, valid, look, window.row, window.column)
    layer = PageLayer(name, drawn, overview)
    return ShownPicture(layer, picture.scene(numbers), valid, picture.look, picture.sensor)


def read_shown_pair(
    pair: Pair, window: PixelWindow, look: Look = NATURAL
) -> tuple[ShownPair, list[PageLayer]]:
    """Read the window of a pair.

    Args:
        pair: open.
        window: in pan pixels, of whole cells.
        look: in which to show it.

    Returns:
        The pair in the window, and two layers with overviews: pan, and enlarged mul.

    Raises:
        InputError: if a file is damaged.
    """
    seen = _read_pair(pair, window)
    overviews: list[ShownOverview | None] = [None, None]
    if (window.height, window.width) != (pair.grid.height, pair.grid.width):
        step = overview_step(pair.grid.height, pair.grid.width, OVERVIEW_SIDE)
        small = pair.reduced(step)
        whole = PairWindow(0, 0, small.height, small.width).pixels(small.ratio)
        column, row = ~pair.grid.transform @ small.grid.transform @ (0, 0)
        drawn = _draw_pair(_read_pair(small, whole), whole, look)
        overviews = [ShownOverview(codes, row, column, step) for codes in drawn]
    pan, colour = _draw_pair(seen, window, look)
    # Full detail of pan takes one channel.
    return seen, [PageLayer(PAN_NAME, pan[:1], overviews[0]), PageLayer(MUL_NAME, colour, overviews[1])]


def difference_layer(name: str, difference: NDArray[Any], valid: NDArray[np.bool_]) -> PageLayer:
    """Show differences on their colour scale.

    Args:
        name: of the layer, shown on the page.
        difference: JND (h, w).
        valid: bool (h, w).
    """
    last = SCALE_COLOURS - 1
    indexes = np.where(valid, np.round(difference * (last / MOST_DIFFERENCE)).clip(0, last), SCALE_COLOURS)
    background = np.full((1, 3), PICTURE_BACKGROUND, np.uint8)
    palette = np.concatenate([scale_colours(SCALE_COLOURS), background])
    return PageLayer(name, indexes.astype(np.uint8)[None], palette=palette)


def scale_colours(count: int) -> NDArray[np.uint8]:
    """The colour scale of differences, from 0 to `MOST_DIFFERENCE`, uint8 (count, 3)."""
    places, stops = np.linspace(0, len(SCALE_STOPS) - 1, count), np.array(SCALE_STOPS).T
    oklab = np.stack([np.interp(places, np.arange(len(SCALE_STOPS)), channel) for channel in stops])
    codes = render(oklab[..., None], screen_look(8))[..., 0]
    return codes.T.astype(np.uint8)


def _read_pair(pair: Pair, window: PixelWindow) -> ShownPair:
    """Read the pixels of whole cells, with enough around them to enlarge mul."""
    cells = window.cells(pair.ratio)
    pixels = pair.read(cells.padded(BICUBIC_REACH))
    inner = pixels.crop(BICUBIC_REACH, BICUBIC_REACH, cells.height, cells.width)
    filled = fill_invalid(
        counts_to_reflectance(pixels.mul)[None], pixels.mul_valid[None, None], BICUBIC_REACH
    )
    return ShownPair(
        pair.sensor,
        counts_to_reflectance(inner.pan[None]),
        counts_to_reflectance(inner.mul),
        inner.pan_valid,
        inner.mul_valid,
        upsample(mul_to_oklab(filled[0], pair.sensor), pair.ratio),
    )


def _draw_pair(
    pair: ShownPair, window: PixelWindow, look: Look
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pan and enlarged mul in a look, uint8 (3, rh, rw) each."""
    threshold = dither(window.height, window.width, window.row, window.column)
    pan = np.where(pair.pan_valid, render_pan(pair.pan[0], look), PICTURE_BACKGROUND)
    colour = np.where(pair.colour_valid, render(pair.oklab, look, threshold), PICTURE_BACKGROUND)
    return pan.astype(np.uint8), colour.astype(np.uint8)
