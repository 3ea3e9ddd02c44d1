import dataclasses
import hashlib
import json
import math
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pystac.validation import validate_dict
from rasterio.warp import transform

from potato import fuse, fuse_ard, list_ard
from potato.ard import OVERLAP, SQUARE_SIDE, TILE_SIDE, Broken, Tile, walk_ard
from potato.ard.grid import quadkey_square
from potato.core.render import LOOKS
from potato.core.text import redact
from potato.core.windows import PairWindow
from potato.engine.executor import open_executor
from potato.engine.threads import Serial
from potato.errors import ArdError, InputError, OutputError, OutputExists
from potato.fusion import delivery
from potato.fusion.delivery.aoi import box_area, read_area
from potato.fusion.delivery.manifest import MANIFEST, Manifest, Record, open_manifest, read_manifest
from potato.fusion.delivery.mosaic_jobs import MosaicJob
from potato.fusion.delivery.mosaic_jobs import _cell as cell_of
from potato.fusion.delivery.plan import Choice, Plan, Settings, make_plan
from potato.fusion.delivery.schedule import Delivered, forecast, make_agenda
from potato.fusion.delivery.stac import Seen, picture_collection, picture_item
from potato.fusion.delivery.tile import fuse_tile
from potato.model.weights import save_model
from potato.raster import Area, grid_at, part_of
from potato.raster.mosaic import lay_out

import ards
import pairs
from servers import Fault, serve_folder

SIDE_PIXELS = 4 * 136
NAME = "11/031133301100/2024-12-14/1030010000000A00"


@pytest.fixture(scope="module")
def ard(tmp_path_factory):
    """Two by two tiles of one ground, whose overlaps agree."""
    folder = tmp_path_factory.mktemp("source") / "event"
    write_country(folder / "ard")
    return folder


def write_country(root: Path, columns: int = 2, rows: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Tiles cut from one ground, with their aprons; returns its pan and mul."""
    pan, mul = pairs.ground(128 * rows + 8, 128 * columns + 8, seed=5)
    for row in range(rows):
        for column in range(columns):
            top, left = 128 * row, 128 * column
            piece = (
                pan[4 * top : 4 * top + SIDE_PIXELS, 4 * left : 4 * left + SIDE_PIXELS],
                mul[:, top : top + 136, left : left + 136],
            )
            ards.write_tile(root, column, row, ground=piece)
    return pan, mul


ALONE = Serial().threads_per_job
"""All cores for every job."""


@pytest.fixture
def inline(monkeypatch):
    """No processes: they take seconds to start."""
    monkeypatch.setattr(
        "potato.fusion.delivery.deliver.open_executor", lambda *_, **__: open_executor(kind="serial")
    )


def deliver(source, output, **options):
    return fuse_ard(source, output, **{"workers": 0, **options})


@pytest.fixture(scope="module")
def delivered(ard, tmp_path_factory):
    """A delivery, not to be changed."""
    output = tmp_path_factory.mktemp("delivery") / "out"
    return deliver(ard, output, mosaic="cog")


@pytest.fixture
def out(delivered, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(delivered.folder, tmp_path / "out")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.glob("[0-9]*/*/*/*.tif"))


def states(folder: Path) -> dict[str, str]:
    return {name: row.state for name, row in read_manifest(folder).rows.items()}


def lonlat(x: float, y: float) -> tuple[float, float]:
    (longitude,), (latitude,) = transform("EPSG:32611", "EPSG:4326", [x], [y])
    return longitude, latitude


def test_tiles_lie_in_the_tree_of_the_ard_and_are_what_fuse_makes(ard, delivered, tmp_path):
    assert (delivered.done, delivered.mosaics, delivered.complete) == (4, 1, True)
    items = sorted(path.relative_to(ard / "ard").with_suffix("") for path in ard.rglob("103*0A00.json"))
    assert names(delivered.folder) == list(map(str, items)) and len(items) == 4
    stem = ard / "ard" / items[0]
    fuse(f"{stem}-pan.tif", f"{stem}-ms.tif", tmp_path / "alone.tif")
    assert (tmp_path / "alone.tif").read_bytes() == (delivered.folder / f"{items[0]}.tif").read_bytes()


def test_the_manifest_tells_of_every_tile(delivered):
    rows = read_manifest(delivered.folder).rows
    assert len(rows) == 5
    for row in rows.values():
        path = delivered.folder / row.file
        assert (row.state, row.reason) == ("done", "")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row.digest
        assert path.stat().st_size == row.bytes and row.seconds > 0 and row.valid == 1
        assert row.datetime == "2024-12-14T18:53:50Z"
        assert row.bbox == pytest.approx((-118.11, 36.14, -117.99, 36.24), abs=0.2)


def test_pystac_walks_the_delivery_and_finds_it_valid(delivered):
    collection = pystac.Collection.from_file(str(delivered.folder / "collection.json"))
    items = list(collection.get_items())
    assert len(items) == 5
    # Without extensions, so that no schema has to be fetched.
    for path in [delivered.folder / "collection.json", *delivered.folder.rglob("*.json")]:
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
}
"""What extensions say of the fields that we write, by their pages: their schemas lie on the network."""


def test_fields_of_extensions_are_declared_and_as_published(delivered):
    prefixes = {field.split(":")[0] for fields in PUBLISHED.values() for field in fields}
    for path in delivered.folder.rglob("*/*.json"):
        item = json.loads(path.read_text())
        declared = [
            address.split("/", 3)[3].removesuffix("/schema.json") for address in item["stac_extensions"]
        ]
        assert declared == list(PUBLISHED)
        assert all(
            address.startswith("https://stac-extensions.github.io/") for address in item["stac_extensions"]
        )
        places = (item["properties"], *item["assets"].values())
        found = {
            name: value for place in places for name, value in place.items() if name.split(":")[0] in prefixes
        }
        for fields in PUBLISHED.values():
            assert found.keys() & fields.keys(), "an extension that isn't used isn't declared"
            schema = {"type": "object", "properties": fields}
            jsonschema.validate({name: found.pop(name) for name in fields if name in found}, schema)
        assert not found, "fields that their extension doesn't know"
        # Of a file, and not of an item.
        assert not [name for name in item["properties"] if name.startswith("file:")]
    # A collection has none of these fields, so it declares no extension.
    collection = (delivered.folder / "collection.json").read_text()
    assert "stac_extensions" not in collection and not any(f'"{prefix}:' in collection for prefix in prefixes)


def test_a_second_run_does_nothing(ard, out):
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = deliver(ard, out, mosaic="cog")
    assert (again.done, again.there, again.mosaics) == (0, 4, 0) and again.complete
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_only_what_is_missing_is_made(ard, out):
    first, second, *_ = names(out)
    (out / f"{first}.tif").unlink()
    with (out / f"{second}.tif").open("ab") as file:
        file.truncate(1000)
    again = deliver(ard, out, mosaic="cog")
    # The mosaic's pictures are what they were, and so is the mosaic.
    assert (again.done, again.there, again.mosaics) == (2, 2, 0)
    whole = hashlib.sha256((out / f"{second}.tif").read_bytes()).hexdigest()
    assert whole == read_manifest(out).rows[second].digest


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"look": "flat"}, "look: natural, now flat"),
        ({"creation_options": {"COMPRESS": "LZW"}}, "creation options"),
        ({"crop_to_cell": True}, "crop to cell: False, now True"),
        ({"bbox": "middle"}, "area"),
        ({"profile": "tiled"}, "profile"),
        ({"weights": "network"}, "weights"),
    ],
)
def test_other_weights_or_options_are_noticed(ard, out, network, tmp_path, change, told):
    if "weights" in change:
        save_model(network, tmp_path / "net.safetensors")
        change = {"weights": tmp_path / "net.safetensors"}
    if "bbox" in change:
        low, high = (lonlat(ards.WEST + x, ards.NORTH - y) for x, y in ((1000, 9000), (9000, 1000)))
        change = {"bbox": (*low, *high)}
    name = names(out)[0]
    before = (out / f"{name}.tif").read_bytes()
    with pytest.raises(OutputExists, match=rf"found 4 pictures of others .*{told}.*--overwrite"):
        deliver(ard, out, **change)
    assert (out / f"{name}.tif").read_bytes() == before
    again = deliver(ard, out, cids=[ards.CID], overwrite=True, **change)
    assert again.done == 4 and (out / f"{name}.tif").read_bytes() != before


OURS = Settings(None, "w", LOOKS["natural"], "cog")
TILE = Tile(
    ards.CID, "WV02", 11, "0" * 12, "2024-12-14", 0, 32611, (0, 0, 64, 64), "p", "m", "i", (128, 128), 1
)


@pytest.mark.parametrize(
    ("state", "same", "there", "place", "replacing"),
    [
        (None, True, False, "todo", False),
        ("started", True, False, "todo", True),
        ("started", False, True, "todo", True),
        ("done", True, True, "there", None),
        ("done", True, False, "todo", True),
        ("done", False, False, "todo", True),
        ("empty", True, False, "empty", None),
        ("empty", False, False, "todo", True),
        ("failed", True, False, "failed", None),
        ("failed", False, False, "todo", True),
    ],
)
def test_the_agenda_is_as_its_table_says(tmp_path, state, same, there, place, replacing):
    name = "11/000000000000/2024-12-14/" + ards.CID
    rows = {}
    if state:
        rows[name] = Record(name, state, OURS.signature if same else "other", file="f.tif", bytes=3)
    if there:
        (tmp_path / "f.tif").write_bytes(b"abc")
    manifest = Manifest(tmp_path, rows, {})
    agenda = make_agenda(Plan((TILE,)), tmp_path, OURS, manifest, threads_per_job=ALONE, follow_links=True)
    found = {
        "todo": len(agenda.todo),
        "there": agenda.there,
        "empty": agenda.empty,
        "failed": len(agenda.failed),
    }
    assert {kind for kind, count in found.items() if count} == {place}
    if place == "todo":
        assert agenda.todo[0].overwrite is replacing and agenda.todo[0].follow_links
    again = make_agenda(Plan((TILE,)), tmp_path, OURS, manifest, threads_per_job=ALONE, retry_failed=True)
    assert bool(again.todo) == (place in ("todo", "failed"))


def test_every_job_gets_the_threads_that_the_executor_says(tmp_path):
    tiles = tuple(dataclasses.replace(TILE, quadkey=f"{n:012d}") for n in range(4))
    agenda = make_agenda(
        Plan(tiles), tmp_path, OURS, Manifest(tmp_path, {}, {}), threads_per_job=lambda jobs: 10 * jobs
    )
    assert {job.settings.threads for job in (*agenda.jobs, *agenda.todo)} == {40}


def test_a_forecast_is_in_proportion_to_what_is_to_be_made(tmp_path, monkeypatch):
    monkeypatch.setattr("potato.fusion.delivery.schedule.SPEED", 1024.0)
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
            make_agenda(plan, tmp_path, settings, manifest, threads_per_job=lambda jobs: 8 // jobs),
            manifest,
            workers,
        )

    known = {"x": Record("x", "done", "s", bytes=3 << 20, width=1024, height=1024, seconds=2.0**-10)}
    guess, sure = cost(), cost(known)
    assert guess.pixels == sure.pixels == 4 * 128**2 and guess.bytes_read == 8000
    # Two cores for each tile, until the manifest knows how long one takes.
    assert guess.seconds == 32.0
    assert guess.bytes_written == round(3.1 * guess.pixels) and sure.bytes_written == 3 * sure.pixels
    assert cost(look="flat").bytes_written == 8 * guess.pixels
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
        plan, make_agenda(plan, tmp_path, settings, manifest, threads_per_job=ALONE), manifest, 1
    )
    # Half of the square, and the cells along its diagonal.
    assert found.pixels > 0.95 * 1088**2 and 0.5 < found.bytes_read / (2.1 * found.pixels) < 0.6


def test_a_delivery_is_complete_when_nothing_failed_and_nothing_is_lost(tmp_path):
    agenda = make_agenda(Plan((TILE,)), tmp_path, OURS, Manifest(tmp_path, {}, {}), threads_per_job=ALONE)
    done, bad = Record("a", "done", "s", width=10, height=3, bytes=7), Record("b", "failed", "s", reason="r")
    lost = Plan((TILE,), lost=(Broken("x", "y"),))
    for plan, tiles, mosaics, complete in (
        (Plan((TILE,)), [done], [done], True),
        (Plan((TILE,)), [done, bad], [], False),
        (Plan((TILE,)), [done], [bad], False),
        (lost, [done], [], False),
    ):
        found = Delivered.of(tmp_path, plan, agenda, tiles, mosaics, 1.0)
        assert found.complete == complete and found.done == 1
    assert (found.pixels, found.bytes) == (30, 7)


def test_what_shows_in_a_picture_has_a_signature_of_its_own():
    look = LOOKS["natural"]
    others = [
        {"weights_digest": "v"},
        {"look": LOOKS["flat"]},
        {"look": dataclasses.replace(look, exposure=look.exposure * 2)},
        {"look": dataclasses.replace(look, contrast=look.contrast * 2)},
        {"profile": "tiled"},
        {"creation_options": (("COMPRESS", "LZW"),)},
        {"crop_to_cell": True},
        {"area": box_area(0, 0, 1, 1)},
        {"area": box_area(0, 0, 1, 2)},
    ]
    signatures = [dataclasses.replace(OURS, **change).signature for change in ({}, *others)]
    assert len(set(signatures)) == len(signatures)
    # Nor does what doesn't show.
    alike = dataclasses.replace(OURS, device="cuda", threads=9, weights="elsewhere.safetensors")
    assert alike.signature == OURS.signature


def test_a_mosaic_has_a_signature_that_follows_its_pictures():
    name = "mosaic/11/" + ards.CID
    job = MosaicJob(name, "/o", "cog", Seen(ards.CID, "WV02", ""), (("a", "1"), ("b", "2")), OURS)
    others = [{"kind": "vrt"}, {"pictures": (("a", "1"), ("b", "3"))}, {"pictures": (("a", "1"),)}]
    others.append({"settings": dataclasses.replace(OURS, profile="tiled")})
    signatures = [dataclasses.replace(job, **change).signature for change in ({}, *others)]
    assert len(set(signatures)) == len(signatures)
    assert dataclasses.replace(job, overwrite=True).signature == job.signature


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
        grid,
        Seen("c", "WV02", "2024-01-02"),
        [],
        look=LOOKS["flat"],
        profile="tiled",
        weights="w",
        collection="x",
    )
    assert item["properties"]["gsd"] == 0.4375 and item["properties"]["datetime"] is None
    assert item["properties"]["start_datetime"] == "2024-01-02T00:00:00Z"
    assert (
        item["assets"]["picture"]["data_type"] == "uint16"
        and "cloud" not in item["assets"]["picture"]["type"]
    )


def test_a_picture_whose_moment_is_not_known_is_of_its_whole_day():
    record = Record("11/031111302001/2024-12-14/X", "done", "s", file="X.tif")
    grid = grid_at(64, 64, 2.0, 350_000, 3_800_000, 32611)
    seen = Seen(ards.CID, "WV02", "2024-12-14")
    item = picture_item(
        record, grid, seen, [], look=LOOKS["natural"], profile="cog", weights="w", collection="c"
    )
    found = item["properties"]
    assert found["datetime"] is None
    assert (found["start_datetime"], found["end_datetime"]) == (
        "2024-12-14T00:00:00Z",
        "2024-12-14T23:59:59Z",
    )


def test_what_only_takes_time_is_no_change(ard, out):
    assert deliver(ard, out, device="cpu", workers=2).there == 4


def test_a_picture_that_no_run_made_is_not_replaced(ard, tmp_path):
    mine = tmp_path / "out" / f"{NAME}.tif"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    made = deliver(ard, tmp_path / "out")
    assert made.done == 3 and mine.read_text() == "mine"
    assert "there is a file of this name already" in made.failed[0].reason


@pytest.mark.parametrize("where", ["event", "event/ard", "event/out", "door/out"])
def test_a_delivery_does_not_go_into_its_ard(tmp_path, where):
    """Items of pictures have the names of the items that they are made from."""
    ards.write_tile(tmp_path / "event" / "ard")
    (tmp_path / "door").symlink_to(tmp_path / "event")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match="expected a folder outside of the ARD"):
        deliver(tmp_path / "event", tmp_path / where)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_collection_that_no_run_made_is_not_replaced(ard, tmp_path):
    (tmp_path / "collection.json").write_text("{}")
    with pytest.raises(OutputExists, match=r"found the collection\.json of something else"):
        deliver(ard, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["collection.json"]


def test_two_runs_do_not_share_a_folder(ard, tmp_path):
    with (
        open_manifest(tmp_path / "out"),
        pytest.raises(OutputError, match="another run is writing there"),
    ):
        deliver(ard, tmp_path / "out")


def test_processes_make_the_same_bytes(ard, delivered, tmp_path):
    made = deliver(ard, tmp_path / "out", workers=2, mosaic="cog")
    assert made.done == 4 and made.complete
    for name in names(delivered.folder):
        assert (made.folder / f"{name}.tif").read_bytes() == (delivered.folder / f"{name}.tif").read_bytes()


def test_a_run_that_is_killed_is_finished_by_repeating_it(ard, delivered, tmp_path):
    third = names(delivered.folder)[2]
    with serve_folder(ard) as server:
        collect(ard)
        server.faults[f"/ard/{third}-pan.tif"] = fault = Fault("hang")
        run = subprocess.Popen(
            [sys.executable, "-m", "potato", "fuse-ard", server.url, tmp_path / "out", "-j", "1", "--mosaic"]
        )
        assert fault.met.wait(60)
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
    found = states(tmp_path / "out")
    assert [found.get(name) for name in names(delivered.folder)] == ["done", "done", "started", None]
    again = deliver(ard, tmp_path / "out", mosaic="cog")
    assert (again.there, again.done, again.mosaics) == (2, 2, 1)
    for name in [*names(delivered.folder), "mosaic/11/1030010000000A00"]:
        assert (again.folder / f"{name}.tif").read_bytes() == (delivered.folder / f"{name}.tif").read_bytes()


def collect(event: Path) -> None:
    """Give an event the collections by which it is found on a web server."""
    items = sorted(path.relative_to(event).as_posix() for path in (event / "ard").rglob("10*.json"))
    links = [{"rel": "item", "href": f"./{item}"} for item in items]
    (event / "collection.json").write_text(json.dumps({"type": "Collection", "links": links}))


def test_a_run_that_died_at_any_moment_leaves_nothing_behind(ard, delivered, out):
    first, _, third, _ = names(out)
    # A picture in its place but not yet in the manifest; half a line; half a picture; half an item.
    lines = (out / MANIFEST).read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if first.encode() not in line and third.encode() not in line]
    kept.append(json.dumps({"tile": first, "state": "started", "signature": "x"}).encode() + b"\n")
    (out / MANIFEST).write_bytes(b"".join(kept) + b'{"tile": "' + third.encode())
    (out / f"{third}.tif").unlink()
    stem = Path(third).name
    (out / third).parent.joinpath(f".{stem}.tif.abc.partial").mkdir()
    (out / third).parent.joinpath(f".{stem}.json.123.partial").write_text("{")
    again = deliver(ard, out)
    assert (again.there, again.done) == (2, 2) and again.complete
    assert not [path for path in out.rglob("*") if "partial" in path.name]
    for name in (first, third):
        assert (out / f"{name}.tif").read_bytes() == (delivered.folder / f"{name}.tif").read_bytes()
    assert all(json.loads(line) for line in (out / MANIFEST).read_text().splitlines())


def test_an_interrupted_run_leaves_nothing_half_written(ard, tmp_path, monkeypatch):
    def interrupted(job):
        if job.name == NAME:
            return fuse_tile(job)
        job.output.parent.joinpath(f".{job.output.name}.abc.partial").mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr("potato.fusion.delivery.deliver.fuse_tile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        deliver(ard, tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if "partial" in path.name]
    assert names(tmp_path / "out") == [NAME]
    collection = json.loads((tmp_path / "out" / "collection.json").read_text())
    assert [link["href"] for link in collection["links"] if link["rel"] == "item"] == [f"./{NAME}.json"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 700), st.integers(1, 5))
def test_a_manifest_cut_anywhere_is_the_manifest_of_fewer_tiles(tmp_path_factory, cut, count):
    folder = tmp_path_factory.mktemp("cut")
    records = [
        Record(f"1/{n}/d/é", "done", "s", file="f", bytes=n, bbox=(0.0, 1.0, 2.0, 3.5)) for n in range(count)
    ]
    with open_manifest(folder) as manifest:
        for record in records:
            manifest.put(record)
    text = (folder / MANIFEST).read_bytes()
    (folder / MANIFEST).write_bytes(text[:cut])
    with open_manifest(folder) as manifest:
        assert list(manifest.rows.values()) == records[: text[:cut].count(b"\n")]
        manifest.put(records[-1])
    assert read_manifest(folder).rows[records[-1].tile] == records[-1]


@pytest.mark.parametrize(
    "line", ["[]", "{}", '{"tile": 3, "state": "done", "signature": ""}', "nonsense", "[" * 9999]
)
def test_a_manifest_that_is_none_is_refused(ard, tmp_path, line):
    (tmp_path / MANIFEST).write_text(line + "\n")
    with pytest.raises(OutputError, match="line 1: expected a record of a tile"):
        deliver(ard, tmp_path)
    assert not (tmp_path / "collection.json").exists()


# Which tiles


def two_cids(tmp_path) -> Path:
    ards.write_ard(tmp_path / "ard", 2, 1)
    ards.write_tile(tmp_path / "ard", 0, 0, cid=ards.OTHER, changes={"tile:clouds_percent": 60})
    ards.write_tile(
        tmp_path / "ard",
        1,
        0,
        cid=ards.OTHER,
        changes={"datetime": "2025-01-02T00:00:00Z", "platform": "WV01"},
    )
    return tmp_path / "ard"


@pytest.mark.parametrize(
    ("options", "count", "left_out"),
    [
        ({}, 3, {"not WorldView-2 or -3": 1}),
        ({"cids": [ards.OTHER.lower()]}, 1, {"another CID": 2, "not WorldView-2 or -3": 1}),
        ({"max_clouds": 50}, 2, {"not WorldView-2 or -3": 1, "too cloudy": 1}),
        ({"max_clouds": 60}, 3, {"not WorldView-2 or -3": 1}),
        ({"dates": "2024-12-14"}, 3, {"another date": 1}),
        ({"dates": "/2024-12-31"}, 3, {"another date": 1}),
        ({"dates": "2024-12-01/2024-12-31"}, 3, {"another date": 1}),
        ({"dates": "../2024-12-31"}, 3, {"another date": 1}),
    ],
)
def test_tiles_are_chosen(tmp_path, options, count, left_out):
    found = deliver(two_cids(tmp_path), tmp_path / "out", dry_run=True, **options)
    assert (len(found.tiles), found.left_out) == (count, left_out)
    assert not (tmp_path / "out").exists()


def test_a_tile_that_is_there_twice_is_fused_once(tmp_path, monkeypatch):
    """Without a quadkey two items may mean the same files."""
    tile = next(iter(walk_ard(str(ards.write_ard(tmp_path / "ard", 1, 1)))))
    twice = [tile, dataclasses.replace(tile, item="elsewhere.json")]
    monkeypatch.setattr("potato.fusion.delivery.plan.walk_ard", lambda *_, **__: iter(twice))
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
    assert refusal == (None if touched else "outside of the area")


def test_a_tile_that_only_its_last_metres_touch_is_wanted(tmp_path):
    tile = next(iter(walk_ard(str(ards.write_ard(tmp_path / "ard", 1, 1)))))
    west, _, _, north = tile.bbox
    for metres, touched in ((2.0, True), (-100.0, False)):
        edge, top = lonlat(west + metres, north - 2000)
        _, bottom = lonlat(west + metres, north - 2100)
        refusal = Choice(area=box_area(edge - 0.1, bottom, edge, top)).refusal(tile)
        assert refusal == (None if touched else "outside of the area")


def test_an_allow_list_limits_and_cids_without_tiles_are_told(tmp_path):
    (tmp_path / "allow.txt").write_text(f"{ards.OTHER}\n1030010000000FFF\n")
    found = deliver(two_cids(tmp_path), tmp_path / "out", allow_list=tmp_path / "allow.txt", dry_run=True)
    assert len(found.tiles) == 1 and found.unknown == ("1030010000000FFF",)
    both = Choice.of((ards.OTHER, ards.CID), tmp_path / "allow.txt", None, 100.0, None)
    assert both.cids == {ards.OTHER}
    assert "no tile has these CIDs: 1030010000000FFF" in str(found)


@pytest.mark.parametrize(
    "dates", ["yesterday", "2024-12", "/", "2024-12-14/x", "2024-12-14/2024-12-15/2024-12-16"]
)
def test_dates_that_are_none_are_refused(dates):
    with pytest.raises(InputError, match="expected a date such as"):
        Choice.of((), None, dates, 100, None)


def test_a_cid_that_is_none_is_refused():
    with pytest.raises(InputError, match="expected a catalog ID such as"):
        Choice.of(("../x",), None, None, 100, None)


def test_nothing_that_is_wanted_is_an_error(ard, tmp_path):
    with pytest.raises(ArdError, match="found none: 4 tiles, another date"):
        deliver(ard, tmp_path / "out", dates="1999-01-01")
    assert not (tmp_path / "out").exists()


def test_a_dry_run_says_what_it_would_cost_and_does_nothing(ard, tmp_path):
    found = deliver(ard, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    assert found.pixels == 4 * SIDE_PIXELS**2
    images = sum(path.stat().st_size for path in ard.rglob("*.tif"))
    assert found.bytes_read == images and found.bytes_written > 0 and found.seconds > 0
    assert "4 tiles to fuse: 1.2 Mpx" in str(found) and NAME in str(found)


def test_a_dry_run_learns_from_the_manifest(ard, out):
    row = read_manifest(out).rows[names(out)[0]]
    slow = dataclasses.replace(row, seconds=1000.0)
    manifest = Manifest(out, {}, {})
    manifest.put(slow)
    first, second = (
        deliver(ard, out, dry_run=True, look=look, overwrite=True) for look in ("natural", "flat")
    )
    assert first.there == 4 and first.seconds == 0
    assert len(second.tiles) == 4 and second.seconds > 500


def test_a_tile_that_is_not_what_its_item_says_fails_alone(ard, tmp_path):
    root = shutil.copytree(ard, tmp_path / "ard")
    item = next(root.rglob("103*.json"))
    data = json.loads(item.read_text())
    data["assets"]["pan_analytic"]["proj:bbox"] = [
        value + 20 for value in data["assets"]["pan_analytic"]["proj:bbox"]
    ]
    item.write_text(json.dumps(data))
    made = deliver(root, tmp_path / "out")
    assert made.done == 3 and "not as its item says: the file lies 20.0 m away" in made.failed[0].reason


# Areas


def test_an_area_is_burnt_exactly():
    """Against the same polygon, measured in metres: half a pixel where its sides cross the ground."""
    grid = grid_at(1200, 900, 0.5, 350_000, 3_800_000)
    corners = [(350_020, 3_799_990), (350_400, 3_799_700), (350_300, 3_799_500), (350_060, 3_799_550)]
    hole = [(350_150, 3_799_800), (350_200, 3_799_800), (350_150, 3_799_700)]
    area = Area(((tuple(lonlat(*point) for point in corners), tuple(lonlat(*point) for point in hole)),))
    part = part_of(grid, None, area)
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
    # What is only touched lies at the edge.
    assert part.cells.sum() < inner.sum() + 4 * sum(inner.shape)
    assert min(inner[:2].sum(), inner[-2:].sum(), inner[:, :2].sum(), inner[:, -2:].sum()) > 0


def signed_distance(x, y, corners):
    """Metres from the sides of a polygon, and whether a point is in it."""
    inside = np.zeros(x.shape, bool)
    distance = np.full(x.shape, np.inf)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        inside ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0 or 1e-30) + x0)
        along = np.clip(
            ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1
        )
        distance = np.minimum(distance, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    return distance, inside


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
    part = part_of(grid, None, area)
    window = PairWindow(row, column, height, width)
    large = part.mask(PairWindow(0, 0, row + window.height, column + window.width))
    assert np.array_equal(large[4 * row :, 4 * column :], part.mask(window))


def test_the_antimeridian_is_no_edge():
    grid = grid_at(
        800,
        800,
        0.5,
        *(transform("EPSG:4326", "EPSG:32601", [179.9985], [-16.8])[k][0] for k in (0, 1)),
        32601,
    )
    across = part_of(grid, None, box_area(179.999, -17, -179.999, -16))
    assert across.mask(PairWindow(0, 0, 200, 200)).mean() == pytest.approx(0.51, abs=0.05)
    split = Area((*box_area(179.999, -17, 180, -16).polygons, *box_area(-180, -17, -179.999, -16).polygons))
    two = part_of(grid, None, split).mask(PairWindow(0, 0, 200, 200))
    assert (two != across.mask(PairWindow(0, 0, 200, 200))).mean() < 1e-4
    assert part_of(grid, None, box_area(-179, -17, 179, -16)) is None


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
        found = deliver(server.url, tmp_path / "out", look="flat", aoi=tmp_path / "aoi.geojson", dry_run=True)
        server.sent = 0
        made = deliver(server.url, tmp_path / "out", look="flat", aoi=tmp_path / "aoi.geojson")
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
    # 400 of 1,088 pixels a side, an apron of 120 all around, and whole blocks of what that touches.
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
    assert deliver(root, tmp_path / "out").done == 4
    made = deliver(root, tmp_path / "out", bbox=(*low, *high), overwrite=True)
    assert (made.done, made.empty, made.complete) == (1, 3, True)
    assert len(names(made.folder)) == 1
    assert deliver(root, tmp_path / "out", bbox=(*low, *high)).empty == 3


def test_cropped_pictures_show_their_cells(ard, tmp_path):
    made = deliver(ard, tmp_path / "out", crop_to_cell=True, mosaic="cog")
    for name in names(made.folder):
        with rasterio.open(made.folder / f"{name}.tif") as file:
            assert file.shape == (512, 512)
            bounds = file.bounds
            assert (bounds.left - ards.WEST) % SQUARE_SIDE == pytest.approx(
                0
            ) and bounds.right - bounds.left == SQUARE_SIDE
    plain = deliver(ard, tmp_path / "plain", mosaic="cog")
    mosaic = f"mosaic/11/{ards.CID}.tif"
    # Dithering begins at the corner of each picture.
    assert np.abs(pairs.read(made.folder / mosaic).astype(int) - pairs.read(plain.folder / mosaic)).max() <= 1


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
        ("[1]", "expected GeoJSON"),
    ],
)
def test_geojson_that_is_no_area_is_refused(tmp_path, text, reason):
    (tmp_path / "a.geojson").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_area(tmp_path / "a.geojson")


def test_polygons_are_found_wherever_geojson_has_them(tmp_path):
    ring = [[0, 0, 7], [1, 0, 7], [1, 1, 7], [0, 0, 7]]
    polygon = {"type": "Polygon", "coordinates": [ring]}
    many = {"type": "MultiPolygon", "coordinates": [[ring], [ring]]}
    both = {"type": "GeometryCollection", "geometries": [polygon, many]}
    features = [{"type": "Feature", "geometry": shape} for shape in (polygon, many, both, None)]
    (tmp_path / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    area = read_area(tmp_path / "a.geojson")
    assert len(area.polygons) == 6 and set(area.polygons) == {(((0, 0), (1, 0), (1, 1), (0, 0)),)}


@pytest.mark.parametrize(
    "box", [(0, 1, 1, 1), (0, 2, 1, 1), (0, 0, 0, 1), (0, -91, 1, 1), (math.nan, 0, 1, 1)]
)
def test_boxes_without_ground_are_refused(box):
    with pytest.raises(InputError, match="expected west, south, east and north"):
        box_area(*box)


# Mosaics


def test_a_mosaic_is_what_fusing_the_whole_country_gives(tmp_path):
    pan, mul = write_country(tmp_path / "ard")
    west, north = ards.corner(0, 0)
    place = Affine(TILE_SIDE / SIDE_PIXELS, 0, west, 0, -TILE_SIDE / SIDE_PIXELS, north)
    fine = pairs.write(tmp_path / "p.tif", pan, place)
    coarse = pairs.write(tmp_path / "m.tif", mul, place @ Affine.scale(4))
    # These tiles reach four mul pixels beyond their cells, real ones seventy: as far as the predictor looks.
    options = {"look": "flat", "weights": "predictor"}
    fuse(fine, coarse, tmp_path / "whole.tif", **options)
    made = deliver(tmp_path / "ard", tmp_path / "out", mosaic="cog", **options)
    path = made.folder / "mosaic" / "11" / f"{ards.CID}.tif"
    whole = pairs.read(tmp_path / "whole.tif")[:, 16:-16, 16:-16].astype(int)
    assert np.abs(pairs.read(path) - whole).max() <= 1
    with rasterio.open(path) as file:
        assert file.bounds == (
            ards.WEST,
            ards.NORTH - 2 * SQUARE_SIDE,
            ards.WEST + 2 * SQUARE_SIDE,
            ards.NORTH,
        )
        assert file.overviews(1) and file.tags()["POTATO_CID"] == ards.CID
    deliver(tmp_path / "ard", tmp_path / "out", mosaic="vrt", **options)
    assert np.array_equal(pairs.read(path.with_suffix(".vrt")), pairs.read(path))
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    assert pairs.read(tmp_path / "elsewhere" / path.relative_to(tmp_path / "out").with_suffix(".vrt")).any()


@pytest.mark.parametrize("side", [100, 93])
def test_a_mosaic_has_no_seams_where_cells_are_no_whole_number_of_pixels(tmp_path, side):
    """Differences across the borders of cells are those of inside, and everything is in its place."""
    pixel = TILE_SIDE / side / 4
    bend = 2 * np.pi / (11 * pixel)

    def ground(x, y):
        return 2000 + 800 * np.sin(bend * (x + 0.8 * y))

    for column, row in ((0, 0), (1, 0), (0, 1), (1, 1)):
        west, north = ards.corner(column, row)
        x, y = np.meshgrid(np.arange(4 * side) + 0.5, np.arange(4 * side) + 0.5)
        pan = ground(west + x * pixel - ards.WEST, north - y * pixel - ards.NORTH)
        mul = np.broadcast_to(pan.reshape(side, 4, side, 4).mean((1, 3)), (8, side, side))
        ards.write_tile(
            tmp_path / "ard", column, row, side=side, ground=(pan.astype("uint16"), mul.astype("uint16"))
        )
    made = deliver(tmp_path / "ard", tmp_path / "out", look="flat", mosaic="cog")
    with rasterio.open(made.folder / "mosaic" / "11" / f"{ards.CID}.tif") as file:
        codes, place = file.read().astype(float), file.transform
    size = round(SQUARE_SIDE / pixel)
    assert codes.shape == (4, 2 * size, 2 * size) and (codes[3] == 65535).all()
    for axis in (1, 2):
        steps = np.abs(np.diff(codes[1], axis=axis - 1)).mean(2 - axis)
        inside = np.delete(steps, size - 1)
        # Half a pixel of ground may be missing there.
        assert inside.max() < 1.1 * inside.mean() and steps[size - 1] < 1.5 * inside.mean()
    # Green is brightest where the ground is: so a cell that is shifted shows.
    x, y = np.meshgrid(np.arange(2 * size) + 0.5, np.arange(2 * size) + 0.5)
    x, y = x * place.a + place.c - ards.WEST, place.f - y * place.a - ards.NORTH
    for rows in (slice(size), slice(size, None)):
        for columns in (slice(size), slice(size, None)):
            here = codes[1][rows, columns]
            shift = [
                np.corrcoef(here.ravel(), ground(x + dx * pixel, y + dy * pixel)[rows, columns].ravel())[0, 1]
                for dx, dy in ((0, 0), (0.6, 0), (-0.6, 0), (0, 0.6), (0, -0.6))
            ]
            assert shift[0] == max(shift)


def test_pictures_of_other_pixels_are_left_out_of_a_mosaic_and_told(tmp_path):
    ards.write_tile(tmp_path / "ard", 0, 0)
    ards.write_tile(tmp_path / "ard", 1, 0)
    ards.write_tile(tmp_path / "ard", 0, 1, side=100)
    made = deliver(tmp_path / "ard", tmp_path / "out", mosaic="cog")
    assert made.done == 3 and made.mosaics == 1 and made.complete
    name = sorted(names(made.folder))[-1]
    assert f"1 picture left out: {name}.tif: another pixel size" in made.notes[0]


def test_a_picture_that_lies_in_no_cell_is_left_out_of_a_mosaic_and_told(tmp_path):
    ards.write_tile(tmp_path / "ard", 0, 0)
    ards.write_tile(tmp_path / "ard", 1, 0, changes={"quadkey": "000000000000"})
    made = deliver(tmp_path / "ard", tmp_path / "out", mosaic="vrt")
    assert (made.done, made.mosaics) == (2, 1)
    assert (
        "1 picture left out: 11/000000000000/" in made.notes[0] and "on no cell of the grid" in made.notes[0]
    )


@pytest.mark.parametrize("south", [False, True])
def test_a_picture_belongs_to_the_cell_of_its_quadkey_in_both_hemispheres(tmp_path, south):
    quadkey = "301111102001" if south else "031311102001"
    west, _, _, north = quadkey_square(quadkey, south)
    place = Affine(100, 0, west - OVERLAP, 0, -100, north + OVERLAP)
    path = pairs.write(tmp_path / "x.tif", np.ones((1, 50, 50), np.uint16), place, names=("BAND_P",))
    assert cell_of(f"11/{quadkey}/2024-12-14/{ards.CID}", str(path)) == quadkey_square(quadkey, south)


def test_nearly_the_same_pixels_are_fitted(tmp_path):
    for column, side in ((0, 272), (1, 273)):
        path = ards.write_tile(tmp_path / "ard", column, 0, side=side)
        (tmp_path / f"{column}.txt").write_text(str(path))
    made = deliver(tmp_path / "ard", tmp_path / "out", mosaic="cog")
    with rasterio.open(made.folder / "mosaic" / "11" / f"{ards.CID}.tif") as file:
        assert file.shape == (1024, 2048) and (file.read(4) == 255).all()


@pytest.mark.parametrize("kind", ["cog", "vrt"])
def test_a_mosaic_is_made_again_when_tiles_come_along(ard, tmp_path, kind):
    root = shutil.copytree(ard, tmp_path / "ard")
    pan = sorted(root.rglob("*-pan.tif"))[0]
    whole = pan.read_bytes()
    pan.write_bytes(b"")
    less = deliver(root, tmp_path / "out", mosaic=kind)
    assert (less.done, less.mosaics, len(less.failed)) == (3, 1, 1)
    pan.write_bytes(whole)
    more = deliver(root, tmp_path / "out", mosaic=kind, retry_failed=True)
    assert (more.done, more.mosaics, more.complete) == (1, 1, True)
    before, after = less.folder / "mosaic", tmp_path / "fresh" / "mosaic"
    deliver(root, after.parent, mosaic=kind)
    name = f"11/{ards.CID}.{'tif' if kind == 'cog' else 'vrt'}"
    assert (before / name).read_bytes() == (after / name).read_bytes()


def test_a_layout_knows_no_picture_that_shows_nothing_of_its_cell(delivered):
    path = str(delivered.folder / f"{names(delivered.folder)[0]}.tif")
    with pytest.raises(InputError, match="show their squares"):
        lay_out([(path, (0.0, 0.0, SQUARE_SIDE, SQUARE_SIDE))])
    with pytest.raises(InputError, match="found none"):
        lay_out([])
    assert pytest.approx(156.25) == OVERLAP


# Commands


def test_the_command_says_what_it_did(ard, tmp_path, run, inline):
    result = run(
        "fuse-ard", ard, tmp_path / "out", "-j", "1", "--mosaic", "--look", "flat", "--cid", ards.CID
    )
    assert result.exit_code == 0, result.output
    assert "4 tiles fused, 1 mosaic; 2.2 Mpx" in result.stdout
    facts = json.loads(run("fuse-ard", ard, tmp_path / "out", "--look", "flat", "--json").stdout)
    assert facts["there"] == 4 and facts["complete"] is True
    assert run("fuse-ard", ard, tmp_path / "out", "--look", "flat", "-q").output == ""
    refused = run("fuse-ard", ard, tmp_path / "out")
    assert refused.exit_code == 1 and "look: flat, now natural" in refused.stderr
    dry = json.loads(run("fuse-ard", ard, tmp_path / "new", "--dry-run", "--json").stdout)
    assert len(dry["tiles"]) == 4 and not (tmp_path / "new").exists()


def test_a_box_may_begin_with_a_minus(ard, tmp_path, run):
    box = ("-119", "30", "-117", "40")
    found = run("fuse-ard", ard, tmp_path / "out", "--bbox", *box, "--dry-run")
    assert found.exit_code == 0 and "4 tiles to fuse" in found.stdout
    both = run("fuse-ard", ard, tmp_path / "out", "--bbox", *box, "--aoi", "x.geojson")
    assert both.exit_code == 1 and "give one" in both.stderr


def test_failures_are_listed_with_exit_code_3_until_they_are_mended(ard, tmp_path, run, inline):
    root = shutil.copytree(ard, tmp_path / "ard")
    pan = next(root.rglob("*-pan.tif"))
    good = pan.read_bytes()
    pan.write_bytes(good[: len(good) // 2])
    result = run("fuse-ard", root, tmp_path / "out", "-j", "1")
    assert result.exit_code == 3
    assert "3 tiles fused" in result.stdout and result.stdout.count("failed: 11/") == 1
    quiet = run("fuse-ard", root, tmp_path / "out", "-j", "1", "-q")
    assert quiet.exit_code == 3 and quiet.stdout == "" and "failed: 11/" in quiet.stderr
    pan.write_bytes(good)
    again = run("fuse-ard", root, tmp_path / "out", "-j", "1")
    assert (
        again.exit_code == 3
        and "0 tiles fused, 3 already there" in again.stdout
        and "failed: 11/" in again.stdout
    )
    last = run("fuse-ard", root, tmp_path / "out", "-j", "1", "--retry-failed")
    assert last.exit_code == 0 and "1 tile fused, 3 already there" in last.stdout


def test_clouds_of_a_cid_are_those_of_its_ground(tmp_path):
    for column, clouds, area in ((0, 0, 5.0), (1, 80, 15.0)):
        changes = {"tile:clouds_percent": clouds, "tile:data_area": area}
        ards.write_tile(tmp_path / "ard", column, 0, changes=changes)
    (one,) = list_ard(tmp_path / "ard").cids
    assert (one.clouds, one.km2) == (60.0, 20.0)


def test_ls_prints_what_there_is(tmp_path, run):
    root = two_cids(tmp_path / "Fire-May-24")
    listing = list_ard(root)
    assert [(one.event, one.cid, one.tiles, one.usable) for one in listing.cids] == [
        ("Fire-May-24", ards.CID, 2, 2),
        ("Fire-May-24", ards.OTHER, 2, 1),
    ]
    assert listing.cids[1].clouds == pytest.approx(30) and listing.cids[1].date == "2024-12-14"
    assert listing.unusable == {"not WorldView-2 or -3": 1}
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
    assert isinstance(listing, delivery.Listing)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://me:pass@host/a.tif", "https://host/a.tif"),
        ("'https://host/a.tif?X-Amz-Signature=1&b=2': 403", "'https://host/a.tif': 403"),
        ("/vsicurl/https://host/a.tif?sig=1, tried twice", "/vsicurl/https://host/a.tif, tried twice"),
        ("is it there? yes", "is it there? yes"),
        ("s3://bucket/key", "s3://bucket/key"),
    ],
)
def test_secrets_are_kept_out_of_texts(text, clean, monkeypatch):
    assert redact(text) == clean
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    assert "wJalrXUtnFEMI" not in redact(f"{text} wJalrXUtnFEMI")
