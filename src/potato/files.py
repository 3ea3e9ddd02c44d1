"""Small files, written whole or not at all."""

import os
from pathlib import Path

from potato.errors import OutputError

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes | str) -> None:
    """Write a file beside its place and rename it into it, so that nobody ever sees half of it.

    Args:
        path: the file; replaced if it is there.
        data: its content; text becomes UTF-8, with line ends as they are.

    Raises:
        OutputError: if it can't be written, for example because the disk is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        try:
            beside.write_bytes(data.encode() if isinstance(data, str) else data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: can't write there: {error.strerror or error}") from error
