"""Colour: from bands to XYZ, Oklab and sRGB, and the distance between two colours.

Everything works on tensors whose third axis from the end is the channel: `(…, 3, h, w)`, or
`(…, 8, h, w)` for mul. The white point is D65 throughout: a ground that reflects all of every band
is XYZ (0.95047, 1, 1.08883), Oklab (1, 0, 0) and sRGB (1, 1, 1). Inverse matrices are computed.

Sources:
    Oklab: B. Ottosson, "A perceptual color space for image processing" (2020), XYZ form.
    sRGB: IEC 61966-2-1:1999, primaries of ITU-R BT.709.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from potato.core.sensors import VISIBLE

D65 = (0.95047, 1.0, 1.08883)
"""XYZ of the D65 white point, CIE 1931 2° observer, Y = 1."""

ROUNDING = 1e-6
"""Linear light beyond 0..1 that is rounding and not a colour out of the gamut."""

SATURATED = 0.16
"""Oklab chroma over lightness from which a surface counts as saturated: paints, tarpaulins, tiles, pools."""

JND = 0.02
"""The Oklab distance (a and b doubled, see `delta_e_ok`) taken as one just-noticeable difference."""

BANDS_TO_XYZ = (
    (0.1044, 0.0, 0.5087),  # coastal
    (0.041, 0.0984, 0.58013),  # blue
    (0.2781, 0.641, 0.0),  # green
    (0.46057, 0.2407, 0.0),  # yellow
    (0.0664, 0.0199, 0.0),  # red
)
"""XYZ that reflectance 1 in each visible band adds: rows are bands, columns X, Y, Z.

Columns sum to `D65`. Fitted by `runs/fit_color.py` (ridge 1.2e-4) to half of 7,335 reflectance spectra of
earthlib 1.1 and LUMA SLUM (Kotthaus and others, 2014), seen through the vendor's spectral responses of
WorldView-2 and -3 in D65. Error on the other half, in JND, mean and 95th percentile: 0.13 and 0.51 for
WorldView-2, 0.12 and 0.50 for WorldView-3. `docs/colour.md` shows what other choices cost.
"""

XYZ_TO_LMS = (
    (0.8189330101, 0.3618667424, -0.1288597137),
    (0.0329845436, 0.9293118715, 0.0361456387),
    (0.0482003018, 0.2643662691, 0.6338517070),
)
LMS_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
SRGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)


SRGB_TOE = 0.0031308
"""Linear light up to which sRGB is a straight line."""


def _matrix(rows: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def _mix(matrix: Tensor, image: Tensor) -> Tensor:
    """Multiply `image` (…, n, h, w) by `matrix` (m, n) along its channels: (…, m, h, w)."""
    flat = image.flatten(-2)
    return torch.matmul(matrix.to(image), flat).reshape(*image.shape[:-3], len(matrix), *image.shape[-2:])


def power(base: Tensor, exponent: float) -> Tensor:
    """`base` ** `exponent` for what isn't negative, to a few last bits, in half the time of torch's own."""
    return base.log2().mul_(exponent).exp2_()


def _cbrt(x: Tensor) -> Tensor:
    """The real cube root, also of negative numbers."""
    return power(x.abs(), 1 / 3).copysign(x)


def mul_to_oklab(mul: Tensor) -> Tensor:
    """Colour of a mul image, from all its visible bands.

    Args:
        mul: reflectance (…, 8, h, w), 0..1 and above on specular targets.

    Returns:
        Oklab (…, 3, h, w): L 0..1 for reflectance 0..1, a and b about ±0.4. Homogeneous of degree
        1/3: `mul_to_oklab(k * mul) == k ** (1/3) * mul_to_oklab(mul)`.

    Raises:
        ValueError: if the channel axis isn't 8 long.

    Example:
        >>> white = mul_to_oklab(torch.ones(8, 1, 1))
        >>> [round(abs(x), 3) for x in white.flatten().tolist()]
        [1.0, 0.0, 0.0]
    """
    if mul.ndim < 3 or mul.shape[-3] != 8:
        raise ValueError(f"expected mul as (…, 8, h, w), found {tuple(mul.shape)}")
    bands_to_lms = _matrix(XYZ_TO_LMS) @ _matrix(BANDS_TO_XYZ).T
    lms = _mix(bands_to_lms, mul[..., :VISIBLE, :, :])
    return _mix(_matrix(LMS_TO_OKLAB), _cbrt(lms))


def mul_to_xyz(mul: Tensor) -> Tensor:
    """XYZ (…, 3, h, w), Y = 1 for white, of a mul image (…, 8, h, w), from all its visible bands."""
    return _mix(_matrix(BANDS_TO_XYZ).T, mul[..., :VISIBLE, :, :])


def xyz_to_oklab(xyz: Tensor) -> Tensor:
    """CIE XYZ (…, 3, h, w), Y = 1 for white, to Oklab (…, 3, h, w)."""
    return _mix(_matrix(LMS_TO_OKLAB), _cbrt(_mix(_matrix(XYZ_TO_LMS), xyz)))


def oklab_to_xyz(oklab: Tensor) -> Tensor:
    """The inverse of `xyz_to_oklab`."""
    lms = _mix(_matrix(LMS_TO_OKLAB).inverse(), oklab) ** 3
    return _mix(_matrix(XYZ_TO_LMS).inverse(), lms)


def linear_srgb_to_oklab(rgb: Tensor) -> Tensor:
    """Linear-light sRGB (…, 3, h, w), 0..1, to Oklab (…, 3, h, w)."""
    rgb_to_lms = _matrix(XYZ_TO_LMS) @ _matrix(SRGB_TO_XYZ)
    return _mix(_matrix(LMS_TO_OKLAB), _cbrt(_mix(rgb_to_lms, rgb)))


def oklab_to_linear_srgb(oklab: Tensor) -> Tensor:
    """The inverse of `linear_srgb_to_oklab`; colours outside the gamut leave 0..1, unclipped."""
    lms_to_rgb = (_matrix(XYZ_TO_LMS) @ _matrix(SRGB_TO_XYZ)).inverse()
    lms = _mix(_matrix(LMS_TO_OKLAB).inverse(), oklab)
    return _mix(lms_to_rgb, (lms * lms).mul_(lms))


def gamut_share(oklab: Tensor) -> Tensor:
    """How much of its chroma a colour can keep on an sRGB screen, at its own lightness and hue.

    Args:
        oklab: (3, h, w), L 0..1.

    Returns:
        (h, w), 0..1: the share of a and b that lies on the edge of the gamut, to 2^−16 by bisection, or 1 for
        a colour in it.
    """

    def inside(colours: Tensor) -> Tensor:
        rgb = oklab_to_linear_srgb(colours)
        return (rgb.amin(0) >= -ROUNDING) & (rgb.amax(0) <= 1 + ROUNDING)

    # Most colours lie in the gamut, so only the others are worked on.
    outside = ~inside(oklab)
    colours = oklab[:, outside][:, None]
    low, high = torch.zeros_like(colours[0]), torch.ones_like(colours[0])
    for _ in range(16):
        middle = (low + high) / 2
        fits = inside(torch.cat([colours[:1], colours[1:] * middle]))
        low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
    share = torch.ones_like(oklab[0])
    share[outside] = low[0]
    return share


def fit_gamut(oklab: Tensor) -> Tensor:
    """Bring colours (3, h, w) into the gamut of sRGB, keeping hue.

    Lightness is clipped to 0..1 and kept; what is still outside loses chroma until it fits (`gamut_share`).
    Colours in the gamut stay as they are.
    """
    lightness = oklab[:1].clamp(0, 1)
    clipped = torch.cat([lightness, oklab[1:]])
    return torch.cat([lightness, oklab[1:] * gamut_share(clipped)])


def srgb_encode(linear: Tensor) -> Tensor:
    """Linear light 0..1 to sRGB signal 0..1, any shape (IEC 61966-2-1)."""
    # A curve and, below it, a straight line: their sum, each held still where the other moves.
    signal = power(linear.clamp_min(SRGB_TOE), 1 / 2.4).mul_(1.055).sub_(0.055 + 12.92 * SRGB_TOE)
    return signal.add_(linear.clamp_max(SRGB_TOE), alpha=12.92)


def srgb_decode(signal: Tensor) -> Tensor:
    """The inverse of `srgb_encode`."""
    return torch.where(signal <= 0.04045, signal / 12.92, ((signal.clamp_min(0) + 0.055) / 1.055) ** 2.4)


def delta_e_ok(first: Tensor, second: Tensor) -> Tensor:
    """Perceived distance of two Oklab images, in JND.

    Args:
        first: Oklab (…, 3, h, w).
        second: the same shape.

    Returns:
        (…, h, w), in units of just-noticeable differences: the Euclidean distance with a and b doubled
        (Ottosson's own advice for differences of chroma), over `JND`.

    Raises:
        ValueError: if the shapes differ or the channel axis isn't 3 long.
    """
    if first.shape != second.shape or first.ndim < 3 or first.shape[-3] != 3:
        raise ValueError(
            f"expected two Oklab images (…, 3, h, w) of one shape, "
            f"found {tuple(first.shape)} and {tuple(second.shape)}"
        )
    lightness, a, b = (first - second).unbind(-3)
    return torch.sqrt(lightness**2 + 4 * (a**2 + b**2)) / JND
