"""The page of a report in a browser."""

import time

import numpy as np
import pytest

from pages import chromium, errors, requested
from pictures import HOSTILE, decode, noise, write_picture
from potato.report.layers import scale_colours
from potato.report.write import write_report
from servers import serve_folder

RED, BLUE = (200, 60, 60), (60, 60, 200)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("browser"), "window-size=1200,900") as found:
        yield found


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A page with a red picture and a blue one, in a window of 300 × 400 pixels of 500 × 600."""
    folder = tmp_path_factory.mktemp("page")
    pictures = [
        write_picture(folder / f"{name}.tif", noise(colour, 500, 600, seed))
        for seed, (name, colour) in enumerate((("red", RED), ("blue", BLUE)))
    ]
    name = HOSTILE.replace("/", "")
    pictures.append(
        write_picture(folder / f"{name}.tif", noise((60, 200, 60), 500, 600), tags={"NOTE": HOSTILE})
    )
    return write_report(pictures, folder / "page.html", window=(100, 100, 300, 400)).output


@pytest.fixture
def page(browser, shown):
    """The page, as new; afterwards nothing went wrong and nothing was fetched."""
    browser.get("about:blank")
    requested(browser)
    errors(browser)
    browser.get(shown.as_uri())
    wait(browser, lambda: stage(browser, "ready") == "yes")
    wait_for_colours(browser, (0.2, RED), (0.8, BLUE))
    yield browser
    assert errors(browser) == []
    assert {url for url in requested(browser) if not url.startswith("data:")} == {shown.as_uri()}


def wait(browser, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 20, poll_frequency=0.05).until(lambda _: condition())


def stage(browser, name):
    return browser.execute_script("return document.getElementById('stage').dataset[arguments[0]]", name)


def pixel(browser, across, down):
    """The colour of the stage on the screen at a share of its width and height."""
    codes = decode(browser.find_element("id", "stage").screenshot_as_png)[:3]
    return codes[:, int(down * codes.shape[1]), int(across * codes.shape[2])]


def near(codes, colour):
    return np.abs(codes.astype(int) - colour).max() <= 12


def wait_for_colours(browser, *places):
    """Wait until the stage has these colours at these shares of its width, below its middle."""
    wait(browser, lambda: all(near(pixel(browser, across, 0.6), colour) for across, colour in places))


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def views(browser):
    """Zoom and centre of the left and the right pane."""
    return browser.execute_script(
        "return ['left', 'right'].map(side => {"
        "  const { viewport } = OpenSeadragon.getViewer(document.getElementById(side));"
        "  const { x, y } = viewport.getCenter(true);"
        "  return [viewport.getZoom(true), x, y];"
        "})"
    )


def test_pointer_and_keys_move_the_divider(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    wait_for_colours(page, (0.3, RED), (0.7, BLUE))
    divider = page.find_element("id", "divider")
    width = page.find_element("id", "stage").size["width"]
    ActionChains(page).drag_and_drop_by_offset(divider, int(-0.3 * width), 0).perform()
    wait_for_colours(page, (0.15, RED), (0.3, BLUE))
    assert 19 <= int(divider.get_attribute("aria-valuenow")) <= 21
    press(page, Keys.END)
    assert divider.get_attribute("aria-valuenow") == "100"
    wait_for_colours(page, (0.15, RED), (0.8, RED))
    press(page, "[", "[")
    assert divider.get_attribute("aria-valuenow") == "96"


def test_pictures_blink_by_key_and_automatically(page):
    press(page, "b")
    wait_for_colours(page, (0.3, RED), (0.7, RED))
    press(page, " ")
    wait_for_colours(page, (0.3, BLUE), (0.7, BLUE))
    names = [page.find_element("id", f"{side}-name").is_displayed() for side in ("left", "right")]
    assert names == [False, True]
    press(page, "p")
    for front in ("left", "right"):
        wait(page, lambda front=front: stage(page, "front") == front)
    press(page, "p")
    still = stage(page, "front")
    time.sleep(1)
    assert stage(page, "front") == still


def test_both_panes_move_and_zoom_together(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    for mode in ("s", "d"):
        press(page, mode)
        for side in ("left", "right"):
            before = views(page)[0]
            pane = page.find_element("id", side if mode == "d" else "stage")
            ActionChains(page).scroll_from_origin(ScrollOrigin.from_element(pane, 90, 40), 0, -240).perform()
            wait(page, lambda before=before: views(page)[0][0] > 1.1 * before[0])
            ActionChains(page).move_to_element_with_offset(pane, 40, 60).click_and_hold().move_by_offset(
                30, 20
            ).release().perform()
            wait(page, lambda: still(page))
            left, right = views(page)
            assert left == pytest.approx(right, rel=1e-9), f"{mode} {side}"
            assert left[1:] != pytest.approx(before[1:], abs=1e-4)


def still(browser):
    before = views(browser)
    time.sleep(0.1)
    return views(browser) == before


def test_at_16_times_a_pixel_is_a_square_of_16(page):
    press(page, "d")
    page.find_element("css selector", "[data-zoom='16']").click()
    wait(page, lambda: abs(float(stage(page, "magnification")) - 16) < 1e-6 and still(page))
    assert page.find_element("id", "place").text.endswith("16×")
    codes = decode(page.find_element("id", "stage").screenshot_as_png)[:3, 60:-60].astype(int)
    for pane in (codes[:, :, 20:500], codes[:, :, -500:-20]):
        steps = np.flatnonzero(np.abs(np.diff(pane, axis=2)).max((0, 1)) > 0)
        sides = np.diff(steps)
        # Where two of the browser's own tiles meet, one may be off by two.
        assert len(sides) >= 25 and (sides == 16).sum() >= len(sides) - 2 and np.ptp(sides) <= 2


def test_zoom_keys_step_up_to_16_times_and_back_to_the_window(page):
    press(page, "z")
    wait(page, lambda: abs(float(stage(page, "magnification")) - 1) < 1e-6)
    press(page, "+", "+")
    wait(page, lambda: abs(float(stage(page, "magnification")) - 4) < 1e-6)
    press(page, "+", "+", "+", "+")
    wait(page, lambda: still(page))
    assert float(stage(page, "magnification")) == pytest.approx(16)
    press(page, "f")
    wait(page, lambda: still(page))
    assert views(page)[0][1:] == pytest.approx([0.5, 0.5 * 500 / 600], abs=1e-6)
    press(page, "w")
    wait(page, lambda: still(page))
    assert views(page)[0][1:] == pytest.approx([300 / 600, 250 / 600], abs=1e-6)


def test_number_keys_choose_layers_and_differences_show_their_scale(page):
    scale = page.find_element("id", "scale")
    assert not scale.is_displayed()
    press(page, "4")
    assert page.find_element("id", "right-name").text == "difference: blue.tif" and scale.is_displayed()
    wait_for_colours(page, (0.7, scale_colours(255)[-1]))
    press(page, "x")
    assert page.find_element("id", "left-name").text == "difference: blue.tif"
    press(page, "2")
    page.find_element("css selector", "#choose-left option:nth-child(1)").click()
    assert not scale.is_displayed()
    press(page, "9")
    assert page.find_element("id", "right-name").text == "blue.tif"


def test_markup_in_names_is_shown_as_text(page):
    press(page, "3")
    name = HOSTILE.replace("/", "") + ".tif"
    assert page.find_element("id", "right-name").get_property("textContent") == name
    cells = page.find_elements("css selector", "td")
    assert HOSTILE in [cell.get_property("textContent") for cell in cells]
    assert page.execute_script("return document.querySelectorAll('img[onerror], script').length") == 3


def test_a_narrow_screen_stacks_the_panes_without_overflow(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 800, "deviceScaleFactor": 2, "mobile": False},
    )
    try:
        press(page, "d")
        panes = [page.find_element("id", side).rect for side in ("left", "right")]
        assert panes[0]["width"] == panes[1]["width"] > 300
        assert panes[1]["y"] >= panes[0]["y"] + panes[0]["height"]
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390
        press(page, "z")
        wait(page, lambda: still(page))
        left, right = views(page)
        assert left == pytest.approx(right, rel=1e-9)
        # A pixel of the picture is one of the screen, not of the style: half as large here.
        assert left[0] == pytest.approx(600 / (panes[0]["width"] * 2), rel=1e-3)
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_control_has_a_name_and_the_divider_takes_focus(page):
    unnamed = page.execute_script(
        "return [...document.querySelectorAll('button, select, input, summary, img, [role]')].filter(each =>"
        "  !(each.getAttribute('aria-label') || each.getAttribute('aria-labelledby') || each.alt"
        "    || each.textContent.trim() || each.closest('label')) && !each.closest('.pane')"
        ").map(each => each.outerHTML)"
    )
    assert unnamed == []
    assert page.execute_script("return document.getElementById('divider').tabIndex") == 0


def test_the_policy_blocks_all_requests(browser, shown, tmp_path):
    with serve_folder(tmp_path) as server:
        browser.get(shown.as_uri())
        wait(browser, lambda: stage(browser, "ready") == "yes")
        browser.execute_async_script(
            "const done = arguments[1], image = new Image();"
            "image.onerror = () => fetch(arguments[0]).catch(() => done());"
            "image.src = arguments[0];",
            server.url,
        )
        assert server.requests == []
    errors(browser)
