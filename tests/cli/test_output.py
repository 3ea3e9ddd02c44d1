"""What commands print: one line for any failure, and nothing that commands a terminal."""

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import rasterio

import potato.cli
from servers import serve_folder

POTATO = [sys.executable, "-m", "potato"]
COMMAND = [*POTATO, "sensors"]
PRINTING = pytest.mark.parametrize("given", ["sensors", "--help", "--version", "sensors --help"])


@PRINTING
def test_a_full_output_is_told_in_one_line(given):
    with Path("/dev/full").open("w") as full:
        found = subprocess.run(
            [*POTATO, *given.split()], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert found.returncode == 1
    assert found.stderr == "potato: standard output: can't write there: No space left on device\n"


def test_a_closed_output_is_no_failure():
    found = subprocess.run(
        COMMAND, stderr=subprocess.PIPE, text=True, check=False, preexec_fn=lambda: os.close(1)
    )
    assert (found.returncode, found.stderr) == (0, "")


@PRINTING
def test_a_reader_that_has_gone_ends_a_command_without_a_word(given):
    ours, theirs = os.pipe()
    os.close(ours)
    command = [*POTATO, *given.split()]
    found = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    assert (found.returncode, found.stderr) == (1, "")


def test_a_usage_error_has_its_exit_code_though_it_cannot_be_printed():
    with Path("/dev/full").open("w") as full:
        assert subprocess.run([*POTATO, "nothing"], stderr=full, check=False).returncode == 2


def test_an_interruption_before_a_command_is_loaded_is_one_line(tmp_path):
    (tmp_path / "click.py").write_text("import signal; signal.raise_signal(signal.SIGINT)")
    found = subprocess.run(
        COMMAND,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(tmp_path), str(Path(potato.__file__).parents[1]))),
        },
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (found.returncode, found.stderr) == (130, "potato: interrupted\n")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (KeyError("vivid"), "unexpected KeyError: 'vivid'; please report it"),
        (RuntimeError("CUDA error\n  on two lines"), "unexpected RuntimeError: CUDA error on two lines;"),
        (MemoryError("Unable to allocate 1 PiB"), "expected enough memory, found too little: Unable to"),
        (RuntimeError("CUDA out of memory. Tried"), "expected enough memory, found too little: CUDA out of"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), f"{'x' * 300}: File name too long"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "unexpected UnicodeDecodeError"),
        (ValueError("\x1b[2J\x9b31m"), r"\u001b[2J\u009b31m"),
    ],
)
def test_any_failure_is_one_line_and_debug_shows_the_rest(run, monkeypatch, error, says):
    def fail(*given, **settings):
        raise error

    monkeypatch.setattr("potato.fusion.pipeline.fuse", fail)
    result = run("fuse", "p.tif", "m.tif", "o.tif")
    assert result.exit_code == 1 and result.stderr.startswith("potato: ")
    assert len(result.stderr.splitlines()) == 1 and says in result.stderr
    assert run("--debug", "fuse", "p.tif", "m.tif", "o.tif").exception is error


def test_what_rasterio_prints_of_a_damaged_file_is_not_shown_and_an_uncaught_error_is():
    code = (
        "import sys; from potato.cli.output import silence_libraries; silence_libraries()\n"
        "sys.unraisablehook(None); sys.excepthook(ValueError, ValueError(1234), None)\n"
        "raise ValueError('uncaught')"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 1 and found.stderr.startswith("Traceback")
    assert "ValueError: uncaught" in found.stderr and "1234" not in found.stderr


def test_nothing_of_a_query_is_printed_or_written_whatever_punctuation_it_has(pair, tmp_path, run):
    """Commas, brackets and apostrophes belong to queries, too."""
    query = "?sig=AA,SECRET;x=(SECRET)&y='SECRET'"
    pan, mul = pair.pan.name, pair.mul.name
    with serve_folder(tmp_path) as server:
        good, lost = (f"{server.url}{pan}{query}", f"{server.url}none.tif{query}")
        lines = [
            ("fuse", good, f"{server.url}{mul}{query}", tmp_path / "o.tif"),
            ("get-reflectance", good, f"{server.url}{mul}{query}", 3, 4),
            ("fuse", lost, pair.mul, tmp_path / "no.tif"),
            ("ls", f"{server.url}ard{query}"),
        ]
        results = [run(*line) for line in lines]
    assert [result.exit_code for result in results] == [0, 0, 1, 1], [result.output for result in results]
    assert not any("SECRET" in result.output for result in results)
    assert b"SECRET" not in (tmp_path / "o.tif").read_bytes()
    with rasterio.open(tmp_path / "o.tif") as file:
        assert (file.tags()["POTATO_PAN"], file.tags()["POTATO_MUL"]) == (pan, mul)


def test_only_one_module_of_the_commands_prints():
    for path in Path(potato.cli.__file__).parent.glob("*.py"):
        if path.name != "output.py":
            assert not re.search(r"\b(click\.s?echo|print)\(", path.read_text()), path


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_a_command_imports_no_boto3_and_starts_no_thread_of_openblas():
    code = (
        "import atexit, os, sys; sys.argv = ['potato', 'sensors', '--json']\n"
        "def tell():\n"
        "    import numpy, rasterio\n"
        "    print(rasterio.session.boto3, len(os.listdir('/proc/self/task')), file=sys.stderr)\n"
        "atexit.register(tell)\n"
        "from potato.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr == "None 1\n"
