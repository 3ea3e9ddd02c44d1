"""The imager: laws of observation, each of its parameters, and Wald's protocol."""

import math
from dataclasses import fields, replace

import pytest
import torch

from grounds import flat_ground, photographed_ground, seeded, striped_ground
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE
from potato.simulation.ground import make_ground
from potato.simulation.imager import (
    IDEAL,
    Imager,
    displacement_field,
    observe,
    observe_coarser,
    truth,
)
from potato.simulation.land.vehicles import Mover
from potato.simulation.random_imager import random_imager


def random_observe(ground, seed):
    generator = seeded(seed)
    return observe(ground, generator, random_imager(generator))


def car(dx: float, dy: float) -> Mover:
    """A large one: bright paint, no windows."""
    return Mover(64.0, 64.0, dx, dy, 24.0, 8.0, 0.0, torch.full((9,), 0.8), torch.zeros(9))


def centre(image: torch.Tensor, background: float) -> tuple[float, float]:
    """Row and column of the centre of what stands out, in pixels of the image."""
    weight = (image.double() - background).abs()
    rows = torch.arange(image.shape[0]).double() + 0.5
    columns = torch.arange(image.shape[1]).double() + 0.5
    total = weight.sum()
    return float((weight.sum(1) * rows).sum() / total), float((weight.sum(0) * columns).sum() / total)


def test_ideal_mul_is_the_box_mean_of_the_bands(ground):
    pan, mul = observe(ground, seeded(1), IDEAL)
    assert pan.dtype == mul.dtype == torch.uint16
    assert pan.shape == (320, 256) and mul.shape == (8, 80, 64)
    sharp, bands = truth(ground, IDEAL)
    # Half a count of rounding, and float32.
    torch.testing.assert_close(
        mul.float() / SCALE, block_mean(bands, WORKSHOP.ratio), atol=0.55 / SCALE, rtol=0
    )
    torch.testing.assert_close(pan.float() / SCALE, sharp, atol=0.51 / SCALE, rtol=0)


def test_observation_is_repeatable_and_does_not_change_the_ground(ground):
    pan, bands = ground.pan.clone(), ground.bands.clone()
    first, second = random_observe(ground, 2), random_observe(ground, 2)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert torch.equal(ground.pan, pan) and torch.equal(ground.bands, bands)
    assert not torch.equal(random_observe(ground, 3)[1], first[1])
    assert int(first[0].int().min()) >= 1 and int(first[1].int().min()) >= 1


OTHER = {
    "shares": tuple(tuple(0.01 + 0.91 * (row == column) for column in range(9)) for row in range(9)),
    "pan_blur": 0.9,
    "pan_mtf_boost": 1.0,
    "mul_blur": 0.6,
    "blur_factors": (1.0, 1.2, 0.8, 1.0, 1.1, 1.0, 0.9, 1.0),
    "mul_mtf_boost": 0.0,
    "mul_fine_mtf_boost": 0.0,
    "pitch": 1.3,
    "phase": (0.8, 0.1),
    "displacement": (-0.2, 0.3),
    "sides": (0.5,) * 8,
    "jitter": 0.2,
    "local_shift_std": 0.5,
    "parallax": (0.01, -0.02),
    "time_lag": 0.0,
    "haze": 0.05,
    "haze_slope": 0.5,
    "haze_factors": (1.0, 1.2, 0.8, 1.0, 1.1, 1.0, 0.9, 1.0),
    "haze_beyond_red": 0.3,
    "pan_haze": 0.3,
    "pan_calibration_gain": 1.1,
    "read_noise": 3e-3,
    "shot_noise": 3e-5,
    "mul_noise": 1.5,
    "noise_factors": (0.5, 0.6, 0.4, 0.5, 0.5, 0.7, 0.5, 0.9),
    "step": 16,
}


@pytest.mark.parametrize("option", OTHER)
def test_every_parameter_changes_the_images_that_it_should(ground, option):
    assert {"sensor", *OTHER} == {field.name for field in fields(Imager)}
    assert ground.movers, "the traffic is there to be frozen"
    plain = observe(ground, seeded(4), Imager())
    other = observe(ground, seeded(4), replace(Imager(), **{option: OTHER[option]}))
    pan_only = {"pan_blur", "pan_mtf_boost", "pan_calibration_gain", "pan_haze", "phase"}
    mul_only = {"mul_blur", "blur_factors", "mul_mtf_boost", "mul_fine_mtf_boost"}
    mul_only |= {
        "displacement",
        "sides",
        "jitter",
        "local_shift_std",
        "parallax",
        "time_lag",
        "haze_factors",
        "haze_beyond_red",
        "mul_noise",
        "noise_factors",
    }
    assert torch.equal(plain[0], other[0]) == (option in mul_only)
    assert torch.equal(plain[1], other[1]) == (option in pan_only)


def test_flat_ground_stays_flat_at_any_blur_and_shift():
    imager = replace(
        IDEAL,
        pan_blur=0.7,
        mul_blur=0.5,
        mul_mtf_boost=0.9,
        mul_fine_mtf_boost=1.5,
        pan_mtf_boost=0.4,
        displacement=(0.31, -0.22),
    )
    pan, mul = observe(flat_ground(0.2), seeded(1), imager)
    assert {*pan.flatten().tolist(), *mul.flatten().tolist()} == {2000}


@pytest.mark.parametrize("blur", [0.0, 0.35])
def test_arrays_are_apart_by_the_displacement_with_pan_in_the_middle(blur):
    still = flat_ground(0.1, 128)
    still.bands[:, 60:68, 56:72] = 0.9
    still.pan[60:68, 56:72] = 0.9
    displacement = (0.3, -0.17)
    pan, mul = observe(
        still, seeded(1), replace(IDEAL, mul_blur=blur, pan_blur=blur, displacement=displacement)
    )
    seen = {name: centre(mul[k], 1000) for k, name in enumerate(WORKSHOP.bands)}
    middle = tuple(value / WORKSHOP.ratio for value in centre(pan, 1000))
    for name in WORKSHOP.bands:
        side = -0.5 if name in WORKSHOP.arrays[0] else 0.5
        for axis in (0, 1):
            assert seen[name][axis] == pytest.approx(middle[axis] + side * displacement[axis], abs=0.01)


def test_moving_car_is_seen_at_three_places():
    moving = flat_ground(0.1, 128, (car(6.0, -3.0),))
    pan, mul = observe(moving, seeded(1), replace(IDEAL, time_lag=1.0))
    row, column = centre(pan, 1000)
    assert (row, column) == pytest.approx((64, 64), abs=0.05)
    for names, way in ((WORKSHOP.arrays[0], -1), (WORKSHOP.arrays[1], 1)):
        for name in names:
            seen = [WORKSHOP.ratio * value for value in centre(mul[WORKSHOP.bands.index(name)], 1000)]
            assert seen == pytest.approx([64 - 3 * way, 64 + 6 * way], abs=0.05)
    _, frozen = observe(moving, seeded(1), IDEAL)
    assert torch.equal(frozen[0], frozen[1]), "without time_lag all bands see one place"
    assert centre(truth(moving)[1][0], 0.1) == pytest.approx((64, 64), abs=0.05)


def test_haze_is_added_to_images_and_to_the_truth():
    imager = replace(IDEAL, haze=0.04)
    haze = imager.plane_haze
    moving = flat_ground(0.1, 128, (car(0.0, 0.0),))
    _pan, mul = observe(moving, seeded(1), imager)
    sharp, bands = truth(moving, imager)
    assert float(sharp[0, 0]) == pytest.approx(0.1 + haze[0])
    assert float(sharp[64, 64]) == pytest.approx(0.8 + haze[0])
    assert haze[1] == 0.04 and list(haze[1:]) == sorted(haze[1:], reverse=True), "most in the blue"
    for k in range(8):
        assert float(bands[k, 0, 0]) == pytest.approx(0.1 + haze[k + 1])
        assert int(mul[k, 0, 0]) == pytest.approx(SCALE * (0.1 + haze[k + 1]), abs=0.51)


@pytest.mark.parametrize("value", [0.02, 0.4])
def test_noise_has_the_variance_of_its_parameters(value):
    read, shot = 1e-3, 2e-5
    imager = replace(IDEAL, read_noise=read, shot_noise=shot)
    pan, mul = observe(flat_ground(value, 256), seeded(7), imager)
    # 1/12 of a squared count is rounding.
    expected = (read**2 + shot * value) * SCALE**2 + 1 / 12
    assert float(pan.double().var()) == pytest.approx(expected, rel=0.03)
    quarter = (read**2 + shot * value) / 4 * SCALE**2 + 1 / 12
    assert float(mul.double().var()) == pytest.approx(quarter, rel=0.03)
    assert float(pan.double().mean()) == pytest.approx(value * SCALE, rel=0.01)


def test_mtf_boost_makes_edges_ring_and_keeps_the_mean():
    edge = flat_ground(0.1, 128)
    edge.bands[:, :, 64:] = 0.5
    soft = observe(edge, seeded(1), replace(IDEAL, mul_blur=0.35))[1].double()
    ringing = observe(edge, seeded(1), replace(IDEAL, mul_blur=0.35, mul_mtf_boost=1.0))[1].double()
    assert float(ringing.max()) > float(soft.max()) + 100 and float(ringing.min()) < float(soft.min()) - 100
    assert float(ringing.mean()) == pytest.approx(float(soft.mean()), rel=1e-3)


def test_each_band_has_a_point_spread_of_its_own():
    spot = flat_ground(0.1, 64)
    spot.bands[:, 30:34, 30:34] = 0.9
    factors = (0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7, 1.9)
    mul = observe(spot, seeded(1), replace(IDEAL, mul_blur=0.4, blur_factors=factors))[1].int()
    peaks = mul.amax((1, 2)).tolist()
    assert peaks == sorted(peaks, reverse=True) and len(set(peaks)) == len(WORKSHOP.bands)


def test_larger_pixels_remove_the_finest_detail_of_pan_and_keep_broad_waves():
    columns = torch.arange(128.0)
    for period, kept in ((2.2, (0.0, 0.4)), (32.0, (0.93, 1.01))):
        ground = flat_ground(0.2, 128)
        wave = 0.1 * torch.cos(2 * math.pi * columns / period).expand(128, 128)
        ground = replace(ground, planes=torch.cat([(ground.pan + wave)[None], ground.bands]))
        imager = replace(IDEAL, pitch=1.25)
        pan = observe(ground, seeded(1), imager)[0].float()[16:-16, 16:-16] / SCALE
        assert kept[0] <= float(pan.std() / wave.std()) <= kept[1], period


def test_counts_are_multiples_of_the_step():
    pan, _ = observe(make_ground(64, 64, seeded(1)), seeded(1), replace(IDEAL, step=5))
    levels = {value for value in pan.flatten().tolist() if value > 1}
    assert len(levels) > 20 and all(level % 5 == 0 for level in levels)


def test_a_random_imager_varies_and_is_possible():
    imagers = [random_imager(seeded(seed)) for seed in range(50)]
    for name in OTHER:
        values = {getattr(imager, name) for imager in imagers}
        assert len(values) > 10 or name in ("shares", "sides", "time_lag", "step"), name
    assert all(
        imager.mul_mtf_boost >= 0 and imager.pan_mtf_boost >= 0 and -0.01 <= imager.haze <= 0.06
        for imager in imagers
    )
    assert random_imager(seeded(1)) == random_imager(seeded(1))


def stripes_in_mul(imager, period):
    mul = observe(striped_ground(period), seeded(1), replace(imager, read_noise=0.0, shot_noise=0.0))[1]
    return mul[0, 8:56, 8:56].double().flatten() / SCALE


def test_mul_rings_at_a_third_of_a_cycle_and_loses_detail_at_half():
    """A real mul against box means of pan: gains of 1.4 and 0.4, averaged over directions."""
    imager = replace(Imager(), haze=0.0, jitter=0.0, parallax=(0.0, 0.0), displacement=(0.0, 0.0), step=1)

    def response(period):
        means, seen = stripes_in_mul(IDEAL, period), stripes_in_mul(imager, period)
        both = torch.stack([means, seen])
        # The part that is correlated with the box means: aliased detail isn't.
        return float(torch.cov(both)[0, 1] / means.var())

    assert response(64.0) == pytest.approx(1.0, abs=0.1)
    assert 1.3 < response(4 / 0.28) < 1.9
    assert response(4 / 0.47) < 0.8


def test_another_pitch_leaves_broad_waves_in_place():
    slow = striped_ground(160.0)
    plain = observe(slow, seeded(1), IDEAL)[1].float()
    for pitch in (1.07, 1.2):
        other = observe(slow, seeded(1), replace(IDEAL, pitch=pitch))[1].float()
        assert float((other - plain).abs()[:, 4:-4, 4:-4].max()) < 25, "counts, of a swing of 2000"


def test_parallax_displaces_high_ground_only():
    ground = striped_ground(64.0)
    ground.height[:, 128:] = 20.0
    plain = observe(ground, seeded(1), IDEAL)[1].float()
    leaning = observe(ground, seeded(1), replace(IDEAL, parallax=(0.0, 0.02)))[1].float()
    assert float((leaning - plain)[:, :, :31].abs().max()) < 2
    assert float((leaning - plain)[:, :, 34:].abs().max()) > 20


def test_local_shifts_move_patches_and_leave_the_rest():
    calm = displacement_field(96, 96, replace(IDEAL, local_shift_std=0.0), seeded(3))
    assert not bool(calm.any())
    field = displacement_field(96, 96, replace(IDEAL, local_shift_std=0.5), seeded(3)).norm(dim=0)
    assert 0.02 < float((field > 0.5).float().mean()) < 0.3
    assert float((field < 0.05).float().mean()) > 0.6


def test_displacement_field_is_smooth_around_the_displacement():
    fields = [
        displacement_field(64, 48, Imager(displacement=(0.3, -0.2)), seeded(seed)) for seed in range(30)
    ]
    assert fields[0].shape == (2, 64, 48)
    means = torch.stack([field.mean((1, 2)) for field in fields]).mean(0)
    assert means.tolist() == pytest.approx([0.3, -0.2], abs=0.03)
    assert max(float(field.diff(dim=2).abs().max()) for field in fields) < 0.03, "pixels per pixel"
    assert max(float(field.std((1, 2)).max()) for field in fields) > 0.03


@pytest.mark.parametrize("halved", [False, True])
def test_coarser_mul_is_the_box_mean_of_the_truth(halved):
    ground = photographed_ground()
    imager = replace(random_imager(seeded(2)), displacement=(0.0, 0.0), jitter=0.0, local_shift_std=0.0)
    pan, mul, bands = observe_coarser(ground, seeded(1), imager, halved)
    side = 128 if halved else 64
    assert (
        pan.shape == (side, side)
        and mul.shape == (8, side // 4, side // 4)
        and bands.shape == (8, side, side)
    )
    torch.testing.assert_close(
        mul.float() / SCALE, block_mean(bands, WORKSHOP.ratio), atol=1.01 / SCALE, rtol=0
    )


def test_coarser_input_is_displaced_and_truth_is_not():
    ground = photographed_ground()
    still = replace(random_imager(seeded(2)), displacement=(0.0, 0.0), jitter=0.0, local_shift_std=0.0)
    moved = replace(still, displacement=(0.4, 0.3))
    first, second = (observe_coarser(ground, seeded(1), imager) for imager in (still, moved))
    assert torch.equal(first[0], second[0]) and torch.equal(first[2], second[2])
    assert not torch.equal(first[1], second[1])


def test_truth_equals_pan_where_all_bands_are_alike():
    # But for noise, calibration and levels.
    ground = striped_ground(9.0)
    imager = replace(Imager(), haze=0.0, read_noise=0.0, shot_noise=0.0, step=1)
    pan, bands = observe(ground, seeded(1), imager)[0].float() / SCALE, truth(ground, imager)[1]
    torch.testing.assert_close(pan.expand_as(bands), bands, atol=1 / SCALE, rtol=0)
