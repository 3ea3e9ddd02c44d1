"""Displacements that a test makes are found, with the signs that all of Potato uses."""

import math
from dataclasses import replace

import pytest
import torch

import pairs
from potato.core.noise import power_noise
from potato.core.radiometry import counts_to_reflectance
from potato.core.resample import block_mean
from potato.core.sensors import BANDS, FIRST_ARRAY, SCALE, SECOND_ARRAY
from potato.evaluation.registration import LEAST_CONFIDENCE, displacement_map, register_arrays, shift
from potato.simulation.artefacts import displace_arrays
from potato.simulation.ground import make_ground
from potato.simulation.imager import IDEAL, observe
from registered import pulled_apart, smooth_noise

FAULTS = replace(
    IDEAL,
    pan_blur=0.35,
    mul_blur=0.35,
    pan_mtf_boost=0.3,
    mul_mtf_boost=0.6,
    haze=0.015,
    read_noise=6e-4,
    step=3,
)
"""An imager that blurs, rings and is noisy, but displaces the arrays by the test's numbers only."""


@pytest.fixture(scope="module")
def ground():
    return make_ground(384, 448, torch.Generator().manual_seed(8), style="town")


def observed(ground, displacement=(0.0, 0.0), imager=IDEAL):
    imager = replace(imager, displacement=displacement)
    pan, mul = observe(ground, torch.Generator().manual_seed(1), imager)
    return pan[None].float() / SCALE, mul.float() / SCALE


@pytest.mark.parametrize("imager", [IDEAL, FAULTS], ids=["ideal", "faulty"])
@pytest.mark.parametrize("displacement", [(0.05, -0.1), (0.38, 0.2), (-0.7, 1.0), (1.5, -1.5), (2.9, 0.0)])
def test_displacements_of_the_imager_are_found(ground, imager, displacement):
    """Each array goes half of the way, so up to 1.45 mul pixels here; pan lies in the middle."""
    found = displacement_map(*observed(ground, displacement, imager))
    assert found.between == pytest.approx(displacement, abs=0.03)
    assert found.second.average == pytest.approx([way / 2 for way in displacement], abs=0.03)
    assert found.first.average == pytest.approx([-way / 2 for way in displacement], abs=0.03)
    for array, side in ((found.first, -0.5), (found.second, 0.5)):
        assert (array.confidence >= LEAST_CONFIDENCE).all() and max(array.spread) < 0.1
        for own, way in zip((array.down, array.right), displacement, strict=True):
            assert (own - side * way).abs().quantile(0.9) < 0.1


def test_each_array_is_measured_separately_with_the_signs_of_shift(ground):
    pan, mul = observed(ground)
    apart = mul.clone()
    moves = ((FIRST_ARRAY, (0.3, -0.2)), (SECOND_ARRAY, (-1.25, 0.7)))
    for array, by in moves:
        bands = [BANDS.index(name) for name in array]
        apart[bands] = shift(mul[bands], by)
    found = displacement_map(pan, apart)
    assert found.first.average == pytest.approx(moves[0][1], abs=0.03)
    assert found.second.average == pytest.approx(moves[1][1], abs=0.03)
    assert found.between == pytest.approx((-1.55, 0.9), abs=0.05)


def test_registered_arrays_lie_on_pan(ground):
    pan, mul = observed(ground, (0.6, -0.4))
    registered = register_arrays(pan[None], mul[None])[0]
    found = displacement_map(pan, registered)
    for average in (found.first.average, found.second.average, found.between):
        assert average == pytest.approx((0, 0), abs=0.03)


def test_displace_arrays_undoes_the_displacement_found(ground):
    pan, mul = observed(ground, (0.8, 0.5))
    found = displacement_map(pan, mul)
    back = displace_arrays(mul, -torch.tensor(found.between))
    assert displacement_map(pan, back).between == pytest.approx((0, 0), abs=0.03)


def test_a_smooth_field_of_displacements_is_found_at_every_window(ground):
    pan, mul = observed(ground)
    height, width = mul.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    field = torch.stack([0.6 * torch.sin(rows / 30), 0.8 * torch.cos(columns / 35 + rows / 60)])
    found = displacement_map(pan, displace_arrays(mul, field), window=24)
    assert found.window == 24
    # Between two middles of pixels lies the edge of one; a window's middle is such an edge.
    at = (found.rows.long()[:, None], found.columns.long())
    for array, side in ((found.first, -0.5), (found.second, 0.5)):
        for own, way in zip((array.down, array.right), field, strict=True):
            inside = (own - side * way[at])[1:-1, 1:-1].abs()
            assert inside.median() < 0.03 and inside.max() < 0.15
    assert found.first.spread[1] > 0.1


def test_rows_and_columns_are_the_middles_of_windows():
    """Only one corner is displaced, and only its windows say so."""
    generator = torch.Generator().manual_seed(4)
    pan = 0.3 + 0.05 * power_noise(384, 512, generator, 1.0)[None]
    mul = block_mean(pan).repeat(8, 1, 1)
    moved = mul.clone()
    moved[:, 48:, 64:] = shift(mul, (0.0, 1.0))[:, 48:, 64:]
    found = displacement_map(pan, moved, window=32)
    assert found.rows.tolist() == [16, 32, 48, 64, 80] and found.columns.tolist() == [
        16,
        32,
        48,
        64,
        80,
        96,
        112,
    ]
    assert found.first.right.shape == (5, 7)
    assert (found.first.right[4:, 5:] - 1).abs().max() < 0.05
    assert found.first.right[:2].abs().max() < 0.05 and found.first.right[:, :3].abs().max() < 0.05
    assert found.first.down.nanmedian().abs() < 0.01


@pytest.mark.parametrize("junk", (0.0, 50.0, math.nan))
def test_invalid_pixels_are_not_read(ground, junk):
    pan, mul = observed(ground, (0.6, -0.4))
    valid = torch.ones(pan.shape[-2:], dtype=torch.bool)
    valid[:, :150] = False
    coarse = block_mean(valid[None].float())[0] == 1
    pan = torch.where(valid, pan, torch.full_like(pan, junk))
    mul = torch.where(coarse, mul, torch.full_like(mul, junk))
    found = displacement_map(pan, mul, valid=valid)
    for array, side in ((found.first, -0.5), (found.second, 0.5)):
        assert array.average == pytest.approx((side * 0.6, side * -0.4), abs=0.03)
        assert (array.confidence[:, :1] == 0).all() and array.down[:, :1].isnan().all()
        assert (array.confidence[:, 3:] > LEAST_CONFIDENCE).all()


def test_noise_flat_images_and_holes_have_no_confidence(ground):
    generator = torch.Generator().manual_seed(2)
    noise = [0.3 + 0.05 * torch.randn(size, generator=generator) for size in ((1, 256, 256), (8, 64, 64))]
    pan, mul = observed(ground)
    nowhere = torch.zeros(pan.shape[-2:], dtype=torch.bool)
    for found in (
        displacement_map(*noise),
        displacement_map(torch.full_like(noise[0], 0.2), torch.full_like(noise[1], 0.3)),
        displacement_map(pan, mul, valid=nowhere),
    ):
        for array in (found.first, found.second):
            assert array.confidence.max() < LEAST_CONFIDENCE
            assert array.down.isnan().all() and array.right.isnan().all()
            assert all(math.isnan(figure) for figure in (*array.average, *array.spread))
        assert math.isnan(found.between[0])


def test_a_moving_window_does_not_change_the_average(ground):
    """A moving field of cars is one window's business."""
    pan, mul = observed(ground, (0.2, 0.2))
    mul[:, 32:64, 32:64] = displace_arrays(mul, torch.tensor([0.0, 2.0]))[:, 32:64, 32:64]
    found = displacement_map(pan, mul)
    assert found.between == pytest.approx((0.2, 0.2), abs=0.03)
    assert found.second.right[2, 2] == pytest.approx(1.1, abs=0.1)


def test_calibration_does_not_matter_and_inputs_stay_unchanged(ground):
    pan, mul = observed(ground, (0.6, -0.4))
    before = pan.clone(), mul.clone()
    found = displacement_map(pan, mul)
    assert torch.equal(pan, before[0]) and torch.equal(mul, before[1])
    other = displacement_map(pan * 3 + 0.2, mul * 0.5)
    assert torch.allclose(found.first.down, other.first.down, atol=0.006)


@pytest.mark.parametrize(
    ("pan", "mul", "window", "message"),
    [
        ((1, 128, 128), (5, 32, 32), 32, "expected pan"),
        ((1, 128, 124), (8, 32, 32), 32, "expected pan"),
        ((1, 1, 128, 128), (1, 8, 32, 32), 32, "expected pan"),
        ((1, 128, 128), (8, 32, 32), 33, "expected a window of 24 to 32"),
        ((1, 128, 128), (8, 32, 32), 23, "expected a window"),
    ],
)
def test_shapes_are_enforced(pan, mul, window, message):
    with pytest.raises(ValueError, match=message):
        displacement_map(torch.ones(pan), torch.ones(mul), window)


def test_valid_must_be_a_mask_of_pan():
    with pytest.raises(ValueError, match="expected valid"):
        displacement_map(torch.ones(1, 128, 128), torch.ones(8, 32, 32), valid=torch.ones(32, 32) > 0)


def test_two_registrations_of_a_real_pair_agree(real_pair):
    images = [torch.from_numpy(counts_to_reflectance(pairs.read(path))) for path in real_pair]
    pan, mul = images
    found = displacement_map(pan, mul, window=64)
    assert found.first.confidence.median() > 0.9 and found.second.confidence.median() > 0.9
    after = displacement_map(pan, register_arrays(pan[None], mul[None])[0], window=64)
    for array in (after.first, after.second):
        assert array.average == pytest.approx((0, 0), abs=0.03)
    assert math.hypot(*found.first.average) > 0.03 + math.hypot(*after.first.average) / 2


def test_registration_undoes_a_known_displacement(coloured):
    pan, mul = coloured
    inside = (..., slice(8, -8), slice(8, -8))
    error = (pulled_apart(mul) - mul)[inside].abs().mean()
    assert (register_arrays(pan, pulled_apart(mul)) - mul)[inside].abs().mean() < 0.15 * error


def test_registration_leaves_registered_arrays(coloured):
    pan, mul = coloured
    inside = (..., slice(8, -8), slice(8, -8))
    assert (register_arrays(pan, mul) - mul)[inside].abs().mean() < 1e-3


@pytest.mark.parametrize("by", [(3, 0), (0, -2), (1, 4)])
def test_a_shift_by_whole_pixels_moves_pixels(by):
    image = smooth_noise(2, 3, 40, 51)
    moved = shift(image, by)
    inside = (..., slice(8, -8), slice(8, -8))
    assert torch.allclose(moved[inside], image.roll(by, (-2, -1))[inside], atol=1e-4)


def test_shifts_add_up_and_follow_waves():
    image = smooth_noise(1, 64, 64, sigma=3.0)
    inside = (..., slice(8, -8), slice(8, -8))
    there_and_back = shift(shift(image, (0.3, -0.7)), (-0.3, 0.7))
    assert torch.allclose(there_and_back[inside], image[inside], atol=1e-3)
    x = torch.arange(96.0).expand(96, 96)
    moved = shift(torch.sin(x / 3), (0, 0.35))
    assert torch.allclose(moved[..., 40:56, 40:56], torch.sin((x - 0.35) / 3)[..., 40:56, 40:56], atol=2e-2)
