"""A map of footprints: one HTML page with small pictures, which loads nothing else."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from potato.core.windows import evenly
from potato.doctor.footprints import Footprint
from potato.engine.threads import map_blocks
from potato.errors import PotatoError
from potato.fusion.window import sharpen_onto
from potato.model.weights import PREDICTOR, load_model
from potato.raster.coordinates import grid_at, narrowest_bounds
from potato.raster.encoding import encode_webp
from potato.raster.gdal_env import gdal
from potato.raster.html_page import html_page

READERS = 8
"""Footprints whose pictures are read at once; most of the time is waiting for servers."""

MOST_PICTURES = 1000
"""Pictures in a page; of more footprints, so many are shown, spread evenly over them."""

DEGREES = 4326
"""EPSG code of longitude and latitude."""

SIDE, SMALL_SIDE, FEW = 160, 64, 100
"""Pixels along the longer side of a picture: of up to `FEW` pictures, and of more."""


def make_map(footprints: Sequence[Footprint], title: str) -> str:
    """The page.

    Pictures are read from overviews. A pair that can't be read has its outline and the reason.

    Args:
        footprints: what to show.
        title: the source's address.
    """
    wanted = evenly([one for one in footprints if one.opening and one.ring], MOST_PICTURES)
    side = SIDE if len(wanted) <= FEW else SMALL_SIDE
    pictures: dict[str, dict[str, Any]] = {}
    jobs = ((one.id, (one, side)) for one in wanted)
    for name, picture in map_blocks(jobs, _draw, READERS, 2 * READERS):
        pictures[name] = picture
    shown = [
        {**one.feature["properties"], "ring": _unwrapped(one.ring), **pictures.get(one.id, {})}
        for one in footprints
    ]
    left_out = sum(1 for one in footprints if one.opening and one.ring) - len(wanted)
    return html_page("map.html", title, {"footprints": shown, "without_picture": left_out})


def _unwrapped(ring: list[list[float]]) -> list[list[float]]:
    """A ring without a jump at the antimeridian; longitudes may exceed 180."""
    if not ring:
        return ring
    west, _, east, _ = narrowest_bounds(ring)
    return [[x + 360 if west > east and x < 0 else x, y] for x, y in ring]


def _draw(job: tuple[Footprint, int]) -> dict[str, Any]:
    """The picture of a footprint in longitude and latitude, and its box; or why there is none."""
    footprint, side = job
    assert footprint.opening is not None
    across, down = zip(*_unwrapped(footprint.ring), strict=True)
    west, north = min(across), max(down)
    pixel = max(max(across) - west, north - min(down)) / side
    width, height = (max(1, round(length / pixel)) for length in (max(across) - west, north - min(down)))
    grid = grid_at(height, width, pixel, west, north, DEGREES)
    try:
        with gdal(), footprint.opening() as pair:
            rgb, valid = sharpen_onto(pair, grid, load_model(PREDICTOR))
    except PotatoError as error:
        return {"reason": f"no picture: {error}"}
    codes = np.concatenate([rgb, valid[None] * np.uint8(255)])
    data = base64.b64encode(encode_webp(codes.astype(np.uint8))).decode()
    box = [west, north - height * pixel, west + width * pixel, north]
    return {"picture": f"data:image/webp;base64,{data}", "box": box}
