import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from potato.core.color import SRGB_TO_XYZ, delta_e_ok, linear_srgb_to_oklab, srgb_decode, srgb_encode
from potato.core.grade import GREY, STANDARD
from potato.core.render import FLAT, LOOKS, NATURAL, adjust, as_look, dither, look_of, render, tone, unrender
from potato.errors import InputError

unit = st.floats(0, 1, width=32)
TONED = [look for look in LOOKS.values() if look.exposure is not None]


def grey(*levels: float) -> torch.Tensor:
    return torch.tensor(levels, dtype=torch.float64).repeat(3, 1, 1)


def hue(rgb: torch.Tensor) -> torch.Tensor:
    _, a, b = linear_srgb_to_oklab(rgb)
    return torch.atan2(b, a)


def test_flat_is_the_srgb_signal_in_16_bits():
    levels = (0.0, 0.001, 0.0031308, 0.18, 0.5, 1.0)
    codes = render(linear_srgb_to_oklab(grey(*levels)), FLAT)
    expected = srgb_encode(grey(*levels)) * 65535
    assert (codes - expected).abs().max() <= 0.5 + 1e-3


@pytest.mark.parametrize("look", TONED, ids=str)
def test_black_and_white_stay_and_more_light_is_never_darker(look):
    ramp = grey(*torch.linspace(0, 1, 500).tolist())
    toned = tone(ramp, look.exposure, look.contrast, look.saturation)[0, 0]
    assert toned[0].item() == pytest.approx(0, abs=1e-6)
    assert toned[-1].item() == pytest.approx(1)
    assert (toned.diff() > 0).all()


@settings(max_examples=200)
@given(st.tuples(unit, unit, unit).filter(lambda rgb: max(rgb) - min(rgb) > 0.05))
def test_the_natural_look_keeps_hue_where_the_gamut_allows(rgb):
    colour = torch.tensor(rgb, dtype=torch.float64).reshape(3, 1, 1)
    toned = tone(colour, NATURAL.exposure, NATURAL.contrast)
    assert toned.min() >= 0 and toned.max() <= 1
    if toned.max() < 0.999:  # not at the edge of the gamut, where it is mixed with grey
        turn = (hue(toned) - hue(colour) + torch.pi) % (2 * torch.pi) - torch.pi
        assert turn.abs().max() < 1e-3


@settings(max_examples=100)
@given(st.tuples(unit, unit, unit))
@example((0.0, 0.0, 1e-3))  # the tone curve makes it darker than 1e-6
def test_saturation_keeps_luminance_and_moves_colours_away_from_grey(rgb):
    colour = torch.tensor(rgb, dtype=torch.float64).reshape(3, 1, 1)
    plain, strong = (tone(colour, 4.5, 1.9, saturation) for saturation in (1, 1.4))
    assert strong.min() >= 0 and strong.max() <= 1
    weights = torch.tensor(SRGB_TO_XYZ[1], dtype=torch.float64)
    assert (weights @ strong.reshape(3)).item() == pytest.approx(
        (weights @ plain.reshape(3)).item(), abs=1e-5
    )
    spread = [(each.max() - each.min()).item() for each in (plain, strong)]
    assert spread[0] - 1e-6 <= spread[1] <= 1.4 * spread[0] + 1e-6


@pytest.mark.parametrize("look", [*LOOKS.values(), FLAT.graded(STANDARD)], ids=str)
def test_the_scene_comes_back_from_the_codes_and_the_tags_of_a_file(look):
    scene = torch.rand(3, 40, 40, dtype=torch.float64) * 0.25 + 0.05
    scene += (scene.mean(0) - scene) * 0.7  # pale, so that no colour leaves the gamut
    deep = dataclasses.replace(look, bits=16)
    codes = render(linear_srgb_to_oklab(scene), deep)
    assert look_of(deep.tags, 16) == deep
    assert delta_e_ok(unrender(codes, deep), linear_srgb_to_oklab(scene)).max() < 0.05


def test_looks_without_sense_in_their_tags_are_unknown():
    tags = LOOKS["clear"].tags
    for name, value in {"POTATO_LOOK": "sepia", "POTATO_GAIN": "1 1", "POTATO_EXPOSURE": "inf"}.items():
        assert look_of(tags | {name: value}, 8) is None
    with pytest.raises(InputError, match="natural, clear, vivid, flat, found 'sepia'"):
        as_look("sepia")


def test_grey_ground_is_grey_in_the_clear_look_and_the_darkest_is_black():
    light = np.array([0.01, 0.05, 0.2, 0.5])
    ground = torch.from_numpy((light - 0.01) * np.array(GREY)[:, None] + 0.01)[:, None]
    codes = render(linear_srgb_to_oklab(ground), LOOKS["clear"])
    assert (codes.max(0).values - codes.min(0).values).max() <= 1
    assert codes[:, 0, 0].max() <= 1 and codes[:, 0, 3].min() > 220


def test_a_pixel_is_rendered_alike_in_any_image():
    oklab = torch.rand(3, 8, 8) * torch.tensor([0.8, 0.1, 0.1]).reshape(3, 1, 1)
    other = oklab.clone()
    other[:, 4:] = 0.99
    for look in (FLAT, NATURAL):
        assert torch.equal(render(oklab, look)[:, :4], render(other, look)[:, :4])


def test_dither_is_even_unbiased_and_set_by_position():
    mask = dither(256, 256)
    assert mask.min() >= 0 and mask.max() <= 1
    assert mask.mean().item() == pytest.approx(0.5, abs=2e-3)
    histogram = np.histogram(mask, 16, (0, 1))[0] / mask.size
    assert abs(histogram - 1 / 16).max() < 2e-3
    assert np.allclose(dither(40, 30, 100, 200), dither(200, 300)[100:140, 200:230], atol=1e-6)


def test_dithering_keeps_the_mean_of_a_flat_grey_between_two_codes():
    level = srgb_decode(torch.tensor(100.37 / 255)).item()
    oklab = linear_srgb_to_oklab(grey(level).expand(3, 128, 128).float())
    look = adjust(NATURAL)
    plain = render(oklab, look)
    dithered = render(oklab, look, dither(128, 128))
    target = srgb_encode(tone(grey(level).float(), look.exposure, look.contrast)) * 255
    assert plain.unique().numel() == 1
    assert dithered.mean().item() == pytest.approx(target.mean().item(), abs=0.02)


def test_exposure_lifts_darks_and_contrast_deepens_them():
    dark = grey(0.02)
    middle = tone(dark, 3, 1.2).max()
    assert tone(dark, 4, 1.2).max() > middle > tone(dark, 3, 1.4).max()


def test_the_flat_look_has_no_exposure_to_adjust():
    with pytest.raises(InputError, match="no tone curve"):
        adjust(FLAT, exposure=2)
