"""Where a pair is valid, seen from far away: a small map, read from overviews where there are any."""

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from potato.core.sensors import RATIO
from potato.errors import InputError
from potato.raster.pair import Image, Pair


def read_coverage(pair: Pair, factor: int) -> NDArray[np.bool_]:
    """A small map of where both images of a pair are valid.

    Every pixel of it tells of one place of the ground that it stands for, so edges are right to a pixel of
    the map, and holes smaller than one may be missing.

    Args:
        pair: an open pair.
        factor: cells along one side of a pixel of the map.

    Returns:
        bool (rows, columns): the pair's height and width in cells, over `factor`, rounded up.

    Raises:
        InputError: if a file is damaged.
    """
    shape = -(-pair.height // factor), -(-pair.width // factor)
    ground = pair.grid.height / RATIO, pair.grid.width / RATIO
    pan = _thin(pair._pan, (0, 0), (pair.grid.height, pair.grid.width), shape)
    return pan & _thin(pair._mul, (pair._row, pair._column), ground, shape)


def _thin(
    image: Image, corner: tuple[float, float], sides: tuple[float, float], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Validity of a part of an image, thinned out to `shape`; nothing is valid outside the image."""
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
    except RasterioError as error:
        cause = " ".join(str(error.__cause__ or error).split())
        raise InputError(
            f"can't read the overviews of {image.path}: the file is damaged or cut short, "
            f"fetch it again ({cause})"
        ) from error
    found[tuple(places)] = good
    return found
