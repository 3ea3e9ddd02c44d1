"""Evaluation by single surfaces."""

import json
from pathlib import Path

import pytest
import torch

import potato
from potato.core.color import mul_to_oklab
from potato.core.resample import block_mean
from potato.core.sensor_table import GEOEYE_1, LANDSAT_8, WORKSHOP
from potato.evaluation.by_surfaces import evaluate_fields, make_fields
from potato.evaluation.methods import MethodSpec
from potato.simulation.land.reflectances import load_reflectances

QUICK = ("--baselines", "predictor", "-q", "--json")


def test_pan_and_mul_of_a_field_agree():
    surfaces = load_reflectances()[:5]
    flat, textured = (make_fields(surfaces, kind) for kind in (False, True))
    assert torch.equal(flat.pan, flat.pan[..., :1, :1].expand_as(flat.pan))
    shading = textured.pan / flat.pan
    assert float(shading.std()) == pytest.approx(0.15, abs=0.03) and float(shading.mean()) == pytest.approx(
        1, abs=1e-5
    )
    assert torch.allclose(
        textured.mul / flat.mul, block_mean(shading, WORKSHOP.ratio)[:1].expand_as(textured.mul), rtol=1e-4
    )
    assert torch.allclose(flat.truth[:, :, 0, 0], mul_to_oklab(flat.mul, WORKSHOP)[:, :, 0, 0], atol=1e-6)


@pytest.mark.parametrize("sensor", [GEOEYE_1, LANDSAT_8], ids=lambda sensor: sensor.name)
def test_fields_are_those_that_the_sensor_sees(sensor):
    surfaces = load_reflectances()[:5]
    fields = make_fields(surfaces, True, sensor)
    assert fields.mul.shape == (5, len(sensor.bands), 64 // sensor.ratio, 64 // sensor.ratio)
    predictor = MethodSpec("predictor", (), sensor=sensor).methods[0]
    assert float(evaluate_fields(predictor, surfaces, False, sensor).max()) < 1e-3


def test_every_surface_of_a_list_is_evaluated(run, tmp_path, weights):
    packaged = Path(potato.__file__).parent / "assets" / "reflectances.csv"
    few = tmp_path / "few.csv"
    few.write_text("".join(packaged.read_text("utf-8").splitlines(keepends=True)[:4]), "utf-8")
    result = run("evaluate", "--reflectances", few, "-w", weights, *QUICK, "--fail-above", 0.1)
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["each"]] == [one.name for one in load_reflectances(few)]
    # The predictor is exact on flat fields; random weights are not.
    assert all(one["flat"]["predictor"] < 1e-3 for one in found["each"])
    worst = max(max(one[kind]["mine"] for kind in ("flat", "textured")) for one in found["each"])
    assert found["headline"]["jnd"] == pytest.approx(worst) and worst > 0.1 and result.exit_code == 3
    kept = run("evaluate", "--reflectances", "packaged", "-w", "predictor", *QUICK, "--fail-above", 0.1)
    assert kept.exit_code == 0 and len(json.loads(kept.stdout)["each"]) == len(load_reflectances())
