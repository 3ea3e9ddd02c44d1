"""Outlines of what a source holds, as GeoJSON (RFC 7946)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from potato.ard.broken import Broken
from potato.ard.inspection import open_tile
from potato.ard.item import Tile, unusable
from potato.ard.listing import event_of, pan_pixel
from potato.ard.naming import tile_name
from potato.ard.walk import walk_ard
from potato.core.text import redact
from potato.deliveries.examine import Examined, list_products
from potato.doctor.sources import read_source
from potato.errors import InputError
from potato.fusion.ard.choice import Choice
from potato.raster.coordinates import ground_pixel
from potato.raster.gdal_env import GDAL_ERRORS
from potato.raster.header import read_header
from potato.raster.outlines import geometry_of, outline_of, outline_of_box
from potato.raster.pair import Pair, open_pair
from potato.raster.remote import remote_gdal

NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "event",
        "cid",
        "zone",
        "quadkey",
        "date",
        "time",
        "sensor",
        "clouds",
        "off_nadir",
        "sun_elevation",
        "gsd",
    )
)
"""Properties of every feature, so that a table of them has the same columns for all sources."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """The outline of a tile of an ARD, or of a product of a delivery.

    Attributes:
        id: `zone/quadkey/date/CID`, or the name of the product; of a broken item, its address.
        ring: closed, of longitudes and latitudes, anticlockwise; empty if the place is unknown.
        facts: with the keys of `NOTHING`; None where unknown. `time` is UTC, `clouds` in percent,
            angles are in degrees, and `gsd` is pan's pixel in metres.
        reason: why it can't be sharpened; None if nothing is known to be wrong.
        opening: opens its pair; None if it can't be opened.
    """

    id: str
    ring: list[list[float]]
    facts: dict[str, Any]
    reason: str | None
    opening: Callable[[], AbstractContextManager[Pair]] | None

    @property
    def feature(self) -> dict[str, Any]:
        """The outline as a feature of GeoJSON."""
        properties = {"id": self.id, **self.facts, "reason": self.reason}
        geometry = geometry_of(self.ring) if self.ring else None
        return {"type": "Feature", "id": self.id, "geometry": geometry, "properties": properties}


def find_footprints(
    source: str, *, follow_links: bool = False, choice: Choice | None = None
) -> Iterator[Footprint]:
    """The outlines of an ARD's tiles, or of a delivery's products.

    Args:
        source: what `sources.list_source` takes.
        follow_links: whether images of an ARD may lie outside it where an item says so.
        choice: which tiles of an ARD to show; None for all.

    Raises:
        ArdError: if there is neither, or no ARD to choose from.
        DeliveryError: if a delivery can't be understood.
    """
    refuse = unusable if choice is None else choice.refusal

    def of_ard() -> Iterator[Footprint]:
        found = walk_ard(source, follow_links=follow_links)
        chosen = (one for one in found if isinstance(one, Broken) or refuse(one) in (None, unusable(one)))
        return map(_of_tile, chosen)

    def of_delivery() -> Iterator[Footprint]:
        return map(_of_product, list_products(source).products)

    return read_source(source, choice, of_ard, of_delivery)


def feature_collection(footprints: Iterable[Footprint]) -> dict[str, Any]:
    """Footprints as GeoJSON."""
    return {"type": "FeatureCollection", "features": [one.feature for one in footprints]}


def _of_tile(tile: Tile | Broken) -> Footprint:
    if isinstance(tile, Broken):
        return Footprint(redact(tile.item), [], NOTHING, redact(tile.reason), None)
    ring: list[list[float]] = []
    if tile.bbox is not None and tile.epsg is not None:
        try:
            outline = outline_of_box(tile.bbox, tile.epsg)
        except GDAL_ERRORS:  # a place that its CRS doesn't have
            outline = []
        ring = [[round(x, 7), round(y, 7)] for x, y in outline]
    angles = dict(tile.view)
    pixel, reason = pan_pixel(tile), unusable(tile)
    facts = {
        "event": event_of(tile.item) or None,
        "cid": tile.cid,
        "zone": tile.zone,
        "quadkey": tile.quadkey or None,
        "date": tile.date or None,
        "time": tile.datetime,
        "sensor": tile.sensor.name if tile.sensor else tile.platform or None,
        "clouds": tile.clouds,
        "off_nadir": angles.get("off_nadir"),
        "sun_elevation": angles.get("sun_elevation"),
        "gsd": None if pixel is None else round(pixel, 3),
    }

    @contextmanager
    def opening() -> Iterator[Pair]:
        with remote_gdal(), open_tile(tile) as pair:
            yield pair

    told = None if reason is None else redact(str(reason))
    return Footprint(tile_name(tile), ring, NOTHING | facts, told, None if reason else opening)


def _of_product(product: Examined) -> Footprint:
    reason = redact("; ".join(product.faults)) or None
    delivery = product.delivery
    if delivery is None:
        return Footprint(product.name, [], NOTHING, reason, None)
    try:
        grid = read_header(delivery.pan.name, "pan").grid
    except InputError as error:
        return Footprint(product.name, [], NOTHING, redact(str(error)), None)
    facts: dict[str, Any] = {"date": delivery.date or None, "sensor": delivery.sensor.name}
    if grid.crs is not None:
        facts["gsd"] = round(ground_pixel(grid), 3)

    @contextmanager
    def opening() -> Iterator[Pair]:
        with open_pair(delivery.pan, delivery.mul, sensor=delivery.sensor) as pair:
            yield pair

    ring = [] if grid.crs is None else outline_of(grid)
    return Footprint(product.name, ring, NOTHING | facts, reason, opening)
