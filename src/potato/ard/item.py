"""One item of an ARD: its JSON, in which anything may be missing or wrong."""

import math
import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from potato.ard.broken import Broken
from potato.ard.grid import intersect, quadkey_square, without_overlap
from potato.ard.moments import day_of, utc_moment
from potato.ard.reason import Reason
from potato.core.platforms import find_sensor
from potato.core.sensors import Sensor
from potato.core.text import redact
from potato.errors import InputError
from potato.raster.coordinates import Box, is_crs

ITEM_PATH = re.compile(r"(?:^|/)([0-9]{1,2})/([0-3]{12})/([0-9]{4}-[0-9]{2}-[0-9]{2})/([^/]+)$")
"""Where the files of an item lie: zone, quadkey, date, name."""

CID = re.compile(r"(?=[^0-9]*[0-9])[0-9A-Za-z][0-9A-Za-z_-]{7,63}")
"""A catalog ID (CID), of any satellite: most have 16 hexadecimal digits, WorldView-4's are UUIDs
with an ending. It comes from a stranger and becomes a part of file names, so it must be plain."""

CID_EXAMPLE = "a catalog ID such as 103001010A705C00 (8 to 64 letters, digits, - and _)"
"""What to expect, for messages."""

FORMAT = "GTiff"
"""GDAL's driver for images of an ARD. Other drivers could open any address that a file names."""

VIEW = {
    "off_nadir": (0.0, 90.0),
    "incidence_angle": (0.0, 90.0),
    "azimuth": (0.0, 360.0),
    "sun_azimuth": (0.0, 360.0),
    "sun_elevation": (-90.0, 90.0),
}
"""Names and ranges, in degrees, of the angles of STAC's view extension.

Items put `view:` before each name.
"""

MOST_PIXELS = 40_000
"""Pixels along a side of a tile that an item may claim; those of 15 cm have 35,416."""

MOST_METRES = 100_000.0
"""Metres along a side of a tile that an item may claim; tiles have 5,312.5."""

FARTHEST = 21e6
"""Metres: no coordinate on the Earth is larger in the CRS of tiles."""

LONGEST = 2048
"""Letters of the longest link that is followed."""


class LinkError(ValueError):
    """A link that Potato doesn't follow, and the reason."""

    def __init__(self, kind: str, particulars: str = "") -> None:
        self.reason = Reason(kind, redact(particulars))
        super().__init__(str(self.reason))

    def of_asset(self, name: str) -> Reason:
        """The reason, with the name of the asset that has the link."""
        return Reason(self.reason.kind, ": ".join(filter(None, (name, self.reason.particulars))))


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile of one pass, as its item describes it; None where the item says nothing.

    Attributes:
        cid: catalog ID of the pass.
        platform: the name of a sensor that we know, such as `WV02`, or the item's own
            word; empty if the item has none.
        zone: UTM zone, 1..60.
        quadkey: of the grid square; empty if the item has none.
        date: `yyyy-mm-dd`; empty if the item has none.
        clouds: percent of the tile under cloud.
        epsg: code of the tile's CRS.
        bbox: of the image files in that CRS, overlap included.
        pan: path, `s3://…` or `https://…` of the panchromatic file.
        mul: path, `s3://…` or `https://…` of the multispectral file.
        item: path or address of the item's JSON.
        shape: rows and columns of pan; the file may disagree.
        data_area: square kilometres of data.
        trouble: why `pan` or `mul` is None, if the item has such an asset at all.
        datetime: of the pass over the tile, `yyyy-mm-ddThh:mm:ssZ`.
        bands: how many bands mul has.
        view: angles of satellite and sun in degrees, by their names in `VIEW`.
        description: what the item says about itself, at most 100 characters; empty if nothing.
    """

    cid: str
    platform: str
    zone: int | None
    quadkey: str
    date: str
    clouds: float | None
    epsg: int | None
    bbox: Box | None
    pan: str | None
    mul: str | None
    item: str
    shape: tuple[int, int] | None
    data_area: float | None
    trouble: Reason | None = None
    datetime: str | None = None
    bands: int | None = None
    view: tuple[tuple[str, float], ...] = ()
    description: str = ""

    @property
    def id(self) -> str:
        """Zone, quadkey and CID with slashes between: the ID of the STAC item."""
        return f"{self.zone if self.zone is not None else '-'}/{self.quadkey or '-'}/{self.cid}"

    @property
    def sensor(self) -> Sensor | None:
        """The sensor of the tile; None if we don't know it."""
        return find_sensor(self.platform, self.bands)

    @property
    def grid_square(self) -> Box | None:
        """The part of `bbox` inside the grid square of the tile's quadkey.

        These parts of neighbouring tiles meet without a gap and share no ground. A tile that
        doesn't lie in its grid square keeps its bbox less 1/34 on every side. None without a bbox.
        """
        if self.bbox is None:
            return None
        for south in (False, True):
            square = quadkey_square(self.quadkey, south)
            inside = intersect(square, self.bbox) if square else None
            if inside is not None:
                return inside
        return without_overlap(self.bbox)


def unusable(tile: Tile) -> Reason | None:
    """Why a tile can't be sharpened or cut; None if its item shows no reason."""
    if tile.trouble is None and not (tile.pan and tile.mul):
        return Reason("pan only" if tile.pan else "mul only" if tile.mul else "neither pan nor mul")
    if tile.sensor is None:
        name = tile.platform
        return Reason(f"a sensor that Potato doesn't know: {name}" if name else "an item without a platform")
    return tile.trouble


def fault(tile: Tile) -> str | None:
    """Why a tile can't be sharpened or cut, by `unusable`, and what its item says about it."""
    reason = unusable(tile)
    described = f"; its item: {tile.description}" if tile.description else ""
    return None if reason is None else f"{reason}{described}"


def check_clouds(most: float) -> None:
    """Refuse a limit of clouds that isn't a percentage, such as NaN, which no cloud exceeds.

    Raises:
        InputError: if it isn't.
    """
    if not 0 <= most <= 100:
        raise InputError(f"expected clouds of 0 to 100 percent at most, found {most:g}")


def resolve(href: object, base: str, root: str) -> str:
    """The file that a link points to, relative to the ARD's root.

    A copy of an ARD may still carry the addresses of the original. A link to another place
    therefore counts if it ends in zone, quadkey, date and name; an asset must have zone, quadkey
    and date of its item.

    Args:
        href: value in the JSON, of any type.
        base: name, relative to the root, of the file that holds the link.
        root: address of the ARD, ending in a slash.

    Raises:
        LinkError: if `href` isn't a link or leads out of the ARD.
    """
    if not isinstance(href, str) or not href.strip():
        raise LinkError("an asset without an href")
    plain = unquote(href)
    if "\\" in plain or not plain.isprintable():
        raise LinkError("an href with characters that no ARD has", ascii(plain[:80]))
    if len(href) > LONGEST:
        raise LinkError(f"an href of more than {LONGEST:,} letters", plain[:80])
    folder = posixpath.dirname(base)
    try:
        elsewhere = urlsplit(href).scheme or plain.startswith("/")
        path = urlsplit(plain).path
    except ValueError as error:
        raise LinkError("an href that is no address", plain[:200]) from error
    if href.startswith(root):
        target = posixpath.normpath(unquote(href[len(root) :]))
    elif elsewhere:
        place, own = ITEM_PATH.search(path), ITEM_PATH.search(base)
        if plain.startswith("file:") or not place or (own and own.groups()[:3] != place.groups()[:3]):
            raise LinkError("an href that leaves the ARD", plain[:200])
        top = base[: own.start()] if own else posixpath.dirname(folder)
        target = posixpath.join(top, place.group().lstrip("/"))
    else:
        target = posixpath.normpath(posixpath.join(folder, plain))
    if target.startswith(("../", "/")) or target in ("..", "."):
        raise LinkError("an href that leaves the ARD", plain[:200])
    return target


def parse_item(
    data: object, name: str, root: str, locate: Callable[[str], str | None], follow_links: bool = False
) -> Tile | Broken:
    """Read an item.

    Args:
        data: parsed JSON.
        name: of the item's file, relative to the root.
        root: address of the ARD, ending in a slash.
        locate: gives the address of a file by its name, or None if the file is known to be missing;
            raises LinkError if the file is out of reach.
        follow_links: whether images may lie outside the ARD, on a web server or in a bucket.
    """
    where = locate(name) or root + name
    if not isinstance(data, dict) or not isinstance(data.get("assets"), dict):
        return Broken(where, "expected a STAC item with assets, found other JSON")
    found = data.get("properties")
    properties: dict[str, Any] = found if isinstance(found, dict) else {}
    place = ITEM_PATH.search(name)
    stem = posixpath.basename(name).removesuffix(".json")
    named = (properties.get("catalog_id"), stem)
    cid = next((text for text in named if isinstance(text, str) and CID.fullmatch(text)), None)
    if cid is None:
        found = ascii(named[0])[:80] if named[0] is not None else "none"
        return Broken(where, f"expected {CID_EXAMPLE}, found {found}")
    assets: dict[str, Any] = data["assets"]
    images: dict[str, str | None] = dict.fromkeys(("pan_analytic", "ms_analytic"))
    trouble = None
    for key in images:
        if key not in assets:
            continue
        try:
            images[key] = _find(assets[key], name, root, locate, follow_links)
        except LinkError as refusal:
            trouble = refusal.of_asset(key)
    described = [assets[key] for key in images if isinstance(assets.get(key), dict)]
    shape, bbox = _shape(assets.get("pan_analytic")), next((box for box in map(_box, described) if box), None)
    epsg = _epsg(properties)
    untrue = _untrue(shape, bbox, epsg)
    zone = _number(properties.get("utm_zone"), 1, 60) or _number(place and place.group(1), 1, 60)
    quadkey, moment = str(properties.get("quadkey", "")), utc_moment(properties.get("datetime"))
    days = moment, properties.get("datetime"), properties.get("start_datetime"), place and place.group(3)
    platform = _line(properties.get("platform"))[:40]
    return Tile(
        cid=cid,
        platform=sensor.name if (sensor := find_sensor(platform)) else platform,
        zone=None if zone is None else int(zone),
        quadkey=quadkey if quadkey_square(quadkey) else place.group(2) if place else "",
        date=next(filter(None, map(day_of, days)), ""),
        clouds=_number(properties.get("tile:clouds_percent"), 0, 100),
        epsg=None if untrue else epsg,
        bbox=None if untrue else bbox,
        pan=images["pan_analytic"],
        mul=images["ms_analytic"],
        item=where,
        shape=None if untrue else shape,
        data_area=_number(properties.get("tile:data_area"), 0, MOST_METRES**2 / 1e6),
        trouble=trouble or untrue,
        datetime=moment,
        bands=_band_count(assets.get("ms_analytic")),
        view=_angles(properties),
        description=_line(properties.get("description"))[:100],
    )


def _line(text: object) -> str:
    """The characters of a text that can be printed; empty for anything else."""
    return "".join(filter(str.isprintable, text)) if isinstance(text, str) else ""


def _angles(properties: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """The angles that an item has, by their names in `VIEW`."""
    found = ((name, _number(properties.get(f"view:{name}"), *ends)) for name, ends in VIEW.items())
    return tuple((name, angle) for name, angle in found if angle is not None)


def _find(
    asset: object, name: str, root: str, locate: Callable[[str], str | None], follow_links: bool
) -> str:
    """The address of an asset's file; LinkError if the file is missing or out of reach."""
    href = asset.get("href") if isinstance(asset, dict) else None
    try:
        target = resolve(href, name, root)
        found = locate(target)
        if found is None:
            raise LinkError("a missing file", posixpath.basename(target))
        return found
    except LinkError:
        if follow_links and _is_address(href):
            return str(href)
        raise


def _untrue(shape: tuple[int, int] | None, box: Box | None, epsg: int | None) -> Reason | None:
    """A claim of an item that no tile fulfils; None if all claims may be true."""
    if shape and max(shape) > MOST_PIXELS:
        return Reason("a size that no tile has", f"{shape[0]} × {shape[1]} pixels")
    if box:
        sides = box[2] - box[0], box[3] - box[1]
        if max(sides) > MOST_METRES or max(map(abs, box)) > FARTHEST:
            return Reason("a place that no tile has", ", ".join(f"{edge:g}" for edge in box))
    if epsg and not is_crs(epsg):
        return Reason("a CRS that isn't known", f"EPSG:{epsg}")
    return None


def _is_address(href: object) -> bool:
    """Whether a link is a plain address on a web server or in a bucket."""
    if not isinstance(href, str) or len(href) > LONGEST or not href.isprintable() or "\\" in href:
        return False
    try:
        return urlsplit(href).scheme in ("https", "http", "s3")
    except ValueError:
        return False


def _number(value: object, low: float, high: float) -> float | None:
    """The value as a number, text included; None if it isn't one or lies outside the limits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and low <= number <= high else None


def _numbers(value: object, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, list | tuple) or len(value) < count:
        return None
    numbers = [_number(part, -1e9, 1e9) for part in value[:count]]
    found = tuple(number for number in numbers if number is not None)
    return found if len(found) == count else None


def _epsg(properties: dict[str, Any]) -> int | None:
    """The code of a CRS: `proj:code` ("EPSG:32611") or, in older exports, `proj:epsg` (32611)."""
    code = str(properties.get("proj:code") or properties.get("proj:epsg") or "")
    number = _number(code.upper().removeprefix("EPSG:"), 1024, 999_999)
    return None if number is None else int(number)


def _shape(asset: object) -> tuple[int, int] | None:
    sides = _numbers(asset.get("proj:shape"), 2) if isinstance(asset, dict) else None
    return (int(sides[0]), int(sides[1])) if sides and min(sides) >= 1 else None


def _band_count(asset: object) -> int | None:
    """How many bands an image has: its `bands` or, in older exports, `eo:bands`."""
    lists = [asset.get(key) for key in ("bands", "eo:bands")] if isinstance(asset, dict) else []
    return next((len(each) for each in lists if isinstance(each, list) and each), None)


def _box(asset: dict[str, Any]) -> Box | None:
    """The box of an image file: its `proj:bbox`, else the one that transform and shape give."""
    box = _numbers(asset.get("proj:bbox"), 4)
    if box is None:
        transform, shape = _numbers(asset.get("proj:transform"), 6), _shape(asset)
        if transform is None or shape is None:
            return None
        across, _, west, _, down, north = transform
        box = west, north + down * shape[0], west + across * shape[1], north
    west, south, east, north = box
    return (west, south, east, north) if west < east and south < north else None
