"""`potato doctor`: this machine, and an ARD with each kind of flaw."""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from affine import Affine

import ards
import pairs
import servers
from potato.doctor import bucket, leftovers, machine, software
from potato.doctor.ards import REMEDIES
from potato.doctor.examination import examine
from potato.errors import WeightsError


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No request leaves this machine: nothing listens on its port 9."""
    monkeypatch.setenv("AWS_S3_ENDPOINT", "127.0.0.1:9")
    monkeypatch.setenv("AWS_HTTPS", "NO")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def findings(source, tiles: int = 64) -> dict[str, tuple[str, str]]:
    """State and text of each kind of finding about an ARD."""
    names = {f"ARD, {name}": kind for kind, (_, name, _) in REMEDIES.items()} | {"ARD": "ARD"}
    found = [each for each in examine(str(source), tiles=tiles).findings if each.subject in names]
    assert all(each.remedy for each in found if each.state != "fine")
    return {names[each.subject]: (each.state, each.found) for each in found}


def change(item: Path, edit) -> None:
    """Edit the JSON of an item in place."""
    data = json.loads(item.read_text())
    edit(data)
    item.write_text(json.dumps(data))


IDENTITY = Affine.identity()


def rewrite(item: Path, kind: str, edit=lambda pixels: pixels, place=IDENTITY, **profile) -> None:
    """Write an image of a tile again, with other pixels, elsewhere, or in another form."""
    path = item.with_name(f"{ards.CID}-{kind}.tif")
    with rasterio.open(path) as file:
        pixels, transform, names = file.read(), file.transform, file.descriptions
        mask = file.dataset_mask() > 0
    pixels = edit(pixels)
    named = names if len(names) == len(pixels) else None
    pairs.write(path, pixels, transform @ place, names=named, **({"mask": mask} | profile))


def remove(path: Path) -> None:
    path.unlink()


def cut(item: Path) -> None:
    path = item.with_name(f"{ards.CID}-pan.tif")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def twice(item: Path) -> None:
    folder = item.parents[3] / "copy" / item.relative_to(item.parents[3]).parent
    shutil.copytree(item.parent, folder)


def moved(item: Path, metres: float) -> None:
    """A tile whose item and images all say that it lies elsewhere."""
    for kind in ("pan", "ms"):
        with rasterio.open(item.with_name(f"{ards.CID}-{kind}.tif")) as file:
            pixel = file.transform.a
        rewrite(item, kind, place=Affine.translation(metres / pixel, 0))
    for key in ("pan_analytic", "ms_analytic"):
        change(item, lambda data, key=key: _move(data["assets"][key], metres))


def _move(asset: dict, metres: float) -> None:
    west, south, east, north = asset["proj:bbox"]
    asset["proj:bbox"] = [west + metres, south, east + metres, north]


def overlapping(item: Path) -> None:
    """Two tiles without quadkeys, whose grid squares are their images without the overlap."""
    other = ards.write_tile(item.parents[3], 1)
    for one in (item, other):
        change(one, lambda data: data["properties"].update(quadkey=""))
    place = other.parents[1].rename(other.parents[1].with_name("000000000001"))
    moved(place / other.parent.name / other.name, -1000.0)


HALF = np.add.outer(np.zeros(136), np.arange(136)) < 68

FLAWS = {
    "an item that isn't JSON": (lambda item: item.write_text("{"), "broken", "unreadable JSON"),
    "a second copy": (twice, "twice", "there twice"),
    "no mul": (lambda item: remove(item.with_name(f"{ards.CID}-ms.tif")), "missing", "a missing file"),
    "a link to a secret": (
        lambda item: change(
            item, lambda data: data["assets"]["pan_analytic"].update(href="../../../../../etc/passwd")
        ),
        "missing",
        "leaves the ARD",
    ),
    "another platform": (
        lambda item: change(item, lambda data: data["properties"].update(platform="WV01")),
        "sensors",
        "a sensor that Potato doesn't know: WV01",
    ),
    "no pan of a sensor that has no mul": (
        lambda item: change(item, lambda data: data["assets"].pop("ms_analytic")),
        "others",
        "pan only",
    ),
    "no mul of an unknown sensor": (
        lambda item: [
            remove(item.with_name(f"{ards.CID}-ms.tif")),
            change(item, lambda data: data["properties"].update(platform="WV01")),
        ],
        "sensors",
        "WV01",
    ),
    "visual only": (lambda item: change(item, lambda data: data["assets"].clear()), "others", "neither"),
    "a quadkey of another place": (
        lambda item: change(item, lambda data: data["properties"].update(quadkey="0" * 12)),
        "quadkey",
        "outside the grid square",
    ),
    "two tiles on one ground": (overlapping, "overlap", "share 1000 × 5000 m"),
    "half a file": (cut, "unreadable", "can't open pan|damaged or cut short"),
    "no image": (lambda item: item.with_name(f"{ards.CID}-ms.tif").write_text("x"), "unreadable", "ms.tif"),
    "three bands": (lambda item: rewrite(item, "ms", lambda pixels: pixels[:3]), "bands", "found 3 bands"),
    "a pan of half the size": (
        lambda item: rewrite(item, "pan", lambda pixels: pixels[:, ::2, ::2], Affine.scale(2), mask=None),
        "pair",
        "4 times as large as pan's, found 2 × 2",
    ),
    "another CRS": (lambda item: rewrite(item, "ms", crs="EPSG:32612"), "pair", "in one CRS|EPSG:32611"),
    "half a pixel off": (
        lambda item: rewrite(item, "ms", place=Affine.translation(0.125, 0)),
        "resampled",
        "resampled",
    ),
    "another size than it says": (
        lambda item: change(item, lambda data: data["assets"]["pan_analytic"].update({"proj:shape": [9, 9]})),
        "size",
        "pan has 544 × 544 pixels, its item says 9 × 9",
    ),
    "another place than it says": (
        lambda item: [
            change(item, lambda data, key=key: _move(data["assets"][key], 500))
            for key in ("pan_analytic", "ms_analytic")
        ],
        "place",
        "500.0 m from where",
    ),
    "another zone than it says": (
        lambda item: change(item, lambda data: data["properties"].update({"proj:code": "EPSG:32612"})),
        "place",
        "pan is in EPSG:32611, its item says EPSG:32612",
    ),
    "nothing valid": (lambda item: rewrite(item, "ms", mask=np.zeros((136, 136))), "empty", "no pixel"),
    "half of mul masked": (lambda item: rewrite(item, "ms", mask=HALF), "masks", "50% of pan"),
    "neither mask nor nodata": (lambda item: rewrite(item, "pan", mask=None), "mask", "pan.tif has neither"),
    "another data_area than it says": (
        lambda item: change(item, lambda data: data["properties"].update({"tile:data_area": 14.1})),
        "area",
        "100% of the tile is valid, its item says 50%",
    ),
}


class TestArd:
    def test_a_good_ard_is_fine(self, tmp_path):
        ards.write_ard(tmp_path)
        assert findings(tmp_path) == {
            "ARD": ("fine", f"4 good tiles of 1 CID, 4 of them opened ({tmp_path})")
        }

    @pytest.mark.parametrize("name", FLAWS)
    def test_each_flaw_is_found(self, tmp_path, name):
        spoil, kind, text = FLAWS[name]
        ards.write_tile(tmp_path, 0, 3)
        spoil(ards.write_tile(tmp_path))
        found = findings(tmp_path)
        state, said = found.pop(kind)
        assert state == ("wrong" if REMEDIES[kind][0] else "note")
        assert any(part in said for part in text.split("|")), said
        assert found.pop("ARD")[0] == "fine"
        # A flaw may cause findings of a second kind.
        assert set(found) <= {"masks": {"area"}, "overlap": {"quadkey"}}.get(kind, set()), found

    def test_large_images_in_rows_or_without_overviews_are_noted(self, tmp_path):
        item = ards.write_tile(tmp_path, side=272)
        rewrite(item, "pan", tiled=False, blockxsize=None, blockysize=None)
        found = findings(tmp_path)
        assert found["overviews"][0] == found["strips"][0] == "note" and "pan.tif" in found["strips"][1]
        with rasterio.open(item.with_name(f"{ards.CID}-pan.tif"), "r+") as file:
            file.build_overviews([2])
        assert "overviews" not in findings(tmp_path)

    def test_flaws_of_one_kind_share_a_finding(self, tmp_path):
        ards.write_ard(tmp_path)
        for path in tmp_path.rglob("*-ms.tif"):
            path.unlink()
        found = findings(tmp_path)
        assert found["missing"][1].endswith(", and 3 more")
        assert found["ARD"] == ("wrong", f"no tile that can be sharpened ({tmp_path})")

    @pytest.mark.parametrize("tiles, opened", [(0, 0), (1, 1), (3, 2), (4, 4), (99, 4)])
    def test_at_most_the_given_number_of_tiles_is_opened(self, tmp_path, tiles, opened):
        ards.write_ard(tmp_path)
        assert f"{opened} of them opened" in findings(tmp_path, tiles)["ARD"][1]

    def test_a_folder_without_an_ard_is_wrong(self, tmp_path):
        assert findings(tmp_path / "no")["ARD"][0] == "wrong"
        assert "found none" in findings(tmp_path)["ARD"][1]

    def test_findings_in_a_bucket_equal_those_in_a_folder(self, tmp_path):
        ards.write_tile(tmp_path, 1)
        cut(ards.write_tile(tmp_path))
        local = findings(tmp_path)
        with servers.serve_bucket(tmp_path) as address:
            remote = findings(address)
        assert set(remote) == set(local) == {"ARD", "unreadable"}


class TestBucket:
    def test_a_bucket_that_answers_is_fine(self, tmp_path):
        (tmp_path / "x").write_text("x")
        with servers.serve_bucket(tmp_path, bucket.BUCKET):
            (finding,) = bucket.examine_bucket()
        assert finding.state == "fine" and "without an account" in finding.found

    @pytest.mark.parametrize("status", [403, 503])
    def test_a_bucket_that_refuses_is_a_note(self, tmp_path, monkeypatch, status):
        with servers.serve_folder(tmp_path) as server:
            server.faults[".*"] = status
            monkeypatch.setenv("AWS_S3_ENDPOINT", server.url)
            (finding,) = bucket.examine_bucket()
        assert finding.state == "note" and str(status) in finding.found and finding.remedy

    def test_being_offline_is_a_note(self):
        (finding,) = bucket.examine_bucket()
        assert finding.state == "note" and "offline" in finding.found and "local files" in finding.remedy

    def test_a_silent_server_ends_in_a_timeout(self, monkeypatch):
        import socket

        with socket.create_server(("127.0.0.1", 0)) as listener:
            monkeypatch.setenv("AWS_S3_ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
            (finding,) = bucket.examine_bucket(timeout=0.05)
        assert finding.state == "note" and "timed out" in finding.found


class TestMachine:
    def test_the_machine_of_the_tests_is_fine(self):
        report = examine()
        states = {finding.subject: finding.state for finding in report.findings}
        assert {states[name] for name in ("Potato", "GDAL", "COG", "devices", "weights")} == {"fine"}
        assert {"cores", "disk", "bucket"} <= set(states) and "PROJ" not in states

    def test_too_little_memory_or_disk_is_wrong(self, monkeypatch):
        monkeypatch.setattr(machine, "_free_memory", lambda: 500_000_000)
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10))
        monkeypatch.setattr(machine, "_quota", lambda: 0.5)
        found = {each.subject: each for each in machine.examine_machine()}
        assert found["memory"].state == found["disk"].state == "wrong"
        assert "0.5 GB free, expected 0.6 GB" in found["memory"].found
        assert found["cores"].state == "note" and "--workers 1" in found["cores"].remedy

    def test_limits_of_a_container_are_read_from_its_cgroup(self, monkeypatch):
        files = {
            "/proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 4000000 kB\n",
            "/sys/fs/cgroup/memory.max": "3000000000\n",
            "/sys/fs/cgroup/memory.current": "2500000000\n",
            "/sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 400000000\n",
            "/sys/fs/cgroup/cpu.max": "150000 100000\n",
        }
        monkeypatch.setattr(machine, "_read", lambda path: files.get(path, ""))
        assert machine._free_memory() == 900_000_000 and machine._quota() == 1.5
        files["/sys/fs/cgroup/memory.max"] = "max\n"
        files["/sys/fs/cgroup/cpu.max"] = "max 100000\n"
        assert machine._free_memory() == 4_096_000_000 and machine._quota() is None
        files.clear()
        assert machine._free_memory() and machine._quota() is None

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
    def test_what_killed_runs_left_is_noted(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert not list(leftovers.examine_leftovers(None))
        for folder in (
            tmp_path / ".o.tif.0123456789ab.partial",
            tmp_path / "out" / "11" / ".c.tif.ab.partial",
        ):
            folder.mkdir(parents=True)
            (folder / "stage.tif").write_bytes(bytes(2_000_000))
        [here] = leftovers.examine_leftovers(None)
        assert (
            here.state == "note" and "1 file of killed runs, 2.0 MB" in here.found and ".o.tif" in here.found
        )
        [both] = leftovers.examine_leftovers(str(tmp_path))
        assert "2 files" in both.found and ".c.tif" in both.found

    def test_a_read_only_folder_is_noted(self, tmp_path, monkeypatch):
        tmp_path.chmod(0o500)
        monkeypatch.chdir("/proc" if os.geteuid() == 0 else tmp_path)  # root may write anywhere else
        assert any(each.subject == "disk" and each.state == "note" for each in machine.examine_machine())

    def test_too_few_open_files_and_a_foreign_proj_are_wrong(self, tmp_path):
        """Run doctor in a process with few open files and PROJ tables of another installation."""
        pytest.importorskip("resource")
        code = (
            "import resource as r, sys; r.setrlimit(r.RLIMIT_NOFILE, (100, 100))\n"
            "from potato.cli import main; sys.argv = ['potato', 'doctor']; main()"
        )
        result = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PROJ_DATA": str(tmp_path), "PROJ_LIB": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 3 and result.stdout.endswith("2 wrong\n"), result
        assert "wrong  PROJ:" in result.stdout and "→ ulimit -n 1024" in result.stdout
        assert "100 at most, expected 256" in result.stdout and not result.stderr

    def test_old_gdal_missing_drivers_and_broken_weights_are_wrong(self, monkeypatch):
        library = software.find_abilities()
        poor = type(library)("3.6.2", "9.0.0", "1.3", (), False)
        monkeypatch.setattr(software, "find_abilities", lambda: poor)

        def fail(name):
            raise WeightsError(f"{name}.safetensors: expected finite numbers, found NaN")

        monkeypatch.setattr(software, "load_model", fail)
        found = {each.subject: each for each in software.examine_software()}
        assert {found[name].state for name in ("GDAL", "PROJ", "COG", "weights")} == {"wrong"}
        assert "3.9 or newer" in found["GDAL"].found and "PROJ_DATA" in found["PROJ"].remedy
        poor = type(library)("3.10.0", "9.0.0", "1.4.3", ("DEFLATE",), True)
        found = {each.subject: each for each in software.examine_software()}
        assert found["GDAL"].state == "fine" and found["COG"].state == "note" and "PROJ" not in found

    def test_missing_extras_are_named(self, monkeypatch):
        real = metadata.version

        def version(name: str) -> str:
            if name in ("obstore", "rio-tiler"):
                raise metadata.PackageNotFoundError(name)
            return real(name)

        asked = ["torch", 'obstore>=0.6; extra == "s3"', "x; extra == 'dev'"]
        monkeypatch.setattr(software.metadata, "requires", lambda name: asked)
        monkeypatch.setattr(software.metadata, "version", version)
        (finding,) = (each for each in software.examine_software() if each.subject == "extras")
        assert finding.state == "note" and "'potato-pansharp[s3]'" in finding.remedy


class TestCommand:
    def test_the_exit_code_is_3_if_anything_is_wrong(self, run, tmp_path):
        good, bad = tmp_path / "good", tmp_path / "bad"
        ards.write_tile(good)
        cut(ards.write_tile(bad))
        result = run("doctor", good)
        assert result.exit_code == 0 and result.stdout.endswith("all is well\n")
        result = run("doctor", bad)
        assert result.exit_code == 3 and result.stdout.endswith("1 wrong\n")
        assert "→ fetch them again" in result.stdout
        assert run("doctor", bad, "--tiles", "0").exit_code == 0
        quiet = run("doctor", bad, "--quiet")
        assert quiet.exit_code == 3 and not quiet.stdout

    def test_json_has_all_findings(self, run, tmp_path):
        cut(ards.write_tile(tmp_path))
        report = json.loads(run("doctor", tmp_path, "--json").stdout)
        (wrong,) = (each for each in report["findings"] if each["state"] == "wrong")
        assert report["wrong"] == 1 and set(wrong) == {"subject", "state", "found", "remedy"}


def test_a_picture_is_neither_an_ard_nor_a_delivery(pair, run):
    found = run("ls", pair.pan)
    assert found.exit_code == 1
    assert "expected an ARD, or a delivery (a folder, a .zip or .tar, a metadata file)" in found.stderr
