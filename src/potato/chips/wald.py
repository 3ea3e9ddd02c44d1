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
from potato.core.sensor_table import WORLDVIEW_2
from potato.core.sensors import SCALE, Sensor
from potato.raster.pair import PairPixels

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


def rounded_mean(image: NDArray[np.unsignedinteger], factor: int) -> NDArray[np.uint16]:
    """Means over squares of uint16 (…, h · factor, w · factor), rounded, halves up: (…, h, w)."""
    return _rounded(box_sum(image, factor), factor)


def _rounded(total: NDArray[np.uint32], factor: int) -> NDArray[np.uint16]:
    area = factor * factor
    return ((total + np.uint32(area // 2)) // np.uint32(area)).astype(np.uint16)


def _all_valid(valid: NDArray[np.bool_], factor: int) -> NDArray[np.bool_]:
    """Whether a whole square is valid: bool (h · factor, w · factor) to (h, w)."""
    whole: NDArray[np.bool_] = box_sum(valid.view(np.uint8), factor) == factor * factor
    return whole


def coarsen_pair(pixels: PairPixels, extra_halving: bool = True, sensor: Sensor = WORLDVIEW_2) -> Chip:
    """Make a chip of the pixels of a pair.

    A pixel of the chip is valid where every pixel beneath it is; the target is valid where both pan
    and the mul beneath the cell are. A valid 0 becomes 1, the smallest reflectance.

    Args:
        pixels: a window whose sides in cells are multiples of twice the sensor's ratio, or of the
            ratio without the extra halving.
        extra_halving: whether to make the truth coarser by 2 first.
        sensor: that of the pair.
    """
    halving = 2 if extra_halving else 1
    images = pixels.pan, pixels.mul, pixels.pan_valid, pixels.mul_valid
    return make_chip(*images, sensor.ratio * halving, halving, sensor)


def make_chip(
    pan: NDArray[np.uint16],
    bands: NDArray[np.uint16],
    pan_valid: NDArray[np.bool_] | None,
    bands_valid: NDArray[np.bool_] | None,
    pan_factor: int,
    truth_factor: int,
    sensor: Sensor = WORLDVIEW_2,
) -> Chip:
    """Make a chip by means over squares.

    Args:
        pan: uint16 (rh · pan_factor, rw · pan_factor).
        bands: uint16 (n, rh · truth_factor, rw · truth_factor).
        pan_valid: bool, with the shape of pan; None if all is valid.
        bands_valid: bool, with the shape of a band; None if all is valid.
        pan_factor: pixels of `pan` along one side of a pixel of the chip.
        truth_factor: pixels of `bands` along one side of a pixel of the truth.
        sensor: the sensor, which has n bands and the ratio r.

    Returns:
        pan (1, rh, rw), mul (n, h, w), target (3, rh, rw).
    """
    mul_factor = sensor.ratio * truth_factor
    truth = box_sum(bands, truth_factor)
    fine = np.maximum(rounded_mean(pan, pan_factor), 1)
    # Sums of exact sums are exact, so they too are rounded only once.
    coarse = np.maximum(_rounded(box_sum(truth, sensor.ratio), mul_factor), 1)
    valid = np.ones(fine.shape, np.bool_)
    if pan_valid is not None and not pan_valid.all():
        valid = _all_valid(pan_valid, pan_factor)
        fine *= valid
    if bands_valid is not None and not bands_valid.all():
        supported = _all_valid(bands_valid, mul_factor)
        coarse *= supported
        valid = valid & enlarge_mask(supported, sensor.ratio)
    # In float64, so that no processor or thread count rounds a target differently.
    scale = 1 / (SCALE * truth_factor**2)
    oklab = mul_to_oklab(torch.from_numpy(truth.astype(np.float64)).mul_(scale), sensor)
    target = encode_oklab(oklab, torch.from_numpy(valid))
    return Chip(torch.from_numpy(fine[None]), torch.from_numpy(coarse), target, sensor=sensor)
