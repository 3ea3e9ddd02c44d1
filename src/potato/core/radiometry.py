"""Counts to reflectance and back."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.core.sensors import SCALE


def counts_to_reflectance(counts: NDArray[Any] | Tensor) -> Tensor:
    """Convert counts to reflectance.

    Args:
        counts: an array or tensor of any shape and number type, in units of 1 / `SCALE`.

    Returns:
        float32 of that shape: 0..1, and above on specular targets and clouds.

    Example:
        >>> counts_to_reflectance(np.array([0, 2500], np.uint16)).tolist()
        [0.0, 0.25]
    """
    if isinstance(counts, np.ndarray):
        counts = torch.from_numpy(counts.astype(np.float32, order="C"))
    return counts.float() / SCALE


def reflectance_to_counts(reflectance: Tensor, least: int = 0) -> NDArray[np.uint16]:
    """Convert reflectance to the nearest counts.

    Args:
        reflectance: a tensor of any shape, on the CPU.
        least: the smallest count to give; 1 keeps dark pixels apart from invalid ones, which are 0.

    Returns:
        uint16 of that shape, from `least` to 65,535.

    Example:
        >>> reflectance_to_counts(torch.tensor([-0.1, 0.25, 9.0])).tolist()
        [0, 2500, 65535]
    """
    return (reflectance * SCALE).round().clamp(least, 65_535).numpy().astype(np.uint16)
