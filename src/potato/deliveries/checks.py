"""Checks of a product before it is opened: one pan, one mul, one pass, a sensor, constants."""

from collections.abc import Sequence
from typing import Literal

from potato.core.advice import STACK
from potato.core.platforms import find_sensor, guess_sensor, guess_unnamed, left_out, sensor_in_name
from potato.core.sensors import Sensor
from potato.core.text import first_names
from potato.core.unfit_satellites import unfit_file, unfit_platform
from potato.deliveries.product import Product, VendorImage
from potato.errors import CalibrationError, DeliveryError
from potato.raster.band_finding import unknown_bands

Calibrate = Literal["auto", "none", "toa", "surface"]
"""What counts become: `toa` or `surface` reflectance; `auto` is `surface`, but for bare files."""

_BUNDLE = "order pan and multispectral as a bundle"
_LEVEL_1 = "Landsat's level 2 has no pan: put the scene of level 1 beside it"


def choose_pair(product: Product) -> tuple[VendorImage, VendorImage]:
    """The pan and the mul of a product.

    Raises:
        DeliveryError: if there isn't one of each, or they show different passes.
    """
    path, pair = product.contents.path, []
    for role in ("pan", "mul"):
        images = [image for image in product.images if image.role == role]
        if len(images) > 1:
            raise DeliveryError(
                f"{path}: expected one {role} in {product.name}, found {_listed(images)}; give pan and mul "
                "by name"
            )
        if not images:
            raise DeliveryError(
                f"{path}: expected a pan and a mul, found no {role} beside {_listed(product.images)}; "
                f"{_advice(role, product)}"
            )
        pair += images
    for image in pair:
        if image.refusal:
            raise DeliveryError(f"{path}: {image.refusal}")
    pan, mul = pair
    if pan.passes and mul.passes and pan.passes.isdisjoint(mul.passes):
        raise DeliveryError(
            f"{path}: expected pan and mul of one pass, found {', '.join(sorted(pan.passes))} and "
            f"{', '.join(sorted(mul.passes))}; put each product into a folder of its own"
        )
    return pan, mul


def _listed(images: Sequence[VendorImage]) -> str:
    """The first names of images, for a message."""
    names = [image.metadata + " (sharpened already)" * (image.role == "sharp") for image in images]
    return first_names(names) or "masks"


def _advice(role: str, product: Product) -> str:
    """What to do about a pan or a mul that isn't there."""
    roles = [image.role for image in product.images]
    unfit = (unfit_platform(one.platform) or unfit_file(one.metadata) for one in product.images)
    for satellite in filter(None, unfit):
        return str(satellite)
    if role == "pan":
        return f"{_BUNDLE} ({_LEVEL_1})" if product.kind == "landsat" else _BUNDLE
    if "band" in roles:
        return (
            f"stack the files of its bands, in an order that you know ({STACK}), then give pan, OUT and "
            "their names (--band-order)"
        )
    return _BUNDLE


def name_sensor(
    product: Product, pan: VendorImage, mul: VendorImage, sensor: Sensor | None
) -> tuple[Sensor, tuple[str, ...]]:
    """The sensor of a product, and what was guessed."""
    path, platform = product.contents.path, mul.platform or pan.platform
    if pan.platform and mul.platform and pan.platform != mul.platform:
        raise DeliveryError(
            f"{path}: expected pan and mul of one satellite, found {pan.platform} and {mul.platform}; "
            "put each product into a folder of its own"
        )
    found = find_sensor(platform, len(mul.bands)) if platform else None
    if sensor is not None and found is not None:
        # Some satellites have a record for all bands, and one for four.
        if sensor not in (found, find_sensor(platform)):
            raise DeliveryError(
                f"{path}: expected the sensor that its metadata name, {found.title}, found {sensor.title}; "
                "leave out --sensor"
            )
        return found, ()
    if sensor is not None:
        return sensor, ()
    if platform:
        if found is None:
            unfit = unfit_platform(platform)
            remedy = (
                "if it sees blue, green and red, name one whose bands are like its (--sensor, see potato "
            )
            raise DeliveryError(
                f"{path}: expected a satellite that Potato knows, found {platform}; "
                + (str(unfit) if unfit else f"{remedy}sensors)")
            )
        return found, ()
    names = [band.name for band in mul.bands]
    guess = sensor_in_name(mul.metadata, len(names)) or guess_sensor(names)
    if guess is None and not any(names):
        guess = guess_unnamed(len(names))
    if guess is None:
        raise DeliveryError(unknown_bands(f"{path}: {mul.metadata}", names))
    told = f"took the bands of {mul.metadata} for those of {guess.title}{left_out(names, guess)}"
    return guess, (f"{told}; --sensor names another",)


def choose_calibration(
    product: Product, pan: VendorImage, mul: VendorImage, calibrate: Calibrate
) -> Literal["none", "toa", "surface"]:
    """The reflectance that counts become; for `auto`, as the metadata allow.

    Raises:
        CalibrationError: if the metadata lack the constants.
        DeliveryError: if there is nothing to calibrate.
    """
    if calibrate == "none" or (calibrate == "auto" and product.kind == "files"):
        return "none"
    for image in (pan, mul):
        if not image.reflectance:
            why = image.unknown or f"{image.metadata}: expected a vendor's metadata beside it, found none"
            raise CalibrationError(
                f"{product.contents.path}: {why}; counts can't become reflectance without them: fetch the "
                "metadata again, or take the files as they are (--calibrate none)"
            )
    if calibrate == "toa" and "surface" in (pan.reflectance, mul.reflectance):
        raise DeliveryError(
            f"{product.contents.path}: expected counts, found surface reflectance already; leave out "
            "--calibrate toa"
        )
    return "toa" if calibrate == "toa" else "surface"
