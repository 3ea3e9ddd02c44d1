"""Take the pictures of the guide to the map (docs/guides/look-first.md), in Chromium.

    python docs/make_map_pictures.py

They show what the guide's own commands give: the ARD to practise on, and the Landsat scene. The
address of the page describes all that is to be seen, so nothing has to be clicked.
"""

import io
import json
import sys
import tempfile
import urllib.request
from collections import defaultdict
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from make_pictures import write
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from potato.ard.synthetic.builder import make_ard
from potato.demonstration import SCENE
from potato.serving.server import Server

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from pages import chromium

SIZE = 1280, 860
"""Width and height of the page."""

SLOPE = 12.42859, -86.53079
"""Latitude and longitude of a lava flow in the Landsat scene."""

NEIGHBOURHOOD = (0.2, 0.35), (0.35, 0.7), (0.75, 0.62), (0.66, 0.24)
"""Corners of the polygon, as shares of a tile."""


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_ard(folder / "practice", tiles=4, size=816, revisits=3)
        with chromium(folder / "browser", "hide-scrollbars") as browser:
            with Server([folder / "practice"], output=folder / "sharp") as server:
                picture_ard(browser, server.address)
            with Server([str(resources.files("potato") / "assets" / SCENE)]) as server:
                lat, lon = SLOPE
                place = {"tab": "point", "at": f"{lat},{lon}"}
                shoot(browser, server.address, "serve-point", mode="swipe", viewB="composite", **place)


def picture_ard(browser: Chrome, address: str) -> None:
    """Take the pictures of the ARD: all of it, two dates of a tile, an area in it."""
    shoot(browser, address, "serve-map")
    passes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for feature in ask(address, "footprints.geojson")["features"]:
        if not feature["properties"]["reason"]:
            passes[feature["properties"]["quadkey"]].append(feature)
    # The tile that most passes saw well.
    tiles = max(
        passes.values(), key=lambda seen: (len(seen), -max(one["properties"]["clouds"] for one in seen))
    )
    tiles.sort(key=lambda one: one["properties"]["date"])
    west, south, east, north = bounds(tiles[0]["geometry"]["coordinates"][0])
    camera = f"14/{(south + north) / 2:.6f}/{(west + east) / 2:.6f}"
    before, after = (tiles[at]["properties"]["pass"] for at in (0, -1))
    shoot(browser, address, "serve-swipe", mode="swipe", viewB="sharp", map=camera, passA=before, passB=after)
    corners = [
        (north + (south - north) * down, west + (east - west) * across) for across, down in NEIGHBOURHOOD
    ]
    area = ";".join(f"{lat:.6f},{lon:.6f}" for lat, lon in corners)
    shoot(browser, address, "serve-area", map=camera, passA=before, tab="sharpen", area=area)


def bounds(ring: Sequence[Sequence[float]]) -> tuple[float, float, float, float]:
    """West, south, east, north of a ring."""
    longitudes, latitudes = zip(*ring, strict=True)
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def ask(address: str, path: str) -> Any:
    """The JSON at a path of the server."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address + path) as answer:
        return json.load(answer)


def shoot(browser: Chrome, address: str, name: str, **state: str) -> None:
    """Take a picture of the page in a state, as its address has it."""
    browser.get("about:blank")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": SIZE[0], "height": SIZE[1], "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get(f"{address}#{urlencode(state)}")
    done = "return document.body?.dataset.ready === 'yes' && document.getElementById('loading').hidden"
    WebDriverWait(browser, 300).until(lambda browser: browser.execute_script(done))
    browser.execute_async_script("setTimeout(arguments[0], 2000)")  # small pictures of the list come last
    with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as image:
        write(name, image.convert("RGB"))


if __name__ == "__main__":
    main()
