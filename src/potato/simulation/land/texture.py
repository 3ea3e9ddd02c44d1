"""Random fields and numbers for land, from a torch generator."""

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.noise import power_noise


def draw_seed(generator: torch.Generator) -> int:
    """A seed for another source of random numbers."""
    return int(torch.randint(1 << 62, (), generator=generator))


def draw_rng(generator: torch.Generator) -> random.Random:
    """Python's random numbers, seeded by a torch generator."""
    return random.Random(draw_seed(generator))


def clouds(
    height: int, width: int, generator: torch.Generator, scale: float, exponent: float = 1.6
) -> Tensor:
    """Smooth noise without detail finer than `scale` pixels, cheap at any size.

    Args:
        height: rows.
        width: columns.
        generator: source of the random numbers.
        scale: the finest detail, pixels.
        exponent: amplitude falls as frequency to the power of minus this.

    Returns:
        float32 (height, width), about mean 0 and standard deviation 1 over large areas.
    """
    rows, columns = (max(4, math.ceil(side / scale) + 2) for side in (height, width))
    # A crop of a larger sheet: a small scene need not hold the whole range of values.
    sheet = power_noise(max(rows, 24), max(columns, 24), generator, exponent)[:rows, :columns]
    size = (math.ceil(rows * scale), math.ceil(columns * scale))
    fine = F.interpolate(sheet[None, None], size=size, mode="bicubic", align_corners=False)
    return fine[0, 0, :height, :width].contiguous()


def smoothstep(x: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, and a smooth cubic between; any shape."""
    t = ((x - low) / (high - low)).clamp_(0, 1)
    return t * t * (3 - 2 * t)
