"""How sharply each band sees: the modulation transfer of the imagers, and images as they'd see them.

The modulation transfer function of a band says how much contrast of a wave is left in its image. The field
describes it by one number, the gain at the finest wave that mul's grid can hold (its Nyquist frequency),
and takes the rest of the curve for a Gaussian.

Source: G. Vivone and others, "A Critical Comparison Among Pansharpening Algorithms", IEEE Transactions on
Geoscience and Remote Sensing 53 (2015), and the toolbox published with it, which has these gains.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.sensors import RATIO

MUL_GAINS: dict[str, tuple[float, ...]] = {
    "WV02": (0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.27),
    "WV03": (0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315),
}
"""Gain of each of `sensor.BANDS` at mul's Nyquist frequency, by platform."""

PAN_GAINS: dict[str, tuple[float]] = {"WV02": (0.11,), "WV03": (0.14,)}
"""Gain at mul's Nyquist frequency of the filter that brings pan to mul's scale, by platform."""

DEVIATIONS = 4.0
"""Where the Gaussian is cut off, in standard deviations, before whole cells are made of it."""


def _deviation(gain: float) -> float:
    """Standard deviation in pan pixels: exp(−2 π² σ² f²) is the gain at f = 1/8 cycles per pan pixel."""
    return math.sqrt(-2 * math.log(gain)) * RATIO / math.pi


def reach(gains: Sequence[float]) -> int:
    """Cells beyond a cell that `degrade` looks at, on every side."""
    return math.ceil(DEVIATIONS * _deviation(min(gains)) / RATIO)


def degrade(image: Tensor, gains: Sequence[float]) -> Tensor:
    """An image at pan's scale, as bands of these gains would see it on mul's grid.

    A Gaussian whose transfer at mul's Nyquist frequency is the gain, centred on each 4 × 4 cell, one value
    for each cell. Borders are drawn out.

    Args:
        image: (b, c, 4h, 4w).
        gains: one for each channel, between 0 and 1; or one for all.

    Returns:
        (b, c, h, w).

    Raises:
        ValueError: if the sides aren't multiples of 4, or gains don't fit the channels.

    Example:
        >>> degrade(torch.ones(1, 1, 8, 8), (0.35,)).allclose(torch.ones(1, 1, 2, 2))
        True
    """
    channels = image.shape[1]
    if len(gains) not in (1, channels) or not all(0 < gain < 1 for gain in gains):
        raise ValueError(f"expected 1 or {channels} gains between 0 and 1, found {tuple(gains)}")
    if image.shape[-2] % RATIO or image.shape[-1] % RATIO:
        raise ValueError(f"expected sides that {RATIO} divides, found {tuple(image.shape)}")
    margin = RATIO * reach(gains)
    offsets = torch.arange(2 * margin + RATIO) - (margin + (RATIO - 1) / 2)
    deviations = torch.tensor([_deviation(gain) for gain in gains], dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / deviations[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).expand(channels, -1).to(image)
    padded = F.pad(image, (margin, margin, margin, margin), mode="replicate")
    across = F.conv2d(padded, kernel[:, None, None, :], stride=(1, RATIO), groups=channels)
    return F.conv2d(across, kernel[:, None, :, None], stride=(RATIO, 1), groups=channels)
