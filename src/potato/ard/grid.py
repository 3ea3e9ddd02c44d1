"""The grid of ARD: squares of 5 km in each UTM zone, and tiles that reach a little beyond theirs.

Boxes are in the metres of a UTM zone. A quadkey of 12 digits names a grid square: each digit halves
a field of 4096 × 4096 squares, whose middle lies at 500,000 m east and 0 m north of the zone (read
off the items of the public catalogue).
"""

import re

from potato.raster.coordinates import Box

SQUARE_SIDE = 5000.0
"""Side of a grid square in metres."""

OVERLAP = 156.25
"""Metres by which a tile exceeds its grid square on every side; neighbours share twice as much."""

TILE_SIDE = SQUARE_SIDE + 2 * OVERLAP
"""Side of a full tile in metres."""

DIGITS = 12
HALF = 1 << (DIGITS - 1)
"""Grid squares from the middle of the field to its edge."""

CENTRE = 500_000.0
"""Easting of the middle of the field, in metres."""

FALSE_NORTHING = 10_000_000.0
"""Northing of the equator in the southern zones, in metres."""


def quadkey_square(quadkey: str, south: bool = False) -> Box | None:
    """The grid square of a quadkey; None if the text isn't a quadkey.

    Args:
        quadkey: 12 digits of 0 to 3.
        south: whether northings count from 10,000 km, as in EPSG:327xx.

    >>> quadkey_square("031311102001")
    (345000.0, 3795000.0, 350000.0, 3800000.0)
    """
    if not re.fullmatch(f"[0-3]{{{DIGITS}}}", quadkey):
        return None
    column = int("".join(str(int(digit) & 1) for digit in quadkey), 2)
    row = int("".join(str(int(digit) >> 1) for digit in quadkey), 2)
    west = CENTRE + (column - HALF) * SQUARE_SIDE
    north = (HALF - row) * SQUARE_SIDE + (FALSE_NORTHING if south else 0)
    return west, north - SQUARE_SIDE, west + SQUARE_SIDE, north


def square_quadkey(west: float, north: float) -> str:
    """The quadkey of the grid square with upper left corner (`west`, `north`) in a northern zone.

    >>> square_quadkey(345000, 3800000)
    '031311102001'
    """
    column, row = round((west - CENTRE) / SQUARE_SIDE) + HALF, HALF - round(north / SQUARE_SIDE)
    digits = ((column >> bit & 1) + 2 * (row >> bit & 1) for bit in reversed(range(DIGITS)))
    return "".join(map(str, digits))


def intersect(first: Box, second: Box) -> Box | None:
    """The box that two boxes share; None if they share no ground."""
    west, south = max(first[0], second[0]), max(first[1], second[1])
    east, north = min(first[2], second[2]), min(first[3], second[3])
    return (west, south, east, north) if west < east and south < north else None


def union(first: Box, second: Box) -> Box:
    """The smallest box around two."""
    west, south = min(first[0], second[0]), min(first[1], second[1])
    east, north = max(first[2], second[2]), max(first[3], second[3])
    return west, south, east, north


def without_overlap(box: Box) -> Box:
    """A box less `OVERLAP` / `TILE_SIDE` of its size on every side, for tiles off the grid."""
    across, down = ((high - low) * OVERLAP / TILE_SIDE for low, high in ((box[0], box[2]), (box[1], box[3])))
    return box[0] + across, box[1] + down, box[2] - across, box[3] - down
