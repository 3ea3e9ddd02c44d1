"""What training makes small: the perceived distance from the truth, in just-noticeable differences."""

import torch
from torch import Tensor

from potato.color import JND

__all__ = ["SOFTNESS", "delta_e_loss", "delta_e_sum", "soft_delta_e"]

SOFTNESS = 0.1
"""JND below which the loss turns from a cone into a bowl: a tenth of what anyone can see."""


def soft_delta_e(output: Tensor, target: Tensor, softness: float = SOFTNESS) -> Tensor:
    """`color.delta_e_ok` with a smooth bottom.

    A bare distance has no slope at 0, and its derivative there is NaN. This one is √(ΔE² + s²) − s: 0 where
    both agree, ΔE − s far away, and never steeper than ΔE.

    Args:
        output: Oklab (…, 3, h, w).
        target: the same shape.
        softness: s, in JND, above 0.

    Returns:
        (…, h, w) in JND.

    Raises:
        ValueError: if the shapes differ or the channel axis isn't 3 long.
    """
    if output.shape != target.shape or output.ndim < 3 or output.shape[-3] != 3:
        raise ValueError(
            f"expected two Oklab images (…, 3, h, w) of one shape, "
            f"found {tuple(output.shape)} and {tuple(target.shape)}"
        )
    lightness, a, b = ((output - target) / JND).unbind(-3)
    return torch.sqrt(lightness**2 + 4 * (a**2 + b**2) + softness**2) - softness


def delta_e_sum(
    output: Tensor, target: Tensor, valid: Tensor | None = None, softness: float = SOFTNESS
) -> tuple[Tensor, Tensor]:
    """The sum of `soft_delta_e` over valid pixels, and how many there are.

    Args:
        output: Oklab (…, 3, h, w); what stands in invalid pixels, NaN too, touches neither the sum nor
            its gradient.
        target: the same shape.
        valid: bool (…, 1, h, w); None if every pixel is.
        softness: as for `soft_delta_e`.

    Returns:
        Two scalars: JND · pixels, and pixels.
    """
    if valid is None:
        distance = soft_delta_e(output, target, softness)
        return distance.sum(), torch.tensor(distance.numel(), device=distance.device)
    # Cut out before the root: 0 × NaN would be NaN on the way back.
    distance = soft_delta_e(torch.where(valid, output, target), target, softness)
    return distance.sum(), valid.sum()


def delta_e_loss(
    output: Tensor, target: Tensor, valid: Tensor | None = None, softness: float = SOFTNESS
) -> Tensor:
    """The mean of `soft_delta_e` over valid pixels, a scalar in JND; 0 where none is valid.

    Arguments as for `delta_e_sum`.

    Example:
        >>> grey = torch.full((3, 2, 2), 0.5)
        >>> float(delta_e_loss(grey, grey))
        0.0
    """
    total, count = delta_e_sum(output, target, valid, softness)
    return total / count.clamp_min(1)
