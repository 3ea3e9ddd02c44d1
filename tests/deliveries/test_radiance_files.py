"""Counts of CBERS-4A, KOMPSAT-3A, Gaofen and SkySat become reflectance by their metadata."""

import json
import math
import re

import numpy as np
import pytest
import rasterio

import pairs
from potato import fuse
from potato.deliveries.delivery import open_delivery
from potato.deliveries.examine import list_products
from potato.deliveries.sunlight import earth_sun_distance, parse_time
from potato.errors import DeliveryError, InputError
from potato.raster.header import read_header
from potato.raster.layer import Reading


def reflectance(radiance, irradiance, elevation, time):
    """The formula that the documentation of the International Charter's processor gives."""
    distance = earth_sun_distance(parse_time(time))
    return math.pi * radiance * distance**2 / (irradiance * math.sin(math.radians(elevation)))


@pytest.mark.parametrize(
    ("kind", "date", "gain", "offset", "sun"),
    [
        ("cbers", "2020-07-30", 0.214, 0, (1536.38, 44.3535, "2020-07-30T13:51:24")),
        ("kompsat", "2021-01-13", 0.0229, -13.0457, (1525, 28.911536736, "2021-01-13T13:29:20")),
        # Gaofen-2 in 2016: the red band of PMS1 in CRESDA's table of that year.
        ("gaofen", "2016-08-26", 0.1477, 0, (1536.38, 90 - 28.3, "2016-08-26")),
    ],
)
def test_red_counts_become_reflectance(made, kind, date, gain, offset, sun):
    delivery = open_delivery(made(kind), calibrate="toa")
    assert delivery.date == date and delivery.kind == "radiance"
    calibration = delivery.mul.calibration
    ends = [reflectance(radiance, *sun) for radiance in (gain, offset)]
    assert (calibration.gains[2], calibration.offsets[2]) == pytest.approx(ends, rel=1e-6)


def test_a_scene_of_cbers_without_coefficients_takes_a_scale(copied, tmp_path):
    """As it was in July 2020."""
    folder = copied("cbers")
    for file in folder.glob("*.xml"):
        file.write_text(re.sub("<band.*</band>", "", file.read_text()))
    assert open_delivery(folder).kind == "files"
    fuse(folder, None, tmp_path / "o.tif", reading=Reading(scale=(0.0004,)))


def test_metadata_of_kompsat_that_make_no_sense(copied):
    folder = copied("kompsat")
    (file,) = folder.glob("*_Aux.xml")
    file.write_text(file.read_text().replace("0.0229", "much"))
    with pytest.raises(DeliveryError, match=r"expected metadata that make sense, .*fetch them again"):
        open_delivery(folder)


def test_gaofen_has_a_table_for_each_year_and_the_nearest_is_told(copied):
    folder = copied("gaofen")
    first = open_delivery(folder)
    assert not first.notes or "CRESDA" not in str(first.notes)
    for file in folder.glob("*.xml"):
        file.write_text(file.read_text().replace("2016-", "2021-"))
    later = open_delivery(folder)
    assert "calibrated by CRESDA's table of 2018, the nearest that is known" in later.notes
    assert later.mul.calibration.gains[2] / first.mul.calibration.gains[2] == pytest.approx(
        0.1644 / 0.1477, rel=1e-3
    )
    for file in folder.glob("*.xml"):
        file.write_text(file.read_text().replace("PMS1", "PMS9"))
    assert "expected reflectance × 10,000, found counts" in str(list_products(folder))


def test_planets_tiffs_state_what_their_counts_are(copied, tmp_path):
    """The form of TIFFTAG_IMAGEDESCRIPTION in Planet's analytic products."""
    folder, taken = copied("files", "SkySat"), (2e-5, 2.1e-5, 2.4e-5, 3.1e-5)
    for name, gains in (("pan", (2.2e-5,)), ("mul", taken)):
        stated = json.dumps({"properties": {"reflectance_coefficients": gains, "satellite_id": "SSC4"}})
        with rasterio.open(folder / f"{name}.tif", "r+") as file:
            file.write(
                np.stack([band * (1e-4 / gain) for band, gain in zip(file.read(), gains, strict=True)])
            )
            file.update_tags(TIFFTAG_IMAGEDESCRIPTION=stated)
    assert read_header(str(folder / "mul.tif"), "mul").coefficients == taken
    delivery = open_delivery(folder, calibrate="toa", sensor=None)
    assert delivery.mul.calibration.gains == taken and delivery.kind == "radiance"
    fuse(folder / "pan.tif", folder / "mul.tif", tmp_path / "two.tif", sensor="SkySat")
    fuse(
        folder, None, tmp_path / "one.tif", sensor="SkySat", reading=Reading(calibrate="toa", sensor="SkySat")
    )
    assert np.array_equal(pairs.read(tmp_path / "two.tif"), pairs.read(tmp_path / "one.tif"))
    with rasterio.open(folder / "mul.tif", "r+") as file:
        file.update_tags(TIFFTAG_IMAGEDESCRIPTION='{"properties": {"reflectance_coefficients": [1, 2]}}')
    with pytest.raises(InputError, match="expected"):
        open_delivery(folder, calibrate="toa")
