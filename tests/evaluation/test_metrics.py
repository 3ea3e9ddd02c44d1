"""The literature's figures: their laws, and two other people's code where that is right."""

import functools
import math

import numpy as np
import pytest
import sewar
import sewar.full_ref
import sewar.no_ref
import torch
from sewar.utils import Filter
from torchmetrics.functional.image import (
    error_relative_global_dimensionless_synthesis,
    peak_signal_noise_ratio,
    quality_with_no_reference,
    spatial_correlation_coefficient,
    spatial_distortion_index,
    spectral_angle_mapper,
    spectral_distortion_index,
    structural_similarity_index_measure,
    universal_image_quality_index,
)

from potato.core.mtf import degrade, mul_gains, pan_gains
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.core.sensor_table import WORLDVIEW_2, WORLDVIEW_3
from potato.evaluation import metrics
from potato.evaluation.metrics.block_statistics import universal_quality, whole_blocks
from potato.evaluation.metrics.full import cell_error, d_lambda, d_lambda_khan, d_s, d_s_mtf, hqnr, qnr
from potato.evaluation.metrics.reduced import _multiply, psnr, q2n, sam, scc, ssim

ergas = functools.partial(metrics.ergas, ratio=4)

REDUCED = (sam, ergas, q2n, scc, psnr, ssim)
PERFECT = {sam: 0, ergas: 0, q2n: 1, scc: 1, psnr: math.inf, ssim: 1}


def texture(channels, height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    common = power_noise(height, width, generator, 1.0)
    own = torch.stack([power_noise(height, width, generator, 1.0) for _ in range(channels)])
    level = 0.1 + 0.02 * torch.arange(channels)[:, None, None]
    return (level * (1 + 0.2 * common + 0.1 * own)).clamp_min(0.01)


@pytest.fixture(scope="module")
def truth():
    return texture(8, 96, 128)


@pytest.fixture(scope="module")
def result(truth):
    generator = torch.Generator().manual_seed(5)
    return (truth * 1.03 + 0.004 * torch.randn(truth.shape, generator=generator)).clamp_min(1e-3)


@pytest.fixture(scope="module")
def fusion():
    """fused, mul, pan, pan_low: a result that differs a little from its pair."""
    fused = texture(8, 256, 256, seed=2)
    pan = fused.mean(0, keepdim=True) * 1.1
    mul = block_mean(fused, 4) + 0.2 * (texture(8, 64, 64, seed=3) - 0.17)
    return fused, mul.clamp_min(0.01), pan, block_mean(pan, 4)


def hwc(image):
    return image.double().permute(1, 2, 0).numpy()


# Laws.


@pytest.mark.parametrize("metric", REDUCED)
def test_only_a_perfect_result_has_the_perfect_figure(metric, truth, result):
    assert metric(truth, truth) == pytest.approx(PERFECT[metric], abs=1e-5)
    assert abs(metric(result, truth) - PERFECT[metric]) > 0.005


@pytest.mark.parametrize("metric", REDUCED)
def test_more_noise_is_worse(metric, truth):
    noise = torch.randn(truth.shape, generator=torch.Generator().manual_seed(1))
    scores = [metric(truth + by * noise, truth) for by in (1e-3, 4e-3, 1.6e-2)]
    assert scores == sorted(scores, reverse=PERFECT[metric] > 0)


@pytest.mark.parametrize("metric", (sam, ergas, q2n, scc))
def test_figures_do_not_depend_on_the_unit(metric, truth, result):
    assert metric(result * 10_000, truth * 10_000) == pytest.approx(metric(result, truth), rel=1e-4)


@pytest.mark.parametrize("metric", REDUCED)
@pytest.mark.parametrize("junk", (0.0, 1e6, math.nan))
def test_invalid_pixels_change_nothing(metric, junk, truth, result):
    valid = torch.ones(96, 128, dtype=torch.bool)
    valid[:, 96:] = False
    spoilt = [torch.where(valid, image, torch.full_like(image, junk)) for image in (result, truth)]
    inside = metric(result[..., :96], truth[..., :96])
    assert metric(*spoilt, valid=valid) == pytest.approx(inside, rel=1e-9)
    assert abs(metric(*spoilt[:1], truth, valid=~valid)) != abs(inside)


@pytest.mark.parametrize("metric", REDUCED)
def test_figures_are_nan_where_nothing_is_valid(metric, truth):
    assert math.isnan(metric(truth, truth, valid=torch.zeros(96, 128, dtype=torch.bool)))


@pytest.mark.parametrize("metric", REDUCED)
def test_shapes_are_enforced(metric, truth):
    for wrong in (truth[:5], truth[None], truth[..., 1:]):
        with pytest.raises(ValueError, match="expected result and truth"):
            metric(wrong, truth)
    with pytest.raises(ValueError, match="expected valid as bool"):
        metric(truth, truth, valid=torch.ones(96, 128))


# Against published definitions and other people's code.


def test_sam_agrees_with_torchmetrics_and_sewar_and_leaves_out_black(truth, result):
    other = math.degrees(spectral_angle_mapper(result[None].double(), truth[None].double()))
    assert sam(result, truth) == pytest.approx(other, rel=1e-9)
    black = truth.clone()
    black[:, 3, 5] = 0
    assert sam(result, black) == pytest.approx(math.degrees(sewar.sam(hwc(black), hwc(result))), rel=1e-9)
    assert math.isnan(spectral_angle_mapper(result[None], black[None]))


def test_ergas_agrees_with_torchmetrics_and_sewar(truth, result):
    other = error_relative_global_dimensionless_synthesis(result[None], truth[None], ratio=4)
    assert ergas(result, truth) == pytest.approx(float(other), rel=1e-4)
    assert ergas(result, truth) == pytest.approx(sewar.ergas(hwc(truth), hwc(result), r=1 / 4), rel=1e-9)
    assert ergas(truth * 1.1, truth) == pytest.approx(100 / 4 * 0.1 * (1 + 0.027), rel=0.03)
    assert ergas(result, truth, ratio=2) == pytest.approx(2 * ergas(result, truth))


def test_psnr_agrees_with_torchmetrics_and_sewar(truth, result):
    other = peak_signal_noise_ratio(result, truth, data_range=1.0)
    assert psnr(result, truth) == pytest.approx(float(other), rel=1e-5)
    assert psnr(result, truth, peak=2) == pytest.approx(sewar.psnr(hwc(truth), hwc(result), MAX=2), rel=1e-9)
    assert psnr(truth + 0.1, truth) == pytest.approx(20, abs=1e-4)


def test_ssim_agrees_with_torchmetrics_and_sewar_inside_the_border(truth, result):
    window = {"fltr": Filter.GAUSSIAN, "ws": 11, "sigma": 1.5}
    ours = ssim(result, truth, peak=0.5)
    assert ours == pytest.approx(sewar.ssim(hwc(truth), hwc(result), MAX=0.5, fltr_specs=window)[0], rel=1e-6)
    mean, everywhere = structural_similarity_index_measure(
        result[None].double(), truth[None].double(), data_range=0.5, return_full_image=True
    )
    assert ours == pytest.approx(float(everywhere[..., 5:-5, 5:-5].mean()), rel=1e-6)
    # Its mean also counts windows over the mirrored border, which Wang and others don't.
    assert abs(float(mean) - ours) > 1e-6


def test_q2n_agrees_with_sewar_on_whole_blocks(truth, result):
    for bands in (1, 2, 3, 4, 8):
        ours = q2n(result[:bands], truth[:bands])
        assert ours == pytest.approx(sewar.full_ref.q2n(hwc(truth[:bands]), hwc(result[:bands])), rel=1e-9)
    # Blocks across the border are left out here; sewar mirrors them.
    assert q2n(result[..., :95, :], truth[..., :95, :]) == q2n(result[..., :64, :], truth[..., :64, :])
    assert q2n(result, truth, block=16) != q2n(result, truth)
    assert math.isnan(q2n(result, truth, block=100))


def test_q2n_of_flat_blocks_compares_means():
    flat = torch.full((8, 32, 32), 0.2)
    assert q2n(flat, flat) == pytest.approx(1)
    assert 0.5 < q2n(flat + 0.5, flat) < 0.99
    assert q2n(flat + 1e-9, flat) == pytest.approx(1)
    assert q2n(flat + 0.1 * texture(8, 32, 32), flat) < 0.01


def test_q2n_sees_a_change_of_hue_that_no_single_band_shows(truth):
    mean = truth.mean((1, 2), keepdim=True)
    wrong = truth.roll(1, 0) - truth.roll(1, 0).mean((1, 2), keepdim=True) + mean
    assert q2n(wrong, truth) < 0.95 and q2n(truth, truth) == pytest.approx(1)


@pytest.mark.parametrize("parts", (1, 2, 4, 8))
def test_hypercomplex_lengths_multiply(parts):
    generator = torch.Generator().manual_seed(parts)
    for _ in range(5):
        a, b = torch.randn(2, parts, generator=generator, dtype=torch.float64)
        assert float(_multiply(a, b).norm()) == pytest.approx(float(a.norm() * b.norm()))
    one = torch.eye(parts, dtype=torch.float64)
    for i in range(1, parts):
        assert torch.equal(_multiply(one[i], one[i]), -one[0])
    if parts == 2:
        product = complex(3, 4) * complex(-2, 5)
        both = _multiply(torch.tensor([3.0, 4.0]), torch.tensor([-2.0, 5.0]))
        assert both.tolist() == [product.real, product.imag]


def test_scc_is_the_correlation_of_laplacians(truth, result):
    from scipy import ndimage

    kernel = -np.ones((3, 3))
    kernel[1, 1] = 8
    edges = [
        [ndimage.convolve(band.double().numpy(), kernel)[1:-1, 1:-1].ravel() for band in image]
        for image in (result, truth)
    ]
    expected = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(*edges, strict=True)])
    assert scc(result, truth) == pytest.approx(expected, rel=1e-9)
    assert scc(-result, truth) == pytest.approx(-expected, rel=1e-9)


def test_scc_ignores_gain_offset_and_flat_bands(truth):
    assert scc(truth * 3 + 1, truth) == pytest.approx(1, abs=1e-5)
    flat = torch.cat([truth[:1], torch.full_like(truth[:1], 0.3)])
    assert scc(flat, flat) == pytest.approx(1)
    assert scc(torch.full_like(truth, 0.3), truth) == 0
    assert math.isnan(scc(flat[1:], flat[1:]))


def test_other_packages_define_scc_differently(truth):
    """Windows that are flat, or hang over the border, cost a perfect result."""
    half = truth.clone()
    half[..., 64:] = 0.3
    assert scc(half, half) == pytest.approx(1)
    assert float(spatial_correlation_coefficient(half[None], half[None])) < 0.6
    assert sewar.scc(hwc(half), hwc(half)) < 0.6


# Without a truth.


def test_q_is_that_of_wang_and_bovik(truth):
    x, y = truth[0, :32, :32].double().numpy().ravel(), truth[1, :32, :32].double().numpy().ravel()
    cov = np.cov(x, y)
    expected = 4 * cov[0, 1] * x.mean() * y.mean() / (cov[0, 0] + cov[1, 1]) / (x.mean() ** 2 + y.mean() ** 2)
    q = next(whole_blocks(truth[:2], 32))
    assert float(universal_quality(q)[0, 0, 1]) == pytest.approx(expected, rel=1e-12)


def test_q_of_flat_and_black_blocks_is_defined():
    flat = torch.tensor([1.0, 2.0, 0.0, 0.0], dtype=torch.float64)[None, :, None].expand(1, 4, 9)
    q = universal_quality(flat)[0]
    assert q.diagonal().tolist() == [1, 1, 1, 1]
    assert float(q[0, 1]) == pytest.approx(0.8) and float(q[0, 2]) == 0 and float(q[2, 3]) == 1


def pairs_of_bands(quality, fused, mul):
    """Alparone's D_lambda, spelt out."""
    count = len(mul)
    gaps = [
        abs(quality(fused, i, j) - quality(mul, i, j)) for i in range(count) for j in range(count) if i != j
    ]
    return sum(gaps) / len(gaps)


def by_blocks(bands, side):
    return float(torch.cat([universal_quality(b)[:, 0, 1] for b in whole_blocks(bands, side)]).mean())


def test_distortions_follow_the_definition_of_alparone(fusion):
    fused, mul, pan, low = fusion

    def quality(image, i, j):
        return by_blocks(image[[i, j]], image.shape[-1] // 8)

    assert d_lambda(fused, mul) == pytest.approx(pairs_of_bands(quality, fused, mul), rel=1e-9)
    gaps = [
        abs(quality(torch.cat([fused[[i]], pan]), 0, 1) - quality(torch.cat([mul[[i]], low]), 0, 1))
        for i in range(8)
    ]
    assert d_s(fused, mul, pan, low) == pytest.approx(np.mean(gaps), rel=1e-9)
    expected = (1 - d_lambda(fused, mul)) * (1 - d_s(fused, mul, pan, low))
    assert qnr(fused, mul, pan, low) == pytest.approx(expected) and 0 < expected < 1


def test_torchmetrics_and_sewar_give_our_distortions_from_our_q(fusion, monkeypatch):
    fused, mul, pan, low = fusion

    def ours(first, second, reduction="mean"):
        pairs = zip(first, second, strict=True)
        scores = torch.tensor([by_blocks(torch.cat(pair), first.shape[-1] // 8) for pair in pairs])
        return scores[:, None, None, None] if reduction == "none" else scores.mean()

    for module in ("d_lambda", "d_s"):
        monkeypatch.setattr(f"torchmetrics.functional.image.{module}.universal_image_quality_index", ours)
    other = spectral_distortion_index(mul[None], fused[None])
    assert d_lambda(fused, mul) == pytest.approx(float(other), rel=1e-5)
    many = [image[None].expand(-1, 8, -1, -1) for image in (pan, low)]
    other = spatial_distortion_index(fused[None], mul[None], *many)
    assert d_s(fused, mul, pan, low) == pytest.approx(float(other), rel=1e-5)
    other = quality_with_no_reference(fused[None], mul[None], *many)
    assert qnr(fused, mul, pan, low) == pytest.approx(float(other), rel=1e-5)

    def by_arrays(first, second):
        return by_blocks(torch.from_numpy(np.stack([first, second])), first.shape[-1] // 8)

    monkeypatch.setattr(sewar.no_ref, "uqi", by_arrays)
    assert d_lambda(fused, mul) == pytest.approx(sewar.no_ref.d_lambda(hwc(mul), hwc(fused)), rel=1e-9)


def test_q_of_other_packages_is_wrong():
    """Why their D_lambda, D_s and QNR aren't taken as they are."""
    x = texture(1, 64, 64).double()
    inverted = 2 * x.mean() - x
    ours = torch.cat([universal_quality(b)[:, 0, 1] for b in whole_blocks(torch.cat([x, inverted]), 8)])
    assert float(ours.mean()) < -0.8
    # sewar takes means for sums, so that the covariance drowns.
    assert sewar.uqi(hwc(x)[..., 0], hwc(inverted)[..., 0]) > 0.5
    # torchmetrics adds a constant to a denominator that has a unit: in the dark, a copy is no copy.
    dark = (x * 0.05).float()[None]
    assert float(universal_image_quality_index(dark, dark)) < 0.9
    assert float(universal_image_quality_index(dark * 100, dark * 100)) > 0.99
    ours = next(whole_blocks(torch.cat([dark[0], dark[0]]), 32))
    assert float(universal_quality(ours)[0, 0, 1]) == pytest.approx(1)


def test_a_result_that_keeps_all_relations_has_no_distortion():
    pan = texture(1, 256, 256)
    fused = pan * torch.linspace(0.5, 1.5, 8)[:, None, None]
    mul, low = block_mean(fused, 4), block_mean(pan, 4)
    # One field of shading at both scales, so Q depends on the factors alone.
    assert d_lambda(fused, mul) < 1e-4 and d_s(fused, mul, pan, low) < 1e-4
    assert d_lambda(fused + 0.3, mul) > 0.05
    assert d_s(fused.flip(0), mul, pan, low) > 0.05


def test_d_lambda_khan_is_zero_for_a_result_that_degrades_to_mul():
    fused = texture(8, 256, 256)
    mul = degrade(fused[None], mul_gains(WORLDVIEW_2), 4)[0]
    assert d_lambda_khan(fused, mul, WORLDVIEW_2) == pytest.approx(0, abs=1e-6)
    assert 1e-5 < d_lambda_khan(fused, mul, WORLDVIEW_3) < 0.05
    assert d_lambda_khan(fused, block_mean(fused, 4), WORLDVIEW_2) > 1e-3
    assert d_lambda_khan(fused, mul.flip(0), WORLDVIEW_2) > 0.1


def test_the_cell_error_is_that_of_means_in_percent():
    fused = texture(8, 64, 64)
    mul = block_mean(fused, 4)
    assert cell_error(fused, mul) == pytest.approx(0, abs=1e-5)
    assert cell_error(fused * 1.02, mul) == pytest.approx(2, rel=1e-4)
    valid = torch.ones(64, 64, dtype=torch.bool)
    valid[:, 33:] = False
    spoilt = torch.where(valid, fused, torch.nan)
    assert cell_error(spoilt, mul, valid) == pytest.approx(0, abs=1e-5)


def test_hqnr_is_the_product_of_its_two_terms(fusion):
    fused, mul, pan, _ = fusion
    low = degrade(pan[None], pan_gains(WORLDVIEW_2), 4)[0]
    assert d_s_mtf(fused, mul, pan, WORLDVIEW_2) == pytest.approx(d_s(fused, mul, pan, low))
    expected = (1 - d_lambda_khan(fused, mul, WORLDVIEW_2)) * (1 - d_s_mtf(fused, mul, pan, WORLDVIEW_2))
    assert hqnr(fused, mul, pan, WORLDVIEW_2) == pytest.approx(expected) and 0 < expected < 1
    assert hqnr(fused, mul, pan, WORLDVIEW_3) != hqnr(fused, mul, pan, WORLDVIEW_2)


@pytest.mark.parametrize("junk", (0.0, 1e6, math.nan))
def test_invalid_pixels_change_nothing_at_full_scale(junk, fusion):
    fused, mul, pan, low = fusion
    valid = torch.ones(256, 256, dtype=torch.bool)
    valid[:, 201:] = False
    coarse = torch.ones(64, 64, dtype=torch.bool)
    coarse[:, 50:] = False
    spoilt = [torch.where(valid, image, torch.full_like(image, junk)) for image in (fused, pan)]
    spoilt_mul, spoilt_low = (torch.where(coarse, image, torch.tensor(junk)) for image in (mul, low))
    cut = [image[..., :192] for image in (fused, pan)] + [image[..., :48] for image in (mul, low)]
    assert d_lambda(spoilt[0], spoilt_mul, valid=valid) == pytest.approx(d_lambda(cut[0], cut[2]), rel=1e-9)
    seen = d_s(spoilt[0], spoilt_mul, spoilt[1], spoilt_low, valid=valid)
    assert seen == pytest.approx(d_s(cut[0], cut[2], cut[1], cut[3]), rel=1e-9)
    khan = d_lambda_khan(spoilt[0], spoilt_mul, WORLDVIEW_2, valid=valid)
    # Only blocks of mul that no invalid pixel is blurred into: the first column of them.
    seen = degrade(fused[None], mul_gains(WORLDVIEW_2), 4)[0]
    assert khan == pytest.approx(1 - q2n(seen[..., :32], mul[..., :32]))
    assert hqnr(spoilt[0], spoilt_mul, spoilt[1], WORLDVIEW_2, valid=valid) == pytest.approx(
        hqnr(cut[0], cut[2], cut[1], WORLDVIEW_2), rel=0.02
    )
    assert math.isnan(qnr(fused, mul, pan, low, valid=torch.zeros_like(valid)))
    assert math.isnan(hqnr(fused, mul, pan, WORLDVIEW_2, valid=torch.zeros_like(valid)))


def test_shapes_are_enforced_at_full_scale(fusion):
    fused, mul, pan, _ = fusion
    short = (fused[:5], mul, pan), (fused, mul[:, 1:], pan), (fused, mul, pan[:, 4:]), (fused, mul[0], pan)
    for wrong in short:
        with pytest.raises(ValueError, match="expected fused"):
            hqnr(*wrong, WORLDVIEW_2)
    with pytest.raises(ValueError, match="expected pan_low"):
        d_s(fused, mul, pan, pan)
    with pytest.raises(ValueError, match="expected valid"):
        d_lambda(fused, mul, valid=torch.ones(64, 64, dtype=torch.bool))
