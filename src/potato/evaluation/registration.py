"""Registration: where a pair's two band arrays see the ground relative to pan, and moving them.

The detectors of an imager see a place one after the other, so the satellite's motion, heights
and moving things displace the band arrays. `displacement_map` measures what processing has left of
that, window by window. `register_arrays` moves each array as one, and `shift` moves any image.

In each window, the four bands of an array are mixed into the image that comes closest to the block
means of pan. Their displacement is where the phase correlation of both peaks; the Fourier sum is
searched for the peak on ever finer grids. A window that stays in place biases displacements towards
0, so the bands are moved back by the displacement found so far and measured again.

Sources: C. D. Kuglin, D. C. Hines, "The phase correlation image alignment method" (1975); M.
Guizar-Sicairos, S. T. Thurman, J. R. Fienup, "Efficient subpixel image registration algorithms",
Optics Letters 33 (2008); H. S. Stone and others, "A fast direct Fourier-based algorithm for
subpixel registration of images", IEEE Transactions on Geoscience and Remote Sensing 39 (2001), for
leaving out high frequencies, which are aliased.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.resample import block_mean
from potato.core.sensors import BANDS, FIRST_ARRAY, RATIO, SECOND_ARRAY
from potato.core.types import check_mask, check_pair_shapes

LEAST_CONFIDENCE = 0.5
"""Least peak of a window that counts; noise alone reaches 0.45 in windows of 24, 0.4 in 32."""

LEAST_WINDOW = 24
"""Side of the smallest window, mul pixels; in smaller ones noise would look like ground."""

REACH = 3.0
"""Largest displacement that is searched for, each way, mul pixels."""

STEPS = (0.5, 0.05, 0.005)
"""Spacings of successive grids that are searched for the peak, mul pixels, each finer."""

ROUNDS = 4
"""How often bands are moved back and measured again."""

CUTOFF = 0.15
"""Standard deviation of the Gaussian that weights frequencies, cycles per mul pixel."""

LEAST_VALID = 0.75
"""Share of a window, by weight, that must be valid."""

TINY = 1e-20
"""Less than any weight or power of a real image, and more than the rounding of an empty one."""

MARGIN = math.ceil(REACH) + 2
"""Mul pixels around a window, or an invalid pixel, from which cubic convolution may reach it."""

LEAST_SIDE = 40
"""Mul pixels along the shorter side of the smallest image that `register_arrays` takes."""

GAUSS_NEWTON_ROUNDS = 6
"""Steps in which `register_arrays` finds a displacement."""

FIT_BORDER = 8
"""Mul pixels of border that `register_arrays` doesn't fit to: the shift theorem rings there."""

MIRRORED = 32
"""Most mirrored pixels around an image that `shift` moves, which keep its opposite sides apart."""

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a Gaussian by its median absolute deviation."""


@dataclass(frozen=True)
class Displacement:
    """How far one band array lies from pan.

    The array shows a place (`down`, `right`) mul pixels from where pan shows it.

    Attributes:
        down: (rows, columns) of windows; NaN where confidence is below `LEAST_CONFIDENCE`.
        right: (rows, columns); NaN where confidence is below `LEAST_CONFIDENCE`.
        confidence: (rows, columns), the height of the peak, 0..1: 1 if the array is exactly pan's
            block means, displaced; 0 where too little is valid or the window shows nothing.
        average: (down, right), medians over windows of `LEAST_CONFIDENCE`; NaN if there are none.
        spread: (down, right), standard deviations of these, by the median absolute deviation.
    """

    down: Tensor
    right: Tensor
    confidence: Tensor
    average: tuple[float, float]
    spread: tuple[float, float]


@dataclass(frozen=True)
class Registration:
    """The result of `displacement_map`. The middle of window (i, j) is at `rows[i]`, `columns[j]`.

    Attributes:
        first: displacement of `sensors.FIRST_ARRAY`.
        second: displacement of `sensors.SECOND_ARRAY`.
        rows: (rows,) middles of windows, mul pixels from the top edge of the image.
        columns: (columns,) middles of windows, mul pixels from the left edge of the image.
        window: side of a window, mul pixels.
    """

    first: Displacement
    second: Displacement
    rows: Tensor
    columns: Tensor
    window: int

    @property
    def between(self) -> tuple[float, float]:
        """(down, right) of the second array against the first, as `displace_arrays` takes it."""
        (down, right), (first_down, first_right) = self.second.average, self.first.average
        return down - first_down, right - first_right


def displacement_map(pan: Tensor, mul: Tensor, window: int = 32, valid: Tensor | None = None) -> Registration:
    """Measure how far the two band arrays of a pair lie from pan.

    Windows overlap by half. The map shows moving and tall things; the averages are of the ground.

    Args:
        pan: reflectance (1, 4h, 4w).
        mul: reflectance (8, h, w), sides of at least `window`.
        window: side of a window, mul pixels, 24 or more; a larger one tolerates more noise.
        valid: bool (4h, 4w) of pan's pixels; a mul pixel is valid where all 16 are. None for all.

    Returns:
        Both displacements; those beyond about 3 mul pixels aren't found.

    Raises:
        ValueError: if the shapes don't fit each other or the window.
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
    own = F.pad(bands[_indices(array)], (MARGIN,) * 4, mode="replicate")
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
    return Displacement(
        down, right, confidence, *average_and_spread(torch.stack([down[sure], right[sure]], 1))
    )


def average_and_spread(displacements: Tensor) -> tuple[tuple[float, float], tuple[float, float]]:
    """Medians of displacements (n, 2), and standard deviations by the median absolute deviation.

    Returns:
        (down, right) of each; NaN if n is 0.
    """
    if not len(displacements):
        return (math.nan, math.nan), (math.nan, math.nan)
    middle = displacements.quantile(0.5, dim=0)
    spread = MAD_TO_SIGMA * (displacements - middle).abs().quantile(0.5, dim=0)
    return (float(middle[0]), float(middle[1])), (float(spread[0]), float(spread[1]))


def _windows(image: Tensor, top: int, lefts: Tensor, window: int) -> Tensor:
    """One row of windows of `image` (c, h, w): float64 (n, c, window, window)."""
    strip = image[:, top : top + window].double()
    return torch.stack([strip[..., left : left + window] for left in lefts.tolist()])


def _move_back(patches: Tensor, by: Tensor) -> Tensor:
    """Windows (n, c, w + 2·margin, …) moved by −`by` (n, 2), margins cut off; cubic convolution."""
    side = patches.shape[-1]
    inside = torch.arange(MARGIN, side - MARGIN, dtype=by.dtype, device=by.device) + 0.5
    # grid_sample counts from −1 to 1. To move an image up, read it farther down.
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


def register_arrays(pan: Tensor, mul: Tensor) -> Tensor:
    """Move each of the two band arrays, as one, to where pan sees the ground.

    For each array and image, `GAUSS_NEWTON_ROUNDS` times: the four bands are fitted to the block
    means of pan (least squares, with a constant), a step is found that explains the remaining
    difference by the fit's slope, and the original bands are shifted by the sum of all steps.

    Args:
        pan: reflectance (b, 1, 4h, 4w).
        mul: reflectance (b, 8, h, w), sides of at least `LEAST_SIDE`.

    Returns:
        A new mul (b, 8, h, w). Displacements beyond a pixel or two may not be found.

    Raises:
        ValueError: if the shapes don't fit each other or are too small.
    """
    check_pair_shapes(pan, mul)
    if min(mul.shape[-2:]) < LEAST_SIDE:
        raise ValueError(
            f"expected mul with sides of at least {LEAST_SIDE} to register, found {tuple(mul.shape)}"
        )
    registered = []
    for image, goal in zip(mul, block_mean(pan)[:, 0], strict=True):
        first, second = (_find_shift(goal, image[_indices(array)]) for array in (FIRST_ARRAY, SECOND_ARRAY))
        registered.append(shift_arrays(image, first, second))
    return torch.stack(registered)


def _find_shift(goal: Tensor, bands: Tensor) -> tuple[float, float]:
    """Pixels (down, right) that bring `bands` (n, h, w) onto `goal` (h, w)."""
    inside = (..., slice(FIT_BORDER, -FIT_BORDER), slice(FIT_BORDER, -FIT_BORDER))
    goal = goal.double()[inside].flatten()
    by = (0.0, 0.0)
    for _ in range(GAUSS_NEWTON_ROUNDS):
        moved = shift(bands.double(), by)
        columns = torch.stack([torch.ones_like(goal), *moved[inside].flatten(1)], 1)
        weights = torch.linalg.lstsq(columns, goal[:, None]).solution[:, 0]
        down, right = torch.gradient(torch.einsum("n,nhw->hw", weights[1:], moved))
        slopes = torch.stack([-down[inside].flatten(), -right[inside].flatten()], 1)
        step = torch.linalg.lstsq(slopes, (goal - columns @ weights)[:, None]).solution[:, 0]
        by = (by[0] + float(step[0]), by[1] + float(step[1]))
    return by


def shift_arrays(mul: Tensor, first: tuple[float, float], second: tuple[float, float]) -> Tensor:
    """Shift each array's bands of mul (…, 8, h, w) by pixels (down, right); clamp below 0."""
    moved = mul.clone()
    for array, by in ((FIRST_ARRAY, first), (SECOND_ARRAY, second)):
        if by != (0.0, 0.0):
            moved[..., _indices(array), :, :] = shift(mul[..., _indices(array), :, :], by).clamp_min(0)
    return moved


def shift(image: Tensor, by: tuple[float, float]) -> Tensor:
    """Move an image by a fraction of pixels, exactly for all frequencies that its grid can hold.

    By the Fourier shift theorem, with mirrored margins; overshoots at sharp edges.

    Args:
        image: (…, h, w), sides above 1.
        by: pixels (down, right).

    Returns:
        (…, h, w).

    Example:
        >>> ramp = torch.arange(64.0).expand(64, 64)
        >>> round(float(shift(ramp, (0, 0.5))[32, 32]), 2)
        31.5
    """
    height, width = image.shape[-2:]
    top, left = min(MIRRORED, height - 1), min(MIRRORED, width - 1)
    stack: Tensor = image.reshape(1, -1, height, width)
    padded = F.pad(stack, (left, left, top, top), mode="reflect")
    rows, columns = padded.shape[-2:]
    # The highest frequency of an even side has no sign, so a shift keeps its real part alone.
    down = torch.fft.fftfreq(rows, dtype=torch.float64, device=image.device)[:, None] * by[0]
    right = torch.fft.rfftfreq(columns, dtype=torch.float64, device=image.device) * by[1]
    turn = torch.polar(torch.ones_like(down + right), -2 * math.pi * (down + right))
    moved: Tensor = torch.fft.irfft2(torch.fft.rfft2(padded) * turn, s=(rows, columns))
    return moved[..., top : top + height, left : left + width].reshape(image.shape).to(image)


def _indices(array: tuple[str, ...]) -> list[int]:
    return [BANDS.index(name) for name in array]


def _check(pan: Tensor, mul: Tensor, window: int, valid: Tensor | None) -> None:
    check_pair_shapes(pan[None], mul[None])
    height, width = mul.shape[1:]
    if not LEAST_WINDOW <= window <= min(height, width):
        raise ValueError(
            f"expected a window of {LEAST_WINDOW} to {min(height, width)}, the shorter side of mul, "
            f"found {window}"
        )
    check_mask(valid, *pan.shape[1:])
