"""All of a large image, made small."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.draw import overview_step
from potato.raster.pair import Image


def read_overview(image: Image, side: int) -> tuple[NDArray[Any], NDArray[np.bool_], int]:
    """Read all of an image at the finest power of two at which it fits into a square.

    Args:
        image: open; its file's overviews are used where it has any.
        side: pixels along a side of the square.

    Returns:
        Bands (n, h, w), validity (h, w), and the power of two.

    Raises:
        InputError: if the file is damaged.
    """
    step = overview_step(image.grid.height, image.grid.width, side)
    small = Image(image.path, image.dataset, image.indexes, step)
    return *small.read(0, 0, small.grid.height, small.grid.width), step
