import json

import numpy as np
import pytest
from click.testing import CliRunner
from rasterio.warp import transform

import ards
import pages
from potato.cli import potato
from potato.deliveries.synthetic.order import make_delivery
from potato.doctor.footprint_map import make_map
from potato.doctor.footprints import find_footprints


@pytest.fixture(scope="module")
def ard(tmp_path_factory):
    """Two usable tiles, one without mul, and an item that isn't JSON."""
    root = tmp_path_factory.mktemp("footprints") / "event" / "ard"
    ards.write_tile(root, 0, 0, changes={"tile:clouds_percent": 12, "view:off_nadir": 21.5})
    ards.write_tile(root, 1, 0, cid=ards.OTHER)
    for file in ards.write_tile(root, 0, 1).parent.glob("*-ms.tif"):
        file.unlink()
    broken = next(root.glob("11/*")) / "2024-12-15" / "1030010000000F00.json"
    broken.parent.mkdir()
    broken.write_text("{")
    return root


def run(*arguments):
    return CliRunner().invoke(potato, ["ls", *map(str, arguments)], catch_exceptions=False)


def features(*arguments) -> dict[str, dict]:
    collection = json.loads(run(*arguments, "--geojson").stdout)
    assert collection["type"] == "FeatureCollection"
    return {one["id"]: one for one in collection["features"]}


def test_each_tile_has_its_outline_and_facts(ard):
    found = features(ard)
    (tile,) = (
        one for name, one in found.items() if name.endswith(ards.CID) and not one["properties"]["reason"]
    )
    facts = tile["properties"]
    assert (facts["event"], facts["cid"], facts["sensor"], facts["clouds"]) == ("event", ards.CID, "WV02", 12)
    assert (facts["date"], facts["time"]) == ("2024-12-14", "2024-12-14T18:53:50Z")
    assert facts["off_nadir"] == 21.5 and facts["quadkey"] == tile["id"].split("/")[1]
    west, north = ards.corner(0, 0)
    (x,), (y,) = transform("EPSG:32611", "EPSG:4326", [west], [north])
    (ring,) = tile["geometry"]["coordinates"]
    assert np.hypot(*(np.array(ring) - (x, y)).T).min() < 1e-6
    # RFC 7946, 3.1.6: outer rings are closed, and run anticlockwise.
    across, down = np.array(ring).T
    assert ring[0] == ring[-1] and np.sum(across[:-1] * down[1:] - across[1:] * down[:-1]) > 0


def test_what_cannot_be_sharpened_says_why(ard):
    found = features(ard)
    reasons = sorted(one["properties"]["reason"] or "" for one in found.values())
    assert len(found) == 4 and reasons[:2] == ["", ""]
    assert any("missing file" in reason or reason == "pan only" for reason in reasons)
    assert [one["geometry"] is None for one in found.values()].count(True) == 1
    assert {len(one["properties"]) for one in found.values()} == {13}


def test_options_choose_tiles_as_in_the_list(ard):
    found = features(ard, "--cid", ards.OTHER)
    assert [one["properties"]["cid"] for one in found.values() if one["geometry"]] == [ards.OTHER]


def test_each_product_of_a_delivery_has_its_outline(tmp_path):
    make_delivery("maxar", tmp_path / "order", size=128)
    (one,) = features(tmp_path / "order").values()
    assert one["geometry"]["type"] == "Polygon" and one["properties"]["sensor"] == "WV02"
    assert one["properties"]["gsd"] == 0.5 and one["properties"]["cid"] is None


def test_files_are_written_once_unless_they_may_be_replaced(ard, tmp_path):
    file = tmp_path / "a.geojson"
    assert run(ard, "--geojson", "-o", file).stdout == f"{file}\n"
    assert len(json.loads(file.read_text())["features"]) == 4
    assert run(ard, "--geojson", "-o", file).exit_code == 1
    assert run(ard, "--geojson", "-o", file, "--overwrite").exit_code == 0
    assert run(ard, "-o", tmp_path / "b.geojson").exit_code == 2


def test_the_map_holds_outlines_and_pictures_and_shows_text_as_text(ard):
    page = make_map(list(find_footprints(str(ard))), "<script>alert(1)</script>")
    assert "<script>alert" not in page and "http" not in page.replace("http-equiv", "").replace(
        "http://www.w3.org/2000/svg", ""
    )
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    pictured = [one for one in data["footprints"] if "picture" in one]
    assert len(data["footprints"]) == 4 and len(pictured) == 2
    west, south, east, north = pictured[0]["box"]
    for x, y in pictured[0]["ring"]:
        assert west - 1e-4 < x < east + 1e-4 and south - 1e-4 < y < north + 1e-4


def test_the_map_works_by_keyboard(ard, tmp_path):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    path = tmp_path / "map.html"
    path.write_text(make_map(list(find_footprints(str(ard))), "x"), encoding="utf-8")
    with pages.chromium(tmp_path, "window-size=1000,700") as browser:
        browser.get(path.as_uri())
        svg = browser.find_element(By.ID, "svg")
        box = "return document.getElementById('svg').getAttribute('viewBox')"
        boxes = [browser.execute_script(box)]
        for key in (Keys.ARROW_LEFT, "+", "0"):
            svg.send_keys(key)
            boxes.append(browser.execute_script(box))
        assert len(set(boxes)) == 4
        browser.find_element(By.CSS_SELECTOR, "#passes button").send_keys(Keys.ENTER)
        assert browser.find_element(By.ID, "count").text == "1 of 3 shown"
        svg.send_keys(Keys.ENTER)
        assert browser.find_elements(By.CSS_SELECTOR, "#here code")
        assert not pages.errors(browser)
