"""Maxar's (Vantor's) orders: folders of .TIF with .TIL and .IMD, for pan and for mul."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from potato.core.advice import PROJECT
from potato.deliveries.contents import DRIVERS, Contents, read_part
from potato.deliveries.markup import parse_xml
from potato.deliveries.maxar_constants import find_constants
from potato.deliveries.odl import parse_odl
from potato.deliveries.product import NamedPart, Product, VendorBand, VendorImage
from potato.deliveries.sunlight import earth_sun_distance, parse_time
from potato.errors import DeliveryError

LETTERS = ("P", "C", "B", "G", "Y", "R", "RE", "RE1", "RE2", "N", "N1", "N2")
"""Names of the bands without their beginning `BAND_`, in the order in which files have them."""

_PART = re.compile(r"_?-?R[0-9]+C[0-9]+", re.IGNORECASE)
_PRODUCT = re.compile(r"[0-9]{9,}_[0-9]{2}_P[0-9]{3}(?![0-9])", re.IGNORECASE)
_CODE = re.compile(r"-([A-Z])([0-9])([A-Z])S-", re.IGNORECASE)
_SIDE = re.compile(r"(?<![A-Z])(PAN|MUL|PSH|MS[0-9]?)(?![A-Z])", re.IGNORECASE)


def find_maxar(contents: Contents) -> list[Product]:
    """The products of an order: a pan and a mul of each part (P001, P002, …) of its area.

    Raises:
        DeliveryError: if metadata are missing or can't be understood.
    """
    stems = {_stem(name) for name in contents.ending(".til", ".imd")}
    stems |= {_stem(name) for name in contents.ending(".xml") if _CODE.search(PurePosixPath(name).name)}
    claimed: set[str] = set()
    groups: dict[str, list[VendorImage]] = {}
    for stem in sorted(stems):
        image = _read_image(contents, stem)
        claimed |= {part.file for part in image.groups[0] if part.file}
        groups.setdefault(_product_name(stem), []).append(image)
    for name in contents.ending(*DRIVERS):
        if name not in claimed and _CODE.search(PurePosixPath(name).name):
            stem = _stem(_PART.sub("", name))
            raise DeliveryError(
                f"{contents.path}: expected the metadata {PurePosixPath(stem).name}.IMD beside {name}, "
                "found none; copy the whole folder of the order"
            )
    return [Product(name, "maxar", contents, tuple(images)) for name, images in sorted(groups.items())]


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _product_name(stem: str) -> str:
    """The name that the pan and the mul of a product share: `052421600010_01_P001`."""
    name = PurePosixPath(stem).name
    found = _PRODUCT.search(name)
    return found[0].upper() if found else re.sub(r"[_-]+", "_", _SIDE.sub("", name)).strip("_")


def _read_image(contents: Contents, stem: str) -> VendorImage:
    table, metadata, other = (
        contents.beside(stem, f"{PurePosixPath(stem).name}{ending}") for ending in (".TIL", ".IMD", ".XML")
    )
    metadata = metadata or other
    if metadata is None:
        raise DeliveryError(
            f"{contents.path}: expected {PurePosixPath(stem).name}.IMD beside {table}, found none; "
            "copy the whole folder of the order"
        )
    parts, size = _named_parts(contents, table) if table else (_unnamed_parts(contents, stem), None)
    facts = _facts(contents, metadata, table or next((part.file for part in parts if part.file), None))
    if size is None and {"numrows", "numcolumns"} <= facts.keys() and len(parts) > 1:
        size = int(facts["numrows"]), int(facts["numcolumns"])
    bands, reflectance, unknown = _bands(facts, PurePosixPath(metadata).name)
    passes = [value for name, value in facts.items() if name.endswith(".catid")]
    time = _time(facts)
    return VendorImage(
        role=_role(facts, stem),
        metadata=metadata,
        platform=facts.get("image_1.satid", ""),
        passes=frozenset(passes or ([time[:16]] if time else [])),
        date=time[:10],
        level=" ".join(filter(None, (facts.get("producttype"), facts.get("productlevel")))),
        groups=(parts,),
        bands=bands,
        reflectance=reflectance,
        unknown=unknown,
        size=size,
        refusal=_refuse(facts, PurePosixPath(stem).name),
    )


def _facts(contents: Contents, metadata: str, image: str | None) -> Mapping[str, str]:
    """Metadata as GDAL reads them beside an image; or their text, if GDAL doesn't find them there.

    Names are in lower case, since those of .XML files are in upper case.
    """
    facts: Mapping[str, str] = {}
    if image is not None:
        # If the image can't be opened, the check of the parts will say so.
        with contextlib.suppress(DeliveryError):
            facts = read_part(contents, image).vendor
    if not facts:
        text = contents.read_text(metadata)
        facts = _flat_xml(text, metadata) if metadata.lower().endswith(".xml") else parse_odl(text)
    return {re.sub(r"^image\.", "image_1.", name.lower()): value for name, value in facts.items()}


def _flat_xml(text: str, name: str) -> dict[str, str]:
    """The values of an .XML file in the form of those of an .IMD file."""
    root = parse_xml(text, name).find("IMD")
    groups = [] if root is None else list(root)
    values = {group.tag: group.text or "" for group in groups if not len(group)}
    return values | {f"{group.tag}.{one.tag}": one.text or "" for group in groups for one in group}


def _named_parts(contents: Contents, table: str) -> tuple[tuple[NamedPart, ...], tuple[int, int]]:
    """The parts that a .TIL file names, and rows and columns of the whole."""
    values = parse_odl(contents.read_text(table))
    parts, rows, columns = [], 0, 0
    for tile in dict.fromkeys(name.split(".")[0] for name in values if name.endswith(".filename")):
        try:
            row, column, last_row, last_column = (
                int(float(values[f"{tile}.{corner}"]))
                for corner in ("ULRowOffset", "ULColOffset", "LRRowOffset", "LRColOffset")
            )
        except (KeyError, ValueError) as error:
            raise DeliveryError(
                f"{contents.path}: expected the place of {tile} in {table}, found none; fetch it again"
            ) from error
        name = values[f"{tile}.filename"]
        parts.append(NamedPart(name, contents.beside(table, name), (row, column)))
        rows, columns = max(rows, last_row + 1), max(columns, last_column + 1)
    if not parts:
        raise DeliveryError(f"{contents.path}: expected the names of images in {table}, found none")
    return tuple(parts), (rows, columns)


def _unnamed_parts(contents: Contents, stem: str) -> tuple[NamedPart, ...]:
    """The images beside an .IMD file without a .TIL: of its name, or with R1C1 and so on added."""
    return tuple(
        NamedPart(PurePosixPath(name).name, name)
        for name in contents.ending(*DRIVERS)
        if stem.lower() in (_stem(name).lower(), _PART.sub("", _stem(name)).lower())
    )


def _role(facts: Mapping[str, str], stem: str) -> str:
    """Whether an image is a pan or a mul, or sharpened already."""
    band = facts.get("bandid", "").upper()
    sharpened = facts.get("pansharpenalgorithm", "None") not in ("None", "")
    if sharpened or band in ("BGRN", "RGB", "NRG"):
        return "sharp"
    sides = _SIDE.findall(PurePosixPath(stem).name)
    side = {"PAN": "pan", "MUL": "mul"}.get(sides[-1].upper() if sides else "", "sharp")
    return {"P": "pan", "MULTI": "mul", "MS1": "mul"}.get(band, side)


def _refuse(facts: Mapping[str, str], name: str) -> str:
    """Why an image can't be sharpened; empty if it can."""
    if facts.get("productlevel", "") == "LV1B" or "1BS-" in name.upper():
        return (
            f"{name} is of level 1B, which lies on no map; project pan and mul first, "
            f"with orthority, or on flat ground: {PROJECT}"
        )
    enhancement = facts.get("radiometricenhancement", "").upper()
    if enhancement not in ("", "OFF", "NONE", "ACOMP"):
        return (
            f"{name} is enhanced for display ({enhancement}), which can't be undone; "
            "order the product without enhancement"
        )
    return ""


def _bands(facts: Mapping[str, str], metadata: str) -> tuple[tuple[VendorBand, ...], str, str]:
    """The bands, what their numbers become, and why that is unknown."""
    groups = {name.split(".")[0].upper() for name in facts}
    names = [f"BAND_{letters}" for letters in LETTERS if f"BAND_{letters}" in groups]
    plain = tuple(VendorBand(name, 0, number) for number, name in enumerate(names, 1))
    if facts.get("radiometricenhancement", "").upper() == "ACOMP":
        scaled = tuple(VendorBand(one.name, 0, one.number, 1e-4, 0.0) for one in plain)
        return scaled, "surface", ""
    try:
        return tuple(_calibrated(facts, plain, metadata)), "toa", ""
    except DeliveryError as error:
        return plain, "", str(error)


def _calibrated(
    facts: Mapping[str, str], bands: tuple[VendorBand, ...], metadata: str
) -> Iterator[VendorBand]:
    satellite, time = facts.get("image_1.satid", ""), parse_time(_time(facts))
    elevations = [float(value) for name, value in facts.items() if name.endswith(".meansunel")]
    elevation = sum(elevations) / len(elevations) if elevations else 0.0
    needed = {"satId": satellite, "firstLineTime": time, "meanSunEl": elevation > 0, "BAND_…": bands}
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise DeliveryError(f"{metadata}: expected {', '.join(missing)}, found none")
    assert time is not None
    constants, distance = find_constants(satellite), earth_sun_distance(time)
    for band in bands:
        if band.name not in constants:
            raise DeliveryError(f"no constants of {band.name} of {satellite} are published")
        try:
            factor, width = (
                float(facts[f"{band.name}.{name}".lower()]) for name in ("absCalFactor", "effectiveBandwidth")
            )
        except (KeyError, ValueError) as error:
            raise DeliveryError(
                f"{metadata}: expected absCalFactor and effectiveBandwidth of {band.name}, found none"
            ) from error
        if not (factor > 0 and width > 0):
            raise DeliveryError(
                f"{metadata}: expected absCalFactor and effectiveBandwidth of {band.name} above 0, "
                f"found {factor:g} and {width:g}"
            )
        gain, offset = constants[band.name].to_reflectance(factor / width, distance, elevation)
        yield VendorBand(band.name, band.group, band.number, gain, offset)


def _time(facts: Mapping[str, str]) -> str:
    names = ("image_1.firstlinetime", "image_1.tlctime", "map_projected_product.earliestacqtime")
    return next((facts[name] for name in names if name in facts), "")
