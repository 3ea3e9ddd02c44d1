"""Finished pictures of a whole ARD: the folder that `fuse_ard` made, by its manifest."""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from potato.ard.broken import Broken
from potato.ard.grid import quadkey_square
from potato.ard.item import CID
from potato.ard.listing import mean_of
from potato.core.platforms import find_sensor
from potato.core.text import redact
from potato.errors import InputError, PotatoError
from potato.fusion.ard.manifest import MANIFEST, Record, read_manifest
from potato.raster.coordinates import Grid, ground_pixel
from potato.raster.gdal_env import gdal
from potato.raster.header import read_header
from potato.raster.outlines import outline_of, outline_of_box
from potato.raster.pictures import open_picture
from potato.raster.untrusted import read_small
from potato.serving.catalogue import Collect, Entry
from potato.serving.mercator import extent_of, projected
from potato.serving.waiting import Waiting


def is_fused_ard(name: str) -> bool:
    """Whether a name is that of such a folder."""
    return (Path(name) / MANIFEST).is_file()


def find_fused_ard(name: str, waiting: Waiting) -> tuple[list[Collect], list[Broken]]:
    """The passes of such a folder, and pictures that can't be shown. Mosaics are left out.

    Raises:
        OutputError: if its manifest isn't one.
    """
    folder = Path(name).resolve()
    passes: dict[str, list[tuple[Entry, Grid, Mapping[str, Any]]]] = defaultdict(list)
    lost = []
    for record in read_manifest(folder).rows.values():
        zone, quadkey, date, cid = [*record.tile.split("/"), "", "", "", ""][:4]
        if record.state != "done" or not CID.fullmatch(cid):
            continue
        path = (folder / record.file).resolve()
        try:
            if not path.is_relative_to(folder):
                raise ValueError("a picture outside of the folder")
            with gdal():
                grid = read_header(str(path), "picture").grid
            facts = _facts(path.with_suffix(".json"))
            if grid.crs is None:
                raise ValueError("a picture without a CRS")
            passes[cid].append((_entry(record, path, grid, (zone, quadkey, date), facts), grid, facts))
            waiting.found += 1
        except (PotatoError, ValueError) as error:
            lost.append(Broken(record.tile, redact(str(error))))
    return [_collect(cid, tiles) for cid, tiles in sorted(passes.items())], lost


def _facts(path: Path) -> Mapping[str, Any]:
    """The properties of an item; nothing if it can't be read."""
    try:
        return dict(json.loads(read_small(path))["properties"])
    except (InputError, OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}


def _number(facts: Mapping[str, Any], name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _entry(
    record: Record, path: Path, grid: Grid, place: tuple[str, str, str], facts: Mapping[str, Any]
) -> Entry:
    zone, quadkey, date = place
    epsg = grid.crs.to_epsg() or 0
    square = quadkey_square(quadkey, south=epsg // 100 == 327) if epsg // 100 in (326, 327) else None
    with gdal():
        ring = outline_of(grid)
        corners = outline_of_box(square, epsg) if square else ()
    return Entry(
        id=record.tile.replace("/", "-"),
        opening=lambda: open_picture(path),
        ring=ring,
        extent=extent_of(ring),
        square=projected(corners) if corners else (),
        zone=int(zone) if zone.isdecimal() else None,
        quadkey=quadkey or None,
        date=date or None,
        time=record.datetime,
        clouds=_number(facts, "eo:cloud_cover"),
        off_nadir=_number(facts, "view:off_nadir"),
    )


def _collect(cid: str, tiles: Sequence[tuple[Entry, Grid, Mapping[str, Any]]]) -> Collect:
    entries = tuple(entry for entry, _, _ in tiles)
    _, grid, facts = tiles[0]
    platform = str(facts.get("platform") or "")[:80]
    sensor = find_sensor(platform, None)
    title = sensor.title if sensor else platform or "finished pictures"
    return Collect(
        id=cid,
        title=f"{title}, {entries[0].date or 'no date'}",
        kind="pictures",
        entries=entries,
        date=min((entry.date for entry in entries if entry.date), default=None),
        time=min((entry.time for entry in entries if entry.time), default=None),
        sensor=sensor.title if sensor else None,
        platform=platform or None,
        clouds=mean_of((entry.clouds for entry in entries), 1),
        off_nadir=mean_of((entry.off_nadir for entry in entries), 1),
        gsd=round(ground_pixel(grid), 3),
    )
