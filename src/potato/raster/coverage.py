"""A small map of where a pair is valid, read from overviews where there are any."""

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from potato.errors import InputError
from potato.raster.gdal_env import GDAL_ERRORS, gdal_reason
from potato.raster.image import Image
from potato.raster.pair import Pair


def read_coverage(pair: Pair, factor: int) -> NDArray[np.bool_]:
    """A small map of where both images of a pair are valid.

    A pixel of the map has the validity of one place within its ground. So edges are right to a
    pixel of the map, and smaller holes may be missing.

    Args:
        pair: an open pair.
        factor: cells along one side of a pixel of the map.

    Returns:
        bool (rows, columns): the pair's height and width in cells, over `factor`, rounded up.

    Raises:
        InputError: if a file is damaged.
    """
    shape = -(-pair.height // factor), -(-pair.width // factor)
    ground = pair.grid.height / pair.ratio, pair.grid.width / pair.ratio
    pan = _thin(pair.pan, (0, 0), (pair.grid.height, pair.grid.width), shape)
    return pan & _thin(pair.mul, (pair.row, pair.column), ground, shape)


def _thin(
    image: Image, corner: tuple[float, float], sides: tuple[float, float], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Validity of a rectangle of an image, thinned out to `shape`; pixels outside are invalid.

    Args:
        image: open.
        corner: first row and column of the rectangle, in pixels of the file.
        sides: its rows and columns.
        shape: rows and columns of the result.
    """
    dataset = image.dataset
    found = np.zeros(shape, np.bool_)
    lows = [max(0.0, low) for low in corner]
    highs = [min(high, low + side) for high, low, side in zip(dataset.shape, corner, sides, strict=True)]
    # The part of the map that the image reaches.
    places = [
        slice(*(round((edge - start) / side * count) for edge in (low, high)))
        for start, side, count, low, high in zip(corner, sides, shape, lows, highs, strict=True)
    ]
    inner = tuple(place.stop - place.start for place in places)
    if min(inner) <= 0:
        return found
    window = Window(lows[1], lows[0], highs[1] - lows[1], highs[0] - lows[0])
    try:
        good = image.read_valid(window, shape=(inner[0], inner[1]))
    except GDAL_ERRORS as error:
        raise InputError(
            f"can't read the overviews of {image.path}: the file is damaged or cut short, "
            f"fetch it again ({gdal_reason(error)})"
        ) from error
    found[tuple(places)] = good
    return found
