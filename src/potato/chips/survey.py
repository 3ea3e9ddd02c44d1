"""What an ARD has to cut chips from: its usable tiles, their ground, and why the others aren't used."""

import hashlib
import json
import math
from collections import Counter
from dataclasses import dataclass

import torch

from potato.ard import Broken, Tile, tile_name, unusable, walk_ard
from potato.core.color import mul_to_oklab
from potato.core.sensors import BANDS, RATIO
from potato.errors import ArdError, InputError

_FORMAT = 1
"""To be raised when chips of the same source and settings come out differently."""


@dataclass(frozen=True)
class Shape:
    """What a chip is cut as.

    Attributes:
        size: side of a chip in pan pixels, a multiple of 4.
        extra_halving: whether the truth is made coarser by 2 first.
        minimum_valid: share of a chip that must be valid, above 0, up to 1.
    """

    size: int
    extra_halving: bool
    minimum_valid: float

    def __post_init__(self) -> None:
        if self.size < RATIO or self.size % RATIO:
            raise InputError(f"expected a chip of a multiple of {RATIO} pan pixels, found {self.size}")
        if not 0 < self.minimum_valid <= 1:
            raise InputError(
                f"expected a minimum valid share above 0 and up to 1, found {self.minimum_valid}"
            )

    @property
    def step(self) -> int:
        """Cells of the source along one side of a cell of the chip."""
        return RATIO * (2 if self.extra_halving else 1)

    @property
    def window(self) -> int:
        """Side in cells of what is read for a chip."""
        return self.size // RATIO * self.step


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that gives no chip: where it is, and why. What comes before " (" is the kind of reason."""

    where: str
    reason: str

    @property
    def kind(self) -> str:
        """The reason without its particulars, good for counting."""
        return self.reason.split(" (")[0]


@dataclass(frozen=True)
class Survey:
    """What there is to cut from.

    Attributes:
        tiles: usable ones, in the order of their cells.
        areas: valid square metres of each in its cell, as the metadata say.
        windows: how many different windows the tiles hold, or None if some don't tell their size.
        holds: how many chips their ground holds side by side, as far as tiles tell their size.
        skips: what isn't used.
        unknown: lines of the allow-list that no tile answers to.
        plan: stands for the tiles and the shape; chips of the same plan and number are the same.
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
        return Counter(skip.kind for skip in self.skips)


def survey_ard(
    source: str,
    shape: Shape,
    allowed: frozenset[str] | None = None,
    max_clouds: float = 100.0,
    follow_links: bool = False,
) -> Survey:
    """Look through the metadata of an ARD; no image is opened.

    Args:
        source: as for `walk_ard`.
        shape: of the chips.
        allowed: CIDs that may be used; None for all.
        max_clouds: percent of cloud that a tile may have; one that doesn't say is used.
        follow_links: as for `walk_ard`.

    Raises:
        ArdError: if there is nothing usable in it, or the network fails.
    """
    usable: dict[str, tuple[Tile, int]] = {}
    skips: list[Skip] = []
    seen: set[str] = set()
    for found in walk_ard(source, follow_links=follow_links):
        if isinstance(found, Broken):
            if found.transient:
                raise ArdError(
                    f"{found.item}: {found.reason}; every item counts in where chips lie, so repeat the "
                    "command when the network or the server works again"
                )
            skips.append(Skip(found.item, found.reason))
            continue
        seen.add(found.cid)
        reason = _refusal(found, shape, allowed, max_clouds)
        if reason is None and tile_name(found) in usable:
            reason = "a tile that is there twice"
        if reason is not None:
            skips.append(Skip(found.item, reason))
        else:
            usable[tile_name(found)] = found, _valid_area(found)
    if not usable:
        counts = Counter(skip.kind for skip in skips).most_common()
        told = ", ".join(f"{count} {kind}" for kind, count in counts)
        raise ArdError(f"{source}: expected tiles that chips can be cut from, found none: {told}")
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
        plan=_plan(names, areas, shape),
    )


def cell_box(tile: Tile, rows: int, columns: int) -> tuple[int, int, int, int]:
    """The tile's own ground, without its apron: first row and column, ends of rows and columns, in cells.

    Args:
        tile: has a bbox.
        rows: of cells in the tile.
        columns: of cells in the tile.
    """
    assert tile.bbox is not None and tile.grid_square is not None
    west, south, east, north = tile.bbox
    own_west, own_south, own_east, own_north = tile.grid_square
    down, across = rows / (north - south), columns / (east - west)
    slack = 1e-6
    return (
        math.ceil((north - own_north) * down - slack),
        math.ceil((own_west - west) * across - slack),
        math.floor((north - own_south) * down + slack),
        math.floor((own_east - west) * across + slack),
    )


def _refusal(tile: Tile, shape: Shape, allowed: frozenset[str] | None, max_clouds: float) -> str | None:
    """Why a tile isn't used, as far as metadata tell."""
    if allowed is not None and tile.cid not in allowed:
        return "not on the allow-list"
    reason = unusable(tile)
    if reason is not None:
        return reason
    if tile.clouds is not None and tile.clouds > max_clouds:
        return f"too cloudy ({tile.clouds:g} %)"
    if tile.bbox is None:
        return "no bounding box given"
    if _windows(tile, shape) == 0:
        return f"smaller than a chip ({shape.window * RATIO} pan pixels are needed; ask for smaller chips)"
    side = _window_side(tile, shape)
    area = _valid_area(tile)
    if area < 1 or (
        side is not None
        and tile.data_area is not None
        and tile.data_area * 1e6 < shape.minimum_valid * side**2
    ):
        return f"too little valid ({area / 1e6:.1f} km²)"
    return None


def _box_area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _valid_area(tile: Tile) -> int:
    """Valid square metres in a tile's cell: its share of the tile's valid area."""
    assert tile.bbox is not None and tile.grid_square is not None
    whole = _box_area(tile.bbox)
    valid = whole if tile.data_area is None else min(whole, tile.data_area * 1e6)
    return round(valid * _box_area(tile.grid_square) / whole)


def _window_side(tile: Tile, shape: Shape) -> float | None:
    """Metres along a side of the ground of a chip."""
    assert tile.bbox is not None
    return (
        None if tile.shape is None else shape.window * RATIO * (tile.bbox[2] - tile.bbox[0]) / tile.shape[1]
    )


def _windows(tile: Tile, shape: Shape) -> int | None:
    """How many different windows a tile has, valid or not."""
    if tile.shape is None:
        return None
    top, left, bottom, right = cell_box(tile, -(-tile.shape[0] // RATIO), -(-tile.shape[1] // RATIO))
    return math.prod(max(0, (side - shape.window) // shape.step + 1) for side in (bottom - top, right - left))


def _plan(names: list[str], areas: tuple[int, ...], shape: Shape) -> str:
    """16 hex digits that change with anything that changes a chip."""
    with torch.inference_mode():
        colour = mul_to_oklab(torch.eye(len(BANDS), dtype=torch.float64)[:, :, None])
    facts = {
        "format": _FORMAT,
        "colour": [round(value, 6) for value in colour.flatten().tolist()],
        "size": shape.size,
        "extra_halving": shape.extra_halving,
        "minimum_valid": shape.minimum_valid,
        "tiles": list(zip(names, areas, strict=True)),
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
