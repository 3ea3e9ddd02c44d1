"""Changes of scale: block means, cells, bicubic upsampling; and filling invalid pixels.

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
"""Cells on every side of a cell on which its bicubic upsampling by 4 depends."""


def block_mean(image: Tensor, factor: int = RATIO) -> Tensor:
    """Means of `factor` × `factor` pixels: (…, h·factor, w·factor) to (…, h, w).

    Raises:
        ValueError: if `factor` doesn't divide the sides.
    """
    height, width = image.shape[-2:]
    if height % factor or width % factor:
        raise ValueError(f"expected sides that {factor} divides, found {height} × {width}")
    blocks = image.reshape(*image.shape[:-2], height // factor, factor, width // factor, factor)
    return blocks.mean((-3, -1))


def to_cells(image: Tensor) -> Tensor:
    """Rearrange an image (b, c, 4h, 4w) in cells (b, 16·c, h, w)."""
    return F.pixel_unshuffle(image, RATIO)


def from_cells(cells: Tensor) -> Tensor:
    """Rearrange cells (b, 16·c, h, w) as an image (b, c, 4h, 4w): the inverse of `to_cells`."""
    return F.pixel_shuffle(cells, RATIO)


def _bicubic_phases() -> Tensor:
    """Weights (4, 5) of the 5 cells around each of the 4 pan pixels along a cell.

    Source: R. Keys, "Cubic convolution interpolation for digital image processing", 1981, with
    a = −0.75, as torch and OpenCV have it.
    """
    a = -0.75
    phase = (torch.arange(RATIO, dtype=torch.float64) + 0.5) / RATIO - 0.5
    reach = torch.arange(-BICUBIC_REACH, BICUBIC_REACH + 1, dtype=torch.float64)
    x = (reach[None, :] - phase[:, None]).abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


def upsample_cells(image: Tensor) -> Tensor:
    """Bicubic upsampling by 4 without padding; the result is in cells.

    Args:
        image: (b, c, h + 4, w + 4), with a halo of `BICUBIC_REACH` cells on every side.

    Returns:
        (b, 16·c, h, w), in cells: what `torch.nn.functional.interpolate(mode="bicubic")` by 4 gives
        inside an image.
    """
    channels = image.shape[1]
    phases = _bicubic_phases()
    kernel = torch.einsum("py,qx->pqyx", phases, phases).reshape(RATIO * RATIO, 1, 5, 5).to(image)
    # Grouped and with channels last, up to ten times faster: torch copies the image otherwise.
    image = image.contiguous(memory_format=torch.channels_last)
    return F.conv2d(image, kernel.repeat(channels, 1, 1, 1), groups=channels)


def fill_invalid(image: Tensor, valid: Tensor, reach: int) -> Tensor:
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
    filled = F.pad(torch.where(valid, image, torch.zeros_like(image)), [1, 1, 1, 1])
    known = F.pad(valid, [1, 1, 1, 1])
    steps = torch.arange(-1, 2, device=image.device)
    for _ in range(reach):
        around = known[..., :-2] | known[..., 1:-1] | known[..., 2:]
        around = around[..., :-2, :] | around[..., 1:-1, :] | around[..., 2:, :]
        # A round fills a few hundred pixels; passes over whole images took as long as the network.
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
    """Bring a mask from mul's grid to pan's, by repetition.

    Args:
        valid: an array or tensor (…, h, w) of any type.

    Returns:
        (…, 4h, 4w), of the kind and type of `valid`.
    """
    if isinstance(valid, Tensor):
        return valid.repeat_interleave(RATIO, -2).repeat_interleave(RATIO, -1)
    return valid.repeat(RATIO, -2).repeat(RATIO, -1)
