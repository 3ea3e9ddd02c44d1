"""WMTS 1.0.0 (OGC 07-057r7): a layer for each view.

Programs read its capabilities, then ask for web tiles by a path (REST) or by parameters of the
address of the service (KVP: keys and values).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal
from xml.etree import ElementTree

from pydantic import BaseModel, ConfigDict, Field

from potato.raster.web_mosaic import HALF_WORLD, WEB_TILE, zoom_pixel
from potato.serving.appearance import ViewName

WMTS = "http://www.opengis.net/wmts/1.0"
OWS = "http://www.opengis.net/ows/1.1"
XLINK = "http://www.w3.org/1999/xlink"

MATRIX_SET = "GoogleMapsCompatible"
"""The well-known set of scales in Web Mercator (OGC 07-057r7, annex E.4)."""

STANDARD_PIXEL = 0.00028
"""Metres along a pixel of the screen for which scale denominators are defined."""


class TileRequest(BaseModel):
    """What GetTile asks for by parameters, whose names are in lower case here."""

    model_config = ConfigDict(extra="ignore")

    layer: ViewName
    style: Literal["default", ""] = "default"
    format: Literal["image/png"] = "image/png"
    tilematrixset: Literal["GoogleMapsCompatible"]
    zoom: Annotated[int, Field(alias="tilematrix")]
    column: Annotated[int, Field(alias="tilecol")]
    row: Annotated[int, Field(alias="tilerow")]


SERVICE = {"service", "request", "version", "acceptversions", "acceptformats", "sections", "updatesequence"}

PARAMETERS = SERVICE | {field.alias or name for name, field in TileRequest.model_fields.items()}
"""Names of parameters of the standard, which may be written in any case."""


@dataclass(frozen=True)
class MapLayer:
    """A layer.

    Attributes:
        name: its identifier.
        title: for people.
        template: the address of its web tiles, with `{TileMatrix}`, `{TileCol}` and `{TileRow}`.
    """

    name: str
    title: str
    template: str


def capabilities(
    title: str, address: str, layers: Sequence[MapLayer], bounds: Sequence[float], last: int
) -> bytes:
    """The XML.

    Args:
        title: of the service.
        address: of the service, to which parameters may be added: it ends in `?` or `&`.
        layers: the layers.
        bounds: west, south, east, north of all layers.
        last: the finest zoom.
    """
    for prefix, name in (("", WMTS), ("ows", OWS), ("xlink", XLINK)):
        ElementTree.register_namespace(prefix, name)
    root = ElementTree.Element(f"{{{WMTS}}}Capabilities", version="1.0.0")
    service = _add(root, OWS, "ServiceIdentification")
    _add(service, OWS, "Title", title)
    _add(service, OWS, "ServiceType", "OGC WMTS")
    _add(service, OWS, "ServiceTypeVersion", "1.0.0")
    _add_operations(root, address)
    contents = _add(root, WMTS, "Contents")
    for layer in layers:
        _add_layer(contents, layer, bounds)
    _add_matrices(contents, last)
    query = "SERVICE=WMTS&REQUEST=GetCapabilities&VERSION=1.0.0"
    _add(root, WMTS, "ServiceMetadataURL").set(f"{{{XLINK}}}href", address + query)
    xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml


def _add(parent: ElementTree.Element, space: str, name: str, text: object = None) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, f"{{{space}}}{name}")
    if text is not None:
        element.text = str(text)
    return element


def _add_operations(root: ElementTree.Element, address: str) -> None:
    """Say which requests the service takes by parameters."""
    operations = _add(root, OWS, "OperationsMetadata")
    for name in ("GetCapabilities", "GetTile"):
        operation = _add(operations, OWS, "Operation")
        operation.set("name", name)
        get = _add(_add(_add(operation, OWS, "DCP"), OWS, "HTTP"), OWS, "Get")
        get.set(f"{{{XLINK}}}href", address)
        constraint = _add(get, OWS, "Constraint")
        constraint.set("name", "GetEncoding")
        _add(_add(constraint, OWS, "AllowedValues"), OWS, "Value", "KVP")


def _add_layer(contents: ElementTree.Element, layer: MapLayer, bounds: Sequence[float]) -> None:
    west, south, east, north = bounds
    element = _add(contents, WMTS, "Layer")
    _add(element, OWS, "Title", layer.title)
    box = _add(element, OWS, "WGS84BoundingBox")
    _add(box, OWS, "LowerCorner", f"{west} {south}")
    _add(box, OWS, "UpperCorner", f"{east} {north}")
    _add(element, OWS, "Identifier", layer.name)
    style = _add(element, WMTS, "Style")
    style.set("isDefault", "true")
    _add(style, OWS, "Identifier", "default")
    _add(element, WMTS, "Format", "image/png")
    _add(_add(element, WMTS, "TileMatrixSetLink"), WMTS, "TileMatrixSet", MATRIX_SET)
    resource = _add(element, WMTS, "ResourceURL")
    for name, value in (("format", "image/png"), ("resourceType", "tile"), ("template", layer.template)):
        resource.set(name, value)


def _add_matrices(contents: ElementTree.Element, last: int) -> None:
    matrices = _add(contents, WMTS, "TileMatrixSet")
    _add(matrices, OWS, "Identifier", MATRIX_SET)
    _add(matrices, OWS, "SupportedCRS", "urn:ogc:def:crs:EPSG::3857")
    _add(matrices, WMTS, "WellKnownScaleSet", f"urn:ogc:def:wkss:OGC:1.0:{MATRIX_SET}")
    for zoom in range(last + 1):
        matrix = _add(matrices, WMTS, "TileMatrix")
        _add(matrix, OWS, "Identifier", zoom)
        _add(matrix, WMTS, "ScaleDenominator", zoom_pixel(zoom) / STANDARD_PIXEL)
        _add(matrix, WMTS, "TopLeftCorner", f"{-HALF_WORLD} {HALF_WORLD}")
        for name, value in (("TileWidth", WEB_TILE), ("TileHeight", WEB_TILE)):
            _add(matrix, WMTS, name, value)
        for name in ("MatrixWidth", "MatrixHeight"):
            _add(matrix, WMTS, name, 1 << zoom)
