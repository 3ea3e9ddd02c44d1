"""The delivery to which two files belong, by the metadata beside them."""

import os
from dataclasses import replace
from pathlib import Path

from potato.core.types import PathLike
from potato.deliveries.delivery import find_products
from potato.deliveries.product import Product, VendorImage
from potato.errors import DeliveryError
from potato.raster.sidecars import DESCRIPTIONS


def product_of_files(pan: PathLike, mul: PathLike) -> tuple[Product, Product] | None:
    """The product that two local files belong to.

    Args:
        pan: an image, a part of one, or a metadata file that describes one.
        mul: likewise.

    Returns:
        The whole product, and the part of it that the two files are; None if no metadata beside
        them name both.

    Raises:
        DeliveryError: if the metadata can't be understood.
    """
    files = [Path(path).absolute() for path in (pan, mul)]
    folders = [file.parent for file in files]
    # Vendors put pan and mul into one folder, or into two beside each other.
    if folders[0] != folders[1] and folders[0].parent != folders[1].parent:
        return None
    folder = Path(os.path.commonpath(folders))
    try:
        products = find_products(folder)
    except DeliveryError:
        if any(map(_is_described, files)):
            raise
        return None  # strangers' metadata
    for product in products:
        found = [
            part
            for image in product.images
            for role, file in zip(("pan", "mul"), files, strict=True)
            if image.role == role and (part := _named(image, file.relative_to(folder).as_posix()))
        ]
        if len(found) == len(files) and product.kind != "files":
            others = tuple(image for image in product.images if image.role not in ("pan", "mul"))
            return product, replace(product, images=(*found, *others))
    return None


def _is_described(file: Path) -> bool:
    """Whether a metadata file has the name of an image."""
    return any(
        other.stem.lower() == file.stem.lower() and other.suffix.lower() in DESCRIPTIONS
        for other in file.parent.iterdir()
    )


def _named(image: VendorImage, name: str) -> VendorImage | None:
    """An image, reduced to the part that a file is; None if the file is no part of it."""
    if name.lower().endswith(DESCRIPTIONS):
        same = Path(name).with_suffix("") == Path(image.metadata).with_suffix("")
        return image if same else None
    parts = [[part for part in group if part.file == name] for group in image.groups]
    if not any(parts):
        return None
    if image.found == 1:
        return image
    # The size in the metadata is that of all parts.
    return replace(image, groups=tuple(map(tuple, parts)), size=None)
