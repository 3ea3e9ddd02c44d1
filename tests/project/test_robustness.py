"""Sharpeners on inputs that training doesn't have."""

import pytest
import torch

from land_cover import make_scene
from potato.core.color import JND
from potato.evaluation.methods import MethodSpec
from robustness import TRIALS, Robustness, run_trial, speckle


@pytest.fixture(scope="module")
def predictor():
    return MethodSpec("predictor", ()).methods


def test_errors_scale_with_light_as_oklab_does(predictor):
    found = {
        trial.light: run_trial(predictor, trial, 1, 128)["predictor"].summary()["mean"]
        for trial in TRIALS
        if trial.name == "as it is" or trial.light != 1
    }
    assert len(found) == 4
    for light, mean in found.items():
        assert mean / found[1.0] == pytest.approx(light ** (1 / 3), rel=1e-3)


def test_the_gain_of_pan_changes_no_error_of_the_predictor(predictor):
    figures = {
        trial.name: run_trial(predictor, trial, 1, 128)["predictor"].summary()
        for trial in TRIALS
        if trial.name == "as it is" or trial.pan != 1
    }
    assert len(figures) == 3
    assert max(one["mean"] for one in figures.values()) == pytest.approx(
        min(one["mean"] for one in figures.values()), rel=1e-4
    )


def test_noise_changes_only_the_input_and_haze_also_the_truth():
    plain, noisy, hazy = (
        next(trial for trial in TRIALS if trial.name.startswith(name)).scene(0, 128)
        for name in ("as it is", "noise", "haze")
    )
    assert torch.equal(noisy.truth, plain.truth) and not torch.equal(noisy.pan, plain.pan)
    # Haze is strongest in blue.
    assert float((hazy.truth - plain.truth)[0, 2].mean()) < -0.001
    assert float((hazy.mul - plain.mul)[0, 0].mean()) > 0.02


def test_nan_speckle_and_colour_shift_in_shadow_are_counted():
    scene = make_scene(0, 128)
    fine, found = Robustness(), Robustness()
    fine.add(scene.truth, scene)
    assert fine.summary() == {"mean": 0, "NaN": 0, "speckle ppm": 0, "drift in shadow": 0}
    spoilt = scene.truth.clone()
    spoilt[0, 0, 20, 20] = torch.nan
    spoilt[0, 1, 20, 21] = torch.inf
    spoilt[0, 0, 2, 2] = torch.nan  # on the border, which doesn't count
    spoilt[0, 0, 60, 60] += 0.5
    spoilt[0, 1][scene.land_cover["shadow"]] += 0.01
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
