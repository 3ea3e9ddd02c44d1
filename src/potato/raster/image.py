"""Whole images at once: writing the source images of generated data, reading pieces of pictures."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.windows import Window

from potato.profiles import TILE
from potato.raster.gdal import Grid, gdal
from potato.sensor import RATIO
from potato.windows import PairWindow

__all__ = ["grid_at", "read_picture", "write_image"]


def grid_at(
    height: int,
    width: int,
    pixel: float,
    west: float = 350_000.0,
    north: float = 3_800_000.0,
    epsg: int = 32611,
) -> Grid:
    """A north-up grid whose upper left corner lies at (`west`, `north`), in metres of a UTM zone.

    Args:
        height: rows.
        width: columns.
        pixel: metres along a side of a pixel.
        west: easting of the corner.
        north: northing of the corner.
        epsg: code of the CRS.
    """
    return Grid(height, width, CRS.from_epsg(epsg), rasterio.Affine(pixel, 0, west, 0, -pixel, north))


def read_picture(path: str | os.PathLike[str], window: PairWindow) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """A piece of a finished picture: its codes (4, 4h, 4w) in a window that lies inside it."""
    with gdal(), rasterio.open(path) as file:
        codes: NDArray[np.uint8] | NDArray[np.uint16] = file.read(
            window=Window(
                window.column * RATIO, window.row * RATIO, window.width * RATIO, window.height * RATIO
            )
        )
    return codes


def write_image(
    path: Path, pixels: NDArray[np.uint16], valid: NDArray[np.bool_], grid: Grid, names: Sequence[str]
) -> None:
    """Write uint16 pixels as a Cloud Optimized GeoTIFF with a mask band and without a nodata value.

    Args:
        path: the file to write; replaced if it is there, whole or absent.
        pixels: (n, h, w).
        valid: (h, w); pixels are written as 0 where it is False.
        grid: size and place.
        names: n band descriptions, such as BAND_P.
    """
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", suffix=".partial", dir=path.parent) as folder:
        stage, whole = Path(folder) / "stage.tif", Path(folder) / path.name
        with gdal(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            with rasterio.open(
                stage,
                "w",
                driver="GTiff",
                dtype="uint16",
                count=len(pixels),
                height=grid.height,
                width=grid.width,
                crs=grid.crs,
                transform=grid.transform,
            ) as file:
                file.write(pixels * valid)
                file.write_mask(valid)
                file.descriptions = tuple(names)
            rasterio.shutil.copy(
                stage, whole, driver="COG", COMPRESS="DEFLATE", PREDICTOR="YES", BLOCKSIZE=str(TILE)
            )
        whole.replace(path)
