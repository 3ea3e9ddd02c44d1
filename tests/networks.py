"""Networks with random weights, and sensors of other ratios, for tests."""

import dataclasses

import torch

from potato.core.band_sets import BAND_SETS
from potato.core.sensor_table import GEOEYE_1, LANDSAT_8, PLEIADES_NEO_3, QUICKBIRD_2, WORKSHOP
from potato.core.sensors import Sensor
from potato.model.model import Architecture
from potato.model.network import Sharpener

OTHERS = (
    LANDSAT_8,
    QUICKBIRD_2,
    PLEIADES_NEO_3,
    *(dataclasses.replace(GEOEYE_1, name=f"ratio {ratio}", ratio=ratio) for ratio in (3, 5)),
    dataclasses.replace(WORKSHOP, name="ratio 6", ratio=6),
)
"""Sensors with other bands or another ratio than `WORKSHOP`."""


def random_network(
    sensor: Sensor = WORKSHOP, width: int = 8, depth: int = 3, std: float = 0.05, mul_sharpness: bool = True
) -> Sharpener:
    """A network whose weights are large enough to show in the output."""
    torch.manual_seed(width)
    network = Sharpener(Architecture(width, depth, sensor.bands, sensor.ratio, mul_sharpness), sensor)
    for layer in network.layers:
        torch.nn.init.normal_(layer.weight, std=std)
    return network.eval()


SHIPPED = {each.name: each.sensors[0] for each in BAND_SETS}
"""A sensor of each band set that weights may be shipped for."""
