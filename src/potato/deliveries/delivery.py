"""Opening a vendor's delivery: which pan and mul it holds, whole, calibrated and of one pass."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from potato.ard.walk import holds_items
from potato.core.radiometry import Calibration
from potato.core.sensors import Sensor
from potato.core.text import counted
from potato.core.types import PathLike
from potato.deliveries.bare_files import find_files
from potato.deliveries.checks import Calibrate, choose_calibration, choose_pair, name_sensor
from potato.deliveries.contents import (
    ARCHIVES,
    DRIVERS,
    OTHER_DRIVERS,
    Contents,
    archive_kind,
    list_contents,
)
from potato.deliveries.dimap import find_dimap
from potato.deliveries.haze import estimate_haze, keep_haze
from potato.deliveries.landsat import find_landsat
from potato.deliveries.layout import check_models, make_layer, named_bands, order_bands, with_bands
from potato.deliveries.maxar import find_maxar
from potato.deliveries.product import Product, VendorBand, VendorImage
from potato.deliveries.radiance_files import calibrated
from potato.deliveries.sense import sensible
from potato.errors import DeliveryError
from potato.raster.coordinates import Grid
from potato.raster.layer import Layer
from potato.raster.nesting import LEAST_RATIO
from potato.raster.sidecars import DESCRIPTIONS

READERS = (find_landsat, find_dimap, find_maxar)
"""Readers of metadata, of which the first that finds any is asked."""

FORMATS = (*DRIVERS, *OTHER_DRIVERS, "ENVI")
"""Formats of images in a delivery, for a message."""

RATIO_TOLERANCE = 0.02
"""Share by which the ratio of pan's and mul's pixels may differ from the sensor's."""

WORDS = {"surface": "surface reflectance", "toa": "top-of-atmosphere reflectance"}

_HALF = re.compile(r"_(PAN|MUL|P|MS|MS-FS)(?![A-Za-z])|^IMG_", re.IGNORECASE)
"""Names of folders that hold one half of a product."""


@dataclass(frozen=True)
class Delivery:
    """A pan and a mul that a vendor delivered together, ready to be opened.

    Attributes:
        name: the vendor's name of the product.
        path: what was opened, as the user named it.
        kind: `maxar`, `dimap`, `landsat`, `radiance` or `files`.
        sensor: the sensor.
        pan, mul: to be given to `open_pair`.
        date: `yyyy-mm-dd`, or empty.
        level: the vendor's word for the processing of mul.
        parts: how many files of pan and of mul were found.
        calibration: what the layers' numbers become, in words.
        missing: files that the metadata name and that aren't there; their ground is invalid.
        notes: what was guessed, a line each.
        whole: mul of the whole product, if `mul` is a part of it.
    """

    name: str
    path: str
    kind: str
    sensor: Sensor
    pan: Layer
    mul: Layer
    date: str
    level: str
    parts: tuple[int, int]
    calibration: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    whole: Layer | None = None

    def __str__(self) -> str:
        """One line for people."""
        files = f"pan in {counted(self.parts[0], 'file')}, mul in {counted(self.parts[1], 'file')}"
        facts = (self.sensor.title, self.date, self.level, files, self.calibration)
        lost = f"{counted(len(self.missing), 'file')} missing" if self.missing else ""
        return f"{self.name}: " + ", ".join(filter(None, (*facts, lost)))


def is_delivery(path: PathLike) -> bool:
    """Whether a path may be a delivery: a folder, an archive, or a metadata file."""
    name = os.fspath(path)
    return Path(name).is_dir() or bool(archive_kind(name)) or name.lower().endswith(DESCRIPTIONS)


def find_products(path: PathLike) -> tuple[Product, ...]:
    """What a folder, an archive or a metadata file holds, by its metadata; no pan or mul is opened.

    Args:
        path: a folder, a .zip or a .tar; or the .TIL, .IMD, .XML or MTL.txt of one product.

    Raises:
        DeliveryError: if there is no imagery, or metadata can't be understood.
    """
    name = os.fspath(path)
    if Path(name).is_file() and name.lower().endswith(DESCRIPTIONS):
        return _product_of(name)
    contents = list_contents(name)
    if holds_items(contents.names):
        raise DeliveryError(
            f"{name}: expected a delivery, found an ARD; sharpen it by potato fuse-ard {name} OUT"
        )
    with sensible(name):
        products = next((found for find in READERS if (found := find(contents))), None)
        if products is None:
            products = [calibrated(product) for product in find_files(contents)]
    if not products:
        raise DeliveryError(
            f"{name}: expected images ({', '.join(FORMATS)}), found none in "
            f"{counted(len(contents.names), 'file')}{_unpack(contents)}"
        )
    return tuple(_join_halves(products))


def _unpack(contents: Contents) -> str:
    """What to do about archives among files without images: the end of a message."""
    packed = contents.ending(*ARCHIVES)
    if not packed:
        return "; if they have another format, name pan and mul"
    if archive_kind(contents.path):
        return f"; unpack it, and name the archive in it ({packed[0]})"
    return f"; name the archive in it: {contents.gdal_name(packed[0])}"


def open_delivery(
    path: PathLike,
    *,
    product: str | None = None,
    calibrate: Calibrate = "auto",
    allow_missing: bool = False,
    sensor: Sensor | None = None,
    band_order: Sequence[str] = (),
) -> Delivery:
    """Find the pan and the mul of a delivery; its haze is left to `clear_haze`.

    Args:
        path: a folder, a .zip or a .tar; or the .TIL, .IMD, .XML or MTL.txt of one product.
        product: the name of the product, or the end of it (`P002`), if there are several.
        calibrate: what counts become. For `surface`, they become `toa`, from which `clear_haze`
            subtracts the haze of the whole product. `auto` is `surface`, but `none` for files
            without metadata.
        allow_missing: whether files that the metadata name may be missing; their ground is invalid.
        sensor: the sensor, if the metadata don't name it.
        band_order: names of mul's bands in the order of its files, in place of those that metadata
            or files state.

    Raises:
        DeliveryError: if the delivery is incomplete, inconsistent or not understood.
    """
    found = find_products(path)
    products = [one for one in found if one.name.lower().endswith((product or "").lower())]
    if len(products) != 1:
        names = ", ".join(one.name for one in found)
        raise DeliveryError(
            f"{os.fspath(path)}: expected one product, found {names}; choose one (--product NAME)"
        )
    return open_layers(products[0], calibrate, allow_missing, sensor, band_order)


def open_layers(
    product: Product,
    calibrate: Calibrate = "auto",
    allow_missing: bool = False,
    sensor: Sensor | None = None,
    band_order: Sequence[str] = (),
) -> Delivery:
    """The pan and the mul of a product; its haze is left to `clear_haze`.

    The arguments are those of `open_delivery`.

    Raises:
        DeliveryError: if the product is incomplete, inconsistent or not understood.
    """
    with sensible(product.contents.path):
        return _open_layers(product, calibrate, allow_missing, sensor, band_order)


def _open_layers(
    product: Product,
    calibrate: Calibrate,
    allow_missing: bool,
    sensor: Sensor | None,
    band_order: Sequence[str],
) -> Delivery:
    contents = product.contents
    pan, mul = (with_bands(contents, image) for image in choose_pair(product))
    missing = pan.missing + mul.missing
    if missing and not allow_missing:
        raise DeliveryError(
            f"{contents.path}: expected all files that the metadata name, found no "
            f"{', '.join(missing[:3])}{' …' * (len(missing) > 3)}; fetch the delivery again, or leave a hole "
            "(--allow-missing)"
        )
    check_models(contents, pan, mul)
    mul = named_bands(mul, band_order, contents.path)
    known, notes = name_sensor(product, pan, mul, sensor)
    bands = order_bands(contents, mul, known)
    wanted = choose_calibration(product, pan, mul, calibrate)
    fine = (pan.bands or (VendorBand("pan", 0, 1),))[:1]
    pan_layer, pan_grid = make_layer(contents, pan, fine, _calibration(pan, fine, wanted))
    mul_layer, mul_grid = make_layer(contents, mul, bands, _calibration(mul, bands, wanted))
    ratio = _ratio(pan_grid, mul_grid)
    if ratio < LEAST_RATIO:
        raise DeliveryError(
            f"{contents.path}: expected pixels of mul that are larger than those of pan, found them "
            f"{ratio:.3g} times as wide in {mul.metadata} as in {pan.metadata}: nothing is left to sharpen"
        )
    if abs(ratio / known.ratio - 1) > RATIO_TOLERANCE:
        raise DeliveryError(
            f"{contents.path}: expected pixels of mul {known.ratio} times as wide as those of pan, as "
            f"{known.title} has them, found {ratio:.3g} times; pan and mul aren't of one product"
        )
    return Delivery(
        name=product.name,
        path=contents.path,
        kind=product.kind,
        sensor=known,
        pan=pan_layer,
        mul=mul_layer,
        date=mul.date,
        level=mul.level,
        parts=(pan.found, mul.found),
        calibration="as the files state" if wanted == "none" else WORDS[mul.reflectance],
        missing=missing,
        notes=(*product.notes, *notes),
    )


def _ratio(pan: Grid, mul: Grid) -> float:
    """Pan pixels along a side of a mul pixel; by their numbers, where no grid has a place."""
    if not pan.placed and not mul.placed:
        return pan.width / mul.width
    return float(abs(mul.transform.determinant / pan.transform.determinant) ** 0.5)


def clear_haze(delivery: Delivery, haze_file: PathLike | None = None) -> Delivery:
    """A delivery without haze in those of its layers that are top-of-atmosphere reflectance.

    Args:
        delivery: from `open_layers`.
        haze_file: a JSON file that keeps the haze for later runs; None to keep nothing.

    Raises:
        DeliveryError: if the file is another product's.
        InputError: if an image can't be read.
    """
    layers = {"pan": delivery.pan, "mul": delivery.mul}
    hazy = [role for role, layer in layers.items() if _is_hazy(layer)]
    if not hazy:
        return delivery
    sensors = {"pan": None, "mul": delivery.sensor}
    bands = {"pan": ("pan",), "mul": delivery.sensor.bands}

    def estimate() -> dict[str, float]:
        found = [estimate_haze(layers[role], sensors[role]) for role in hazy]
        return {band: haze for one in found for band, haze in one.items()}

    needed = [band for role in hazy for band in bands[role]]
    haze = keep_haze(haze_file, delivery.name, needed, estimate)
    told = f"{WORDS['surface']}, haze of the whole product subtracted"
    pan, mul = (_subtract(layer, haze, bands[role]) for role, layer in layers.items())
    return replace(delivery, pan=pan, mul=mul, calibration=told)


def _product_of(name: str) -> tuple[Product, ...]:
    """The product that a metadata file describes, with its other half in the folders around it."""
    file = Path(name)
    for folder in (file.parent, file.parent.parent):
        products = find_products(folder)
        found = tuple(
            one
            for one in products
            if any((folder / image.metadata).with_suffix("") == file.with_suffix("") for image in one.images)
        )
        if any({"pan", "mul"} <= {image.role for image in one.images} for one in found):
            return found
        # Vendors put pan and mul into folders of their own, named after them.
        if not _HALF.search(file.parent.name):
            break
    return found or products


def _join_halves(products: list[Product]) -> list[Product]:
    """Products, with a lone pan and a lone mul taken for one; it is refused if they don't match."""
    halves = [one for one in products if len({image.role for image in one.images} & {"pan", "mul"}) == 1]
    if len(halves) != 2:
        return products
    first, second = halves
    joined = Product(first.name, first.kind, first.contents, first.images + second.images)
    return [one for one in products if one not in halves] + [joined]


def _calibration(image: VendorImage, bands: Sequence[VendorBand], wanted: str) -> Calibration | None:
    """Gains and offsets of some bands of an image; None for those of the file."""
    scales = [(band.gain, band.offset) for band in bands if band.gain is not None and band.offset is not None]
    if wanted == "none" or len(scales) != len(bands):
        return None
    gains, offsets = zip(*scales, strict=True)
    return Calibration(gains, offsets, image.reflectance)


def clear_files(
    pan: Layer, mul: Layer, sensor: Sensor, haze_file: PathLike | None = None
) -> tuple[Layer, Layer]:
    """Two files whose calibration is known, without their haze.

    Args:
        pan: with a calibration.
        mul: with a calibration.
        sensor: that of the pair.
        haze_file: a JSON file that keeps the haze for later runs; None to keep nothing.

    Raises:
        DeliveryError: if the file is another product's.
        InputError: if an image can't be read.
    """
    layers = [_by_band(layer, count) for layer, count in ((pan, 1), (mul, len(sensor.bands)))]
    name = f"{Path(pan.path).name}, {Path(mul.path).name}"

    def estimate() -> dict[str, float]:
        return estimate_haze(layers[0], None) | estimate_haze(layers[1], sensor)

    haze = keep_haze(haze_file, name, ("pan", *sensor.bands), estimate)
    return _subtract(layers[0], haze, ("pan",)), _subtract(layers[1], haze, sensor.bands)


def _by_band(layer: Layer, bands: int) -> Layer:
    """A layer whose calibration has a gain and an offset for each band, with haze."""
    assert layer.calibration is not None
    gains, offsets = (
        values * (bands if len(values) == 1 else 1)
        for values in (layer.calibration.gains, layer.calibration.offsets)
    )
    return replace(layer, calibration=Calibration(gains, offsets, "toa"))


def _is_hazy(layer: Layer) -> bool:
    return layer.calibration is not None and layer.calibration.product == "toa"


def _subtract(layer: Layer, haze: Mapping[str, float], bands: Sequence[str]) -> Layer:
    """A layer without the haze of its bands, if it has any."""
    if layer.calibration is None or not _is_hazy(layer):
        return layer
    pairs = zip(layer.calibration.offsets, bands, strict=True)
    offsets = tuple(offset - haze.get(band, 0.0) for offset, band in pairs)
    return replace(layer, calibration=Calibration(layer.calibration.gains, offsets, "surface"))
