"""The predictor's bounds, and the context that the network reads."""

import pytest
import torch

from potato.core.noise import power_noise
from potato.core.resample import block_mean, to_cells
from potato.core.sensor_table import WORKSHOP
from potato.model.features import (
    RIDGE,
    WIDE_REACH,
    LocalRegression,
    artefact_weight,
    local_regression,
    mul_sharpness,
    pan_sharpness,
    predict,
    wide_context,
)


def test_a_pixel_is_never_more_than_16_times_as_bright_as_its_cell():
    pan = torch.full((1, 16, 9, 9), 1e-4)
    pan[:, 5, ::3, ::3] = 2.0
    grey = torch.zeros(1, 3, 9, 9)
    grey[:, 0] = 1
    lightness = predict(pan.mean(1, keepdim=True), pan ** (1 / 3), grey)[0][:, :16]
    assert lightness.max() <= 16 ** (1 / 3) + 1e-4 and lightness.min() >= 0


def around(pan: torch.Tensor, oklab: torch.Tensor) -> LocalRegression:
    """`local_regression` from pan in cells (b, 16, h, w)."""
    return local_regression(pan.mean(1, keepdim=True) ** (1 / 3), pan ** (1 / 3), oklab)


@pytest.mark.parametrize("ratio", [2, 3, 5, 6])
def test_variances_in_cells_of_any_ratio(ratio):
    """White noise, less its cell means or seen through chessboards."""
    noise = 0.5 + 0.02 * torch.randn(1, 1, 600, 600, generator=torch.Generator().manual_seed(4))
    found = around(to_cells(noise**3, ratio), torch.full((1, 3, 600 // ratio, 600 // ratio), 0.5)).deviations
    within, chequered = found[:, 2:].square().mean((0, 2, 3)).sqrt().tolist()
    assert within == pytest.approx(0.02 * (1 - ratio**-2) ** 0.5, rel=0.02)
    assert chequered == pytest.approx(0.02, rel=0.03)


def around_even(shading: torch.Tensor, oklab: torch.Tensor) -> LocalRegression:
    """`local_regression` of cells whose 16 pixels are equal, from their cube root (b, 1, h, w)."""
    return local_regression(shading, shading.expand(-1, 16, -1, -1), oklab)


def test_regression_separates_variance_in_cells_from_pixel_chessboards():
    """A chessboard of ± δ, stripes twice as wide, and white noise, which has both variances."""
    rows, columns = torch.meshgrid(torch.arange(36), torch.arange(36), indexing="ij")
    grey = torch.full((1, 3, 9, 9), 0.5)
    for pattern, chessboard in ((rows + columns, 0.04), (rows // 2, 0.0)):
        shading = 0.5 + 0.02 * (1 - 2 * (pattern % 2))
        found = around(to_cells((shading**3)[None, None], WORKSHOP.ratio), grey).deviations[0, 2:, 2, 2]
        torch.testing.assert_close(found, torch.tensor([0.02, chessboard]), atol=1e-4, rtol=0)
    noise = 0.5 + 0.02 * torch.randn(1, 1, 400, 400, generator=torch.Generator().manual_seed(4))
    found = around(to_cells(noise**3, WORKSHOP.ratio), torch.full((1, 3, 100, 100), 0.5)).deviations
    within, chequered = found[:, 2:].square().mean((0, 2, 3)).sqrt().tolist()
    assert within == pytest.approx(0.02 * (15 / 16) ** 0.5, rel=0.02)
    assert chequered == pytest.approx(0.02, rel=0.02)


def test_regression_finds_the_slopes_of_a_line():
    generator = torch.Generator().manual_seed(2)
    shading = 0.4 + 0.2 * torch.rand(1, 1, 12, 11, generator=generator)
    slopes, offsets = torch.tensor([0.9, -0.2, 0.4]), torch.tensor([0.1, 0.05, -0.1])
    oklab = offsets.reshape(1, 3, 1, 1) + slopes.reshape(1, 3, 1, 1) * shading
    found = around_even(shading, oklab)
    assert found.slopes.shape == (1, 3, 8, 7)
    # `RIDGE`, here a tenth of the variance or less, pulls the slopes towards the predictor's.
    pull = RIDGE * found.mean**2 / (found.deviations[:, :1] ** 2 + RIDGE * found.mean**2)
    smooth = (offsets.reshape(1, 3, 1, 1) + slopes.reshape(1, 3, 1, 1) * found.mean) / found.mean
    expected = (1 - pull) * slopes.reshape(1, 3, 1, 1) + pull * smooth
    assert torch.allclose(found.slopes, expected, atol=1e-3)
    assert torch.allclose(found.deviations[:, 1], 0.9 * found.deviations[:, 0], atol=1e-4)


def test_slopes_on_even_pan_equal_the_predictors():
    oklab = torch.tensor([0.4, 0.03, -0.02]).reshape(1, 3, 1, 1).expand(1, 3, 9, 9)
    found = around_even(torch.full((1, 1, 9, 9), 0.5), oklab)
    assert torch.allclose(found.slopes[0, :, 0, 0], oklab[0, :, 0, 0] / 0.5, atol=1e-4)
    assert float(found.deviations.max()) < 1e-3


def test_slopes_are_independent_of_exposure():
    generator = torch.Generator().manual_seed(3)
    shading, oklab = (
        torch.rand(1, 1, 9, 9, generator=generator) + 0.1,
        torch.rand(1, 3, 9, 9, generator=generator),
    )
    plain = around_even(shading, oklab)
    bright = around_even(2 * shading, 2 * oklab)
    assert torch.allclose(plain.slopes, bright.slopes, atol=1e-4)
    assert torch.allclose(2 * plain.deviations, bright.deviations, atol=1e-5)


def noise_in_cells(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) + 0.1


def test_wide_context_finds_the_darkest_cell_in_its_window():
    side = 2 * WIDE_REACH
    shading, lightness = noise_in_cells(5, 2, 1, 9 + side, 7 + side)[:, None]
    pixels = shading.expand(-1, 16, -1, -1)
    found = wide_context(shading, pixels, lightness).darkest
    assert found.shape == (1, 2, 9, 7)
    for row, column in ((0, 0), (8, 6), (3, 4)):
        window = (..., slice(row, row + side + 1), slice(column, column + side + 1))
        assert float(found[0, 0, row, column]) == float(shading[window].min())
        assert float(found[0, 1, row, column]) == float(lightness[window].min())


def test_wide_context_leaves_out_unknown_cells():
    side = 11 + 2 * WIDE_REACH
    shading, lightness = noise_in_cells(6, 2, 1, side, side)[:, None]
    pixels = noise_in_cells(7, 1, 16, side, side)
    unknown = torch.zeros(1, 1, side, side, dtype=torch.bool)
    unknown[..., :WIDE_REACH, :], unknown[..., :, -WIDE_REACH + 3 :] = True, True
    less = [torch.where(unknown, torch.zeros_like(image), image) for image in (shading, pixels, lightness)]
    found = wide_context(*less)
    beyond = [
        torch.where(unknown, torch.full_like(image, 9.0), image) for image in (shading, pixels, lightness)
    ]
    assert torch.equal(found.darkest[..., :8], wide_context(*beyond).darkest[..., :8])
    assert torch.isfinite(found.darkest).all() and float(found.darkest[..., :8].min()) > 0
    # Pan is one kind of noise, so its known part is as sharp as the whole but for chance.
    assert torch.allclose(pan_sharpness(less[1]), pan_sharpness(pixels), atol=0.1)
    nothing = wide_context(*(torch.zeros_like(image) for image in less))
    assert float(nothing.darkest.abs().max()) == 0 and float(nothing.artefact_weight.min()) == 1
    assert float(nothing.mul_sharpness.abs().max()) == 0


def test_sharpness_compares_two_scales():
    """Chessboards of 2 × 2 pixels, of both sizes in two mixtures, and white noise."""
    rows, columns = torch.meshgrid(torch.arange(160), torch.arange(160), indexing="ij")
    fine = 0.02 * (1 - 2.0 * ((rows + columns) % 2))
    coarse = 0.02 * (1 - 2.0 * ((rows // 2 + columns // 2) % 2))
    white = 0.02 * torch.randn(160, 160, generator=torch.Generator().manual_seed(8))
    for pattern, expected in ((coarse, 0.0), (0.5 * fine + coarse, 0.5), (fine + coarse, 1.0), (white, 2.0)):
        found = pan_sharpness(to_cells((0.5 + pattern)[None, None], WORKSHOP.ratio))
        assert float((found - expected).abs().max()) < 0.1
        brighter = pan_sharpness(to_cells((3 * (0.5 + pattern))[None, None], WORKSHOP.ratio))
        assert torch.allclose(found, brighter, atol=1e-3)


def test_artefact_weight_is_1_after_a_lens_and_0_for_means():
    """Natural ground, its blur by a lens, and means over 4 × 4 pixels of the blurred ground."""
    ground = power_noise(1024, 1024, torch.Generator().manual_seed(2), 1.0)[None, None]
    kernel = torch.tensor([0.25, 0.5, 0.25])
    seen = torch.nn.functional.conv2d(ground, (kernel[:, None] * kernel)[None, None])[..., :1020, :1020]
    sharp, soft, means = (
        float(pan_sharpness(to_cells(0.5 + 0.02 * pan, WORKSHOP.ratio)).mean())
        for pan in (ground, seen, block_mean(seen[..., :1008, :1008], WORKSHOP.ratio))
    )
    assert artefact_weight(torch.tensor([soft, means, sharp])).tolist() == [1.0, 0.0, 0.0]
    assert soft < 0.76 < 0.84 < means < sharp < 1.2
    assert float(artefact_weight(torch.tensor(0.8))) == pytest.approx(0.5)


def test_mul_sharpness_is_1_for_means_of_pan_in_any_light_and_less_after_a_lens():
    """Natural ground; mul is its means, brighter, hazy, with noise, and blurred."""
    ground = 0.5 + 0.05 * power_noise(80, 80, torch.Generator().manual_seed(2), 1.0)[None, None]
    noise = torch.randn(ground.shape, generator=torch.Generator().manual_seed(4))
    for mul in (ground, 2 * ground, 0.3 + 0.5 * ground, ground + 0.01 * noise):
        assert float((mul_sharpness(ground, mul) - 1).abs().max()) < 0.1
    sides = [mul_sharpness(ground, gaussian_blur(ground, blur)).mean() for blur in (0.4, 0.6, 0.8)]
    assert 0.9 > sides[0] > sides[1] > sides[2] > 0.1
    assert torch.allclose(mul_sharpness(9 * ground, 9 * ground), mul_sharpness(ground, ground))


def test_mul_sharpness_leaves_out_unknown_cells():
    ground = 0.5 + 0.05 * power_noise(80, 80, torch.Generator().manual_seed(2), 1.0)[None, None]
    soft = gaussian_blur(ground, 0.6)
    holes = torch.rand(ground.shape, generator=torch.Generator().manual_seed(5)) < 0.01
    for shading, lightness in ((ground.masked_fill(holes, 0), soft), (ground, soft.masked_fill(holes, 0))):
        assert torch.allclose(mul_sharpness(shading, lightness), mul_sharpness(ground, soft), atol=0.05)


def gaussian_blur(image: torch.Tensor, std: float) -> torch.Tensor:
    """An image (1, 1, h, w) under a Gaussian of 5 × 5 pixels."""
    taps = torch.exp(-(torch.arange(-2.0, 3.0) ** 2) / (2 * std**2))
    taps /= taps.sum()
    padded = torch.nn.functional.pad(image, [2] * 4, mode="reflect")
    return torch.nn.functional.conv2d(padded, (taps[:, None] * taps)[None, None])


@pytest.mark.parametrize("ratio", [2, 3, 5, 6])
def test_sharpness_of_a_ground_is_the_same_at_any_ratio_that_shows_it(ratio):
    ground = 0.5 + 0.02 * power_noise(720, 720, torch.Generator().manual_seed(2), 1.0)[None, None]
    expected, found = (pan_sharpness(to_cells(ground, each)) for each in (WORKSHOP.ratio, ratio))
    if ratio > WORKSHOP.ratio:
        assert float(found.mean()) == pytest.approx(float(expected.mean()), rel=0.02)
    else:  # too few pixels in a cell to tell
        assert float(found.max()) == 0 and float(artefact_weight(found).min()) == 1
