"""The base: sharpening and viewing work without PyTorch, and the rest says what to install.

Each command runs in a process of its own in which PyTorch can't be found; or, if POTATO_BASE names
the Python of an environment without it (`make test-base`), in that environment.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import ards
import pairs
from pictures import noise, write_picture
from potato.cli import COMMANDS
from potato.core.render import FLAT, NATURAL

BASE = os.environ.get("POTATO_BASE")

HIDE_TORCH = """
from importlib.machinery import PathFinder

find = PathFinder.find_spec

def find_all_but_torch(name, path=None, target=None):
    return None if name.partition(".")[0] == "torch" else find(name, path, target)

PathFinder.find_spec = find_all_but_torch
"""
"""A `sitecustomize`, which every Python process runs first: also the workers of a command."""

ON_BASE = {
    "fuse": [("{pan}", "{mul}", "{out}.tif"), ("{pan}", "{mul}", "{out}.tif", "--look", "flat", "-j", "2")],
    "fuse-ard": [("{ard}", "{out}", "-j", "2", "--mosaic"), ("{ard}", "{out}", "--cluster", "local")],
    "ls": [("{ard}",)],
    "sensors": [()],
    "make-delivery": [("files", "{out}", "--size", "128")],
    "demo": [("{out}", "--landsat")],
    "report": [
        ("{natural}", "{flat}", "-o", "{out}.html"),
        ("{natural}", "-o", "{out}.html", "--pair", "{pan}", "{mul}"),
    ],
    "quick-contrast": [("{flat}", "{out}.tif")],
    "mul-to-rgb": [("{mul}", "{out}.tif"), ("{mul}", "{out}.tif", "--plain", "--look", "flat")],
    "ab": [("{natural}", "{out}.tif")],
    "exaggerate": [("{natural}", "{flat}", "{out}.tif", "{out}2.tif", "-e", "4")],
    "gray-diff": [("{natural}", "{flat}", "{out}.tif")],
    "vectorscope": [("{natural}", "{out}.png")],
    "doctor": [(), ("{ard}",)],
}
"""Calls of the commands that work on the base."""

IN_THE_WORKSHOP = {
    "make-chips": ("--ard-dir", "{ard}", "--chip-dir", "{out}", "-n", "1"),
    "link-chips": ("{ard}", "{out}"),
    "fake-chips": ("--chip-dir", "{out}", "-n", "1"),
    "chips-sheet": ("{ard}", "{out}.png"),
    "get-reflectance": ("{pan}", "{mul}", "10", "10"),
    "rate-cids": ("{ard}", "-o", "{out}.csv"),
    "make-scenes": ("{out}", "-n", "1"),
    "make-ard": ("{out}", "--tiles", "1", "--size", "136"),
    "train": ("--session", "x", "--sessions", "{out}"),
    "check": ("{pan}", "-o", "{out}"),
    "evaluate": ("{pan}", "{mul}"),
}
"""A call of each command that needs PyTorch."""


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> SimpleNamespace:
    """A pair, an ARD of one tile and two pictures, small."""
    folder = tmp_path_factory.mktemp("files")
    pair = pairs.write_pair(folder)
    ards.write_tile(folder / "ard")
    codes = noise((90, 120, 60), 160, 160)
    natural = write_picture(folder / "natural.tif", codes, tags=NATURAL.tags)
    flat = write_picture(folder / "flat.tif", codes.astype(np.uint16) * 257, tags=FLAT.tags)
    return SimpleNamespace(pan=pair.pan, mul=pair.mul, ard=folder / "ard", natural=natural, flat=flat)


@pytest.fixture
def python(tmp_path):
    """Run Python on the base: `python("-m", "potato", "ls", …)`."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # No request leaves this machine: nothing listens on its port 9.
    environment |= {"AWS_S3_ENDPOINT": "127.0.0.1:9", "AWS_HTTPS": "NO", "NO_PROXY": "127.0.0.1"}
    if BASE is None:
        hook = tmp_path / "hook"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(HIDE_TORCH)
        environment["PYTHONPATH"] = os.pathsep.join([str(hook), *filter(None, sys.path)])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BASE or sys.executable, *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def filled_in(call: tuple[str, ...], files: SimpleNamespace, folder: Path) -> list[str]:
    return [word.format(out=folder / "out", **vars(files)) for word in call]


def test_every_command_works_on_the_base_or_needs_the_workshop():
    commands = [name for section in COMMANDS.values() for name in section]
    assert sorted(commands) == sorted([*ON_BASE, *IN_THE_WORKSHOP, "serve"])


@pytest.mark.parametrize(
    ("name", "call"),
    [(name, call) for name, calls in ON_BASE.items() for call in calls],
)
def test_a_command_of_the_base_works_without_pytorch(name, call, files, python, tmp_path):
    for package in {"vectorscope": "matplotlib"}.get(name), "distributed" if "--cluster" in call else None:
        if package and python("-c", f"import {package}").returncode:
            pytest.skip(f"needs {package}")
    result = python("-m", "potato", name, *filled_in(call, files, tmp_path))
    assert result.returncode == 0, result.stderr
    outputs = [word for word in call if word.startswith("{out}")]
    assert all(Path(output).exists() for output in filled_in(tuple(outputs), files, tmp_path))


@pytest.mark.parametrize("name", IN_THE_WORKSHOP)
def test_a_command_of_the_workshop_names_the_extra_in_one_line(name, files, python, tmp_path):
    result = python("-m", "potato", name, *filled_in(IN_THE_WORKSHOP[name], files, tmp_path))
    assert result.returncode == 1 and not result.stdout
    (line,) = result.stderr.splitlines()
    assert line == (
        f"potato: expected PyTorch for \"{name}\", found none: pip install 'potato-pansharp[workshop]'"
    )
    assert not list(tmp_path.glob("out*"))


def test_help_of_the_workshop_is_there_without_pytorch(python):
    code = (
        f"from potato.cli import potato\nfor name in {list(IN_THE_WORKSHOP)}:\n"
        "    potato([name, '--help'], standalone_mode=False)"
    )
    result = python("-c", code)
    assert result.stdout.count("Usage:") == len(IN_THE_WORKSHOP), result.stderr


@pytest.mark.parametrize("package", ["fastapi", "uvicorn"])
def test_the_server_names_its_extra(package, files, python):
    code = (
        f"import sys; sys.modules[{package!r}] = None; sys.argv = ['potato', 'serve', {str(files.pan)!r}]\n"
        "from potato.cli import main; main()"
    )
    result = python("-c", code)
    assert result.returncode == 1 and not result.stdout
    assert "for \"serve\", found none: pip install 'potato-pansharp[serve]'\n" in result.stderr


def test_a_demonstration_of_another_size_names_the_extra(python, tmp_path):
    result = python("-m", "potato", "demo", "out", "--size", "512")
    assert result.returncode == 1 and "pip install 'potato-pansharp[workshop]'" in result.stderr
    assert not (tmp_path / "out").exists()


def test_rio_potato_works_without_pytorch(files, python, tmp_path):
    main = "from rasterio.rio.main import main_group; main_group()"
    result = python("-c", main, "potato", "fuse", str(files.pan), str(files.mul), "out.tif")
    assert result.returncode == 0 and (tmp_path / "out.tif").exists(), result.stderr


def test_python_names_of_the_base_work_without_pytorch(files, python, tmp_path):
    code = f"""
import sys
import potato
from potato.core.windows import PairWindow
potato.fuse("{files.pan}", "{files.mul}", "out.tif")
with potato.open_pair("{files.pan}", "{files.mul}") as pair:
    rgb, mask = potato.sharpen_window(pair, PairWindow(5, 5, 20, 20), potato.load_model())
assert rgb.shape == (3, 80, 80) and mask.all() and "torch" not in sys.modules
"""
    result = python("-c", code)
    assert result.returncode == 0, result.stderr


def test_web_tiles_work_without_pytorch(files, python):
    if python("-c", "import titiler.core").returncode:
        pytest.skip("needs potato-pansharp[tiles]")
    examples = Path(__file__).parents[2] / "docs" / "examples"
    code = f"""
import sys
sys.path.insert(0, "{examples}")
from tiles import PairReader
with PairReader(("{files.pan}", "{files.mul}")) as reader:
    assert reader.preview(64).mask.any()
assert "torch" not in sys.modules
"""
    result = python("-c", code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", ["Sharpener", "evaluate", "sharpen"])
def test_python_names_of_the_workshop_name_the_extra(name, python):
    code = f"""
import potato
try:
    potato.{name}
except ImportError as error:
    assert isinstance(error, potato.PotatoError)
    print(error)
"""
    result = python("-c", code)
    assert result.stdout == (
        f"expected PyTorch for potato.{name}, found none: pip install 'potato-pansharp[workshop]'\n"
    ), result.stderr
