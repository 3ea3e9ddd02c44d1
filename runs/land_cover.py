"""Simulated scenes that training never sees, and the land cover of each of their pixels."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from potato.chips.scenes import seed_of
from potato.core.color import mul_to_oklab
from potato.core.full_scale import BORDER
from potato.core.radiometry import counts_to_reflectance
from potato.core.resample import enlarge_mask, inner, to_cells
from potato.core.sensors import Sensor
from potato.core.statistics import Difference
from potato.evaluation.masks import complete_pair
from potato.evaluation.methods import Method
from potato.simulation.ground import Ground, make_ground
from potato.simulation.imager import Imager, observe, ragged_mask, truth
from potato.simulation.land.basis import BASIS
from potato.simulation.land.zoning import STYLES
from potato.simulation.random_imager import random_imager

EVERYTHING = "everything"
"""Name of the row for all pixels."""

LAND_COVER = ("buildings", "vegetation", "water", "rare colours", "moving", "tall", "shadow", "edges")
"""Classes; a pixel may be of several or of none. Edges are those of the valid area."""

_BUILT = 2.2
"""Metres above which anything but plants is a building."""

_TALL = 10.0
"""Metres above which anything is tall."""

_RARE = 0.09
"""Chroma in Oklab above which a colour is rare, unless plants or water have it."""

_PLANTS = 0.4
"""NDVI above which a pixel shows plants."""

_WATER = 0.15
"""NDWI (McFeeters) above which a dark, low pixel shows water."""

_EDGE = 16
"""Pan pixels from an invalid one that count as an edge."""

_INVALID = 0.15
"""Share of a scene that a ragged edge cuts off."""


@dataclass(frozen=True)
class Scene:
    """A simulated scene, observed, with its truth.

    Attributes:
        pan: reflectance (1, 1, rh, rw), every pixel filled.
        mul: reflectance (1, n, h, w), every pixel filled.
        truth: Oklab (1, 3, rh, rw).
        counted: bool (rh, rw): valid, and 8 pixels or more from the scene's border.
        land_cover: bool (rh, rw) of each of `LAND_COVER`.
    """

    pan: Tensor
    mul: Tensor
    truth: Tensor
    counted: Tensor
    land_cover: dict[str, Tensor]


def make_scene(
    index: int,
    size: int = 512,
    seed: int = 0,
    change: Callable[[Imager], Imager] | None = None,
    sensor: Sensor = BASIS,
) -> Scene:
    """A scene of a series that training never sees; equal arguments give equal scenes.

    Unlike `chips.scenes.scene_chip`, it is drawn land of a chosen style at full scale, and its
    ground is kept, so that every pixel's land cover is known.

    Args:
        index: of the scene; styles of land take turns, and every other scene has a ragged edge.
        size: pan pixels along a side, a multiple of the ratio, at least 64.
        seed: of the series.
        change: changes the imager, which is as random as in training, before it observes.
        sensor: sees the scene.
    """
    styles = tuple(STYLES)
    generator = torch.Generator().manual_seed(seed_of(seed, "judged", index))
    ground = make_ground(size, size, generator, style=styles[index % len(styles)])
    imager = random_imager(generator, sensor)
    valid = torch.ones(size, size, dtype=torch.bool)
    if index % 2:
        valid = ragged_mask(size, size, generator, share=_INVALID)
    imager = change(imager) if change else imager
    counts = observe(ground, generator, imager)
    pan, mul = counts_to_reflectance(counts[0][None, None]), counts_to_reflectance(counts[1][None])
    bands = truth(ground, imager)[1]
    whole = (to_cells(valid[None, None].float(), sensor.ratio) > 0).all(1, keepdim=True)
    valid = enlarge_mask(whole[0, 0], sensor.ratio)
    pan, mul = complete_pair(pan, mul, valid[None, None], whole)
    land_cover = {**classify(ground, bands, sensor), "edges": near_invalid(valid)}
    return Scene(pan, mul, mul_to_oklab(bands, sensor)[None], inner(valid, BORDER, 0), land_cover)


def classify(ground: Ground, bands: Tensor, sensor: Sensor = BASIS) -> dict[str, Tensor]:
    """The land cover of a ground's pixels.

    Args:
        ground: gives heights, shade and vehicles.
        bands: the ground's true reflectance (n, h, w), with its vehicles.
        sensor: that of the bands.

    Returns:
        bool (h, w) of each of `LAND_COVER` but edges.
    """
    green, red, near = (bands[place] for place in sensor.choose_bands(("green", "red", "nir")))
    plants = (near - red) / (near + red) > _PLANTS
    water = ((green - near) / (green + near) > _WATER) & (near < 0.1) & (ground.height < 0.5)
    a, b = mul_to_oklab(bands, sensor)[1:]
    return {
        "buildings": (ground.height > _BUILT) & ~plants,
        "vegetation": plants,
        "water": water & (ground.shade < 0.5),
        "rare colours": (torch.hypot(a, b) > _RARE) & ~plants & ~water,
        "moving": _moving(ground),
        "tall": ground.height > _TALL,
        "shadow": ground.shade > 0.5,
    }


def near_invalid(valid: Tensor, reach: int = _EDGE) -> Tensor:
    """Valid pixels (h, w) within `reach` of an invalid one."""
    return valid & ~inner(valid, 0, reach)


def _moving(ground: Ground) -> Tensor:
    """Where pan or either array sees a vehicle, and 2 pixels around."""
    seen = torch.zeros_like(ground.shade, dtype=torch.bool)
    rows = torch.arange(seen.shape[0])[:, None] + 0.5
    columns = torch.arange(seen.shape[1])[None, :] + 0.5
    for mover in ground.movers:
        for moment in (-1.0, 0.0, 1.0):
            x, y = columns - mover.x - moment * mover.dx, rows - mover.y - moment * mover.dy
            along = x * math.cos(mover.angle) + y * math.sin(mover.angle)
            across = y * math.cos(mover.angle) - x * math.sin(mover.angle)
            seen |= (along.abs() < mover.length / 2 + 2) & (across.abs() < mover.width / 2 + 2)
    return seen


def evaluate_land_cover(
    methods: Sequence[Method], scenes: Iterable[Scene]
) -> dict[str, dict[str, Difference]]:
    """Differences from the truth by land cover, then by method; `EVERYTHING` first."""
    found: dict[str, dict[str, Difference]] = {
        name: {method.name: Difference() for method in methods} for name in (EVERYTHING, *LAND_COVER)
    }
    for scene in scenes:
        for method in methods:
            result = method.sharpen(scene.pan, scene.mul)[0]
            found[EVERYTHING][method.name].add(result, scene.truth, scene.counted[None])
            for name, mask in scene.land_cover.items():
                found[name][method.name].add(result, scene.truth, (scene.counted & mask)[None])
    return found
