from pathlib import Path

import numpy as np
import pytest
import torch

import pairs
from ards import a_chip, pixels
from potato.chips.chip import load_chip, save_chip
from potato.chips.contact_sheet import chips_sheet
from potato.chips.wald import coarsen_pair
from potato.errors import ChipError, InputError, OutputExists


@pytest.fixture
def pool(tmp_path) -> Path:
    folder = tmp_path / "pool"
    folder.mkdir()
    for n in range(5):
        save_chip(a_chip(seed=n), folder / f"{n}.pt")
    return folder


def test_a_contact_sheet_shows_pan_mul_and_target(pool, tmp_path, run):
    result = run("chips-sheet", pool, tmp_path / "sheet.png", "-n", 3, "-s", 1)
    assert result.exit_code == 0, result.stderr
    assert "chips 1, 2, 3" in result.stdout
    with pytest.warns(Warning, match="no geotransform"):
        sheet = pairs.read(tmp_path / "sheet.png")
    assert sheet.shape == (3, 2 * 40 + 8, 2 * 3 * 40 + 8)
    expected = load_chip(pool / "2.pt").draw().numpy()
    assert np.array_equal(sheet[:, 8:48, 128:248], expected)
    assert (sheet[:, 48:, 128:] == 255).all()


def test_invalid_pixels_are_magenta():
    valid = np.ones((256, 256), bool)
    valid[:8, :8] = False
    drawn = coarsen_pair(pixels(64, 0, valid)).draw()
    magenta = (drawn == torch.tensor([255.0, 0, 255])[:, None, None]).all(0)
    assert magenta.nonzero().tolist() == [[0, 0], [0, 80]]


def test_impossible_contact_sheets_are_refused(pool, tmp_path):
    output = tmp_path / "sheet.png"
    with pytest.raises(ChipError, match="found none"):
        chips_sheet(tmp_path / "nowhere", output)
    with pytest.raises(ChipError, match="found none"):
        chips_sheet(pool, output, starting_from=99)
    with pytest.raises(InputError):
        chips_sheet(pool, output, count=0)
    save_chip(a_chip(cells=4), pool / "5.pt")
    with pytest.raises(ChipError, match="one size"):
        chips_sheet(pool, output)
    assert not output.exists()
    output.touch()
    with pytest.raises(OutputExists):
        chips_sheet(pool, output, count=2)
    chips_sheet(pool, output, count=2, columns=1, overwrite=True)
    assert output.stat().st_size > 100
