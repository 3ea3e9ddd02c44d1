"""Finding the items of an ARD: by their paths, and by the links of its collections."""

import itertools
import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from potato.ard.broken import Broken, Duplicate, Refused
from potato.ard.item import ITEM_PATH, LinkError, Tile, parse_item, resolve
from potato.ard.reason import TWICE
from potato.ard.source import Bucket, Folder, Source, UnreadableError, Web, open_source
from potato.core.text import one_line, redact
from potato.engine.threads import map_blocks
from potato.errors import ArdError
from potato.raster.aws import explain_refusal

READERS = 8
"""JSON files fetched at once; they are small, so nearly all of the time is waiting."""

MOST_REFUSALS = 50
"""Items that a bucket may refuse before the first that it gives; then it is taken to refuse all."""

LIMIT = 16 << 20
"""Bytes that a JSON file may have; real ones have a few thousand."""

COLLECTION = re.compile(r"(?:^|/)acquisition_collections/[^/]+\.json$")


def holds_items(names: Iterable[str]) -> bool:
    """Whether a folder with files of these names, relative to it, is an ARD."""
    return any(name.endswith(".json") and ITEM_PATH.search(name) for name in names)


def walk_ard(source: str, *, follow_links: bool = False, limit: int = LIMIT) -> Iterator[Tile | Broken]:
    """Every tile of an ARD, in an order that depends only on their zones, quadkeys, dates and CIDs.

    Items are found by their paths (`{zone}/{quadkey}/{date}/{CID}.json`) and by the links in
    `acquisition_collections`; on a web server, which can't be listed, by links alone, beginning at
    the event's `collection.json`.

    Args:
        source: a local folder, `s3://bucket/prefix`, or `https://…`: an event, its `ard` folder, or
            any folder above.
        follow_links: whether images may lie outside the ARD, on a web server or in a bucket, where
            an item says so; and whether symlinks in a folder may lead out of it. Items are never
            fetched elsewhere.
        limit: bytes that a JSON file may have; a larger one is `Broken`.

    Yields:
        Tiles, usable or not (`unusable` says which), and `Broken` for files that can't be read.
        Their order, and everything but addresses, is the same wherever the ARD lies.

    Raises:
        ArdError: if there is no such place, or no ARD in it.
    """
    place = open_source(source, follow_links=follow_links)
    items, broken = _linked_items(place, limit) if isinstance(place, Web) else _listed_items(place, limit)
    if not items and not broken:
        raise ArdError(
            f"{source}: expected an ARD, with items at zone/quadkey/date/CID.json, found none; "
            "give the ard folder or the event folder above it; a vendor's order is for potato fuse ORDER "
            "OUTPUT"
        )
    found = itertools.chain(_read_items(place, items, follow_links, limit), broken)
    return (
        replace(one, item=redact(one.item), reason=redact(one.reason)) if isinstance(one, Broken) else one
        for one in found
    )


def _read_items(place: Source, items: set[str], follow_links: bool, limit: int) -> Iterator[Tile | Broken]:
    seen: dict[tuple[str, int | None, str], str] = {}
    refused: list[Broken] = []
    for name, data in _read_all(place, sorted(items, key=_order), limit):
        if isinstance(data, Broken):
            if not seen and isinstance(data, Refused):
                refused.append(data)
                if len(refused) == MOST_REFUSALS:
                    break
            else:
                yield data
            continue
        yield from refused
        refused = []
        tile = parse_item(data, name, place.root, place.locate, follow_links)
        if isinstance(tile, Tile):
            key = (tile.cid.upper(), tile.zone, tile.quadkey or tile.item)
            if key in seen:
                tile = Duplicate(tile.item, str(replace(TWICE, particulars=f"first as {seen[key]}")))
            else:
                seen[key] = tile.item
        yield tile
    if refused:
        first = refused[0]
        raise ArdError(f"{first.item}: {first.reason}{explain_refusal(first.reason)}")


def _order(name: str) -> tuple[bool, str, str]:
    """A key that sorts items by zone, quadkey, date and name; items with other paths come last."""
    found = ITEM_PATH.search(name)
    return (found is None, found.group().lstrip("/") if found else "", name)


def _listed_items(place: Folder | Bucket, limit: int) -> tuple[set[str], list[Broken]]:
    """Names of items found by listing, and by the links of the listed collections."""
    broken: list[Broken] = []
    everything: set[str] = set()
    for name in place.names():
        if isinstance(name, Broken):
            broken.append(name)
        else:
            everything.add(name)
    items = {name for name in everything if name.endswith(".json") and ITEM_PATH.search(name)}
    for name, data in _read_all(place, sorted(filter(COLLECTION.search, everything)), limit):
        if isinstance(data, Broken):
            broken.append(data)
            continue
        links, refused = _links(place, name, data, ("item",))
        broken += refused
        gone = sorted(link for link in links if link not in everything)
        if gone:
            where = place.locate(name) or name
            broken.append(
                Broken(where, f"links to {len(gone)} items of {len(links)} that aren't there ({gone[0]}…)")
            )
        items |= links & everything
    return items, sorted(broken, key=lambda one: (one.item, one.reason))


def _linked_items(place: Web, limit: int) -> tuple[set[str], list[Broken]]:
    """Names of items found by following links from the event's collection."""
    start = _start(place, limit)
    items: set[str] = set()
    broken: list[Broken] = []
    seen, waiting = {start}, [start]
    while waiting:
        found: set[str] = set()
        for name, data in _read_all(place, waiting, limit):
            if isinstance(data, Broken):
                broken.append(data)
                continue
            links, refused = _links(place, name, data, ("child",))
            found |= links
            more, refused_items = _links(place, name, data, ("item",))
            items |= more
            broken += refused + refused_items
        waiting = sorted(found - seen)
        seen |= found
    return items, sorted(broken, key=lambda one: (one.item, one.reason))


def _start(place: Web, limit: int) -> str:
    """The name of the document to begin at; the root moves from an `ard` folder to its event."""
    given = place.root
    above, name = posixpath.split(given.rstrip("/"))
    if name.endswith(".json"):
        place.root = above + "/"
        return name
    tried = []
    for root in (given, above + "/") if name == "ard" else (given,):
        place.root = root
        for name in ("collection.json", "catalog.json"):
            try:
                place.read(name, limit)
                return name
            except OSError as error:
                tried.append(f"{root}{name}: {error}")
    raise ArdError(
        f"{given}: expected a collection.json to begin at, since a web server can't be listed, "
        f"found none ({tried[0]}); give the address of the event, or use s3://…"
    )


def _read_all(place: Source, names: Iterable[str], limit: int) -> Iterator[tuple[str, object]]:
    """The JSON of files, in order, a few fetched ahead; `Broken` for a file that can't be read."""

    def read(name: str) -> object:
        where = place.locate(name) or place.root + name
        try:
            body = place.read(name, limit)
            if len(body) > limit:
                return Broken(where, f"expected JSON of {limit / (1 << 20):g} MB at most, found more")
            return json.loads(body)
        except UnreadableError as error:
            return error.kind(where, f"can't be read: {error}")
        except OSError as error:
            return Broken(where, f"can't be read: {error.strerror or error}")
        except (ValueError, RecursionError) as error:
            return Broken(where, f"unreadable JSON: {one_line(error, 200)}")

    return map_blocks(((name, name) for name in names), read, READERS, 4 * READERS)


def _links(
    place: Source, name: str, data: object, relations: tuple[str, ...]
) -> tuple[set[str], list[Broken]]:
    """Names of the files that a document links to, and refused links."""
    found: set[str] = set()
    refused: list[Broken] = []
    links = data.get("links") if isinstance(data, dict) else None
    for link in links if isinstance(links, list) else []:
        if isinstance(link, dict) and link.get("rel") in relations:
            try:
                found.add(resolve(link.get("href"), name, place.root))
            except LinkError as refusal:
                refused.append(Broken(place.locate(name) or name, str(refusal)))
    return found, refused
