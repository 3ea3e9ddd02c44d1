"""How far the band arrays of a pair lie from pan, window by window.

The detectors of an imager see a place one after the other, so the satellite's motion, heights
and moving things displace the band arrays. In each window, the bands of an array are mixed into the
image that comes closest to the block means of pan. Their displacement is where the phase
correlation of both peaks; the Fourier sum is searched for the peak on ever finer grids. A window
that stays in place biases displacements towards 0, so the bands are moved back by the displacement
found so far and measured again. Windows are too small to find displacements of more than `REACH`,
so the search begins at the displacement of the whole image if its phase correlation shows one.

Sources: C. D. Kuglin, D. C. Hines, "The phase correlation image alignment method" (1975); M.
Guizar-Sicairos, S. T. Thurman, J. R. Fienup, "Efficient subpixel image registration algorithms",
Optics Letters 33 (2008); H. S. Stone and others, "A fast direct Fourier-based algorithm for
subpixel registration of images", IEEE Transactions on Geoscience and Remote Sensing 39 (2001), for
leaving out high frequencies, which are aliased.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from potato.core.resample import BICUBIC_REACH, block_mean, cubic, dilate
from potato.core.sensors import Sensor
from potato.core.types import check_mask, check_pair_shapes

LIMIT = 16
"""Largest displacement that is measured, each way, pan pixels."""

LEAST_CONFIDENCE = 0.5
"""Least peak of a window that counts; noise alone reaches 0.45 in windows of 24, 0.4 in 32."""

LEAST_WINDOW = 24
"""Side of the smallest window, mul pixels; in smaller ones noise would look like ground."""

REACH = 3.0
"""How far from the start of its search a window's displacement may be found, mul pixels."""

FAR = 2.0
"""Searches begin at the displacement of the whole image if that is larger than this, mul pixels."""

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

MARGIN = math.ceil(REACH) + BICUBIC_REACH
"""Mul pixels around a window that its moved pixels depend on; and around an invalid pixel, those
that depend on it."""

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a Gaussian by its median absolute deviation."""

Way = tuple[float, float]
"""(down, right), mul pixels."""


@dataclass(frozen=True, eq=False)
class Displacement:
    """How far one band array lies from pan.

    The array shows a place (`down`, `right`) mul pixels from where pan shows it.

    Attributes:
        down: (rows, columns) of windows; NaN where confidence is below `LEAST_CONFIDENCE`, or the
            search ended at its limit.
        right: (rows, columns); NaN likewise.
        confidence: (rows, columns), the height of the peak, 0..1: 1 if the array is exactly pan's
            block means, displaced; 0 where too little is valid or the window shows nothing.
        beyond: bool (rows, columns): whether the search ended at its limit. The displacement may be
            any larger one.
    """

    down: NDArray[np.float64]
    right: NDArray[np.float64]
    confidence: NDArray[np.float64]
    beyond: NDArray[np.bool_]

    @property
    def found(self) -> NDArray[np.float64]:
        """The displacements (n, 2) of the windows in which one was found."""
        both = np.stack([self.down, self.right], 2)
        return both[np.isfinite(both).all(2)]

    @property
    def average(self) -> Way:
        """(down, right), medians over the windows in which one was found; NaN if there are none."""
        return average_and_spread(self.found)[0]

    @property
    def spread(self) -> Way:
        """(down, right), standard deviations of these, by the median absolute deviation."""
        return average_and_spread(self.found)[1]


@dataclass(frozen=True, eq=False)
class DisplacementMap:
    """The result of `displacement_map`. The middle of window (i, j) is at `rows[i]`, `columns[j]`.

    Attributes:
        arrays: displacement of each of the sensor's arrays, in their order; of all bands together,
            if the sensor has no arrays.
        rows: (rows,) middles of windows, mul pixels from the top edge of the image.
        columns: (columns,) middles of windows, mul pixels from the left edge of the image.
        window: side of a window, mul pixels.
        whole: (down, right) by the whole image, whole mul pixels, where all searches began; (0, 0)
            if it shows none of more than `FAR`. It may exceed `LIMIT`, and then every window is
            beyond it.
    """

    arrays: tuple[Displacement, ...]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    window: int
    whole: tuple[int, int]

    @property
    def between(self) -> Way:
        """(down, right) of the second array against the first, as `displace_arrays` takes it."""
        (first_down, first_right), (down, right) = (each.average for each in self.arrays[:2])
        return down - first_down, right - first_right


def displacement_map(
    pan: NDArray[Any],
    mul: NDArray[Any],
    sensor: Sensor,
    window: int = 32,
    valid: NDArray[np.bool_] | None = None,
) -> DisplacementMap:
    """Measure how far the band arrays of a pair lie from pan.

    Windows overlap by half. The map shows moving and tall things; the averages are of the ground.

    Args:
        pan: in any linear unit (rh, rw), where r is the ratio.
        mul: in any linear unit (n, h, w), the bands of the sensor; sides of at least `window`.
        sensor: its arrays are measured separately.
        window: side of a window, mul pixels, 24 or more; a larger one tolerates more noise.
        valid: bool (rh, rw) of pan's pixels; a mul pixel is valid where all above it are. None for
            all.

    Returns:
        The displacements of the arrays, up to `LIMIT` each way.

    Raises:
        ValueError: if the shapes don't fit each other or the window.
    """
    _check(pan, mul, window, valid)
    ratio = pan.shape[-1] // mul.shape[-1]
    goal, bands = block_mean(pan.astype(np.float64), ratio), mul.astype(np.float64)
    clean = np.ones(goal.shape, np.bool_)
    if valid is not None:
        clean = block_mean(valid.astype(np.float32), ratio) == 1
        goal, bands = np.where(clean, goal, 0), np.where(clean, bands, 0)
    whole = _whole_displacement(goal, bands, clean, sensor)
    tops, lefts = (np.arange(0, side - window + 1, window // 2) for side in goal.shape)
    limit = LIMIT / ratio + STEPS[0] / 2  # so that the limit itself is measured
    search = _Search(goal, clean, window, whole, limit, tops, lefts)
    arrays = tuple(search.measure(bands[array]) for array in sensor.array_places)
    return DisplacementMap(arrays, tops + window / 2, lefts + window / 2, window, whole)


def average_and_spread(displacements: NDArray[np.float64]) -> tuple[Way, Way]:
    """Medians of displacements (n, 2), and standard deviations by the median absolute deviation.

    Returns:
        (down, right) of each; NaN if n is 0.
    """
    if not len(displacements):
        return (math.nan, math.nan), (math.nan, math.nan)
    middle = np.median(displacements, 0)
    spread = MAD_TO_SIGMA * np.median(abs(displacements - middle), 0)
    return (float(middle[0]), float(middle[1])), (float(spread[0]), float(spread[1]))


def _whole_displacement(
    goal: NDArray[np.float64], bands: NDArray[np.float64], clean: NDArray[np.bool_], sensor: Sensor
) -> tuple[int, int]:
    """Whole pixels (down, right) from `goal` (h, w) to all bands, mixed as in pan.

    (0, 0) if they are `FAR` or less, or the correlation has no clear peak.
    """
    mixed = np.tensordot(sensor.pan_weights, bands, 1)
    weight = clean * np.hanning(goal.shape[0] + 2)[1:-1, None] * np.hanning(goal.shape[1] + 2)[1:-1]
    spectra = []
    for image in (goal, mixed):
        mean = (weight * image).sum() / max(TINY, weight.sum())
        spectra.append(np.fft.fft2(weight * (image - mean)))
    phase = _phase(*spectra)
    heights = np.fft.ifft2(phase).real * phase.size
    best = np.unravel_index(heights.argmax(), heights.shape)
    down, right = (int(n if n <= side // 2 else n - side) for n, side in zip(best, goal.shape, strict=True))
    sure = heights[best] >= LEAST_CONFIDENCE and max(abs(down), abs(right)) > FAR
    return (down, right) if sure else (0, 0)


def _phase(goal: NDArray[np.complex128], other: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The phases by which spectra (…, h, w) differ, weighted; the weights sum to 1."""
    cross = goal.conj() * other
    down, right = (np.exp(-0.5 * (np.fft.fftfreq(side) / CUTOFF) ** 2) for side in goal.shape[-2:])
    share = down[:, None] * right
    share[0, 0] = 0
    phase: NDArray[np.complex128] = cross / np.maximum(abs(cross), TINY) * (share / share.sum())
    return phase


@dataclass(frozen=True, eq=False)
class _Search:
    """The pan, the windows and the limits by which all arrays are measured.

    Attributes:
        goal: block means of pan (h, w); 0 where not clean.
        clean: which mul pixels are valid (h, w).
        window: side of a window.
        start: whole pixels (down, right) where the search begins.
        limit: largest displacement that counts as measured, mul pixels.
        tops, lefts: first rows and columns of windows.
    """

    goal: NDArray[np.float64]
    clean: NDArray[np.bool_]
    window: int
    start: tuple[int, int]
    limit: float
    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]

    def measure(self, bands: NDArray[np.float64]) -> Displacement:
        """The displacement of an array of bands (n, h, w)."""
        shape = len(self.tops), len(self.lefts)
        by, heights = np.full((*shape, 2), self.start, np.float64), np.zeros(shape)
        if max(map(abs, self.start)) > self.limit:
            nothing = np.full(shape, np.nan)
            return Displacement(nothing, nothing, heights, np.ones(shape, np.bool_))
        low, high = (np.clip(np.add(self.start, way), -self.limit, self.limit) for way in (-REACH, REACH))
        around = MARGIN + max(map(abs, self.start))
        wide = np.pad(bands, ((0, 0), (around, around), (around, around)), mode="edge")
        down, right = (around - MARGIN + way for way in self.start)
        taper = np.outer(*[np.hanning(self.window + 2)[1:-1]] * 2)
        weight = self._weight()
        # A row of windows at a time, so that a large image needs little more memory than its own.
        for i, top in enumerate(self.tops):
            aim, weights = (_cut(image[None], top, self.lefts, self.window) for image in (self.goal, weight))
            patches = _cut(wide, top + down, self.lefts + right, self.window + 2 * MARGIN)
            for _ in range(ROUNDS):
                step, height = _peaks(aim, _move_back(patches, by[i] - self.start), taper * weights)
                by[i] = np.clip(by[i] + step, low, high)
            heights[i] = height * ((weights * taper).sum((1, 2, 3)) >= LEAST_VALID * taper.sum())
        sure = heights >= LEAST_CONFIDENCE
        beyond = sure & ((by <= low) | (by >= high)).any(2)
        found = np.where((sure & ~beyond)[..., None], by, np.nan)
        return Displacement(found[..., 0], found[..., 1], heights, beyond)

    def _weight(self) -> NDArray[np.float64]:
        """Which pixels count (h, w): those away from invalid ones of pan and of the moved bands."""
        down, right = self.start
        height, width = self.clean.shape
        # Beyond the border there is nothing to see; `REACH` pixels of it do little harm.
        around = max(abs(down), abs(right))
        wide = np.pad(~dilate(~self.clean, MARGIN), around)
        moved = wide[around + down :, around + right :][:height, :width]
        both: NDArray[np.bool_] = moved & wide[around : around + height, around : around + width]
        return both.astype(np.float64)


def _cut(image: NDArray[np.float64], top: int, lefts: NDArray[np.int64], side: int) -> NDArray[np.float64]:
    """One row of windows of `image` (c, h, w): (n, c, side, side)."""
    return np.moveaxis(sliding_window_view(image[:, top : top + side], side, 2)[:, :, lefts], 2, 0)


def _move_back(patches: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Windows (n, c, w + 2·margin, …) moved by −`by` (n, 2), margins cut off; cubic convolution."""
    side = patches.shape[-1]
    # To move an image up, read it farther down.
    rows, columns = (_weights(side, way) for way in by.T)
    moved: NDArray[np.float64] = rows[:, None] @ patches @ columns[:, None].swapaxes(2, 3)
    return moved


def _weights(side: int, by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (n, w, side) of a line's pixels at those of its window, moved by `by` (n,)."""
    distances = np.arange(1 - side + 2 * MARGIN, side)  # of a pixel of the line from one of the window
    line = cubic(MARGIN + by[:, None] - distances)
    return sliding_window_view(line, side, 1)[:, ::-1]


def _peaks(
    goal: NDArray[np.float64], bands: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where `bands` (n, c, w, w), mixed to look like `goal` (n, 1, w, w), lie against it.

    Returns:
        (n, 2) pixels down and right, and the height (n,) of the peak, 0..1.
    """
    count, side = len(goal), goal.shape[-1]
    total = np.maximum(weight.sum((2, 3), keepdims=True), TINY)
    goal, bands = (image - (weight * image).sum((2, 3), keepdims=True) / total for image in (goal, bands))
    columns, weighted = (
        bands.reshape(count, -1, side * side),
        (weight * bands).reshape(count, -1, side * side),
    )
    aim = weighted @ goal.reshape(count, 1, side * side).swapaxes(1, 2)
    mix = np.linalg.pinv(weighted @ columns.swapaxes(1, 2), hermitian=True) @ aim
    mixed = (mix[..., None] * bands).sum(1)
    phase = _phase(*(np.fft.fft2(weight[:, 0] * image) for image in (goal[:, 0], mixed)))
    down = right = np.zeros((count, 1))
    reach, frequency = REACH, np.fft.fftfreq(side)
    for step in STEPS:
        steps = round(reach / step)
        offsets = np.arange(-steps, steps + 1) * step
        ys, xs = down + offsets, right + offsets
        waves = [np.exp(2j * math.pi * place[..., None] * frequency) for place in (ys, xs)]
        heights = (waves[0] @ phase @ waves[1].swapaxes(1, 2)).real.reshape(count, -1)
        best = heights.argmax(1)[:, None]
        down = np.take_along_axis(ys, best // len(offsets), 1)
        right = np.take_along_axis(xs, best % len(offsets), 1)
        reach = step
    return np.concatenate([down, right], 1), heights.max(1).clip(0, 1)


def _check(pan: NDArray[Any], mul: NDArray[Any], window: int, valid: NDArray[np.bool_] | None) -> None:
    check_pair_shapes(pan[None, None], mul[None])
    height, width = mul.shape[1:]
    if not LEAST_WINDOW <= window <= min(height, width):
        raise ValueError(
            f"expected a window of {LEAST_WINDOW} to {min(height, width)}, the shorter side of mul, "
            f"found {window}"
        )
    check_mask(valid, *pan.shape)
