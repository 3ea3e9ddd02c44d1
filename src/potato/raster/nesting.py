"""How a mul lies on pan's grid: as it is, resampled a little, or not at all."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import from_gcps
from rasterio.warp import transform

from potato.core import advice
from potato.core.sensors import MOST_RATIO
from potato.core.text import redact
from potato.errors import PairError
from potato.raster.coordinates import METRES_PER_DEGREE, crs_name

NESTED = 0.05
"""Pan pixels by which corners of mul may miss those of pan's pixels: noise in their transforms."""

MOST_STRETCH = 0.25
"""Share by which pixels of mul may be larger or smaller than cells, for mul to be resampled by us:
ratios from 1.5 to 7.5."""

LEAST_RATIO = 1.5
"""Ratio below which mul isn't coarser than pan, and no resampling makes a pair of them."""


@dataclass(frozen=True)
class Nesting:
    """How a mul lies on pan's grid.

    Attributes:
        ratio: pan pixels along a side of a cell.
        row, column: the cell at pan's upper left corner, counted from mul's own.
        place: the transform from cells to pixels of mul; None if each cell is one.
        notes: what a person should know about it, a line each.
    """

    ratio: int
    row: int
    column: int
    place: Affine | None = None
    notes: tuple[str, ...] = ()


def find_nesting(pan: Any, mul: Any, paths: tuple[str, str]) -> Nesting:
    """How the pixels of two open datasets lie on each other.

    Args:
        pan: the open pan.
        mul: the open mul.
        paths: theirs, for messages.

    Raises:
        PairError: if mul can't be brought onto pan's grid, or they share no ground. The message has
            the command that mends it.
    """
    to_pan, notes = _to_pan(pan, mul, paths)
    ratio = whole_ratio(math.sqrt(abs(to_pan.a * to_pan.e)))
    turned = max(mul.width, mul.height) * max(abs(to_pan.b), abs(to_pan.d))
    stretch = max(abs(to_pan.a / ratio - 1), abs(to_pan.e / ratio - 1))
    if stretch > MOST_STRETCH or turned > NESTED:
        raise PairError(
            f"expected mul pixels 2 to {MOST_RATIO} times as large as pan's, found "
            f"{to_pan.a:.6g} × {to_pan.e:.6g}"
            + (f", turned by {to_pan.b:.3g} and {to_pan.d:.3g}" if turned > NESTED else "")
            + _remedy(pan, mul, paths, to_pan.a)
        )
    to_mul = ~to_pan
    column, row = round(to_mul.c), round(to_mul.f)
    _check_ground(pan, mul, to_pan)
    cells = Affine.translation(-ratio * column, -ratio * row) @ Affine.scale(ratio)
    place = to_mul @ cells
    ends = [(x, y) for x in (0, mul.width) for y in (0, mul.height)]
    miss = [abs(a - b) for end in ends for a, b in zip(to_pan @ end, cells @ end, strict=True)]
    if max(miss) <= NESTED:
        return Nesting(ratio, row, column, None, notes)
    across, down = (one - other for one, other in zip(to_pan @ (0, 0), cells @ (0, 0), strict=True))
    moved = f"mul resampled onto pan's grid: it lies {across:+.3g} pan pixels across and {down:+.3g} down"
    if stretch * max(mul.width, mul.height) * ratio > NESTED:
        moved += f", and its pixels are {to_pan.a:.6g} × {to_pan.e:.6g} of pan's"
    place = Affine(place.a, 0, place.c, 0, place.e, place.f)  # turned by less than what is NESTED
    return Nesting(ratio, row, column, place, (*notes, moved))


def whole_ratio(ratio: float) -> int:
    """The ratio of a pair whose pixels of mul are `ratio` times as large as those of pan.

    >>> whole_ratio(2.5), whole_ratio(7.5)
    (3, 6)
    """
    # Half up: pan's detail of a cell that is too small leaves a gap to that of mul.
    return min(MOST_RATIO, max(2, math.floor(ratio + 0.5)))


def _to_pan(pan: Any, mul: Any, paths: tuple[str, str]) -> tuple[Affine, tuple[str, ...]]:
    """The transform from pixels of mul to those of pan, and notes.

    Raises:
        PairError: if they have no place in one CRS.
    """
    for path, dataset in zip(paths, (pan, mul), strict=True):
        _check_transform(path, dataset.transform)
    placed = [_is_placed(dataset) for dataset in (pan, mul)]
    if not any(placed) and not any(_has_points(dataset) for dataset in (pan, mul)):
        ratio = round(pan.width / mul.width)
        if (pan.width, pan.height) == (ratio * mul.width, ratio * mul.height):
            note = "neither image has a place on Earth, so their corners are taken for the same"
            return Affine.scale(ratio), (note,)
    if not all(placed):
        raise _unplaced(pan, mul, paths, placed)
    _check_crs(pan, mul, paths)
    if not _same_places(pan, mul):
        _check_bounds(pan, mul)
        raise PairError(
            f"expected pan and mul in one CRS, found {crs_name(pan.crs)} and {crs_name(mul.crs)}"
            + _remedy(pan, mul, paths, _ratio_in_the_middle(pan, mul))
        )
    wording = pan.crs and crs_name(pan.crs) != crs_name(mul.crs)
    note = f"mul's CRS ({crs_name(mul.crs)}) is taken for pan's ({crs_name(pan.crs)})"
    return ~pan.transform @ mul.transform, (note,) if wording else ()


def _check_transform(path: str, place: Affine) -> None:
    """Refuse a transform that places no pixel."""
    numbers = place.to_gdal()
    if not (all(map(math.isfinite, numbers)) and place.determinant):
        raise PairError(
            f"{path}: expected a geotransform that places pixels, found "
            f"{', '.join(f'{number:g}' for number in numbers)}; write the right one into a copy: "
            f"{advice.GIVE_PLACE}"
        )


def _check_crs(pan: Any, mul: Any, paths: tuple[str, str]) -> None:
    """Refuse a CRS that doesn't say where on Earth it lies, unless both images have it."""
    known = [bool(crs and (crs.is_projected or crs.is_geographic)) for crs in (pan.crs, mul.crs)]
    if pan.crs == mul.crs or all(known):
        return
    path, other = (paths[1], pan.crs) if known[0] else (paths[0], mul.crs)
    code = other.to_string() if any(known) else "EPSG:CODE"
    raise PairError(
        f"expected pan and mul in one CRS, found {crs_name(pan.crs)} and {crs_name(mul.crs)}; if it is "
        f"the same, write it into the file: {advice.name_crs(code, path)}"
    )


def _is_placed(dataset: Any) -> bool:
    return bool(dataset.transform != Affine.identity())


def _has_points(dataset: Any) -> bool:
    return bool(dataset.rpcs or dataset.gcps[0])


def _same_places(pan: Any, mul: Any) -> bool:
    """Whether the coordinates of mul mean the same places in both CRS, whatever their wording."""
    if bool(pan.crs == mul.crs):
        return True
    miss = abs(_in_crs_of(pan, mul) - _outline(mul)).max()
    return bool(miss <= NESTED * math.hypot(pan.transform.a, pan.transform.d))


def _outline(dataset: Any) -> NDArray[np.float64]:
    """The corners of an image and the middles of its sides: (8, 2) in its CRS."""
    steps = [(x, y) for x in (0, 1, 2) for y in (0, 1, 2) if (x, y) != (1, 1)]
    return np.array([dataset.transform @ (x * dataset.width / 2, y * dataset.height / 2) for x, y in steps])


def _in_crs_of(pan: Any, mul: Any) -> NDArray[np.float64]:
    """The outline of mul in the CRS of pan."""
    return np.array(transform(mul.crs, pan.crs, *_outline(mul).T)[:2]).T


def _ratio_in_the_middle(pan: Any, mul: Any) -> float:
    """Pan pixels along the upper side of the middle pixel of mul, in another CRS."""
    ends = [mul.transform @ (mul.width / 2 + step, mul.height / 2) for step in (0, 1)]
    xs, ys = transform(mul.crs, pan.crs, *zip(*ends, strict=True))[:2]
    return math.dist(*(~pan.transform @ end for end in zip(xs, ys, strict=True)))


def _check_ground(pan: Any, mul: Any, to_pan: Affine) -> None:
    """Refuse images that share no ground."""
    left, top = to_pan @ (0, 0)
    right, bottom = to_pan @ (mul.width, mul.height)
    if right <= 0 or bottom <= 0 or left >= pan.width or top >= pan.height:
        raise PairError(
            "expected pan and mul of the same ground, found no ground in common: mul starts "
            f"{left:+.0f} pan pixels across and {top:+.0f} down from pan, "
            f"which is {pan.width} × {pan.height}"
        )


def _check_bounds(pan: Any, mul: Any) -> None:
    """Refuse images in two CRS that share no ground."""
    ends = [(outline.min(0), outline.max(0)) for outline in (_outline(pan), _in_crs_of(pan, mul))]
    (own_low, own_high), (low, high) = ends
    if (high <= own_low).any() or (low >= own_high).any():
        here, there = (" ".join(f"{number:.7g}" for number in (*low, *high)) for low, high in ends)
        raise PairError(
            f"expected pan and mul of the same ground, found no ground in common: pan lies at {here} and mul "
            f"at {there} (west, south, east, north in {crs_name(pan.crs)})"
        )


def _remedy(pan: Any, mul: Any, paths: tuple[str, str], ratio: float) -> str:
    """What to do about a mul that doesn't lie on pan's grid: the end of a message."""
    if ratio < LEAST_RATIO:
        return "; are these from one delivery, and pan first?"
    if pan.transform.b or pan.transform.d or pan.transform.e > 0:
        pixel = math.hypot(pan.transform.a, pan.transform.d)
        return (
            f"; warp both onto one grid that is north-up: {_both_freely(pan, mul, paths, '', pixel, pan.crs)}"
        )
    whole = whole_ratio(ratio)
    across, down = pan.transform.a * whole, -pan.transform.e * whole
    west, north = pan.transform.c, pan.transform.f
    east, south = west + math.ceil(pan.width / whole) * across, north - math.ceil(pan.height / whole) * down
    crs = pan.crs.to_string() if pan.crs != mul.crs else None
    command = advice.warp_onto(paths[1], (west, south, east, north), (across, down), "on-pan", crs)
    return f"; warp mul onto pan's grid: {command}"


def _unplaced(pan: Any, mul: Any, paths: tuple[str, str], placed: list[bool]) -> PairError:
    """The error for images that don't both have a grid on Earth."""
    pair = zip(paths, (pan, mul), placed, strict=True)
    names, lost = zip(*((redact(path), one) for path, one, is_placed in pair if not is_placed), strict=True)
    found = f"expected pan and mul with a place on Earth, found none in {' and '.join(names)}"
    if all(one.rpcs for one in lost):
        kind, options, (crs, pixel) = "RPCs", "-rpc", _rpc_grid(lost[0].rpcs)
        hint = " (on hilly ground with -to RPC_DEM=FILE, or by orthority)"
    elif all(one.gcps[0] for one in lost):
        kind, options, hint = "ground control points", "-order 1", ""
        crs, pixel = lost[0].gcps[1], _rounded(abs(from_gcps(lost[0].gcps[0]).a))
    else:
        return PairError(f"{found}; write it into a copy of each such file: {advice.GIVE_PLACE}")
    if not any(placed):
        lines = _both_freely(pan, mul, paths, options, pixel, crs)
        return PairError(f"{found} but {kind}; bring both onto one grid first{hint}: {lines}")
    path, target = (paths[1], pan.crs) if placed[0] else (paths[0], mul.crs)
    if target.is_geographic and not crs.is_geographic:
        pixel = _rounded(pixel / METRES_PER_DEGREE)
    line = advice.warp_freely(path, options, target.to_string(), pixel, "ortho")
    return PairError(f"{found} but {kind}; bring it onto the map first{hint}: {line}")


def _both_freely(
    pan: Any, mul: Any, paths: tuple[str, str], options: str, pixel: float, crs: CRS | None
) -> str:
    """The commands that warp pan and mul onto grids that nest."""
    sizes = pixel, pixel * max(2, round(pan.width / mul.width))
    named = crs.to_string() if crs else "EPSG:CODE"
    return " && ".join(
        advice.warp_freely(path, options, named, size, "ortho")
        for path, size in zip(paths, sizes, strict=True)
    )


def _rpc_grid(rpcs: Any) -> tuple[CRS, float]:
    """The UTM zone of an image with RPCs, and the size of its pixels in metres."""
    zone = math.floor((rpcs.long_off + 180) / 6) % 60 + 1
    across = rpcs.long_scale * METRES_PER_DEGREE * math.cos(math.radians(rpcs.lat_off)) / rpcs.samp_scale
    down = rpcs.lat_scale * METRES_PER_DEGREE / rpcs.line_scale
    return CRS.from_epsg((32600 if rpcs.lat_off >= 0 else 32700) + zone), _rounded(math.sqrt(across * down))


def _rounded(size: float) -> float:
    """A size of pixels with two significant digits."""
    return float(f"{size:.2g}")
