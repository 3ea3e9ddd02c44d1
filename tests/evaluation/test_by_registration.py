"""Misregistration of a pair of files."""

import pytest
import torch

import pairs
from potato.evaluation import measure_registration
from potato.simulation.artefacts import displace_arrays


def test_a_known_displacement_of_files_is_found_and_printed(run, tmp_path):
    pan, mul = pairs.smooth_pair(96, 352)
    moved = displace_arrays(mul[0], torch.tensor([0.3, -0.2]))[None].clamp_min(0.001)
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
