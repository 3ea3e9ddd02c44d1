"""The images of an ARD: writing them as real ones are, and looking at their overviews."""

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
import rasterio.warp
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from potato.ard.grid import Box
from potato.errors import InputError, OutputError
from potato.raster.gdal import complaints, gdal, open_dataset
from potato.raster.pair import _Image, _mul_bands, _pan_band

__all__ = ["Overview", "encode_jpeg", "lonlat_outline", "read_overview", "write_image"]


@dataclass(frozen=True)
class Overview:
    """A small version of an image.

    Attributes:
        pixels: uint16 (bands, h, w): pan alone, or mul in the order of `sensor.BANDS`; 0 where invalid.
        valid: bool (h, w).
        factor: pixels of the file along one of these.
    """

    pixels: NDArray[np.uint16]
    valid: NDArray[np.bool_]
    factor: float


def read_overview(path: str, role: str, side: int) -> Overview:
    """The finest overview of an image that is no larger than `side` pixels.

    Args:
        path: a path, `s3://…` or `https://…` of a COG.
        role: `pan` or `mul`: which bands to expect.
        side: the most pixels that rows and columns may have. A small image is read as it is; one whose
            overviews are all larger is read thinned out, unless that means reading far more than it needs.

    Raises:
        InputError: if it can't be opened or read, or has no overview of about that size.
        BandError: if its bands aren't the expected ones.
    """
    with gdal(), contextlib.closing(open_dataset(path, role)) as dataset:
        indexes = _pan_band(path, dataset) if role == "pan" else _mul_bands(path, dataset)
        longest = max(dataset.height, dataset.width)
        factors = [1, *dataset.overviews(indexes[0])]
        fitting = [level for level, factor in enumerate(factors) if longest <= side * factor]
        level = fitting[0] if fitting else len(factors) - 1
        if longest > 4 * side * factors[level]:
            raise InputError(
                f"{path}: expected overviews, as in a Cloud Optimized GeoTIFF, found none of about {side} "
                f"pixels in {dataset.height} × {dataset.width}; make them with gdaladdo"
            )
        if level == 0:
            pixels, valid = _Image(path, dataset, indexes).read(0, 0, dataset.height, dataset.width)
        else:
            try:
                small = rasterio.open(dataset.name, OVERVIEW_LEVEL=level - 1)
            except RasterioError as error:
                raise InputError(f"can't read the overviews of {path}: {error}") from error
            with small:
                pixels, valid = _Image(path, small, indexes).read(0, 0, small.height, small.width)
    pixels[:, ~valid] = 0
    step = -(-max(valid.shape) // side)
    return Overview(pixels[:, ::step, ::step], valid[::step, ::step], longest / max(valid.shape) * step)


def write_image(
    path: Path,
    pixels: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    box: Box,
    epsg: int,
    names: tuple[str, ...],
) -> None:
    """Write a Cloud Optimized GeoTIFF as an ARD has them: DEFLATE, overviews, band names.

    Args:
        path: where.
        pixels: (bands, h, w).
        valid: bool (h, w) for the mask band; None for a file without one, where 0 is invalid.
        box: its ground.
        epsg: of its CRS.
        names: of its bands.

    Raises:
        OutputError: if it can't be written.
    """
    bands, height, width = pixels.shape
    west, south, east, north = box
    block = 512 if max(height, width) > 1024 else 128
    try:
        with (
            complaints(logging.WARNING) as messages,
            gdal(),
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            MemoryFile() as memory,
            memory.open(
                driver="GTiff",
                count=bands,
                height=height,
                width=width,
                dtype=pixels.dtype,
                crs=rasterio.CRS.from_epsg(epsg),
                transform=rasterio.Affine((east - west) / width, 0, west, 0, (south - north) / height, north),
                nodata=0 if valid is None else None,
                photometric="RGB" if names == ("BAND_R", "BAND_G", "BAND_B") else "MINISBLACK",
            ) as dataset,
        ):
            dataset.write(pixels)
            dataset.descriptions = names
            if valid is not None:
                dataset.write_mask(valid)
            rasterio.shutil.copy(
                dataset,
                path,
                driver="COG",
                COMPRESS="DEFLATE",
                LEVEL="1",
                PREDICTOR="YES",
                BLOCKSIZE=str(block),
                OVERVIEW_RESAMPLING="AVERAGE",
            )
    except (RasterioError, OSError) as error:
        raise OutputError(f"{path}: can't write it: {error}") from error
    if messages:
        raise OutputError(f"{path}: GDAL refused: {messages[0]}")


def encode_jpeg(rgb: NDArray[np.uint8]) -> bytes:
    """A picture (3, h, w) as JPEG."""
    _, height, width = rgb.shape
    with (
        gdal(),
        MemoryFile() as memory,
        MemoryFile() as file,
        memory.open(
            driver="GTiff",
            count=3,
            height=height,
            width=width,
            dtype="uint8",
            transform=rasterio.Affine.scale(2, -2),
        ) as dataset,
    ):
        dataset.write(rgb)
        rasterio.shutil.copy(dataset, file.name, driver="JPEG", QUALITY="80", WRITE_EXIF_METADATA="NO")
        return bytes(file.getbuffer())


def lonlat_outline(box: Box, epsg: int) -> list[list[float]]:
    """The corners of a box as a closed ring of [longitude, latitude], anticlockwise from the lower left."""
    west, south, east, north = box
    across, down = [west, east, east, west, west], [south, south, north, north, south]
    longitudes, latitudes = rasterio.warp.transform(f"EPSG:{epsg}", "EPSG:4326", across, down)
    return [[round(x, 9), round(y, 9)] for x, y in zip(longitudes, latitudes, strict=True)]
