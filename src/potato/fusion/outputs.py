"""What `fuse` can make of a pair: a picture in true colour, its bands, a picture of three bands."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from potato.core.draw import PICTURE, PRIMARIES, draw_picture
from potato.core.grade import PLAIN
from potato.core.notebook import THUMBNAIL_SIDE
from potato.core.render import FLAT, NATURAL, Look
from potato.core.sensors import SCALE, Sensor
from potato.core.types import Codes
from potato.errors import BandError, InputError
from potato.model.backend import Backend
from potato.model.native import render_colour
from potato.raster.gdal_env import gdal, open_dataset
from potato.raster.image import Image, read_reduced
from potato.raster.pair import PairPixels
from potato.raster.writer import Channels

ALL = ("all",)
"""All bands of a sensor, where names of bands are expected."""


AS_IT_IS = replace(FLAT, bits=8)
"""The look of pictures that are developed already, in place of `natural`."""


class Output(Protocol):
    """A kind of file that is made of a pair, block by block."""

    @property
    def channels(self) -> Channels:
        """The bands of the file."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Metadata of the file."""

    def halo(self, backend: Backend) -> int:
        """Cells to read around a block."""

    def make(self, backend: Backend, pixels: PairPixels, row: int, column: int) -> Codes | None:
        """The block at a pan row and column of the picture; None if nothing of it is valid."""


@dataclass(frozen=True)
class TrueColour:
    """A picture in true colour: red, green, blue and alpha."""

    look: Look

    @property
    def channels(self) -> Channels:
        """RGBA."""
        return Channels(f"uint{self.look.bits}")

    @property
    def tags(self) -> Mapping[str, str]:
        """The look."""
        return self.look.tags

    def halo(self, backend: Backend) -> int:
        """What the model reads."""
        return backend.read_halo

    def make(self, backend: Backend, pixels: PairPixels, row: int, column: int) -> Codes | None:
        """RGBA codes."""
        return backend.fuse(pixels, self.look, row, column)


@dataclass(frozen=True)
class SharpBands:
    """Bands as counts of reflectance: 0 where a pixel is invalid."""

    numbers: tuple[int, ...]
    channels: Channels

    @property
    def tags(self) -> Mapping[str, str]:
        """None: the bands have names."""
        return {}

    def halo(self, backend: Backend) -> int:
        """What bands read."""
        return backend.bands_halo

    def make(self, backend: Backend, pixels: PairPixels, row: int, column: int) -> Codes | None:
        """Counts of the bands."""
        return backend.fuse_bands(pixels, self.numbers)


@dataclass(frozen=True)
class Composite(TrueColour):
    """A picture of three sharp bands in place of red, green and blue."""

    numbers: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def tags(self) -> Mapping[str, str]:
        """The look and the bands."""
        return {**self.look.tags, "POTATO_COMPOSITE": ",".join(self.names)}

    def halo(self, backend: Backend) -> int:
        """What bands read."""
        return backend.bands_halo

    def make(self, backend: Backend, pixels: PairPixels, row: int, column: int) -> Codes | None:
        """RGBA codes."""
        counts = backend.fuse_bands(pixels, self.numbers)
        if counts is None:
            return None
        return render_colour(counts, counts[0] > 0, PRIMARIES, self.look, row, column)


def as_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names of bands, which may be one text with commas between them."""
    return tuple(name.strip() for name in (names.split(",") if isinstance(names, str) else names) if name)


def choose_output(
    sensor: Sensor, look: Look, bands: Sequence[str] = (), composite: Sequence[str] = ()
) -> Output:
    """The kind of file that is asked for.

    Args:
        sensor: that of the pair.
        look: the rendering of a picture.
        bands: names of bands, or `ALL`; none for a picture.
        composite: names of three bands; none for true colour.

    Raises:
        BandError: if the sensor has no band of a name, a band comes twice, or a composite hasn't
            three.
        InputError: if both are asked for.
    """
    if bands and composite:
        raise InputError("expected bands or a composite, found both; write one after the other")
    if bands and sensor.name == PICTURE.name:
        raise InputError(
            "expected bands of reflectance, found those of a picture of 8 bits; leave out --bands, or say "
            "how much reflectance a count is (--scale)"
        )
    if bands and look != NATURAL:
        raise InputError("expected a look with a picture, found one with bands, which are reflectance")
    if bands:
        numbers = sensor.choose_bands(sensor.bands if tuple(bands) == ALL else bands)
        if len(set(numbers)) < len(numbers):
            raise BandError(f"expected each band once, found {', '.join(bands)}")
        return SharpBands(numbers, Channels("uint16", _names(sensor, numbers), 1 / SCALE))
    if composite:
        numbers = sensor.choose_bands(composite)
        if len(numbers) != len(PRIMARIES.bands):
            raise BandError(
                "expected three bands, to be shown as red, green and blue, such as nir,red,green; "
                f"found {', '.join(composite)}"
            )
        # Grey ground has no known colour in other bands.
        return Composite(look.graded(PLAIN), numbers, _names(sensor, numbers))
    return TrueColour(AS_IT_IS if sensor.name == PICTURE.name and look == NATURAL else look)


def _names(sensor: Sensor, numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(sensor.bands[number] for number in numbers)


def draw_output(output: Path) -> NDArray[np.uint8]:
    """Draw a thumbnail of a file that `fuse` wrote, codes (3, h, w).

    A picture is drawn as it is; of bands, the last, the middle and the first are red, green and
    blue.

    Raises:
        InputError: if it can't be read.
    """
    with gdal(), contextlib.closing(open_dataset(str(output), "picture")) as dataset:
        tags, count = dataset.tags(), dataset.count
        if dataset.nodata is None:
            codes, valid, _ = read_reduced(Image(str(output), dataset, (1, 2, 3)), THUMBNAIL_SIDE)
            return draw_picture(codes, valid, tags)
        three = count, (count + 1) // 2, 1
        counts, valid, _ = read_reduced(Image(str(output), dataset, three), THUMBNAIL_SIDE)
        return draw_picture(render_colour(counts, valid, PRIMARIES, NATURAL)[:3], valid, tags)
