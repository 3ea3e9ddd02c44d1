import numpy as np
import pytest

from potato.ard.rating.measures import (
    Measures,
    box_mean,
    haze_spectrum,
    measure,
    measure_haze,
    quality_index,
    rate,
)
from potato.core.sensor_table import GEOEYE_1, LEGION, SENSORS, THREE_BANDS, WORLDVIEW_2
from potato.core.sensors import SCALE

SPECTRA = {
    "grass": (0.03, 0.04, 0.08, 0.07, 0.05, 0.2, 0.4, 0.4),
    "soil": (0.06, 0.08, 0.12, 0.16, 0.19, 0.22, 0.26, 0.28),
    "water": (0.05, 0.05, 0.05, 0.03, 0.02, 0.01, 0.006, 0.005),
    "cloud": (0.6, 0.6, 0.58, 0.57, 0.56, 0.55, 0.54, 0.5),
    "shadow": (0.02, 0.02, 0.025, 0.025, 0.03, 0.035, 0.04, 0.04),
}


PLACES = {
    WORLDVIEW_2: range(8),
    GEOEYE_1: (1, 2, 4, 6),
    LEGION[0]: (0, 1, 2, 3, 4, 5, 5, 6),
}
"""For each sensor, where in a spectrum its bands are."""

SENSOR = pytest.mark.parametrize("sensor", PLACES, ids=lambda sensor: sensor.name)


def scene(*names, side=64, sensor=WORLDVIEW_2):
    """Vertical stripes of materials: pan, its validity, mul, its validity, and the sensor."""
    width = side // len(names)
    spectra = np.array([SPECTRA[name] for name in names])
    mul = np.repeat(np.repeat(spectra.T[:, None], side, 1), width, 2)
    pan = np.repeat(np.repeat(mul[:7].mean(0), 2, 0), 2, 1)
    counts = [(image * SCALE).astype(np.uint16) for image in (pan, mul)]
    mul = counts[1][list(PLACES[sensor])]
    return counts[0], np.ones(pan.shape, bool), mul, np.ones(mul.shape[1:], bool), sensor


@pytest.mark.parametrize(("share", "rating"), [(0, 4), (0.1, 3), (0.3, 2), (0.6, 1), (1, 0)])
def test_a_bad_share_gives_the_rating_of_the_docstring(share, rating):
    cloudy = Measures(valid=1000, cloudy=int(1000 * share), clear=1000 - int(1000 * share))
    wet = Measures(valid=1000, clear=1000, wet=int(1000 * share))
    assert rate(cloudy, None)[0] == pytest.approx(rating, abs=0.07)
    assert rate(wet, None)[1] == pytest.approx(rating, abs=0.07)


def test_reported_clouds_count_half():
    clear = Measures(valid=1000, clear=1000)
    assert rate(clear, 0.2)[0] == rate(Measures(valid=1000, cloudy=100, clear=900), None)[0]
    assert rate(clear, 0.0)[0] == 4


def test_the_quality_index_follows_its_formula():
    assert quality_index(4, 4, 4) == 1
    assert quality_index(3, 4, 4) == quality_index(1, 4, 4) == 0
    assert quality_index(3.5, 1, 2) == pytest.approx(0.5 * 0.25 * 0.5)


@pytest.mark.parametrize(
    ("names", "clouds", "water"),
    [
        (("grass", "soil"), 0, 0),
        (("cloud", "cloud"), 1, 0),
        (("water", "water"), 0, 1),
        (("water", "soil"), 0, 0.5),
        (("cloud", "soil"), 0.5, 0),
        (("shadow", "shadow"), 0, 0),
    ],
)
@SENSOR
def test_clouds_and_water_are_distinguished_from_land(names, clouds, water, sensor):
    found = measure(*scene(*names, sensor=sensor))
    assert found.cloud_share == pytest.approx(clouds, abs=0.05)
    assert found.water_share == pytest.approx(water, abs=0.05)
    assert found.valid == 64 * 64


def test_every_sensor_that_sees_near_infrared_can_be_rated():
    pan = np.full((16, 16), 1000, np.uint16)
    for sensor in (sensor for sensor in SENSORS if sensor.infrared):
        mul = np.full((len(sensor.bands), 8, 8), 1000, np.uint16)
        found = measure(pan, pan > 0, mul, mul[0] > 0, sensor)
        assert found.clear == found.classes.sum() == 64, sensor.name
    assert THREE_BANDS.infrared == () and WORLDVIEW_2.infrared == ("nir1", "nir2")


def test_invalid_pixels_do_not_count():
    pan, pan_valid, mul, mul_valid, sensor = scene("cloud", "grass")
    mul_valid[:, :32] = False
    pan_valid[:, :64] = False
    found = measure(pan, pan_valid, mul, mul_valid, sensor)
    assert found.valid == 64 * 32 and found.cloudy == 0
    holes = np.ones_like(mul_valid)
    holes[::8, ::8] = False
    overcast = measure(*scene("cloud")[:3], holes, sensor)
    assert overcast.cloudy == overcast.valid == 64 * 64 - 64
    nothing = measure(pan, pan_valid, mul, np.zeros_like(mul_valid), sensor)
    assert nothing.valid == 0 and rate(nothing, None) == (4, 4, 0)


@pytest.mark.parametrize("haze", [0.0, 0.05, 0.1, 0.15])
@SENSOR
def test_haze_is_measured_and_not_mistaken_for_water_or_cloud(haze, sensor):
    pan, pan_valid, mul, mul_valid, _ = scene("shadow", "soil", "grass", "soil", sensor=sensor)
    mul = (mul + SCALE * haze * haze_spectrum(sensor)[:, None, None]).astype(np.uint16)
    land = np.ones(mul_valid.shape, bool)
    assert measure_haze((mul / SCALE).astype(np.float32), land, sensor) == pytest.approx(haze, abs=0.015)
    found = measure(pan, pan_valid, mul, mul_valid, sensor)
    assert found.cloud_share == 0 and found.water_share == 0


def test_variety_and_structure_make_interest():
    noise = np.random.default_rng(0)
    few, many = measure(*scene("soil")), measure(*scene("soil", "grass", "shadow", "grass"))
    assert few.variety == 0 < many.variety
    pan, *rest = scene("soil", "grass")
    rough = (pan * np.exp(0.3 * noise.normal(size=pan.shape))).clip(1, 20000).astype(np.uint16)
    assert measure(rough, *rest).structure > 0.9 > 0.1 > measure(pan, *rest).structure
    assert rate(measure(rough, *rest), None)[2] > rate(measure(pan, *rest), None)[2] > 0


def test_box_means_at_the_border_are_means_of_the_inside():
    field = np.arange(30, dtype=np.float32).reshape(5, 6)
    means = box_mean(field, 1)
    assert means[2, 3] == pytest.approx(field[1:4, 2:5].mean())
    assert means[0, 0] == pytest.approx(field[:2, :2].mean())
    assert means[4, 5] == pytest.approx(field[3:, 4:].mean())


def test_the_sum_of_measures_is_the_measure_of_both_tiles():
    both = measure(*scene("cloud", "soil")) + measure(*scene("water", "grass"))
    assert both.valid == 2 * 64 * 64 and both.cloud_share == pytest.approx(0.25, abs=0.03)
    assert both.classes.sum() == (both.clear - both.wet)
