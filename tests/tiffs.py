"""TIFFs written byte by byte, so that each can lie in its own way."""

import struct
from pathlib import Path

SHORT, LONG, DOUBLE, LONG8 = 3, 4, 12, 16
_FORMS = {2: "B", SHORT: "H", LONG: "I", DOUBLE: "d", LONG8: "Q"}

Tag = tuple[int, int, tuple | bytes]
"""Number, type and values; `bytes` for text."""


def big_tiff(
    path: Path, width: int, height: int, data: bytes, *more: Tag, claims: dict | None = None
) -> Path:
    """A BigTIFF of one band of 16 bits in one strip, on a UTM grid.

    Args:
        path: the file to write.
        width: columns.
        height: rows.
        data: the strip.
        more: further tags, which replace those of the same number.
        claims: numbers of tags, and how many values they claim to have.
    """
    tags = {
        256: (LONG, (width,)),
        257: (LONG, (height,)),
        258: (SHORT, (16,)),
        259: (SHORT, (1,)),
        262: (SHORT, (1,)),
        273: (LONG8, (16,)),
        277: (SHORT, (1,)),
        278: (LONG, (height,)),
        279: (LONG8, (len(data),)),
        33550: (DOUBLE, (0.5, 0.5, 0.0)),
        33922: (DOUBLE, (0.0, 0.0, 0.0, 350_000.0, 3_800_000.0, 0.0)),
        34735: (SHORT, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32611)),
    }
    entries = sorted(
        [(tag, *rest) for tag, rest in tags.items() if tag not in {one[0] for one in more}] + [*more]
    )
    body, rows = bytearray(data), []
    for tag, kind, values in entries:
        packed = (
            values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_FORMS[kind]}", *values)
        )
        count = (claims or {}).get(tag, len(values))
        place = packed.ljust(8, b"\0") if len(packed) <= 8 else struct.pack("<Q", 16 + len(body))
        if len(packed) > 8:
            body += packed
        rows.append(struct.pack("<HHQ", tag, kind, count) + place)
    head = b"II" + struct.pack("<HHHQ", 43, 8, 0, 16 + len(body))
    path.write_bytes(head + body + struct.pack("<Q", len(rows)) + b"".join(rows) + bytes(8))
    return path
