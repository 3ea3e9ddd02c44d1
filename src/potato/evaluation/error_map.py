"""Maps of ΔE, small enough to draw, of pairs of any size."""

import math
from typing import Generic

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.windows import Rectangle

LONGEST = 1200
"""Pixels along the longer side of the largest map."""


class ErrorMap(Generic[Rectangle]):
    """A small map of ΔE that is filled window by window.

    Args:
        region: the rectangle of cells or pixels that the map shows.

    Attributes:
        canvas: ΔE in JND (h, w), NaN where nothing was evaluated.
    """

    def __init__(self, region: Rectangle) -> None:
        self.region = region
        self.shrink = max(1.0, max(region.height, region.width) / LONGEST)
        height, width = self._place(region.bottom, region.right)
        self.canvas = torch.full((max(1, height), max(1, width)), math.nan)

    def _place(self, row: int, column: int) -> tuple[int, int]:
        corner = self.region
        return round((row - corner.row) / self.shrink), round((column - corner.column) / self.shrink)

    def put(self, window: Rectangle, distance: Tensor) -> None:
        """Draw a window: ΔE (h, w) on any grid, NaN where a pixel wasn't evaluated."""
        top, left = self._place(window.row, window.column)
        bottom, right = self._place(window.bottom, window.right)
        if top < bottom and left < right:
            known = ~distance.isnan()
            size = (bottom - top, right - left)
            both = torch.stack([torch.where(known, distance, torch.zeros_like(distance)), known.to(distance)])
            total, weight = F.adaptive_avg_pool2d(both[None], size)[0]
            self.canvas[top:bottom, left:right] = torch.where(weight > 0, total / weight, math.nan)
