"""Airbus' deliveries of Pléiades, Pléiades Neo and SPOT-6/7: DIMAP version 2."""

from pathlib import PurePosixPath
from xml.etree import ElementTree

from potato.core.advice import PROJECT
from potato.deliveries.contents import Contents
from potato.deliveries.markup import parse_xml
from potato.deliveries.product import NamedPart, Product, VendorBand, VendorImage
from potato.deliveries.sunlight import earth_sun_distance, parse_time, reflectance_per_radiance
from potato.errors import DeliveryError

NAMES = {"B0": "blue", "B1": "green", "B2": "red", "B3": "nir", "DB": "deepblue"}
"""Our names of bands, by Airbus' names that no alias covers."""

ROLES = {"P": "pan", "PAN": "pan", "MS": "mul", "MS-FS": "mul", "MS-N": "mul", "MS-X": "mul"}
"""Roles of images by their SPECTRAL_PROCESSING; images with others are sharpened already."""

UNKNOWN_IRRADIANCE = 999.0
"""The number that some products state in place of the sun's irradiance."""

_MEASURES = "Radiometric_Data/Radiometric_Calibration/Instrument_Calibration/Band_Measurement_List"
_STRIP = "Dataset_Sources/Source_Identification/Strip_Source"


def find_dimap(contents: Contents) -> list[Product]:
    """The products of a delivery: pan and mul of one job.

    Raises:
        DeliveryError: if metadata can't be understood.
    """
    products: dict[tuple[str, str], list[VendorImage]] = {}
    for name in contents.ending(".xml"):
        path = PurePosixPath(name)
        if path.name.upper().startswith("DIM_") and "LINEAGE" not in path.parts:
            root = parse_xml(contents.read_text(name), f"{contents.path}: {name}")
            if root.find("Data_Access") is not None:
                continue  # version 1, which `radiance_files` reads
            image = _read_image(contents, name, root)
            # Each image lies in a folder of its own; those of one area lie in one volume.
            volume = path.parent.parent if path.parent.name.upper().startswith("IMG_") else path.parent
            products.setdefault((str(volume), min(image.passes)), []).append(image)
    return [
        Product(f"{images[0].platform}_{strip}", "dimap", contents, tuple(images))
        for (_, strip), images in sorted(products.items())
    ]


def _read_image(contents: Contents, name: str, root: ElementTree.Element) -> VendorImage:
    settings = "Processing_Information/Product_Settings"
    level = root.findtext(f"{settings}/PROCESSING_LEVEL", "")
    radiometry = root.findtext(f"{settings}/Radiometric_Settings/RADIOMETRIC_PROCESSING", "BASIC").upper()
    role = ROLES.get(root.findtext(f"{settings}/SPECTRAL_PROCESSING", "").upper(), "sharp")
    strips = root.findall(_STRIP)
    if not strips:
        raise DeliveryError(f"{contents.path}: expected a Strip_Source in {name}, found none; fetch it again")
    date = strips[0].findtext("IMAGING_DATE", "")
    groups, order = _read_files(contents, name, root)
    moment = f"{date}T{strips[0].findtext('IMAGING_TIME', '')}"
    bands, reflectance, unknown = _calibrate(root, order, radiometry, moment)
    return VendorImage(
        role=role,
        metadata=name,
        platform=strips[0].findtext("MISSION", "") + strips[0].findtext("MISSION_INDEX", ""),
        passes=frozenset(
            f"{strip.findtext('IMAGING_DATE', '')}T{strip.findtext('IMAGING_TIME', '')[:8]}"
            for strip in strips
        ),
        date=date,
        level=f"{level} {radiometry}",
        groups=groups,
        bands=bands,
        reflectance=reflectance,
        unknown=f"{PurePosixPath(name).name}: {unknown}" if unknown else "",
        size=_read_size(root),
        refusal=_refuse(PurePosixPath(name).name, level, radiometry),
    )


def _refuse(name: str, level: str, radiometry: str) -> str:
    """Why an image can't be sharpened."""
    if level in ("SENSOR", "PRIMARY"):
        return (
            f"{name} is a primary product, which lies on no map; project pan and mul first, "
            f"with orthority, or on flat ground: {PROJECT}"
        )
    if radiometry in ("DISPLAY", "SEAMLESS", "LINEAR_STRETCH"):
        return (
            f"{name} is stretched for display ({radiometry}), which can't be undone; "
            "order the product with the radiometric option BASIC or REFLECTANCE"
        )
    return ""


def _read_size(root: ElementTree.Element) -> tuple[int, int] | None:
    rows, columns = (
        root.findtext(f"Raster_Data/Raster_Dimensions/{name}", "") for name in ("NROWS", "NCOLS")
    )
    return (int(rows), int(columns)) if rows.isdecimal() and columns.isdecimal() else None


def _read_files(
    contents: Contents, name: str, root: ElementTree.Element
) -> tuple[tuple[tuple[NamedPart, ...], ...], list[VendorBand]]:
    """The groups of files, and their bands in the order of the files."""
    tile = root.find("Raster_Data/Raster_Dimensions/Tile_Set/Regular_Tiling/NTILES_SIZE")
    groups, bands = [], []
    for index, files in enumerate(root.findall("Raster_Data/Data_Access/Data_Files")):
        parts = []
        for file in files.findall("Data_File"):
            path = file.find("DATA_FILE_PATH")
            href = "" if path is None else path.get("href", "")
            place = None
            if tile is not None:
                row, column = int(file.get("tile_R", "1")), int(file.get("tile_C", "1"))
                place = (row - 1) * int(tile.get("nrows", "0")), (column - 1) * int(tile.get("ncols", "0"))
            parts.append(NamedPart(href, contents.beside(name, href), place))
        groups.append(tuple(parts))
        display = files.find("Raster_Display")
        names = _band_order(root.find("Raster_Data/Raster_Display") if display is None else display)
        bands += [VendorBand(band, index, number) for number, band in enumerate(names, 1)]
    if not any(groups):
        raise DeliveryError(f"{contents.path}: expected the names of images in {name}, found none")
    return tuple(groups), bands


def _band_order(display: ElementTree.Element | None) -> list[str]:
    """Names of the bands in the order of the file: by their index, else in the order of display."""
    if display is None:
        return []
    entries = display.findall("Raster_Index_List/Raster_Index")
    if entries:
        ordered = sorted(entries, key=lambda entry: int(entry.findtext("BAND_INDEX", "0")))
        return [entry.findtext("BAND_ID", "") for entry in ordered]
    order = display.find("Band_Display_Order")
    return [] if order is None else list(dict.fromkeys((channel.text or "").strip() for channel in order))


def _calibrate(
    root: ElementTree.Element, bands: list[VendorBand], radiometry: str, moment: str
) -> tuple[tuple[VendorBand, ...], str, str]:
    """The bands with gains and offsets, what these make of counts, and why they are unknown."""
    surface = radiometry == "REFLECTANCE"
    try:
        scales = [
            _reflectance(root, band.name) if surface else _radiance(root, band.name, moment) for band in bands
        ]
    except DeliveryError as error:
        return tuple(_named(band, None, None) for band in bands), "", str(error)
    scaled = tuple(_named(band, *scale) for band, scale in zip(bands, scales, strict=True))
    return scaled, "surface" if surface else "toa", ""


def _named(band: VendorBand, gain: float | None, offset: float | None) -> VendorBand:
    return VendorBand(NAMES.get(band.name, band.name), band.group, band.number, gain, offset)


def _measure(root: ElementTree.Element, measure: str, band: str, *fields: str) -> list[float]:
    """Fields of a measure of a band.

    Raises:
        DeliveryError: if it isn't there.
    """
    for element in root.findall(f"{_MEASURES}/{measure}"):
        if element.findtext("BAND_ID") == band:
            try:
                return [float(element.findtext(field, "")) for field in fields]
            except ValueError:
                break
    raise DeliveryError(f"expected {' and '.join(fields)} of {measure} for the band {band}, found none")


def _reflectance(root: ElementTree.Element, band: str) -> tuple[float, float]:
    """Gain and offset of a band of a reflectance product; × 10,000 if it doesn't say."""
    try:
        gain, bias = _measure(root, "Band_Reflectance", band, "GAIN", "BIAS")
    except DeliveryError:
        gain, bias = 10_000.0, 0.0
    return 1 / gain, bias


def _radiance(root: ElementTree.Element, band: str, moment: str) -> tuple[float, float]:
    """Gain and offset of a band to top-of-atmosphere reflectance; radiance is DN / GAIN + BIAS."""
    gain, bias = _measure(root, "Band_Radiance", band, "GAIN", "BIAS")
    (irradiance,) = _measure(root, "Band_Solar_Irradiance", band, "VALUE")
    time = parse_time(moment)
    if time is None or irradiance == UNKNOWN_IRRADIANCE or not gain > 0:
        raise DeliveryError(f"expected date, gain and irradiance of the band {band}, found none that fit")
    scale = reflectance_per_radiance(irradiance, earth_sun_distance(time), _sun_elevation(root))
    return scale / gain, bias * scale


def _sun_elevation(root: ElementTree.Element) -> float:
    """The sun's elevation in the centre of the image, in degrees."""
    places = root.findall("Geometric_Data/Use_Area/Located_Geometric_Values")
    centre = [place for place in places if place.findtext("LOCATION_TYPE") == "Center"] or places
    for place in centre:
        text = place.findtext("Solar_Incidences/SUN_ELEVATION")
        if text and float(text) > 0:
            return float(text)
    raise DeliveryError("expected a SUN_ELEVATION above 0, found none")
