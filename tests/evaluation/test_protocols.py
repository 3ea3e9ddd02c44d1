"""Protocols: perfect sharpeners, errors of one JND, and the published figures."""

import dataclasses
import functools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import ndimage

import pairs
from potato.core.color import mul_to_oklab
from potato.core.full_scale import FRINGE_REACH
from potato.core.radiometry import counts_to_reflectance
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.core.windows import PairWindow
from potato.evaluation import protocols
from potato.evaluation.cases import mtf_case
from potato.evaluation.masks import CompletePair
from potato.evaluation.methods import Method, MethodSpec
from potato.evaluation.protocols import Protocols, evaluate_window
from potato.evaluation.registration import register_arrays
from potato.model.network import sharpen
from potato.model.weights import load_model
from potato.raster.gdal_env import gdal
from potato.raster.pair import open_pair
from registered import pulled_apart, smooth_noise

displaced, full, plain = (
    functools.partial(protocol, sensor=WORKSHOP)
    for protocol in (protocols.displaced, protocols.full, protocols.plain)
)
SPECTRUM = torch.tensor([0.9, 0.8, 1.0, 1.1, 1.2, 1.3, 1.5, 1.4]).reshape(1, 8, 1, 1)


@pytest.fixture(scope="module")
def shaded():
    """A pair in which only shading varies: mul is one spectrum × the block means of pan."""
    pan = smooth_noise(1, 1, 256, 256)
    return pan, block_mean(pan, WORKSHOP.ratio) * SPECTRUM


def from_shading(pan, mul):
    """Exact where only shading varies."""
    return mul_to_oklab(SPECTRUM, WORKSHOP) * pan ** (1 / 3)


def bicubic(pan, mul):
    return F.interpolate(mul_to_oklab(mul, WORKSHOP), scale_factor=4, mode="bicubic")


def nearest(pan, mul):
    return F.interpolate(mul_to_oklab(mul, WORKSHOP), scale_factor=4)


@pytest.mark.parametrize("halvings", [0, 1])
def test_plain_is_zero_for_a_perfect_sharpener_and_not_for_another(shaded, halvings):
    assert plain(from_shading, *shaded, halvings) == pytest.approx(0, abs=1e-3)
    assert plain(bicubic, *shaded, halvings) > 0.1


def test_halvings_have_the_figures_of_a_halved_pair(coloured):
    halves = [block_mean(image, 2) for image in coloured]
    assert plain(bicubic, *coloured, halvings=1) == pytest.approx(plain(bicubic, *halves), abs=1e-6)


@pytest.mark.parametrize(("channel", "offset"), [(0, 0.02), (1, 0.01), (2, -0.01)])
def test_plain_is_in_jnd(shaded, channel, offset):
    def off_by_one_jnd(pan, mul):
        oklab = from_shading(pan, mul)
        oklab[:, channel] += offset
        return oklab

    assert plain(off_by_one_jnd, *shaded) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("border", "counts"), [(8, False), (9, True)])
def test_eight_pixels_of_border_do_not_count(shaded, border, counts):
    def wrong_at_the_border(pan, mul):
        oklab = from_shading(pan, mul)
        inside = F.pad(torch.ones_like(oklab[..., border:-border, border:-border]), (border,) * 4)
        return torch.where(inside > 0, oklab, torch.zeros_like(oklab))

    assert (plain(wrong_at_the_border, *shaded) > 0.1) is counts


def test_the_mtf_protocol_prefers_the_better_sharpener_and_blurs_more_than_block_means(shaded):
    pan, mul = shaded
    methods = [
        Method(each.__name__, lambda pan, mul, each=each: (each(pan, mul), None))
        for each in (from_shading, bicubic)
    ]
    case = mtf_case(pan, mul, WORKSHOP)
    assert [image.shape for image in case] == [(1, 1, 64, 64), (1, 8, 16, 16), (1, 3, 64, 64)]
    only = Protocols((), (), False, False)
    found, _ = evaluate_window(methods, CompletePair.of_valid(pan, mul), only, WORKSHOP)
    better, flat = (one.differences["plain mtf"].total.mean for one in found)
    assert better < 0.6 * flat and flat > plain(bicubic, pan, mul)


def test_displacement_costs_more_the_larger_it_is(coloured):
    distances = [displaced(bicubic, *coloured, d) for d in (0, 0.2, 0.4, 0.6)]
    assert distances == sorted(distances)
    assert distances[-1] > 1.2 * distances[0]


def test_displacement_costs_nothing_where_only_pan_is_used(shaded):
    assert displaced(from_shading, *shaded, 0.6) == pytest.approx(0, abs=0.02)


def test_displaced_at_zero_is_plain_where_the_arrays_lie_on_pan(coloured):
    assert displaced(bicubic, *coloured, 0) == pytest.approx(plain(bicubic, *coloured), rel=0.02)


def test_arrays_are_displaced_in_opposite_directions_by_equal_amounts(coloured):
    seen = []

    def watch(pan, mul):
        seen.append(mul)
        return bicubic(pan, mul)

    displaced(watch, *coloured, 0.5)
    truth = block_mean(register_arrays(*coloured, WORKSHOP), WORKSHOP.ratio)
    mean = torch.stack(seen).mean(0)
    for one, opposite in zip(seen, seen[4:], strict=False):
        assert not torch.allclose(one, opposite, atol=1e-3)
    # Opposite directions cancel to first order, and every band moves as far as any other.
    inside = (..., slice(2, -2), slice(2, -2))
    assert torch.allclose(mean[inside], truth[inside], atol=0.02)
    moves = [(one - truth)[inside].pow(2).mean((0, 2, 3)) for one in seen]
    assert torch.stack(moves).min() > 1e-7


def test_displaced_does_not_depend_on_the_pairs_own_misregistration(coloured):
    pan, mul = coloured
    seen = []

    def watch(pan, mul):
        seen.append(mul)
        return bicubic(pan, mul)

    displaced(watch, pan, mul, 0)
    displaced(watch, pan, pulled_apart(mul), 0)
    inside = (..., slice(2, -2), slice(2, -2))
    assert torch.allclose(seen[0][inside], seen[-1][inside], atol=1e-3)
    assert displaced(bicubic, pan, pulled_apart(mul), 0.4) == pytest.approx(
        displaced(bicubic, pan, mul, 0.4), rel=2e-3
    )


def test_a_result_with_exact_block_means_is_consistent(coloured):
    pan, mul = coloured
    assert full(nearest, pan, mul).consistency == pytest.approx(0, abs=1e-4)
    assert full(lambda p, m: nearest(p, m) + 0.004, pan, mul).consistency == pytest.approx(0.6, abs=1e-3)
    fine = 0.01 * (torch.arange(192)[:, None] + torch.arange(192) & 1).mul(2).sub(1)
    assert full(lambda p, m: nearest(p, m) + fine, pan, mul).consistency == pytest.approx(0, abs=1e-4)


def test_a_grey_result_with_the_detail_of_pan_has_no_fringe_and_all_detail(coloured):
    def grey(pan, mul):
        return F.pad(pan ** (1 / 3), (0, 0, 0, 0, 0, 2))

    seen = full(grey, *coloured)
    assert all(fringe == (0, 0) for fringe in seen.fringes.values())
    assert seen.detail == pytest.approx(1, abs=1e-5)
    assert full(lambda p, m: -grey(p, m), *coloured).detail == pytest.approx(-1, abs=1e-5)
    assert full(bicubic, *coloured).detail < 0.999
    slow = 0.3 * torch.linspace(0, torch.pi, 192).cos()
    assert full(lambda p, m: grey(p, m) + slow, *coloured).detail > 0.99


def test_fringes_are_fine_changes_of_chroma_alone(shaded):
    checks = 0.01 * (torch.arange(256)[:, None] + torch.arange(256) & 1).mul(2).sub(1).float()

    def with_change(channel, change):
        def sharpen(pan, mul):
            oklab = torch.zeros(1, 3, 256, 256)
            oklab[:, channel] += change
            return oklab

        return full(sharpen, *shaded)

    fine = with_change(1, checks)
    assert fine.fringes["a"].mean == pytest.approx(1, abs=0.01)
    assert fine.fringes["a"].p99 == pytest.approx(1, abs=0.02)
    slow = 0.01 * torch.cos(torch.arange(256) / 50).expand(256, 256)
    assert with_change(1, slow).fringes["a"].mean < 0.02
    assert with_change(0, checks).fringes["both"].mean == 0


def test_fringes_agree_with_scipy(coloured):
    chroma = bicubic(*coloured)[:, 1:].double().numpy()
    blurred = ndimage.gaussian_filter(chroma, (0, 0, 4, 4), mode="mirror", truncate=4)
    a, b = np.moveaxis(100 * np.abs(chroma - blurred), 1, 0)
    for seen, fringe in zip(full(bicubic, *coloured).fringes.values(), (a, b, np.hypot(a, b)), strict=True):
        assert seen.mean == pytest.approx(fringe.mean(), rel=1e-4)
        assert seen.p99 == pytest.approx(np.quantile(fringe, 0.99), rel=1e-3)


def test_the_colour_of_the_truth_is_that_of_the_sensor(shaded):
    # An eighth of the light is half of its cube root.
    rows = tuple(tuple(x / 8 for x in row) for row in WORKSHOP.bands_to_xyz)
    dim = dataclasses.replace(WORKSHOP, bands_to_xyz=rows)

    def sharpen(pan, mul):
        return from_shading(pan, mul) / 2

    assert plain(sharpen, *shaded, sensor=dim) == pytest.approx(0, abs=1e-3)
    assert displaced(sharpen, *shaded, 0.3, sensor=dim) == pytest.approx(0, abs=0.02)
    assert full(sharpen, *shaded, sensor=dim).consistency < 0.5
    assert full(sharpen, *shaded).consistency > 5


def test_protocols_change_neither_image(coloured):
    pan, mul = (image.clone() for image in coloured)
    plain(bicubic, pan, mul)
    displaced(bicubic, pan, mul, 0.4)
    full(bicubic, pan, mul)
    assert torch.equal(pan, coloured[0])
    assert torch.equal(mul, coloured[1])


@pytest.mark.parametrize(
    ("pan", "mul", "message"),
    [
        ((1, 1, 256, 256), (1, 5, 64, 64), "expected mul as"),
        ((1, 1, 256, 252), (1, 8, 64, 64), "expected pan"),
        ((1, 256, 256), (8, 64, 64), "expected pan"),
        ((2, 1, 256, 256), (1, 8, 64, 64), "expected pan"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(pan, mul, message):
    pair = torch.ones(pan), torch.ones(mul)
    with pytest.raises(ValueError, match=message):
        plain(bicubic, *pair)
    with pytest.raises(ValueError, match=message):
        displaced(bicubic, *pair, 0.3)


def test_images_too_small_for_a_protocol_are_refused(shaded):
    pan, mul = shaded
    for protocol in (plain, lambda *them: full(*them).consistency):
        with pytest.raises(ValueError, match="expected sides above"):
            protocol(bicubic, pan[..., :16, :16], mul[..., :4, :4])
    with pytest.raises(ValueError, match="at least 40 to register"):
        displaced(bicubic, pan[..., :144, :144], mul[..., :36, :36], 0.3)


def test_full_scale_counts_pixels_up_to_edges_but_not_near_holes():
    pan, mul = pairs.smooth_pair(48, 48)
    valid = torch.ones(192, 192, dtype=torch.bool)
    valid[:, 176:] = False
    window = CompletePair.of_window(pan[0], mul[0], valid, valid[::4, ::4])
    found, drawn = evaluate_window(
        MethodSpec("predictor", ()).methods, window, Protocols((), (), True, False, False), WORKSHOP
    )
    assert found[0].full_scale.fringes["a"].count == 192 * (176 - FRINGE_REACH * 4)
    assert found[0].full_scale.consistency.total.count == (48 - 4) * (44 - 4) == int((~drawn.isnan()).sum())


def test_a_batch_has_the_mean_of_its_images_and_cells_beyond_a_coarse_one_are_left_out(coloured):
    pan, mul = coloured
    alone = [plain(bicubic, pan[n : n + 1], mul[n : n + 1]) for n in range(2)]
    assert plain(bicubic, pan, mul) == pytest.approx(sum(alone) / 2, rel=1e-6)
    whole = plain(bicubic, pan[..., :176], mul[..., :44])
    assert plain(bicubic, pan[..., :188], mul[..., :47]) == pytest.approx(whole, rel=1e-9)


def test_the_means_of_the_real_pair_are_the_published_figures(real_pair):
    with gdal(), open_pair(*real_pair) as pair:
        pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
    images = [
        torch.from_numpy(counts_to_reflectance(image))[None] for image in (pixels.pan[None], pixels.mul)
    ]
    predictor = load_model("predictor")

    def ours(pan, mul):
        return sharpen(predictor, pan, mul)

    # The figures of docs/colour.md; the floor under the predictor's divisor doesn't show in them.
    assert plain(ours, *images, 0) == pytest.approx(1.338, abs=2e-3)
    assert plain(ours, *images, 1) == pytest.approx(1.012, abs=2e-3)
    assert displaced(ours, *images, 0.35) == pytest.approx(1.510, abs=3e-3)
    seen = full(ours, *images)
    assert seen.fringes["a"].mean == pytest.approx(0.541, abs=2e-3)
    assert seen.fringes["a"].p99 == pytest.approx(2.905, abs=5e-3)
    assert seen.detail > 0.926 and seen.consistency == pytest.approx(0.395, abs=2e-3)
