"""Areas of interest: from a file of polygons, or from four numbers."""

import codecs
import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from potato.core.text import one_line
from potato.core.types import PathLike
from potato.errors import InputError
from potato.raster.area import Area, Ring
from potato.raster.untrusted import check_file
from potato.raster.vectors import area_of, read_polygons

MOST_BYTES = 64 << 20
"""Bytes of a GeoJSON file."""


def choose_area(bbox: Sequence[float] | None, aoi: PathLike | None) -> Area | None:
    """The area of a box or of a file; None if neither is given.

    Raises:
        InputError: if both are given, or the one given can't be used.
    """
    if bbox is not None and aoi is not None:
        raise InputError("expected a bbox or an area of interest, found both; give one")
    if bbox is not None:
        return box_area(*bbox)
    return None if aoi is None else read_area(aoi)


def box_area(west: float, south: float, east: float, north: float) -> Area:
    """A rectangle in longitude and latitude; it crosses the antimeridian where west exceeds east.

    Raises:
        InputError: if the numbers aren't degrees, or there is nothing between them.
    """
    found = f"found {west:g} {south:g} {east:g} {north:g}"
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90 and west != east):
        raise InputError(
            f"expected west, south, east and north in degrees, longitude first, south below north, {found}"
        )
    if east < west <= east + 180:
        raise InputError(
            f"expected west, south, east and north, {found}, which begins in the east; a box across the "
            "antimeridian may be half as wide as the Earth"
        )
    if west > east:
        east += 360
    return Area(((((west, south), (east, south), (east, north), (west, north)),),))


def read_area(path: PathLike) -> Area:
    """The polygons of a file, all together, in any CRS that it names.

    Args:
        path: GeoJSON: a geometry, a feature, or features. Or any other file that GDAL's vector
            readers open, such as a GeoPackage or a shapefile.

    Raises:
        ExtraError: if it isn't GeoJSON, and the extra `vectors` isn't installed.
        InputError: if the file can't be read, has no polygon, or lies nowhere on the Earth.
    """
    expected = f"{path}: expected GeoJSON with polygons"
    check_file(str(path))
    try:
        with Path(path).open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if not (_is_json(text) or Path(path).suffix.lower() in (".json", ".geojson")):
            return read_polygons(Path(path))
        if len(text) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 20} MB")
        data = json.loads(text)
        crs = _crs(data)
        polygons = _polygons(data, _ring if crs is None else _plain_ring)
    except OSError as error:
        raise InputError(f"{expected}, can't read it: {error.strerror or error}") from error
    except RecursionError as error:
        raise InputError(f"{expected}, found too many brackets in one another") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{expected}, found {one_line(error, 200)}") from error
    if not polygons:
        raise InputError(f"{expected}, found none")
    return Area(tuple(polygons)) if crs is None else area_of(polygons, crs)


def _is_json(text: bytes) -> bool:
    """Whether a file begins like JSON."""
    return text.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")


def _crs(data: dict[str, Any]) -> str | None:
    """The CRS that a GeoJSON names, as RFC 7946 no longer allows; None for longitude and latitude.

    Raises:
        ValueError: if it can't be understood.
    """
    crs = data.get("crs")
    if crs is None or re.search(r"CRS84|\b4326\b", str(crs)):
        return None
    try:
        return str(crs["properties"]["name"])
    except (TypeError, KeyError) as error:
        raise ValueError(f"another CRS ({str(crs)[:80]})") from error


def _polygons(data: dict[str, Any], ring: Callable[[Any], Ring]) -> list[tuple[Ring, ...]]:
    """The polygons of a GeoJSON object, each a tuple of rings, which `ring` makes of points."""
    kind = data["type"]
    if kind == "FeatureCollection":
        return [polygon for feature in data["features"] for polygon in _polygons(feature, ring)]
    if kind == "Feature":
        return _polygons(data["geometry"], ring) if data["geometry"] else []
    if kind == "GeometryCollection":
        return [polygon for geometry in data["geometries"] for polygon in _polygons(geometry, ring)]
    if kind in ("Polygon", "MultiPolygon"):
        shapes = data["coordinates"] if kind == "MultiPolygon" else [data["coordinates"]]
        return [tuple(map(ring, rings)) for rings in shapes if rings]  # GIS write empty ones, too
    raise ValueError(f"a {str(kind)[:40]}")


def _plain_ring(points: list[list[float]]) -> Ring:
    """A ring of finite numbers."""
    try:
        ring = tuple((float(point[0]), float(point[1])) for point in points)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{str(points)[:40]} where points of two numbers belong") from error
    if len(ring) < 3:
        raise ValueError(f"a ring of {len(ring)} points")
    for x, y in ring:
        if not math.isfinite(x + y):
            raise ValueError(f"({x:g}, {y:g}), which lies nowhere")
    return ring


def _ring(points: list[list[float]]) -> Ring:
    """A ring of longitudes and latitudes."""
    ring = _plain_ring(points)
    for longitude, latitude in ring:
        if abs(longitude) > 360 or abs(latitude) > 90:
            raise ValueError(f"({longitude:g}, {latitude:g}), which is no longitude and latitude")
    return ring
