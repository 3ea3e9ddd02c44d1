"""No command writes to an address or over what it reads, and each says so before it works."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import ards
import pairs
from potato.chips.fake import fake_chips
from potato.cli import COMMANDS

NO_OUTPUT = {"sensors", "doctor", "get-reflectance"}

OUTPUTS = {
    "fuse": ["pan.tif mul.tif {}"],
    "fuse-ard": ["ard {}"],
    "demo": ["{}"],
    "ls": ["ard --geojson -o {}", "ard --map {}"],
    "serve": ["ard -o {} --port 0"],
    "make-chips": ["--ard-dir ard --chip-dir {}", "--ard-dir ard --chip-dir chips --log {}"],
    "link-chips": ["a b {}"],
    "fake-chips": ["--chip-dir {}"],
    "chips-sheet": ["chips {}"],
    "rate-cids": ["ard -o {}", "ard --allow-list {}", "ard --sheet {}"],
    "make-scenes": ["{}"],
    "make-ard": ["{}"],
    "make-delivery": ["maxar {}"],
    "train": ["--sessions {} --chips chips --epochs 1"],
    "check": ["0.pt -o {}"],
    "evaluate": ["pan.tif mul.tif --json-file {}", "pan.tif mul.tif --plots {}"],
    "report": ["a.tif -o {}"],
    "quick-contrast": ["a.tif {}"],
    "mul-to-rgb": ["a.tif {}"],
    "ab": ["a.tif {}"],
    "exaggerate": ["a.tif b.tif {} o.tif", "a.tif b.tif o.tif {}"],
    "gray-diff": ["a.tif b.tif {}"],
    "vectorscope": ["a.tif {}"],
}
"""Arguments of each command that writes, with a place for an output."""


def test_every_command_that_writes_is_here():
    commands = {name for section in COMMANDS.values() for name in section}
    assert commands == NO_OUTPUT | OUTPUTS.keys()


@pytest.mark.parametrize("command", OUTPUTS)
def test_addresses_and_standard_output_are_refused_before_anything_is_read_or_written(
    run, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    for arguments in OUTPUTS[command]:
        for name in ("s3://bucket/o.png", "/vsimem/o.png", "-"):
            result = run(command, *arguments.format(name).split())
            assert result.exit_code == 1, (arguments, result.output)
            told = "found '-', but nothing" if name == "-" else "found an address; write to a folder here"
            assert told in result.stderr and len(result.stderr.splitlines()) == 1
            assert list(tmp_path.iterdir()) == []


@pytest.fixture
def read_only(tmp_path):
    """A folder in which nothing can be written, as root or not."""
    folder = tmp_path / "read-only"
    folder.mkdir()
    mounted = os.geteuid() == 0
    if mounted:
        mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only root of a whole machine may mount a disk")
    else:
        folder.chmod(0o555)
    yield folder
    if mounted:
        subprocess.run(["umount", folder], check=True)


IN_FOLDERS = {"fuse-ard", "link-chips", "train", "demo", "serve", "make-chips", "check"}
"""Commands whose outputs are folders of many files; those of others are refused before any work."""


@pytest.mark.parametrize("command", [name for name in OUTPUTS if name not in IN_FOLDERS])
def test_a_read_only_folder_is_told_before_anything_is_read(run, tmp_path, monkeypatch, read_only, command):
    monkeypatch.chdir(tmp_path)
    for arguments in OUTPUTS[command]:
        result = run(command, *arguments.format(read_only / "o.png").split())
        assert result.exit_code == 1 and len(result.stderr.splitlines()) == 1, (arguments, result.output)
        assert re.search("o.png: (can't write there|.* found .png; write)", result.stderr)


@pytest.mark.parametrize(
    "line",
    [
        "fuse-ard ard {}",
        "fuse-ard ard {}/new",
        "make-chips --ard-dir ard --chip-dir {} -n 1 --size 32",
        "link-chips chips {}/new",
        "train --sessions {} --chips chips --epochs 1",
        "demo {}",
        "check chips/0.pt -o {}",
        "serve ard -o {} --port 0",
    ],
)
def test_a_read_only_folder_of_many_files_is_told_in_a_line(run, inputs, monkeypatch, read_only, line):
    monkeypatch.chdir(inputs)
    result = run(*line.format(read_only).split())
    assert result.exit_code == 1 and len(result.stderr.splitlines()) == 1, result.output
    assert f"{read_only}" in result.stderr and "can't write there" in result.stderr


OVER_INPUTS = {
    "fuse": ["pan.tif mul.tif {pan.tif}", "pan.tif mul.tif {mul.tif}", "pan.vrt mul.tif {pan.tif}"],
    "report": ["pan.tif -o {pan.tif}", "a.tif -o {mul.tif} --pair pan.tif mul.tif"],
    "quick-contrast": ["a.tif {a.tif}"],
    "mul-to-rgb": ["mul.tif {mul.tif}"],
    "ab": ["a.tif {a.tif}"],
    "exaggerate": ["a.tif b.tif {b.tif} o.tif", "a.tif b.tif o.tif {a.tif}"],
    "gray-diff": ["a.tif b.tif {b.tif}"],
    "vectorscope": ["a.tif {a.tif}"],
    "evaluate": ["pan.tif mul.tif --json-file {mul.tif}", "--pictures a.tif b.tif --json-file {a.tif}"],
    "chips-sheet": ["chips {chips/0.pt}", "chips {chips/manifest.jsonl}"],
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    paths = pairs.write_pair(folder)
    for path, name in ((paths.pan, "pan.tif"), (paths.mul, "mul.tif")):
        path.rename(folder / name)
    pairs.as_vrt(folder / "pan.tif", folder / "pan.vrt")
    for name in ("a.tif", "b.tif"):
        pairs.write(folder / name, pairs.np.full((3, 40, 50), 90, "uint8"))
    fake_chips(folder / "chips", count=1, size=32, workers=1)
    ards.write_tile(folder / "ard", side=136)
    return folder


@pytest.mark.parametrize("command", OVER_INPUTS)
@pytest.mark.parametrize("link", [False, True])
def test_an_input_is_no_output_under_any_name(run, inputs, tmp_path, monkeypatch, command, link):
    shutil.copytree(inputs, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    for line in OVER_INPUTS[command]:
        name = line[line.index("{") + 1 : line.index("}")]
        output = name
        if link:
            output = "other-name" + Path(name).suffix
            Path(output).hardlink_to(name)
        result = run(command, *line.replace(f"{{{name}}}", output).split(), "--overwrite")
        assert result.exit_code == 1 and "found the input" in result.stderr, (line, result.output)
        if link:
            Path(output).unlink()
        assert contents(tmp_path) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
