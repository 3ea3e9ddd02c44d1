"""Scenes of CBERS-4A, KOMPSAT-3A and Gaofen: counts of radiance, and the metadata beside them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from potato.core.sensors import Sensor
from potato.deliveries.gaofen_constants import find_coefficients
from potato.deliveries.radiance_files import IRRADIANCE
from potato.deliveries.sunlight import earth_sun_distance, reflectance_per_radiance
from potato.deliveries.synthetic.scene import Scene
from potato.errors import InputError
from potato.raster.coordinates import grid_at
from potato.raster.plain_file import write_plain

CBERS_GAINS = (0.17, 0.24, 0.31, 0.214, 0.185)
"""Radiance of one count in files of pan, blue, green, red and near infrared."""

KOMPSAT_GAIN, KOMPSAT_OFFSET = 0.0229, -13.0457
"""RadianceConversion of K3A_20210113132915_32047_00039626_L1G."""

CBERS_XML = """<?xml version="1.0" encoding="UTF-8" standalone="no" ?>
<prdf xmlns="http://www.gisplan.com.br/xmlsat">
  <satellite><name>CBERS</name><number>4A</number><instrument channel="1">WPM</instrument></satellite>
  <image>
    <level>4</level>
    <timeStamp><center>2020-07-30T13:51:24.147711</center></timeStamp>
    <sunPosition><elevation>44.3535</elevation><sunAzimuth>32.9856</sunAzimuth></sunPosition>
    <absoluteCalibrationCoefficient>{bands}</absoluteCalibrationCoefficient>
  </image>
</prdf>
"""

KOMPSAT_XML = """<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<Auxiliary>
  <General><Satellite>KOMPSAT-3A</Satellite><ProductLevel>Level1G</ProductLevel></General>
  <Metadata><MetadataBlock><SunAngle><Elevation>28.911536736</Elevation></SunAngle></MetadataBlock></Metadata>
  <Image>{bands}</Image>
</Auxiliary>
"""

KOMPSAT_BAND = """<{code}><ImageFileName>{name}</ImageFileName>
  <ImagingTime><ImagingCenterTime><UTC>20210113132920.2144584</UTC></ImagingCenterTime></ImagingTime>
  <RadianceConversion><Gain>{gain}</Gain><Offset>{offset}</Offset></RadianceConversion></{code}>"""

GAOFEN_XML = """<?xml version="1.0" encoding="UTF-8"?>
<ProductMetaData>
  <SatelliteID>{satellite}</SatelliteID>
  <SensorID>PMS1</SensorID>
  <ReceiveTime>2016-08-26 11:24:31</ReceiveTime>
  <ProductLevel>LEVEL1A</ProductLevel>
  <SolarZenith>28.3</SolarZenith>
</ProductMetaData>
"""


def write_cbers(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write a file and its metadata for each band, as INPE does.

    Raises:
        InputError: if the sensor isn't CBERS-4A.
        OutputError: if a file can't be written.
    """
    _check(sensor, "CBERS4A")
    listed = "".join(f'<band name="{code}">{gain}</band>' for code, gain in enumerate(CBERS_GAINS))
    constants = IRRADIANCE["CBERS-4A"].values(), datetime(2020, 7, 30, 13, 51, 24, tzinfo=UTC), 44.3535
    scales = zip(CBERS_GAINS, _scales(*constants), (scene.pan, *scene.mul), strict=True)
    for code, (gain, scale, plane) in enumerate(scales):
        path = folder / f"CBERS_4A_WPM_20200730_209_139_L4_BAND{code}.tif"
        _write(path, plane[None] / scale / gain, 8.0 if code else 2.0)
        path.with_suffix(".xml").write_text(CBERS_XML.format(bands=listed), encoding="utf-8")


def write_kompsat(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write a file for each band, and the metadata of all.

    Raises:
        InputError: if the sensor isn't KOMPSAT-3A.
        OutputError: if a file can't be written.
    """
    _check(sensor, "K3A")
    stem, listed = "K3A_20210113132915_32047_00039626_L1G", ""
    irradiance = IRRADIANCE["KOMPSAT-3A"]
    constants = irradiance.values(), datetime(2021, 1, 13, 13, 29, 20, tzinfo=UTC), 28.911536736
    scales = zip(irradiance, "PBGRN", _scales(*constants), (scene.pan, *scene.mul), strict=True)
    for code, letter, scale, plane in scales:
        name = f"{stem}_{letter}.tif"
        counts = (plane[None] / scale - KOMPSAT_OFFSET) / KOMPSAT_GAIN
        _write(folder / name, counts, 0.55 if code == "PAN" else 2.2)
        listed += KOMPSAT_BAND.format(code=code, name=name, gain=KOMPSAT_GAIN, offset=KOMPSAT_OFFSET)
    (folder / f"{stem}_Aux.xml").write_text(KOMPSAT_XML.format(bands=listed), encoding="utf-8")


def write_gaofen(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write pan and mul as people have them who projected them, and the metadata of CRESDA.

    Raises:
        InputError: if the sensor isn't Gaofen-1 or -2.
        OutputError: if a file can't be written.
    """
    _check(sensor, "GF1", "GF2")
    found = find_coefficients(f"{sensor.name} PMS1", 2016)
    assert found is not None
    _, gains, offsets = found
    scales = list(_scales(IRRADIANCE[sensor.name].values(), datetime(2016, 8, 26, tzinfo=UTC), 90 - 28.3))
    stem = f"{sensor.name}_PMS1_E118.6_N37.4_20160826_L1A0001792619"
    for code, first, planes, pixel in (("PAN1", 0, scene.pan[None], 1.0), ("MSS1", 1, scene.mul, 4.0)):
        counts = [
            (plane / scales[place] - offsets[place]) / gains[place]
            for place, plane in enumerate(planes, first)
        ]
        _write(folder / f"{stem}-{code}-ortho.tif", np.stack(counts), pixel)
        text = GAOFEN_XML.format(satellite=sensor.name)
        (folder / f"{stem}-{code}.xml").write_text(text, encoding="utf-8")


def _check(sensor: Sensor, *names: str) -> None:
    if sensor.name not in names:
        raise InputError(f"expected a sensor of this kind ({', '.join(names)}), found {sensor.title}")


def _scales(irradiance: Iterable[float], time: datetime, elevation: float) -> Sequence[float]:
    """Reflectance of radiance 1 in each band."""
    distance = earth_sun_distance(time)
    return [reflectance_per_radiance(one, distance, elevation) for one in irradiance]


def _write(path: Path, counts: NDArray[np.float64], pixel: float) -> None:
    stored = np.round(counts).clip(1, 65_535).astype(np.uint16)
    write_plain(path, stored, grid_at(stored.shape[1], stored.shape[2], pixel))
