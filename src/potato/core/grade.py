"""Grades: black point and white point of a picture, the same for all pictures that are to match.

A grade is measured once, on a whole product or pass, and never on a tile: `measure_grade` takes a
sample of it. Light of the scene then becomes gain · (light − black), in linear sRGB.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.arrays import ArrayT, constant_like
from potato.core.color import LUMINANCE
from potato.errors import InputError

Triple = tuple[float, float, float]
"""Red, green and blue."""

GREY: Triple = (1.13, 1.0, 0.84)
"""The colour of grey ground in linear sRGB, relative to green: the median of the pavements in
`assets/reflectances.csv`. Asphalt and concrete are a little warmer than the white of daylight."""

NEAR_GREY = 0.45
"""A colour may be that of grey ground, seen through haze or with a wrong calibration, if the
logarithms of red / green and of blue / green are together no further than this from those of
`GREY`. Plants, red soil, clear water and red or blue roofs are further."""

LEAST_LIGHT = 0.02
"""Luminance from which the hue of a pixel counts: noise gives darker ones any hue."""

DARKEST = 0.01
"""Share of the sample whose mean is the black point: deep shadows. A tenth of it would be artefacts
of processing on the real pair of WorldView-2."""

MOST_BLACK = 0.05
"""The largest black point: a product without dark ground would lose its shadows."""

BRIGHTEST = 0.02
"""Share of the sample that is brighter than the white point, as in the stretch of most viewers."""

WHITE = 0.3
"""Luminance of the white point in the picture: reflectance of bright concrete."""

FACTORS = (0.75, 4.0)
"""The least and the largest factor by which a grade brightens: clouds must not darken the ground,
and noise must not become ground."""


@dataclass(frozen=True)
class Grade:
    """A change of light before a look renders it: gain · (light − black), in linear sRGB.

    Attributes:
        black: light that becomes black, 0 or more.
        gain: factors, above 0.
    """

    black: Triple = (0.0, 0.0, 0.0)
    gain: Triple = (1.0, 1.0, 1.0)

    @property
    def facts(self) -> dict[str, list[float]]:
        """Its numbers, as a JSON has them."""
        return {"black": list(self.black), "gain": list(self.gain)}

    @property
    def tags(self) -> dict[str, str]:
        """Metadata of files with this grade; none for one that changes nothing."""
        if self == PLAIN:
            return {}
        named = {"POTATO_BLACK": self.black, "POTATO_GAIN": self.gain}
        return {name: " ".join(f"{value:g}" for value in values) for name, values in named.items()}

    @property
    def grey(self) -> "Grade":
        """This grade for a grey picture: black and white of the same luminance, without a hue."""
        if self == PLAIN:
            return self
        black = float(np.dot(LUMINANCE, self.black))
        gain = 1 / float(np.dot(LUMINANCE, [1 / value for value in self.gain]))
        return Grade((black,) * 3, (gain,) * 3)

    def apply(self, rgb: ArrayT) -> ArrayT:
        """Grade linear sRGB (3, h, w); darker light than black becomes negative."""
        if self == PLAIN:
            return rgb
        black, gain = self._like(rgb)
        graded: ArrayT = (rgb - black) * gain
        return graded

    def undo(self, rgb: ArrayT) -> ArrayT:
        """The inverse of `apply`."""
        if self == PLAIN:
            return rgb
        black, gain = self._like(rgb)
        light: ArrayT = rgb / gain + black
        return light

    def _like(self, rgb: ArrayT) -> tuple[ArrayT, ArrayT]:
        """Black and gain (3, 1, 1), of the type and on the device of `rgb`."""
        black, gain = (constant_like(np.array(each)[:, None, None], rgb) for each in (self.black, self.gain))
        return black, gain


PLAIN = Grade()
"""The grade that changes nothing."""


def _triple(values: Any) -> Triple:
    red, green, blue = map(float, values)
    return red, green, blue


def _rounded(values: Any) -> Triple:
    """Five digits, as files have them: more would not show."""
    return _triple(f"{value:.5g}" for value in values)


def neutral(white: Triple | NDArray[Any], black: Triple | NDArray[Any], factor: float = 1.0) -> Grade:
    """The grade that makes a colour grey.

    Args:
        white: the colour, above black, in linear sRGB; only its hue counts.
        black: light that becomes black.
        factor: by how much the colour becomes brighter.
    """
    luminance = float(np.dot(LUMINANCE, white))
    return Grade(_rounded(black), _rounded([factor * luminance / value for value in white]))


STANDARD = neutral(GREY, (0.01, 0.01, 0.01))
"""The grade of looks in which grey ground is grey. Its black is the reflectance that haze removal
leaves to the darkest objects (`deliveries.haze.DARKEST`)."""


def measure_grade(light: NDArray[Any]) -> Grade:
    """The grade of a product by a sample of it.

    The black point is the mean of the darkest `DARKEST` of the sample. The white point has the mean
    hue of the brightest `BRIGHTEST` of what may be grey (`NEAR_GREY`), and becomes grey; where that
    is less ground than `DARKEST`, `GREY` does. The luminance that `BRIGHTEST` of the sample exceed
    becomes `WHITE`.

    Args:
        light: linear sRGB (3, n) of pixels that are spread over the product.

    Raises:
        InputError: if the sample is empty.
    """
    if not light.size:
        raise InputError("expected valid pixels to measure a grade on, found none")
    luminance = np.array(LUMINANCE) @ light
    dark = luminance <= np.quantile(luminance, DARKEST, method="lower")
    black = light[:, dark].mean(1).clip(0, MOST_BLACK)
    above = (light - black[:, None]).clip(1e-4)
    luminance = np.array(LUMINANCE) @ above
    hue = np.log(above[[0, 2]] / above[1]) - np.log(GREY)[[0, 2], None]
    near = (np.hypot(*hue) < NEAR_GREY) & (luminance > LEAST_LIGHT)
    white: NDArray[Any] = np.array(GREY)
    if near.mean() > DARKEST:
        bright = near & (luminance >= np.quantile(luminance[near], 1 - BRIGHTEST, method="lower"))
        white = np.exp(np.log(above[:, bright]).mean(1))
    factor = WHITE / float(np.quantile(luminance, 1 - BRIGHTEST, method="lower"))
    return neutral(white, black, min(max(factor, FACTORS[0]), FACTORS[1]))


def grade_of(tags: Mapping[str, str]) -> Grade | None:
    """The grade of a picture, from the metadata of its file; None if the tags make no sense."""
    found = [tags.get(name) for name in ("POTATO_BLACK", "POTATO_GAIN")]
    if found == [None, None]:
        return PLAIN
    try:
        return as_grade(*(text.split() for text in found if text is not None))
    except (TypeError, ValueError):
        return None


def as_grade(black: Any, gain: Any) -> Grade:
    """A grade of numbers from a file.

    Raises:
        TypeError, ValueError: if they aren't three each, finite, black 0 or more, gain above 0.
    """
    grade = Grade(_triple(black), _triple(gain))
    if not (
        all(0 <= value < math.inf for value in grade.black)
        and all(0 < value < math.inf for value in grade.gain)
    ):
        raise ValueError(f"expected black of 0 or more and gain above 0, found {grade}")
    return grade
