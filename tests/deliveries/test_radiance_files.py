"""Counts of CBERS-4A, KOMPSAT-3A, Gaofen and SkySat become reflectance by their metadata."""

import json
import math
import re

import numpy as np
import pytest
import rasterio

import pairs
from potato import fuse
from potato.core.platforms import find_sensor
from potato.deliveries.delivery import open_delivery
from potato.deliveries.examine import list_products
from potato.deliveries.sunlight import earth_sun_distance, parse_time
from potato.deliveries.synthetic.scene import make_scene
from potato.errors import DeliveryError, InputError
from potato.raster.coordinates import grid_at
from potato.raster.header import read_header
from potato.raster.layer import Reading
from potato.raster.plain_file import write_plain


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


SUPERVIEW_XML = """<?xml version="1.0" encoding="UTF-8"?>
<ProductMetaData>
  <SatelliteID>SV1-02</SatelliteID><StartTime>2018-05-30 11:05:43</StartTime>
  <Gain>{gain}</Gain><Offset>{offset}</Offset><ESUN>{sun}</ESUN>
  <SolarZenith>25.5</SolarZenith>
</ProductMetaData>"""

DIMAP_1 = """<?xml version="1.0" encoding="UTF-8"?>
<Dimap_Document>
  <Metadata_Id><METADATA_FORMAT version="1.1">DIMAP</METADATA_FORMAT></Metadata_Id>
  <Data_Access><Data_File><DATA_FILE_PATH href="{file}"/></Data_File></Data_Access>
  <Dataset_Sources><Source_Information><Scene_Source>
    <MISSION>{mission}</MISSION><MISSION_INDEX>{index}</MISSION_INDEX>{time}
    <SUN_ELEVATION>64.5</SUN_ELEVATION>
  </Scene_Source></Source_Information></Dataset_Sources>
  <Image_Interpretation>{bands}</Image_Interpretation>
</Dimap_Document>"""

DIMAP_1_BAND = """<Spectral_Band_Info><BAND_INDEX>{number}</BAND_INDEX>{constants}</Spectral_Band_Info>"""


def superview(folder, planes):
    """The form that eoreader reads: lists of gains, offsets and irradiance, in Beijing's time."""
    save_stated(folder / "SV1-02_20180530_L2A0000525_1012_0001_01-PAN.tiff", planes[:1])
    save_stated(folder / "SV1-02_20180530_L2A0000525_1012_0001_01-MUX.tiff", planes[1:])
    for role, numbers in (
        ("PAN", ("0.07", "0", "1300")),
        ("MUX", ("0.1,0.1,0.12,0.1", "0,0,1,0", "1900,1800,1536,1000")),
    ):
        text = SUPERVIEW_XML.format(**dict(zip(("gain", "offset", "sun"), numbers, strict=True)))
        (folder / f"SV1-02_20180530_L2A0000525_1012_0001_01-{role}.xml").write_text(text)
    return 0.12, 1, 1536


def geosat(folder, planes):
    """Two .dim files; the bands are near infrared, red, green and blue."""
    for role, stack in (("PAN", planes[:1]), ("MS4", planes[:0:-1])):
        stem = f"DE2_{role}_L1C_000000_20180530T100000_20180530T100002_DE2_22171_4A8E"
        save_stated(folder / f"{stem}.tif", stack)
        constants = "<PHYSICAL_BIAS>1</PHYSICAL_BIAS><PHYSICAL_GAIN>0.{}2</PHYSICAL_GAIN><ESUN>1{}36</ESUN>"
        bands = [
            DIMAP_1_BAND.format(number=number, constants=constants.format(number, number))
            for number in range(len(stack), 0, -1)
        ]
        time = "<START_TIME>2018-05-30T10:00:00</START_TIME>"
        text = dimap_1(f"{stem}.tif", "Deimos", "2", time, bands)
        (folder / f"{stem}.dim").write_text(text)
    return 0.22, 1, 1236


def vision(folder, planes):
    """Radiance × 100, with metadata of the first version of DIMAP in the names of the second."""
    for role, stack in (("PAN", planes[:1]), ("MS4", planes[1:])):
        stem = f"VIS1_{role}_20180530100000_ORTP_S1"
        save_stated(folder / f"{stem}.tif", stack)
        bands = [DIMAP_1_BAND.format(number=n + 1, constants="") for n in range(len(stack))]
        time = "<IMAGING_DATE>2018-05-30</IMAGING_DATE><IMAGING_TIME>10:00:00.0Z</IMAGING_TIME>"
        text = dimap_1(f"{stem}.tif", "VISION", "1", time, bands)
        (folder / f"DIM_{stem}.xml").write_text(text)
    return 0.01, 0, 1618


def dimap_1(file, mission, index, time, bands):
    """Metadata of an image, with the elements of its time and of its bands."""
    return DIMAP_1.format(file=file, mission=mission, index=index, time=time, bands="".join(bands))


def save_stated(path, planes):
    pixel = 0.5 if len(planes) == 1 else 2.0
    write_plain(path, np.stack(planes), grid_at(*planes[0].shape, pixel))


@pytest.mark.parametrize(
    ("write", "sensor", "order"),
    [(superview, "SV1", "1234"), (geosat, "GS2", "4321"), (vision, "VIS1", "1234")],
)
def test_constants_that_metadata_state_for_each_band(tmp_path, write, sensor, order):
    """Radiance of red is gain · count + offset; the sun's irradiance and place are stated."""
    scene = make_scene(find_sensor("GE01"), 32, 0)
    planes = [np.round(plane * 2_000).astype(np.uint16) for plane in (scene.pan, *scene.mul)]
    gain, offset, irradiance = write(tmp_path, planes)
    delivery = open_delivery(tmp_path, calibrate="toa")
    assert (delivery.kind, delivery.sensor.name, delivery.date) == ("radiance", sensor, "2018-05-30")
    assert delivery.mul.indexes == tuple(map(int, order))
    found = delivery.mul.calibration.gains[2], delivery.mul.calibration.offsets[2]
    ends = [reflectance(radiance, irradiance, 64.5, "2018-05-30") for radiance in (gain, offset)]
    assert found == pytest.approx(ends, rel=1e-3)  # the hour may be unknown
    fuse(tmp_path, None, tmp_path / "o.tif")


def test_metadata_with_fewer_constants_than_bands_make_no_sense(tmp_path):
    scene = make_scene(find_sensor("GE01"), 32, 0)
    superview(tmp_path, [np.round(plane * 2_000).astype(np.uint16) for plane in (scene.pan, *scene.mul)])
    (file,) = tmp_path.glob("*MUX.xml")
    file.write_text(file.read_text().replace("0,0,1,0", "0,0"))
    with pytest.raises(DeliveryError, match=r"that make sense, .*4 gains, 2 offsets, 4 of ESUN"):
        open_delivery(tmp_path)
