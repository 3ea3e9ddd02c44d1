"""Reflectance in the place of a picture: told from codes, and shown as a picture would be.

Other sharpeners write bands of reflectance. As codes they would be dark and without a tone curve,
which compares a rendering, not a sharpener.
"""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.color import mul_to_oklab
from potato.core.draw import PRIMARIES, draw_picture
from potato.core.platforms import find_sensor
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, Look, dither, look_of, render, unrender
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.errors import InputError
from potato.raster.calibrating import check_numbers
from potato.raster.gdal_env import open_dataset
from potato.raster.image import Image, opaque_bands, read_reduced
from potato.raster.layer import as_layer, mul_image
from potato.raster.pictures import open_picture
from potato.viewing.blocks import bits_of
from potato.viewing.color_ops import screen_look

BRIGHTEST_COUNT = 16_384
"""Numbers of 16 bits up to which all but the brightest `GLINTS` are taken for reflectance × 10,000:
1.64. A picture so dark would have no light above 5 %."""

GLINTS = 0.001
"""Share of the pixels that may be brighter."""

SIDE = 512
"""The most pixels along the overview by which reflectance is told."""


@dataclass(frozen=True, eq=False)
class Colours:
    """An open picture, or bands of reflectance in its place.

    Attributes:
        image: red, green and blue of the picture; or the bands of `sensor`.
        look: that of the picture, by its tags; None for an unknown one, whose codes count as sRGB.
        sensor: whose reflectance it is; None for a picture.
    """

    image: Image
    look: Look | None = None
    sensor: Sensor | None = None

    def scene(self, numbers: NDArray[Any]) -> NDArray[Any]:
        """Oklab (3, h, w) of the scene, of the numbers of a window."""
        if self.sensor is not None:
            return mul_to_oklab(counts_to_reflectance(numbers), self.sensor)
        return unrender(numbers, self.look or screen_look(bits_of(self.image)))

    def screen(self, numbers: NDArray[Any], look: Look) -> NDArray[Any]:
        """Oklab (3, h, w) that a screen shows; of reflectance, in a look."""
        if self.sensor is None:
            return unrender(numbers, screen_look(bits_of(self.image)))
        deep = dataclasses.replace(look, bits=16)
        return unrender(render(self.scene(numbers), deep), screen_look(16))

    def draw(
        self, numbers: NDArray[Any], valid: NDArray[np.bool_], look: Look, row: int = 0, column: int = 0
    ) -> NDArray[np.uint8]:
        """Codes (3, h, w) of a window for a screen; of flat pictures and reflectance, in a look."""
        if self.sensor is None:
            return draw_picture(numbers, valid, self.image.dataset.tags(), row, column, look)
        height, width = valid.shape
        codes = render(self.scene(numbers), look, dither(height, width, row, column))
        return draw_picture(codes.astype(np.uint8), valid, {}, row, column)


@contextlib.contextmanager
def open_colours(path: PathLike, sensor: Sensor | None = None) -> Iterator[Colours]:
    """Open a picture, or bands of reflectance in its place.

    Args:
        path: anything that GDAL opens: red, green and blue in 8 or 16 bits, or all bands of a
            sensor as reflectance × 10,000.
        sensor: whose bands they may be.

    Raises:
        InputError: if it can't be opened.
        BandError: if it is neither.
    """
    layer = as_layer(path)
    with contextlib.closing(open_dataset(layer.name, "picture")) as dataset:
        indexes, _ = opaque_bands(dataset)
        if len(indexes) > len(PRIMARIES.bands):
            fits = sensor if sensor and len(sensor.bands) == len(indexes) else None
            image, found, _ = mul_image(layer, dataset, fits)
            check_numbers(image, told=layer.calibration is not None)
            yield Colours(image, sensor=found)
            return
    with open_picture(path) as picture:
        if not holds_reflectance(picture):
            yield Colours(picture, look_of(picture.dataset.tags(), bits_of(picture)))
            return
        layer = dataclasses.replace(layer, indexes=tuple(picture.indexes))
        image, _, _ = mul_image(layer, picture.dataset, PRIMARIES)
        yield Colours(image, sensor=PRIMARIES)


def holds_reflectance(picture: Image) -> bool:
    """Whether the numbers of a picture are reflectance, not codes.

    Raises:
        InputError: if the file is damaged.
    """
    tags = picture.dataset.tags()
    if bits_of(picture) != 16 or "POTATO_LOOK" in tags:
        return False
    if any(picture.dataset.scales[index - 1] != 1 for index in picture.indexes):
        return True
    numbers, valid, _ = read_reduced(picture, SIDE)
    if not valid.any():
        return False
    return float(np.quantile(numbers[:, valid], 1 - GLINTS)) <= BRIGHTEST_COUNT


@contextlib.contextmanager
def open_codes(path: PathLike) -> Iterator[Image]:
    """Open a picture, as `raster.open_picture` does, but no reflectance.

    Raises:
        InputError, BandError: if it can't be opened, or is no picture.
    """
    with open_picture(path) as picture:
        if holds_reflectance(picture):
            raise InputError(
                f"{path}: expected a picture, found reflectance: 16 bits, hardly a number above "
                f"{BRIGHTEST_COUNT:,}; potato report and potato evaluate --pictures show it as a picture"
            )
        yield picture


def sensor_of_pictures(paths: Sequence[PathLike]) -> Sensor | None:
    """The sensor that the first of some pictures is tagged with; None without such a tag.

    Raises:
        InputError: if one can't be opened.
    """
    for path in paths:
        with contextlib.closing(open_dataset(str(path), "picture")) as dataset:
            sensor = find_sensor(dataset.tags().get("POTATO_SENSOR", ""))
        if sensor is not None:
            return sensor
    return None


def common_look(pictures: Sequence[Colours]) -> Look:
    """The look in which to show what has no tone curve: that of the first picture that has one."""
    looks = [picture.look for picture in pictures if picture.look is not None]
    toned = next((look for look in looks if look.exposure is not None), None)
    return toned or (NATURAL.graded(looks[0].grade) if looks else NATURAL)
