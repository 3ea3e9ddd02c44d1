"""Ground on both sides of 180°."""

import numpy as np
import pytest
from affine import Affine
from rasterio.warp import transform

import pairs
from pictures import decode
from potato.raster.web_mosaic import HALF_WORLD
from potato.serving.job_routes import Polygon
from potato.serving.mercator import project
from potato.serving.server import Server
from serving_requests import ask

ZOOM = 10


def across(folder, side: int = 64) -> pairs.Paths:
    """A pair of 5 km, in whose middle 180° is."""
    pixel = 5120 / side / 4
    (x,), (y,) = transform("EPSG:4326", "EPSG:32760", [180.0], [-16.5])
    place = Affine(pixel, 0, x - 2560, 0, -pixel, y + 2560)
    pan, mul = pairs.ground(side, side)
    return pairs.Paths(
        pairs.write(folder / "x-pan.tif", pan, place, crs="EPSG:32760"),
        pairs.write(
            folder / "x-ms.tif", mul, place @ Affine.scale(4), crs="EPSG:32760", names=pairs.BAND_NAMES
        ),
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    pair = across(tmp_path_factory.mktemp("across"))
    with Server([pair.pan, pair.mul]) as server:
        yield server.address


def test_bounds_are_narrow_and_outlines_are_split(address):
    west, _, east, _ = ask(address, "source.json").json["bounds"]
    assert 179.9 < west < 180 and -180 < east < -179.9
    (feature,) = ask(address, "footprints.geojson").json["features"]
    assert feature["geometry"]["type"] == "MultiPolygon"  # RFC 7946, 3.1.9
    sides = [[point[0] for point in ring] for (ring,) in feature["geometry"]["coordinates"]]
    assert [max(sides[0]), min(sides[1])] == [180, -180]
    found = ask(address, "tilejson.json").json
    assert found["bounds"][::2] == [-180, 180] and abs(found["center"][0]) > 179.9
    (item,) = ask(address, "stac").json["features"]
    assert item["bbox"][0] > item["bbox"][2]


def test_web_tiles_and_points_show_both_sides(address):
    _, y = project(180, -16.5)
    row = int((HALF_WORLD - y) // (2 * HALF_WORLD / 2**ZOOM))
    shares = [
        (decode(ask(address, f"tiles/{ZOOM}/{column}/{row}.png").body)[3] > 0).mean()
        for column in (2**ZOOM - 1, 0)
    ]
    assert min(shares) > 0.001 and max(shares) < 1.3 * min(shares)
    for longitude in (179.99, -179.99):
        assert ask(address, f"point?lon={longitude}&lat=-16.5").json["reflectance"]["pan"] > 0


def test_a_thumbnail_shows_both_sides(address):
    codes = decode(ask(address, "thumbnails/x-pan.tif.webp").body)
    valid = codes[3] > 0 if len(codes) == 4 else np.ones(codes.shape[1:], bool)
    assert valid[:, :100].mean() > 0.8 and valid[:, -100:].mean() > 0.8


def test_an_area_that_jumps_goes_on_beyond_180_degrees():
    ring = [[179.99, -16.5], [-179.99, -16.5], [-179.99, -16.4], [179.99, -16.5]]
    area = Polygon(type="Polygon", coordinates=[ring]).continued()
    assert [point[0] for point in area["coordinates"][0]] == pytest.approx([179.99, 180.01, 180.01, 179.99])
    narrow = Polygon(type="Polygon", coordinates=[[[0, 0], [1, 0], [1, 1], [0, 0]]])
    assert narrow.continued() == narrow.model_dump()
