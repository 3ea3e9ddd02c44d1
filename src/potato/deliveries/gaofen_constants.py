"""Coefficients by which counts of Gaofen become radiance, a table for each year."""

PerBand = tuple[float, float, float, float, float]
"""Of pan, blue, green, red and near infrared."""

NO_OFFSETS: PerBand = (0.0, 0.0, 0.0, 0.0, 0.0)

GAINS: dict[str, dict[int, PerBand]] = {
    "GF1 PMS1": {
        2013: (0.1886, 0.2082, 0.1672, 0.1748, 0.1883),
        2014: (0.1963, 0.2247, 0.1892, 0.1889, 0.1939),
        2015: (0.1956, 0.2110, 0.1802, 0.1806, 0.1870),
        2016: (0.1982, 0.2320, 0.1870, 0.1795, 0.1960),
        2017: (0.1228, 0.1424, 0.1177, 0.1194, 0.1135),
        2018: (0.1428, 0.1530, 0.1356, 0.1366, 0.1272),
    },
    "GF1 PMS2": {
        2013: (0.1878, 0.2072, 0.1776, 0.1770, 0.1909),
        2014: (0.2147, 0.2419, 0.2047, 0.2009, 0.2058),
        2015: (0.2018, 0.2242, 0.1887, 0.1882, 0.1963),
        2016: (0.1979, 0.2240, 0.1851, 0.1793, 0.1863),
        2017: (0.1365, 0.1460, 0.1248, 0.1274, 0.1255),
        2018: (0.1490, 0.1523, 0.1382, 0.1403, 0.1334),
    },
    "GF2 PMS1": {
        2014: (0.1630, 0.1585, 0.1883, 0.1740, 0.1897),
        2015: (0.1538, 0.1457, 0.1604, 0.1550, 0.1731),
        2016: (0.1501, 0.1322, 0.1550, 0.1477, 0.1613),
        2017: (0.1503, 0.1193, 0.1530, 0.1424, 0.1569),
        2018: (0.1725, 0.1356, 0.1736, 0.1644, 0.1788),
    },
    "GF2 PMS2": {
        2014: (0.1823, 0.1748, 0.1817, 0.1741, 0.1975),
        2015: (0.1538, 0.1761, 0.1843, 0.1677, 0.1830),
        2016: (0.1863, 0.1762, 0.1856, 0.1754, 0.1980),
        2017: (0.1679, 0.1434, 0.1595, 0.1511, 0.1685),
        2018: (0.2136, 0.1859, 0.2072, 0.1934, 0.2180),
    },
    "GF6 PMS": {2018: (0.0505, 0.0825, 0.0663, 0.0513, 0.0298)},
}
"""Radiance of one count, in W/(m² sr µm), by satellite and camera.

Source: CRESDA's yearly "absolute radiometric calibration coefficients of domestic land observation
satellites". Its pages aren't at hand: the numbers are those of copies and of programs that use
them. 2016 to 2018 agree in two or three of these each, earlier years are from one.
"""

OFFSETS: dict[str, dict[int, PerBand]] = {
    "GF1 PMS1": {2013: (-13.127, 4.6186, 4.8768, 4.8924, -9.4771)},
    "GF1 PMS2": {2013: (-7.9731, 7.5348, 3.9395, -1.7445, -7.2053)},
    "GF2 PMS1": {2014: (-0.6077, -0.8765, -0.9742, -0.7652, -0.7233)},
    "GF2 PMS2": {2014: (0.1654, -0.593, -0.2717, -0.2879, -0.2773)},
}
"""Radiance of count 0 in the years that have one; from the same sources."""


def find_coefficients(camera: str, year: int) -> tuple[int, PerBand, PerBand] | None:
    """The year of a table, and its gains and offsets; None if none is known for a camera.

    Args:
        camera: satellite and camera, such as `GF2 PMS1`.
        year: of the image. Where it has no table, the nearest year's counts.

    Example:
        >>> find_coefficients("GF2 PMS1", 2023)[0]
        2018
    """
    tables = GAINS.get(camera)
    if tables is None:
        return None
    nearest = min(tables, key=lambda known: abs(known - year))
    return nearest, tables[nearest], OFFSETS.get(camera, {}).get(nearest, NO_OFFSETS)
