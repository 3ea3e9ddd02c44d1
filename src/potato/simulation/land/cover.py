"""The cover of open land: grass, the floor of woods, fields.

Sizes are in metres where `METRE` multiplies them, else in pixels. All were chosen by eye.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.simulation.land.basis import PLANES
from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.shapes import Window
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.land.zoning import ZONE_SIDE, Zone

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
"""Pairs of surfaces that a field is mixed of."""

_PARCELS = 64
"""Different parcels in one scene."""


def zone_cover(canvas: Canvas, window: Window, zones: Tensor, zone: Zone, ragged: float = 0.1) -> Tensor:
    """The share of each pixel of a strip that a zone covers, 0..1, with a soft border.

    `zones` are those of `plan_zones`. The border follows the grain by `ragged`; 0 makes it smooth.
    """
    # One more row of squares on each side makes strips fit together.
    first, last = max(0, window.top // ZONE_SIDE - 1), -(-window.bottom // ZONE_SIDE) + 1
    inside = (zones[first:last] == zone).float()[None, None]
    soft = F.interpolate(inside, scale_factor=ZONE_SIDE, mode="bilinear", align_corners=False)[0, 0]
    top = window.top - first * ZONE_SIDE
    soft = soft[top : top + window.shape[0], : canvas.columns]
    return smoothstep(soft + ragged * canvas.grain[window.slices], 0.4, 0.6)


def lay_grass(canvas: Canvas, zones: Tensor, dryness: float) -> None:
    """Draw grass everywhere, lush and dry in patches, some bare earth, and a brown floor in woods.

    `dryness` is 0 for lush land and 1 for a dry summer.
    """
    patches = clouds(canvas.rows, canvas.columns, canvas.generator, 16, 1.3)
    spots = patches.roll((canvas.rows // 3, canvas.columns // 5), (0, 1))
    green = canvas.mixture("lush grass", "grass", "weedy ground", "sports lawn")
    dry = canvas.mixture("bleached grass", "thin grass", "weedy ground", "dry grass")
    earth = canvas.mixture("trodden dirt", "loam", "brown soil")
    floor = canvas.mixture("leaf litter", "bark mulch", "dark canopy")
    for window in canvas.strips():
        patch, fine = patches[window.slices], canvas.rolled_grain(window, 59, 201)
        mix = (0.1 + 0.8 * dryness + 0.22 * patch + 0.12 * fine).clamp_(0, 1)
        tone = 1 + 0.08 * canvas.grain[window.slices] + 0.05 * patch
        canvas.lay(window, torch.ones(window.shape), green, other=dry, mix=mix, tone=tone)
        bare = smoothstep(spots[window.slices] + 0.35 * fine, 2.0 - dryness, 2.6 - dryness)
        canvas.lay(window, bare, earth, tone=tone)
        wood = zone_cover(canvas, window, zones, Zone.WOOD)
        if bool((wood > 0).any()):
            canvas.lay(window, wood.mul_(0.8), floor, tone=tone.mul_(0.7))


def lay_fields(canvas: Canvas, zones: Tensor, heading: float) -> Tensor:
    """Draw parcels with crops in rows, and grass or a track between them.

    `heading` is the direction of the rows of parcels, radians.

    Returns:
        Nearness of a parcel's border: 1 on it, 0 from 5 m on and outside the fields (h, w).
    """
    margins = torch.zeros(canvas.rows, canvas.columns)
    if not bool((zones == Zone.FIELD).any()):
        return margins
    parcels = _Parcels(canvas, heading)
    for window in canvas.strips():
        inside = zone_cover(canvas, window, zones, Zone.FIELD, ragged=0.04)
        if bool((inside > 0).any()):
            margins[window.slices] = parcels.lay(canvas, window, inside)
    return margins


class _Parcels:
    """The parcels of one scene: bent rows, each cut at places of its own, and the crops in them."""

    def __init__(self, canvas: Canvas, heading: float) -> None:
        rows, columns, rng = canvas.rows, canvas.columns, canvas.rng
        self.c, self.s = math.cos(heading), math.sin(heading)
        radius = math.hypot(rows, columns) / 2 + 50
        self.across, self.along = _cuts(canvas, radius, 70, 180), _cuts(canvas, radius + 200, 90, 260)
        self.shifts = torch.tensor([rng.uniform(-150, 150) for _ in range(len(self.across))])
        self.bends = clouds(rows, columns, canvas.generator, 128, 2.0).mul_(rng.uniform(2, 12))
        self.patches = clouds(rows, columns, canvas.generator, 12, 1.4)
        pairs = [rng.choice(CROPS) for _ in range(_PARCELS)]
        self.first, self.second = (
            torch.stack([canvas.mixture(pair[k], spread=0.15) for pair in pairs], 1) for k in (0, 1)
        )
        self.turned = torch.tensor([rng.random() < 0.5 for _ in range(_PARCELS)])
        metres = torch.tensor([rng.choice((1.5, 2.0, 3.0, 6.0)) for _ in range(_PARCELS)])
        self.pace = 2 * math.pi / (metres * METRE)
        self.depth = torch.tensor([rng.uniform(0.0, 0.25) for _ in range(_PARCELS)])
        self.tracks = rng.random() < 0.6

    def lay(self, canvas: Canvas, window: Window, inside: Tensor) -> Tensor:
        """Draw the parcels of a strip where `inside` says so; the nearness of their borders."""
        bend, patch, grain = (field[window.slices] for field in (self.bends, self.patches, canvas.grain))
        xs = torch.arange(canvas.columns, dtype=torch.float32)[None, :] - canvas.columns / 2
        ys = torch.arange(window.top, window.bottom, dtype=torch.float32)[:, None] - canvas.rows / 2
        u, v = xs * self.c + ys * self.s + bend, ys * self.c - xs * self.s + bend
        row, border = _between(v, self.across)
        part, end = _between(u + self.shifts[row], self.along)
        # The factors give parcels that touch different numbers.
        parcel = (row * 31 + part * 17) % _PARCELS
        margin = (1 - torch.minimum(border, end) / (5 * METRE)).clamp_(0, 1).mul_(inside)
        tone = (1 + 0.06 * grain + 0.05 * patch).clamp_min_(0.2)

        way = torch.where(self.turned[parcel], u, v)
        rows = torch.sin(way * self.pace[parcel]).mul_(self.depth[parcel])
        mix = (0.35 + 0.25 * patch + rows + 0.1 * grain).clamp_(0, 1)
        # Wheel tracks every eighteen metres.
        wheels = (1 - (torch.remainder(way, 18 * METRE) - 2).abs()).clamp_(0, 1).mul_(-0.1).add_(tone)
        for k in range(PLANES):
            low, high = self.first[k][parcel], self.second[k][parcel]
            crop = high.sub_(low).mul_(mix).add_(low).mul_(wheels)
            canvas.planes[k][window.slices].lerp_(crop, inside)
        canvas.lay(window, smoothstep(margin, 0.5, 0.8), canvas.palette["weedy ground"], tone=tone)
        if self.tracks:
            track = smoothstep(margin, 0.75, 0.85) * 0.8
            canvas.lay(window, track, canvas.palette["trodden dirt"], tone=tone)
        return margin


def _cuts(canvas: Canvas, radius: float, low: float, high: float) -> Tensor:
    """Borders from −`radius` to `radius` pixels, `low` to `high` metres apart."""
    ends = [-radius]
    while ends[-1] < radius:
        ends.append(ends[-1] + canvas.rng.uniform(low, high) * METRE)
    return torch.tensor(ends)


def _between(position: Tensor, cuts: Tensor) -> tuple[Tensor, Tensor]:
    """The interval between cuts that a position lies in, and the distance from its nearer end."""
    index = torch.bucketize(position, cuts).clamp_(1, len(cuts) - 1)
    return index, torch.minimum(position - cuts[index - 1], cuts[index] - position).abs_()
