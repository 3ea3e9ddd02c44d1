"""Changes of scale on tensors: block means, cells, bicubic upsampling, and filling what is invalid.

A *cell* is the ground of one mul pixel. A pan image (…, 4h, 4w) in cells is (…, 16, h, w): its
channels are the 16 pan pixels of the cell, row by row.
"""

from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from potato.core.sensors import RATIO

MaskT = TypeVar("MaskT", NDArray[Any], Tensor)

BICUBIC_REACH = 2
"""Cells on each side that bicubic upsampling by 4 looks at."""


def block_mean(image: Tensor, factor: int = RATIO) -> Tensor:
    """Means over `factor` × `factor` blocks: (…, h·factor, w·factor) to (…, h, w)."""
    height, width = image.shape[-2:]
    if height % factor or width % factor:
        raise ValueError(f"expected sides that {factor} divides, found {height} × {width}")
    blocks = image.reshape(*image.shape[:-2], height // factor, factor, width // factor, factor)
    return blocks.mean((-3, -1))


def to_cells(image: Tensor) -> Tensor:
    """Full-scale (b, c, 4h, 4w) to cells (b, 16·c, h, w)."""
    return F.pixel_unshuffle(image, RATIO)


def from_cells(cells: Tensor) -> Tensor:
    """Cells (b, 16·c, h, w) to full scale (b, c, 4h, 4w)."""
    return F.pixel_shuffle(cells, RATIO)


def _bicubic_phases() -> Tensor:
    """Weights (4, 5) that give the 4 fine pixels of a cell from the 5 cells around it.

    Cubic convolution (R. Keys, 1981) with a = −0.75, the choice of torch and OpenCV.
    """
    a = -0.75
    phase = (torch.arange(RATIO, dtype=torch.float64) + 0.5) / RATIO - 0.5
    reach = torch.arange(-BICUBIC_REACH, BICUBIC_REACH + 1, dtype=torch.float64)
    x = (reach[None, :] - phase[:, None]).abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


def upsample_cells(image: Tensor) -> Tensor:
    """Bicubic upsampling by 4 that needs its margin and leaves the result in cells.

    Args:
        image: (b, c, h + 4, w + 4), with `BICUBIC_REACH` cells of margin on every side.

    Returns:
        (b, 16·c, h, w): the interpolated image in cells. Inside a larger image it equals
        `torch.nn.functional.interpolate(mode="bicubic")` by 4.
    """
    channels = image.shape[1]
    phases = _bicubic_phases()
    kernel = torch.einsum("py,qx->pqyx", phases, phases).reshape(RATIO * RATIO, 1, 5, 5).to(image)
    # In groups and with channels last: else it is copied to and fro, up to ten times slower.
    image = image.contiguous(memory_format=torch.channels_last)
    return F.conv2d(image, kernel.repeat(channels, 1, 1, 1), groups=channels)


def fill_invalid(image: Tensor, valid: Tensor, reach: int) -> Tensor:
    """Carry valid pixels outwards into invalid ones, `reach` pixels far.

    Each of `reach` rounds gives every invalid pixel that touches a filled one the mean of the filled
    pixels among its 8 neighbours. What a pixel becomes depends on nothing further than `reach` away,
    so the result is the same in whatever blocks it is computed.

    Args:
        image: (b, c, h, w); what stands in its invalid pixels is never read.
        valid: bool (b, 1, h, w).
        reach: how far to carry, in pixels.

    Returns:
        A new (b, c, h, w): valid pixels as they were, pixels out of reach 0.
    """
    filled = F.pad(torch.where(valid, image, torch.zeros_like(image)), [1, 1, 1, 1])
    known = F.pad(valid, [1, 1, 1, 1])
    steps = torch.arange(-1, 2, device=image.device)
    for _ in range(reach):
        around = known[..., :-2] | known[..., 1:-1] | known[..., 2:]
        around = around[..., :-2, :] | around[..., 1:-1, :] | around[..., 2:, :]
        # The rim is a few hundred pixels; passes over all of them took as long as the network.
        item, row, column = (around & ~known[..., 1:-1, 1:-1])[:, 0].nonzero(as_tuple=True)
        if not len(item):
            break
        row, column = row + 1, column + 1
        near = item[:, None, None], row[:, None, None] + steps[:, None], column[:, None, None] + steps
        total = filled.movedim(1, -1)[near].sum((1, 2))
        filled.movedim(1, -1)[item, row, column] = total / known[:, 0][near].sum((1, 2))[:, None]
        known[item, 0, row, column] = True
    return filled[..., 1:-1, 1:-1]


def enlarge_mask(valid: MaskT) -> MaskT:
    """A mask of mul, on pan's grid: (…, h, w) to (…, 4h, 4w), array or tensor."""
    if isinstance(valid, Tensor):
        return valid.repeat_interleave(RATIO, -2).repeat_interleave(RATIO, -1)
    return valid.repeat(RATIO, -2).repeat(RATIO, -1)
