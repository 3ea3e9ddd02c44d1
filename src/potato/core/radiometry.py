"""Counts in files to reflectance, and back."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.core.sensors import SCALE


def counts_to_reflectance(counts: NDArray[Any] | Tensor) -> Tensor:
    """Counts of any shape as reflectance: float32, 0..1 and above on specular targets.

    Example:
        >>> counts_to_reflectance(np.array([0, 2500], np.uint16)).tolist()
        [0.0, 0.25]
    """
    if isinstance(counts, np.ndarray):
        counts = torch.from_numpy(counts.astype(np.float32, order="C"))
    return counts.float() / SCALE


def reflectance_to_counts(reflectance: Tensor, least: int = 0) -> NDArray[np.uint16]:
    """Reflectance of any shape as the nearest uint16 counts, from `least` to 65,535.

    Example:
        >>> reflectance_to_counts(torch.tensor([-0.1, 0.25, 9.0])).tolist()
        [0, 2500, 65535]
    """
    return (reflectance * SCALE).round().clamp(least, 65_535).numpy().astype(np.uint16)
