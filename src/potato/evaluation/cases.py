"""Inputs and truths of the protocols."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from torch import Tensor

from potato.core.color import mul_to_oklab
from potato.core.resample import block_mean
from potato.core.sensors import RATIO
from potato.core.types import check_pair_shapes
from potato.evaluation.registration import shift_arrays

Colour = Callable[[Tensor], Tensor]
"""The true colour of bands: mul (b, 8, h, w), reflectance, to Oklab (b, 3, h, w)."""

DIRECTIONS = 8
"""Directions, evenly around the circle, in which the displaced protocol moves the arrays."""


class Case(NamedTuple):
    """A coarser pair and its truth.

    Attributes:
        pan: reflectance (b, 1, h, w).
        mul: reflectance (b, 8, h/4, w/4).
        truth: Oklab (b, 3, h, w).
    """

    pan: Tensor
    mul: Tensor
    truth: Tensor


def plain_case(pan: Tensor, mul: Tensor, halvings: int = 0, colour: Colour = mul_to_oklab) -> Case:
    """The input and the truth of the plain protocol.

    Args:
        pan: reflectance (b, 1, 4h, 4w).
        mul: reflectance (b, 8, h, w), sides divisible by 4 · 2^halvings.
        halvings: how often pan and mul are halved first.
        colour: the colour of the truth.

    Raises:
        ValueError: if the shapes don't fit each other.
    """
    check_pair_shapes(pan, mul)
    for _ in range(halvings):
        pan, mul = block_mean(pan, 2), block_mean(mul, 2)
    return Case(block_mean(pan), block_mean(mul), colour(mul))


def displaced_cases(
    pan: Tensor, registered: Tensor, displacement: float, colour: Colour = mul_to_oklab
) -> Iterator[Case]:
    """The inputs and the truth of the displaced protocol: a case for each direction.

    Args:
        pan: reflectance (b, 1, 4h, 4w).
        registered: mul (b, 8, h, w) from `register_arrays`, sides divisible by 4.
        displacement: between the two arrays, in low-resolution mul pixels; 0 has no direction and
            makes a single case.
        colour: the colour of the truth.
    """
    truth, coarse_pan = colour(registered), block_mean(pan)
    reach = displacement / 2 * RATIO
    for step in range(DIRECTIONS if displacement else 1):
        angle = 2 * math.pi * step / DIRECTIONS
        y, x = reach * math.sin(angle), reach * math.cos(angle)
        yield Case(coarse_pan, block_mean(shift_arrays(registered, (y, x), (-y, -x))), truth)


def crop_to_multiple(image: Tensor, step: int) -> Tensor:
    """Crop height and width of (…, h, w) to multiples of `step`."""
    return image[..., : image.shape[-2] // step * step, : image.shape[-1] // step * step]
