"""Resampling along one axis: each new pixel is a weighted sum of a few pixels near it.

Sums along rows and along columns follow each other. They are taken as products of small matrices,
several times as fast as interpolation at any places.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

NEGLIGIBLE = 1e-4
"""Weights of a point spread below this share of the largest are dropped."""

PIECE = 32
"""New pixels that one matrix makes. It has a row for each and a column for each pixel used."""


@dataclass(frozen=True, slots=True)
class Taps:
    """Which pixels along an axis make up the new ones, and how much each counts.

    Attributes:
        count: number of new pixels.
        matrices: weights for each piece of the axis (pieces, `PIECE`, span).
        starts: the first pixel that each piece needs.
    """

    count: int
    matrices: Tensor
    starts: tuple[int, ...]

    @classmethod
    def of(cls, first: Tensor, weights: Tensor, size: int) -> "Taps":
        """Weights of pixels that follow each other; the border of an image is replicated.

        Args:
            first: index of the first pixel of each new one (m,), rising.
            weights: of that pixel and those that follow it (m, taps).
            size: of the axis, pixels.
        """
        count, taps = weights.shape
        pieces = math.ceil(count / PIECE)
        padded = torch.arange(pieces * PIECE).clamp_max_(count - 1)
        indices = (first[padded, None] + torch.arange(taps)).clamp_(0, size - 1).reshape(pieces, -1)
        span = min(size, int((indices[:, -1] - indices[:, 0]).max()) + 1)
        starts = indices[:, :1].clamp_max(size - span)
        rows = torch.arange(PIECE).repeat_interleave(taps) * span
        matrices = torch.zeros(pieces, PIECE * span)
        matrices.scatter_add_(1, rows + indices - starts, weights[padded].reshape(pieces, -1))
        return cls(count, matrices.reshape(pieces, PIECE, span), tuple(starts[:, 0].tolist()))

    @classmethod
    def cubic(cls, places: Tensor, size: int) -> "Taps":
        """Cubic convolution at places (m,), pixels from the edge: 0.5 is the middle of the first.

        Source: R. Keys, "Cubic convolution interpolation for digital image processing", 1981, with
        a = −0.75, as in `core.resample.upsample`.
        """
        first, share = _split(places - 0.5)
        x = (share[:, None] - torch.arange(-1, 3)).abs()
        near = ((1.25 * x - 2.25) * x) * x + 1
        far = ((-0.75 * x + 3.75) * x - 6) * x + 3
        return cls.of(first - 1, torch.where(x <= 1, near, far), size)

    @classmethod
    def spread(cls, places: Tensor, size: int, width: float, blur: float, even: bool = False) -> "Taps":
        """A point spread around places, interpolated linearly between fine pixels.

        Args:
            places: (m,), fine pixels from the edge.
            size: of the axis, fine pixels.
            width: side of the square that a pixel averages, in fine pixels.
            blur: standard deviation of a Gaussian in addition, in fine pixels.
            even: whether the squares lie around corners of fine pixels, not around their middles.
        """
        weights = _spread_weights(width, blur, even)
        index = places - (0.0 if even else 0.5)
        first, share = _split(index.clamp(0, size if even else size - 1))
        near = torch.cat([weights, weights.new_zeros(1)])
        own = torch.lerp(near, near.roll(1), share[:, None])
        return cls.of(first - len(weights) // 2, own, size)

    def mix_rows(self, plane: Tensor) -> Tensor:
        """Resample the rows of a plane (h, w): (count, w)."""
        mixed = torch.empty(self.count, plane.shape[1])
        for own, matrix, start in zip(mixed.split(PIECE), self.matrices, self.starts, strict=True):
            torch.mm(matrix[: len(own)], plane[start : start + matrix.shape[1]], out=own)
        return mixed

    def mix_columns(self, plane: Tensor) -> Tensor:
        """Resample the columns of a plane (h, w): (h, count)."""
        mixed = torch.empty(len(plane), self.count)
        for own, matrix, start in zip(mixed.split(PIECE, 1), self.matrices, self.starts, strict=True):
            # By way of a copy, which is faster than writing into a part of each row.
            own.copy_(plane[:, start : start + matrix.shape[1]] @ matrix[: own.shape[1]].T)
        return mixed


def _split(index: Tensor) -> tuple[Tensor, Tensor]:
    """Whole part and fraction."""
    whole = index.floor()
    return whole.long(), index - whole


def _spread_weights(width: float, blur: float, even: bool) -> Tensor:
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
    return (weight / weight.sum()).float()
