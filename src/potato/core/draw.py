"""Drawing for people: arrays in, codes of a picture out."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from potato.core.color import mul_to_oklab
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, Look, dither, look_of, render, unrender
from potato.core.resample import BICUBIC_REACH, enlarge_mask, from_cells, upsample_cells
from potato.core.sensors import RATIO

GUTTER = 8
"""White pixels between two pictures."""

MAGENTA = (255.0, 0.0, 255.0)
"""The colour of invalid pixels, in codes."""

PAIR_BACKGROUND = 128
"""Grey code of invalid pixels in the drawing of a pair."""

PICTURE_BACKGROUND = 0x3A
"""Grey code of invalid pixels in the drawing of a picture; assets/report.css has it too."""


def overview_step(height: int, width: int, side: int) -> int:
    """By how much an image must be made coarser to fit into a square.

    Args:
        height: rows of the image.
        width: columns of the image.
        side: pixels along a side of the square.

    Returns:
        A power of two, because files hold overviews of these.
    """
    return 1 << max(0, math.ceil(math.log2(max(height, width) / side)))


def render_pan(pan: Tensor, look: Look = NATURAL) -> Tensor:
    """Render pan as a grey picture.

    Args:
        pan: reflectance (h, w).
        look: the rendering.

    Returns:
        Codes float32 (3, h, w), whole numbers 0..`look.white`.
    """
    lightness = pan.clamp_min(0) ** (1 / 3)
    grey = torch.stack([lightness, torch.zeros_like(pan), torch.zeros_like(pan)])
    return render(grey, look, dither(*pan.shape))


def render_upsampled(mul: Tensor, look: Look = NATURAL) -> Tensor:
    """Render mul in true colour, enlarged by 4 with bicubic interpolation: no sharpening.

    Args:
        mul: reflectance (8, h + 4, w + 4), with `BICUBIC_REACH` pixels of halo on every side.
        look: the rendering.

    Returns:
        Codes float32 (3, 4h, 4w), whole numbers 0..`look.white`.
    """
    height, width = (RATIO * (side - 2 * BICUBIC_REACH) for side in mul.shape[-2:])
    oklab = from_cells(upsample_cells(mul_to_oklab(mul)[None]))[0]
    return render(oklab, look, dither(height, width))


def side_by_side(*pictures: Tensor) -> Tensor:
    """Join pictures (3, h, w) of one size in a row, with a white gutter between neighbours."""
    gutter = torch.full((3, pictures[0].shape[1], GUTTER), 255.0)
    row = [piece for picture in pictures for piece in (gutter, picture.float())]
    return torch.cat(row[1:], 2)


def draw_triple(images: tuple[Tensor, Tensor, Tensor], valid: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Pan, mul and a target beside each other in the natural look; invalid pixels are magenta.

    Args:
        images: pan (1, 4h, 4w) and mul (8, h, w) in reflectance, Oklab (3, 4h, 4w).
        valid: bool, with the shapes of pan, of one band of mul, and of pan.

    Returns:
        Codes float32 (3, 4h + GUTTER, 3·(4w + GUTTER)), a white gutter below and right of each.
    """
    pan, mul, oklab = images
    nothing = torch.zeros_like(pan)
    grey = torch.cat([pan ** (1 / 3), nothing, nothing])
    squares = F.interpolate(mul_to_oklab(mul)[None], scale_factor=RATIO, mode="nearest")[0]
    drawn = []
    for image, good in ((grey, valid[0]), (squares, enlarge_mask(valid[1])), (oklab, valid[2])):
        codes = torch.where(good, render(image, NATURAL), torch.tensor(MAGENTA)[:, None, None])
        drawn.append(F.pad(codes, (0, GUTTER, 0, GUTTER), value=255))
    return torch.cat(drawn, 2)


def draw_pair(
    pan: NDArray[np.uint16],
    mul: NDArray[np.uint16],
    pan_valid: NDArray[np.bool_],
    mul_valid: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Draw pan and the colour of mul side by side in the natural look; invalid pixels are grey.

    Args:
        pan: counts (h, w).
        mul: counts (8, h, w), or (8, h/4 + 4, w/4 + 4), which is a mul with a halo of
            `BICUBIC_REACH` pixels and is enlarged.
        pan_valid: validity of pan (h, w).
        mul_valid: validity of mul's colour (h, w).

    Returns:
        Codes (3, h, 2w + `GUTTER`).
    """
    bands = counts_to_reflectance(mul)
    if mul.shape[1:] == pan.shape:
        colour = render(mul_to_oklab(bands), NATURAL, dither(*pan.shape))
    else:
        colour = render_upsampled(bands)
    grey = torch.tensor(float(PAIR_BACKGROUND))
    pictures = (
        torch.where(torch.from_numpy(valid), codes, grey)
        for codes, valid in ((render_pan(counts_to_reflectance(pan)), pan_valid), (colour, mul_valid))
    )
    drawn: NDArray[np.uint8] = side_by_side(*pictures).to(torch.uint8).numpy()
    return drawn


def draw_picture(
    codes: NDArray[Any], valid: NDArray[np.bool_], tags: Mapping[str, str], row: int = 0, column: int = 0
) -> NDArray[np.uint8]:
    """Draw a finished picture for a screen: a flat one in the natural look, others as they are.

    Args:
        codes: uint8 or uint16 (3, h, w).
        valid: (h, w); invalid pixels become `PICTURE_BACKGROUND`.
        tags: those of the file, which name the look.
        row: row of the first pixel in the picture, on which dithering depends.
        column: column of the first pixel in the picture.

    Returns:
        Codes (3, h, w).
    """
    look = look_of(tags, 8 * codes.itemsize)
    if look is not None and look.exposure is None:
        oklab = unrender(torch.from_numpy(codes.astype(np.float32, order="C")), look)
        height, width = valid.shape
        drawn = render(oklab, NATURAL, dither(height, width, row, column)).to(torch.uint8).numpy()
    else:
        drawn = codes if codes.itemsize == 1 else (codes // 257).astype(np.uint8)
    return np.where(valid, drawn, np.uint8(PICTURE_BACKGROUND))
