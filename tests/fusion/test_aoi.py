import contextlib
import json
import math
import os
import shutil
import sqlite3
import struct
import sys

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import transform

import ards
from fused_ards import collect, fuse_inline, lonlat, names, signed_distance
from potato import fuse
from potato.ard.grid import TILE_SIDE
from potato.core.windows import PairWindow
from potato.errors import ExtraError, InputError
from potato.fusion.aoi import box_area, read_area
from potato.raster.area import Area, part_of
from potato.raster.coordinates import grid_at
from servers import serve_folder


def named(crs: str) -> str:
    """The member of a GeoJSON that names a CRS."""
    return f'"crs": {{"type": "name", "properties": {{"name": "{crs}"}}}}'


def test_the_mask_of_an_area_is_exact():
    """Against the distance in metres of every pixel from the sides of the polygon."""
    grid = grid_at(1200, 900, 0.5, 350_000, 3_800_000)
    corners = [(350_020, 3_799_990), (350_400, 3_799_700), (350_300, 3_799_500), (350_060, 3_799_550)]
    hole = [(350_150, 3_799_800), (350_200, 3_799_800), (350_150, 3_799_700)]
    area = Area(((tuple(lonlat(*point) for point in corners), tuple(lonlat(*point) for point in hole)),))
    part = part_of(grid, 4, None, area)
    mask = part.mask(PairWindow(0, 0, 300, 225))
    x, y = np.meshgrid(350_000.25 + 0.5 * np.arange(900), 3_799_999.75 - 0.5 * np.arange(1200))
    distance, inside = signed_distance(x, y, corners)
    distance_2, inside_2 = signed_distance(x, y, hole)
    expected = inside & ~inside_2
    # Straight lines in degrees are bent by millimetres on the map.
    clear = (distance > 0.02) & (distance_2 > 0.02)
    assert np.array_equal(mask[clear], expected[clear]) and clear.mean() > 0.999
    cells = mask.reshape(300, 4, 225, 4).any((1, 3))
    window = part.window
    inner = cells[window.row : window.bottom, window.column : window.right]
    assert inner.sum() == cells.sum() and (part.cells | ~inner).all()
    # Only cells at its edge are touched without lying inside.
    assert part.cells.sum() < inner.sum() + 4 * sum(inner.shape)
    assert min(inner[:2].sum(), inner[-2:].sum(), inner[:, :2].sum(), inner[:, -2:].sum()) > 0


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 100), st.integers(1, 100), st.integers(1, 200), st.integers(1, 200))
def test_a_mask_does_not_depend_on_the_window(row, column, height, width):
    grid = grid_at(1200, 1200, 0.5, 350_000, 3_800_000)
    area = Area(
        (
            (
                tuple(
                    lonlat(*point)
                    for point in [(350_100, 3_799_900), (350_700, 3_799_800), (350_300, 3_799_300)]
                ),
            ),
        )
    )
    part = part_of(grid, 4, None, area)
    window = PairWindow(row, column, height, width)
    large = part.mask(PairWindow(0, 0, row + window.height, column + window.width))
    assert np.array_equal(large[4 * row :, 4 * column :], part.mask(window))


def test_areas_cross_the_antimeridian():
    grid = grid_at(
        800,
        800,
        0.5,
        *(transform("EPSG:4326", "EPSG:32601", [179.9985], [-16.8])[k][0] for k in (0, 1)),
        32601,
    )
    across = part_of(grid, 4, None, box_area(179.999, -17, -179.999, -16))
    assert across.mask(PairWindow(0, 0, 200, 200)).mean() == pytest.approx(0.51, abs=0.05)
    split = Area((*box_area(179.999, -17, 180, -16).polygons, *box_area(-180, -17, -179.999, -16).polygons))
    two = part_of(grid, 4, None, split).mask(PairWindow(0, 0, 200, 200))
    assert (two != across.mask(PairWindow(0, 0, 200, 200))).mean() < 1e-4
    assert part_of(grid, 4, None, box_area(-179, -17, 179, -16)) is None


def test_an_area_is_fused_exactly_and_no_more_is_read(tmp_path):
    root = ards.write_ard(tmp_path / "event" / "ard", 2, 1, side=272, block=128)
    collect(tmp_path / "event")
    pixel, (west, north) = TILE_SIDE / 1088, ards.corner(0, 0)
    # A triangle in the lower left quarter of the first tile.
    points = [
        (west + 100.3 * pixel, north - 600.7 * pixel),
        (west + 499 * pixel, north - 700.6 * pixel),
        (west + 300 * pixel, north - 999 * pixel),
    ]
    ring = [list(lonlat(*point)) for point in points]
    aoi = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}}
    (tmp_path / "aoi.geojson").write_text(json.dumps(aoi))
    with serve_folder(tmp_path / "event") as server:
        found = fuse_inline(
            server.url, tmp_path / "out", look="flat", aoi=tmp_path / "aoi.geojson", dry_run=True
        )
        server.sent = 0
        made = fuse_inline(server.url, tmp_path / "out", look="flat", aoi=tmp_path / "aoi.geojson")
        sent = server.sent
    assert (made.done, made.left_out) == (1, {"outside of the area": 1})
    name = names(made.folder)[0]
    fuse(root / f"{name}-pan.tif", root / f"{name}-ms.tif", tmp_path / "whole.tif", look="flat")
    with (
        rasterio.open(made.folder / f"{name}.tif") as file,
        rasterio.open(tmp_path / "whole.tif") as full,
    ):
        codes, grid = file.read(), file.transform
        assert (file.width, file.height) == (400, 400) and found.pixels == 160_000
        column, row = (round(value) for value in ~full.transform @ (grid.c, grid.f))
        assert (row, column) == (600, 100)
        same = full.read()[:, row : row + 400, column : column + 400]
    x, y = np.meshgrid(grid.c + (np.arange(400) + 0.5) * pixel, grid.f - (np.arange(400) + 0.5) * pixel)
    distance, inside = signed_distance(x, y, points)
    clear = distance > 0.05 * pixel
    assert np.array_equal(codes[3][clear] > 0, inside[clear])
    shown = codes[3] > 0
    assert (np.abs(codes.astype(int) - same)[:, shown] <= 1).all() and not codes[:, ~shown].any()
    images = sum(path.stat().st_size for path in (root / name).parent.glob("*.tif"))
    # 400 of 1,088 pixels a side, a halo of 120 all around, and whole TIFF blocks.
    assert sent < 0.65 * images


def test_a_tile_that_turns_out_to_have_nothing_of_the_area_is_empty(ard, tmp_path):
    root = shutil.copytree(ard, tmp_path / "ard")
    for item in root.rglob("103*.json"):
        data = json.loads(item.read_text())
        for asset in data["assets"].values():
            del asset["proj:bbox"]
        item.write_text(json.dumps(data))
    west, north = ards.corner(0, 0)
    low, high = lonlat(west + 1000, north - 2000), lonlat(west + 2000, north - 1000)
    assert fuse_inline(root, tmp_path / "out").done == 4
    made = fuse_inline(root, tmp_path / "out", bbox=(*low, *high), overwrite=True)
    assert (made.done, made.empty, made.complete) == (1, 3, True)
    assert len(names(made.folder)) == 1
    assert fuse_inline(root, tmp_path / "out", bbox=(*low, *high)).empty == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting"),
        ('{"type": "Point", "coordinates": [1, 2]}', "found a Point"),
        ('{"type": "FeatureCollection", "features": []}', "found none"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}', "a ring of 2 points"),
        (
            '{"type": "Polygon", "coordinates": [[[5e5, 4e6], [6e5, 4e6], [6e5, 5e6]]]}',
            "no longitude and latitude",
        ),
        ('{"type": "Polygon", "coordinates": [[[5, 89], [6, 89], [6, 91]]]}', "no longitude and latitude"),
        ('{"type": "Polygon", "crs": {"name": "EPSG:32611"}, "coordinates": []}', "another CRS"),
        ('{"type": "Polygon", "coordinates": []}', "found none"),
        (f'{{"type": "Polygon", {named("EPSG:1")}, "coordinates": [[[0, 0], [1, 0], [1, 1]]]}}', "a CRS of"),
        (
            f'{{"type": "Polygon", {named("EPSG:32611")}, "coordinates": [[[0, 0], [1, 0], [1, NaN]]]}}',
            "nowhere",
        ),
        ("[1]", "expected GeoJSON"),
        ("[" * 100_000, "too many brackets in one another"),
        ('{"type": "Polygon", "coordinates": "abc"}', "found a where points of two numbers belong"),
        ('{"type": "Polygon", "coordinates": [[[NaN, 0], [1, 0], [1, 1]]]}', "lies nowhere"),
        (f'{{"type": "Polygon", "coordinates": [[[{"9" * 400}, 0], [1, 0], [1, 1]]]}}', "too large"),
    ],
)
def test_geojson_that_is_no_area_is_refused(tmp_path, text, reason):
    (tmp_path / "a.geojson").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=reason):
        read_area(tmp_path / "a.geojson")


def test_polygons_are_found_wherever_geojson_has_them(tmp_path):
    ring = [[0, 0, 7], [1, 0, 7], [1, 1, 7], [0, 0, 7]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    many = {"type": "MultiPolygon", "coordinates": [[ring], [], [ring]]}
    both = {"type": "GeometryCollection", "geometries": [polygon, many]}
    features = [{"type": "Feature", "geometry": shape} for shape in (polygon, many, both, None)]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    area = read_area(tmp_path / "a.geojson")
    assert len(area.polygons) == 6 and set(area.polygons) == {(((0, 0), (1, 0), (1, 1), (0, 0)),)}


SIDES = [(400_000, 4_000_000), (405_000, 4_000_000), (405_000, 4_005_000), (400_000, 4_005_000)]


def test_geojson_in_another_crs_is_an_area_with_sides_that_are_straight_there(tmp_path):
    square = {"type": "Polygon", "coordinates": [SIDES]}
    (tmp_path / "a.geojson").write_text(
        f"{json.dumps(square)[:-1]}, {named('urn:ogc:def:crs:EPSG::32611')}}}"
    )
    check_square(read_area(tmp_path / "a.geojson"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(InputError, match="expected a file, found a named pipe"):
        read_area(tmp_path / "a.json")


@pytest.mark.parametrize("ending", [".gpkg", ".shp", ".fgb", ".gml"])
def test_other_files_of_polygons_are_areas_too(tmp_path, ending):
    pyogrio = pytest.importorskip("pyogrio")
    rings = struct.pack("<BIII", 1, 3, 1, 5) + np.array([*SIDES, SIDES[0]], "<f8").tobytes()
    pyogrio.raw.write(
        str(tmp_path / f"a{ending}"),
        geometry=np.array([rings], dtype=object),
        field_data=[np.array([1])],
        fields=["n"],
        geometry_type="Polygon",
        crs="EPSG:32611",
    )
    check_square(read_area(tmp_path / f"a{ending}"))


def test_a_query_without_an_end_in_a_database_is_not_asked(tmp_path):
    """GDAL would hear no interruption meanwhile."""
    pytest.importorskip("pyogrio")
    with contextlib.closing(sqlite3.connect(tmp_path / "a.gpkg")) as database:
        endless = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)"
        database.execute(f"CREATE VIEW areas AS {endless} SELECT n AS fid, n AS geom FROM r WHERE n < 0")
    with pytest.raises(InputError, match="expected polygons in tables, found the view areas"):
        read_area(tmp_path / "a.gpkg")


def check_square(area: Area) -> None:
    """Whether every point of an area is within centimetres of the sides of a square of 5 km."""
    longitudes, latitudes = zip(*area.polygons[0][0], strict=True)
    x, y = (np.array(each) for each in transform("EPSG:4326", "EPSG:32611", longitudes, latitudes))
    middle = (x + np.roll(x, -1)) / 2, (y + np.roll(y, -1)) / 2
    for across, down in ((x, y), middle):
        off = np.maximum(abs(across - 402_500), abs(down - 4_002_500)) - 2_500
        assert abs(off).max() < 0.02


def test_files_that_refer_to_others_or_hold_no_polygons_are_refused(tmp_path):
    pytest.importorskip("pyogrio")
    for name, text in {
        "a.vrt": "<OGRVRTDataSource/>",
        "a.kml": "<kml/>",
        "a.gpkg": "SQLite format 3",
    }.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=f"{name}: expected polygons"):
            read_area(tmp_path / name)


def test_a_file_without_vectors_is_told_in_a_sentence(tmp_path):
    pytest.importorskip("pyogrio")
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    with pytest.raises(InputError, match="found a file that is not recognized"):
        read_area(tmp_path / "a.tif")


def test_without_the_extra_other_files_say_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyogrio", None)
    (tmp_path / "a.gpkg").write_bytes(b"SQLite format 3")
    with pytest.raises(ExtraError, match=r"pyogrio for an area in a file \.gpkg .*\[vectors\]"):
        read_area(tmp_path / "a.gpkg")


def test_a_box_with_its_sides_swapped_is_refused():
    with pytest.raises(InputError, match="begins in the east"):
        box_area(-118.3, 34, -118.5, 34.1)
    assert box_area(179, -17, -179, -16).bounds == (179, -17, 181, -16)


@pytest.mark.parametrize(
    "box", [(0, 1, 1, 1), (0, 2, 1, 1), (0, 0, 0, 1), (0, -91, 1, 1), (math.nan, 0, 1, 1)]
)
def test_boxes_without_ground_are_refused(box):
    with pytest.raises(InputError, match="expected west, south, east and north in degrees, longitude first"):
        box_area(*box)
