"""Layers as the page's viewer reads them: pyramids of web tiles as data URLs."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.engine.threads import available_cores, map_blocks
from potato.raster.encoding import encode_jpeg, encode_png
from potato.raster.overviews import halve_opaque
from potato.report.layers import PageLayer

WEB_TILE_SIDE = 512
"""Side of a web tile in pixels."""

JPEG_QUALITY = 85
"""JPEG quality, 1 to 100, of web tiles that aren't in full detail."""

Codes8 = NDArray[np.uint8]


def pyramids(layers: Sequence[PageLayer]) -> list[dict[str, Any]]:
    """Describe each layer for the viewer, with its web tiles.

    Full detail is PNG, without loss. Coarser levels and overviews are means of codes, as JPEG.

    Returns:
        For each layer its `name`, `scale` (whether it shows differences), `window` and `overview`.
        Window and overview have `height`, `width`, and `levels`, coarsest first, each with its rows
        of data URLs. An overview also has its `row`, `column` and `step` in the picture. It is None
        if the layer has none.
    """
    found = [_describe(layer) for layer in layers]
    tiles = (
        ((n, part, level, row), tile)
        for n, layer in enumerate(layers)
        for part, codes in _parts(layer).items()
        for level, row, tile in _cut(codes, layer.palette, exact=part == "window")
    )
    cores = available_cores()
    for (n, part, level, row), url in map_blocks(tiles, _encode, cores, 4 * cores):
        found[n][part]["levels"][level][row].append(url)
    return found


def data_url(codes: Codes8, palette: Codes8 | None = None, *, exact: bool = True) -> str:
    """A picture (n, h, w) as a data URL: of a PNG if it must be exact, else of a JPEG."""
    kind, data = ("png", encode_png(codes, palette)) if exact else ("jpeg", encode_jpeg(codes, JPEG_QUALITY))
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _parts(layer: PageLayer) -> dict[str, Codes8]:
    overview = {} if layer.overview is None else {"overview": layer.overview.codes}
    return {"window": layer.codes, **overview}


def _describe(layer: PageLayer) -> dict[str, Any]:
    """Describe a layer, with empty rows of web tiles."""
    found: dict[str, Any] = {"name": layer.name, "scale": layer.palette is not None, "overview": None}
    for part, codes in _parts(layer).items():
        sides = [codes.shape[1:]]
        while max(sides[0]) > WEB_TILE_SIDE:
            sides.insert(0, (-(-sides[0][0] // 2), -(-sides[0][1] // 2)))
        found[part] = {
            "height": codes.shape[1],
            "width": codes.shape[2],
            "levels": [[[] for _ in range(0, height, WEB_TILE_SIDE)] for height, _ in sides],
        }
    if layer.overview is not None:
        overview = layer.overview
        found["overview"] |= {"row": overview.row, "column": overview.column, "step": overview.step}
    return found


def _cut(
    codes: Codes8, palette: Codes8 | None, exact: bool
) -> Iterator[tuple[int, int, tuple[Codes8, Codes8 | None, bool]]]:
    """Yield level, row and content of each web tile, finest level first, left to right."""
    levels = ((max(codes.shape[1:]) - 1) // WEB_TILE_SIDE).bit_length()
    for level in range(levels, -1, -1):
        if level < levels:
            # Means are of colours, not of indexes into a palette; JPEG needs three channels.
            colours = palette[codes[0]].transpose(2, 0, 1) if palette is not None else codes
            codes = halve_opaque(np.broadcast_to(colours, (3, *colours.shape[1:])))
            palette, exact = None, False
        for top in range(0, codes.shape[1], WEB_TILE_SIDE):
            for left in range(0, codes.shape[2], WEB_TILE_SIDE):
                tile = codes[:, top : top + WEB_TILE_SIDE, left : left + WEB_TILE_SIDE]
                yield level, top // WEB_TILE_SIDE, (tile, palette, exact)


def _encode(tile: tuple[Codes8, Codes8 | None, bool]) -> str:
    codes, palette, exact = tile
    return data_url(np.ascontiguousarray(codes), palette, exact=exact)
