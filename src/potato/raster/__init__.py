"""GDAL and files: pairs in, pictures out, whole or absent."""

from potato.raster.area import Area, Part, part_of
from potato.raster.band_finding import known_sensor
from potato.raster.capabilities import Abilities, find_abilities
from potato.raster.coordinates import Grid, crs_name, grid_at, grid_to_lonlat, lonlat_to_grid, map_to_grid
from potato.raster.encoding import encode_jpeg, encode_png, encode_webp, write_png
from potato.raster.gdal_env import gdal, open_dataset
from potato.raster.image import Image, read_overview
from potato.raster.layer import Layer, Reading, as_layer, mul_image, open_mul, pan_image
from potato.raster.output_files import (
    check_folder,
    check_log,
    check_output,
    keep_inputs,
    new_folder,
    open_log,
)
from potato.raster.pair import Pair, PairPixels, open_pair
from potato.raster.pictures import check_same_grid, open_picture, read_photograph, read_picture
from potato.raster.samples import sample_pixels
from potato.raster.vectors import area_of, read_polygons
from potato.raster.warp import cells_within, find_footprint, warp_picture
from potato.raster.writer import Channels, Picture, create_picture, write_image

__all__ = [
    "Abilities",
    "Area",
    "Channels",
    "Grid",
    "Image",
    "Layer",
    "Pair",
    "PairPixels",
    "Part",
    "Picture",
    "Reading",
    "area_of",
    "as_layer",
    "cells_within",
    "check_folder",
    "check_log",
    "check_output",
    "check_same_grid",
    "create_picture",
    "crs_name",
    "encode_jpeg",
    "encode_png",
    "encode_webp",
    "find_abilities",
    "find_footprint",
    "gdal",
    "grid_at",
    "grid_to_lonlat",
    "keep_inputs",
    "known_sensor",
    "lonlat_to_grid",
    "map_to_grid",
    "mul_image",
    "new_folder",
    "open_dataset",
    "open_log",
    "open_mul",
    "open_pair",
    "open_picture",
    "pan_image",
    "part_of",
    "read_overview",
    "read_photograph",
    "read_picture",
    "read_polygons",
    "sample_pixels",
    "warp_picture",
    "write_image",
    "write_png",
]
