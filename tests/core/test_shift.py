"""Moving images by fractions of their pixels: waves keep their place and their contrast."""

import numpy as np
import pytest

from potato.core.shift import MARGIN, REACH, margin_of, sample_at

SIDE = 96
INSIDE = np.arange(MARGIN, SIDE - MARGIN, dtype=float)


def everywhere(side=SIDE):
    return np.ones((side, side), bool)


@pytest.mark.parametrize("positions", [INSIDE, INSIDE[:-1] + 0.13, INSIDE[:-1] + 0.5, 0.9999 * INSIDE + 0.3])
@pytest.mark.parametrize("axis", [0, 1])
def test_waves_land_where_they_belong_and_keep_their_contrast(positions, axis):
    """A wave of each frequency, one a band; against the wave itself at the positions."""
    frequencies = np.array([0.02, 0.1, 0.2, 0.25, 0.3, 0.4])
    image = np.cos(2 * np.pi * frequencies[:, None, None] * np.arange(SIDE)).repeat(SIDE, 1)
    image = image.astype(np.float32) if axis == 1 else image.swapaxes(1, 2).astype(np.float32)
    grid = (INSIDE, positions) if axis == 1 else (positions, INSIDE)
    moved, valid = sample_at(image, everywhere(), *grid)
    lines = moved[:, 3] if axis == 1 else moved[:, :, 3]
    angles = 2 * np.pi * frequencies[:, None] * positions
    waves = np.stack([np.cos(angles), np.sin(angles)], 2)
    gain = np.linalg.pinv(waves) @ lines[..., None]
    assert valid.all()
    cosine, sine = gain[..., 0].T
    contrast, error = np.hypot(cosine, sine), np.arctan2(sine, cosine) / (2 * np.pi * frequencies)
    assert contrast[:5] == pytest.approx(1, abs=0.01) and contrast.min() > 0.89
    assert abs(error[:5]).max() < 0.003  # at a ratio of 6, 0.02 pan pixels


@pytest.mark.parametrize("step", [0.7, 0.8, 1.1, 1.25, 1.5])
@pytest.mark.parametrize("axis", [0, 1])
def test_far_positions_show_no_wave_as_another(step, axis):
    """Waves that the positions can show keep their contrast; finer ones are gone."""
    side, limit = 400, 0.5 / max(1, step)
    margin = margin_of(step)
    positions = np.arange(margin, side - margin - 1, step)
    waves = [(0.6 * limit, 1), (1.35 * limit, 0)]
    for frequency, kept in (wave for wave in waves if wave[0] <= 0.5):
        line = np.cos(2 * np.pi * frequency * np.arange(side) + 0.3).astype(np.float32)
        image = np.broadcast_to(line if axis else line[:, None], (1, side, side)).copy()
        ways = (INSIDE, positions), (1.0, step)
        (rows, columns), steps = ways if axis else (way[::-1] for way in ways)
        moved, valid = sample_at(image, everywhere(side), rows, columns, steps)
        seen = moved[0, 5] if axis else moved[0, :, 5]
        assert valid.all() and len(seen) == len(positions)
        assert seen == pytest.approx(kept * np.cos(2 * np.pi * frequency * positions + 0.3), abs=0.06)


def test_whole_pixels_stay_as_they_are_and_flat_stays_flat():
    image = np.random.default_rng(0).uniform(0, 1, (3, SIDE, SIDE)).astype(np.float32)
    moved, _ = sample_at(image, everywhere(), INSIDE, INSIDE - 2)
    assert moved == pytest.approx(image[:, MARGIN:-MARGIN, MARGIN - 2 : -MARGIN - 2], abs=1e-6)
    flat, _ = sample_at(np.full_like(image, 0.7), everywhere(), INSIDE + 0.37, INSIDE - 0.11)
    assert flat == pytest.approx(0.7, abs=1e-6)


def test_a_step_overshoots_little_and_not_beside_a_hole():
    image = np.zeros((1, SIDE, SIDE), np.float32)
    image[..., 48:] = 1
    for offset in np.linspace(-0.5, 0.5, 11):
        moved, _ = sample_at(image, everywhere(), INSIDE, INSIDE + offset)
        assert moved.min() > -0.135 and moved.max() < 1.135
        valid = everywhere()
        valid[:, 48:] = False
        moved, seen = sample_at(image, valid, INSIDE, INSIDE + offset)
        assert moved[:, seen] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("junk", [0, 1e4])
def test_holes_move_with_the_image_and_are_not_seen(junk):
    image = np.full((2, SIDE, SIDE), 0.3, np.float32)
    valid = everywhere()
    valid[30:40, 50:70] = False
    image[:, ~valid] = junk
    moved, seen = sample_at(image, valid, INSIDE + 0.4, INSIDE - 0.6)
    expected = np.ones(seen.shape, bool)
    expected[30 - MARGIN : 40 - MARGIN, 51 - MARGIN : 71 - MARGIN] = False
    assert np.array_equal(seen, expected)
    assert moved[:, seen] == pytest.approx(0.3, abs=1e-6)


def test_blocks_give_what_the_whole_image_gives():
    random = np.random.default_rng(1)
    image = random.uniform(0, 1, (2, SIDE, SIDE)).astype(np.float32)
    valid = random.uniform(0, 1, (SIDE, SIDE)) > 0.05
    rows, columns = 0.9997 * INSIDE[:-1] + 0.21, 1.0002 * INSIDE[:-1] + 0.4
    whole, seen = sample_at(image, valid, rows, columns)
    for top, left in ((0, 0), (17, 3), (30, 41)):
        own = rows[top : top + 20], columns[left : left + 33]
        up, before = (int(each[0]) - MARGIN for each in own)
        down, after = (int(each[-1]) + MARGIN + 2 for each in own)
        part = image[:, up:down, before:after], valid[up:down, before:after]
        block, good = sample_at(*part, own[0] - up, own[1] - before)
        inside = slice(top, top + 20), slice(left, left + 33)
        assert np.array_equal(good, seen[inside])
        assert block[:, good] == pytest.approx(whole[:, *inside][:, good], abs=1e-6)


@pytest.mark.parametrize("rows", [INSIDE[:0], INSIDE - REACH - 2, INSIDE + REACH + 2])
def test_positions_need_pixels_around_them(rows):
    with pytest.raises(ValueError, match="expected positions 6 pixels inside"):
        sample_at(np.ones((1, SIDE, SIDE), np.float32), everywhere(), rows, INSIDE)
