"""Small ARDs for tests, written item by item, so that each can be wrong in its own way.

Also ratings of their passes, and the chips that are cut from them.
"""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
from affine import Affine

import pairs
from potato.ard.grid import OVERLAP, SQUARE_SIDE, TILE_SIDE, square_quadkey
from potato.ard.rating.measures import Rating
from potato.ard.synthetic.metadata import band_codes
from potato.chips.chip import Chip
from potato.chips.wald import coarsen_pair
from potato.core.sensors import Sensor
from potato.raster.pair import PairPixels

CID = "1030010000000A00"
OTHER = "1040010000000B00"
WEST, NORTH = 400_000, 4_000_000

SQUARE = [344843.75, 3794843.75, 350156.25, 3800156.25]

SMALL = {"size": 32}
"""Settings for chips of 32 pan pixels.

A chip reads 64 × 64 cells, and a tile of 136 × 136 cells has places for 9 × 9 chips.
"""


def an_item(**changes):
    """The JSON of an item; `changes` are properties or assets."""
    properties = {
        "datetime": "2024-12-14T18:53:50Z",
        "platform": "WV02",
        "catalog_id": "103001010A705C00",
        "utm_zone": 11,
        "quadkey": "031311102001",
        "tile:data_area": 10.3,
        "tile:clouds_percent": 7,
        "proj:code": "EPSG:32611",
    }
    image = {"proj:bbox": SQUARE, "proj:shape": [9484, 9484]}
    assets = {
        "pan_analytic": {"href": "./103001010A705C00-pan.tif", **image},
        "ms_analytic": {"href": "./103001010A705C00-ms.tif", **image, "proj:shape": [2371, 2371]},
    }
    for key, value in changes.items():
        where = properties if key in ("clouds", "epsg", "zone") or key not in assets else assets
        name = {"clouds": "tile:clouds_percent", "zone": "utm_zone"}.get(key, key)
        where[name] = value
    return {"type": "Feature", "properties": properties, "assets": assets}


def corner(column: int, row: int) -> tuple[float, float]:
    """The upper left corner of a tile, by column and row of its grid square."""
    return WEST + column * SQUARE_SIDE - OVERLAP, NORTH - row * SQUARE_SIDE + OVERLAP


def write_tile(
    root: Path,
    column: int = 0,
    row: int = 0,
    *,
    cid: str = CID,
    sensor: Sensor | None = None,
    side: int = 136,
    block: int = 64,
    valid: np.ndarray | None = None,
    mask: bool = True,
    changes: dict | None = None,
    ground: tuple[np.ndarray, np.ndarray] | None = None,
) -> Path:
    """Write one tile; returns its item.

    Args:
        root: folder of the ARD.
        column: column of its grid square.
        row: row of its grid square.
        cid: its pass.
        sensor: its satellite; None for WorldView-2 or -3, by the CID.
        side: side of mul in pixels.
        block: side of a TIFF block of the files.
        valid: bool (side, side), by cell; None for all.
        mask: whether the files have a mask band; otherwise 0 is invalid.
        changes: properties of the item to change.
        ground: pan and mul; None for ground that no other tile shows.
    """
    west, north = corner(column, row)
    quadkey = square_quadkey(WEST + column * SQUARE_SIDE, NORTH - row * SQUARE_SIDE)
    folder = root / "11" / quadkey / "2024-12-14"
    folder.mkdir(parents=True, exist_ok=True)
    pan, mul = ground or pairs.ground(side, side, seed=1000 * row + column + (cid != CID))
    names = band_codes(sensor.bands) if sensor else pairs.BAND_NAMES
    valid = np.ones((side, side), bool) if valid is None else valid
    fine = valid.repeat(4, 0).repeat(4, 1)
    pixel = TILE_SIDE / side
    place = Affine(pixel, 0, west, 0, -pixel, north)
    for name, pixels, good, transform, bands in (
        ("pan", pan[None], fine, place @ Affine.scale(0.25), ("BAND_P",)),
        ("ms", mul[: len(names)], valid, place, names),
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
            "platform": sensor.name if sensor else "WV02" if cid.startswith("103") else "WV03",
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


def flat_ground(strong: str, side: int = 136) -> tuple[np.ndarray, np.ndarray]:
    """Pan and mul for `write_tile`: ground of one colour, by the band that is strong."""
    mul = np.full((8, side, side), 300, np.uint16)
    mul[pairs.BAND_NAMES.index(band_codes([strong])[0])] = 2500
    return np.full((4 * side, 4 * side), 700, np.uint16), mul


def write_ard(root: Path, columns: int = 2, rows: int = 2, **settings) -> Path:
    """Write adjacent tiles of one pass."""
    for row in range(rows):
        for column in range(columns):
            write_tile(root, column, row, **settings)
    return root


def two_cids(folder: Path) -> Path:
    """An ARD of two passes; the second has a cloudy tile, and one of WorldView-1 on another day."""
    write_ard(folder / "ard", 2, 1)
    write_tile(folder / "ard", 0, 0, cid=OTHER, changes={"tile:clouds_percent": 60})
    later = {"datetime": "2025-01-02T00:00:00Z", "platform": "WV01"}
    write_tile(folder / "ard", 1, 0, cid=OTHER, changes=later)
    return folder / "ard"


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rows(folder: Path) -> list[dict]:
    """The rows of a folder's manifest."""
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def damage(path: Path) -> None:
    """Overwrite TIFF blocks near the lower edge with zeros."""
    data = path.read_bytes()
    low, high = len(data) * 80 // 100, len(data) * 88 // 100
    path.write_bytes(data[:low] + bytes(high - low) + data[high:])


def without_addresses(things, root):
    """The values of each tile, without the address of the ARD."""
    root = str(root).rstrip("/") + "/"
    return [tuple(str(value).replace(root, "") for value in dataclasses.astuple(thing)) for thing in things]


def pixels(cells=64, seed=0, pan_valid=None, mul_valid=None) -> PairPixels:
    """Pixels of a generated pair."""
    pan, mul = pairs.ground(cells, cells, seed)
    everywhere = np.ones_like(pan, bool)
    return PairPixels(
        pan,
        mul,
        everywhere if pan_valid is None else pan_valid,
        everywhere[::4, ::4] if mul_valid is None else mul_valid,
    )


def a_chip(cells=8, seed=0) -> Chip:
    """A chip of `cells` × `cells` cells."""
    return coarsen_pair(pixels(8 * cells, seed))


def a_rating(cid, index_parts=(4.0, 4.0, 4.0), **changes) -> Rating:
    """A rating with the given seeing, water and interest; other fields are empty."""
    plain = {
        field.name: {str: "", int: 1, float: 0.0}.get(field.type, 0.0) for field in dataclasses.fields(Rating)
    }
    seeing, water, interest = index_parts
    return Rating(**{**plain, "cid": cid, "seeing": seeing, "water": water, "interest": interest, **changes})


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table of ratings."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
