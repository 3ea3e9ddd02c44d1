"""Landsat's metadata in each form that USGS delivers, and scenes that lack them."""

import json
from xml.etree import ElementTree

import pytest

from potato.deliveries.delivery import open_delivery
from potato.deliveries.odl import parse_odl
from potato.errors import DeliveryError


def groups_of(text):
    """Groups of an MTL.txt, as MTL.json nests them."""
    groups = {}
    for name, value in parse_odl(text).items():
        _, group, key = name.split(".")
        groups.setdefault(group, {})[key] = value
    return groups


def as_json(groups):
    return json.dumps({"LANDSAT_METADATA_FILE": groups})


def as_xml(groups):
    root = ElementTree.Element("LANDSAT_METADATA_FILE")
    for group, values in groups.items():
        parent = ElementTree.SubElement(root, group)
        for key, value in values.items():
            ElementTree.SubElement(parent, key).text = value
    return ElementTree.tostring(root, encoding="unicode")


@pytest.mark.parametrize(("ending", "written"), [("json", as_json), ("xml", as_xml)])
def test_each_form_of_the_metadata_says_the_same(copied, ending, written):
    folder = copied("landsat")
    before = open_delivery(folder)
    (file,) = folder.glob("*_MTL.txt")
    file.with_suffix(f".{ending}").write_text(written(groups_of(file.read_text())))
    assert open_delivery(folder).mul == before.mul, "two forms describe one scene"
    file.unlink()
    for source in (folder, file.with_suffix(f".{ending}")):
        after = open_delivery(source)
        assert (after.sensor, after.date, after.level) == (before.sensor, before.date, before.level)
        assert after.pan.calibration == before.pan.calibration
        assert after.mul.calibration == before.mul.calibration


@pytest.mark.parametrize("text", ["{}", "[", "[1]", '{"LANDSAT_METADATA_FILE": {"PRODUCT_CONTENTS": 1}}'])
def test_json_that_holds_something_else(copied, text):
    folder = copied("landsat")
    (file,) = folder.glob("*_MTL.txt")
    file.with_suffix(".json").write_text(text)
    file.unlink()
    with pytest.raises(DeliveryError, match=r"expected LANDSAT_METADATA_FILE, found|make sense, found"):
        open_delivery(folder)


def test_bands_without_metadata_are_never_taken_for_reflectance(copied):
    folder = copied("landsat")
    next(folder.glob("*_MTL.txt")).unlink()
    said = r"expected the metadata LC08_L1TP_017051_20151205_20200908_02_T1_MTL.txt \(or .json, .xml\) beside"
    with pytest.raises(DeliveryError, match=said):
        open_delivery(folder)


def test_a_satellite_without_a_pan(copied):
    folder = copied("landsat")
    (file,) = folder.glob("*_MTL.txt")
    file.write_text(file.read_text().replace('"OLI_TIRS"', '"TM"'))
    with pytest.raises(DeliveryError, match=r"expected a scene of Landsat 7, 8 or 9, found TM .* has no pan"):
        open_delivery(folder)
