import numpy as np
import pytest
import torch
from coloraide import Color
from hypothesis import given
from hypothesis import strategies as st

from potato.core import color
from potato.core.sensor_table import SENSORS, WORKSHOP

unit = st.floats(0, 1, width=32)


def pixel(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1)


@given(st.tuples(unit, unit, unit))
def test_oklab_agrees_with_coloraide(rgb):
    theirs = Color("srgb-linear", rgb).convert("oklab").coords()
    ours = color.linear_srgb_to_oklab(pixel(*rgb)).flatten()
    assert ours.tolist() == pytest.approx(theirs, abs=2e-3)  # they use other digits of the matrices


def test_oklab_agrees_with_the_published_table():
    # The table in Ottosson's article, to the three digits that it gives.
    for xyz, oklab in [
        ((0.950, 1.000, 1.089), (1.000, 0.000, 0.000)),
        ((1.000, 0.000, 0.000), (0.450, 1.236, -0.019)),
        ((0.000, 1.000, 0.000), (0.922, -0.671, 0.263)),
        ((0.000, 0.000, 1.000), (0.153, -1.415, -0.449)),
    ]:
        assert color.xyz_to_oklab(pixel(*xyz)).flatten().tolist() == pytest.approx(oklab, abs=1e-3)


def test_white_ground_is_white_in_every_space():
    white = torch.ones(8, 1, 1, dtype=torch.float64)
    assert torch.tensor(WORKSHOP.bands_to_xyz).sum(0).tolist() == pytest.approx(color.D65, abs=1e-4)
    oklab = color.mul_to_oklab(white, WORKSHOP)
    assert oklab.flatten().tolist() == pytest.approx((1, 0, 0), abs=5e-4)
    assert color.oklab_to_linear_srgb(oklab).flatten().tolist() == pytest.approx((1, 1, 1), abs=1e-3)


def test_the_matrix_has_no_negative_entry_and_ignores_infrared():
    assert min(min(row) for row in WORKSHOP.bands_to_xyz) >= 0
    ground = torch.rand(8, 3, 3)
    other = ground.clone()
    other[WORKSHOP.bands.index("rededge") :] = 0.9
    assert torch.equal(color.mul_to_oklab(ground, WORKSHOP), color.mul_to_oklab(other, WORKSHOP))


@given(st.floats(0.01, 8))
def test_colour_is_homogeneous_of_degree_one_third(k):
    mul = torch.rand(8, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(
        color.mul_to_oklab(k * mul, WORKSHOP), k ** (1 / 3) * color.mul_to_oklab(mul, WORKSHOP)
    )


@given(st.tuples(unit, unit, unit))
def test_colours_come_back_from_every_space(rgb):
    image = pixel(*rgb)
    oklab = color.linear_srgb_to_oklab(image)
    assert torch.allclose(color.oklab_to_linear_srgb(oklab), image, atol=1e-9)
    assert torch.allclose(color.xyz_to_oklab(color.oklab_to_xyz(oklab)), oklab, atol=1e-9)
    assert torch.allclose(color.srgb_decode(color.srgb_encode(image)), image, atol=1e-6)


def test_the_srgb_signal_of_middle_grey_is_that_of_the_standard():
    # IEC 61966-2-1: a signal of 0.5 is 0.21404 of linear light.
    assert color.srgb_decode(torch.tensor(0.5)).item() == pytest.approx(0.21404, abs=1e-5)


def test_srgb_is_a_straight_line_up_to_its_toe_and_a_curve_from_there():
    linear = torch.tensor([0.0, 0.001, 0.0031308, 0.0032, 1.0], dtype=torch.float64)
    signal = torch.tensor([0, 0.01292, 0.04045, 1.055 * 0.0032 ** (1 / 2.4) - 0.055, 1], dtype=torch.float64)
    assert color.srgb_encode(linear).tolist() == pytest.approx(signal.tolist(), abs=1e-6)


def test_power_equals_that_of_torch_also_at_zero():
    base = torch.logspace(-4, 1, 1000)
    assert color.power(base, 1 / 3).tolist() == pytest.approx(base.pow(1 / 3).tolist(), rel=4e-7)
    assert color.power(torch.zeros(1), 1 / 3).item() == 0


def test_one_jnd_is_two_hundredths_of_lightness_and_half_that_of_chroma():
    grey = pixel(0.5, 0, 0)
    assert color.delta_e_ok(grey, pixel(0.52, 0, 0)).item() == pytest.approx(1)
    assert color.delta_e_ok(grey, pixel(0.5, 0.01, 0)).item() == pytest.approx(1)
    assert color.delta_e_ok(grey, pixel(0.5, 0, -0.01)).item() == pytest.approx(1)


def test_shapes_are_enforced():
    with pytest.raises(ValueError, match=r"\(…, 8, h, w\)"):
        color.mul_to_oklab(torch.ones(4, 2, 2), WORKSHOP)
    with pytest.raises(ValueError, match="one shape"):
        color.delta_e_ok(torch.ones(3, 2, 2), torch.ones(1, 3, 2, 2))


def test_likeliest_change_of_bands_makes_the_change_of_colour():
    for sensor in SENSORS:
        to_bands = color.xyz_to_bands(sensor)
        assert np.allclose(np.array(sensor.bands_to_xyz).T @ to_bands, np.eye(3), atol=1e-9)
        assert not to_bands[[band not in sensor.visible for band in sensor.bands]].any()
