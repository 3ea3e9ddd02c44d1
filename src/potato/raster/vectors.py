"""Polygons from files of vectors, and their way to longitude and latitude."""

import contextlib
import math
import sqlite3
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio._err import CPLE_BaseError
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

from potato.core.installation import extra_for
from potato.core.text import one_line
from potato.errors import InputError
from potato.raster.area import Area, Ring
from potato.raster.coordinates import WGS84, crs_name
from potato.raster.gdal_env import gdal_reason

PIECES = 64
"""Pieces along the extent of polygons in which their sides are straight: over 100 km of a UTM zone,
the error is some centimetres."""

MOST_FEATURES = 100_000
"""The most features that a file of vectors may have."""

POLYGON, COLLECTIONS = 3, (6, 7)
"""Types of geometries in well-known binary: a polygon, several, a collection of any."""

KINDS = {1: "Point", 2: "LineString", 4: "MultiPoint", 5: "MultiLineString", 10: "CurvePolygon"}
"""Names of other types, for messages."""

SQLITE = b"SQLite format 3\0"
"""How databases begin."""

REFERRING = (b"<OGRVRT", b"<GDALVRT", b"<VRT")
"""How files begin that name others, which may lie anywhere."""


def read_polygons(path: Path) -> Area:
    """The polygons of a file of vectors, such as a GeoPackage, a shapefile, KML or FlatGeobuf.

    Args:
        path: anything that GDAL's vector readers open, in any CRS, with one layer of polygons.

    Raises:
        ExtraError: if the extra `vectors` isn't installed.
        InputError: if the file can't be read, or holds no polygons, or no CRS.
    """
    with extra_for(f"an area in a file {path.suffix} (GeoJSON needs none)"):
        import pyogrio
        from pyogrio.errors import DataLayerError, DataSourceError
    expected = f"{path}: expected polygons"
    with path.open("rb") as file:
        if file.read(64).lstrip().startswith(REFERRING):
            raise InputError(f"{expected}, found a file that refers to others")
    if views := _views(path):
        raise InputError(
            f"{expected} in tables, found the view {views[0]}, whose query may never end; write the layer to "
            "a file of its own"
        )
    try:
        layer = _polygon_layer(pyogrio.list_layers(path), expected, path)
        facts, _, shapes, _ = pyogrio.raw.read(
            path, layer=layer, columns=[], force_2d=True, max_features=MOST_FEATURES + 1
        )
        if len(shapes) > MOST_FEATURES:
            raise InputError(f"{expected}, at most {MOST_FEATURES:,}, found more")
        polygons = [
            polygon for shape in shapes if shape is not None for polygon in _parse(bytes(shape), 0)[0]
        ]
    except (DataSourceError, DataLayerError, ValueError, struct.error, RecursionError) as error:
        reason = one_line(error).partition(".;")[0]
        reason = reason.replace(f"'{path}'", "a file that is").replace(str(path), "it")
        raise InputError(f"{expected}, found {reason[:200]}") from error
    if not polygons:
        raise InputError(f"{expected}, found none")
    if not facts["crs"]:
        raise InputError(f"{expected} with a CRS, found none; a shapefile has it in the .prj beside it")
    return area_of(polygons, facts["crs"])


def area_of(polygons: Sequence[Sequence[Any]], crs: str) -> Area:
    """Polygons of some CRS as an area.

    Args:
        polygons: for each polygon its rings, points (n, 2) in x and y of the CRS.
        crs: as rasterio understands it: `EPSG:32611`, WKT, or a URN.

    Raises:
        InputError: if the CRS isn't known, or a point lies nowhere on the Earth.
    """
    try:
        known = CRS.from_user_input(crs)
    except CRSError as error:
        raise InputError(f"expected a CRS of the area, found {crs[:80]}: {gdal_reason(error)}") from error
    points = np.concatenate([np.array(ring) for polygon in polygons for ring in polygon])
    longest = max(np.ptp(points, axis=0)) / PIECES if not known.is_geographic else math.inf
    return Area(
        tuple(tuple(_to_lonlat(np.array(ring), known, longest) for ring in polygon) for polygon in polygons)
    )


def _views(path: Path) -> list[str]:
    """The views of a database, such as a GeoPackage; of any other file none."""
    with path.open("rb") as file:
        if file.read(len(SQLITE)) != SQLITE:
            return []
    # GDAL itself says better what is wrong with a damaged one.
    with contextlib.suppress(sqlite3.Error):
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            found = database.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
            return [str(name) for (name,) in found]
    return []


def _polygon_layer(layers: NDArray[Any], expected: str, path: Path) -> str:
    """The one layer of a file that may hold polygons."""
    flat = ("Point", "Line", "None")
    names = [str(name) for name, kind in layers if not any(word in str(kind) for word in flat)]
    if len(names) != 1:
        found = f"{', '.join(names)}; write one of them to a file of its own"
        raise InputError(f"{expected} in one layer, found {found if names else 'none'}")
    return names[0]


def _parse(data: bytes, at: int) -> tuple[list[list[NDArray[Any]]], int]:
    """The polygons of a geometry in well-known binary that begins somewhere, and where it ends.

    Source: ISO 19125-1, section 8.2.

    Raises:
        ValueError: if it is no polygon.
    """
    order = "<" if data[at] else ">"
    kind, count = struct.unpack_from(f"{order}II", data, at + 1)
    at += 9
    if kind in COLLECTIONS:
        found = []
        for _ in range(count):
            more, at = _parse(data, at)
            found += more
        return found, at
    if kind != POLYGON:
        raise ValueError(f"a {KINDS.get(kind, f'geometry of type {kind}')}")
    rings = []
    for _ in range(count):
        (points,) = struct.unpack_from(f"{order}I", data, at)
        rings.append(np.frombuffer(data, f"{order}f8", 2 * points, at + 4).reshape(-1, 2))
        at += 4 + 16 * points
    return [rings] if rings else [], at


def _to_lonlat(ring: NDArray[Any], crs: Any, longest: float) -> Ring:
    """A ring in degrees, its sides cut into pieces that are no longer than `longest`.

    Raises:
        InputError: if a point lies nowhere on the Earth.
    """
    ends = np.roll(ring, -1, 0)
    pieces = np.maximum(1, np.ceil(np.hypot(*(ends - ring).T) / longest)).astype(int)
    starts, spans = ring.repeat(pieces, 0), (ends - ring).repeat(pieces, 0)
    steps = np.concatenate([np.arange(count) / count for count in pieces])
    cut = starts + spans * steps[:, None]
    nowhere = InputError(f"expected an area on the Earth, found a point outside of {crs_name(crs)}")
    try:
        longitudes, latitudes = (np.array(each) for each in transform(crs, WGS84, *cut.T))
    except (RasterioError, CPLE_BaseError) as error:
        raise nowhere from error
    if not (np.isfinite([longitudes, latitudes]).all() and abs(latitudes).max() <= 90):
        raise nowhere
    if not crs.is_geographic:
        longitudes = np.unwrap(longitudes, period=360)
    return tuple(zip(longitudes.tolist(), latitudes.tolist(), strict=True))
