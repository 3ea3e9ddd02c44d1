"""`potato evaluate`: its figures are those of the array layer, at any size, with holes, in every mode."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from affine import Affine

import potato
from potato.chips.chip import Chip, encode_oklab, save_chip
from potato.core.color import JND, mul_to_oklab
from potato.core.resample import block_mean
from potato.core.sensors import RATIO, SCALE
from potato.core.windows import PairWindow
from potato.engine.devices import one_thread
from potato.errors import EmptyError, InputError, OutputExists
from potato.evaluation import Protocols, judge_pair, measure_registration
from potato.evaluation.by_pair import WINDOW, even_windows
from potato.evaluation.by_surfaces import make_fields
from potato.evaluation.findings import judge_window
from potato.evaluation.gdal_brovey import gdal_pansharpen, has_gdal
from potato.evaluation.masks import complete_pair, inner, pull_push
from potato.evaluation.methods import baseline_names, open_contenders
from potato.evaluation.protocols import BORDER, FRINGE_REACH, displaced, full, plain
from potato.evaluation.statistics import Correlation, Difference, Spread
from potato.model.network import sharpen
from potato.model.weights import load_model, save_model
from potato.raster import read_photograph
from potato.simulation.artefacts import displace_arrays
from potato.simulation.land.reflectances import load_reflectances
from potato.training.score import score_pixels, sharpen_chips

import pairs

QUICK = ("--baselines", "predictor", "-q", "--json", "-")
PLAIN = Protocols(halvings=(0,), displacements=(), full=False, literature=False)


def tensors(paths):
    pan, mul = (
        torch.from_numpy(pairs.read(path).astype("float32"))[None] / SCALE for path in (paths.pan, paths.mul)
    )
    return pan, mul


def smooth_pair(rows, columns, seed=0):
    """Reflectance pan (1, 1, 4h, 4w) and mul (1, 8, h, w) that show one ground, exactly."""
    random = torch.Generator().manual_seed(seed)
    fine = torch.rand(1, 8, rows * RATIO + 32, columns * RATIO + 32, generator=random)
    for _ in range(3):
        fine = torch.nn.functional.avg_pool2d(fine, 9, stride=1)
    fine = fine[..., : rows * RATIO, : columns * RATIO]
    fine = ((fine - 0.5) * 4 + 0.4).clamp(0.02, 1)
    return fine.mean(1, keepdim=True), block_mean(fine)


def write_pair(folder, pan, mul, valid=None):
    """A pair of tensors on disk; `valid` (4h, 4w) becomes pan's mask."""
    counts = [(image[0] * SCALE).round().numpy().astype("uint16") for image in (pan, mul)]
    return pairs.Paths(
        pairs.write(folder / "pan.tif", counts[0], names=("BAND_P",), mask=valid),
        pairs.write(folder / "mul.tif", counts[1], pairs.CORNER @ Affine.scale(4), names=pairs.BAND_NAMES),
    )


@pytest.fixture
def weights(network, tmp_path):
    save_model(network, tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


# The figures.


@one_thread()
def test_a_small_pair_has_the_figures_of_the_array_layer(network, tmp_path):
    paths = pairs.write_pair(tmp_path, 56, 48)
    found = judge_pair(paths.pan, paths.mul, weights=network, baselines=("predictor",))
    pan, mul = tensors(paths)
    for name, model in (("potato", network), ("predictor", load_model("predictor"))):

        def sharpener(fine, coarse, model=model):
            with torch.inference_mode():
                return sharpen(model, fine, coarse)

        def figure(key, column, name=name):
            return found.section(key).rows[name][column]

        assert figure("plain ds0", "mean") == pytest.approx(plain(sharpener, pan, mul, 0), rel=1e-5)
        assert figure("plain ds1", "mean") == pytest.approx(plain(sharpener, pan, mul, 1), rel=1e-5)
        for by in (0.0, 0.35, 0.6):
            expected = displaced(sharpener, pan, mul, by)
            assert figure(f"displaced {by:g}", "mean") == pytest.approx(expected, rel=1e-5)
        expected = full(sharpener, pan, mul)
        assert figure("full", "fringe mean") == pytest.approx(expected.fringe_mean, rel=1e-5)
        assert figure("full", "fringe p99") == pytest.approx(expected.fringe_p99, rel=2e-3)
        assert figure("full", "detail") == pytest.approx(expected.detail, abs=1e-5)
        assert figure("full", "consistency") == pytest.approx(expected.consistency, rel=1e-5)
    assert found.headline == found.section("plain ds0").rows["potato"]["mean"]


def test_the_real_pair_gives_the_figures_of_record(run):
    folder = Path(os.environ.get("POTATO_DATA", "")) / "wv2"
    if not os.environ.get("POTATO_DATA") or not folder.is_dir():
        pytest.skip("POTATO_DATA names no folder with the real pair wv2")
    files = folder / "wv2-pan.tif", folder / "wv2-ms.tif"
    result = run("evaluate", *files, "--no-literature", "--weights", "predictor", *QUICK)
    sections = json.loads(result.stdout)["sections"]

    def figure(key, column):
        return sections[key]["rows"]["predictor"][column]

    assert figure("plain ds0", "mean") == pytest.approx(1.338, abs=2e-3)
    assert figure("plain ds1", "mean") == pytest.approx(1.012, abs=2e-3)
    for by, expected in (("0", 1.337), ("0.35", 1.510), ("0.6", 1.734)):
        assert figure(f"displaced {by}", "mean") == pytest.approx(expected, abs=3e-3)
    assert figure("full", "fringe mean") == pytest.approx(0.541, abs=2e-3)
    assert figure("full", "fringe p99") == pytest.approx(2.905, abs=5e-3)
    assert figure("full", "detail") > 0.926
    assert figure("full", "consistency") == pytest.approx(0.395, abs=2e-3)


def test_a_large_pair_is_judged_as_its_windows(tmp_path):
    paths = pairs.write_pair(tmp_path, 344, 40)
    protocols = Protocols(displacements=(0.35,), literature=False)
    one, two = (
        judge_pair(
            paths.pan, paths.mul, weights="predictor", baselines=(), protocols=protocols, workers=workers
        )
        for workers in (1, 3)
    )
    assert one.as_json() == two.as_json()
    pan, mul = tensors(paths)
    model = load_model("predictor")
    windows = even_windows(PairWindow(0, 0, 344, 40))
    assert len(windows) == 2
    means, weights = [], []
    for window in windows:
        cells, fine = slice(window.row, window.bottom), slice(window.row * 4, window.bottom * 4)
        means.append(plain(lambda p, m: sharpen(model, p, m), pan[..., fine, :], mul[..., cells, :]))
        weights.append((window.height - 2 * BORDER) * (40 - 2 * BORDER))
    assert one.section("plain ds0").rows["predictor"]["mean"] == pytest.approx(
        np.average(means, weights=weights), rel=1e-5
    )
    assert one.charts.map.shape == (344, 40)
    assert int(one.charts.map.isnan().sum()) == 344 * 40 - sum(weights)


@pytest.mark.parametrize(("rows", "columns"), [(320, 320), (321, 640), (1000, 7), (4352, 333), (16, 16)])
def test_windows_cover_every_cell_once_and_none_is_a_sliver(rows, columns):
    region = PairWindow(16, 32, rows, columns)
    windows = even_windows(region)
    seen = np.zeros((rows + 16, columns + 32), int)
    for window in windows:
        seen[window.row : window.bottom, window.column : window.right] += 1
        assert max(window.height, window.width) <= WINDOW // RATIO + 16
        assert window.height >= min(rows, 120) and window.width >= min(columns, 120)
    assert (seen[16:, 32:] == 1).all() and seen.sum() == rows * columns


def test_a_window_of_a_pair_is_judged_as_if_it_were_the_pair(tmp_path):
    paths = pairs.write_pair(tmp_path, 60, 64)
    part = judge_pair(
        paths.pan, paths.mul, weights="predictor", baselines=(), protocols=PLAIN, window=(16, 32, 160, 192)
    )
    pan, mul = tensors(paths)
    model = load_model("predictor")
    expected = plain(lambda p, m: sharpen(model, p, m), pan[..., 16:176, 32:224], mul[..., 4:44, 8:56])
    assert part.headline == pytest.approx(expected, rel=1e-5)


def test_what_is_invalid_counts_for_nothing(tmp_path):
    pan, mul = smooth_pair(64, 64)
    valid = np.ones((256, 256), bool)
    valid[:, 176:] = False
    figures = []
    for name, junk in (("a", 0.0), ("b", 3.0)):
        (tmp_path / name).mkdir()
        spoilt = [
            torch.where(torch.arange(image.shape[-1]) < edge, image, torch.tensor(junk))
            for image, edge in ((pan, 176), (mul, 44))
        ]
        paths = write_pair(tmp_path / name, *spoilt, valid=valid)
        found = judge_pair(
            paths.pan,
            paths.mul,
            weights="predictor",
            baselines=("gsa", "predictor"),
            protocols=Protocols(displacements=(0.35,)),
        )
        figures.append([section.rows for section in found.sections])
    assert figures[0] == figures[1]
    # As good as what is valid by itself, judged a little further from its edge.
    (tmp_path / "c").mkdir()
    paths = write_pair(tmp_path / "c", pan[..., :176], mul[..., :44])
    alone = judge_pair(
        paths.pan, paths.mul, weights="predictor", baselines=(), protocols=Protocols(displacements=(0.35,))
    )
    for section in alone.sections[:3]:
        assert found.section(section.key).rows["predictor"]["mean"] == pytest.approx(
            section.rows["predictor"]["mean"], rel=0.1
        )


def test_full_scale_is_judged_up_to_edges_but_away_from_holes():
    pan, mul = smooth_pair(48, 48)
    valid = torch.ones(192, 192, dtype=torch.bool)
    valid[:, 176:] = False
    protocols = Protocols((), (), True, False)
    found, drawn = judge_window(
        open_contenders("predictor", ()), pan[0], mul[0], valid, valid[::4, ::4], protocols
    )
    assert found[0].fringe.count == 192 * (176 - FRINGE_REACH)
    assert found[0].consistency.total.count == (48 - 4) * (44 - 4) == int((~drawn.isnan()).sum())


def test_a_pair_without_anything_valid_is_refused(tmp_path):
    pan, mul = smooth_pair(48, 48)
    paths = write_pair(tmp_path, pan, mul, valid=np.zeros((192, 192), bool))
    with pytest.raises(EmptyError, match="expected valid pixels to judge"):
        judge_pair(paths.pan, paths.mul, baselines=())


def test_sharpeners_that_give_bands_are_judged_by_bands(tmp_path):
    paths = write_pair(tmp_path, *smooth_pair(80, 80))
    found = judge_pair(
        paths.pan,
        paths.mul,
        baselines=("bicubic", "gsa", "predictor"),
        protocols=Protocols((0,), (), True),
    )
    rows = found.section("literature ds0").rows
    assert {"SAM", "ERGAS", "Q8", "SCC"} <= rows["gsa"].keys() and "SAM" not in rows["predictor"]
    # Ground whose bands all follow pan: what adds pan's detail wins by every figure.
    for name, better in (("ERGAS", -1), ("Q8", 1), ("SCC", 1), ("SAM", -1), ("PSNR", 1), ("SSIM", 1)):
        assert better * rows["gsa"][name] > better * rows["bicubic"][name], name
    quality = found.section("literature full").rows
    assert set(quality) == {"bicubic", "gsa"}
    one = quality["gsa"]
    assert one["QNR"] == pytest.approx((1 - one["D_lambda"]) * (1 - one["D_s"]))
    assert one["HQNR"] == pytest.approx((1 - one["D_lambda K"]) * (1 - one["D_s MTF"]))
    assert 0 < one["QNR"] <= 1
    assert "–" in str(found.section("literature ds0"))


def test_ratios_are_to_the_predictor(network, tmp_path):
    paths = pairs.write_pair(tmp_path)
    rows = (
        judge_pair(paths.pan, paths.mul, weights=network, baselines=("gsa", "predictor"), protocols=PLAIN)
        .sections[0]
        .rows
    )
    for row in rows.values():
        assert row["ratio"] == pytest.approx(row["mean"] / rows["predictor"]["mean"])
    alone = judge_pair(paths.pan, paths.mul, weights=network, baselines=(), protocols=PLAIN).sections[0]
    assert np.isnan(alone.rows["potato"]["ratio"])


# What figures are made of.


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_percentiles_are_those_of_numpy_to_a_thousandth(scale):
    values = scale * torch.randn(50_000, generator=torch.Generator().manual_seed(0)).abs()
    spread, halves = Spread(), Spread()
    spread.add(values)
    for half in values.reshape(2, 125, 200):
        part = Spread()
        part.add(half)
        halves.join(part)
    for percent in (1, 5, 50, 95, 99, 99.9, 100):
        expected = np.percentile(values.numpy(), percent)
        assert spread.percentile(percent) == pytest.approx(expected, rel=2e-3)
        assert halves.percentile(percent) == spread.percentile(percent)
    assert spread.mean == pytest.approx(float(values.double().mean()), rel=1e-9)
    assert halves.mean == pytest.approx(spread.mean, rel=1e-12)


def test_spreads_of_zeros_of_nothing_and_of_what_is_no_number():
    spread = Spread()
    assert np.isnan(spread.mean) and np.isnan(spread.percentile(50))
    spread.add(torch.zeros(10))
    assert (spread.mean, spread.percentile(99)) == (0, 0)
    spread.add(torch.tensor([1e9]))
    assert spread.percentile(100) <= 1e9
    for wrong in (float("nan"), -1.0):
        with pytest.raises(ValueError, match="0 and above"):
            spread.add(torch.tensor([1.0, wrong]))


def test_lightness_and_chroma_make_up_the_whole():
    truth = torch.zeros(1, 3, 4, 4)
    off = torch.tensor([0.06, 0.02, -0.04])[:, None, None].expand(3, 4, 4)[None]
    judged = torch.ones(1, 4, 4, dtype=torch.bool)
    judged[0, 0] = False
    difference = Difference()
    difference.add(truth + off, truth, judged)
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


def test_holes_are_filled_with_what_is_around_them():
    image = torch.full((1, 2, 37, 50), 0.3)
    valid = torch.zeros(1, 1, 37, 50, dtype=torch.bool)
    valid[..., 5:9, 40:] = True
    spoilt = torch.where(valid, image, torch.full_like(image, torch.nan))
    assert torch.allclose(pull_push(spoilt, valid), image, atol=1e-5)
    ramp = torch.arange(64.0).expand(1, 1, 64, 64)
    valid = torch.ones(1, 1, 64, 64, dtype=torch.bool)
    valid[..., 20:30, 20:30] = False
    filled = pull_push(ramp, valid)
    assert torch.equal(filled[valid], ramp[valid])
    assert float((filled - ramp).abs().max()) < 8


def test_a_whole_pair_is_left_as_it_is_and_a_holey_one_is_filled_as_fuse_does(network):
    pan, mul = smooth_pair(24, 24)
    everywhere = torch.ones_like(pan, dtype=torch.bool), torch.ones_like(mul[:, :1], dtype=torch.bool)
    assert complete_pair(pan, mul, *everywhere)[0] is pan
    holes = (pan.clone(), mul.clone())
    holes[0][..., :48], holes[1][..., :12] = 0, 0
    full_pair = complete_pair(*holes, holes[0] > 0, holes[1][:, :1] > 0)
    assert min(float(image.min()) for image in full_pair) > 0
    with torch.inference_mode():
        as_fused, ours = sharpen_chips(network, *holes), sharpen(network, *full_pair)
    inside = (..., slice(32, -32), slice(48, -32))
    assert torch.allclose(as_fused[inside], ours[inside], atol=1e-5)


def test_keeping_away_from_invalid_pixels_is_as_said():
    valid = torch.ones(20, 30, dtype=torch.bool)
    valid[7, 11] = False
    expected = torch.ones_like(valid)
    expected[4:11, 8:15] = False
    assert torch.equal(inner(valid, 0, 3), expected)
    framed = torch.zeros_like(valid)
    framed[2:-2, 2:-2] = True
    assert torch.equal(inner(valid, 2, 3), expected & framed)
    assert not inner(valid, 12).any()


def test_fields_agree_with_their_pan():
    surfaces = load_reflectances()[:5]
    flat, textured = (make_fields(surfaces, kind) for kind in (False, True))
    assert torch.equal(flat.pan, flat.pan[..., :1, :1].expand_as(flat.pan))
    shading = textured.pan / flat.pan
    assert float(shading.std()) == pytest.approx(0.15, abs=0.03) and float(shading.mean()) == pytest.approx(
        1, abs=1e-5
    )
    assert torch.allclose(textured.mul / flat.mul, block_mean(shading)[:1].expand_as(textured.mul), rtol=1e-4)
    assert torch.allclose(flat.truth[:, :, 0, 0], mul_to_oklab(flat.mul)[:, :, 0, 0], atol=1e-6)


# Who is judged.


def test_contenders_come_in_order_and_the_predictor_once(weights):
    names = [one.name for one in open_contenders(weights)]
    assert names == [*baseline_names(), "mine"]
    assert names[-2] == "predictor"
    assert [one.name for one in open_contenders("predictor", ("gsa", "predictor"))] == ["gsa", "predictor"]
    assert [one.name for one in open_contenders(weights, ())] == ["mine"]
    with pytest.raises(InputError, match=r"expected baselines of bicubic.*found cubic"):
        open_contenders(None, ("cubic",))


@pytest.mark.skipif(not has_gdal(), reason="gdal_pansharpen.py isn't installed")
def test_gdal_sharpens_several_images_as_it_does_each():
    pan, mul = (
        torch.cat([*images]) for images in zip(smooth_pair(20, 24), smooth_pair(20, 24, 1), strict=True)
    )
    together = gdal_pansharpen(pan, mul)
    alone = torch.cat([gdal_pansharpen(pan[n : n + 1], mul[n : n + 1]) for n in range(2)])
    inside = (..., slice(8, -8), slice(8, -8))
    assert together.shape == (2, 8, 80, 96)
    assert torch.allclose(together[inside], alone[inside], atol=2 / SCALE)
    # Weighted Brovey: what it gives is mul enlarged times pan over the mean of bands.
    assert float((together.mean(1, keepdim=True) - pan)[inside].abs().max()) < 0.02


# Chips.


def write_chips(folder, count=2, ragged=False):
    folder.mkdir()
    for n in range(count):
        pan, mul = smooth_pair(24, 24, n)
        truth = mul_to_oklab(mul.repeat_interleave(4, -1).repeat_interleave(4, -2))[0]
        valid = torch.ones(96, 96, dtype=torch.bool)
        if ragged:
            valid[:, :40] = False
        cells = valid[::4, ::4]
        counts = (
            ((pan[0] * SCALE) * valid).round().int().to(torch.uint16),
            ((mul[0] * SCALE) * cells).round().int().to(torch.uint16),
        )
        save_chip(Chip(*counts, encode_oklab(truth, valid)), folder / f"{n}.pt")
    return folder


@pytest.mark.parametrize("ragged", [False, True])
def test_chips_have_the_figures_of_check(run, tmp_path, weights, network, ragged):
    pool = write_chips(tmp_path / "pool", ragged=ragged)
    result = run("evaluate", "--chips", pool, "-w", weights, *QUICK)
    found = json.loads(result.stdout)
    rows = found["sections"]["chips"]["rows"]
    total = torch.zeros(3, dtype=torch.float64)
    for n in range(2):
        chip = potato.chips.load_chip(pool / f"{n}.pt")
        pan, mul, target = (tensor[None] for tensor in chip.tensors())
        with torch.inference_mode():
            total += score_pixels(sharpen_chips(network, pan, mul), target)[0]
    tolerance = 0.01 if ragged else 1e-4
    assert rows["mine"]["mean"] == pytest.approx(float(total[0] / total[2]), rel=tolerance)
    assert found["sections"]["literature"]["rows"]["mine"]["PSNR"] == pytest.approx(
        float(-10 * torch.log10(total[1] / total[2])), abs=0.05
    )
    assert found["headline"]["jnd"] == rows["mine"]["mean"] and len(found["each"]) == 2
    assert rows["mine"]["mean"] == pytest.approx(np.mean(list(found["each"].values())), rel=1e-6)


def test_folders_without_chips_and_broken_chips_are_refused(run, tmp_path):
    assert "found none" in run("evaluate", "--chips", tmp_path).stderr
    assert "can't list it" in run("evaluate", "--chips", tmp_path / "nowhere").stderr
    pool = write_chips(tmp_path / "pool")
    (pool / "1.pt").write_bytes(b"no chip")
    result = run("evaluate", "--chips", pool, "--baselines", "none")
    assert result.exit_code == 1 and "1.pt" in result.stderr


# Pictures.


def write_picture(path, codes, alpha=None, dtype="uint8"):
    layers = [np.asarray(codes, dtype)]
    if alpha is not None:
        layers.append((alpha * np.iinfo(dtype).max).astype(dtype)[None])
    settings = {"photometric": "RGB"} | ({"alpha": "YES"} if alpha is not None else {})
    return pairs.write(path, np.concatenate(layers), **settings)


def flat_codes(colour, height=70, width=600):
    return np.ones((3, height, width)) * np.array(colour)[:, None, None]


def test_pictures_are_as_far_apart_as_their_colours(run, tmp_path):
    from coloraide import Color

    colours = (120, 130, 90), (126, 128, 97)
    files = [write_picture(tmp_path / f"{n}.tif", flat_codes(colour)) for n, colour in enumerate(colours)]
    result = run("evaluate", "--pictures", *files, "-q", "--json", "-")
    row = json.loads(result.stdout)["sections"]["pictures"]["rows"]["A against B"]
    lightness, a, b = (
        np.subtract(
            *(Color("srgb", [code / 255 for code in colour]).convert("oklab")[k] for colour in colours)
        )
        for k in range(3)
    )
    expected = np.sqrt(lightness**2 + 4 * a**2 + 4 * b**2) / JND
    assert row["mean"] == pytest.approx(expected, rel=2e-3)
    assert (row["median"], row["p95"]) == pytest.approx((expected, expected), rel=2e-3)
    assert row["L mean"] == pytest.approx(abs(lightness) / JND, rel=1e-2)
    square = np.mean([((x - y) / 255) ** 2 for x, y in zip(*colours, strict=True)])
    figures = json.loads(result.stdout)["sections"]["literature"]["rows"]["A against B"]
    assert figures["PSNR"] == pytest.approx(-10 * np.log10(square), abs=0.02)
    same = json.loads(run("evaluate", "--pictures", files[0], files[0], "-q", "--json", "-").stdout)
    assert same["headline"]["jnd"] == 0


def test_pictures_count_where_both_are_valid_and_bits_may_differ(run, tmp_path):
    random = np.random.default_rng(0)
    codes = random.integers(0, 256, (3, 70, 600))
    alpha = np.ones((70, 600), bool)
    alpha[:, 200:] = False
    other = np.where(alpha, codes, 255 - codes)
    first = write_picture(tmp_path / "a.tif", codes)
    second = write_picture(tmp_path / "b.tif", other * 257, alpha, "uint16")
    found = json.loads(run("evaluate", "--pictures", first, second, "-q", "--json", "-").stdout)
    assert found["pixels"] == 70 * 200 and found["headline"]["jnd"] < 1e-3
    small = write_picture(tmp_path / "c.tif", codes[:, :, :500])
    result = run("evaluate", "--pictures", first, small)
    assert result.exit_code == 1 and "one size" in result.stderr
    empty = write_picture(tmp_path / "d.tif", codes, np.zeros_like(alpha))
    assert "valid in both" in run("evaluate", "--pictures", first, empty).stderr


# Registration.


def test_a_known_displacement_is_found_and_said(run, tmp_path):
    pan, mul = smooth_pair(96, 352)
    moved = displace_arrays(mul[0], torch.tensor([0.3, -0.2]))[None].clamp_min(0.001)
    paths = write_pair(tmp_path, pan, moved)
    result = run("evaluate", "--registration", paths.pan, paths.mul, "--plots", tmp_path / "plots")
    assert result.exit_code == 0 and "right of the first" in result.stdout
    found = measure_registration(paths.pan, paths.mul, workers=1)
    rows = found.section("registration").rows
    between = rows["between them"]
    assert (between["down"], between["right"]) == pytest.approx((0.3, -0.2), abs=0.08)
    assert rows["second array"]["down"] == pytest.approx(0.15, abs=0.05)
    assert rows["first array"]["down"] == pytest.approx(-0.15, abs=0.05)
    columns = {one["column"] for one in found.details["windows"]}
    assert min(columns) == 16 and max(columns) == 352 - 16
    assert found.as_json() == measure_registration(paths.pan, paths.mul, workers=3).as_json()
    assert (tmp_path / "plots" / "registration.png").read_bytes()[1:4] == b"PNG"


# Surfaces.


def test_every_surface_of_a_list_is_judged(run, tmp_path, weights):
    packaged = Path(potato.__file__).parent / "assets" / "reflectances.csv"
    few = tmp_path / "few.csv"
    few.write_text("".join(packaged.read_text("utf-8").splitlines(keepends=True)[:4]), "utf-8")
    result = run("evaluate", "--reflectances", few, "-w", weights, *QUICK, "--fail-above", 0.1)
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["each"]] == [one.name for one in load_reflectances(few)]
    # The predictor is exact on what is flat; random weights are not.
    assert all(one["flat"]["predictor"] < 1e-3 for one in found["each"])
    worst = max(max(one[kind]["mine"] for kind in ("flat", "textured")) for one in found["each"])
    assert found["headline"]["jnd"] == pytest.approx(worst) and worst > 0.1 and result.exit_code == 3
    kept = run("evaluate", "--reflectances", "packaged", "-w", "predictor", *QUICK, "--fail-above", 0.1)
    assert kept.exit_code == 0 and len(json.loads(kept.stdout)["each"]) == len(load_reflectances())


# The command.


def test_the_table_is_printed_and_json_holds_the_provenance(run, pair, tmp_path, weights, network):
    target = tmp_path / "found.json"
    options = ("-w", weights, "--baselines", "gsa,predictor", "--protocol", "plain", "--halvings", "0")
    result = run("evaluate", pair.pan, pair.mul, *options, "--json", target)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len({len(line) for line in lines[1:5]}) == 1, "columns are aligned"
    assert lines[-1].startswith("mean ΔE of mine, plain ds0: ")
    found = json.loads(target.read_text("utf-8"))
    assert found["provenance"]["weights"] == {
        "name": "mine",
        "digest": potato.model.weights.weights_digest(network),
    }
    assert found["provenance"]["baselines"] == ["gsa", "predictor"]
    assert found["inputs"]["pan"].endswith("x-pan.tif")
    assert run("evaluate", pair.pan, pair.mul, *options, "-q").stdout == ""


def test_every_option_of_a_pair_changes_what_is_found(run, pair):
    def keys(*options):
        return list(json.loads(run("evaluate", pair.pan, pair.mul, *QUICK, *options).stdout)["sections"])

    assert keys("--protocol", "plain", "--halvings", 1, "--no-literature") == ["plain ds1"]
    assert keys("--protocol", "displaced", "--displacement", 0.2, "--displacement", 1) == [
        "displaced 0.2",
        "displaced 1",
    ]
    assert keys("--protocol", "full", "--no-literature") == ["full"]
    gsa = ("--protocol", "full", "--baselines", "gsa")
    figures = [
        json.loads(run("evaluate", pair.pan, pair.mul, *QUICK, *gsa, "--platform", name).stdout)
        for name in ("WV02", "WV03")
    ]
    assert len({one["sections"]["literature full"]["rows"]["gsa"]["HQNR"] for one in figures}) == 2


def test_a_threshold_ends_with_exit_code_3(run, pair):
    options = (pair.pan, pair.mul, "--protocol", "plain", "--halvings", 0, "--no-literature", *QUICK)
    mean = json.loads(run("evaluate", *options).stdout)["headline"]["jnd"]
    assert run("evaluate", *options, "--fail-above", mean * 1.001).exit_code == 0
    assert run("evaluate", *options, "--fail-above", mean * 0.999).exit_code == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected one of PAN MUL, --chips"),
        (("--chips", "x", "--pictures", "a", "b"), "found --chips and --pictures"),
        (("a", "b", "--chips", "x"), "found PAN MUL and --chips"),
        (("a",), "expected PAN and MUL, found 1"),
        (("a", "b", "c"), "found 3"),
        (("--chips", "x", "--halvings", "1"), "--halvings means nothing with --chips"),
        (("--pictures", "a", "b", "--weights", "w"), "--weights means nothing with --pictures"),
        (("--registration", "a", "b", "--fail-above", "1"), "--fail-above means nothing"),
        (("--reflectances", "x", "--window", "0", "0", "4", "4"), "--window means nothing"),
        (("a", "b", "--protocol", "full", "--halvings", "1"), "expected --protocol plain"),
        (("a", "b", "--protocol", "plain", "--displacement", "1"), "expected --protocol displaced"),
    ],
)
def test_ways_that_conflict_are_usage_errors(run, arguments, message):
    result = run("evaluate", *arguments)
    assert result.exit_code == 2 and message in result.stderr


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ((0, 0, 162, 160), "multiples of 4"),
        ((0, 4, 160, 160), "inside the pair"),
        ((0, 0, 160, 60), "expected at least 160 pan pixels"),
        ((-4, 0, 160, 160), "multiples of 4"),
    ],
)
def test_windows_that_cannot_be_judged_are_refused(run, pair, window, message):
    result = run("evaluate", pair.pan, pair.mul, "--baselines", "none", "--window", *window)
    assert result.exit_code == 1 and message in result.stderr


def test_outputs_are_refused_before_the_work_and_replaced_on_request(run, pair, tmp_path, monkeypatch):
    target, plots = tmp_path / "out.json", tmp_path / "plots"
    options = (pair.pan, pair.mul, "--protocol", "plain", "--halvings", 0, "--baselines", "predictor", "-q")
    options = (*options, "--json", target, "--plots", plots)
    assert run("evaluate", *options).exit_code == 0
    assert sorted(path.name for path in plots.iterdir()) == ["bars.png", "histogram.png", "map.png"]
    for path in plots.iterdir():
        assert min(read_photograph(path).shape[1:]) > 150
    target.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("potato.evaluation.runner.judge_pair", lambda *_, **__: pytest.fail("worked"))
        result = run("evaluate", *options)
        assert result.exit_code == 1 and "--overwrite" in result.stderr and not target.exists()
    before = (plots / "map.png").read_bytes()
    assert run("evaluate", *options, "--overwrite").exit_code == 0
    assert (plots / "map.png").read_bytes() == before, "the same figures give the same bytes"


def test_without_matplotlib_plots_are_refused_in_a_line(run, pair, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("evaluate", pair.pan, pair.mul, "--plots", tmp_path / "plots")
    assert result.exit_code == 1 and "pip install 'potato[plots]'" in result.stderr
    assert not (tmp_path / "plots").exists()


def test_notebooks_have_the_same_door(pair, tmp_path):
    found = potato.evaluate(pair.pan, pair.mul, baselines=("predictor",), protocols=PLAIN)
    assert found.mode == "pair" and "plain ds0" in str(found)
    with pytest.raises(InputError, match="expected one of"):
        potato.evaluate()
    with pytest.raises(InputError, match="expected one of"):
        potato.evaluate(pair.pan)
    (tmp_path / "there.json").write_text("{}")
    with pytest.raises(OutputExists):
        potato.evaluate(pair.pan, pair.mul, json_file=tmp_path / "there.json")
