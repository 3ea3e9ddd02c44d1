"""Statistics that come in pieces are those of the whole."""

import numpy as np
import pytest
import torch

from potato.core.color import JND
from potato.core.statistics import Correlation, Difference, Histogram


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_percentiles_are_those_of_numpy_to_a_thousandth(scale):
    values = scale * torch.randn(50_000, generator=torch.Generator().manual_seed(0)).abs()
    histogram, halves = Histogram(), Histogram()
    histogram.add(values)
    for half in values.reshape(2, 125, 200):
        part = Histogram()
        part.add(half)
        halves.join(part)
    for percent in (1, 5, 50, 95, 99, 99.9, 100):
        expected = np.percentile(values.numpy(), percent)
        assert histogram.percentile(percent) == pytest.approx(expected, rel=2e-3)
        assert halves.percentile(percent) == histogram.percentile(percent)
    assert histogram.mean == pytest.approx(float(values.double().mean()), rel=1e-9)
    assert halves.mean == pytest.approx(histogram.mean, rel=1e-12)


def test_histograms_of_zeros_and_of_nothing_are_defined_and_nan_is_refused():
    histogram = Histogram()
    assert np.isnan(histogram.mean) and np.isnan(histogram.percentile(50))
    histogram.add(torch.zeros(10))
    assert (histogram.mean, histogram.percentile(99)) == (0, 0)
    histogram.add(torch.tensor([1e9]))
    assert histogram.percentile(100) <= 1e9
    for wrong in (float("nan"), -1.0):
        with pytest.raises(ValueError, match="0 and above"):
            histogram.add(torch.tensor([1.0, wrong]))


def test_squares_of_lightness_and_chroma_add_up_to_the_whole():
    truth = torch.zeros(1, 3, 4, 4)
    off = torch.tensor([0.06, 0.02, -0.04])[:, None, None].expand(3, 4, 4)[None]
    counted = torch.ones(1, 4, 4, dtype=torch.bool)
    counted[0, 0] = False
    difference = Difference()
    difference.add(truth + off, truth, counted)
    assert difference.total.count == 12
    assert difference.lightness.mean == pytest.approx(0.06 / JND, rel=1e-5)
    assert difference.chroma.mean == pytest.approx(2 * np.hypot(0.02, 0.04) / JND, rel=1e-5)
    assert difference.total.mean == pytest.approx(
        np.hypot(difference.lightness.mean, difference.chroma.mean), rel=1e-5
    )


def test_correlations_in_pieces_are_those_of_numpy():
    x, y = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    y = y + 0.5 * x + 3
    whole = Correlation()
    for piece in range(0, 1000, 300):
        part = Correlation()
        part.add(x[piece : piece + 300], y[piece : piece + 300])
        whole.join(part)
    assert whole.value == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-6)
    assert np.isnan(Correlation().value)
