"""Band sets, and sensors by the name of a set."""

import pytest

from potato.core.band_sets import BAND_SETS, FOUR_BAND_SENSORS, choose_sensors, find_set
from potato.core.sensor_table import GAOFEN_2, LANDSAT_7, SENSORS
from potato.errors import InputError


def test_a_sensor_is_in_the_set_whose_bands_and_ratio_it_has():
    for sensor in SENSORS:
        found = find_set(sensor)
        fitting = [each for each in BAND_SETS if all(one.fits(sensor) for one in each.sensors)]
        assert fitting == ([] if found is None else [found])
        borrowed = sensor.colour_error is None  # adds nothing to what a network learns
        assert found is None or borrowed or sensor in found.sensors
    assert find_set(LANDSAT_7) != find_set(GAOFEN_2), "four bands, but a ratio of 2"


def test_a_name_stands_for_the_sensors_of_a_set_or_for_one():
    assert [sensor.name for sensor in choose_sensors("WorldView")] == ["WV02", "WV03"]
    four = {sensor.name for sensor in choose_sensors("bgrn")}
    assert {"GE01", "QB02", "IK02", "PHR1A", "SPOT6", "GF2", "four-band"} < four and "LE07" not in four
    assert {*FOUR_BAND_SENSORS} == four
    assert choose_sensors("gf-2") == (GAOFEN_2,)
    with pytest.raises(InputError, match=r"one of worldview, .*landsat-bgrn, or a sensor.*ikonos-9"):
        choose_sensors("ikonos-9")
