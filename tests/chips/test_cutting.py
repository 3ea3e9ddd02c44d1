import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from ards import CID, OTHER, SMALL, contents, damage, rows, write_ard, write_tile
from potato.ard.inspection import open_tile
from potato.ard.synthetic.builder import make_ard
from potato.ard.walk import walk_ard
from potato.chips.chip import load_chip
from potato.chips.make import make_chips
from potato.chips.wald import coarsen_pair
from potato.core.platforms import find_sensor
from potato.core.windows import PairWindow
from potato.errors import ArdError, InputError


def test_unused_items_are_counted_and_logged(tmp_path, run):
    make_ard(tmp_path / "event", tiles=2, size=544)
    log = tmp_path / "chips.log"
    result = make_chips(tmp_path / "event", tmp_path / "chips", count=3, log=log, **SMALL)
    assert result.skipped == {
        "a missing file": 1,
        "an asset without an href": 1,
        "neither pan nor mul": 1,
        "a sensor that Potato doesn't know: XY01": 1,
        "pan only": 1,
    }
    lines = log.read_text().splitlines()
    assert sum(" not used: /" in line for line in lines) == 5
    assert any("a sensor that Potato doesn't know: XY01" in line for line in lines)
    assert re.findall(r":\d\d chip (\d+): ", log.read_text()) == ["0", "1", "2"]
    assert "not used: 1 tile, pan only" in str(result)
    make_chips(tmp_path / "event", tmp_path / "chips", count=4, log=log, **SMALL)
    assert len(log.read_text().splitlines()) > len(lines), "a log is added to"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A tile each of three satellites."""
    root = tmp_path_factory.mktemp("mixed") / "ard"
    write_tile(root)
    write_tile(root, 1, cid="1050010000000C00", sensor=find_sensor("GE01"))
    write_tile(root, 2, cid="efa23864-4920-4cb9-91bb-c140d7666417-inv", sensor=find_sensor("WV04"))
    return root


def test_chips_are_cut_of_the_sensors_that_are_named(mixed, tmp_path, run):
    usual = make_chips(mixed, tmp_path / "usual", count=2, **SMALL)
    assert {row["platform"] for row in rows(tmp_path / "usual")} == {"WV02"}
    assert usual.skipped == {f"of {name}, which --sensor doesn't name": 1 for name in ("GE01", "WV04")}
    folder = tmp_path / "four"
    names = "--sensor", "geoeye-01", "--sensor", "WV04"
    result = run("make-chips", "--ard-dir", mixed, "--chip-dir", folder, "-n", 8, "--size", 32, *names)
    assert result.exit_code == 0, result.stderr
    assert {row["platform"] for row in rows(folder)} == {"GE01", "WV04"}
    tiles = {tile.cid: tile for tile in walk_ard(str(mixed))}
    for row in rows(folder):
        chip = load_chip(folder / f"{row['n']}.pt")
        with open_tile(tiles[row["cid"]]) as pair:
            expected = coarsen_pair(pair.read(PairWindow(*row["window"])), sensor=pair.sensor)
        assert chip.sensor == expected.sensor and len(chip.sensor.bands) == 4
        assert torch.equal(chip.mul, expected.mul) and torch.equal(chip.target, expected.target)
        assert chip.draw().shape[0] == 3


def test_the_order_of_sensors_changes_no_chip(mixed, tmp_path):
    for name, sensors in (("a", ["GE01", "WV04"]), ("b", ["WV04", "GE01"])):
        make_chips(mixed, tmp_path / name, count=2, sensors=sensors, **SMALL)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize(
    ("sensors", "words"),
    [
        (["WV02", "GE01"], r"same bands, found WV02 \(coastal .*\), GE01 \(blue green red nir\); cut each"),
        (["WV05"], "`potato sensors` lists, found WV05"),
        ([], "found none"),
    ],
)
def test_sensors_that_are_unknown_or_differ_in_bands_are_refused(mixed, tmp_path, sensors, words):
    with pytest.raises(InputError, match=words):
        make_chips(mixed, tmp_path / "chips", count=1, sensors=sensors, **SMALL)
    assert not (tmp_path / "chips").exists()


def test_an_allow_list_may_have_blank_lines_spaces_and_any_line_ends(ard, tmp_path):
    write_tile(tmp_path / "ard", 0, 0)
    write_tile(tmp_path / "ard", 1, 0, cid=OTHER)
    allow = tmp_path / "allow.txt"
    allow.write_bytes(b"\xef\xbb\xbf\r\n  " + OTHER.lower().encode() + b" \r\n\r\n10300100DEADBEEF\r\nhello")
    said = []
    result = make_chips(
        tmp_path / "ard", tmp_path / "chips", count=3, allow_list=allow, tell=said.append, **SMALL
    )
    assert {row["cid"] for row in rows(tmp_path / "chips")} == {OTHER}
    assert result.skipped == {"not on the allow-list": 1}
    assert said == list(result.warnings) and "10300100DEADBEEF, HELLO" in said[0]
    table = b"cid,seeing\n1030010000000A00,4.5"
    for content, words in (
        (b" \r\n", "found no line"),
        (b"\xff\xfe", "not a text file"),
        (table, "found 'cid,seeing'; if that is a table"),
    ):
        allow.write_bytes(content)
        with pytest.raises(InputError, match=words):
            make_chips(tmp_path / "ard", tmp_path / "x", count=1, allow_list=allow, **SMALL)
    with pytest.raises(InputError, match="No such file"):
        make_chips(tmp_path / "ard", tmp_path / "x", count=1, allow_list=tmp_path / "gone.txt", **SMALL)
    allow.write_text("10300100DEADBEEF")
    with pytest.raises(ArdError, match="2 tiles, not on the allow-list"):
        make_chips(tmp_path / "ard", tmp_path / "x", count=1, allow_list=allow, **SMALL)


def test_cloudy_tiles_are_left_out(tmp_path):
    for column, clouds in enumerate((0, 20, 21, None)):
        write_tile(tmp_path / "ard", column, changes={"tile:clouds_percent": clouds})
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=8, max_clouds=20, **SMALL)
    assert {row["clouds"] for row in rows(tmp_path / "chips")} == {0, 20, None}
    assert result.skipped == {"too cloudy": 1}


@pytest.mark.parametrize("mask", [True, False])
def test_invalid_ground_gives_no_chip(tmp_path, mask):
    half = np.zeros((136, 136), bool)
    half[:, :75] = True
    write_tile(tmp_path / "ard", valid=half, mask=mask)
    make_chips(tmp_path / "ard", tmp_path / "a", count=6, **SMALL)
    assert all(row["window"][1] + 64 <= 75 and row["valid"] == 1 for row in rows(tmp_path / "a"))
    make_chips(tmp_path / "ard", tmp_path / "b", count=20, minimum_valid=0.6, **SMALL)
    valid = [row["valid"] for row in rows(tmp_path / "b")]
    assert 0.6 <= min(valid) < 0.8 and len(set(valid)) > 2


def test_a_tile_with_too_little_data_is_not_opened(tmp_path):
    sliver = np.zeros((136, 136), bool)
    sliver[:, :20] = True
    item = write_tile(tmp_path / "ard", valid=sliver)
    write_tile(tmp_path / "ard", 1)
    item.with_name(f"{CID}-pan.tif").write_bytes(b"not opened")
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=3, **SMALL)
    assert result.skipped == {"too little valid": 1} and not result.passed


def test_a_tile_with_less_valid_ground_than_its_item_says_is_skipped(tmp_path):
    write_tile(tmp_path / "ard", valid=np.zeros((136, 136), bool), changes={"tile:data_area": 28.2})
    write_tile(tmp_path / "ard", 1)
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=8, **SMALL)
    assert result.made == 8 and result.passed == {"too little valid": 1}


def test_holes_too_small_for_the_map_are_found_in_the_window(tmp_path):
    holed = np.ones((136, 136), bool)
    holed[::2, :80:2] = False  # the map, of every second cell, sees the others
    write_tile(tmp_path / "ard", valid=holed, changes={"tile:data_area": 28.2})
    write_tile(tmp_path / "ard", 1)
    log = tmp_path / "log"
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=12, log=log, **SMALL)
    assert result.made == 12 and result.passed["too little valid"] > 2
    assert all(row["valid"] >= 0.99 for row in rows(tmp_path / "chips"))
    assert "columns" in log.read_text().split("too little valid (")[1]
    again = make_chips(tmp_path / "ard", tmp_path / "again", count=6, starting_from=6, workers=1, **SMALL)
    assert again.made == 6 and rows(tmp_path / "again") == rows(tmp_path / "chips")[6:]


def change_assets(item: Path, **changes) -> None:
    data = json.loads(item.read_text())
    for asset in data["assets"].values():
        asset.update(changes)
    item.write_text(json.dumps(data))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"proj:shape": [548, 548]}, "pan has 544 × 544 pixels, its item says 548 × 548"),
        ({"proj:bbox": [399_943.75, 3_994_843.75, 405_256.25, 4_000_156.25]}, "m from where its item says"),
    ],
)
def test_a_tile_with_another_size_or_place_than_its_item_says_is_skipped(tmp_path, changes, words):
    change_assets(write_tile(tmp_path / "ard"), **changes)
    write_tile(tmp_path / "ard", 1)
    log = tmp_path / "log"
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=8, log=log, **SMALL)
    assert result.made == 8 and result.passed == {"item and file disagree": 1}
    assert log.read_text().count(words) == 1
    assert {row["quadkey"] for row in rows(tmp_path / "chips")} == {
        tile.quadkey for tile in walk_ard(str(tmp_path / "ard")) if tile.bbox[0] > 404_000
    }


def test_a_damaged_tile_is_skipped_and_moves_no_other_chip(tmp_path):
    for folder in ("good", "bad"):
        write_ard(tmp_path / folder, 3, 1)
    damaged = sorted((tmp_path / "bad").rglob("*-pan.tif"))[1]
    damage(damaged)
    log = tmp_path / "log"
    make_chips(tmp_path / "good", tmp_path / "a", count=24, **SMALL)
    result = make_chips(tmp_path / "bad", tmp_path / "b", count=24, log=log, **SMALL)
    assert result.made == 24 and result.passed.keys() == {"damaged"}
    assert log.read_text().count("tried in vain for") == result.passed["damaged"] >= 2
    good, bad = rows(tmp_path / "a"), rows(tmp_path / "b")
    quadkey = damaged.parts[-3]
    changed = [n for n in range(24) if good[n] != bad[n]]
    assert changed and all(good[n]["quadkey"] == quadkey for n in changed)
    # The readable part of the damaged tile gives chips, alike for any start and number of workers.
    assert any(row["quadkey"] == quadkey for row in bad)
    make_chips(tmp_path / "bad", tmp_path / "c", count=12, starting_from=12, workers=5, **SMALL)
    make_chips(tmp_path / "bad", tmp_path / "c", count=12, workers=1, **SMALL)
    assert contents(tmp_path / "b") == contents(tmp_path / "c")


def test_a_truncated_tile_gives_chips_of_its_readable_part(tmp_path):
    make_ard(tmp_path / "event", tiles=1, size=1088, broken=False)
    pan = next(tmp_path.rglob("*-pan.tif"))
    pan.write_bytes(pan.read_bytes()[: pan.stat().st_size * 9 // 10])
    result = make_chips(tmp_path / "event", tmp_path / "chips", count=6, **SMALL)
    assert result.made == 6 and result.passed.keys() == {"damaged"}


@pytest.mark.parametrize("content", [b"", b"<html>no</html>", None])
def test_a_tile_that_is_no_pair_of_images_is_skipped(tmp_path, content):
    item = write_tile(tmp_path / "ard")
    write_tile(tmp_path / "ard", 1)
    mul = item.with_name(f"{CID}-ms.tif")
    mul.write_bytes(item.with_name(f"{CID}-pan.tif").read_bytes() if content is None else content)
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=6, **SMALL)
    assert result.made == 6 and result.passed == {"no pair" if content is None else "unreadable": 1}


def test_a_run_without_any_good_window_is_an_error(tmp_path):
    item = write_tile(tmp_path / "ard")
    item.with_name(f"{CID}-ms.tif").write_bytes(b"nothing")
    with pytest.raises(ArdError, match="chip 0: expected ground"):
        make_chips(tmp_path / "ard", tmp_path / "chips", count=6, **SMALL)
