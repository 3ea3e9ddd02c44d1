"""Random fields: noise with a power law, white noise, and smooth clouds, from a generator."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.noise import power_noise


def clouds(
    height: int, width: int, generator: torch.Generator, scale: float, exponent: float = 1.6
) -> Tensor:
    """Smooth noise without detail finer than `scale` pixels, cheap at any size.

    Args:
        height: rows.
        width: columns.
        generator: where the randomness comes from.
        scale: the finest detail, in pixels.
        exponent: see `power_noise`.

    Returns:
        float32 (height, width), about mean 0 and standard deviation 1 over areas much larger than `scale`.
    """
    rows, columns = (max(4, math.ceil(side / scale) + 2) for side in (height, width))
    # Cut from a larger sheet, so that a small scene isn't forced to hold the whole range of values.
    sheet = power_noise(max(rows, 24), max(columns, 24), generator, exponent)[:rows, :columns]
    size = (math.ceil(rows * scale), math.ceil(columns * scale))
    fine = F.interpolate(sheet[None, None], size=size, mode="bicubic", align_corners=False)
    return fine[0, 0, :height, :width].contiguous()


def white_noise(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Independent normal numbers, float32 (height, width)."""
    return torch.randn(height, width, generator=generator)


def smoothstep(x: Tensor, low: float, high: float) -> Tensor:
    """0 below `low`, 1 above `high`, and a smooth cubic between; any shape."""
    t = ((x - low) / (high - low)).clamp_(0, 1)
    return t * t * (3 - 2 * t)
