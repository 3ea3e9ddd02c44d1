"""Checks of an image before GDAL reads it, since a stranger may have made it to harm."""

import contextlib
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from potato.core.advice import IN_TILES
from potato.errors import InputError
from potato.raster.compressed import MOST_DECODED, check_compressed
from potato.raster.vsi import Read, open_bytes

MOST_BLOCK = 64 << 20
"""Bytes of the largest block of a file, a tile or a strip, once it is decoded: reading any pixel of
it takes as much memory."""

WHOLE = {"WEBP", "GIF", "BIGGIF", "AVIF", "HEIF", "JPEGXL"}
"""Formats that GDAL decodes whole, by the names of their drivers."""

MOST_METADATA = 16 << 20
"""Bytes of the largest piece of metadata in or beside a file; GDAL takes several times as many."""

MOST_ITEMS = 20_000
"""Items of metadata that a file may have: GDAL takes a time that grows with their square."""

MOST_TAGS = 4096
"""Tags that an image of a TIFF may have."""

HEADER = 32 << 10
"""Bytes that are read at once, as many as GDAL reads first of a remote file."""

METADATA = (".xml", ".txt", ".imd", ".rpb", ".til", ".pvl", ".aux", ".hdr")
"""Endings of files that vendors' formats have beside images, whatever their names begin with."""

_MOST_IMAGES = 64
_METADATA = 42112
_PLACES = {273, 279, 324, 325}
"""Tags that say where blocks lie, and how long they are."""

TYPE_BYTES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), 1)) | dict.fromkeys((16, 17, 18), 8)
"""Bytes of a value of each type of a TIFF, by its code."""


def check_file(path: str) -> None:
    """Refuse what isn't a file, such as a named pipe, which may be waited for without end.

    Raises:
        InputError: if there is something that is neither a file nor a folder, or if rasterio can't
            hand the name to GDAL.
    """
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{path}: expected a name in UTF-8, found another; rename the file") from error
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return  # no local file, or one that can't be opened
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        kind = "a named pipe" if stat.S_ISFIFO(mode) else "a device or a socket"
        raise InputError(f"{path}: expected a file, found {kind}")


def read_small(path: Path, most: int = MOST_METADATA) -> bytes:
    """The bytes of a file that is small, such as a list or a JSON.

    Raises:
        InputError: if it isn't a file, or has more than `most` bytes.
        OSError: if it can't be read.
    """
    check_file(str(path))
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise InputError(f"{path}: expected {most >> 20} MB at most, found more")
    return data


def check_pipes(path: str) -> None:
    """Refuse a local image beside which something lies that GDAL would wait for without end.

    GDAL opens whatever has the name of a mask, of overviews or of metadata.

    Raises:
        InputError: if there is a named pipe, a device or a socket.
    """
    image = Path(path)
    if not _is_file(image):
        return
    stem = image.stem.lower()
    with contextlib.suppress(OSError), os.scandir(image.absolute().parent) as entries:
        for entry in entries:
            name, plain = entry.name.lower(), entry.is_file(follow_symlinks=False)
            if not plain and (name.startswith(stem) or name.endswith(METADATA)):
                check_file(entry.path)


def check_header(path: str) -> None:
    """Refuse a file that would take very long to open, or very much memory.

    Raises:
        InputError: if its header says so, or if a `.aux.xml` beside it would.
        OSError: if GDAL's file system can't open it.
    """
    with open_bytes(path) as read:
        if read:
            check_compressed(path, read)
        for tag, start, size in _tags(path, read) if read else ():
            most = 4 * MOST_METADATA if tag in _PLACES else MOST_METADATA
            if size > most:
                raise InputError(f"{path}: expected tags of {most >> 20} MB at most, found {size >> 20} MB")
            if tag == _METADATA and read and size > HEADER:
                _count_items(path, read(start, size), b"<Item")
    beside = Path(f"{path}.aux.xml")
    if _is_file(beside):
        _count_items(str(beside), read_small(beside), b"<MDI")


def check_beside(path: str, look: Callable[[str], Any]) -> None:
    """Refuse masks and overviews beside a local image that may lead elsewhere.

    They are TIFFs, but GDAL opens any other format, too, and some name other files and addresses.

    Args:
        path: of the image.
        look: opens a TIFF from a stranger.

    Raises:
        InputError: if one lies elsewhere itself, or is no TIFF.
    """
    image = Path(path)
    if not _is_file(image):
        return
    own = image.name.lower()
    homes = {image.parent.resolve(), image.resolve().parent}
    for beside in image.parent.iterdir():
        name = beside.name.lower()
        if name in (f"{own}.msk", f"{own}.ovr", f"{own}.aux", f"{image.stem.lower()}.aux", f"{own}.aux.xml"):
            if beside.resolve().parent not in homes:
                raise InputError(f"{beside}: expected a file, found a link that leads elsewhere")
            if not name.endswith(".xml"):
                with closing(look(str(beside))):
                    pass


def check_dataset(path: str, dataset: Any, trusted: bool) -> None:
    """Refuse an open dataset whose blocks are huge, or whose overviews lie elsewhere.

    Args:
        path: for messages.
        dataset: just opened; nothing was asked about its overviews.
        trusted: whether its overviews may lie elsewhere.

    Raises:
        InputError: if it must not be read.
    """
    elsewhere = dataset.tags(ns="OVERVIEWS").get("OVERVIEW_FILE")
    if elsewhere is not None and not trusted:
        raise InputError(
            f"{path}: expected overviews in the file or beside it, found a tag that names others"
        )
    if not dataset.count:
        return
    height, width = max(dataset.block_shapes, key=lambda shape: shape[0] * shape[1])
    together = dataset.count if dataset.interleaving and dataset.interleaving.value == "PIXEL" else 1
    bytes_each = np.dtype(dataset.dtypes[0]).itemsize
    size, most = height * width * together * bytes_each, MOST_BLOCK
    if dataset.driver in WHOLE:
        size, most = dataset.height * dataset.width * dataset.count * bytes_each, MOST_DECODED
    if size > most:
        raise InputError(
            f"{path}: expected blocks of {most >> 20} MB at most, found one of {size >> 20} MB; "
            f"store it in tiles: {IN_TILES}"
        )


def _is_file(path: Path) -> bool:
    """Whether there is such a file; names of images may be anything, such as the XML of a VRT."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _count_items(path: str, text: bytes, start: bytes) -> None:
    if text.count(start) > MOST_ITEMS:
        raise InputError(f"{path}: expected {MOST_ITEMS:,} items of metadata at most, found more")


def _tags(path: str, read: Read) -> Iterator[tuple[int, int, int]]:
    """Number, offset and size of each tag of a TIFF's images; none of other files.

    Raises:
        InputError: if an image has too many.
    """
    head = read(0, HEADER)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    kind = struct.unpack(f"{order}H", head[2:4])[0] if order and len(head) >= 16 else 0
    if kind not in (42, 43):
        return
    # A classic TIFF has offsets of 4 bytes, a BigTIFF of 8.
    first, forms = (4, ("H", "HHII", "I")) if kind == 42 else (8, ("Q", "HHQQ", "Q"))
    count, entry, after = (struct.Struct(f"{order}{form}") for form in forms)

    def at(offset: int, size: int) -> bytes:
        return head[offset : offset + size] if offset + size <= len(head) else read(offset, size)

    (place,) = after.unpack_from(head, first)
    seen: set[int] = set()
    while place and place not in seen and len(seen) < _MOST_IMAGES:
        seen.add(place)
        start = at(place, count.size)
        number = count.unpack(start)[0] if len(start) == count.size else 0
        if number > MOST_TAGS:
            raise InputError(f"{path}: expected {MOST_TAGS:,} tags at most, found {number:,}")
        body = at(place + count.size, number * entry.size + after.size)
        if len(body) < number * entry.size + after.size:
            return
        for tag, type_, values, where in entry.iter_unpack(body[: number * entry.size]):
            yield tag, where, values * TYPE_BYTES.get(type_, 1)
        (place,) = after.unpack_from(body, number * entry.size)
