"""Augmentation: laws of symmetry, exposure and air."""

from itertools import product

import pytest
import torch

import grounds
from grounds import seeded
from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE
from potato.model.model import Architecture
from potato.model.network import Sharpener, sharpen
from potato.simulation.ground import Ground
from potato.training.augment import (
    CLEAR_AIR,
    SYMMETRIES,
    add_air,
    expose,
    random_air,
    random_exposure,
    random_symmetry,
    turn,
)

ALL = range(SYMMETRIES)
MATRIX = torch.tensor([WORKSHOP.bands_to_xyz]).mT


@pytest.fixture(scope="module")
def ground() -> Ground:
    return grounds.town()


@pytest.fixture(scope="module")
def clean(ground) -> tuple[torch.Tensor, torch.Tensor]:
    return grounds.clean_chip(ground)


def test_symmetries_form_a_group_of_eight():
    image = torch.arange(16).reshape(1, 4, 4)
    turned = [turn(image, symmetry) for symmetry in ALL]
    assert torch.equal(turned[0], image)
    assert len({tuple(one.flatten().tolist()) for one in turned}) == SYMMETRIES
    for first, second in product(ALL, ALL):
        twice = turn(turn(image, first), second)
        assert any(torch.equal(twice, one) for one in turned)
    for symmetry in ALL:
        assert any(torch.equal(turn(turned[symmetry], back), image) for back in ALL)


@pytest.mark.parametrize("symmetry", ALL)
def test_turned_pair_sharpens_to_the_turned_picture(symmetry, clean):
    pan, mul = (image.float() / SCALE for image in clean)
    torch.testing.assert_close(
        turn(block_mean(pan, WORKSHOP.ratio), symmetry), block_mean(turn(pan, symmetry), WORKSHOP.ratio)
    )
    predictor = Sharpener(Architecture(depth=0))
    plain = sharpen(predictor, pan[None], mul[None])
    other = sharpen(predictor, turn(pan, symmetry)[None], turn(mul, symmetry)[None])
    torch.testing.assert_close(other, turn(plain, symmetry), atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.uint16, torch.int16, torch.float32, torch.bool])
def test_turn_keeps_the_type_and_shares_no_memory(dtype):
    image = torch.arange(12).reshape(1, 3, 4).to(dtype)
    before = image.clone()
    for symmetry in ALL:
        turned = turn(image, symmetry)
        assert turned.dtype == dtype and turned.is_contiguous()
        assert turned.shape == ((1, 4, 3) if symmetry % 2 else (1, 3, 4))
        assert turned.data_ptr() != image.data_ptr()
    assert torch.equal(image, before)


def test_symmetry_outside_0_to_7_is_refused():
    for number in (-1, 8):
        with pytest.raises(ValueError, match=r"0\.\.7"):
            turn(torch.zeros(1, 2, 2), number)


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.7])
def test_exposed_oklab_equals_that_of_exposed_bands(factor, ground):
    bands = ground.bands
    pan, brighter, oklab = expose(ground.pan, bands, mul_to_oklab(bands, WORKSHOP), factor)
    torch.testing.assert_close(pan, ground.pan * factor)
    assert float(delta_e_ok(oklab, mul_to_oklab(brighter, WORKSHOP)).max()) < 0.01, "JND"
    assert factor == 1 or not torch.equal(oklab, mul_to_oklab(bands, WORKSHOP))


def test_each_chip_of_a_batch_has_its_own_exposure():
    factors = torch.tensor([0.5, 2.0]).reshape(-1, 1, 1, 1)
    pan, mul, oklab = expose(torch.ones(2, 1, 8, 8), torch.ones(2, 8, 2, 2), torch.ones(2, 3, 8, 8), factors)
    assert pan[:, 0, 0, 0].tolist() == mul[:, 7, 1, 1].tolist() == [0.5, 2.0]
    torch.testing.assert_close(oklab[:, 2, 3, 3], torch.tensor([0.5, 2.0]) ** (1 / 3))


def test_generator_determines_all_draws_and_every_value_occurs():
    drawn = [(random_symmetry(g), random_exposure(g)) for g in map(seeded, range(200))]
    assert drawn == [(random_symmetry(g), random_exposure(g)) for g in map(seeded, range(200))]
    assert {symmetry for symmetry, _ in drawn} == set(ALL)
    factors = torch.tensor([factor for _, factor in drawn])
    assert 0.5 <= float(factors.min()) < 0.55 and 1.8 < float(factors.max()) <= 2
    assert abs(float(factors.log2().mean())) < 0.15


def test_air_keeps_pair_and_truth_consistent():
    pan, mul = torch.rand(1, 1, 32, 32, generator=seeded(1)), torch.rand(1, 8, 32, 32, generator=seeded(2))
    air = random_air(seeded(3), WORKSHOP)[None]
    seen = add_air(pan, mul, mul_to_oklab(mul, WORKSHOP), air, MATRIX)
    torch.testing.assert_close(seen[0], pan + air[0, 1, 0])
    torch.testing.assert_close(seen[1][0, 7], mul[0, 7] * air[0, 0, 8] + air[0, 1, 8])
    torch.testing.assert_close(seen[2], mul_to_oklab(seen[1], WORKSHOP), atol=2e-4, rtol=0)


def test_clear_air_changes_nothing():
    pan, mul = torch.rand(2, 1, 8, 8, generator=seeded(1)), torch.rand(2, 8, 2, 2, generator=seeded(2))
    oklab = mul_to_oklab(torch.rand(2, 8, 8, 8, generator=seeded(3)), WORKSHOP)
    clear = CLEAR_AIR.expand(2, 2, 9)
    for before, after in zip((pan, mul, oklab), add_air(pan, mul, oklab, clear, MATRIX), strict=True):
        torch.testing.assert_close(before, after, atol=1e-4, rtol=0)


def test_air_absorbs_no_visible_light_and_haze_is_strongest_in_blue():
    through, hazes = torch.stack([random_air(seeded(seed), WORKSHOP) for seed in range(400)]).unbind(1)
    assert bool((through[:, [*range(6), 7]] == 1).all())
    assert 0.7 <= float(through.min()) < 0.72 and 1.03 < float(through.max()) <= 1.05
    pan, *bands = hazes.mean(0).tolist()
    assert (
        hazes.min() >= 0 and bands == sorted(bands, reverse=True) and pan < bands[len(WORKSHOP.visible) - 1]
    )
    # Haze is removed band by band: coastal doesn't always keep the most.
    assert 0.02 < (hazes[:, 1:].argmax(1) > 0).float().mean() < 0.9
    # Haze beyond red is hardly related to haze in red.
    share = hazes[:, 1 + len(WORKSHOP.visible)] / hazes[:, len(WORKSHOP.visible)]
    assert float(share.quantile(0.1)) < 0.35 and float(share.quantile(0.9)) > 0.7
