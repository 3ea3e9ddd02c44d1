"""Means and covariances over square blocks, the parts of the quality indices."""

from collections.abc import Iterator

import torch
from torch import Tensor


def whole_blocks(image: Tensor, side: int, valid: Tensor | None = None) -> Iterator[Tensor]:
    """Cut an image into blocks side by side; leave out those that aren't whole and valid.

    Args:
        image: (c, h, w).
        side: pixels along a block.
        valid: bool (h, w); None for all. Blocks that hold an invalid pixel or cross the border are
            left out.

    Yields:
        float64 (n, c, side²): the n blocks of one row of blocks. Rows without any are left out.
    """
    channels, height, width = image.shape
    across = width // side
    for top in range(0, height - side + 1, side):
        strip = image[:, top : top + side, : across * side]
        blocks = strip.reshape(channels, side, across, side).permute(2, 0, 1, 3).flatten(2)
        if valid is not None:
            mask = valid[top : top + side, : across * side].reshape(side, across, side)
            blocks = blocks[mask.all(2).all(0)]
        if len(blocks):
            yield blocks.double()


def covariance(blocks: Tensor) -> Tensor:
    """Unbiased covariances (n, c, c) of the channels of blocks (n, c, p)."""
    centred = blocks - blocks.mean(2, keepdim=True)
    return centred @ centred.mT / (blocks.shape[2] - 1)


def universal_quality(blocks: Tensor) -> Tensor:
    """The universal image quality index Q of every two channels, block by block.

    Q is 4 · cov · mean · mean / ((variance + variance) · (mean² + mean²)). For flat blocks, only
    the means are compared, as in the authors' own code.

    Source: Z. Wang, A. C. Bovik, "A Universal Image Quality Index", IEEE Signal Processing Letters
    9 (2002).

    Args:
        blocks: float64 (n, c, p).

    Returns:
        (n, c, c), −1..1; 1 for two equal channels.
    """
    mean, cov = blocks.mean(2), covariance(blocks)
    variance = cov.diagonal(dim1=1, dim2=2)
    return _ratio(2 * cov, variance[:, :, None] + variance[:, None]) * _ratio(
        2 * mean[:, :, None] * mean[:, None], mean[:, :, None] ** 2 + mean[:, None] ** 2
    )


def _ratio(over: Tensor, under: Tensor) -> Tensor:
    """`over` / `under`, and 1 where `under` is 0: two constants don't differ."""
    return torch.where(under == 0, torch.ones_like(under), over / under)
