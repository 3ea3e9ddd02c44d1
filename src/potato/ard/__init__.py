"""Reading ARD: Maxar's tiled delivery, in a folder, a bucket, or on a web server.

`walk_ard` finds the tiles; what can't be read comes as `Broken`, so that one bad item never ends a run.
"""

from potato.ard.grid import APRON, CELL, SIDE, Box
from potato.ard.item import Broken, Tile, unusable
from potato.ard.walk import walk_ard

__all__ = ["APRON", "CELL", "SIDE", "Box", "Broken", "Tile", "unusable", "walk_ard"]
