import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from potato.core.resample import (
    BICUBIC_REACH,
    block_mean,
    enlarge_mask,
    fill_invalid,
    from_cells,
    to_cells,
    upsample_cells,
)
from potato.core.sensor_table import WORKSHOP


def test_upsampling_is_the_bicubic_of_torch_inside_an_image():
    image = torch.rand(2, 3, 20, 17)
    theirs = F.interpolate(image, scale_factor=4, mode="bicubic")
    edge = 4 * BICUBIC_REACH
    ours = from_cells(upsample_cells(image, WORKSHOP.ratio), WORKSHOP.ratio)
    assert torch.allclose(ours, theirs[..., edge:-edge, edge:-edge], atol=1e-6)


def test_cells_and_back_is_the_identity_and_rows_come_first():
    image = torch.rand(2, 3, 8, 12)
    assert torch.equal(from_cells(to_cells(image, WORKSHOP.ratio), WORKSHOP.ratio), image)
    assert torch.equal(
        to_cells(torch.arange(16.0).reshape(1, 1, 4, 4), WORKSHOP.ratio).flatten(), torch.arange(16.0)
    )


def test_block_mean_is_the_mean_and_refuses_a_remainder():
    image = torch.arange(32.0).reshape(4, 8)
    assert block_mean(image, WORKSHOP.ratio).tolist() == [[image[:, :4].mean(), image[:, 4:].mean()]]
    with pytest.raises(ValueError, match="sides that 4 divides"):
        block_mean(torch.ones(4, 6), WORKSHOP.ratio)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), reach=st.integers(0, 5))
def test_filling_leaves_valid_pixels_and_its_arguments_alone(seed, reach):
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 2, 12, 12, generator=generator)
    valid = torch.rand(1, 1, 12, 12, generator=generator) > 0.8
    before = image.clone()
    filled = fill_invalid(image, valid, reach)
    assert torch.equal(image, before)
    mask = valid.expand_as(image)
    assert torch.equal(filled[mask], image[mask])
    low, high = image[mask].min() if mask.any() else 0, image[mask].max() if mask.any() else 0
    rest = filled[~mask]
    assert ((rest == 0) | ((rest >= low - 1e-6) & (rest <= high + 1e-6))).all()


def test_filling_reaches_as_far_as_asked_and_no_further():
    image = torch.zeros(1, 1, 1, 9)
    image[..., 0] = 0.5
    valid = image > 0
    assert (fill_invalid(image, valid, 3)[0, 0, 0] > 0).tolist() == [True] * 4 + [False] * 5


def test_filling_gives_the_mean_of_the_valid_neighbours():
    image = torch.tensor([[3.0, 5.0, 0.0, 0.0]]).expand(1, 2, 1, 4)
    valid = torch.tensor([[True, True, False, False]])[None, None]
    below = torch.zeros(1, 2, 1, 4), torch.zeros(1, 1, 1, 4, dtype=torch.bool)
    filled = fill_invalid(torch.cat([image, below[0]], 2), torch.cat([valid, below[1]], 2), 2)
    assert filled[0, 1].tolist() == [[3, 5, 5, 5], [4, 4, 5, 5]]


def test_values_of_invalid_pixels_are_never_read():
    valid = torch.rand(1, 1, 9, 9) > 0.5
    image = torch.rand(1, 2, 9, 9)
    poisoned = torch.where(valid, image, torch.full_like(image, float("nan")))
    assert torch.equal(fill_invalid(image, valid, 4), fill_invalid(poisoned, valid, 4))


def test_an_enlarged_mask_has_the_value_of_its_cell_in_every_pan_pixel():
    mask = torch.rand(2, 1, 5, 7) > 0.5
    large = enlarge_mask(mask, WORKSHOP.ratio)
    assert large.dtype == mask.dtype and large.shape == (2, 1, 20, 28)
    assert torch.equal(to_cells(large.float(), WORKSHOP.ratio), mask.float().expand(-1, 16, -1, -1))


def test_arrays_and_tensors_are_enlarged_alike():
    mask = torch.rand(5, 7) > 0.5
    large = enlarge_mask(mask.numpy(), WORKSHOP.ratio)
    assert isinstance(large, np.ndarray) and large.dtype == bool
    assert np.array_equal(large, enlarge_mask(mask, WORKSHOP.ratio).numpy())
