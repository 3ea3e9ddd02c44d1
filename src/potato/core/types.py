"""Types and checks of shapes that every room shares."""

import os

import numpy as np
from numpy.typing import NDArray

from potato.core.arrays import ArrayT

PathLike = str | os.PathLike[str]
"""The path of a file or folder, as callers may pass it."""

Codes = NDArray[np.uint8] | NDArray[np.uint16]
"""Pixel values of a finished picture, of 8 or 16 bits."""


def check_pair_shapes(pan: ArrayT, mul: ArrayT) -> None:
    """Refuse images whose shapes aren't those of a batch of pairs.

    Args:
        pan: expected as (b, 1, rh, rw), where the ratio r is a whole number.
        mul: expected as (b, n, h, w).

    Raises:
        ValueError: if either has another shape; the message says which.
    """
    if mul.ndim == 4 and min(mul.shape) > 0:
        batch, _, height, width = mul.shape
        ratio = pan.shape[-1] // width
        if pan.shape == (batch, 1, ratio * height, ratio * width):
            return
    raise ValueError(
        f"expected pan (b, 1, rh, rw) and mul (b, n, h, w), found {tuple(pan.shape)} and {tuple(mul.shape)}"
    )


def check_mask(valid: ArrayT | None, height: int, width: int) -> None:
    """Refuse a mask that isn't bool (`height`, `width`); None stands for all pixels.

    Raises:
        ValueError: if it has another type or shape; the message says which.
    """
    if valid is not None and (valid.shape != (height, width) or not str(valid.dtype).endswith("bool")):
        raise ValueError(
            f"expected valid as bool {(height, width)}, found {valid.dtype} {tuple(valid.shape)}"
        )
