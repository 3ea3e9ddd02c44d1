"""A folder of two images without a vendor's metadata: a pan and a mul."""

from pathlib import PurePosixPath

from potato.deliveries.contents import Contents
from potato.deliveries.product import NamedPart, Product, VendorBand, VendorImage
from potato.errors import DeliveryError, InputError
from potato.raster.header import Header, read_header

ENDINGS = (".tif", ".tiff", ".jp2")


def find_files(contents: Contents) -> list[Product]:
    """The one pan and the one mul among the images of a folder, if there are any images.

    Images of 1 band are pans. Others are muls, but those of 8 bits, which are pictures.

    Raises:
        DeliveryError: if an image can't be opened.
    """
    images = []
    for name in contents.ending(*ENDINGS):
        try:
            header = read_header(contents.gdal_name(name), "image")
        except InputError as error:
            raise DeliveryError(str(error)) from error
        images.append(_image(name, header))
    used = tuple(image for image in images if image is not None)
    return [Product(PurePosixPath(contents.path).name, "files", contents, used)] if used else []


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
