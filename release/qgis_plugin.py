"""Build the zip of the QGIS plugin: python release/qgis_plugin.py FOLDER.

The public repository of QGIS also wants to know whom to write to, and where the code and its issues
are. `pyproject.toml` says it (authors, urls); a workflow of GitHub knows its own repository.
"""

import os
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "qgis" / "potato_sharpen"
WHEN = (2020, 1, 1, 0, 0, 0)
"""The time of all files, so that the same files give the same bytes."""

WANTED = "email", "repository", "tracker"
"""Fields of metadata.txt that depend on where the project lives."""

LABELS = {
    "repository": ("source", "repository", "sourcecode", "github"),
    "tracker": ("issues", "bugs", "issue", "tracker", "issuetracker", "bugtracker"),
}
"""Well-known labels of a project's URLs, without capitals and punctuation.

Source: https://packaging.python.org/en/latest/specifications/well-known-project-urls/
"""


def contacts(project: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """The fields of `WANTED` that are known.

    Args:
        project: the table `project` of pyproject.toml.
        environment: of this process.
    """
    urls = {
        "".join(filter(str.isalnum, label)).lower(): url for label, url in project.get("urls", {}).items()
    }
    found = {
        field: next((urls[label] for label in labels if label in urls), "")
        for field, labels in LABELS.items()
    }
    if environment.get("GITHUB_REPOSITORY"):
        own = (
            f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{environment['GITHUB_REPOSITORY']}"
        )
        found = {"repository": found["repository"] or own, "tracker": found["tracker"] or f"{own}/issues"}
    emails = [author["email"] for author in project.get("authors", ()) if "email" in author]
    return {field: url for field, url in {"email": ", ".join(emails[:1]), **found}.items() if url}


def build(folder: Path, known: Mapping[str, str] | None = None) -> Path:
    """Write `potato_sharpen.zip` into a folder; returns its path. `known` are further metadata."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{PLUGIN.name}.zip"
    more = "".join(f"{field}={value}\n" for field, value in sorted((known or {}).items())).encode()
    files = [file for file in sorted(PLUGIN.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in [*files, ROOT / "LICENSE"]:
            inside = file.relative_to(PLUGIN) if file.is_relative_to(PLUGIN) else Path(file.name)
            entry = zipfile.ZipInfo(f"{PLUGIN.name}/{inside.as_posix()}", WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes() + (more if file.name == "metadata.txt" else b""))
    return path


if __name__ == "__main__":
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    fields = contacts(pyproject["project"], os.environ)
    print(build(Path(sys.argv[1]), fields))
    if unknown := [field for field in WANTED if field not in fields]:
        print(f"the public repository of QGIS also wants {', '.join(unknown)}", file=sys.stderr)
