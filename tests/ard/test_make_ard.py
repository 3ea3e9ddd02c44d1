import itertools
import json

import numpy as np
import pystac
import pytest
import rasterio
from pystac.errors import STACError
from pystac.validation import validate_dict
from rasterio.enums import MaskFlags
from rio_cogeo.cogeo import cog_validate

from potato.ard.broken import Broken
from potato.ard.grid import SQUARE_SIDE, TILE_SIDE
from potato.ard.inspection import open_tile
from potato.ard.item import unusable
from potato.ard.listing import list_ard
from potato.ard.synthetic import builder
from potato.ard.synthetic.builder import make_ard
from potato.ard.synthetic.collects import SIZE_STEP, PassPlan, plan_collects, plan_squares
from potato.ard.synthetic.passes import simulate_pass
from potato.ard.walk import walk_ard
from potato.core.platforms import find_sensor
from potato.core.windows import PairWindow
from potato.doctor.ards import examine_ard
from potato.errors import InputError, OutputError, OutputExists
from potato.raster.pair import open_pair

SIZE = 544


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_ard(tmp_path_factory.mktemp("made") / "event", tiles=5, size=SIZE)


@pytest.fixture(scope="module")
def tiles(made):
    return [tile for tile in walk_ard(str(made.folder)) if not unusable(tile)]


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_the_layout_is_that_of_a_real_event(made):
    ard = made.folder / "ard"
    for item in ard.glob("[0-9][0-9]/*/*/*.json"):
        zone, quadkey, date = item.relative_to(ard).parts[:3]
        data = json.loads(item.read_text())
        properties = data["properties"]
        assert (properties["utm_zone"], properties["quadkey"]) == (int(zone), quadkey)
        assert properties["datetime"].startswith(date)
        assert data["id"] == f"{zone}/{quadkey}/{item.stem}"
        assert (ard / "acquisition_collections" / f"{item.stem}_collection.json").exists()
    assert (made.folder / "collection.json").exists()
    assert len(list(ard.glob("order_collections/*_root_collection.json"))) == 1


def test_an_ard_has_several_cids_two_zones_and_clouds(made, tiles):
    assert (made.tiles, made.broken, len(made.collects)) == (5, 5, 3)
    assert len(tiles) == 5 and {tile.zone for tile in tiles} == {32, 33}
    assert len({tile.cid for tile in tiles}) == 3
    assert {tile.platform for tile in tiles} == {"WV02", "WV03"}
    assert max(tile.clouds for tile in tiles) > 5
    assert min(tile.clouds for tile in tiles) == 0
    assert sum(map(len, contents(made.folder).values())) == made.bytes


def test_items_of_both_generations_are_written(made):
    items = [json.loads(path.read_text())["properties"] for path in made.folder.glob("ard/[0-9]*/*/*/*.json")]
    assert {"proj:epsg" in item for item in items} == {"proj:code" in item for item in items} == {True, False}
    assert {item["platform"] for item in items} >= {"WV03", "worldview-02", "WV01", "XY01"}


def test_every_tile_is_a_pair_on_its_grid_square(tiles):
    for tile in tiles:
        with open_pair(tile.pan, tile.mul) as pair:
            assert (pair.grid.height, pair.grid.width) == tile.shape == (SIZE, SIZE)
            assert pair.grid.crs.to_epsg() == tile.epsg == 32600 + tile.zone
            pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
        with rasterio.open(tile.mul) as mul:
            assert tuple(mul.bounds) == pytest.approx(tile.bbox)
        assert tile.grid_square[2] - tile.grid_square[0] == SQUARE_SIDE
        share = pixels.mul_valid.mean()
        assert share * TILE_SIDE**2 / 1e6 == pytest.approx(tile.data_area, abs=0.06)
        assert np.array_equal(pixels.pan_valid, np.kron(pixels.mul_valid, np.ones((4, 4), bool)))
        assert 100 < pixels.pan[pixels.pan_valid].mean() < 6000
        assert 0.8 < share <= 1


def test_neighbours_show_the_same_pixels_where_they_overlap(tiles):
    first, second = tiles[1], tiles[2]
    assert first.cid == second.cid
    with open_pair(first.pan, first.mul) as left, open_pair(second.pan, second.mul) as right:
        assert right.grid.transform.c - left.grid.transform.c == SQUARE_SIDE
        overlap = 2 * left.width // 34
        shared = left.read(PairWindow(0, left.width - overlap, left.height, overlap))
        same = right.read(PairWindow(0, 0, left.height, overlap))
    assert overlap == 8 and shared.mul_valid.any()
    for name in ("pan", "mul", "pan_valid", "mul_valid"):
        assert np.array_equal(getattr(shared, name), getattr(same, name))


def test_images_are_cogs_with_mask_bands_or_in_older_exports_nodata(made, tiles):
    for path in made.folder.rglob("*.tif"):
        valid, errors, notes = cog_validate(path)
        assert valid and not errors and not notes, path
    for tile in tiles:
        old = tile.platform == "WV02"
        with rasterio.open(tile.mul) as mul:
            assert mul.dtypes[0] == "uint16" and mul.overviews(1)
            assert mul.descriptions == (
                "BAND_C",
                "BAND_B",
                "BAND_G",
                "BAND_Y",
                "BAND_R",
                "BAND_RE",
                "BAND_N",
                "BAND_N2",
            )
            assert (MaskFlags.per_dataset in mul.mask_flag_enums[0]) != old
            assert mul.nodata == (0 if old else None)
        with rasterio.open(tile.pan) as pan:
            assert pan.descriptions == ("BAND_P",)


def test_clouds_are_where_the_items_say(tiles):
    for tile in tiles:
        with open_pair(tile.pan, tile.mul) as pair:
            pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
        white = (pixels.mul[1] > 3000) & (pixels.mul[1] > 0.8 * pixels.mul[4])
        assert 100 * white[pixels.mul_valid].mean() == pytest.approx(tile.clouds, abs=6)


def test_pystac_finds_every_item(made):
    event = pystac.Collection.from_file(str(made.folder / "collection.json"))
    found = []
    for collection in event.get_children():
        try:
            found += [(item.get_collection().id, collection.id) for item in collection.get_items()]
        except STACError as error:  # pystac gives up at the one without an href
            assert isinstance(error.__cause__, KeyError)
    assert len(found) == 9 and all(own == linked for own, linked in found)


def test_the_json_is_valid_stac(made):
    # Without extensions, so that no schema has to be fetched.
    checked = 0
    for path in sorted(made.folder.rglob("*.json")):
        data = json.loads(path.read_text())
        if all("href" in asset for asset in data.get("assets", {}).values()):
            validate_dict(data, extensions=[])
            checked += 1
    assert checked == 19


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        make_ard(tmp_path / name / "event", tiles=2, size=SIZE_STEP, seed=seed, broken=False)
    first, second, third = (contents(tmp_path / name) for name in ("one", "two", "three"))
    assert first == second
    assert set(first.values()).isdisjoint(content for name, content in third.items() if name.endswith("tif"))


def test_a_pass_has_the_planned_shares_of_cloud_water_and_plain(tmp_path):
    squares = plan_squares(33, 1, 0)
    collects = [
        PassPlan("103001000000AA00", "WV02", "2023-05-16", squares, plain=0.5, water=0.3, clouds=0.4, seed=1),
        PassPlan("103001000000BB00", "WV02", "2023-05-16", squares, reported=False, seed=1),
    ]
    made = make_ard(tmp_path / "event", size=408, collects=collects, broken=False)
    rich, bare = (made.truths[collect.cid] for collect in collects)
    assert (bare.clouds, bare.water, bare.plain) == (0, 0, 0)
    assert rich.clouds == pytest.approx(0.4, abs=0.06)
    assert 0.1 < rich.water < 0.5 and 0.2 < rich.plain < 0.8
    tiles = list(walk_ard(str(made.folder)))
    assert [tile.clouds for tile in tiles] == [round(100 * rich.clouds), None]


def test_ground_beyond_the_simulated_patch_is_its_mirror_image(tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "PATCH", 136 * 136)
    collect = PassPlan("103001000000AA00", "WV02", "2023-05-16", plan_squares(33, 4, 0))
    make_ard(tmp_path / "event", size=272, collects=[collect], broken=False)
    tiles = list(walk_ard(str(tmp_path)))
    assert len(tiles) == 4 and not any(isinstance(tile, Broken) for tile in tiles)
    with open_pair(tiles[3].pan, tiles[3].mul) as pair:
        pixels = pair.read(PairWindow(0, 0, 68, 68))
    # Its 256th pixel is the 16th before the ground has been there and back; 136 on, it turns again.
    assert np.array_equal(pixels.pan[:, :16], pixels.pan[:, 31:15:-1])
    assert np.array_equal(pixels.mul[:, :, 8:38], pixels.mul[:, :, 67:37:-1])
    assert not np.array_equal(pixels.pan[:, 32:152], pixels.pan[:, 152:])


def test_ground_of_an_area_never_repeats():
    collect = PassPlan("103001000000AA00", "WV02", "2023-05-16", plan_squares(33, 4, 0), clouds=0.1)
    whole = simulate_pass(collect, 272, 264, 6, 136 * 136, repeat=False)
    assert whole.pan.shape == (272, 264) and whole.mul.shape == (8, 68, 66)
    again = simulate_pass(collect, 272, 264, 6, 136 * 136, repeat=False)
    assert np.array_equal(again.pan, whole.pan) and np.array_equal(again.mul, whole.mul)
    parts = [whole.pan[row : row + 132, column : column + 132] for row in (0, 136) for column in (0, 132)]
    for first, second in itertools.combinations(parts, 2):
        for turned in (second, second[::-1], second[:, ::-1], second[::-1, ::-1]):
            assert abs(np.corrcoef(first.ravel(), turned.ravel())[0, 1]) < 0.5
    # Pan and mul show one ground in every patch.
    means = whole.pan.reshape(68, 4, 66, 4).mean((1, 3))
    assert np.corrcoef(means.ravel(), whole.mul[4].ravel())[0, 1] > 0.8


def test_an_area_decides_the_number_of_tiles(tmp_path):
    made = make_ard(tmp_path / "event", area=0.01, size=SIZE_STEP, broken=False)
    square = (SIZE_STEP * SQUARE_SIDE / TILE_SIDE * 0.5 / 1000) ** 2
    assert made.tiles == 3 and made.area == pytest.approx(3 * square) and made.area >= 0.01
    assert "0.0 km² of ground that never repeats" in str(made)
    with pytest.raises(InputError, match="found both"):
        make_ard(tmp_path / "other", area=1, tiles=2)


def test_what_is_broken_on_purpose_says_so(made):
    found = [one.found for one in examine_ard(str(made.folder), 0) if one.state == "wrong"]
    assert found and all("broken on purpose" in text for text in found)
    assert "broken on purpose: pan only" in str(list_ard(made.folder))


def test_passes_of_any_satellite_look_like_its_own(tmp_path):
    """Catalog IDs, names of bands, and pixels that make a pair."""
    sensors = ("GE01", "worldview-4", "LG02", "QB02")
    made = make_ard(tmp_path / "event", tiles=4, size=SIZE_STEP, sensors=sensors, broken=False)
    tiles = {tile.platform: tile for tile in walk_ard(str(made.folder))}
    starts = {"GE01": "105", "WV04": "", "LG02": "B0", "QB02": "101"}
    for name, start in starts.items():
        tile = tiles[name]
        assert unusable(tile) is None and tile.cid.startswith(start)
        assert tile.sensor == find_sensor(name) and tile.bands == len(tile.sensor.bands)
        with open_tile(tile) as pair, rasterio.open(tile.mul) as mul:
            assert pair.sensor == tile.sensor and not pair.notes
            assert len(tile.sensor.find_bands(mul.descriptions)) == mul.count == len(tile.sensor.bands)
            pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
        # The bands are those that they are called: ground is dark in blue and bright in infrared.
        means = dict(zip(tile.sensor.bands, pixels.mul[:, pixels.mul_valid].mean(1), strict=True))
        assert means["blue"] < means["green"] < means.get("nir", means.get("nir1"))
        assert 100 < pixels.pan[pixels.pan_valid].mean() < 6000
    assert tiles["WV04"].cid.endswith("-inv") and len(tiles["WV04"].cid) == 40


@pytest.mark.parametrize(
    ("name", "words"), [("WV01", "expected a sensor"), ("LC08", "ratio of 4"), ("four-band", "any four")]
)
def test_satellites_that_cannot_be_made_are_refused(tmp_path, name, words):
    with pytest.raises(InputError, match=words):
        make_ard(tmp_path / "event", sensors=["WV02", name])


@pytest.mark.parametrize("tiles", [1, 2, 3, 4, 6, 9, 17])
def test_plans_have_the_requested_number_of_different_grid_squares(tiles):
    collects = plan_collects(tiles, 0)
    squares = [square for collect in collects for square in collect.squares]
    assert len(squares) == len(set(squares)) == tiles
    assert len({collect.cid for collect in collects}) == len(collects)
    assert {square.zone for square in squares} == ({33} if tiles == 1 else {32, 33})


def test_a_folder_with_files_is_refused_and_unchanged(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputExists, match="expected a new or empty folder"):
        make_ard(tmp_path, tiles=1, size=SIZE_STEP)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_filled_and_sizes_are_rounded_up(tmp_path):
    (tmp_path / "event").mkdir()
    made = make_ard(tmp_path / "event", tiles=1, size=1, broken=False)
    assert made.size == SIZE_STEP and made.broken == 0
    assert [tile.shape for tile in walk_ard(str(tmp_path))] == [(SIZE_STEP, SIZE_STEP)]


def test_later_passes_see_the_same_ground_under_another_sky(tmp_path):
    made = make_ard(tmp_path / "event", tiles=1, size=272, revisits=2, broken=False)
    tiles = sorted(walk_ard(str(made.folder)), key=lambda tile: tile.date)
    assert [tile.date for tile in tiles] == ["2023-05-16", "2023-05-25", "2023-06-03"]
    assert len({tile.cid for tile in tiles}) == 3 and len({tile.quadkey for tile in tiles}) == 1
    assert [tile.clouds > 30 for tile in tiles] == [False, True, False]
    pans = []
    for tile in tiles:
        with rasterio.open(tile.pan) as file:
            pans.append(file.read(1)[:, 100:].ravel().astype(float))
    # The flood hides an eighth of the ground from the last pass, clouds half from the second.
    cloudy, clear = np.corrcoef(pans[0], pans[1])[0, 1], np.corrcoef(pans[0], pans[2])[0, 1]
    assert clear > 0.7 > cloudy


@pytest.mark.parametrize(
    ("numbers", "wanted"),
    [
        ({"tiles": 0}, "at least 1 tile"),
        ({"size": 0}, "at least 1 tile of 1 pixel"),
        ({"tiles": -3}, "at least 1 tile"),
        ({"revisits": -1}, "0 revisits or more"),
    ],
)
def test_impossible_numbers_are_refused(tmp_path, numbers, wanted):
    with pytest.raises(InputError, match=f"expected {wanted}"):
        make_ard(tmp_path / "event", **numbers)


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    calls = []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(builder, "write_image", full)
    with pytest.raises(OutputError, match="can't write there: No space left on device"):
        make_ard(tmp_path / "event", tiles=2, size=SIZE_STEP)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_reported_tiles(run, tmp_path):
    result = run("make-ard", tmp_path / "event", "--tiles", 2, "--size", 130, "--seed", 5, "--json")
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    found = list(walk_ard(str(tmp_path / "event")))
    assert (report["tiles"], report["broken"], len(found)) == (2, 5, 7)
    assert sorted(report["collects"]) == sorted({tile.cid for tile in found if not unusable(tile)})
    again = run("make-ard", tmp_path / "event")
    assert again.exit_code == 1 and again.stderr.count("\n") == 1 and "choose another" in again.stderr


def test_the_command_prints_one_line_and_can_leave_out_broken_items(run, tmp_path):
    result = run("make-ard", tmp_path / "a", "--tiles", 1, "--size", 136, "--no-broken")
    assert "1 tiles of 136 × 136 pan pixels in 1 CIDs, 0 items broken" in result.stdout
    one = "--tiles", 1, "--size", 136, "--sensor", "GE01", "-q", "--no-broken"
    assert run("make-ard", tmp_path / "b", *one).stdout == ""
    assert {tile.platform for tile in walk_ard(str(tmp_path / "b"))} == {"GE01"}
    different = run("make-ard", tmp_path / "c", "--tiles", 1, "--size", 136, "--no-broken", "--seed", 1)
    assert different.exit_code == 0
    assert {path.name for path in (tmp_path / "a").rglob("*.tif")}.isdisjoint(
        path.name for path in (tmp_path / "c").rglob("*.tif")
    )
