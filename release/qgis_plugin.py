"""Build the zip of the QGIS plugin: python release/qgis_plugin.py FOLDER."""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "qgis" / "potato_sharpen"
WHEN = (2020, 1, 1, 0, 0, 0)
"""The time of all files, so that the same files give the same bytes."""


def build(folder: Path) -> Path:
    """Write `potato_sharpen.zip` into a folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{PLUGIN.name}.zip"
    files = [file for file in sorted(PLUGIN.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in [*files, ROOT / "LICENSE"]:
            inside = file.relative_to(PLUGIN) if file.is_relative_to(PLUGIN) else Path(file.name)
            entry = zipfile.ZipInfo(f"{PLUGIN.name}/{inside.as_posix()}", WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    return path


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
