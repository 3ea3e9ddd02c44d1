"""Pixels in and out: pairs of files, and outputs that are whole or absent. GDAL lives here and in `ard`."""

from potato.raster.gdal import Grid, gdal
from potato.raster.image import grid_at, read_picture, write_image
from potato.raster.pair import Pair, PairPixels, open_pair
from potato.raster.picture import Picture, check_output, create_picture
from potato.raster.png import write_png

__all__ = [
    "Grid",
    "Pair",
    "PairPixels",
    "Picture",
    "check_output",
    "create_picture",
    "gdal",
    "grid_at",
    "open_pair",
    "read_picture",
    "write_image",
    "write_png",
]
