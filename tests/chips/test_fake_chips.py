import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from ards import contents
from potato.chips.chip import chip_bytes, load_chip
from potato.chips.fake import fake_chip, fake_chips
from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.sensor_table import WORKSHOP
from potato.errors import ChipError, InputError
from potato.simulation.land.reflectances import COLUMNS, load_reflectances
from spectra import slope

SURFACES = load_reflectances()


@pytest.fixture(scope="module")
def some():
    """Chips 0 to 11 of seed 0, and what is in them."""
    return [fake_chip(0, n, SURFACES, size=128) for n in range(12)]


def test_pan_mul_and_target_of_a_fake_chip_agree_and_are_valid(some):
    # Pan as a weighted sum of bands, fitted to the surfaces.
    bands, levels = np.array([one.bands for one in SURFACES]), np.array([one.pan for one in SURFACES])
    weights = np.linalg.lstsq(bands, levels)[0]
    for chip, _ in some:
        assert chip.size == (128, 128) and chip.valid.all()
        assert chip.pan.int().min() >= 1 and chip.mul.int().min() >= 1
        # Both see the same ground, so pan's means over cells follow mul.
        pan, mul, oklab = chip.tensors()
        light = torch.nn.functional.avg_pool2d(pan[None], 4)[0]
        expected = np.tensordot(weights, mul.numpy(), 1)
        assert np.corrcoef(light.flatten(), expected.flatten())[0, 1] > 0.95
        coarse = torch.nn.functional.avg_pool2d(oklab[None], 4)[0]
        assert float(delta_e_ok(coarse, mul_to_oklab(mul, WORKSHOP)).median()) < 1


def test_every_patch_has_texture(some):
    for chip, names in some:
        lightness = chip.target[0].float().unfold(0, 8, 8).unfold(1, 8, 8)
        deviation = lightness.flatten(2).std(2) / 10_000
        assert float(deviation.min()) > 0.004, names
        assert float(deviation.median()) > 0.02, names


def test_the_spectrum_falls_off_as_in_natural_scenes(some):
    slopes = [slope(np.log(chip.pan[0].numpy().astype(float))) for chip, _ in some]
    assert -2.9 < np.mean(slopes) < -1.5


def test_colours_are_saturated_and_edges_sharp(some):
    steps, colours = [], []
    for chip, _ in some:
        oklab = chip.tensors()[2]
        across = delta_e_ok(oklab[..., 1:], oklab[..., :-1])
        steps.append(float(across.quantile(0.999)))
        colours.append(float(torch.hypot(oklab[1], oklab[2]).quantile(0.95)))
    assert np.median(steps) > 14, "neighbouring pixels, JND"
    assert max(colours) > 0.1 and np.median(colours) > 0.05


def test_some_fake_chips_have_dark_gaps(some):
    dark = [float((chip.pan.float() < 0.3 * chip.pan.float().median()).float().mean()) for chip, _ in some]
    assert sum(share > 0.005 for share in dark) >= 2 and min(dark) < 0.001


def test_every_surface_of_the_list_is_used_and_no_other():
    names = {surface.name for surface in SURFACES}
    found = set()
    for n in range(150):
        found |= set(fake_chip(1, n, SURFACES, size=16)[1])
    assert found <= names and len(found) > 0.9 * len(names)


def test_a_fake_chip_depends_on_seed_and_number_alone():
    one = chip_bytes(fake_chip(4, 7, SURFACES, 32)[0])
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if threads > 1 else 2)
    torch.manual_seed(99)
    assert chip_bytes(fake_chip(4, 7, SURFACES, 32)[0]) == one
    torch.set_num_threads(threads)
    assert chip_bytes(fake_chip(4, 8, SURFACES, 32)[0]) != one != chip_bytes(fake_chip(5, 7, SURFACES, 32)[0])


def test_resume_gives_identical_fake_chips(tmp_path):
    whole = fake_chips(tmp_path / "whole", count=12, seed=3, size=32, workers=1)
    expected = contents(tmp_path / "whole")
    assert whole.made == 12 and len(expected) == 13
    fake_chips(tmp_path / "a", count=6, starting_from=6, seed=3, size=32, workers=4)
    again = fake_chips(tmp_path / "a", count=12, seed=3, size=32, workers=2)
    assert (again.made, again.there) == (6, 6)
    assert contents(tmp_path / "a") == expected
    folder = tmp_path / "killed"
    call = f"fake_chips({str(folder)!r}, count=12, seed=3, size=32)"
    process = subprocess.Popen([sys.executable, "-c", f"from potato.chips.fake import fake_chips; {call}"])
    while process.poll() is None and not (folder / "3.pt").exists():
        time.sleep(0.0005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    fake_chips(folder, count=12, seed=3, size=32)
    assert contents(folder) == expected


def test_manifest_rows_name_the_surfaces_of_a_chip(tmp_path):
    fake_chips(tmp_path, count=3, size=32)
    rows = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    for n, row in enumerate(rows):
        chip, names = fake_chip(0, n, SURFACES, 32)
        assert row["surfaces"] == names and row["synthetic"] and row["seed"] == 0 and row["n"] == n
        assert torch.equal(load_chip(tmp_path / f"{n}.pt").target, chip.target)


def test_another_list_of_surfaces_replaces_the_packaged_one(tmp_path):
    own = tmp_path / "own.csv"
    lines = ["red thing,paint" + ",9000" * 9 + ",x", "blue thing,paint" + ",300" * 9 + ",x"]
    own.write_text("\n".join([",".join(COLUMNS), *lines]))
    fake_chips(tmp_path / "chips", count=2, size=32, reflectances=own)
    text = (tmp_path / "chips" / "manifest.jsonl").read_text()
    assert "red thing" in text and "blue thing" in text and "roof" not in text
    own.write_text("\n".join([",".join(COLUMNS), lines[0]]))
    with pytest.raises(InputError, match="2 surfaces"):
        fake_chips(tmp_path / "x", count=2, size=32, reflectances=own)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"count": 0}, "1 chip or more"),
        ({"starting_from": -1}, "from 0"),
        ({"size": 12}, "16 or more"),
        ({"size": 33}, "multiple of 4"),
    ],
)
def test_impossible_numbers_are_refused(tmp_path, settings, words):
    with pytest.raises(InputError, match=words):
        fake_chips(tmp_path / "x", **{"count": 1, "size": 32, **settings})
    assert not (tmp_path / "x").exists()


def test_a_folder_with_other_chips_is_refused(tmp_path):
    fake_chips(tmp_path, count=2, size=32)
    for settings in ({"seed": 1}, {"size": 64}):
        with pytest.raises(ChipError, match="other settings"):
            fake_chips(tmp_path, **{"count": 2, "size": 32, **settings})


def test_the_command_makes_and_reports_chips(tmp_path, run):
    result = run(
        "fake-chips", "--chip-dir", tmp_path / "a", "-n", 3, "-s", 2, "--size", 32, "--seed", 5, "-j", 2
    )
    assert result.exit_code == 0 and "3 chips made" in result.stdout
    assert sorted(path.name for path in (tmp_path / "a").glob("*.pt")) == ["2.pt", "3.pt", "4.pt"]
    told = json.loads(run("fake-chips", "--chip-dir", tmp_path / "b", "-n", 1, "--size", 32, "--json").stdout)
    assert told["made"] == 1
    assert run("fake-chips", "--chip-dir", tmp_path / "b", "-n", 0).exit_code == 2
    assert (
        run("fake-chips", "--chip-dir", tmp_path / "c", "--reflectances", tmp_path / "no.csv").exit_code == 1
    )
