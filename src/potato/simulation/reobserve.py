"""A clean chip, imaged again: an imager's artefacts for real chips."""

import torch
from torch import Tensor

from potato.core.radiometry import counts_to_reflectance
from potato.core.resample import fill_invalid
from potato.simulation.artefacts import boost_mtf, displace_arrays
from potato.simulation.imager import Imager

_MUL_REACH = 6
"""Mul pixels that are filled beyond valid ones: more than bands are ever displaced."""

_PAN_REACH = 2
"""Pan pixels that are filled beyond valid ones: as far as `boost_mtf` reads."""


def observe_again(
    pan: Tensor, mul: Tensor, imager: Imager, displacement: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Give a clean chip the artefacts of an imager.

    The arrays are displaced, pan and mul ring, and get noise and levels, as in `imager.observe`.
    A chip has blur and haze of its own, so none are added, and its moving cars can't be found.

    Args:
        pan: counts uint16 (1, rh, rw), 0 where invalid.
        mul: counts uint16 (n, h, w), 0 in every band where invalid.
        imager: of `random_imager.random_imager`, for the sensor of the chip.
        displacement: (2,) or (2, h, w), of `imager.displacement_field`.
        generator: source of the noise.

    Returns:
        New pan and mul, with the shapes, types and invalid pixels of the arguments. The chip's
        target remains the truth.
    """
    pan_valid, mul_valid = pan.int() > 0, (mul.int() > 0).any(0, keepdim=True)
    pan_reflectance = _filled(pan, pan_valid, _PAN_REACH)
    mul_reflectance = displace_arrays(_filled(mul, mul_valid, _MUL_REACH), displacement, imager.band_sides)
    mul_reflectance = boost_mtf(mul_reflectance, imager.mul_mtf_boost, imager.mul_fine_mtf_boost)
    pan_reflectance = boost_mtf(pan_reflectance, imager.pan_mtf_boost) * imager.pan_calibration_gain
    pan_again = _masked(imager.pan_counts(pan_reflectance, generator), pan_valid)
    return pan_again, _masked(imager.mul_counts(mul_reflectance, generator), mul_valid)


def _filled(counts: Tensor, valid: Tensor, reach: int) -> Tensor:
    """Reflectance (c, h, w), filled up to `reach` pixels beyond valid ones."""
    reflectance = counts_to_reflectance(counts)
    if not bool(valid.all()):
        reflectance = fill_invalid(reflectance[None], valid[None], reach)[0]
    return reflectance


def _masked(counts: Tensor, valid: Tensor) -> Tensor:
    """`counts` uint16 where `valid`, 0 elsewhere."""
    bits = counts.view(torch.int16)
    return torch.where(valid, bits, torch.zeros_like(bits)).view(torch.uint16)
