"""A folder of images without metadata that we read: a pan and a mul, or a file for each band."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from potato.deliveries.contents import Contents, read_part
from potato.deliveries.file_names import find_band_files, finest, is_aside, is_pan
from potato.deliveries.product import NamedPart, Product, VendorBand, VendorImage
from potato.raster.header import Header


def find_files(contents: Contents) -> list[Product]:
    """The one pan and the one mul among the images of a folder, if there are any images.

    Images of 1 band are pans, or bands of a mul if their names say so; others are muls. Where there
    are several, names and sizes of pixels tell pan and mul from masks and pictures.

    Raises:
        DeliveryError: if an image can't be opened.
    """
    headers = {name: read_part(contents, name) for name in contents.images()}
    singles = {name: header for name, header in headers.items() if len(header.descriptions) == 1}
    pans, band_files = _choose_pans(singles)
    muls = _choose_muls({name: header for name, header in headers.items() if name not in singles})
    images = [_image("pan", {"pan": name}, headers) for name in pans]
    images += [_image("mul", {"": name}, headers) for name in muls]
    if band_files and not muls:
        images.append(_image("mul", band_files, headers))
    name = PurePosixPath(contents.root).name
    return [Product(name, "files", contents, tuple(images))] if images else []


def _choose_pans(singles: Mapping[str, Header]) -> tuple[list[str], dict[str, str]]:
    """The pans among images of 1 band, and files of a band each by the names of their bands."""
    band_files = find_band_files([name for name in singles if not is_aside(name)])
    others = {name: header for name, header in singles.items() if name not in band_files.values()}
    plain = [name for name in others if not is_aside(name)]
    pans = [name for name in plain if is_pan(name)] or plain or list(others)
    best = finest({name: others[name].pixel for name in pans})
    return ([best] if best else pans), band_files


def _choose_muls(several: Mapping[str, Header]) -> list[str]:
    """The muls among images of several bands: no pictures and masks, if there are others."""
    muls = list(several)
    for other in (is_aside, lambda name: several[name].dtype == "uint8"):
        muls = [name for name in muls if not other(name)] or muls
    return muls


def _image(role: str, files: Mapping[str, str], headers: Mapping[str, Header]) -> VendorImage:
    """An image of one file for all its bands (named ""), or of a file for each of them."""
    first = next(iter(files.values()))
    header = headers[first]
    if "" in files:
        named = [text or "" for text in header.descriptions]
        bands = [VendorBand(text, 0, number) for number, text in enumerate(named, 1)]
    else:
        bands = [VendorBand(band, index, 1) for index, band in enumerate(files)]
    return VendorImage(
        role=role,
        metadata=first,
        platform=header.platform,
        passes=frozenset(),
        date="",
        level="",
        groups=tuple((NamedPart(PurePosixPath(name).name, name),) for name in files.values()),
        bands=tuple(bands),
    )
