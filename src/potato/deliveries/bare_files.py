"""A folder of two images without a vendor's metadata: a pan and a mul."""

from pathlib import PurePosixPath

from potato.deliveries.contents import DRIVERS, Contents, read_part
from potato.deliveries.product import NamedPart, Product, VendorBand, VendorImage
from potato.raster.header import Header


def find_files(contents: Contents) -> list[Product]:
    """The one pan and the one mul among the images of a folder, if there are any images.

    Images of 1 band are pans. Others are muls, but those of 8 bits, which are pictures.

    Raises:
        DeliveryError: if an image can't be opened.
    """
    images = []
    for name in contents.ending(*DRIVERS):
        images.append(_image(name, read_part(contents, name)))
    used = tuple(image for image in images if image is not None)
    return [Product(PurePosixPath(contents.root).name, "files", contents, used)] if used else []


def _image(name: str, header: Header) -> VendorImage | None:
    count = len(header.descriptions)
    if count > 1 and header.dtype == "uint8":
        return None
    names = ["pan"] if count == 1 else [text or "" for text in header.descriptions]
    return VendorImage(
        role="pan" if count == 1 else "mul",
        metadata=name,
        platform="",
        passes=frozenset(),
        date="",
        level="",
        groups=((NamedPart(PurePosixPath(name).name, name),),),
        bands=tuple(VendorBand(text, 0, number) for number, text in enumerate(names, 1)),
    )
