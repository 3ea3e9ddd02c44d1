"""What the numbers of a file are: reflectance, a picture, or counts that nothing calibrates."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.radiometry import DEVELOPED, STORED, Calibration
from potato.core.sensors import SCALE
from potato.core.windows import PixelWindow, pixel_windows
from potato.errors import BandError
from potato.raster.gdal_env import is_remote
from potato.raster.image import Image

COUNTED = ("uint16", "int16", "uint32", "int32")
"""Data types that may hold reflectance × 10,000."""

READABLE = ("uint8", *COUNTED, "float32", "float64")
"""Data types of images that become reflectance."""

MOST_COUNT = 2047
"""The largest number of 11 bits, in which most sensors record. As reflectance × 10,000 it would be
20 %, which vegetation and clouds exceed in some band."""

MOST_OF_12_BITS = 4095
"""The largest number of 12 bits: 41 %, which roofs and clouds exceed."""

MOST_LOOKS = 16
"""Windows in which numbers above 12 bits are looked for, at most, where some exceed 11."""

MOST_REFLECTED = 12_500
"""Reflectance × 10,000 that half of an image doesn't exceed: fresh snow has less."""

TWELVE_BITS = (
    f"taken for reflectance × 10,000, but no number of mul that was seen exceeds {MOST_OF_12_BITS:,}: "
    "they may be counts of 12 bits. If the picture is dark, sharpen the folder with the vendor's "
    "metadata, or say how much reflectance a count is (--scale)"
)
"""What is told of numbers that may be counts."""

DARKEST, BRIGHTEST = 0.001, 2.0
"""Reflectance: some number of an image exceeds the first, and half of its numbers don't exceed the
second, which glints do. Otherwise its scale is wrong: the picture would be black or white."""

SCALE_REMEDY = "say how much reflectance a count is, such as --scale 0.0001"
"""What to do about a scale that is wrong."""

METADATA_REMEDY = "if a vendor's metadata came with it, sharpen their folder"
"""What to do about counts, if possible."""

UNSTRETCHED_REMEDY = (
    "if they were stretched for display, take the image from which they were made, or sharpen pan and mul "
    "of 8 bits as pictures (--sensor three-band)"
)
"""What to do about a picture, if possible."""

PICTURES = (
    "8 bits without a scale are taken for pictures that were developed for the eye (sRGB); their colours "
    "remain. If they are counts, say how much reflectance one is (--scale)"
)
"""What a pair of pictures is told."""

SAMPLE = 512
"""Side of the windows, in pixels, by which counts are told from reflectance."""


def stated_calibration(path: str, dataset: Any, indexes: Sequence[int]) -> Calibration | None:
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
            f"{path}: expected the scale of each band in its tags or of none, found none for band "
            f"{', '.join(silent)}; {SCALE_REMEDY}"
        )
    try:
        return Calibration(gains, offsets, "stated")
    except BandError as error:
        raise BandError(f"{path}: {error} in its tags; {SCALE_REMEDY}") from error


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


def assumed_calibration(path: str, dataset: Any, indexes: Sequence[int]) -> Calibration:
    """The calibration of numbers of which nothing tells what they are, by their type.

    Raises:
        BandError: if they can be neither reflectance × 10,000 nor a picture.
    """
    kind = dataset.dtypes[indexes[0] - 1]
    bits = dataset.tags(indexes[0], ns="IMAGE_STRUCTURE").get("NBITS", "16")
    if kind == "uint8":
        return DEVELOPED
    if kind not in COUNTED:
        raise uncalibrated(path, f"numbers of {kind}")
    if bits.isdecimal() and int(bits) < 15:
        raise uncalibrated(path, f"counts of {bits} bits")
    return STORED


def uncalibrated(path: str, found: str, remedy: str = METADATA_REMEDY) -> BandError:
    """The error for numbers that we don't know how to turn into reflectance."""
    return BandError(
        f"{path}: expected reflectance × 10,000, found {found}; {remedy}; else say how much reflectance a "
        "count is (--scale 0.0001 if they are reflectance × 10,000, 1 if they are reflectance)"
    )


def check_numbers(mul: Image, *pan: Image, told: bool = False) -> tuple[str, ...]:
    """Refuse images whose numbers can't be reflectance.

    Of numbers that nothing calls reflectance, mul's decide: some ground is bright in some band, but
    pan has more bits in some products, and brighter glints.

    Args:
        mul: a mul, and
        pan: its pan, if there is one.
        told: whether something else than the type of mul's numbers says that they are reflectance.

    Returns:
        What a person should know, a line each.

    Raises:
        BandError: if nothing calls numbers reflectance, and none of mul's exceeds `MOST_COUNT`, or
            half of them exceed `MOST_REFLECTED`; if a calibration makes an image darker than
            `DARKEST` or brighter than `BRIGHTEST`; or if one of several images is a picture.
        InputError: if a file can't be read.
    """
    images = (mul, *pan)
    pictures = [image for image in images if image.calibration == DEVELOPED]
    if 0 < len(pictures) < len(images):
        raise uncalibrated(pictures[0].path, "numbers of uint8", UNSTRETCHED_REMEDY)
    for image in images:
        if image.calibration not in (None, STORED):
            _check_scale(image)
    if told or mul.calibration not in (None, STORED):
        return ()
    most, bright = _brightest(mul)
    if most <= MOST_COUNT:
        raise uncalibrated(mul.path, f"counts, none above {MOST_COUNT:,}")
    if bright:
        raise uncalibrated(mul.path, f"numbers of which half exceed {MOST_REFLECTED:,}")
    return (TWELVE_BITS,) if most <= MOST_OF_12_BITS else ()


def _check_scale(image: Image) -> None:
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
            f"{image.path}: expected reflectance, found {found} by {image.calibration}; {SCALE_REMEDY}"
        )


def _brightest(image: Image) -> tuple[float, bool]:
    """The largest number, and whether half of them exceed `MOST_REFLECTED`.

    Reading stops where it is clear that they aren't counts of 11 bits, or of 12 bits if it costs no
    network. An even image tells nothing: infinity.
    """
    enough = MOST_COUNT if is_remote(image.dataset.name) else MOST_OF_12_BITS
    low, high, looks = np.inf, 0.0, 0
    for pixels, valid in _glances(image):
        numbers = pixels[:, valid]
        if numbers.size and 2 * np.count_nonzero(numbers > MOST_REFLECTED) > numbers.size:
            return np.inf, True
        low = np.minimum(low, numbers.min(1, initial=MOST_OF_12_BITS))
        high = np.maximum(high, numbers.max(1, initial=0))
        looks += int(np.max(high) > MOST_COUNT)
        if np.max(high) > enough:
            return np.inf, False
        if looks == MOST_LOOKS:
            break
    return (float(np.max(high)) if np.any(low < high) else np.inf), False


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
