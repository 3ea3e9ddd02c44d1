"""What training makes small: the perceived distance from the truth, in just-noticeable differences."""

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.color import JND, SATURATED

SOFTNESS = 0.1
"""JND below which the loss turns from a cone into a bowl: a tenth of what anyone can see."""

_DULL, _VIVID = 0.1, SATURATED
"""Oklab chroma by lightness up to which a surface is dull, and from which it is vivid: above them lie a tenth
and a hundredth of aerial photographs, leaves apart."""


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


def fringe_sum(output: Tensor, target: Tensor, valid: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """What magenta and green the output has in fine detail beyond the truth's, summed over valid pixels.

    Band arrays that lie apart show in Oklab's a. Where a network can't tell a colour from a fringe, ΔE finds
    both mistakes alike; people don't: a speck that isn't there is worse than a colour that is a little pale.
    So only the excess counts: max(0, |fine a of the output| − |fine a of the target|), where fine is what
    differs from the mean of the 3 × 3 cells around a pixel's own.

    Args:
        output: Oklab in cells (b, 48, h, w).
        target: the same shape.
        valid: bool (b, 16, h, w).
        weight: 0..1, broadcasts against `valid`.

    Returns:
        JND · pixels, a scalar; a counts double, as in ΔE.

    Example:
        >>> grey = torch.full((1, 48, 3, 3), 0.5)
        >>> float(fringe_sum(grey, grey, torch.ones(1, 16, 3, 3, dtype=torch.bool)))
        0.0
    """
    pixels = valid.shape[1]
    of_a = slice(pixels, 2 * pixels)
    return (_excess(output[:, of_a], target[:, of_a], valid) * weight).sum() * (2 / JND)


def stray_sum(
    output: Tensor, target: Tensor, pan: Tensor, valid: Tensor, weight: Tensor | float = 1.0
) -> Tensor:
    """What lightness has in fine detail beyond the truth's that pan doesn't show, summed over valid pixels.

    Mul rings and is aliased, and what a network takes over of that lies beside the edges of pan as a ghost.
    Like `fringe_sum`, this counts the excess alone, of lightness less pan's shading: L − k · cbrt(pan), where
    k is the ratio of their means in the truth.

    Args:
        output: Oklab in cells (b, 48, h, w).
        target: the same shape.
        pan: reflectance in cells (b, 16, h, w).
        valid: bool (b, 16, h, w).
        weight: 0..1, broadcasts against `valid`.

    Returns:
        JND · pixels, a scalar.

    Example:
        >>> grey = torch.full((1, 48, 3, 3), 0.5)
        >>> pan = torch.rand(1, 16, 3, 3, generator=torch.Generator().manual_seed(1))
        >>> float(stray_sum(grey, grey, pan, torch.ones(1, 16, 3, 3, dtype=torch.bool)))
        0.0
    """
    pixels = valid.shape[1]
    shading = torch.where(valid, pan, torch.zeros_like(pan)).clamp_min(0) ** (1 / 3)
    lightness = torch.where(valid, target[:, :pixels], torch.zeros_like(pan))
    ratio = lightness.sum((1, 2, 3), keepdim=True) / shading.sum((1, 2, 3), keepdim=True).clamp_min(1e-6)
    followed = ratio * shading
    return (_excess(output[:, :pixels] - followed, lightness - followed, valid) * weight).sum() / JND


def dullness(target: Tensor) -> Tensor:
    """Where `fringe_sum` and `stray_sum` are to be asked: not at vivid things.

    A tarpaulin of a few pixels looks much like a fringe. Asked there too, both terms would teach that there
    are no tarpaulins.

    Args:
        target: Oklab in cells (b, 48, h, w); 0 where invalid.

    Returns:
        (b, 1, h, w): 1 where nothing in a cell and those around it is vivid, 0 where something is. Vivid is
        what has a chroma of at least 0.16 of its lightness, dull up to 0.1; straight in between.
    """
    lightness, a, b = target.unflatten(1, (3, -1)).unbind(1)
    colourful = (torch.hypot(a, b) / lightness.clamp_min(0.05)).amax(1, keepdim=True)
    vivid = ((colourful - _DULL) / (_VIVID - _DULL)).clamp(0, 1)
    return 1 - F.max_pool2d(vivid, 3, stride=1, padding=1)


def _excess(output: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """By how much fine detail in cells (b, 16, h, w) is larger than the truth's; 0 where invalid."""
    found, true = (_fine(torch.where(valid, image, torch.zeros_like(image))) for image in (output, target))
    return (found.abs() - true.abs()).clamp_min(0) * valid


def _fine(cells: Tensor) -> Tensor:
    """One channel in cells (b, 16, h, w), less the mean of the 3 × 3 cells around."""
    mean = cells.mean(1, keepdim=True)
    return cells - F.avg_pool2d(mean, 3, stride=1, padding=1, count_include_pad=False)
