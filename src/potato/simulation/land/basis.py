"""The planes of simulated ground, and what each sensor sees of them.

Ground is simulated in nine planes: what pan and the bands of WorldView-2 see. They serve as a
spectral basis. Another sensor's pan and bands are mixtures of them, whose shares are in
`assets/planes.json`; `runs/fit_planes.py` fitted them to measured spectra, and states the errors.
"""

import functools
import json
from importlib import resources

import torch
from torch import Tensor

from potato.core.sensor_table import WORLDVIEW_2
from potato.core.sensors import Sensor
from potato.errors import InputError

BASIS = WORLDVIEW_2
"""The sensor whose pan and bands the planes are."""

PLANES = 1 + len(BASIS.bands)
"""Pan and the bands of `BASIS`, in this order: the length of a spectrum."""


@functools.cache
def _shares() -> dict[str, dict[str, list[float]]]:
    text = (resources.files("potato") / "assets" / "planes.json").read_text("utf-8")
    found: dict[str, dict[str, list[float]]] = json.loads(text)
    return found


def plane_shares(sensor: Sensor) -> Tensor | None:
    """The share of each plane in a sensor's pan and in each of its n bands.

    Returns:
        (1 + n, 9), not negative, each row of sum 1; None for sensors that see the planes
        themselves.

    Raises:
        InputError: if the package has no shares for the sensor.
    """
    if sensor.bands == BASIS.bands:
        return None
    rows = _shares().get(sensor.name, {})
    if (*rows,) != ("pan", *sensor.bands):
        raise InputError(
            f"expected a sensor whose spectral responses Potato knows ({', '.join(_shares())}), "
            f"found {sensor.title}"
        )
    return torch.tensor([*rows.values()])


def mix_planes(planes: Tensor, sensor: Sensor) -> Tensor:
    """What a sensor sees of planes (9, …): pan and its n bands (1 + n, …).

    The result is `planes` itself for a sensor that sees the planes.

    Raises:
        InputError: as `plane_shares` does.
    """
    shares = plane_shares(sensor)
    if shares is None:
        return planes
    return (shares @ planes.reshape(PLANES, -1)).reshape(-1, *planes.shape[1:])
