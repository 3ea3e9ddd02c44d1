"""Displacements that were made on purpose are found, with the signs that the rest of Potato gives them."""

import math
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.core.sensors import BANDS, FIRST_ARRAY, SCALE, SECOND_ARRAY
from potato.evaluation.protocols import register_arrays, shift
from potato.evaluation.registration import LEAST_CONFIDENCE, displacement_map
from potato.simulation.artefacts import displace_arrays
from potato.simulation.ground import make_ground
from potato.simulation.imager import IDEAL, observe

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
"""An imager that blurs, rings and is noisy, but displaces only what it is told to."""


@pytest.fixture(scope="module")
def ground():
    return make_ground(384, 448, torch.Generator().manual_seed(8), style="town")


def photograph(ground, displacement=(0.0, 0.0), sensor=IDEAL):
    look = replace(sensor, displacement=displacement)
    pan, mul = observe(ground, torch.Generator().manual_seed(1), look)
    return pan[None].float() / SCALE, mul.float() / SCALE


@pytest.mark.parametrize("sensor", [IDEAL, FAULTS], ids=["ideal", "faulty"])
@pytest.mark.parametrize("displacement", [(0.05, -0.1), (0.38, 0.2), (-0.7, 1.0), (1.5, -1.5), (2.9, 0.0)])
def test_what_the_instrument_displaced_is_found(ground, sensor, displacement):
    """Each array goes half of the way, so up to 1.45 mul pixels here; pan lies in the middle."""
    found = displacement_map(*photograph(ground, displacement, sensor))
    assert found.between == pytest.approx(displacement, abs=0.03)
    assert found.second.average == pytest.approx([way / 2 for way in displacement], abs=0.03)
    assert found.first.average == pytest.approx([-way / 2 for way in displacement], abs=0.03)
    for array, side in ((found.first, -0.5), (found.second, 0.5)):
        assert (array.confidence >= LEAST_CONFIDENCE).all() and max(array.spread) < 0.1
        for own, way in zip((array.down, array.right), displacement, strict=True):
            assert (own - side * way).abs().quantile(0.9) < 0.1


def test_arrays_are_measured_each_by_itself_and_signs_are_those_of_shift(ground):
    pan, mul = photograph(ground)
    apart = mul.clone()
    moves = ((FIRST_ARRAY, (0.3, -0.2)), (SECOND_ARRAY, (-1.25, 0.7)))
    for array, by in moves:
        bands = [BANDS.index(name) for name in array]
        apart[bands] = shift(mul[bands], by)
    found = displacement_map(pan, apart)
    assert found.first.average == pytest.approx(moves[0][1], abs=0.03)
    assert found.second.average == pytest.approx(moves[1][1], abs=0.03)
    assert found.between == pytest.approx((-1.55, 0.9), abs=0.05)


def test_what_is_registered_lies_on_pan(ground):
    pan, mul = photograph(ground, (0.6, -0.4))
    registered = register_arrays(pan[None], mul[None])[0]
    found = displacement_map(pan, registered)
    for average in (found.first.average, found.second.average, found.between):
        assert average == pytest.approx((0, 0), abs=0.03)


def test_displace_arrays_takes_back_what_was_found(ground):
    pan, mul = photograph(ground, (0.8, 0.5))
    found = displacement_map(pan, mul)
    back = displace_arrays(mul, -torch.tensor(found.between))
    assert displacement_map(pan, back).between == pytest.approx((0, 0), abs=0.03)


def test_a_smooth_field_is_found_where_it_is(ground):
    pan, mul = photograph(ground)
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


def test_windows_lie_where_they_say():
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
def test_what_is_invalid_is_not_looked_at(ground, junk):
    pan, mul = photograph(ground, (0.6, -0.4))
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


def test_where_there_is_nothing_to_see_nothing_is_said(ground):
    generator = torch.Generator().manual_seed(2)
    noise = [0.3 + 0.05 * torch.randn(size, generator=generator) for size in ((1, 256, 256), (8, 64, 64))]
    pan, mul = photograph(ground)
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


def test_a_window_that_moves_does_not_move_the_average(ground):
    """A moving field of cars is one window's business."""
    pan, mul = photograph(ground, (0.2, 0.2))
    mul[:, 32:64, 32:64] = displace_arrays(mul, torch.tensor([0.0, 2.0]))[:, 32:64, 32:64]
    found = displacement_map(pan, mul)
    assert found.between == pytest.approx((0.2, 0.2), abs=0.03)
    assert found.second.right[2, 2] == pytest.approx(1.1, abs=0.1)


def test_calibration_of_pan_does_not_matter_and_nothing_is_changed(ground):
    pan, mul = photograph(ground, (0.6, -0.4))
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


def test_a_real_pair_agrees_with_its_registration_by_least_squares():
    folder = Path(os.environ.get("POTATO_DATA", "")) / "wv2"
    if not os.environ.get("POTATO_DATA") or not folder.is_dir():
        pytest.skip("POTATO_DATA names no folder with the real pair wv2")
    import rasterio

    images = []
    for name in ("wv2-pan.tif", "wv2-ms.tif"):
        with rasterio.open(folder / name) as dataset:
            images.append(torch.from_numpy(dataset.read().astype("float32") / SCALE))
    pan, mul = images
    found = displacement_map(pan, mul, window=64)
    assert found.first.confidence.median() > 0.9 and found.second.confidence.median() > 0.9
    after = displacement_map(pan, register_arrays(pan[None], mul[None])[0], window=64)
    for array in (after.first, after.second):
        assert array.average == pytest.approx((0, 0), abs=0.03)
    assert math.hypot(*found.first.average) > 0.03 + math.hypot(*after.first.average) / 2
