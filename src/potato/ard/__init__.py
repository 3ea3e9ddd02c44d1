"""Reading ARD: Maxar's tiled delivery, in a folder, a bucket, or on a web server.

`walk_ard` finds the tiles; it yields `Broken` for whatever can't be read, so that one bad item
never ends a run. `list_ard` sums up its contents.
"""

from potato.ard.broken import Broken
from potato.ard.item import Tile, unusable
from potato.ard.listing import ArdListing, list_ard
from potato.ard.walk import walk_ard

__all__ = ["ArdListing", "Broken", "Tile", "list_ard", "unusable", "walk_ard"]
