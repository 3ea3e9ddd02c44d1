import dataclasses
import hashlib
import json
from pathlib import Path

import jsonschema
import numpy as np
import pystac
import pytest
import rasterio
from pystac.validation import validate_dict
from rasterio.warp import transform

import ards
from fused_ards import OURS, fuse_inline, header
from potato.core.render import LOOKS
from potato.fusion.ard.manifest import Record, read_manifest
from potato.fusion.ard.plan import PassFacts
from potato.fusion.ard.stac import picture_bounds, picture_collection, picture_item
from potato.raster.coordinates import grid_at
from potato.raster.gdal_env import placeless


def test_pystac_walks_the_collection_and_finds_it_valid(fused):
    collection = pystac.Collection.from_file(str(fused.folder / "collection.json"))
    items = list(collection.get_items())
    assert len(items) == 5
    # Without extensions, so that no schema has to be fetched.
    for path in [fused.folder / "collection.json", *fused.folder.rglob("*.json")]:
        validate_dict(json.loads(path.read_text()), extensions=[])
    west, south, east, north = collection.extent.spatial.bboxes[0]
    for item in items:
        assert item.get_collection().id == collection.id == item.collection_id == "out"
        asset = item.assets["picture"]
        path = Path(asset.get_absolute_href())
        assert asset.extra_fields["file:size"] == path.stat().st_size
        assert asset.extra_fields["file:checksum"] == "1220" + hashlib.sha256(path.read_bytes()).hexdigest()
        with rasterio.open(path) as file:
            assert asset.extra_fields["proj:shape"] == list(file.shape)
            assert asset.extra_fields["proj:transform"] == pytest.approx(list(file.transform))
            assert item.properties["proj:code"] == file.crs.to_string()
        origins = [link.get_absolute_href() for link in item.links if link.rel == "derived_from"]
        assert len(origins) == (4 if "mosaic" in item.id else 1)
        assert all(Path(origin).is_file() for origin in origins)
        assert west <= item.bbox[0] < item.bbox[2] <= east and south <= item.bbox[1] < item.bbox[3] <= north
        assert (
            item.properties["processing:software"]["potato"] and len(item.properties["potato:weights"]) == 16
        )


WORDS = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string", "minLength": 1}}


SIZES = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": 2}


NUMBERS = {"type": "array", "items": {"type": "number"}, "minItems": 9, "maxItems": 9}


PUBLISHED = {
    "projection/v2.0.0": {
        "proj:code": {"type": "string", "pattern": "^[A-Z]+:[0-9A-Za-z]+$"},
        "proj:wkt2": {"type": "string", "minLength": 1},
        "proj:shape": SIZES,
        "proj:transform": NUMBERS,
    },
    "processing/v1.2.0": {
        "processing:lineage": {"type": "string", "minLength": 1},
        "processing:software": WORDS,
    },
    "file/v2.1.0": {
        "file:size": {"type": "integer", "minimum": 0},
        # A multihash: its function, its length and its bytes, all in lower case.
        "file:checksum": {"type": "string", "pattern": "^1220[0-9a-f]{64}$"},
    },
    "view/v1.0.0": {
        "view:off_nadir": {"type": "number", "minimum": 0, "maximum": 90},
        "view:incidence_angle": {"type": "number", "minimum": 0, "maximum": 90},
        "view:azimuth": {"type": "number", "minimum": 0, "maximum": 360},
        "view:sun_azimuth": {"type": "number", "minimum": 0, "maximum": 360},
        "view:sun_elevation": {"type": "number", "minimum": -90, "maximum": 90},
    },
    "eo/v1.1.0": {"eo:cloud_cover": {"type": "number", "minimum": 0, "maximum": 100}},
}
"""The form of the fields that we write, by the pages of the extensions; no schema is fetched."""


def test_fields_of_stac_extensions_are_declared_and_have_the_published_form(fused):
    prefixes = {field.split(":")[0] for fields in PUBLISHED.values() for field in fields}
    for path in fused.folder.rglob("*/*.json"):
        item = json.loads(path.read_text())
        declared = [
            address.split("/", 3)[3].removesuffix("/schema.json") for address in item["stac_extensions"]
        ]
        assert declared == [name for name in PUBLISHED if name in declared]
        assert all(
            address.startswith("https://stac-extensions.github.io/") for address in item["stac_extensions"]
        )
        places = (item["properties"], *item["assets"].values())
        found = {
            name: value for place in places for name, value in place.items() if name.split(":")[0] in prefixes
        }
        for name in declared:
            fields = PUBLISHED[name]
            assert found.keys() & fields.keys(), "an extension that isn't used isn't declared"
            schema = {"type": "object", "properties": fields}
            jsonschema.validate({name: found.pop(name) for name in fields if name in found}, schema)
        assert not found, "fields that their extension doesn't know"
        # Of a file, and not of an item.
        assert not [name for name in item["properties"] if name.startswith("file:")]
    # A collection has none of these fields, so it declares no extension.
    collection = (fused.folder / "collection.json").read_text()
    assert "stac_extensions" not in collection and not any(f'"{prefix}:' in collection for prefix in prefixes)


def test_a_collection_spans_its_pictures():
    rows = [
        Record(f"1/{n}", "done", "s", bbox=(n, -n, n + 1.0, n), datetime=f"2024-0{9 - n}-01T00:00:00Z")
        for n in (1, 2, 3)
    ]
    rows.append(
        Record("1/4", "failed", "s", bbox=(-90.0, -90.0, 90.0, 90.0), datetime="1999-01-01T00:00:00Z")
    )
    found = picture_collection("x", rows)
    assert found["extent"]["spatial"]["bbox"] == [[1, -3, 4.0, 3]]
    assert found["extent"]["temporal"]["interval"] == [["2024-06-01T00:00:00Z", "2024-08-01T00:00:00Z"]]
    assert [link["href"] for link in found["links"][1:]] == ["./1/1.json", "./1/2.json", "./1/3.json"]
    grid = grid_at(8, 4, 0.4375, 400_000, 4_000_000, 32611)
    item = picture_item(
        rows[0],
        header(grid, "uint16"),
        PassFacts("c", "WV02", "2024-01-02"),
        [],
        settings=dataclasses.replace(OURS, look=LOOKS["flat"]),
        profile="tiled",
        collection="x",
    )
    assert item["properties"]["gsd"] == 0.4375 and item["properties"]["datetime"] is None
    assert item["properties"]["start_datetime"] == "2024-01-02T00:00:00Z"
    assert (
        item["assets"]["picture"]["data_type"] == "uint16"
        and "cloud" not in item["assets"]["picture"]["type"]
    )


def test_a_picture_without_a_time_spans_its_whole_day():
    record = Record("11/031111302001/2024-12-14/X", "done", "s", file="X.tif")
    grid = grid_at(64, 64, 2.0, 350_000, 3_800_000, 32611)
    seen = PassFacts(ards.CID, "WV02", "2024-12-14")
    item = picture_item(record, header(grid), seen, [], settings=OURS, profile="cog", collection="c")
    found = item["properties"]
    assert found["datetime"] is None
    assert (found["start_datetime"], found["end_datetime"]) == (
        "2024-12-14T00:00:00Z",
        "2024-12-14T23:59:59Z",
    )


def test_pictures_across_the_antimeridian_have_narrow_bounds_and_two_polygons():
    (x,), (y,) = transform("EPSG:4326", "EPSG:32660", [180.0], [45.0])
    grid = grid_at(1000, 1000, 5, x - 2000, y + 2500, 32660)
    west, south, east, north = picture_bounds(grid)
    assert 179.9 < west < 180 and -180 < east < -179.9 and 44.9 < south < 45 < north < 45.1
    row = Record("60/1", "done", "s", bbox=(west, south, east, north), datetime="2024-01-01T00:00:00Z")
    facts = PassFacts(ards.CID, "WV02", "2024-01-01")
    item = picture_item(row, header(grid), facts, [], settings=OURS, profile="cog", collection="c")
    assert item["bbox"] == [west, south, east, north]
    rings = [rings[0] for rings in item["geometry"]["coordinates"]]
    assert [np.sign(ring[0][0]) for ring in rings] == [1, -1]
    areas = []
    for ring in rings:
        assert ring[0] == ring[-1] and {180.0, -180.0} & {x for x, _ in ring}
        assert len({np.sign(x) for x, _ in ring}) == 1
        xs, ys = np.array(ring).T
        areas.append((xs[:-1] * ys[1:] - xs[1:] * ys[:-1]).sum() / 2)
    # Both are anticlockwise; 2 km of 5 lie in the west.
    assert areas[0] / sum(areas) == pytest.approx(0.4, abs=0.01)
    others = Record("1/2", "done", "s", bbox=(-179.0, 44.0, -178.0, 45.0), datetime="2024-01-01T00:00:00Z")
    found = picture_collection("x", [row, others])
    assert found["extent"]["spatial"]["bbox"] == [[west, 44.0, -178.0, north]]


@pytest.mark.parametrize(("west", "side"), [(1.0, 180.0), (-1.0, -180.0)])
def test_a_picture_that_ends_at_the_antimeridian_stays_on_its_side(west, side):
    edge = 20037508.342789244
    grid = grid_at(100, 100, 10, edge - 1000 if west > 0 else -edge, 5_600_000, 3857)
    row = Record("60/1", "done", "s", bbox=picture_bounds(grid), datetime="2024-01-01T00:00:00Z")
    facts = PassFacts(ards.CID, "WV02", "2024-01-01")
    item = picture_item(row, header(grid), facts, [], settings=OURS, profile="cog", collection="c")
    assert item["geometry"]["type"] == "Polygon" and side in (item["bbox"][0], item["bbox"][2])
    assert {np.sign(x) for x, _ in item["geometry"]["coordinates"][0]} == {west}
    assert item["bbox"][2] - item["bbox"][0] == pytest.approx(1000 / edge * 180, rel=1e-3)


ANGLES = {"off_nadir": 21.5, "azimuth": 198.0, "sun_azimuth": 152.3, "sun_elevation": 62.4}


def test_an_item_has_the_angles_and_the_clouds_of_its_tile(tmp_path):
    angles = {f"view:{name}": value for name, value in ANGLES.items()}
    ards.write_tile(tmp_path / "ard", 0, 0, changes={**angles, "view:incidence_angle": 1e9})
    ards.write_tile(tmp_path / "ard", 1, 0, changes={**angles, "view:azimuth": 199.0})
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", mosaic="vrt")
    tile, _, mosaic = (item_of(path) for path in sorted(made.folder.rglob("*.json")) if path.stem == ards.CID)
    found = {name: value for name, value in tile["properties"].items() if name.startswith("view:")}
    assert found == angles and tile["properties"]["eo:cloud_cover"] == 0
    # Of a mosaic, those that its tiles share.
    found = {name for name in mosaic["properties"] if name.startswith(("view:", "eo:"))}
    assert found == angles.keys() - {"view:azimuth"}


def item_of(path):
    return json.loads(path.read_text())


@pytest.mark.parametrize("option", ["TARGET_SRS=EPSG:3857", "TARGET_SRS=EPSG:4326", "COMPRESS=JPEG"])
def test_items_and_manifests_describe_the_file_that_was_written(tmp_path, option):
    ards.write_tile(tmp_path / "ard", 0, 0)
    name, value = option.split("=")
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", creation_options={name: value}, look="natural")
    [path] = (made.folder / "11").rglob("*.tif")
    item, [row] = item_of(path.with_suffix(".json")), read_manifest(made.folder).rows.values()
    asset = item["assets"]["picture"]
    with rasterio.open(path) as file:
        assert asset["proj:shape"] == list(file.shape) == [row.height, row.width]
        assert asset["proj:transform"] == pytest.approx(list(file.transform))
        assert item["properties"]["proj:code"] == file.crs.to_string()
        assert [band["name"] for band in asset["bands"]] == list(file.descriptions)
        assert row.valid == pytest.approx((file.dataset_mask() > 0).mean(), abs=1e-6)
        corners = transform(file.crs, "EPSG:4326", *zip(file.transform @ (0, 0), strict=True))
    # Whatever the CRS, a pixel covers as much ground as a pixel of the tile, to a few percent.
    assert item["properties"]["gsd"] == pytest.approx(5312.5 / 544, rel=0.2)
    west, _, _, north = item["bbox"]
    assert west == pytest.approx(corners[0][0], abs=2e-3) and north == pytest.approx(corners[1][0], abs=2e-3)


def test_an_item_has_a_thumbnail(fused):
    for path in [*fused.folder.glob("11/*/*/*.json"), *fused.folder.glob("mosaic/*/*.json")]:
        asset = pystac.Item.from_file(str(path)).assets["thumbnail"]
        assert asset.roles == ["thumbnail"] and asset.media_type == "image/jpeg"
        with placeless(), rasterio.open(asset.get_absolute_href()) as file:
            assert file.driver == "JPEG" and file.count == 3 and max(file.shape) <= 512
            picture = file.read()
        with rasterio.open(path.with_suffix(".tif")) as file:
            codes = file.read((1, 2, 3), out_shape=picture.shape)
        assert abs(codes.mean() - picture.mean()) < 3
