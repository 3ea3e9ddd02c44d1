"""Opening a pan or a mul: which bands of which sensor, and how their numbers become reflectance."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from potato.core.advice import AS_FLOATS
from potato.core.radiometry import STORED, Calibration
from potato.core.sensors import SCALE, Sensor
from potato.core.types import PathLike
from potato.core.windows import PixelWindow, pixel_windows
from potato.errors import BandError, InputError
from potato.raster.band_finding import find_bands, guess_from_bands, known_sensor, own_bands, sensor_of
from potato.raster.gdal_env import open_dataset, understood
from potato.raster.image import Image, holds, opaque_bands

READABLE = ("uint8", "uint16", "int16", "float32", "float64")
"""Data types of images that become reflectance."""

MOST_COUNT = 2047
"""The largest number of 11 bits, in which most sensors record. As reflectance × 10,000 it would be
20 %, which vegetation and clouds exceed in some band."""

DARKEST, BRIGHTEST = 0.001, 2.0
"""Reflectance: some number of an image exceeds the first, and half of its numbers don't exceed the
second, which glints do. Otherwise its scale is wrong: the picture would be black or white."""

SCALE_REMEDY = "say how much reflectance a count is, such as --scale 0.0001"
"""What to do about a scale that is wrong."""

METADATA = "if a vendor's metadata came with it, sharpen their folder"
"""What to do about counts, if possible."""

UNSTRETCHED = "if they were stretched for display, take the image from which they were made"
"""What to do about a picture, if possible."""

SAMPLE = 512
"""Side of the windows, in pixels, by which counts are told from reflectance."""


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
            file states; without these, numbers are reflectance × 10,000. None refuses types and
            bits that can't hold that.
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
        check_numbers((layer, image))
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
    return _image(layer, dataset, layer.indexes), sensor, guess


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


def _image(layer: Layer, dataset: Any, indexes: Sequence[int]) -> Image:
    """An open layer; BandError if we don't know how its numbers become reflectance."""
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
        calibration = _stated(layer, dataset, indexes) or calibration
    if calibration is None:
        _check_stored(layer, dataset, indexes)
        calibration = STORED
    # Counts in the type that is wanted are read as they are.
    needed = None if calibration == STORED and kinds == ["uint16"] else calibration
    return Image(layer.path, dataset, indexes, calibration=needed, nodata=layer.nodata)


def _stated(layer: Layer, dataset: Any, indexes: Sequence[int]) -> Calibration | None:
    """The calibration that the tags of a file state; None without one.

    Raises:
        BandError: if no numbers could have it.
    """
    gains, offsets = (
        tuple(values[index - 1] for index in indexes) for values in (dataset.scales, dataset.offsets)
    )
    if all(gain == 1 for gain in gains) and not any(offsets):
        coefficients = stated_coefficients(dataset)
        if coefficients:
            gains = tuple(coefficients[index - 1] for index in indexes)
            return Calibration(gains, (0.0,) * len(gains), "toa")
        factor = dataset.tags(ns="ENVI").get("reflectance_scale_factor")
        if factor is None:
            return None
        with np.errstate(all="ignore"):
            gains = (float(1 / np.float64(factor)),) * len(indexes)
    silent = [
        str(index)
        for index, gain, offset in zip(indexes, gains, offsets, strict=True)
        if (gain, offset) == (1, 0) and not dataset.dtypes[index - 1].startswith("float")
    ]
    if silent:
        raise BandError(
            f"{layer.path}: expected the scale of each band in its tags or of none, found none for band "
            f"{', '.join(silent)}; {SCALE_REMEDY}"
        )
    try:
        return Calibration(gains, offsets, "stated")
    except BandError as error:
        raise BandError(f"{layer.path}: {error} in its tags; {SCALE_REMEDY}") from error


def stated_coefficients(dataset: Any) -> tuple[float, ...]:
    """Top-of-atmosphere reflectance of one count of each band, as Planet's TIFFs state it.

    Returns:
        One for each band; empty if the file states none.
    """
    try:
        stated = json.loads(dataset.tags().get("TIFFTAG_IMAGEDESCRIPTION", ""))
        found = tuple(float(one) for one in stated["properties"]["reflectance_coefficients"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ()
    good = len(found) == dataset.count and all(0 < one < DARKEST for one in found)
    return found if good else ()


def _check_stored(layer: Layer, dataset: Any, indexes: Sequence[int]) -> None:
    """Refuse numbers that can't be reflectance × 10,000, by their type.

    Raises:
        BandError: if they can't.
    """
    kind = dataset.dtypes[indexes[0] - 1]
    bits = dataset.tags(indexes[0], ns="IMAGE_STRUCTURE").get("NBITS", "16")
    if kind not in ("uint16", "int16"):
        raise uncalibrated(layer.path, f"numbers of {kind}", UNSTRETCHED if kind == "uint8" else METADATA)
    if bits.isdecimal() and int(bits) < 15:
        raise uncalibrated(layer.path, f"counts of {bits} bits")


def uncalibrated(path: str, found: str, remedy: str = METADATA) -> BandError:
    """The error for numbers that we don't know how to turn into reflectance."""
    return BandError(
        f"{path}: expected reflectance × 10,000, found {found}; {remedy}; else say how much reflectance a "
        "count is (--scale 0.0001 if they are reflectance × 10,000, 1 if they are reflectance)"
    )


def check_numbers(*images: tuple[Layer, Image]) -> None:
    """Refuse images whose numbers can't be reflectance.

    Raises:
        BandError: if nothing calls numbers reflectance, and none of them exceeds `MOST_COUNT`; or
            if a calibration makes an image darker than `DARKEST` or brighter than `BRIGHTEST`.
        InputError: if a file can't be read.
    """
    for layer, image in images:
        if image.calibration not in (None, STORED):
            _check_scale(layer, image)
    untold = [one for layer, one in images if not layer.calibration and one.calibration in (None, STORED)]
    if untold and all(_holds_counts(image) for image in untold):
        raise uncalibrated(untold[0].path, f"counts, none above {MOST_COUNT:,}")


def _check_scale(layer: Layer, image: Image) -> None:
    """Refuse a scale by which no number of an image, or half of them, would be light."""
    total, bright, most = 0, 0, 0
    for pixels, valid in _glances(image):
        numbers = pixels[:, valid]
        total += numbers.size
        bright += int(np.count_nonzero(numbers > BRIGHTEST * SCALE))
        most = max(most, int(numbers.max(initial=0)))
        if most > DARKEST * SCALE and 2 * bright <= total:
            return
    if total:
        found = f"half of them above {BRIGHTEST:g}" if bright else f"none above {DARKEST:g}"
        raise BandError(
            f"{layer.path}: expected reflectance, found {found} by {image.calibration}; {SCALE_REMEDY}"
        )


def _holds_counts(image: Image) -> bool:
    """Whether no number exceeds `MOST_COUNT`; False for an even image, which tells nothing."""
    low, high = np.full((2, len(image.indexes)), [[MOST_COUNT + 1], [0]])
    for pixels, valid in _glances(image):
        numbers = pixels[:, valid]
        low = np.minimum(low, numbers.min(1, initial=MOST_COUNT + 1))
        high = np.maximum(high, numbers.max(1, initial=0))
        if high.max() > MOST_COUNT:
            return False
    return bool((low < high).any())


def _glances(image: Image) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    """An image, piece by piece: first what is quick to read, at last all of it."""
    overviews = image.dataset.overviews(image.indexes[0])
    if overviews:
        small = image.coarser(max(overviews))
        yield small.read(0, 0, small.grid.height, small.grid.width)
    height, width = image.grid.height, image.grid.width
    middle = PixelWindow(max(0, height - SAMPLE) // 2, max(0, width - SAMPLE) // 2, SAMPLE, SAMPLE)
    for window in (middle, *pixel_windows(height, width, SAMPLE, width)):
        yield image.read(window.row, window.column, window.height, window.width)
