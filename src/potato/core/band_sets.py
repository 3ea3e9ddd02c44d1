"""Band sets: sensors with the same bands and ratio, whose pairs one network can read."""

from dataclasses import dataclass

from potato.core.platforms import find_sensor
from potato.core.sensor_table import (
    LANDSAT_7,
    LANDSAT_8,
    LANDSAT_9,
    LANDSAT_BGRN,
    LEGION,
    PLEIADES_NEO_3,
    PLEIADES_NEO_4,
    SENSORS,
    WORLDVIEW_2,
    WORLDVIEW_3,
)
from potato.core.sensors import Sensor
from potato.errors import InputError


@dataclass(frozen=True)
class BandSet:
    """Sensors with the same bands and ratio.

    Attributes:
        name: ours, such as `bgrn`.
        sensors: those whose pairs are simulated to train its network, at least one. It serves all
            with these bands and this ratio.
    """

    name: str
    sensors: tuple[Sensor, ...]


FOUR_BAND_SENSORS = (
    *("WV-BGRN", "LG-BGRN", "GE01", "WV04", "QB02", "IK02", "PHR1A", "PHR1B", "PNEO-BGRN", "SPOT6", "SPOT7"),
    *("SkySat", "GF6", "GF1", "GF2", "SV1", "CBERS4A", "K3", "K3A", "PER1", "VIS1", "DMC3", "JL1"),
    "four-band",
)
"""Those of `bgrn`. Others that borrow the numbers of these would only be more of the same."""

BAND_SETS = (
    BandSet("worldview", (WORLDVIEW_2, WORLDVIEW_3)),
    BandSet("legion", LEGION),
    BandSet("bgrn", tuple(each for each in SENSORS if each.name in FOUR_BAND_SENSORS)),
    BandSet("neo", (PLEIADES_NEO_3, PLEIADES_NEO_4)),
    BandSet("landsat", (LANDSAT_8, LANDSAT_9)),
    BandSet("landsat-bgrn", (LANDSAT_7, LANDSAT_BGRN)),
)
"""The sets that `runs/reference.sh` makes weights for."""


def find_set(sensor: Sensor) -> BandSet | None:
    """The set that a sensor belongs to; None for none.

    Example:
        >>> from potato.core.sensor_table import GEOEYE_1, LANDSAT_7
        >>> find_set(GEOEYE_1).name, find_set(LANDSAT_7).name
        ('bgrn', 'landsat-bgrn')
    """
    return next((each for each in BAND_SETS if each.sensors[0].fits(sensor)), None)


def choose_sensors(name: str) -> tuple[Sensor, ...]:
    """The sensors of a set, or the one sensor of a name.

    Raises:
        InputError: if there is no set and no sensor of that name.

    Example:
        >>> [sensor.name for sensor in choose_sensors("neo")]
        ['PNEO3', 'PNEO4']
    """
    for each in BAND_SETS:
        if each.name == name.lower():
            return each.sensors
    sensor = find_sensor(name)
    if sensor is None:
        sets = ", ".join(each.name for each in BAND_SETS)
        raise InputError(f"expected one of {sets}, or a sensor that `potato sensors` lists, found {name}")
    return (sensor,)
