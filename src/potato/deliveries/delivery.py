"""Opening a vendor's delivery: which pan and mul it holds, whole, calibrated and of one pass."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from potato.ard.walk import holds_items
from potato.core.radiometry import Calibration
from potato.core.sensors import Sensor
from potato.core.text import counted, first_names, one_line
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
from potato.deliveries.landsat import find_landsat
from potato.deliveries.layout import check_models, make_layer, named_bands, order_bands, with_bands
from potato.deliveries.maxar import find_maxar
from potato.deliveries.product import Product, VendorBand, VendorImage
from potato.deliveries.radiance_files import calibrated
from potato.deliveries.sense import sensible
from potato.deliveries.stac_items import find_items
from potato.errors import BandError, CalibrationError, DeliveryError
from potato.raster.coordinates import Grid
from potato.raster.layer import Layer, Reading
from potato.raster.nesting import LEAST_RATIO
from potato.raster.pair import Pair, open_pair
from potato.raster.sidecars import DESCRIPTIONS

READERS = (find_landsat, find_dimap, find_maxar)
"""Readers of metadata; images that none of them knows are files without metadata."""

FORMATS = (*DRIVERS, *OTHER_DRIVERS, "ENVI")
"""Formats of images in a delivery, for a message."""

RATIO_TOLERANCE = 0.02
"""Share by which the ratio of pan's and mul's pixels may differ from the sensor's."""

WORDS = {"surface": "surface reflectance", "toa": "top-of-atmosphere reflectance"}

UNREAD = dict.fromkeys((".rar", ".7z"), "unpack it, and name the folder")
UNREAD |= dict.fromkeys((".he5", ".h5", ".nc"), "export its pan and its bands as GeoTIFFs first")
"""What to do about files that may hold images, but aren't looked into."""

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
        refusal: what to raise if its numbers can't be reflectance; None if metadata say what they
            are.
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
    refusal: CalibrationError | None = None

    def __str__(self) -> str:
        """One line for people."""
        files = f"pan in {counted(self.parts[0], 'file')}, mul in {counted(self.parts[1], 'file')}"
        facts = (self.sensor.title, self.date, self.level, files, self.calibration)
        lost = f"{counted(len(self.missing), 'file')} missing" if self.missing else ""
        return one_line(f"{self.name}: " + ", ".join(filter(None, (*facts, lost))))


def is_delivery(path: PathLike) -> bool:
    """Whether a path may be a delivery: a folder, an archive, or a metadata file."""
    name = os.fspath(path)
    described = name.lower().endswith(DESCRIPTIONS)
    return Path(name).is_dir() or bool(archive_kind(name)) or described or _is_item(name)


def _is_item(name: str) -> bool:
    """Whether a name is that of a local file that may be a STAC item."""
    return name.lower().endswith(".json") and Path(name).is_file()


def find_products(path: PathLike, sensor: Sensor | None = None) -> tuple[Product, ...]:
    """What a folder, an archive or a metadata file holds, by its metadata; no pan or mul is opened.

    Args:
        path: a folder, a .zip or a .tar; or the .TIL, .IMD, .XML, MTL.txt or STAC item of one
            product.
        sensor: the sensor, if it is known, for files whose metadata don't name it.

    Raises:
        DeliveryError: if there is no imagery, or metadata can't be understood.
    """
    name = os.fspath(path)
    if Path(name).is_file() and (name.lower().endswith(DESCRIPTIONS) or _is_item(name)):
        return _product_of(name, sensor)
    contents = list_contents(name)
    if holds_items(contents.names):
        raise DeliveryError(
            f"{name}: expected a delivery, found an ARD; sharpen it by potato fuse-ard {name} OUT"
        )
    with sensible(name):
        products = [product for find in READERS for product in find(contents)] or find_items(contents)
        if not products:
            products = [calibrated(product) for product in find_files(contents, sensor)]
    if not products:
        raise DeliveryError(
            f"{name}: expected images ({', '.join(FORMATS)}), found none in "
            f"{counted(len(contents.names), 'file')}{_unpack(contents)}"
        )
    # Names come from strangers' files.
    return tuple(replace(one, name=one_line(one.name)) for one in _join_halves(products))


def _unpack(contents: Contents) -> str:
    """What to do about archives and other files without images: the end of a message."""
    packed = contents.ending(*ARCHIVES)
    if packed and archive_kind(contents.path):
        return f"; unpack it, and name the archive in it ({packed[0]})"
    if packed:
        return f"; name the archive in it: {contents.gdal_name(packed[0])}"
    for name in contents.ending(*UNREAD):
        return f"; {UNREAD[PurePosixPath(name).suffix.lower()]} ({name})"
    root = Path(contents.path)
    links = [one for one in root.iterdir() if one.is_symlink()] if root.is_dir() else []
    for link in filter(Path.is_dir, links):
        return f"; folders that are links aren't followed: name the one that {link.name} leads to"
    return "; if they have another format, name pan and mul"


def open_delivery(
    path: PathLike,
    *,
    product: str | None = None,
    calibrate: Calibrate = "auto",
    allow_missing: bool = False,
    sensor: Sensor | None = None,
    band_order: Sequence[str] = (),
    trusting: bool = False,
) -> Delivery:
    """Find the pan and the mul of a delivery; its haze is left to `clear_haze`.

    Args:
        path: a folder, a .zip or a .tar; or the .TIL, .IMD, .XML, MTL.txt or STAC item of one
            product.
        product: the name of the product, or the end of it (`P002`), if there are several.
        calibrate: what counts become. For `surface`, they become `toa`, from which `clear_haze`
            subtracts the haze of the whole product. `auto` is `surface`, but `none` for files
            without metadata.
        allow_missing: whether files that the metadata name may be missing; their ground is invalid.
        sensor: the sensor, if the metadata don't name it.
        band_order: names of mul's bands in the order of its files, in place of those that metadata
            or files state.
        trusting: whether to take numbers for reflectance where `auto` lacks Maxar's constants;
            `open_delivered` refuses those that can't be.

    Raises:
        DeliveryError: if the delivery is incomplete, inconsistent or not understood.
    """
    found = find_products(path, sensor)
    products = [one for one in found if one.name.lower().endswith((product or "").lower())]
    if len(products) != 1:
        names = ", ".join(one.name for one in found)
        raise DeliveryError(
            f"{os.fspath(path)}: expected one product, found {names}; choose one (--product NAME)"
        )
    return open_layers(products[0], calibrate, allow_missing, sensor, band_order, trusting)


def open_layers(
    product: Product,
    calibrate: Calibrate = "auto",
    allow_missing: bool = False,
    sensor: Sensor | None = None,
    band_order: Sequence[str] = (),
    trusting: bool = False,
) -> Delivery:
    """The pan and the mul of a product; its haze is left to `clear_haze`.

    The arguments are those of `open_delivery`.

    Raises:
        DeliveryError: if the product is incomplete, inconsistent or not understood.
    """
    with sensible(product.contents.path):
        try:
            return _open_layers(product, calibrate, allow_missing, sensor, band_order)
        except CalibrationError as error:
            # Other vendors say whether numbers are counts, so only Maxar's may be something else.
            if not trusting or calibrate != "auto" or product.kind != "maxar":
                raise
            plain = _open_layers(product, "none", allow_missing, sensor, band_order)
            note = "its metadata lack constants, so its numbers are taken for reflectance × 10,000"
            return replace(plain, refusal=error, notes=(*plain.notes, note))


def open_delivered(delivery: Delivery, reading: Reading) -> Pair:
    """Open the pan and the mul of a delivery.

    Args:
        delivery: from `open_layers`.
        reading: its scale, for files without metadata, and its nodata values count.

    Raises:
        CalibrationError: if its metadata lack constants, and its numbers can't be reflectance.
        InputError, BandError, PairError: if the pair can't be used, as `raster.open_pair` says.
    """
    scale = reading.scale if delivery.kind == "files" else ()
    own = replace(reading, sensor=delivery.sensor, band_order=(), scale=scale)
    try:
        pair = open_pair(delivery.pan, delivery.mul, reading=own)
    except BandError as error:
        raise delivery.refusal or error from None
    pair.notes = (str(delivery), *delivery.notes, *pair.notes)
    pair.product, pair.whole = delivery.name, delivery.whole
    return pair


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
            f"{first_names(missing)}; fetch the delivery again, or leave a hole "
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
    # Files that aren't on a vendor's grid may be anybody's, such as aerial photographs of ratio 3.
    if product.kind not in ("files", "radiance") and abs(ratio / known.ratio - 1) > RATIO_TOLERANCE:
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


def _product_of(name: str, sensor: Sensor | None) -> tuple[Product, ...]:
    """The product that a metadata file describes, with its other half in the folders around it."""
    file = Path(name)
    for folder in (file.parent, file.parent.parent):
        products = find_products(folder, sensor)
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
