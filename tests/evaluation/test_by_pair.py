"""Evaluation by a pair of files: its figures are those of the tensor functions."""

import functools
import json

import numpy as np
import pytest
import torch
from affine import Affine

import pairs
from potato.core.full_scale import BORDER
from potato.core.radiometry import reflectance_to_counts
from potato.core.resample import block_mean
from potato.core.sensor_table import LANDSAT_8, WORKSHOP
from potato.core.windows import PairWindow
from potato.engine.torch_threads import one_thread
from potato.errors import EmptyError, InputError
from potato.evaluation import protocols
from potato.evaluation.by_pair import evaluate_pair
from potato.evaluation.methods import MethodSpec
from potato.evaluation.pair_windows import even_windows
from potato.evaluation.protocols import Protocols
from potato.model.network import sharpen
from potato.model.weights import load_model
from potato.raster.layer import Reading
from registered import smooth_noise

displaced, full, plain = (
    functools.partial(protocol, sensor=WORKSHOP)
    for protocol in (protocols.displaced, protocols.full, protocols.plain)
)
QUICK = ("--baselines", "predictor", "-q", "--json")
PLAIN = Protocols(halvings=(0,), displacements=(), full=False, literature=False, mtf=False)
PREDICTOR = MethodSpec("predictor", ())


@one_thread()
def test_a_small_pair_has_the_figures_of_the_tensor_functions(network, tmp_path):
    paths = pairs.write_pair(tmp_path, 56, 48)
    found = evaluate_pair(paths.pan, paths.mul, methods=MethodSpec(network, ("predictor",)))
    pan, mul = pairs.read_reflectance(paths)
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
        for axis, fringe in expected.fringes.items():
            assert figure(f"fringe {axis}", "mean") == pytest.approx(fringe.mean, rel=1e-5)
            assert figure(f"fringe {axis}", "p99") == pytest.approx(fringe.p99, rel=2e-3)
        for ground, noise in expected.noise.items():
            assert figure("full", f"{ground} noise") == pytest.approx(noise, rel=2e-3, nan_ok=True)
        assert figure("full", "detail") == pytest.approx(expected.detail, abs=1e-5)
        assert figure("full", "consistency") == pytest.approx(expected.consistency, rel=1e-5)
    assert found.headline == found.section("plain ds0").rows["potato"]["mean"]


def test_the_real_pair_gives_the_published_figures(run, real_pair):
    result = run("evaluate", *real_pair, "--no-literature", "--weights", "predictor", *QUICK)
    sections = json.loads(result.stdout)["sections"]

    def figure(key, column):
        return sections[key]["rows"]["predictor"][column]

    assert figure("plain ds0", "mean") == pytest.approx(1.338, abs=2e-3)
    assert figure("plain ds1", "mean") == pytest.approx(1.012, abs=2e-3)
    for by, expected in (("0", 1.337), ("0.35", 1.510), ("0.6", 1.734)):
        assert figure(f"displaced {by}", "mean") == pytest.approx(expected, abs=3e-3)
    assert figure("fringe a", "mean") == pytest.approx(0.541, abs=2e-3)
    for axis, expected in (("a", 2.905), ("b", 1.83), ("both", 3.20)):
        assert figure(f"fringe {axis}", "p99") == pytest.approx(expected, abs=5e-3)
    assert figure("full", "detail") > 0.926
    assert figure("full", "consistency") == pytest.approx(0.395, abs=2e-3)


def test_a_large_pair_is_evaluated_window_by_window(tmp_path):
    paths = pairs.write_pair(tmp_path, 344, 40)
    protocols = Protocols(displacements=(0.35,), literature=False, mtf=False)
    one, two = (
        evaluate_pair(paths.pan, paths.mul, methods=PREDICTOR, protocols=protocols, workers=workers)
        for workers in (1, 3)
    )
    assert one.as_json() == two.as_json()
    pan, mul = pairs.read_reflectance(paths)
    model = load_model("predictor")
    windows = even_windows(PairWindow(0, 0, 344, 40), 4)
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


def test_part_of_a_pair_has_the_figures_of_a_pair_of_that_part(tmp_path):
    paths = pairs.write_pair(tmp_path, 60, 64)
    part = evaluate_pair(paths.pan, paths.mul, methods=PREDICTOR, protocols=PLAIN, window=(16, 32, 160, 192))
    pan, mul = pairs.read_reflectance(paths)
    model = load_model("predictor")
    expected = plain(lambda p, m: sharpen(model, p, m), pan[..., 16:176, 32:224], mul[..., 4:44, 8:56])
    assert part.headline == pytest.approx(expected, rel=1e-5)


def test_invalid_pixels_change_no_figure(tmp_path):
    pan, mul = pairs.smooth_pair(64, 64)
    valid = np.ones((256, 256), bool)
    valid[:, 176:] = False
    figures = []
    for name, junk in (("a", 0.0), ("b", 3.0)):
        (tmp_path / name).mkdir()
        spoilt = [
            torch.where(torch.arange(image.shape[-1]) < edge, image, torch.tensor(junk))
            for image, edge in ((pan, 176), (mul, 44))
        ]
        paths = pairs.write_reflectance(tmp_path / name, *spoilt, valid=valid)
        found = evaluate_pair(
            paths.pan,
            paths.mul,
            methods=MethodSpec("predictor", ("gsa", "predictor")),
            protocols=Protocols(displacements=(0.35,), mtf=False),
        )
        figures.append([section.rows for section in found.sections])
    assert repr(figures[0]) == repr(figures[1])
    # As good as the valid part alone, counted a little farther from its edge.
    (tmp_path / "c").mkdir()
    paths = pairs.write_reflectance(tmp_path / "c", pan[..., :176], mul[..., :44])
    alone = evaluate_pair(
        paths.pan, paths.mul, methods=PREDICTOR, protocols=Protocols(displacements=(0.35,), mtf=False)
    )
    for section in alone.sections[:3]:
        assert found.section(section.key).rows["predictor"]["mean"] == pytest.approx(
            section.rows["predictor"]["mean"], rel=0.1
        )


def test_a_pair_without_a_valid_pixel_is_refused(tmp_path):
    pan, mul = pairs.smooth_pair(48, 48)
    paths = pairs.write_reflectance(tmp_path, pan, mul, valid=np.zeros((192, 192), bool))
    with pytest.raises(EmptyError, match="expected valid pixels to evaluate"):
        evaluate_pair(paths.pan, paths.mul, methods=MethodSpec(baselines=()))


def test_methods_that_make_bands_have_figures_of_bands(tmp_path):
    paths = pairs.write_reflectance(tmp_path, *pairs.smooth_pair(80, 80))
    found = evaluate_pair(
        paths.pan,
        paths.mul,
        methods=MethodSpec(baselines=("bicubic", "gsa", "predictor")),
        protocols=Protocols((0,), (), True),
    )
    rows = found.section("literature ds0").rows
    assert all({"SAM", "ERGAS", "Q2n", "SCC"} <= row.keys() for row in rows.values())
    # All bands of this ground follow pan, so adding pan's detail improves every figure.
    for name, better in (("ERGAS", -1), ("Q2n", 1), ("SCC", 1), ("SAM", -1), ("PSNR", 1), ("SSIM", 1)):
        assert better * rows["gsa"][name] > better * rows["bicubic"][name], name
    quality = found.section("literature full").rows
    assert set(quality) == {"bicubic", "gsa", "predictor", "potato"}
    fringes = found.section("fringe both").rows
    for name in ("bicubic", "gsa"):
        assert quality[name]["fringe p99"] == fringes[name]["p99"]
    assert quality["predictor"]["cell error"] < quality["gsa"]["cell error"]
    one = quality["gsa"]
    assert one["QNR"] == pytest.approx((1 - one["D_lambda"]) * (1 - one["D_s"]))
    assert one["HQNR"] == pytest.approx((1 - one["D_lambda K"]) * (1 - one["D_s MTF"]))
    assert 0 < one["QNR"] <= 1


@one_thread()
def test_a_pair_of_another_sensor_has_its_bands_and_ratio_and_says_what_is_left_out(tmp_path):
    shading, own = smooth_noise(1, 1, 96, 104, sigma=1.5), smooth_noise(1, 5, 96, 104, sigma=6.0, seed=1)
    fine = shading * torch.linspace(0.6, 1.4, 5)[:, None, None] + 0.2 * own
    counts = [reflectance_to_counts(image[0]) for image in (fine.mean(1, keepdim=True), block_mean(fine, 2))]
    pan = pairs.write(tmp_path / "pan.tif", counts[0])
    mul = pairs.write(tmp_path / "mul.tif", counts[1], pairs.CORNER @ Affine.scale(2))
    reading, methods = (
        Reading(LANDSAT_8, LANDSAT_8.bands),
        MethodSpec(baselines=("bicubic", "gsa", "mtf-glp-hpm")),
    )
    found = evaluate_pair(pan, mul, methods, reading=reading, protocols=Protocols((0,)))
    assert found.inputs["sensor"] == "LC08" and found.provenance["weights"]["name"] == "predictor"
    assert found.notes == (
        "left out protocol displaced, since it moves two detector arrays, which aren't known of Landsat 8",
    )
    assert found.notes[0] in str(found) and found.notes[0] in found.as_json()
    for key in ("literature ds0", "literature mtf"):
        rows = found.section(key).rows
        assert min(rows[name]["Q2n"] for name in ("gsa", "mtf-glp-hpm")) > rows["bicubic"]["Q2n"]
    with pytest.raises(InputError, match=r"expected two detector arrays, .*; choose --protocol"):
        evaluate_pair(pan, mul, methods, reading=reading, protocols=Protocols((), full=False, mtf=False))


def test_ratios_are_to_the_predictor(network, tmp_path):
    paths = pairs.write_pair(tmp_path)
    rows = (
        evaluate_pair(
            paths.pan, paths.mul, methods=MethodSpec(network, ("gsa", "predictor")), protocols=PLAIN
        )
        .sections[0]
        .rows
    )
    for row in rows.values():
        assert row["ratio"] == pytest.approx(row["mean"] / rows["predictor"]["mean"])
    alone = evaluate_pair(paths.pan, paths.mul, methods=MethodSpec(network, ()), protocols=PLAIN).sections[0]
    assert np.isnan(alone.rows["potato"]["ratio"])


def test_every_option_of_a_pair_changes_the_result(run, pair):
    def keys(*options):
        return list(json.loads(run("evaluate", pair.pan, pair.mul, *QUICK, *options).stdout)["sections"])

    assert keys("--protocol", "plain", "--halvings", 1, "--no-literature") == ["plain ds1"]
    assert keys("--protocol", "displaced", "--displacement", 0.2, "--displacement", 1) == [
        "displaced 0.2",
        "displaced 1",
    ]
    assert keys("--protocol", "full", "--no-literature") == [
        "full",
        "fringe a",
        "fringe b",
        "fringe both",
    ]
    gsa = ("--protocol", "full", "--baselines", "gsa")
    figures = [
        json.loads(run("evaluate", pair.pan, pair.mul, *QUICK, *gsa, "--sensor", name).stdout)
        for name in ("WV02", "WV03")
    ]
    assert len({one["sections"]["literature full"]["rows"]["gsa"]["HQNR"] for one in figures}) == 2
