"""Layers without the haze that their products have."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from potato.core.radiometry import Calibration
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.deliveries.delivery import WORDS, Delivery
from potato.deliveries.haze import estimate_haze, keep_haze
from potato.raster.layer import Layer

CLEARED = f"{WORDS['surface']}, haze of the whole product subtracted"
"""What numbers of a delivery become, in words, if it has haze to be subtracted."""


def as_cleared(delivery: Delivery) -> Delivery:
    """A delivery whose line says what `clear_haze` will do, without having read a pixel."""
    hazy = _is_hazy(delivery.pan) or _is_hazy(delivery.mul)
    return replace(delivery, calibration=CLEARED) if hazy else delivery


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
    pan, mul = (_subtract(layer, haze, bands[role]) for role, layer in layers.items())
    return replace(delivery, pan=pan, mul=mul, calibration=CLEARED)


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
