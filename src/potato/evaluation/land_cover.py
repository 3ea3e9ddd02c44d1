"""Simulated scenes for judging, and what kind of thing each of their pixels shows."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from potato.chips.scenes import seed_of
from potato.core.color import mul_to_oklab
from potato.core.resample import to_cells
from potato.core.sensors import BANDS, RATIO, SCALE
from potato.evaluation.masks import complete_pair, inner
from potato.evaluation.methods import Contender
from potato.evaluation.protocols import BORDER
from potato.evaluation.statistics import Difference
from potato.simulation.ground import Ground, make_ground
from potato.simulation.imager import Imager, observe, ragged_mask, truth
from potato.simulation.land.zoning import STYLES
from potato.simulation.random_imager import random_imager

EVERYTHING = "everything"

KINDS = ("buildings", "vegetation", "water", "rare colours", "moving", "tall", "shadow", "edges")
"""What is told apart; a pixel may be of several kinds, or of none. Edges are those of the valid area."""

_BUILT = 2.2
"""Metres above which what isn't green is a building."""

_TALL = 10.0
"""Metres above which anything is tall."""

_RARE = 0.09
"""Chroma in Oklab above which a colour is rare, unless it is that of plants or water."""

_EDGE = 4 * RATIO
"""Pan pixels from what is invalid that count as an edge."""

_INVALID = 0.15
"""Share of a scene that a ragged edge cuts off."""


@dataclass(frozen=True)
class JudgedScene:
    """A simulated scene, observed, with its truth.

    Attributes:
        pan: reflectance (1, 1, 4h, 4w), every pixel filled.
        mul: reflectance (1, 8, h, w), every pixel filled.
        truth: Oklab (1, 3, 4h, 4w).
        judged: bool (4h, 4w): valid, and 8 pixels from the scene's border.
        kinds: bool (4h, 4w) of each of `KINDS`.
    """

    pan: Tensor
    mul: Tensor
    truth: Tensor
    judged: Tensor
    kinds: dict[str, Tensor]


def make_scene(
    index: int, size: int = 512, seed: int = 0, change: Callable[[Imager], Imager] | None = None
) -> JudgedScene:
    """A scene of a series that training never sees; the same arguments always give the same scene.

    Args:
        index: of the scene; styles of land take turns, and every other scene has a ragged edge.
        size: pan pixels along a side, a multiple of 4, at least 64.
        seed: of the series.
        change: what to do to the sensor, which is as random as in training, before it looks.
    """
    styles = tuple(STYLES)
    generator = torch.Generator().manual_seed(seed_of(seed, "judged", index))
    ground = make_ground(size, size, generator, style=styles[index % len(styles)])
    sensor = random_imager(generator)
    valid = torch.ones(size, size, dtype=torch.bool)
    if index % 2:
        valid = ragged_mask(size, size, generator, share=_INVALID)
    sensor = change(sensor) if change else sensor
    counts = observe(ground, generator, sensor)
    pan, mul = counts[0][None, None].float() / SCALE, counts[1][None].float() / SCALE
    bands = truth(ground, sensor)[1]
    whole = (to_cells(valid[None, None].float()) > 0).all(1, keepdim=True)
    valid = whole[0, 0].repeat_interleave(RATIO, 0).repeat_interleave(RATIO, 1)
    pan, mul = complete_pair(pan, mul, valid[None, None], whole)
    kinds = {**classify(ground, bands), "edges": near_invalid(valid)}
    return JudgedScene(pan, mul, mul_to_oklab(bands)[None], inner(valid, BORDER, 0), kinds)


def classify(ground: Ground, bands: Tensor) -> dict[str, Tensor]:
    """What the pixels of a ground show.

    Args:
        ground: for its heights, shade and vehicles.
        bands: its truth (8, h, w), vehicles in it.

    Returns:
        bool (h, w) of each of `KINDS` but edges.
    """
    green, red, near = (bands[BANDS.index(name)] for name in ("green", "red", "nir1"))
    plants = (near - red) / (near + red) > 0.4
    water = ((green - near) / (green + near) > 0.15) & (near < 0.1) & (ground.height < 0.5)
    a, b = mul_to_oklab(bands)[1:]
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
    """Where vehicles are seen by pan or by either array, and 2 pixels around."""
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


def judge_kinds(
    contenders: Sequence[Contender], scenes: Iterable[JudgedScene]
) -> dict[str, dict[str, Difference]]:
    """What each contender differs from the truth by: by kind, then by name; `EVERYTHING` first."""
    found: dict[str, dict[str, Difference]] = {
        kind: {one.name: Difference() for one in contenders} for kind in (EVERYTHING, *KINDS)
    }
    for scene in scenes:
        for contender in contenders:
            result = contender.make(scene.pan, scene.mul)[0]
            found[EVERYTHING][contender.name].add(result, scene.truth, scene.judged[None])
            for kind, mask in scene.kinds.items():
                found[kind][contender.name].add(result, scene.truth, (scene.judged & mask)[None])
    return found
