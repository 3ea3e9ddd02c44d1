"""The structure of the package: imports, names, sizes, and what modules and commands must have."""

import ast
import functools
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import click
import pytest

import potato
from potato.cli import COMMANDS
from potato.cli import potato as group

ROOT = Path(potato.__file__).parent
REPOSITORY = ROOT.parents[1]

MODULES = sorted(
    str(path.relative_to(ROOT).with_suffix("")).replace("/", ".").removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if path.name != "__main__.py" and path != ROOT / "__init__.py"
)


ROOMS = re.findall(r"^  ([a-z_/]+?)(?:/|\.py) {2,}.+$", (REPOSITORY / "DESIGN.md").read_text(), re.MULTILINE)
"""The rooms that DESIGN.md lists, in its order: a room may import those above it."""

NAMES = list(group.list_commands(click.Context(group)))

GLOSSARY = {
    "pair": ("raster",),
    "cell": ("core", "raster"),
    "halo": ("core", "raster", "model", "fusion", "viewing"),
    "overlap": ("ard", "ard/synthetic", "fusion/ard"),
    "tile": ("ard",),
    "block": ("core", "engine", "raster", "fusion", "viewing", "evaluation", "evaluation/metrics"),
    "backend": ("model",),
    "chip": ("chips",),
    "pool": ("chips",),
    "delivery": ("deliveries",),
    "look": ("core",),
    "pass": ("ard", "ard/rating", "ard/synthetic"),
    "count": ("core",),
    "reflectance": ("core", "simulation/land"),
    "code": ("core",),
    "injection_gain": ("core", "model"),
    "jnd": ("core",),
    "imager": ("simulation",),
}
"""The rooms in which a word of DESIGN.md's glossary may be the name of something public.

Elsewhere the bare word would mean something else; longer names (`web_tile`) say what they mean.
"""

RETIRED = (
    "agenda",
    "apron",
    "contender",
    "contradiction",
    "darkroom",
    "dice",
    "doubt",
    "dullness",
    "jolt",
    "labour",
    "lie",
    "lineup",
    "outlook",
    "rarity",
    "stray",
    "strew",
    "surrounding",
    "sway",
)
"""Words that no identifier may contain: ambiguous ones, and metaphors for which a term exists."""

BASE = (
    "errors",
    "core",
    "engine",
    "raster",
    "ard",
    "deliveries",
    "deliveries/synthetic",
    "fusion",
    "fusion/ard",
    "viewing",
    "report",
    "serving",
    "doctor",
    "demonstration",
    "cli",
)
"""Rooms that work without torch: loading them loads no torch, and no workshop."""

FOR_TENSORS = ("core", "engine.devices", "engine.torch_threads")
"""Rooms and modules of the base with functions that import torch when they are called."""

UNIX_ALONE = ("fcntl", "grp", "pwd", "resource", "syslog", "termios", "tty")
"""Modules of Python that aren't on Windows."""

RETIRED_IN = {"margin": "model", "radius": "model"}
"""Words retired in one room alone."""

LONGEST_BODY = 50
"""Lines of a function's body, its docstring aside."""

MOST_PARAMETERS = 8
PUBLIC_TOOLS = {
    *("evaluate", "evaluate_pair", "fuse", "fuse_ard", "fake_chips", "make_ard", "make_chips"),
    *("make_scenes", "rate_cids", "train"),
}
"""Tools with a parameter for each of their options. Commands of `cli` are exempt, too."""

LONGEST_TEST_FILE = 500


@functools.cache
def path_of(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(path_of(module).read_text())


def imports(module: str) -> set[str]:
    """Dotted names of everything that a module imports, also inside functions; ours by module."""
    return names_of(ast.walk(tree_of(module)))


def names_of(nodes: Iterable[ast.AST]) -> set[str]:
    """Dotted names of everything that some nodes import; ours by module."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
        else:
            continue
        found |= {module_of(name) if name.startswith("potato.") else name for name in names}
    return found


def module_of(name: str) -> str:
    """`potato.core.color` of `potato.core.color.D65`."""
    parts = name.split(".")[1:]
    while parts and ".".join(parts) not in MODULES:
        parts.pop()
    return ".".join(["potato", *parts])


@functools.cache
def room_of(module: str) -> str:
    """The room of a module: its package, or itself at top level."""
    path = path_of(module)
    package = path.parent.relative_to(ROOT).as_posix()
    return module if package == "." else package


def own_imports(module: str) -> set[str]:
    """The modules of ours that a module imports."""
    return {name.removeprefix("potato.") for name in imports(module) if name.startswith("potato.")}


def test_the_design_lists_every_room_once():
    assert sorted(ROOMS) == sorted({*map(room_of, MODULES), "assets"})


def test_the_folders_of_tests_are_named_after_rooms():
    folders = {path.parent.name for path in (REPOSITORY / "tests").glob("*/test_*.py")}
    assert folders <= {*ROOMS, "project", "qgis"}


def test_the_reference_lists_the_rooms_in_the_order_of_the_design():
    """Sphinx finds the modules of a room by itself; the page of commands describes `cli`."""
    rooms = dict.fromkeys(room.split("/")[0] for room in ROOMS if room not in ("assets", "cli"))
    text = (REPOSITORY / "docs" / "reference.md").read_text()
    assert re.findall(r"^   potato\.(\w+)$", text, re.MULTILINE) == list(rooms)


def test_there_are_at_most_25_rooms():
    assert len(ROOMS) <= 25


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_rooms_above_it_in_the_design(module):
    for name in own_imports(module):
        assert ROOMS.index(room_of(name)) <= ROOMS.index(room_of(module)), f"{module} imports {name}"


def test_no_modules_import_each_other_in_a_circle():
    graph = {
        module: own_imports(module) - {module} for module in MODULES if path_of(module).name != "__init__.py"
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_module_names_are_unique_except_those_of_commands():
    """A file's name alone says where it is; a command's module is named after the command."""
    names = Counter(
        path.stem for path in map(path_of, MODULES) if path.stem != "__init__" and path.parent.name != "cli"
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("module", MODULES)
def test_only_their_rooms_import_rasterio_click_and_torch(module):
    packages, room = {name.split(".")[0] for name in imports(module)}, module.split(".")[0]
    assert "rasterio" not in packages or room in ("raster", "ard")
    assert "click" not in packages or room == "cli"
    if room_of(module) in BASE and not {module, room} & {*FOR_TENSORS}:
        assert "torch" not in packages
    if room == "core" and module not in ("core.text", "core.types"):
        assert not packages & {"os", "pathlib", "io", "tempfile", "shutil"}, "arrays open no file"


@functools.cache
def loaded(module: str) -> set[str]:
    """What a module imports when it is loaded: not in functions, and not for type checkers."""
    nodes, waiting = [], [tree_of(module)]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not typing and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return names_of(nodes)


@pytest.mark.parametrize("module", MODULES)
def test_what_windows_lacks_is_imported_only_where_it_is_used(module):
    assert not {name.split(".")[0] for name in loaded(module)} & set(UNIX_ALONE)


def parents(module: str) -> list[str]:
    """The packages that are loaded before a module: `fusion` before `fusion.pipeline`."""
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts)) if ".".join(parts[:n]) in MODULES]


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) in BASE])
def test_loading_the_base_loads_no_torch(module):
    seen, waiting = {}, [(module, "")]
    while waiting:
        name, way = waiting.pop()
        if name in seen:
            continue
        seen[name] = way = f"{way} → {name}"
        for imported in loaded(name):
            assert imported.split(".")[0] != "torch", f"torch is loaded by way of{way}"
            if imported.startswith("potato."):
                own = imported.removeprefix("potato.")
                waiting += [(one, way) for one in (own, *parents(own))]


def functions(module: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [
        node for node in ast.walk(tree_of(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@functools.cache
def defined(module: str) -> set[str]:
    """Names of the classes, functions and constants of a module."""
    found = set()
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id.isupper():
            found.add(node.id)
    return found


@functools.cache
def identifiers(module: str) -> set[str]:
    """Every name that a module gives to something, or passes an argument by."""
    found = {module.split(".")[-1], *defined(module)}
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.arg | ast.keyword | ast.alias):
            found.add(getattr(node, "arg", None) or getattr(node, "asname", None) or "")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return found


def named(module: str) -> Iterator[str]:
    """The functions, classes and types that a module defines at its top, but for type variables."""
    for node in tree_of(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign) and not ast.unparse(node.value).startswith("TypeVar("):
            yield from (ast.unparse(name) for name in node.targets if not ast.unparse(name).isupper())


def test_a_function_a_class_and_a_type_have_their_names_alone():
    homes = Counter(name for module in MODULES if room_of(module) != "cli" for name in named(module))
    assert [name for name, count in homes.items() if count > 1 and not name.startswith("_")] == []


def words_of(name: str) -> list[str]:
    """`_TileError` as `tile`, `error`; `READ_HALO` as `read`, `halo`."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def forms(word: str) -> set[str]:
    """A word and its plural."""
    return {word, f"{word}s", f"{word}es", f"{word[:-1]}ies"}


@pytest.mark.parametrize("word", GLOSSARY)
def test_a_word_of_the_glossary_is_a_name_only_where_it_has_its_meaning(word):
    elsewhere = [
        f"{module}: {name}"
        for module in MODULES
        if room_of(module) not in GLOSSARY[word]
        for name in sorted(defined(module))
        if not name.startswith("_") and "_".join(words_of(name)) in forms(word)
    ]
    assert elsewhere == []


@pytest.mark.parametrize("word", [*RETIRED, *RETIRED_IN])
def test_retired_words_are_in_no_identifier(word):
    found = [
        f"{module}: {name}"
        for module in MODULES
        if room_of(module) == RETIRED_IN.get(word, room_of(module))
        for name in sorted(identifiers(module))
        if forms(word) & {*words_of(name), name.lower()}
    ]
    assert found == []


@pytest.mark.parametrize("module", MODULES)
def test_functions_have_at_most_50_lines_and_8_parameters(module):
    for function in functions(module):
        body = function.body[bool(ast.get_docstring(function)) :]
        lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
        assert lines <= LONGEST_BODY, f"{function.name}: {lines} lines"
        given = function.args
        names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
        count = sum(name not in ("self", "cls") for name in names)
        if room_of(module) != "cli" and function.name not in PUBLIC_TOOLS:
            assert count <= MOST_PARAMETERS, f"{function.name}: {count} parameters"


def test_docstrings_list_the_parameters_that_there_are():
    wrong = []
    for module in MODULES:
        for function in functions(module):
            section = re.search(
                r"^Args:\n((?: {4}.*\n?|\n)+)", ast.get_docstring(function) or "", re.MULTILINE
            )
            given = function.args
            every = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
            names = [one.arg for one in every if one is not None and one.arg not in ("self", "cls")]
            entries = re.findall(r"^ {4}(\S[^:]*):", section[1], re.MULTILINE) if section else []
            listed = [name.strip("*") for entry in entries for name in entry.split(", ")]
            if section and listed != names:
                wrong.append(f"{module}.{function.name}: {listed}, not {names}")
    assert wrong == []


@pytest.mark.parametrize("path", sorted((REPOSITORY / "tests").rglob("*.py")), ids=lambda path: path.name)
def test_test_files_have_at_most_500_lines(path):
    assert path.read_text().count("\n") <= LONGEST_TEST_FILE


@pytest.mark.parametrize("module", MODULES)
def test_patterns_know_only_the_digits_of_ascii(module):
    r"""`\\d` and `isdigit` take those of all scripts, also `²`, which `int` refuses."""
    assert not re.search(r"\\[dD]|\.isdigit\(", path_of(module).read_text())


@pytest.mark.parametrize("module", MODULES)
def test_only_packages_list_what_they_export(module):
    if path_of(module).name != "__init__.py":
        assert not {"__all__"} & identifiers(module)


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) != "cli"])
def test_names_are_imported_from_the_modules_that_define_them(module):
    listing = [
        name for name in own_imports(module) if hasattr(importlib.import_module(f"potato.{name}"), "__all__")
    ]
    assert listing == []


PACKAGES = ["", *(module for module in MODULES if path_of(module).name == "__init__.py")]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_what_it_exports(package):
    loaded = importlib.import_module(f"potato.{package}".rstrip("."))
    names = getattr(loaded, "__all__", [])
    assert len(set(names)) == len(names)
    assert list(names) == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)), (
        f"{package}: constants, classes, functions, each from A to Z"
    )
    for name in names:
        assert hasattr(loaded, name), f"{package} promises {name}"


@pytest.mark.parametrize("module", MODULES)
def test_modules_have_a_docstring_and_at_most_400_lines(module):
    source = path_of(module).read_text()
    assert ast.get_docstring(ast.parse(source)), f"{module} has no docstring"
    assert source.count("\n") <= 400, f"{module} is more than one sitting"


def test_commands_are_registered_once_and_sections_are_not_empty():
    assert len(NAMES) == len(set(NAMES)) and all(COMMANDS.values())


def test_help_imports_neither_torch_rasterio_nor_numpy():
    """All commands in one process: if none has loaded a package, no command loads it."""
    code = (
        "import sys; from potato.cli import potato\n"
        f"for name in {['', *NAMES]}:\n"
        "    potato([*name.split(), '--help'], standalone_mode=False)\n"
        "    heavy = {'torch', 'rasterio', 'numpy'} & set(sys.modules); assert not heavy, (name, heavy)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Usage:") == len(NAMES) + 1


@pytest.mark.parametrize("name", NAMES)
def test_commands_have_few_statements_and_help_for_every_option(name):
    command = group.get_command(click.Context(group), name)
    tree = ast.parse(inspect.getsource(command.callback))
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)][1:]
    assert len(statements) - 1 <= 15, "a command parses, calls one tool, and prints"
    assert command.help and command.help.strip().split("\n")[0].endswith(".")
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, f"{name} {parameter.name} has no help"


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_of_a_command_are_those_of_its_tool(name):
    """Help shows a default without loading the tool, so both have it."""
    command, function = group.get_command(click.Context(group), name), name.replace("-", "_")
    own = {option.name: option.default for option in command.params if isinstance(option.default, PLAIN)}
    for module in MODULES:
        if room_of(module) != "cli" and function in defined(module):
            tool = getattr(importlib.import_module(f"potato.{module}"), function, None)
            given = inspect.signature(tool).parameters if tool else {}
            for one in own.keys() & given.keys():
                if given[one].default is not inspect.Parameter.empty:
                    assert plain(own[one]) == plain(given[one].default), one


PLAIN = str, int, float, tuple


def plain(value: object) -> object:
    """A default as a command has it: a name for a look, a word for a tuple of one, "" for none."""
    value = getattr(value, "name", value)
    return value[0] if isinstance(value, tuple) and len(value) == 1 else value or ""


def test_the_page_of_the_commands_is_current():
    spec = importlib.util.spec_from_file_location("make_cli", REPOSITORY / "docs" / "make_cli.py")
    make_cli = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_cli)
    assert make_cli.PAGE.read_text() == make_cli.page(), "run `make docs`"


@pytest.mark.parametrize("name", NAMES)
def test_every_command_is_in_the_readme_or_the_overview_it_links(name):
    readme, overview = (REPOSITORY / "README.md").read_text(), REPOSITORY / "docs" / "commands.md"
    assert "docs/commands.md" in readme
    assert re.search(rf"^potato {name}\b(?!-)", readme + overview.read_text(), re.MULTILINE)


def test_an_unknown_command_is_a_usage_error(run):
    result = run("frobnicate")
    assert result.exit_code == 2 and "No such command" in result.stderr


def test_the_version_is_printed(run):
    assert run("--version").stdout.startswith("potato, version ")
