"""GDAL and files: pairs in, pictures out, whole or absent."""

from potato.raster.coordinates import Grid
from potato.raster.gdal_env import gdal
from potato.raster.image import Image
from potato.raster.layer import Layer, Reading
from potato.raster.pair import Pair, PairPixels, open_pair
from potato.raster.pictures import open_picture, read_picture
from potato.raster.writer import Picture, create_picture

__all__ = [
    "Grid",
    "Image",
    "Layer",
    "Pair",
    "PairPixels",
    "Picture",
    "Reading",
    "create_picture",
    "gdal",
    "open_pair",
    "open_picture",
    "read_picture",
]
