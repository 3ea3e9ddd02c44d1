"""A folder of images without metadata that we read: a pan and a mul, or a file for each band."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from potato.core.sensors import Sensor
from potato.deliveries.contents import Contents, read_part
from potato.deliveries.file_names import (
    find_band_files,
    finest,
    is_aside,
    is_pan,
    is_sharpened,
    scene_of,
    whole_of,
)
from potato.deliveries.product import NamedPart, Product, VendorBand, VendorImage
from potato.raster.header import Header

PICTURE = {"red", "green", "blue"}
"""Colours by which the bands of a picture are known if they have no names."""


def find_files(contents: Contents, sensor: Sensor | None = None) -> list[Product]:
    """The pan and the mul among the images of a folder, if there are any images.

    Images of 1 band are pans, or bands of a mul if their names say so; others are muls. Where there
    are several, names and sizes of pixels tell pan and mul from masks and pictures. Files whose
    names differ by `R1C2` alone are parts of one image. Images that lie on no map are left out if
    others do: people project images into the folder where they lie. If there are several pans and
    muls, those that lie in one folder, or have names of one scene, are products of their own.

    Args:
        contents: the folder.
        sensor: the sensor, if it is known; it tells which bands files number.

    Raises:
        DeliveryError: if an image can't be opened.
    """
    parts: dict[str, list[str]] = {}
    for name in contents.images():
        parts.setdefault(whole_of(name), []).append(name)
    firsts = {names[0]: names for names in parts.values()}
    headers = _placed({name: read_part(contents, name) for name in firsts})
    whole = _find_product(contents, PurePosixPath(contents.root).name, headers, firsts, sensor)
    if not headers or _is_pair(whole):
        return [whole] if headers else []
    for key in (lambda name: (str(PurePosixPath(name).parent),), scene_of):
        scenes: dict[tuple[str, ...], dict[str, Header]] = {}
        for name, header in headers.items():
            scenes.setdefault(key(name), {})[name] = header
        products = [
            _find_product(contents, " ".join(scene), own, firsts, sensor) for scene, own in scenes.items()
        ]
        pairs = [product for product in products if _is_pair(product)]
        if len(pairs) > 1:
            return pairs
    return [whole]


def _is_pair(product: Product) -> bool:
    roles = [image.role for image in product.images if image.role in ("pan", "mul")]
    return sorted(roles) == ["mul", "pan"]


def _find_product(
    contents: Contents,
    name: str,
    headers: Mapping[str, Header],
    parts: Mapping[str, Sequence[str]],
    sensor: Sensor | None,
) -> Product:
    """The pans and the muls among some images, each named by its first part."""
    sharp = [name for name in headers if is_sharpened(name)]
    plain = {name: header for name, header in headers.items() if name not in sharp and not is_aside(name)}
    singles = {name: header for name, header in plain.items() if len(header.descriptions) == 1}
    pans, band_files = _choose_pans(singles, sensor)
    muls = _choose_muls({name: header for name, header in plain.items() if name not in singles})
    images = [_image("pan", {"pan": name}, headers, parts) for name in pans]
    images += [_image("mul", {"": name}, headers, parts) for name in muls]
    if band_files and not muls:
        images.append(_image("mul", band_files, headers, parts))
    used = {*pans, *muls, *band_files.values()}
    images += [_image("band", {"": name}, headers, parts) for name in plain if name not in used]
    images += [_image("sharp", {"": name}, headers, parts) for name in sharp]
    known = {image.role for image in images if image.reflectance} >= {"pan", "mul"}
    return Product(name, "radiance" if known else "files", contents, tuple(images))


def _placed(headers: Mapping[str, Header]) -> Mapping[str, Header]:
    """The images that lie on a map, if any do and others have only a model of the ground."""
    if not any(header.grid.placed for header in headers.values()):
        return headers
    return {name: header for name, header in headers.items() if not header.model}


def _choose_pans(
    singles: Mapping[str, Header], sensor: Sensor | None
) -> tuple[Sequence[str], Mapping[str, str]]:
    """The pans among images of 1 band, and files of a band each by the names of their bands."""
    named = [name for name in singles if is_pan(name)]
    best = finest({name: singles[name].pixel for name in named or singles})
    pans = [best] if best else named
    rest = [name for name in singles if name not in (pans or named)]
    band_files = find_band_files(rest, sensor)
    return pans or [name for name in rest if name not in band_files.values()], band_files


def _choose_muls(several: Mapping[str, Header]) -> Sequence[str]:
    """The muls among images of several bands: no pictures of 8 bits, if there are others."""
    return [name for name in several if several[name].dtype != "uint8"] or list(several)


def _image(
    role: str, files: Mapping[str, str], headers: Mapping[str, Header], parts: Mapping[str, Sequence[str]]
) -> VendorImage:
    """An image of one file for all its bands (named ""), or of a file for each of them."""
    first = next(iter(files.values()))
    header = headers[first]
    if "" in files:
        own = [text or "" for text in header.descriptions]
        named = header.colours if not any(own) and set(header.colours) == PICTURE else own
        places = [(text, 0, number) for number, text in enumerate(named, 1)]
    else:
        places = [(text, group, 1) for group, text in enumerate(files)]
    stated = [headers[file].coefficients for file in files.values()]
    gains = [stated[group][number - 1] if stated[group] else None for _, group, number in places]
    bands = [VendorBand(*place, gain, gain and 0.0) for place, gain in zip(places, gains, strict=True)]
    return VendorImage(
        role=role,
        metadata=first,
        platform=header.platform,
        passes=frozenset(),
        date="",
        level="",
        groups=tuple(
            tuple(NamedPart(PurePosixPath(part).name, part) for part in parts[name])
            for name in files.values()
        ),
        bands=tuple(bands),
        reflectance="toa" if all(gains) else "",
    )
