"""What covers open land: grass, the floor of woods, fields."""

import math
import random

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.shapes import Window
from potato.simulation.land.spectra import PLANES, Palette
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.land.zoning import ZONE_CELL, Zone

CROPS: tuple[tuple[str, str], ...] = (
    ("lush grass", "deep green canopy"),
    ("bright canopy", "grass"),
    ("canopy", "lush grass"),
    ("thin grass", "bleached grass"),
    ("straw", "bleached grass"),
    ("loam", "thin crop"),
    ("brown soil", "trodden dirt"),
    ("dark brown soil", "wet loam"),
    ("dark soil", "wet dark soil"),
    ("wet loam", "dark thin crop"),
    ("sparse pale crop", "thin crop"),
    ("flowering rape", "bright canopy"),
    ("thin grass", "weedy ground"),
    ("lush grass", "grass"),
    ("lush grass", "dull canopy"),
    ("loam", "wet loam"),
    ("deep green canopy", "canopy"),
)
"""Pairs of spectra that a field is mixed of."""

_PARCELS = 64
"""Different crops in one scene."""


def zone_cover(canvas: Canvas, window: Window, zones: Tensor, zone: Zone, ragged: float = 0.1) -> Tensor:
    """Where a zone is.

    Args:
        canvas: for its grain.
        window: one of its bands.
        zones: see `potato.simulation.land.zoning.plan_zones`.
        zone: which.
        ragged: how uneven the border is.

    Returns:
        0..1 over the window, with a soft border.
    """
    # A row of cells more on each side, so that bands fit together.
    first, last = max(0, window.top // ZONE_CELL - 1), -(-window.bottom // ZONE_CELL) + 1
    inside = (zones[first:last] == zone).float()[None, None]
    soft = F.interpolate(inside, scale_factor=ZONE_CELL, mode="bilinear", align_corners=False)[0, 0]
    top = window.top - first * ZONE_CELL
    soft = soft[top : top + window.shape[0], : canvas.columns]
    return smoothstep(soft + ragged * canvas.grain[window.slices], 0.4, 0.6)


def lay_grass(
    canvas: Canvas,
    zones: Tensor,
    dryness: float,
    generator: torch.Generator,
    palette: Palette,
    dice: random.Random,
) -> None:
    """Grass everywhere, lush and dry by patches, some bare earth, and a brown floor in the woods.

    Args:
        canvas: drawn on.
        zones: see `potato.simulation.land.zoning.plan_zones`.
        dryness: 0 for lush, 1 for a dry summer.
        generator: where the randomness comes from.
        palette: colours.
        dice: more randomness.
    """
    patches = clouds(canvas.rows, canvas.columns, generator, 16, 1.3)
    spots = patches.roll((canvas.rows // 3, canvas.columns // 5), (0, 1))
    green = palette.mixture(dice, "lush grass", "grass", "weedy ground", "sports lawn")
    dry = palette.mixture(dice, "bleached grass", "thin grass", "weedy ground", "dry grass")
    earth = palette.mixture(dice, "trodden dirt", "loam", "brown soil")
    floor = palette.mixture(dice, "leaf litter", "bark mulch", "dark canopy")
    for window in canvas.bands():
        patch, fine = patches[window.slices], canvas.turned(window, 59, 201)
        mix = (0.1 + 0.8 * dryness + 0.22 * patch + 0.12 * fine).clamp_(0, 1)
        tone = 1 + 0.08 * canvas.grain[window.slices] + 0.05 * patch
        canvas.lay(window, torch.ones(window.shape), green, other=dry, mix=mix, tone=tone)
        bare = smoothstep(spots[window.slices] + 0.35 * fine, 2.0 - dryness, 2.6 - dryness)
        canvas.lay(window, bare, earth, tone=tone)
        wood = zone_cover(canvas, window, zones, Zone.WOOD)
        if bool((wood > 0).any()):
            canvas.lay(window, wood.mul_(0.8), floor, tone=tone.mul_(0.7))


def _cuts(radius: float, low: float, high: float, dice: random.Random) -> Tensor:
    ends = [-radius]
    while ends[-1] < radius:
        ends.append(ends[-1] + dice.uniform(low, high) * METRE)
    return torch.tensor(ends)


def _between(position: Tensor, cuts: Tensor) -> tuple[Tensor, Tensor]:
    """Which interval a position lies in, and how far it is to the nearer end."""
    index = torch.bucketize(position, cuts).clamp_(1, len(cuts) - 1)
    return index, torch.minimum(position - cuts[index - 1], cuts[index] - position).abs_()


def lay_fields(
    canvas: Canvas,
    zones: Tensor,
    heading: float,
    generator: torch.Generator,
    palette: Palette,
    dice: random.Random,
) -> Tensor:
    """Parcels with crops in rows, grass or a track between them.

    Args:
        canvas: drawn on.
        zones: see `potato.simulation.land.zoning.plan_zones`.
        heading: of the strips that parcels lie in, radians.
        generator: where the randomness comes from.
        palette: colours.
        dice: more randomness.

    Returns:
        How near a parcel's border is: 1 on it, 0 from 5 m on (h, w); 0 outside the fields.
    """
    rows, columns = canvas.rows, canvas.columns
    margins = torch.zeros(rows, columns)
    if not bool((zones == Zone.FIELD).any()):
        return margins
    radius = math.hypot(rows, columns) / 2 + 50
    strips, parts = _cuts(radius, 70, 180, dice), _cuts(radius + 200, 90, 260, dice)
    shifts = torch.tensor([dice.uniform(-150, 150) for _ in range(len(strips))])
    bends = clouds(rows, columns, generator, 128, 2.0).mul_(dice.uniform(2, 12))
    patches = clouds(rows, columns, generator, 12, 1.4)
    crops, tracks = _Crops(palette, dice), dice.random() < 0.6
    c, s = math.cos(heading), math.sin(heading)
    xs = torch.arange(columns, dtype=torch.float32)[None, :] - columns / 2
    for window in canvas.bands():
        inside = zone_cover(canvas, window, zones, Zone.FIELD, ragged=0.04)
        if not bool((inside > 0).any()):
            continue
        ys = torch.arange(window.top, window.bottom, dtype=torch.float32)[:, None] - rows / 2
        bend, patch, grain = (field[window.slices] for field in (bends, patches, canvas.grain))
        u, v = xs * c + ys * s + bend, ys * c - xs * s + bend
        strip, border = _between(v, strips)
        part, end = _between(u + shifts[strip], parts)
        margin = (1 - torch.minimum(border, end) / (5 * METRE)).clamp_(0, 1).mul_(inside)
        tone = (1 + 0.06 * grain + 0.05 * patch).clamp_min_(0.2)
        crops.lay(canvas, window, inside, (strip * 31 + part * 17) % _PARCELS, u, v, patch, tone)
        canvas.lay(window, smoothstep(margin, 0.5, 0.8), palette["weedy ground"], tone=tone)
        if tracks:
            canvas.lay(window, smoothstep(margin, 0.75, 0.85) * 0.8, palette["trodden dirt"], tone=tone)
        margins[window.slices] = margin
    return margins


class _Crops:
    """What grows in the parcels of one scene, and how its rows run."""

    def __init__(self, palette: Palette, dice: random.Random) -> None:
        pairs = [dice.choice(CROPS) for _ in range(_PARCELS)]
        self.first, self.second = (
            torch.stack([palette.mixture(dice, pair[k], spread=0.15) for pair in pairs], 1) for k in (0, 1)
        )
        self.turned = torch.tensor([dice.random() < 0.5 for _ in range(_PARCELS)])
        metres = torch.tensor([dice.choice((1.5, 2.0, 3.0, 6.0)) for _ in range(_PARCELS)])
        self.pace = 2 * math.pi / (metres * METRE)
        self.depth = torch.tensor([dice.uniform(0.0, 0.25) for _ in range(_PARCELS)])

    def lay(
        self,
        canvas: Canvas,
        window: Window,
        inside: Tensor,
        parcel: Tensor,
        u: Tensor,
        v: Tensor,
        patch: Tensor,
        tone: Tensor,
    ) -> None:
        """Draw the crops of a band: `parcel` numbers over it, `u` and `v` along and across the strips."""
        way = torch.where(self.turned[parcel], u, v)
        rows = torch.sin(way * self.pace[parcel]).mul_(self.depth[parcel])
        mix = (0.35 + 0.25 * patch + rows + 0.1 * canvas.grain[window.slices]).clamp_(0, 1)
        # Wheel tracks every eighteen metres.
        wheels = (1 - (torch.remainder(way, 18 * METRE) - 2).abs()).clamp_(0, 1).mul_(-0.1).add_(tone)
        down, right = window.slices
        for k in range(PLANES):
            low, high = self.first[k][parcel], self.second[k][parcel]
            canvas.planes[k, down, right].lerp_(high.sub_(low).mul_(mix).add_(low).mul_(wheels), inside)
