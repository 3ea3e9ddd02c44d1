"""Images with holes: filling them before sharpeners see them, and keeping away from them."""

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.resample import from_cells, to_cells
from potato.model.network import fill_pair

_REACH = 16
"""Cells that are filled as `fuse` fills them: further than any network of ours needs them."""


def complete_pair(pan: Tensor, mul: Tensor, pan_valid: Tensor, mul_valid: Tensor) -> tuple[Tensor, Tensor]:
    """A pair without holes: near valid pixels filled as `fuse` does, further away smoothly.

    Classical sharpeners fit their coefficients to whole images, so holes must neither be black nor have
    edges.

    Args:
        pan: reflectance (b, 1, 4h, 4w).
        mul: reflectance (b, 8, h, w).
        pan_valid: bool (b, 1, 4h, 4w).
        mul_valid: bool (b, 1, h, w).

    Returns:
        pan and mul; the same tensors if all is valid.
    """
    if bool(pan_valid.all()) and bool(mul_valid.all()):
        return pan, mul
    cells, known = to_cells(pan), to_cells(pan_valid.to(pan.dtype)) > 0
    cells, near_mul = fill_pair(cells, mul, known, mul_valid, _REACH)
    reached = [_grown(valid, _REACH) for valid in (known.any(1, keepdim=True), mul_valid)]
    return from_cells(pull_push(cells, reached[0])), pull_push(near_mul, reached[1])


def pull_push(image: Tensor, valid: Tensor) -> Tensor:
    """Fill every hole, however large, with ever coarser means of what lies around it.

    S. Gortler and others, "The Lumigraph" (1996), section 3.4, without its weights.

    Args:
        image: (b, c, h, w); what stands in invalid pixels is never read.
        valid: bool (b, 1, h, w).

    Returns:
        (b, c, h, w), valid pixels as they were; 0 where an image has no valid pixel at all.
    """
    if bool(valid.all()):
        return image
    known = torch.where(valid, image, torch.zeros_like(image))
    height, width = image.shape[-2:]
    if max(height, width) == 1:
        return known
    pads = (0, width % 2, 0, height % 2)
    weight = F.avg_pool2d(F.pad(valid.to(image.dtype), pads), 2)
    coarse = F.avg_pool2d(F.pad(known, pads), 2) / weight.clamp_min(1e-6)
    coarse = pull_push(coarse, weight > 0)
    size = (height + height % 2, width + width % 2)
    fine = F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
    return torch.where(valid, known, fine[..., :height, :width])


def inner(valid: Tensor, border: int, gap: int | None = None) -> Tensor:
    """Which pixels lie well inside what is valid.

    Args:
        valid: bool (h, w).
        border: pixels along the image's edges that are left out.
        gap: how far to keep away from invalid pixels, in a square; None for as much.

    Returns:
        bool (h, w).
    """
    good = ~_grown(~valid[None, None], border if gap is None else gap)[0, 0]
    height, width = good.shape
    frame = torch.zeros_like(good)
    frame[border : max(border, height - border), border : max(border, width - border)] = True
    return good & frame


def _grown(valid: Tensor, reach: int) -> Tensor:
    """Everything within `reach` pixels of a valid one, in a square: bool (b, 1, h, w)."""
    if bool(valid.all()) or not bool(valid.any()):
        return valid
    side = 2 * reach + 1
    # Rows and columns apart: a square is the one grown by the other.
    tall = F.max_pool2d(valid.float(), (side, 1), stride=1, padding=(reach, 0))
    return F.max_pool2d(tall, (1, side), stride=1, padding=(0, reach)) > 0
