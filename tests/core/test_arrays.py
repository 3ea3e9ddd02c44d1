"""One code for numpy arrays and torch tensors: both give one result."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from potato.core import color, draw, render, resample
from potato.core.arrays import as_numpy, constant_like, like, namespace
from potato.core.sensor_table import WORKSHOP
from potato.core.statistics import Correlation, Difference, Histogram

RANDOM = np.random.default_rng(0)
MUL = RANDOM.random((8, 24, 20), np.float32) * np.float32(1.2)
OKLAB = color.mul_to_oklab(MUL, WORKSHOP)
WIDE = OKLAB * np.array([1, 2.5, 2.5], np.float32)[:, None, None]
RGB = RANDOM.random((3, 24, 20), np.float32)
GAMUT_STEP = 2.0**-color.GAMUT_STEPS
"""The last step of a bisection, which rounding may turn, at a chroma of 1."""

VALID = RANDOM.random((24, 20)) > 0.4

FUNCTIONS = {
    "mul_to_oklab": (lambda mul: color.mul_to_oklab(mul, WORKSHOP), MUL),
    "mul_to_xyz": (lambda mul: color.mul_to_xyz(mul, WORKSHOP), MUL),
    "xyz_to_oklab": (color.xyz_to_oklab, RGB - 0.1),
    "oklab_to_xyz": (color.oklab_to_xyz, OKLAB),
    "linear_srgb_to_oklab": (color.linear_srgb_to_oklab, RGB - 0.1),
    "oklab_to_linear_srgb": (color.oklab_to_linear_srgb, WIDE),
    "fit_gamut": (color.fit_gamut, WIDE),
    "srgb_encode": (color.srgb_encode, RGB),
    "srgb_decode": (color.srgb_decode, RGB),
    "tone": (lambda rgb: render.tone(rgb, 3.2, 1.35, 1.4), RGB),
    "untone": (lambda rgb: render.untone(rgb, 3.2, 1.35, 1.4), RGB),
    "block_mean": (lambda mul: resample.block_mean(mul, 4), MUL),
    "upsample": (lambda oklab: resample.upsample(oklab, 4), OKLAB),
    "fill_invalid": (lambda mul: resample.fill_invalid(mul[None], mul[None, :1] > 0.7, 3), MUL),
    "enlarge_mask": (lambda valid: resample.enlarge_mask(valid, 4), VALID),
    "dilate": (lambda valid: resample.dilate(valid, 2), VALID),
    "inner": (lambda valid: resample.inner(valid, 3, 1), VALID),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays_and_tensors_give_one_result_of_their_own_kind(name):
    function, image = FUNCTIONS[name]
    before = image.copy()
    ours, theirs = function(image), function(torch.from_numpy(image.copy()))
    assert isinstance(ours, np.ndarray) and isinstance(theirs, torch.Tensor)
    assert ours.dtype == theirs.numpy().dtype == image.dtype
    tolerance = GAMUT_STEP if name == "fit_gamut" else 3e-6
    assert np.allclose(ours, theirs.numpy(), rtol=3e-6, atol=tolerance)
    assert np.array_equal(image, before)


def test_distances_of_arrays_and_tensors_are_equal():
    images = OKLAB, WIDE
    ours, theirs = color.delta_e_ok(*images), color.delta_e_ok(*map(torch.from_numpy, images))
    assert np.allclose(ours, theirs.numpy(), rtol=1e-5)


@pytest.mark.parametrize("look", render.LOOKS.values(), ids=list(render.LOOKS))
@pytest.mark.parametrize("place", [(0, 0), (70_000, 123_456)])
def test_arrays_and_tensors_are_rendered_alike(look, place):
    threshold = render.threshold_of(look, *OKLAB.shape[1:], *place)
    ours = render.render(OKLAB, look, threshold)
    theirs = render.render(torch.from_numpy(OKLAB), look, threshold)
    assert ours.dtype == np.float32 and np.array_equal(ours, ours.round())
    # Rounding in float32 moves a value across a threshold now and then.
    assert abs(ours - theirs.numpy()).max() <= 1
    assert (ours != theirs.numpy()).mean() < {8: 2e-3, 16: 2e-2}[look.bits]
    codes = ours.astype(f"uint{look.bits}")
    assert np.allclose(
        render.unrender(codes, look), render.unrender(torch.from_numpy(codes), look), atol=3e-6
    )


def test_drawings_of_arrays_and_tensors_are_alike():
    pan = RANDOM.random((1, 96, 80), np.float32)
    oklab = RANDOM.random((3, 96, 80), np.float32) * np.array([1, 0.1, 0.1], np.float32)[:, None, None]
    masks = pan > 0.2, VALID[None], pan > 0.1
    for function, images in (
        (draw.render_pan, (pan[0],)),
        (lambda mul: draw.render_upsampled(mul, WORKSHOP), (MUL,)),
        (draw.side_by_side, (oklab, oklab)),
        (lambda *all_six: draw.draw_triple(all_six[:3], all_six[3:], WORKSHOP), (pan, MUL, oklab, *masks)),
    ):
        ours, theirs = function(*images), function(*map(torch.from_numpy, images))
        assert ours.shape == tuple(theirs.shape) and abs(ours - theirs.numpy()).max() <= 1


@settings(max_examples=50, deadline=None)
@given(base=st.floats(0, 100, width=32), exponent=st.floats(0.1, 3))
def test_powers_of_arrays_and_tensors_are_equal(base, exponent):
    ours = color.power(np.float32([base]), exponent)
    theirs = color.power(torch.tensor([base]), exponent)
    assert ours.tolist() == pytest.approx(theirs.tolist(), rel=1e-5, abs=1e-30)


def test_statistics_of_arrays_and_tensors_are_equal():
    found = []
    for kind in (np.asarray, torch.from_numpy):
        histogram, correlation, difference = Histogram(), Correlation(), Difference()
        histogram.add(kind(RGB))
        correlation.add(kind(RGB[0]), kind(RGB[1]))
        difference.add(kind(OKLAB), kind(WIDE), kind(VALID))
        found.append((histogram.summary(), correlation.value, difference.summary()))
    for ours, theirs in zip(*found, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_gradients_flow_through_colour_and_distance():
    mul = torch.from_numpy(MUL).requires_grad_()
    color.delta_e_ok(color.mul_to_oklab(mul, WORKSHOP), torch.from_numpy(OKLAB) + 0.1).mean().backward()
    assert torch.isfinite(mul.grad).all() and (mul.grad[:5] != 0).any()


def test_values_become_arrays_like_another():
    for array in (np.ones(2, np.float32), torch.ones(2)):
        made = like([[1, 2]], array)
        assert type(made) is type(array) and made.dtype == array.dtype and as_numpy(made).tolist() == [[1, 2]]
    assert namespace(np.ones(1)) is np


def test_a_constant_is_like_another_array_and_a_tensor_of_it_serves_training_after_inference():
    values = np.arange(6.0).reshape(2, 3) + 0.125
    with torch.inference_mode():
        constant_like(values, torch.zeros(1))
    for array in (np.zeros(1, np.float32), torch.zeros(1), torch.zeros(1, dtype=torch.float64)):
        found = constant_like(values, array)
        assert found.dtype == array.dtype and np.array_equal(as_numpy(found), values)
    weight = torch.ones(2, 3, requires_grad=True)
    (weight * constant_like(values, weight)).sum().backward()
    assert np.array_equal(as_numpy(weight.grad), values)
    assert np.array_equal(as_numpy(constant_like(values + 1, weight)), values + 1)
    assert constant_like(values.T.copy(), weight).shape == (3, 2)
