"""Modulation transfer functions (MTF) of the bands, and images filtered by them.

The MTF of a band gives the share of a wave's contrast that its image keeps. The field describes it
by one number, the MTF gain at the Nyquist frequency of mul (the finest wave on its grid), and
assumes a Gaussian through it.

Source of the gains in `core.sensor_table`: G. Vivone and others, "A Critical Comparison Among
Pansharpening Algorithms", IEEE Transactions on Geoscience and Remote Sensing 53 (2015), and the
toolbox published with it.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from potato.core.resample import bicubic_phases
from potato.core.sensors import Sensor

if TYPE_CHECKING:
    from torch import Tensor

TYPICAL_MUL_GAIN, TYPICAL_PAN_GAIN = 0.3, 0.15
"""Gains of sensors for which none are published, as that toolbox assumes them. Figures that depend
on them compare sharpeners with each other, not sensors."""

DEVIATIONS = 4.0
"""Standard deviations after which the Gaussian is cut off, rounded up to whole cells."""


def mul_gains(sensor: Sensor) -> tuple[float, ...]:
    """The MTF gain of each band at mul's Nyquist frequency; typical ones if none are published."""
    return sensor.mtf_gains[1:] or (TYPICAL_MUL_GAIN,) * len(sensor.bands)


def pan_gains(sensor: Sensor) -> tuple[float]:
    """The MTF gain, at mul's Nyquist frequency, of pan brought to mul's scale.

    A typical one if none is published; a tuple of one, as `degrade` takes it.
    """
    return (sensor.mtf_gains[0] if sensor.mtf_gains else TYPICAL_PAN_GAIN,)


def _deviation(gain: float) -> float:
    """Standard deviation σ in mul pixels: exp(−2 π² σ² f²) = gain at f = 1/2 cycle per pixel."""
    return math.sqrt(-2 * math.log(gain)) / math.pi


def reach(gains: Sequence[float]) -> int:
    """The number of cells on every side of a cell on which its value in `degrade` depends."""
    return math.ceil(DEVIATIONS * _deviation(min(gains)))


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
    weights = np.exp(-0.5 * ((np.arange(count) - (count - 1) / 2) / (_deviation(gain) * ratio)) ** 2)
    taps: NDArray[np.float64] = weights / weights.sum()
    return taps


def enlarged_taps(gain: float, reach: int, ratio: int) -> NDArray[np.float64]:
    """Weights of cells in what the Gaussian of an MTF gain sees of their bicubic enlargement.

    Cells beyond the reach of the enlargement weigh less than a thousandth, and count as the last.

    Args:
        gain: between 0 and 1.
        reach: cells on every side of a cell after which the Gaussian is cut off.
        ratio: pan pixels along a cell.

    Returns:
        (2 · `resample.BICUBIC_REACH` + 1,): of a cell and those around it along an axis; their sum
        is 1.
    """
    phases = bicubic_phases(ratio)
    whole = np.zeros(2 * reach + len(phases[0]))
    for first, taps in enumerate(gaussian_taps(gain, reach, ratio).reshape(-1, ratio)):
        whole[first : first + len(phases[0])] += taps @ phases
    inside: NDArray[np.float64] = whole[reach : len(whole) - reach].copy()
    inside[0] += whole[:reach].sum()
    inside[-1] += whole[len(whole) - reach :].sum()
    return inside


def degrade(image: "Tensor", gains: Sequence[float], ratio: int) -> "Tensor":
    """Bring an image from pan's scale to mul's, blurred as bands of given MTF gains blur it.

    The blur is a Gaussian that has the MTF gain at mul's Nyquist frequency, centred on each cell.
    Pixels beyond the border have the value of the nearest pixel inside.

    Args:
        image: (b, c, rh, rw), in any linear unit.
        gains: MTF gains between 0 and 1, one for each channel; or one for all.
        ratio: pan pixels along a mul pixel, r.

    Returns:
        (b, c, h, w) in that unit.

    Raises:
        ValueError: if the ratio doesn't divide the sides, or gains don't fit the channels.

    Example:
        >>> import torch
        >>> degrade(torch.ones(1, 1, 8, 8), (0.35,), 4).allclose(torch.ones(1, 1, 2, 2))
        True
    """
    import torch
    from torch.nn import functional

    channels = image.shape[1]
    if len(gains) not in (1, channels) or not all(0 < gain < 1 for gain in gains):
        raise ValueError(f"expected 1 or {channels} gains between 0 and 1, found {tuple(gains)}")
    if image.shape[-2] % ratio or image.shape[-1] % ratio:
        raise ValueError(f"expected sides that {ratio} divides, found {tuple(image.shape)}")
    cells = reach(gains)
    border = ratio * cells
    taps = np.stack([gaussian_taps(gain, cells, ratio) for gain in gains])
    kernel = torch.from_numpy(taps).expand(channels, -1).to(image)
    padded = functional.pad(image, (border, border, border, border), mode="replicate")
    across = functional.conv2d(padded, kernel[:, None, None, :], stride=(1, ratio), groups=channels)
    return functional.conv2d(across, kernel[:, None, :, None], stride=(ratio, 1), groups=channels)
