"""Opening a pan or a mul: which bands of which sensor, and how their numbers become reflectance."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from rasterio.enums import ColorInterp, MaskFlags

from potato.core.advice import AS_FLOATS
from potato.core.draw import PICTURE
from potato.core.radiometry import DEVELOPED, STORED, Calibration
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.errors import BandError, InputError
from potato.raster.band_finding import find_bands, guess_from_bands, known_sensor, own_bands, sensor_of
from potato.raster.calibrating import (
    PICTURES,
    READABLE,
    UNSTRETCHED_REMEDY,
    assumed_calibration,
    check_numbers,
    stated_calibration,
    uncalibrated,
)
from potato.raster.gdal_env import open_dataset, understood
from potato.raster.image import Image, holds, opaque_bands

NEVER = -1.0
"""A nodata value that no picture has."""


@dataclass(frozen=True)
class Layer:
    """A pan or a mul before it is opened.

    Attributes:
        path: the file or folder as the user named it, for messages.
        name: what GDAL opens: a path, or the XML of a VRT.
        indexes: GDAL's numbers, from 1, of the bands in the order of the sensor's; None to find
            them by their names.
        names: names of all bands of the file, in its order, in place of its own; empty for its own.
        calibration: how its numbers become reflectance, for all bands or for each in the order of
            `indexes`, else of the file. None and `STORED` give way to the scale and offset that the
            file states; without these, numbers are reflectance × 10,000, or of 8 bits those of a
            picture. None refuses types and bits that can't hold that.
        nodata: the values that mark invalid pixels, for all bands or for each in the order of
            `indexes`, else of the file; empty for the file's own.
        driver: the one format that it may have, by GDAL's name of its driver; None for any.
    """

    path: str
    name: str
    indexes: tuple[int, ...] | None = None
    names: tuple[str, ...] = ()
    calibration: Calibration | None = None
    nodata: tuple[float, ...] = ()
    driver: str | None = None


@dataclass(frozen=True)
class Reading:
    """How files are to be read, where they don't say it themselves or say it wrongly.

    Attributes:
        sensor: the sensor or its name; None for what the files say.
        band_order: names of mul's bands in the order of its file; empty for the file's own.
        scale: reflectance of one count: one number, or one for pan and one for each band of mul in
            the order of its file; empty for what the files state.
        nodata: the value of invalid pixels: one, or one for pan and one for each band of mul in the
            order of its file; empty for the files' own masks, alpha and nodata values.
        calibrate: what counts of a vendor's delivery become: `none`, `toa` or `surface`
            reflectance; `auto` is `surface` where metadata have the constants.
        product: the product of a delivery, by its name or the end of it, if there are several.
        allow_missing: whether files that a delivery's metadata name may be missing.
    """

    sensor: Sensor | str | None = None
    band_order: Sequence[str] = ()
    scale: Sequence[float] = ()
    nodata: Sequence[float] = ()
    calibrate: Literal["auto", "none", "toa", "surface"] = "auto"
    product: str | None = None
    allow_missing: bool = False

    def pan(self, path: PathLike | Layer) -> Layer:
        """A pan as a layer."""
        return self._layer(path, slice(0, 1))

    def mul(self, path: PathLike | Layer) -> Layer:
        """A mul as a layer."""
        layer = self._layer(path, slice(1, None))
        return dataclasses.replace(layer, names=tuple(self.band_order) or layer.names)

    def _layer(self, path: PathLike | Layer, part: slice) -> Layer:
        layer = as_layer(path)
        scale, nodata = (
            tuple(values if len(values) == 1 else values[part]) for values in (self.scale, self.nodata)
        )
        if layer.indexes is not None:
            scale, nodata = (_reordered(values, (), layer.indexes) for values in (scale, nodata))
        if scale:
            stated = Calibration(scale, (0.0,) * len(scale), "stated")
            layer = dataclasses.replace(layer, calibration=stated)
        return dataclasses.replace(layer, nodata=nodata) if nodata else layer


@contextlib.contextmanager
def open_mul(
    path: PathLike | Layer, reading: Reading | None = None
) -> Iterator[tuple[Image, Sensor, str | None]]:
    """Open a multispectral image by itself.

    Args:
        path: anything that GDAL opens.
        reading: how to read it, where it doesn't say it itself.

    Yields:
        The image, its bands in the order of the sensor's; the sensor; and what was guessed, or
        None.

    Raises:
        InputError: if it can't be opened.
        BandError: if bands or data type aren't the expected ones.
    """
    reading = reading or Reading()
    layer = reading.mul(path)
    with contextlib.closing(open_dataset(layer.name, "mul", layer.driver)) as dataset:
        with understood(layer.path):
            image, found, guess = mul_image(layer, dataset, reading.sensor)
        if image.calibration == DEVELOPED:
            raise uncalibrated(layer.path, "numbers of uint8")
        check_numbers(image, told=layer.calibration is not None)
        yield image, found, guess


def as_layer(path: PathLike | Layer, driver: str | None = None) -> Layer:
    """A path as a layer; a layer remains as it is."""
    if isinstance(path, Layer):
        return path
    # Not os.fspath: pathlib would turn `s3://` into `s3:/`.
    name = str(path)
    return Layer(name, name, driver=driver)


def pan_image(layer: Layer, dataset: Any) -> Image:
    """The one band of a pan image, as counts of reflectance.

    Raises:
        BandError: if it has other bands, or a data type that we don't read.
    """
    indexes = list(layer.indexes or ()) or opaque_bands(dataset)[0]
    if len(indexes) != 1:
        raise BandError(
            f"{layer.path}: expected a pan image of 1 band, found {len(indexes)} bands; pan comes before mul"
        )
    return _image(layer, dataset, indexes)


def mul_image(
    layer: Layer, dataset: Any, sensor: Sensor | str | None = None
) -> tuple[Image, Sensor, str | None]:
    """The bands of a mul image, as counts of reflectance, in the order of its sensor's.

    Bands are found by their names. Bands without names are taken in their order, if files of
    the sensor have but one.

    Args:
        layer: what was opened.
        dataset: the open dataset.
        sensor: the sensor or its name; None to find it by what the file says.

    Returns:
        The image; its sensor; and what had to be guessed, in one line, or None.

    Raises:
        InputError: if we don't know the sensor.
        BandError: if bands are missing, only some are named, or they have a data type that we don't
            read.
    """
    guess = None
    if isinstance(sensor, str):
        sensor = known_sensor(sensor, len(own_bands(dataset, len(layer.names))))
    own = sensor_of(dataset)
    if sensor and own and own != sensor and own.platforms:
        raise InputError(
            f"{layer.path}: expected the sensor that its metadata name, {own.title}, found {sensor.title}; "
            "leave out --sensor"
        )
    sensor = sensor or own
    if sensor is None:
        sensor, guess = guess_from_bands(layer.path, dataset, layer.names)
    if layer.indexes is None:
        found = find_bands(layer.path, dataset, sensor, layer.names)
        layer = _ordered(layer, own_bands(dataset, len(layer.names) or len(sensor.bands)), found)
    assert layer.indexes is not None
    image = _image(layer, dataset, layer.indexes)
    if image.calibration != DEVELOPED:
        return image, sensor, guess
    if sensor.platforms:
        raise uncalibrated(layer.path, "numbers of uint8", UNSTRETCHED_REMEDY)
    # Near infrared makes no colour.
    shown = [layer.indexes[sensor.bands.index(band)] for band in PICTURE.bands]
    return _image(layer, dataset, shown, layer.indexes), PICTURE, PICTURES


def _ordered(layer: Layer, own: Sequence[int], indexes: Sequence[int]) -> Layer:
    """A layer with indexes, its values for each band brought from the file's order to theirs."""
    nodata, calibration = _reordered(layer.nodata, own, indexes), layer.calibration
    if calibration is not None:
        gains, offsets = (
            _reordered(values, own, indexes) for values in (calibration.gains, calibration.offsets)
        )
        calibration = dataclasses.replace(calibration, gains=gains, offsets=offsets)
    return dataclasses.replace(layer, indexes=tuple(indexes), calibration=calibration, nodata=nodata)


def _reordered(values: tuple[float, ...], own: Sequence[int], indexes: Sequence[int]) -> tuple[float, ...]:
    """Values of all own bands of a file, or of those that are used, in another order of bands."""
    order = next((list(each) for each in (own, sorted(indexes)) if len(values) == len(each) > 0), None)
    return values if order is None else tuple(values[order.index(index)] for index in indexes)


def _image(layer: Layer, dataset: Any, indexes: Sequence[int], bands: Sequence[int] = ()) -> Image:
    """An open layer; BandError if we don't know how its numbers become reflectance.

    Args:
        layer: what was opened.
        dataset: the open dataset.
        indexes: the bands to read.
        bands: all bands of the sensor, where they are more.
    """
    kinds = sorted({dataset.dtypes[index - 1] for index in indexes})
    if len(kinds) != 1 or kinds[0] not in READABLE:
        raise BandError(
            f"{layer.path}: expected bands of one type among {', '.join(READABLE)}, "
            f"found {', '.join(kinds)}; convert them first ({AS_FLOATS})"
        )
    if len(layer.nodata) not in (0, 1, len(indexes)):
        raise BandError(
            f"{layer.path}: expected one nodata value, or one for each of {len(indexes)} bands, "
            f"found {len(layer.nodata)}"
        )
    never = [f"{value:g}" for value in layer.nodata if not holds(np.dtype(kinds[0]), value)]
    if never:
        raise BandError(
            f"{layer.path}: expected nodata values that {kinds[0]} has, found {', '.join(never)}; leave out "
            "--nodata, or give one for pan and one for each band"
        )
    if layer.calibration and len(layer.calibration.gains) not in (1, len(indexes)):
        raise BandError(
            f"{layer.path}: expected one scale, or one for each of {len(indexes)} bands, found "
            f"{len(layer.calibration.gains)}"
        )
    calibration = layer.calibration
    if calibration in (None, STORED):  # which a file may contradict
        calibration = stated_calibration(layer.path, dataset, indexes) or calibration
    if calibration is None:
        calibration = assumed_calibration(layer.path, dataset, indexes)
    # Counts in the type that is wanted are read as they are.
    needed = None if calibration == STORED and kinds == ["uint16"] else calibration
    nodata = layer.nodata
    if calibration == DEVELOPED and not nodata and _is_unmasked(dataset, bands or indexes):
        nodata = (NEVER,)  # shadows of a picture are 0
    return Image(layer.path, dataset, indexes, calibration=needed, nodata=nodata)


def _is_unmasked(dataset: Any, bands: Sequence[int]) -> bool:
    """Whether a file marks no pixels of its bands as invalid, but by one of them as alpha."""
    marks = (MaskFlags.all_valid, *([MaskFlags.alpha] if _alpha(dataset) <= {*bands} else []))
    return all(any(mark in dataset.mask_flag_enums[band - 1] for mark in marks) for band in bands)


def _alpha(dataset: Any) -> set[int]:
    """Numbers of the bands that are marked as alpha."""
    marked = zip(dataset.indexes, dataset.colorinterp, strict=True)
    return {band for band, meaning in marked if meaning == ColorInterp.alpha}
