"""Figures of a sharpened picture at full scale, where no truth exists."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from potato.core.color import power
from potato.core.resample import block_mean, inner
from potato.core.statistics import Correlation, Difference, Histogram

FRINGE_REACH = 4
"""Mul pixels after which the Gaussian is cut off that separates coarse from fine; its σ is one."""

BORDER = 8
"""Pan pixels along the border of a result that don't count: sharpeners lack context there."""

LEAST_CELLS = 8
"""Cells along the shorter side of the smallest picture that can be measured."""


@dataclass(frozen=True)
class FullScale:
    """Figures at full scale, where there is no truth.

    Attributes:
        fringe_mean: mean of |high-pass of Oklab a| × 100: magenta and green fringes.
        fringe_p99: their 99th percentile: cars and roof edges.
        detail: correlation (−1..1) of the high-pass of L with that of the cube root of pan.
        consistency: distance of the result, averaged to mul's grid, from the colour of mul, in JND.
            Healed fringes raise it a little, rightly.
    """

    fringe_mean: float
    fringe_p99: float
    detail: float
    consistency: float


@dataclass
class FullScaleCounts:
    """What the figures at full scale condense, counted over any number of windows.

    Attributes:
        fringe: |high-pass of Oklab a| × 100.
        detail: of the high-pass of L with that of pan's cube root.
        consistency: of the result, averaged to mul's grid, from the colour of mul.
    """

    fringe: Histogram = field(default_factory=Histogram)
    detail: Correlation = field(default_factory=Correlation)
    consistency: Difference = field(default_factory=Difference)

    def add(
        self,
        oklab: NDArray[Any],
        pan: NDArray[Any],
        colour: NDArray[Any],
        pan_valid: NDArray[np.bool_],
        whole: NDArray[np.bool_],
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Add a window.

        Args:
            oklab: the result (3, rh, rw); r is the ratio.
            pan: reflectance (rh, rw).
            colour: of mul, Oklab (3, h, w).
            pan_valid: which pixels of the result count (rh, rw).
            whole: the cells in which mul and all pan pixels are valid (h, w).

        Returns:
            ΔE (h, w) in JND of the result from the colour of mul, and which cells were counted.

        Raises:
            ValueError: if the window is too small.
        """
        ratio = pan_valid.shape[0] // whole.shape[0]
        # The high-pass counts up to the image's edges, where it is mirrored, but not across holes.
        fine = inner(pan_valid, 0, FRINGE_REACH * ratio)
        self.fringe.add(fringe(oklab, ratio)[fine])
        roots = power(pan.clip(0), 1 / 3)
        self.detail.add(high_pass(oklab[0], ratio)[fine], high_pass(roots, ratio)[fine])
        counted = inner(whole, -(-BORDER // ratio))
        return self.consistency.add(block_mean(oklab, ratio), colour, counted), counted

    def join(self, other: Self) -> None:
        """Add the windows that others have counted."""
        self.fringe.join(other.fringe)
        self.detail.join(other.detail)
        self.consistency.join(other.consistency)

    @property
    def figures(self) -> FullScale:
        """The figures; NaN if nothing was counted."""
        return FullScale(
            fringe_mean=self.fringe.mean,
            fringe_p99=self.fringe.percentile(99),
            detail=self.detail.value,
            consistency=self.consistency.total.mean,
        )


def fringe(oklab: NDArray[Any], ratio: int) -> NDArray[Any]:
    """|`high_pass` of a| × 100 (rh, rw) of Oklab (3, rh, rw): magenta and green fringes."""
    contrast: NDArray[Any] = 100 * abs(high_pass(oklab[1], ratio))
    return contrast


def high_pass(image: NDArray[Any], ratio: int) -> NDArray[Any]:
    """An image (rh, rw) minus its Gaussian blur, σ one mul pixel, borders mirrored.

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
    fine: NDArray[Any] = image - blurred
    return fine
