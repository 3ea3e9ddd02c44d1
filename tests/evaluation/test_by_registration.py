"""Misregistration of a pair of files."""

import pytest
import torch

import pairs
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.evaluation.by_registration import measure_registration
from potato.simulation.artefacts import displace_arrays
from potato.simulation.imager import array_sides

SIDES = array_sides(WORKSHOP)


def test_a_known_displacement_of_files_is_found_and_printed(run, tmp_path):
    pan, mul = pairs.smooth_pair(96, 352)
    moved = displace_arrays(mul[0], torch.tensor([0.3, -0.2]), SIDES)[None].clamp_min(0.001)
    paths = pairs.write_reflectance(tmp_path, pan, moved)
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


def far_apart(folder, right):
    """A pair of 32 × 48 cells whose mul shows the ground so many pan pixels farther right."""
    ground = 0.3 + 0.05 * power_noise(128, 260, torch.Generator().manual_seed(5), 0.7)[None, None]
    mul = (
        block_mean(ground[..., 40 - right : 232 - right], WORKSHOP.ratio)
        * torch.linspace(0.5, 2, 8)[:, None, None]
    )
    return pairs.write_reflectance(folder, ground[..., 40:232], mul)


@pytest.mark.parametrize("right", [12, 16])
def test_displacements_are_found_up_to_16_pan_pixels(run, tmp_path, right):
    paths = far_apart(tmp_path, right)
    result = run("evaluate", "--registration", paths.pan, paths.mul)
    assert result.exit_code == 0 and "left out" not in result.stdout
    rows = measure_registration(paths.pan, paths.mul, workers=1).section("registration").rows
    for array in ("first array", "second array"):
        assert rows[array]["right"] == pytest.approx(right / 4, abs=0.05) and not rows[array]["beyond"]


def test_a_displacement_beyond_the_limit_is_told(run, tmp_path):
    paths = far_apart(tmp_path, 24)
    result = run("evaluate", "--registration", paths.pan, paths.mul)
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert "expected mul within 16 pan pixels" in result.stderr and "gdal_translate -a_ullr" in result.stderr
