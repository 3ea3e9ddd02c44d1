import dataclasses
import json
import shutil
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potato.ard import OVERLAP, SQUARE_SIDE, TILE_SIDE, Broken, Tile, source, unusable, walk_ard
from potato.ard.grid import quadkey_square, square_quadkey
from potato.ard.item import parse_item
from potato.ard.synthetic import make_ard
from potato.errors import ArdError

from ards import write_ard
from servers import serve_bucket, serve_folder

ITEM = "11/031311102001/2024-12-14/103001010A705C00.json"
SQUARE = [344843.75, 3794843.75, 350156.25, 3800156.25]


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ard") / "event"
    make_ard(folder, tiles=5, size=136)
    return folder


@pytest.fixture(scope="module")
def bucket(event):
    with serve_bucket(event) as address:
        yield address


@pytest.fixture
def ard(event, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(event, tmp_path / "event") / "ard"


def without_addresses(things, root):
    """Everything about tiles but where they are."""
    root = str(root).rstrip("/") + "/"
    return [tuple(str(value).replace(root, "") for value in dataclasses.astuple(thing)) for thing in things]


def an_item(**changes):
    properties = {
        "datetime": "2024-12-14T18:53:50Z",
        "platform": "WV02",
        "catalog_id": "103001010A705C00",
        "utm_zone": 11,
        "quadkey": "031311102001",
        "tile:data_area": 10.3,
        "tile:clouds_percent": 7,
        "proj:code": "EPSG:32611",
    }
    image = {"proj:bbox": SQUARE, "proj:shape": [9484, 9484]}
    assets = {
        "pan_analytic": {"href": "./103001010A705C00-pan.tif", **image},
        "ms_analytic": {"href": "./103001010A705C00-ms.tif", **image, "proj:shape": [2371, 2371]},
    }
    for key, value in changes.items():
        where = properties if key in ("clouds", "epsg", "zone") or key not in assets else assets
        name = {"clouds": "tile:clouds_percent", "zone": "utm_zone"}.get(key, key)
        where[name] = value
    return {"type": "Feature", "properties": properties, "assets": assets}


def parse(item, name=ITEM, root="/ard/"):
    return parse_item(item, name, root, lambda file: root + file)


def with_href(href, **settings):
    return parse(an_item(ms_analytic={"href": href}), **settings)


def spoil(ard, change):
    """Change the JSON of the first item; `change` returns what to write."""
    path = sorted(ard.glob("[0-9]*/*/*/*.json"))[0]
    text = change(json.loads(path.read_text()))
    path.write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())
    return path


def test_an_item_says_everything_a_tile_has():
    folder = "/ard/11/031311102001/2024-12-14/103001010A705C00"
    assert parse(an_item()) == Tile(
        cid="103001010A705C00",
        platform="WV02",
        zone=11,
        quadkey="031311102001",
        date="2024-12-14",
        clouds=7,
        epsg=32611,
        bbox=tuple(SQUARE),
        pan=f"{folder}-pan.tif",
        mul=f"{folder}-ms.tif",
        item=f"{folder}.json",
        shape=(9484, 9484),
        data_area=10.3,
        datetime="2024-12-14T18:53:50Z",
    )
    assert parse(an_item()).id == "11/031311102001/103001010A705C00"


@pytest.mark.parametrize(
    ("platform", "name"),
    [("WV03", "WV03"), ("worldview-02", "WV02"), ("WorldView-03", "WV03"), ("GE01", "GE01"), (None, "")],
)
def test_platforms_have_one_spelling(platform, name):
    tile = parse(an_item(platform=platform))
    assert tile.platform == name
    assert (unusable(tile) is None) == name.startswith("WV0")


def test_both_spellings_of_the_projection_are_read():
    old = an_item()
    del old["properties"]["proj:code"]
    old["properties"]["proj:epsg"] = 32611
    assert parse(old).epsg == parse(an_item()).epsg == 32611


@pytest.mark.parametrize(
    ("changes", "attribute", "value"),
    [
        ({"clouds": "12"}, "clouds", 12),
        ({"clouds": 300}, "clouds", None),
        ({"clouds": float("nan")}, "clouds", None),
        ({"clouds": True}, "clouds", None),
        ({"zone": "eleven"}, "zone", 11),
        ({"quadkey": 31311102001}, "quadkey", "031311102001"),
        ({"datetime": None}, "date", "2024-12-14"),
        ({"catalog_id": "<b>"}, "cid", "103001010A705C00"),
        ({"proj:code": "EPSG:"}, "epsg", None),
        ({"proj:code": ["x"]}, "epsg", None),
        ({"platform": "W\nV\x1b02" + 99 * "x"}, "platform", "WV02" + 36 * "x"),
    ],
)
def test_nonsense_in_an_item_is_not_believed(changes, attribute, value):
    assert getattr(parse(an_item(**changes)), attribute) == value


def test_a_square_is_worked_out_from_transform_and_shape():
    image = {
        "href": "a.tif",
        "proj:shape": [10, 10],
        "proj:transform": [531.25, 0, 344843.75, 0, -531.25, 3800156.25],
    }
    assert parse(an_item(pan_analytic=image)).bbox == tuple(SQUARE)
    assert parse(an_item(pan_analytic={}, ms_analytic={"proj:bbox": [3, 2, 1, 0]})).bbox is None


@pytest.mark.parametrize(
    ("assets", "reason"),
    [
        ({"pan_analytic": {"href": "./a-pan.tif"}}, "pan only"),
        ({"ms_analytic": {"href": "./a-ms.tif"}}, "mul only"),
        ({"visual": {"href": "./a-visual.tif"}}, "neither pan nor mul"),
        ({"pan_analytic": {"href": "a"}, "ms_analytic": {}}, "an asset without an href (ms_analytic)"),
        ({"pan_analytic": {"href": "a"}, "ms_analytic": None}, "an asset without an href (ms_analytic)"),
    ],
)
def test_what_is_missing_is_named(assets, reason):
    assert unusable(parse({**an_item(), "assets": assets})) == reason


@pytest.mark.parametrize(
    "href",
    [
        "../../../../secret.tif",
        "./../../../../../etc/passwd",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret.tif",
        "/etc/passwd",
        "file:///ard/11/031311102001/2024-12-14/a.tif",
        "https://elsewhere.example/a.tif",
        "https://elsewhere.example/12/031311102001/2024-12-14/a.tif",
        "s3://other/a.tif",
        "//elsewhere.example/a.tif",
        "/vsicurl/https://elsewhere.example/a.tif",
        "zip://../../../../../a.zip",
    ],
)
@pytest.mark.parametrize("root", ["/ard/", "s3://bucket/ard/", "https://host.example/event/ard/"])
def test_links_that_leave_the_ard_are_not_followed(href, root):
    tile = with_href(href, root=root)
    assert tile.mul is None
    assert unusable(tile).startswith("an href that leaves the ARD (ms_analytic: ")


@pytest.mark.parametrize("href", ["..\\..\\secret.tif", "a\n.tif", "a\0.tif", "\ud800.tif"])
def test_links_with_odd_characters_are_not_followed(href):
    tile = with_href(href)
    assert unusable(tile).startswith("an href with characters that no ARD has (")
    assert unusable(tile).isprintable() and unusable(tile).isascii()


@pytest.mark.parametrize(
    "href",
    [
        "103-ms.tif",
        "./103-ms.tif",
        "../2024-12-14/103-ms.tif",
        "https://original.example/events/x/ard/11/031311102001/2024-12-14/103-ms.tif",
        "s3://original/ard/11/031311102001/2024-12-14/103-ms.tif",
        "s3://bucket/ard/11/031311102001/2024-12-14/103-ms.tif",
    ],
)
def test_links_within_are_followed_and_those_to_the_original_understood(href):
    tile = with_href(href, root="s3://bucket/ard/")
    assert tile.mul == "s3://bucket/ard/11/031311102001/2024-12-14/103-ms.tif"
    assert unusable(tile) is None


texts = st.text("a1.-/:%<\\\n\0é\ud800", max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.dictionaries(st.sampled_from([*an_item()["properties"], "proj:epsg"]), values),
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("pan_analytic", "ms_analytic"),
            values
            | st.dictionaries(st.sampled_from(["href", "proj:bbox", "proj:shape", "proj:transform"]), values),
        ),
    ),
)
def test_no_json_breaks_the_reader(properties, assets):
    tile = parse({"properties": properties, "assets": assets})
    assert isinstance(tile, Tile)
    assert unusable(tile) is None or unusable(tile).isprintable()
    assert tile.grid_square is None or len(tile.grid_square) == 4


@given(st.integers(0, 4095), st.integers(0, 4095))
def test_quadkeys_and_cells_are_inverse(column, row):
    west, north = 500_000 + (column - 2048) * SQUARE_SIDE, (2048 - row) * SQUARE_SIDE
    quadkey = square_quadkey(west, north)
    assert quadkey_square(quadkey) == (west, north - SQUARE_SIDE, west + SQUARE_SIDE, north)
    assert quadkey_square(quadkey, south=True)[3] == north + 10_000_000


def test_the_grid_is_that_of_the_public_catalogue():
    # Two items of the public index: zone 11, and zone 46, whose data box ends at 475,156.25.
    assert quadkey_square("031311102001") == (345000, 3795000, 350000, 3800000)
    assert quadkey_square("033111333030")[2] + OVERLAP == 475156.25
    assert pytest.approx(5312.5) == TILE_SIDE


def test_a_tile_owns_its_cell_and_no_apron():
    assert parse(an_item()).grid_square == (345000, 3795000, 350000, 3800000)
    clipped = {"href": "a.tif", "proj:bbox": [349000, 3794843.75, 350156.25, 3796000]}
    assert parse(an_item(pan_analytic=clipped)).grid_square == (349000, 3795000, 350000, 3796000)
    elsewhere = {"href": "a.tif", "proj:bbox": [0, 0, 340, 3400]}
    assert parse(an_item(pan_analytic=elsewhere)).grid_square == (10, 100, 330, 3300)
    assert parse(an_item(pan_analytic={}, ms_analytic={})).grid_square is None


def test_a_southern_tile_owns_its_cell():
    west, south, east, north = quadkey_square("211311102001", south=True)
    image = {"href": "a", "proj:bbox": [west + 4000, south - OVERLAP, east + OVERLAP, north + OVERLAP]}
    tile = parse(an_item(quadkey="211311102001", pan_analytic=image))
    assert tile.grid_square == (west + 4000, south, east, north) and south > 0


def test_neighbours_meet_without_sharing_ground(event):
    by_cid = {}
    for tile in walk_ard(str(event)):
        by_cid.setdefault((tile.cid, tile.zone), []).append(tile)
    pairs = [group for group in by_cid.values() if len(group) > 1]
    assert pairs
    for left, right in pairs:
        assert left.bbox[2] - right.bbox[0] == pytest.approx(2 * OVERLAP)
        assert left.grid_square[2] == right.grid_square[0]


def test_any_folder_will_do_and_the_order_is_the_same(event):
    tiles = list(walk_ard(str(event)))
    assert list(walk_ard(str(event / "ard"))) == tiles
    assert without_addresses(walk_ard(str(event.parent)), event) == without_addresses(tiles, event)
    assert [tile.item for tile in tiles] == sorted(tile.item for tile in tiles)
    assert sum(unusable(tile) is None for tile in tiles) == 5
    assert {tile.zone for tile in tiles} == {32, 33}
    assert {tile.epsg for tile in tiles} == {32632, 32633}


def test_each_broken_item_has_its_reason(event):
    reasons = {unusable(tile).partition(" (")[0] for tile in walk_ard(str(event)) if unusable(tile)}
    assert reasons == {
        "not WorldView-2 or -3",
        "neither pan nor mul",
        "an asset without an href",
        "a missing file",
    }


@pytest.mark.parametrize("start", ["", "ard", "ard/", "collection.json"])
def test_a_web_server_gives_the_same_tiles(event, start):
    with serve_folder(event) as server:
        found = list(walk_ard(server.url + start))
        sent = server.sent
    gone = [tile for tile in found if tile.mul and not (event / tile.mul.removeprefix(server.url)).exists()]
    # Whether a file is there shows on the web only when it is read.
    assert len(gone) == 1
    place = found.index(gone[0])
    remote = without_addresses(found, server.url)
    local = without_addresses(walk_ard(str(event)), event)
    assert remote[:place] + remote[place + 1 :] == local[:place] + local[place + 1 :]
    json_bytes = sum(path.stat().st_size for path in event.rglob("*.json"))
    assert sent < 2 * json_bytes


@pytest.mark.parametrize("start", ["", "/", "/ard", "/ard/"])
def test_a_bucket_gives_the_same_tiles(event, bucket, start):
    found = list(walk_ard(bucket + start))
    assert without_addresses(found, bucket) == without_addresses(walk_ard(str(event)), event)
    assert found[0].pan.startswith("s3://ard/ard/")


def test_a_bucket_or_prefix_that_is_not_there_is_said(bucket):
    with pytest.raises(ArdError, match="found none"):
        walk_ard(bucket + "/nowhere")
    with pytest.raises(ArdError, match="can't list s3://other/"):
        walk_ard("s3://other/ard")


def test_without_obstore_a_bucket_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ArdError, match=r"pip install 'potato\[s3\]'"):
        walk_ard("s3://bucket/ard")


def test_buckets_follow_the_settings_of_gdal(monkeypatch):
    for name in ("AWS_S3_ENDPOINT", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "NO")
    assert source._bucket_settings("any") == {"region": "eu-west-1"}
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    monkeypatch.setenv("AWS_S3_ENDPOINT", "127.0.0.1:9")
    monkeypatch.setenv("AWS_HTTPS", "NO")
    found = source._bucket_settings("any")
    assert found["skip_signature"] and found["endpoint"] == "http://127.0.0.1:9"


def test_a_web_address_without_a_collection_says_what_to_give(event):
    with (
        serve_folder(event) as server,
        pytest.raises(ArdError, match=r"expected a collection.json .*404.* give the address of the event"),
    ):
        walk_ard(server.url + "ard/33")


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (503, 3)])
def test_what_a_server_refuses_is_reported_and_the_rest_read(event, status, tries):
    with serve_folder(event) as server:
        server.faults[r"/ard/33/.*2023-05-16/.*\.json"] = status
        found = list(walk_ard(server.url))
    broken = [one for one in found if isinstance(one, Broken)]
    assert len(found) == 10 and len(broken) == 2
    assert all(f"the server says {status}" in one.reason for one in broken)
    asked = [path for _, path, _, answer in server.requests if answer == status]
    assert len(asked) == 2 * tries


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nowhere", "found nothing there"),
        ("file.txt", "found a file there"),
        ("empty", "found none; give the ard folder"),
        ("gs://bucket/ard", "expected a folder, s3://… or https://…"),
        ("/vsis3/bucket/ard", "expected a folder, s3://… or https://…"),
    ],
)
def test_a_place_without_an_ard_is_an_error(tmp_path, monkeypatch, where, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArdError, match=message):
        walk_ard(where)


def test_relative_paths_stay_relative(ard, monkeypatch):
    monkeypatch.chdir(ard)
    tiles = list(walk_ard("."))
    assert len(tiles) == 10
    assert not any(tile.item.startswith("/") for tile in tiles)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "unreadable JSON"),
        (b'{"type": "Feature", "assets"', "unreadable JSON"),
        (b"\xff\xfe\x00{", "unreadable JSON"),
        (b"[" * 100_000, "unreadable JSON"),
        (b"[1, 2]", "expected a STAC item"),
        (b'{"assets": []}', "expected a STAC item"),
    ],
)
def test_unreadable_items_are_reported_and_the_rest_read(ard, text, reason):
    path = spoil(ard, lambda item: text)
    found = list(walk_ard(str(ard)))
    broken = [one for one in found if isinstance(one, Broken)]
    assert len(found) == 10 and len(broken) == 1
    assert broken[0].item == str(path) and broken[0].reason.startswith(reason)


def test_a_file_of_json_without_end_is_not_read_to_the_end(ard, monkeypatch):
    monkeypatch.setattr(source, "LIMIT", 3000)
    monkeypatch.setattr("potato.ard.walk.LIMIT", 3000)
    found = list(walk_ard(str(ard)))
    assert any("expected JSON of" in one.reason for one in found if isinstance(one, Broken))


def test_an_item_without_a_catalog_id_is_reported(ard):
    path = sorted(ard.glob("[0-9]*/*/*/*.json"))[0]
    item = json.loads(path.read_text())
    del item["properties"]["catalog_id"]
    path.unlink()
    (path.parent / "notes.json").write_text(json.dumps(item))
    reasons = [one.reason for one in walk_ard(str(ard)) if isinstance(one, Broken)]
    assert any("expected a catalog ID" in reason for reason in reasons)
    assert any("aren't there" in reason for reason in reasons)


def test_symlinks_out_of_the_ard_are_not_followed_unless_told(ard):
    shutil.move(ard / "32", ard.parent / "elsewhere")
    (ard / "32").symlink_to(ard.parent / "elsewhere")
    item, other, *_ = sorted(ard.glob("33/*/*/*.json"))
    for path in (item, image := other.with_name(f"{other.stem}-pan.tif")):
        shutil.move(path, ard.parent / path.name)
        path.symlink_to(ard.parent / path.name)
    (ard / "33" / "loose").symlink_to("/nowhere")
    found = list(walk_ard(str(ard)))
    reasons = {one.item: one.reason for one in found if isinstance(one, Broken)}
    assert reasons.pop(str(item)) == reasons.pop(str(ard / "32"))
    assert all("links to" in reason for reason in reasons.values())
    tiles = {one.item: one for one in found if isinstance(one, Tile)}
    assert tiles[str(other)].pan is None and tiles[str(other)].mul
    assert unusable(tiles[str(other)]) == (
        f"a symlink that leads out of the ARD (pan_analytic: {image.name})"
    )
    assert not any("/32/" in name for name in tiles)
    told = [one for one in walk_ard(str(ard), follow_links=True) if isinstance(one, Tile)]
    assert len(told) == 10 and all(one.pan or one.trouble for one in told if one.item == str(other))
    # A folder that is a symlink itself is where it leads.
    (ard.parent / "door").symlink_to(ard)
    assert len([one for one in walk_ard(str(ard.parent / "door")) if isinstance(one, Tile)]) == len(tiles)


@pytest.mark.parametrize(
    "command",
    [
        "ls {ard}",
        "doctor {ard} --tiles 1",
        "rate-cids {ard} -o {out}.csv",
        "make-chips --ard-dir {ard} --chip-dir {out} --size 32 --count 1",
        "fuse-ard {ard} {out} --weights predictor --dry-run",
    ],
)
def test_every_command_that_reads_an_ard_follows_links_when_told(command, run, tmp_path):
    write_ard(tmp_path / "disk", 1, 1)
    zone = next(path for path in (tmp_path / "disk").iterdir() if path.is_dir())
    (tmp_path / "ard").mkdir()
    (tmp_path / "ard" / zone.name).symlink_to(zone)
    words = command.format(ard=tmp_path / "ard", out=tmp_path / "out").split()
    refused = run(*words)
    assert "a symlink that leads out of the ARD; use --follow-links" in refused.stdout + refused.stderr
    followed = run(*words, "--follow-links")
    assert "symlink" not in followed.stdout + followed.stderr
    assert followed.exit_code == 0 or words[0] == "doctor", (
        followed.stderr
    )  # that knows this tile isn't whole


def test_symlinks_are_followed_but_not_in_circles(ard):
    shutil.move(ard / "32", ard / "33" / "elsewhere")
    (ard / "32").symlink_to("33/elsewhere")
    (ard / "33" / "loop").symlink_to(ard)
    (ard / "33" / "self").symlink_to("self")
    found = list(walk_ard(str(ard)))
    assert sum(isinstance(one, Tile) for one in found) == 10
    broken = [one for one in found if isinstance(one, Broken)]
    assert [one.reason for one in broken] == ["a symlink loop: the folder leads back to one above it"]


def test_an_item_that_is_a_symlink_to_itself_is_reported(ard):
    path = sorted(ard.glob("[0-9]*/*/*/*.json"))[0]
    path.unlink()
    path.symlink_to(path.name)
    broken = [one for one in walk_ard(str(ard)) if isinstance(one, Broken)]
    assert [one.item for one in broken] == [str(path)] and "can't be read" in broken[0].reason


def test_a_tile_that_is_there_twice_counts_once(ard):
    shutil.copytree(ard / "32", ard / "copy" / "32")
    found = list(walk_ard(str(ard)))
    assert sum(isinstance(one, Tile) for one in found) == 10
    broken = [one for one in found if isinstance(one, Broken)]
    assert len(broken) == 1 and "there twice (first as" in broken[0].reason
    assert "copy" in broken[0].item


def test_without_collections_items_are_found_where_they_lie(ard):
    expected = list(walk_ard(str(ard)))
    shutil.rmtree(ard / "acquisition_collections")
    assert list(walk_ard(str(ard))) == expected


def test_items_elsewhere_are_found_by_links(ard):
    collection = sorted(ard.glob("acquisition_collections/103*"))[0]
    data = json.loads(collection.read_text())
    link = next(link for link in data["links"] if link["rel"] == "item")
    moved = (ard / "acquisition_collections" / link["href"]).resolve()
    shutil.move(moved.parent, ard / "loose")
    link["href"] = f"../loose/{moved.name}"
    collection.write_text(json.dumps(data))
    tiles = list(walk_ard(str(ard)))
    assert len(tiles) == 10 and tiles[-1].item == str(ard / "loose" / moved.name)
    assert unusable(tiles[-1]) is None


def test_links_to_items_that_are_not_there_are_counted(ard):
    shutil.rmtree(ard / "33" / sorted(path.name for path in (ard / "33").iterdir())[0])
    broken = [one for one in walk_ard(str(ard)) if isinstance(one, Broken)]
    assert len(broken) == 1 and broken[0].reason.startswith("links to 1 items of 2 that aren't there")


def test_collections_may_link_outside_or_be_broken(ard):
    first, second, *_ = sorted(ard.glob("acquisition_collections/*"))
    first.write_text("{")
    second.write_text(json.dumps({"links": [{"rel": "item", "href": "../../../x.json"}, 7, {"rel": []}]}))
    found = list(walk_ard(str(ard)))
    assert sum(isinstance(one, Tile) for one in found) == 10
    assert sorted(
        one.reason.partition(":")[0].partition(" (")[0] for one in found if isinstance(one, Broken)
    ) == [
        "an href that leaves the ARD",
        "unreadable JSON",
    ]
