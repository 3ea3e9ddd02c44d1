"""Reading ARD: Maxar's tiled delivery, in a folder, a bucket, or on a web server.

`walk_ard` finds the tiles; it yields `Broken` for whatever can't be read, so that one bad item
never ends a run. `list_ard` sums up its contents.
"""

from potato.ard.grid import OVERLAP, SQUARE_SIDE, TILE_SIDE
from potato.ard.item import Broken, Tile, unusable
from potato.ard.listing import Listing, list_ard
from potato.ard.naming import read_allow_list, tile_name
from potato.ard.walk import walk_ard

__all__ = [
    "OVERLAP",
    "SQUARE_SIDE",
    "TILE_SIDE",
    "Broken",
    "Listing",
    "Tile",
    "list_ard",
    "read_allow_list",
    "tile_name",
    "unusable",
    "walk_ard",
]
