"""Items whose metadata lie: each is left out with its reason, and never stops the others."""

import json
import os

import pytest

from ards import SMALL, an_item, write_tile
from potato.ard.broken import Broken
from potato.ard.item import parse_item
from potato.ard.listing import list_ard
from potato.ard.source import Folder
from potato.ard.walk import walk_ard
from potato.chips.survey import Shape, survey_ard
from potato.core.sensor_table import WORKSHOP
from potato.doctor.ards import examine_ard
from potato.fusion.aoi import box_area
from potato.fusion.ard.choice import Choice
from potato.fusion.ard.plan import make_plan

WEST, SOUTH, EAST, NORTH = 400_000, 3_994_843.75, 405_312.5, 4_000_156.25


def parse(item):
    return parse_item(item, "11/031311102001/2024-12-14/x.json", "/ard/", lambda name: f"/ard/{name}")


@pytest.mark.parametrize(
    ("image", "trouble"),
    [
        ({"proj:shape": [200_000, 200_000]}, "a size that no tile has (200000 × 200000 pixels)"),
        ({"proj:bbox": [WEST, SOUTH, EAST, SOUTH + 1e6]}, "a place that no tile has (400000, 3.99484e+06"),
        ({"proj:bbox": [5e8, SOUTH, 5e8 + 5000, NORTH]}, "a place that no tile has (5e+08"),
    ],
)
def test_sizes_and_places_that_no_tile_has_are_told(image, trouble):
    tile = parse(an_item(pan_analytic={"href": "./x-pan.tif", **image}))
    assert str(tile.trouble).startswith(trouble)
    assert tile.shape is tile.bbox is tile.epsg is None


@pytest.mark.parametrize("code", ["EPSG:99999", 99999, "EPSG:1024"])
def test_a_crs_that_is_not_known_is_told(code):
    assert parse(an_item(**{"proj:code": code})).trouble.kind == "a CRS that isn't known"


@pytest.mark.parametrize("value", [1e308, -1e308, float("nan"), float("inf"), 10**400, "1e999", [], {}, True])
@pytest.mark.parametrize(
    "name", ["tile:data_area", "tile:clouds_percent", "utm_zone", "proj:code", "quadkey"]
)
def test_a_number_that_can_not_be_is_none(name, value):
    tile = parse(an_item(**{name: value}))
    known = {"utm_zone": 11, "quadkey": "031311102001"}
    field = {"tile:data_area": "data_area", "tile:clouds_percent": "clouds", "utm_zone": "zone"}.get(
        name, name
    )
    assert getattr(tile, {"proj:code": "epsg"}.get(field, field)) == known.get(name)


@pytest.mark.parametrize(
    ("href", "trouble"),
    [
        ("http://[", "an href that is no address"),
        ("x" * 5000, "an href of more than 2,048 letters"),
        ("./" + "y" * 300, None),
    ],
)
@pytest.mark.parametrize("follow", [False, True])
def test_links_that_can_not_be_followed_are_told(tmp_path, href, trouble, follow):
    item = an_item(ms_analytic={"href": href})
    folder = Folder(str(tmp_path))
    tile = parse_item(item, "x.json", folder.root, lambda name: folder.locate(name) or None, follow)
    assert tile.mul is None and (trouble or "a missing file") in str(tile.trouble)
    if trouble:
        assert parse(item).trouble.kind == trouble


@pytest.fixture
def ard(tmp_path):
    """An ARD of a good tile, and of others whose items lie or can't be read."""
    write_tile(tmp_path / "ard", 0, 0, side=136)
    good = write_tile(tmp_path / "ard", 1, 0, side=8)
    source, home = json.loads(good.read_text()), good.parent.parent.name
    folder = tmp_path / "ard" / "11"
    lies = [
        {"proj:code": "EPSG:99999"},
        {"proj:shape": [10**6, 10**6]},
        {"proj:bbox": [WEST, SOUTH, EAST, SOUTH + 1e6]},
        {"href": "http://["},
        {"href": "z" * 5000},
        {"tile:data_area": 1e308, "tile:clouds_percent": 1e308, "proj:bbox": [1e308] * 4},
    ]
    for number, lie in enumerate(lies):
        item = json.loads(json.dumps(source))
        for asset in item["assets"].values():
            asset["href"] = f"../../{home}/2024-12-14/{asset['href']}"
        for key, value in lie.items():
            if key in ("href", "proj:shape", "proj:bbox"):
                item["assets"]["pan_analytic"][key] = value
            else:
                item["properties"][key] = value
        place = folder / f"0{number:011b}" / "2024-12-14"
        place.mkdir(parents=True)
        item["properties"].pop("quadkey")
        (place / f"{source['properties']['catalog_id']}.json").write_text(json.dumps(item))
    os.mkfifo(place / "1030010000000F00.json")
    return tmp_path / "ard"


def test_one_item_that_lies_never_stops_the_others(ard):
    broken = [each for each in walk_ard(str(ard)) if isinstance(each, Broken)]
    assert [each.reason for each in broken] == ["can't be read: not a file, but a named pipe or a device"]
    listing = list_ard(ard)
    assert listing.tiles == 8 and listing.unusable.keys() >= {
        "a CRS that isn't known",
        "a size that no tile has",
        "a place that no tile has",
        "an href that is no address",
    }
    assert "nan" not in str(listing) and "inf" not in str(listing)
    choice = Choice(area=box_area(-119, 35, -117, 37))
    assert (544, 544) in {tile.shape for tile in make_plan(str(ard), choice).tiles}
    found = survey_ard(str(ard), Shape(SMALL["size"], False, 0.99, WORKSHOP.ratio), [WORKSHOP])
    assert (544, 544) in {tile.shape for tile in found.tiles}
    findings = [str(each) for each in examine_ard(str(ard), 0)]
    assert any("good tile" in each for each in findings)
