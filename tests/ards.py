"""Small ARDs for tests, written item by item, so that each can be wrong in its own way."""

import dataclasses
import json
from pathlib import Path

import numpy as np
from affine import Affine

import pairs
from potato.ard import OVERLAP, SQUARE_SIDE, TILE_SIDE
from potato.ard.grid import square_quadkey

CID = "1030010000000A00"
OTHER = "1040010000000B00"
WEST, NORTH = 400_000, 4_000_000

SMALL = {"size": 32}
"""Chips of 32 pan pixels: each reads 64 × 64 cells, and a tile of 136 × 136 has 9 × 9 places for
them."""


def corner(column: int, row: int) -> tuple[float, float]:
    """The upper left corner of a tile, by its grid square's place from the first."""
    return WEST + column * SQUARE_SIDE - OVERLAP, NORTH - row * SQUARE_SIDE + OVERLAP


def write_tile(
    root: Path,
    column: int = 0,
    row: int = 0,
    *,
    cid: str = CID,
    side: int = 136,
    block: int = 64,
    valid: np.ndarray | None = None,
    mask: bool = True,
    changes: dict | None = None,
    ground: tuple[np.ndarray, np.ndarray] | None = None,
) -> Path:
    """Write one tile; returns its item.

    Args:
        root: of the ARD.
        column: of its grid square.
        row: of its grid square.
        cid: of its pass.
        side: of mul in pixels.
        block: side of the TIFF blocks.
        valid: bool (side, side), in cells; None for all.
        mask: whether the files have a mask band; otherwise 0 is invalid.
        changes: properties of the item to change.
        ground: pan and mul; None for some of the tile's own.
    """
    west, north = corner(column, row)
    quadkey = square_quadkey(WEST + column * SQUARE_SIDE, NORTH - row * SQUARE_SIDE)
    folder = root / "11" / quadkey / "2024-12-14"
    folder.mkdir(parents=True, exist_ok=True)
    pan, mul = ground or pairs.ground(side, side, seed=1000 * row + column + (cid != CID))
    valid = np.ones((side, side), bool) if valid is None else valid
    fine = valid.repeat(4, 0).repeat(4, 1)
    pixel = TILE_SIDE / side
    place = Affine(pixel, 0, west, 0, -pixel, north)
    for name, pixels, good, transform, bands in (
        ("pan", pan[None], fine, place @ Affine.scale(0.25), ("BAND_P",)),
        ("ms", mul, valid, place, pairs.BAND_NAMES),
    ):
        pairs.write(
            folder / f"{cid}-{name}.tif",
            pixels * good,
            transform,
            names=bands,
            mask=good if mask else None,
            blockxsize=block,
            blockysize=block,
        )
    square = [west, north - TILE_SIDE, west + TILE_SIDE, north]
    item = {
        "type": "Feature",
        "properties": {
            "datetime": "2024-12-14T18:53:50Z",
            "platform": "WV02" if cid.startswith("103") else "WV03",
            "catalog_id": cid,
            "utm_zone": 11,
            "quadkey": quadkey,
            "tile:data_area": round(float(valid.mean()) * TILE_SIDE**2 / 1e6, 3),
            "tile:clouds_percent": 0,
            "proj:code": "EPSG:32611",
            **(changes or {}),
        },
        "assets": {
            key: {"href": f"./{cid}-{name}.tif", "proj:bbox": square, "proj:shape": [sides, sides]}
            for key, name, sides in (("pan_analytic", "pan", 4 * side), ("ms_analytic", "ms", side))
        },
    }
    path = folder / f"{cid}.json"
    path.write_text(json.dumps(item))
    return path


def write_ard(root: Path, columns: int = 2, rows: int = 2, **settings) -> Path:
    """Write adjoining tiles of one pass."""
    for row in range(rows):
        for column in range(columns):
            write_tile(root, column, row, **settings)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows(folder: Path) -> list[dict]:
    """The rows of a folder's manifest."""
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def damage(path: Path) -> None:
    """Zeros where blocks near the lower edge were."""
    data = path.read_bytes()
    low, high = len(data) * 80 // 100, len(data) * 88 // 100
    path.write_bytes(data[:low] + bytes(high - low) + data[high:])


def without_addresses(things, root):
    """Everything about tiles but where they are."""
    root = str(root).rstrip("/") + "/"
    return [tuple(str(value).replace(root, "") for value in dataclasses.astuple(thing)) for thing in things]
