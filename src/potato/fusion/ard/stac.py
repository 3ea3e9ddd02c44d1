"""The JSON beside the pictures: a STAC item for each, and a collection of all."""

import posixpath
from collections.abc import Iterable, Sequence
from typing import Any

from potato.core.installation import VERSION
from potato.fusion.ard.manifest import Record
from potato.fusion.ard.plan import PassFacts, PictureSettings
from potato.raster.coordinates import Degrees, Grid, ground_pixel, narrowest_bounds
from potato.raster.header import Header
from potato.raster.outlines import geometry_of, outline_of

STAC_VERSION = "1.1.0"

EXTENSIONS = {
    "proj": "projection/v2.0.0",
    "processing": "processing/v1.2.0",
    "file": "file/v2.1.0",
    "view": "view/v1.0.0",
    "eo": "eo/v1.1.0",
}
"""STAC's extensions by the prefix of their fields. Those that an item has no field of aren't
declared."""

THUMBNAIL = "-thumbnail.jpg"
"""End of a thumbnail's name, in place of the picture's ending."""

MEDIA_TYPES = {
    "cog": "image/tiff; application=geotiff; profile=cloud-optimized",
    "tiled": "image/tiff; application=geotiff",
    "vrt": "application/xml",
    "mbtiles": "application/vnd.mapbox.mbtiles",
    "pmtiles": "application/vnd.pmtiles",
}
"""Media types of pictures by profile, and of mosaics that are no GeoTIFFs."""

BANDS = "red", "green", "blue", "alpha"
"""Names of a picture's bands; one in JPEG has a mask in place of the last."""

WORLD = -180.0, -90.0, 180.0, 90.0
"""The bounds of a collection without pictures."""


def picture_bounds(grid: Grid) -> Degrees:
    """The bounds of a picture in degrees."""
    return narrowest_bounds(outline_of(grid))


def time_properties(
    datetime: str | None, date: str | None, span: tuple[str, str] | None = None
) -> dict[str, Any]:
    """When a picture was taken, as STAC has it.

    Args:
        datetime: the moment; None if unknown.
        date: the day, `yyyy-mm-dd`, in place of a moment; None or empty if unknown, too.
        span: the first and the last moment, in place of a day.
    """
    if datetime is not None:
        return {"datetime": datetime}
    first, last = span or day_span(date)
    return {"datetime": None, "start_datetime": first, "end_datetime": last}


def day_span(date: str | None) -> tuple[str, str]:
    """The first and the last moment of a day, `yyyy-mm-dd`; some day if it is unknown, for STAC."""
    day = date or "1970-01-01"
    return f"{day}T00:00:00Z", f"{day}T23:59:59Z"


def extension_schemas(fields: Iterable[str]) -> list[str]:
    """The schemas of the extensions to which some fields belong, such as `eo:cloud_cover`."""
    used = {name.partition(":")[0] for name in fields}
    return [
        f"https://stac-extensions.github.io/{extension}/schema.json"
        for prefix, extension in EXTENSIONS.items()
        if prefix in used
    ]


def picture_item(
    record: Record,
    header: Header,
    source: PassFacts,
    sources: Sequence[str],
    *,
    settings: PictureSettings,
    profile: str,
    collection: str,
) -> dict[str, Any]:
    """The STAC item of a picture.

    Args:
        record: the picture's record in the manifest.
        header: of the picture's file.
        source: the pass that it was taken in.
        sources: addresses of the items that it was made from, relative to its own or absolute.
        settings: what it was made with.
        profile: `cog`, `tiled`, or the kind of a mosaic that is no GeoTIFF.
        collection: ID of the collection of all pictures.
    """
    ring = outline_of(header.grid)
    properties = _properties(header.grid, source, settings)
    assets = {"picture": _asset(record, header, profile), "thumbnail": _thumbnail(record)}
    top = "../" * record.tile.count("/") + "collection.json"
    relations = ("root", "parent", "collection")
    above = [{"rel": relation, "href": top, "type": "application/json"} for relation in relations]
    origins = [{"rel": "derived_from", "href": href, "type": "application/geo+json"} for href in sources]
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": extension_schemas((*properties, *assets["picture"])),
        "id": record.tile.replace("/", "-"),
        "geometry": geometry_of(ring),
        "bbox": list(narrowest_bounds(ring)),
        "properties": properties,
        "links": above + origins,
        "assets": assets,
        "collection": collection,
    }


def _properties(grid: Grid, source: PassFacts, settings: PictureSettings) -> dict[str, Any]:
    epsg = grid.crs.to_epsg()
    return {
        **time_properties(source.datetime, source.date, source.span),
        **({"platform": source.platform} if source.platform or source.cid else {}),
        **({"potato:catalog_ids": list(source.cids)} if source.cids else {"catalog_id": source.cid}),
        "gsd": round(ground_pixel(grid), 4),
        **{f"view:{name}": value for name, value in source.view},
        **({} if source.clouds is None else {"eo:cloud_cover": source.clouds}),
        **({"proj:code": f"EPSG:{epsg}"} if epsg else {"proj:wkt2": grid.crs.to_wkt()}),
        "processing:lineage": "Pan and multispectral images, sharpened into true colour.",
        "processing:software": {"potato": VERSION},
        "potato:weights": settings.weights_digest,
        **{name.lower().replace("_", ":", 1): value for name, value in settings.look.tags.items()},
    }


def _thumbnail(record: Record) -> dict[str, Any]:
    stem = posixpath.splitext(posixpath.basename(record.file))[0]
    return {
        "href": f"./{stem}{THUMBNAIL}",
        "type": "image/jpeg",
        "title": "Thumbnail",
        "roles": ["thumbnail"],
    }


def _asset(record: Record, header: Header, profile: str) -> dict[str, Any]:
    grid = header.grid
    return {
        "href": f"./{posixpath.basename(record.file)}",
        "type": MEDIA_TYPES[profile],
        "title": "Sharpened picture",
        "roles": ["data", "visual"],
        "data_type": header.dtype,
        "bands": [{"name": name} for name in BANDS[: len(header.descriptions)]],
        "proj:shape": [grid.height, grid.width],
        "proj:transform": [float(value) for value in grid.transform][:9],
        "file:size": record.bytes,
        # A multihash: 12 for SHA-256, 20 for its 32 bytes.
        "file:checksum": f"1220{record.digest}",
    }


def picture_collection(name: str, records: Iterable[Record]) -> dict[str, Any]:
    """The STAC collection of all pictures.

    Args:
        name: ID of the collection.
        records: records of the manifest; only those that are done count.
    """
    done = sorted((one for one in records if one.state == "done"), key=lambda one: one.tile)
    corners = [corner for one in done if one.bbox for corner in (one.bbox[:2], one.bbox[2:])]
    times = sorted(one.datetime for one in done if one.datetime)
    links = [{"rel": "root", "href": "./collection.json", "type": "application/json"}]
    links += [{"rel": "item", "href": f"./{one.tile}.json", "type": "application/geo+json"} for one in done]
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": name,
        "title": f"Sharpened pictures: {name}",
        "description": f"{len(done)} pictures in true colour, made by potato {VERSION}.",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [list(narrowest_bounds(corners) if corners else WORLD)]},
            "temporal": {"interval": [[times[0], times[-1]] if times else [None, None]]},
        },
        "links": links,
    }
