"""The files of a delivery, in a folder or in an archive, which is read without being extracted."""

import os
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from potato.ard.walk import holds_items
from potato.core.types import PathLike
from potato.errors import DeliveryError, InputError
from potato.raster.gdal_env import is_remote
from potato.raster.header import Header, read_header

MOST_FILES = 50_000
"""Files in a folder above which it isn't taken for a delivery."""

MOST_BYTES = 64 << 20
"""Bytes of a metadata file above which it isn't read; real ones have less than 2 MB."""

MOST_METADATA = 4 * MOST_BYTES
"""Bytes of all metadata files of a tar archive, which are kept in memory."""

DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".jp2": "JP2OpenJPEG", ".ntf": "NITF"}
"""GDAL's names of the formats in which vendors deliver images, by the ending of a file's name."""

OTHER_DRIVERS = {".img": "HFA", ".pix": "PCIDSK"}
"""The same for formats in which other software stores images."""

METADATA = (".til", ".imd", ".xml", ".txt", ".json", ".dim", ".hdr")
"""Endings of metadata files."""

ARCHIVES = {".zip": "/vsizip/", ".tar": "/vsitar/", ".tgz": "/vsitar/", ".tar.gz": "/vsitar/"}
"""GDAL's prefixes of what lies in an archive, by the ending of the archive's name."""


UNREADABLE = (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, tarfile.TarError)
"""What reading a file of a folder or an archive may raise."""


@dataclass(frozen=True)
class Contents:
    """The files of a folder or an archive.

    Attributes:
        path: as the user named it, for messages.
        root: what GDAL's names of the files begin with.
        names: of the files, relative to the folder, with slashes, sorted.
        read: gives the bytes of a file by its name, at most as many as its second argument says.
    """

    path: str
    root: str
    names: tuple[str, ...]
    read: Callable[[str, int], bytes]

    def gdal_name(self, name: str) -> str:
        """GDAL's name of one of the files."""
        return f"{self.root}/{name}"

    def read_text(self, name: str) -> str:
        """The text of a metadata file.

        Raises:
            DeliveryError: if it can't be read, or is too long for metadata.
        """
        try:
            data = self.read(name, MOST_BYTES + 1)
        except UNREADABLE as error:
            raise DeliveryError(f"{self.path}: can't read {name}: {error}") from error
        if len(data) > MOST_BYTES:
            raise DeliveryError(f"{self.path}: {name} is longer than metadata can be")
        return data.decode("utf-8", "replace")

    def ending(self, *endings: str) -> list[str]:
        """Names of the files that end in one of some endings, in lower case."""
        return [name for name in self.names if name.lower().endswith(endings)]

    def images(self) -> list[str]:
        """Names of the images, in formats of vendors and of other software."""
        others = [name for name in self.names if self.header_of(name)]
        return sorted({*self.ending(*DRIVERS, *OTHER_DRIVERS), *others})

    def header_of(self, name: str) -> str | None:
        """The header of a raw image, such as `a.hdr` of `a.dat`; None for a file without one."""
        path = PurePosixPath(name)
        if path.suffix.lower() in (".hdr", ".xml", ".txt", ".prj", *DRIVERS):
            return None
        headers = (f"{name}.hdr", str(path.with_suffix(".hdr")))
        return next((header for header in headers if header in self.names), None)

    def beside(self, name: str, other: str) -> str | None:
        """The file that metadata in `name` call `other`: in the same folder or below, in any case.

        Names that lead out of the folder are never found.
        """
        wanted = str(PurePosixPath(name).parent / other.replace("\\", "/").removeprefix("./")).lower()
        return next((found for found in self.names if found.lower() == wanted), None)


def list_contents(path: PathLike) -> Contents:
    """List the files of a folder, a zip or a tar archive.

    Raises:
        DeliveryError: if it can't be read.
    """
    name = os.fspath(path)
    kind = archive_kind(name)
    if not Path(name).exists():
        found = "an address; fetch it first" if is_remote(name) else "nothing there"
        raise DeliveryError(f"{name}: expected a folder, a zip or a tar archive, found {found}")
    try:
        if kind == "/vsizip/":
            return _list_zip(name)
        if kind == "/vsitar/":
            return _list_tar(name)
        return _list_folder(name)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise DeliveryError(f"{name}: expected a folder, a zip or a tar archive: {error}") from error


def archive_kind(path: str) -> str:
    """GDAL's prefix of what lies in an archive; empty if the name isn't that of an archive."""
    return next((prefix for ending, prefix in ARCHIVES.items() if path.lower().endswith(ending)), "")


def read_part(contents: Contents, file: str) -> Header:
    """The header of an image of a delivery.

    Raises:
        DeliveryError: if it can't be opened, or has another format than its name says.
    """
    ending, beside = PurePosixPath(file).suffix.lower(), contents.header_of(file)
    driver = (DRIVERS | OTHER_DRIVERS).get(ending, "TIL")
    if beside is not None:
        driver = "ENVI" if contents.read_text(beside).startswith("ENVI") else "EHdr"
    try:
        return read_header(contents.gdal_name(file), "image", driver)
    except InputError as error:
        raise DeliveryError(str(error)) from error


def _check_numbers(path: str, count: int, length: int = 0) -> None:
    """Refuse more files, or more bytes of metadata, than a delivery has."""
    if count > MOST_FILES:
        raise DeliveryError(
            f"{path}: expected a delivery, found more than {MOST_FILES:,} files; name its own folder"
        )
    if length > MOST_METADATA:
        raise DeliveryError(
            f"{path}: expected a delivery, found more than {MOST_METADATA >> 20} MB of metadata; unpack it, "
            "and name its folder"
        )


def _list_folder(path: str) -> Contents:
    root = Path(path)
    if not root.is_dir():
        raise DeliveryError(f"{path}: expected a folder, a zip or a tar archive, found none")
    names: list[str] = []
    for folder, _, files in os.walk(root):
        names += [(Path(folder) / file).relative_to(root).as_posix() for file in files]
        if len(names) > MOST_FILES and not holds_items(names):
            _check_numbers(path, len(names))

    def read(name: str, most: int) -> bytes:
        if not (root / name).is_file():
            dangling = (root / name).is_symlink() and not (root / name).exists()
            raise OSError("a link to nothing" if dangling else "not a file, but a named pipe or a device")
        with (root / name).open("rb") as file:
            return file.read(most)

    return Contents(path, root.as_posix(), _shown(names), read)


def _shown(names: Sequence[str]) -> tuple[str, ...]:
    """Names in their order, without those of hidden files, such as macOS puts beside all others."""
    hidden = {
        name
        for name in names
        if any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)
    }
    return tuple(sorted(set(names) - hidden))


def _list_zip(path: str) -> Contents:
    with zipfile.ZipFile(path) as archive:
        names = [one.filename for one in archive.infolist() if not one.is_dir()]
    _check_numbers(path, len(names))

    def read(name: str, most: int) -> bytes:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return file.read(most)

    return Contents(path, f"/vsizip/{Path(path).absolute().as_posix()}", _shown(names), read)


def _list_tar(path: str) -> Contents:
    names: list[str] = []
    texts: dict[str, bytes] = {}
    length = 0
    # One pass: what is compressed as a whole must be decompressed from its start each time.
    with tarfile.open(path) as archive:
        for one in archive:
            name = one.name.removeprefix("./")
            file = archive.extractfile(one) if one.isfile() else None
            if file is not None:
                names.append(name)
                if name.lower().endswith(METADATA):
                    texts[name] = file.read(MOST_BYTES + 1)
                    length += len(texts[name])
                _check_numbers(path, len(names), length)

    def read(name: str, most: int) -> bytes:
        return texts[name][:most]

    return Contents(path, f"/vsitar/{Path(path).absolute().as_posix()}", _shown(names), read)
