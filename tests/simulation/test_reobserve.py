"""A clean chip imaged again agrees with the imager of scenes."""

from dataclasses import replace

import pytest
import torch

import grounds
from grounds import flat_ground, seeded
from potato.simulation.ground import Ground
from potato.simulation.imager import IDEAL, Imager, displacement_field, observe
from potato.simulation.random_imager import random_imager
from potato.simulation.reobserve import observe_again


@pytest.fixture(scope="module")
def town() -> Ground:
    return grounds.town()


@pytest.fixture(scope="module")
def clean(town) -> tuple[torch.Tensor, torch.Tensor]:
    return grounds.clean_chip(town)


NOWHERE = torch.zeros(2)


def test_an_ideal_imager_changes_nothing(clean):
    pan, mul = observe_again(*clean, IDEAL, NOWHERE, seeded(1))
    assert torch.equal(pan, clean[0]) and torch.equal(mul, clean[1])


def test_arguments_are_unchanged_and_the_generator_is_the_only_randomness(clean):
    before = [image.clone() for image in clean]
    field = displacement_field(48, 32, Imager(), seeded(5))
    first, second, third = (observe_again(*clean, Imager(), field, seeded(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(*pair) for pair in zip(clean, before, strict=True))
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert not torch.equal(first[0], third[0]) and not torch.equal(first[1], third[1])
    assert torch.equal(field, displacement_field(48, 32, Imager(), seeded(5)))


def test_it_rings_exactly_as_the_imager_of_scenes_does(town, clean):
    imager = replace(IDEAL, mul_mtf_boost=0.8, pan_mtf_boost=0.4)
    for again, seen in zip(
        observe_again(*clean, imager, NOWHERE, seeded(1)), observe(town, seeded(1), imager), strict=True
    ):
        off = (again.float() - seen.float().reshape(again.shape)).abs()
        # The chip was rounded to counts before: half a count, times the calibration gain.
        assert float(off.max()) <= 2
    assert not torch.equal(observe_again(*clean, imager, NOWHERE, seeded(1))[1], clean[1])


def test_its_noise_is_that_of_the_imager_of_scenes():
    grey = (
        torch.full((1, 256, 256), 2000, dtype=torch.uint16),
        torch.full((8, 64, 64), 2000, dtype=torch.uint16),
    )
    imager = replace(IDEAL, read_noise=1e-3, shot_noise=2e-5)
    for again, seen in zip(
        observe_again(*grey, imager, NOWHERE, seeded(1)),
        observe(flat_ground(0.2, 256), seeded(2), imager),
        strict=True,
    ):
        assert float(again.double().std()) == pytest.approx(float(seen.double().std()), rel=0.03)
        assert float(again.double().mean()) == pytest.approx(2000, abs=0.5)


def test_invalid_pixels_stay_invalid_and_do_not_bleed(clean):
    pan, mul = (image.int() for image in clean)
    pan[:, :40], mul[:, :10] = 0, 0
    pan, mul = pan.to(torch.uint16), mul.to(torch.uint16)
    imager = replace(IDEAL, mul_mtf_boost=0.5, pan_mtf_boost=0.3)
    field = torch.tensor([1.5, 0.0])
    again, coarse = observe_again(pan, mul, imager, field, seeded(1))
    assert not bool(again[:, :40].int().any()) and not bool(coarse[:, :10].int().any())
    assert bool((again[:, 40:].int() > 0).all()) and bool((coarse[:, 10:].int() > 0).all())
    # Were a 0 mixed in, the rim would be far darker than anything beside it.
    whole = observe_again(*clean, imager, field, seeded(1))[1]
    rim = coarse[:, 10].float().mean(1) / whole[:, 10].float().mean(1)
    assert float(rim.min()) > 0.75 and float(rim.max()) < 1.3


def test_flat_chip_stays_flat():
    pan, mul = (
        torch.full((1, 64, 64), 2000, dtype=torch.uint16),
        torch.full((8, 16, 16), 2000, dtype=torch.uint16),
    )
    imager = replace(
        random_imager(seeded(1)), read_noise=0.0, shot_noise=0.0, step=1, pan_calibration_gain=1.0
    )
    for image in observe_again(pan, mul, imager, torch.tensor([0.37, -0.9]), seeded(1)):
        assert set(image.flatten().tolist()) == {2000}
