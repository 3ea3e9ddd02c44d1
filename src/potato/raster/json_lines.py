"""JSON lines: a file that grows by one object a line.

One process appends; anything that reads lines can read, also while it grows. A crash or a full disk
can cut the last line short, so text after the last line break is not a line.
"""

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from potato.errors import InputError
from potato.raster.atomic import writing
from potato.raster.untrusted import check_file

MOST_LINE = 16 << 20
"""Bytes of the longest line that is read."""


def json_line(row: dict[str, Any]) -> str:
    """Encode an object as a line, with its line break."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def append_json_line(path: Path, row: dict[str, Any], *, durable: bool = False) -> None:
    """Append an object to a file.

    Args:
        path: the file; created if it isn't there.
        row: the object.
        durable: whether to wait until the line is on the disk, where it survives a loss of power.

    Raises:
        OutputError: if it can't be written.
    """
    with writing(path), path.open("ab") as file:
        file.write(json_line(row).encode())
        if durable:
            file.flush()
            os.fsync(file.fileno())


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The whole lines of a file; none if the file isn't there.

    Yields:
        The number of a line, from 1, and the line without its line break.

    Raises:
        OSError: if the file can't be read.
        InputError: if it isn't a file, but a named pipe, say; or if a line is too long.
    """
    check_file(str(path))
    if not path.exists():
        return
    with path.open("rb") as file:
        for number in itertools.count(1):
            line = file.readline(MOST_LINE)
            if not line.endswith(b"\n"):
                if len(line) == MOST_LINE:
                    raise InputError(
                        f"{path}, line {number}: expected {MOST_LINE >> 20} MB at most, found more; remove it"
                    )
                return
            yield number, line[:-1]
