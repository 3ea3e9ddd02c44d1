"""Inputs and truths of the protocols."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor

from potato.core.color import mul_to_oklab
from potato.core.mtf import degrade, mul_gains, pan_gains
from potato.core.resample import block_mean
from potato.core.sensors import Sensor
from potato.core.types import check_pair_shapes
from potato.evaluation.registration import shift_arrays

DIRECTIONS = 8
"""Directions, evenly around the circle, in which the displaced protocol moves the arrays."""


class Case(NamedTuple):
    """A coarser pair and its truth.

    Attributes:
        pan: reflectance (b, 1, h, w).
        mul: reflectance (b, n, h/r, w/r); r is the ratio.
        truth: Oklab (b, 3, h, w).
    """

    pan: Tensor
    mul: Tensor
    truth: Tensor


def plain_case(pan: Tensor, mul: Tensor, sensor: Sensor, halvings: int = 0) -> Case:
    """The input and the truth of the plain protocol.

    Args:
        pan: reflectance (b, 1, rh, rw).
        mul: reflectance (b, n, h, w), sides divisible by r · 2^halvings.
        sensor: the sensor.
        halvings: how often pan and mul are halved first.

    Raises:
        ValueError: if the shapes don't fit each other.
    """
    check_pair_shapes(pan, mul)
    ratio = pan.shape[-1] // mul.shape[-1]
    for _ in range(halvings):
        pan, mul = block_mean(pan, 2), block_mean(mul, 2)
    return Case(block_mean(pan, ratio), block_mean(mul, ratio), mul_to_oklab(mul, sensor))


def mtf_case(pan: Tensor, mul: Tensor, sensor: Sensor) -> Case:
    """The input and the truth of the plain protocol by modulation transfer.

    The input is blurred as the sensor blurs the ground: a pair that the same camera would take from
    as many times farther away as the ratio is. Block means are sharper than that.

    Args:
        pan: reflectance (b, 1, rh, rw).
        mul: reflectance (b, n, h, w), sides divisible by r.
        sensor: the sensor, whose `mtf.mul_gains` and `mtf.pan_gains` are used.
    """
    check_pair_shapes(pan, mul)
    ratio = pan.shape[-1] // mul.shape[-1]
    low = degrade(pan, pan_gains(sensor), ratio), degrade(mul, mul_gains(sensor), ratio)
    return Case(*low, mul_to_oklab(mul, sensor))


def displaced_cases(pan: Tensor, registered: Tensor, displacement: float, sensor: Sensor) -> Iterator[Case]:
    """The inputs and the truth of the displaced protocol: a case for each direction.

    Args:
        pan: reflectance (b, 1, rh, rw).
        registered: mul (b, n, h, w) from `register_arrays`, sides divisible by r.
        displacement: between the two arrays, in low-resolution mul pixels; 0 has no direction and
            makes a single case.
        sensor: the sensor, two detector arrays or more; those after the second stay.
    """
    ratio = pan.shape[-1] // registered.shape[-1]
    truth, coarse_pan = mul_to_oklab(registered, sensor), block_mean(pan, ratio)
    reach = displacement / 2 * ratio
    others = [(0.0, 0.0)] * (len(sensor.arrays) - 2)
    for step in range(DIRECTIONS if displacement else 1):
        angle = 2 * math.pi * step / DIRECTIONS
        y, x = reach * math.sin(angle), reach * math.cos(angle)
        moved = shift_arrays(registered, (y, x), (-y, -x), *others, sensor=sensor)
        yield Case(coarse_pan, block_mean(moved, ratio), truth)


def crop_to_multiple(image: Tensor, step: int) -> Tensor:
    """Crop height and width of (…, h, w) to multiples of `step`."""
    return image[..., : image.shape[-2] // step * step, : image.shape[-1] // step * step]
