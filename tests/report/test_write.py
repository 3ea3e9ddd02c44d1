"""`write_report` and `potato report`: refusals, overwriting, output."""

import json

import numpy as np
import pytest

import pairs
from pages import data_of
from pictures import noise, write_picture
from potato.errors import EmptyError, GridError, InputError, OutputExists
from potato.report.write import write_report


def test_pictures_on_different_grids_are_refused(fused, pair, tmp_path):
    _, pictures = fused
    small = write_picture(tmp_path / "small.tif", noise((90, 120, 60), 40, 40))
    moved = pairs.CORNER @ pairs.Affine.translation(7, 0)
    aside = write_picture(tmp_path / "aside.tif", noise((90, 120, 60), 160, 160), place=moved)
    for other, says in ((small, "one size"), (aside, "one grid")):
        with pytest.raises(GridError, match=says):
            write_report([pictures["natural"], other], tmp_path / "a.html")
    with pytest.raises(GridError, match="one size"):
        write_report([small], tmp_path / "a.html", pair=(pair.pan, pair.mul))
    assert not (tmp_path / "a.html").exists()


def test_a_window_without_valid_pixels_is_refused(tmp_path):
    codes = noise((90, 120, 60), 64, 64)
    valid = np.zeros((64, 64), bool)
    valid[32:] = True
    picture = write_picture(tmp_path / "a.tif", codes, valid)
    with pytest.raises(EmptyError, match="rows 0–16, columns 0–64"):
        write_report([picture], tmp_path / "a.html", window=(0, 0, 16, 64))
    with pytest.raises(InputError, match="one picture or more"):
        write_report([], tmp_path / "a.html")


def test_an_existing_page_is_replaced_only_with_overwrite(fused, tmp_path):
    _, pictures = fused
    page = tmp_path / "a.html"
    page.write_text("mine")
    with pytest.raises(OutputExists):
        write_report([pictures["natural"]], page)
    assert page.read_text() == "mine"
    write_report([pictures["natural"]], page, overwrite=True)
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_the_command_writes_the_page_and_prints_the_result(fused, tmp_path, run):
    pair, pictures = fused
    page = tmp_path / "a.html"
    base = ("report", *pictures.values(), "-o", page, "--pair", pair.pan, pair.mul)
    result = run(*base, "--window", 8, 8, 64, 64)
    assert result.exit_code == 0 and "rows 8–72" in result.stdout
    assert data_of(page)["window"] == [8, 8, 64, 64]
    result = run(*base, "--overwrite", "--json")
    assert json.loads(result.stdout)["layers"][3] == "pan"
    assert run(*base, "--overwrite", "--quiet").output == ""
    assert run(*base).exit_code == 1 and run("report", "-o", page).exit_code == 2
    assert run(*base, "--overwrite", "--window", 900, 0, 9, 9).exit_code == 1


def test_options_of_reading_reach_the_pair(pair, tmp_path, run):
    _, mul = pairs.ground(40, 40)
    place = pairs.CORNER @ pairs.Affine.scale(4)
    unnamed = pairs.write(tmp_path / "four.tif", mul[[1, 2, 4, 6]], place)
    picture = write_picture(tmp_path / "a.tif", noise((90, 120, 60), 160, 160))
    base = ("report", picture, "-o", tmp_path / "a.html", "--pair", pair.pan, unnamed)
    refused = run(*base)
    assert refused.exit_code == 1 and "--sensor" in refused.stderr
    assert run(*base, "--sensor", "GE01").exit_code == 0
