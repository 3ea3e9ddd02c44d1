"""Name a new version everywhere that a version is written, with today's date.

    python release/version.py 1.0.0

Everything else (packages, site, recipe, container) takes the version from the code.
"""

import datetime
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]

VERSION = r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}"

PLACES = {
    "src/potato/core/installation.py": (r'^VERSION = "(.*)"$', 'VERSION = "{version}"'),
    "CITATION.cff": (
        r"^version: (.*)\ndate-released: .*$",
        "version: {version}\ndate-released: {date}",
    ),
    "qgis/potato_sharpen/metadata.txt": (r"^version=(.*)$", "version={version}"),
    "CHANGELOG.md": (r"^## (Unreleased)$", "## {version} – {date}"),
}
"""Files, the text that is replaced, and what takes its place."""


def main() -> None:
    """Name the version that the command line gives; nothing is changed unless all can be."""
    version = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(VERSION, version):
        raise SystemExit(f"expected a version such as 1.0.0, found {version or 'none'}")
    rename(REPOSITORY, version, datetime.date.today())


def rename(repository: Path, version: str, date: datetime.date) -> None:
    """Write a version and its date into the files of a repository.

    Raises:
        SystemExit: if a file doesn't have its place, or the changelog has the version already.
    """
    texts = {}
    for name, (pattern, replacement) in PLACES.items():
        text = (repository / name).read_text("utf-8")
        new, count = re.subn(
            pattern, replacement.format(version=version, date=date.isoformat()), text, flags=re.MULTILINE
        )
        if count != 1:
            raise SystemExit(f"{name}: expected one line like {pattern}, found {count}")
        texts[name] = new
    if re.search(
        rf"^## {re.escape(version)}\b", (repository / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    ):
        raise SystemExit(f"CHANGELOG.md: {version} has a section already; choose a higher version")
    for name, text in texts.items():
        (repository / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
