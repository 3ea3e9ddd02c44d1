"""The JSON of a synthetic ARD: items and collections, with the fields that real ones have."""

import posixpath
from collections.abc import Sequence
from typing import Any

from potato.ard.synthetic.collects import GridSquare, PassPlan
from potato.raster.coordinates import Box
from potato.raster.outlines import outline_of_box

VERSION = "1.1.0"
EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("view/v1.0.0", "projection/v2.0.0", "eo/v1.1.0", "raster/v1.1.0", "grid/v1.1.0")
]
OLD_EXTENSIONS = [address.replace("projection/v2.0.0", "projection/v1.1.0") for address in EXTENSIONS]

PAN = "pan"
"""Name of the one band of a panchromatic image."""

BANDS = {
    PAN: ("BAND_P", None, "Pan"),
    "coastal": ("BAND_C", "coastal", "Coastal Blue"),
    "blue": ("BAND_B", "blue", "Blue"),
    "green": ("BAND_G", "green", "Green"),
    "yellow": ("BAND_Y", "yellow", "Yellow"),
    "red": ("BAND_R", "red", "Red"),
    "rededge": ("BAND_RE", "rededge", "Red Edge 1"),
    "rededge1": ("BAND_RE1", "rededge071", "Red Edge 1"),
    "rededge2": ("BAND_RE2", "rededge075", "Red Edge 2"),
    "nir": ("BAND_N", "nir", "Near Infrared"),
    "nir1": ("BAND_N", "nir08", "Near Infrared 1"),
    "nir2": ("BAND_N2", "nir09", "Near Infrared 2"),
}
"""Name in files, common name in STAC, and description, of each band."""

ASSETS = {
    "ms_analytic": ("Multispectral Image", "data"),
    "pan_analytic": ("Panchromatic Image", "data"),
    "visual": ("Visual Image", "visual"),
}
"""Title and role of each asset."""


def band_codes(bands: Sequence[str]) -> tuple[str, ...]:
    """The names of bands in files."""
    return tuple(BANDS[band][0] for band in bands)


def item_name(cid: str, square: GridSquare, date: str) -> str:
    """The path of an item in the ARD."""
    return f"{square.zone}/{square.quadkey}/{date}/{cid}.json"


def image_asset(key: str, href: str | None, box: Box, side: int, bands: Sequence[str]) -> dict[str, Any]:
    """An asset with an image of `side` × `side` pixels; it has no href if `href` is None."""
    west, _, east, north = box
    pixel = (east - west) / side
    title, role = ASSETS[key]
    named = [
        {"name": code, **({"common_name": common} if common else {}), "description": description}
        for code, common, description in (BANDS[band] for band in bands)
    ]
    return {
        **({} if href is None else {"href": href}),
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "title": title,
        "proj:bbox": list(box),
        "proj:shape": [side, side],
        "proj:transform": [pixel, 0.0, west, 0.0, -pixel, north, 0.0, 0.0, 1.0],
        "eo:bands": named,
        "roles": [role],
    }


def item(
    collect: PassPlan,
    square: GridSquare,
    assets: dict[str, Any],
    *,
    gsd: float,
    data: Box,
    area: float,
    clouds: float | None,
) -> dict[str, Any]:
    """The item of a tile.

    Args:
        collect: the pass.
        square: the grid square of the tile.
        assets: the images.
        gsd: metres along a pan pixel.
        data: box of the valid pixels, in metres.
        area: of the valid pixels, in km².
        clouds: percent of the valid pixels under cloud; None to leave it out.
    """
    ring = outline_of_box(data, square.epsg)
    outline = [(data[0], data[1]), (data[2], data[1]), (data[2], data[3]), (data[0], data[3])]
    sensor = collect.sensor
    platform = sensor.platforms[0] if sensor and collect.old else collect.platform
    links = {
        "collection": f"../../../acquisition_collections/{collect.cid}_collection.json",
        "parent": f"../../../acquisition_collections/{collect.cid}_collection.json",
        "root": "../../../../collection.json",
    }
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": OLD_EXTENSIONS if collect.old else EXTENSIONS,
        "id": f"{square.zone}/{square.quadkey}/{collect.cid}",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": _bounds(ring),
        "properties": {
            "datetime": f"{collect.date}T10:{collect.seed % 60:02}:00Z",
            "platform": platform,
            "gsd": round(gsd, 4),
            "ard_metadata_version": "0.0.1",
            "catalog_id": collect.cid,
            "utm_zone": square.zone,
            "quadkey": square.quadkey,
            "view:off_nadir": 21.5,
            "view:azimuth": 198.0,
            "view:incidence_angle": 66.2,
            "view:sun_azimuth": 152.3,
            "view:sun_elevation": 62.4,
            "proj:geometry": {
                "type": "Polygon",
                "coordinates": [[list(point) for point in (*outline, outline[0])]],
            },
            "grid:code": f"MXRA-Z{square.zone:02}-{square.quadkey}",
            "proj:bbox": list(data),
            "tile:data_area": round(area, 1),
            **({} if clouds is None else _cloud_fields(clouds, area)),
            **({"proj:epsg": square.epsg} if collect.old else {"proj:code": f"EPSG:{square.epsg}"}),
        },
        "links": [
            {"rel": relation, "href": href, "type": "application/json"} for relation, href in links.items()
        ],
        "assets": assets,
        "collection": collect.cid,
    }


def _cloud_fields(clouds: float, area: float) -> dict[str, Any]:
    return {"tile:clouds_area": round(area * clouds / 100, 1), "tile:clouds_percent": round(clouds)}


def collection(cid: str, items: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The acquisition collection of a CID, which links to its items, given as path and JSON."""
    links = [("root", "../../collection.json"), ("parent", "../../collection.json")]
    links += [("item", f"../{name}") for name, _ in items]
    dates = sorted(data["properties"]["datetime"] for _, data in items)
    boxes = [data["bbox"] for _, data in items]
    return _collection(cid, f"Simulated acquisition {cid}", links, boxes, (dates[0], dates[-1]))


def event(name: str, collections: dict[str, dict[str, Any]], start: str = "ard/") -> dict[str, Any]:
    """The collection of an event or an order, which links to acquisition collections.

    Args:
        name: its ID.
        collections: acquisition collections, by path relative to the `ard` folder.
        start: path from the collection's own folder to the `ard` folder.
    """
    root = posixpath.normpath(posixpath.join(start, "../collection.json"))
    links = [("root", f"./{root}" if root == "collection.json" else root)]
    links += [("child", (start if start.startswith(".") else f"./{start}") + child) for child in collections]
    extents = [child["extent"] for child in collections.values()]
    times = [extent["temporal"]["interval"][0] for extent in extents]
    boxes = [extent["spatial"]["bbox"][0] for extent in extents]
    span = (min(first for first, _ in times), max(last for _, last in times))
    return _collection(name, "Simulated ground, not real imagery", links, boxes, span)


def _collection(
    name: str,
    description: str,
    links: Sequence[tuple[str, str]],
    boxes: Sequence[Sequence[float]],
    span: tuple[str, str],
) -> dict[str, Any]:
    corners = [(box[0], box[1]) for box in boxes] + [(box[2], box[3]) for box in boxes]
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "id": name,
        "description": description,
        "license": "MIT",
        "extent": {
            "spatial": {"bbox": [_bounds(corners)]},
            "temporal": {"interval": [list(span)]},
        },
        "links": [{"rel": relation, "href": href, "type": "application/json"} for relation, href in links],
    }


def _bounds(points: Sequence[Sequence[float]]) -> list[float]:
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return [min(xs), min(ys), max(xs), max(ys)]
