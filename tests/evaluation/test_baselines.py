"""Classical sharpeners keep the properties of their formulas, and sharpen."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from potato.core.color import mul_to_oklab
from potato.core.mtf import degrade, mul_gains
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.core.sensor_table import LANDSAT_8, PLEIADES_NEO_3, WORKSHOP, WORLDVIEW_3
from potato.core.sensors import SCALE
from potato.evaluation.baselines import awlp, bicubic, gsa, make_baselines, mtf_glp_hpm
from potato.evaluation.methods import as_sharpen
from potato.evaluation.metrics.reduced import ergas, q2n, sam, scc
from potato.evaluation.protocols import full, plain
from potato.simulation.ground import make_ground
from potato.simulation.imager import IDEAL, observe, truth

SPECTRUM = torch.tensor([0.05, 0.06, 0.10, 0.12, 0.13, 0.2, 0.3, 0.28]).reshape(1, 8, 1, 1)
BASELINES = make_baselines(WORKSHOP)
SHARPENERS = [name for name in BASELINES if name != "bicubic"]
EVERY = pytest.mark.parametrize("name", BASELINES)


def shading(batch=1, side=128, seed=0):
    generator = torch.Generator().manual_seed(seed)
    fields = torch.stack([power_noise(side, side, generator, 1.0) for _ in range(batch)])
    return (1 + 0.2 * fields[:, None]).clamp_min(0.2)


@pytest.fixture(scope="module")
def scene():
    """pan, mul and true bands of invented ground, seen by a perfect instrument."""
    generator = torch.Generator().manual_seed(7)
    ground = make_ground(512, 512, generator, style="suburb")
    pan, mul = observe(ground, generator, IDEAL)
    return pan[None, None].float() / SCALE, mul[None].float() / SCALE, truth(ground)[1][None]


@EVERY
def test_a_constant_pair_stays_constant(name):
    mul = SPECTRUM.expand(2, 8, 12, 16).contiguous()
    for level in (0.02, 0.2, 0.9):
        sharp = BASELINES[name](torch.full((2, 1, 48, 64), level), mul)
        assert sharp.shape == (2, 8, 48, 64)
        assert torch.allclose(sharp, SPECTRUM.expand_as(sharp), rtol=1e-5)


@pytest.mark.parametrize("sensor", [LANDSAT_8, replace(PLEIADES_NEO_3, ratio=3)], ids=["5 bands", "6 bands"])
def test_baselines_take_any_bands_and_ratio(sensor):
    """Only shading changes, and pan shows it, so sharpeners find it again."""
    spectrum = torch.linspace(0.1, 0.4, len(sensor.bands)).reshape(1, -1, 1, 1)
    fine = shading(side=96)
    mul = block_mean(fine, sensor.ratio) * spectrum
    flat = None
    for name, sharpen in make_baselines(sensor).items():
        sharp = sharpen(fine * spectrum.mean(), mul)
        assert sharp.shape == (1, len(sensor.bands), 96, 96)
        error = float((sharp / spectrum - fine)[..., 8:-8, 8:-8].abs().mean())
        flat = error if name == "bicubic" else flat
        assert name == "bicubic" or error < 0.6 * flat


@EVERY
def test_unit_and_batch_change_no_result(name, scene):
    # Lighter than where ratios end.
    pan, mul = (image[..., : image.shape[-2] // 2, :] + 0.05 for image in scene[:2])
    sharp = BASELINES[name](pan, mul)
    assert torch.allclose(BASELINES[name](pan * 2, mul * 2), sharp * 2, atol=1e-4)
    together = BASELINES[name](torch.cat([pan.flip(2), pan]), torch.cat([mul.flip(2), mul]))
    assert torch.allclose(together[1:], sharp, atol=1e-5)
    assert torch.allclose(together[:1].flip(2), sharp, atol=1e-4)


@EVERY
def test_inputs_stay_unchanged(name, scene):
    pan, mul = (image.clone() for image in scene[:2])
    BASELINES[name](pan, mul)
    assert torch.equal(pan, scene[0]) and torch.equal(mul, scene[1])


@pytest.mark.parametrize("name", SHARPENERS)
def test_gain_and_offset_of_pan_change_no_result(name, scene):
    """Matched moments and fitted weights take pan's gain and offset out; HPM knows no offset."""
    pan, mul, _ = scene
    sharp, offset = BASELINES[name](pan, mul), 0 if name == "mtf-glp-hpm" else 0.1
    assert torch.allclose(BASELINES[name](pan * 1.7 + offset, mul), sharp, atol=1e-3)


def test_bicubic_is_the_interpolation_of_torch_and_of_resample(scene):
    pan, mul, _ = scene
    ours = bicubic(pan, mul)
    assert torch.allclose(ours, F.interpolate(mul, scale_factor=4, mode="bicubic"), atol=1e-5)
    # Block means come back nearly, not exactly: interpolation isn't the inverse of averaging.
    assert (block_mean(ours, 4) - mul).abs().mean() < 0.15 * (mul - mul.mean()).abs().mean()


@pytest.mark.parametrize("name", ["brovey", "mtf-glp-hpm"])
def test_ratios_are_exact_where_only_shading_varies(name):
    """One spectrum × shading is the model that a ratio with pan assumes."""
    pan = shading()
    exact = pan * SPECTRUM
    mul = block_mean(exact, 4) if name == "brovey" else degrade(exact, mul_gains(WORKSHOP), 4)
    assert torch.allclose(BASELINES[name](pan * 0.7, mul), exact, rtol=1e-4)
    assert not torch.allclose(bicubic(pan, mul), exact, rtol=2e-2)


def test_hpm_uses_the_mtf_of_each_platform_and_band():
    pan = shading()
    exact = pan * SPECTRUM
    mul = degrade(exact, mul_gains(WORLDVIEW_3), 4)
    assert torch.allclose(mtf_glp_hpm(pan, mul, mul_gains(WORLDVIEW_3)), exact, rtol=1e-4)
    assert not torch.allclose(mtf_glp_hpm(pan, mul, mul_gains(WORKSHOP)), exact, rtol=1e-4)


@pytest.fixture(scope="module")
def mixed():
    """mul of many colours, and a pan whose block means are exactly a mix of its bands."""
    generator = torch.Generator().manual_seed(3)
    mul = SPECTRUM * (1 + 0.3 * torch.stack([power_noise(40, 40, generator, 1.0) for _ in range(8)]))
    mix = torch.tensor([0.2, 0.1, 0.05, 0.1, 0.2, 0.2, 0.0, 0.05]).reshape(1, 8, 1, 1)
    coarse = (mix * mul).sum(1, keepdim=True) + 0.03
    fine = bicubic(torch.zeros(1, 1, 160, 160), mul)
    intensity = (mix * fine).sum(1, keepdim=True) + 0.03
    detail = 0.01 * torch.randn(1, 1, 160, 160, generator=generator)
    pan = intensity + detail
    pan = pan + F.interpolate(coarse - block_mean(pan, 4), scale_factor=4)
    return pan, mul, mix, fine, intensity


def test_gsa_is_exact_on_its_own_model(mixed):
    pan, mul, _, fine, intensity = mixed
    apart = (intensity - intensity.mean()).double()
    share = (apart * fine.double()).mean((2, 3), keepdim=True) / apart.square().mean()
    expected = fine + share.float() * (pan - intensity)
    assert torch.allclose(gsa(pan, mul), expected, atol=2e-5)


def test_the_fitted_mix_of_gsas_bands_is_pan(mixed, scene):
    pan, mul, mix, *_ = mixed
    assert torch.allclose((mix * gsa(pan, mul)).sum(1, keepdim=True) + 0.03, pan, atol=2e-5)
    pan, mul, _ = scene
    sharp = gsa(pan, mul)[0].flatten(1).mT.double()
    columns = torch.cat([sharp, torch.ones_like(sharp[:, :1])], 1)
    goal = pan.flatten()[:, None].double()
    left = goal - columns @ torch.linalg.lstsq(columns, goal).solution
    assert left.square().mean().sqrt() < 1e-4


def test_the_bands_of_gsa_are_pan_on_average_where_they_are_identical():
    pan = shading(side=64)
    mul = block_mean(pan, 4) * torch.ones(1, 8, 1, 1)
    assert torch.allclose(gsa(pan, mul).mean(1, keepdim=True), pan, atol=1e-3)


def test_awlp_adds_wavelet_planes_in_proportion_to_brightness():
    pan = shading()
    mul = block_mean(pan, 4) * SPECTRUM
    added = awlp(pan, mul) - bicubic(pan, mul)
    # One field of detail, of each band's own brightness.
    assert torch.allclose(added / SPECTRUM, (added / SPECTRUM)[:, :1], atol=1e-3)
    # À trous with a B3 spline: [1 4 6 4 1] / 16, then again with gaps; one after the other.
    spike = torch.full((1, 1, 64, 64), 0.5)
    spike[..., 32, 32] = 0.7
    taps = torch.zeros(17)
    for a, x in zip((1, 4, 6, 4, 1), range(-2, 3), strict=True):
        for b, y in zip((1, 4, 6, 4, 1), range(-4, 5, 2), strict=True):
            taps[8 + x + y] += a * b / 256
    flat = torch.full((1, 8, 16, 16), 0.5)
    flat[..., 8, 8] = 0.5 + 0.2 / 16
    detail = (awlp(spike, flat) - bicubic(spike, flat))[0, 0, 24:41, 24:41]
    wanted = -0.2 * taps[:, None] * taps
    wanted[8, 8] += 0.2
    assert torch.allclose(detail, wanted, atol=2e-4)


@pytest.mark.parametrize("name", SHARPENERS)
def test_each_baseline_beats_bicubic_on_simulated_ground(name, scene):
    pan, mul, exact = scene
    flat, sharp = bicubic(pan, mul)[0], BASELINES[name](pan, mul)[0]
    assert scc(sharp, exact[0]) > 0.6 > scc(flat, exact[0])
    assert ergas(sharp, exact[0], 4) < 0.9 * ergas(flat, exact[0], 4)
    assert q2n(sharp, exact[0]) > q2n(flat, exact[0])
    # Ratios of all bands alike leave the angle between them alone.
    if name == "brovey":
        assert sam(sharp, exact[0]) == pytest.approx(sam(flat, exact[0]), rel=1e-3)


@EVERY
def test_as_sharpen_gives_the_colour_of_the_bands(name, scene):
    pan, mul, _ = scene
    sharpen = as_sharpen(BASELINES[name], WORKSHOP)
    oklab = sharpen(pan, mul)
    assert torch.equal(oklab, mul_to_oklab(BASELINES[name](pan, mul).clamp_min(0), WORKSHOP))
    assert oklab[:, 0].min() >= 0
    if name != "bicubic":
        other = as_sharpen(bicubic, WORKSHOP)
        assert plain(sharpen, pan, mul, sensor=WORKSHOP) < 0.95 * plain(other, pan, mul, sensor=WORKSHOP)
        ours, theirs = (full(each, pan, mul, sensor=WORKSHOP).detail for each in (sharpen, other))
        assert ours > theirs + 0.1


@EVERY
def test_dark_and_bright_pixels_stay_finite(name):
    pan = shading()
    pan[..., 20:40, 20:40] = 0
    pan[..., 60, 60] = 30.0
    mul = block_mean(pan, 4) * SPECTRUM
    sharp = BASELINES[name](pan, mul)
    assert sharp.isfinite().all() and sharp.abs().max() < 200


@EVERY
@pytest.mark.parametrize(
    ("pan", "mul"), [((1, 1, 32, 32), (2, 8, 8, 8)), ((1, 1, 32, 28), (1, 8, 8, 8)), ((32, 32), (8, 8, 8))]
)
def test_shapes_are_enforced(name, pan, mul):
    with pytest.raises(ValueError, match="expected pan"):
        BASELINES[name](torch.ones(pan), torch.ones(mul))
