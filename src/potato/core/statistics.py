"""Statistics of many pixels that come in pieces: means, percentiles, a correlation.

Pieces are added one at a time, or counted apart and joined. The size of a statistic doesn't depend
on how many pixels it has seen.
"""

import math
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from potato.core.arrays import ArrayT, as_numpy, namespace
from potato.core.color import JND, delta_e_ok

_DROPPED_BITS = 13
"""Bits of a float32's mantissa that its bin drops: 10 stay, so a bin is 0.1 % wide."""

_LEAST = 2.0**-14
_MOST = 2.0**10
"""JND or percent: smaller and larger values count in the first and the last bin."""


def _bin_of(value: float) -> int:
    return int(np.float32(value).view(np.int32)) >> _DROPPED_BITS


_FIRST = _bin_of(_LEAST)
_BINS = _bin_of(_MOST) - _FIRST + 1


@dataclass
class Histogram:
    """The distribution of numbers of 0 and above: mean exact, percentiles to a thousandth.

    A bin holds the float32 numbers that share their leading bits, so bins are narrow everywhere.
    The numbers of a bin are taken to be spread evenly over it.

    Example:
        >>> histogram = Histogram()
        >>> histogram.add(np.arange(1.0, 100.0))
        >>> histogram.mean, round(histogram.percentile(50), 1)
        (50.0, 50.0)
    """

    total: float = 0.0
    count: int = 0
    largest: float = 0.0
    bins: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_BINS, np.int64))

    def add(self, values: ArrayT) -> None:
        """Count values of any shape.

        Raises:
            ValueError: if a value is negative or NaN.
        """
        numbers = as_numpy(values).astype(np.float32).ravel()
        if not numbers.size:
            return
        if not (numbers >= 0).all():
            raise ValueError("expected numbers of 0 and above, found negative ones or NaN")
        self.total += float(numbers.sum(dtype=np.float64))
        self.count += numbers.size
        self.largest = max(self.largest, float(numbers.max()))
        places = (numbers.clip(_LEAST, _MOST).view(np.int32) >> _DROPPED_BITS) - _FIRST
        self.bins += np.bincount(places, minlength=_BINS)

    def join(self, other: Self) -> None:
        """Add the numbers that another histogram has counted."""
        self.total += other.total
        self.count += other.count
        self.largest = max(self.largest, other.largest)
        self.bins += other.bins

    @property
    def mean(self) -> float:
        """NaN if nothing was counted."""
        return self.total / self.count if self.count else math.nan

    def percentile(self, percent: float) -> float:
        """The number below which `percent` of all numbers lie; NaN if nothing was counted."""
        if not self.count:
            return math.nan
        rank = self.count * percent / 100
        below = self.bins.cumsum()
        place = int(np.searchsorted(below, max(1, math.ceil(rank))))
        if place == 0:
            return 0.0
        low, high = bin_edges()[place : place + 2].tolist()
        inside = (rank - int(below[place - 1])) / int(self.bins[place])
        return float(min(self.largest, low + (high - low) * inside))

    def summary(self) -> dict[str, float]:
        """Mean, median and 95th percentile, by the names of the columns that are printed."""
        return {"mean": self.mean, "median": self.percentile(50), "p95": self.percentile(95)}


def bin_edges() -> NDArray[np.float32]:
    """The lower edge of every bin of a `Histogram`, and the upper edge of the last."""
    return ((np.arange(_BINS + 1, dtype=np.int32) + _FIRST) << _DROPPED_BITS).view(np.float32)


@dataclass
class Difference:
    """Distances of a result from its truth over many pixels, in JND.

    Attributes:
        total: ΔE_OK.
        lightness: the part of ΔE that lies in L.
        chroma: the part of ΔE that lies in a and b; total² = lightness² + chroma² in every pixel.
    """

    total: Histogram = field(default_factory=Histogram)
    lightness: Histogram = field(default_factory=Histogram)
    chroma: Histogram = field(default_factory=Histogram)

    def add(self, result: ArrayT, truth: ArrayT, counted: ArrayT) -> ArrayT:
        """Add some of the pixels of two Oklab images.

        Args:
            result: (…, 3, h, w).
            truth: (…, 3, h, w).
            counted: bool (…, h, w), the pixels to add.

        Returns:
            ΔE (…, h, w) in JND of every pixel, counted or not.
        """
        offset = result - truth
        lightness, a, b = (offset[..., channel, :, :] for channel in range(3))
        distance = delta_e_ok(result, truth)
        self.total.add(distance[counted])
        self.lightness.add((abs(lightness) / JND)[counted])
        self.chroma.add((2 * namespace(offset).hypot(a, b) / JND)[counted])
        return distance

    def join(self, other: Self) -> None:
        """Add the pixels that another difference has counted."""
        self.total.join(other.total)
        self.lightness.join(other.lightness)
        self.chroma.join(other.chroma)

    def summary(self) -> dict[str, float]:
        """Mean, median and p95 of all three, by the names of the columns that are printed."""
        return {
            **self.total.summary(),
            **{f"L {name}": value for name, value in self.lightness.summary().items()},
            **{f"C {name}": value for name, value in self.chroma.summary().items()},
        }


@dataclass
class Correlation:
    """Pearson's correlation of two images over many pixels."""

    sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros(6))

    def add(self, first: ArrayT, second: ArrayT) -> None:
        """Add the pixels of two images of one shape."""
        x, y = (as_numpy(image).astype(np.float64).ravel() for image in (first, second))
        # Not by BLAS, whose sums depend on the number of its threads.
        self.sums += [len(x), x.sum(), y.sum(), (x * x).sum(), (y * y).sum(), (x * y).sum()]

    def join(self, other: Self) -> None:
        """Add the pixels that another correlation has counted."""
        self.sums += other.sums

    @property
    def value(self) -> float:
        """−1..1; NaN if either image is flat or nothing was counted."""
        n, x, y, xx, yy, xy = self.sums.tolist()
        if not n:
            return math.nan
        variances = (xx - x * x / n) * (yy - y * y / n)
        return (xy - x * y / n) / math.sqrt(variances) if variances > 0 else math.nan


@dataclass
class Mean:
    """The mean of figures of windows, weighted by the pixels of each window; NaN is skipped."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, value: float, weight: float) -> None:
        """Add the figure of one window."""
        if not math.isnan(value):
            self.total += value * weight
            self.weight += weight

    def join(self, other: Self) -> None:
        """Add the figures that another mean has counted."""
        self.total += other.total
        self.weight += other.weight

    @property
    def value(self) -> float:
        """NaN if nothing was counted."""
        return self.total / self.weight if self.weight else math.nan
