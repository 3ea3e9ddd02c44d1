"""Sharpening small ARDs, and reading what was made of them."""

import json
from pathlib import Path

import numpy as np
from rasterio.warp import transform

import ards
import pairs
from potato import fuse_ard
from potato.ard.item import Tile
from potato.core.render import LOOKS
from potato.engine.threads import Serial
from potato.fusion.ard.manifest import read_manifest
from potato.fusion.ard.plan import PictureSettings
from potato.raster.coordinates import Grid
from potato.raster.header import Header

SIDE_PIXELS = 4 * 136
"""Pan pixels along a tile."""

RGBA = "red", "green", "blue", "alpha"

NAME = "11/031133301100/2024-12-14/1030010000000A00"


def write_joined_tiles(root: Path, columns: int = 2, rows: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Write overlapping tiles cut from one ground; returns its pan and mul."""
    pan, mul = pairs.ground(128 * rows + 8, 128 * columns + 8, seed=5)
    for row in range(rows):
        for column in range(columns):
            top, left = 128 * row, 128 * column
            piece = (
                pan[4 * top : 4 * top + SIDE_PIXELS, 4 * left : 4 * left + SIDE_PIXELS],
                mul[:, top : top + 136, left : left + 136],
            )
            ards.write_tile(root, column, row, ground=piece)
    return pan, mul


ALONE = Serial().threads_per_job
"""All cores for every job."""

OURS = PictureSettings(None, "w", LOOKS["natural"], "cog")

TILE = Tile(
    ards.CID, "WV02", 11, "0" * 12, "2024-12-14", 0, 32611, (0, 0, 64, 64), "p", "m", "i", (128, 128), 1
)


def header(grid: Grid, dtype: str = "uint8", names: tuple[str, ...] = RGBA) -> Header:
    """The header of a picture that isn't there."""
    return Header("x.tif", "GTiff", grid, dtype, names, None, True, 0, False, "", {})


def fuse_inline(source, output, **options):
    return fuse_ard(source, output, **{"workers": 0, **options})


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.glob("[0-9]*/*/*/*.tif"))


def states(folder: Path) -> dict[str, str]:
    return {name: row.state for name, row in read_manifest(folder).rows.items()}


def lonlat(x: float, y: float) -> tuple[float, float]:
    (longitude,), (latitude,) = transform("EPSG:32611", "EPSG:4326", [x], [y])
    return longitude, latitude


def collect(event: Path) -> None:
    """Give an event the collections by which it is found on a web server."""
    items = sorted(path.relative_to(event).as_posix() for path in (event / "ard").glob("[0-9]*/*/*/*.json"))
    links = [{"rel": "item", "href": f"./{item}"} for item in items]
    (event / "collection.json").write_text(json.dumps({"type": "Collection", "links": links}))


def signed_distance(x, y, corners):
    """Metres from the sides of a polygon, and whether a point is in it."""
    inside = np.zeros(x.shape, bool)
    distance = np.full(x.shape, np.inf)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        inside ^= ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0 or 1e-30) + x0)
        along = np.clip(
            ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1
        )
        distance = np.minimum(distance, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    return distance, inside
