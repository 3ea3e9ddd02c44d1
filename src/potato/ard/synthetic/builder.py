"""Writing a synthetic ARD: good tiles, and items that are broken in ways that real ones are."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.ard.grid import SQUARE_SIDE, TILE_SIDE
from potato.ard.synthetic import metadata
from potato.ard.synthetic.collects import (
    PLATFORMS,
    SIZE_STEP,
    GridSquare,
    PassPlan,
    plan_cid,
    plan_collects,
    plan_revisits,
    plan_squares,
)
from potato.ard.synthetic.passes import PATCH, Pass, simulate_pass
from potato.core.resample import enlarge_mask
from potato.core.sensor_table import WORKSHOP
from potato.core.types import PathLike
from potato.engine.progress import progress_bar
from potato.errors import InputError
from potato.raster.atomic import whole_folder
from potato.raster.band_finding import known_sensor
from potato.raster.coordinates import Box
from potato.raster.output_files import new_folder
from potato.raster.writer import write_image

RGB = ("red", "green", "blue")
"""Bands of the visual image."""

USUAL_COUNT = 6
"""Usable tiles of an ARD for which neither their number nor an area is given."""

GROUND_PIXEL = 0.5
"""Metres of simulated ground along a pan pixel."""

MOST_TILES = 1000
"""The most usable tiles: their grid squares stay north of the equator."""

BROKEN_ROW = 200
"""Rows of grid squares below the first at which broken items lie."""

Items = list[tuple[str, dict[str, Any]]]
"""Paths of items in the ARD, with their JSON."""


@dataclass(frozen=True)
class Truth:
    """True shares of a pass, 0..1.

    Attributes:
        clouds: of the valid ground, under cloud.
        water: of the clear ground, under water.
        plain: of the clear land, open and featureless.
    """

    clouds: float
    water: float
    plain: float


@dataclass(frozen=True)
class MadeArd:
    """The result of `make_ard`.

    Attributes:
        folder: the event folder, which holds the `ard` folder.
        collects: the plans of the usable passes.
        truths: their true shares of cloud, water and plain, by catalog ID.
        tiles: number of their tiles.
        broken: number of items that can't be used.
        size: pan pixels along a tile.
        bytes: of all files together.
        area: square kilometres of ground that never repeats; None if it may.
    """

    folder: Path
    collects: tuple[PassPlan, ...]
    truths: dict[str, Truth]
    tiles: int
    broken: int
    size: int
    bytes: int
    area: float | None = None

    def __str__(self) -> str:
        """The one line that the command prints."""
        ground = "" if self.area is None else f", {self.area:,.1f} km² of ground that never repeats"
        return (
            f"{self.folder}: {self.tiles} tiles of {self.size} × {self.size} pan pixels in "
            f"{len(self.collects)} CIDs, {self.broken} items broken on purpose{ground}; "
            f"{self.bytes / 1e6:.1f} MB"
        )


def make_ard(
    folder: PathLike,
    *,
    tiles: int | None = None,
    area: float | None = None,
    size: int = 5168,
    seed: int = 0,
    collects: Iterable[PassPlan] | None = None,
    sensors: Sequence[str] = (),
    revisits: int = 0,
    broken: bool = True,
    progress: bool = False,
) -> MadeArd:
    """Write an ARD of simulated ground, laid out like a real event.

    The folder gets `collection.json`, and `ard` with items, images and collections. Tiles have the
    size of real ones, so a pixel's nominal size depends on `size`: 0.56 m for 9520, 2.6 m for 2040.
    The ground that a pan pixel shows is always half a metre wide.

    Args:
        folder: the event folder; must be new or empty.
        tiles: number of usable tiles, in several CIDs and two UTM zones; None for 6, or as many as
            `area` takes.
        area: square kilometres of ground, all of it different. It is simulated in patches of 2 km²,
            which meet in straight lines. Without it, ground beyond the first patch of a pass is its
            mirror image, which is quick to make and teaches a network nothing more.
        size: pan pixels along a tile; rounded up to a multiple of 136.
        seed: equal seeds give equal bytes.
        collects: passes to make instead of the usual plan; the numbers of tiles and `sensors` are
            ignored then.
        sensors: satellites of the passes, in turns, each with a ratio of 4; empty for WorldView-3
            and -2.
        revisits: how many more passes see each place, days later, with other clouds and water;
            `tiles` doesn't count their tiles.
        broken: whether to add items that can't be used: WorldView-1 without mul, one of a satellite
            that nobody knows, one with a visual image only, one with a missing href, one with a
            missing file.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if a number isn't above 0, `tiles` and `area` are both given, or passes of a
            sensor can't be made.
        OutputExists: if there is something in the folder.
        OutputError: if the ARD can't be written.
    """
    size, tiles = _size_and_tiles(size, tiles, area)
    if revisits < 0:
        raise InputError(f"expected 0 revisits or more, found {revisits}")
    platforms = [_platform(name) for name in sensors]
    path = new_folder(folder)
    plan = plan_collects(tiles, seed, platforms or PLATFORMS) if collects is None else tuple(collects)
    ground = None if area is None else sum(len(collect.squares) for collect in plan) * _square_km(size)
    plan += plan_revisits(plan, revisits, seed)
    with whole_folder(path) as growing:
        items: dict[str, Items] = {}
        truths: dict[str, Truth] = {}
        count = sum(len(collect.squares) for collect in plan)
        with progress_bar(count, "tile", progress) as bar:
            for collect in plan:
                found = _write_collect(
                    growing / "ard", collect, _simulate(collect, size, seed, area is None), bar
                )
                items[collect.cid], truths[collect.cid] = found
        spoilt = _write_broken(growing / "ard", seed, max(100, len(plan))) if broken else {}
        _write_collections(growing, path.name, {**items, **spoilt})
        total = sum(file.stat().st_size for file in growing.rglob("*") if file.is_file())
    counts = [sum(map(len, group.values())) for group in (items, spoilt)]
    return MadeArd(path, plan, truths, counts[0], counts[1], size, total, ground)


def _size_and_tiles(size: int, tiles: int | None, area: float | None) -> tuple[int, int]:
    """Pixels along a tile, in whole steps, and the number of tiles.

    Raises:
        InputError: if they make no sense.
    """
    if tiles is not None and area is not None:
        raise InputError("expected a number of tiles or an area, found both: leave one out")
    if size < 1:
        raise InputError(f"expected at least 1 tile of 1 pixel, found a size of {size}")
    size = math.ceil(size / SIZE_STEP) * SIZE_STEP
    needed = float(USUAL_COUNT if tiles is None else tiles) if area is None else area / _square_km(size)
    if not 0 < needed <= MOST_TILES:
        raise InputError(
            f"expected at least 1 tile and at most {MOST_TILES:,}, found {needed:,.0f} of {size} pixels"
        )
    return size, math.ceil(needed)


def _square_km(size: int) -> float:
    """Square kilometres of ground in the grid square of a tile of `size` pan pixels."""
    return (size * SQUARE_SIDE / TILE_SIDE * GROUND_PIXEL / 1000) ** 2


def _platform(name: str) -> str:
    """A sensor's own name, if passes can be made of it."""
    sensor = known_sensor(name)
    if sensor.ratio != WORKSHOP.ratio or not sensor.platforms:
        raise InputError(f"expected a satellite with a ratio of {WORKSHOP.ratio}, found {sensor.title}")
    return sensor.name


def _simulate(collect: PassPlan, size: int, seed: int, repeat: bool) -> Iterator[tuple[GridSquare, Pass]]:
    """The tiles of a pass; those of one zone are cut from one image."""
    for zone in sorted({square.zone for square in collect.squares}):
        squares = [square for square in collect.squares if square.zone == zone]
        west, north = min(square.west for square in squares), max(square.north for square in squares)
        step = round(size * SQUARE_SIDE / TILE_SIDE)
        places = [
            (round((north - one.north) / SQUARE_SIDE) * step, round((one.west - west) / SQUARE_SIDE) * step)
            for one in squares
        ]
        height, width = (size + max(place[axis] for place in places) for axis in (0, 1))
        own_seed = (seed * 1009 + collect.seed) * 61 + zone
        whole = simulate_pass(collect, height, width, own_seed, PATCH, repeat)
        for square, (row, column) in zip(squares, places, strict=True):
            yield square, _cut(whole, row, column, size)


def _write_collect(
    ard: Path, collect: PassPlan, tiles: Iterable[tuple[GridSquare, Pass]], bar: Any
) -> tuple[Items, Truth]:
    """Write the tiles of a pass; returns their items and the true shares."""
    items = []
    sums = [0] * 5
    for square, tile in tiles:
        items.append(_write_tile(ard, collect, square, tile))
        clear = tile.valid & ~tile.cloudy
        land = clear & ~tile.wet
        parts = (tile.valid, clear, land, clear & tile.wet, land & tile.plain)
        sums = [total + int(part.sum()) for total, part in zip(sums, parts, strict=True)]
        bar.update()
    ground, seen, dry, wet, plain = sums
    return items, Truth((ground - seen) / max(ground, 1), wet / max(seen, 1), plain / max(dry, 1))


def _cut(whole: Pass, row: int, column: int, size: int) -> Pass:
    """The tile of `size` pan pixels a side whose upper left pan pixel is (row, column)."""
    fine = (slice(row, row + size), slice(column, column + size))
    row, column, side = row // WORKSHOP.ratio, column // WORKSHOP.ratio, size // WORKSHOP.ratio
    coarse = (..., slice(row, row + side), slice(column, column + side))
    masks = (mask[coarse] for mask in (whole.valid, whole.cloudy, whole.wet, whole.plain))
    return Pass(whole.pan[fine], whole.mul[coarse], *masks)


def _write_tile(ard: Path, collect: PassPlan, square: GridSquare, tile: Pass) -> tuple[str, dict[str, Any]]:
    """Write the images and the item of a tile; returns the path and the JSON of the item."""
    name = metadata.item_name(collect.cid, square, collect.date)
    stem = ard / name.removesuffix(".json")
    stem.parent.mkdir(parents=True, exist_ok=True)
    side = len(tile.valid)
    bands = (collect.sensor or WORKSHOP).bands
    colour = tile.mul[[bands.index(band) for band in RGB]]
    colour = np.clip(np.sqrt(colour / 3000) * 255, 1, 255).astype(np.uint8)
    images: dict[str, tuple[str, NDArray[Any], NDArray[np.bool_], tuple[str, ...]]] = {
        "ms_analytic": ("ms", tile.mul, tile.valid, bands),
        "pan_analytic": ("pan", tile.pan[None], enlarge_mask(tile.valid, WORKSHOP.ratio), (metadata.PAN,)),
        "visual": ("visual", colour, tile.valid, RGB),
    }
    assets = {}
    for key, (ending, pixels, valid, names) in images.items():
        masked = np.where(valid, pixels, 0).astype(pixels.dtype)
        file = f"{collect.cid}-{ending}.tif"
        mask = None if collect.old else valid
        grid = square.grid(pixels.shape[-1])
        write_image(stem.parent / file, masked, mask, grid, metadata.band_codes(names))
        assets[key] = metadata.image_asset(key, f"./{file}", square.tile_box, pixels.shape[-1], names)
    count = max(1, int(tile.valid.sum()))
    clouds = 100 * float((tile.cloudy & tile.valid).sum()) / count
    data = metadata.item(
        collect,
        square,
        assets,
        gsd=TILE_SIDE / side / WORKSHOP.ratio,
        data=_data_box(tile.valid, square.tile_box),
        area=count * (TILE_SIDE / side) ** 2 / 1e6,
        clouds=clouds if collect.reported else None,
    )
    _write_json(ard / name, data)
    return name, data


def _data_box(valid: NDArray[np.bool_], box: Box) -> Box:
    """The box of the valid pixels of a tile; the whole tile if there are none."""
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


def _write_broken(ard: Path, seed: int, first: int) -> dict[str, Items]:
    """Write items that can't be used, with CIDs from number `first` on and small, flat images."""
    kinds = (
        # platform, bands of mul, whether there is a pan, fault
        ("WV01", (), True, "pan only"),
        ("XY01", ("blue", "green", "red", "nir"), True, "an unknown sensor"),
        ("WV03", (), False, "visual only"),
        ("WV02", WORKSHOP.bands, True, "missing href"),
        ("WV02", WORKSHOP.bands, True, "missing file"),
    )
    side = SIZE_STEP // WORKSHOP.ratio
    made: dict[str, Items] = {}
    for index, (square, kind) in enumerate(zip(plan_squares(33, len(kinds), BROKEN_ROW), kinds, strict=True)):
        platform, bands, pan, fault = kind
        cid = plan_cid(first + index, seed, platform)
        collect = PassPlan(cid, platform, "2023-05-14", (square,), seed=index)
        name = metadata.item_name(cid, square, collect.date)
        folder = (ard / name).parent
        folder.mkdir(parents=True, exist_ok=True)
        parts: dict[str, tuple[str, tuple[str, ...], int]] = {"visual": ("visual", RGB, side)}
        parts |= {"pan_analytic": ("pan", (metadata.PAN,), SIZE_STEP)} if pan else {}
        parts |= {"ms_analytic": ("ms", bands, side)} if bands else {}
        assets = {}
        for key, (ending, names, wide) in parts.items():
            file, spoilt = f"{cid}-{ending}.tif", key == "ms_analytic"
            flat = np.full((len(names), wide, wide), 150, np.uint8 if key == "visual" else np.uint16)
            if not (spoilt and fault.startswith("missing")):
                codes = metadata.band_codes(names)
                write_image(folder / file, flat, np.ones((wide, wide), bool), square.grid(wide), codes)
            href = None if spoilt and fault == "missing href" else f"./{file}"
            assets[key] = metadata.image_asset(key, href, square.tile_box, wide, names)
        area = TILE_SIDE**2 / 1e6
        data = metadata.item(
            collect, square, assets, gsd=TILE_SIDE / SIZE_STEP, data=square.tile_box, area=area, clouds=0
        )
        data["properties"]["description"] = f"broken on purpose: {fault}"
        _write_json(ard / name, data)
        made[cid] = [(name, data)]
    return made


def _write_collections(folder: Path, name: str, items: dict[str, Items]) -> None:
    """Write the collections of CIDs, and those of the event and the order, which link to them."""
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
