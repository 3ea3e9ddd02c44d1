"""Moving an image by fractions of its pixels, and stretching it.

The kernel is a sinc under a Hann window of `REACH` pixels each way. Waves of 3.3 pixels and more
keep their contrast within 1 %, and land within 0.003 pixels of where they belong; those of 2.5
pixels keep nine tenths. (Lanczos's window of equal size moves gradients by 0.01 pixels.) Where
positions are farther apart than pixels, it is as much wider, so that no wave is seen as another.

Source: E. H. W. Meijering and others, "Quantitative evaluation of convolution-based methods for
medical image interpolation", Medical Image Analysis 5 (2001), which compares windows.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from potato.core.resample import fill_invalid

REACH = 6
"""Pixels on every side of a position that its value depends on, if all are valid and positions are
1 apart."""

MARGIN = 2 * REACH
"""Pixels on every side of a position that its value may depend on: invalid ones are filled."""

ALIKE = 0.01
"""Difference from 1 at which a distance of positions still counts as 1: their places drift by less
than 1 pixel within a block."""

SIDE = 32
"""Side of the squares that are made by two products of matrices: the fastest of 16, 32 and 64."""


def kernel(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of a pixel at a distance in pixels; any shape.

    Example:
        >>> kernel(np.array([0.0, 0.5, 1.5])).round(4).tolist()
        [1.0, 0.6258, -0.1811]
    """
    near = np.clip(distance, -REACH, REACH)
    weights: NDArray[np.float64] = np.sinc(near) * np.cos(np.pi / 2 / REACH * near) ** 2
    return weights


def sample_at(
    image: NDArray[np.float32],
    valid: NDArray[np.bool_],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    steps: tuple[float, float] = (1.0, 1.0),
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Sample an image at the crossings of rows and columns that lie between its own.

    A value is valid where the pixel nearest to it is. Invalid pixels are filled from valid ones
    first, so that nothing of them is seen, and holes don't ring.

    Args:
        image: (n, h, w), in any linear unit.
        valid: bool (h, w).
        rows: positions, in rows of the image from the middle of its first, in rising order. Those
            `margin_of` their step inside the image don't depend on where it ends.
        columns: likewise.
        steps: how far apart rows and columns are.

    Returns:
        (n, rows, columns), and which of its pixels are valid, bool (rows, columns). At sharp edges
        values overshoot by up to 0.13 of the step.

    Raises:
        ValueError: if there are no positions, or one has fewer than `REACH` pixels on a side.
    """
    for positions, step, side in zip((rows, columns), steps, image.shape[1:], strict=True):
        reach = _reach(step)
        if not len(positions) or positions[0] < reach - 1 or positions[-1] > side - reach:
            raise ValueError(f"expected positions {reach} pixels inside {side}, found {positions}")
    if not valid.all():
        image = fill_invalid(image[None], valid[None, None], REACH)[0]
    return _resample(image, rows, columns, steps), valid[np.ix_(nearest(rows), nearest(columns))]


def margin_of(step: float) -> int:
    """Pixels on every side of positions on which their values may depend; they are `step` apart."""
    return MARGIN - REACH + _reach(step)


def nearest(positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """The pixel nearest to each position, the later one of two that are as near."""
    # A little more than a half: rounded positions in the middle lie on one side in all blocks.
    pixels: NDArray[np.int64] = np.floor(positions + (0.5 + 1e-6)).astype(np.int64)
    return pixels


def _reach(step: float) -> int:
    """Pixels on every side of a position that its value depends on, if all are valid."""
    return math.ceil(REACH * _width(step))


def _width(step: float) -> float:
    """How much wider than for positions 1 apart the kernel is."""
    return step if step > 1 + ALIKE else 1.0


def _stride(step: float) -> int:
    """Pixels from the part of the image below a square of the result to that of the next square."""
    return SIDE if abs(step - 1) <= ALIKE else math.floor(SIDE * step)


def _resample(
    image: NDArray[np.float32],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    steps: tuple[float, float],
) -> NDArray[np.float32]:
    """Squares of the result are weights of rows @ a part of the image @ weights of columns."""
    (top, down), (left, right) = map(_weights, (rows, columns), steps)
    (tall, _, high), (wide, _, broad) = down.shape, right.shape
    strides = tuple(map(_stride, steps))
    image = image[:, top:, left:]
    sides = zip(strides, (tall, wide), (high, broad), image.shape[1:], strict=True)
    missing = (stride * (count - 1) + size - side for stride, count, size, side in sides)
    image = np.pad(image, ((0, 0), *((0, max(0, more)) for more in missing)))
    bands, row, column = image.strides
    across = right.swapaxes(1, 2)
    parts = as_strided(
        image,
        (len(image), tall, wide, high, broad),
        (bands, strides[0] * row, strides[1] * column, row, column),
        writeable=False,
    )
    whole = np.empty((len(image), tall, SIDE, wide, SIDE), np.float32)
    for row, weights in enumerate(down):  # its parts stay in a processor's cache
        whole[:, row] = (weights @ parts[:, row] @ across).swapaxes(1, 2)
    return whole.reshape(len(image), tall * SIDE, wide * SIDE)[:, : len(rows), : len(columns)]


def _weights(positions: NDArray[np.float64], step: float) -> tuple[int, NDArray[np.float32]]:
    """The weights of pixels at positions that are `step` apart.

    Returns:
        The first pixel, and weights float32 (squares, SIDE, taps): square k has the weights of
        `taps` pixels from the first + k · `_stride(step)`.
    """
    count, reach = -(-len(positions) // SIDE), _reach(step)
    first = np.floor(positions).astype(int) + 1 - reach
    taps = np.arange(2 * reach)
    own = kernel((positions[:, None] - first[:, None] - taps) / _width(step))
    place = first - _stride(step) * (np.arange(len(positions)) // SIDE)
    start = int(place.min())
    weights = np.zeros((count * SIDE, int(place.max()) - start + len(taps)))
    np.put_along_axis(
        weights[: len(own)], (place - start)[:, None] + taps, own / own.sum(1, keepdims=True), 1
    )
    return start, weights.reshape(count, SIDE, -1).astype(np.float32)
