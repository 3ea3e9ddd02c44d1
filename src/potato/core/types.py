"""Types and shape checks that every room shares."""

import os
from typing import TYPE_CHECKING

from potato.core.sensors import BANDS, RATIO

if TYPE_CHECKING:
    from torch import Tensor

PathLike = str | os.PathLike[str]
"""What a caller may pass for a file or folder."""


def check_pair_shapes(pan: "Tensor", mul: "Tensor") -> None:
    """Refuse pan and mul tensors that don't belong together.

    Args:
        pan: expected (b, 1, 4h, 4w).
        mul: expected (b, 8, h, w).

    Raises:
        ValueError: if the shapes differ from these; the message says what came.
    """
    if mul.ndim == 4:
        batch, bands, height, width = mul.shape
        if bands == len(BANDS) and pan.shape == (batch, 1, RATIO * height, RATIO * width):
            return
    raise ValueError(
        f"expected pan (b, 1, 4h, 4w) and mul (b, 8, h, w), found {tuple(pan.shape)} and {tuple(mul.shape)}"
    )
