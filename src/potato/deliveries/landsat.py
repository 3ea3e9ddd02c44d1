"""Landsat of level 1 and level 2: a file for each band, and MTL.txt, .json or .xml.

Collection 1 and scenes from before it have other names for the same facts.
"""

import json
import math
import re
from collections.abc import Callable
from pathlib import PurePosixPath

from potato.deliveries.contents import Contents
from potato.deliveries.markup import parse_xml
from potato.deliveries.odl import parse_odl
from potato.deliveries.product import NamedPart, Product, VendorBand, VendorImage
from potato.errors import DeliveryError

NUMBERS = {
    "OLI": {"coastal": 1, "blue": 2, "green": 3, "red": 4, "nir": 5},
    "ETM": {"blue": 1, "green": 2, "red": 3, "nir": 4},
}
"""Numbers of the bands by the first letters of the sensor, from the data users' handbooks."""

PAN_NUMBER = 8

OPTIONAL = "coastal"
"""The band that people leave out to save space; colour is possible without it."""

METADATA = ("mtl.xml", "mtl.json", "mtl.txt")
"""Endings of metadata files in lower case; the last that is there is read."""

ROOTS = ("LANDSAT_METADATA_FILE", "L1_METADATA_FILE")
"""The group around all others, in Collection 2 and before it."""

FORMER = {
    "LANDSAT_PRODUCT_ID": ("LANDSAT_PRODUCT_ID", "LANDSAT_SCENE_ID"),
    "PROCESSING_LEVEL": ("DATA_TYPE",),
}
"""Names before Collection 2 of values that had other ones, the likeliest first."""

SHORT = re.compile(r"(?:.*_)?(B[0-9]{1,2})\.TIF", re.IGNORECASE)
"""Names of files that end in the number of their band."""

PRODUCT = re.compile(r"L[CET]0[4-9]_L[12][A-Z]{2}_[0-9]{6}_[0-9]{8}_[0-9]{8}_0[12]_[A-Z0-9]{2}(?=_)")
"""The beginning of the names of a product's files, from the data format control books of USGS."""

SHORT_NAMES = {"B2.TIF", "B3.TIF", "B4.TIF", "B8.TIF"}
"""Files of a folder that are taken for Landsat's if all are there."""

Lookup = Callable[[str, str], str]
"""Gives a value of MTL.txt by its group and name."""


def find_landsat(contents: Contents) -> list[Product]:
    """The scenes of a folder; pan of level 1 and the bands of level 2 of one scene go together.

    Raises:
        DeliveryError: if metadata can't be understood, or are those of another scene.
    """
    scenes: dict[str, list[VendorImage]] = {}
    for name in _choose_metadata(contents):
        values = _parse(contents.read_text(name), name)

        def value(group: str, key: str, name: str = name, values: dict[str, str] = values) -> str:
            found = (f"{group}.{key}", *FORMER.get(key, (key,)))
            text = next((values[one] for one in found if one in values), None)
            if text is None:
                raise DeliveryError(
                    f"{contents.path}: expected {key} in {name}, as in Landsat Collection 2, found none; "
                    "fetch the scene again from Collection 2"
                )
            return text

        scene = _scene_of(value("PRODUCT_CONTENTS", "LANDSAT_PRODUCT_ID"))
        scenes.setdefault(scene, []).extend(_read_images(contents, name, value))
    if not scenes:
        _check_metadata(contents)
    return [Product(scene, "landsat", contents, _choose(images)) for scene, images in sorted(scenes.items())]


def _choose_metadata(contents: Contents) -> list[str]:
    """One metadata file of each scene and level, which USGS delivers in up to three forms."""
    chosen = {name[: -len(end)]: name for end in METADATA for name in contents.ending(end)}
    return sorted(chosen.values())


def _scene_of(product: str) -> str:
    """Satellite, place and date of a product, which its levels share; or a scene's own name."""
    words = product.split("_")
    return "_".join((words[0], *words[2:4]))


def _parse(text: str, name: str) -> dict[str, str]:
    """The values of a metadata file by group and name, such as `IMAGE_ATTRIBUTES.SUN_ELEVATION`.

    Before Collection 2, groups were others, and a name is enough.
    """
    if name.lower().endswith(".txt"):
        parsed = parse_odl(text)
        if any(found.startswith(f"{ROOTS[1]}.") for found in parsed):
            return {found.split(".")[-1]: value for found, value in parsed.items()}
        return {found.removeprefix(f"{ROOTS[0]}."): value for found, value in parsed.items()}
    if name.lower().endswith(".xml"):
        root = parse_xml(text, name)
        groups = {group.tag: {one.tag: one.text or "" for one in group} for group in root}
    else:
        try:
            groups = json.loads(text)[ROOTS[0]]
        except (ValueError, KeyError, TypeError) as error:
            raise DeliveryError(f"{name}: expected {ROOTS[0]}, found none; fetch it again") from error
    return {f"{group}.{key}": str(value) for group, values in groups.items() for key, value in values.items()}


def _check_metadata(contents: Contents) -> None:
    """Refuse images with names of Landsat's products, which can't be understood without metadata.

    Raises:
        DeliveryError: if there are any.
    """
    names = {name: PurePosixPath(name).name for name in contents.ending(".tif")}
    short = SHORT_NAMES if set(names.values()) >= SHORT_NAMES else set()
    for name, base in names.items():
        stem = PRODUCT.match(base)
        if stem is not None or base in short:
            wanted = f"{stem[0]}_MTL.txt" if stem else "MTL.txt"
            raise DeliveryError(
                f"{contents.path}: expected the metadata {wanted} (or .json, .xml) beside {name}, found "
                "none; fetch it from the same scene"
            )


def _choose(images: list[VendorImage]) -> tuple[VendorImage, ...]:
    """The images of a scene: of level 2, if it is there, only its bands, with pan of level 1."""
    if any(image.reflectance == "surface" for image in images):
        return tuple(image for image in images if image.role == "pan" or image.reflectance == "surface")
    return tuple(images)


def _read_images(contents: Contents, name: str, value: Lookup) -> list[VendorImage]:
    """The pan (of level 1) and the mul that an MTL file describes."""
    level = value("PRODUCT_CONTENTS", "PROCESSING_LEVEL")
    sensor = value("IMAGE_ATTRIBUTES", "SENSOR_ID")
    numbers = next((table for start, table in NUMBERS.items() if sensor.startswith(start)), {})
    if not numbers:
        raise DeliveryError(
            f"{contents.path}: expected a scene of Landsat 7, 8 or 9, found {sensor} in {name}, which has no "
            "pan"
        )
    files = {band: value("PRODUCT_CONTENTS", f"FILE_NAME_BAND_{number}") for band, number in numbers.items()}
    files = {
        band: file
        for band, file in files.items()
        if band != OPTIONAL or _find(contents, name, file) is not None
    }
    if not any(_find(contents, name, file) for file in files.values()):
        _refuse_other_scene(contents, name, value("PRODUCT_CONTENTS", "LANDSAT_PRODUCT_ID"))
    mul = _image(contents, name, value, {band: (numbers[band], file) for band, file in files.items()})
    if level.startswith("L2"):
        return [mul]
    file = value("PRODUCT_CONTENTS", f"FILE_NAME_BAND_{PAN_NUMBER}")
    return [_image(contents, name, value, {"pan": (PAN_NUMBER, file)}), mul]


def _find(contents: Contents, name: str, file: str) -> str | None:
    """A file that metadata name, or one with the short name of its band (`B8.TIF`) in its place."""
    short = SHORT.fullmatch(file)
    return contents.beside(name, file) or (contents.beside(name, f"{short[1]}.TIF") if short else None)


def _image(contents: Contents, name: str, value: Lookup, files: dict[str, tuple[int, str]]) -> VendorImage:
    level = value("PRODUCT_CONTENTS", "PROCESSING_LEVEL")
    second = level.startswith("L2")
    group = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS" if second else "LEVEL1_RADIOMETRIC_RESCALING"
    height = 1.0 if second else math.sin(math.radians(float(value("IMAGE_ATTRIBUTES", "SUN_ELEVATION"))))
    bands = []
    for index, (band, (number, _)) in enumerate(files.items()):
        factor, addend = (
            float(value(group, f"REFLECTANCE_{kind}_BAND_{number}")) / height for kind in ("MULT", "ADD")
        )
        bands.append(VendorBand(band, index, 1, factor, addend))
    role = "pan" if "pan" in files else "mul"
    cell = float(
        value("PROJECTION_ATTRIBUTES", f"GRID_CELL_SIZE_{'PANCHROMATIC' if role == 'pan' else 'REFLECTIVE'}")
    )
    # The corners are centres of pixels. All four agree in a whole scene. In crops made by xlandsat,
    # whose files have no place of their own, pan and bands share the lower left one.
    west, south = (
        float(value("PROJECTION_ATTRIBUTES", f"CORNER_LL_PROJECTION_{axis}_PRODUCT")) - cell / 2
        for axis in "XY"
    )
    projection = value("PROJECTION_ATTRIBUTES", "MAP_PROJECTION")
    zone = int(value("PROJECTION_ATTRIBUTES", "UTM_ZONE")) if projection == "UTM" else 0
    return VendorImage(
        role=role,
        metadata=name,
        platform=value("IMAGE_ATTRIBUTES", "SPACECRAFT_ID"),
        passes=frozenset({value("IMAGE_ATTRIBUTES", "SCENE_CENTER_TIME")[:8]}),
        date=value("IMAGE_ATTRIBUTES", "DATE_ACQUIRED"),
        level=level,
        groups=tuple((NamedPart(file, _find(contents, name, file)),) for _, file in files.values()),
        bands=tuple(bands),
        reflectance="surface" if second else "toa",
        lower_left=(west, south, cell),
        epsg=32600 + zone if zone else 0,
    )


def _refuse_other_scene(contents: Contents, name: str, scene: str) -> None:
    """Refuse metadata whose files aren't there.

    Raises:
        DeliveryError: always; the message names the scene of the files that are there.
    """
    folder = PurePosixPath(name).parent
    if any("_sr_band" in file.lower() for file in contents.ending(".tif")):
        raise DeliveryError(
            f"{contents.path}: expected the images of {scene}, which {name} describes, found surface "
            "reflectance of Collection 1 (…_sr_band2.tif); fetch level 2 of Collection 2 in their place"
        )
    others = [
        PurePosixPath(file).name for file in contents.ending(".tif") if PurePosixPath(file).parent == folder
    ]
    found = f"images of another ({others[0]})" if others else "no image"
    raise DeliveryError(
        f"{contents.path}: expected the images of {scene}, which {name} describes, found {found}; "
        "put each scene with its MTL.txt into a folder of its own"
    )
