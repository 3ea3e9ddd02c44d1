"""Files and folders that are there whole or not at all, and folders for one run at a time."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from potato.errors import OutputError, PotatoError


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


@contextlib.contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """A hidden folder beside `target` in which to make it; rename the finished thing out of it.

    The folder and what is left in it go at the end, whatever happens.

    Args:
        target: the file or folder to be made; its parent must be there.

    Yields:
        The hidden folder, `.NAME.….partial`, on the same disk as `target`.

    Raises:
        OutputError: for any OSError inside the `with`, for example because the disk is full.
    """
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name}.", suffix=".partial", dir=target.parent
        ) as folder:
            yield Path(folder)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{target}: can't write there: {error.strerror or error}") from error


@contextlib.contextmanager
def locked(path: Path, refusal: PotatoError) -> Iterator[None]:
    """Hold a lock for the length of a `with`; the system releases it when the process ends,
    however.

    Args:
        path: a folder, or a file that is made if it isn't there. Some network file systems lock
            files only.
        refusal: raised if another process holds the lock.

    Raises:
        PotatoError: `refusal`.
        OutputError: if the file can't be made.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    try:
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(f"{path}: can't write there: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise refusal from error
            # Some network file systems know no locks.
        yield
    finally:
        os.close(handle)
