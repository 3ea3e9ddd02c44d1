import csv
import dataclasses
import json
import shutil
import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from potato.ard import rating, walk_ard
from potato.ard.rating import Measures, Rating, choose_best, quality_index, rate, rate_cids
from potato.ard.rating.measures import HAZE_SPECTRUM, HAZE_WHITE, box_mean, estimate_haze, measure
from potato.ard.rating.rate_ard import COLUMNS
from potato.ard.rating.sheet import make_sheet
from potato.ard.synthetic import Collect, make_ard
from potato.ard.synthetic.collects import plan_cid, plan_squares
from potato.core.sensors import SCALE
from potato.errors import ArdError, InputError, OutputError, OutputExists

from browsers import chromium
from servers import serve_bucket, serve_folder

HOSTILE = '"><img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>&amp;\u2028'

SPECTRA = {
    "grass": (0.03, 0.04, 0.08, 0.07, 0.05, 0.2, 0.4, 0.4),
    "soil": (0.06, 0.08, 0.12, 0.16, 0.19, 0.22, 0.26, 0.28),
    "water": (0.05, 0.05, 0.05, 0.03, 0.02, 0.01, 0.006, 0.005),
    "cloud": (0.6, 0.6, 0.58, 0.57, 0.56, 0.55, 0.54, 0.5),
    "shadow": (0.02, 0.02, 0.025, 0.025, 0.03, 0.035, 0.04, 0.04),
}


@pytest.fixture(scope="module")
def event(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rate") / "event"
    make_ard(folder, tiles=6, size=272)
    return folder


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def a_rating(cid, index_parts=(4.0, 4.0, 4.0), **changes):
    plain = {
        field.name: {str: "", int: 1, float: 0.0}.get(field.type, 0.0) for field in dataclasses.fields(Rating)
    }
    seeing, water, interest = index_parts
    return Rating(**{**plain, "cid": cid, "seeing": seeing, "water": water, "interest": interest, **changes})


def scene(*names, side=64):
    """Vertical stripes of materials: pan, its validity, mul, its validity."""
    width = side // len(names)
    spectra = np.array([SPECTRA[name] for name in names])
    mul = np.repeat(np.repeat(spectra.T[:, None], side, 1), width, 2)
    pan = np.repeat(np.repeat(mul[:7].mean(0), 2, 0), 2, 1)
    counts = [(image * SCALE).astype(np.uint16) for image in (pan, mul)]
    return counts[0], np.ones(pan.shape, bool), counts[1], np.ones(mul.shape[1:], bool)


def test_ratings_agree_with_the_truth_of_a_generated_ard(tmp_path):
    count = 12
    places = np.arange(count)

    def spread(step, most):
        """Shares from 0 to `most`, evenly spaced once rated, in an order of their own."""
        return most * ((places * step % count) / (count - 1)) ** (1 / 0.6)

    clouds, water, haze = spread(7, 0.4), spread(5, 0.6), HAZE_WHITE * spread(11, 0.5) ** 0.5
    collects = [
        Collect(
            plan_cid(place, 0, "104"),
            "WV03",
            "2023-05-16",
            plan_squares(33, 1, 2 * place),
            plain=0.95 * place / (count - 1),
            water=water[place],
            clouds=clouds[place],
            haze=haze[place],
            reported=False,
            seed=900 + place,
        )
        for place in places.tolist()
    ]
    made = make_ard(tmp_path / "event", size=680, collects=collects, broken=False)
    rated = rate_cids(str(made.folder), tmp_path / "ratings.csv")
    found = {one.cid: one for one in rated.ratings}
    ratings = np.array([[getattr(found[one.cid], axis) for axis in rating.AXES] for one in collects])
    truths = [made.truths[one.cid] for one in collects]
    seen = [
        (1 - truth.clouds) * (1 - (one.haze / HAZE_WHITE) ** 2)
        for one, truth in zip(collects, truths, strict=True)
    ]
    dry, built = [1 - truth.water for truth in truths], [1 - truth.plain for truth in truths]
    correlations = [
        spearmanr(truth, ratings[:, axis]).statistic for axis, truth in enumerate((seen, dry, built))
    ]
    assert min(correlations) >= 0.9, correlations
    # Not only the order: clouds and water are found where they are.
    assert (
        np.abs(
            [found[one.cid].clouds / 100 - truth.clouds for one, truth in zip(collects, truths, strict=True)]
        ).mean()
        < 0.05
    )
    assert (
        np.abs(
            [found[one.cid].wet / 100 - truth.water for one, truth in zip(collects, truths, strict=True)]
        ).mean()
        < 0.06
    )


@pytest.mark.parametrize(("share", "rating"), [(0, 4), (0.1, 3), (0.3, 2), (0.6, 1), (1, 0)])
def test_a_bad_share_costs_what_the_docstring_says(share, rating):
    cloudy = Measures(valid=1000, cloudy=int(1000 * share), clear=1000 - int(1000 * share))
    wet = Measures(valid=1000, clear=1000, wet=int(1000 * share))
    assert rate(cloudy, None)[0] == pytest.approx(rating, abs=0.07)
    assert rate(wet, None)[1] == pytest.approx(rating, abs=0.07)


def test_what_the_metadata_says_of_clouds_counts_half():
    clear = Measures(valid=1000, clear=1000)
    assert rate(clear, 0.2)[0] == rate(Measures(valid=1000, cloudy=100, clear=900), None)[0]
    assert rate(clear, 0.0)[0] == 4


def test_the_index_is_that_of_the_documentation():
    assert quality_index(4, 4, 4) == 1
    assert quality_index(3, 4, 4) == quality_index(1, 4, 4) == 0
    assert quality_index(3.5, 1, 2) == pytest.approx(0.5 * 0.25 * 0.5)


@pytest.mark.parametrize(
    ("names", "clouds", "water"),
    [
        (("grass", "soil"), 0, 0),
        (("cloud", "cloud"), 1, 0),
        (("water", "water"), 0, 1),
        (("water", "soil"), 0, 0.5),
        (("cloud", "soil"), 0.5, 0),
        (("shadow", "shadow"), 0, 0),
    ],
)
def test_clouds_and_water_are_told_from_land(names, clouds, water):
    found = measure(*scene(*names))
    assert found.cloud_share == pytest.approx(clouds, abs=0.05)
    assert found.water_share == pytest.approx(water, abs=0.05)
    assert found.valid == 64 * 64


def test_invalid_pixels_count_for_nothing():
    pan, pan_valid, mul, mul_valid = scene("cloud", "grass")
    mul_valid[:, :32] = False
    pan_valid[:, :64] = False
    found = measure(pan, pan_valid, mul, mul_valid)
    assert found.valid == 64 * 32 and found.cloudy == 0
    holes = np.ones_like(mul_valid)
    holes[::8, ::8] = False
    overcast = measure(*scene("cloud")[:3], holes)
    assert overcast.cloudy == overcast.valid == 64 * 64 - 64
    nothing = measure(pan, pan_valid, mul, np.zeros_like(mul_valid))
    assert nothing.valid == 0 and rate(nothing, None) == (4, 4, 0)


@pytest.mark.parametrize("haze", [0.0, 0.05, 0.1, 0.15])
def test_haze_is_measured_and_doesnt_pass_for_water_or_cloud(haze):
    pan, pan_valid, mul, mul_valid = scene("shadow", "soil", "grass", "soil")
    mul = (mul + SCALE * haze * HAZE_SPECTRUM[:, None, None]).astype(np.uint16)
    land = np.ones(mul_valid.shape, bool)
    assert estimate_haze((mul / SCALE).astype(np.float32), land) == pytest.approx(haze, abs=0.015)
    found = measure(pan, pan_valid, mul, mul_valid)
    assert found.cloud_share == 0 and found.water_share == 0


def test_variety_and_structure_make_interest():
    noise = np.random.default_rng(0)
    few, many = measure(*scene("soil")), measure(*scene("soil", "grass", "shadow", "grass"))
    assert few.variety == 0 < many.variety
    pan, *rest = scene("soil", "grass")
    rough = (pan * np.exp(0.3 * noise.normal(size=pan.shape))).clip(1, 20000).astype(np.uint16)
    assert measure(rough, *rest).structure > 0.9 > 0.1 > measure(pan, *rest).structure
    assert rate(measure(rough, *rest), None)[2] > rate(measure(pan, *rest), None)[2] > 0


def test_box_means_are_means_of_what_lies_inside():
    field = np.arange(30, dtype=np.float32).reshape(5, 6)
    means = box_mean(field, 1)
    assert means[2, 3] == pytest.approx(field[1:4, 2:5].mean())
    assert means[0, 0] == pytest.approx(field[:2, :2].mean())
    assert means[4, 5] == pytest.approx(field[3:, 4:].mean())


def test_measures_add_up():
    both = measure(*scene("cloud", "soil")) + measure(*scene("water", "grass"))
    assert both.valid == 2 * 64 * 64 and both.cloud_share == pytest.approx(0.25, abs=0.03)
    assert both.classes.sum() == (both.clear - both.wet)


def test_every_usable_cid_is_rated_and_the_rest_counted(event, tmp_path):
    rated = rate_cids(str(event), tmp_path / "ratings.csv")
    rows = read_table(tmp_path / "ratings.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [row["cid"] for row in rows] == [one.cid for one in rated.ratings]
    assert len(rows) == 3 and sum(int(row["tiles"]) for row in rows) == 6
    indexes = [float(row["index"]) for row in rows]
    assert indexes == sorted(indexes, reverse=True)
    for row in rows:
        parts = [float(row[axis]) for axis in rating.AXES]
        assert all(0 <= part <= 4 for part in parts)
        assert float(row["index"]) == pytest.approx(quality_index(*parts), abs=1e-4)
    assert {row["zones"] for row in rows} == {"33", "32 33"}
    assert rated.left_out == {
        "not WorldView-2 or -3 (WV01)": 1,
        "not WorldView-2 or -3 (GE01)": 1,
        "neither pan nor mul": 1,
        "an asset without an href": 1,
        "a missing file": 1,
    }
    assert not rated.broken and rated.allowed is None
    assert not list(tmp_path.glob(".*"))


def test_the_result_does_not_depend_on_workers(event, tmp_path):
    one = rate_cids(str(event), tmp_path / "1.csv", sheet=tmp_path / "1.html", workers=1)
    four = rate_cids(str(event), tmp_path / "4.csv", sheet=tmp_path / "4.html", workers=4)
    assert one.ratings == four.ratings
    for ending in ("csv", "html"):
        assert (tmp_path / f"1.{ending}").read_bytes() == (tmp_path / f"4.{ending}").read_bytes()


def test_fewer_tiles_are_looked_at_on_request(event, tmp_path):
    rated = rate_cids(str(event), tmp_path / "ratings.csv", tiles_per_cid=1)
    assert [(one.tiles, one.looked) for one in rated.ratings] == [(2, 1)] * 3


def test_the_allow_list_holds_the_best():
    ratings = [a_rating(f"10300100000{place}AA00", (3 + place / 10, 4.0, 4.0)) for place in range(6)]
    order = [one.cid for one in reversed(ratings)]
    assert choose_best(ratings) == tuple(order[:5])  # the last has an index of 0
    assert choose_best(ratings, top=2) == tuple(order[:2])
    assert choose_best(ratings, above=0.25) == tuple(order[:3])
    assert choose_best(ratings, top=1, above=0.25) == tuple(order[:1])
    assert choose_best(ratings, above=0.9) == ()


def test_only_overviews_are_read_from_a_server(tmp_path):
    sides = {"overview_sides": (272, 68)}
    collect = Collect("103001000000AA00", "WV02", "2023-05-16", plan_squares(33, 1, 0))
    event = make_ard(tmp_path / "event", size=1088, collects=[collect], broken=False).folder
    pixels = sum(path.stat().st_size for path in event.rglob("*.tif") if "visual" not in path.name)
    local = rate_cids(str(event), tmp_path / "local.csv", **sides).ratings
    with serve_folder(event) as server:
        remote = rate_cids(server.url, tmp_path / "remote.csv", **sides).ratings
        read = sum(1 for _, path, _, _ in server.requests if path.endswith(".tif"))
    assert remote == local
    assert read > 0 and server.sent < 0.2 * pixels
    assert not any("visual" in path for _, path, _, _ in server.requests)


def test_a_bucket_is_rated_the_same(event, tmp_path):
    with serve_bucket(event) as address:
        remote = rate_cids(address, tmp_path / "remote.csv")
    assert remote.ratings == rate_cids(str(event), tmp_path / "local.csv").ratings


def test_tiles_that_cannot_be_read_are_reported_and_the_rest_rated(event, tmp_path):
    spoilt = shutil.copytree(event, tmp_path / "event")
    tiles = [tile for tile in walk_ard(str(spoilt)) if tile.mul and tile.platform == "WV03"]
    whole = rate_cids(str(spoilt), tmp_path / "a.csv").ratings
    cut, _, text = (tiles[place].mul for place in (0, 1, 2))
    for path, content in ((cut, None), (text, b"not a picture")):
        with open(path, "r+b") as file:  # noqa: PTH123  (it may be a name)
            file.truncate(20_000)
            if content:
                file.seek(0)
                file.write(content)
    rated = rate_cids(str(spoilt), tmp_path / "b.csv", sheet=tmp_path / "b.html")
    assert len(rated.broken) == 2
    assert any("cut short" in one.reason for one in rated.broken)
    assert any("can't open mul" in one.reason for one in rated.broken)
    assert {one.cid for one in rated.ratings} == {one.cid for one in whole}
    assert sum(one.looked for one in rated.ratings) == 4
    assert "unreadable: can" in (tmp_path / "b.html").read_text()


def test_a_file_that_the_server_refuses_is_reported(event, tmp_path):
    with serve_folder(event) as server:
        server.faults[r".*/103\w+-pan\.tif"] = 403
        rated = rate_cids(server.url, tmp_path / "ratings.csv")
    # Two tiles of one CID, and the one whose mul is missing, which shows on the web only now.
    assert len(rated.broken) == 3 and all("can't open" in one.reason for one in rated.broken)
    assert len(rated.ratings) == 2


def test_an_image_without_overviews_is_not_read_whole(event, tmp_path):
    with pytest.raises(ArdError, match=r"none that can be read.*make them with gdaladdo"):
        rate_cids(str(event), tmp_path / "ratings.csv", overview_sides=(10, 320))
    assert not (tmp_path / "ratings.csv").exists()


def test_an_ard_without_anything_usable_says_what_it_has(event, tmp_path):
    spoilt = shutil.copytree(event, tmp_path / "event")
    for tile in list(walk_ard(str(spoilt))):
        if tile.platform in ("WV02", "WV03"):
            shutil.rmtree(spoilt / tile.item.rpartition("/")[0])
    other = r"1 tile, not WorldView-2 or -3 \({}\)"
    with pytest.raises(ArdError, match=f"{other.format('WV01')}; {other.format('GE01')}"):
        rate_cids(str(spoilt), tmp_path / "ratings.csv")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"top": 3}, InputError, "use --allow-list"),
        ({"above": 0.5}, InputError, "use --allow-list"),
        ({"tiles_per_cid": 0}, InputError, "1 tile or more"),
        ({"allow_list": "list.txt", "top": 0}, InputError, "1 CID or more"),
        ({"allow_list": "ratings.csv"}, OutputError, "found one twice"),
        ({"sheet": "nowhere/sheet.html"}, OutputError, "create it first"),
        ({"sheet": "there.html"}, OutputExists, "there is a file"),
    ],
)
def test_requests_that_make_no_sense_are_refused_first(
    event, tmp_path, monkeypatch, settings, error, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.html").touch()
    with pytest.raises(error, match=message):
        rate_cids(str(event), **settings)
    assert [path.name for path in tmp_path.iterdir()] == ["there.html"]


def test_a_full_disk_leaves_what_was_there(event, tmp_path, monkeypatch):
    output = tmp_path / "ratings.csv"
    output.write_text("old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        rate_cids(str(event), output, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["ratings.csv"] and output.read_text() == "old"


def test_the_command_writes_what_it_says(run, event, tmp_path):
    names = [tmp_path / name for name in ("ratings.csv", "allow.txt", "sheet.html")]
    arguments = ("rate-cids", event, "-o", names[0], "--allow-list", names[1], "--sheet", names[2])
    result = run(*arguments, "--above", 0)
    assert result.exit_code == 0, result.stderr
    rows = read_table(names[0])
    good = [row["cid"] for row in rows if float(row["index"]) > 0]
    assert good and names[1].read_text() == "".join(cid + "\n" for cid in good)
    assert "3 CIDs rated" in result.stdout and "left out: 1 tile, a missing file" in result.stdout
    again = run(*arguments)
    assert again.exit_code == 1 and "--overwrite" in again.stderr
    assert run(*arguments, "--overwrite", "--top", 1, "-q", "--tiles-per-cid", 1, "-j", 1).stdout == ""
    assert len(names[1].read_text().split()) == 1
    report = json.loads(run(*arguments, "--overwrite", "--json").stdout)
    assert [one["cid"] for one in report["ratings"]] == [row["cid"] for row in rows]


def test_the_sheet_holds_metadata_only_as_data(tmp_path):
    ratings = [a_rating(HOSTILE, platform=HOSTILE, first=HOSTILE, zones=HOSTILE)]
    page = make_sheet(ratings, {HOSTILE: np.zeros((3, 8, 8), np.uint8)}, {HOSTILE: 1}, title=HOSTILE)
    assert page.count("<script") == 2 and page.count("</script>") == 2
    assert "<img" not in page and 'onerror="' not in page
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    assert data["ratings"][0]["platform"] == HOSTILE and data["left_out"] == [[HOSTILE, 1]]
    assert "http" not in page.replace("http-equiv", "")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with chromium(folder, "window-size=1280,900") as browser:
        browser.downloads = folder / "downloads"
        yield browser


@pytest.fixture(scope="module")
def sheet(event, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sheet")
    rate_cids(str(event), folder / "ratings.csv", sheet=folder / "sheet.html")
    return folder


@pytest.fixture
def page(browser, sheet):
    browser.get((sheet / "sheet.html").as_uri())
    yield browser
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    browser.execute_script("document.getElementById('reset').click()")


def shown(page):
    """CID and index of each row, top to bottom, and whether it stays off the allow-list."""
    return page.execute_script(
        "return [...document.querySelectorAll('#body tr')].map(row => "
        "[row.dataset.cid, Number(row.querySelector('.index').textContent), row.classList.contains('out')])"
    )


def slider(page, cid, axis):
    return page.find_element("css selector", f"tr[data-cid='{cid}'] input[data-axis={axis}]")


def download(page, button, name):
    path = page.downloads / name
    path.unlink(missing_ok=True)
    page.find_element("id", button).click()
    for _ in range(200):
        if path.exists() and path.stat().st_size:
            return path
        time.sleep(0.02)
    raise AssertionError(f"{name} was not saved")


def test_the_sheet_shows_what_the_table_says(page, sheet):
    rows = read_table(sheet / "ratings.csv")
    assert [(cid, index) for cid, index, _ in shown(page)] == [
        (row["cid"], pytest.approx(float(row["index"]), abs=6e-4)) for row in rows
    ]
    assert [out for _, _, out in shown(page)] == [float(row["index"]) == 0 for row in rows]
    pictures = page.execute_script(
        "return [...document.images].map(picture => picture.complete && picture.naturalWidth)"
    )
    assert len(pictures) == 3 and min(pictures) >= 200
    assert "1: a missing file" in page.find_element("id", "left-out").text


def test_the_sheet_saves_the_table_as_it_is(page, sheet):
    mine, theirs = read_table(download(page, "save-csv", "ratings.csv")), read_table(sheet / "ratings.csv")

    def values(rows):
        return [
            [float(text) if text.replace(".", "").isdigit() else text for text in row.values()]
            for row in rows
        ]

    assert list(mine[0]) == list(theirs[0]) and values(mine) == values(theirs)


def test_the_sheet_sorts_by_any_column(page, sheet):
    rows = read_table(sheet / "ratings.csv")
    for title, key in (("Seeing", "seeing"), ("Water", "water"), ("CID", "cid")):
        head = page.find_element("xpath", f"//th/button[.='{title}']")
        head.click()
        order = [cid for cid, _, _ in shown(page)]
        values = {row["cid"]: row["cid"] if key == "cid" else float(row[key]) for row in rows}
        first = [values[cid] for cid in order]
        assert first == sorted(first, reverse=key != "cid")
        head.click()
        again = [values[cid] for cid, _, _ in shown(page)]
        assert again == sorted(again, reverse=key == "cid")


def test_ratings_change_by_keyboard_and_are_saved(page):
    from selenium.webdriver.common.keys import Keys

    worst = shown(page)[-1][0]
    for axis in rating.AXES:
        slider(page, worst, axis).send_keys("4")
    assert {cid: (index, out) for cid, index, out in shown(page)}[worst] == (1, False)
    interest = slider(page, worst, "interest")
    interest.send_keys(Keys.PAGE_DOWN, Keys.ARROW_LEFT)
    found = {cid: index for cid, index, _ in shown(page)}[worst]
    assert found == pytest.approx(quality_index(4, 4, 3.4), abs=6e-4)
    allowed = download(page, "save-list", "allow-list.txt").read_text().split("\n")
    assert allowed[0] == worst and allowed[-1] == ""
    saved = {row["cid"]: row for row in read_table(download(page, "save-csv", "ratings.csv"))}[worst]
    assert [float(saved[axis]) for axis in rating.AXES] == [4, 4, 3.4]
    assert float(saved["index"]) == pytest.approx(quality_index(4, 4, 3.4), abs=1e-4)
    interest.send_keys(Keys.DELETE)
    assert {cid: index for cid, index, _ in shown(page)}[worst] != pytest.approx(found)
    slider(page, worst, "water").send_keys(Keys.ARROW_UP)
    assert page.switch_to.active_element.get_attribute("aria-label").startswith("water of ")
    assert worst not in page.switch_to.active_element.get_attribute("aria-label")


def test_ratings_change_by_mouse(page):
    from selenium.webdriver import ActionChains

    best = shown(page)[0][0]
    knob = slider(page, best, "interest")
    ActionChains(page).move_to_element_with_offset(knob, -knob.size["width"] // 2 + 2, 0).click().perform()
    assert {cid: index for cid, index, _ in shown(page)}[best] == pytest.approx(0, abs=0.01)
    page.find_element("id", "reset").click()
    assert shown(page)[0][1] > 0


def test_the_allow_list_on_the_sheet_is_the_one_of_the_tool(page, event, tmp_path):
    rated = rate_cids(str(event), tmp_path / "r.csv", allow_list=tmp_path / "allow.txt", top=1)
    box = page.find_element("id", "top")
    box.send_keys("1")
    assert download(page, "save-list", "allow-list.txt").read_text() == (tmp_path / "allow.txt").read_text()
    box.clear()
    above = page.find_element("id", "above")
    above.clear()
    above.send_keys("0.05")
    expected = [one.cid for one in rated.ratings if one.index > 0.05]
    assert [cid for cid, _, out in shown(page) if not out] == expected


def test_hostile_metadata_stays_text(browser, event, tmp_path):
    spoilt = shutil.copytree(event, tmp_path / "<b>event & co")
    item = next(path for path in sorted(spoilt.rglob("ard/33/*/*/*.json")) if path.stem.startswith("105"))
    data = json.loads(item.read_text())
    data["properties"]["platform"] = "</script><img src=x onerror=window.hacked=1>"
    item.write_text(json.dumps(data))
    ratings = rate_cids(str(spoilt), tmp_path / "r.csv", sheet=tmp_path / "real.html").ratings
    assert len(ratings) == 3
    pictures = dict.fromkeys((HOSTILE, "b"), np.zeros((3, 8, 8), np.uint8))
    hostile = [a_rating(HOSTILE, platform=HOSTILE, first=HOSTILE, last="x", zones=HOSTILE), a_rating("b")]
    (tmp_path / "made.html").write_text(
        make_sheet(hostile, pictures, {HOSTILE: 1}, title=HOSTILE), encoding="utf-8"
    )
    for name, images in (("real.html", 3), ("made.html", 2)):
        browser.get((tmp_path / name).as_uri())
        assert browser.execute_script("return window.hacked") is None
        assert len(shown(browser)) == images == browser.execute_script("return document.images.length")
        assert "onerror=" in browser.find_element("id", "left-out").text
        assert browser.execute_script("return document.querySelectorAll('b').length") == 0
    assert shown(browser)[0][0] == HOSTILE
    assert browser.execute_script("return document.querySelector('code').textContent") == HOSTILE
