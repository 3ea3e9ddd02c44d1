"""Files are whole or absent, and a folder belongs to one run at a time."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from potato.errors import OutputError, OutputExists, SessionError
from potato.raster.atomic import (
    find_partials,
    locked,
    remove_partials,
    staging_folder,
    whole_folder,
    write_whole,
)

HOLD = """
import sys
from pathlib import Path
from potato.errors import SessionError
from potato.raster.atomic import locked
with locked(Path(sys.argv[1]), SessionError("busy")):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("data", [b"\x00\xff", "ü\r\nx\n"])
def test_a_written_file_holds_the_data_and_nothing_else_is_left(tmp_path, data):
    path = tmp_path / "a.json"
    for old in (None, b"what was there"):
        if old is not None:
            path.write_bytes(old)
        write_whole(path, data)
        assert path.read_bytes() == (data.encode() if isinstance(data, str) else data)
        assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_is_an_output_error_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match="can't write there"):
        write_whole(tmp_path / "no" / "a.json", "x")
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(OutputError, match=f"{re.escape(str(target))}: can't write there"):
        write_whole(target, "x")
    assert list(tmp_path.iterdir()) == [target]


def test_a_staging_folder_is_hidden_beside_its_target_and_removed_at_the_end(tmp_path):
    target = tmp_path / "a.tif"
    with staging_folder(target) as folder:
        assert folder.parent == tmp_path
        assert folder.name.startswith(".a.tif.") and folder.suffix == ".partial"
        (folder / "whole").write_text("pixels")
        (folder / "rest").write_text("left over")
        (folder / "whole").replace(target)
    assert list(tmp_path.iterdir()) == [target] and target.read_text() == "pixels"


def test_an_error_removes_the_staging_folder_and_leaves_the_target_unchanged(tmp_path):
    target = tmp_path / "a.tif"
    target.write_text("before")
    with pytest.raises(KeyError), staging_folder(target) as folder:
        (folder / "whole").write_text("half")
        raise KeyError
    assert list(tmp_path.iterdir()) == [target] and target.read_text() == "before"


def test_an_interruption_right_after_mkdir_leaves_no_staging_folder(tmp_path, monkeypatch):
    mkdir = Path.mkdir

    def interrupted(path, *arguments, **settings):
        mkdir(path, *arguments, **settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), staging_folder(tmp_path / "a.tif"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_while_the_staging_folder_is_removed_comes_afterwards(tmp_path, monkeypatch):
    unlink = os.unlink

    def interrupted(*arguments, **settings):
        unlink(*arguments, **settings)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), staging_folder(tmp_path / "a.tif") as folder:
        for name in "abc":
            (folder / name).write_text(name)
        monkeypatch.setattr(os, "unlink", interrupted)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_run_has_filled_meanwhile_stays_as_it_is(tmp_path):
    path = tmp_path / "a"
    refused = pytest.raises(OutputExists, match="what another run put there meanwhile")
    with refused, whole_folder(path) as growing:
        (growing / "own").touch()
        path.mkdir()
        (path / "other").touch()
    assert [file.name for file in tmp_path.rglob("*")] == ["a", "other"]


def test_an_os_error_while_staging_is_an_output_error_that_names_the_target(tmp_path):
    target = tmp_path / "a.tif"
    with (
        pytest.raises(OutputError, match=r"a\.tif: can't write there: No space left"),
        staging_folder(target),
    ):
        raise OSError(28, "No space left on device")
    with (
        pytest.raises(OutputError, match=r"nowhere.a\.tif: can't write there"),
        staging_folder(tmp_path / "nowhere" / "a.tif"),
    ):
        pass
    refusal = OutputError("as it was raised")
    with pytest.raises(OutputError) as raised, staging_folder(target):
        raise refusal
    assert raised.value is refusal


MAKE = """
import os, signal, sys
from pathlib import Path
from potato.raster import atomic
target = Path(sys.argv[1])
with atomic.staging_folder(target) as folder:
    (folder / "pixels").write_bytes(bytes(1000))
    # A file is written in one go, so it is stopped in the middle of that.
    os.fdopen = lambda *_, **__: (print("made", flush=True), sys.stdin.read())
    atomic.write_whole(target.with_suffix(".json"), "x")
"""


def test_what_a_killed_run_left_is_found_and_removed_and_that_of_a_living_one_is_not(tmp_path):
    target, other = tmp_path / "a [1].tif", tmp_path / "a.tif"
    strange = tmp_path / ".a [1].tif.partial"
    strange.write_text("of something else")
    targets = {target, target.with_suffix(".json")}
    command = [sys.executable, "-c", MAKE, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout.readline() == "made\n"
        left = sorted(path for path in tmp_path.iterdir() if path != strange)
        assert len(left) == 2
        for each in targets:
            remove_partials(tmp_path, each.name)
        assert find_partials(tmp_path) == [] and all(path.exists() for path in left)
        run.kill()
        run.wait()
    assert find_partials(tmp_path) == left
    remove_partials(tmp_path, other.name)
    assert find_partials(tmp_path) == left
    for each in targets:
        remove_partials(tmp_path, each.name)
    assert list(tmp_path.iterdir()) == [strange] and find_partials(tmp_path / "no") == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts the folders, too")
def test_names_that_are_nearly_too_long_are_written(tmp_path):
    for name in ("x" * 250, "ü" * 125):
        write_whole(tmp_path / name, "text")
        with staging_folder(tmp_path / name) as folder:
            (folder / "whole").write_text("more")
            (folder / "whole").replace(tmp_path / name)
        assert (tmp_path / name).read_text() == "more"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_lock_held_by_another_process_is_refused_until_that_process_ends(tmp_path, kind):
    path: Path = tmp_path if kind == "folder" else tmp_path / ".lock"
    refusal = SessionError("busy")
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SessionError) as raised, locked(path, refusal):
            pass
        assert raised.value is refusal
        other.kill()
        other.wait()
        with locked(path, refusal):
            pass
