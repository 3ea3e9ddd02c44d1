import dataclasses

import pytest
from rasterio.warp import transform

import ards
from ards import two_cids
from fused_ards import OURS, fuse_inline, lonlat
from potato.ard.grid import TILE_SIDE
from potato.ard.item import Tile
from potato.ard.walk import walk_ard
from potato.core.render import LOOKS
from potato.errors import ArdError, InputError
from potato.fusion.aoi import box_area
from potato.fusion.ard.choice import OUTSIDE, Choice
from potato.fusion.ard.plan import make_plan


def test_the_signature_changes_with_every_setting_that_changes_a_picture():
    look = LOOKS["natural"]
    others = [
        {"weights_digest": "v"},
        {"look": LOOKS["flat"]},
        {"look": dataclasses.replace(look, exposure=look.exposure * 2)},
        {"look": dataclasses.replace(look, contrast=look.contrast * 2)},
        {"profile": "tiled"},
        {"creation_options": (("COMPRESS", "LZW"),)},
        {"crop_to_square": True},
        {"area": box_area(0, 0, 1, 1)},
        {"area": box_area(0, 0, 1, 2)},
    ]
    signatures = [dataclasses.replace(OURS, **change).signature for change in ({}, *others)]
    assert len(set(signatures)) == len(signatures)
    # Nor does what doesn't show.
    alike = dataclasses.replace(OURS, device="cuda", threads=9, weights="elsewhere.safetensors")
    assert alike.signature == OURS.signature


@pytest.mark.parametrize(
    ("options", "count", "left_out"),
    [
        ({}, 3, {"a sensor that Potato doesn't know: WV01": 1}),
        ({"cids": [ards.OTHER.lower()]}, 1, {"another CID": 2, "a sensor that Potato doesn't know: WV01": 1}),
        ({"max_clouds": 50}, 2, {"a sensor that Potato doesn't know: WV01": 1, "too cloudy": 1}),
        ({"max_clouds": 60}, 3, {"a sensor that Potato doesn't know: WV01": 1}),
        ({"dates": "2024-12-14"}, 3, {"another date": 1}),
        ({"dates": "/2024-12-31"}, 3, {"another date": 1}),
        ({"dates": "2024-12-01/2024-12-31"}, 3, {"another date": 1}),
        ({"dates": "../2024-12-31"}, 3, {"another date": 1}),
    ],
)
def test_options_select_tiles(tmp_path, options, count, left_out):
    found = fuse_inline(two_cids(tmp_path), tmp_path / "out", dry_run=True, **options)
    assert (len(found.tiles), found.left_out) == (count, left_out)
    assert not (tmp_path / "out").exists()


def test_a_tile_that_is_listed_twice_is_fused_once(tmp_path, monkeypatch):
    """Two items without a quadkey may link to the same files."""
    tile = next(iter(walk_ard(str(ards.write_ard(tmp_path / "ard", 1, 1)))))
    twice = [tile, dataclasses.replace(tile, item="elsewhere.json")]
    monkeypatch.setattr("potato.fusion.ard.plan.walk_ard", lambda *_, **__: iter(twice))
    plan = make_plan("ard", Choice())
    assert (plan.tiles, plan.left_out) == ((tile,), {"a tile that is there twice": 1})


@pytest.mark.parametrize(("longitude", "touched"), [(179.9, True), (-179.9, True), (178.0, False)])
def test_tiles_on_both_sides_of_the_antimeridian_touch_an_area_across_it(longitude, touched):
    zone = 60 if longitude > 0 else 1
    (x,), (y,) = transform("EPSG:4326", f"EPSG:{32700 + zone}", [longitude], [-16.8])
    tile = Tile(
        cid=ards.CID,
        platform="WV02",
        zone=zone,
        quadkey="",
        date="2024-12-14",
        clouds=None,
        epsg=32700 + zone,
        bbox=(x, y - TILE_SIDE, x + TILE_SIDE, y),
        pan="pan.tif",
        mul="mul.tif",
        item="item.json",
        shape=(544, 544),
        data_area=None,
    )
    refusal = Choice(area=box_area(179.5, -17, -179.5, -16)).refusal(tile)
    assert refusal == (None if touched else OUTSIDE)


def test_an_area_that_touches_the_last_metres_of_a_tile_selects_it(tmp_path):
    tile = next(iter(walk_ard(str(ards.write_ard(tmp_path / "ard", 1, 1)))))
    west, _, _, north = tile.bbox
    for metres, touched in ((2.0, True), (-100.0, False)):
        edge, top = lonlat(west + metres, north - 2000)
        _, bottom = lonlat(west + metres, north - 2100)
        refusal = Choice(area=box_area(edge - 0.1, bottom, edge, top)).refusal(tile)
        assert refusal == (None if touched else OUTSIDE)


def test_an_allow_list_limits_tiles_and_cids_without_tiles_are_named(tmp_path):
    (tmp_path / "allow.txt").write_text(f"{ards.OTHER}\n1030010000000FFF\n")
    found = fuse_inline(two_cids(tmp_path), tmp_path / "out", allow_list=tmp_path / "allow.txt", dry_run=True)
    assert len(found.tiles) == 1 and found.unknown == ("1030010000000FFF",)
    both = Choice.of((ards.OTHER, ards.CID), tmp_path / "allow.txt", None, 100.0, None)
    assert both.cids == {ards.OTHER}
    assert "no tile has these CIDs: 1030010000000FFF" in str(found)


@pytest.mark.parametrize(
    "dates", ["yesterday", "2024-12", "/", "2024-12-14/x", "2024-12-14/2024-12-15/2024-12-16"]
)
def test_malformed_dates_are_refused(dates):
    with pytest.raises(InputError, match="expected a date such as"):
        Choice.of((), None, dates, 100, None)


@pytest.mark.parametrize(
    ("dates", "found"),
    [
        ("2024-13-01", "2024-13-01, a day that no"),
        ("/2023-02-29", "2023-02-29"),
        ("2024-12-15/2024-12-14", "the last day first"),
    ],
)
def test_days_that_no_calendar_has_and_swapped_days_are_refused(dates, found):
    with pytest.raises(InputError, match=f"expected days of the calendar.* found .*{found}"):
        Choice.of((), None, dates, 100, None)


def test_a_malformed_cid_is_refused():
    with pytest.raises(InputError, match="expected a catalog ID such as"):
        Choice.of(("../x",), None, None, 100, None)


def test_a_selection_without_tiles_is_an_error(ard, tmp_path):
    with pytest.raises(ArdError, match="found none: 4 tiles, another date"):
        fuse_inline(ard, tmp_path / "out", dates="1999-01-01")
    assert not (tmp_path / "out").exists()
