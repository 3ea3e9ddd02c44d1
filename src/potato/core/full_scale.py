"""Figures of a sharpened picture at full scale, where no truth exists."""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from potato.core.color import JND, mul_to_oklab, mul_to_xyz, power
from potato.core.resample import block_mean, enlarge_mask, inner
from potato.core.sensors import Sensor
from potato.core.statistics import Correlation, Difference, Histogram

FRINGE_REACH = 4
"""Mul pixels after which the Gaussian is cut off that separates coarse from fine; its σ is one."""

BORDER = 8
"""Pan pixels along the border of a result that don't count: sharpeners lack context there."""

LEAST_CELLS = 8
"""Cells along the shorter side of the smallest picture that can be measured."""

AXES = ("a", "b", "both")
"""Axes of fringes: Oklab's a (green to magenta), b (blue to orange), and the vector of both."""

NOISE = ("ground", "vegetation")
"""Where noise of chroma is measured: on ground where pan is flat, and in dark vegetation."""

FLAT = 0.03
"""Ground is flat where fine detail in the cube root of pan deviates, within about a mul pixel, by
less than this share of the mean there; pan itself deviates by three times the share."""

VEGETATION, DARK = 0.4, 0.05
"""NDVI above which a cell is vegetation, and Y (1 for white) up to which it is dark: shaded crowns
and hedges. Crowns are never flat, so all of their pixels count."""

MEDIAN_LENGTH = math.sqrt(2 * math.log(2))
"""The median length of a vector whose two components are normal with deviation 1 (Rayleigh)."""


class Fringe(NamedTuple):
    """Fine contrast of chroma in JND, L aside: |high-pass of a, of b, or of both| × 2 / `JND`.

    Attributes:
        mean: over all pixels.
        p99: the 99th percentile: cars and roof edges.
    """

    mean: float
    p99: float


@dataclass(frozen=True)
class FullScale:
    """Figures at full scale, where there is no truth.

    Attributes:
        fringes: of each of `AXES`.
        noise: deviation of fine chroma in JND, on each of two axes, where `NOISE` says; NaN where
            a picture has no such ground, or the sensor no near infrared. It is the median length of
            the high-passed vector of a and b, over `MEDIAN_LENGTH`, so edges hardly count.
        detail: correlation (−1..1) of the high-pass of L with that of the cube root of pan.
        consistency: distance of the result, averaged to mul's grid, from the colour of mul, in JND.
            Healed fringes raise it a little, rightly.
    """

    fringes: Mapping[str, Fringe]
    noise: Mapping[str, float]
    detail: float
    consistency: float


@dataclass(frozen=True)
class FullScaleWindow:
    """What results are measured against in one window of a pair; r is the ratio.

    Attributes:
        detail: high-pass of the cube root of pan (rh, rw).
        colour: of mul, Oklab (3, h, w).
        fine: pixels of a result whose high-pass counts (rh, rw).
        cells: cells in which a result is compared with the colour of mul (h, w).
        noise: pixels of `fine` that are `NOISE`, by its names (rh, rw).
    """

    detail: NDArray[Any]
    colour: NDArray[Any]
    fine: NDArray[np.bool_]
    cells: NDArray[np.bool_]
    noise: Mapping[str, NDArray[np.bool_]]

    @classmethod
    def of_pair(
        cls,
        pan: NDArray[Any],
        mul: NDArray[Any],
        pan_valid: NDArray[np.bool_],
        whole: NDArray[np.bool_],
        sensor: Sensor,
    ) -> Self:
        """The window of a pair.

        Args:
            pan: reflectance (rh, rw).
            mul: reflectance (n, h, w).
            pan_valid: which pixels of a result count (rh, rw).
            whole: the cells in which mul and all pan pixels are valid (h, w).
            sensor: the sensor, which has n bands.

        Raises:
            ValueError: if the window is too small, or mul hasn't the bands of the sensor.
        """
        ratio = pan.shape[0] // mul.shape[1]
        # The high-pass counts up to the image's edges, where it is mirrored, but not across holes.
        fine = inner(pan_valid, 0, FRINGE_REACH * ratio)
        roots = power(pan.clip(0), 1 / 3)
        detail = high_pass(roots, ratio)
        # What is fine nearby reads as far again.
        flat = inner(pan_valid, 0, 2 * FRINGE_REACH * ratio)
        flat &= low_pass(detail**2, ratio) < (FLAT * low_pass(roots, ratio)) ** 2
        dark = fine & enlarge_mask(_dark_vegetation(mul, sensor), ratio)
        noise = dict(zip(NOISE, (flat, dark), strict=True))
        return cls(detail, mul_to_oklab(mul, sensor), fine, inner(whole, -(-BORDER // ratio)), noise)

    @property
    def ratio(self) -> int:
        """Pan pixels along a side of a cell."""
        return len(self.fine) // len(self.cells)


def _histograms(names: tuple[str, ...]) -> dict[str, Histogram]:
    return {name: Histogram() for name in names}


@dataclass
class FullScaleCounts:
    """Counts over any number of windows, from which the figures at full scale come.

    Attributes:
        fringes: of each of `AXES`, in JND.
        noise: lengths of the high-passed vector of a and b where `NOISE` says, in JND.
        detail: of the high-pass of L with that of pan's cube root.
        consistency: of the result, averaged to mul's grid, from the colour of mul.
    """

    fringes: dict[str, Histogram] = field(default_factory=functools.partial(_histograms, AXES))
    noise: dict[str, Histogram] = field(default_factory=functools.partial(_histograms, NOISE))
    detail: Correlation = field(default_factory=Correlation)
    consistency: Difference = field(default_factory=Difference)

    def add(self, oklab: NDArray[Any], window: FullScaleWindow) -> NDArray[Any]:
        """Add a result (3, rh, rw) in a window.

        Returns:
            ΔE (h, w) in JND of the result from the colour of mul, in all cells.
        """
        contrasts = fringes(oklab, window.ratio)
        for histogram, contrast in zip(self.fringes.values(), contrasts, strict=True):
            histogram.add(contrast[window.fine])
        for name, pixels in window.noise.items():
            self.noise[name].add(contrasts[-1][pixels])
        self.detail.add(high_pass(oklab[0], window.ratio)[window.fine], window.detail[window.fine])
        return self.consistency.add(block_mean(oklab, window.ratio), window.colour, window.cells)

    def join(self, other: Self) -> None:
        """Add the windows that others have counted."""
        for mine, its in ((self.fringes, other.fringes), (self.noise, other.noise)):
            for name, histogram in its.items():
                mine[name].join(histogram)
        self.detail.join(other.detail)
        self.consistency.join(other.consistency)

    @property
    def figures(self) -> FullScale:
        """The figures; NaN where nothing was counted."""
        return FullScale(
            fringes={name: Fringe(one.mean, one.percentile(99)) for name, one in self.fringes.items()},
            noise={name: one.percentile(50) / MEDIAN_LENGTH for name, one in self.noise.items()},
            detail=self.detail.value,
            consistency=self.consistency.total.mean,
        )


def fringes(oklab: NDArray[Any], ratio: int) -> NDArray[Any]:
    """Fine contrast of chroma (3, rh, rw) of Oklab (3, rh, rw), in JND, on each of `AXES`."""
    a, b = (abs(high_pass(channel, ratio)) * (2 / JND) for channel in oklab[1:])
    return np.stack([a, b, np.hypot(a, b)])


def high_pass(image: NDArray[Any], ratio: int) -> NDArray[Any]:
    """An image (rh, rw) minus its `low_pass`."""
    fine: NDArray[Any] = image - low_pass(image, ratio)
    return fine


def low_pass(image: NDArray[Any], ratio: int) -> NDArray[Any]:
    """The Gaussian blur of an image (rh, rw), σ one mul pixel, borders mirrored.

    Args:
        image: on pan's grid.
        ratio: pan pixels along a mul pixel, r.

    Raises:
        ValueError: if a side isn't longer than `FRINGE_REACH`.
    """
    reach = FRINGE_REACH * ratio
    if min(image.shape) <= reach:
        raise ValueError(f"expected sides above {reach} pan pixels, found {image.shape}")
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / ratio) ** 2)
    kernel = (kernel / kernel.sum()).astype(image.dtype)
    blurred = np.pad(image, reach, mode="reflect")
    for _ in range(2):  # along rows, then along columns
        # One long row, since calls cost more than the pixels where rows meet, which are cut off.
        joined = np.convolve(blurred.ravel(), kernel, "same").reshape(blurred.shape)
        blurred = joined[:, reach:-reach].T
    return blurred


def _dark_vegetation(mul: NDArray[Any], sensor: Sensor) -> NDArray[np.bool_]:
    """Cells (h, w) of dark vegetation; none if the sensor has no red or no near infrared."""
    bands = dict(zip((band.rstrip("1") for band in sensor.bands), mul, strict=True))
    dark: NDArray[np.bool_] = mul_to_xyz(mul, sensor)[1] <= DARK
    if not {"red", "nir"} <= bands.keys():
        return np.zeros_like(dark)
    red, infrared = bands["red"], bands["nir"]
    dark &= infrared - red > VEGETATION * (infrared + red)
    return dark
