"""Modulation transfer functions (MTF) of the bands, and images filtered by them.

The MTF of a band gives the share of a wave's contrast that its image keeps. The field describes it
by one number, the MTF gain at the Nyquist frequency of mul (the finest wave on its grid), and
assumes a Gaussian through it.

Source: G. Vivone and others, "A Critical Comparison Among Pansharpening Algorithms", IEEE
Transactions on Geoscience and Remote Sensing 53 (2015), and the toolbox published with it, which
has these gains.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from potato.core.sensors import RATIO

if TYPE_CHECKING:
    from torch import Tensor

MUL_GAINS: dict[str, tuple[float, ...]] = {
    "WV02": (0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.27),
    "WV03": (0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315),
}
"""MTF gain of each of `sensors.BANDS` at mul's Nyquist frequency, by platform."""

PAN_GAINS: dict[str, tuple[float]] = {"WV02": (0.11,), "WV03": (0.14,)}
"""MTF gain at mul's Nyquist frequency of pan brought to mul's scale, by platform."""

DEVIATIONS = 4.0
"""Standard deviations after which the Gaussian is cut off, rounded up to whole cells."""


def _deviation(gain: float) -> float:
    """Standard deviation σ in pan pixels: exp(−2 π² σ² f²) = gain at f = 1/8 cycle per pixel."""
    return math.sqrt(-2 * math.log(gain)) * RATIO / math.pi


def reach(gains: Sequence[float]) -> int:
    """The number of cells on every side of a cell on which its value in `degrade` depends."""
    return math.ceil(DEVIATIONS * _deviation(min(gains)) / RATIO)


def gaussian_taps(gain: float, reach: int, ratio: int) -> NDArray[np.float64]:
    """Weights of pan pixels in the Gaussian of an MTF gain at mul's Nyquist frequency.

    Args:
        gain: between 0 and 1.
        reach: cells on every side of a cell after which it is cut off.
        ratio: pan pixels along a cell, r.

    Returns:
        ((2 · reach + 1) · r,): of the pixels along a cell and those around it; they sum to 1.
    """
    count = (2 * reach + 1) * ratio
    deviation = math.sqrt(-2 * math.log(gain)) * ratio / math.pi
    weights = np.exp(-0.5 * ((np.arange(count) - (count - 1) / 2) / deviation) ** 2)
    taps: NDArray[np.float64] = weights / weights.sum()
    return taps


def degrade(image: "Tensor", gains: Sequence[float]) -> "Tensor":
    """Bring an image from pan's scale to mul's, blurred as bands of given MTF gains blur it.

    The blur is a Gaussian that has the MTF gain at mul's Nyquist frequency, centred on each cell.
    Pixels beyond the border have the value of the nearest pixel inside.

    Args:
        image: (b, c, 4h, 4w), in any linear unit.
        gains: MTF gains between 0 and 1, one for each channel; or one for all.

    Returns:
        (b, c, h, w) in that unit.

    Raises:
        ValueError: if the sides aren't multiples of 4, or gains don't fit the channels.

    Example:
        >>> import torch
        >>> degrade(torch.ones(1, 1, 8, 8), (0.35,)).allclose(torch.ones(1, 1, 2, 2))
        True
    """
    import torch
    from torch.nn import functional

    channels = image.shape[1]
    if len(gains) not in (1, channels) or not all(0 < gain < 1 for gain in gains):
        raise ValueError(f"expected 1 or {channels} gains between 0 and 1, found {tuple(gains)}")
    if image.shape[-2] % RATIO or image.shape[-1] % RATIO:
        raise ValueError(f"expected sides that {RATIO} divides, found {tuple(image.shape)}")
    border = RATIO * reach(gains)
    offsets = torch.arange(2 * border + RATIO) - (border + (RATIO - 1) / 2)
    deviations = torch.tensor([_deviation(gain) for gain in gains], dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / deviations[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).expand(channels, -1).to(image)
    padded = functional.pad(image, (border, border, border, border), mode="replicate")
    across = functional.conv2d(padded, kernel[:, None, None, :], stride=(1, RATIO), groups=channels)
    return functional.conv2d(across, kernel[:, None, :, None], stride=(RATIO, 1), groups=channels)
