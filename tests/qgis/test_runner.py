"""The plugin's Python that needs no QGIS."""

import ast
import configparser
import io
import sys
import time
import zipfile
from pathlib import Path

import pytest

from potato.core.installation import VERSION
from qgis_plugin_files import PLUGIN, ROOT, load

runner = load(PLUGIN / "runner.py")


def script(folder: Path, text: str) -> str:
    """A program of this Python, as a command."""
    path = folder / "potato"
    path.write_text(f"#!{sys.executable}\nimport sys\n{text}\n")
    path.chmod(0o755)
    return str(path)


posix = pytest.mark.skipif(sys.platform == "win32", reason="scripts are run by their first line")


@posix
def test_the_variable_and_the_setting_name_the_command_before_it_is_searched_for(tmp_path, monkeypatch):
    major, minor = runner.own_version()
    good = script(tmp_path, f"print('potato, version {major}.{minor}.7')")
    monkeypatch.delenv(runner.COMMAND, raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    with pytest.raises(runner.PotatoError, match='found none; run the algorithm "Install Potato"'):
        runner.find_potato()
    assert runner.find_potato(good) == good
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    Path(script(environment / "bin", f"print('potato, version {major}.{minor}.0')"))
    assert runner.find_potato(str(environment)) == str(environment / "bin" / "potato")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert runner.find_potato() == good
    monkeypatch.setenv(runner.COMMAND, str(environment))
    assert runner.find_potato(good) == str(environment / "bin" / "potato")


@posix
@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ("potato, version 0.1.0", "or newer, found 0.1"),
        ("Potato annotation 3", "another program of its name"),
    ],
)
def test_an_old_potato_and_another_program_are_refused(tmp_path, monkeypatch, printed, message):
    monkeypatch.delenv(runner.COMMAND, raising=False)
    with pytest.raises(runner.PotatoError, match=message):
        runner.find_potato(script(tmp_path, f"print({printed!r})"))


def test_the_python_of_qgis_is_kept_from_the_command(monkeypatch):
    for name in ("PYTHONHOME", "PYTHONPATH", "PROJ_LIB", "GDAL_DATA"):
        monkeypatch.setenv(name, "/qgis")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:8080")
    found = runner.environment()
    assert not {"PYTHONHOME", "PYTHONPATH", "PROJ_LIB", "GDAL_DATA"} & set(found)
    assert found["HTTPS_PROXY"] == "http://proxy:8080"


def python(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_lines_and_progress_reach_the_dialog():
    lines, percents = [], []
    outcome = runner.run(
        python(
            "import sys; print('done'); sys.stderr.write('first\\n 40%|x| 4/10\\rpotato: 6 of 12 tile, "
            "50%, 3 s so far, about 3 s left\\n')"
        ),
        tell=lines.append,
        progress=percents.append,
    )
    assert (outcome.code, outcome.output, lines, percents) == (0, "done\n", ["first"], [40.0, 50.0])


def test_a_failure_is_its_last_line_and_code_3_is_none():
    failing = python("import sys; print('note', file=sys.stderr); sys.exit('potato: a.tif: expected b')")
    with pytest.raises(runner.PotatoError, match=r"^a\.tif: expected b$"):
        runner.run(failing)
    assert runner.run(python("import sys; sys.exit(3)")).code == 3
    with pytest.raises(runner.PotatoError, match="can't run it: No such file"):
        runner.run(["/nowhere/potato"])


@posix
def test_a_cancelled_command_may_clean_up(tmp_path):
    left = tmp_path / "left"
    text = (
        f"import pathlib, time\npath = pathlib.Path({str(left)!r})\npath.touch()\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    path.unlink()\n    raise SystemExit(130)"
    )
    started = time.monotonic()
    with pytest.raises(runner.PotatoError, match="cancelled"):
        runner.run(python(text), cancelled=left.exists)
    assert not left.exists() and time.monotonic() - started < 50


def test_the_first_line_of_a_server_is_its_address_or_its_error():
    text = "import sys, time; print('9 tiles so far', file=sys.stderr); time.sleep(0.5)"
    server = runner.start(python(f"{text}; print('http://127.0.0.1:1/', flush=True); time.sleep(60)"))
    told: list[str] = []
    assert runner.first_line(server, tell=told.append) == "http://127.0.0.1:1/"
    assert told == ["9 tiles so far"]
    runner.stop(server)
    assert server.poll() is not None
    waiting = runner.start(python("import time; time.sleep(60)"))
    with pytest.raises(runner.PotatoError, match="cancelled"):
        runner.first_line(waiting, lambda: True)
    assert waiting.poll() is not None
    with pytest.raises(runner.PotatoError, match=r"^no such folder$"):
        runner.first_line(runner.start(python("import sys; sys.exit('potato: no such folder')")))


@posix
def test_an_environment_is_made_by_uv_or_by_venv(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    inside = str(tmp_path / "e" / "bin" / "python")
    made = runner.install_commands(tmp_path / "e")
    assert made[0][1:] == ["-m", "venv", "--clear", str(tmp_path / "e")]
    assert made[1][:4] == [inside, "-m", "pip", "install"]
    assert made[1][-1].startswith("potato-pansharp[serve,vectors]>=")
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)
    made = runner.install_commands(tmp_path / "e", "x.whl")
    assert made[0][1] == "venv" and made[1][1:] == ["pip", "install", "--python", inside, "x.whl"]


def test_typed_options_are_split_as_a_shell_does():
    assert runner.split("--co COMPRESS=JPEG --bands 'red, green'") == [
        *("--co", "COMPRESS=JPEG", "--bands", "red, green")
    ]
    with pytest.raises(runner.PotatoError, match="open quotation mark"):
        runner.split("--bands 'red")


def test_metadata_name_this_version_and_the_zip_is_one_folder(tmp_path):
    build = load(ROOT / "release" / "qgis_plugin.py").build
    path = build(tmp_path)
    before = path.read_bytes()
    assert build(tmp_path).read_bytes() == before
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        metadata = archive.read("potato_sharpen/metadata.txt").decode()
    assert {name.partition("/")[0] for name in names} == {"potato_sharpen"}
    assert {"potato_sharpen/__init__.py", "potato_sharpen/icon.svg", "potato_sharpen/LICENSE"} <= set(names)
    parser = configparser.ConfigParser()
    parser.read_file(io.StringIO(metadata))
    general = parser["general"]
    assert general["version"] == VERSION and general["hasProcessingProvider"] == "yes"
    assert {"name", "qgisminimumversion", "description", "about", "author"} <= set(general)


def test_the_public_repository_gets_what_it_wants_to_know_and_nothing_invented(tmp_path):
    plugin = load(ROOT / "release" / "qgis_plugin.py")
    project = {
        "authors": [{"name": "A"}, {"name": "B", "email": "b@example.org"}],
        "urls": {"Source Code": "https://example.org/potato", "Bug Tracker": "https://example.org/bugs"},
    }
    own = {"GITHUB_SERVER_URL": "https://git.example", "GITHUB_REPOSITORY": "a/b"}
    assert plugin.contacts({}, {}) == {}
    assert plugin.contacts({}, own)["tracker"] == "https://git.example/a/b/issues"
    with zipfile.ZipFile(plugin.build(tmp_path, plugin.contacts(project, own))) as archive:
        parser = configparser.ConfigParser()
        parser.read_string(archive.read("potato_sharpen/metadata.txt").decode())
    general = parser["general"]
    # https://docs.qgis.org/latest/en/docs/pyqgis_developer_cookbook/plugins/plugins.html
    mandatory = "name qgisMinimumVersion description about version author email repository tracker"
    assert all(general[name] for name in mandatory.split()) and general["homepage"]
    assert general["repository"] == "https://example.org/potato"


def test_the_plugin_is_written_for_the_python_of_old_qgis():
    for file in PLUGIN.glob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 9))
        assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
