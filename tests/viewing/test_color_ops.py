"""Changes of colour: laws over random colours."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potato.core.color import (
    JND,
    delta_e_ok,
    fit_gamut,
    gamut_share,
    linear_srgb_to_oklab,
    oklab_to_linear_srgb,
)
from potato.viewing.color_ops import LIGHTNESS, MID_GREY, at_lightness, exaggerated, gray_difference

# The machine may be busy, so examples have no deadline.
laws = settings(max_examples=100, deadline=None)
unit = st.floats(0, 1)
rgb = st.tuples(unit, unit, unit)
anything = st.tuples(st.floats(-0.2, 1.2), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))


def pixel(*colour: float) -> np.ndarray:
    return np.array(colour, float).reshape(3, 1, 1)


def oklab(colour: tuple[float, float, float]) -> np.ndarray:
    return linear_srgb_to_oklab(pixel(*colour))


@laws
@given(anything)
def test_fit_gamut_keeps_hue_and_lightness(colour):
    before = pixel(*colour)
    after = fit_gamut(before)
    light = oklab_to_linear_srgb(after)
    # Oklab's own white is off sRGB's by 3e-4 of light.
    assert light.min() > -1e-3 and light.max() < 1 + 1e-3
    assert after[0] == before[0].clip(0, 1)
    cross = before[1] * after[2] - before[2] * after[1]
    assert abs(cross) < 1e-9 and (before[1:] * after[1:]).sum() >= 0
    assert (abs(after[1:]) <= abs(before[1:])).all()


@laws
@given(rgb)
def test_fit_gamut_leaves_colours_in_the_gamut(colour):
    assert np.array_equal(gamut_share(oklab(colour)), [[1]])
    assert abs(fit_gamut(oklab(colour)) - oklab(colour)).max() < 1e-4


@pytest.mark.parametrize("hue", range(0, 360, 30))
def test_fit_gamut_ends_on_the_surface_of_the_gamut(hue):
    turn = math.radians(hue)
    wild = pixel(0.6, 0.4 * math.cos(turn), 0.4 * math.sin(turn))
    edge = oklab_to_linear_srgb(fit_gamut(wild))
    assert min(edge.min().item(), 1 - edge.max().item()) == pytest.approx(0, abs=1e-4)


def test_default_lightness_has_the_widest_gamut():
    turn = np.linspace(0, 2 * math.pi, 720)

    def room(lightness: float) -> float:
        ring = np.stack([np.full_like(turn, lightness), 0.5 * np.cos(turn), 0.5 * np.sin(turn)])
        return 0.5 * gamut_share(ring[:, None]).min().item()

    assert room(LIGHTNESS) == pytest.approx(0.128, abs=1e-3)
    assert all(room(lightness / 100) < room(LIGHTNESS) for lightness in range(5, 100, 5) if lightness != 75)


@laws
@given(rgb, rgb)
def test_exaggerating_by_one_changes_nothing(first, second):
    for made, was in zip(exaggerated(oklab(first), oklab(second), 1.0), (first, second), strict=True):
        assert delta_e_ok(made, oklab(was)).item() < 1e-2


@laws
@given(rgb, rgb, st.floats(0, 20))
def test_exaggerating_is_symmetric_in_its_images(first, second, factor):
    one, two = exaggerated(oklab(first), oklab(second), factor)
    other, another = exaggerated(oklab(second), oklab(first), factor)
    assert np.allclose(one, another, atol=1e-9) and np.allclose(two, other, atol=1e-9)


@laws
@given(st.tuples(*[st.floats(0.3, 0.7)] * 3), st.tuples(*[st.floats(-1, 1)] * 3), st.floats(0, 4))
def test_exaggerating_multiplies_the_difference_and_keeps_the_mean(colour, change, factor):
    first = oklab(colour)
    second = first + 0.2 * JND * pixel(*change)
    one, two = exaggerated(first, second, factor)
    assert np.allclose(one - two, factor * (first - second), atol=1e-9)
    assert np.allclose(one + two, first + second, atol=1e-9)


@laws
@given(rgb, rgb, st.floats(0, 20))
def test_exchanged_images_mirror_the_gray_difference(first, second, factor):
    one = gray_difference(oklab(first), oklab(second), factor)
    two = gray_difference(oklab(second), oklab(first), factor)
    grey = pixel(MID_GREY, 0, 0)
    assert np.allclose(one - grey, grey - two, atol=1e-9)
    for light in (oklab_to_linear_srgb(one), oklab_to_linear_srgb(two)):
        assert light.min() > -1e-3 and light.max() < 1 + 1e-3


@laws
@given(rgb, st.floats(0, 20))
def test_equal_images_give_mid_grey(colour, factor):
    assert np.array_equal(gray_difference(oklab(colour), oklab(colour), factor), pixel(MID_GREY, 0, 0))


def test_gray_difference_shows_a_jnd_as_a_jnd():
    dark, light = pixel(0.4, 0.01, 0.02), pixel(0.4 + JND, 0.01, 0.02)
    shown = gray_difference(light, dark)
    assert shown[0].item() == pytest.approx(MID_GREY + JND)
    assert delta_e_ok(shown, pixel(MID_GREY, 0, 0)).item() == pytest.approx(1)
    assert delta_e_ok(gray_difference(light, dark, 3), shown).item() == pytest.approx(2)


@laws
@given(rgb, st.floats(0.05, 0.95), st.floats(0, 5))
def test_at_lightness_keeps_hue_and_ignores_lightness(colour, lightness, chroma):
    shown, was = at_lightness(oklab(colour), lightness, chroma), oklab(colour)
    assert shown[0].item() == lightness
    assert abs(shown[1] * was[2] - shown[2] * was[1]) < 1e-9
    assert np.array_equal(at_lightness(was * pixel(0.5, 1, 1), lightness, chroma), shown)


def test_at_lightness_multiplies_chroma():
    was = pixel(0.3, 0.02, -0.01)
    assert np.array_equal(at_lightness(was), pixel(LIGHTNESS, 0.02, -0.01))
    assert np.array_equal(at_lightness(was, chroma=2), pixel(LIGHTNESS, 0.04, -0.02))
