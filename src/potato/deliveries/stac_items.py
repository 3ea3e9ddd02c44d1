"""STAC items whose assets are a pan and a mul, or a file for each band, beside them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from potato.core.platforms import is_band
from potato.core.text import redact
from potato.deliveries.contents import DRIVERS, UNREADABLE, Contents
from potato.deliveries.product import NamedPart, Product, VendorBand, VendorImage
from potato.errors import DeliveryError

MOST_ITEMS = 100
"""JSON files of a folder that are looked into for items."""

MOST_BYTES = 1 << 20
"""Bytes of an item, at most; real ones have a few thousand."""

ASIDE = {"overview", "thumbnail", "visual"}
"""Roles of assets that are made for the eye."""

Asset = Mapping[str, Any]


def find_items(contents: Contents) -> list[Product]:
    """The products of the STAC items in a folder; other JSON files are left alone.

    Raises:
        DeliveryError: if the pan and the mul of an item lie elsewhere.
    """
    products = []
    for name in contents.ending(".json")[:MOST_ITEMS]:
        item = _read(contents, name)
        if item is not None:
            products += _read_product(contents, name, item)
    return products


def _read(contents: Contents, name: str) -> Asset | None:
    """An item with assets; None for other JSON."""
    try:
        data = contents.read(name, MOST_BYTES)
        found = json.loads(data) if len(data) < MOST_BYTES else None
    except (*UNREADABLE, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("assets"), dict):
        return None
    return found if found.get("type") == "Feature" and "stac_version" in found else None


def _read_product(contents: Contents, name: str, item: Asset) -> list[Product]:
    """The product of an item, if it has images of pan or mul."""
    assets = [(key, asset) for key, asset in item["assets"].items() if _is_image(asset)]
    pans = [asset for key, asset in assets if _bands(key, asset) == ["pan"]]
    muls = [asset for key, asset in assets if len(list(filter(is_band, _bands(key, asset)))) > 1]
    singles = {
        bands[0]: asset
        for key, asset in assets
        if len(bands := _bands(key, asset)) == 1 and is_band(bands[0])
    }
    images = [_image(contents, name, item, "pan", [(["pan"], asset)]) for asset in pans]
    images += [_image(contents, name, item, "mul", [(_bands("", asset), asset)]) for asset in muls]
    if singles and not muls:
        images.append(_image(contents, name, item, "mul", [([band], one) for band, one in singles.items()]))
    known = all(image.reflectance for image in images)
    kind = "radiance" if known else "files"
    return [Product(str(item.get("id", name)), kind, contents, tuple(images))] if images else []


def _is_image(asset: Any) -> bool:
    """Whether an asset is an image that isn't made for the eye."""
    href = str(asset.get("href", "")) if isinstance(asset, dict) else ""
    plain = urlsplit(href).path.lower().endswith(tuple(DRIVERS))
    return plain and ASIDE.isdisjoint(asset.get("roles") or ())


def _bands(key: str, asset: Asset) -> list[str]:
    """The names of an asset's bands: common ones, else its own; else the key of the asset."""
    stated = asset.get("eo:bands") or asset.get("bands") or []
    names = [
        str(one.get("common_name") or one.get("eo:common_name") or one.get("name", "")) for one in stated
    ]
    names = names or [key]
    return ["pan" if name.lower() in ("pan", "panchromatic") else name for name in names]


def _image(
    contents: Contents, name: str, item: Asset, role: str, files: Sequence[tuple[list[str], Asset]]
) -> VendorImage:
    """An image of one asset, or of an asset for each band."""
    bands, groups = [], []
    for group, (names, asset) in enumerate(files):
        file = _locate(contents, name, str(asset["href"]))
        groups.append((NamedPart(PurePosixPath(file).name, contents.beside(name, file)),))
        scales = (asset.get("raster:bands") or asset.get("bands") or [{}] * len(names))[: len(names)]
        for number, (band, scale) in enumerate(zip(names, scales, strict=True), 1):
            gain = scale.get("scale", scale.get("raster:scale", asset.get("raster:scale")))
            offset = scale.get("offset", scale.get("raster:offset", asset.get("raster:offset", 0.0)))
            pair = (None, None) if gain is None else (float(gain), float(offset))
            bands.append(VendorBand(band, group, number, *pair))
    properties = item.get("properties") or {}
    return VendorImage(
        role=role,
        metadata=name,
        platform=str(properties.get("platform") or ""),
        passes=frozenset(),
        date=str(properties.get("datetime") or "")[:10],
        level="",
        groups=tuple(groups),
        bands=tuple(bands),
        reflectance="surface" if all(band.gain for band in bands) else "",
    )


def _locate(contents: Contents, name: str, href: str) -> str:
    """The file of an asset, relative to its item.

    Raises:
        DeliveryError: if it lies outside of the folder.
    """
    parts = urlsplit(href)
    path = unquote(parts.path) if parts.scheme == "file" else href
    home, place = Path(contents.gdal_name(name)).parent.resolve(), Path(path)
    if place.is_absolute():
        place = place.parent.resolve() / place.name
        path = place.relative_to(home).as_posix() if place.is_relative_to(home) else ".."
    if parts.scheme not in ("", "file") or ".." in PurePosixPath(path).parts:
        raise DeliveryError(
            f"{contents.path}: expected the images that {name} names in its folder, found {redact(href)}; "
            "fetch them beside it, or give pan and mul by their addresses"
        )
    return path
