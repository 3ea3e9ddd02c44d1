"""Files that are whole or absent, and locks that let one run at a time use a folder.

What is being made lies under a hidden name, `.NAME.….partial`, beside its place. The process that
makes it holds a lock, which the system releases when the process ends, however it ends. So the next
run knows what a killed one has left, and removes it.
"""

import contextlib
import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from potato.core.text import redact
from potato.core.types import PathLike
from potato.engine.interrupts import held_back
from potato.errors import DiskFullError, OutputError, OutputExists, PotatoError

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/|/vsi", re.IGNORECASE)
"""How names begin that are no files of this machine.

pathlib makes `s3:/` of `s3://`; a single letter before the colon is a drive of Windows."""

PARTIAL = ".partial"
"""Ending of hidden names."""

_LOCK = ".lock"
"""Name of the file in a hidden folder that is locked."""

_LOCKED_BYTE = 1 << 30
"""The byte that is locked on Windows: beyond the end, since nobody else could read it there."""

_LONGEST = 200
"""Bytes of a name that its hidden name repeats; most systems allow 255 in all."""


def local_path(output: PathLike) -> Path:
    """The path of an output.

    Raises:
        OutputError: if it is an address, such as `s3://bucket/a.tif`; if it is `-`, which means
            standard output to other programs; or if it is empty, as an unset variable is.
    """
    name = os.fspath(output)
    if name in ("", "-"):
        found = "'-', but nothing is written to standard output" if name else "an empty one"
        raise OutputError(f"expected the name of an output, found {found}; name a file or a folder")
    if ADDRESS.match(name):
        raise OutputError(
            f"{redact(name)}: expected a path on this machine, found an address; write to a folder here and "
            "copy it there afterwards (aws s3 sync, gsutil, rclone)"
        )
    return Path(name)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError inside, for example of a full disk, into an OutputError that names `path`."""
    try:
        yield
    except OutputError:  # may be an OSError too
        raise
    except OSError as error:
        kind = DiskFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else OutputError
        raise kind(f"{path}: can't write there: {error.strerror or error}") from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they aren't there.

    Raises:
        OutputError: if it is an address, or can't be made, for example because a file is there.
    """
    with writing(local_path(path)):
        path.mkdir(parents=True, exist_ok=True)


def write_whole(path: Path, data: bytes | str) -> None:
    """Write a file whole: under a hidden name beside `path`, then renamed.

    Args:
        path: the file; replaced if it is there.
        data: the content; text is encoded as UTF-8, with its line breaks unchanged.

    Raises:
        OutputError: if it can't be written, for example because the disk is full.
    """
    with writing(path):
        handle = None
        while handle is None:
            beside = _hidden(path)
            handle = _hold(beside)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
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
    with writing(target), contextlib.ExitStack() as stack:
        handle = None
        while handle is None:
            # The name comes first, so that an interruption right after mkdir removes the folder.
            folder = _hidden(target)
            stack.callback(_clear, folder)
            folder.mkdir(mode=0o700)
            with contextlib.suppress(FileNotFoundError):  # another run took it for abandoned
                handle = _hold(folder / _LOCK)
        stack.callback(os.close, handle)
        yield folder


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder whole or not at all, and the folders above it.

    Args:
        path: of the folder; one that is there must be empty.

    Yields:
        A hidden folder, which is moved to `path` at the end.

    Raises:
        OutputExists: if something is there at the end.
        OutputError: for any OSError inside the `with`.
    """
    make_folder(path.parent)
    with staging_folder(path) as hidden:
        growing = hidden / "whole"
        growing.mkdir()
        yield growing
        try:
            if path.exists():  # empty; Windows doesn't rename onto it
                path.rmdir()
            growing.rename(path)
        except OSError as error:
            if not os.path.lexists(path):
                raise
            raise OutputExists(
                f"{path}: expected a new or empty folder, found what another run put there meanwhile; choose "
                "another"
            ) from error


def remove_partials(folder: Path, name: str = "") -> None:
    """Remove what killed runs left in a folder.

    What cannot be removed stays, and so does what lies on a file system without locks.

    Args:
        folder: the folder.
        name: of the file or folder that they were making; empty for any.
    """
    with contextlib.suppress(OSError):
        for path in _partials(folder, name):
            with _abandoned(path) as left:
                if left:
                    _remove(path)
            if left:  # Windows removes no open file
                _remove(path)


def find_partials(folder: Path) -> list[Path]:
    """What killed runs left in a folder; nothing, if it can't be listed."""
    found = []
    with contextlib.suppress(OSError):
        for path in _partials(folder):
            with _abandoned(path) as left:
                found += [path] if left else []
    return sorted(found)


@contextlib.contextmanager
def locked(path: Path, refusal: PotatoError) -> Iterator[None]:
    """Hold a lock while inside; the system releases it when the process ends, however it ends.

    Args:
        path: a folder; or a file, created if it isn't there. Some network file systems lock only
            files, and so does Windows, where a file `.lock` in the folder takes its place.
        refusal: raised if another process holds the lock.

    Raises:
        PotatoError: `refusal`.
        OutputError: if the file can't be created.
    """
    if sys.platform == "win32" and path.is_dir():
        path /= _LOCK
    with writing(path):
        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if _lock(handle) is False:
            raise refusal
        yield
    finally:
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """Lock an open file: whether that worked, or None if the system can't lock it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            finally:
                os.lseek(handle, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems know no locks.
        return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
    return True


def _hold(path: Path) -> int | None:
    """Create a file and lock it; None if another run took it for abandoned meanwhile."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    with contextlib.suppress(FileNotFoundError):
        if _lock(handle) is not False and os.path.samestat(os.fstat(handle), path.stat()):
            return handle
    os.close(handle)
    return None


@contextlib.contextmanager
def _abandoned(path: Path) -> Iterator[bool]:
    """Whether the process that made a hidden file or folder is gone; it is locked while inside."""
    lock, flags = (path / _LOCK, os.O_RDWR | os.O_CREAT) if path.is_dir() else (path, os.O_RDWR)
    try:
        handle = os.open(lock, flags)
    except OSError:  # it is another user's, or gone meanwhile
        yield False
        return
    try:
        yield _lock(handle) is True
    finally:
        os.close(handle)


def _clear(folder: Path) -> None:
    """Remove a folder of this process; an interruption waits, since it would leave the rest."""
    with held_back():
        shutil.rmtree(folder, ignore_errors=True)


def _remove(path: Path) -> None:
    """Remove a file or a folder, or as much of a folder as can be."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _prefix(name: str) -> str:
    return "." + os.fsencode(name)[:_LONGEST].decode(errors="ignore") + "."


def _hidden(target: Path) -> Path:
    return target.with_name(f"{_prefix(target.name)}{os.urandom(6).hex()}{PARTIAL}")


def _partials(folder: Path, name: str = "") -> list[Path]:
    """The hidden files and folders of a name, or of any."""
    hidden = re.compile((re.escape(_prefix(name)) if name else r"\..+\.") + r"[0-9a-f]+" + re.escape(PARTIAL))
    with os.scandir(folder) as entries:
        return [
            Path(entry.path) for entry in entries if hidden.fullmatch(entry.name) and not entry.is_symlink()
        ]
