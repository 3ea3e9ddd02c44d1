"""Simulated ground: repeatable, in range, like real scenes; and the ways to vary it."""

import random
from dataclasses import replace

import pytest
import torch

from grounds import seeded
from potato.core.color import mul_to_oklab, mul_to_xyz
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.simulation.ground import (
    DARKEST,
    Ground,
    desaturate,
    make_ground,
    sharpen_edges,
    vary_foliage,
    warm,
)
from potato.simulation.land.zoning import STYLES


def test_same_seed_gives_same_ground_and_leaves_global_random_state_alone(ground):
    before = torch.random.get_rng_state()
    state = random.getstate()
    again = make_ground(320, 256, seeded(11), style="town")
    assert torch.equal(torch.random.get_rng_state(), before), "the global generator is left alone"
    assert random.getstate() == state
    for name in ("pan", "bands", "height", "shade"):
        assert torch.equal(getattr(ground, name), getattr(again, name)), name
    assert [(m.x, m.y, m.dx) for m in ground.movers] == [(m.x, m.y, m.dx) for m in again.movers]
    assert not torch.equal(make_ground(320, 256, seeded(12), style="town").pan, ground.pan)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_reflectances_and_heights_in_range(style):
    made = make_ground(128, 192, seeded(3), style=style)
    assert made.style == style
    assert made.pan.shape == made.height.shape == made.shade.shape == (128, 192)
    assert made.bands.shape == (8, 128, 192)
    for image in (made.pan, made.bands):
        assert image.dtype == torch.float32 and bool(image.isfinite().all())
        assert float(image.min()) >= DARKEST and float(image.max()) <= 1.5
    assert float(made.shade.min()) >= 0 and float(made.shade.max()) <= 1
    assert float(made.height.min()) >= 0 and float(made.height.max()) < 30


def test_style_varies_by_default():
    assert len({make_ground(64, 64, seeded(seed)).style for seed in range(8)}) > 1


@pytest.mark.parametrize(("size", "found"), [((60, 64), "60"), ((0, 64), "0")])
def test_ground_that_is_too_small_is_refused(size, found):
    with pytest.raises(ValueError, match=rf"64 pan pixels or more.*{found}"):
        make_ground(*size, seeded(1))


def test_unknown_style_is_refused():
    with pytest.raises(ValueError, match=r"suburb.*moon"):
        make_ground(64, 64, seeded(1), style="moon")


def test_statistics_match_real_scenes():
    """Real scenes: median pan about 0.1, 9 tenths explained by the bands; NIR above red."""
    made = make_ground(512, 512, seeded(21), style="suburb")
    assert 0.05 < float(made.pan.median()) < 0.18
    assert float(made.bands[WORKSHOP.bands.index("nir1")].median()) > 1.5 * float(
        made.bands[WORKSHOP.bands.index("red")].median()
    )
    bands, pan = (
        block_mean(made.bands, WORKSHOP.ratio).double().flatten(1).T,
        block_mean(made.pan, WORKSHOP.ratio).double().flatten(),
    )
    design = torch.cat([bands, torch.ones(len(bands), 1, dtype=torch.float64)], 1)
    left = pan - design @ torch.linalg.lstsq(design, pan[:, None]).solution[:, 0]
    assert float(1 - left.var() / pan.var()) > 0.9


def test_thread_count_changes_no_pixel_and_is_restored(ground):
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        assert torch.equal(make_ground(320, 256, seeded(11), style="town").bands, ground.bands)
        assert torch.get_num_threads() == threads + 1
        with pytest.raises(ValueError, match="sides"):
            make_ground(3, 3, seeded(1))
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)


def test_sharpen_edges_steepens_edges_and_keeps_mean_colours(ground):
    crisp = sharpen_edges(ground, 0.5)
    assert torch.equal(sharpen_edges(ground, 0.0).bands, ground.bands)
    for before, after in ((ground.pan, crisp.pan), *zip(ground.bands, crisp.bands, strict=True)):
        assert float(after.mean()) == pytest.approx(float(before.mean()), rel=0.02)
        assert 1.2 < float(after.diff(dim=1).abs().mean() / before.diff(dim=1).abs().mean()) < 2
    reflectance = torch.tensor([0.2] + [0.3] * len(WORKSHOP.bands))[:, None, None]
    even = replace(ground, planes=reflectance.expand_as(ground.planes).clone())
    torch.testing.assert_close(sharpen_edges(even, 0.5).bands, even.bands)


def leafiness(bands: torch.Tensor) -> torch.Tensor:
    """NDVI (h, w) of bands (8, h, w)."""
    return (bands[6] - bands[4]) / (bands[6] + bands[4])


def test_desaturate_keeps_luminance_and_leaves_and_approaches_the_spectrum(ground):
    spectrum = torch.linspace(0.1, 0.5, 9)
    for saturation in (0.0, 0.4, 1.0):
        pale = desaturate(ground, saturation, spectrum)
        inside = (ground.bands < 0.5).all(0) & (ground.bands > 0.01).all(0)
        before, after = mul_to_xyz(ground.bands, WORKSHOP)[1], mul_to_xyz(pale.bands, WORKSHOP)[1]
        assert torch.allclose(after[inside], before[inside], rtol=1e-4)
        leaves = leafiness(ground.bands)
        green = inside & (leaves > 0.7)
        assert green.any() and torch.allclose(pale.bands[:, green], ground.bands[:, green], rtol=1e-5)
        inside &= leaves < 0.4
        one = torch.cat([pale.pan[None], pale.bands])[:, inside] / after[inside]
        other = torch.cat([ground.pan[None], ground.bands])[:, inside] / before[inside]
        goal = spectrum / mul_to_xyz(spectrum[1:, None, None], WORKSHOP)[1, 0, 0]
        expected = saturation * other + (1 - saturation) * goal[:, None]
        assert torch.allclose(one, expected, rtol=1e-3, atol=1e-4)
    assert torch.equal(desaturate(ground, 1.0, spectrum).height, ground.height)


def test_vary_foliage_changes_leaves_only_and_pan_in_between(ground):
    varied = vary_foliage(ground, 0.3, 0.0, 0.4, seeded(1))
    leaves = leafiness(ground.bands) > 0.75
    other = leafiness(ground.bands) < 0.4
    assert float(leaves.float().mean()) > 0.02 and float(other.float().mean()) > 0.2
    for before, after in ((ground.pan[None], varied.pan[None]), (ground.bands, varied.bands)):
        torch.testing.assert_close(after[:, other], before[:, other])
    # Visible light falls by one share everywhere; beyond red, the mean stays.
    ratio = varied.bands[:, leaves] / ground.bands[:, leaves]
    inside = ground.bands[:5, leaves].amin(0) > 2 * DARKEST
    torch.testing.assert_close(ratio[:5, inside], torch.full_like(ratio[:5, inside], 0.6))
    spread = ratio[6].log()
    assert abs(float(spread.mean())) < 0.15 and 0.2 < float(spread.std()) < 0.45
    # Pan moves between the two.
    pan = (varied.pan / ground.pan)[leaves]
    assert 0.6 < float(pan.mean()) < 1 and float(torch.corrcoef(torch.stack([pan, ratio[6]]))[0, 1]) > 0.8


def test_evenness_lowers_contrast_of_leaves_beyond_red(ground):
    leaves = leafiness(ground.bands) > 0.75
    light, shade = (mul_to_xyz(ground.bands, WORKSHOP)[1].log()[leaves], ground.bands[6].log()[leaves])

    def slope(beyond: torch.Tensor) -> float:
        return float(torch.cov(torch.stack([light, beyond]))[0, 1] / light.var())

    even = vary_foliage(ground, 0.0, 0.5, 0.0, seeded(1)).bands[6].log()[leaves]
    assert slope(even) == pytest.approx(slope(shade) - 0.5, abs=0.1)


def test_warm_makes_bright_places_redder_and_can_be_undone(ground):
    """As `WARMTH` says: a grows by 0.04 of L and b by 0.07, in addition to the ground's own."""

    def slopes(one: Ground) -> torch.Tensor:
        oklab = mul_to_oklab(one.bands, WORKSHOP).flatten(1)
        oklab = oklab - oklab.mean(1, keepdim=True)
        return (oklab[1:] @ oklab[0]) / (oklab[0] @ oklab[0])

    grey = replace(ground, planes=ground.pan.expand(1 + len(WORKSHOP.bands), -1, -1).clone())
    torch.testing.assert_close(slopes(warm(grey, 1.0)), torch.tensor([0.04, 0.07]), atol=0.01, rtol=0)
    assert bool((slopes(warm(ground, 0.5)) > slopes(ground)).all())
    cooled = warm(warm(ground, 0.3), -0.3)
    inside = (ground.bands < 1).all(0) & (ground.bands > 0.01).all(0)
    assert torch.allclose(cooled.bands[:, inside], ground.bands[:, inside], rtol=0.02), "and back"
