"""What each sensor sees of simulated ground."""

from dataclasses import replace

import pytest
import torch

from grounds import flat_ground, seeded
from potato.core.band_sets import BAND_SETS, find_set
from potato.core.color import mul_to_oklab
from potato.core.sensor_table import (
    FOUR_BANDS,
    GAOFEN_2,
    GEOEYE_1,
    LANDSAT_8,
    PLEIADES_1A,
    SENSORS,
    WORLDVIEW_3,
)
from potato.core.sensors import SCALE
from potato.errors import InputError
from potato.simulation.imager import IDEAL, observe, observe_coarser, truth
from potato.simulation.land.basis import BASIS, PLANES, mix_planes, plane_shares, random_shares
from potato.simulation.land.vehicles import Mover
from potato.simulation.random_imager import random_imager

EACH_SET = [pytest.param(each.sensors[0], id=each.name) for each in BAND_SETS]


def mover(**more: float) -> Mover:
    """A white vehicle in the middle of a ground of 64 × 64 pixels."""
    place = {"x": 32.0, "y": 32.0, "dx": 0.0, "dy": 0.0, "length": 12.0, "width": 8.0, "angle": 0.0}
    return Mover(**{**place, **more}, colour=torch.full((PLANES,), 0.9), glass=torch.full((PLANES,), 0.9))


# Responses of sensors in no set (three bands, a ratio of 3) are unknown; no network learns them.
@pytest.mark.parametrize("sensor", [one for one in SENSORS if find_set(one)], ids=lambda sensor: sensor.name)
def test_shares_are_those_of_a_mixture(sensor):
    """So reflectance is never negative, and white is white."""
    shares = random_shares(sensor, seeded(1))
    if shares is None:
        assert sensor.bands == BASIS.bands
        return
    assert shares.shape == (1 + len(sensor.bands), PLANES) and float(shares.min()) >= 0
    torch.testing.assert_close(shares.sum(1), torch.ones(len(shares)), atol=1e-6, rtol=0)
    assert not shares[1:, 0].any(), "a band sees nothing of pan"


def test_the_sensor_of_the_planes_sees_them_as_they_are():
    planes = torch.rand(PLANES, 4, 4, generator=seeded(1))
    assert all(mix_planes(planes, plane_shares(one)) is planes for one in (BASIS, WORLDVIEW_3))


def test_unknown_responses_are_guessed_at_random():
    for sensor in (GEOEYE_1, FOUR_BANDS, GAOFEN_2):
        drawn = [random_shares(sensor, seeded(seed)) for seed in range(4)]
        assert torch.equal(drawn[0], drawn[1]) == (sensor is GEOEYE_1)
        assert torch.equal(drawn[0], random_shares(sensor, seeded(0)))
        # All four-band sensors agree on what red is, and not on how much near infrared is in pan.
        assert all(float(shares[3, 4:7].sum()) > 0.6 for shares in drawn)
    stranger = replace(GEOEYE_1, name="x", title="a stranger", ratio=5)
    with pytest.raises(InputError, match=r"GE01.*found a stranger"):
        random_shares(stranger, seeded(1))


@pytest.mark.parametrize("sensor", EACH_SET)
def test_grey_ground_is_grey_for_every_sensor(sensor):
    ground, imager = flat_ground(0.3), replace(IDEAL, sensor=sensor)
    pan, mul = observe(ground, seeded(1), imager)
    side = 64 // sensor.ratio
    assert mul.shape == (len(sensor.bands), side, side)
    assert set(pan.flatten().tolist()) == set(mul.flatten().tolist()) == {0.3 * SCALE}
    sharp, bands = truth(ground, imager)
    assert float((sharp - 0.3).abs().max()) < 1e-6
    lightness, a, b = mul_to_oklab(bands, sensor)
    assert float((lightness - 0.3 ** (1 / 3)).abs().max()) < 1e-3
    assert float(torch.stack([a, b]).abs().max()) < 1e-3


@pytest.mark.parametrize("sensor", EACH_SET)
def test_a_vehicle_is_seen_as_if_it_stood_in_the_planes(sensor):
    ground = flat_ground(0.2, movers=(mover(),))
    planes = torch.cat([image.reshape(-1, 64, 64) for image in truth(ground)])
    seen = torch.cat([image.reshape(-1, 64, 64) for image in truth(ground, replace(IDEAL, sensor=sensor))])
    torch.testing.assert_close(seen, mix_planes(planes, plane_shares(sensor)))


def test_each_band_sees_a_vehicle_at_a_moment_of_its_own():
    imager = replace(IDEAL, sensor=PLEIADES_1A, sides=(-0.5, -0.25, 0.25, 0.5), time_lag=1.0)
    _, mul = observe(flat_ground(0.1, movers=(mover(dx=8.0),)), seeded(1), imager)
    columns = torch.arange(16.0) + 0.5
    light = (mul.double() - 0.1 * SCALE).sum(1)
    places = (light * columns).sum(1) / light.sum(1)
    expected = torch.tensor([32 - 8, 32 - 4, 32 + 4, 32 + 8]) / 4
    torch.testing.assert_close(places.float(), expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("halved", [False, True])
def test_pairs_of_a_ratio_of_2_are_made_coarser_by_it(halved):
    imager = random_imager(seeded(2), LANDSAT_8)
    pan, mul, bands = observe_coarser(flat_ground(0.3), seeded(1), imager, halved)
    side = 64 if halved else 32
    assert pan.shape == (side, side) and bands.shape == (5, side, side)
    assert mul.shape == (5, side // 2, side // 2)


def test_ground_that_cells_do_not_cover_is_refused():
    ground = flat_ground(0.3, side=66)
    assert observe(ground, seeded(1), replace(IDEAL, sensor=LANDSAT_8))[1].shape == (5, 33, 33)
    with pytest.raises(ValueError, match="multiples of 4, found 66"):
        observe(ground, seeded(1), IDEAL)


def test_unknown_arrays_are_drawn_at_random():
    drawn = [random_imager(seeded(seed), PLEIADES_1A).band_sides for seed in range(60)]
    kinds = {len(set(sides)) for sides in drawn}
    assert {1, 2, 4} <= kinds and max(abs(side) for sides in drawn for side in sides) <= 0.75
    assert len(set(drawn)) > 20
    assert random_imager(seeded(1)).band_sides == (-0.5, 0.5, 0.5, -0.5, 0.5, -0.5, 0.5, -0.5)
