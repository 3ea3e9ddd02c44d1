"""Displacements that a test makes are found, with the signs that all of Potato uses."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from potato.core.displacement import LEAST_CONFIDENCE, displacement_map
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP, WORLDVIEW_2
from potato.core.sensors import SCALE
from potato.evaluation.registration import register_arrays, shift
from potato.simulation.artefacts import displace_arrays
from potato.simulation.ground import make_ground
from potato.simulation.imager import IDEAL, array_sides, observe

SIDES = array_sides(WORLDVIEW_2)

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


def measure(pan, mul, window=32, valid=None):
    """The displacements of a pair of tensors, pan (1, 4h, 4w) and mul (8, h, w)."""
    mask = None if valid is None else valid.numpy()
    return displacement_map(pan[0].numpy(), mul.numpy(), WORLDVIEW_2, window, mask)


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
    found = measure(*observed(ground, displacement, imager))
    assert found.between == pytest.approx(displacement, abs=0.03)
    assert found.arrays[1].average == pytest.approx([way / 2 for way in displacement], abs=0.03)
    assert found.arrays[0].average == pytest.approx([-way / 2 for way in displacement], abs=0.03)
    for array, side in zip(found.arrays, (-0.5, 0.5), strict=True):
        assert (array.confidence >= LEAST_CONFIDENCE).all() and max(array.spread) < 0.1
        for own, way in zip((array.down, array.right), displacement, strict=True):
            assert np.quantile(abs(own - side * way), 0.9) < 0.1


def test_each_array_is_measured_separately_with_the_signs_of_shift(ground):
    pan, mul = observed(ground)
    apart = mul.clone()
    moves = (0.3, -0.2), (-1.25, 0.7)
    for bands, by in zip(WORLDVIEW_2.array_places, moves, strict=True):
        apart[bands] = shift(mul[bands], by)
    found = measure(pan, apart)
    assert found.arrays[0].average == pytest.approx(moves[0], abs=0.03)
    assert found.arrays[1].average == pytest.approx(moves[1], abs=0.03)
    assert found.between == pytest.approx((-1.55, 0.9), abs=0.05)


def test_registered_arrays_lie_on_pan(ground):
    pan, mul = observed(ground, (0.6, -0.4))
    registered = register_arrays(pan[None], mul[None], WORLDVIEW_2)[0]
    found = measure(pan, registered)
    for average in (found.arrays[0].average, found.arrays[1].average, found.between):
        assert average == pytest.approx((0, 0), abs=0.03)


def test_displace_arrays_undoes_the_displacement_found(ground):
    pan, mul = observed(ground, (0.8, 0.5))
    found = measure(pan, mul)
    back = displace_arrays(mul, -torch.tensor(found.between), SIDES)
    assert measure(pan, back).between == pytest.approx((0, 0), abs=0.03)


def test_a_smooth_field_of_displacements_is_found_at_every_window(ground):
    pan, mul = observed(ground)
    height, width = mul.shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    field = torch.stack([0.6 * torch.sin(rows / 30), 0.8 * torch.cos(columns / 35 + rows / 60)])
    found = measure(pan, displace_arrays(mul, field, SIDES), window=24)
    assert found.window == 24
    # Between two middles of pixels lies the edge of one; a window's middle is such an edge.
    at = (found.rows.astype(int)[:, None], found.columns.astype(int))
    for array, side in zip(found.arrays, (-0.5, 0.5), strict=True):
        for own, way in zip((array.down, array.right), field.numpy(), strict=True):
            inside = abs(own - side * way[at])[1:-1, 1:-1]
            assert np.median(inside) < 0.03 and inside.max() < 0.15
    assert found.arrays[0].spread[1] > 0.1


def test_rows_and_columns_are_the_middles_of_windows():
    """Only one corner is displaced, and only its windows say so."""
    generator = torch.Generator().manual_seed(4)
    pan = 0.3 + 0.05 * power_noise(384, 512, generator, 1.0)[None]
    mul = block_mean(pan, WORKSHOP.ratio).repeat(8, 1, 1)
    moved = mul.clone()
    moved[:, 48:, 64:] = shift(mul, (0.0, 1.0))[:, 48:, 64:]
    found = measure(pan, moved, window=32)
    assert found.rows.tolist() == [16, 32, 48, 64, 80] and found.columns.tolist() == [
        16,
        32,
        48,
        64,
        80,
        96,
        112,
    ]
    assert found.arrays[0].right.shape == (5, 7)
    assert abs(found.arrays[0].right[4:, 5:] - 1).max() < 0.05
    assert abs(found.arrays[0].right[:2]).max() < 0.05 and abs(found.arrays[0].right[:, :3]).max() < 0.05
    assert abs(np.nanmedian(found.arrays[0].down)) < 0.01


@pytest.mark.parametrize("junk", (0.0, 50.0, math.nan))
def test_invalid_pixels_are_not_read(ground, junk):
    pan, mul = observed(ground, (0.6, -0.4))
    valid = torch.ones(pan.shape[-2:], dtype=torch.bool)
    valid[:, :150] = False
    coarse = block_mean(valid[None].float(), WORKSHOP.ratio)[0] == 1
    pan = torch.where(valid, pan, torch.full_like(pan, junk))
    mul = torch.where(coarse, mul, torch.full_like(mul, junk))
    found = measure(pan, mul, valid=valid)
    for array, side in zip(found.arrays, (-0.5, 0.5), strict=True):
        assert array.average == pytest.approx((side * 0.6, side * -0.4), abs=0.03)
        assert (array.confidence[:, :1] == 0).all() and np.isnan(array.down[:, :1]).all()
        assert (array.confidence[:, 3:] > LEAST_CONFIDENCE).all()


def test_noise_flat_images_and_holes_have_no_confidence(ground):
    generator = torch.Generator().manual_seed(2)
    noise = [0.3 + 0.05 * torch.randn(size, generator=generator) for size in ((1, 256, 256), (8, 64, 64))]
    pan, mul = observed(ground)
    nowhere = torch.zeros(pan.shape[-2:], dtype=torch.bool)
    for found in (
        measure(*noise),
        measure(torch.full_like(noise[0], 0.2), torch.full_like(noise[1], 0.3)),
        measure(pan, mul, valid=nowhere),
    ):
        for array in found.arrays:
            assert array.confidence.max() < LEAST_CONFIDENCE
            assert np.isnan(array.down).all() and np.isnan(array.right).all()
            assert all(math.isnan(figure) for figure in (*array.average, *array.spread))
        assert math.isnan(found.between[0])


def test_a_moving_window_does_not_change_the_average(ground):
    """A moving field of cars is one window's business."""
    pan, mul = observed(ground, (0.2, 0.2))
    mul[:, 32:64, 32:64] = displace_arrays(mul, torch.tensor([0.0, 2.0]), SIDES)[:, 32:64, 32:64]
    found = measure(pan, mul)
    assert found.between == pytest.approx((0.2, 0.2), abs=0.03)
    assert found.arrays[1].right[2, 2] == pytest.approx(1.1, abs=0.1)


def test_calibration_does_not_matter_and_inputs_stay_unchanged(ground):
    pan, mul = observed(ground, (0.6, -0.4))
    before = pan.clone(), mul.clone()
    found = measure(pan, mul)
    assert torch.equal(pan, before[0]) and torch.equal(mul, before[1])
    other = measure(pan * 3 + 0.2, mul * 0.5)
    assert np.allclose(found.arrays[0].down, other.arrays[0].down, atol=0.006)


@pytest.mark.parametrize(
    ("pan", "mul", "window", "message"),
    [
        ((128, 124), (8, 32, 32), 32, "expected pan"),
        ((1, 128, 128), (8, 32, 32), 32, "expected pan"),
        ((128, 128), (8, 32, 32), 33, "expected a window of 24 to 32"),
        ((128, 128), (8, 32, 32), 23, "expected a window"),
    ],
)
def test_shapes_are_enforced(pan, mul, window, message):
    with pytest.raises(ValueError, match=message):
        displacement_map(np.ones(pan), np.ones(mul), WORLDVIEW_2, window)


def test_valid_must_be_a_mask_of_pan():
    with pytest.raises(ValueError, match="expected valid"):
        displacement_map(np.ones((128, 128)), np.ones((8, 32, 32)), WORLDVIEW_2, valid=np.ones((32, 32)) > 0)


@pytest.fixture(scope="module")
def texture():
    """Reflectance (500, 500) of pan pixels, coarse and fine, and without a period."""
    generator = torch.Generator().manual_seed(5)
    return (0.3 + 0.05 * power_noise(500, 500, generator, 0.7)).numpy()


def displaced(texture, down, right, ratio=4):
    """A pan of 320 × 320, and a mul that shows it so many pan pixels farther down and right."""
    pan = texture[90:410, 90:410]
    mul = block_mean(texture[90 - down : 410 - down, 90 - right : 410 - right], ratio)
    return pan, mul[None] * np.linspace(0.5, 2, 8)[:, None, None]


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("way", [(0, 0), (4, -4), (12, 0), (-12, 5), (-16, 16)])
def test_displacements_of_whole_images_are_found_up_to_the_limit(texture, way, ratio):
    found = displacement_map(*displaced(texture, *way, ratio), WORLDVIEW_2)
    for array in found.arrays:
        assert np.multiply(array.average, ratio) == pytest.approx(way, abs=0.1)
        assert max(array.spread) < 0.05 and array.beyond.mean() < 0.1


@pytest.mark.parametrize("way", [(20, 0), (0, -24), (-64, 30)])
def test_a_displacement_beyond_the_limit_is_told_and_not_measured(texture, way):
    found = displacement_map(*displaced(texture, *way), WORLDVIEW_2)
    assert np.multiply(found.whole, 4) == pytest.approx(way, abs=2)
    for array in found.arrays:
        assert array.beyond.all() and np.isnan(array.average).all()


def test_a_few_windows_alone_may_be_beyond_the_limit(texture):
    """A window is searched near the place of the whole image, and not farther away."""
    pan, mul = displaced(texture, 0, 0)
    mul[:, :32] = displaced(texture, 0, 14)[1][:, :32]
    found = displacement_map(pan, mul, WORLDVIEW_2)
    for array in found.arrays:
        assert array.beyond[0].any() and not array.beyond[-1].any()
        assert np.isnan(array.right[array.beyond]).all() and array.average == pytest.approx((0, 0), abs=0.03)


def test_a_sensor_without_arrays_is_measured_as_one(texture):
    found = displacement_map(*displaced(texture, 4, -2), replace(WORLDVIEW_2, arrays=()))
    (all_bands,) = found.arrays
    assert all_bands.average == pytest.approx((1, -0.5), abs=0.03)
