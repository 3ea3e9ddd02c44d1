import json

import pytest
from rasterio.warp import transform

import ards
from ards import two_cids
from potato import list_ard
from potato.ard.grid import TILE_SIDE
from potato.ard.listing import COLUMNS, ArdListing

UNKNOWN = "a sensor that Potato doesn't know: WV01"


def test_clouds_of_a_cid_are_weighted_by_area(tmp_path):
    for column, clouds, area in ((0, 0, 5.0), (1, 80, 15.0)):
        changes = {"tile:clouds_percent": clouds, "tile:data_area": area}
        ards.write_tile(tmp_path / "ard", column, 0, changes=changes)
    (one,) = list_ard(tmp_path / "ard").cids
    assert (one.clouds, one.km2) == (60.0, 20.0)


def test_ls_prints_a_row_for_each_event_and_cid(tmp_path, run):
    root = two_cids(tmp_path / "Fire-May-24")
    listing = list_ard(root)
    assert [(one.event, one.cid, one.tiles, one.usable) for one in listing.cids] == [
        ("Fire-May-24", ards.CID, 2, 2),
        ("Fire-May-24", ards.OTHER, 2, 1),
    ]
    assert listing.cids[1].clouds == pytest.approx(30) and listing.cids[1].date == "2024-12-14"
    assert listing.unusable == {UNKNOWN: 1} and list(listing.faults.values()) == [UNKNOWN]
    table = run("ls", root).stdout.splitlines()
    assert table[0].split() == list(COLUMNS)
    assert table[1].split()[:6] == ["Fire-May-24", ards.CID, "WV02", "2024-12-14", "18:53", "11"]
    assert table[3] == "1 event, 2 CIDs, 4 tiles, 3 usable"
    assert table[5].startswith("not usable: 11/") and table[5].endswith(f"{ards.OTHER}: {UNKNOWN}")
    facts = json.loads(run("ls", root, "--json").stdout)
    assert facts["tiles"] == 4 and facts["cids"][0]["platform"] == "WV02"
    assert isinstance(listing, ArdListing)


def test_angles_pixels_and_bounds_are_told(tmp_path):
    for column, angle in ((0, 10), (1, 20)):
        ards.write_tile(
            tmp_path / "ard", column, 0, changes={"view:off_nadir": angle, "view:sun_elevation": 50}
        )
    (one,) = list_ard(tmp_path / "ard").cids
    assert (one.off_nadir, one.sun_elevation, one.datetime) == (15, 50, "2024-12-14T18:53:50Z")
    assert one.gsd == pytest.approx(TILE_SIDE / 544, abs=0.01)
    west, south, east, north = one.bounds
    (x, y) = ards.corner(0, 0)
    (longitude,), (latitude,) = transform("EPSG:32611", "EPSG:4326", [x], [y])
    # The northern edge of a square of a UTM zone rises towards the middle meridian.
    assert west == pytest.approx(longitude, abs=1e-6) and 0 < north - latitude < 0.002
    assert 0.1 < east - west < 0.13 and 0.04 < north - south < 0.06


def test_ls_chooses_tiles_as_fuse_ard_does(tmp_path, run):
    root = two_cids(tmp_path / "Fire-May-24")
    facts = json.loads(run("ls", root, "--max-clouds", "20", "--date", "2024-12-14", "--json").stdout)
    assert [one["cid"] for one in facts["cids"]] == [ards.CID]
    assert facts["left_out"] == {"another date": 1, "too cloudy": 1} and facts["unusable"] == {}
    told = run("ls", root, "--bbox", "1,2,3,4").stdout
    assert "0 CIDs" in told and "lie between -118.11" in told
