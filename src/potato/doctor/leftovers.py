"""Files that killed runs left behind."""

import os
from collections.abc import Iterator
from pathlib import Path

from potato.core.text import counted, first_names
from potato.doctor.finding import Finding
from potato.raster.atomic import find_partials


def examine_leftovers(source: str | None) -> Iterator[Finding]:
    """Look for unfinished files of killed runs: in this folder, and in a source and below it."""
    found = find_partials(Path.cwd())
    if source is not None and Path(source).is_dir():
        found += [path for folder, _, _ in os.walk(source) for path in find_partials(Path(folder))]
    found = [*dict.fromkeys(path.absolute() for path in found)]
    if found:
        size = sum(file.stat().st_size for path in found for file in [path, *path.rglob("*")])
        names = first_names([*map(str, found)])
        yield Finding(
            "unfinished files",
            "note",
            f"{counted(len(found), 'file')} of killed runs, {size / 1e6:.1f} MB: {names}",
            "repeat the commands that were killed, which remove them, or remove them yourself",
        )
