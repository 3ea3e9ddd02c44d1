"""A delivery of Airbus': DIMAP version 2, as for Pléiades, SPOT-6/7 and Pléiades Neo."""

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from potato.core.sensors import Sensor
from potato.deliveries.synthetic.scene import Scene, cut_grid
from potato.errors import InputError
from potato.raster.coordinates import grid_at
from potato.raster.plain_file import write_plain

DATE, TIME, DISTANCE = "2015-12-05", "16:06:06.0Z", 0.985478
"""A moment for which the metadata of a Landsat scene give the distance of the sun."""

SUN_ELEVATION = 48.2445
"""In degrees."""

GAINS = {"P": 11.42, "B0": 8.85, "B1": 8.89, "B2": 9.95, "B3": 15.24}
GAINS |= {"DB": 8.57, "B": 6.529, "G": 7.151, "R": 7.97, "RE": 9.886, "NIR": 11.798}
"""GAIN of bands in a product of Pléiades and one of Pléiades Neo; counts of radiance 1."""

IRRADIANCE = {"P": 1548.0, "B0": 1915.0, "B1": 1831.0, "B2": 1594.0, "B3": 1060.0}
IRRADIANCE |= {"DB": 1797.1, "B": 1972.0, "G": 1815.4, "R": 1551.7, "RE": 1349.0, "NIR": 1060.1}
"""The sun's irradiance in W/(m² µm) in these products."""

BIAS = 0.5
"""Radiance of count 0. Real products have 0, which would hide a mistake in reading it."""

ORDERS = {4: (("", ("B2", "B1", "B0", "B3")),), 6: (("_RGB", ("R", "G", "B")), ("_NED", ("NIR", "RE", "DB")))}
"""Files of mul by the number of bands: what their names end in, and their bands in order."""

JOB = "5888578101"

PIXELS = {"SPOT6": 1.5, "SPOT7": 1.5, "PNEO3": 0.3, "PNEO4": 0.3}
"""Metres along a pixel of pan, where it isn't half a metre."""

JPEG2000 = ("SPOT6", "SPOT7")
"""Sensors whose delivery is written in JPEG 2000."""

Files = Sequence[tuple[str, Sequence[str]]]


def write_airbus(folder: Path, sensor: Sensor, scene: Scene) -> None:
    """Write pan and mul as counts of 12 bits, in four parts each.

    Raises:
        InputError: if the sensor isn't Airbus'.
        OutputError: if a file can't be written.
    """
    own = dict(zip(sensor.codes, scene.mul, strict=False))
    files = ORDERS.get(len(own), ())
    if not files or not {code for _, codes in files for code in codes} <= own.keys():
        raise InputError(f"expected a sensor of Airbus', found {sensor.title}")
    pixel = PIXELS.get(sensor.name, 0.5)
    ending = "JP2" if sensor.name in JPEG2000 else "TIF"
    # Pléiades Neo calls its images PAN and MS-FS, the others P and MS.
    names = ("PAN", "MS-FS") if len(files) > 1 else ("P", "MS")
    _write_image(folder, sensor, names[0], (("", ("P",)),), {"P": scene.pan}, pixel, ending)
    _write_image(folder, sensor, names[1], files, own, pixel * sensor.ratio, ending)
    volume = ElementTree.Element("Dimap_Document")
    _add(volume, "Metadata_Identification/METADATA_FORMAT", "DIMAP").set("version", "2.15")
    _write_xml(folder / f"VOL_{sensor.name[:4].rstrip('1')}.XML", volume)


def _write_image(
    folder: Path,
    sensor: Sensor,
    mode: str,
    files: Files,
    planes: dict[str, NDArray[np.float64]],
    pixel: float,
    ending: str,
) -> None:
    stem = f"{sensor.name}_{mode}_201512051606060_ORT_{JOB}"
    place = folder / f"IMG_01_{sensor.name}_{mode}"
    place.mkdir()
    shape = next(iter(planes.values())).shape
    grid, half = grid_at(shape[0], shape[1], pixel), (shape[0] // 2, shape[1] // 2)
    for group, codes in files:
        counts = np.stack([_counts(planes[code], code) for code in codes])
        for row in (0, 1):
            for column in (0, 1):
                top, left = row * half[0], column * half[1]
                part = counts[:, top : top + half[0], left : left + half[1]]
                name = f"IMG_{stem}{group}_R{row + 1}C{column + 1}.{ending}"
                write_plain(place / name, part, cut_grid(grid, top, left, part))
    root = _document(sensor, mode, shape, half, pixel)
    access = _add(root, "Raster_Data/Data_Access", "")
    for group, codes in files:
        listed = ElementTree.SubElement(access, "Data_Files")
        for row in (1, 2):
            for column in (1, 2):
                name = f"IMG_{stem}{group}_R{row}C{column}.{ending}"
                file = ElementTree.SubElement(listed, "Data_File", tile_R=str(row), tile_C=str(column))
                ElementTree.SubElement(file, "DATA_FILE_PATH", href=name)
        _add_display(listed if len(files) > 1 else _add(root, "Raster_Data", ""), codes)
    _add_measures(root, [code for _, codes in files for code in codes])
    _write_xml(place / f"DIM_{stem}.XML", root)


def _counts(reflectance: NDArray[np.float64], code: str) -> NDArray[np.uint16]:
    """The counts of a band, by the formulas of the user guide solved for them."""
    sine = math.sin(math.radians(SUN_ELEVATION))
    radiance = reflectance * IRRADIANCE[code] * sine / (math.pi * DISTANCE**2)
    return np.round((radiance - BIAS) * GAINS[code]).clip(1, 4095).astype(np.uint16)


def _document(
    sensor: Sensor, mode: str, shape: tuple[int, ...], half: tuple[int, int], pixel: float
) -> ElementTree.Element:
    """The metadata of an image, without its files and its radiometry."""
    root = ElementTree.Element("Dimap_Document")
    _add(root, "Metadata_Identification/METADATA_FORMAT", "DIMAP").set("version", "2.15")
    _add(root, "Dataset_Identification/DATASET_TYPE", "RASTER_ORTHO")
    _add(root, "Product_Information/Delivery_Identification/JOB_ID", f"{JOB}-{mode}")
    system = "Coordinate_Reference_System/Projected_CRS"
    _add(root, f"{system}/PROJECTED_CRS_CODE", "urn:ogc:def:crs:EPSG::32611")
    corner = grid_at(1, 1, pixel).transform
    for name, value in (("ULXMAP", corner.c), ("ULYMAP", corner.f), ("XDIM", pixel), ("YDIM", pixel)):
        _add(root, f"Geoposition/Geoposition_Insert/{name}", f"{value:.10g}")
    settings = "Processing_Information/Product_Settings"
    _add(root, f"{settings}/PROCESSING_LEVEL", "ORTHO")
    _add(root, f"{settings}/SPECTRAL_PROCESSING", mode)
    _add(root, f"{settings}/Radiometric_Settings/RADIOMETRIC_PROCESSING", "BASIC")
    dimensions = "Raster_Data/Raster_Dimensions"
    for name, count in (("NROWS", shape[0]), ("NCOLS", shape[1])):
        _add(root, f"{dimensions}/{name}", str(count))
    tiling = f"{dimensions}/Tile_Set/Regular_Tiling"
    size = _add(root, f"{tiling}/NTILES_SIZE", "")
    size.set("ncols", str(half[1]))
    size.set("nrows", str(half[0]))
    place = "Geometric_Data/Use_Area/Located_Geometric_Values"
    _add(root, f"{place}/LOCATION_TYPE", "Center")
    _add(root, f"{place}/Solar_Incidences/SUN_ELEVATION", f"{SUN_ELEVATION}").set("unit", "deg")
    strip = "Dataset_Sources/Source_Identification/Strip_Source"
    letters = sensor.name.rstrip("0123456789AB")
    for name, value in (("MISSION", letters), ("MISSION_INDEX", sensor.name[len(letters) :])):
        _add(root, f"{strip}/{name}", value)
    _add(root, f"{strip}/IMAGING_DATE", DATE)
    _add(root, f"{strip}/IMAGING_TIME", TIME)
    return root


def _add_display(parent: ElementTree.Element, codes: Sequence[str]) -> None:
    """Say which bands the files have, and in which order."""
    display = ElementTree.SubElement(parent, "Raster_Display")
    if codes[0] in ("R", "NIR"):
        for index, code in enumerate(codes, 1):
            entry = ElementTree.SubElement(_add(display, "Raster_Index_List", ""), "Raster_Index")
            _add(entry, "BAND_ID", code)
            _add(entry, "BAND_INDEX", str(index))
    else:
        channels = ("RED_CHANNEL", "GREEN_CHANNEL", "BLUE_CHANNEL", "ALPHA_CHANNEL")
        for channel, code in zip(channels, codes, strict=False):
            _add(display, f"Band_Display_Order/{channel}", code)


def _add_measures(root: ElementTree.Element, codes: Sequence[str]) -> None:
    """Say how counts become radiance, and how bright the sun is."""
    measures = _add(
        root, "Radiometric_Data/Radiometric_Calibration/Instrument_Calibration/Band_Measurement_List", ""
    )
    for code in codes:
        radiance = ElementTree.SubElement(measures, "Band_Radiance")
        for name, value in (("BAND_ID", code), ("GAIN", f"{GAINS[code]}"), ("BIAS", f"{BIAS}")):
            _add(radiance, name, value)
        sun = ElementTree.SubElement(measures, "Band_Solar_Irradiance")
        _add(sun, "BAND_ID", code)
        _add(sun, "VALUE", f"{IRRADIANCE[code]}")


def _add(parent: ElementTree.Element, path: str, text: str) -> ElementTree.Element:
    """The element at a path, made if it isn't there, with a text."""
    for name in path.split("/"):
        found = parent.find(name)
        parent = ElementTree.SubElement(parent, name) if found is None else found
    if text:
        parent.text = text
    return parent


def _write_xml(path: Path, root: ElementTree.Element) -> None:
    ElementTree.indent(root)
    path.write_text(
        ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n", encoding="utf-8"
    )
