"""Counts of CBERS-4A and KOMPSAT-3A become reflectance by the metadata beside their files."""

import math

import numpy as np
import pytest

import pairs
from potato import fuse
from potato.core.platforms import find_sensor
from potato.deliveries.delivery import open_delivery
from potato.deliveries.sunlight import earth_sun_distance, parse_time
from potato.deliveries.synthetic.scene import make_scene
from potato.errors import DeliveryError
from potato.raster.coordinates import grid_at
from potato.raster.layer import Reading
from potato.raster.plain_file import write_plain

# The form of INPE's metadata, shortened; this scene, processed in July 2020, has no coefficients.
CBERS = """<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<prdf xmlns="http://www.gisplan.com.br/xmlsat">
  <satellite><name>CBERS</name><number>4A</number><instrument channel="1">WPM</instrument></satellite>
  <image>
    <level>4</level>
    <timeStamp><center>2020-07-30T13:51:24.147711</center></timeStamp>
    <sunPosition><elevation>44.3535</elevation><sunAzimuth>32.9856</sunAzimuth></sunPosition>
    <absoluteCalibrationCoefficient>{}</absoluteCalibrationCoefficient>
  </image>
</prdf>"""

# From the Aux.xml of K3A_20210113132915_32047_00039626_L1G, shortened.
KOMPSAT = """<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<Auxiliary>
  <General><Satellite>KOMPSAT-3A</Satellite><ProductLevel>Level1G</ProductLevel></General>
  <Metadata><MetadataBlock><SunAngle><Elevation>28.911536736</Elevation></SunAngle></MetadataBlock></Metadata>
  <Image>{}</Image>
</Auxiliary>"""
KOMPSAT_BAND = """<{tag}><ImageFileName>{name}</ImageFileName><ImagingTime><ImagingCenterTime>
  <UTC>20210113132920.2144584</UTC></ImagingCenterTime></ImagingTime>
  <RadianceConversion><Gain>0.022900</Gain><Offset>-13.045700</Offset></RadianceConversion></{tag}>"""


def save(folder, pattern, codes, black=0):
    """Pan and four bands as counts of 16 bits, `black` for no light."""
    scene = make_scene(find_sensor("GE01"), 32, 0)
    folder.mkdir()
    for place, (code, plane) in enumerate(zip(codes, (scene.pan, *scene.mul), strict=True)):
        counts = np.round(plane * 1500 + black).astype(np.uint16)[None]
        grid = grid_at(counts.shape[1], counts.shape[2], 2.0 if place else 0.5)
        write_plain(folder / pattern.format(code), counts, grid)
    return folder


def write_cbers(folder, coefficients):
    bands = "".join(f'<band name="{code}">{value}</band>' for code, value in enumerate(coefficients))
    for file in save(folder, "CBERS_4A_WPM_20200730_209_139_L4_BAND{}.tif", "01234").glob("*.tif"):
        file.with_suffix(".xml").write_text(CBERS.format(bands))
    return folder


def reflectance(radiance, irradiance, elevation, time):
    """The formula that the documentation of the International Charter's processor gives."""
    distance = earth_sun_distance(parse_time(time))
    return math.pi * radiance * distance**2 / (irradiance * math.sin(math.radians(elevation)))


def test_cbers_4a(tmp_path):
    folder = write_cbers(tmp_path / "cbers", (0.17, 0.24, 0.31, 0.214, 0.185))
    delivery = open_delivery(folder, calibrate="toa")
    assert (delivery.sensor.name, delivery.date) == ("CBERS4A", "2020-07-30")
    red = reflectance(0.214, 1536.38, 44.3535, "2020-07-30T13:51:24")
    assert delivery.mul.calibration.gains[2] == pytest.approx(red, rel=1e-6)
    fuse(folder, None, tmp_path / "o.tif")
    assert 20 < np.median(pairs.read(tmp_path / "o.tif")[:3]) < 235


def test_a_scene_of_cbers_without_coefficients_takes_a_scale(tmp_path):
    folder = write_cbers(tmp_path / "cbers", ())
    assert open_delivery(folder).kind == "files"
    fuse(folder, None, tmp_path / "o.tif", reading=Reading(scale=(0.0004,)))


def write_kompsat(folder):
    stem = "K3A_20210113132915_32047_00039626_L1G"
    save(folder, f"{stem}_{{}}.tif", "PBGRN", black=600)
    tags = zip(("PAN", "MS1", "MS2", "MS3", "MS4"), "PBGRN", strict=True)
    bands = "".join(KOMPSAT_BAND.format(tag=tag, name=f"{stem}_{code}.tif") for tag, code in tags)
    (folder / f"{stem}_Aux.xml").write_text(KOMPSAT.format(bands))
    return folder


def test_kompsat_3a(tmp_path):
    delivery = open_delivery(write_kompsat(tmp_path / "k3a"), calibrate="toa")
    assert (delivery.sensor.name, delivery.date) == ("K3A", "2021-01-13")
    ends = [
        reflectance(radiance, 1525, 28.911536736, "2021-01-13T13:29:20") for radiance in (0.0229, -13.0457)
    ]
    calibration = delivery.mul.calibration
    assert (calibration.gains[2], calibration.offsets[2]) == pytest.approx(ends, rel=1e-6)


def test_metadata_of_kompsat_that_make_no_sense(tmp_path):
    folder = write_kompsat(tmp_path / "k3a")
    (file,) = folder.glob("*_Aux.xml")
    file.write_text(file.read_text().replace("0.022900", "much"))
    with pytest.raises(DeliveryError, match=r"expected metadata that make sense, .*fetch them again"):
        open_delivery(folder)
