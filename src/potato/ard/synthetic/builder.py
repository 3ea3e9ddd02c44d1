"""Writing a generated ARD: good tiles, and beside them items that are broken in ways real ones are."""

import json
import math
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from potato.ard.grid import SQUARE_SIDE, TILE_SIDE, Box
from potato.ard.synthetic import metadata
from potato.ard.synthetic.collects import SIZE_STEP, Cell, Collect, plan_cells, plan_cid, plan_collects
from potato.ard.synthetic.passes import Pass, photograph
from potato.core.sensors import RATIO
from potato.errors import InputError, OutputError, OutputExists
from potato.raster import write_image

MUL_NAMES = tuple(name for name in metadata.BANDS if name != "BAND_P")
RGB_NAMES = ("BAND_R", "BAND_G", "BAND_B")
BROKEN_ROW = 200
"""Rows of cells below the first where broken items lie."""


@dataclass(frozen=True)
class Truth:
    """What a collect really shows: shares, 0..1.

    Attributes:
        clouds: of its ground under cloud.
        water: of what is not, under water.
        plain: of the land that is left, open and featureless.
    """

    clouds: float
    water: float
    plain: float


@dataclass(frozen=True)
class Made:
    """What `make_ard` did.

    Attributes:
        folder: the event folder; the ARD proper is `ard` in it.
        collects: the good collects.
        truths: what each of them shows, by catalog ID.
        tiles: how many tiles they have.
        broken: how many items beside them can't be used.
        size: pan pixels along a tile.
        bytes: of everything.
    """

    folder: Path
    collects: tuple[Collect, ...]
    truths: dict[str, Truth]
    tiles: int
    broken: int
    size: int
    bytes: int

    def __str__(self) -> str:
        """The one line that the command prints."""
        return (
            f"{self.folder}: {self.tiles} tiles of {self.size} × {self.size} pan pixels in "
            f"{len(self.collects)} CIDs, {self.broken} items broken on purpose; {self.bytes / 1e6:.0f} MB"
        )


def make_ard(
    folder: str | os.PathLike[str],
    *,
    tiles: int = 6,
    size: int = 5168,
    seed: int = 0,
    collects: Iterable[Collect] | None = None,
    broken: bool = True,
    progress: bool = False,
) -> Made:
    """Write an ARD of simulated ground, laid out like a real event.

    `folder/collection.json`, and in `folder/ard` the items, images and collections. The grid is the
    real one, so pixels are as large as the number of them makes it: 0.56 m at a size of 9520, 2.6 m
    at 2040; what they show is always half a metre wide.

    Args:
        folder: where; must be new or empty.
        tiles: how many good tiles, in several CIDs and two UTM zones.
        size: pan pixels along a tile; rounded up to a multiple of 136.
        seed: the same seed gives the same bytes.
        collects: what to make in place of the usual plan; then `tiles` says nothing.
        broken: whether to add items that can't be used: WorldView-1 without mul, GeoEye-1, visual
            only, a missing href, a missing file.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if a number makes no sense.
        OutputExists: if there is something in the folder.
        OutputError: if it can't be written.
    """
    if tiles < 1 or size < 1:
        raise InputError(f"expected at least 1 tile of 1 pixel, found {tiles} of {size}")
    path = Path(folder)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputExists(f"{path}: expected a new or empty folder, found something there; choose another")
    size = math.ceil(size / SIZE_STEP) * SIZE_STEP
    plan = plan_collects(tiles, seed) if collects is None else tuple(collects)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{path.name}.", suffix=".partial", dir=path.parent
        ) as hidden:
            growing = Path(hidden) / "event"
            bar = tqdm(total=sum(len(collect.cells) for collect in plan), unit="tile", disable=not progress)
            with bar:
                written = {
                    collect.cid: _write_collect(growing / "ard", collect, size, seed, bar) for collect in plan
                }
            items = {cid: found for cid, (found, _) in written.items()}
            truths = {cid: truth for cid, (_, truth) in written.items()}
            spoilt = _write_broken(growing / "ard", seed) if broken else {}
            _write_collections(growing, path.name, {**items, **spoilt})
            total = sum(file.stat().st_size for file in growing.rglob("*") if file.is_file())
            if path.exists():
                path.rmdir()
            growing.rename(path)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: can't write there: {error.strerror or error}") from error
    counts = [sum(map(len, group.values())) for group in (items, spoilt)]
    return Made(path, plan, truths, counts[0], counts[1], size, total)


Items = list[tuple[str, dict[str, Any]]]


def _write_collect(ard: Path, collect: Collect, size: int, seed: int, bar: Any) -> tuple[Items, Truth]:
    """The tiles of a collect, cut from one pass in each zone: names and JSON; and what they show."""
    items = []
    sums = [0] * 5
    for zone in sorted({cell.zone for cell in collect.cells}):
        cells = [cell for cell in collect.cells if cell.zone == zone]
        west, north = min(cell.west for cell in cells), max(cell.north for cell in cells)
        step = round(size * SQUARE_SIDE / TILE_SIDE)
        places = {
            cell: (
                round((north - cell.north) / SQUARE_SIDE) * step,
                round((cell.west - west) / SQUARE_SIDE) * step,
            )
            for cell in cells
        }
        height, width = (size + max(place[axis] for place in places.values()) for axis in (0, 1))
        flown = photograph(collect, height, width, (seed * 1009 + collect.seed) * 61 + zone)
        for cell, (row, column) in places.items():
            tile = _cut(flown, row, column, size)
            items.append(_write_tile(ard, collect, cell, tile))
            clear = tile.valid & ~tile.cloudy
            land = clear & ~tile.wet
            parts = (tile.valid, clear, land, clear & tile.wet, land & tile.plain)
            sums = [total + int(part.sum()) for total, part in zip(sums, parts, strict=True)]
            bar.update()
    ground, seen, dry, wet, plain = sums
    return items, Truth((ground - seen) / max(ground, 1), wet / max(seen, 1), plain / max(dry, 1))


def _cut(flown: Pass, row: int, column: int, size: int) -> Pass:
    fine = (slice(row, row + size), slice(column, column + size))
    row, column, side = row // RATIO, column // RATIO, size // RATIO
    cells = (..., slice(row, row + side), slice(column, column + side))
    masks = (mask[cells] for mask in (flown.valid, flown.cloudy, flown.wet, flown.plain))
    return Pass(flown.pan[fine], flown.mul[cells], *masks)


def _write_tile(ard: Path, collect: Collect, cell: Cell, tile: Pass) -> tuple[str, dict[str, Any]]:
    """The images and the item of a tile."""
    name = metadata.item_name(collect.cid, cell, collect.date)
    stem = ard / name.removesuffix(".json")
    stem.parent.mkdir(parents=True, exist_ok=True)
    side = len(tile.valid)
    fine = np.repeat(np.repeat(tile.valid, RATIO, 0), RATIO, 1)
    colour = np.clip(np.sqrt(tile.mul[[4, 2, 1]] / 3000) * 255, 1, 255).astype(np.uint8)
    images: dict[str, tuple[str, NDArray[Any], NDArray[np.bool_], tuple[str, ...]]] = {
        "ms_analytic": ("ms", tile.mul, tile.valid, MUL_NAMES),
        "pan_analytic": ("pan", tile.pan[None], fine, ("BAND_P",)),
        "visual": ("visual", colour, tile.valid, RGB_NAMES),
    }
    assets = {}
    for key, (ending, pixels, valid, names) in images.items():
        masked = np.where(valid, pixels, 0).astype(pixels.dtype)
        file = f"{collect.cid}-{ending}.tif"
        mask = None if collect.old else valid
        write_image(stem.parent / file, masked, mask, cell.grid(pixels.shape[-1]), names)
        assets[key] = metadata.image_asset(key, f"./{file}", cell.tile, pixels.shape[-1], names)
    count = max(1, int(tile.valid.sum()))
    clouds = 100 * float((tile.cloudy & tile.valid).sum()) / count
    data = metadata.item(
        collect,
        cell,
        assets,
        gsd=TILE_SIDE / side / RATIO,
        data=_data_box(tile.valid, cell.tile),
        area=count * (TILE_SIDE / side) ** 2 / 1e6,
        clouds=clouds if collect.reported else None,
    )
    _write_json(ard / name, data)
    return name, data


def _data_box(valid: NDArray[np.bool_], box: Box) -> Box:
    """The box of what is valid in a tile; the whole tile if nothing is."""
    rows, columns = np.flatnonzero(valid.any(1)), np.flatnonzero(valid.any(0))
    if not len(rows):
        return box
    pixel = (box[2] - box[0]) / valid.shape[1]
    return (
        box[0] + float(columns[0]) * pixel,
        box[3] - float(rows[-1] + 1) * pixel,
        box[0] + float(columns[-1] + 1) * pixel,
        box[3] - float(rows[0]) * pixel,
    )


def _write_broken(ard: Path, seed: int) -> dict[str, Items]:
    """Items that nothing can be made of, each under a CID of its own; small, flat images."""
    kinds = (
        # platform, first digits of the CID, bands of mul, whether there is a pan, what is wrong
        ("WV01", "102", (), True, "pan only"),
        ("GE01", "105", ("BAND_B", "BAND_G", "BAND_R", "BAND_N"), True, "another sensor"),
        ("WV03", "104", (), False, "visual only"),
        ("WV02", "103", MUL_NAMES, True, "missing href"),
        ("WV02", "103", MUL_NAMES, True, "missing file"),
    )
    side = SIZE_STEP // RATIO
    made: dict[str, Items] = {}
    for index, (cell, kind) in enumerate(zip(plan_cells(33, len(kinds), BROKEN_ROW), kinds, strict=True)):
        platform, prefix, bands, pan, fault = kind
        cid = plan_cid(100 + index, seed, prefix)
        collect = Collect(cid, platform, "2023-05-14", (cell,), seed=index)
        name = metadata.item_name(cid, cell, collect.date)
        folder = (ard / name).parent
        folder.mkdir(parents=True, exist_ok=True)
        parts: dict[str, tuple[str, tuple[str, ...], int]] = {"visual": ("visual", RGB_NAMES, side)}
        parts |= {"pan_analytic": ("pan", ("BAND_P",), SIZE_STEP)} if pan else {}
        parts |= {"ms_analytic": ("ms", bands, side)} if bands else {}
        assets = {}
        for key, (ending, names, wide) in parts.items():
            file, spoilt = f"{cid}-{ending}.tif", key == "ms_analytic"
            flat = np.full((len(names), wide, wide), 150, np.uint8 if key == "visual" else np.uint16)
            if not (spoilt and fault.startswith("missing")):
                write_image(folder / file, flat, np.ones((wide, wide), bool), cell.grid(wide), names)
            href = None if spoilt and fault == "missing href" else f"./{file}"
            assets[key] = metadata.image_asset(key, href, cell.tile, wide, names)
        area = TILE_SIDE**2 / 1e6
        data = metadata.item(
            collect, cell, assets, gsd=TILE_SIDE / SIZE_STEP, data=cell.tile, area=area, clouds=0
        )
        _write_json(ard / name, data)
        made[cid] = [(name, data)]
    return made


def _write_collections(folder: Path, name: str, items: dict[str, Items]) -> None:
    """The collection of each CID, and those of the event and the order, which link to them."""
    collections = {
        f"acquisition_collections/{cid}_collection.json": metadata.collection(cid, sorted(found))
        for cid, found in sorted(items.items())
    }
    for path, data in collections.items():
        _write_json(folder / "ard" / path, data)
    _write_json(folder / "collection.json", metadata.event(name, collections))
    order = metadata.event("1000000001", collections, start="../")
    _write_json(folder / "ard/order_collections/1000000001_root_collection.json", order)


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
