"""A real browser for tests, or a skip with its reason.

with chromium(folder, "window-size=1280,900") as browser:
    browser.get(page.as_uri())
    errors(browser)         # errors and warnings of the console since the last call
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

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
