"""Checks of an ARD: its items, its files and their places."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from potato.ard.broken import Broken, Duplicate
from potato.ard.grid import intersect, quadkey_square
from potato.ard.inspection import Flaw, inspect_tile
from potato.ard.item import Tile, fault, unusable
from potato.ard.walk import walk_ard
from potato.core.advice import ADD_OVERVIEWS, AS_COG
from potato.core.text import counted, redact
from potato.doctor.finding import Finding, State
from potato.engine.progress import progress_bar
from potato.engine.threads import map_blocks
from potato.errors import ArdError

READERS = 8
"""Tiles opened at once; most of the time is spent waiting for a disk or the network."""


class Remedy(NamedTuple):
    """What to do about a kind of flaw.

    Attributes:
        wrong: whether the flaw is wrong, and not just worth a note.
        name: name of the kind.
        action: what to do.
    """

    wrong: bool
    name: str
    action: str


REMEDIES = {
    "broken": Remedy(True, "unreadable items", "fetch them again; the rest is used without them"),
    "twice": Remedy(True, "duplicate tiles", "delete one copy; the first is used"),
    "missing": Remedy(True, "missing files and links", "fetch them again; the rest is used without them"),
    "others": Remedy(False, "tiles without pan or mul", "none needed: they are skipped"),
    "sensors": Remedy(
        False,
        "tiles of other sensors",
        "none needed: they are skipped; `potato sensors` lists those that Potato knows",
    ),
    "quadkey": Remedy(
        True,
        "tiles outside their grid square",
        "compare quadkey and proj:bbox of the item with the original",
    ),
    "overlap": Remedy(
        True,
        "tiles of one pass whose grid squares overlap",
        "compare quadkeys and proj:bbox with the original: ground would be used twice",
    ),
    "unreadable": Remedy(True, "unreadable images", "fetch them again"),
    "bands": Remedy(
        True,
        "images with other bands",
        "compare bands and platform with the original; `potato sensors` lists the bands of each sensor",
    ),
    "pair": Remedy(True, "pan and mul that don't match", "fetch both again, from one delivery"),
    "resampled": Remedy(
        False,
        "mul that doesn't nest on pan's grid",
        "none needed: it is resampled as it is read, and gives no chips",
    ),
    "size": Remedy(
        True, "images whose size differs from their item", "fetch item and images from one delivery"
    ),
    "place": Remedy(
        True, "images whose place differs from their item", "fetch item and images from one delivery"
    ),
    "empty": Remedy(True, "tiles without a valid pixel", "delete them, or fetch them again"),
    "masks": Remedy(True, "pan without valid mul below it", "fetch mul again; those pixels stay invalid"),
    "mask": Remedy(
        False,
        "images without mask or nodata",
        "check that 0 in every band means invalid: it counts as that",
    ),
    "area": Remedy(False, "masks that differ from tile:data_area", "inspect the tile; the masks count"),
    "overviews": Remedy(
        False,
        "large images without overviews",
        f"{ADD_OVERVIEWS}; without overviews web tiles are slow",
    ),
    "strips": Remedy(
        False,
        "large images stored in rows",
        f"{AS_COG}; in rows, windows are slow",
    ),
}
"""The remedy for each kind of flaw, in the order in which findings are listed."""


def examine_ard(
    source: str, tiles: int, follow_links: bool = False, progress: bool = False
) -> Iterator[Finding]:
    """Check an ARD; one finding for each kind of flaw gives their number and describes the first.

    Args:
        source: a local folder, `s3://bucket/prefix`, or `https://…`: an event, its `ard` folder, or
            any folder above.
        tiles: how many tiles to open at most, spread evenly.
        follow_links: whether links and redirects may lead out of the ARD.
        progress: whether to draw a progress bar on stderr.
    """
    flaws: list[Flaw] = []
    good: list[Tile] = []
    try:
        for each in walk_ard(source, follow_links=follow_links):
            flaw = _item_flaw(each)
            if flaw is not None:
                flaws.append(flaw)
            elif isinstance(each, Tile):
                good.append(each)
    except ArdError as error:
        action = "give the folder or the address of an ARD, or of its event"
        yield Finding("ARD", "wrong", redact(str(error)), action)
        return
    flaws += _misplaced(good)
    chosen = good[:: max(1, -(-len(good) // max(1, tiles)))] if tiles else []
    flaws += _file_flaws(chosen, follow_links, progress)
    if good:
        passes = {tile.cid for tile in good}
        summary = f"{counted(len(good), 'good tile')} of {counted(len(passes), 'CID')}"
        yield Finding("ARD", "fine", f"{summary}, {len(chosen)} of them opened ({redact(source)})")
    else:
        summary = f"no tile that can be sharpened ({redact(source)})"
        yield Finding("ARD", "wrong", summary, "see the findings below")
    for kind, remedy in REMEDIES.items():
        found = [redact(flaw.found) for flaw in flaws if flaw.kind == kind]
        if found:
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            state: State = "wrong" if remedy.wrong else "note"
            yield Finding(f"ARD, {remedy.name}", state, found[0] + more, remedy.action)


def _item_flaw(each: Tile | Broken) -> Flaw | None:
    """The reason why an item gives no tile that can be sharpened; None for a good tile."""
    if isinstance(each, Broken):
        return Flaw("twice" if isinstance(each, Duplicate) else "broken", f"{each.item}: {each.reason}")
    reason = unusable(each)
    if reason is None:
        return None
    incomplete = each.trouble is None and not (each.pan and each.mul)
    kind = "others" if incomplete else "missing" if reason == each.trouble else "sensors"
    return Flaw(kind, f"{each.item}: {fault(each)}")


def _file_flaws(tiles: Sequence[Tile], follow_links: bool, progress: bool) -> Iterator[Flaw]:
    """Flaws in the files of tiles, which are opened in threads."""
    named = ((tile.item, tile) for tile in tiles)
    inspect = functools.partial(inspect_tile, follow_links=follow_links)
    with progress_bar(len(tiles), "tile", progress) as bar:
        for item, found in map_blocks(named, inspect, READERS, 2 * READERS):
            yield from (Flaw(flaw.kind, f"{item}: {flaw.found}") for flaw in found)
            bar.update()


def _misplaced(tiles: Iterable[Tile]) -> Iterator[Flaw]:
    """Tiles outside the grid square of their quadkey, and pairs of one pass with one square."""
    passes: dict[tuple[str, int | None], list[Tile]] = {}
    for tile in tiles:
        passes.setdefault((tile.cid, tile.zone), []).append(tile)
        squares = [quadkey_square(tile.quadkey, south) for south in (False, True)]
        outside = not any(square and intersect(square, tile.bbox) for square in squares if tile.bbox)
        if tile.bbox and squares[0] and outside:
            yield Flaw("quadkey", f"{tile.item}: its images lie outside the grid square of {tile.quadkey}")
    for own in passes.values():
        own.sort(key=lambda tile: tile.bbox or (0.0,) * 4)
        for first, second in _overlapping(own):
            assert first.grid_square and second.grid_square
            shared = intersect(first.grid_square, second.grid_square)
            if shared:
                across, down = shared[2] - shared[0], shared[3] - shared[1]
                yield Flaw("overlap", f"{first.item} and {second.item} share {across:.0f} × {down:.0f} m")


def _overlapping(tiles: list[Tile]) -> Iterator[tuple[Tile, Tile]]:
    """Pairs of tiles whose images overlap; the tiles are sorted by their western edges."""
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
