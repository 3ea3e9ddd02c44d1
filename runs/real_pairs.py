"""The real pairs of a folder of development data, as other programs here open them.

DATA holds `wv2/` and `wv3/` with reflectance, `pairs/` with counts of unknown scale, as
`NAME-pan.tif` and `NAME-ms.tif`, and `landsat8/`, a scene as USGS delivers it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import rasterio
import torch
from torch import Tensor

from potato.core.platforms import find_sensor
from potato.core.radiometry import Calibration
from potato.core.resample import block_mean
from potato.core.sensors import Sensor
from potato.deliveries.delivery import open_delivery
from potato.raster.layer import Layer

PAIRS = {
    "wv2": "WV02",
    "wv3": "WV03",
    "geoeye1-left": "GE01",
    "quickbird": "QB02",
    "ikonos-left": "IK02",
    "pleiades-park": "PHR1A",
    "spot6-cropland": "SPOT6",
    "gaofen2-a": "GF2",
    "gaofen2-b": "GF2",
}
"""The sensor of each pair of files."""

LANDSAT = "landsat8"
"""The folder of the Landsat scene."""

REFLECTANCE = ("wv2", "wv3")
"""Pairs whose numbers are reflectance already."""

DARKEST, GREY = 0.01, 0.22
"""Reflectance of the darkest thousandth of a band, and of bright ground without vegetation."""


class RealPair(NamedTuple):
    """A pair: its name, pan and mul as `open_pair` takes them, and its sensor."""

    name: str
    pan: Path | Layer
    mul: Path | Layer
    sensor: Sensor


def find_pairs(data: Path) -> Iterator[RealPair]:
    """The pairs that are there."""
    for name, platform in PAIRS.items():
        sensor = find_sensor(platform)
        assert sensor is not None
        for pan in data.glob(f"*/{name}-pan.tif"):
            mul = pan.with_name(f"{name}-ms.tif")
            layers = (pan, mul) if name in REFLECTANCE else _calibrated(pan, mul)
            yield RealPair(name, *layers, sensor)
    if (data / LANDSAT).is_dir():
        scene = open_delivery(data / LANDSAT)
        yield RealPair(LANDSAT, scene.pan, scene.mul, scene.sensor)


def _calibrated(pan: Path, mul: Path) -> tuple[Layer, Layer]:
    with rasterio.open(pan) as pan_file, rasterio.open(mul) as mul_file:
        images = [torch.from_numpy(file.read().astype(float))[None] for file in (pan_file, mul_file)]
    gains, darkest = calibrate(*images)
    offsets = DARKEST - darkest * gains
    layers = []
    for path, part in ((pan, slice(-1, None)), (mul, slice(0, -1))):
        found = Calibration(tuple(gains[part].tolist()), tuple(offsets[part].tolist()), "approximate")
        layers.append(Layer(str(path), str(path), calibration=found))
    return layers[0], layers[1]


def calibrate(pan: Tensor, mul: Tensor) -> tuple[Tensor, Tensor]:
    """An approximate calibration of counts of blue, green, red, near infrared.

    The darkest thousandth of each band becomes `DARKEST`, and bright ground without vegetation
    `GREY`.

    Args:
        pan: (1, 1, 4h, 4w).
        mul: (1, 4, h, w).

    Returns:
        Reflectance of one count, and the darkest counts, of mul's bands and then of pan (5,).
    """
    height, width = mul.shape[-2:]
    counts = torch.cat([mul, block_mean(pan[..., : 4 * height, : 4 * width], 4)], 1)
    darkest = torch.quantile(counts.flatten(2)[..., :: 1 + counts[0, 0].numel() // 2**20], 0.001, 2)[0]
    light = (counts - darkest[:, None, None]).clamp_min(0)
    visible = light[:, :3].sum(1)
    ratio = light[:, 3] / light[:, 2].clamp_min(1)
    bright = visible > visible.quantile(0.6)
    bare = bright & (ratio < ratio[bright].quantile(0.4))
    return GREY / torch.stack([band[bare].mean() for band in light.unbind(1)]), darkest
