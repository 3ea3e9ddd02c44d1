"""Random fields with a given spectrum, from a generator."""

import torch
from torch import Tensor


def power_noise(height: int, width: int, generator: torch.Generator, exponent: float = 1.0) -> Tensor:
    """Noise whose amplitude falls as a power of spatial frequency.

    Args:
        height: rows, at least 2.
        width: columns, at least 2.
        generator: where the randomness comes from.
        exponent: amplitude ∝ frequency^−exponent, power ∝ frequency^−2·exponent: 0 is white, 1 the "1/f²"
            of natural scenes, 2 is smooth.

    Returns:
        float32 (height, width), mean 0, standard deviation 1; it wraps around at its borders.

    Example:
        >>> field = power_noise(64, 64, torch.Generator().manual_seed(0))
        >>> abs(float(field.mean())) < 1e-5, round(float(field.std()), 5)
        (True, 1.0)
    """
    spectrum = torch.fft.rfft2(torch.randn(height, width, generator=generator))
    rows = torch.fft.fftfreq(height)[:, None]
    columns = torch.fft.rfftfreq(width)[None, :]
    frequency = torch.sqrt(rows * rows + columns * columns)
    frequency[0, 0] = 1.0
    gain = frequency.pow_(-exponent)
    gain[0, 0] = 0.0
    field = torch.fft.irfft2(spectrum.mul_(gain), s=(height, width))
    scaled: Tensor = field.div_(field.std())
    return scaled
