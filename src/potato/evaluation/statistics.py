"""Figures of many pixels that come piece by piece: means, percentiles, a correlation.

Pieces may be added one at a time or joined from accounts kept apart; either way an account has the size of
its histogram, not of what it has seen.
"""

import math
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from potato.core.color import JND, delta_e_ok

_FINE = 13
"""Bits of a float32 that its bin forgets: 10 of the mantissa stay, so a bin is 0.1 % wide."""

_LEAST = 2.0**-14
_MOST = 2.0**10
"""What lies outside counts as lying at the end; in JND, or per cent, nobody cares to tell it."""


def _bits(value: float) -> int:
    return int(torch.tensor(value).view(torch.int32)) >> _FINE


_FIRST = _bits(_LEAST)
_BINS = _bits(_MOST) - _FIRST + 1


@dataclass
class Spread:
    """How numbers of 0 and above are spread: their mean exactly, their percentiles to a thousandth.

    A bin is what float32 numbers with the same leading bits share, so bins are narrow everywhere. Inside one,
    numbers are taken to lie evenly.

    Example:
        >>> spread = Spread()
        >>> spread.add(torch.arange(1.0, 100.0))
        >>> spread.mean, round(spread.percentile(50), 1)
        (50.0, 50.0)
    """

    total: float = 0.0
    count: int = 0
    largest: float = 0.0
    bins: Tensor = field(default_factory=lambda: torch.zeros(_BINS, dtype=torch.int64))

    def add(self, values: Tensor) -> None:
        """Count values of any shape; none may be negative or NaN.

        Raises:
            ValueError: if one is.
        """
        values = values.detach().float().flatten()
        if not values.numel():
            return
        if not bool((values >= 0).all()):
            raise ValueError("expected numbers of 0 and above, found negative ones or NaN")
        self.total += float(values.double().sum())
        self.count += values.numel()
        self.largest = max(self.largest, float(values.max()))
        places = (values.clamp(_LEAST, _MOST).view(torch.int32) >> _FINE) - _FIRST
        self.bins += torch.bincount(places, minlength=_BINS)

    def join(self, other: Self) -> None:
        """Count what another account has counted."""
        self.total += other.total
        self.count += other.count
        self.largest = max(self.largest, other.largest)
        self.bins += other.bins

    @property
    def mean(self) -> float:
        """NaN if nothing was counted."""
        return self.total / self.count if self.count else math.nan

    def percentile(self, percent: float) -> float:
        """The number below which `percent` of all lie; NaN if nothing was counted."""
        if not self.count:
            return math.nan
        rank = self.count * percent / 100
        below = self.bins.cumsum(0)
        place = int(torch.searchsorted(below, torch.tensor(max(1, math.ceil(rank)))))
        if place == 0:
            return 0.0
        low, high = edges()[place : place + 2].tolist()
        inside = (rank - int(below[place - 1])) / int(self.bins[place])
        return float(min(self.largest, low + (high - low) * inside))

    def summary(self) -> dict[str, float]:
        """What is printed: mean, median, and the 95th percentile."""
        return {"mean": self.mean, "median": self.percentile(50), "p95": self.percentile(95)}


def edges() -> Tensor:
    """The lower edges of the bins, and the upper edge of the last: float32."""
    return ((torch.arange(_BINS + 1, dtype=torch.int32) + _FIRST) << _FINE).view(torch.float32)


def split_difference(result: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What two Oklab images differ by: ΔE, and how much of it is lightness, and how much chroma.

    Args:
        result: Oklab (…, 3, h, w).
        truth: the same shape.

    Returns:
        Three images (…, h, w) in JND; the square of the first is the sum of the squares of the others.
    """
    lightness, a, b = (result - truth).unbind(-3)
    return delta_e_ok(result, truth), lightness.abs() / JND, 2 * torch.hypot(a, b) / JND


@dataclass
class Difference:
    """How far a result is from its truth over many pixels, in JND.

    Attributes:
        total: ΔE_OK.
        lightness: of it, what L differs by.
        chroma: what a and b differ by.
    """

    total: Spread = field(default_factory=Spread)
    lightness: Spread = field(default_factory=Spread)
    chroma: Spread = field(default_factory=Spread)

    def add(self, result: Tensor, truth: Tensor, judged: Tensor) -> Tensor:
        """Count the judged pixels of two Oklab images.

        Args:
            result: (…, 3, h, w).
            truth: the same shape.
            judged: bool (…, h, w).

        Returns:
            ΔE (…, h, w) in JND of every pixel, judged or not.
        """
        images = split_difference(result, truth)
        for spread, image in zip((self.total, self.lightness, self.chroma), images, strict=True):
            spread.add(image[judged])
        return images[0]

    def join(self, other: Self) -> None:
        """Count what another account has counted."""
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

    sums: Tensor = field(default_factory=lambda: torch.zeros(6, dtype=torch.float64))

    def add(self, first: Tensor, second: Tensor) -> None:
        """Count pixels that belong together; any shape."""
        x, y = first.detach().double().flatten(), second.detach().double().flatten()
        self.sums += torch.stack(
            [torch.tensor(float(len(x)), dtype=torch.float64), x.sum(), y.sum(), x @ x, y @ y, x @ y]
        )

    def join(self, other: Self) -> None:
        """Count what another account has counted."""
        self.sums += other.sums

    @property
    def value(self) -> float:
        """-1..1; NaN if either image is flat or nothing was counted."""
        n, x, y, xx, yy, xy = self.sums.tolist()
        if not n:
            return math.nan
        spreads = (xx - x * x / n) * (yy - y * y / n)
        return (xy - x * y / n) / math.sqrt(spreads) if spreads > 0 else math.nan


@dataclass
class Mean:
    """A mean of figures of windows, each as heavy as the pixels it stands for; NaN counts for nothing."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, value: float, weight: float) -> None:
        """Count one window's figure."""
        if not math.isnan(value):
            self.total += value * weight
            self.weight += weight

    def join(self, other: Self) -> None:
        """Count what another account has counted."""
        self.total += other.total
        self.weight += other.weight

    @property
    def value(self) -> float:
        """NaN if nothing was counted."""
        return self.total / self.weight if self.weight else math.nan
