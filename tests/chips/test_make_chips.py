import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potato.ard import walk_ard
from potato.ard.synthetic import make_ard
from potato.chips import load_chip
from potato.chips.chip import digest
from potato.chips.folder import open_folder
from potato.chips.make import make_chips
from potato.chips.placement import GOLDEN, R2, Lattice, Placement
from potato.chips.survey import grid_square_window
from potato.core.windows import PairWindow
from potato.errors import ArdError, ChipError, InputError, OutputError
from potato.raster import gdal, open_pair, remote

from ards import CID, OTHER, contents, write_ard, write_tile
from servers import FolderServer, serve_bucket, serve_folder

REPOSITORY = Path(__file__).parents[2]
SMALL = {"size": 32}
"""Chips of 32 pan pixels: each reads 64 × 64 cells, and a tile of 136 × 136 has 9 × 9 places for
them."""


@pytest.fixture(scope="module")
def ard(tmp_path_factory) -> Path:
    """Four tiles, one of them with a slanted edge."""
    root = write_ard(tmp_path_factory.mktemp("ard"))
    slant = np.arange(136)[None, :] + 0.3 * np.arange(136)[:, None] < 130
    write_tile(root, 1, 1, valid=slant)
    return root


@pytest.fixture(scope="module")
def whole(ard, tmp_path_factory) -> dict[str, bytes]:
    """What is in the folder after 24 chips made at once."""
    folder = tmp_path_factory.mktemp("whole")
    make_chips(ard, folder, count=24, **SMALL)
    return contents(folder)


def rows(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


# Restarting.


def test_two_halves_are_the_whole(ard, whole, tmp_path):
    first = make_chips(ard, tmp_path, count=12, **SMALL)
    second = make_chips(ard, tmp_path, count=12, starting_from=12, **SMALL)
    assert (first.made, second.made) == (12, 12)
    assert contents(tmp_path) == whole


def test_the_second_half_first_is_the_whole_too(ard, whole, tmp_path):
    make_chips(ard, tmp_path, count=12, starting_from=12, **SMALL)
    alone = contents(tmp_path)
    assert alone == {name: data for name, data in whole.items() if name[:-3] in map(str, range(12, 24))} | {
        "manifest.jsonl": b"".join(whole["manifest.jsonl"].splitlines(keepends=True)[12:])
    }
    make_chips(ard, tmp_path, count=12, **SMALL)
    assert contents(tmp_path) == whole


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_the_number_of_workers_does_not_show(ard, whole, tmp_path, workers):
    make_chips(ard, tmp_path, count=24, workers=workers, **SMALL)
    assert contents(tmp_path) == whole


def test_killed_at_any_moment_it_goes_on_to_the_same_end(ard, whole, tmp_path):
    folder = tmp_path / "chips"
    call = f"make_chips({str(ard)!r}, {str(folder)!r}, count=24, size=32)"
    code = f"from potato.chips.make import make_chips; {call}"
    waits = random.Random(5)
    there = [0]
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", code])
        goal = there[-1] + waits.randint(2, 7)
        while process.poll() is None and len(list(folder.glob("[0-9]*.pt"))) < goal:
            time.sleep(0.0005)
        time.sleep(waits.random() * 0.004)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it was to be killed at work"
        there.append(len(list(folder.glob("[0-9]*.pt"))))
    assert there[-1] < 24
    result = make_chips(ard, folder, count=24, **SMALL)
    assert result.there == there[-1] and result.made == 24 - there[-1]
    assert contents(folder) == whole


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_what_a_crash_leaves_is_mended(ard, whole, tmp_path, cut):
    make_chips(ard, tmp_path, count=24, **SMALL)
    manifest = tmp_path / "manifest.jsonl"
    # The last line torn, its chip not there yet, another not there, one damaged, a file half
    # written.
    manifest.write_bytes(manifest.read_bytes()[: -1 - cut])
    (tmp_path / "23.pt").unlink()
    (tmp_path / "5.pt").unlink()
    (tmp_path / "7.pt").write_bytes(b"damaged")
    (tmp_path / ".23.pt.4711.partial").write_bytes(b"half")
    assert make_chips(ard, tmp_path, count=24, **SMALL).made == 3
    assert contents(tmp_path) == whole


def test_a_full_disk_stops_it_and_it_goes_on_later(ard, whole, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"\.pt: can't write"):
            make_chips(ard, tmp_path, count=24, **SMALL)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.glob("*.pt"))
    make_chips(ard, tmp_path, count=24, **SMALL)
    assert contents(tmp_path) == whole


def test_two_runs_do_not_meet_in_one_folder(ard, tmp_path):
    with open_folder(tmp_path, "x"), pytest.raises(ChipError, match="another run"):
        make_chips(ard, tmp_path, count=1, **SMALL)


def test_other_chips_are_refused(ard, whole, tmp_path):
    make_chips(ard, tmp_path, count=2, **SMALL)
    before = contents(tmp_path)
    others = [{"size": 16}, {"extra_halving": False}, {"minimum_valid": 0.5}]
    for settings_ in others:
        with pytest.raises(ChipError, match="other settings"):
            make_chips(ard, tmp_path, count=2, **{**SMALL, **settings_})
    with pytest.raises(ChipError, match="other settings"):
        make_chips(write_ard(tmp_path.with_name("other"), 1, 1), tmp_path, count=2, **SMALL)
    assert contents(tmp_path) == before
    (tmp_path / "77.pt").write_bytes(b"a stranger")
    with pytest.raises(ChipError, match=r"77\.pt"):
        make_chips(ard, tmp_path, count=2, **SMALL)


def test_a_manifest_that_is_none_is_refused(ard, tmp_path):
    for text in ("[]\n", "{}\n", "hello\n", '{"n": 0}\n{"n": 0}\n', '{"n": -1}\n', '{"n": true}\n'):
        (tmp_path / "manifest.jsonl").write_text(text)
        with pytest.raises(ChipError, match=r"manifest\.jsonl, line"):
            make_chips(ard, tmp_path, count=1, **SMALL)


# Where chips lie.


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40))
@settings(max_examples=40, deadline=None)
def test_after_any_number_of_chips_each_tile_has_its_due(areas):
    placement = Placement(areas)
    counts = np.zeros(len(areas))
    due = np.array(areas) / sum(areas)
    for place in placement.places(0, 400):
        assert place.rank == counts[place.tile]
        counts[place.tile] += 1
        assert np.abs(counts - due * (place.n + 1)).max() < 3


@pytest.mark.parametrize("start", [0, 1, 65_535, 65_536, 140_000])
def test_places_do_not_depend_on_where_one_begins(start):
    placement = Placement([5, 1, 3])
    everything = list(placement.places(0, 140_010))
    assert list(placement.places(start, 10)) == everything[start : start + 10]
    assert [place.n for place in everything] == list(range(140_010))


def test_the_constants_are_what_they_are_called():
    golden = Fraction(GOLDEN, 1 << 64)
    assert abs(golden * (golden + 1) - 1) < Fraction(1, 1 << 60)
    first, second = (Fraction(number, 1 << 64) for number in R2)
    # g³ = g + 1 with first = 1/g and second = 1/g².
    assert abs(first**3 + first**2 - 1) < Fraction(1, 1 << 60)
    assert abs(second - first**2) < Fraction(1, 1 << 60)


def lattice(name="tile", good=None, side=8, cells=136, minimum=0.9):
    coverage = np.ones((cells, cells), bool) if good is None else good
    return Lattice(name, PairWindow(4, 4, cells - 8, cells - 8), side, 2, coverage, 1, minimum)


def test_windows_stay_inside_and_come_once():
    field = lattice(side=120, cells=136)
    found = [field.window(rank) for rank in range(field.windows)]
    assert len(set(found)) == field.windows == 25
    assert all(min(w.row, w.column) >= 4 and max(w.bottom, w.right) <= 132 for w in found)
    assert field.window(25) is None
    assert field.other(12345) in found


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_a_tile_is_covered_evenly_by_any_number_of_chips(name):
    field = lattice(name)
    seen = np.zeros((61, 61))
    for rank in range(200):
        window = field.window(rank)
        seen[(window.row - 4) // 2, (window.column - 4) // 2] += 1
        if rank >= 8:
            for part in (seen[:30], seen[31:], seen[:, :30], seen[:, 31:]):
                assert abs(part.sum() - (rank + 1) * part.size / seen.size) < 4, "chance would have it 7 off"


def test_valid_ground_is_covered_evenly_and_only_it():
    good = np.add.outer(np.arange(136), np.arange(136)) < 136
    field = lattice(good=good, minimum=1.0)
    windows = [field.window(rank) for rank in range(150)]
    assert all(good[w.row : w.bottom, w.column : w.right].all() for w in windows)
    upper = sum(w.row < 30 for w in windows)
    expected = sum(good[r : r + 8, c : c + 8].all() for r in range(4, 30, 2) for c in range(4, 124, 2))
    assert upper == pytest.approx(150 * expected / field.windows, abs=5)


def test_no_ground_is_cut_from_two_tiles(ard, whole, tmp_path):
    make_chips(ard, tmp_path, count=60, **SMALL)
    tiles = {(tile.quadkey, tile.cid): tile for tile in walk_ard(str(ard))}
    ground = {}
    for row in rows(tmp_path):
        tile = tiles[row["quadkey"], row["cid"]]
        inside = grid_square_window(tile, 136, 136)
        assert inside == PairWindow(4, 4, 128, 128)
        window = PairWindow(*row["window"])
        assert inside.row <= window.row and window.bottom <= inside.bottom
        assert inside.column <= window.column and window.right <= inside.right
        ground.setdefault(row["quadkey"], set()).add((tile.bbox[0], tile.bbox[3], window.row, window.column))
    assert len(ground) == 4
    # 60 chips, 60 different windows.
    assert sum(map(len, ground.values())) == 60


def test_chips_fall_on_tiles_by_their_valid_ground(ard, whole, tmp_path):
    make_chips(ard, tmp_path, count=60, **SMALL)
    counts = Counter(row["quadkey"] for row in rows(tmp_path))
    areas = {tile.quadkey: tile.data_area for tile in walk_ard(str(ard))}
    for quadkey, area in areas.items():
        assert counts[quadkey] == pytest.approx(60 * area / sum(areas.values()), abs=2)


def test_the_manifest_tells_the_truth(ard, tmp_path):
    result = make_chips(ard, tmp_path, count=6, **SMALL)
    tiles = {(tile.quadkey, tile.cid): tile for tile in walk_ard(str(ard))}
    for n, row in enumerate(rows(tmp_path)):
        assert (
            row["n"] == n and row["plan"] == result.plan and row["platform"] == "WV02" and row["zone"] == 11
        )
        assert row["digest"] == digest((tmp_path / f"{n}.pt").read_bytes())
        tile = tiles[row["quadkey"], row["cid"]]
        with gdal(), open_pair(tile.pan, tile.mul) as pair:
            pan = pair.read(PairWindow(*row["window"])).pan
        chip = load_chip(tmp_path / f"{n}.pt")
        assert (
            chip.pan[0].int().tolist()
            == np.floor(pan.astype(float).reshape(32, 8, 32, 8).mean((1, 3)) + 0.5).astype(int).tolist()
        )
        assert row["valid"] == round(float(chip.valid.float().mean()), 4) >= 0.99
        assert row["metres"] == pytest.approx(64 * 5312.5 / 136, abs=0.1)
        assert -118.2 < row["lon"] < -118 and 36 < row["lat"] < 36.2


# Sources.


@pytest.fixture(scope="module")
def sharp(tmp_path_factory) -> Path:
    """Two tiles whose files are large beside what a chip needs of them."""
    root = tmp_path_factory.mktemp("event") / "ard"
    write_ard(root, 2, 1, side=340)
    links = []
    for item in sorted(root.rglob("*.json")):
        links.append({"rel": "item", "href": f"../{item.relative_to(root).as_posix()}"})
    folder = root / "acquisition_collections"
    folder.mkdir()
    (folder / f"{CID}_collection.json").write_text(json.dumps({"links": links}))
    event = {"links": [{"rel": "child", "href": f"./ard/acquisition_collections/{CID}_collection.json"}]}
    (root.parent / "collection.json").write_text(json.dumps(event))
    return root.parent


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.01))
    # GDAL asks for many ranges at once.
    monkeypatch.setattr(FolderServer, "request_queue_size", 128)


def test_chips_from_a_bucket_and_from_the_web_are_those_of_a_folder(sharp, tmp_path):
    make_chips(sharp, tmp_path / "folder", count=5, **SMALL)
    expected = contents(tmp_path / "folder")
    with serve_bucket(sharp) as address:
        bucket = make_chips(address, tmp_path / "bucket", count=5, **SMALL)
    assert contents(tmp_path / "bucket") == expected
    with serve_folder(sharp) as server:
        web = make_chips(server.url, tmp_path / "web", count=5, **SMALL)
        sent = server.sent
    assert contents(tmp_path / "web") == expected
    assert bucket.bytes_moved and web.bytes_moved
    # A fifth of the ground: what moves is the blocks under the windows, and little else.
    files = sum(path.stat().st_size for path in sharp.rglob("*.tif"))
    blocks = 5 * (6**2 * 2 * 64**2 + 2**2 * 8 * 2 * 64**2)
    headers = 4 * 64 * 1024
    assert web.bytes_moved <= sent < blocks + headers < files / 2
    assert bucket.bytes_moved < blocks + headers
    assert "MB moved" in str(web)


def test_a_local_source_moves_nothing(ard, tmp_path):
    assert make_chips(ard, tmp_path, count=1, **SMALL).bytes_moved is None


def test_a_server_that_fails_stops_the_run_and_changes_no_chip(sharp, tmp_path):
    make_chips(sharp, tmp_path / "folder", count=5, **SMALL)
    with serve_folder(sharp) as server:
        server.faults[r".*-pan\.tif"] = 503
        with pytest.raises(ArdError, match="repeat the command later"):
            make_chips(server.url, tmp_path / "web", count=5, **SMALL)
        server.faults.clear()
        assert not list((tmp_path / "web").glob("*.pt"))
        make_chips(server.url, tmp_path / "web", count=5, **SMALL)
    assert contents(tmp_path / "web") == contents(tmp_path / "folder")


@pytest.mark.parametrize("failing", [(1,), (2,), (3,), (4,), (6, 9), (8,), (13, 14)])
def test_a_hiccup_of_the_network_is_no_damage(sharp, tmp_path, monkeypatch, failing):
    make_chips(sharp, tmp_path / "folder", count=2, **SMALL)
    with serve_folder(sharp) as server:
        asked = iter(range(1, 1_000_000))
        monkeypatch.setattr(
            server, "fault", lambda path: 503 if path.endswith(".tif") and next(asked) in failing else None
        )
        result = make_chips(server.url, tmp_path / "web", count=2, workers=1, **SMALL)
    assert contents(tmp_path / "web") == contents(tmp_path / "folder")
    assert not result.passed


def test_a_damaged_file_on_the_web_is_damaged_as_in_a_folder(sharp, tmp_path):
    event = shutil.copytree(sharp, tmp_path / "event")
    for pan in event.rglob("*-pan.tif"):
        spoil(pan)
    make_chips(event, tmp_path / "folder", count=4, **SMALL)
    with serve_folder(event) as server:
        result = make_chips(server.url, tmp_path / "web", count=4, **SMALL)
    assert result.passed.keys() == {"damaged"}
    assert contents(tmp_path / "web") == contents(tmp_path / "folder")


def test_items_that_cannot_be_fetched_just_now_stop_the_run(sharp, tmp_path):
    item = next(sharp.rglob(f"{CID}.json")).relative_to(sharp)
    with serve_folder(sharp) as server:
        server.faults[f"/{item.as_posix()}"] = 503
        with pytest.raises(ArdError, match="every item counts"):
            make_chips(server.url, tmp_path / "chips", count=1, **SMALL)
        server.faults[f"/{item.as_posix()}"] = 404
        result = make_chips(server.url, tmp_path / "chips", count=1, **SMALL)
    assert result.skipped == {"can't be read: the server says 404 Not Found": 1}


def test_a_file_that_is_gone_from_the_web_is_passed_over(sharp, tmp_path):
    gone = next(sharp.rglob("*-pan.tif")).relative_to(sharp)
    with serve_folder(sharp) as server:
        server.faults[f"/{gone.as_posix()}"] = 404
        result = make_chips(server.url, tmp_path, count=5, **SMALL)
    assert result.made == 5 and result.passed == {"unreadable": 1}
    assert {row["quadkey"] for row in rows(tmp_path)} != {gone.parts[-3]} and len(rows(tmp_path)) == 5


# What isn't used, and why.


def test_everything_that_is_not_used_is_counted_and_logged(tmp_path, run):
    make_ard(tmp_path / "event", tiles=2, size=544)
    log = tmp_path / "chips.log"
    result = make_chips(tmp_path / "event", tmp_path / "chips", count=3, log=log, **SMALL)
    assert result.skipped == {
        "a missing file": 1,
        "an asset without an href": 1,
        "neither pan nor mul": 1,
        "not WorldView-2 or -3": 2,
    }
    lines = log.read_text().splitlines()
    assert sum(" not used: /" in line for line in lines) == 5
    assert any("not WorldView-2 or -3 (GE01)" in line for line in lines)
    assert re.findall(r":\d\d chip (\d+): ", log.read_text()) == ["0", "1", "2"]
    assert "2 not WorldView-2 or -3" in str(result)
    make_chips(tmp_path / "event", tmp_path / "chips", count=4, log=log, **SMALL)
    assert len(log.read_text().splitlines()) > len(lines), "a log is added to"


def test_an_allow_list_is_taken_as_people_write_it(ard, tmp_path):
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
    for content, words in ((b" \r\n", "found no line"), (b"\xff\xfe", "not a text file")):
        allow.write_bytes(content)
        with pytest.raises(InputError, match=words):
            make_chips(tmp_path / "ard", tmp_path / "x", count=1, allow_list=allow, **SMALL)
    with pytest.raises(InputError, match="No such file"):
        make_chips(tmp_path / "ard", tmp_path / "x", count=1, allow_list=tmp_path / "gone.txt", **SMALL)
    allow.write_text("10300100DEADBEEF")
    with pytest.raises(ArdError, match="2 not on the allow-list"):
        make_chips(tmp_path / "ard", tmp_path / "x", count=1, allow_list=allow, **SMALL)


def test_cloudy_tiles_are_left_out(tmp_path):
    for column, clouds in enumerate((0, 20, 21, None)):
        write_tile(tmp_path / "ard", column, changes={"tile:clouds_percent": clouds})
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=8, max_clouds=20, **SMALL)
    assert {row["clouds"] for row in rows(tmp_path / "chips")} == {0, 20, None}
    assert result.skipped == {"too cloudy": 1}


@pytest.mark.parametrize("mask", [True, False])
def test_ground_that_is_not_valid_gives_no_chip(tmp_path, mask):
    half = np.zeros((136, 136), bool)
    half[:, :75] = True
    write_tile(tmp_path / "ard", valid=half, mask=mask)
    make_chips(tmp_path / "ard", tmp_path / "a", count=6, **SMALL)
    assert all(row["window"][1] + 64 <= 75 and row["valid"] == 1 for row in rows(tmp_path / "a"))
    make_chips(tmp_path / "ard", tmp_path / "b", count=20, minimum_valid=0.6, **SMALL)
    valid = [row["valid"] for row in rows(tmp_path / "b")]
    assert 0.6 <= min(valid) < 0.8 and len(set(valid)) > 2


def test_a_sliver_of_a_tile_is_not_even_opened(tmp_path):
    sliver = np.zeros((136, 136), bool)
    sliver[:, :20] = True
    item = write_tile(tmp_path / "ard", valid=sliver)
    write_tile(tmp_path / "ard", 1)
    item.with_name(f"{CID}-pan.tif").write_bytes(b"not opened")
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=3, **SMALL)
    assert result.skipped == {"too little valid": 1} and not result.passed


def test_a_tile_that_lies_about_what_is_valid_is_passed_over(tmp_path):
    write_tile(tmp_path / "ard", valid=np.zeros((136, 136), bool), changes={"tile:data_area": 28.2})
    write_tile(tmp_path / "ard", 1)
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=8, **SMALL)
    assert result.made == 8 and result.passed == {"too little valid": 1}


def test_holes_too_small_for_the_map_are_found_when_a_window_is_read(tmp_path):
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


def lie(item: Path, **changes) -> None:
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
def test_a_tile_that_lies_about_its_size_or_place_is_passed_over(tmp_path, changes, words):
    lie(write_tile(tmp_path / "ard"), **changes)
    write_tile(tmp_path / "ard", 1)
    log = tmp_path / "log"
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=8, log=log, **SMALL)
    assert result.made == 8 and result.passed == {"not as its item says": 1}
    assert log.read_text().count(words) == 1
    assert {row["quadkey"] for row in rows(tmp_path / "chips")} == {
        tile.quadkey for tile in walk_ard(str(tmp_path / "ard")) if tile.bbox[0] > 404_000
    }


def spoil(path: Path) -> None:
    """Zeros where blocks near the lower edge were."""
    data = path.read_bytes()
    low, high = len(data) * 80 // 100, len(data) * 88 // 100
    path.write_bytes(data[:low] + bytes(high - low) + data[high:])


def test_a_damaged_tile_is_passed_over_and_moves_no_other_chip(tmp_path):
    for folder in ("good", "bad"):
        write_ard(tmp_path / folder, 3, 1)
    damaged = sorted((tmp_path / "bad").rglob("*-pan.tif"))[1]
    spoil(damaged)
    log = tmp_path / "log"
    make_chips(tmp_path / "good", tmp_path / "a", count=24, **SMALL)
    result = make_chips(tmp_path / "bad", tmp_path / "b", count=24, log=log, **SMALL)
    assert result.made == 24 and result.passed.keys() == {"damaged"}
    assert log.read_text().count("tried in vain for") == result.passed["damaged"] >= 2
    good, bad = rows(tmp_path / "a"), rows(tmp_path / "b")
    quadkey = damaged.parts[-3]
    changed = [n for n in range(24) if good[n] != bad[n]]
    assert changed and all(good[n]["quadkey"] == quadkey for n in changed)
    # What could be read in it was, and whatever the number of workers or the start it is the same.
    assert any(row["quadkey"] == quadkey for row in bad)
    make_chips(tmp_path / "bad", tmp_path / "c", count=12, starting_from=12, workers=5, **SMALL)
    make_chips(tmp_path / "bad", tmp_path / "c", count=12, workers=1, **SMALL)
    assert contents(tmp_path / "b") == contents(tmp_path / "c")


def test_a_truncated_tile_gives_what_it_has(tmp_path):
    make_ard(tmp_path / "event", tiles=1, size=1088, broken=False)
    pan = next(tmp_path.rglob("*-pan.tif"))
    pan.write_bytes(pan.read_bytes()[: pan.stat().st_size * 8 // 10])
    result = make_chips(tmp_path / "event", tmp_path / "chips", count=9, **SMALL)
    assert result.made == 9 and result.passed.keys() == {"damaged"}


@pytest.mark.parametrize("content", [b"", b"<html>no</html>", None])
def test_a_tile_that_is_no_image_is_passed_over(tmp_path, content):
    item = write_tile(tmp_path / "ard")
    write_tile(tmp_path / "ard", 1)
    mul = item.with_name(f"{CID}-ms.tif")
    mul.write_bytes(item.with_name(f"{CID}-pan.tif").read_bytes() if content is None else content)
    result = make_chips(tmp_path / "ard", tmp_path / "chips", count=6, **SMALL)
    assert result.made == 6 and result.passed == {"no pair" if content is None else "unreadable": 1}


def test_ground_without_a_single_good_chip_ends_the_run(tmp_path):
    item = write_tile(tmp_path / "ard")
    item.with_name(f"{CID}-ms.tif").write_bytes(b"nothing")
    with pytest.raises(ArdError, match="chip 0: expected ground"):
        make_chips(tmp_path / "ard", tmp_path / "chips", count=6, **SMALL)


# Numbers that make no sense, and options that do.


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"count": 0}, "1 chip or more"),
        ({"starting_from": -1}, "from 0 or later"),
        ({"count": 325}, "at most 324 chips"),
        ({"count": 5, "starting_from": 320}, "at most 324 chips"),
        ({"size": 30}, "multiple of 4"),
        ({"minimum_valid": 0}, "above 0"),
        ({"minimum_valid": 1.5}, "up to 1"),
    ],
)
def test_impossible_numbers_are_said_before_starting(ard, tmp_path, settings_, words):
    with pytest.raises(InputError, match=words):
        make_chips(ard, tmp_path / "chips", **{"count": 1, **SMALL, **settings_})
    assert not (tmp_path / "chips").exists()


def test_chips_that_will_overlap_are_said_before_starting(ard, tmp_path):
    said = []
    make_chips(ard, tmp_path, count=20, tell=said.append, **SMALL)
    assert said == ["20 chips are more than the 15 that this ground holds side by side: they will overlap"]


def test_tiles_too_small_for_a_chip_are_said(ard, tmp_path):
    with pytest.raises(ArdError, match="4 smaller than a chip"):
        make_chips(ard, tmp_path, count=1)


def test_without_the_extra_halving_half_as_much_ground_makes_a_chip(ard, tmp_path):
    make_chips(ard, tmp_path, count=2, extra_halving=False, **SMALL)
    assert all(row["window"][2:] == [32, 32] for row in rows(tmp_path))
    assert load_chip(tmp_path / "0.pt").size == (32, 32)


def test_the_commands_of_the_tutorial_work(ard, whole, tmp_path):
    (tmp_path / "ards").mkdir()
    (tmp_path / "ards" / "italy23").symlink_to(ard)
    (tmp_path / "chips" / "italy23").mkdir(parents=True)
    (tmp_path / "allow.txt").write_text(CID + "\n")

    def chip(line):
        return subprocess.run(
            [sys.executable, REPOSITORY / "chip.py", *line.split()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            check=False,
        )

    line = "make-chips --ard-dir ards/italy23 --chip-dir chips/italy23 --log italy23.log --size 32"
    first = chip(f"{line} -n 12")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("chips/italy23: 12 chips made")
    assert chip(f"{line} --count 12 --starting-from 12 --allow-list allow.txt").returncode == 0
    assert contents(tmp_path / "chips" / "italy23") == whole
    assert len(re.findall(r":\d\d chip \d+: ", (tmp_path / "italy23.log").read_text())) == 24
    wrong = chip("fuse a b c")
    assert wrong.returncode != 0 and "make-chips" in wrong.stderr


def test_the_command_tells_what_it_did(ard, tmp_path, run):
    arguments = ["make-chips", "--ard-dir", ard, "--chip-dir", tmp_path / "chips", "--size", 32]
    result = run(*arguments, "-n", 20, "--json", "-j", 2, "--max-clouds", 50, "--minimum-valid", 0.9)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["made"] == 20 and told["there"] == 0 and len(told["plan"]) == 16
    assert "will overlap" in result.stderr
    again = run(*arguments, "-n", 20, "--max-clouds", 50, "--minimum-valid", 0.9)
    assert "0 chips made, 20 were there" in again.stdout
    quiet = run(*arguments, "-n", 20, "--max-clouds", 50, "--minimum-valid", 0.9, "-q")
    assert (quiet.stdout, quiet.stderr, quiet.exit_code) == ("", "", 0)
    refused = run(*arguments, "--no-extra-halving", "-n", 1)
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1
    assert run(*arguments, "-n", 0).exit_code == 2
    assert run("make-chips", "--ard-dir", tmp_path / "no", "--chip-dir", tmp_path / "x").exit_code == 1


def test_a_log_that_cannot_be_written_is_said(ard, tmp_path):
    with pytest.raises(OutputError, match="log"):
        make_chips(ard, tmp_path / "chips", count=1, log=tmp_path / "no" / "folder.log", **SMALL)
