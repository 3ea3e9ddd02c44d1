"""HTML pages: the parts of a report's page, and a real browser, or a skip with its reason.

with chromium(folder, "window-size=1280,900") as browser:
    browser.get(page.as_uri())
    errors(browser)         # errors and warnings of the console since the last call
    requested(browser)      # addresses that were asked for since the last call
"""

import base64
import contextlib
import json
import math
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pictures import decode

FLAGS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "disable-dev-shm-usage",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
)


def data_of(page: Path) -> dict:
    return json.loads(page.read_text().partition('id="data">')[2].partition("</script>")[0])


def picture_of(part: dict, level: int = -1) -> np.ndarray:
    """A level of a layer's pyramid put together from its tiles."""
    rows = [
        np.concatenate([decode(base64.b64decode(url.partition(",")[2])) for url in row], 2)
        for row in part["levels"][level]
    ]
    return np.concatenate(rows, 1)


class Reader(HTMLParser):
    """Text of a page outside scripts and styles, and how many elements of each kind it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.attributes: list[tuple[str, str]] = []
        self.inside, self.parts = "", []
        self.feed(page.read_text())
        self.text = " ".join(self.parts)

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.attributes += [(name, value or "") for name, value in attrs]
        self.inside = tag

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.parts.append(data)


def table(page: Path, title: str) -> dict[str, list[float]]:
    """Rows of a table of figures."""
    text = page.read_text().partition(f">{title}")[2].partition("</table>")[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', text)
    return {
        name: [math.nan if cell == "–" else float(cell) for cell in re.findall(r">([^<]+)</td>", cells)]
        for name, cells in rows
    }


@contextlib.contextmanager
def chromium(folder: Path, *flags: str) -> Iterator:
    """Headless Chromium with its profile in a folder, and downloads in `folder / "downloads"`."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium isn't installed")
    from selenium.webdriver.chrome.service import Service

    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("chromium or chromedriver is missing; Debian has both: chromium, chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, *flags):
        options.add_argument(f"--{flag}")
    options.add_argument(f"--user-data-dir={folder / 'profile'}")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder / "downloads")})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


def errors(browser) -> list[str]:
    """Errors and warnings of the console since the last call."""
    return [
        entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
    ]


def requested(browser) -> set[str]:
    """Addresses that were asked for since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
