"""The tiles of an ARD that a run is to fuse, and the job that a worker gets for each."""

import functools
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from potato.ard.broken import Broken, Unreachable
from potato.ard.item import Tile, fault, unusable
from potato.ard.listing import lonlat_bounds
from potato.ard.naming import tile_name
from potato.ard.reason import TWICE
from potato.ard.walk import walk_ard
from potato.core.grade import PLAIN
from potato.core.render import Look
from potato.core.sensors import Sensor
from potato.core.text import counted, redact
from potato.errors import ArdError
from potato.fusion.ard.choice import OUTSIDE, Choice
from potato.raster.area import Area

MosaicKind = Literal["cog", "vrt", "event", "mbtiles", "pmtiles"]

ENDINGS = {"vrt": ".vrt", "mbtiles": ".mbtiles", "pmtiles": ".pmtiles"}
"""Endings of mosaics' names; others are GeoTIFFs."""

OF_EVENTS = ("event", "mbtiles", "pmtiles")
"""Kinds of mosaics of all passes and zones."""


@dataclass(frozen=True)
class Joining:
    """How pictures are joined.

    Attributes:
        kind: the kind of mosaics; None for none.
        order: CIDs in capitals, the best first; others follow, by clouds and date.
    """

    kind: MosaicKind | None = None
    order: tuple[str, ...] = ()

    @property
    def of_events(self) -> bool:
        """Whether all passes and zones become one picture."""
        return self.kind in OF_EVENTS


@dataclass(frozen=True)
class PassFacts:
    """Facts about the pass, or the passes, that a picture was taken in.

    Attributes:
        cid: catalog ID.
        platform: the name of its sensor, such as `WV02`.
        date: `yyyy-mm-dd`; empty if unknown.
        datetime: the moment; None if unknown.
        clouds: percent of cloud; None if unknown.
        view: angles of satellite and sun, as `ard.Tile.view` has them.
        cids: catalog IDs of several passes, the best first, in place of `cid`.
        span: the first and the last moment of several passes, in place of `datetime`.
    """

    cid: str
    platform: str
    date: str
    datetime: str | None = None
    clouds: float | None = None
    view: tuple[tuple[str, float], ...] = ()
    cids: tuple[str, ...] = ()
    span: tuple[str, str] | None = None


@dataclass(frozen=True)
class PictureSettings:
    """The settings that all pictures of a sensor share.

    Attributes:
        weights: a name, the absolute path of a checkpoint, or None for the sensor's own.
        weights_digest: digest of the weights, by which a worker notices that they have changed.
        look: the rendering.
        profile: the format: `cog` or `tiled`.
        creation_options: GDAL creation options on top of the profile's.
        crop_to_square: whether pictures show their grid square alone, without the overlap.
        area: the ground that pictures are limited to; None for no limit.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: threads in which each worker computes, and in which GDAL compresses.
    """

    weights: str | None
    weights_digest: str
    look: Look
    profile: str
    creation_options: tuple[tuple[str, str], ...] = ()
    crop_to_square: bool = False
    area: Area | None = None
    device: str = "auto"
    threads: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        """The settings on which the bytes of a picture depend."""
        area = None if self.area is None else _digest(self.area.polygons)
        return {
            "weights": self.weights_digest,
            "look": self.look.name,
            "exposure": self.look.exposure,
            "contrast": self.look.contrast,
            # Only where there are any: pictures of version 0.1 keep their signature.
            **({} if self.look.saturation == 1 else {"saturation": self.look.saturation}),
            **({} if self.look.grade == PLAIN else {"grade": self.look.grade.facts}),
            "profile": self.profile,
            "creation options": dict(self.creation_options),
            # Its name of version 0.1: another would give old pictures another signature.
            "crop to cell": self.crop_to_square,
            "area": area,
        }

    @functools.cached_property
    def signature(self) -> str:
        """16 hex digits that stand for `facts`."""
        return _digest(self.facts)


@dataclass(frozen=True)
class TileJob:
    """A tile to fuse: names and settings, no pixels.

    Attributes:
        tile: the tile as the ARD describes it.
        folder: the absolute path of the output folder.
        settings: of the sensor's pictures.
        overwrite: whether to replace a picture that is there already.
        follow_links: whether a server may redirect requests for the images to another host.
    """

    tile: Tile
    folder: str
    settings: PictureSettings
    overwrite: bool = False
    follow_links: bool = False

    @property
    def name(self) -> str:
        """`zone/quadkey/date/CID`: the tile in the manifest, and the path of its files."""
        return tile_name(self.tile)

    @property
    def signature(self) -> str:
        """The signature of the settings."""
        return self.settings.signature

    @property
    def output(self) -> Path:
        """The picture to write."""
        return Path(self.folder) / f"{self.name}.tif"

    @property
    def source(self) -> PassFacts:
        """The pass that the tile belongs to."""
        tile = self.tile
        return PassFacts(tile.cid, tile.platform, tile.date, tile.datetime, tile.clouds, tile.view)


@dataclass(frozen=True)
class MosaicJob:
    """A mosaic to make.

    Attributes:
        name: `mosaic/zone/CID`, or `mosaic/event`.
        folder: the absolute path of the output folder.
        kind: `cog` for a picture of its own, `vrt` for a file that refers to the tiles' pictures;
            `event`, `mbtiles` or `pmtiles` for one of all passes and zones.
        source: the pass that its pictures were taken in.
        pictures: names of tiles, and the digests of their pictures; the best first.
        settings: of the sensor's pictures.
        overwrite: whether to replace a mosaic that is there already.
    """

    name: str
    folder: str
    kind: MosaicKind
    source: PassFacts
    pictures: tuple[tuple[str, str], ...]
    settings: PictureSettings
    overwrite: bool = False

    @property
    def output(self) -> Path:
        """The file to write."""
        return Path(self.folder) / f"{self.name}{ENDINGS.get(self.kind, '.tif')}"

    @property
    def signature(self) -> str:
        """16 hex digits that change with whatever changes the mosaic."""
        return _digest([self.kind, self.settings.signature, self.pictures])


@dataclass(frozen=True)
class Plan:
    """The tiles of an ARD that a run is to fuse, and what it leaves out.

    Attributes:
        tiles: the tiles, in the order of their names.
        left_out: the number of tiles that were not chosen or can't be used, by the kind of reason.
        broken: items that can't be understood, such as links that lead nowhere.
        lost: items that can't be read now because the network or the server fails.
        unknown: chosen CIDs that no tile has.
        passes: by CID, all tiles of the passes of `tiles` that can be used, chosen or not.
        faults: what chosen tiles lack or why else they can't be sharpened, by their names.
    """

    tiles: tuple[Tile, ...]
    left_out: dict[str, int] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    lost: tuple[Broken, ...] = ()
    unknown: tuple[str, ...] = ()
    passes: dict[str, tuple[Tile, ...]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def sensors(self) -> set[Sensor]:
        """The sensors of the tiles."""
        return {tile.sensor for tile in self.tiles if tile.sensor}


def make_plan(source: str, choice: Choice, *, follow_links: bool = False) -> Plan:
    """Choose tiles by the metadata of an ARD; no image is opened.

    Args:
        source: a folder, `s3://bucket/prefix`, or `https://…`, also of an event's collection.
        choice: which tiles to fuse.
        follow_links: whether links may lead out of the ARD.

    Raises:
        ArdError: if there is no ARD, or no tile of the choice in it.
    """
    chosen: dict[str, Tile] = {}
    left_out: Counter[str] = Counter()
    broken: list[Broken] = []
    passes: dict[str, list[Tile]] = defaultdict(list)
    faults: dict[str, str] = {}
    for found in walk_ard(source, follow_links=follow_links):
        if isinstance(found, Broken):
            broken.append(found)
            continue
        passes[found.cid].extend([] if unusable(found) else [found])
        reason = choice.refusal(found)
        if reason is None and tile_name(found) in chosen:
            reason = TWICE
        if reason is None:
            chosen[tile_name(found)] = found
        else:
            left_out[reason.kind] += 1
            if reason == unusable(found):
                faults[tile_name(found)] = redact(fault(found) or "")
    lost = [one for one in broken if isinstance(one, Unreachable)]
    counts = dict(sorted(left_out.items()))
    if not chosen and not lost:
        told = "; ".join(f"{counted(count, 'tile')}, {reason}" for reason, count in counts.items())
        first = f"; {broken[0].item}: {broken[0].reason}" if broken else ""
        place = _place(tile for group in passes.values() for tile in group) if OUTSIDE.kind in counts else ""
        raise ArdError(
            f"{redact(source)}: expected tiles to fuse, found none: {told or 'nothing'}{place}{first}"
        )
    return Plan(
        tuple(chosen[name] for name in sorted(chosen)),
        counts,
        tuple(one for one in broken if one not in lost),
        tuple(lost),
        tuple(sorted(choice.cids - {cid.upper() for cid in passes})),
        {cid: tuple(sorted(passes[cid], key=tile_name)) for cid in sorted({t.cid for t in chosen.values()})},
        dict(sorted(faults.items())),
    )


def _place(tiles: Iterable[Tile]) -> str:
    """Where tiles lie, for a message; empty if no item says."""
    bounds = lonlat_bounds(tiles)
    if bounds is None:
        return ""
    return "; its tiles lie between {:.4f} {:.4f} {:.4f} {:.4f} (west, south, east, north)".format(*bounds)


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
