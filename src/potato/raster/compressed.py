"""Checks of a JPEG 2000 or a PNG before GDAL opens it: few bytes may become gigabytes."""

import struct
from collections.abc import Iterator

from potato.core.advice import IN_TILES
from potato.errors import InputError
from potato.raster.vsi import Read

MOST_DECODED = 512 << 20
"""Most bytes of an image whose format decodes all of it, or a large part, at once."""

MOST_PIECES = 4096
"""Pieces of a file before its pixels: boxes, markers, chunks."""

MOST_INFLATED = 16
"""Compressed pieces of metadata of a PNG, each of which may become 8 MB."""

MOST_PIECE = 16 << 20
"""Bytes of a piece."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JP2 = b"\0\0\0\x0cjP  \r\n\x87\n"
_CODESTREAM = b"\xff\x4f\xff\x51"

_SIZ, _COD, _COC, _SOT = 0xFF51, 0xFF52, 0xFF53, 0xFF90
"""Markers: sizes, coding style of all components and of one, start of a tile."""

_TILE, _TILE_COMPONENT, _CODE_BLOCK = 24_000, 1500, 600
"""Bytes that OpenJPEG 2.5 keeps for a tile and for a component of it, both measured, and for a code
block, which has room for ten segments."""

_USUAL_CODE_BLOCK = 64 * 64
_PART = 1024 * 1024
"""Pixels of the part of a single tile that GDAL decodes."""


def check_compressed(path: str, read: Read) -> None:
    """Refuse a JPEG 2000 or a PNG that would take very much memory; other files pass.

    Args:
        path: for messages.
        read: reads the file.

    Raises:
        InputError: if it is made so.
    """
    head = read(0, 12)
    if head.startswith(_PNG):
        _check_png(path, read)
    elif head == _JP2:
        for kind, start, size in _boxes(path, read):
            if kind == b"jp2c":
                _check_codestream(path, read, start)
                return
            _check_piece(path, size)
    elif head.startswith(_CODESTREAM):
        _check_codestream(path, read, 0)


def _check_png(path: str, read: Read) -> None:
    place, inflated = len(_PNG), 0
    for _ in range(MOST_PIECES):
        head = read(place, 8)
        if len(head) < 8 or head[4:] == b"IDAT":
            return
        (size,) = struct.unpack(">I", head[:4])
        _check_piece(path, size)
        inflated += head[4:] in (b"zTXt", b"iTXt", b"iCCP")
        if inflated > MOST_INFLATED:
            raise InputError(f"{path}: expected {MOST_INFLATED} compressed texts at most, found more")
        place += size + 12
    _refuse_pieces(path)


def _boxes(path: str, read: Read) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each box of a JP2, offset of its content, and the size of that."""
    place = 0
    for _ in range(MOST_PIECES):
        head = read(place, 16)
        if len(head) < 8:
            return
        size, header = struct.unpack(">I", head[:4])[0], 8
        if size == 1 and len(head) == 16:
            size, header = struct.unpack(">Q", head[8:])[0], 16
        yield head[4:8], place + header, max(0, size - header)
        if size < header:  # the last box may have no size
            return
        place += size
    _refuse_pieces(path)


def _check_codestream(path: str, read: Read, start: int) -> None:
    """Refuse a JPEG 2000 by the markers of its main header (ISO/IEC 15444-1, annex A)."""
    place, size = start + 2, (0,) * 9
    for _ in range(MOST_PIECES):
        marker, length = struct.unpack(">HH", read(place, 4).ljust(4, b"\0"))
        body = read(place + 4, max(0, length - 2))
        if marker == _SIZ and len(body) >= 36:
            size = struct.unpack(">8IH", body[2:36])
            _check_tiles(path, size, _USUAL_CODE_BLOCK)
        elif marker in (_COD, _COC):
            # Before its coding style, COC has a component, COD four bytes behind the first.
            skipped = 1 + (size[8] > 256) if marker == _COC else 0
            style, coding = body[skipped : skipped + 1], body[skipped + (1 if skipped else 5) :]
            if style and len(coding) >= 5:
                _check_tiles(path, size, _code_block(coding, bool(style[0] & 1)))
        elif marker == _SOT or not length:
            return
        place += 2 + length
    _refuse_pieces(path)


def _code_block(coding: bytes, precincts: bool) -> int:
    """Pixels of the smallest code block: its sides, powers of 2, are those of precincts at most."""
    levels, width, height = coding[0], (coding[1] & 15) + 2, (coding[2] & 15) + 2
    for level, sides in enumerate(coding[5 : 6 + levels] if precincts else b""):
        width, height = min(width, (sides & 15) - (level > 0)), min(height, (sides >> 4) - (level > 0))
    return 1 << max(0, width) + max(0, height)


def _check_tiles(path: str, size: tuple[int, ...], code_block: int) -> None:
    """Refuse an image whose tiles are too many or too large, as OpenJPEG keeps them."""
    right, bottom, _, _, width, height, left, top, components = size
    if not width or not height:
        return  # which GDAL refuses
    tiles = -(-(right - left) // width) * -(-(bottom - top) // height)
    pixels = min(width, right) * min(height, bottom) * components
    needed = tiles * (_TILE + components * _TILE_COMPONENT)
    needed += pixels * 4 // 3 // code_block * _CODE_BLOCK
    # GDAL decodes parts of a single tile; numbers have four bytes.
    needed += 4 * (pixels if tiles > 1 else min(pixels, _PART * components))
    if needed > MOST_DECODED:
        raise InputError(
            f"{path}: expected a JPEG 2000 that takes {MOST_DECODED >> 20} MB at most, found one that takes "
            f"{needed >> 20:,} MB; store it otherwise: {IN_TILES}"
        )


def _check_piece(path: str, size: int) -> None:
    if size > MOST_PIECE:
        raise InputError(f"{path}: expected metadata of {MOST_PIECE >> 20} MB at most, found {size >> 20} MB")


def _refuse_pieces(path: str) -> None:
    raise InputError(f"{path}: expected {MOST_PIECES:,} pieces of metadata at most, found more")
