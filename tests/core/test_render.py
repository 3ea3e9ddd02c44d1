import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from potato.core.color import linear_srgb_to_oklab, srgb_decode, srgb_encode
from potato.core.render import FLAT, NATURAL, adjust, dither, render, tone
from potato.errors import InputError

unit = st.floats(0, 1, width=32)


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


def test_black_and_white_stay_and_more_light_is_never_darker():
    ramp = grey(*torch.linspace(0, 1, 500).tolist())
    toned = tone(ramp, NATURAL.exposure, NATURAL.contrast)[0, 0]
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
