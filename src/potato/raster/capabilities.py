"""Versions and abilities of the installed GDAL and PROJ."""

from dataclasses import dataclass

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.io import MemoryFile
from rasterio.warp import transform

from potato.raster.gdal_env import gdal, placeless

PLACE, EXPECTED = (-117.0, 0.0), (500_000.0, 0.0)
"""A point on the central meridian of UTM zone 11: longitude and latitude, easting and northing."""


@dataclass(frozen=True)
class Abilities:
    """GDAL and PROJ, as rasterio brings them.

    Attributes:
        gdal, proj, rasterio: versions.
        cog: which of DEFLATE and ZSTD GDAL can write and read in a Cloud Optimized GeoTIFF.
        finds_places: whether PROJ finds its database and transforms a known point rightly.
    """

    gdal: str
    proj: str
    rasterio: str
    cog: tuple[str, ...]
    finds_places: bool


def find_abilities() -> Abilities:
    """The abilities of this installation, tried out."""
    with gdal():
        return Abilities(
            rasterio.__gdal_version__,
            str(rasterio.__proj_version__),
            rasterio.__version__,
            tuple(compression for compression in ("DEFLATE", "ZSTD") if _writes_cog(compression)),
            _finds_places(),
        )


def _writes_cog(compression: str) -> bool:
    pixels = np.arange(64 * 64, dtype="uint16").reshape(1, 64, 64)
    try:
        with placeless(), MemoryFile() as first, MemoryFile() as second:
            with first.open(driver="GTiff", count=1, height=64, width=64, dtype="uint16") as dataset:
                dataset.write(pixels)
            with first.open() as dataset:
                rasterio.shutil.copy(dataset, second.name, driver="COG", COMPRESS=compression)
            with second.open() as dataset:
                same = bool(np.array_equal(dataset.read(), pixels))
                return same and str(dataset.profile.get("compress", "")).upper() == compression
    except RasterioError:
        return False


def _finds_places() -> bool:
    try:
        found = transform(CRS.from_epsg(4326), CRS.from_epsg(32611), *([part] for part in PLACE))
    except (CRSError, RasterioError):
        return False
    return all(abs(one[0] - other) < 0.01 for one, other in zip(found, EXPECTED, strict=True))
