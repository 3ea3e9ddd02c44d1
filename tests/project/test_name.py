"""The name of the distribution: right everywhere, and safe beside the project called `potato`."""

import os
import platform
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import potato
from potato.core.installation import DISTRIBUTION, explain, install_command
from potato.errors import ConflictError

PACKAGE = Path(potato.__file__).parent
REPOSITORY = PACKAGE.parents[1]

WRONG = re.compile(
    r"\b(?:pipx? install|pip uninstall|uv tool install|uv add|uvx|conda install|pixi add)"
    r"(?: -\S+)* ['\"]?potato(?![-\w./])"  # a command that takes the other project
    r"|\bpotato\[[a-z]+[],]"  # or an extra of it
)

FOLDERS = (".ci", ".github", "benchmarks", "dev", "docs", "qgis", "release", "runs", "src", "tests")

TEXTS = [
    path
    for path in (*REPOSITORY.iterdir(), *(one for name in FOLDERS for one in (REPOSITORY / name).rglob("*")))
    if path.suffix in ("", ".cff", ".ipynb", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml")
    and path.is_file()
    and path != Path(__file__)
]


def test_nothing_names_the_other_project():
    assert len(TEXTS) > 400
    found = {
        str(path.relative_to(REPOSITORY)): match[0]
        for path in TEXTS
        if (match := WRONG.search(path.read_text("utf-8", errors="replace")))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("pip install potato", True),
        ("pip install --upgrade 'potato[s3]'", True),
        ("needs potato[dask]", True),
        ("uvx potato fuse", True),
        ("pip install potato-pansharp", False),
        ("pip install 'potato-pansharp[s3,dask]'", False),
        ("uvx --from potato-pansharp potato fuse", False),
    ],
)
def test_wrong_names_are_found(text, wrong):
    assert bool(WRONG.search(text)) == wrong


def test_the_project_file_has_the_name_that_messages_have():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == DISTRIBUTION and project["scripts"]["potato"] == "potato.__main__:main"
    assert install_command("s3").startswith(f"pip install '{DISTRIBUTION}[")
    own = [one for extra in project["optional-dependencies"].values() for one in extra if "potato" in one]
    assert own and all(one.startswith(f"{DISTRIBUTION}[") for one in own)


@pytest.mark.parametrize(
    ("system", "machine", "remedy"),
    [
        ("Darwin", "arm64", "pip install 'potato-pansharp[workshop]'"),
        ("Linux", "x86_64", "pip install 'potato-pansharp[workshop]'"),
        ("Darwin", "x86_64", "use another machine"),
    ],
)
def test_an_extra_is_recommended_where_it_can_be_installed(system, machine, remedy, monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    told = str(explain(ModuleNotFoundError(name="torch"), '"train"'))
    assert told.startswith('expected PyTorch for "train", found none') and told.endswith(remedy)


@pytest.fixture
def python(tmp_path):
    """Run Python with the package in a folder of its own, as pip would install it."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "potato").symlink_to(PACKAGE)
    metadata = site / f"{DISTRIBUTION.replace('-', '_')}-1.0.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: 1.0.0\n")
    path = os.pathsep.join([str(site), *(one for one in sys.path if one != str(PACKAGE.parent))])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)

    return run


IN_PYTHON = "import potato\ntry: potato.Look\nexcept ImportError as error: print(type(error), error)"


def test_potato_runs_alone(python):
    done = python("-m", "potato", "sensors")
    assert done.returncode == 0 and "WorldView" in done.stdout, done.stderr
    assert python("-c", IN_PYTHON).stdout == ""


@pytest.mark.parametrize("metadata", ["potato-0.0.2.dist-info", "potato-0.0.2-py3.12.egg-info"])
def test_potato_refuses_to_run_beside_the_other_project(python, tmp_path, metadata):
    (tmp_path / "site" / metadata).mkdir()
    done = python("-m", "potato", "sensors")
    assert done.returncode == 1 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert "another project's potato-0.0.2" in line
    assert f"pip uninstall --yes potato {DISTRIBUTION}, then pip install {DISTRIBUTION}" in line
    assert ConflictError.__name__ in python("-c", IN_PYTHON).stdout
