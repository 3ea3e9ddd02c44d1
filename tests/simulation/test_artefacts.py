"""Artefacts: ringing, displaced band arrays, ragged edges."""

import math
from dataclasses import replace

import pytest
import torch

from grounds import seeded
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE
from potato.simulation.artefacts import boost_mtf, displace_arrays
from potato.simulation.imager import IDEAL, array_sides, observe, ragged_mask

SIDES = array_sides(WORKSHOP)


def test_mtf_boost_of_a_spot_has_the_documented_weights():
    spot = torch.zeros(1, 7, 7)
    spot[0, 3, 3] = 1
    ringing = boost_mtf(spot, 0.8)[0, 2:5, 2:5]
    # 1 + 3/4 of the amount in the middle; −1/8 of it beside, −1/16 at the corners.
    expected = torch.tensor([[-0.05, -0.1, -0.05], [-0.1, 1.6, -0.1], [-0.05, -0.1, -0.05]])
    torch.testing.assert_close(ringing, expected)
    assert torch.equal(boost_mtf(spot, 0.0), spot)


def test_mul_fine_mtf_boost_leaves_broad_waves_alone():
    # The binomial blur multiplies a wave of frequency f by cos²(π f). `amount` adds 1 − cos² of it,
    # `fine` the square of that.
    columns = torch.arange(64.0) + 0.5
    for frequency in (1 / 16, 1 / 4):
        wave = torch.cos(2 * torch.pi * frequency * columns).expand(1, 64, 64)
        taken = math.sin(math.pi * frequency) ** 2
        inner = (0, slice(4, -4), slice(4, -4))
        assert torch.allclose(boost_mtf(wave, 0.7)[inner], (1 + 0.7 * taken) * wave[inner], atol=1e-5)
        fine = boost_mtf(wave, 0.7, 1.6)[inner]
        assert torch.allclose(fine, (1 + 0.7 * taken + 1.6 * taken**2) * wave[inner], atol=1e-5)


def test_each_array_goes_half_of_the_displacement():
    mul = torch.zeros(8, 32, 32)
    mul[:, 15:17, 15:17] = 1
    moved = displace_arrays(mul, torch.tensor([0.6, -0.4]), SIDES)
    rows, columns = torch.arange(32.0)[:, None], torch.arange(32.0)[None, :]
    for index, name in enumerate(WORKSHOP.bands):
        side = -0.5 if name in WORKSHOP.arrays[0] else 0.5
        assert SIDES[index] == side
        total = moved[index].sum()
        centre = float((moved[index] * rows).sum() / total), float((moved[index] * columns).sum() / total)
        # Cubic convolution with a = −0.75 isn't exact to the first order; a tenth of a pixel is.
        assert centre == pytest.approx((15.5 + side * 0.6, 15.5 - side * 0.4), abs=0.08)


def test_displacing_a_chip_is_like_displacing_the_imager(ground):
    clean = observe(ground, seeded(1), IDEAL)
    displacement = (0.4, -0.3)
    seen = observe(ground, seeded(1), replace(IDEAL, displacement=displacement))[1].float() / SCALE
    again = displace_arrays(clean[1].float() / SCALE, torch.tensor(displacement), SIDES)
    wrong = displace_arrays(clean[1].float() / SCALE, -torch.tensor(displacement), SIDES)
    inner = (..., slice(4, -4), slice(4, -4))
    off, still, opposite = (
        float((image - seen)[inner].abs().mean()) for image in (again, clean[1].float() / SCALE, wrong)
    )
    # Box means alias, so the two can't agree exactly.
    assert off < 0.7 * still and still < 0.7 * opposite


def test_field_displaces_each_pixel_by_its_own_amount():
    ramp = torch.arange(40.0).expand(8, 40, 40)
    field = torch.zeros(2, 40, 40)
    field[1, :20] = 0.8
    moved = displace_arrays(ramp, field, SIDES)
    second = SIDES.index(0.5)
    torch.testing.assert_close(moved[second, 25, 5:35], ramp[second, 25, 5:35], atol=1e-3, rtol=0)
    torch.testing.assert_close(moved[second, 5, 5:35], ramp[second, 5, 5:35] - 0.4, atol=0.08, rtol=0)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_ragged_edge_has_its_share(share):
    valid = ragged_mask(160, 240, seeded(8), share)
    assert valid.dtype == torch.bool and valid.shape == (160, 240)
    assert float((~valid).float().mean()) == pytest.approx(share, abs=1e-3)
    assert torch.equal(valid, ragged_mask(160, 240, seeded(8), share))


def test_ragged_edge_is_one_slanting_jagged_border():
    for seed in range(6):
        valid = ragged_mask(200, 200, seeded(seed), 0.3)
        changes = (valid[:, 1:] != valid[:, :-1]).sum(1).double()
        across = (valid[1:] != valid[:-1]).sum(0).double()
        # One border crossed about once by most lines of one direction, with a little fraying.
        crossed = max(float((changes >= 1).double().mean()), float((across >= 1).double().mean()))
        assert crossed > 0.4
        assert float(changes.sum() + across.sum()) > 250, "jagged"
        assert float(changes.mean()) < 8, "not confetti"
        corners = [bool(valid[row, column]) for row in (0, -1) for column in (0, -1)]
        assert not all(corners) and any(corners)


def test_share_above_1_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.1.*1\.5"):
        ragged_mask(64, 64, seeded(1), 1.5)
