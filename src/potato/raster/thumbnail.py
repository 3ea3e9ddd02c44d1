"""A pair as a small picture, for notebooks."""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from potato.core.color import mul_to_oklab
from potato.core.draw import render_pan, render_upsampled, side_by_side
from potato.core.render import NATURAL, dither, render
from potato.core.resample import BICUBIC_REACH
from potato.core.sensors import RATIO, SCALE
from potato.core.windows import PairWindow
from potato.raster.pair import Pair

INVALID = 128
"""The grey of what isn't valid."""


def draw_pair(pair: Pair, side: int) -> NDArray[np.uint8]:
    """Pan and the colour of mul beside each other in the natural look.

    Args:
        pair: open.
        side: pixels along the longer side of each, at most.

    Returns:
        Codes (3, h, w).

    Raises:
        InputError: if a file can't be read.
    """
    step = 2 ** max(0, math.ceil(math.log2(max(pair.height, pair.width) * RATIO / side)))
    small = pair.reduced(step)
    window = PairWindow(0, 0, small.height, small.width)
    pixels = small.read(window)
    if step % RATIO == 0:
        # Here mul has as many pixels as are shown.
        bands, valid = small.read_colour(window)
        oklab = mul_to_oklab(torch.from_numpy(bands.astype("float32")) / SCALE)
        colour = render(oklab, NATURAL, dither(*valid.shape))
    else:
        mul = small.read(window.padded(BICUBIC_REACH)).mul
        colour = render_upsampled(torch.from_numpy(mul.astype("float32")) / SCALE)
        valid = np.repeat(np.repeat(pixels.mul_valid, RATIO, 0), RATIO, 1)
    pan = render_pan(torch.from_numpy(pixels.pan.astype("float32")) / SCALE)
    pieces = [
        torch.where(torch.from_numpy(good), codes, torch.tensor(float(INVALID)))
        for codes, good in ((pan, pixels.pan_valid), (colour, valid))
    ]
    drawn: NDArray[np.uint8] = side_by_side(*pieces).to(torch.uint8).numpy()
    return drawn
