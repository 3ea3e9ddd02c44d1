"""From radiance to reflectance: the place of the Earth and of the sun."""

import math
from datetime import UTC, datetime

J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
"""Julian Day 2451545.0."""


def earth_sun_distance(time: datetime) -> float:
    """The distance between the Earth and the sun in astronomical units.

    Source: the U.S. Naval Observatory's approximation, as in K. Krause, "Radiometric Use of
    QuickBird Imagery", DigitalGlobe, 2005; right to 0.0002 for two centuries around 2000.

    Args:
        time: with a time zone, or in UTC.

    Example:
        >>> round(earth_sun_distance(datetime(2015, 12, 5, 16, 6)), 4)
        0.9855
    """
    moment = time if time.tzinfo else time.replace(tzinfo=UTC)
    days = (moment - J2000).total_seconds() / 86_400
    anomaly = math.radians(357.529 + 0.98560028 * days)
    return 1.00014 - 0.01671 * math.cos(anomaly) - 0.00014 * math.cos(2 * anomaly)


def reflectance_per_radiance(irradiance: float, distance: float, sun_elevation: float) -> float:
    """Top-of-atmosphere reflectance of radiance 1: π d² / (E sin h).

    Args:
        irradiance: the sun's above the atmosphere in the band, in W/(m² µm), at a distance of 1.
        distance: between the Earth and the sun, in astronomical units.
        sun_elevation: above the horizon, in degrees.
    """
    return math.pi * distance**2 / (irradiance * math.sin(math.radians(sun_elevation)))


def parse_time(text: str) -> datetime | None:
    """A time such as `2018-10-01T02:26:04.585850Z`, or a date; None if it is neither."""
    try:
        time = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
