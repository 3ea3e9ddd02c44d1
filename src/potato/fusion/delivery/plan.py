"""The tiles of an ARD that a run is to fuse, and the job that a worker gets for each."""

import functools
import hashlib
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from potato.ard import Box, Broken, Tile, read_allow_list, tile_name, unusable, walk_ard
from potato.ard.item import CID, CID_EXAMPLE, check_clouds
from potato.ard.overview import lonlat_outline
from potato.core.grade import PLAIN
from potato.core.render import Look
from potato.core.sensors import Sensor
from potato.core.text import counted, redact
from potato.core.types import PathLike
from potato.errors import ArdError, InputError
from potato.model.model import Architecture
from potato.model.weights import PREDICTOR
from potato.raster import Area, Grid, grid_at, part_of

LATITUDE_SLACK, LONGITUDE_SLACK = 0.1, 1.0
"""Degrees by which a tile may miss the bounds of an area in a first, quick check."""

SLACK_METRES = 10.0
"""Metres by which a tile may miss an area in a second check; its item gives its place roughly."""

COARSE_SIDE = 256
"""Pixels along the width of a tile in the second check."""

MosaicKind = Literal["cog", "vrt"]

_DAY = r"\d{4}-\d\d-\d\d"


@dataclass(frozen=True)
class PassFacts:
    """Facts about the pass that a picture was taken in.

    Attributes:
        cid: catalog ID.
        platform: the name of its sensor, such as `WV02`.
        date: `yyyy-mm-dd`; empty if unknown.
        datetime: the moment; None if unknown.
        clouds: percent of cloud; None if unknown.
        view: angles of satellite and sun, as `ard.Tile.view` has them.
    """

    cid: str
    platform: str
    date: str
    datetime: str | None = None
    clouds: float | None = None
    view: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class DeliverySettings:
    """What all pictures of a sensor have in common in a delivery.

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
        folder: the absolute path of the delivery.
        settings: the settings of the delivery.
        overwrite: whether to replace a picture that is there already.
        follow_links: whether a server may redirect requests for the images to another host.
    """

    tile: Tile
    folder: str
    settings: DeliverySettings
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
        name: `mosaic/zone/CID`.
        folder: the absolute path of the delivery.
        kind: `cog` for a picture of its own, `vrt` for a file that refers to the tiles' pictures.
        source: the pass that its pictures were taken in.
        pictures: names of tiles, and the digests of their pictures.
        settings: the settings of the delivery.
        overwrite: whether to replace a mosaic that is there already.
    """

    name: str
    folder: str
    kind: MosaicKind
    source: PassFacts
    pictures: tuple[tuple[str, str], ...]
    settings: DeliverySettings
    overwrite: bool = False

    @property
    def output(self) -> Path:
        """The file to write."""
        return Path(self.folder) / f"{self.name}.{'vrt' if self.kind == 'vrt' else 'tif'}"

    @property
    def signature(self) -> str:
        """16 hex digits that change with whatever changes the mosaic."""
        return _digest([self.kind, self.settings.signature, self.pictures])


@dataclass(frozen=True)
class Choice:
    """Which tiles of an ARD to fuse.

    Attributes:
        cids: catalog IDs in capitals; empty for all.
        area: the ground that tiles must touch; None for anywhere.
        dates: first and last day, `yyyy-mm-dd`, both included; empty for no limit.
        max_clouds: percent of cloud that a tile may have; a tile without that figure passes.
        network: the sizes of the network that must be able to read a tile; None for any tile.
    """

    cids: frozenset[str] = frozenset()
    area: Area | None = None
    dates: tuple[str, str] = ("", "")
    max_clouds: float = 100.0
    network: Architecture | None = None

    @classmethod
    def of(
        cls,
        cids: tuple[str, ...],
        allow_list: PathLike | None,
        dates: str | None,
        max_clouds: float,
        area: Area | None,
        network: Architecture | None = None,
    ) -> "Choice":
        """The choice that options of a command describe.

        Args:
            cids: catalog IDs, in upper or lower case; empty for all.
            allow_list: a text file of catalog IDs, one a line; with `cids`, both must allow a tile.
            dates: a day, `first/last`, `first/` or `/last`; None for no limit.
            max_clouds: percent of cloud that a tile may have.
            area: the ground that tiles must touch; None for anywhere.
            network: the sizes of the network that must be able to read a tile; None for any tile.

        Raises:
            InputError: if a date, a CID or a percentage isn't one, or the allow-list can't be read.
        """
        check_clouds(max_clouds)
        wanted = {cid.strip().upper() for cid in cids}
        for cid in sorted(wanted):
            if not CID.fullmatch(cid):
                raise InputError(f"expected {CID_EXAMPLE}, found {cid}")
        if allow_list is not None:
            listed = read_allow_list(Path(allow_list))
            wanted = wanted & listed if wanted else set(listed)
            if not wanted:
                raise InputError(f"{allow_list}: expected the CIDs that are asked for, found none of them")
        text = (dates or "").replace("..", "")
        found = re.fullmatch(f"({_DAY})?/({_DAY})?|({_DAY})", text) if text else None
        if text and (found is None or text == "/"):
            raise InputError(f"expected a date such as 2023-05-16 or 2023-05-01/2023-05-31, found {dates}")
        first, last, only = found.groups("") if found else ("", "", "")
        return cls(frozenset(wanted), area, (first or only, last or only), max_clouds, network)

    def refusal(self, tile: Tile) -> str | None:
        """Why a tile is left out; None if it isn't."""
        if self.cids and tile.cid.upper() not in self.cids:
            return "another CID"
        first, last = self.dates
        if (first or last) and not (tile.date and first <= tile.date <= (last or "9999")):
            return "another date"
        reason = unusable(tile)
        if reason is not None:
            return reason
        if self.network and tile.sensor and not self.network.fits(tile.sensor):
            name = tile.sensor.name
            return f"a sensor that the given weights don't read: {name}; leave out -w, or take {PREDICTOR}"
        if tile.clouds is not None and tile.clouds > self.max_clouds:
            return f"too cloudy ({tile.clouds:g} %)"
        if self.area is not None and not _touches(self.area, tile):
            return "outside of the area"
        return None


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
    """

    tiles: tuple[Tile, ...]
    left_out: dict[str, int] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()
    lost: tuple[Broken, ...] = ()
    unknown: tuple[str, ...] = ()
    passes: dict[str, tuple[Tile, ...]] = field(default_factory=dict)

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
    for found in walk_ard(source, follow_links=follow_links):
        if isinstance(found, Broken):
            broken.append(found)
            continue
        passes[found.cid].extend([] if unusable(found) else [found])
        reason = choice.refusal(found)
        if reason is None and tile_name(found) in chosen:
            reason = "a tile that is there twice"
        if reason is None:
            chosen[tile_name(found)] = found
        else:
            left_out[reason.split(" (")[0]] += 1
    lost = [one for one in broken if one.transient]
    counts = dict(sorted(left_out.items()))
    if not chosen and not lost:
        told = "; ".join(f"{counted(count, 'tile')}, {reason}" for reason, count in counts.items())
        first = f"; {broken[0].item}: {broken[0].reason}" if broken else ""
        raise ArdError(f"{redact(source)}: expected tiles to fuse, found none: {told or 'nothing'}{first}")
    return Plan(
        tuple(chosen[name] for name in sorted(chosen)),
        counts,
        tuple(one for one in broken if one not in lost),
        tuple(lost),
        tuple(sorted(choice.cids - {cid.upper() for cid in passes})),
        {cid: tuple(sorted(passes[cid], key=tile_name)) for cid in sorted({t.cid for t in chosen.values()})},
    )


def tile_grid(tile: Tile, side: int | None = None, slack: float = 0.0) -> Grid | None:
    """The grid of a tile's pan by its item; None if the item doesn't say enough.

    Args:
        tile: a tile of an ARD.
        side: pixels along the longer side, in place of the tile's own.
        slack: metres to add on every side.
    """
    if tile.bbox is None or tile.epsg is None or (side is None and tile.shape is None):
        return None
    west, south, east, north = tile.bbox
    across, down = east - west + 2 * slack, north - south + 2 * slack
    if side is not None:
        pixel = max(across, down) / side
        height, width = max(1, round(down / pixel)), max(1, round(across / pixel))
    else:
        assert tile.shape is not None
        (height, width), pixel = tile.shape, across / tile.shape[1]
    return grid_at(height, width, pixel, west - slack, north + slack, tile.epsg)


def _touches(area: Area, tile: Tile) -> bool:
    """Whether a tile may touch an area; True for a tile without a place."""
    grid = tile_grid(tile, COARSE_SIDE, SLACK_METRES)
    if grid is None or tile.bbox is None or tile.epsg is None:
        return True
    return _meets(area, tile.bbox, tile.epsg) and part_of(grid, 1, None, area) is not None


def _meets(area: Area, box: Box, epsg: int) -> bool:
    """Whether a box in metres comes close to the bounds of an area: quick, rough near the poles."""
    west, south, east, north = area.bounds
    ring = lonlat_outline(box, epsg)
    longitudes, latitudes = [point[0] for point in ring], [point[1] for point in ring]
    if min(latitudes) > north + LATITUDE_SLACK or max(latitudes) < south - LATITUDE_SLACK:
        return False
    middle, reach = (west + east) / 2, (east - west) / 2 + LONGITUDE_SLACK
    return any(abs((longitude - middle + 180) % 360 - 180) <= reach for longitude in longitudes)


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
