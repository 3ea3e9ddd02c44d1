import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ards import pixels
from potato.chips.chip import decode_oklab
from potato.chips.wald import box_sum, coarsen_pair, rounded_mean
from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE
from potato.raster.pair import PairPixels


def mean(image, factor):
    """Box means the slow way."""
    height, width = image.shape[-2:]
    blocks = image.astype(float).reshape(*image.shape[:-2], height // factor, factor, width // factor, factor)
    return blocks.mean((-3, -1))


@given(
    hnp.arrays(
        np.uint16, st.tuples(st.integers(1, 3), st.just(24), st.just(48)), elements=st.integers(0, 65535)
    ),
    st.sampled_from([1, 2, 3, 4, 8, 24]),
)
@settings(max_examples=30, deadline=None)
def test_box_means_are_exact_and_round_halves_up(image, factor):
    assert np.array_equal(box_sum(image, factor), (mean(image, factor) * factor**2).round())
    assert np.array_equal(rounded_mean(image, factor), np.floor(mean(image, factor) + 0.5))


def test_the_largest_box_does_not_overflow():
    assert rounded_mean(np.full((256, 256), 65535, np.uint16), 256)[0, 0] == 65535
    with pytest.raises(ValueError, match="256"):
        box_sum(np.zeros((512, 512), np.uint16), 512)
    with pytest.raises(ValueError, match="divides"):
        box_sum(np.zeros((10, 10), np.uint16), 4)


@pytest.mark.parametrize(("extra", "factor"), [(True, 2), (False, 1)])
def test_a_chip_follows_walds_protocol(extra, factor):
    source = pixels(64)
    chip = coarsen_pair(source, extra)
    sides = 256 // (4 * factor)
    assert chip.pan.shape == (1, sides, sides)
    assert chip.mul.shape == (8, sides // 4, sides // 4)
    assert chip.target.shape == (3, sides, sides)
    assert np.array_equal(chip.pan[0].numpy(), np.floor(mean(source.pan, 4 * factor) + 0.5))
    assert np.array_equal(chip.mul.numpy(), np.floor(mean(source.mul, 4 * factor) + 0.5))
    truth = torch.from_numpy(mean(source.mul, factor) / SCALE).float()
    assert delta_e_ok(decode_oklab(chip.target), mul_to_oklab(truth, WORKSHOP)).max() < 0.05
    assert chip.valid.all()


def test_a_uniform_pair_keeps_its_values():
    flat = np.full((8, 32, 32), 1234, np.uint16)
    fine = np.full((128, 128), 777, np.uint16)
    chip = coarsen_pair(PairPixels(fine, flat, fine > 0, flat[0] > 0))
    assert set(chip.mul.flatten().tolist()) == {1234} and set(chip.pan.flatten().tolist()) == {777}
    expected = mul_to_oklab(torch.full((8, 1, 1), 0.1234), WORKSHOP)
    assert delta_e_ok(decode_oklab(chip.target), expected.expand(3, 16, 16)).max() < 0.01


def test_an_invalid_pan_pixel_costs_one_pixel_and_an_invalid_mul_pixel_one_cell():
    pan_valid, mul_valid = np.ones((256, 256), bool), np.ones((64, 64), bool)
    pan_valid[9, 17] = False
    mul_valid[33, 40] = False
    chip = coarsen_pair(pixels(64, 0, pan_valid, mul_valid))
    invalid = ~chip.valid[0]
    assert invalid.nonzero().tolist() == [[1, 2]] + [[y, x] for y in range(16, 20) for x in range(20, 24)]
    assert (chip.pan[0].int() == 0).nonzero().tolist() == [[1, 2]]
    assert (chip.mul.int() == 0).all(0).nonzero().tolist() == [[4, 5]]
    assert not chip.target[:, invalid].any()


def test_a_valid_zero_is_the_smallest_reflectance():
    dark = PairPixels(
        np.zeros((128, 128), np.uint16),
        np.zeros((8, 32, 32), np.uint16),
        np.ones((128, 128), bool),
        np.ones((32, 32), bool),
    )
    chip = coarsen_pair(dark)
    assert chip.valid.all() and chip.pan.int().min() == 1 and chip.mul.int().min() == 1
