"""What the header of an image says, and the metadata that GDAL finds beside it."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from rasterio.enums import MaskFlags
from rasterio.windows import Window

from potato.errors import InputError
from potato.raster.band_finding import band_names, platform_of
from potato.raster.calibrating import stated_coefficients
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import GDAL_ERRORS, gdal, gdal_reason, open_dataset, understood


@dataclass(frozen=True)
class Header:
    """What is known of an image without reading a pixel.

    Attributes:
        name: what GDAL opens.
        driver: GDAL's name of its format.
        grid: size and place.
        dtype: data type of the first band.
        descriptions: names of the bands, or what their wavelengths say; None for none.
        nodata: the value that marks invalid pixels of the first band; None if the file names none.
        has_mask: whether a mask or an alpha band marks them.
        bits: bits of a pixel that are used, where fewer than its type has; else 0.
        scaled: whether the file states a scale or an offset of its values.
        model: how the image lies on the ground if not by its grid: `rpc`, `gcps`, or empty.
        vendor: the vendor's metadata, which GDAL reads from files beside the image (the domain
            `IMD`): values by dotted names, such as `IMAGE_1.satId`, without quotation marks.
        platform: the satellite that these name; empty if they name none.
        coefficients: top-of-atmosphere reflectance of one count of each band; empty if the file
            states none.
        colours: GDAL's colour interpretation of each band, such as `red`, `alpha`, `undefined`.
    """

    name: str
    driver: str
    grid: Grid
    dtype: str
    descriptions: tuple[str | None, ...]
    nodata: float | None
    has_mask: bool
    bits: int
    scaled: bool
    model: str
    vendor: Mapping[str, str]
    platform: str = ""
    coefficients: tuple[float, ...] = ()
    colours: tuple[str, ...] = ()

    @property
    def pixel(self) -> float:
        """The length of a side of a pixel, in units of the CRS."""
        return float(abs(self.grid.transform.determinant) ** 0.5)


def read_header(name: str, role: str, driver: str | None = None) -> Header:
    """Read the header of an image.

    Args:
        name: anything that GDAL opens.
        role: names the image in messages: "pan", "mul", "part".
        driver: the one format that it may have, by GDAL's name of its driver; None for any.

    Raises:
        InputError: if it can't be opened.
    """
    with gdal(), contextlib.closing(open_dataset(name, role, driver)) as dataset, understood(name):
        placed = dataset.crs is not None and not dataset.transform.is_identity
        model = "" if placed else "rpc" if dataset.rpcs else "gcps" if dataset.gcps[0] else ""
        return Header(
            name=name,
            driver=dataset.driver,
            grid=Grid(dataset.height, dataset.width, dataset.crs, dataset.transform),
            dtype=dataset.dtypes[0],
            descriptions=tuple(band_names(dataset)),
            nodata=dataset.nodatavals[0],
            has_mask=MaskFlags.per_dataset in dataset.mask_flag_enums[0],
            bits=int(dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 0)),
            scaled=any(scale != 1 for scale in dataset.scales) or any(dataset.offsets),
            model=model,
            vendor={key: value.strip('"') for key, value in dataset.tags(ns="IMD").items()},
            platform=platform_of(dataset),
            coefficients=stated_coefficients(dataset),
            colours=tuple(colour.name for colour in dataset.colorinterp),
        )


def read_corner(header: Header) -> None:
    """Read the last pixel of an image, which a download that was cut short lacks.

    Raises:
        InputError: if it can't be read.
    """
    window = Window(header.grid.width - 1, header.grid.height - 1, 1, 1)
    with gdal(), contextlib.closing(open_dataset(header.name, "image", header.driver)) as dataset:
        try:
            dataset.read(window=window)
        except GDAL_ERRORS as error:
            raise InputError(
                f"can't read {header.name} to its end: the file is damaged or cut short, fetch it again "
                f"({gdal_reason(error)})"
            ) from error
