"""Random fields with a given spectrum."""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor


def power_noise(height: int, width: int, generator: "Generator", exponent: float = 1.0) -> "Tensor":
    """Noise whose amplitude is a power of spatial frequency.

    Args:
        height: rows, at least 2.
        width: columns, at least 2.
        generator: the source of randomness.
        exponent: amplitude ∝ frequency^−exponent. 0 gives white noise; 1 the spectrum of natural
            scenes, whose power falls as 1/f² (D. J. Field, "Relations between the statistics of
            natural images and the response properties of cortical cells", 1987); 2 is smooth.

    Returns:
        float32 (height, width), mean 0, standard deviation 1; its opposite borders fit together.

    Example:
        >>> import torch
        >>> field = power_noise(64, 64, torch.Generator().manual_seed(0))
        >>> abs(float(field.mean())) < 1e-5, round(float(field.std()), 5)
        (True, 1.0)
    """
    import torch

    spectrum = torch.fft.rfft2(torch.randn(height, width, generator=generator))
    field = torch.fft.irfft2(spectrum.mul_(_gain(height, width, exponent)), s=(height, width))
    scaled: Tensor = field.div_(field.std())
    return scaled


@lru_cache(maxsize=32)
def _gain(height: int, width: int, exponent: float) -> "Tensor":
    """Amplitude by frequency (height, width // 2 + 1), not to be changed; 0 at frequency 0."""
    import torch

    rows = torch.fft.fftfreq(height)[:, None]
    columns = torch.fft.rfftfreq(width)[None, :]
    frequency = torch.sqrt(rows * rows + columns * columns)
    frequency[0, 0] = 1.0
    gain = frequency.pow_(-exponent)
    gain[0, 0] = 0.0
    return gain
