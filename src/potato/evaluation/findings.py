"""Findings of the protocols about one method, counted over any number of windows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from torch import Tensor

from potato.core.color import oklab_to_linear_srgb, srgb_encode
from potato.core.full_scale import FullScaleCounts
from potato.core.resample import block_mean
from potato.core.sensors import Sensor
from potato.core.statistics import Difference, Histogram, Mean
from potato.evaluation.metrics import full, reduced


@dataclass
class Findings:
    """Findings about one method.

    Attributes:
        differences: from the truth, by protocol, in the order in which protocols were run.
        full_scale: at full scale, where there is no truth.
        band_fringe: fringes of the colour of its bands, on both axes, at full scale, in JND.
        literature: figures of the literature, by protocol and name; PSNR as mean square error,
            since a mean of decibels has no meaning.
    """

    differences: dict[str, Difference] = field(default_factory=dict)
    full_scale: FullScaleCounts = field(default_factory=FullScaleCounts)
    band_fringe: Histogram = field(default_factory=Histogram)
    literature: dict[str, dict[str, Mean]] = field(default_factory=dict)

    def join(self, other: Self) -> None:
        """Add the findings of other windows."""
        for key, difference in other.differences.items():
            self.difference(key).join(difference)
        self.full_scale.join(other.full_scale)
        self.band_fringe.join(other.band_fringe)
        for key, means in other.literature.items():
            for name, mean in means.items():
                self.literature.setdefault(key, {}).setdefault(name, Mean()).join(mean)

    @property
    def first(self) -> Difference:
        """That of the first protocol; from mul's colour, if there was no truth."""
        return next(iter(self.differences.values()), self.full_scale.consistency)

    def difference(self, key: str) -> Difference:
        """The difference of a protocol, empty at first."""
        return self.differences.setdefault(key, Difference())

    def note(self, key: str, figures: Mapping[str, float], pixels: float) -> None:
        """Add one window's figures of the literature, weighted by the window's pixels."""
        for name, value in figures.items():
            self.literature.setdefault(key, {}).setdefault(name, Mean()).add(value, pixels)


def picture_figures(result: Tensor, truth: Tensor, valid: Tensor) -> dict[str, float]:
    """The literature's figures of two Oklab images, taken of their sRGB signals.

    Args:
        result: (3, h, w).
        truth: (3, h, w).
        valid: bool (h, w), somewhere true.

    Returns:
        `square`, the mean square error, which is PSNR without its logarithm; and `SSIM`.
    """
    first, second = (srgb_encode(oklab_to_linear_srgb(image).clamp(0, 1)) for image in (result, truth))
    decibel = reduced.psnr(first, second, valid=valid)
    wide = min(valid.shape) >= reduced.SSIM_WINDOW
    ssim = reduced.ssim(first, second, valid=valid) if wide else math.nan
    return {"square": 10 ** (-decibel / 10), "SSIM": ssim}


def band_figures(result: Tensor, truth: Tensor, valid: Tensor, ratio: int) -> dict[str, float]:
    """The literature's figures of two images of bands (n, h, w), over `valid`, bool (h, w)."""
    return {
        "SAM": reduced.sam(result, truth, valid=valid),
        "ERGAS": reduced.ergas(result, truth, ratio, valid),
        "Q2n": reduced.q2n(result, truth, valid=valid),
        "SCC": reduced.scc(result, truth, valid=valid),
    }


def quality_figures(
    result: Tensor, mul: Tensor, pan: Tensor, valid: Tensor, sensor: Sensor
) -> dict[str, float]:
    """The literature's distortions at full scale, where there is no truth, and the cell error.

    Args:
        result: bands (n, rh, rw).
        mul: reflectance (n, h, w).
        pan: reflectance (1, rh, rw).
        valid: bool (rh, rw).
        sensor: the sensor.
    """
    low = block_mean(pan, pan.shape[-1] // mul.shape[-1])
    return {
        "D_lambda": full.d_lambda(result, mul, valid=valid),
        "D_s": full.d_s(result, mul, pan, low, valid=valid),
        "D_lambda K": full.d_lambda_khan(result, mul, sensor, valid=valid),
        "cell error": full.cell_error(result, mul, valid),
        "D_s MTF": full.d_s_mtf(result, mul, pan, sensor, valid=valid),
    }
