"""Figures at full scale."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from potato.core.color import JND
from potato.core.full_scale import FRINGE_REACH, FullScaleCounts, high_pass

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(("dtype", "ratio"), [("float32", 4), ("float64", 4), ("float32", 3)])
def test_the_high_pass_is_that_of_scipy_with_mirrored_borders(dtype, ratio):
    image = RANDOM.random((40, 71)).astype(dtype)
    blurred = gaussian_filter(image.astype(float), ratio, mode="mirror", radius=FRINGE_REACH * ratio)
    assert high_pass(image, ratio).dtype == dtype
    assert np.allclose(high_pass(image, ratio), image - blurred, atol=1e-6)


def test_an_image_that_the_filter_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="sides above 16"):
        high_pass(np.zeros((16, 40)), 4)


def test_windows_counted_apart_and_joined_have_the_figures_of_both():
    whole, windows = FullScaleCounts(), []
    for _ in range(2):
        pan = RANDOM.random((96, 96)) + 0.1
        oklab = np.stack([np.cbrt(pan), *RANDOM.normal(0, 0.05, (2, 96, 96))])
        colour = oklab.reshape(3, 24, 4, 24, 4).mean((2, 4)) + np.array([JND, 0, 0])[:, None, None]
        window = oklab, pan, colour, np.ones((96, 96), bool), np.ones((24, 24), bool)
        whole.add(*window)
        windows.append(FullScaleCounts())
        windows[-1].add(*window)
    windows[0].join(windows[1])
    assert windows[0].figures == whole.figures
    assert whole.figures.detail == pytest.approx(1) and whole.figures.consistency == pytest.approx(1)
    # A normal number's mean size is 0.8 of its standard deviation; the blur takes little away.
    assert whole.figures.fringe_mean == pytest.approx(100 * 0.8 * 0.05, rel=0.02)


def test_pixels_near_invalid_ones_change_no_figure():
    valid = np.ones((128, 128), bool)
    valid[:, 100:] = False
    whole = valid.reshape(32, 4, 32, 4).all((1, 3))
    pan, oklab = RANDOM.random((128, 128)), RANDOM.random((3, 128, 128))
    figures = []
    for junk in (0.0, 1e6):
        counts = FullScaleCounts()
        counts.add(
            np.where(valid, oklab, junk), np.where(valid, pan, junk), np.zeros((3, 32, 32)), valid, whole
        )
        figures.append(counts.figures)
    assert figures[0] == figures[1]
