"""Misregistration: where the two band arrays of a pair see the ground, relative to pan.

The detectors of an imager look at the same ground one after the other, so between them lie the satellite's
motion, heights, and whatever moves. What is left of that after processing is measured here, window by window.

In each window the four bands of an array are mixed into what comes closest to the block means of pan, and the
displacement of one against the other is where their phase correlation peaks: found on ever finer grids, by
the Fourier sum itself. The bands are then moved back by what was found so far and measured again, since a
window that stays in place draws displacements towards 0, and again.

Sources: C. D. Kuglin, D. C. Hines, "The phase correlation image alignment method" (1975); M. Guizar-Sicairos,
S. T. Thurman, J. R. Fienup, "Efficient subpixel image registration algorithms", Optics Letters 33 (2008);
H. S. Stone and others, "A fast direct Fourier-based algorithm for subpixel registration of images", IEEE
Transactions on Geoscience and Remote Sensing 39 (2001), for leaving high frequencies, which are aliased, out.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.resample import block_mean
from potato.core.sensors import BANDS, FIRST_ARRAY, RATIO, SECOND_ARRAY

LEAST_CONFIDENCE = 0.5
"""Windows whose peak is lower say nothing: noise alone reaches 0.45 in the smallest, 0.4 in those of 32."""

LEAST_WINDOW = 24
"""Side of the smallest window, mul pixels; in smaller ones noise would look like ground."""

REACH = 3.0
"""Mul pixels, each way, within which a displacement is looked for."""

STEPS = (0.5, 0.05, 0.005)
"""Spacings of the grids on which the peak is sought, mul pixels, each around the best of the one before."""

ROUNDS = 4
"""How often bands are moved back and measured again."""

CUTOFF = 0.15
"""Standard deviation of the Gaussian by which frequencies count, cycles per mul pixel."""

LEAST_VALID = 0.75
"""Share of a window, as it is weighted, that must be valid."""

TINY = 1e-20
"""Less than any weight or power of a real image, and more than rounding leaves of an empty one."""

MARGIN = math.ceil(REACH) + 2
"""Mul pixels around a window that may be moved into it by cubic convolution; so around an invalid one too."""


@dataclass(frozen=True)
class Displacement:
    """How far one band array lies from pan.

    What the array shows of a place lies (`down`, `right`) mul pixels from where pan shows it.

    Attributes:
        down: (rows, columns), one for each window; NaN where confidence is below `LEAST_CONFIDENCE`.
        right: the same.
        confidence: the same, 0..1, the height of the peak: 1 if one is exactly the other, displaced; 0 where
            too little is valid or nothing is to be seen.
        average: (down, right), the medians of windows of `LEAST_CONFIDENCE`; NaN if there are none.
        spread: (down, right), their standard deviation by the median of deviations.
    """

    down: Tensor
    right: Tensor
    confidence: Tensor
    average: tuple[float, float]
    spread: tuple[float, float]


@dataclass(frozen=True)
class Registration:
    """What `displacement_map` finds. Window (i, j) has its middle at `rows[i]`, `columns[j]`.

    Attributes:
        first: of `sensor.FIRST_ARRAY`.
        second: of `sensor.SECOND_ARRAY`.
        rows: (rows,) middles of windows, mul pixels from the top edge of the image.
        columns: (columns,) the same from the left edge.
        window: side of a window, mul pixels.
    """

    first: Displacement
    second: Displacement
    rows: Tensor
    columns: Tensor
    window: int

    @property
    def between(self) -> tuple[float, float]:
        """(down, right) of the second array against the first, as `optics.displace_arrays` takes it."""
        (down, right), (first_down, first_right) = self.second.average, self.first.average
        return down - first_down, right - first_right


def displacement_map(pan: Tensor, mul: Tensor, window: int = 32, valid: Tensor | None = None) -> Registration:
    """Measure how far the two band arrays of a pair lie from pan.

    Windows overlap by half. Moving things and tall ones show in the map; the averages are of the ground.

    Args:
        pan: reflectance (1, 4h, 4w).
        mul: reflectance (8, h, w), sides of at least `window`.
        window: side of a window, mul pixels, 24 or more. Larger ones bear more noise and show less detail.
        valid: bool (4h, 4w) of pan's pixels, a mul pixel being valid where all 16 are; None for all.

    Returns:
        Both displacements, up to about 3 mul pixels; more isn't found.

    Raises:
        ValueError: if shapes don't fit.
    """
    _check(pan, mul, window, valid)
    goal, bands = block_mean(pan)[0], mul
    weight = torch.ones_like(goal)
    if valid is not None:
        invalid = F.max_pool2d((~valid)[None].to(goal), RATIO)
        goal, bands = (torch.where(invalid[0] > 0, torch.zeros_like(image), image) for image in (goal, bands))
        weight = 1 - F.max_pool2d(invalid, 2 * MARGIN + 1, stride=1, padding=MARGIN)[0]
    tops, lefts = (torch.arange(0, side - window + 1, window // 2) for side in goal.shape)
    first, second = (
        _measure(goal, bands, weight, array, tops, lefts, window) for array in (FIRST_ARRAY, SECOND_ARRAY)
    )
    return Registration(first, second, tops + window / 2, lefts + window / 2, window)


def _measure(
    goal: Tensor,
    bands: Tensor,
    weight: Tensor,
    array: tuple[str, ...],
    tops: Tensor,
    lefts: Tensor,
    window: int,
) -> Displacement:
    """The displacement of one array of `bands` (8, h, w) against `goal` (h, w)."""
    own = F.pad(bands[[BANDS.index(name) for name in array]], (MARGIN,) * 4, mode="replicate")
    taper = torch.hann_window(window + 2, periodic=False, dtype=torch.float64, device=goal.device)[1:-1]
    taper = taper[:, None] * taper
    found, heights = [], []
    # Windows of one row at a time, so that a large image needs little more memory than its own.
    for top in tops.tolist():
        aim, weights = (_windows(image[None], top, lefts, window) for image in (goal, weight))
        patches = _windows(own, top, lefts, window + 2 * MARGIN)
        by = torch.zeros(len(lefts), 2, dtype=torch.float64, device=goal.device)
        for _ in range(ROUNDS):
            step, height = _peaks(aim, _move_back(patches, by), taper * weights)
            by = (by + step).clamp(-REACH, REACH)
        found.append(by)
        heights.append(height * (weights * taper).sum((1, 2, 3)).ge(LEAST_VALID * taper.sum()))
    confidence = torch.stack(heights)
    sure = confidence >= LEAST_CONFIDENCE
    down, right = torch.where(sure[..., None], torch.stack(found), torch.nan).unbind(2)
    average = [_median(way[sure]) for way in (down, right)]
    # 1.4826 median deviations are a standard deviation, if it is Gauss's.
    spread = [
        1.4826 * _median((way[sure] - middle).abs())
        for way, middle in zip((down, right), average, strict=True)
    ]
    return Displacement(
        down,
        right,
        confidence,
        (float(average[0]), float(average[1])),
        (float(spread[0]), float(spread[1])),
    )


def _windows(image: Tensor, top: int, lefts: Tensor, window: int) -> Tensor:
    """One row of windows of `image` (c, h, w): float64 (n, c, window, window)."""
    strip = image[:, top : top + window].double()
    return torch.stack([strip[..., left : left + window] for left in lefts.tolist()])


def _move_back(patches: Tensor, by: Tensor) -> Tensor:
    """Windows (n, c, w + 2·margin, …), moved by −`by` (n, 2) by cubic convolution, without their margin."""
    side = patches.shape[-1]
    inside = torch.arange(MARGIN, side - MARGIN, dtype=by.dtype, device=by.device) + 0.5
    # grid_sample counts from −1 to 1; what is to come from below is read from below.
    rows, columns = ((inside + way[:, None]) * (2 / side) - 1 for way in by.unbind(1))
    grid = torch.stack(
        [columns[:, None, :].expand(-1, len(inside), -1), rows[:, :, None].expand(-1, -1, len(inside))], -1
    )
    return F.grid_sample(patches, grid, mode="bicubic", align_corners=False)


def _peaks(goal: Tensor, bands: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Where `bands` (n, c, w, w), mixed to look like `goal` (n, 1, w, w), lie against it.

    Returns:
        (n, 2) pixels down and right, and the height (n,) of the peak, 0..1.
    """
    total = weight.sum((2, 3), keepdim=True).clamp_min(TINY)
    goal, bands = (image - (weight * image).sum((2, 3), keepdim=True) / total for image in (goal, bands))
    columns, weighted = bands.flatten(2), (weight * bands).flatten(2)
    mix = torch.linalg.pinv(weighted @ columns.mT, hermitian=True) @ (weighted @ goal.flatten(2).mT)
    mixed = (mix[..., None] * bands).sum(1, keepdim=True)
    spectra = [torch.fft.fft2(weight * image)[:, 0] for image in (goal, mixed)]
    cross = spectra[0].conj() * spectra[1]
    frequency = torch.fft.fftfreq(goal.shape[-1], dtype=goal.dtype, device=goal.device)
    share = torch.exp(-0.5 * (frequency / CUTOFF) ** 2)
    share = share[:, None] * share
    share[0, 0] = 0
    phase = cross / cross.abs().clamp_min(TINY) * (share / share.sum())
    down = right = goal.new_zeros(len(goal))
    reach = REACH
    for step in STEPS:
        count = round(reach / step)
        offsets = torch.arange(-count, count + 1, device=goal.device) * step
        ys, xs = down[:, None] + offsets, right[:, None] + offsets
        waves = [torch.exp(2j * math.pi * place[..., None] * frequency) for place in (ys, xs)]
        height = (waves[0] @ phase @ waves[1].mT).real.flatten(1)
        best = height.argmax(1, keepdim=True)
        down = ys.gather(1, best // len(offsets))[:, 0]
        right = xs.gather(1, best % len(offsets))[:, 0]
        reach = step
    return torch.stack([down, right], 1), height.amax(1).clamp(0, 1)


def _median(values: Tensor) -> Tensor:
    """The median, between the two in the middle of an even number; NaN of nothing."""
    ordered, count = values.sort().values, len(values)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2 if count else values.new_tensor(math.nan)


def _check(pan: Tensor, mul: Tensor, window: int, valid: Tensor | None) -> None:
    bands, height, width = mul.shape if mul.ndim == 3 else (0, 0, 0)
    fine = (RATIO * height, RATIO * width)
    if bands != len(BANDS) or pan.shape != (1, *fine):
        raise ValueError(
            f"expected pan (1, 4h, 4w) and mul (8, h, w), found {tuple(pan.shape)} and {tuple(mul.shape)}"
        )
    if not LEAST_WINDOW <= window <= min(height, width):
        raise ValueError(
            f"expected a window of {LEAST_WINDOW} to {min(height, width)}, the shorter side of mul, "
            f"found {window}"
        )
    if valid is not None and (valid.dtype != torch.bool or valid.shape != fine):
        raise ValueError(f"expected valid as bool {fine}, found {valid.dtype} {tuple(valid.shape)}")
