import json
import shutil
import time

import numpy as np
import pytest

from ards import a_rating, read_table
from pages import chromium
from potato.ard.rating.measures import AXES, quality_index
from potato.ard.rating.rate_ard import rate_cids
from potato.ard.rating.sheet import make_sheet

HOSTILE = '"><img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script>&amp;\u2028'


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


def test_the_sheet_shows_the_table(page, sheet):
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


def test_the_sheet_saves_the_unchanged_table(page, sheet):
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
    for axis in AXES:
        slider(page, worst, axis).send_keys("4")
    assert {cid: (index, out) for cid, index, out in shown(page)}[worst] == (1, False)
    interest = slider(page, worst, "interest")
    interest.send_keys(Keys.PAGE_DOWN, Keys.ARROW_LEFT)
    found = {cid: index for cid, index, _ in shown(page)}[worst]
    assert found == pytest.approx(quality_index(4, 4, 3.4), abs=6e-4)
    allowed = download(page, "save-list", "allow-list.txt").read_text().split("\n")
    assert allowed[0] == worst and allowed[-1] == ""
    saved = {row["cid"]: row for row in read_table(download(page, "save-csv", "ratings.csv"))}[worst]
    assert [float(saved[axis]) for axis in AXES] == [4, 4, 3.4]
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


def test_the_allow_list_of_the_sheet_equals_that_of_the_tool(page, event, tmp_path):
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
    item = next(path for path in sorted(spoilt.rglob("ard/33/*/*/*.json")) if path.stem.endswith("-inv"))
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
