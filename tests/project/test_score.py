"""Simulated scenes told apart by kind, inputs made strange, and the one command that scores a checkpoint."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from potato.evaluation.land_cover import EVERYTHING, KINDS, classify, judge_kinds, make_scene, near_invalid
from potato.evaluation.robustness import TRIALS, Robustness, judge_trial, speckle

import potato
from potato.core.color import JND, mul_to_oklab
from potato.evaluation.methods import Contender, open_contenders
from potato.simulation.ground import make_ground
from potato.simulation.imager import truth

ROOT = Path(potato.__file__).parents[2]


@pytest.fixture(scope="module")
def ground():
    return make_ground(256, 256, torch.Generator().manual_seed(5), style="town")


@pytest.fixture(scope="module")
def predictor():
    return open_contenders("predictor", ())


def test_what_moves_is_where_vehicles_change_the_picture(ground):
    assert ground.movers
    still, moving = replace(ground, movers=()), classify(ground, truth(ground)[1])["moving"]
    changed = (truth(ground)[1] - truth(still)[1]).abs().amax(0) > 0.01
    assert changed.any()
    assert not (changed & ~moving).any()
    assert not classify(still, still.bands)["moving"].any()
    assert moving.float().mean() < 0.1


def test_kinds_are_of_height_colour_and_shade(ground):
    bands = truth(ground)[1]
    kinds = classify(ground, bands)
    assert {*kinds, "edges"} == set(KINDS)
    assert bool((ground.height[kinds["buildings"]] > 2).all())
    assert bool((ground.height[kinds["tall"]] > 10).all())
    assert bool((ground.shade[kinds["shadow"]] > 0.5).all())
    assert bool((bands[6][kinds["vegetation"]] > 2 * bands[4][kinds["vegetation"]]).all())
    assert not (kinds["buildings"] & kinds["vegetation"]).any()
    a, b = mul_to_oklab(bands)[1:]
    assert float(torch.hypot(a, b)[kinds["rare colours"]].min() if kinds["rare colours"].any() else 1) > 0.09


def test_edges_lie_beside_what_is_invalid():
    valid = torch.ones(40, 60, dtype=torch.bool)
    valid[:, :20] = False
    expected = torch.zeros_like(valid)
    expected[:, 20:25] = True
    assert torch.equal(near_invalid(valid, 5), expected)
    assert not near_invalid(torch.ones_like(valid)).any()


def test_scenes_for_judging_repeat_and_every_other_has_an_edge():
    first, again = make_scene(1, 128), make_scene(1, 128)
    assert torch.equal(first.pan, again.pan) and torch.equal(first.truth, again.truth)
    assert not torch.equal(first.pan, make_scene(1, 128, seed=1).pan)
    assert first.kinds["edges"].any() and not make_scene(0, 128).kinds["edges"].any()
    assert not first.judged[:8].any() and first.judged.any()


def test_every_kind_is_judged_where_it_is(predictor):
    scenes = [make_scene(n, 128) for n in range(2)]
    found = judge_kinds(predictor, scenes)
    assert list(found) == [EVERYTHING, *KINDS]
    assert found[EVERYTHING]["predictor"].total.count == sum(int(scene.judged.sum()) for scene in scenes)
    for kind in KINDS:
        expected = sum(int((scene.judged & scene.kinds[kind]).sum()) for scene in scenes)
        assert found[kind]["predictor"].total.count == expected
    perfect = Contender("perfect", lambda pan, mul: (scenes[0].truth, None))
    assert judge_kinds([perfect], scenes[:1])[EVERYTHING]["perfect"].total.mean == 0


def test_light_changes_errors_as_it_changes_oklab(predictor):
    found = {
        trial.light: judge_trial(predictor, trial, 1, 128)["predictor"].summary()["mean"]
        for trial in TRIALS
        if trial.name == "as it is" or trial.light != 1
    }
    assert len(found) == 4
    for light, mean in found.items():
        assert mean / found[1.0] == pytest.approx(light ** (1 / 3), rel=1e-3)


def test_the_predictor_does_not_care_for_the_gain_of_pan(predictor):
    figures = {
        trial.name: judge_trial(predictor, trial, 1, 128)["predictor"].summary()
        for trial in TRIALS
        if trial.name == "as it is" or trial.pan != 1
    }
    assert len(figures) == 3
    assert max(one["mean"] for one in figures.values()) == pytest.approx(
        min(one["mean"] for one in figures.values()), rel=1e-4
    )


def test_noise_and_haze_change_what_the_sensor_sees_and_only_haze_the_truth():
    plain, noisy, hazy = (
        next(trial for trial in TRIALS if trial.name.startswith(name)).scene(0, 128)
        for name in ("as it is", "noise", "haze")
    )
    assert torch.equal(noisy.truth, plain.truth) and not torch.equal(noisy.pan, plain.pan)
    # Haze is bluest.
    assert float((hazy.truth - plain.truth)[0, 2].mean()) < -0.001
    assert float((hazy.mul - plain.mul)[0, 0].mean()) > 0.02


def test_what_goes_wrong_is_counted():
    scene = make_scene(0, 128)
    fine, found = Robustness(), Robustness()
    fine.add(scene.truth, scene)
    assert fine.summary() == {"mean": 0, "NaN": 0, "speckle ppm": 0, "drift in shadow": 0}
    spoilt = scene.truth.clone()
    spoilt[0, 0, 20, 20] = torch.nan
    spoilt[0, 1, 20, 21] = torch.inf
    spoilt[0, 0, 2, 2] = torch.nan  # on the border, which isn't judged
    spoilt[0, 0, 60, 60] += 0.5
    spoilt[0, 1][scene.kinds["shadow"]] += 0.01
    found.add(spoilt, scene)
    assert found.summary()["NaN"] == 2
    assert found.specks >= 1
    assert found.summary()["drift in shadow"] == pytest.approx(2 * 0.01 / JND, rel=0.02)


def test_speckle_is_a_pixel_that_stands_out_alone():
    truth = torch.zeros(1, 3, 16, 16)
    result = truth.clone()
    result[0, 0, 5, 5], result[0, 2, 10, 10] = 0.2, 0.09
    seen = speckle(result, truth)
    assert seen.nonzero().tolist() == [[0, 5, 5], [0, 10, 10]]
    assert not speckle(truth + 0.3, truth).any()
    assert not speckle(result, result).any()
    edge = truth.clone()
    edge[..., 8:] = 0.5
    assert not speckle(edge, truth).any(), "an edge isn't speckle"


def test_a_checkpoint_is_scored_by_one_command(tmp_path, monkeypatch, network):
    pytest.importorskip("earthlib")
    potato.save_model(network, tmp_path / "mine.safetensors")
    monkeypatch.syspath_prepend(str(ROOT / "runs"))
    spec = importlib.util.spec_from_file_location("score", ROOT / "runs" / "score.py")
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    outputs = ["--json", str(tmp_path / "score.json"), "--markdown", str(tmp_path / "score.md")]
    settings = ["--scenes", "1", "--size", "128", "--baselines", "predictor", "--data", str(tmp_path)]
    weights = ["--weights", str(tmp_path / "mine.safetensors")]
    monkeypatch.setattr(sys, "argv", ["score.py", *settings, *outputs, *weights])
    assert score.main() == 3, "random weights don't keep flat fields as they are"
    document = json.loads((tmp_path / "score.json").read_text("utf-8"))
    assert set(document["sections"]) == {"scenes by ground", "scenes by kind", "robustness", "flat fields"}
    assert len(document["left_out"]) == 2
    kinds = document["sections"]["scenes by kind"]["rows"]
    assert kinds["everything"]["ratio"] == pytest.approx(
        kinds["everything"]["mine"] / kinds["everything"]["predictor"]
    )
    assert list(document["sections"]["robustness"]["rows"]) == [trial.name for trial in TRIALS]
    assert "| everything |" in (tmp_path / "score.md").read_text("utf-8")
    beyond = {name: row["beyond"] for name, row in document["sections"]["flat fields"]["rows"].items()}
    assert beyond["predictor"] == 0 < beyond["mine"]
