"""Changes of colour behind the tools: Oklab in, Oklab in the gamut of sRGB out.

A colour that leaves the gamut keeps its hue and lightness and loses chroma
(`core.color.fit_gamut`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.color import fit_gamut, gamut_share
from potato.core.render import Look

Floats = NDArray[np.floating[Any]]

LIGHTNESS = 0.75
"""Oklab L at which the gamut of sRGB holds the widest circle around grey, of chroma 0.128."""

MID_GREY = 0.5
"""Oklab L half way from black to white."""


def screen_look(bits: int) -> Look:
    """The look without a tone curve, in which codes are sRGB as a screen shows it."""
    return Look("screen", bits)


def at_lightness(oklab: Floats, lightness: float = LIGHTNESS, chroma: float = 1.0) -> Floats:
    """Give every pixel one lightness, so that only hue and chroma are left.

    Args:
        oklab: (3, h, w).
        lightness: L of every pixel, between 0 and 1.
        chroma: factor on a and b.

    Returns:
        Oklab (3, h, w).
    """
    return fit_gamut(np.concatenate([np.full_like(oklab[:1], lightness), oklab[1:] * chroma]))


def exaggerated(first: Floats, second: Floats, factor: Floats | float) -> tuple[Floats, Floats]:
    """Multiply the difference between two images and keep their mean.

    Args:
        first: Oklab (3, h, w).
        second: Oklab (3, h, w).
        factor: one number, or (h, w); 1 keeps both images, 0 turns both into their mean.

    Returns:
        The changed first and second image, Oklab (3, h, w) each.
    """
    mean, half = (first + second) / 2, (first - second) / 2 * factor
    return fit_gamut(mean + half), fit_gamut(mean - half)


def gray_difference(first: Floats, second: Floats, factor: float = 1.0) -> Floats:
    """Add the difference between two images to mid-grey.

    The result is lighter than grey where the first image is lighter, and reddish where it is
    redder. Exchanging the images mirrors the result at grey, also at the limits of the gamut: a
    difference keeps as much chroma as fits on both sides of grey.

    Args:
        first: Oklab (3, h, w).
        second: Oklab (3, h, w).
        factor: factor on the difference; 1 shows a JND as a JND.

    Returns:
        Oklab (3, h, w).
    """
    difference = (first - second) * factor
    difference[0] = difference[0].clip(-MID_GREY, MID_GREY)
    grey = np.zeros_like(difference)
    grey[0] = MID_GREY
    difference[1:] *= np.minimum(gamut_share(grey + difference), gamut_share(grey - difference))
    return grey + difference
