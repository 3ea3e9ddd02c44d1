"""JSON lines: a file that grows by an object a line, and survives being cut short.

One process appends; anybody reads, `grep` included. A crash or a full disk can cut the last line short; what
follows the last line break is therefore no line.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from potato.errors import OutputError


def json_line(row: dict[str, Any]) -> str:
    """An object as its line, with the line break."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def append_json_line(path: Path, row: dict[str, Any], *, durable: bool = False) -> None:
    """Add an object to a file, which is made if it isn't there.

    Args:
        path: the file.
        row: the object.
        durable: whether to wait until the line is on the disk, so that even a loss of power keeps it.

    Raises:
        OutputError: if it can't be written.
    """
    try:
        with path.open("ab") as file:
            file.write(json_line(row).encode())
            if durable:
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise OutputError(f"{path}: can't write there: {error.strerror or error}") from error


def whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The whole lines of a file with their numbers, from 1; none if the file isn't there.

    Raises:
        OSError: if it can't be read.
    """
    if path.exists():
        yield from enumerate(path.read_bytes().split(b"\n")[:-1], 1)
