"""What there is, as other programs read it: passes and outlines, TileJSON, STAC."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from potato.core.installation import VERSION
from potato.core.render import LOOKS
from potato.core.text import redact
from potato.fusion.ard.stac import STAC_VERSION, extension_schemas, time_properties
from potato.model.weights import PREDICTOR
from potato.raster.coordinates import narrowest_bounds
from potato.raster.outlines import geometry_of
from potato.raster.web_mosaic import HALF_WORLD, zoom_of, zoom_pixel
from potato.serving.catalogue import Catalogue, Collect, Entry, Outline
from potato.serving.mercator import MOST_ZOOM
from potato.serving.painter import DEFAULT, MOST_ENTRIES, VIEWS, Painter

TITLES = {DEFAULT: "Those of the sensor", PREDICTOR: "Predictor alone"}
"""Words for weights whose names say little."""

WORLD = [-180.0, -85.0, 180.0, 85.0]


def describe_source(painter: Painter, output: str | None) -> dict[str, Any]:
    """The answer to `/source.json`; `output` names the folder of jobs, if there is one."""
    catalogue = painter.catalogue
    collects = sorted(catalogue.collects.values(), key=lambda one: (one.event or "", one.order))
    return {
        "title": catalogue.title,
        "version": VERSION,
        "kind": catalogue.kind,
        "bounds": _bounds([entry.ring for _, entry in catalogue.entries]) or WORLD,
        "attribution": "",
        "minzoom": least_zoom(catalogue),
        "maxzoom": most_zoom(catalogue),
        "output": output,
        "views": [{"name": name, "title": VIEWS[name]} for name in views_of(catalogue)],
        "looks": [
            {"name": name, "title": name.capitalize(), "exposure": look.exposure, "contrast": look.contrast}
            for name, look in LOOKS.items()
        ],
        "weights": [{"name": name, "title": TITLES.get(name, name)} for name in painter.weights],
        "passes": [_describe(collect, painter) for collect in collects],
    }


def views_of(catalogue: Catalogue) -> list[str]:
    """The views that anything there has."""
    found = {name for collect in catalogue.collects.values() for name in collect.views}
    return [name for name in VIEWS if name in found]


def _describe(collect: Collect, painter: Painter) -> dict[str, Any]:
    names = ("id", "title", "event", "date", "time", "sensor", "platform", "clouds", "off_nadir")
    broken = sum(_reason(entry, painter) is not None for entry in collect.entries)
    return {
        **{name: getattr(collect, name) for name in (*names, "sun_elevation", "gsd")},
        "views": collect.views,
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
    geometry = geometry_of(entry.ring) if entry.ring else None
    return {"type": "Feature", "id": entry.id, "geometry": geometry, "properties": properties}


def _reason(entry: Entry, painter: Painter) -> str | None:
    found = entry.reason or painter.fault(entry)
    return None if found is None else redact(found)


def _bounds(rings: Sequence[Outline]) -> list[float] | None:
    """West, south, east, north of rings, west exceeds east across the antimeridian; or None."""
    points = [point for ring in rings for point in ring]
    return list(narrowest_bounds(points)) if points else None


def least_zoom(catalogue: Catalogue) -> int:
    """The coarsest zoom at which no web tile has more entries of a pass than are drawn."""
    middles = [
        (collect.id, (box[0] + box[2]) / 2 + HALF_WORLD, HALF_WORLD - (box[1] + box[3]) / 2)
        for collect, entry in catalogue.entries
        if (box := entry.extent) is not None
    ]
    for zoom in range(MOST_ZOOM):
        side = 256 * zoom_pixel(zoom)
        counts = Counter((name, x // side, y // side) for name, x, y in middles)
        if max(counts.values(), default=0) <= MOST_ENTRIES // 2:
            return zoom
    return MOST_ZOOM


def most_zoom(catalogue: Catalogue) -> int:
    """The zoom whose pixels are about those of the finest pass."""
    finest = min((one.gsd for one in catalogue.collects.values() if one.gsd), default=1.0)
    rings = [entry.ring for _, entry in catalogue.entries]
    latitude = max((abs(point[1]) for ring in rings for point in ring), default=0.0)
    return min(MOST_ZOOM, zoom_of(finest, latitude))


def tilejson(painter: Painter, template: str, name: str) -> dict[str, Any]:
    """TileJSON 3.0 of a layer whose web tiles have the addresses of a template."""
    bounds = _bounds([entry.ring for _, entry in painter.catalogue.entries]) or WORLD
    west, south, east, north = bounds
    middle = (west + east + 360 * (west > east)) / 2
    if west > east:  # TileJSON has no box across the antimeridian
        bounds[0], bounds[2] = -180.0, 180.0
    first, last = least_zoom(painter.catalogue), most_zoom(painter.catalogue)
    return {
        "tilejson": "3.0.0",
        "name": name,
        "scheme": "xyz",
        "tiles": [template],
        "bounds": bounds,
        "center": [(middle + 180) % 360 - 180, (south + north) / 2, min(last, first + 4)],
        "minzoom": first,
        "maxzoom": last,
    }


def stac_items(painter: Painter, address: str) -> dict[str, Any]:
    """A STAC ItemCollection of everything that can be drawn; assets are what the server gives."""
    features = [_stac_item(entry, collect, address) for collect, entry in painter.catalogue.entries]
    return {"type": "FeatureCollection", "stac_version": STAC_VERSION, "features": features, "links": []}


def _stac_item(entry: Entry, collect: Collect, address: str) -> dict[str, Any]:
    facts = {
        "platform": collect.platform,
        "gsd": collect.gsd,
        "eo:cloud_cover": entry.clouds,
        "view:off_nadir": entry.off_nadir,
        "catalog_id": collect.id,
    }
    known = {name: value for name, value in facts.items() if value is not None}
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": extension_schemas(known),
        "id": entry.id,
        "geometry": geometry_of(entry.ring),
        "bbox": list(narrowest_bounds(entry.ring)),
        "properties": {**time_properties(entry.time, entry.date), **known},
        "links": [],
        "assets": {
            "tiles": {
                "href": f"{address}tilejson.json?pass={collect.id}",
                "type": "application/json",
                "title": "Web tiles of the pass",
                "roles": ["tiles"],
            },
            "thumbnail": {
                "href": f"{address}thumbnails/{collect.id}.webp",
                "type": "image/webp",
                "roles": ["thumbnail"],
            },
        },
    }
