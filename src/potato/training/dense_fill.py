"""Filling invalid pixels of a pair without waiting for a GPU."""

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.model.network import fill_pair


def fill_pair_densely(
    pan: Tensor, mul: Tensor, pan_valid: Tensor, mul_valid: Tensor, reach: int
) -> tuple[Tensor, Tensor]:
    """Do what `model.network.fill_pair` does, equal but for rounding, in passes over whole images.

    `fill_pair` lists the pixels to fill. That saves work on a CPU, but on a GPU the caller waits
    for the length of each list.

    Args:
        pan: reflectance in cells (b, r², h, w).
        mul: reflectance (b, n, h, w).
        pan_valid: bool, in cells (b, r², h, w).
        mul_valid: bool (b, 1, h, w).
        reach: how many cells far to fill; pixels beyond become 0.

    Returns:
        New pan and mul.
    """
    return fill_pair(pan, mul, pan_valid, mul_valid, reach, fill=_fill)


def _fill(image: Tensor, valid: Tensor, reach: int) -> Tensor:
    """`core.resample.fill_invalid` in `reach` passes over the whole image."""
    filled, known = torch.where(valid, image, torch.zeros_like(image)), valid.to(image)
    for _ in range(reach):
        number = _sum_around(known)
        new = (number > 0) & (known == 0)
        filled = torch.where(new, _sum_around(filled) / number.clamp_min(1), filled)
        known = torch.where(new, torch.ones_like(known), known)
    return filled


def _sum_around(image: Tensor) -> Tensor:
    """Sums of 3 × 3 pixels (…, h, w), 0 beyond the border."""
    image = F.pad(image, (1, 1, 1, 1))
    for axis in (-2, -1):
        size = image.shape[axis] - 2
        first, *others = (image.narrow(axis, start, size) for start in range(3))
        image = first + others[0] + others[1]
    return image
