"""Finding the sensor of a file: by its platform, or by the names of its bands."""

import functools
import re
from collections.abc import Sequence

from potato.core.sensor_table import FOUR_BANDS, SENSORS, WORKSHOP
from potato.core.sensors import WAVELENGTHS, Sensor, simplified
from potato.core.text import counted

LEAST_BANDS = min(len(sensor.bands) for sensor in SENSORS)
"""The fewest bands of a mul that a sensor has."""

NUMBERED = re.compile(r"(b|ms|band)[ _]?[0-9]+")
"""Names that number bands, and tell nothing about them unless the sensor is known."""

MOST_LISTED = 8
"""Bands of which a message gives the names, at most."""

NEAR = 40
"""Distance in nm between the middle of a band and that of its kind, at most."""

LEAST_SPELLING = 3
"""Letters of a platform's name in that of a file, at least: `GF2`, `K3A`, `PHR`."""


@functools.cache
def _spellings() -> dict[str, list[Sensor]]:
    found: dict[str, list[Sensor]] = {}
    for sensor in SENSORS:
        for spelling in {simplified(one) for one in (sensor.name, sensor.title, *sensor.platforms)}:
            found.setdefault(spelling, []).append(sensor)
    return found


def find_sensor(platform: str, bands: int | None = None) -> Sensor | None:
    """The sensor of a platform, whatever the spelling; None if we don't know it.

    Args:
        platform: its name in a file, an item or metadata.
        bands: how many bands the file has, since some satellites are delivered with all bands or
            with four; without it, or with a number that we don't know, the sensor has all.

    Example:
        >>> find_sensor("worldview-02").name, find_sensor("worldview-02", 4).name
        ('WV02', 'WV-BGRN')
    """
    sensors = _spellings().get(simplified(platform), [])
    fitting = [each for each in sensors if len(each.bands) == bands]
    return next(iter([*fitting, *sensors]), None)


def sensor_in_name(name: str, bands: int | None = None) -> Sensor | None:
    """The sensor that the name of a file tells; None if it tells none, or one with other bands.

    Args:
        name: such as `GF2_PMS1_E113.4_N23.1_20150101_L1A0000564539-MSS1.tiff`.
        bands: how many bands the file has; None if that isn't known.

    Example:
        >>> sensor_in_name("CBERS_4A_WPM_20200730_209_139_L4_BAND1.tif").name
        'CBERS4A'
    """
    words = [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]
    for count in (2, 1):
        for place in range(len(words) - count + 1):
            spelling = "".join(words[place : place + count])
            sensor = find_sensor(spelling, bands) if len(spelling) >= LEAST_SPELLING else None
            if sensor is not None and bands in (None, len(sensor.bands)):
                return sensor
    return None


def guess_sensor(names: Sequence[str | None]) -> Sensor | None:
    """The sensor whose bands have the names that a file gives its bands.

    A file may have further bands, which are left out: of the sensors that fit, it is the one with
    the most bands. Where several have as many, it is one that is right for all of them, as they
    share bands and colours, or else the record that stands for any satellite with these bands.

    Args:
        names: one for each band of the file, as for `Sensor.find_bands`. Numbers (`B1`, `Band 1`)
            tell nothing, since most software calls any bands so.

    Returns:
        The sensor; None if the bands of none are among them. It is a guess, so tell the user.

    Example:
        >>> guess_sensor(["red", "green", "blue", "nir", "swir"]).name
        'four-band'
    """
    words = [None if is_numbered(name or "") else name for name in names]
    found = [each for each in SENSORS if len(each.find_bands(words)) == len(each.bands)]
    most = max((len(each.bands) for each in found), default=0)
    fitting = [each for each in found if len(each.bands) == most]
    if len({(each.bands, each.bands_to_xyz) for each in fitting}) > 1:
        fitting = [each for each in fitting if not each.platforms]
    return fitting[0] if fitting else None


def left_out(names: Sequence[str | None], sensor: Sensor) -> str:
    """A clause about the bands of a file that a sensor doesn't have; empty if it has all.

    >>> left_out(["red", "green", "blue", "nir", "swir"], FOUR_BANDS)
    ', and left out swir'
    """
    used = sensor.find_bands(names).values()
    rest = [name for place, name in enumerate(names) if place not in used]
    if not (used and rest):
        return ""
    few = len(rest) <= MOST_LISTED and all(rest)
    return f", and left out {', '.join(filter(None, rest)) if few else counted(len(rest), 'other band')}"


def names_by_wavelength(wavelengths: Sequence[float | None]) -> list[str | None]:
    """Names of the bands that are nearest to blue, green, red and near infrared.

    Args:
        wavelengths: the middle of each band, in nm; None for an unknown one.

    Returns:
        A name for each band; None for those that are none of the four, or farther away than
        `NEAR`.

    Example:
        >>> names_by_wavelength([443, 482, 565, 660, 867, 1650])
        [None, 'blue', 'green', 'red', 'nir', None]
    """
    names: list[str | None] = [None] * len(wavelengths)
    known = {place: middle for place, middle in enumerate(wavelengths) if middle is not None}
    for band in FOUR_BANDS.bands if known else ():
        nearest = min(known, key=lambda place: abs(known[place] - WAVELENGTHS[band]))
        if abs(known[nearest] - WAVELENGTHS[band]) <= NEAR and names[nearest] is None:
            names[nearest] = band
    return names


def guess_unnamed(count: int) -> Sensor | None:
    """The sensor of a file with so many bands without names; None if there are several.

    Eight bands come from WorldView-2 or -3 far more often than from Legion, whose colours differ
    little. It is a guess, so tell the user.
    """
    return WORKSHOP if count == len(WORKSHOP.bands) else None


def is_numbered(name: str) -> bool:
    """Whether a name numbers a band, in place of naming it.

    >>> is_numbered("Band 1"), is_numbered("BAND_B")
    (True, False)
    """
    return NUMBERED.fullmatch(name.strip().lower()) is not None


def is_band(name: str) -> bool:
    """Whether a name is that of a band of any sensor, as files write it.

    >>> is_band("BAND_N2"), is_band("alpha")
    (True, False)
    """
    return any(sensor.find_bands([name]) for sensor in SENSORS)
