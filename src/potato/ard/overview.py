"""Overviews of an ARD's images."""

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.ard.item import FORMAT
from potato.core.advice import ADD_OVERVIEWS
from potato.core.radiometry import STORED
from potato.core.sensors import Sensor
from potato.errors import InputError
from potato.raster.gdal_env import open_dataset
from potato.raster.image import Image
from potato.raster.layer import Layer, mul_image, pan_image
from potato.raster.remote import remote_gdal


@dataclass(frozen=True)
class Overview:
    """A small version of an image.

    Attributes:
        pixels: uint16 counts (bands, h, w): 1 band of pan, or mul in the order of the sensor's;
            0 where invalid.
        valid: bool (h, w).
        factor: pixels of the file along one pixel of the overview.
    """

    pixels: NDArray[np.uint16]
    valid: NDArray[np.bool_]
    factor: float


def read_overview(path: str, sensor: Sensor | None, side: int) -> Overview:
    """Read the finest overview of an image with at most `side` rows and columns.

    Args:
        path: a path, `s3://…` or `https://…` of a COG.
        sensor: that of a mul, which decides the bands to expect; None for a pan.
        side: the most pixels along a side. A small image is read whole; one whose smallest overview
            is up to 4 times too large is thinned out.

    Raises:
        InputError: if the image can't be opened or read, or has no overview of about that size.
        BandError: if the bands aren't the expected ones.
    """
    layer = Layer(path, path, calibration=STORED)

    def image(dataset: Any) -> Image:
        return mul_image(layer, dataset, sensor)[0] if sensor else pan_image(layer, dataset)

    role = "mul" if sensor else "pan"
    with remote_gdal(), contextlib.closing(open_dataset(path, role, FORMAT)) as dataset:
        indexes = image(dataset).indexes
        longest = max(dataset.height, dataset.width)
        factors = [1, *dataset.overviews(indexes[0])]
        fitting = [level for level, factor in enumerate(factors) if longest <= side * factor]
        level = fitting[0] if fitting else len(factors) - 1
        if longest > 4 * side * factors[level]:
            raise InputError(
                f"{path}: expected overviews, as in a Cloud Optimized GeoTIFF, found none of about {side} "
                f"pixels in {dataset.height} × {dataset.width}; make them: {ADD_OVERVIEWS}"
            )
        if level == 0:
            pixels, valid = image(dataset).read(0, 0, dataset.height, dataset.width)
        else:
            with open_dataset(dataset.name, role, FORMAT, OVERVIEW_LEVEL=level - 1) as small:
                pixels, valid = image(small).read(0, 0, small.height, small.width)
    pixels[:, ~valid] = 0
    step = -(-max(valid.shape) // side)
    return Overview(pixels[:, ::step, ::step], valid[::step, ::step], longest / max(valid.shape) * step)
