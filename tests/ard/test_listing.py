import json

import pytest

import ards
from ards import two_cids
from potato import list_ard
from potato.ard import Listing


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
    assert listing.unusable == {"a sensor that Potato doesn't know: WV01": 1}
    table = run("ls", root).stdout.splitlines()
    assert table[0].split() == [
        "event",
        "cid",
        "platform",
        "date",
        "zones",
        "tiles",
        "usable",
        "clouds",
        "km2",
    ]
    assert table[1].split()[:5] == ["Fire-May-24", ards.CID, "WV02", "2024-12-14", "11"]
    assert table[3] == "1 event, 2 CIDs, 4 tiles, 3 usable"
    facts = json.loads(run("ls", root, "--json").stdout)
    assert facts["tiles"] == 4 and facts["cids"][0]["platform"] == "WV02"
    assert isinstance(listing, Listing)
