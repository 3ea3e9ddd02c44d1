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


FORMER = {
    "LANDSAT_PRODUCT_ID": "METADATA_FILE_INFO",
    "COLLECTION_NUMBER": "METADATA_FILE_INFO",
    "SUN_ELEVATION": "IMAGE_ATTRIBUTES",
    "EARTH_SUN_DISTANCE": "IMAGE_ATTRIBUTES",
    "MAP_PROJECTION": "PROJECTION_PARAMETERS",
    "UTM_ZONE": "PROJECTION_PARAMETERS",
}
"""Groups of Collection 1 by names (USGS, Landsat 8 Level 1 data format control book)."""


def as_former(text, scene):
    """An MTL.txt as USGS wrote it before Collection 2; before Collection 1 if it names a scene."""
    groups = {}
    for name, value in parse_odl(text).items():
        key = name.split(".")[-1]
        group = FORMER.get(key, "PRODUCT_METADATA")
        group = "RADIOMETRIC_RESCALING" if key.startswith("REFLECTANCE_") else group
        group = "PROJECTION_PARAMETERS" if key.startswith("GRID_CELL") else group
        key = {"PROCESSING_LEVEL": "DATA_TYPE"}.get(key, key)
        if scene and key == "LANDSAT_PRODUCT_ID":
            key, value = "LANDSAT_SCENE_ID", scene
        groups.setdefault(group, []).append(f'    {key} = "{value}"')
    lines = [line for name, found in groups.items() for line in (f"  GROUP = {name}", *found, "  END_GROUP")]
    return "\n".join(["GROUP = L1_METADATA_FILE", *lines, "END_GROUP = L1_METADATA_FILE", "END"])


@pytest.mark.parametrize("scene", ["", "LC80170512015339LGN00"])
def test_metadata_from_before_collection_2(copied, scene):
    folder = copied("landsat")
    before = open_delivery(folder)
    (file,) = folder.glob("*_MTL.txt")
    file.write_text(as_former(file.read_text(), scene))
    after = open_delivery(folder)
    assert (after.sensor, after.date) == (before.sensor, before.date)
    assert (after.pan, after.mul) == (before.pan, before.mul)


def test_files_with_short_names(copied):
    folder = copied("landsat")
    before = open_delivery(folder)
    (metadata,) = folder.glob("*_MTL.txt")
    metadata = metadata.rename(folder / "MTL.txt")
    for file in folder.glob("*_B*.TIF"):
        file.rename(folder / file.name.split("_")[-1])
    for source in (folder, metadata):
        assert open_delivery(source).mul.calibration == before.mul.calibration
    metadata.unlink()
    with pytest.raises(
        DeliveryError, match=r"expected the metadata MTL.txt \(or .json, .xml\) beside B2.TIF"
    ):
        open_delivery(folder)


def test_surface_reflectance_of_collection_1_is_refused_by_name(copied):
    folder = copied("landsat")
    for file in folder.glob("*_B*.TIF"):
        file.rename(str(file).replace("_B", "_sr_band").replace(".TIF", ".tif"))
    with pytest.raises(
        DeliveryError, match=r"found surface reflectance of Collection 1 .*; fetch level 2 of"
    ):
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
