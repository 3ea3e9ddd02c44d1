"""Evaluation by a pool of chips."""

import json

import numpy as np
import pytest
import torch

import pairs
import potato
from potato.chips.chip import Chip, encode_oklab, save_chip
from potato.core.color import mul_to_oklab
from potato.core.sensor_table import GEOEYE_1, WORKSHOP
from potato.core.sensors import SCALE
from potato.training.score import score_pixels, sharpen_chips

QUICK = ("--baselines", "predictor", "-q", "--json")


def write_chips(folder, count=2, ragged=False):
    folder.mkdir()
    for n in range(count):
        pan, mul = pairs.smooth_pair(24, 24, n)
        truth = mul_to_oklab(mul.repeat_interleave(4, -1).repeat_interleave(4, -2), WORKSHOP)[0]
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
def test_chips_have_the_figures_of_training_score(run, tmp_path, weights, network, ragged):
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


def test_chips_of_another_sensor_are_evaluated_with_its_methods_but_not_mixed(run, tmp_path):
    pool = write_chips(tmp_path / "pool", 1)
    pan, mul = pairs.smooth_pair(24, 24, 3)
    four = mul[0, [1, 2, 4, 6]]
    truth = mul_to_oklab(four.repeat_interleave(4, -1).repeat_interleave(4, -2), GEOEYE_1)
    counts = ((image * SCALE).round().int().to(torch.uint16) for image in (pan[0], four))
    chip = Chip(*counts, encode_oklab(truth, torch.ones(96, 96, dtype=torch.bool)), sensor=GEOEYE_1)
    (tmp_path / "other").mkdir()
    save_chip(chip, tmp_path / "other" / "0.pt")
    result = run("evaluate", "--chips", tmp_path / "other", *QUICK)
    assert result.exit_code == 0, result.output
    save_chip(chip, pool / "1.pt")
    mixed = run("evaluate", "--chips", pool, *QUICK)
    assert mixed.exit_code == 1
    assert (
        "expected a chip with the bands of WorldView-2, as the first has, found one of GeoEye-1"
        in mixed.stderr
    )
