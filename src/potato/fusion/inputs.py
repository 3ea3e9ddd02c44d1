"""Opening what a user names: two files, or a delivery, which knows its own calibration.

`potato.deliveries` is loaded only if there is one: it would add a tenth to the time of a small
pair.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from potato.core.types import PathLike
from potato.errors import InputError
from potato.raster.band_finding import known_sensor
from potato.raster.gdal_env import gdal
from potato.raster.layer import Layer, Reading, as_layer, open_mul
from potato.raster.pair import Pair, open_pair
from potato.raster.sidecars import has_metadata_beside

if TYPE_CHECKING:
    from potato.deliveries.delivery import Delivery


@contextlib.contextmanager
def open_inputs(
    pan: PathLike | Layer, mul: PathLike | Layer | None, reading: Reading, folder: Path | None = None
) -> Iterator[Pair]:
    """Open a pair, inside `raster.gdal`; its notes say what was found and what was guessed.

    Args:
        pan: a pan; or a delivery, if `mul` is None: a folder, an archive or a metadata file.
        mul: a mul.
        reading: how to read them, where they don't say it themselves.
        folder: where to keep what was measured of a delivery, so that later runs agree; None to
            keep nothing.

    Raises:
        DeliveryError: if a delivery is incomplete, inconsistent or not understood.
        InputError, BandError, PairError: if the pair can't be used, as `raster.open_pair` says.
    """
    with gdal():
        delivery = _find_delivery(pan, mul, reading, folder)
        with _open_found(delivery, pan, mul, reading, folder) as pair:
            yield pair


def _open_found(
    delivery: "Delivery | None",
    pan: PathLike | Layer,
    mul: PathLike | Layer | None,
    reading: Reading,
    folder: Path | None,
) -> Pair:
    """Open a delivery or, without one, two files."""
    if delivery is None:
        assert mul is not None
        if reading.scale and reading.calibrate == "surface":
            return _open_hazy(pan, mul, reading, folder)
        return open_pair(pan, mul, reading=reading)
    from potato.deliveries.delivery import open_delivered

    return open_delivered(delivery, reading)


def _open_hazy(pan: PathLike | Layer, mul: PathLike | Layer, reading: Reading, folder: Path | None) -> Pair:
    """Open two files whose scale is given, without their haze."""
    from potato.deliveries.clearing import clear_files

    with open_mul(mul, reading) as (image, sensor, guess):
        coarse = reading.mul(replace(as_layer(mul), indexes=tuple(image.indexes)))
        haze = None if folder is None else kept_file(Path(coarse.path).stem, folder, "haze")
        layers = clear_files(reading.pan(pan), coarse, sensor, haze)
    pair = open_pair(*layers, reading=replace(reading, sensor=sensor, band_order=(), scale=()))
    told = "surface reflectance, haze of the whole pair subtracted"
    pair.notes = (told, *([guess] if guess else []), *pair.notes)
    return pair


def _find_delivery(
    pan: PathLike | Layer, mul: PathLike | Layer | None, reading: Reading, folder: Path | None
) -> "Delivery | None":
    """The delivery that was named, or that two files belong to; None for files without metadata."""
    sensor = known_sensor(reading.sensor) if isinstance(reading.sensor, str) else reading.sensor
    if mul is None:
        if isinstance(pan, Layer):
            raise InputError("expected a mul, or a delivery that has one, found a pan alone")
        from potato.deliveries.delivery import open_delivery

        whole = open_delivery(
            pan,
            product=reading.product,
            calibrate=reading.calibrate,
            allow_missing=reading.allow_missing,
            sensor=sensor,
            band_order=reading.band_order,
            trusting=True,
        )
        if reading.scale and whole.kind != "files":
            raise InputError(
                "expected --scale with a pan and a mul, found it with a delivery, whose metadata tell; "
                "name its files, or leave out --scale"
            )
        return _clear(whole, reading, folder)
    if reading.product:
        raise InputError("expected --product with a delivery, found it with a pan and a mul; leave it out")
    if isinstance(pan, Layer) or isinstance(mul, Layer) or reading.scale:
        return None
    products = None
    if has_metadata_beside(pan) and has_metadata_beside(mul):
        from potato.deliveries.delivery import open_layers
        from potato.deliveries.files import product_of_files

        products = product_of_files(pan, mul)
    if products is None:
        if reading.calibrate in ("toa", "surface"):
            raise InputError(
                f"{pan}: expected a vendor's metadata beside it for --calibrate "
                f"{reading.calibrate}, found none; name the folder of the delivery, or give --scale"
            )
        return None
    settings = reading.calibrate, reading.allow_missing, sensor, reading.band_order, True
    part, whole = (open_layers(product, *settings) for product in reversed(products))
    cleared = _clear(whole, reading, folder)
    return replace(
        cleared,
        pan=replace(part.pan, calibration=cleared.pan.calibration),
        mul=replace(part.mul, calibration=cleared.mul.calibration),
        parts=part.parts,
        whole=cleared.mul,
    )


def _clear(delivery: "Delivery", reading: Reading, folder: Path | None) -> "Delivery":
    """A delivery without haze, unless it is to have it."""
    from potato.deliveries.clearing import clear_haze

    if reading.calibrate in ("none", "toa"):
        return delivery
    return clear_haze(delivery, None if folder is None else kept_file(delivery.name, folder, "haze"))


def kept_file(name: str, folder: Path, what: str) -> Path:
    """The file that keeps the haze or the grade of a product in a folder."""
    plain = re.sub(r"[^\w.-]+", "_", name)
    return folder / f"{plain}.{what}.json"
