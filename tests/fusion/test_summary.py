import dataclasses

import ards
from fused_ards import ALONE, NAME, OURS, SIDE_PIXELS, TILE, fuse_inline, lonlat, names
from potato.ard.broken import Broken
from potato.ard.grid import TILE_SIDE
from potato.core.render import LOOKS
from potato.fusion.ard.manifest import Manifest, Record, read_manifest
from potato.fusion.ard.plan import Plan
from potato.fusion.ard.schedule import make_schedule
from potato.fusion.ard.summary import FusedArd, forecast
from potato.raster.area import Area


def test_a_forecast_is_in_proportion_to_the_pictures_to_make(tmp_path):
    for name in "pm":
        (tmp_path / name).write_bytes(bytes(1000))
    tiles = tuple(
        dataclasses.replace(TILE, quadkey=f"{n:012d}", pan=str(tmp_path / "p"), mul=str(tmp_path / "m"))
        for n in range(4)
    )

    def cost(rows=None, workers=1, look="natural", tiles=tiles):
        settings = dataclasses.replace(OURS, look=LOOKS[look])
        manifest = Manifest(tmp_path, rows or {}, {})
        plan = Plan(tiles)
        return forecast(
            plan,
            make_schedule(plan, {TILE.sensor: settings}, manifest, threads_per_job=lambda jobs: 8 // jobs),
            manifest,
            workers,
            speed=1024.0,
        )

    known = {"x": Record("x", "done", "s", bytes=3 << 20, width=1024, height=1024, seconds=2.0**-10)}
    guess, sure = cost(), cost(known)
    assert guess.pixels == sure.pixels == 4 * 128**2 and guess.bytes_read == 8000
    # Two cores for each tile, until the manifest knows how long one takes.
    assert guess.seconds == 32.0
    assert guess.bytes_written == round(3.1 * guess.pixels) and sure.bytes_written == 3 * sure.pixels
    assert cost(look="flat").bytes_written == 8 * guess.pixels
    many = dataclasses.replace(guess, tiles=tuple(map(str, range(8000))))
    assert len(str(many).splitlines()) == 22 and "… and 7,980 more" in str(many)
    slow = {"x": dataclasses.replace(known["x"], seconds=160.0)}
    assert [cost(slow, workers).seconds for workers in (1, 2, 4, 9)] == [10.0, 5.0, 2.5, 2.5]
    far = (dataclasses.replace(TILE, pan="s3://bucket/p", mul="s3://bucket/m"),)
    assert cost(tiles=far).bytes_read == round(2.1 * 128**2)


def test_a_forecast_reads_no_more_of_a_far_tile_than_its_area_touches(tmp_path):
    west, north = ards.corner(0, 0)
    tile = dataclasses.replace(
        TILE,
        bbox=(west, north - TILE_SIDE, west + TILE_SIDE, north),
        shape=(1088, 1088),
        pan="s3://b/p",
        mul="s3://b/m",
    )
    ring = [lonlat(west, north), lonlat(west + TILE_SIDE, north - TILE_SIDE), lonlat(west, north - TILE_SIDE)]
    settings = dataclasses.replace(OURS, area=Area(((tuple(ring),),)))
    plan, manifest = Plan((tile,)), Manifest(tmp_path, {}, {})
    found = forecast(
        plan, make_schedule(plan, {TILE.sensor: settings}, manifest, threads_per_job=ALONE), manifest, 1
    )
    # Half of the square, and the cells along its diagonal.
    assert found.pixels > 0.95 * 1088**2 and 0.5 < found.bytes_read / (2.1 * found.pixels) < 0.6


def test_an_ard_is_complete_when_nothing_failed_and_nothing_is_lost(tmp_path):
    schedule = make_schedule(
        Plan((TILE,)), {TILE.sensor: OURS}, Manifest(tmp_path, {}, {}), threads_per_job=ALONE
    )
    done, bad = Record("a", "done", "s", width=10, height=3, bytes=7), Record("b", "failed", "s", reason="r")
    lost = Plan((TILE,), lost=(Broken("x", "y"),))
    for plan, tiles, mosaics, complete in (
        (Plan((TILE,)), [done], [done], True),
        (Plan((TILE,)), [done, bad], [], False),
        (Plan((TILE,)), [done], [bad], False),
        (lost, [done], [], False),
    ):
        found = FusedArd.of(tmp_path, plan, schedule, tiles, mosaics, 1.0)
        assert found.complete == complete and found.done == 1
    assert (found.pixels, found.bytes) == (30, 7)


def test_a_dry_run_prints_an_estimate_and_writes_nothing(ard, tmp_path):
    found = fuse_inline(ard, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    assert found.pixels == 4 * SIDE_PIXELS**2
    images = sum(path.stat().st_size for path in ard.rglob("*.tif"))
    assert found.bytes_read == images and found.bytes_written > 0 and found.seconds > 0
    assert "4 tiles to fuse: 1.2 Mpx" in str(found) and NAME in str(found)


def test_a_dry_run_estimates_time_from_the_manifest(ard, out):
    row = read_manifest(out).rows[names(out)[0]]
    slow = dataclasses.replace(row, seconds=1000.0)
    manifest = Manifest(out, {}, {})
    manifest.put(slow)
    first, second = (
        fuse_inline(ard, out, dry_run=True, look=look, overwrite=True) for look in ("natural", "flat")
    )
    assert first.there == 4 and first.seconds == 0
    assert len(second.tiles) == 4 and second.seconds > 500
