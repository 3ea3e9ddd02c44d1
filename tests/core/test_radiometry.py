import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from potato.core.radiometry import counts_to_reflectance, reflectance_to_counts
from potato.core.sensors import SCALE


def test_every_count_comes_back_from_reflectance():
    counts = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    reflectance = counts_to_reflectance(counts)
    assert reflectance.dtype == np.float32 and reflectance.shape == counts.shape
    assert np.array_equal(reflectance_to_counts(reflectance), counts)
    assert np.array_equal(reflectance_to_counts(torch.from_numpy(reflectance)), counts)


@pytest.mark.parametrize("layout", [lambda a: a, lambda a: a[:, ::-2], lambda a: np.asfortranarray(a)])
def test_arrays_of_any_layout_and_tensors_are_converted_alike(layout):
    counts = layout(np.arange(24, dtype=np.uint16).reshape(4, 6))
    expected = torch.tensor(counts.tolist(), dtype=torch.float32) / SCALE
    assert np.array_equal(counts_to_reflectance(counts), expected.numpy())
    assert torch.equal(counts_to_reflectance(torch.tensor(counts.tolist(), dtype=torch.int32)), expected)


def test_counts_are_not_changed():
    for counts in (np.full(3, 7, np.uint16), np.full(3, 7, np.float32), torch.full((3,), 7.0)):
        reflectance = counts_to_reflectance(counts)
        reflectance += 1
        assert counts.tolist() == [7, 7, 7]


@given(st.floats(-1, 20, width=32), st.sampled_from([0, 1]))
def test_reflectance_becomes_the_nearest_count_in_range(value, least):
    count = int(reflectance_to_counts(torch.tensor(value), least))
    assert least <= count <= 65_535
    if least + 1 <= value * SCALE <= 65_534:
        assert abs(count - value * SCALE) <= 0.5 + 1e-2
