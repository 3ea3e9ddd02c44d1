"""The page of `potato serve` in a browser: opening it, using it, reading it."""

from pictures import decode


def visit(browser, url):
    browser.get(url)
    wait(browser, lambda: browser.execute_script("return document.body?.dataset.ready") == "yes")
    calm(browser)


def reload(browser):
    browser.refresh()
    wait(browser, lambda: browser.execute_script("return document.body?.dataset.ready") == "yes")
    calm(browser)


def wait(browser, condition, seconds=60):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(browser, seconds, poll_frequency=0.05).until(lambda _: condition())


def calm(browser):
    """Wait until all tiles of the map are there."""
    wait(browser, lambda: not browser.find_element("id", "loading").is_displayed())


def state(browser):
    """What the address bar says, by key."""
    text = browser.execute_script("return location.hash").lstrip("#")
    return dict(part.split("=") for part in text.split("&") if part)


def colour(browser, across, down=0.35):
    """The mean colour around a place of the map, by shares of its width and height."""
    codes = decode(browser.find_element("id", "map").screenshot_as_png)[:3].astype(int)
    row, column = int(down * codes.shape[1]), int(across * codes.shape[2])
    return codes[:, row - 30 : row + 30, column - 30 : column + 30].mean((1, 2))


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*keys).perform()


def text(browser, name):
    return browser.find_element("id", name).text


def pointer(browser, across=0.5, down=0.5):
    """Actions of the pointer, which begin at a share of the map."""
    from selenium.webdriver.common.action_chains import ActionChains

    box = browser.find_element("id", "map")
    size = box.size
    return ActionChains(browser).move_to_element_with_offset(
        box, int((across - 0.5) * size["width"]), int((down - 0.5) * size["height"])
    )
