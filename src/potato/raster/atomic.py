"""Files that are whole or absent, and locks that let one run at a time use a folder."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from potato.errors import OutputError, PotatoError


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError inside, for example of a full disk, into an OutputError that names `path`."""
    try:
        yield
    except OutputError:  # may be an OSError too
        raise
    except OSError as error:
        raise OutputError(f"{path}: can't write there: {error.strerror or error}") from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they aren't there.

    Raises:
        OutputError: if they can't be made, for example because a file is in the way.
    """
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def write_whole(path: Path, data: bytes | str) -> None:
    """Write a file whole: under a hidden name beside `path`, then renamed.

    Args:
        path: the file; replaced if it is there.
        data: the content; text is encoded as UTF-8, with its line breaks unchanged.

    Raises:
        OutputError: if it can't be written, for example because the disk is full.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with writing(path):
        try:
            beside.write_bytes(data.encode() if isinstance(data, str) else data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def staging_folder(target: Path) -> Iterator[Path]:
    """Make a hidden folder in which the caller makes `target`, before moving it to its place.

    The folder is removed at the end, with everything that is left in it, also after an error.

    Args:
        target: the file or folder to be made; its parent must exist.

    Yields:
        The hidden folder, `.NAME.….partial`, on the disk of `target`.

    Raises:
        OutputError: for any OSError inside the `with`, for example because the disk is full.
    """
    # The name comes first, so that an interruption right after mkdir still removes the folder.
    folder = target.with_name(f".{target.name}.{os.urandom(6).hex()}.partial")
    with writing(target):
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(path: Path, refusal: PotatoError) -> Iterator[None]:
    """Hold a lock while inside; the system releases it when the process ends, however it ends.

    Args:
        path: a folder; or a file, created if it isn't there. Some network file systems lock only
            files.
        refusal: raised if another process holds the lock.

    Raises:
        PotatoError: `refusal`.
        OutputError: if the file can't be created.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with writing(path):
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
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
