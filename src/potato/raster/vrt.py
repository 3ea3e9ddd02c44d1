"""VRTs: images that GDAL puts together from parts of other images when it reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from potato.raster.coordinates import Grid
from potato.raster.header import Header

VRT_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}
"""GDAL's names of data types."""


@dataclass(frozen=True)
class Placed:
    """An image, and its place in a larger one.

    Attributes:
        image: its header.
        row: its first row in the larger image.
        column: its first column.
    """

    image: Header
    row: int
    column: int


@dataclass(frozen=True)
class VrtBand:
    """A band of a VRT.

    Attributes:
        name: its description; empty for none.
        parts: the images that it is made of.
        number: the band of each that is read, from 1.
    """

    name: str
    parts: Sequence[Placed]
    number: int


def build_vrt(grid: Grid, bands: Sequence[VrtBand]) -> str:
    """The XML of a VRT, which GDAL opens like the name of a file.

    Pixels are copied, never resampled. Where no part lies, they are invalid: outside the mask, if
    the parts have masks, else the nodata value of the first part, else 0.

    Args:
        grid: size and place.
        bands: at least one, each with at least one part.
    """
    first = bands[0].parts[0].image
    root = start_vrt(grid)
    for position, band in enumerate(bands, 1):
        element = ElementTree.SubElement(
            root, "VRTRasterBand", dataType=VRT_TYPES[first.dtype], band=str(position)
        )
        if band.name:
            ElementTree.SubElement(element, "Description").text = band.name
        if first.nodata is not None:
            ElementTree.SubElement(element, "NoDataValue").text = repr(first.nodata)
        for part in band.parts:
            _add_part(element, part, str(band.number))
    if first.has_mask:
        mask = ElementTree.SubElement(
            ElementTree.SubElement(root, "MaskBand"), "VRTRasterBand", dataType="Byte"
        )
        for part in bands[0].parts:
            _add_part(mask, part, "mask,1")
    return ElementTree.tostring(root, encoding="unicode")


def start_vrt(grid: Grid) -> ElementTree.Element:
    """The root of a VRT's XML, with its size and place but without bands."""
    root = ElementTree.Element("VRTDataset", rasterXSize=str(grid.width), rasterYSize=str(grid.height))
    if grid.crs is not None:
        ElementTree.SubElement(root, "SRS").text = grid.crs.to_wkt()
    ElementTree.SubElement(root, "GeoTransform").text = ", ".join(
        repr(float(value)) for value in grid.transform.to_gdal()
    )
    return root


def add_rectangle(
    source: ElementTree.Element, name: str, top: int, left: int, bottom: int, right: int
) -> None:
    """Add a rectangle of pixels to a source of a VRT: `SrcRect` or `DstRect`."""
    ElementTree.SubElement(
        source, name, xOff=str(left), yOff=str(top), xSize=str(right - left), ySize=str(bottom - top)
    )


def _add_part(element: ElementTree.Element, part: Placed, band: str) -> None:
    source = ElementTree.SubElement(element, "SimpleSource")
    ElementTree.SubElement(source, "SourceFilename", relativeToVRT="0").text = part.image.name
    ElementTree.SubElement(source, "SourceBand").text = band
    height, width = part.image.grid.height, part.image.grid.width
    if not band.startswith("mask"):
        # With these, GDAL opens a part when its pixels are read, not before.
        kind = VRT_TYPES[part.image.dtype]
        ElementTree.SubElement(
            source, "SourceProperties", RasterXSize=str(width), RasterYSize=str(height), DataType=kind
        )
    add_rectangle(source, "SrcRect", 0, 0, height, width)
    add_rectangle(source, "DstRect", part.row, part.column, part.row + height, part.column + width)
