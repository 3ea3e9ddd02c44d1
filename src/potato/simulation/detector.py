"""How an imager's own pixels see a ground, and how they are resampled onto the grid of the image.

An imager looks at an angle, so its pixels are larger than those of the grid, and lie anywhere
against it. They average, their MTF is boosted, and cubic convolution resamples them. Compared with
box means, some fine detail comes out stronger, and the finest is replaced by aliasing.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.simulation.artefacts import boost_mtf, read_at

NEGLIGIBLE = 1e-4
"""Weights of a point spread below this share of the largest are dropped."""

MARGIN = 3
"""The imager's pixels beyond the grid on every side: cubic convolution reads two."""

Displacement = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From (rows, columns) in pixels of the grid to the displacement there, (down, right)."""


def _weights(width: float, blur: float, even: bool) -> list[float]:
    """Weights of fine pixels around a point: a square of `width` fine pixels, smoothed by `blur`.

    The point is the middle of a fine pixel or, if `even`, the corner where fine pixels meet.
    """
    reach = int(width / 2 + 3.5 * blur + 1)  # a Gaussian ends at 3.5 standard deviations
    away = torch.arange(-reach, reach + 1 - even, dtype=torch.float64) + 0.5 * even
    if blur:
        scale = blur * 2**0.5
        weight = torch.erf((away + width / 2) / scale) - torch.erf((away - width / 2) / scale)
    else:
        weight = (width / 2 + 0.5 - away.abs()).clamp(0, 1)
    weight = weight[weight > NEGLIGIBLE * weight.max()]
    return (weight / weight.sum()).tolist()


def apply_point_spread(planes: Tensor, width: float, blur: float, even: bool = False) -> Tensor:
    """Blur a ground by a point spread at every fine pixel, with replicated borders.

    Args:
        planes: (n, h, w).
        width: side of the square that a pixel averages, in fine pixels.
        blur: standard deviation of a Gaussian in addition, in fine pixels.
        even: whether the squares lie around corners of fine pixels, not around their middles.

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


def sample(
    seen: Tensor,
    factor: int,
    size: tuple[int, int],
    displacement: Displacement | None,
    mtf_boost: tuple[float, float],
    pitch: float,
    phase: tuple[float, float],
) -> Tensor:
    """Sample bands at the imager's own pixels, boost their MTF, and resample them onto the grid.

    Args:
        seen: a ground blurred by the point spread of pixels of `pitch` (n, h · factor, w · factor),
            with one more row and column where `factor` is even: `apply_point_spread` with `even`.
        factor: fine pixels along a pixel of the grid.
        size: h and w.
        displacement: of the pixels' gaze; None for no displacement.
        mtf_boost: `amount` and `fine` of `artefacts.boost_mtf`.
        pitch: side of the imager's pixels in pixels of the grid; 1 if they are the grid's.
        phase: their position against the grid, (down, right), 0..1; ignored at `pitch` 1.

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
    # Pixels that are displaced downwards are read from above; corners start half a pixel earlier.
    corner = 0.5 * (factor % 2 == 0)
    native = read_at(seen, (rows - down) * factor + corner, (columns - right) * factor + corner, "bilinear")
    native = boost_mtf(native, *mtf_boost)
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
