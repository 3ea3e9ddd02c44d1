"""Files whose metadata make radiance of counts: CBERS-4A, KOMPSAT, Gaofen, GEOSAT-2 and others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from xml.etree import ElementTree

from potato.core.platforms import find_sensor
from potato.deliveries.contents import Contents
from potato.deliveries.gaofen_constants import find_coefficients
from potato.deliveries.markup import parse_xml
from potato.deliveries.product import Product, VendorBand, VendorImage
from potato.deliveries.sunlight import earth_sun_distance, parse_time, reflectance_per_radiance

_LIKE_PAN = 1370.92
"""The sun's irradiance in a pan of 450 to 900 nm: that which Maxar publishes for QuickBird-2."""

_LIKE_NIR = 1053.21
"""The same in 770 to 895 nm: that which Maxar publishes for WorldView-2."""

IRRADIANCE = {
    "CBERS-4A": {"0": _LIKE_PAN, "1": 1984.65, "2": 1823.40, "3": 1536.38, "4": _LIKE_NIR},
    "KOMPSAT-3": {"PAN": _LIKE_PAN, "MS1": 1970.281, "MS2": 1814.155, "MS3": 1516.303, "MS4": 1024.850},
    "KOMPSAT-3A": {"PAN": _LIKE_PAN, "MS1": 2001.0, "MS2": 1875.0, "MS3": 1525.0, "MS4": 1027.0},
}
IRRADIANCE |= dict.fromkeys(("GF1", "GF2", "GF6"), IRRADIANCE["CBERS-4A"])
"""The sun's irradiance in W/(m² µm) by satellite and band.

Source: the documentation of the International Charter's processor (docs.charter.uat.esaportal.eu,
"CBERS-4 and CBERS-4A", "KOMPSAT-3/3A"), but for pan, which it lacks, and near infrared of CBERS-4A,
for which its value is 7 % below those of sensors with this band. Gaofen's bands are those of
CBERS-4A, to 10 nm.
"""

VISION_1 = {"PAN": 1828.0, "1": 2003.0, "2": 1828.0, "3": 1618.0, "4": 1042.0}
"""The same for Vision-1, whose counts are radiance × 100.

Source: Vision-1 Imagery User Guide, Airbus, 2021.
"""

PRDF = "{http://www.gisplan.com.br/xmlsat}"
"""The namespace of INPE's XML files."""


@dataclass(frozen=True)
class _Facts:
    """What metadata say of a file: radiance is gain · count + offset, in W/(m² µm sr).

    Codes, gains and offsets are those of its bands, in their order; so is the sun's irradiance, if
    the metadata state it.
    """

    platform: str
    time: str
    elevation: float
    codes: tuple[str, ...]
    gains: tuple[float, ...]
    offsets: tuple[float, ...]
    irradiance: tuple[float, ...] = ()
    note: str = ""


def calibrated(product: Product) -> Product:
    """A product of bare files, with constants if metadata beside the files have them for all."""
    facts = dict(_read_facts(product.contents))
    pair = [_with_facts(image, facts) for image in product.images if image.role in ("pan", "mul")]
    images = [image for image in pair if image is not None]
    if not images or len(images) < len(pair):
        return product
    others = [image for image in product.images if image.role not in ("pan", "mul")]
    notes = dict.fromkeys(fact.note for fact in facts.values() if fact.note)
    return replace(product, kind="radiance", images=(*images, *others), notes=tuple(notes))


def _with_facts(image: VendorImage, facts: dict[str, _Facts]) -> VendorImage | None:
    """An image with the constants of its bands; None if one has none."""
    files = [next((part.file for part in group if part.file), "") for group in image.groups]
    known = [facts.get(PurePosixPath(file or "").name.lower()) for file in files]
    found = [one for one in known if one is not None and parse_time(one.time) is not None]
    if len(found) < len(known) or any(len(found[one.group].codes) < one.number for one in image.bands):
        return None
    first = found[0]
    return replace(
        image,
        platform=first.platform,
        # Bands are seen within seconds; the same satellite doesn't pass twice a day.
        passes=frozenset({first.time[:10]}),
        date=first.time[:10],
        bands=tuple(_band(band, found[band.group]) for band in image.bands),
        reflectance="toa",
    )


def _band(band: VendorBand, facts: _Facts) -> VendorBand:
    time, place = parse_time(facts.time), band.number - 1
    assert time is not None
    stated = facts.irradiance or [IRRADIANCE[facts.platform][code] for code in facts.codes]
    scale = reflectance_per_radiance(stated[place], earth_sun_distance(time), facts.elevation)
    return replace(band, gain=facts.gains[place] * scale, offset=facts.offsets[place] * scale)


def _read_facts(contents: Contents) -> Iterator[tuple[str, _Facts]]:
    """Names of files in lower case, and what the metadata say of them."""
    for name in contents.ending(".xml"):
        base = PurePosixPath(name).name.lower()
        if re.fullmatch(r"cbers_4a_wpm_.*_band[0-4]\.xml", base):
            yield from _cbers(parse_xml(contents.read_text(name), name), base)
        elif re.fullmatch(r"k3a?_.*_aux\.xml", base):
            yield from _kompsat(parse_xml(contents.read_text(name), name))
        elif re.fullmatch(r"gf[126]_pms.*-(pan|mss|mux)[12]?\.xml", base):
            yield from _gaofen(parse_xml(contents.read_text(name), name), base, contents)
        elif re.search(r"(?<![a-z])(pan|mux|mss)[12]?\.xml$", base):
            yield from _stated(parse_xml(contents.read_text(name), name), base, contents)
    for name in contents.ending(".dim", ".xml"):
        if name.lower().endswith(".dim") or PurePosixPath(name).name.upper().startswith("DIM_"):
            yield from _dimap_1(parse_xml(contents.read_text(name), name))


def _cbers(root: ElementTree.Element, name: str) -> Iterator[tuple[str, _Facts]]:
    """The facts of one file of INPE's; early scenes lack the coefficient."""
    code = name[-len("0.xml")]
    time = root.findtext(f"{PRDF}image/{PRDF}timeStamp/{PRDF}center", "")[:19]
    elevation = float(root.findtext(f"{PRDF}image/{PRDF}sunPosition/{PRDF}elevation", "0"))
    for band in root.iterfind(f".//{PRDF}absoluteCalibrationCoefficient/{PRDF}band"):
        if band.get("name") == code and elevation > 0:
            facts = _Facts("CBERS-4A", time, elevation, (code,), (float(band.text or ""),), (0.0,))
            yield name.replace(".xml", ".tif"), facts


def _kompsat(root: ElementTree.Element) -> Iterator[tuple[str, _Facts]]:
    """The facts of the files that an Aux.xml names."""
    platform = root.findtext("General/Satellite", "")
    elevations = [
        float(one.text or "0") for one in root.iterfind("Metadata/MetadataBlock/SunAngle/Elevation")
    ]
    elevation = sum(elevations) / len(elevations) if elevations else 0.0
    for image in root.findall("Image/*"):
        gain, offset = (image.findtext(f"RadianceConversion/{field}") for field in ("Gain", "Offset"))
        utc = image.findtext("ImagingTime/ImagingCenterTime/UTC", "")
        if gain and offset and elevation > 0 and image.tag in IRRADIANCE.get(platform, ()):
            time = f"{utc[:4]}-{utc[4:6]}-{utc[6:8]}T{utc[8:10]}:{utc[10:12]}:{utc[12:14]}"
            facts = _Facts(platform, time, elevation, (image.tag,), (float(gain),), (float(offset),))
            yield image.findtext("ImageFileName", "").lower(), facts


def _gaofen(root: ElementTree.Element, name: str, contents: Contents) -> Iterator[tuple[str, _Facts]]:
    """The facts of an image of CRESDA's, and of what was projected from it: `…-MSS1-ortho.tif`."""
    platform, camera = root.findtext("SatelliteID", ""), root.findtext("SensorID", "")
    times = (root.findtext(field, "").strip() for field in ("CenterTime", "ReceiveTime", "StartTime"))
    time = next(filter(None, times), "")
    elevation = 90 - float(root.findtext("SolarZenith", "90"))
    year = parse_time(time[:10])
    found = find_coefficients(f"{platform} {camera}", year.year) if year else None
    if year is None or found is None or elevation <= 0:
        return
    known, gains, offsets = found
    note = f"calibrated by CRESDA's table of {known}, the nearest that is known" * (known != year.year)
    places = (0,) if "-pan" in name else (1, 2, 3, 4)
    codes = tuple(str(place) for place in places)
    own, added = (tuple(row[place] for place in places) for row in (gains, offsets))
    facts = _Facts(platform, time[:10], elevation, codes, own, added, note=note)
    yield from _of_images(contents, name, facts)


def _of_images(contents: Contents, name: str, facts: _Facts) -> Iterator[tuple[str, _Facts]]:
    """Facts of the images that have the name of a metadata file, or begin with it."""
    for image in contents.images():
        base = PurePosixPath(image).name.lower()
        if base.startswith(name.removesuffix(".xml")):
            yield base, facts


def _stated(root: ElementTree.Element, name: str, contents: Contents) -> Iterator[tuple[str, _Facts]]:
    """The facts of an image whose metadata state gain, offset and irradiance, as SuperView's do."""
    texts = [root.findtext(f".//{field}", "") for field in ("Gain", "Offset", "ESUN")]
    times = (root.findtext(f".//{field}", "").strip() for field in ("StartTime", "ReceiveTime"))
    if not all(texts):
        return
    gains, offsets, irradiance = (tuple(float(part) for part in text.split(",")) for text in texts)
    if not len(gains) == len(offsets) == len(irradiance):
        raise ValueError(f"{name} has {len(gains)} gains, {len(offsets)} offsets, {len(irradiance)} of ESUN")
    elevation = 90 - float(root.findtext(".//SolarZenith", "90"))
    if elevation > 0:
        time, codes = next(filter(None, times), "")[:10], tuple(map(str, range(len(gains))))
        platform = root.findtext(".//SatelliteID", "")
        facts = _Facts(platform, time, elevation, codes, gains, offsets, irradiance)
        yield from _of_images(contents, name, facts)


def _dimap_1(root: ElementTree.Element) -> Iterator[tuple[str, _Facts]]:
    """The facts of the files that metadata of DIMAP 1 name, as those of GEOSAT-2 and Vision-1.

    Source: GEOSAT-2 Imagery User Guide, 2022: radiance is gain · count + bias.
    """
    files = [path.get("href", "") for path in root.iterfind("Data_Access/Data_File/DATA_FILE_PATH")]
    mission, index = (root.findtext(f".//{field}", "") for field in ("MISSION", "MISSION_INDEX"))
    platform = mission if find_sensor(mission) else mission + index
    time = root.findtext(".//START_TIME", "") or "T".join(
        root.findtext(f".//{field}", "") for field in ("IMAGING_DATE", "IMAGING_TIME")
    )
    bands = root.findall("Image_Interpretation/Spectral_Band_Info")
    bands.sort(key=lambda band: int(band.findtext("BAND_INDEX", "0")))
    elevation = float(root.findtext(".//SUN_ELEVATION", "0"))
    codes = tuple(band.findtext("BAND_INDEX", "") for band in bands) if len(bands) > 1 else ("PAN",)
    if find_sensor(platform) == find_sensor("Vision-1"):
        gains, offsets = (0.01,) * len(codes), (0.0,) * len(codes)
        irradiance = tuple(VISION_1[code] for code in codes)
    else:
        fields = ("PHYSICAL_GAIN", "PHYSICAL_BIAS", "ESUN")
        if not all(band.findtext(field) for band in bands for field in fields):
            return
        gains, offsets, irradiance = (
            tuple(float(band.findtext(field, "")) for band in bands) for field in fields
        )
    if bands and elevation > 0:
        facts = _Facts(platform, time[:19], elevation, codes, gains, offsets, irradiance)
        for file in files:
            yield PurePosixPath(file.replace("\\", "/")).name.lower(), facts
