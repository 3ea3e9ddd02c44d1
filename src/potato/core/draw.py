"""Pictures for people: what to lay beside each other so that a result can be judged by eye."""

import torch
from torch import Tensor

from potato.core.color import mul_to_oklab
from potato.core.render import NATURAL, Look, dither, render
from potato.core.resample import BICUBIC_REACH, from_cells, upsample_cells

GUTTER = 8
"""White pixels between two pictures."""


def render_pan(pan: Tensor, look: Look = NATURAL) -> Tensor:
    """A pan image as the grey picture that its reflectance is.

    Args:
        pan: reflectance (h, w).
        look: what to make of it.

    Returns:
        Codes (3, h, w), as `looks.render`.
    """
    lightness = pan.clamp_min(0) ** (1 / 3)
    grey = torch.stack([lightness, torch.zeros_like(pan), torch.zeros_like(pan)])
    return render(grey, look, dither(*pan.shape))


def render_upsampled(mul: Tensor, look: Look = NATURAL) -> Tensor:
    """The colour of mul, bicubically enlarged by 4: what there is without sharpening.

    Args:
        mul: reflectance (8, h + 4, w + 4), with 2 pixels of margin on every side.
        look: what to make of it.

    Returns:
        Codes (3, 4h, 4w), as `looks.render`.
    """
    height, width = (4 * (side - 2 * BICUBIC_REACH) for side in mul.shape[-2:])
    oklab = from_cells(upsample_cells(mul_to_oklab(mul)[None]))[0]
    return render(oklab, look, dither(height, width))


def side_by_side(*pictures: Tensor) -> Tensor:
    """Pictures (3, h, w) of one size in a row, with a white gutter between: (3, h, n·w + gutters)."""
    gutter = torch.full((3, pictures[0].shape[1], GUTTER), 255.0)
    row = [piece for picture in pictures for piece in (gutter, picture.float())]
    return torch.cat(row[1:], 2)
