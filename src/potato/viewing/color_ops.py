"""What the tools do to colours: Oklab in, Oklab out, every result in the gamut of sRGB.

A colour that leaves the gamut keeps its hue and lightness and loses chroma (`color.fit_gamut`).
"""

import torch
from torch import Tensor

from potato.core.color import fit_gamut, gamut_share

LIGHTNESS = 0.75
"""Oklab L at which `at_lightness` shows chroma: there the gamut holds the widest circle, of chroma 0.128."""

MID_GREY = 0.5
"""Oklab L half way from black to white."""


def at_lightness(oklab: Tensor, lightness: float = LIGHTNESS, chroma: float = 1.0) -> Tensor:
    """Only the chroma of an image, as if all of it were equally light.

    Args:
        oklab: (3, h, w).
        lightness: the L that everything gets, between 0 and 1.
        chroma: what a and b are multiplied by.

    Returns:
        Oklab (3, h, w).
    """
    return fit_gamut(torch.cat([torch.full_like(oklab[:1], lightness), oklab[1:] * chroma]))


def exaggerated(first: Tensor, second: Tensor, factor: Tensor | float) -> tuple[Tensor, Tensor]:
    """Two images whose differences are so many times as large, each moved away from their mean.

    Args:
        first: Oklab (3, h, w).
        second: the same shape.
        factor: 1 leaves both as they are, 0 gives both the mean; one number, or (h, w).

    Returns:
        The first and the second, Oklab (3, h, w) each.
    """
    middle, half = (first + second) / 2, (first - second) / 2 * factor
    return fit_gamut(middle + half), fit_gamut(middle - half)


def gray_difference(first: Tensor, second: Tensor, factor: float = 1.0) -> Tensor:
    """How the first image differs from the second, as a departure from mid-grey.

    Where the first is lighter the result is lighter than grey, where it is redder it is reddish. With the
    images exchanged it is mirrored at grey, in the gamut's corners too: both of a pair of opposite colours
    keep the share of chroma that the one with less room can keep.

    Args:
        first: Oklab (3, h, w).
        second: the same shape.
        factor: what the difference is multiplied by. With 1, a JND is shown as a JND.

    Returns:
        Oklab (3, h, w).
    """
    difference = (first - second) * factor
    difference[0].clamp_(-MID_GREY, MID_GREY)
    grey = torch.zeros_like(difference)
    grey[0] = MID_GREY
    difference[1:] *= torch.minimum(gamut_share(grey + difference), gamut_share(grey - difference))
    return grey + difference
