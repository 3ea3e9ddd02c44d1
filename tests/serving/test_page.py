"""The page of `potato serve` in a browser."""

import re

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.warp import transform

import ards
from map_page import calm, colour, pointer, press, reload, state, text, visit, wait
from pages import errors, requested
from pictures import HOSTILE, decode
from potato.serving.server import Server

# pytest puts warning filters back after each phase of a test, while the server still works.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

RED, BLUE = ards.CID, ards.OTHER
"""A pass over red ground, and a later and cloudier one over blue ground."""

CENTRE = (36.1175, -118.0556)
"""Latitude and longitude of the middle of the tiles."""

PLACE = f"map=13.50/{CENTRE[0]}/{CENTRE[1]}"


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("output")


@pytest.fixture(scope="module")
def server(tmp_path_factory, output):
    """A server of two passes over the same ground; a tile of the first has no mul."""
    root = tmp_path_factory.mktemp("served") / HOSTILE.replace("/", "") / "ard"
    clear = {"tile:clouds_percent": 5, "view:off_nadir": 17}
    for column in range(2):
        ards.write_tile(root, column, ground=ards.flat_ground("red"), changes=clear)
        ards.write_tile(
            root,
            column,
            cid=BLUE,
            ground=ards.flat_ground("blue"),
            changes={"tile:clouds_percent": 40, "datetime": "2025-01-03T18:55:00Z"},
        )
    broken = ards.write_tile(root, 2, ground=ards.flat_ground("green"), changes=clear)
    broken.with_name(f"{RED}-ms.tif").unlink()
    with Server([root], output=output) as running:
        yield running


@pytest.fixture
def page(browser, server):
    """The page, as new; afterwards nothing went wrong and nothing was fetched elsewhere."""
    browser.get("about:blank")
    requested(browser)
    errors(browser)
    visit(browser, f"{server.address}#{PLACE}")
    yield browser
    assert errors(browser) == []
    elsewhere = {url for url in requested(browser) if not url.startswith((server.address, "data:", "about:"))}
    assert elsewhere == set()


def restart(browser, changes):
    """Open the page anew, as its address with another hash describes it."""
    url = browser.current_url.split("#")[0]
    browser.get("about:blank")
    visit(browser, f"{url}#{PLACE}&{changes}")


def is_red(browser, across):
    codes = colour(browser, across)
    return codes[0] > codes[2] + 20


def is_blue(browser, across):
    codes = colour(browser, across)
    return codes[2] > codes[0] + 20


def test_the_map_draws_the_clearest_pass_and_lists_all(page):
    wait(page, lambda: is_red(page, 0.4))
    listed = page.find_elements("css selector", "#list [data-pass]")
    assert [each.get_attribute("data-pass") for each in listed] == [BLUE, RED]
    assert "40 % clouds" in listed[0].text and "5 % clouds · 17° off-nadir" in listed[1].text
    loaded = "return [...document.querySelectorAll('#list img')].every(image => image.naturalWidth)"
    wait(page, lambda: page.execute_script(loaded))
    assert HOSTILE.replace("/", "") in text(page, "list")
    assert page.execute_script("return document.querySelectorAll('img[onerror], script').length") == 1


def test_a_broken_tile_says_why_in_the_list_and_on_the_map(page):
    summary = page.find_element("css selector", "#list summary")
    assert summary.text == "1 tile can't be shown"
    summary.click()
    page.find_element("css selector", "#list .broken").click()
    calm(page)
    page.find_element("id", "map").click()
    wait(page, lambda: "missing file" in text(page, "tip") and "missing file" in text(page, "point"))


def test_pointer_and_keys_move_the_divider(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    restart(page, f"mode=swipe&passA={RED}&passB={BLUE}")
    wait(page, lambda: is_red(page, 0.3) and is_blue(page, 0.7))
    divider = page.find_element("id", "divider")
    width = page.find_element("id", "map").size["width"]
    ActionChains(page).drag_and_drop_by_offset(divider, int(0.3 * width), 0).perform()
    assert is_red(page, 0.7) and is_blue(page, 0.9)
    assert 79 <= int(divider.get_attribute("aria-valuenow")) <= 81
    press(page, Keys.HOME)
    assert is_blue(page, 0.3)
    press(page, "]", "]")
    assert divider.get_attribute("aria-valuenow") == "4"
    press(page, "x")
    wait(page, lambda: is_red(page, 0.3))
    wait(page, lambda: state(page).get("passA") == BLUE and state(page).get("split") == "0.04")


def test_passes_blink_and_fade(page):
    restart(page, f"mode=blink&footprints=0&passA={RED}&passB={BLUE}")
    wait(page, lambda: is_blue(page, 0.4))
    press(page, " ")
    assert is_red(page, 0.4)
    red = colour(page, 0.4)
    press(page, "b")
    blue = colour(page, 0.4)
    press(page, "f")
    assert colour(page, 0.4) == pytest.approx((red + blue) / 2, abs=2)
    ground = decode(page.find_element("id", "map").screenshot_as_png)[:3, 150:450, 250:700]
    assert np.ptp(ground, (1, 2)).max() <= 4, "no line of the graticule shines through"
    press(page, "o")
    assert is_red(page, 0.4)


def test_a_slider_changes_pixels_at_once_and_the_address_keeps_it(page):
    from selenium.webdriver.common.keys import Keys

    press(page, "o")
    page.find_element("id", "tab-adjust").click()
    before = colour(page, 0.4).mean()
    at_once = page.execute_script(
        "const slider = document.getElementById('exposure');"
        "slider.value = 0.7; slider.dispatchEvent(new Event('input'));"
        "return getComputedStyle(document.querySelector('.imagery.a')).filter"
    )
    assert "#preview-a" in at_once
    page.find_element("id", "exposure").send_keys(Keys.ARROW_RIGHT)
    assert colour(page, 0.4).mean() > before + 15
    wait(page, lambda: state(page).get("exposure") == "0.8")
    calm(page)
    brighter = colour(page, 0.4).mean()
    reload(page)
    assert text(page, "exposure-said") == "+0.8 stops"
    wait(page, lambda: abs(colour(page, 0.4).mean() - brighter) < 2)
    press(page, "0")
    wait(page, lambda: abs(colour(page, 0.4).mean() - before) < 2)


def test_filters_leave_passes_out_and_can_be_cleared(page):
    restart(page, "clouds=20")
    passes = "return [...document.querySelectorAll('#list [data-pass]')].map(each => each.dataset.pass)"
    assert page.execute_script(passes) == [RED]
    assert text(page, "found").startswith("1 of 2 passes")
    page.find_element("css selector", "#found button").click()
    assert page.execute_script(passes) == [BLUE, RED]
    page.find_element("css selector", "#order option[value=clearest]").click()
    assert page.execute_script(passes) == [RED, BLUE]


def test_the_point_has_the_reflectance_of_every_band(page):
    pointer(page, 0.4).click().perform()
    wait(page, lambda: "rededge" in text(page, "point"))
    rows = page.find_elements("css selector", "#point tbody tr")
    values = {row.text.split()[0]: float(row.text.split()[1]) for row in rows}
    assert len(values) == 9 and values["red"] == 0.25 and values["blue"] == 0.03 and values["pan"] == 0.07
    assert RED in text(page, "point") and "2024-12-14 18:53 UTC" in text(page, "point")
    at = wait(page, lambda: state(page).get("at"))
    restart(page, f"tab=point&at={at}")
    wait(page, lambda: "rededge" in text(page, "point"))


def test_both_sides_fade_into_the_surround_by_one_opacity(page):
    restart(page, f"mode=swipe&tab=adjust&passA={RED}&passB={BLUE}")
    places, seen = (0.3, 0.7), {}
    for opacity in (1, 0.5, 0):
        page.execute_script(
            "const slider = document.getElementById('opacity');"
            "slider.value = arguments[0]; slider.dispatchEvent(new Event('input'));",
            opacity,
        )
        seen[opacity] = np.array([colour(page, across) for across in places])
    assert np.abs(seen[1] - seen[0]).max(1).min() > 20 and np.abs(seen[1][0] - seen[1][1]).max() > 40
    assert seen[0][0] == pytest.approx(seen[0][1], abs=2)
    assert seen[0.5] == pytest.approx((seen[0] + seen[1]) / 2, abs=2)
    wait(page, lambda: state(page).get("opacity") == "0")


@pytest.mark.parametrize("zoom, latitude", [(9.0, 60.0), (15.5, -20.0)])
def test_the_scale_bar_is_as_long_as_the_ground_that_it_names(page, zoom, latitude):
    """The pointer reads longitudes at two places; the ellipsoid of WGS 84 says how far they lie."""
    page.execute_script("location.hash = arguments[0]", f"map={zoom}/{latitude}/10")
    longitudes = []
    for across in (0.2, 0.8):
        pointer(page, across).perform()
        found = wait(page, lambda: re.match(r"([\d.]+)° [NS], ([\d.]+)° E", text(page, "place")))
        assert float(found[1]) == pytest.approx(abs(latitude), abs=0.01)
        longitudes.append(float(found[2]))
    width = page.find_element("id", "map").size["width"]
    screen = int(0.3 * width) + int(0.3 * width)
    flattening, sine = 0.00669437999, np.sin(np.radians(latitude))
    radius = 6378137 * np.cos(np.radians(latitude)) / np.sqrt(1 - flattening * sine**2)
    ground = radius * np.radians(longitudes[1] - longitudes[0])
    bar = page.find_element("css selector", ".ol-scale-line-inner")
    number, unit = bar.text.split()
    named = float(number) * {"m": 1, "km": 1000}[unit]
    assert bar.size["width"] >= 70 and bar.size["width"] == pytest.approx(named / ground * screen, abs=1.5)


def test_a_dragged_box_becomes_a_picture_that_survives_a_reload(page, output):
    press(page, "d")
    pointer(page, 0.35, 0.45).click_and_hold().move_by_offset(60, 40).move_by_offset(
        30, 20
    ).release().perform()
    wait(page, lambda: "km²" in text(page, "area-facts"))
    page.find_element("css selector", "#order-form .main").click()
    wait(page, lambda: "done" in text(page, "jobs"), 600)  # jobs give way to all other programs
    (file,) = output.rglob("*.tif")
    with rasterio.open(file) as made:
        assert made.count >= 3 and made.read(1).mean() > made.read(3).mean() + 10
    reload(page)
    assert "done" in text(page, "jobs")
    page.find_element("css selector", "#jobs [data-act^=show]").click()
    wait(page, lambda: state(page).get("passA", "").startswith("picture"))
    calm(page)
    wait(page, lambda: is_red(page, 0.5))
    link = page.find_element("css selector", "#jobs a[download]").get_attribute("href")
    size = page.execute_async_script(
        "fetch(arguments[0]).then(answer => answer.blob()).then(blob => arguments[1](blob.size))", link
    )
    assert size == file.stat().st_size


def test_a_polygon_is_drawn_by_keyboard_alone(page):
    from selenium.webdriver.common.keys import Keys

    press(page, "p")
    assert "Enter sets a corner" in text(page, "hint")
    for keys in ((), (Keys.ARROW_RIGHT,), (Keys.ARROW_DOWN,)):
        press(page, *keys)
        wait(page, lambda: not page.execute_script("return document.querySelector('#loading:not([hidden])')"))
        page.execute_async_script("setTimeout(arguments[0], 300)")  # the map has come to rest
        press(page, Keys.ENTER)
    press(page, Keys.ENTER)
    wait(page, lambda: state(page).get("area", "").count(";") == 2)
    press(page, "d", Keys.ESCAPE)
    assert not page.find_element("id", "hint").is_displayed()
    page.find_element("id", "clear-area").click()
    wait(page, lambda: "area" not in state(page))


def test_the_map_goes_on_across_180_degrees(browser, tmp_path):
    pan, mul = ards.flat_ground("red")
    (x,), (y,) = transform("EPSG:4326", "EPSG:32760", [180.0], [-16.5])
    place = Affine(10, 0, x - 2720, 0, -10, y + 2720)
    pan_file = ards.pairs.write(tmp_path / "x-pan.tif", pan, place, crs="EPSG:32760")
    names, coarse = ards.pairs.BAND_NAMES, place @ Affine.scale(4)
    mul_file = ards.pairs.write(tmp_path / "x-ms.tif", mul, coarse, crs="EPSG:32760", names=names)
    with Server([pan_file, mul_file], output=tmp_path / "out") as server:
        browser.get("about:blank")
        visit(browser, f"{server.address}#tab=sharpen")
        wait(browser, lambda: is_red(browser, 0.45) and is_red(browser, 0.55))
        press(browser, "v")
        wait(browser, lambda: "km²" in text(browser, "area-facts"))
        assert float(text(browser, "area-facts").split()[0].replace(",", "")) < 1000
        wait(browser, lambda: "area" in state(browser))
        reload(browser)
        wait(browser, lambda: is_red(browser, 0.45) and is_red(browser, 0.55))
        browser.get("about:blank")


def test_a_refusal_of_the_server_is_shown_in_a_line(page):
    restart(page, "tab=sharpen&area=10,10;10,10.01;10.01,10.01")
    page.find_element("css selector", "#order-form .main").click()
    wait(page, lambda: "expected an area on ground" in text(page, "alert"))
    assert "\n" not in text(page, "alert")
    assert len(errors(page)) == 1  # the browser's own note of the answer 400


PLACES = [
    ("36.135, -64.043", -64.043, 36.135, "latitude first"),
    ("-64.043 36.135", -64.043, 36.135, "longitude first"),
    ("36.135 -164.043", -164.043, 36.135, "no latitude"),
    ("-164.043, 36.135", -164.043, 36.135, "no latitude"),
    ("36°08′06″N 64°02′34.8″W", -64.043, 36.135, "letters"),
    ("S36 8.1 E064 2.58", 64.043, -36.135, "letters"),
    ("36:08:06; -64:02:34.8", -64.043, 36.135, "latitude first"),
    ("lon −64.043, lat 36.135", -64.043, 36.135, "letters"),
    ("36,135; -64,043", -64.043, 36.135, "latitude first"),
    ("POINT (-64.043 36.135)", -64.043, 36.135, "longitude"),
    ("geo:36.135,-64.043", -64.043, 36.135, "latitude"),
    ("https://www.openstreetmap.org/#map=15/36.135/-64.043", -64.043, 36.135, "latitude"),
    # pyproj: EPSG:4326 to EPSG:32633 and EPSG:32756.
    ("33U 500000 5427456", 15.0, 49.0, "UTM"),
    ("56H 333491 6251909", 151.2, -33.86, "UTM"),
    ("33UXP04", 16.4145, 48.2495, "MGRS"),
    ("24XWT783908", -32.6643, 83.6278, "MGRS"),
]


def test_places_are_read_as_people_write_them(page):
    read = (
        "const done = arguments[1];"
        "const url = new URL('static/coordinates.js', document.baseURI), texts = arguments[0];"
        "import(url).then(({ readPlace }) => done(texts.map(text => {"
        "  try { return readPlace(text); } catch (error) { return error.message; }"
        "})), error => done(String(error)))"
    )
    found = page.execute_async_script(read, [text for text, *_ in PLACES])
    for (written, lon, lat, note), place in zip(PLACES, found, strict=True):
        assert place is not None and place != str(place), f"{written}: {place}"
        assert (place["lon"], place["lat"]) == pytest.approx((lon, lat), abs=2e-3), written
        assert note in place["note"], written
    wrong = page.execute_async_script(read, ["103001010A705C00", "95, 200", "12", "12 70 0 N 3 0 0 E", "N 3"])
    assert [isinstance(each, str) for each in wrong] == [False, True, False, True, False]
    assert wrong[0] is wrong[2] is wrong[4] is None
    press(page, "g")
    press(page, "36.14 -64.04")
    assert len(page.find_elements("css selector", "#read button")) == 2
    page.find_elements("css selector", "#read button")[1].click()
    wait(page, lambda: state(page)["map"].split("/")[1:] == ["36.140000", "-64.040000"])


def test_search_shows_a_pass_by_a_part_of_its_cid(page):
    from selenium.webdriver.common.keys import Keys

    press(page, "/")
    press(page, BLUE[:9].lower(), Keys.ENTER)
    wait(page, lambda: state(page).get("passA") == BLUE)
    wait(page, lambda: is_blue(page, 0.4))


def test_every_control_is_reached_by_tab_has_a_name_and_shows_its_focus(page):
    from selenium.webdriver.common.keys import Keys

    restart(page, "mode=swipe&tab=passes")
    wanted = page.execute_script(
        "const all = document.querySelectorAll('button, select, input, summary, [tabindex=\"0\"]');"
        "return [...all].filter(each => each.checkVisibility({ visibilityProperty: true })"
        "  && each.tabIndex >= 0 && !each.disabled).length"
    )
    seen = set()
    for _ in range(wanted + 12):  # dates have several stops
        press(page, Keys.TAB)
        number, name, ring, tag = page.execute_script(
            "const e = document.activeElement, all = [...document.querySelectorAll('*')];"
            "const rings = [getComputedStyle(e), getComputedStyle(e, '::after')];"
            "const name = e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent;"
            "return [all.indexOf(e), name,"
            "  rings.some(s => s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0), e.tagName]"
        )
        if tag != "BODY":
            assert name.strip(), f"element {number} has no name"
            assert ring or tag == "INPUT", f"{name} shows no focus"
            seen.add(number)
    assert len(seen) == wanted


def test_help_lists_the_keys(page):
    from selenium.webdriver.common.keys import Keys

    press(page, "?")
    assert page.find_element("id", "keys").is_displayed() and "draw a polygon" in text(page, "keys-list")
    press(page, Keys.ESCAPE)
    assert not page.find_element("id", "keys").is_displayed()


def test_a_narrow_screen_has_the_panel_as_a_sheet(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False},
    )
    try:
        restart(page, "mode=swipe")
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        heights = []
        for _ in range(3):
            heights.append(page.find_element("id", "map").size["height"])
            page.find_element("id", "handle").click()
            page.execute_async_script("setTimeout(arguments[0], 300)")  # it slides
        assert heights[2] > heights[0] > heights[1] > 0
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_vendored_map_says_its_licence():
    from importlib import resources

    static = resources.files("potato") / "serving" / "static"
    licence = (static / "openlayers.LICENSE.txt").read_text()
    assert re.search(r"BSD 2-Clause.*MIT License.*ISC License", licence, re.DOTALL)
