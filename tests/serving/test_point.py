"""What a click on the map tells, beside what other programs read in the files."""

import re

import numpy as np
import pytest
import rasterio
from affine import Affine
from coloraide import Color
from rasterio.warp import transform

import pairs
from map_page import pointer, state, text, visit, wait
from potato import fuse
from potato.core.sensor_table import WORLDVIEW_2
from potato.raster.layer import Reading
from potato.serving.server import Server

# pytest puts warning filters back after each phase of a test, while the server still works.
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def displaced_pair(folder, down: int, right: int, side: int = 96):
    """A pair with texture of WorldView-2, whose second array lies some pan pixels off."""
    texture = np.random.default_rng(0).normal(size=(4 * side, 4 * side))
    for axis in (0, 1, 0, 1):
        texture = sum(np.roll(texture, step, axis) for step in range(-3, 4)) / 7
    light = 1500 + 400 * texture / texture.std()
    gains = np.linspace(0.6, 1.4, 8)
    moved = np.roll(light, (down, right), (0, 1))
    second = WORLDVIEW_2.array_places[1]
    bands = np.stack([gain * (moved if at in second else light) for at, gain in enumerate(gains)])
    place = Affine(2, 0, 500000, 0, -2, 4000000)
    return [
        pairs.write(folder / "x-pan.tif", light.clip(1).astype("uint16"), place),
        pairs.write(
            folder / "x-ms.tif",
            bands.reshape(8, side, 4, side, 4).mean((2, 4)).clip(1).astype("uint16"),
            place @ Affine.scale(4),
            names=pairs.BAND_NAMES,
        ),
    ]


def test_what_a_click_tells_is_in_the_files(browser, tmp_path):
    """Counts by rasterio, colours by `fuse` and coloraide, arrays as far off as they were moved."""
    pair = displaced_pair(tmp_path, down=2, right=-1)
    reading = Reading(sensor="WV02")
    looks = {
        look: fuse(*pair, tmp_path / f"{look}.tif", look=look, reading=reading)
        for look in ("natural", "flat")
    }
    with Server(pair, reading=reading) as server:
        browser.get("about:blank")
        visit(browser, server.address)
        pointer(browser, 0.45, 0.55).click().perform()
        wait(browser, lambda: "Array" in text(browser, "point"))
        lat, lon = map(float, wait(browser, lambda: state(browser).get("at")).split(","))
        rows = [row.text.split() for row in browser.find_elements("css selector", "#point tbody tr")]
        told = text(browser, "point")
        browser.get("about:blank")
    (x,), (y,) = transform("EPSG:4326", "EPSG:32611", [lon], [lat])
    pixels = []
    for path in (*pair, *(tmp_path / f"{look}.tif" for look in looks)):
        with rasterio.open(path) as image:
            pixels.append(next(image.sample([(x, y)])))
    assert [int(counts) for *_, counts in rows] == [*pixels[0], *pixels[1]]
    assert [float(share) for *_, share, _ in rows] == pytest.approx(
        [int(row[-1]) / 1e4 for row in rows], abs=5e-5
    )
    hexadecimal = re.search("#([0-9a-f]{6})", told)[1]
    assert list(bytes.fromhex(hexadecimal)) == pytest.approx(pixels[2][:3].tolist(), abs=1)
    oklab = re.search(r"Oklab (\S+), (\S+), (\S+)", told).groups()
    expected = Color("srgb", (pixels[3][:3] / 65535).tolist()).convert("oklab").coords()
    assert [float(each.replace("−", "-")) for each in oklab] == pytest.approx(expected, abs=2e-3)
    ways = re.findall(r"([\d.]+) (up|down), ([\d.]+) (left|right)", told)
    found = [
        (float(far) * (1 if way == "down" else -1), float(aside) * (1 if side == "right" else -1))
        for far, way, aside, side in ways
    ]
    assert np.array(found) == pytest.approx(np.array([[0, 0], [0.5, -0.25]]), abs=0.06)
