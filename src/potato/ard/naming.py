"""Names of tiles, and lists of catalog IDs."""

import re
from pathlib import Path

from potato.ard.item import Tile
from potato.core.advice import FIRST_COLUMN
from potato.core.types import PathLike
from potato.errors import InputError
from potato.raster.untrusted import read_small

_TABLE = re.compile(r"[\s,;|\"'{}\[\]]")
"""Characters of tables and of JSON, which no CID has."""


def tile_name(tile: Tile) -> str:
    """Zone, quadkey, date and CID with slashes between, wherever the ARD lies."""
    return f"{tile.zone or '-'}/{tile.quadkey or '-'}/{tile.date or '-'}/{tile.cid}"


def read_allow_list(path: PathLike) -> frozenset[str]:
    """Read the CIDs of an allow-list: one a line; blank lines, spaces and any line ends are fine.

    Returns:
        The lines in capitals, since a CID is the same in either case. They need not be CIDs.

    Raises:
        InputError: if the file can't be read, has no line with text, or is a table.
    """
    try:
        lines = read_small(Path(path)).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise InputError(
            f"{path}: expected an allow-list, one CID a line; can't read it: {reason}"
        ) from error
    found = frozenset(line.strip().upper() for line in lines) - {""}
    other = next((line for line in lines if _TABLE.search(line.strip())), None)
    if other is not None:
        raise InputError(
            f"{path}: expected an allow-list, one CID a line, found {other.strip()[:60]!a}; if that is a "
            f"table, keep its column of CIDs: {FIRST_COLUMN}"
        )
    if not found:
        raise InputError(f"{path}: expected an allow-list, one CID a line, found no line with text")
    return found
