"""STAC items whose assets are a pan and a mul."""

import json

import numpy as np
import pytest

import pairs
from potato import fuse
from potato.deliveries.delivery import is_delivery, open_delivery
from potato.deliveries.examine import list_products
from potato.errors import DeliveryError


def change(folder, **hrefs):
    """Give assets other hrefs."""
    path = folder / "scene.json"
    item = json.loads(path.read_text())
    for asset, href in hrefs.items():
        item["assets"][asset]["href"] = href
    path.write_text(json.dumps(item))
    return path


def test_an_item_names_bands_and_satellite(made, tmp_path):
    folder = made("stac")
    for source in (folder, folder / "scene.json"):
        delivery = open_delivery(source)
        assert (delivery.name, delivery.sensor.name, delivery.date) == ("scene", "GE01", "2020-07-30")
    fuse(folder / "scene.json", None, tmp_path / "a.tif")
    fuse(made("files"), None, tmp_path / "b.tif", sensor="GE01")
    assert np.array_equal(pairs.read(tmp_path / "a.tif"), pairs.read(tmp_path / "b.tif"))


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_absolute_hrefs_are_read_below_the_item_alone(copied, tmp_path, form):
    folder = copied("stac")
    before = open_delivery(folder)
    path = change(folder, pan=form.format(folder / "data" / "pan.tif"))
    assert open_delivery(path).pan == before.pan
    change(folder, pan=form.format(tmp_path / "pan.tif"))
    with pytest.raises(
        DeliveryError, match=r"images that scene.json names in its folder, found .*pan.tif; fetch"
    ):
        open_delivery(path)


@pytest.mark.parametrize("href", ["https://example.com/pan.tif", "s3://bucket/pan.tif", "../pan.tif"])
def test_assets_elsewhere_are_named(copied, href):
    with pytest.raises(DeliveryError, match=rf"found {href}; fetch them beside it, or give pan and mul by"):
        open_delivery(change(copied("stac"), pan=href))


def test_scales_that_an_item_states_are_obeyed(copied):
    folder = copied("stac")
    path = folder / "scene.json"
    item = json.loads(path.read_text())
    for asset in item["assets"].values():
        asset["raster:bands"] = [{"scale": 2e-4, "offset": -0.1}] * len(asset["eo:bands"])
    path.write_text(json.dumps(item))
    assert set(open_delivery(path).mul.calibration.gains) == {2e-4}


def test_an_item_makes_one_line_of_a_listing_whatever_it_says(copied):
    path = copied("stac") / "scene.json"
    item = json.loads(path.read_text())
    item["id"], item["properties"]["datetime"] = "a\n1 product, 1 usable", "1\n2 products"
    path.write_text(json.dumps(item))
    first, *_ = lines = str(list_products(path.parent)).splitlines()
    assert first.startswith("a 1 product, 1 usable: GeoEye-1, 1 2 produc, ")
    assert [line for line in lines if line.startswith(("1 p", "2 p"))] == ["1 product, 1 usable"]


def test_other_json_is_left_alone(copied, tmp_path):
    folder = copied("files")
    for name, text in (
        ("a", "{"),
        ("b", "[]"),
        ("c", '{"type": "Feature", "assets": {}}'),
        ("d", "[" * 9**5),
    ):
        (folder / f"{name}.json").write_text(text)
    assert open_delivery(folder).kind == "files"
    assert not is_delivery("https://example.com/collection.json")
