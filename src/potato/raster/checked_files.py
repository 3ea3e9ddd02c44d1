"""Files that GDAL writes through Python, so that no write that fails goes unnoticed.

GDAL hands its bytes to the C library, which keeps some of them for later. Where one such write
fails, because the disk is full for a moment, GDAL often goes on: the file has a hole where an
overview should be, and nothing is said. Here every write is the system's own, and the first one
that fails is kept.

An exception can't pass through GDAL, so interruptions wait for the end of its calls. A copy ends
soon, since from then on nothing can be read.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.abc import FileContainer
from rasterio.errors import RasterioIOError

from potato.engine.interrupts import held_back

_ROOT = "/potato"
"""The folder as GDAL sees it; names of real folders may have letters that rasterio splits at."""


class CheckedFiles(FileContainer):  # type: ignore[misc]  # rasterio has no types
    """A folder in which GDAL writes through Python; made by `checked_files`.

    Attributes:
        failure: the first error of the system; None if there was none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failure: OSError | None = None
        self._interruptions: list[int] = []

    @property
    def interrupted(self) -> bool:
        """Whether an interruption waits."""
        return bool(self._interruptions)

    @contextlib.contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Let interruptions wait while inside; every call of GDAL that may write belongs there."""
        with held_back() as self._interruptions:
            yield

    def create(self, name: str, **profile: Any) -> Any:
        """A new dataset of that name, open for writing, as `rasterio.open` makes it."""
        self._real(name).unlink(missing_ok=True)  # which GDAL can't do through Python
        return rasterio.open(f"{_ROOT}/{name}", "w", opener=self, **profile)

    def copy(self, name: str, copy: str, driver: str, **options: Any) -> None:
        """Copy a dataset, as `rasterio.shutil.copy` does.

        Raises:
            RasterioIOError: if GDAL can't make the copy.
        """
        with rasterio.open(f"{_ROOT}/{name}", opener=self) as dataset:
            root = dataset.name.removesuffix(name)
            try:
                rasterio.shutil.copy(dataset, root + copy, driver=driver, **options)
            except CPLE_BaseError as error:  # of GDAL's errors, it leaves some as they are
                raise RasterioIOError(str(error)) from error

    def note(self, error: OSError) -> None:
        """Keep the first error."""
        self.failure = self.failure or error

    def check(self) -> None:
        """Raise the first error of the system, if there was one."""
        if self.failure is not None:
            raise self.failure

    def open(self, path: str, mode: str = "r", **options: Any) -> "_CheckedFile":
        """Open a file."""
        return _CheckedFile(self, self._real(path), mode.translate({ord("b"): None, ord("t"): None}))

    def isfile(self, path: str) -> bool:
        """Whether there is such a file."""
        return self._real(path).is_file()

    def isdir(self, path: str) -> bool:
        """Whether there is such a folder."""
        return self._real(path).is_dir()

    def ls(self, path: str) -> list[str]:
        """Names of the files in a folder."""
        return [file.name for file in self._real(path).iterdir()]

    def mtime(self, path: str) -> int:
        """When a file was changed last, in seconds."""
        return int(self._real(path).stat().st_mtime)

    def rm(self, path: str) -> None:
        """Remove a file."""
        self._real(path).unlink()

    def size(self, path: str) -> int:
        """Bytes of a file."""
        return self._real(path).stat().st_size

    def _real(self, path: str) -> Path:
        return self.folder / path.removeprefix(_ROOT).lstrip("/")


class _CheckedFile(io.FileIO):
    """A file that keeps the first error, and tells GDAL that all is well.

    GDAL can't hand on an exception, and would print lines of its own about each write that fails.
    The file is of no use any more, so its pixels don't matter.
    """

    def __init__(self, files: CheckedFiles, path: Path, mode: str) -> None:
        super().__init__(path, mode)
        self._files = files

    def write(self, data: Any) -> int:
        """Write all of `data`; returns its length."""
        rest = memoryview(data).cast("B")
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._files.note(error)
            self.seek(len(rest), os.SEEK_CUR)
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        """Read as many bytes, less at the end of the file, zeros after an error."""
        if self._files.interrupted:
            return b""
        try:
            return super().read(-1 if size is None else size)
        except OSError as error:
            self._files.note(error)
            return bytes(max(0, size or 0))

    def truncate(self, size: int | None = None) -> int:
        """Give the file another length."""
        try:
            return super().truncate(size)
        except OSError as error:
            self._files.note(error)
            return size or 0

    def close(self) -> None:
        """Close the file; some network file systems only say now that a write failed."""
        try:
            super().close()
        except OSError as error:
            self._files.note(error)


@contextlib.contextmanager
def checked_files(folder: Path) -> Iterator[CheckedFiles]:
    """Let GDAL write files in a folder through Python while inside.

    Raises:
        OSError: the first error of the system, in place of whatever GDAL made of it.
    """
    files = CheckedFiles(folder)
    try:
        yield files
    except Exception as error:
        if files.failure is not None:
            raise files.failure from error
        raise
    files.check()
