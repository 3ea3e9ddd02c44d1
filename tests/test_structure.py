"""The house in order: who may import what, and what every module and command must have."""

import ast
import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import click
import pytest

import potato
from potato.cli import COMMANDS
from potato.cli import potato as group

ROOT = Path(potato.__file__).parent
REPOSITORY = ROOT.parents[1]

LAYERS = (
    ("errors", "redaction", "sensor", "words"),
    ("color", "devices", "resample", "noise", "optics", "mtf", "windows", "looks", "profiles", "stream"),
    ("markup", "notebook", "views"),
    ("cluster", "jobs"),
    ("raster", "ard", "files"),
    ("reflectances", "scenes", "chips", "cids", "sampling", "ard_making"),
    ("model", "losses", "augment", "weights"),
    ("evaluation", "metrics", "baselines", "registration"),
    ("training",),
    ("fusion", "serving", "checking", "doctor", "delivery", "darkroom", "judging", "report", "showcase"),
    ("cli",),
)
"""Rooms from the ground up: a room may import its own layer and those below it."""

MODULES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if path.name != "__main__.py" and path != ROOT / "__init__.py"
)
NAMES = list(group.list_commands(click.Context(group)))


def path_of(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(module: str) -> set[str]:
    """Everything that a module imports anywhere in it, by dotted name."""
    found = set()
    for node in ast.walk(ast.parse(path_of(module).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def layer(room: str) -> int:
    return next(height for height, rooms in enumerate(LAYERS) if room in rooms)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_downwards(module):
    room = module.split(".")[0]
    for name in imports(module):
        parts = name.split(".")
        if parts[0] == "potato" and len(parts) > 1 and (ROOT / parts[1]).with_suffix(".py").exists():
            assert layer(parts[1]) <= layer(room), f"{module} imports {name}, which lies above it"


@pytest.mark.parametrize("module", MODULES)
def test_only_their_rooms_import_gdal_and_click(module):
    packages, room = {name.split(".")[0] for name in imports(module)}, module.split(".")[0]
    assert "rasterio" not in packages or room in ("raster", "ard")
    assert "click" not in packages or room == "cli"
    if room in ("model", "color", "resample", "looks", "evaluation", "metrics", "windows", "noise", "mtf"):
        assert not packages & {"os", "pathlib", "io", "tempfile", "shutil"}, "arrays open no file"


@pytest.mark.parametrize("module", [*MODULES, "__init__"])
def test_all_is_sorted_and_true(module):
    loaded = potato if module == "__init__" else importlib.import_module(f"potato.{module}")
    names = getattr(loaded, "__all__", None)
    source = path_of(module).read_text()
    if names is None:
        assert not [
            node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
        ], f"{module} says nothing of what it offers"
        return
    assert len(set(names)) == len(names)
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)), (
        f"{module}: constants, classes, functions, each from A to Z"
    )
    for name in names:
        assert hasattr(loaded, name), f"{module} promises {name}"


@pytest.mark.parametrize("module", MODULES)
def test_modules_say_what_they_are_and_stay_readable(module):
    source = path_of(module).read_text()
    assert ast.get_docstring(ast.parse(source)), f"{module} has no docstring"
    assert source.count("\n") <= 400, f"{module} is more than one sitting"
    names = {
        name.split(".")[-1]
        for name in importlib.import_module(f"potato.{module}").__dict__.get("__all__", ())
    }
    own = module.split(".")[-1]
    assert own not in names or module.startswith(("cli.", "raster.")), (
        f"{module} exports a function of its own name"
    )


def test_every_module_is_in_the_design():
    text = (REPOSITORY / "DESIGN.md").read_text()
    for room in {module.split(".")[0] for module in MODULES}:
        assert f"{room}.py" in text or f"{room}/" in text, f"DESIGN.md doesn't mention {room}"


def test_commands_are_registered_once_and_sections_are_not_empty():
    assert len(NAMES) == len(set(NAMES)) and all(COMMANDS.values())


@pytest.mark.parametrize("name", [*NAMES, ""])
def test_help_is_light(name):
    code = (
        "import sys; from potato.cli import potato\n"
        f"potato({[name, '--help'] if name else ['--help']}, standalone_mode=False)\n"
        "heavy = {'torch', 'rasterio', 'numpy'} & set(sys.modules); assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Usage:" in result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_commands_are_thin_and_explained(name):
    command = group.get_command(click.Context(group), name)
    tree = ast.parse(inspect.getsource(command.callback))
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)][1:]
    assert len(statements) - 1 <= 15, "a command parses, calls one tool, and prints"
    assert command.help and command.help.strip().split("\n")[0].endswith(".")
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, f"{name} {parameter.name} has no help"


def test_the_page_of_the_commands_is_current():
    spec = importlib.util.spec_from_file_location("make_cli", REPOSITORY / "docs" / "make_cli.py")
    make_cli = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_cli)
    assert make_cli.PAGE.read_text() == make_cli.page(), "run `make docs`"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_in_the_readme(name):
    assert f"potato {name}" in (REPOSITORY / "README.md").read_text()


def test_an_unknown_command_is_a_usage_error(run):
    result = run("frobnicate")
    assert result.exit_code == 2 and "No such command" in result.stderr


def test_the_version_is_told(run):
    assert run("--version").stdout.startswith("potato, version ")
