"""Changes of scale: block means, cells, bicubic upsampling; filling and leaving out invalid pixels.

A *cell* is the ground of one mul pixel: r × r pan pixels, where r is the ratio of the pair. A pan
image (…, rh, rw) in cells is (…, r², h, w): its channels are the pan pixels of the cell, row by
row. Functions of images in cells take tensors.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from potato.core.arrays import ArrayT, constant_like, namespace

if TYPE_CHECKING:
    from torch import Tensor

BICUBIC_REACH = 2
"""Cells on every side of a cell on which its bicubic upsampling depends."""


def block_mean(image: ArrayT, factor: int) -> ArrayT:
    """Means of `factor` × `factor` pixels: (…, h·factor, w·factor) to (…, h, w).

    Raises:
        ValueError: if `factor` doesn't divide the sides.
    """
    height, width = image.shape[-2:]
    if height % factor or width % factor:
        raise ValueError(f"expected sides that {factor} divides, found {height} × {width}")
    if factor == 2 and namespace(image).isdtype(image.dtype, "real floating"):
        # Slices give the same bits as the mean, six times as fast.
        total: ArrayT = image[..., ::2, ::2] + image[..., ::2, 1::2]
        total += image[..., 1::2, ::2] + image[..., 1::2, 1::2]
        total /= 4
        return total
    blocks = image.reshape(*image.shape[:-2], height // factor, factor, width // factor, factor)
    means: ArrayT = blocks.mean((-3, -1))
    return means


def to_cells(image: "Tensor", ratio: int) -> "Tensor":
    """Rearrange an image (b, c, rh, rw) in cells (b, r²·c, h, w); r is the ratio."""
    from torch.nn import functional

    return functional.pixel_unshuffle(image, ratio)


def from_cells(cells: "Tensor", ratio: int) -> "Tensor":
    """Rearrange cells (b, r²·c, h, w) as an image (b, c, rh, rw): the inverse of `to_cells`."""
    from torch.nn import functional

    return functional.pixel_shuffle(cells, ratio)


def cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of a pixel at a distance in pixels, by cubic convolution; any shape.

    Source: R. Keys, "Cubic convolution interpolation for digital image processing", 1981, with
    a = −0.75, as torch and OpenCV have it.
    """
    a, x = -0.75, abs(distance)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def bicubic_phases(ratio: int) -> NDArray[np.float64]:
    """Weights (r, 5) of the 5 cells around each of the r pan pixels along a cell."""
    phase = (np.arange(ratio) + 0.5) / ratio - 0.5
    return cubic(np.arange(-BICUBIC_REACH, BICUBIC_REACH + 1) - phase[:, None])


def upsample(image: ArrayT, ratio: int) -> ArrayT:
    """Bicubic upsampling without padding.

    Args:
        image: (…, h + 4, w + 4), with a halo of `BICUBIC_REACH` pixels on every side.
        ratio: the factor r.

    Returns:
        (…, rh, rw): what `torch.nn.functional.interpolate(mode="bicubic")` by r gives inside an
        image.
    """
    phases = constant_like(bicubic_phases(ratio), image)
    for _ in range(2):  # columns, then rows
        size = image.shape[-1] - 2 * BICUBIC_REACH
        taps = range(2 * BICUBIC_REACH + 1)
        fine: Any = sum(image[..., tap : tap + size, None] * phases[:, tap] for tap in taps)
        image = fine.reshape(*image.shape[:-1], size * ratio).swapaxes(-1, -2)
    return image


def upsample_cells(image: "Tensor", ratio: int) -> "Tensor":
    """Bicubic upsampling, as `upsample` does it; the result is in cells.

    Args:
        image: (b, c, h + 4, w + 4), with a halo of `BICUBIC_REACH` cells on every side.
        ratio: the factor r.

    Returns:
        (b, r²·c, h, w), in cells.
    """
    import torch
    from torch.nn import functional

    channels, phases = image.shape[1], bicubic_phases(ratio)
    weights = np.einsum("py,qx->pqyx", phases, phases).reshape(ratio * ratio, 1, 5, 5)
    kernel = constant_like(weights, image)
    # Grouped and with channels last, up to ten times faster: torch copies the image otherwise.
    image = image.contiguous(memory_format=torch.channels_last)
    return functional.conv2d(image, kernel.repeat(channels, 1, 1, 1), groups=channels)


def fill_invalid(image: ArrayT, valid: ArrayT, reach: int) -> ArrayT:
    """Fill invalid pixels from valid ones up to `reach` pixels away.

    In each of `reach` rounds every unfilled pixel that touches a filled one becomes the mean of the
    filled pixels among its 8 neighbours. So a pixel depends on nothing further than `reach` away,
    and blocks with a halo of `reach` give the result of the whole image.

    Args:
        image: (b, c, h, w); the values of its invalid pixels are ignored.
        valid: bool (b, 1, h, w).
        reach: the largest distance in pixels.

    Returns:
        A new (b, c, h, w): valid pixels are unchanged, pixels out of reach are 0.
    """
    xp = namespace(image)
    filled: ArrayT = _framed(xp.where(valid, image, xp.zeros_like(image)), 1)
    known, channels_last = _framed(valid, 1), xp.moveaxis(filled, 1, -1)
    steps = xp.arange(-1, 2, device=image.device)
    for _ in range(reach):
        around = known[..., :-2] | known[..., 1:-1] | known[..., 2:]
        around = around[..., :-2, :] | around[..., 1:-1, :] | around[..., 2:, :]
        # A round fills a few hundred pixels; passes over whole images took as long as the network.
        item, row, column = xp.nonzero((around & ~known[..., 1:-1, 1:-1])[:, 0])
        if not len(item):
            break
        row, column = row + 1, column + 1
        near = item[:, None, None], row[:, None, None] + steps[:, None], column[:, None, None] + steps
        total = channels_last[near].sum((1, 2))
        channels_last[item, row, column] = total / known[:, 0][near].sum((1, 2))[:, None]
        known[item, 0, row, column] = True
    return filled[..., 1:-1, 1:-1]


def _framed(image: ArrayT, frame: int) -> ArrayT:
    """A copy of an image (…, h, w) inside a frame of zeros of that many pixels."""
    *before, height, width = image.shape
    shape = *before, height + 2 * frame, width + 2 * frame
    framed: ArrayT = namespace(image).zeros(shape, dtype=image.dtype, device=image.device)
    framed[..., frame : frame + height, frame : frame + width] = image
    return framed


def enlarge_mask(valid: ArrayT, ratio: int) -> ArrayT:
    """Bring a mask from mul's grid to pan's, by repetition.

    Args:
        valid: (…, h, w) of any type.
        ratio: pan pixels along a mul pixel, r.

    Returns:
        (…, rh, rw), of the kind and type of `valid`.
    """
    xp = namespace(valid)
    large: ArrayT = xp.repeat(xp.repeat(valid, ratio, axis=-2), ratio, axis=-1)
    return large


def dilate(mask: ArrayT, reach: int) -> ArrayT:
    """All pixels within `reach` of a true one, in a square: bool (…, h, w)."""
    grown: Any = _framed(mask, reach)
    for _ in range(2):  # rows, then columns
        # The window doubles in each turn.
        side, full = 1, 2 * reach + 1
        while side < full:
            step = min(side, full - side)
            grown = grown[..., :-step, :] | grown[..., step:, :]
            side += step
        grown = grown.swapaxes(-1, -2)
    found: ArrayT = grown
    return found


def inner(valid: ArrayT, border: int, gap: int | None = None) -> ArrayT:
    """The pixels that lie well inside the valid area.

    Args:
        valid: bool (h, w).
        border: pixels along the image's edges that are left out.
        gap: pixels around invalid ones, in a square, that are left out; None for `border`.

    Returns:
        bool (h, w).
    """
    good = ~dilate(~valid, border if gap is None else gap)
    height, width = good.shape
    rows, columns = (slice(border, max(border, side - border)) for side in (height, width))
    inside: ArrayT = namespace(good).zeros_like(good)
    inside[rows, columns] = good[rows, columns]
    return inside
