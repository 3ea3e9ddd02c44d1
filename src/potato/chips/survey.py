"""A survey of an ARD before cutting: usable tiles, their ground, and why others aren't used."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from potato.ard.broken import Broken, Duplicate, Unreachable
from potato.ard.item import Tile, check_clouds, unusable
from potato.ard.naming import tile_name
from potato.ard.reason import TWICE, Reason
from potato.ard.walk import walk_ard
from potato.chips.chip import digest
from potato.core.color import mul_to_oklab
from potato.core.sensors import Sensor
from potato.core.text import counted
from potato.core.windows import PairWindow
from potato.errors import ArdError, InputError
from potato.raster.coordinates import Box

_FORMAT = 1
"""Version of the cutting, part of the plan; raise it when the same settings give other chips."""


@dataclass(frozen=True)
class Shape:
    """The form in which chips are cut.

    Attributes:
        size: side of a chip in pan pixels, a multiple of the ratio.
        extra_halving: whether the truth is made coarser by 2 first.
        minimum_valid: share of a chip that must be valid, above 0, up to 1.
        ratio: pan pixels along one side of a mul pixel.
    """

    size: int
    extra_halving: bool
    minimum_valid: float
    ratio: int

    def __post_init__(self) -> None:
        if self.size < self.ratio or self.size % self.ratio:
            raise InputError(f"expected a chip of a multiple of {self.ratio} pan pixels, found {self.size}")
        if not 0 < self.minimum_valid <= 1:
            raise InputError(
                f"expected a minimum valid share above 0 and up to 1, found {self.minimum_valid}"
            )

    @property
    def step(self) -> int:
        """Cells of the source along one side of a cell of the chip."""
        return self.ratio * (2 if self.extra_halving else 1)

    @property
    def window(self) -> int:
        """Side in cells of the window that is read for a chip."""
        return self.size // self.ratio * self.step


@dataclass(frozen=True, slots=True)
class Skip:
    """An item, tile or window that gives no chip, and the reason.

    Attributes:
        where: address of the item, or name of the tile.
        reason: why.
    """

    where: str
    reason: Reason


@dataclass(frozen=True)
class Survey:
    """The ground that chips can be cut from.

    Attributes:
        tiles: usable ones, in the order of their names.
        areas: valid square metres of each tile inside its grid square, by the metadata.
        windows: number of different windows in all tiles; None if an item lacks the size of its
            tile.
        holds: number of chips that fit side by side, in the tiles whose items have the size.
        skips: items that aren't used.
        unknown: lines of the allow-list that are no CID of the ARD.
        plan: a digest of tiles and shape; chips of one plan and number are the same.
    """

    tiles: tuple[Tile, ...]
    areas: tuple[int, ...]
    windows: int | None
    holds: int
    skips: tuple[Skip, ...]
    unknown: tuple[str, ...]
    plan: str

    @property
    def skipped(self) -> Counter[str]:
        """How many items aren't used, by kind of reason."""
        return Counter(skip.reason.kind for skip in self.skips)


def survey_ard(
    source: str,
    shape: Shape,
    sensors: Sequence[Sensor],
    allowed: frozenset[str] | None = None,
    max_clouds: float = 100.0,
    follow_links: bool = False,
) -> Survey:
    """Read the metadata of an ARD; no image is opened.

    Args:
        source: a local folder, `s3://bucket/prefix`, or `https://…`.
        shape: of the chips.
        sensors: those whose tiles are used.
        allowed: CIDs that may be used, in capitals; None for all.
        max_clouds: percent of cloud that a tile may have; a tile without the figure is used.
        follow_links: whether images may lie outside the ARD where an item says so, and symlinks may
            lead out of a folder.

    Raises:
        ArdError: if there is no usable tile, or the network fails.
        InputError: if `max_clouds` is no percentage.
    """
    check_clouds(max_clouds)
    usable: dict[str, tuple[Tile, int]] = {}
    skips: list[Skip] = []
    seen: set[str] = set()
    for found in walk_ard(source, follow_links=follow_links):
        if isinstance(found, Broken):
            if isinstance(found, Unreachable):
                raise ArdError(
                    f"{found.item}: {found.reason}; the places of chips depend on every item, so "
                    "repeat the command when the network or the server works again"
                )
            skips.append(Skip(found.item, TWICE if isinstance(found, Duplicate) else Reason(found.reason)))
            continue
        seen.add(found.cid.upper())
        reason = _refusal(found, shape, sensors, allowed, max_clouds)
        if reason is None and tile_name(found) in usable:
            reason = TWICE
        if reason is not None:
            skips.append(Skip(found.item, reason))
        else:
            usable[tile_name(found)] = found, _valid_area(found)
    if not usable:
        counts = Counter(skip.reason.kind for skip in skips).most_common()
        listed = "; ".join(f"{counted(count, 'tile')}, {kind}" for kind, count in counts)
        raise ArdError(f"{source}: expected tiles that chips can be cut from, found none: {listed}")
    names = sorted(usable)
    tiles = tuple(usable[name][0] for name in names)
    areas = tuple(usable[name][1] for name in names)
    windows = [_windows(tile, shape) for tile in tiles]
    known = [count for count in windows if count is not None]
    sides = [_window_side(tile, shape) for tile in tiles]
    return Survey(
        tiles=tiles,
        areas=areas,
        windows=sum(known) if len(known) == len(tiles) else None,
        holds=int(sum(area / side**2 for area, side in zip(areas, sides, strict=True) if side is not None)),
        skips=tuple(skips),
        unknown=tuple(sorted((allowed or frozenset()) - seen)),
        plan=_plan(names, areas, shape, sensors),
    )


def grid_square_window(tile: Tile, rows: int, columns: int) -> PairWindow:
    """The cells of a tile that lie inside its grid square, so not in the overlap.

    Args:
        tile: has a bbox.
        rows: of cells in the tile.
        columns: of cells in the tile.
    """
    assert tile.bbox is not None and tile.grid_square is not None
    west, south, east, north = tile.bbox
    square_west, square_south, square_east, square_north = tile.grid_square
    down, across = rows / (north - south), columns / (east - west)
    # A cell counts as inside if rounding alone puts its edge outside.
    slack = 1e-6
    top = math.ceil((north - square_north) * down - slack)
    left = math.ceil((square_west - west) * across - slack)
    bottom = math.floor((north - square_south) * down + slack)
    right = math.floor((square_east - west) * across + slack)
    return PairWindow(top, left, max(0, bottom - top), max(0, right - left))


def _refusal(
    tile: Tile, shape: Shape, sensors: Sequence[Sensor], allowed: frozenset[str] | None, max_clouds: float
) -> Reason | None:
    """Why a tile isn't used, by the metadata; None if it is."""
    if allowed is not None and tile.cid.upper() not in allowed:
        return Reason("not on the allow-list")
    reason = unusable(tile)
    if reason is not None:
        return reason
    if tile.sensor and tile.sensor not in sensors:
        return Reason(f"of {tile.sensor.name}, which --sensor doesn't name")
    if tile.clouds is not None and tile.clouds > max_clouds:
        return Reason("too cloudy", f"{tile.clouds:g} %")
    if tile.bbox is None:
        return Reason("no bounding box given")
    if _windows(tile, shape) == 0:
        needed = shape.window * shape.ratio
        return Reason("smaller than a chip", f"{needed} pan pixels are needed; ask for smaller chips")
    side = _window_side(tile, shape)
    area = _valid_area(tile)
    if area < 1 or (
        side is not None
        and tile.data_area is not None
        and tile.data_area * 1e6 < shape.minimum_valid * side**2
    ):
        return Reason("too little valid", f"{area / 1e6:.1f} km²")
    return None


def _box_area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _valid_area(tile: Tile) -> int:
    """Valid square metres of a tile inside its grid square, if valid ground is spread evenly."""
    assert tile.bbox is not None and tile.grid_square is not None
    whole = _box_area(tile.bbox)
    valid = whole if tile.data_area is None else min(whole, tile.data_area * 1e6)
    return round(valid * _box_area(tile.grid_square) / whole)


def _window_side(tile: Tile, shape: Shape) -> float | None:
    """Metres along a side of the ground of a chip; None if the item lacks the tile's size."""
    assert tile.bbox is not None
    return (
        None
        if tile.shape is None
        else shape.window * shape.ratio * (tile.bbox[2] - tile.bbox[0]) / tile.shape[1]
    )


def _windows(tile: Tile, shape: Shape) -> int | None:
    """Number of windows in a tile, valid or not; None if the item lacks the tile's size."""
    if tile.shape is None:
        return None
    inside = grid_square_window(tile, *(-(-side // shape.ratio) for side in tile.shape))
    return math.prod(
        max(0, (side - shape.window) // shape.step + 1) for side in (inside.height, inside.width)
    )


def _plan(names: list[str], areas: tuple[int, ...], shape: Shape, sensors: Sequence[Sensor]) -> str:
    """16 hex digits that change with anything that changes a chip."""
    colours = {sensor.name: _colours(sensor) for sensor in sorted(sensors, key=lambda one: one.name)}
    first, *others = colours.values()
    facts = {
        "format": _FORMAT,
        "colour": first if all(other == first for other in others) else colours,
        "size": shape.size,
        "extra_halving": shape.extra_halving,
        "minimum_valid": shape.minimum_valid,
        "tiles": list(zip(names, areas, strict=True)),
    }
    return digest(json.dumps(facts).encode())


def _colours(sensor: Sensor) -> list[float]:
    """The Oklab of each band of a sensor by itself."""
    with torch.inference_mode():
        oklab = mul_to_oklab(torch.eye(len(sensor.bands), dtype=torch.float64)[:, :, None], sensor)
    return [round(value, 6) for value in oklab.flatten().tolist()]
