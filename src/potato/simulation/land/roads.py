"""Roads: asphalt, kerbs, pavements, lane markings.

Sizes are in metres where `METRE` multiplies them, else in pixels. All were chosen by eye.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.shapes import Window, segment
from potato.simulation.land.texture import smoothstep
from potato.simulation.land.zoning import LANE, Road

_FAR = 400.0
"""Pixels from a road: no road is near."""


@dataclass(frozen=True, slots=True)
class RoadField:
    """The position of every pixel relative to the nearest road (all h, w).

    Attributes:
        edge: distance from the edge of the carriageway, pixels; negative on it.
        across: signed distance from the middle line, pixels.
        along: distance along the road, pixels.
        owner: index of the road; −1 where none is near.
        other: distance from the edge of the second nearest road, pixels.
    """

    edge: Tensor
    across: Tensor
    along: Tensor
    owner: Tensor
    other: Tensor


def survey_roads(rows: int, columns: int, roads: list[Road], reach: float = 16 * METRE) -> RoadField:
    """Measure positions relative to roads, up to `reach` pixels beyond their edges."""
    edge = torch.full((rows, columns), _FAR)
    across, along = torch.full((rows, columns), _FAR), torch.zeros(rows, columns)
    owner = torch.full((rows, columns), -1, dtype=torch.int16)
    other = torch.full((rows, columns), _FAR)
    for index, road in enumerate(roads):
        way = 0.0
        # Two steps at a time: bends are gentle.
        points = [*road.points[:-1:2], road.points[-1]]
        for start, end in pairwise(points):
            found = segment(start, end, road.width / 2 + reach, rows, columns)
            if found is not None:
                window, side, u = found
                view = window.slices
                new = side.abs() - road.width / 2
                nearer, mine = new < edge[view], owner[view] == index
                displaced = torch.where(nearer, edge[view], new)
                other[view] = torch.where(mine, other[view], torch.minimum(other[view], displaced))
                edge[view] = torch.where(nearer, new, edge[view])
                across[view] = torch.where(nearer, side, across[view])
                along[view] = torch.where(nearer, u + way, along[view])
                owner[view] = torch.where(nearer, torch.tensor(index, dtype=torch.int16), owner[view])
            way += math.dist(start, end)
    return RoadField(edge, across, along, owner, other)


def lay_roads(canvas: Canvas, field: RoadField, roads: list[Road]) -> None:
    """Draw roads, which `field` has surveyed."""
    if not roads:
        return
    palette = canvas.palette
    # The last entry stands for "no road", owner −1.
    tones = torch.tensor([canvas.rng.uniform(0.8, 1.15) for _ in roads] + [1.0])
    main = torch.tensor([float(road.main) for road in roads] + [0.0])
    walked = torch.tensor([float(road.walks) for road in roads] + [0.0])
    halves = torch.tensor([road.width / 2 for road in roads] + [0.0])
    for window in canvas.strips():
        view = window.slices
        edge, owner = field.edge[view], field.owner[view].long()
        if not bool((edge < 4 * METRE).any()):
            continue
        grain, walk = canvas.grain[view], walked[owner]
        # Concrete pavements beside the road, with a strip of grass between, and a kerb.
        near = (1 - (edge - 2.6 * METRE).abs().sub_(0.7 * METRE - 0.5).clamp_(0, 1)).mul_(walk)
        canvas.lay(window, near.mul_(0.85), palette["old concrete"], tone=0.85 + 0.07 * grain)
        kerb = (1 - (edge - 0.3).abs().sub_(0.1).clamp_(0, 1)).mul_(walk)
        canvas.lay(window, kerb.mul_(0.55), palette["bridge deck"])
        road, across = (0.5 - edge).clamp_(0, 1), field.across[view]
        # Tyres polish two tracks in each lane.
        tracks = torch.cos(across * (4 * math.pi / LANE)).mul_(-0.035)
        tone = tones[owner].mul_(1 + 0.06 * grain).add_(tracks)
        mix = (0.4 + 0.35 * canvas.rolled_grain(window, 171, 93)).clamp_(0, 1)
        canvas.lay(window, road, palette["asphalt"], other=palette["bleached asphalt"], mix=mix, tone=tone)
        canvas.pave(window, (edge < METRE).float(), solid=True)
        # Main roads have lines, except where another road joins.
        apart = torch.minimum(field.other[view], (-edge).clamp_min(0) + 2)
        clear = smoothstep(apart, 1.0, 4.0).mul_(main[owner]).mul_(road)
        if bool((clear > 0).any()):
            _lay_lines(canvas, window, clear, across, field.along[view], halves[owner])


def _lay_lines(
    canvas: Canvas, window: Window, clear: Tensor, across: Tensor, along: Tensor, half: Tensor
) -> None:
    """Draw a double yellow middle line, white dashes between lanes and white lines at the sides."""
    off, white = across.abs(), canvas.palette["worn white paint"]
    centre = 1 - ((off - 0.55).abs() - 0.3).clamp_(0, 1)
    canvas.lay(window, centre.mul_(clear).mul_(0.4), canvas.palette["worn yellow paint"])
    beside = torch.remainder(off, LANE)
    dashes = 1 - (torch.minimum(beside, LANE - beside) - 0.15).clamp_(0, 1)
    dashes = dashes * (off > 2) * (half - off > 1.5)
    dashes *= torch.remainder(along, 12 * METRE) < 4 * METRE
    canvas.lay(window, dashes.mul_(clear).mul_(0.45), white)
    sides = 1 - ((half - off - 0.8).abs() - 0.15).clamp_(0, 1)
    canvas.lay(window, sides.mul_(clear).mul_(0.35), white)
