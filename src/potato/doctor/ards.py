"""An ARD: whether its items, files and places are as they should be."""

import functools
from collections.abc import Iterable, Iterator

from tqdm import tqdm

from potato.ard import Broken, Tile, unusable, walk_ard
from potato.ard.grid import intersect, quadkey_square
from potato.ard.inspection import Flaw, inspect_tile
from potato.core.text import counted, redact
from potato.doctor.finding import Finding
from potato.engine.threads import map_blocks
from potato.errors import ArdError

READERS = 8
"""Tiles that are looked at at once: most of it is waiting, for a disk or the network."""

Remedy = tuple[bool, str, str]

REMEDIES: dict[str, Remedy] = {
    "broken": (True, "what can't be read", "fetch it again; the rest is used without it"),
    "twice": (True, "tiles that are there twice", "delete one copy; the first is used"),
    "missing": (True, "missing files and links", "fetch them again; the rest is used without them"),
    "others": (False, "tiles of other kinds", "none needed: they are passed over"),
    "quadkey": (True, "tiles off their cells", "compare quadkey and proj:bbox of the item with the original"),
    "overlap": (
        True,
        "tiles of one pass whose cells overlap",
        "compare their quadkeys and proj:bbox with the original: ground would be used twice",
    ),
    "unreadable": (True, "images that can't be read", "fetch them again"),
    "bands": (True, "images with other bands", "Potato needs a pan of 1 and a mul of 8 bands, uint16"),
    "pair": (True, "pan and mul that don't fit each other", "fetch both again, from one delivery"),
    "size": (True, "images of another size than their items say", "fetch item and images from one delivery"),
    "place": (True, "images elsewhere than their items say", "fetch item and images from one delivery"),
    "empty": (True, "tiles without a valid pixel", "delete them, or fetch them again"),
    "masks": (True, "pan without valid mul below it", "fetch mul again; those places stay empty"),
    "mask": (
        False,
        "images without mask or nodata",
        "0 in every band counts as invalid; see that it means that",
    ),
    "area": (False, "masks that differ from tile:data_area", "look at the tile; the masks decide"),
    "overviews": (
        False,
        "large images without overviews",
        "gdaladdo -r average IMAGE, or web tiles are slow",
    ),
    "strips": (
        False,
        "large images stored in rows",
        "gdal_translate -of COG IN OUT, or windows are slow",
    ),
}
"""For each kind of flaw: whether it is wrong, what it is called, and what to do about it."""


def examine_ard(
    source: str, tiles: int, follow_links: bool = False, progress: bool = False
) -> Iterator[Finding]:
    """Findings about an ARD: one for each kind of flaw, with how many there are and the first.

    Args:
        source: as for `walk_ard`.
        tiles: how many tiles are opened at most, spread evenly.
        follow_links: as for `walk_ard`; and whether a server may send us on to another host.
        progress: whether to draw a progress bar on stderr.
    """
    flaws: dict[str, list[Flaw]] = {}

    def note(kind: str, found: str) -> None:
        flaws.setdefault(kind, []).append(Flaw(kind, redact(found)))

    good: list[Tile] = []
    try:
        for each in walk_ard(source, follow_links=follow_links):
            if isinstance(each, Broken):
                note("twice" if "there twice" in each.reason else "broken", f"{each.item}: {each.reason}")
                continue
            reason = unusable(each)
            if reason is None:
                good.append(each)
            else:
                harmless = each.trouble is None or reason != each.trouble
                note("others" if harmless else "missing", f"{each.item}: {reason}")
    except ArdError as error:
        yield Finding(
            "ARD", "wrong", redact(str(error)), "give the folder or the address of an ARD, or of its event"
        )
        return
    for flaw in _places(good):
        note(flaw.kind, flaw.found)
    chosen = good[:: max(1, -(-len(good) // max(1, tiles)))] if tiles else []
    with tqdm(total=len(chosen), unit="tile", disable=not progress) as bar:
        named = ((tile.item, tile) for tile in chosen)
        look = functools.partial(inspect_tile, follow_links=follow_links)
        for item, found in map_blocks(named, look, READERS, 2 * READERS):
            for flaw in found:
                note(flaw.kind, f"{item}: {flaw.found}")
            bar.update()
    summary = (
        f"{counted(len(good), 'good tile')} of {counted(len({tile.cid for tile in good}), 'CID')}, "
        f"{len(chosen)} of them opened ({redact(source)})"
    )
    if good:
        yield Finding("ARD", "fine", summary)
    else:
        yield Finding("ARD", "wrong", f"no tile that can be sharpened ({redact(source)})", "see what follows")
    for kind, (wrong, name, remedy) in REMEDIES.items():
        if kind in flaws:
            these = flaws[kind]
            more = f", and {len(these) - 1} more" if len(these) > 1 else ""
            yield Finding(f"ARD, {name}", "wrong" if wrong else "note", these[0].found + more, remedy)


def _places(tiles: Iterable[Tile]) -> Iterator[Flaw]:
    """Where the items say that their tiles are: each in its cell, and no two of a pass in one."""
    passes: dict[tuple[str, int | None], list[Tile]] = {}
    for tile in tiles:
        passes.setdefault((tile.cid, tile.zone), []).append(tile)
        cells = [quadkey_square(tile.quadkey, south) for south in (False, True)]
        if tile.bbox and cells[0] and not any(cell and intersect(cell, tile.bbox) for cell in cells):
            yield Flaw("quadkey", f"{tile.item}: its images lie outside the cell of {tile.quadkey}")
    for own in passes.values():
        own.sort(key=lambda tile: tile.bbox or (0.0,) * 4)
        for first, second in _near(own):
            assert first.bbox and second.bbox and first.grid_square and second.grid_square
            names = f"{first.item} and {second.item}"
            shared = intersect(first.grid_square, second.grid_square)
            if shared:
                across, down = shared[2] - shared[0], shared[3] - shared[1]
                yield Flaw("overlap", f"{names} share {across:.0f} × {down:.0f} m")


def _near(tiles: list[Tile]) -> Iterator[tuple[Tile, Tile]]:
    """Pairs of tiles whose squares overlap, of a list in the order of their western edges."""
    active: list[Tile] = []
    for tile in tiles:
        if tile.bbox is None:
            continue
        west = tile.bbox[0]
        active = [other for other in active if other.bbox and other.bbox[2] > west]
        for other in active:
            if other.bbox and intersect(other.bbox, tile.bbox):
                yield other, tile
        active.append(tile)
