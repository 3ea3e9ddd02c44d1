"""`potato check`: figures that can be computed by hand, and pictures that open again."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
import rasterio
import torch

from potato.chips.chip import Chip, encode_oklab, load_chip, save_chip
from potato.chips.scenes import scene_chip
from potato.core.color import JND, oklab_to_linear_srgb, srgb_encode
from potato.core.sensor_table import PLEIADES_NEO_3
from potato.errors import EmptyError
from potato.model.model import Architecture
from potato.model.network import Sharpener
from potato.model.weights import save_model
from potato.training.check import check_chip
from potato.training.score import sharpen_chips

PREDICTOR = Sharpener(Architecture(depth=0))


def off_by(oklab: tuple[float, float, float], valid: torch.Tensor | None = None) -> Chip:
    """A chip whose target is the predictor's result plus a constant."""
    chip = scene_chip(5, 1, 96)
    assert bool(chip.valid.all())
    pan, mul, _ = (image[None] for image in chip.tensors())
    with torch.no_grad():
        output = sharpen_chips(PREDICTOR, pan, mul)[0]
    target = output + torch.tensor(oklab)[:, None, None]
    whole = torch.ones(96, 96, dtype=torch.bool) if valid is None else valid
    return Chip(chip.pan, chip.mul, encode_oklab(target, whole))


def test_a_chip_of_a_sensor_without_weights_is_checked_with_the_predictor(tmp_path, run, ship):
    ship(worldview=Sharpener(Architecture(width=8, depth=2)))
    whole = scene_chip(5, 1, 96)
    save_chip(
        dataclasses.replace(whole, mul=whole.mul[[0, 1, 2, 4, 5, 6]], sensor=PLEIADES_NEO_3),
        tmp_path / "0.pt",
    )
    checked = check_chip(tmp_path / "0.pt", folder=tmp_path)
    # Colours of six bands differ from the target's, which are those of eight.
    assert checked.delta_e == checked.predictor < 5
    save_model(Sharpener(Architecture(width=8, depth=2)), tmp_path / "w.safetensors")
    refused = run("check", tmp_path / "0.pt", "-w", tmp_path / "w.safetensors", "-o", tmp_path / "out")
    assert refused.exit_code == 1 and "expected weights for Pléiades Neo" in refused.stderr


@pytest.fixture
def chip(tmp_path: Path) -> Path:
    path = tmp_path / "7.pt"
    save_chip(off_by((0.04, 0.0, 0.0)), path)
    return path


def read(path: Path) -> torch.Tensor:
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(path) as file:
        return torch.from_numpy(file.read())


@pytest.mark.parametrize(
    ("offset", "jnd"),
    [((0.0, 0.0, 0.0), 0.0), ((JND, 0.0, 0.0), 1.0), ((0.0, JND, 0.0), 2.0), ((-0.06, 0.0, 0.04), 5.0)],
)
def test_delta_e_equals_the_offset_of_the_target(tmp_path, offset, jnd):
    save_chip(off_by(offset), tmp_path / "0.pt")
    found = check_chip(tmp_path / "0.pt", weights="predictor", folder=tmp_path)
    # A target is rounded to 1/10,000: 0.0075 JND at most.
    assert found.delta_e == pytest.approx(jnd, abs=0.0075)
    assert found.predictor == found.delta_e


def test_psnr_is_that_of_the_srgb_signals(chip, tmp_path):
    found = check_chip(chip, weights="predictor", folder=tmp_path)
    pan, mul, target = (image[None] for image in load_chip(chip).tensors())
    with torch.no_grad():
        output = sharpen_chips(PREDICTOR, pan, mul)
    first, second = (
        srgb_encode(oklab_to_linear_srgb(image).clamp(0, 1))[..., 8:-8, 8:-8] for image in (output, target)
    )
    expected = -10 * math.log10(float(((first - second).double() ** 2).mean()))
    assert found.psnr == pytest.approx(expected, abs=1e-3)
    assert 20 < found.psnr < 40


def test_invalid_pixels_do_not_count_and_are_black(tmp_path):
    valid = torch.ones(96, 96, dtype=torch.bool)
    valid[:, 40:] = False
    whole, half = off_by((0.04, 0.0, 0.0)), off_by((0.04, 0.0, 0.0), valid)
    save_chip(whole, tmp_path / "0.pt")
    save_chip(half, tmp_path / "1.pt")
    found = [check_chip(tmp_path / f"{n}.pt", weights="predictor", folder=tmp_path) for n in (0, 1)]
    assert found[1].delta_e == pytest.approx(found[0].delta_e, abs=0.01)
    picture = read(found[1].target)
    assert not bool(picture[:, :, 40:].any()) and bool(picture[:, :, :40].any())
    assert not bool(read(found[1].output)[:, :, 40:].any())


def test_chip_without_a_valid_pixel_is_refused(tmp_path):
    save_chip(off_by((0, 0, 0), torch.zeros(96, 96, dtype=torch.bool)), tmp_path / "0.pt")
    with pytest.raises(EmptyError, match="found none"):
        check_chip(tmp_path / "0.pt", weights="predictor", folder=tmp_path)
    assert not list(tmp_path.glob("*.png"))


def test_check_command_prints_figures_and_writes_pictures(chip, tmp_path, run):
    result = run("check", chip, "-w", "predictor", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "2.0" in result.stdout and "JND" in result.stdout and "PSNR" in result.stdout
    target, output = (read(tmp_path / "out" / f"7-{name}.png") for name in ("target", "output"))
    assert target.shape == output.shape == (3, 96, 96)
    assert float(target.float().mean()) > float(output.float().mean()) + 2, "the target is lighter"
    again = run("check", chip, "-w", "predictor", "-o", tmp_path / "out")
    assert again.exit_code == 1 and "--overwrite" in again.stderr
    assert run("check", chip, "-w", "predictor", "-o", tmp_path / "out", "--overwrite").exit_code == 0


@pytest.mark.parametrize(("limit", "code"), [(1.9, 3), (2.1, 0), (0, 3)])
def test_fail_above_ends_with_exit_code_3(chip, tmp_path, run, limit, code):
    result = run("check", chip, "-w", "predictor", "-o", tmp_path / "out", "--fail-above", limit, "--json")
    assert result.exit_code == code
    assert json.loads(result.stdout)["delta_e"] == pytest.approx(2, abs=0.01)


def test_weights_option_changes_the_result(chip, tmp_path, run, network):
    save_model(network, tmp_path / "a.safetensors")
    plain, other = (
        json.loads(run("check", chip, "-w", weights, "-o", tmp_path / "out", "--overwrite", "--json").stdout)
        for weights in ("predictor", tmp_path / "a.safetensors")
    )
    assert other["delta_e"] != plain["delta_e"] and other["predictor"] == plain["predictor"]


def test_quiet_prints_nothing_and_bad_input_one_line(chip, tmp_path, run):
    result = run("check", chip, "-w", "predictor", "-o", tmp_path / "out", "-q")
    assert (result.exit_code, result.output) == (0, "")
    (tmp_path / "bad.pt").write_text("no chip")
    for bad in (tmp_path / "bad.pt", tmp_path / "gone.pt"):
        result = run("check", bad, "-o", tmp_path / "none")
        assert result.exit_code == 1 and len(result.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "none").exists()
