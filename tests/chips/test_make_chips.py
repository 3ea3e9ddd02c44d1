import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ards import CID, SMALL, contents, rows, write_ard
from potato.ard.walk import walk_ard
from potato.chips.chip import digest, load_chip
from potato.chips.folder import open_folder
from potato.chips.make import make_chips
from potato.core.windows import PairWindow
from potato.errors import ArdError, ChipError, InputError, OutputError
from potato.raster.gdal_env import gdal
from potato.raster.pair import open_pair


def test_two_runs_of_12_chips_equal_one_of_24(ard, whole, tmp_path):
    first = make_chips(ard, tmp_path, count=12, **SMALL)
    second = make_chips(ard, tmp_path, count=12, starting_from=12, **SMALL)
    assert (first.made, second.made) == (12, 12)
    assert contents(tmp_path) == whole


def test_the_order_of_runs_does_not_matter(ard, whole, tmp_path):
    make_chips(ard, tmp_path, count=12, starting_from=12, **SMALL)
    alone = contents(tmp_path)
    assert alone == {name: data for name, data in whole.items() if name[:-3] in map(str, range(12, 24))} | {
        "manifest.jsonl": b"".join(whole["manifest.jsonl"].splitlines(keepends=True)[12:])
    }
    make_chips(ard, tmp_path, count=12, **SMALL)
    assert contents(tmp_path) == whole


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_any_number_of_workers_gives_identical_chips(ard, whole, tmp_path, workers):
    make_chips(ard, tmp_path, count=24, workers=workers, **SMALL)
    assert contents(tmp_path) == whole


def test_resume_after_sigkill_gives_identical_chips(ard, whole, tmp_path):
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
def test_resume_repairs_a_torn_manifest_and_damaged_chips(ard, whole, tmp_path, cut):
    make_chips(ard, tmp_path, count=24, **SMALL)
    manifest = tmp_path / "manifest.jsonl"
    # The last line is torn, two chips are missing, one is damaged, one file is half written.
    manifest.write_bytes(manifest.read_bytes()[: -1 - cut])
    (tmp_path / "23.pt").unlink()
    (tmp_path / "5.pt").unlink()
    (tmp_path / "7.pt").write_bytes(b"damaged")
    (tmp_path / ".23.pt.4711.partial").write_bytes(b"half")
    assert make_chips(ard, tmp_path, count=24, **SMALL).made == 3
    assert contents(tmp_path) == whole


def test_resume_after_a_full_disk_gives_identical_chips(ard, whole, tmp_path):
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


def test_a_second_run_in_one_folder_is_refused(ard, tmp_path):
    with open_folder(tmp_path, "x"), pytest.raises(ChipError, match="another run"):
        make_chips(ard, tmp_path, count=1, **SMALL)


def test_a_named_pipe_in_place_of_a_chip_is_replaced(tmp_path):
    with open_folder(tmp_path, "x") as chips:
        chips.put(0, {}, b"chip")
        (tmp_path / "0.pt").unlink()
        os.mkfifo(tmp_path / "0.pt")
        assert not chips.has(0)
        chips.put(0, {}, b"chip")
        assert chips.has(0)


def test_a_folder_with_other_chips_is_refused(ard, whole, tmp_path):
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


def test_an_invalid_manifest_is_refused(ard, tmp_path):
    for text in ("[]\n", "{}\n", "hello\n", '{"n": 0}\n{"n": 0}\n', '{"n": -1}\n', '{"n": true}\n'):
        (tmp_path / "manifest.jsonl").write_text(text)
        with pytest.raises(ChipError, match=r"manifest\.jsonl, line"):
            make_chips(ard, tmp_path, count=1, **SMALL)


def test_manifest_rows_match_the_chips(ard, tmp_path):
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


def test_a_local_source_transfers_no_bytes(ard, tmp_path):
    assert make_chips(ard, tmp_path, count=1, **SMALL).bytes_moved is None


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
def test_impossible_numbers_are_refused_before_the_start(ard, tmp_path, settings_, words):
    with pytest.raises(InputError, match=words):
        make_chips(ard, tmp_path / "chips", **{"count": 1, **SMALL, **settings_})
    assert not (tmp_path / "chips").exists()


def test_overlapping_chips_are_warned_of_before_the_start(ard, tmp_path):
    said = []
    make_chips(ard, tmp_path, count=20, tell=said.append, **SMALL)
    assert said == ["20 chips are more than the 15 that this ground holds side by side: they will overlap"]


def test_tiles_too_small_for_a_chip_are_an_error(ard, tmp_path):
    with pytest.raises(ArdError, match="4 tiles, smaller than a chip"):
        make_chips(ard, tmp_path, count=1)


def test_without_extra_halving_a_chip_takes_half_the_ground_side(ard, tmp_path):
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
            [sys.executable, Path(__file__).parents[2] / "chip.py", *line.split()],
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


def test_the_command_prints_its_result(ard, tmp_path, run):
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


def test_an_unwritable_log_is_an_error(ard, tmp_path):
    with pytest.raises(OutputError, match="log"):
        make_chips(ard, tmp_path / "chips", count=1, log=tmp_path / "no" / "folder.log", **SMALL)
