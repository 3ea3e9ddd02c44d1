"""Colour: from bands to XYZ, Oklab and sRGB, and the distance between two colours.

Images are numpy arrays or torch tensors whose third axis from the end is the channel: (…, 3, h, w),
or (…, n, h, w) for mul, whose bands are those of its sensor. The white point is D65: ground of
reflectance 1 in every band is XYZ (0.95047, 1, 1.08883), Oklab (1, 0, 0) and sRGB (1, 1, 1).
Inverse matrices are computed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.arrays import ArrayT, constant_like, namespace
from potato.core.sensors import Sensor

D65 = (0.95047, 1.0, 1.08883)
"""XYZ of the D65 white point, CIE 1931 2° observer, Y = 1."""

ROUNDING = 1e-6
"""Linear light beyond 0..1 that still counts as in the gamut: rounding in float32."""

SATURATED = 0.16
"""Oklab chroma over lightness from which a surface counts as saturated: paints, tiles, pools."""

JND = 0.02
"""The Oklab distance, a and b doubled, of one just-noticeable difference: 2 % of the range of L."""

XYZ_TO_LMS = (
    (0.8189330101, 0.3618667424, -0.1288597137),
    (0.0329845436, 0.9293118715, 0.0361456387),
    (0.0482003018, 0.2643662691, 0.6338517070),
)
"""XYZ to cone responses: B. Ottosson, "A perceptual color space for image processing", 2020, M1."""

LMS_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
"""Cube roots of cone responses to Oklab: the same article, M2."""

SRGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
"""Linear sRGB to XYZ: the primaries of ITU-R BT.709 in D65 (IEC 61966-2-1:1999)."""

LUMINANCE = SRGB_TO_XYZ[1]
"""Weights of linear red, green and blue in luminance, XYZ's Y."""

SRGB_TOE = 0.0031308
"""Linear light up to which the sRGB signal is a straight line (IEC 61966-2-1:1999)."""

GAMUT_STEPS = 16
"""Bisections in `gamut_share`: its result is right to 2^−16."""

BAND_CORRELATION = 0.67
"""Correlation of the changes of neighbouring bands: e^(−60/150), for bands 60 nm apart and spectra
whose changes correlate within some 150 nm."""


def _matrix(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    return np.array(rows)


def _mix(matrix: NDArray[Any], image: ArrayT) -> ArrayT:
    """Multiply the channels of `image` (…, n, h, w) by `matrix` (m, n): (…, m, h, w)."""
    *before, channels, height, width = image.shape
    flat = image.reshape(*before, channels, height * width)
    weights = constant_like(matrix, flat)
    # By the calling thread alone: BLAS would start threads beside those that work on blocks.
    mixed: ArrayT = (
        np.einsum("mn,...np->...mp", weights, flat) if isinstance(flat, np.ndarray) else weights @ flat
    )
    return mixed.reshape(*before, len(matrix), height, width)


def power(base: ArrayT, exponent: float) -> ArrayT:
    """`base` ** `exponent`.

    Args:
        base: any shape, 0 or more.
        exponent: positive.

    Returns:
        The power; in float32, the last few bits may be wrong.
    """
    if isinstance(base, np.ndarray | np.generic):
        return base**exponent
    # By way of logarithms: twice as fast as torch's own power.
    return base.log2().mul_(exponent).exp2_()


def _cbrt(x: ArrayT) -> ArrayT:
    """Real cube roots, negative ones of negative numbers."""
    root: ArrayT = namespace(x).copysign(power(abs(x), 1 / 3), x)
    return root


def bands_to_lms(sensor: Sensor) -> NDArray[np.float64]:
    """The matrix (3, n) from the bands of a sensor to cone responses."""
    matrix: NDArray[np.float64] = _matrix(XYZ_TO_LMS) @ _matrix(sensor.bands_to_xyz).T
    return matrix


def mul_to_oklab(mul: ArrayT, sensor: Sensor) -> ArrayT:
    """The colour of mul, from all its visible bands.

    Args:
        mul: reflectance (…, n, h, w), 0..1 and above on specular targets.
        sensor: the sensor, which has n bands.

    Returns:
        Oklab (…, 3, h, w): L 0..1 for reflectance 0..1, a and b about ±0.4. It is homogeneous of
        degree 1/3: `mul_to_oklab(k * mul) == k ** (1/3) * mul_to_oklab(mul)`.

    Raises:
        ValueError: if mul hasn't the bands of the sensor.

    Example:
        >>> from potato.core.sensor_table import WORLDVIEW_2
        >>> white = mul_to_oklab(np.ones((8, 1, 1)), WORLDVIEW_2)
        >>> [round(abs(x), 3) for x in white.flatten().tolist()]
        [1.0, 0.0, 0.0]
    """
    lms = _mix_visible(bands_to_lms(sensor), mul, sensor)
    return _mix(_matrix(LMS_TO_OKLAB), _cbrt(lms))


def mul_to_xyz(mul: ArrayT, sensor: Sensor) -> ArrayT:
    """Reflectance (…, n, h, w) to CIE XYZ (…, 3, h, w), Y = 1 for white, by all visible bands."""
    return _mix_visible(_matrix(sensor.bands_to_xyz).T, mul, sensor)


def bands_to_xyz(bands: ArrayT, matrices: ArrayT) -> ArrayT:
    """The colour of images that several sensors saw.

    Args:
        bands: reflectance (b, n, h, w).
        matrices: for each image, `Sensor.bands_to_xyz` transposed (b, 3, n).

    Returns:
        CIE XYZ (b, 3, h, w), as `mul_to_xyz` gives for one sensor.
    """
    images, count, height, width = bands.shape
    xyz: ArrayT = matrices @ bands.reshape(images, count, height * width)
    return xyz.reshape(images, 3, height, width)


def xyz_to_bands(sensor: Sensor) -> NDArray[np.float64]:
    """The change of a sensor's bands that is likeliest for a change of colour.

    Any change of reflectance that adds up to the change of XYZ would do. This is the mean of those
    that follow a normal distribution in which bands correlate by their distance in the spectrum.

    Returns:
        (n, 3), a right inverse of the matrix of `mul_to_xyz`; rows of invisible bands are 0.
    """
    to_xyz = _matrix(sensor.bands_to_xyz).T
    places, seen = np.arange(len(sensor.bands)), abs(to_xyz).sum(0) > 0
    covariance = BAND_CORRELATION ** abs(places[:, None] - places) * np.outer(seen, seen)
    shared = covariance @ to_xyz.T
    # A pseudoinverse, since fewer than three visible bands make the product singular.
    inverse: NDArray[np.float64] = shared @ np.linalg.pinv(to_xyz @ shared)
    return inverse


def _mix_visible(matrix: NDArray[np.float64], mul: ArrayT, sensor: Sensor) -> ArrayT:
    """Multiply the bands of mul by `matrix` (3, n), without those that add nothing."""
    if mul.ndim < 3 or mul.shape[-3] != len(sensor.bands):
        raise ValueError(f"expected mul as (…, {len(sensor.bands)}, h, w), found {tuple(mul.shape)}")
    seen = np.flatnonzero(matrix.any(0))
    span = slice(seen[0], seen[-1] + 1)
    return _mix(matrix[:, span], mul[..., span, :, :])


def xyz_to_oklab(xyz: ArrayT) -> ArrayT:
    """CIE XYZ (…, 3, h, w), Y = 1 for white, to Oklab (…, 3, h, w)."""
    return _mix(_matrix(LMS_TO_OKLAB), _cbrt(_mix(_matrix(XYZ_TO_LMS), xyz)))


def oklab_to_xyz(oklab: ArrayT) -> ArrayT:
    """The inverse of `xyz_to_oklab`."""
    lms = _mix(np.linalg.inv(_matrix(LMS_TO_OKLAB)), oklab) ** 3
    return _mix(np.linalg.inv(_matrix(XYZ_TO_LMS)), lms)


def linear_srgb_to_oklab(rgb: ArrayT) -> ArrayT:
    """Linear-light sRGB (…, 3, h, w), 0..1, to Oklab (…, 3, h, w)."""
    rgb_to_lms = _matrix(XYZ_TO_LMS) @ _matrix(SRGB_TO_XYZ)
    return _mix(_matrix(LMS_TO_OKLAB), _cbrt(_mix(rgb_to_lms, rgb)))


def oklab_to_linear_srgb(oklab: ArrayT) -> ArrayT:
    """The inverse of `linear_srgb_to_oklab`; colours out of the gamut lie outside 0..1."""
    lms_to_rgb = np.linalg.inv(_matrix(XYZ_TO_LMS) @ _matrix(SRGB_TO_XYZ))
    lms = _mix(np.linalg.inv(_matrix(LMS_TO_OKLAB)), oklab)
    cubes = lms * lms
    cubes *= lms
    return _mix(lms_to_rgb, cubes)


def gamut_share(oklab: ArrayT) -> ArrayT:
    """The largest share of its chroma with which a colour lies in the gamut of sRGB.

    Lightness and hue are kept.

    Args:
        oklab: (3, h, w), L 0..1.

    Returns:
        (h, w), 0..1: 1 for colours in the gamut; others are found by bisection.
    """
    xp = namespace(oklab)

    def inside(colours: Any) -> Any:
        rgb = oklab_to_linear_srgb(colours)
        return (xp.min(rgb, axis=0) >= -ROUNDING) & (xp.max(rgb, axis=0) <= 1 + ROUNDING)

    # Most colours are in the gamut, so only the others are computed.
    outside = ~inside(oklab)
    colours = oklab[:, outside][:, None]
    low, high = xp.zeros_like(colours[0]), xp.ones_like(colours[0])
    for _ in range(GAMUT_STEPS):
        middle = (low + high) / 2
        fits = inside(xp.concat([colours[:1], colours[1:] * middle]))
        low, high = xp.where(fits, middle, low), xp.where(fits, high, middle)
    share: ArrayT = xp.ones_like(oklab[0])
    share[outside] = low[0]
    return share


def fit_gamut(oklab: ArrayT) -> ArrayT:
    """Bring Oklab colours (3, h, w) into the gamut of sRGB, keeping their hue.

    Lightness is clipped to 0..1; then colours out of the gamut lose chroma until they are in it
    (`gamut_share`). Colours in the gamut are unchanged.
    """
    xp = namespace(oklab)
    lightness = xp.clip(oklab[:1], 0, 1)
    clipped = xp.concat([lightness, oklab[1:]])
    fitted: ArrayT = xp.concat([lightness, oklab[1:] * gamut_share(clipped)])
    return fitted


def srgb_encode(linear: ArrayT) -> ArrayT:
    """Linear light 0..1 to the sRGB signal 0..1, any shape (IEC 61966-2-1:1999)."""
    xp = namespace(linear)
    # The sum of a curve above the toe and a line below it, each constant where the other changes.
    signal: ArrayT = power(xp.clip(linear, SRGB_TOE, None), 1 / 2.4)
    signal *= 1.055
    signal -= 0.055 + 12.92 * SRGB_TOE
    line = xp.clip(linear, None, SRGB_TOE)
    line *= 12.92
    signal += line
    return signal


def srgb_decode(signal: ArrayT) -> ArrayT:
    """The inverse of `srgb_encode`."""
    xp = namespace(signal)
    curve = ((xp.clip(signal, 0, None) + 0.055) / 1.055) ** 2.4
    linear: ArrayT = xp.where(signal <= 0.04045, signal / 12.92, curve)
    return linear


def delta_e_ok(first: ArrayT, second: ArrayT) -> ArrayT:
    """Perceived difference of two Oklab images, in JND.

    Args:
        first: Oklab (…, 3, h, w).
        second: Oklab of that shape.

    Returns:
        (…, h, w): the Euclidean distance with a and b doubled, as B. Ottosson advises for
        differences of chroma, divided by `JND`.

    Raises:
        ValueError: if the shapes differ or the channel axis isn't 3 long.
    """
    if first.shape != second.shape or first.ndim < 3 or first.shape[-3] != 3:
        raise ValueError(
            f"expected two Oklab images (…, 3, h, w) of one shape, "
            f"found {tuple(first.shape)} and {tuple(second.shape)}"
        )
    difference = first - second
    lightness, a, b = (difference[..., channel, :, :] for channel in range(3))
    distance: ArrayT = namespace(first).sqrt(lightness**2 + 4 * (a**2 + b**2)) / JND
    return distance
