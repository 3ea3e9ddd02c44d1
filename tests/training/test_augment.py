"""Augmentation: laws of symmetry and exposure, and the one model of the instrument."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.resample import block_mean
from potato.core.sensors import BANDS, FIRST_ARRAY, SCALE, VISIBLE
from potato.model.network import Architecture, Sharpener, sharpen
from potato.simulation.artefacts import SIDES, displace_arrays, over_sharpen
from potato.simulation.ground import Ground, make_ground
from potato.simulation.imager import IDEAL, Sensor, displacement_field, observe, random_sensor
from potato.training.augment import (
    CLEAR_AIR,
    SYMMETRIES,
    add_air,
    expose,
    observe_again,
    random_air,
    random_exposure,
    random_symmetry,
    turn,
)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def ground() -> Ground:
    return make_ground(192, 128, seeded(3), style="town")


@pytest.fixture(scope="module")
def clean(ground) -> tuple[torch.Tensor, torch.Tensor]:
    """A chip without any fault: counts of pan (1, 192, 128) and mul (8, 48, 32)."""
    pan, mul = observe(ground, seeded(1), IDEAL)
    return pan[None], mul


ALL = range(SYMMETRIES)


# ── symmetry ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_symmetries_are_a_group_of_eight():
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
def test_a_turned_pair_is_a_pair_and_sharpens_to_the_turned_picture(symmetry, clean):
    pan, mul = (image.float() / SCALE for image in clean)
    torch.testing.assert_close(turn(block_mean(pan), symmetry), block_mean(turn(pan, symmetry)))
    predictor = Sharpener(Architecture(depth=0))
    plain = sharpen(predictor, pan[None], mul[None])
    other = sharpen(predictor, turn(pan, symmetry)[None], turn(mul, symmetry)[None])
    torch.testing.assert_close(other, turn(plain, symmetry), atol=1e-5, rtol=0)


@pytest.mark.parametrize("dtype", [torch.uint16, torch.int16, torch.float32, torch.bool])
def test_turning_keeps_the_type_and_shares_no_memory(dtype):
    image = torch.arange(12).reshape(1, 3, 4).to(dtype)
    before = image.clone()
    for symmetry in ALL:
        turned = turn(image, symmetry)
        assert turned.dtype == dtype and turned.is_contiguous()
        assert turned.shape == ((1, 4, 3) if symmetry % 2 else (1, 3, 4))
        assert turned.data_ptr() != image.data_ptr()
    assert torch.equal(image, before)


def test_another_symmetry_is_refused():
    for number in (-1, 8):
        with pytest.raises(ValueError, match=r"0\.\.7"):
            turn(torch.zeros(1, 2, 2), number)


# ── exposure ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.7])
def test_exposed_ground_has_the_colour_of_its_bands(factor, ground):
    bands = ground.bands
    pan, brighter, oklab = expose(ground.pan, bands, mul_to_oklab(bands), factor)
    torch.testing.assert_close(pan, ground.pan * factor)
    assert float(delta_e_ok(oklab, mul_to_oklab(brighter)).max()) < 0.01, "JND"
    assert factor == 1 or not torch.equal(oklab, mul_to_oklab(bands))


def test_each_chip_of_a_batch_has_its_own_exposure():
    factors = torch.tensor([0.5, 2.0]).reshape(-1, 1, 1, 1)
    pan, mul, oklab = expose(torch.ones(2, 1, 8, 8), torch.ones(2, 8, 2, 2), torch.ones(2, 3, 8, 8), factors)
    assert pan[:, 0, 0, 0].tolist() == mul[:, 7, 1, 1].tolist() == [0.5, 2.0]
    torch.testing.assert_close(oklab[:, 2, 3, 3], torch.tensor([0.5, 2.0]) ** (1 / 3))


def test_chance_comes_from_the_generator_and_reaches_everything():
    drawn = [(random_symmetry(g), random_exposure(g)) for g in map(seeded, range(200))]
    assert drawn == [(random_symmetry(g), random_exposure(g)) for g in map(seeded, range(200))]
    assert {symmetry for symmetry, _ in drawn} == set(ALL)
    factors = torch.tensor([factor for _, factor in drawn])
    assert 0.5 <= float(factors.min()) < 0.55 and 1.8 < float(factors.max()) <= 2
    assert abs(float(factors.log2().mean())) < 0.15


# ── air ───────────────────────────────────────────────────────────────────────────────────────────────


def test_ground_through_air_is_a_true_pair_again():
    pan, mul = torch.rand(1, 1, 32, 32, generator=seeded(1)), torch.rand(1, 8, 32, 32, generator=seeded(2))
    air = random_air(seeded(3))[None]
    seen = add_air(pan, mul, mul_to_oklab(mul), air)
    torch.testing.assert_close(seen[0], pan + air[0, 1, 0])
    torch.testing.assert_close(seen[1][0, 7], mul[0, 7] * air[0, 0, 8] + air[0, 1, 8])
    torch.testing.assert_close(seen[2], mul_to_oklab(seen[1]), atol=2e-4, rtol=0)


def test_no_air_changes_nothing():
    pan, mul = torch.rand(2, 1, 8, 8, generator=seeded(1)), torch.rand(2, 8, 2, 2, generator=seeded(2))
    oklab = mul_to_oklab(torch.rand(2, 8, 8, 8, generator=seeded(3)))
    clear = CLEAR_AIR.expand(2, 2, 9)
    for before, after in zip((pan, mul, oklab), add_air(pan, mul, oklab, clear), strict=True):
        torch.testing.assert_close(before, after, atol=1e-4, rtol=0)


def test_air_takes_only_what_is_not_visible_and_haze_is_most_in_the_blue():
    through, hazes = torch.stack([random_air(seeded(seed)) for seed in range(400)]).unbind(1)
    assert bool((through[:, [*range(6), 7]] == 1).all())
    assert 0.7 <= float(through.min()) < 0.72 and 1.03 < float(through.max()) <= 1.05
    pan, *bands = hazes.mean(0).tolist()
    assert hazes.min() >= 0 and bands == sorted(bands, reverse=True) and pan < bands[VISIBLE - 1]
    # No two are taken away alike: where one has most, it isn't always coastal.
    assert 0.02 < (hazes[:, 1:].argmax(1) > 0).float().mean() < 0.9
    # What is left beyond red says little of what is left in red.
    share = hazes[:, 1 + VISIBLE] / hazes[:, VISIBLE]
    assert float(share.quantile(0.1)) < 0.35 and float(share.quantile(0.9)) > 0.7


# ── the instrument ────────────────────────────────────────────────────────────────────────────────────


NOWHERE = torch.zeros(2)


def test_an_ideal_instrument_changes_nothing(clean):
    pan, mul = observe_again(*clean, IDEAL, NOWHERE, seeded(1))
    assert torch.equal(pan, clean[0]) and torch.equal(mul, clean[1])


def test_arguments_stay_as_they_are_and_chance_is_the_generators(clean):
    before = [image.clone() for image in clean]
    field = displacement_field(48, 32, Sensor(), seeded(5))
    first, second, third = (observe_again(*clean, Sensor(), field, seeded(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(*pair) for pair in zip(clean, before, strict=True))
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))
    assert not torch.equal(first[0], third[0]) and not torch.equal(first[1], third[1])
    assert torch.equal(field, displacement_field(48, 32, Sensor(), seeded(5)))


def test_it_rings_exactly_as_the_instrument_of_scenes_does(ground, clean):
    sensor = replace(IDEAL, sharpening=0.8, pan_sharpening=0.4)
    for again, seen in zip(
        observe_again(*clean, sensor, NOWHERE, seeded(1)), observe(ground, seeded(1), sensor), strict=True
    ):
        off = (again.float() - seen.float().reshape(again.shape)).abs()
        # The chip was rounded to counts before: half a count, times the gain, and rounded again.
        assert float(off.max()) <= 2
    assert not torch.equal(observe_again(*clean, sensor, NOWHERE, seeded(1))[1], clean[1])


def test_ringing_is_what_it_says():
    spot = torch.zeros(1, 7, 7)
    spot[0, 3, 3] = 1
    ringing = over_sharpen(spot, 0.8)[0, 2:5, 2:5]
    # 1 + amount × (1 − 1/4) in the middle, − amount × 1/8 beside it, − amount × 1/16 at the corners.
    expected = torch.tensor([[-0.05, -0.1, -0.05], [-0.1, 1.6, -0.1], [-0.05, -0.1, -0.05]])
    torch.testing.assert_close(ringing, expected)
    assert torch.equal(over_sharpen(spot, 0.0), spot)


def test_its_noise_is_that_of_the_instrument_of_scenes():
    grey = (
        torch.full((1, 256, 256), 2000, dtype=torch.uint16),
        torch.full((8, 64, 64), 2000, dtype=torch.uint16),
    )
    still = torch.zeros(256, 256)
    flat = Ground(still + 0.2, torch.full((8, 256, 256), 0.2), still, still, (), "flat")
    sensor = replace(IDEAL, read_noise=1e-3, shot_noise=2e-5)
    for again, seen in zip(
        observe_again(*grey, sensor, NOWHERE, seeded(1)), observe(flat, seeded(2), sensor), strict=True
    ):
        assert float(again.double().std()) == pytest.approx(float(seen.double().std()), rel=0.03)
        assert float(again.double().mean()) == pytest.approx(2000, abs=0.5)


def test_the_arrays_go_half_of_the_way_each():
    mul = torch.zeros(8, 32, 32)
    mul[:, 15:17, 15:17] = 1
    moved = displace_arrays(mul, torch.tensor([0.6, -0.4]))
    rows, columns = torch.arange(32.0)[:, None], torch.arange(32.0)[None, :]
    for index, name in enumerate(BANDS):
        side = -0.5 if name in FIRST_ARRAY else 0.5
        assert SIDES[index] == side
        total = moved[index].sum()
        centre = float((moved[index] * rows).sum() / total), float((moved[index] * columns).sum() / total)
        # Cubic convolution with a = −0.75 isn't exact to the first order; a tenth of a pixel is.
        assert centre == pytest.approx((15.5 + side * 0.6, 15.5 - side * 0.4), abs=0.08)


def test_displacing_a_chip_is_like_displacing_the_instrument(ground, clean):
    displacement = (0.4, -0.3)
    seen = observe(ground, seeded(1), replace(IDEAL, displacement=displacement))[1].float() / SCALE
    again = displace_arrays(clean[1].float() / SCALE, torch.tensor(displacement))
    wrong = displace_arrays(clean[1].float() / SCALE, -torch.tensor(displacement))
    inner = (..., slice(4, -4), slice(4, -4))
    off, still, opposite = (
        float((image - seen)[inner].abs().mean()) for image in (again, clean[1].float() / SCALE, wrong)
    )
    # Box means alias, so the two can't agree exactly.
    assert off < 0.7 * still and still < 0.7 * opposite


def test_a_field_displaces_each_place_by_its_own_amount():
    ramp = torch.arange(40.0).expand(8, 40, 40)
    field = torch.zeros(2, 40, 40)
    field[1, :20] = 0.8
    moved = displace_arrays(ramp, field)
    second = SIDES.index(0.5)
    torch.testing.assert_close(moved[second, 25, 5:35], ramp[second, 25, 5:35], atol=1e-3, rtol=0)
    torch.testing.assert_close(moved[second, 5, 5:35], ramp[second, 5, 5:35] - 0.4, atol=0.08, rtol=0)


def test_the_displacement_is_the_sensors_with_a_smooth_field_around_it():
    fields = [
        displacement_field(64, 48, Sensor(displacement=(0.3, -0.2)), seeded(seed)) for seed in range(30)
    ]
    assert fields[0].shape == (2, 64, 48)
    means = torch.stack([field.mean((1, 2)) for field in fields]).mean(0)
    assert means.tolist() == pytest.approx([0.3, -0.2], abs=0.03)
    assert max(float(field.diff(dim=2).abs().max()) for field in fields) < 0.03, "pixels per pixel"
    assert max(float(field.std((1, 2)).max()) for field in fields) > 0.03


def test_invalid_pixels_stay_invalid_and_colour_nothing(clean):
    pan, mul = (image.int() for image in clean)
    pan[:, :40], mul[:, :10] = 0, 0
    pan, mul = pan.to(torch.uint16), mul.to(torch.uint16)
    sensor = replace(IDEAL, sharpening=0.5, pan_sharpening=0.3)
    field = torch.tensor([1.5, 0.0])
    again, coarse = observe_again(pan, mul, sensor, field, seeded(1))
    assert not bool(again[:, :40].int().any()) and not bool(coarse[:, :10].int().any())
    assert bool((again[:, 40:].int() > 0).all()) and bool((coarse[:, 10:].int() > 0).all())
    # Were a 0 mixed in, the rim would be far darker than anything beside it.
    whole = observe_again(*clean, sensor, field, seeded(1))[1]
    rim = coarse[:, 10].float().mean(1) / whole[:, 10].float().mean(1)
    assert float(rim.min()) > 0.75 and float(rim.max()) < 1.3


def test_flat_ground_stays_flat(clean):
    pan, mul = (
        torch.full((1, 64, 64), 2000, dtype=torch.uint16),
        torch.full((8, 16, 16), 2000, dtype=torch.uint16),
    )
    sensor = replace(random_sensor(seeded(1)), read_noise=0.0, shot_noise=0.0, step=1, pan_gain=1.0)
    for image in observe_again(pan, mul, sensor, torch.tensor([0.37, -0.9]), seeded(1)):
        assert set(image.flatten().tolist()) == {2000}
