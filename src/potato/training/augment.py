"""More out of a chip: the 8 symmetries of the square, exposure, air, and the faults of the instrument.

Nothing here changes its arguments. Randomness comes from a `torch.Generator`, so the same generator gives
the same variant. Test data is never augmented.
"""

import math

import torch
from torch import Tensor

from potato.core.color import mul_to_xyz, oklab_to_xyz, xyz_to_oklab
from potato.core.resample import fill_invalid
from potato.core.sensors import BANDS, SCALE
from potato.simulation.artefacts import displace_arrays, over_sharpen
from potato.simulation.imager import Sensor, haze_of, mul_counts, pan_counts

SYMMETRIES = 8
"""Ways to lay a square onto itself: four turns, each also mirrored."""

CLEAR_AIR = torch.stack([torch.ones(1 + len(BANDS)), torch.zeros(1 + len(BANDS))])
"""What `add_air` takes for nothing (2, 9): all is let through, and none is added."""

_STOPS = 1.0
"""Exposure varies by so many powers of 2, up and down."""

_HAZE = 0.06
"""Reflectance that haze adds to coastal at most."""

_REACH = 6
"""Pixels that invalid ones are filled from before bands are moved: more than they ever move."""


def random_symmetry(generator: torch.Generator) -> int:
    """One of the `SYMMETRIES`, as `turn` takes it."""
    return int(torch.randint(SYMMETRIES, (), generator=generator))


def turn(image: Tensor, symmetry: int) -> Tensor:
    """Turn and mirror an image.

    Args:
        image: (…, h, w) of any type; applied to pan, mul and target alike, it keeps them a pair.
        symmetry: 0..7: quarter turns to the left, and 4 more for a mirror image first; 0 is the identity.

    Returns:
        A new tensor: (…, h, w), or (…, w, h) for odd numbers.

    Raises:
        ValueError: if `symmetry` isn't one.
    """
    if not 0 <= symmetry < SYMMETRIES:
        raise ValueError(f"expected a symmetry of 0..{SYMMETRIES - 1}, found {symmetry}")
    # torch can't flip uint16, and doesn't mind what the bits of int16 mean.
    bits = image.view(torch.int16) if image.dtype == torch.uint16 else image
    if symmetry >= 4:
        bits = bits.flip(-1)
    turned = torch.rot90(bits, symmetry % 4, (-2, -1)).clone(memory_format=torch.contiguous_format)
    return turned.view(image.dtype)


def random_exposure(generator: torch.Generator) -> float:
    """A factor of reflectance, ½..2, as likely above 1 as below."""
    return math.exp2(_STOPS * float(2 * torch.rand((), generator=generator) - 1))


def random_air(generator: torch.Generator) -> Tensor:
    """More air between ground and instrument, for pan and the bands (2, 9).

    The first row is what it lets through. Water vapour and oxygen take 0 to a quarter of red edge and 0 to
    0.3 of NIR2, unless that was made up for, even a little too much; nothing of the others.

    The second is the haze that it adds, reflectance: up to 0.06 in coastal, falling with wavelength to the
    power of 0.2 to −1.3, uneven by 0.15. It may have been removed another way where it isn't visible: beyond
    red, 0.2 to 1 of that is left, in pan up to 0.8. In a real WorldView-2 pair that says it was corrected,
    shadows still reflect 0.045 in all visible bands and 0.02 in pan and beyond red, so that dark ground has
    half the contrast in lightness that it has in pan.
    """
    amount, slope, share = torch.rand(3, generator=generator).tolist()
    factors = torch.exp(0.15 * torch.randn(len(BANDS), generator=generator)).tolist()
    beyond, oxygen, vapour = torch.rand(3, generator=generator).tolist()
    air = Sensor(
        haze=_HAZE * amount,
        haze_slope=1.5 * slope - 0.2,
        haze_factors=tuple(factors),
        haze_beyond_red=0.2 + 0.8 * beyond,
        pan_haze=0.8 * share,
    )
    through = dict.fromkeys(BANDS, 1.0) | {"rededge": 0.75 + 0.3 * oxygen, "nir2": 0.7 + 0.35 * vapour}
    return torch.tensor([(1.0, *through.values()), haze_of(air)])


def add_air(pan: Tensor, mul: Tensor, oklab: Tensor, air: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The same ground through more air: a true pair again, since light adds up and Oklab can be undone.

    Args:
        pan: reflectance (b, 1, 4h, 4w).
        mul: reflectance (b, 8, h, w).
        oklab: of the truth (b, 3, 4h, 4w).
        air: of `random_air` (b, 2, 9): what pan and the bands keep, all of it where light is visible, and
            the reflectance that is added.

    Returns:
        The three, new.
    """
    through, haze = air.to(pan)[..., None, None].unbind(1)
    return (
        pan * through[:, :1] + haze[:, :1],
        mul * through[:, 1:] + haze[:, 1:],
        xyz_to_oklab(oklab_to_xyz(oklab) + mul_to_xyz(haze[:, 1:])),
    )


def expose(pan: Tensor, mul: Tensor, oklab: Tensor, factor: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
    """The same ground under more or less light: a true pair again, since Oklab is homogeneous.

    Args:
        pan: reflectance, any shape.
        mul: reflectance, any shape.
        oklab: any shape.
        factor: k, above 0, or a tensor that broadcasts against all three.

    Returns:
        k · pan, k · mul, cbrt(k) · oklab.
    """
    return pan * factor, mul * factor, oklab * factor ** (1 / 3)


def observe_again(
    pan: Tensor, mul: Tensor, sensor: Sensor, displacement: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A clean chip as an instrument would have seen it.

    The instrument is that of `scenes`: the arrays displaced, pan and mul ringing, noise, levels. Blur and
    haze are left out, since a chip has its own; so are moving cars, which can't be found in it.

    Args:
        pan: counts uint16 (1, 4h, 4w), 0 where invalid.
        mul: counts uint16 (8, h, w), 0 in every band where invalid.
        sensor: from `scenes.instrument.random_sensor`.
        displacement: as for `optics.displace_arrays`, from `scenes.instrument.displacement_field`.
        generator: where the noise comes from.

    Returns:
        pan and mul, new, of the same types, invalid where they were. The target stays as it is.
    """
    fine, coarse = pan.float() / SCALE, mul.float() / SCALE
    pan_valid, mul_valid = fine > 0, (coarse > 0).any(0, keepdim=True)
    if not bool(pan_valid.all()):
        fine = fill_invalid(fine[None], pan_valid[None], 2)[0]
    if not bool(mul_valid.all()):
        coarse = fill_invalid(coarse[None], mul_valid[None], _REACH)[0]
    coarse = over_sharpen(displace_arrays(coarse, displacement), sensor.sharpening, sensor.fine_sharpening)
    fine = over_sharpen(fine, sensor.pan_sharpening) * sensor.pan_gain
    fine = pan_counts(fine, sensor, generator)
    coarse = mul_counts(coarse, sensor, generator)
    return _where(pan_valid, fine), _where(mul_valid, coarse)


def _where(valid: Tensor, counts: Tensor) -> Tensor:
    """`counts` uint16 where `valid`, 0 elsewhere."""
    bits = counts.view(torch.int16)
    return torch.where(valid, bits, torch.zeros_like(bits)).view(torch.uint16)
