"""What is at one place: counts, reflectance, colour, and where the band arrays lie."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from potato.core.color import linear_srgb_to_oklab, srgb_decode
from potato.core.displacement import displacement_map
from potato.core.render import FLAT, NATURAL
from potato.core.resample import enlarge_mask
from potato.core.sensors import SCALE
from potato.core.windows import PairWindow
from potato.fusion.window import sharpen_window
from potato.model.model import Model
from potato.raster.coordinates import lonlat_to_grid
from potato.raster.pair import Pair
from potato.serving.catalogue import Entry, Opened, Wanted
from potato.serving.mercator import project
from potato.serving.painter import Painter

WINDOW = 32
"""Side of the windows, in mul pixels, in which displacements are measured."""


def probe(painter: Painter, longitude: float, latitude: float, wanted: Wanted) -> dict[str, Any] | None:
    """What the first pair with valid pixels shows at a place; None if none has any there."""
    x, y = project(longitude, latitude)
    for entry in painter.catalogue.within((x, y, x, y), wanted):
        if entry.sensor is None:
            continue

        def look_there(opened: Opened, entry: Entry = entry) -> dict[str, Any] | None:
            assert isinstance(opened, Pair)
            return _probe(opened, painter.model(None, opened.sensor), longitude, latitude)

        found = painter.use(entry, look_there)
        if found is not None:
            return {"pass": painter.catalogue.owner(entry).id, **_facts(entry), **found}
    return None


def _facts(entry: Entry) -> Mapping[str, Any]:
    sensor = entry.sensor.title if entry.sensor else None
    return {"sensor": sensor, "time": entry.time, "date": entry.date, "quadkey": entry.quadkey}


def _probe(pair: Pair, model: Model, longitude: float, latitude: float) -> dict[str, Any] | None:
    column, row = (int(np.floor(at)) for at in lonlat_to_grid(pair.grid, longitude, latitude))
    if not (0 <= row < pair.grid.height and 0 <= column < pair.grid.width):
        return None
    cell = PairWindow(row // pair.ratio, column // pair.ratio, 1, 1)
    down, right = row % pair.ratio, column % pair.ratio
    pixels = pair.read(cell)
    if not (pixels.pan_valid[down, right] and pixels.mul_valid[0, 0]):
        return None
    counts = {"pan": int(pixels.pan[down, right])}
    counts |= dict(zip(pair.sensor.bands, map(int, pixels.mul[:, 0, 0]), strict=True))
    return {
        "counts": counts,
        "reflectance": {name: round(count / SCALE, 4) for name, count in counts.items()},
        "colour": _colour(pair, cell, model, down, right),
        "arrays": _arrays(pair, cell),
    }


def _colour(pair: Pair, cell: PairWindow, model: Model, down: int, right: int) -> dict[str, Any]:
    """The sharpened colour of a pixel: of the scene in Oklab, and of the screen in hexadecimal."""
    rgb, _ = sharpen_window(pair, cell, model, FLAT)
    light = srgb_decode(rgb[:, down, right].astype(np.float64) / FLAT.white)
    shown, _ = sharpen_window(pair, cell, model, NATURAL)
    hexadecimal = "".join(f"{code:02x}" for code in shown[:, down, right].tolist())
    oklab = linear_srgb_to_oklab(light[:, None, None])[:, 0, 0]
    return {"hex": f"#{hexadecimal}", "oklab": [round(float(value), 4) for value in oklab]}


def _arrays(pair: Pair, cell: PairWindow) -> list[dict[str, Any]] | None:
    """How far the band arrays around a cell lie from pan, in mul pixels; None if unknown."""
    pixels = pair.read(PairWindow(cell.row - WINDOW, cell.column - WINDOW, 2 * WINDOW, 2 * WINDOW))
    valid = pixels.pan_valid & enlarge_mask(pixels.mul_valid, pair.ratio)
    found = displacement_map(pixels.pan, pixels.mul, pair.sensor, WINDOW, valid)
    arrays = []
    for places, displacement in zip(pair.sensor.array_places, found.arrays, strict=True):
        down, right = displacement.average
        if not np.isfinite(down + right):
            return None
        bands = [pair.sensor.bands[place] for place in places]
        arrays.append({"bands": bands, "down": round(down, 3), "right": round(right, 3)})
    return arrays
