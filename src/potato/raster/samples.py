"""Samples of an image, spread evenly over all of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.windows import even_starts
from potato.raster.image import Image

WINDOWS, SIDE = 8, 128
"""Windows along each side of an image, and their size in pixels."""


def sample_pixels(image: Image) -> NDArray[Any]:
    """The valid pixels (bands, k) of windows that are spread evenly over an image.

    Raises:
        InputError: if the file can't be read there.
    """
    height, width = min(SIDE, image.grid.height), min(SIDE, image.grid.width)
    samples = []
    for row in even_starts(image.grid.height, SIDE, WINDOWS):
        for column in even_starts(image.grid.width, SIDE, WINDOWS):
            pixels, valid = image.read(row, column, height, width)
            samples.append(pixels[:, valid])
    return np.concatenate(samples, 1)
