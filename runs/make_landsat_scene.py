"""Compress the Landsat scene of `potato demo --landsat`, which is shipped in the package's assets.

    python runs/make_landsat_scene.py DIR

DIR is the folder of a crop by xlandsat (five bands and MTL.txt). Its pixels stay as they are. Its
files have no place on Earth; the new ones do, as those of USGS, by the corner in MTL.txt.
"""

import shutil
import sys
from pathlib import Path

import rasterio

import potato
from potato.deliveries.delivery import find_products
from potato.deliveries.layout import read_part
from potato.demonstration import SCENE
from potato.raster.atomic import make_folder
from potato.raster.coordinates import grid_at
from potato.raster.gdal_env import gdal, open_dataset


def main(source: Path, target: Path) -> None:
    """Write the bands and MTL.txt to the folder `target`."""
    make_folder(target)
    (product,) = find_products(source)
    for image in product.images:
        assert image.lower_left is not None
        west, south, cell = image.lower_left
        for (part,) in image.groups:
            assert part.file is not None
            header = read_part(product.contents, part.file)
            height, width = header.grid.height, header.grid.width
            grid = grid_at(height, width, cell, west, south + height * cell, image.epsg)
            with (
                gdal(),
                open_dataset(header.name, "band") as band,
                rasterio.open(
                    target / part.name,
                    "w",
                    driver="GTiff",
                    dtype="uint16",
                    count=1,
                    height=height,
                    width=width,
                    crs=grid.crs,
                    transform=grid.transform,
                    compress="DEFLATE",
                    predictor=2,
                    zlevel=9,
                    blockysize=height,
                ) as file,
            ):
                file.write(band.read())
    shutil.copyfile(source / f"{SCENE}_MTL.txt", target / f"{SCENE}_MTL.txt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(potato.__file__).parent / "assets" / SCENE)
