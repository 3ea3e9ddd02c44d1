"""Looks: renderings of scene-referred Oklab as the codes of a picture.

All looks are fixed functions of colour that use no statistics of the image, so tiles match. A grade
(`core.grade`), if one was measured for all of them, comes first.

`flat`: colorimetric. Reflectance 0..1 as sRGB signal in 16 bits, clipped.

The others are for viewing, in 8 bits. Linear light is multiplied by T(Y) / Y; Y is its luminance,
and

    T(Y) = (1 + e^−c) · x^c / (1 + x^c)        x = e · Y

where e is the exposure and c the contrast. T is the response of photoreceptors (K.-I. Naka and
W. A. H. Rushton, "S-potentials from colour units in the retina of fish", 1966), scaled so that 1
remains 1. One factor for all three channels keeps Oklab hue. The distance of each colour from the
grey of its luminance is multiplied by the saturation. A colour that leaves the gamut is mixed with
that grey until it fits.

`natural`: soft, and true to the colour of the ground, down to the reflectance of 0.

`clear`: with more contrast, and in the grade `core.grade.STANDARD`, in which asphalt and concrete
are grey and the darkest objects black.

`vivid`: `clear` with more contrast and saturation.

Exposure, contrast and saturation were chosen by eye on ten real pairs, of WorldView-2 and -3,
GeoEye-1, QuickBird-2, IKONOS-2, Pléiades, SPOT-6, Gaofen-2 and Landsat 8.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from potato.core.arrays import ArrayT, like, namespace
from potato.core.color import (
    LUMINANCE,
    linear_srgb_to_oklab,
    oklab_to_linear_srgb,
    power,
    srgb_decode,
    srgb_encode,
)
from potato.core.grade import PLAIN, STANDARD, Grade, grade_of
from potato.errors import InputError


@dataclass(frozen=True)
class Look:
    """A rendering of Oklab as a picture.

    Attributes:
        name: `natural`, `clear`, `vivid` or `flat`.
        bits: bits of a channel, 8 or 16.
        exposure: e of the tone curve, about the factor by which shadows become brighter; None for a
            look without a tone curve.
        contrast: c of the tone curve; above 1 it deepens shadows.
        saturation: factor on the distance of colours from grey, after the tone curve.
        grade: the change of light before all this.

    Raises:
        InputError: if exposure, contrast or saturation isn't from 0.001 to 1,000.
    """

    name: str
    bits: int
    exposure: float | None = None
    contrast: float = 1.0
    saturation: float = 1.0
    grade: Grade = PLAIN

    def __post_init__(self) -> None:
        numbers = {"exposure": self.exposure, "contrast": self.contrast, "saturation": self.saturation}
        for name, number in numbers.items():
            if number is not None and not 1e-3 <= number <= 1e3:
                raise InputError(f"expected {name} from 0.001 to 1,000, found {number:g}")

    @property
    def white(self) -> int:
        """The largest code."""
        return (1 << self.bits) - 1

    @property
    def dithers(self) -> bool:
        """Whether its codes are dithered: 16 bits show no steps between codes."""
        return self.bits == 8

    @property
    def tags(self) -> dict[str, str]:
        """Metadata of files in this look."""
        tags = {"POTATO_LOOK": self.name}
        if self.exposure is not None:
            tags |= {"POTATO_EXPOSURE": f"{self.exposure:g}", "POTATO_CONTRAST": f"{self.contrast:g}"}
        if self.saturation != 1:
            tags["POTATO_SATURATION"] = f"{self.saturation:g}"
        return tags | self.grade.tags

    def graded(self, grade: Grade) -> "Look":
        """This look with another grade."""
        return dataclasses.replace(self, grade=grade)


FLAT = Look("flat", 16)
NATURAL = Look("natural", 8, exposure=3.2, contrast=1.35)
CLEAR = Look("clear", 8, exposure=5.0, contrast=1.7, saturation=1.1, grade=STANDARD)
VIVID = dataclasses.replace(CLEAR, name="vivid", contrast=1.8, saturation=1.3)
LOOKS = {look.name: look for look in (NATURAL, CLEAR, VIVID, FLAT)}

R2_STEPS = (0.5698402909980532, 0.7548776662466927)
"""Steps of the R2 sequence down and across: 1/ρ² and 1/ρ, where ρ³ = ρ + 1 (M. Roberts, 2018)."""


def as_look(look: str | Look) -> Look:
    """A look, or the one of a name.

    Raises:
        InputError: if there is no look of that name.

    Example:
        >>> as_look("flat") is FLAT
        True
    """
    if isinstance(look, Look):
        return look
    if look not in LOOKS:
        raise InputError(f"expected a look among {', '.join(LOOKS)}, found {look!r}")
    return LOOKS[look]


def adjust(look: Look, exposure: float | None = None, contrast: float | None = None) -> Look:
    """A look with another exposure or contrast.

    Args:
        look: the look to change.
        exposure: the new exposure; None keeps the look's own.
        contrast: the new contrast; None keeps the look's own.

    Raises:
        InputError: if the look has no tone curve to adjust, or a number isn't from 0.001 to 1,000.
    """
    if look.exposure is None and (exposure is not None or contrast is not None):
        raise InputError(f"the {look.name} look has no tone curve: leave out exposure and contrast")
    return dataclasses.replace(
        look,
        exposure=look.exposure if exposure is None else exposure,
        contrast=look.contrast if contrast is None else contrast,
    )


def look_of(tags: Mapping[str, str], bits: int) -> Look | None:
    """The look of a picture, from the metadata of its file.

    Args:
        tags: the file's metadata, as `Look.tags` has them.
        bits: bits of a channel in the file.

    Returns:
        The look; None if the tags name none that we know.
    """
    name = tags.get("POTATO_LOOK", "")
    if name not in LOOKS:
        return None
    grade = grade_of(tags)
    if grade is None:
        return None
    if LOOKS[name].exposure is None:
        return Look(name, bits, grade=grade)
    defaults = {"EXPOSURE": "nan", "CONTRAST": "nan", "SATURATION": "1"}
    try:
        numbers = [float(tags.get(f"POTATO_{key}", default)) for key, default in defaults.items()]
        exposure, contrast, saturation = numbers
        return Look(name, bits, exposure, contrast, saturation, grade)
    except (ValueError, InputError):
        return None


def tone(rgb: ArrayT, exposure: float, contrast: float, saturation: float = 1.0) -> ArrayT:
    """The tone curve of a look.

    Args:
        rgb: linear sRGB (3, …), 0..1.
        exposure: e of the curve, positive.
        contrast: c of the curve, positive.
        saturation: factor on the distance of the result from grey, positive.

    Returns:
        Linear sRGB (3, …), 0..1; black remains black, white remains white.
    """
    xp = namespace(rgb)
    luminance = xp.clip(_luminance(rgb), 1e-6, None)
    toned = power(luminance * exposure, contrast)
    toned /= toned + 1
    toned *= 1 + exposure**-contrast
    flat: ArrayT = (rgb * (toned / luminance)).reshape(3, -1)
    if saturation != 1:
        flat -= toned.reshape(-1)
        flat *= saturation
        flat += toned.reshape(-1)
    # Few pixels leave the gamut, so only those are computed.
    outside = xp.maximum(xp.maximum(flat[0], flat[1]), flat[2]) > 1
    if saturation > 1:
        outside |= xp.minimum(xp.minimum(flat[0], flat[1]), flat[2]) < 0
    (places,) = xp.nonzero(outside)
    if len(places):
        colour, grey = flat[:, places], toned.reshape(-1)[places]
        above = (1 - grey) / xp.clip(xp.max(colour, axis=0) - grey, 1e-12, None)
        below = grey / xp.clip(grey - xp.min(colour, axis=0), 1e-12, None)
        flat[:, places] = xp.clip(grey + (colour - grey) * xp.minimum(above, below), 0, 1)
    return flat.reshape(rgb.shape)


def untone(rgb: ArrayT, exposure: float, contrast: float, saturation: float = 1.0) -> ArrayT:
    """The inverse of `tone`; colours that it mixed with grey stay less saturated.

    Args:
        rgb: linear sRGB (3, …), 0..1.
        exposure: e of the curve, positive.
        contrast: c of the curve, positive.
        saturation: factor on the distance of `rgb` from grey, positive.

    Returns:
        Linear sRGB (3, …), with the luminance from before the tone curve.
    """
    toned: ArrayT = namespace(rgb).clip(_luminance(rgb), 1e-9, 1)
    if saturation != 1:
        rgb = toned + (rgb - toned) / saturation
    share = toned / (1 + exposure**-contrast)
    factor: ArrayT = (share / (1 - share)) ** (1 / contrast)
    factor /= exposure
    factor /= toned
    linear: ArrayT = rgb * factor
    return linear


def _luminance(rgb: ArrayT) -> ArrayT:
    """Y of linear sRGB (3, …)."""
    red, green, blue = LUMINANCE
    luminance: ArrayT = rgb[0] * red
    luminance += rgb[1] * green
    luminance += rgb[2] * blue
    return luminance


def dither(height: int, width: int, row: int = 0, column: int = 0) -> NDArray[np.float32]:
    """Dither thresholds, evenly spread over 0..1, that depend on the position of a pixel alone.

    The R2 sequence as a dither mask (M. Roberts, "The unreasonable effectiveness of quasirandom
    sequences", 2018), folded to a triangle so that it has no jumps.

    Args:
        height: rows.
        width: columns.
        row: position of the first row in the picture.
        column: position of the first column in the picture.

    Returns:
        (height, width).
    """
    return fold_phases(*dither_phases(height, width, row, column))


def fold_phases(rows: ArrayT, columns: ArrayT) -> ArrayT:
    """The thresholds (height, width) of `dither`, from the phases of `dither_phases`."""
    phase = rows[:, None] + columns
    phase -= namespace(phase).trunc(phase)
    folded: ArrayT = 1 - abs(2 * phase - 1)
    return folded


def dither_phases(
    height: int, width: int, row: int = 0, column: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The phases, 0..1, of each row (height,) and column (width,), whose sums `dither` folds."""
    # float64 for the products of large positions, float32 for their fractions.
    rows = np.arange(row, row + height) * R2_STEPS[0] % 1
    columns = np.arange(column, column + width) * R2_STEPS[1] % 1
    return rows.astype(np.float32), columns.astype(np.float32)


def threshold_of(
    look: Look, height: int, width: int, row: int = 0, column: int = 0
) -> NDArray[np.float32] | float:
    """The threshold of a look for `render`: that of `dither`, or 0.5, which rounds."""
    return dither(height, width, row, column) if look.dithers else 0.5


def render(oklab: ArrayT, look: Look, threshold: ArrayT | NDArray[np.float32] | float = 0.5) -> ArrayT:
    """Render Oklab as the codes of a picture.

    Args:
        oklab: (3, h, w).
        look: the rendering.
        threshold: added before codes are cut to integers: 0.5 rounds, `dither` (h, w) dithers.

    Returns:
        Whole numbers 0..`look.white` (3, h, w), in the float type of `oklab`.
    """
    return render_linear(oklab_to_linear_srgb(oklab), look, threshold)


def render_linear(rgb: ArrayT, look: Look, threshold: ArrayT | NDArray[np.float32] | float = 0.5) -> ArrayT:
    """Render linear sRGB (3, h, w) as the codes of a picture: the second half of `render`."""
    xp = namespace(rgb)
    rgb = xp.clip(look.grade.apply(rgb), 0, 1)
    if look.exposure is not None:
        rgb = tone(rgb, look.exposure, look.contrast, look.saturation)
    codes = srgb_encode(rgb)
    codes *= look.white
    codes += threshold if isinstance(threshold, float) else like(threshold, codes)
    whole: ArrayT = xp.clip(xp.floor(codes), 0, look.white)
    return whole


def unrender(codes: ArrayT, look: Look) -> ArrayT:
    """Turn the codes of a picture into Oklab: the inverse of `render`, to the precision of codes.

    Args:
        codes: (3, h, w), 0..`look.white`; integers are computed in float32.
        look: the look of the picture.

    Returns:
        Oklab (3, h, w), in the float type of `codes`. Colours that `render` clipped or mixed with
        grey stay so.
    """
    xp = namespace(codes)
    floats = codes if xp.isdtype(codes.dtype, "real floating") else xp.astype(codes, xp.float32)
    rgb: ArrayT = srgb_decode(floats / look.white)
    if look.exposure is not None:
        rgb = untone(rgb, look.exposure, look.contrast, look.saturation)
    return linear_srgb_to_oklab(look.grade.undo(rgb))
