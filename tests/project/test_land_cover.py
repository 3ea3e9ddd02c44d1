"""Simulated scenes for scoring, and the land cover of their pixels."""

from dataclasses import replace

import pytest
import torch

from land_cover import EVERYTHING, LAND_COVER, classify, evaluate_land_cover, make_scene, near_invalid
from potato.core.color import mul_to_oklab
from potato.core.sensor_table import LANDSAT_8, WORKSHOP
from potato.evaluation.methods import Method, MethodSpec
from potato.simulation.ground import make_ground
from potato.simulation.imager import IDEAL, truth


@pytest.fixture(scope="module")
def ground():
    return make_ground(256, 256, torch.Generator().manual_seed(5), style="town")


@pytest.fixture(scope="module")
def predictor():
    return MethodSpec("predictor", ()).methods


def test_moving_pixels_are_those_that_vehicles_change(ground):
    assert ground.movers
    still, moving = replace(ground, movers=()), classify(ground, truth(ground)[1])["moving"]
    changed = (truth(ground)[1] - truth(still)[1]).abs().amax(0) > 0.01
    assert changed.any()
    assert not (changed & ~moving).any()
    assert not classify(still, still.bands)["moving"].any()
    assert moving.float().mean() < 0.1


def test_land_cover_follows_height_colour_and_shade(ground):
    bands = truth(ground)[1]
    kinds = classify(ground, bands)
    assert {*kinds, "edges"} == set(LAND_COVER)
    assert bool((ground.height[kinds["buildings"]] > 2).all())
    assert bool((ground.height[kinds["tall"]] > 10).all())
    assert bool((ground.shade[kinds["shadow"]] > 0.5).all())
    assert bool((bands[6][kinds["vegetation"]] > 2 * bands[4][kinds["vegetation"]]).all())
    assert not (kinds["buildings"] & kinds["vegetation"]).any()
    a, b = mul_to_oklab(bands, WORKSHOP)[1:]
    assert float(torch.hypot(a, b)[kinds["rare colours"]].min() if kinds["rare colours"].any() else 1) > 0.09


def test_land_cover_is_much_the_same_for_every_sensor(ground):
    kinds = classify(ground, truth(ground)[1])
    others = classify(ground, truth(ground, replace(IDEAL, sensor=LANDSAT_8))[1], LANDSAT_8)
    for name, mask in kinds.items():
        assert (others[name] ^ mask).float().mean() < 0.02, name
    assert make_scene(0, 128, sensor=LANDSAT_8).mul.shape == (1, 5, 64, 64)


def test_edges_lie_beside_invalid_pixels():
    valid = torch.ones(40, 60, dtype=torch.bool)
    valid[:, :20] = False
    expected = torch.zeros_like(valid)
    expected[:, 20:25] = True
    assert torch.equal(near_invalid(valid, 5), expected)
    assert not near_invalid(torch.ones_like(valid)).any()


def test_scenes_repeat_and_every_other_one_has_an_edge():
    first, again = make_scene(1, 128), make_scene(1, 128)
    assert torch.equal(first.pan, again.pan) and torch.equal(first.truth, again.truth)
    assert not torch.equal(first.pan, make_scene(1, 128, seed=1).pan)
    assert first.land_cover["edges"].any() and not make_scene(0, 128).land_cover["edges"].any()
    assert not first.counted[:8].any() and first.counted.any()


def test_each_land_cover_counts_its_own_pixels(predictor):
    scenes = [make_scene(n, 128) for n in range(2)]
    found = evaluate_land_cover(predictor, scenes)
    assert list(found) == [EVERYTHING, *LAND_COVER]
    assert found[EVERYTHING]["predictor"].total.count == sum(int(scene.counted.sum()) for scene in scenes)
    for kind in LAND_COVER:
        expected = sum(int((scene.counted & scene.land_cover[kind]).sum()) for scene in scenes)
        assert found[kind]["predictor"].total.count == expected
    perfect = Method("perfect", lambda pan, mul: (scenes[0].truth, None))
    assert evaluate_land_cover([perfect], scenes[:1])[EVERYTHING]["perfect"].total.mean == 0
