"""The figures of a report."""

import math

import numpy as np
import pytest
import torch

import pairs
import potato
from pages import data_of, picture_of, table
from pictures import write_picture
from potato import fuse
from potato.core.render import FLAT, NATURAL, adjust, render
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE
from potato.evaluation import protocols
from potato.report.layers import MOST_DIFFERENCE, scale_colours
from potato.report.write import write_report


def flat_codes(oklab: np.ndarray) -> np.ndarray:
    return render(oklab, FLAT).astype("uint16")


def test_differences_are_in_jnd_and_split_into_lightness_and_chroma(tmp_path):
    base = np.zeros((3, 40, 60))
    base[0] = 0.6
    lighter, redder = base.copy(), base.copy()
    lighter[0] += 0.02
    redder[1, :30] += 0.03
    tags = FLAT.tags
    pictures = [
        write_picture(tmp_path / f"{name}.tif", flat_codes(oklab), tags=tags)
        for name, oklab in (("base", base), ("lighter", lighter), ("redder", redder))
    ]
    report = write_report(pictures, tmp_path / "a.html")
    found = table(report.output, "Difference from the first")
    assert found["lighter.tif"] == pytest.approx([1, 1, 1, 1, 0], abs=0.01)
    assert found["redder.tif"] == pytest.approx([2.25, 3, 3, 0, 2.25], abs=0.02)
    colours = scale_colours(255)
    layers = data_of(report.output)["layers"]
    assert (picture_of(layers[3]["window"])[:, 0, 0] == colours[round(254 / MOST_DIFFERENCE)]).all()
    assert (picture_of(layers[4]["window"])[:, 0, 0] == colours[round(254 * 3 / MOST_DIFFERENCE)]).all()
    assert [layer["scale"] for layer in layers] == [False] * 3 + [True] * 2


def test_pictures_that_differ_by_their_tone_curve_have_no_difference(fused, tmp_path):
    pair, pictures = fused
    darker = tmp_path / "darker.tif"
    fuse(pair.pan, pair.mul, darker, weights="predictor", look=adjust(NATURAL, 2.0, 1.1))
    report = write_report([pictures["flat"], pictures["natural"], darker], tmp_path / "a.html")
    found = table(report.output, "Difference from the first")
    assert found["natural.tif"][0] < 0.15 and found["darker.tif"][0] < 0.15
    assert not np.array_equal(pairs.read(darker), pairs.read(pictures["natural"]))


def test_figures_by_the_pair_equal_those_of_evaluation(fused, tmp_path):
    pair, pictures = fused
    report = write_report([pictures["flat"]], tmp_path / "a.html", pair=(pair.pan, pair.mul))
    pan = torch.from_numpy(pairs.read(pair.pan).astype("float32"))[None] / SCALE
    mul = torch.from_numpy(pairs.read(pair.mul).astype("float32"))[None] / SCALE
    model = potato.load_model("predictor")
    expected = protocols.full(lambda *images: potato.sharpen(model, *images), pan, mul, sensor=WORKSHOP)
    found = table(report.output, "Measured against the pair")["flat.tif"]
    fringes, noise = expected.fringes, expected.noise
    figures = [fringes["both"].mean, *(fringe.p99 for fringe in fringes.values()), *noise.values()]
    figures += [expected.detail, expected.consistency]
    assert found == pytest.approx(figures, rel=0.01, abs=0.002, nan_ok=True)


def test_a_small_window_has_no_figures(fused, tmp_path):
    pair, pictures = fused
    report = write_report(
        [pictures["flat"]], tmp_path / "a.html", pair=(pair.pan, pair.mul), window=(0, 0, 28, 160)
    )
    assert all(math.isnan(value) for value in table(report.output, "Measured against the pair")["flat.tif"])
