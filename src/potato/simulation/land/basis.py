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

from potato.core.sensor_table import SENSORS, WORLDVIEW_2
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
        InputError: if the sensor's spectral responses aren't known.
    """
    if sensor.bands == BASIS.bands:
        return None
    rows = _shares().get(sensor.name, {})
    if (*rows,) != ("pan", *sensor.bands):
        raise InputError(
            f"expected a sensor whose spectral responses are known ({', '.join(_shares())}), "
            f"found {sensor.title}"
        )
    return torch.tensor([*rows.values()])


def random_shares(sensor: Sensor, generator: torch.Generator) -> Tensor | None:
    """The `plane_shares` of a sensor; where its responses aren't known, a random guess at them.

    A guess is a random mixture of two sensors with these bands and this ratio, so that a network
    for them learns what it can't know of a sensor.

    Raises:
        InputError: if there is no such sensor either.
    """
    known = [each for each in SENSORS if each.name in _shares() and each.fits(sensor)]
    if sensor.bands == BASIS.bands or sensor in known or not known:
        return plane_shares(sensor)
    first, second = (
        plane_shares(known[int(number)]) for number in torch.randint(len(known), (2,), generator=generator)
    )
    assert first is not None and second is not None
    return torch.lerp(first, second, torch.rand((), generator=generator))


def mix_planes(planes: Tensor, shares: Tensor | None) -> Tensor:
    """What a sensor of such `plane_shares` sees of planes (9, …): pan and n bands (1 + n, …).

    Without shares, the result is `planes` itself.
    """
    if shares is None:
        return planes
    return (shares @ planes.reshape(PLANES, -1)).reshape(-1, *planes.shape[1:])
