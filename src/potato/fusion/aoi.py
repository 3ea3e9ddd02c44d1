"""Areas of interest: from a GeoJSON file, or from four numbers."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from potato.core.advice import AS_GEOJSON
from potato.core.types import PathLike
from potato.errors import InputError
from potato.raster import Area

MAX_BYTES = 64 << 20
"""Size limit of a GeoJSON file."""

_CONVERT = f"; make GeoJSON of it: {AS_GEOJSON}"


def choose_area(bbox: Sequence[float] | None, aoi: PathLike | None) -> Area | None:
    """The area of a box or of a GeoJSON file; None if neither is given.

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
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90 and west != east):
        raise InputError(
            "expected west, south, east and north in degrees, south below north, "
            f"found {west:g} {south:g} {east:g} {north:g}"
        )
    if west > east:
        east += 360
    return Area(((((west, south), (east, south), (east, north), (west, north)),),))


def read_area(path: PathLike) -> Area:
    """The polygons of a GeoJSON file: of a geometry, a feature, or all features together.

    Raises:
        InputError: if the file can't be read, has no polygon, or isn't in longitude and latitude.
    """
    expected = f"{path}: expected GeoJSON with polygons in longitude and latitude"
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES >> 20} MB")
        data = json.loads(_decoded(text))
        crs = str(data.get("crs", "CRS84"))
        if "CRS84" not in crs and "4326" not in crs:
            raise ValueError(f"another CRS ({crs[:80]}){_CONVERT}")
        polygons = tuple(_polygons(data))
    except OSError as error:
        raise InputError(f"{expected}, can't read it: {error.strerror or error}") from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"{expected}, found {' '.join(str(error).split())[:200]}") from error
    if not polygons:
        raise InputError(f"{expected}, found none")
    return Area(polygons)


def _decoded(data: bytes) -> str:
    """The text of a file; ValueError if it is none, but a GeoPackage, say."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"a file that isn't text{_CONVERT}") from error


def _polygons(data: dict[str, Any]) -> list[Any]:
    """The polygons of a GeoJSON object, each a tuple of rings."""
    kind = data["type"]
    if kind == "FeatureCollection":
        return [polygon for feature in data["features"] for polygon in _polygons(feature)]
    if kind == "Feature":
        return _polygons(data["geometry"]) if data["geometry"] else []
    if kind == "GeometryCollection":
        return [polygon for geometry in data["geometries"] for polygon in _polygons(geometry)]
    if kind in ("Polygon", "MultiPolygon"):
        shapes = data["coordinates"] if kind == "MultiPolygon" else [data["coordinates"]]
        return [tuple(map(_ring, rings)) for rings in shapes if rings]  # GIS write empty ones, too
    raise ValueError(f"a {str(kind)[:40]}")


def _ring(points: list[list[float]]) -> tuple[tuple[float, float], ...]:
    ring = tuple((float(point[0]), float(point[1])) for point in points)
    if len(ring) < 3:
        raise ValueError(f"a ring of {len(ring)} points")
    for longitude, latitude in ring:
        if not (abs(longitude) <= 360 and abs(latitude) <= 90 and math.isfinite(longitude + latitude)):
            raise ValueError(f"({longitude:g}, {latitude:g}), which is no longitude and latitude")
    return ring
