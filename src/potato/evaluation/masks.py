"""Pairs with holes, and filling them for a sharpener."""

from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.resample import dilate, enlarge_mask, from_cells, to_cells
from potato.core.types import check_pair_shapes
from potato.model.network import fill_pair

_REACH = 16
"""Cells around valid ones that are filled as `fuse` fills them; no network reads farther."""


@dataclass(frozen=True)
class CompletePair:
    """A batch of pairs without holes, and which pixels were valid in all of them.

    Attributes:
        pan: reflectance (b, 1, rh, rw).
        mul: reflectance (b, n, h, w).
        pan_valid: bool (rh, rw).
        whole: bool (h, w), cells in which mul and all pan pixels were valid.
    """

    pan: Tensor
    mul: Tensor
    pan_valid: Tensor
    whole: Tensor

    @property
    def ratio(self) -> int:
        """Pan pixels along a side of a cell."""
        return self.pan.shape[-1] // self.mul.shape[-1]

    @classmethod
    def of_valid(cls, pan: Tensor, mul: Tensor) -> Self:
        """A pair without an invalid pixel.

        Raises:
            ValueError: if the shapes don't fit each other.
        """
        check_pair_shapes(pan, mul)
        valid = (torch.ones(image.shape[-2:], dtype=torch.bool, device=image.device) for image in (pan, mul))
        return cls(pan, mul, *valid)

    @classmethod
    def of_window(cls, pan: Tensor, mul: Tensor, pan_valid: Tensor, mul_valid: Tensor) -> Self:
        """One pair, its holes filled.

        Methods that fit statistics of a whole image must see the same ground in both images, so a
        pixel counts as valid only where the other image has something valid too.

        Args:
            pan: reflectance (1, rh, rw).
            mul: reflectance (n, h, w).
            pan_valid: bool (rh, rw).
            mul_valid: bool (h, w).
        """
        ratio = pan.shape[-1] // mul.shape[-1]
        seen = (to_cells(pan_valid[None, None].float(), ratio) > 0)[0]
        whole = mul_valid & seen.all(0)
        pan_valid, mul_valid = pan_valid & enlarge_mask(mul_valid, ratio), mul_valid & seen.any(0)
        filled = complete_pair(pan[None], mul[None], pan_valid[None, None], mul_valid[None, None])
        return cls(*filled, pan_valid, whole)


def complete_pair(pan: Tensor, mul: Tensor, pan_valid: Tensor, mul_valid: Tensor) -> tuple[Tensor, Tensor]:
    """Fill a pair's holes: near valid pixels as `fuse` does, farther away smoothly.

    Classical sharpeners fit their coefficients to whole images, which black holes and edges of
    holes would spoil.

    Args:
        pan: reflectance (b, 1, rh, rw).
        mul: reflectance (b, n, h, w).
        pan_valid: bool (b, 1, rh, rw).
        mul_valid: bool (b, 1, h, w).

    Returns:
        pan and mul; the tensors that were given if all is valid.
    """
    if bool(pan_valid.all()) and bool(mul_valid.all()):
        return pan, mul
    ratio = pan.shape[-1] // mul.shape[-1]
    cells, known = to_cells(pan, ratio), to_cells(pan_valid.to(pan.dtype), ratio) > 0
    cells, near_mul = fill_pair(cells, mul, known, mul_valid, _REACH)
    near = [dilate(valid, _REACH) for valid in (known.any(1, keepdim=True), mul_valid)]
    return from_cells(pull_push(cells, near[0]), ratio), pull_push(near_mul, near[1])


def pull_push(image: Tensor, valid: Tensor) -> Tensor:
    """Fill holes of any size with ever coarser means of their surroundings.

    Source: S. Gortler and others, "The Lumigraph" (1996), section 3.4, without its weights.

    Args:
        image: (b, c, h, w); its invalid pixels are never read.
        valid: bool (b, 1, h, w).

    Returns:
        (b, c, h, w), valid pixels unchanged; 0 where an image has no valid pixel at all.
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
