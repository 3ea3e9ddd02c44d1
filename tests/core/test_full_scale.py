"""Figures at full scale."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from potato.core.color import JND, mul_to_oklab
from potato.core.full_scale import (
    AXES,
    FRINGE_REACH,
    FullScaleCounts,
    FullScaleWindow,
    fringes,
    high_pass,
)
from potato.core.sensor_table import WORKSHOP

RANDOM = np.random.default_rng(0)
PAN = RANDOM.random((96, 96)) + 0.1
MUL = RANDOM.random((8, 24, 24)) + 0.1


def measured(oklab, pan=PAN, mul=MUL, valid=None, sensor=WORKSHOP):
    """The counts of one window."""
    valid = np.ones(pan.shape, bool) if valid is None else valid
    height, width = mul.shape[1:]
    whole = valid.reshape(height, sensor.ratio, width, sensor.ratio).all((1, 3))
    counts = FullScaleCounts()
    counts.add(oklab, FullScaleWindow.of_pair(pan, mul, valid, whole, sensor))
    return counts


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
        oklab = np.stack([np.cbrt(PAN), *RANDOM.normal(0, 0.05, (2, 96, 96))])
        window = FullScaleWindow.of_pair(PAN, MUL, np.ones((96, 96), bool), np.ones((24, 24), bool), WORKSHOP)
        off = oklab.reshape(3, 24, 4, 24, 4).mean((2, 4)) + np.array([JND, 0, 0])[:, None, None]
        window = dataclasses.replace(window, colour=off)
        windows.append(FullScaleCounts())
        for counts in (whole, windows[-1]):
            counts.add(oklab, window)
    windows[0].join(windows[1])
    assert repr(windows[0].figures) == repr(whole.figures)
    assert whole.figures.detail == pytest.approx(1) and whole.figures.consistency == pytest.approx(1)
    # A normal number's mean size is 0.8 of its standard deviation; the blur takes little away.
    for axis in ("a", "b"):
        assert whole.figures.fringes[axis].mean == pytest.approx(2 / JND * 0.8 * 0.05, rel=0.02)


def test_a_fringe_counts_on_its_own_axis_and_in_both():
    oklab = np.zeros((3, 96, 96))
    oklab[2, :, 48:50] = 0.02
    figures = measured(oklab).figures.fringes
    assert figures["a"] == (0, 0)
    assert figures["b"] == figures["both"] and figures["b"].p99 > 1
    oklab[1] = oklab[2]
    both = measured(oklab).figures.fringes["both"]
    assert both.mean == pytest.approx(math.sqrt(2) * figures["b"].mean)


def test_both_axes_together_lie_between_the_longer_one_and_their_sum():
    a, b, both = fringes(RANDOM.normal(0, 0.02, (3, 40, 40)), 4)
    assert len(AXES) == 3
    assert (both >= np.maximum(a, b)).all() and (both <= a + b).all()


def test_pixels_near_invalid_ones_change_no_figure():
    valid = np.ones((128, 128), bool)
    valid[:, 100:] = False
    pan, oklab = 0.2 + 0.001 * RANDOM.random((128, 128)), RANDOM.random((3, 128, 128))
    figures = []
    for junk in (0.0, 1e6):
        images = np.where(valid, oklab, junk), np.where(valid, pan, junk), np.full((8, 32, 32), 0.01)
        figures.append(measured(*images, valid).figures)
        assert figures[-1].noise["ground"] > 0
    assert repr(figures[0]) == repr(figures[1])


@pytest.fixture(scope="module")
def noisy():
    """Oklab and pan of flat ground, noise .5 JND, with a textured quarter, noise 5."""
    pan = np.full((256, 256), 0.3)
    pan[:128, :128] *= 1 + 0.5 * RANDOM.random((128, 128))
    oklab = np.stack([np.cbrt(pan), *RANDOM.normal(0, 0.5 * JND / 2, (2, 256, 256))])
    oklab[1:, :112, :112] *= 10
    return oklab, pan


def test_noise_of_flat_ground_is_the_deviation_of_its_chroma(noisy):
    oklab, pan = noisy
    mul = np.full((8, 64, 64), 0.3)
    assert measured(oklab, pan, mul).figures.noise["ground"] == pytest.approx(0.5, rel=0.02)
    assert math.isnan(measured(oklab, pan, mul).figures.noise["vegetation"])
    # Flatness is relative to brightness.
    dim = measured(oklab, pan / 10, mul).noise["ground"]
    assert dim.count == measured(oklab, pan, mul).noise["ground"].count < 256 * 256 * 0.8


def test_noise_of_vegetation_is_that_of_dark_cells_with_much_infrared(noisy):
    oklab, pan = noisy
    mul = np.full((8, 64, 64), 0.02)
    mul[5:, :28, :28] = 0.2
    seen = measured(oklab, pan, mul)
    assert seen.noise["vegetation"].count == 112 * 112
    assert seen.figures.noise["vegetation"] == pytest.approx(5, rel=0.02)
    assert measured(oklab, pan, mul * 5).noise["vegetation"].count == 0, "it isn't dark"
    visible = dataclasses.replace(
        WORKSHOP,
        bands=(*WORKSHOP.bands[:5], "swir1", "swir2", "swir3"),
        mtf_gains=(),
        file_order=(),
        codes=(),
        arrays=(),
    )
    assert math.isnan(measured(oklab, pan, mul, sensor=visible).figures.noise["vegetation"])


def test_the_colour_of_mul_is_that_of_the_sensor():
    window = FullScaleWindow.of_pair(PAN, MUL, np.ones((96, 96), bool), np.ones((24, 24), bool), WORKSHOP)
    assert np.array_equal(window.colour, mul_to_oklab(MUL, WORKSHOP)) and window.ratio == 4
