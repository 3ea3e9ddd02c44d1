"""Artefacts of sampled pixels: ringing, noise, displaced band arrays."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.sensors import SCALE


def boost_mtf(image: Tensor, amount: float, fine: float = 0.0) -> Tensor:
    """Boost the modulation transfer function towards high frequencies, so that edges ring.

    Args:
        image: (c, h, w).
        amount: factor of the detail that is added; 0 adds none.
        fine: factor of the detail of that detail.

    Returns:
        `image` + `amount` × d + `fine` × (d − blur(d)), where d = `image` − blur(`image`), and blur
        is the 3×3 binomial one with replicated borders.
    """
    if not amount and not fine:
        return image
    sharpened = torch.empty_like(image)
    # A plane at a time fits the cache.
    for own, plane in zip(sharpened.split(1), image.split(1), strict=True):
        detail = plane - binomial(plane)
        torch.add(plane, detail, alpha=amount + fine, out=own)
        if fine:
            own.sub_(binomial(detail), alpha=fine)
    return sharpened


def binomial(image: Tensor) -> Tensor:
    """The 3×3 binomial blur of (c, h, w), borders replicated."""
    # Sums of neighbours, twice along each axis, give 1 2 1 by 1 2 1, five times as fast as pooling.
    total = F.pad(image[None], (1, 1, 1, 1), mode="replicate")[0]
    for axis in (-2, -1, -2, -1):
        size = total.shape[axis] - 1
        total = total.narrow(axis, 0, size) + total.narrow(axis, 1, size)
    return total.div_(16)


def to_counts(image: Tensor, read: float, shot: float, step: int, generator: torch.Generator) -> Tensor:
    """Add noise and quantise.

    Args:
        image: reflectance, any shape.
        read: standard deviation of the noise in the dark, reflectance.
        shot: variance of the noise per reflectance.
        step: counts between two levels.
        generator: source of the noise.

    Returns:
        uint16 counts of that shape, reflectance × 10,000, at least 1.
    """
    if read or shot:
        deviation = image.clamp_min(0).mul_(shot).add_(read**2).sqrt_()
        image = image + deviation.mul_(torch.randn(image.shape, generator=generator))
    counts = (image * (SCALE / step)).round_().mul_(step)
    return counts.clamp_(1, torch.iinfo(torch.uint16).max).to(torch.uint16)


def read_at(image: Tensor, rows: Tensor, columns: Tensor, mode: str) -> Tensor:
    """Interpolate, with replicated borders.

    Args:
        image: (n, h, w).
        rows: (h', w'), pixels from the image's upper edge: 0.5 is the middle of the first row.
        columns: (h', w'), pixels from the image's left edge.
        mode: "nearest", "bilinear" or "bicubic".

    Returns:
        (n, h', w').
    """
    # grid_sample counts from −1 to 1.
    grid = torch.stack([columns * (2 / image.shape[2]) - 1, rows * (2 / image.shape[1]) - 1], -1)
    return F.grid_sample(image[None], grid[None], mode=mode, padding_mode="border", align_corners=False)[0]


def displace_arrays(mul: Tensor, displacement: Tensor, sides: Sequence[float]) -> Tensor:
    """Displace the arrays of bands against each other; pan and the truth stay where they are.

    Args:
        mul: (n, h, w).
        displacement: (down, right) in mul pixels, one for all pixels (2,) or one for each
            (2, h, w).
        sides: the share of it by which each band moves (n,), as `imager.Imager.sides`.

    Returns:
        A new (n, h, w), resampled by cubic convolution, borders replicated.
    """
    height, width = mul.shape[-2:]
    down, right = displacement.reshape(2, *(displacement.shape[1:] or (1, 1))).expand(2, height, width)
    rows = torch.arange(height, dtype=mul.dtype)[:, None] + 0.5
    columns = torch.arange(width, dtype=mul.dtype)[None, :] + 0.5
    moved = torch.empty_like(mul)
    for side in sorted(set(sides)):
        bands = [index for index, own in enumerate(sides) if own == side]
        # A pixel that is displaced downwards is read from above.
        moved[bands] = read_at(mul[bands], rows - side * down, columns - side * right, "bicubic")
    return moved
