import json
import math
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner
from rasterio.warp import transform

import ards
import pairs
from fused_ards import OURS, TILE, fuse_inline
from potato.ard.grid import SQUARE_SIDE
from potato.cli import potato
from potato.errors import InputError
from potato.fusion.ard.event_mosaic import rank_passes
from potato.fusion.ard.plan import TileJob

CLOUDY, CLEAR, LATER = ards.CID, ards.OTHER, "1040010000000C00"


def job(cid: str, clouds: float | None, date: str) -> TileJob:
    return TileJob(replace(TILE, cid=cid, clouds=clouds, date=date), "/o", OURS)


def test_passes_with_few_clouds_come_first_then_new_ones_and_those_without_a_figure_last():
    jobs = [
        job("A0000000", 30, "2024-01-01"),
        job("B0000000", None, "2024-09-09"),
        job("C0000000", 2.2, "2024-03-03"),
        job("D0000000", 1.8, "2024-05-05"),
    ]
    assert rank_passes(jobs) == ["D0000000", "C0000000", "A0000000", "B0000000"]
    assert rank_passes(jobs, ["B0000000", "A0000000"])[:3] == ["B0000000", "A0000000", "D0000000"]


@pytest.fixture
def event(tmp_path):
    """Two tiles of a cloudy pass, and a clear pass over the first of them."""
    root = tmp_path / "event"
    for column in (0, 1):
        ards.write_tile(root, column, 0, changes={"tile:clouds_percent": 40})
    ards.write_tile(root, 0, 0, cid=CLEAR, changes={"datetime": "2024-12-16T19:00:00Z"})
    return root


def colour(path, x: float, y: float) -> np.ndarray:
    """Red, green, blue, alpha at a place of UTM zone 11."""
    with rasterio.open(path) as file:
        (across,), (down,) = transform("EPSG:32611", file.crs, [x], [y])
        return next(file.sample([(across, down)])).astype(int)


def test_the_clearest_pass_is_on_top_in_one_picture_of_all(event, tmp_path):
    made = fuse_inline(event, tmp_path / "out", mosaic="event")
    assert (made.done, made.mosaics, made.complete) == (3, 1, True)
    path = made.folder / "mosaic" / "event.tif"
    west, east = ards.WEST + SQUARE_SIDE / 2, ards.WEST + 1.5 * SQUARE_SIDE
    middle = ards.NORTH - SQUARE_SIDE / 2
    for x, cid in ((west, CLEAR), (east, CLOUDY)):
        (tile,) = (one for one in made.folder.glob(f"11/*/*/{cid}.tif") if colour(one, x, middle)[3])
        # The ground varies from pixel to pixel, and places are rounded to pixels.
        here = pairs.read(path)[3]
        assert here.any() and np.abs(colour(path, x, middle) - colour(tile, x, middle)).max() < 90
    with rasterio.open(path) as file:
        assert file.crs.to_epsg() == 3857 and file.overviews(1)
        assert file.tags()["POTATO_CIDS"] == f"{CLEAR} {CLOUDY}"
        ground = file.transform.a * math.cos(math.radians(36.1))
    with rasterio.open(tile) as file:
        assert file.transform.a / 2 < ground <= 1.11 * file.transform.a
    item = json.loads(path.with_suffix(".json").read_text())
    assert item["properties"]["potato:catalog_ids"] == [CLEAR, CLOUDY]
    assert item["properties"]["start_datetime"] == "2024-12-14T18:53:50Z"
    assert item["properties"]["end_datetime"] == "2024-12-16T19:00:00Z"
    assert len([link for link in item["links"] if link["rel"] == "derived_from"]) == 3
    assert (path.parent / item["assets"]["thumbnail"]["href"]).is_file()


def test_an_order_puts_other_passes_on_top_and_makes_the_mosaic_again(event, tmp_path):
    first = fuse_inline(event, tmp_path / "out", mosaic="event")
    path = first.folder / "mosaic" / "event.tif"
    before = path.read_bytes()
    again = fuse_inline(event, tmp_path / "out", mosaic="event")
    assert (again.done, again.mosaics) == (0, 0) and path.read_bytes() == before
    turned = fuse_inline(event, tmp_path / "out", mosaic="event", order=[CLOUDY.lower()])
    assert (turned.done, turned.mosaics) == (0, 1) and path.read_bytes() != before
    path.unlink()
    assert fuse_inline(event, tmp_path / "out", mosaic="event").mosaics == 1 and path.read_bytes() == before
    with pytest.raises(InputError, match=f"in --order, found {LATER}"):
        fuse_inline(event, tmp_path / "out", mosaic="event", order=[LATER])
    with pytest.raises(InputError, match="with --order, found none"):
        fuse_inline(event, tmp_path / "out", mosaic="cog", order=[CLOUDY])


def test_web_tiles_have_an_item_and_a_thumbnail(event, tmp_path):
    made = fuse_inline(event, tmp_path / "out", mosaic="mbtiles", workers=0)
    path = made.folder / "mosaic" / "event.mbtiles"
    item = json.loads(path.with_suffix(".json").read_text())
    assert item["assets"]["picture"]["href"] == "./event.mbtiles"
    with rasterio.open(path) as file:
        assert list(file.shape) == item["assets"]["picture"]["proj:shape"]
    assert sorted(one.name for one in path.parent.iterdir()) == [
        "event-thumbnail.jpg",
        "event.json",
        "event.mbtiles",
    ]
    with pytest.raises(InputError, match="expected a look of 8 bits for web tiles, found flat"):
        fuse_inline(event, tmp_path / "flat", mosaic="mbtiles", look="flat")


def test_a_dry_run_counts_the_mosaic_and_its_room(event, tmp_path):
    plain = fuse_inline(event, tmp_path / "out", dry_run=True)
    found = fuse_inline(event, tmp_path / "out", dry_run=True, mosaic="event")
    assert (plain.mosaics, found.mosaics) == (0, 1)
    pixels = 2 * 512**2
    # Two squares, in pixels up to twice as fine, and 8.4 bytes for each.
    assert 8 * pixels < found.bytes_staged - plain.bytes_staged < 4 * 9 * pixels


@pytest.mark.parametrize(
    ("options", "count"),
    [(["--mosaic"], 2), (["--vrt"], 2), (["--mosaic", "pass"], 2), (["--mosaic", "event"], 1)],
)
def test_a_mosaic_is_of_each_pass_unless_its_kind_is_named(event, tmp_path, options, count):
    result = CliRunner().invoke(
        potato, ["fuse-ard", str(event), *options, str(tmp_path / "out"), "--dry-run", "--json", "-j", "1"]
    )
    assert json.loads(result.stdout)["mosaics"] == count
