"""Images of a delivery as layers: parts put together, bands in order, counts to reflectance."""

import contextlib
import dataclasses
from collections.abc import Sequence

from affine import Affine

from potato.core.advice import PROJECT
from potato.core.radiometry import Calibration
from potato.core.sensor_table import FOUR_BANDS
from potato.core.sensors import Sensor
from potato.core.text import counted, first_names
from potato.deliveries.contents import Contents, read_part
from potato.deliveries.product import NamedPart, VendorBand, VendorImage
from potato.errors import DeliveryError, PairError
from potato.raster.coordinates import Grid, crs_name, grid_at
from potato.raster.gdal_env import open_dataset
from potato.raster.header import Header
from potato.raster.layer import Layer
from potato.raster.nesting import find_nesting
from potato.raster.vrt import Placed, VrtBand, build_vrt

TOLERANCE = 0.1
"""Pixels by which a part may lie beside the grid of the others."""

Group = tuple[Placed, ...]
"""Parts of an image with their places, the same bands in each."""


def with_bands(contents: Contents, image: VendorImage) -> VendorImage:
    """An image whose bands are named by its files, if the metadata don't name them.

    Raises:
        DeliveryError: if a file can't be opened.
    """
    file = next((part.file for part in image.groups[0] if part.file is not None), None)
    if image.bands or file is None:
        return image
    names = read_part(contents, file).descriptions
    bands = tuple(VendorBand(name or "", 0, number) for number, name in enumerate(names, 1))
    return dataclasses.replace(image, bands=bands)


def named_bands(image: VendorImage, order: Sequence[str], where: str) -> VendorImage:
    """An image whose bands have other names.

    Args:
        image: a mul.
        order: names of its bands in their order; empty to leave it as it is.
        where: what the message calls the delivery.

    Raises:
        DeliveryError: if it has more or fewer bands.
    """
    if not order:
        return image
    bands = image.bands
    if len(order) == len(FOUR_BANDS.bands) - 1 == len(bands) - 1 and not any(band.name for band in bands):
        bands = bands[:-1]  # without alpha
    if len(order) != len(bands):
        raise DeliveryError(
            f"{where}: expected a name for each of the {counted(len(image.bands), 'band')} of "
            f"{image.metadata}, found {len(order)} ({', '.join(order)})"
        )
    pairs = zip(bands, order, strict=True)
    return dataclasses.replace(
        image, bands=tuple(dataclasses.replace(band, name=name) for band, name in pairs)
    )


def order_bands(contents: Contents, image: VendorImage, sensor: Sensor) -> tuple[VendorBand, ...]:
    """The bands of a mul in the order of a sensor's; names that files give them count most.

    Raises:
        DeliveryError: if bands are missing or have no names.
    """
    places = sensor.find_bands([band.name for band in image.bands])
    if len(places) == len(sensor.bands):
        ordered = {band: image.bands[places[band]] for band in sensor.bands}
        for index, group in enumerate(image.groups):
            own = [name for name, band in ordered.items() if band.group == index]
            file = next((part.file for part in group if part.file is not None), None)
            named = sensor.find_bands(read_part(contents, file).descriptions) if file else {}
            if named.keys() == set(own):
                ordered |= {name: dataclasses.replace(ordered[name], number=named[name] + 1) for name in own}
        return tuple(ordered.values())
    if not places and len(image.bands) == len(sensor.file_order):
        order = dict(zip(sensor.file_order, image.bands, strict=True))
        return tuple(order[band] for band in sensor.bands)
    missing = [band for band in sensor.bands if band not in places]
    found = ", ".join(band.name or "no name" for band in image.bands) or "none"
    raise DeliveryError(
        f"{contents.path}: expected the bands of {sensor.title}, found {found} in {image.metadata}, "
        f"but not {', '.join(missing)}; name another sensor (--sensor, see potato sensors), or the bands "
        "(--band-order)"
    )


def make_layer(
    contents: Contents, image: VendorImage, bands: tuple[VendorBand, ...], calibration: Calibration | None
) -> tuple[Layer, Grid]:
    """An image as a layer, and its grid.

    Args:
        contents: what the files are in.
        image: a pan or a mul; parts that are missing become holes.
        bands: its bands in the order of the layer.
        calibration: of these bands; None for that of the files.

    Raises:
        DeliveryError: if parts can't be opened, or don't belong together.
    """
    groups = [_place_group(contents, image, group) for group in image.groups]
    used = [groups[band.group] for band in bands]
    grid = used[0][1]
    for _, other in used:
        if (other.height, other.width) != (grid.height, grid.width):
            raise DeliveryError(
                f"{contents.path}: expected files of one size for all bands of {image.metadata}, found "
                f"{grid.width} × {grid.height} and {other.width} × {other.height} pixels; fetch them again"
            )
    path = f"{contents.path} ({image.role})"
    parts = used[0][0]
    alone = len(groups) == 1 and len(parts) == 1 and parts[0].image.grid == grid
    if alone:
        header = parts[0].image
        numbers = tuple(band.number for band in bands)
        # By its own name: messages may advise commands that take it.
        return Layer(header.name, header.name, numbers, calibration=calibration, driver=header.driver), grid
    described = [VrtBand(band.name, group[0], band.number) for band, group in zip(bands, used, strict=True)]
    numbers = tuple(range(1, len(bands) + 1))
    vrt = build_vrt(grid, described)
    return Layer(path, vrt, numbers, calibration=calibration, driver="VRT"), grid


def check_models(contents: Contents, pan: VendorImage, mul: VendorImage) -> None:
    """Refuse two files that lie on no map but have a model of the ground, as `find_nesting` does.

    Raises:
        DeliveryError: with the commands that project them.
    """
    files = [image.groups[0][0].file for image in (pan, mul) if image.found == 1]
    headers = [read_part(contents, file) for file in files if file is not None]
    if len(headers) == 2 and all(header.model for header in headers):
        with contextlib.ExitStack() as stack:
            opened = [
                stack.enter_context(contextlib.closing(open_dataset(header.name, "image", header.driver)))
                for header in headers
            ]
            try:
                find_nesting(opened[0], opened[1], (headers[0].name, headers[1].name))
            except PairError as error:
                raise DeliveryError(f"{contents.path}: {error}") from error


def _place_group(contents: Contents, image: VendorImage, group: tuple[NamedPart, ...]) -> tuple[Group, Grid]:
    """The parts of a group that are there, with their places in the whole image, and its grid."""
    there = [(part, read_part(contents, part.file)) for part in group if part.file is not None]
    if not there:
        names = first_names([part.name for part in group])
        raise DeliveryError(
            f"{contents.path}: expected {names}, which {image.metadata} names, found none of them; "
            "copy the whole folder of the order"
        )
    header = there[0][1]
    if header.grid.crs is None and image.lower_left and len(there) == 1:
        grid = _grid_of_metadata(header.grid, image)
        return (Placed(header, 0, 0),), grid
    if not header.grid.placed and not header.model and len(there) == 1:
        return (Placed(header, 0, 0),), header.grid  # pan and mul may have equal corners
    if header.grid.crs is None:
        raise DeliveryError(
            f"{header.name}: expected a place on Earth, found "
            f"{'only RPCs' if header.model == 'rpc' else 'none'}; project pan and mul first, with "
            f"orthority, or on flat ground: {PROJECT}"
        )
    places = [_offset(header, other) for _, other in there]
    top, left = _corner(there[0][0], places, image)
    height, width = image.size or (0, 0)
    placed = []
    for (_, other), (row, column) in zip(there, places, strict=True):
        placed.append(Placed(other, row - top, column - left))
        height = max(height, row - top + other.grid.height)
        width = max(width, column - left + other.grid.width)
    transform = header.grid.transform @ Affine.translation(left, top)
    return tuple(placed), Grid(height, width, header.grid.crs, transform)


def _offset(first: Header, other: Header) -> tuple[int, int]:
    """Row and column of a part's corner on the grid of another.

    Raises:
        DeliveryError: if they aren't parts of one image.
    """
    same = (first.dtype, len(first.descriptions)) == (other.dtype, len(other.descriptions))
    apart = abs(other.pixel / first.pixel - 1) > 1e-6
    if not same or apart or other.grid.crs != first.grid.crs:
        told = [
            f"{counted(len(one.descriptions), 'band')} of {one.dtype}, {one.pixel:g} m, "
            f"{crs_name(one.grid.crs)}"
            for one in (first, other)
        ]
        raise DeliveryError(
            f"expected parts of one image, found {told[0]} in {first.name} and {told[1]} in {other.name}; "
            "put each product into a folder of its own"
        )
    column, row = ~first.grid.transform @ (other.grid.transform.c, other.grid.transform.f)
    if max(abs(row - round(row)), abs(column - round(column))) > TOLERANCE:
        raise DeliveryError(
            f"{other.name}: expected a part on the pixel grid of {first.name}, found it {column % 1:.2f} and "
            f"{row % 1:.2f} pixels beside it; put each product into a folder of its own"
        )
    return round(row), round(column)


def _corner(part: NamedPart, places: list[tuple[int, int]], image: VendorImage) -> tuple[int, int]:
    """Row and column of the whole image's corner, counted from that of the first part there."""
    if part.place is not None and image.size is not None:
        return -part.place[0], -part.place[1]
    return min(row for row, _ in places), min(column for _, column in places)


def _grid_of_metadata(grid: Grid, image: VendorImage) -> Grid:
    """The grid of a file that has no place of its own, by the lower left corner in the metadata."""
    assert image.lower_left is not None
    west, south, cell = image.lower_left
    if not image.epsg:
        raise DeliveryError(
            f"{image.metadata}: expected images in UTM, or with a place of their own, found neither; fetch "
            "them again"
        )
    return grid_at(grid.height, grid.width, cell, west, south + grid.height * cell, image.epsg)
