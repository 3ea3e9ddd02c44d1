"""A pair as a small picture, for notebooks."""

import numpy as np
import torch
from numpy.typing import NDArray

from potato.core.color import mul_to_oklab
from potato.core.draw import render_pan, render_upsampled, side_by_side
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, dither, render

INVALID = 128.0
"""The grey code of invalid pixels."""


def draw_pair(
    pan: NDArray[np.uint16],
    pan_valid: NDArray[np.bool_],
    mul: NDArray[np.uint16],
    mul_valid: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Pan, and beside it the colour of mul, in the natural look; invalid pixels are grey.

    Args:
        pan: counts (4h, 4w).
        pan_valid: bool (4h, 4w).
        mul: counts (8, 4h, 4w), drawn as they are; or (8, h + 4, w + 4), with `BICUBIC_REACH` cells
            around, which are enlarged by 4.
        mul_valid: bool (4h, 4w).

    Returns:
        Codes (3, 4h, 8w + gutter).
    """
    bands = counts_to_reflectance(mul)
    if bands.shape[1:] == pan.shape:
        colour = render(mul_to_oklab(bands), NATURAL, dither(*pan.shape))
    else:
        colour = render_upsampled(bands)
    pictures = (render_pan(counts_to_reflectance(pan)), pan_valid), (colour, mul_valid)
    grey = torch.tensor(INVALID)
    pieces = [torch.where(torch.from_numpy(valid), codes, grey) for codes, valid in pictures]
    drawn: NDArray[np.uint8] = side_by_side(*pieces).to(torch.uint8).numpy()
    return drawn
