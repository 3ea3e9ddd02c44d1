"""Finding what the command line names: ARDs, deliveries, pairs, finished pictures."""

import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from potato.ard.broken import Broken
from potato.ard.inspection import open_checked_tile
from potato.ard.item import Tile, unusable
from potato.ard.listing import event_of, mean_of, pan_pixel, reported_clouds
from potato.ard.naming import tile_name
from potato.ard.reason import Reason
from potato.ard.walk import walk_ard
from potato.core.advice import GIVE_PLACE
from potato.core.text import redact
from potato.deliveries.delivery import find_products, is_delivery
from potato.errors import ArdError, DeliveryError, InputError
from potato.fusion.inputs import open_inputs
from potato.raster.coordinates import Grid, ground_pixel
from potato.raster.gdal_env import gdal
from potato.raster.header import read_header
from potato.raster.layer import Reading
from potato.raster.outlines import outline_of, outline_of_box
from potato.raster.pictures import open_picture
from potato.serving.catalogue import Catalogue, Collect, Entry, Outline, PassOrigin, plain_name
from potato.serving.fused_ard import find_fused_ard, is_fused_ard
from potato.serving.mercator import extent_of, projected
from potato.serving.waiting import Waiting

IMAGES = (".tif", ".tiff", ".vrt", ".jp2", ".png", ".jpg", ".jpeg", ".webp", ".img", ".ntf", ".dat", ".bil")
"""Endings of addresses that are images; other addresses are those of an ARD."""


@contextlib.contextmanager
def open_catalogue(
    names: Sequence[str],
    reading: Reading,
    follow_links: bool = False,
    folder: Path | None = None,
    say: Callable[[str], None] | None = None,
) -> Iterator[Catalogue]:
    """Find what the command line names; pairs stay open until the end.

    Args:
        names: ARDs, deliveries, pairs (a pan, then its mul), finished pictures.
        reading: how files are to be read, where they don't say it themselves.
        follow_links: whether images of an ARD may lie outside it where an item says so.
        folder: where to keep what is measured of a delivery; None to keep nothing.
        say: gets a line now and then while an ARD is listed; None for silence.

    Raises:
        ArdError, DeliveryError, InputError, BandError, PairError: if a name is none of these.
    """
    collects: list[Collect] = []
    lost: list[Broken] = []
    with ExitStack() as stack:
        left = list(names)
        while left:
            name = left.pop(0)
            if not _is_image(name):
                with Waiting(say, redact(name)) as waiting:
                    found, broken = _collects_of(name, reading, follow_links, folder, stack, waiting)
                collects += found
                lost += broken
            elif _is_pan(name):
                if not left or not _is_image(left[0]):
                    raise InputError(
                        f"{redact(name)}: expected its mul after a pan (one band), found none; name both"
                    )
                collects.append(_collect_of_pair(name, left.pop(0), reading, folder, stack))
            else:
                collects.append(_collect_of_picture(name))
        title = ", ".join(dict.fromkeys(_last_part(name) for name in names))
        yield Catalogue(title[:200], _distinct(collects), lost)


def _is_image(name: str) -> bool:
    """Whether a name is that of an image, not of an ARD or a delivery."""
    if "://" in name or name.startswith("/vsi"):
        return PurePosixPath(urlsplit(name).path).suffix.lower() in IMAGES
    return not is_delivery(name)


def _is_pan(name: str) -> bool:
    with gdal():
        header = read_header(name, "image")
    return len(header.descriptions) == 1


def _last_part(name: str) -> str:
    """The last part of a path or address, for people."""
    path = name if "://" in name else Path(name).absolute().as_posix()
    return PurePosixPath(redact(path).rstrip("/")).name or redact(name)


def _collects_of(
    name: str,
    reading: Reading,
    follow_links: bool,
    folder: Path | None,
    stack: ExitStack,
    waiting: Waiting,
) -> tuple[list[Collect], list[Broken]]:
    """The passes of an ARD, of pictures that were made of one, or the products of a delivery."""
    if is_fused_ard(name):
        return find_fused_ard(name, waiting)
    if "://" in name or Path(name).is_dir():
        try:
            return _passes_of_ard(name, follow_links, waiting)
        except ArdError:
            if "://" in name:
                raise
    found, lost = [], []
    for product in find_products(name):
        try:
            chosen = replace(reading, product=product.name)
            found.append(_collect_of_pair(name, None, chosen, folder, stack, product.name))
        except (DeliveryError, InputError) as error:
            lost.append(Broken(f"{_last_part(name)}: {product.name}", redact(str(error))))
    if not found:
        raise DeliveryError(lost[0].reason)
    return found, lost


def _passes_of_ard(source: str, follow_links: bool, waiting: Waiting) -> tuple[list[Collect], list[Broken]]:
    groups: dict[tuple[str, str], list[Tile]] = defaultdict(list)
    lost = []
    for one in walk_ard(source, follow_links=follow_links):
        if isinstance(one, Broken):
            lost.append(one)
        else:
            groups[event_of(one.item), one.cid].append(one)
            waiting.found += 1
    return [_collect_of_tiles(source, event, tiles) for (event, _), tiles in sorted(groups.items())], lost


def _collect_of_tiles(source: str, event: str, tiles: Sequence[Tile]) -> Collect:
    first = tiles[0]
    views = [dict(tile.view) for tile in tiles]
    clouds = reported_clouds(tiles)
    sensor = first.sensor
    return Collect(
        id=first.cid,
        title=f"{sensor.title if sensor else first.platform or 'unknown sensor'}, {first.date or 'no date'}",
        kind="ard",
        entries=tuple(map(_tile_entry, tiles)),
        origin=PassOrigin(source, cids=(first.cid,)),
        event=event or None,
        date=min((tile.date for tile in tiles if tile.date), default=None),
        time=min((tile.datetime for tile in tiles if tile.datetime), default=None),
        sensor=sensor.title if sensor else None,
        platform=first.platform or None,
        clouds=None if clouds is None else round(clouds, 1),
        off_nadir=mean_of((view.get("off_nadir") for view in views), 1),
        sun_elevation=mean_of((view.get("sun_elevation") for view in views), 1),
        gsd=mean_of(map(pan_pixel, tiles), 3),
    )


def _tile_entry(tile: Tile) -> Entry:
    reason = unusable(tile)
    ring: Outline = ()
    square: Outline = ()
    if tile.bbox and tile.epsg and tile.grid_square:
        with gdal():
            ring = outline_of_box(tile.bbox, tile.epsg)
            square = outline_of_box(tile.grid_square, tile.epsg)
    elif reason is None:
        reason = Reason("an item without a place")
    return Entry(
        id=tile_name(tile).replace("/", "-"),
        opening=None if reason else lambda: open_checked_tile(tile),
        paths=tuple(path for path in (tile.pan, tile.mul) if path),
        reason=None if reason is None else redact(str(reason)),
        ring=ring,
        extent=extent_of(ring) if ring else None,
        square=projected(square) if square else (),
        sensor=tile.sensor,
        zone=tile.zone,
        quadkey=tile.quadkey or None,
        date=tile.date or None,
        time=tile.datetime,
        clouds=tile.clouds,
        off_nadir=dict(tile.view).get("off_nadir"),
    )


def _collect_of_pair(
    pan: str, mul: str | None, reading: Reading, folder: Path | None, stack: ExitStack, title: str = ""
) -> Collect:
    """A pair of files, or the product of a delivery."""
    pair = stack.enter_context(open_inputs(pan, mul, reading, folder))
    ring = _outline(pair.grid, pan)
    title = title or _last_part(pan)
    day = re.search(r"(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]", " ".join(pair.notes))
    entry = Entry(
        id=plain_name(title, "picture"),
        opening=pair.reopened,
        ring=ring,
        extent=extent_of(ring),
        sensor=pair.sensor,
        date=day.group() if day else None,
    )
    return Collect(
        id=plain_name(title, "picture"),
        title=title,
        kind="pair" if mul else "delivery",
        entries=(entry,),
        origin=PassOrigin(pan, mul, reading=reading),
        date=entry.date,
        sensor=pair.sensor.title,
        gsd=round(ground_pixel(pair.grid), 3),
    )


def picture_entry(name: str, key: str) -> Entry:
    """A finished picture, with the ID that it is to have."""
    with gdal(), open_picture(name) as picture:
        ring = _outline(picture.grid, name)
    return Entry(key, lambda: open_picture(name), ring=ring, extent=extent_of(ring))


def _collect_of_picture(name: str) -> Collect:
    """A finished picture, which stands for a pass."""
    title = _last_part(name)
    entry = picture_entry(name, plain_name(title, "picture"))
    with gdal():
        gsd = ground_pixel(read_header(name, "picture").grid)
    return Collect(entry.id, title, "pictures", (entry,), gsd=round(gsd, 3))


def _outline(grid: Grid, name: str) -> Outline:
    """The outline of an image.

    Raises:
        InputError: if it has no CRS.
    """
    if grid.crs is None:
        raise InputError(
            f"{redact(name)}: expected an image with a CRS, to be shown on a map, found none; use potato "
            f"report, or give it its place: {GIVE_PLACE}"
        )
    return outline_of(grid, pieces=4)


def _distinct(collects: Sequence[Collect]) -> list[Collect]:
    """The same passes with IDs of their own: a second one of a name gets a number."""
    counts: Counter[str] = Counter()
    found = []
    for collect in collects:
        counts[collect.id] += 1
        number = counts[collect.id]
        if number == 1:
            found.append(collect)
            continue
        entries = tuple(replace(entry, id=f"{entry.id}-{number}") for entry in collect.entries)
        found.append(replace(collect, id=f"{collect.id}-{number}", entries=entries))
    return found
