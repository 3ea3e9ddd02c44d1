"""Arrays that a test displaces are moved back to where pan sees the ground."""

import math

import numpy as np
import pytest
import torch

import pairs
from potato.core.displacement import displacement_map
from potato.core.radiometry import counts_to_reflectance
from potato.core.sensor_table import WORLDVIEW_2
from potato.evaluation.registration import register_arrays, shift
from registered import pulled_apart, smooth_noise


def test_two_registrations_of_a_real_pair_agree(real_pair):
    images = [torch.from_numpy(counts_to_reflectance(pairs.read(path))) for path in real_pair]
    pan, mul = images
    found = displacement_map(pan[0].numpy(), mul.numpy(), WORLDVIEW_2, window=64).arrays
    assert all(np.median(array.confidence) > 0.9 for array in found)
    registered = register_arrays(pan[None], mul[None], WORLDVIEW_2)[0].numpy()
    after = displacement_map(pan[0].numpy(), registered, WORLDVIEW_2, window=64).arrays
    for array in after:
        assert array.average == pytest.approx((0, 0), abs=0.03)
    assert math.hypot(*found[0].average) > 0.03 + math.hypot(*after[0].average) / 2


def test_registration_undoes_a_known_displacement(coloured):
    pan, mul = coloured
    inside = (..., slice(8, -8), slice(8, -8))
    error = (pulled_apart(mul) - mul)[inside].abs().mean()
    assert (register_arrays(pan, pulled_apart(mul), WORLDVIEW_2) - mul)[inside].abs().mean() < 0.15 * error


def test_registration_leaves_registered_arrays(coloured):
    pan, mul = coloured
    inside = (..., slice(8, -8), slice(8, -8))
    assert (register_arrays(pan, mul, WORLDVIEW_2) - mul)[inside].abs().mean() < 1e-3


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
