import json
import shutil

import pytest

from ards import without_addresses, write_ard
from potato.ard.broken import Broken
from potato.ard.grid import OVERLAP
from potato.ard.item import Tile, unusable
from potato.ard.reason import Reason
from potato.ard.walk import walk_ard


@pytest.fixture
def ard(walked_event, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(walked_event, tmp_path / "event") / "ard"


def spoil(ard, change):
    """Change the JSON of the first item; `change` returns what to write."""
    path = sorted(ard.glob("[0-9]*/*/*/*.json"))[0]
    text = change(json.loads(path.read_text()))
    path.write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())
    return path


def test_grid_squares_of_neighbours_meet_without_sharing_ground(walked_event):
    by_cid = {}
    for tile in walk_ard(str(walked_event)):
        by_cid.setdefault((tile.cid, tile.zone), []).append(tile)
    pairs = [group for group in by_cid.values() if len(group) > 1]
    assert pairs
    for left, right in pairs:
        assert left.bbox[2] - right.bbox[0] == pytest.approx(2 * OVERLAP)
        assert left.grid_square[2] == right.grid_square[0]


def test_event_folder_ard_folder_and_parent_give_the_same_tiles_in_order(walked_event):
    tiles = list(walk_ard(str(walked_event)))
    assert list(walk_ard(str(walked_event / "ard"))) == tiles
    assert without_addresses(walk_ard(str(walked_event.parent)), walked_event) == without_addresses(
        tiles, walked_event
    )
    assert [tile.item for tile in tiles] == sorted(tile.item for tile in tiles)
    assert sum(unusable(tile) is None for tile in tiles) == 5
    assert {tile.zone for tile in tiles} == {32, 33}
    assert {tile.epsg for tile in tiles} == {32632, 32633}


def test_each_broken_item_has_its_reason(walked_event):
    reasons = {unusable(tile).kind for tile in walk_ard(str(walked_event)) if unusable(tile)}
    assert reasons == {
        "a sensor that Potato doesn't know: XY01",
        "pan only",
        "neither pan nor mul",
        "an asset without an href",
        "a missing file",
    }


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


def test_a_huge_json_file_is_reported(ard):
    found = list(walk_ard(str(ard), limit=3000))
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
    assert unusable(tiles[str(other)]) == Reason(
        "a symlink that leads out of the ARD", f"pan_analytic: {image.name}"
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


def test_symlinks_are_followed_but_not_in_loops(ard):
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


def test_a_catalog_id_in_another_case_is_the_same(ard):
    """Their pictures would be one on a disk that doesn't tell case."""
    first = sorted(ard.glob("[0-9]*/*/*/*.json"))[0]
    item = json.loads(first.read_text())
    item["properties"]["catalog_id"] = item["properties"]["catalog_id"].lower()
    first.with_stem(first.stem.lower()).write_text(json.dumps(item))
    broken = [one for one in walk_ard(str(ard)) if isinstance(one, Broken)]
    assert len(broken) == 1 and "there twice (first as" in broken[0].reason


def test_without_collections_items_are_found_by_their_paths(ard):
    expected = list(walk_ard(str(ard)))
    shutil.rmtree(ard / "acquisition_collections")
    assert list(walk_ard(str(ard))) == expected


def test_items_with_other_paths_are_found_by_links(ard):
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


def test_links_to_missing_items_are_counted(ard):
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
