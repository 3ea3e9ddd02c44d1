"""A Cloud Optimized GeoTIFF, joined from TIFFs that hold a picture and each of its overviews.

GDAL's own driver makes a COG of finished pixels: it reads them once more, and compresses them when
nothing else is left to do. Here they are compressed as they come, each size into a TIFF of its own,
and then joined as they are.

The layout is that of GDAL's driver (its documentation, "COG -- Cloud Optimized GeoTIFF generator",
section "File format"): a header, a text that describes the layout, the tags of all images, and
their TIFF blocks, those of the smallest overview first. Four bytes before each block say how long
it is, and four behind it repeat its last ones.
"""

import contextlib
import itertools
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from potato.raster.checked_files import CheckedFiles
from potato.raster.finished import check_space
from potato.raster.untrusted import TYPE_BYTES

_LAYOUT = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
_DESCRIPTION = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n" % len(_LAYOUT) + _LAYOUT

_KIND, _OFFSETS, _SIZES = 254, 324, 325
"""Tags: what an image is, and where its TIFF blocks begin and how long they are."""

_BESIDE = 4
"""Bytes before a TIFF block, and behind it."""

_LONG, _LONG8 = 4, 16
"""Types of numbers of four and of eight bytes."""

_OVERVIEW = _LONG, struct.pack("<I", 1)

_NUMBERS = {3: "H", _LONG: "I", _LONG8: "Q"}
"""How `struct` calls the types of whole numbers."""

Tags = dict[int, tuple[int, bytes]]
"""The type and the values of each tag of an image, by its number."""


@dataclass(frozen=True)
class _Form:
    """A form of TIFF, with the lowest byte of a number first: classic, or BigTIFF.

    Attributes:
        start: what the file begins with.
        count: form of the number of tags.
        entry: that of a tag: its number, type, number of values, and these, or where they lie.
        offset: that of a place in the file.
        type: that of places in a tag.
        most: the largest size of a file.
    """

    start: bytes
    count: struct.Struct
    entry: struct.Struct
    offset: struct.Struct
    type: int
    most: int

    def read(self, file: BinaryIO) -> Tags:
        """The tags of the first image of a file."""
        head = file.read(len(self.start) + self.offset.size)
        file.seek(*self.offset.unpack_from(head, len(self.start)))
        (count,) = self.count.unpack(file.read(self.count.size))
        tags = {}
        for number, type_, length, values in self.entry.iter_unpack(file.read(count * self.entry.size)):
            size = length * TYPE_BYTES[type_]
            if size > len(values):
                file.seek(*self.offset.unpack(values))
                values = file.read(size)
            tags[number] = type_, values[:size]
        return tags

    def pack(self, tags: Tags, place: int, *, is_last: bool) -> bytes:
        """The tags of an image for a place in a file, where those of the next one follow."""
        fixed = self.count.size + len(tags) * self.entry.size + self.offset.size
        head, outside = self.count.pack(len(tags)), b""
        for number, (type_, values) in sorted(tags.items()):
            length = len(values) // TYPE_BYTES[type_]
            if len(values) > self.offset.size:
                where = place + fixed + fixed % 2 + len(outside)
                outside += values + bytes(len(values) % 2)
                values = self.offset.pack(where)
            head += self.entry.pack(number, type_, length, values)
        size = fixed + fixed % 2 + len(outside)
        return head + self.offset.pack(0 if is_last else place + size) + bytes(fixed % 2) + outside


_CLASSIC = _Form(
    b"II*\0", struct.Struct("<H"), struct.Struct("<HHI4s"), struct.Struct("<I"), _LONG, 2**32 - 1
)
_BIG = _Form(
    b"II+\0\x08\0\0\0", struct.Struct("<Q"), struct.Struct("<HHQ8s"), struct.Struct("<Q"), _LONG8, 2**63
)


def image_options(options: Mapping[str, str]) -> dict[str, str]:
    """Creation options of the TIFFs to join, by those that the driver of COGs would get."""
    compression, side = options["COMPRESS"], options["BLOCKSIZE"]
    level = {"DEFLATE": "ZLEVEL", "ZSTD": "ZSTD_LEVEL"}[compression]
    return {
        "TILED": "YES",
        "BLOCKXSIZE": side,
        "BLOCKYSIZE": side,
        "INTERLEAVE": "PIXEL",
        "COMPRESS": compression,
        level: options["LEVEL"],
        "PREDICTOR": "2",
        "NUM_THREADS": options["NUM_THREADS"],
        "BIGTIFF": "YES",
        "SPARSE_OK": "NO",  # readers other than GDAL expect each block
    }


def join(files: CheckedFiles, names: Sequence[str], output: str) -> None:
    """Join TIFFs of one image each into a COG.

    Args:
        files: where they lie, and the COG will.
        names: BigTIFFs as GDAL makes them with `image_options`: the picture, then its overviews,
            each half as large as the one before.
        output: name of the COG: a BigTIFF only if it has more than 4 GB.

    Raises:
        DiskFullError: if the disk has no room for it.
    """
    with contextlib.ExitStack() as stack:
        sources = [stack.enter_context(files.open(name)) for name in names]
        images = [_BIG.read(source) for source in sources]
        places, sizes = ([_numbers(tags, number) for tags in images] for number in (_OFFSETS, _SIZES))
        for tags, lengths in zip(images, sizes, strict=True):
            tags[_SIZES] = _LONG, struct.pack(f"<{len(lengths)}I", *lengths)
        for tags in images[1:]:
            tags[_KIND] = _OVERVIEW
        total = sum(size + 2 * _BESIDE for size in itertools.chain(*sizes))
        for form in (_CLASSIC, _BIG):
            # Wherever the TIFF blocks come to lie, tags take as much room.
            begin = len(_head(form, images, places=sizes))
            if begin + total <= form.most:
                break
        check_space(files.folder, begin + total)
        result = stack.enter_context(files.open(output, "w"))
        result.write(_head(form, images, _new_places(sizes, begin)))
        for source, starts, lengths in reversed(list(zip(sources, places, sizes, strict=True))):
            for start, length in zip(starts, lengths, strict=True):
                source.seek(start)
                block = source.read(length)
                result.write(struct.pack("<I", length) + block + block[-_BESIDE:])


def _head(form: _Form, images: Sequence[Tags], places: Sequence[Sequence[int]]) -> bytes:
    """What comes before the TIFF blocks of a file, which begin at `places`."""
    first = len(form.start) + form.offset.size + len(_DESCRIPTION)
    head = form.start + form.offset.pack(first) + _DESCRIPTION
    for n, (tags, starts) in enumerate(zip(images, places, strict=True), 1):
        moved = {**tags, _OFFSETS: (form.type, b"".join(map(form.offset.pack, starts)))}
        head += form.pack(moved, len(head), is_last=n == len(images))
    return head


def _new_places(sizes: Sequence[Sequence[int]], place: int) -> list[list[int]]:
    """Where the TIFF blocks of each image begin, if those of the last image begin at `place`."""
    places = []
    for lengths in reversed(sizes):
        ends = list(itertools.accumulate((size + 2 * _BESIDE for size in lengths), initial=place))
        places.append([end + _BESIDE for end in ends[:-1]])
        place = ends[-1]
    return places[::-1]


def _numbers(tags: Tags, number: int) -> tuple[int, ...]:
    """The values of a tag, whole numbers."""
    type_, values = tags[number]
    return struct.unpack(f"<{len(values) // TYPE_BYTES[type_]}{_NUMBERS[type_]}", values)
