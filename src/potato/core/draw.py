"""Pictures for people: what to lay beside each other so that a result can be judged by eye."""

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.color import mul_to_oklab
from potato.core.render import NATURAL, Look, dither, render
from potato.core.resample import BICUBIC_REACH, enlarge_mask, from_cells, upsample_cells
from potato.core.sensors import RATIO

GUTTER = 8
"""White pixels between two pictures."""

MAGENTA = (255.0, 0.0, 255.0)
"""The colour of invalid pixels, in codes."""


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
