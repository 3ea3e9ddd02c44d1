"""How an instrument's own pixels see a ground, and how they come onto the grid of the image.

An imager looks at an angle, so its pixels are larger than those of the grid, and lie anywhere against it.
They take means, are sharpened, and are then resampled by cubic convolution. What that leaves of fine detail
isn't what box means leave: some of it comes out stronger, the finest is lost, and in its place stands what
was aliased.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.simulation.artefacts import over_sharpen

MARGIN = 3
"""The instrument's pixels beyond the grid on every side: cubic convolution looks at two."""

Displacement = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From places (rows, columns, pixels of the grid) to how far what is there is displaced, down and right."""


def _weights(width: float, blur: float, even: bool) -> list[float]:
    """Weights of fine pixels around a point: a square of `width` fine pixels, smoothed by `blur`.

    The point is the middle of a fine pixel, or where fine pixels meet if `even`.
    """
    reach = int(width / 2 + 3.5 * blur + 1)
    away = torch.arange(-reach, reach + 1 - even, dtype=torch.float64) + 0.5 * even
    if blur:
        scale = blur * 2**0.5
        weight = torch.erf((away + width / 2) / scale) - torch.erf((away - width / 2) / scale)
    else:
        weight = (width / 2 + 0.5 - away.abs()).clamp(0, 1)
    weight = weight[weight > 1e-4 * weight.max()]
    return (weight / weight.sum()).tolist()


def spread(planes: Tensor, width: float, blur: float, even: bool = False) -> Tensor:
    """See a ground through a point spread, at every fine pixel; borders are drawn out.

    Args:
        planes: (n, h, w).
        width: side of the square that a pixel takes the mean of, in fine pixels.
        blur: standard deviation of a Gaussian besides, in fine pixels.
        even: whether the squares lie around the places where fine pixels meet, not around their middles.

    Returns:
        (n, h, w); with `even`, (n, h + 1, w + 1).
    """
    weights = _weights(width, blur, even)
    if len(weights) == 1:
        return planes
    reach = len(weights) // 2
    planes = F.pad(planes[None], (reach, reach, reach, reach), mode="replicate")[0]
    for axis in (1, 2):
        size = planes.shape[axis] - len(weights) + 1
        total = planes.narrow(axis, 0, size) * weights[0]
        for offset, weight in enumerate(weights[1:], 1):
            total.add_(planes.narrow(axis, offset, size), alpha=weight)
        planes = total
    return planes


def read_at(image: Tensor, rows: Tensor, columns: Tensor, mode: str) -> Tensor:
    """Interpolate; borders are drawn out.

    Args:
        image: (n, h, w).
        rows: (h', w'), in pixels from the image's upper edge: 0.5 is the middle of the first row.
        columns: (h', w'), the same from its left edge.
        mode: "nearest", "bilinear" or "bicubic".

    Returns:
        (n, h', w').
    """
    # grid_sample counts from −1 to 1.
    grid = torch.stack([columns * (2 / image.shape[2]) - 1, rows * (2 / image.shape[1]) - 1], -1)
    return F.grid_sample(image[None], grid[None], mode=mode, padding_mode="border", align_corners=False)[0]


def expose(
    seen: Tensor,
    factor: int,
    size: tuple[int, int],
    displacement: Displacement | None,
    sharpening: tuple[float, float],
    pitch: float,
    phase: tuple[float, float],
) -> Tensor:
    """Bands as an image delivers them: read where the instrument's pixels lie, sharpened there, resampled.

    Args:
        seen: a ground through the point spread of pixels of `pitch` (n, h · factor, w · factor), one more
            of each where `factor` is even: `spread` with `even`.
        factor: fine pixels along a pixel of the grid.
        size: h and w.
        displacement: where they look instead; None for nowhere else.
        sharpening: `amount` and `fine` of `optics.over_sharpen`.
        pitch: side of the instrument's pixels in pixels of the grid; 1 means that they are the grid's.
        phase: where they lie against the grid then, (down, right), 0..1.

    Returns:
        (n, h, w).
    """
    own = pitch != 1
    phase = phase if own else (0.5, 0.5)
    margin = MARGIN if own else 0
    rows, columns = _crossed(
        *(
            (torch.arange(int(count / pitch) + 2 * margin) - margin + offset) * pitch
            for count, offset in zip(size, phase, strict=True)
        )
    )
    down, right = displacement(rows, columns) if displacement else (torch.zeros(()), torch.zeros(()))
    # What is displaced downwards is read from above. Where pixels meet, counting begins half of one earlier.
    corner = 0.5 * (factor % 2 == 0)
    native = read_at(seen, (rows - down) * factor + corner, (columns - right) * factor + corner, "bilinear")
    native = over_sharpen(native, *sharpening)
    if not own:
        return native
    places = (
        (torch.arange(count) + 0.5) / pitch + margin - offset + 0.5
        for count, offset in zip(size, phase, strict=True)
    )
    return read_at(native, *_crossed(*places), "bicubic")


def _crossed(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Every row with every column, (h, w) each."""
    down, right = torch.meshgrid(rows, columns, indexing="ij")
    return down, right
