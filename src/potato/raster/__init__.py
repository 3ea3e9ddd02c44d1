"""Pixels in and out: pairs of files, and outputs that are whole or absent. GDAL lives here and in `ard`."""

from potato.raster.area import Area, Part, part_of
from potato.raster.capabilities import Abilities, find_abilities
from potato.raster.encoding import encode_jpeg, encode_png, write_png
from potato.raster.gdal_env import Grid, gdal
from potato.raster.image import grid_at, read_photograph, read_picture, write_image
from potato.raster.open import check_same_grid, open_mul, open_picture
from potato.raster.pair import Image, Pair, PairPixels, open_pair
from potato.raster.shrink import read_overview
from potato.raster.warp import cells_within, find_sight, warp_picture
from potato.raster.writer import Picture, check_output, create_picture

__all__ = [
    "Abilities",
    "Area",
    "Grid",
    "Image",
    "Pair",
    "PairPixels",
    "Part",
    "Picture",
    "cells_within",
    "check_output",
    "check_same_grid",
    "create_picture",
    "encode_jpeg",
    "encode_png",
    "find_abilities",
    "find_sight",
    "gdal",
    "grid_at",
    "open_mul",
    "open_pair",
    "open_picture",
    "part_of",
    "read_overview",
    "read_photograph",
    "read_picture",
    "warp_picture",
    "write_image",
    "write_png",
]
