"""Random fields: noise with a power law, white noise, and smooth clouds, from a generator."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["clouds", "power_noise", "smoothstep", "white_noise"]


def power_noise(height: int, width: int, generator: torch.Generator, exponent: float = 1.0) -> Tensor:
    """Noise whose amplitude falls as a power of spatial frequency.

    Args:
        height: rows, at least 2.
        width: columns, at least 2.
        generator: where the randomness comes from.
        exponent: amplitude ∝ frequency^−exponent: 0 is white, 1 the "1/f" of natural scenes, 2 is smooth.

    Returns:
        float32 (height, width), mean 0, standard deviation 1; it wraps around at its borders.
    """
    white = torch.randn(height, width, generator=generator)
    spectrum = torch.fft.rfft2(white)
    fy = torch.fft.fftfreq(height)[:, None]
    fx = torch.fft.rfftfreq(width)[None, :]
    frequency = torch.sqrt(fy * fy + fx * fx)
    frequency[0, 0] = 1.0
    gain = frequency.pow_(-exponent)
    gain[0, 0] = 0.0
    field = torch.fft.irfft2(spectrum.mul_(gain), s=(height, width))
    scaled: Tensor = field.div_(field.std())
    return scaled


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
