"""The grid of ARD: cells of 5 km in each UTM zone, and tiles that reach a little beyond theirs.

A quadkey of 12 digits names a cell: each digit halves a square of 4096 × 4096 cells, whose middle lies at
500,000 m east and 0 m north of the zone (read off the items of the public catalogue).
"""

import re

Box = tuple[float, float, float, float]
"""West, south, east, north in the metres of a UTM zone."""

CELL = 5000.0
"""Side of a cell in metres."""

APRON = 156.25
"""Metres by which a tile reaches beyond its cell on every side."""

SIDE = CELL + 2 * APRON
"""Side of a full tile in metres."""

DIGITS = 12
HALF = 1 << (DIGITS - 1)
CENTRE = 500_000.0
FALSE_NORTHING = 10_000_000.0


def quadkey_cell(quadkey: str, south: bool = False) -> Box | None:
    """The cell of a quadkey; None if it isn't one.

    Args:
        quadkey: 12 digits of 0 to 3.
        south: whether northings count from 10,000 km, as in EPSG:327xx.

    >>> quadkey_cell("031311102001")
    (345000.0, 3795000.0, 350000.0, 3800000.0)
    """
    if not re.fullmatch(f"[0-3]{{{DIGITS}}}", quadkey):
        return None
    column = int("".join(str(int(digit) & 1) for digit in quadkey), 2)
    row = int("".join(str(int(digit) >> 1) for digit in quadkey), 2)
    west = CENTRE + (column - HALF) * CELL
    north = (HALF - row) * CELL + (FALSE_NORTHING if south else 0)
    return west, north - CELL, west + CELL, north


def cell_quadkey(west: float, north: float) -> str:
    """The quadkey of the cell whose upper left corner is (`west`, `north`), in a northern zone.

    >>> cell_quadkey(345000, 3800000)
    '031311102001'
    """
    column, row = round((west - CENTRE) / CELL) + HALF, HALF - round(north / CELL)
    digits = ((column >> bit & 1) + 2 * (row >> bit & 1) for bit in reversed(range(DIGITS)))
    return "".join(map(str, digits))


def intersect(first: Box, second: Box) -> Box | None:
    """What two boxes share; None if that is nothing."""
    west, south = max(first[0], second[0]), max(first[1], second[1])
    east, north = min(first[2], second[2]), min(first[3], second[3])
    return (west, south, east, north) if west < east and south < north else None


def shrink(box: Box) -> Box:
    """A tile's square without an apron in proportion to it, for tiles that lie on no known grid."""
    across, down = ((high - low) * APRON / SIDE for low, high in ((box[0], box[2]), (box[1], box[3])))
    return box[0] + across, box[1] + down, box[2] - across, box[3] - down
