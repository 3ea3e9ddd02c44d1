"""What there is, as JSON: the passes, and the outlines of their tiles."""

from collections.abc import Sequence
from typing import Any

from potato.core.installation import VERSION
from potato.core.render import LOOKS
from potato.core.text import redact
from potato.serving.catalogue import Catalogue, Collect, Entry, Ring
from potato.serving.mercator import HALF, MOST_ZOOM, pixel_size, zoom_of
from potato.serving.painter import MOST_ENTRIES, VIEWS, Painter

WORLD = [-180.0, -85.0, 180.0, 85.0]


def describe_source(painter: Painter) -> dict[str, Any]:
    """The answer to `/source.json`."""
    catalogue = painter.catalogue
    collects = sorted(catalogue.collects.values(), key=lambda one: (one.event or "", one.order))
    pictures = any(one.kind == "pictures" for one in collects)
    pairs = any(one.kind != "pictures" for one in collects)
    names = [name for name in VIEWS if (pictures if name == "picture" else pairs)]
    return {
        "title": catalogue.title,
        "version": VERSION,
        "kind": catalogue.kind,
        "bounds": _bounds([entry.ring for _, entry in catalogue.entries]),
        "attribution": "",
        "minzoom": least_zoom(catalogue),
        "maxzoom": most_zoom(catalogue),
        "output": None,
        "views": [{"name": name, "title": VIEWS[name]} for name in names],
        "looks": [{"name": name, "title": name} for name in LOOKS],
        "weights": [{"name": name, "title": name} for name in painter.weights],
        "passes": [_describe(collect, painter) for collect in collects],
    }


def _describe(collect: Collect, painter: Painter) -> dict[str, Any]:
    names = ("id", "title", "event", "date", "time", "sensor", "platform", "clouds", "off_nadir")
    broken = sum(_reason(entry, painter) is not None for entry in collect.entries)
    return {
        **{name: getattr(collect, name) for name in (*names, "sun_elevation", "gsd")},
        "bounds": _bounds([entry.ring for entry in collect.entries]),
        "tiles": len(collect.entries),
        "broken": broken,
        "thumbnail": f"/thumbnails/{collect.id}.webp",
    }


def footprints(painter: Painter) -> dict[str, Any]:
    """The answer to `/footprints.geojson`."""
    features = [
        _feature(entry, collect, painter)
        for collect in painter.catalogue.collects.values()
        for entry in collect.entries
    ]
    features += [
        {
            "type": "Feature",
            "id": f"lost-{number}",
            "geometry": None,
            "properties": {"id": f"lost-{number}", "pass": None, "reason": f"{one.item}: {one.reason}"},
        }
        for number, one in enumerate(painter.catalogue.lost)
    ]
    return {"type": "FeatureCollection", "features": features}


def _feature(entry: Entry, collect: Collect, painter: Painter) -> dict[str, Any]:
    properties = {
        "id": entry.id,
        "pass": collect.id,
        "event": collect.event,
        "quadkey": entry.quadkey,
        "date": entry.date,
        "sensor": collect.sensor,
        "clouds": entry.clouds,
        "off_nadir": entry.off_nadir,
        "reason": _reason(entry, painter),
    }
    geometry = {"type": "Polygon", "coordinates": [entry.ring]} if entry.ring else None
    return {"type": "Feature", "id": entry.id, "geometry": geometry, "properties": properties}


def _reason(entry: Entry, painter: Painter) -> str | None:
    found = entry.reason or painter.faults.get(entry.id)
    return None if found is None else redact(found)


def _bounds(rings: Sequence[Ring]) -> list[float]:
    """West, south, east, north of rings; west exceeds east across the antimeridian."""
    points = [point for ring in rings for point in ring]
    if not points:
        return WORLD
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    turned = [x % 360 for x in xs]
    if max(xs) - min(xs) > max(180, max(turned) - min(turned)):
        return [round(min(turned), 7), min(ys), round(max(turned) - 360, 7), max(ys)]
    return [min(xs), min(ys), max(xs), max(ys)]


def least_zoom(catalogue: Catalogue) -> int:
    """The coarsest zoom at which no web tile has more entries than are drawn."""
    middles = [
        ((box[0] + box[2]) / 2 + HALF, HALF - (box[1] + box[3]) / 2)
        for _, entry in catalogue.entries
        if (box := entry.extent) is not None
    ]
    for zoom in range(MOST_ZOOM):
        side = 256 * pixel_size(zoom)
        counts: dict[tuple[int, int], int] = {}
        for x, y in middles:
            place = int(x // side), int(y // side)
            counts[place] = counts.get(place, 0) + 1
        if max(counts.values(), default=0) <= MOST_ENTRIES // 2:
            return zoom
    return MOST_ZOOM


def most_zoom(catalogue: Catalogue) -> int:
    """The zoom whose pixels are about those of the finest pass."""
    finest = min((one.gsd for one in catalogue.collects.values() if one.gsd), default=1.0)
    rings = [entry.ring for _, entry in catalogue.entries]
    latitude = max((abs(point[1]) for ring in rings for point in ring), default=0.0)
    return zoom_of(finest, latitude)
