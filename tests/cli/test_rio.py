"""`rio potato`: the commands as a plugin of rasterio's `rio`, each in its own process."""

import contextlib
import re
import shutil
import signal
import subprocess
import sysconfig

import pytest

import ards
import pairs

RIO = shutil.which("rio", path=sysconfig.get_path("scripts"))

pytestmark = pytest.mark.skipif(RIO is None, reason="rasterio came without rio")


def rio(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [RIO, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )


def test_rio_potato_fuse_writes_the_bytes_of_potato_fuse(run, pair, tmp_path):
    """With `--verbose`, rio logs more and the file stays as it is."""
    assert run("fuse", pair.pan, pair.mul, tmp_path / "ours.tif").exit_code == 0
    plain = rio("potato", "fuse", pair.pan, pair.mul, tmp_path / "plain.tif")
    verbose = rio("-vv", "potato", "fuse", pair.pan, pair.mul, tmp_path / "verbose.tif")
    assert plain.returncode == verbose.returncode == 0
    assert "160 × 160 pixels" in plain.stdout and not plain.stderr
    assert "DEBUG:rasterio" in verbose.stderr
    files = {(tmp_path / f"{name}.tif").read_bytes() for name in ("ours", "plain", "verbose")}
    assert len(files) == 1


@pytest.mark.parametrize("option", ["--quiet", "--verbose"])
def test_an_error_prints_one_line_and_exits_with_1(pair, tmp_path, option):
    result = rio(option, "potato", "fuse", pair.pan, pair.pan, tmp_path / "x.tif")
    assert result.returncode == 1 and not result.stdout and not (tmp_path / "x.tif").exists()
    (line,) = (line for line in result.stderr.splitlines() if not re.match("(INFO|DEBUG):", line))
    assert line.startswith("potato: expected a pan and a mul, found the same file twice")


def test_a_misspelt_creation_option_fails_even_if_rio_is_quiet(pair, tmp_path):
    result = rio("-q", "potato", "fuse", pair.pan, pair.mul, tmp_path / "x.tif", "--co", "COMPRES=ZSTD")
    assert result.returncode == 1 and not (tmp_path / "x.tif").exists()
    (line,) = result.stderr.splitlines()
    assert "COMPRES" in line


@pytest.mark.parametrize("words", [("fuse",), ("frobnicate",)])
def test_a_wrong_call_exits_with_2(words):
    result = rio("potato", *words)
    assert result.returncode == 2 and "Usage: rio potato" in result.stderr


def test_doctor_exits_with_3_if_anything_is_wrong(tmp_path):
    (ards.write_tile(tmp_path).with_name(f"{ards.CID}-pan.tif")).write_bytes(b"no image")
    result = rio("potato", "doctor", tmp_path)
    assert result.returncode == 3 and "unreadable images" in result.stdout


def test_debug_shows_the_traceback(pair, tmp_path):
    result = rio("potato", "--debug", "fuse", pair.pan, pair.pan, tmp_path / "x.tif")
    assert result.returncode == 1 and "Traceback" in result.stderr and "PairError" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_exits_with_130_and_leaves_no_file(tmp_path, number):
    pan, mul = pairs.ground(500, 500)
    paths = (
        pairs.write(tmp_path / "pan.tif", pan),
        pairs.write(tmp_path / "mul.tif", mul, pairs.CORNER @ pairs.Affine.scale(4)),
    )
    before = sorted(tmp_path.iterdir())
    process = subprocess.Popen(
        [RIO, "potato", "fuse", *paths, tmp_path / "x.tif", "--block", "64"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and sorted(tmp_path.iterdir()) == before:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)  # until it writes
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130 and sorted(tmp_path.iterdir()) == before
    assert len(complaint.splitlines()) == 1 and "interrupted" in complaint
