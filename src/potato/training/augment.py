"""Augmentation of chips: the 8 symmetries of the square, exposure, and air.

No function changes its arguments. Randomness comes from a `torch.Generator` alone. Test chips are
never augmented by these. `simulation.reobserve` adds the artefacts of an imager.
"""

import math

import torch
from torch import Tensor

from potato.core.color import bands_to_xyz, oklab_to_xyz, xyz_to_oklab
from potato.core.sensors import Sensor
from potato.simulation.imager import Imager

SYMMETRIES = 8
"""Ways to map a square onto itself: four turns, each with and without mirroring."""

CLEAR_AIR = torch.tensor([[1.0], [0.0]])
"""Air that changes no plane (2, 1): all light passes, and none is added."""

_STOPS = 1.0
"""Powers of 2 by which exposure varies up and down."""

_HAZE = 0.06
"""Largest reflectance that haze adds to coastal."""


def random_symmetry(generator: torch.Generator) -> int:
    """One of the `SYMMETRIES`, as `turn` takes it."""
    return int(torch.randint(SYMMETRIES, (), generator=generator))


def turn(image: Tensor, symmetry: int) -> Tensor:
    """Turn and mirror an image.

    Args:
        image: (…, h, w) of any type. Pan, mul and target stay a pair if all are turned alike.
        symmetry: 0..7: quarter turns to the left, plus 4 to mirror first; 0 is the identity.

    Returns:
        A new tensor: (…, h, w), or (…, w, h) for odd numbers.

    Raises:
        ValueError: if `symmetry` isn't in 0..7.
    """
    if not 0 <= symmetry < SYMMETRIES:
        raise ValueError(f"expected a symmetry of 0..{SYMMETRIES - 1}, found {symmetry}")
    # torch can't flip uint16; int16 has the same bits.
    bits = image.view(torch.int16) if image.dtype == torch.uint16 else image
    if symmetry >= 4:
        bits = bits.flip(-1)
    turned = torch.rot90(bits, symmetry % 4, (-2, -1)).clone(memory_format=torch.contiguous_format)
    return turned.view(image.dtype)


def random_exposure(generator: torch.Generator) -> float:
    """A factor of reflectance, ½..2, uniform in its logarithm."""
    return math.exp2(_STOPS * float(2 * torch.rand((), generator=generator) - 1))


def random_air(generator: torch.Generator, sensor: Sensor) -> Tensor:
    """Additional air between ground and imager, for pan and the bands of a sensor (2, 1 + n).

    The first row is transmittance. Water vapour and oxygen absorb 0 to a quarter of red edges and 0
    to 0.3 of NIR2, less a correction for them, which may be a little too large; the other bands
    lose nothing.

    The second row is the reflectance that haze adds: up to 0.06 in coastal, falling as wavelength
    to the power of 0.2 to −1.3, uneven by 0.15. Haze is often removed differently beyond visible
    light: 0.2 to 1 of it is left beyond red, and up to 0.8 in pan. In a real WorldView-2 pair whose
    metadata say that it was corrected, shadows still reflect 0.045 in all visible bands and 0.02 in
    pan and beyond red, so that dark ground has half the contrast in lightness that it has in pan.
    """
    amount, slope, share = torch.rand(3, generator=generator).tolist()
    factors = torch.exp(0.15 * torch.randn(len(sensor.bands), generator=generator)).tolist()
    beyond, oxygen, vapour = torch.rand(3, generator=generator).tolist()
    hazy = Imager(
        sensor=sensor,
        haze=_HAZE * amount,
        haze_slope=1.5 * slope - 0.2,
        haze_factors=tuple(factors),
        haze_beyond_red=0.2 + 0.8 * beyond,
        pan_haze=0.8 * share,
    )
    absorbed = {
        **dict.fromkeys(("rededge", "rededge1", "rededge2"), 0.75 + 0.3 * oxygen),
        "nir2": 0.7 + 0.35 * vapour,
    }
    through = (absorbed.get(band, 1.0) for band in sensor.bands)
    return torch.tensor([(1.0, *through), hazy.plane_haze])


def add_air(
    pan: Tensor, mul: Tensor, oklab: Tensor, air: Tensor, matrices: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """See a ground through more air.

    The result is a true pair again, since light is additive and Oklab can be inverted.

    Args:
        pan: reflectance (b, 1, rh, rw).
        mul: reflectance (b, n, h, w).
        oklab: of the truth (b, 3, rh, rw).
        air: transmittance and added reflectance of pan and the bands (b, 2, 1 + n), of
            `random_air`. Visible bands must have a transmittance of 1.
        matrices: of the sensor of each chip (b, 3, n), as `core.color.bands_to_xyz` takes them.

    Returns:
        New pan, mul and oklab.
    """
    through, haze = air.to(pan)[..., None, None].unbind(1)
    return (
        pan * through[:, :1] + haze[:, :1],
        mul * through[:, 1:] + haze[:, 1:],
        xyz_to_oklab(oklab_to_xyz(oklab) + bands_to_xyz(haze[:, 1:], matrices)),
    )


def expose(pan: Tensor, mul: Tensor, oklab: Tensor, factor: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
    """See a ground under more or less light.

    The result is a true pair again, since Oklab is homogeneous of degree 1/3.

    Args:
        pan: reflectance, any shape.
        mul: reflectance, any shape.
        oklab: any shape.
        factor: k, above 0, or a tensor that broadcasts against all three.

    Returns:
        k · pan, k · mul, cbrt(k) · oklab.
    """
    return pan * factor, mul * factor, oklab * factor ** (1 / 3)
