"""The packages: what lies in them, and that their bytes don't depend on when they were built."""

import datetime
import importlib.util
import io
import re
import shutil
import tarfile
import tomllib
import zlib
from pathlib import Path

import pytest

import potato
from potato.core.installation import VERSION

REPOSITORY = Path(potato.__file__).parents[2]

MOST_TEST_DATA = 5_000_000
"""Bytes of the tests in the source distribution."""

MOST_BYTES = 6_500_000
"""Bytes of the source distribution, with five networks of 0.2 MB and scenes of 3.5 MB."""


def script(name: str):
    """A script of the folder release/."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / "release" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archive(names: list[str], time: int, owner: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(f"potato-1/{name}")
            member.size, member.mtime, member.uname, member.mode = len(name), time, owner, 0o664
            tar.addfile(member, io.BytesIO(name.encode()))
    return packed.getvalue()


def test_a_source_distribution_depends_on_its_files_alone():
    packed_again = script("packages").packed_again
    one = packed_again(archive(["a.py", "b.py"], 1_000_000_000, "me"), 1_700_000_000)
    other = packed_again(archive(["b.py", "a.py"], 1_600_000_000, "you"), 1_700_000_000)
    assert one == other != packed_again(archive(["a.py"], 1_000_000_000, "me"), 1_700_000_000)
    with tarfile.open(fileobj=io.BytesIO(one)) as tar:
        assert [member.name for member in tar] == ["potato-1/a.py", "potato-1/b.py"]
        assert tar.extractfile("potato-1/b.py").read() == b"b.py"


def test_the_tests_are_small_enough_for_the_source_distribution():
    sizes = [path.stat().st_size for path in (REPOSITORY / "tests").rglob("*") if path.suffix != ".pyc"]
    assert sum(sizes) < MOST_TEST_DATA


def test_the_source_distribution_is_small_and_has_what_builds_it(monkeypatch):
    egg_info = pytest.importorskip("setuptools.command.egg_info")
    monkeypatch.chdir(REPOSITORY)
    files = egg_info.FileList(ignore_egg_info_dir=True)
    for line in (REPOSITORY / "MANIFEST.in").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            files.process_template_line(line)
    names = {Path(name).as_posix() for name in files.files}
    headers = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "native").glob("*.h")}
    assert headers | {"README.md", "Makefile", "tests/conftest.py", "docs/conf.py"} <= names
    package = (REPOSITORY / "src" / "potato").rglob("*")
    packed = [
        path
        for path in (*map(Path, names), *package)
        if path.is_file() and path.suffix not in (".pyc", ".so", ".pyd")
    ]
    stream = zlib.compressobj(9)  # as of an archive
    size = sum(len(stream.compress(path.read_bytes())) for path in packed) + len(stream.flush())
    assert size < MOST_BYTES


def test_the_wheel_holds_every_file_of_the_package():
    file = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    root, patterns = REPOSITORY / "src" / "potato", file["tool"]["setuptools"]["package-data"]["potato"]
    packed = {path for pattern in patterns for path in root.glob(pattern)}
    there = {path for path in root.rglob("*") if path.suffix not in (".py", ".pyc", ".so", ".pyd")}
    assert {path for path in there if path.is_file()} <= packed
    licences = {path for pattern in file["project"]["license-files"] for path in REPOSITORY.glob(pattern)}
    assert set(root.rglob("*LICENSE*")) < licences


def test_the_recipe_requires_what_the_project_requires():
    yaml = pytest.importorskip("yaml")
    recipe = yaml.safe_load((REPOSITORY / "release" / "recipe.yaml").read_text("utf-8"))
    file = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    project, needed = file["project"], recipe["requirements"]
    expected = [f"python{project['requires-python']}", *project["dependencies"]]
    assert sorted(one.replace(" ", "") for one in needed["run"]) == sorted(expected)
    built = {one.replace(" ", "") for one in needed["host"]}
    assert {*file["build-system"]["requires"], expected[0]} <= built
    assert recipe["build"]["python"]["entry_points"] == [f"potato = {project['scripts']['potato']}"]
    licences = {path for pattern in project["license-files"] for path in REPOSITORY.glob(pattern)}
    assert {REPOSITORY / name for name in recipe["about"]["license_file"]} == licences
    assert recipe["package"]["name"] == project["name"] and recipe["about"]["license"] == project["license"]


def test_the_page_on_the_index_has_absolute_links():
    text = (REPOSITORY / "README.md").read_text("utf-8")
    page = script("readme").absolute(text, "https://host/me/potato", "v1.2.3")
    targets = re.findall(r"\]\(([^)]+)\)", page)
    assert len(targets) > 20 and all(target.startswith("https://") for target in targets)
    assert "https://host/me/potato/raw/v1.2.3/docs/images/front.jpg" in targets
    assert "https://host/me/potato/blob/v1.2.3/docs/commands.md#install" in targets
    assert script("readme").absolute(page, "https://other", "v2") == page


def written(repository: Path) -> dict[str, str]:
    """The version that each file has; of the changelog, its newest."""
    patterns = {name: pattern for name, (pattern, _) in script("version").PLACES.items()}
    patterns["CHANGELOG.md"] = r"^## ([\d.]+)"
    return {
        name: re.search(pattern, (repository / name).read_text("utf-8"), re.MULTILINE)[1]
        for name, pattern in patterns.items()
    }


def test_workflows_and_pages_name_targets_that_exist():
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    workflows = "".join(path.read_text("utf-8") for path in (REPOSITORY / ".github").rglob("*.yml"))
    named = {word for line in re.findall(r"run: make ([a-z -]+)", workflows) for word in line.split()}
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    for page in pages:
        named |= set(re.findall(r"(?:^|`)make ([a-z]+(?:-[a-z]+)*)", page.read_text("utf-8"), re.MULTILINE))
    assert len(named) > 15 and named <= targets, named - targets


def test_every_place_has_one_version():
    assert set(written(REPOSITORY).values()) == {VERSION}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "potato.core.installation.VERSION"
    for name in ("release/recipe.yaml", "Dockerfile", "docs/conf.py", "README.md", "docs/commands.md"):
        assert VERSION not in (REPOSITORY / name).read_text("utf-8"), name


def test_a_new_version_is_written_everywhere_or_nowhere(tmp_path):
    version = script("version")
    for name in version.PLACES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    changes = tmp_path / "CHANGELOG.md"
    changes.write_text("# Changelog\n\n## Unreleased\n\nNew.\n\n## 0.3.0\n\nOld.\n", "utf-8")
    version.rename(tmp_path, "7.8.9", datetime.date(2030, 1, 2))
    assert set(written(tmp_path).values()) == {"7.8.9"}
    assert "\ndate-released: 2030-01-02\n" in (tmp_path / "CITATION.cff").read_text("utf-8")
    assert changes.read_text("utf-8").startswith("# Changelog\n\n## 7.8.9 – 2030-01-02\n\nNew.\n")
    with pytest.raises(SystemExit, match="expected one line"):  # nothing is unreleased
        version.rename(tmp_path, "7.9.0", datetime.date(2030, 1, 3))
    assert set(written(tmp_path).values()) == {"7.8.9"}
