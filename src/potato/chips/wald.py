"""Wald's protocol: a pair made coarser, so that the original mul becomes the truth.

Every step is a mean over squares, summed in integers and rounded once, at the end. With the extra
halving, the truth is itself coarser than the imagery by 2, which sheds its artefacts.

    one side, extra halving     read   ÷2 → truth   ÷4 more
    pan                         4096      2048        512     pan of the chip
    mul                         1024       512        128     truth; mul of the chip

Source: L. Wald, T. Ranchin, M. Mangolini, "Fusion of satellite images of different spatial
resolutions", PE&RS 63 (1997).
"""

import numpy as np
import torch
from numpy.typing import NDArray

from potato.chips.chip import Chip, encode_oklab
from potato.core.color import mul_to_oklab
from potato.core.resample import enlarge_mask
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE
from potato.raster import PairPixels

_LARGEST = 256
"""Side of the largest square whose sum of uint16 fits uint32."""


def box_sum(image: NDArray[np.unsignedinteger], factor: int) -> NDArray[np.uint32]:
    """Exact sums over `factor` × `factor` squares.

    Args:
        image: uint8, uint16, or uint32 sums of such (…, h · factor, w · factor).
        factor: 1 to 256.

    Returns:
        uint32 (…, h, w).

    Raises:
        ValueError: if the squares don't fill the image, or are too large.
    """
    height, width = image.shape[-2:]
    if not 1 <= factor <= _LARGEST or height % factor or width % factor:
        raise ValueError(
            f"expected sides that a factor of 1..{_LARGEST} divides, found {height} × {width} and {factor}"
        )
    # Rows first: they are contiguous in memory, and the sums that remain are small.
    rows = image[..., ::factor, :].astype(np.uint32)
    for step in range(1, factor):
        rows += image[..., step::factor, :]
    total = rows[..., ::factor].copy()
    for step in range(1, factor):
        total += rows[..., step::factor]
    return total


def box_mean(image: NDArray[np.unsignedinteger], factor: int) -> NDArray[np.uint16]:
    """Means over squares of uint16 (…, h · factor, w · factor), rounded, halves up: (…, h, w)."""
    return _rounded(box_sum(image, factor), factor)


def _rounded(total: NDArray[np.uint32], factor: int) -> NDArray[np.uint16]:
    area = factor * factor
    return ((total + np.uint32(area // 2)) // np.uint32(area)).astype(np.uint16)


def _all_valid(valid: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Whether a whole square is valid: bool (h · factor, w · factor) to (h, w)."""
    whole: NDArray[np.bool_] = box_sum(valid.view(np.uint8), factor) == factor * factor
    return whole


def coarsen_pair(pixels: PairPixels, extra_halving: bool = True) -> Chip:
    """Make a chip of the pixels of a pair.

    A pixel of the chip is valid where every pixel beneath it is; the target is valid where both pan
    and the mul beneath the cell are. A valid 0 becomes 1, the smallest reflectance.

    Args:
        pixels: a window whose sides in cells are multiples of 8, or of 4 without the extra halving.
        extra_halving: whether to make the truth coarser by 2 first.
    """
    halving = 2 if extra_halving else 1
    return make_chip(
        pixels.pan, pixels.mul, pixels.pan_valid, pixels.mul_valid, WORKSHOP.ratio * halving, halving
    )


def make_chip(
    pan: NDArray[np.uint16],
    bands: NDArray[np.uint16],
    pan_valid: NDArray[np.bool_] | None,
    bands_valid: NDArray[np.bool_] | None,
    pan_factor: int,
    truth_factor: int,
) -> Chip:
    """Make a chip by means over squares.

    Args:
        pan: uint16 (4h · pan_factor, 4w · pan_factor).
        bands: uint16 (8, 4h · truth_factor, 4w · truth_factor).
        pan_valid: bool, with the shape of pan; None if all is valid.
        bands_valid: bool, with the shape of a band; None if all is valid.
        pan_factor: pixels of `pan` along one side of a pixel of the chip.
        truth_factor: pixels of `bands` along one side of a pixel of the truth.

    Returns:
        pan (1, 4h, 4w), mul (8, h, w), target (3, 4h, 4w).
    """
    mul_factor = WORKSHOP.ratio * truth_factor
    truth = box_sum(bands, truth_factor)
    fine = np.maximum(box_mean(pan, pan_factor), 1)
    # Sums of exact sums are exact, so they too are rounded only once.
    coarse = np.maximum(_rounded(box_sum(truth, WORKSHOP.ratio), mul_factor), 1)
    valid = np.ones(fine.shape, np.bool_)
    if pan_valid is not None and not pan_valid.all():
        valid = _all_valid(pan_valid, pan_factor)
        fine *= valid
    if bands_valid is not None and not bands_valid.all():
        supported = _all_valid(bands_valid, mul_factor)
        coarse *= supported
        valid = valid & enlarge_mask(supported, WORKSHOP.ratio)
    # In float64, so that no processor or thread count rounds a target differently.
    scale = 1 / (SCALE * truth_factor**2)
    oklab = mul_to_oklab(torch.from_numpy(truth.astype(np.float64)).mul_(scale), WORKSHOP)
    target = encode_oklab(oklab, torch.from_numpy(valid))
    return Chip(torch.from_numpy(fine[None]), torch.from_numpy(coarse), target)
