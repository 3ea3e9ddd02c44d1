"""What a page lays over one another: pictures, pan, enlarged colour, differences, as codes for a screen."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.core.color import mul_to_oklab, oklab_to_linear_srgb, srgb_encode
from potato.core.draw import render_pan
from potato.core.render import NATURAL, Look, dither, look_of, render, unrender
from potato.core.resample import BICUBIC_REACH, fill_invalid, from_cells, upsample_cells
from potato.core.sensors import RATIO, SCALE
from potato.core.windows import PairWindow, PixelWindow
from potato.raster import Image, Pair

OVERVIEW = 1024
"""Pixels along the longer side of an overview, at most."""

SURROUND = 0x3A
"""The grey around the pictures and in their invalid parts; the page's style has the same."""

MOST = 10.0
"""JND at the end of the scale of differences, the same on every page."""

HEAT = ((0.12, 0.0, 0.0), (0.36, 0.1, -0.12), (0.6, 0.17, 0.04), (0.8, 0.06, 0.14), (0.97, -0.02, 0.06))
"""Oklab of the scale of differences, evenly from none to `MOST`: it grows lighter all the way."""

PAN, COLOUR = "pan", "colour of mul, enlarged"
"""Names of the layers of a pair."""

STEPS = 255
"""Colours of the scale; the last number of a palette is for what isn't valid."""


@dataclass(frozen=True, eq=False)
class Overview:
    """All of a picture, made coarser.

    Attributes:
        codes: uint8 (3, h, w).
        row, column: of its corner in the picture.
        step: pixels of the picture along one of its own.
    """

    codes: NDArray[np.uint8]
    row: float
    column: float
    step: int


@dataclass(frozen=True, eq=False)
class Layer:
    """What a page can show in its window and, where that isn't all, around it.

    Attributes:
        name: for people.
        codes: uint8 (3, h, w) of the window; or (1, h, w), grey or numbers in a palette.
        overview: what lies around it; None if there is nothing, or it isn't known.
        palette: uint8 (256, 3), of a layer whose codes are numbers in it.
    """

    name: str
    codes: NDArray[np.uint8]
    overview: Overview | None = None
    palette: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Shot:
    """The window of a finished picture.

    Attributes:
        layer: what is shown of it: natural and unknown pictures as they are, flat ones toned.
        oklab: colours of the scene (3, h, w): without the tone curve, if the picture tells that it has one.
        valid: bool (h, w).
        look: what its tags say; None if they say nothing we know, and its codes count as sRGB.
    """

    layer: Layer
    oklab: Tensor
    valid: Tensor
    look: Look | None


@dataclass(frozen=True, eq=False)
class PairShot:
    """The window of a pair.

    Attributes:
        pan: reflectance (4h, 4w); 0 where invalid.
        mul: reflectance (8, h, w); 0 where invalid.
        pan_valid: bool (4h, 4w).
        mul_valid: bool (h, w).
        oklab: the colour of mul, bicubically enlarged (3, 4h, 4w).
    """

    pan: Tensor
    mul: Tensor
    pan_valid: Tensor
    mul_valid: Tensor
    oklab: Tensor

    @property
    def valid(self) -> Tensor:
        """Where there is a colour of mul: bool (4h, 4w)."""
        return self.mul_valid.repeat_interleave(RATIO, 0).repeat_interleave(RATIO, 1)


def take_picture(image: Image, window: PixelWindow, name: str) -> Shot:
    """Read the window and the overview of a finished picture.

    Raises:
        InputError: if the file is damaged.
    """
    shot = _read_picture(image, window, name)
    if (window.height, window.width) == (image.grid.height, image.grid.width):
        return shot
    return dataclasses.replace(shot, layer=dataclasses.replace(shot.layer, overview=shrink(image)))


def shrink(image: Image, side: int = OVERVIEW) -> Overview:
    """All of a finished picture, as it is shown, at most `side` pixels along its longer side.

    Raises:
        InputError: if the file is damaged.
    """
    step = _step(image.grid.height, image.grid.width, side)
    small = Image(image.path, image.dataset, image.indexes, step)
    shot = _read_picture(small, PixelWindow(0, 0, small.grid.height, small.grid.width), "")
    return Overview(shot.layer.codes, 0, 0, step)


def take_pair(pair: Pair, window: PixelWindow) -> tuple[PairShot, list[Layer]]:
    """Read the window of a pair.

    Args:
        pair: open.
        window: in pan pixels, of whole cells.

    Returns:
        What was read; and two layers with overviews: pan, and the colour of mul, enlarged.

    Raises:
        InputError: if a file is damaged.
    """
    shot = _read_pair(pair, window)
    overviews: list[Overview | None] = [None, None]
    if (window.height, window.width) != (pair.grid.height, pair.grid.width):
        step = _step(pair.grid.height, pair.grid.width, OVERVIEW)
        small = pair.reduced(step)
        whole = PixelWindow(0, 0, small.height * RATIO, small.width * RATIO)
        column, row = ~pair.grid.transform @ small.grid.transform @ (0, 0)
        overviews = [
            Overview(codes, row, column, step) for codes in _draw_pair(_read_pair(small, whole), whole)
        ]
    pan, colour = _draw_pair(shot, window)
    # One channel of grey is enough in full detail.
    return shot, [Layer(PAN, pan[:1], overviews[0]), Layer(COLOUR, colour, overviews[1])]


def difference_layer(name: str, distance: Tensor, valid: Tensor) -> Layer:
    """Distances as colours.

    Args:
        name: for people.
        distance: JND (h, w).
        valid: bool (h, w).
    """
    numbers = (distance * ((STEPS - 1) / MOST)).round().clamp(0, STEPS - 1)
    numbers = torch.where(valid, numbers, torch.tensor(float(STEPS)))
    palette = np.concatenate([heat_colours(STEPS), np.full((1, 3), SURROUND, np.uint8)])
    return Layer(name, numbers.to(torch.uint8).numpy()[None], palette=palette)


def heat_colours(count: int) -> NDArray[np.uint8]:
    """So many colours of the scale of differences, from none to `MOST`: uint8 (count, 3)."""
    stops = torch.tensor(HEAT).T[None]
    oklab = torch.nn.functional.interpolate(stops, count, mode="linear", align_corners=True)[0]
    codes = srgb_encode(oklab_to_linear_srgb(oklab[..., None]).clamp(0, 1))[..., 0]
    return (codes.T * 255).round().to(torch.uint8).numpy()


def _read_picture(image: Image, window: PixelWindow, name: str) -> Shot:
    """A window of a finished picture, and of its layer what lies in it."""
    codes, good = image.read(*_sides(window))
    bits = 8 * np.dtype(image.dtype).itemsize
    look, valid = look_of(image.dataset.tags(), bits), torch.from_numpy(good)
    oklab = unrender(_tensor(codes), look or Look("screen", bits))
    return Shot(Layer(name, _blank(_shown(codes, oklab, look, window), valid)), oklab, valid, look)


def _read_pair(pair: Pair, window: PixelWindow) -> PairShot:
    """The tensors of a window of whole cells."""
    cells = PairWindow(*(side // RATIO for side in _sides(window)))
    pixels = pair.read(cells.padded(BICUBIC_REACH))
    inner = pixels.crop(BICUBIC_REACH, BICUBIC_REACH, cells.height, cells.width)
    known = torch.from_numpy(pixels.mul_valid)[None, None]
    filled = fill_invalid(_tensor(pixels.mul)[None] / SCALE, known, BICUBIC_REACH)
    return PairShot(
        pan=_tensor(inner.pan) / SCALE,
        mul=_tensor(inner.mul) / SCALE,
        pan_valid=torch.from_numpy(inner.pan_valid.copy()),
        mul_valid=torch.from_numpy(inner.mul_valid.copy()),
        oklab=from_cells(upsample_cells(mul_to_oklab(filled)))[0],
    )


def _draw_pair(shot: PairShot, window: PixelWindow) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pan and enlarged colour in the natural look, uint8 (3, 4h, 4w) each."""
    threshold = dither(window.height, window.width, window.row, window.column)
    colour = render(shot.oklab, NATURAL, threshold)
    return _blank(_bytes(render_pan(shot.pan)), shot.pan_valid), _blank(_bytes(colour), shot.valid)


def _shown(codes: NDArray[Any], oklab: Tensor, look: Look | None, window: PixelWindow) -> NDArray[np.uint8]:
    """A picture for the screen, uint8 (3, h, w): toned if it is flat, else as it is."""
    if look is not None and look.exposure is None:
        threshold = dither(window.height, window.width, window.row, window.column)
        return _bytes(render(oklab, NATURAL, threshold))
    return codes if codes.itemsize == 1 else (codes // 257).astype(np.uint8)


def _blank(codes: NDArray[np.uint8], valid: Tensor) -> NDArray[np.uint8]:
    """Codes (n, h, w), the surround where they aren't valid."""
    return np.where(valid.numpy(), codes, np.uint8(SURROUND))


def _bytes(codes: Tensor) -> NDArray[np.uint8]:
    return codes.to(torch.uint8).numpy()


def _tensor(codes: NDArray[Any]) -> Tensor:
    return torch.from_numpy(codes.astype(np.float32, order="C"))


def _step(height: int, width: int, side: int) -> int:
    """How much coarser an overview is: a power of two, which overviews of files have."""
    return int(2 ** math.ceil(math.log2(max(1, max(height, width) / side))))


def _sides(window: PixelWindow) -> tuple[int, int, int, int]:
    return window.row, window.column, window.height, window.width
