import errno
import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import ards
import worker_jobs
from fused_ards import NAME, OURS, TILE, collect, fuse_inline, lonlat, names, states
from potato import fuse
from potato.errors import ArdError, DiskFullError, OutputError, OutputExists
from potato.fusion.ard.finish import record_work
from potato.fusion.ard.manifest import MANIFEST, open_manifest, read_manifest
from potato.fusion.ard.plan import TileJob
from potato.fusion.ard.tile import fuse_tile
from potato.model.weights import save_model
from potato.raster.atomic import writing
from servers import Fault, serve_folder


def test_pictures_lie_in_the_tree_of_the_ard_and_equal_those_of_fuse(ard, fused, tmp_path):
    assert (fused.done, fused.mosaics, fused.complete) == (4, 1, True)
    items = sorted(path.relative_to(ard / "ard").with_suffix("") for path in ard.rglob("103*0A00.json"))
    assert names(fused.folder) == list(map(str, items)) and len(items) == 4
    stem = ard / "ard" / items[0]
    fuse(f"{stem}-pan.tif", f"{stem}-ms.tif", tmp_path / "alone.tif")
    assert (tmp_path / "alone.tif").read_bytes() == (fused.folder / f"{items[0]}.tif").read_bytes()


def test_a_second_run_changes_nothing(ard, out):
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = fuse_inline(ard, out, mosaic="cog")
    assert (again.done, again.there, again.mosaics) == (0, 4, 0) and again.complete
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_what_tiles_lack_is_told_and_kept_in_the_manifest(tmp_path):
    ards.write_ard(tmp_path / "ard", 2, 1, side=32)
    item = next((tmp_path / "ard").rglob("103*.json"))
    next(item.parent.glob("*-ms.tif")).unlink()
    name = str(item.relative_to(tmp_path / "ard").with_suffix(""))
    reason = f"a missing file (ms_analytic: {ards.CID}-ms.tif)"
    found = fuse_inline(tmp_path / "ard", tmp_path / "out", dry_run=True, mosaic="cog")
    assert found.faults == {name: reason} and found.mosaics == 1 and "1 mosaic to make" in str(found)
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", profile="tiled")
    assert made.faults == {name: reason} and f"can't be sharpened: {name}: {reason}" in str(made)
    row = read_manifest(tmp_path / "out").rows[name]
    assert (row.state, row.reason) == ("unusable", reason)
    lines = (tmp_path / "out" / MANIFEST).read_text()
    assert fuse_inline(tmp_path / "ard", tmp_path / "out", profile="tiled").done == 0
    assert (tmp_path / "out" / MANIFEST).read_text() == lines


def test_where_the_tiles_lie_is_told_if_none_is_in_the_area(ard, tmp_path):
    with pytest.raises(ArdError, match=r"4 tiles, outside of the area; its tiles lie between -118\.11"):
        fuse_inline(ard, tmp_path / "out", bbox=(1, 2, 3, 4))


@pytest.mark.parametrize("option", ["TARGET_SRS=EPSG:99999", "COMPRES=LZW"])
def test_creation_options_that_fail_for_every_tile_are_refused_before_the_first(ard, tmp_path, option):
    for dry_run in (True, False):
        with pytest.raises(OutputError, match=f"leave out what is wrong of the creation options {option}"):
            options = dict([option.split("=")])
            fuse_inline(ard, tmp_path / "out", creation_options=options, dry_run=dry_run)
    assert not list((tmp_path / "out").glob("*"))


def test_a_picture_that_the_disk_failed_to_take_is_made_by_the_next_run(tmp_path):
    job = TileJob(TILE, str(tmp_path), OURS)

    def fail(record):
        with writing(job.output):
            raise OSError(errno.EIO, "Input/output error")

    def refuse(record):
        raise OutputError("no")

    assert record_work(job, fail).transient and not record_work(job, refuse).transient


def test_only_missing_pictures_are_made(ard, out):
    first, second, *_ = names(out)
    (out / f"{first}.tif").unlink()
    with (out / f"{second}.tif").open("ab") as file:
        file.truncate(1000)
    again = fuse_inline(ard, out, mosaic="cog")
    # The mosaic's pictures are what they were, and so is the mosaic.
    assert (again.done, again.there, again.mosaics) == (2, 2, 0)
    whole = hashlib.sha256((out / f"{second}.tif").read_bytes()).hexdigest()
    assert whole == read_manifest(out).rows[second].digest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"look": "flat"}, "look: natural, now flat"),
        ({"creation_options": {"COMPRESS": "LZW"}}, "creation options"),
        ({"crop_to_square": True}, "crop to cell: False, now True"),
        ({"bbox": "middle"}, "area"),
        ({"profile": "tiled"}, "profile"),
        ({"weights": "network"}, "weights"),
    ],
)
def test_pictures_of_other_weights_or_options_need_overwrite(ard, out, network, tmp_path, change, told):
    if "weights" in change:
        save_model(network, tmp_path / "net.safetensors")
        change = {"weights": tmp_path / "net.safetensors"}
    if "bbox" in change:
        low, high = (lonlat(ards.WEST + x, ards.NORTH - y) for x, y in ((1000, 9000), (9000, 1000)))
        change = {"bbox": (*low, *high)}
    name = names(out)[0]
    before = (out / f"{name}.tif").read_bytes()
    with pytest.raises(OutputExists, match=rf"found 4 pictures of others .*{told}.*--overwrite"):
        fuse_inline(ard, out, **change)
    assert (out / f"{name}.tif").read_bytes() == before
    again = fuse_inline(ard, out, cids=[ards.CID], overwrite=True, **change)
    assert again.done == 4 and (out / f"{name}.tif").read_bytes() != before


def test_another_device_or_number_of_workers_is_no_change_of_settings(ard, out):
    assert fuse_inline(ard, out, device="cpu", workers=2).there == 4


def test_a_picture_that_the_manifest_does_not_list_is_not_replaced(ard, tmp_path):
    mine = tmp_path / "out" / f"{NAME}.tif"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    made = fuse_inline(ard, tmp_path / "out")
    assert made.done == 3 and mine.read_text() == "mine"
    assert "there is a file of this name already" in made.failed[0].reason


@pytest.mark.parametrize("where", ["event", "event/ard", "event/out", "door/out"])
def test_an_output_folder_inside_the_ard_is_refused(tmp_path, where):
    """Items of pictures have the names of the items that they are made from."""
    ards.write_tile(tmp_path / "event" / "ard")
    (tmp_path / "door").symlink_to(tmp_path / "event")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match="expected a folder outside of the ARD"):
        fuse_inline(tmp_path / "event", tmp_path / where)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_picture_in_the_place_of_an_item_is_refused_before_any_work(tmp_path, inline):
    """The folder that the output has for a zone leads to the ARD's own."""
    item = ards.write_tile(tmp_path / "ard", 0, 0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "11").symlink_to(tmp_path / "ard" / "11")
    before = item.read_bytes()
    with pytest.raises(OutputError, match="found the input"):
        fuse_inline(tmp_path / "ard", tmp_path / "out")
    assert item.read_bytes() == before and not list(tmp_path.rglob("*.partial"))


def test_a_collection_that_no_run_made_is_not_replaced(ard, tmp_path):
    (tmp_path / "collection.json").write_text("{}")
    with pytest.raises(OutputExists, match=r"found the collection\.json of something else"):
        fuse_inline(ard, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["collection.json"]


def test_a_second_run_in_one_folder_is_refused(ard, tmp_path):
    with (
        open_manifest(tmp_path / "out"),
        pytest.raises(OutputError, match="another run is writing there"),
    ):
        fuse_inline(ard, tmp_path / "out")


def test_processes_give_identical_bytes(ard, fused, tmp_path):
    made = fuse_inline(ard, tmp_path / "out", workers=2, mosaic="cog")
    assert made.done == 4 and made.complete
    for name in names(fused.folder):
        assert (made.folder / f"{name}.tif").read_bytes() == (fused.folder / f"{name}.tif").read_bytes()


def test_a_run_that_is_killed_is_finished_by_repeating_it(ard, fused, tmp_path):
    third = names(fused.folder)[2]
    with serve_folder(ard) as server:
        collect(ard)
        server.faults[f"/ard/{third}-pan.tif"] = fault = Fault("hang")
        run = subprocess.Popen(
            [sys.executable, "-m", "potato", "fuse-ard", server.url, tmp_path / "out", "-j", "1", "--mosaic"]
        )
        assert fault.met.wait(60)
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
    found = states(tmp_path / "out")
    assert [found.get(name) for name in names(fused.folder)] == ["done", "done", "started", None]
    again = fuse_inline(ard, tmp_path / "out", mosaic="cog")
    assert (again.there, again.done, again.mosaics) == (2, 2, 1)
    for name in [*names(fused.folder), "mosaic/11/1030010000000A00"]:
        assert (again.folder / f"{name}.tif").read_bytes() == (fused.folder / f"{name}.tif").read_bytes()


def test_repeating_a_killed_run_removes_everything_half_written(ard, fused, out):
    first, _, third, _ = names(out)
    # A picture in its place but not yet in the manifest; half a line; half a picture; half an item.
    lines = (out / MANIFEST).read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if first.encode() not in line and third.encode() not in line]
    kept.append(json.dumps({"tile": first, "state": "started", "signature": "x"}).encode() + b"\n")
    (out / MANIFEST).write_bytes(b"".join(kept) + b'{"tile": "' + third.encode())
    (out / f"{third}.tif").unlink()
    stem = Path(third).name
    (out / third).parent.joinpath(f".{stem}.tif.abc.partial").mkdir()
    (out / third).parent.joinpath(f".{stem}.json.123.partial").write_text("{")
    again = fuse_inline(ard, out)
    assert (again.there, again.done) == (2, 2) and again.complete
    assert not [path for path in out.rglob("*") if "partial" in path.name]
    for name in (first, third):
        assert (out / f"{name}.tif").read_bytes() == (fused.folder / f"{name}.tif").read_bytes()
    assert all(json.loads(line) for line in (out / MANIFEST).read_text().splitlines())


def test_a_tile_whose_worker_dies_is_fused_by_the_next_run(tmp_path, monkeypatch, run):
    """The worker dies again when it works alone; then memory is there again."""
    ards.write_tile(tmp_path / "ard", 0, 0)
    ards.write_tile(tmp_path / "ard", 1, 0)
    monkeypatch.setattr("potato.fusion.ard.ard_run.fuse_tile", worker_jobs.fuse_first_and_die)
    command = "fuse-ard", tmp_path / "ard", tmp_path / "out", "-j", 1, "--device", "cpu"
    first = run(*command)
    assert first.exit_code == 3 and "1 tile fused" in first.stdout
    assert "killed (SIGKILL), also when it worked alone; is there too little memory?" in first.stdout
    assert "repeat the command to try these again" in first.stdout
    monkeypatch.undo()
    again = fuse_inline(tmp_path / "ard", tmp_path / "out", device="cpu")
    assert (again.there, again.done) == (1, 1) and again.complete
    assert not [path for path in (tmp_path / "out").rglob("*") if "partial" in path.name]


def test_a_full_disk_ends_the_run_at_once(ard, tmp_path, monkeypatch):
    def without_room(job):
        if job.name == NAME:
            return fuse_tile(job)
        monkeypatch.setattr("potato.raster.finished.shutil.disk_usage", lambda _: SimpleNamespace(free=10))
        try:
            return fuse_tile(job)
        finally:
            monkeypatch.undo()

    with monkeypatch.context() as patch:
        patch.setattr("potato.fusion.ard.ard_run.fuse_tile", without_room)
        with pytest.raises(DiskFullError, match="the disk is full"):
            fuse_inline(ard, tmp_path / "out")
    assert list(states(tmp_path / "out").values()) == ["done", "started"]
    assert fuse_inline(ard, tmp_path / "out").done == 3


def test_a_run_that_the_disk_has_no_room_for_does_not_begin(ard, tmp_path, monkeypatch, run):
    free = 5_000_000
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    refused = run("fuse-ard", ard, tmp_path / "out", "-j", 4)
    assert refused.exit_code == 1 and re.search(r"room for about \d+\.\d MB, found 5\.0 MB", refused.stderr)
    assert states(tmp_path / "out") == {}
    assert read_manifest(tmp_path / "out").rows == {} and names(tmp_path / "out") == []
    free = 300_000_000
    assert fuse_inline(ard, tmp_path / "out").done == 4


def test_an_interrupted_run_leaves_nothing_half_written(ard, tmp_path, monkeypatch):
    def interrupted(job):
        if job.name == NAME:
            return fuse_tile(job)
        job.output.parent.joinpath(f".{job.output.name}.abc.partial").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr("potato.fusion.ard.ard_run.fuse_tile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fuse_inline(ard, tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if "partial" in path.name]
    assert names(tmp_path / "out") == [NAME]
    collection = json.loads((tmp_path / "out" / "collection.json").read_text())
    assert [link["href"] for link in collection["links"] if link["rel"] == "item"] == [f"./{NAME}.json"]


def test_a_tile_that_is_not_what_its_item_says_fails_alone(ard, tmp_path):
    root = shutil.copytree(ard, tmp_path / "ard")
    item = next(root.rglob("103*.json"))
    data = json.loads(item.read_text())
    data["assets"]["pan_analytic"]["proj:bbox"] = [
        value + 20 for value in data["assets"]["pan_analytic"]["proj:bbox"]
    ]
    item.write_text(json.dumps(data))
    made = fuse_inline(root, tmp_path / "out")
    assert made.done == 3 and "item and file disagree: the corners of pan lie 20.0 m" in made.failed[0].reason


def test_the_command_prints_a_summary(ard, tmp_path, run, inline):
    result = run(
        "fuse-ard", ard, tmp_path / "out", "-j", "1", "--mosaic", "--look", "flat", "--cid", ards.CID
    )
    assert result.exit_code == 0, result.output
    assert "4 tiles fused, 1 mosaic; 2.2 Mpx" in result.stdout
    place = next(line for line in result.stdout.splitlines() if line.startswith("mosaics: "))
    assert len(list(Path(place.removeprefix("mosaics: ")).rglob("*.tif"))) == 1
    facts = json.loads(run("fuse-ard", ard, tmp_path / "out", "--look", "flat", "--json").stdout)
    assert facts["there"] == 4 and facts["complete"] is True
    assert run("fuse-ard", ard, tmp_path / "out", "--look", "flat", "-q").output == ""
    refused = run("fuse-ard", ard, tmp_path / "out")
    assert refused.exit_code == 1 and "look: flat, now natural" in refused.stderr
    dry = json.loads(run("fuse-ard", ard, tmp_path / "new", "--dry-run", "--json").stdout)
    assert len(dry["tiles"]) == 4 and not (tmp_path / "new").exists()


def test_a_bounding_box_may_begin_with_a_negative_number(ard, tmp_path, run):
    box = ("-119", "30", "-117", "40")
    found = run("fuse-ard", ard, tmp_path / "out", "--bbox", *box, "--dry-run")
    assert found.exit_code == 0 and "4 tiles to fuse" in found.stdout
    both = run("fuse-ard", ard, tmp_path / "out", "--bbox", *box, "--aoi", "x.geojson")
    assert both.exit_code == 1 and "give one" in both.stderr


def test_failures_are_listed_with_exit_code_3_until_they_are_repaired(ard, tmp_path, run, inline):
    root = shutil.copytree(ard, tmp_path / "ard")
    pan = next(root.rglob("*-pan.tif"))
    good = pan.read_bytes()
    pan.write_bytes(good[: len(good) // 2])
    result = run("fuse-ard", root, tmp_path / "out", "-j", "1")
    assert result.exit_code == 3
    assert "3 tiles fused" in result.stdout and result.stdout.count("failed: 11/") == 1
    quiet = run("fuse-ard", root, tmp_path / "out", "-j", "1", "-q")
    assert quiet.exit_code == 3 and quiet.stdout == "" and "failed: 11/" in quiet.stderr
    pan.write_bytes(good)
    again = run("fuse-ard", root, tmp_path / "out", "-j", "1")
    assert (
        again.exit_code == 3
        and "0 tiles fused, 3 already there" in again.stdout
        and "failed: 11/" in again.stdout
    )
    last = run("fuse-ard", root, tmp_path / "out", "-j", "1", "--retry-failed")
    assert last.exit_code == 0 and "1 tile fused, 3 already there" in last.stdout


def test_each_tile_that_ends_has_a_line_on_stderr_and_in_a_log(tmp_path, run, inline):
    ards.write_ard(tmp_path / "ard", 2, 1, side=32)
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    options = ("fuse-ard", tmp_path / "ard", tmp_path / "out", "--profile", "tiled", "-w", "predictor")
    told = run(*options, "--cid", ards.CID, "-v", "--log", log)
    lines = told.stderr.splitlines()
    assert len(lines) == 2 and all(": done, 128 × 128 pixels, 100% valid, " in line for line in lines)
    kept = log.read_text().splitlines()
    assert kept[0] == "before" and [line.split(" ", 1)[1] for line in kept[1:]] == lines
    assert "fused" in told.stdout
