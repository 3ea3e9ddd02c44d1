"""Trees: crowns on a jittered grid, and where they stand.

Sizes are in metres or pixels, as named, and shares are probabilities. All were chosen by eye.
"""

import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.simulation.land.canvas import Canvas
from potato.simulation.land.cover import zone_cover
from potato.simulation.land.light import relief_factor
from potato.simulation.land.shapes import Window
from potato.simulation.land.zoning import Zone

CHANCES = {
    Zone.HOMES: 0.3,
    Zone.WORKS: 0.07,
    Zone.PARK: 0.16,
    Zone.WOOD: 1.0,
    Zone.FIELD: 0.003,
    Zone.WATER: 0.5,
}
"""Probability of a tree in a square of free land, by zone; at water, on its bank. By eye."""


@dataclass(frozen=True, slots=True)
class TreeLayer:
    """A layer of trees.

    Attributes:
        spacing: pixels between the squares of the grid, each of which holds at most one tree.
        radius: smallest and largest crown, pixels; at most 0.9 squares, because rims are uneven.
        height: lowest and highest tree, metres.
        share: factor of the density.
    """

    spacing: int
    radius: tuple[float, float]
    height: tuple[float, float]
    share: float


LAYERS = (TreeLayer(16, (6.0, 14.4), (5.0, 15.0), 1.0), TreeLayer(9, (2.5, 8.0), (2.0, 7.0), 0.8))
"""Trees, and shrubs below them."""


_NO_TREE = 1e-9
"""Square of the radius of a tree that doesn't grow: no pixel lies inside."""


@dataclass(frozen=True, slots=True)
class Crowns:
    """A layer of trees seen from above.

    Attributes:
        height: metres (h, w), 0 where there is no tree.
        cover: 0..1 (h, w), soft at the rims.
        tone: a normal random number of each tree (h, w).
        hue: a random number of each tree, 0..1 (h, w).
    """

    height: Tensor
    cover: Tensor
    tone: Tensor
    hue: Tensor


def grow(density: Tensor, generator: torch.Generator, layer: TreeLayer, rough: Tensor) -> Crowns:
    """Grow one tree in each square of a grid, with the probability that the density gives.

    Args:
        density: probability of a tree (h, w), 0..1, read where its trunk stands.
        generator: source of the random numbers.
        layer: spacing and sizes.
        rough: noise (h, w) of standard deviation 1 that makes rims uneven.

    Returns:
        The highest crown at each pixel.
    """
    (rows, columns), spacing = density.shape, layer.spacing
    h, w = math.ceil(rows / spacing), math.ceil(columns / spacing)

    def draw() -> Tensor:
        # One more ring of squares: crowns outside the scene reach into it.
        return torch.rand(h + 2, w + 2, generator=generator)

    ys = (torch.arange(-1, h + 1)[:, None] + 0.1 + 0.8 * draw()) * spacing
    xs = (torch.arange(-1, w + 1)[None, :] + 0.1 + 0.8 * draw()) * spacing
    size, tone, hue = draw(), torch.randn(h + 2, w + 2, generator=generator), draw()
    radii = layer.radius[0] + (layer.radius[1] - layer.radius[0]) * size
    tops = layer.height[0] + (layer.height[1] - layer.height[0]) * (0.6 * size + 0.4 * draw())
    at_row, at_column = ys.long().clamp(0, rows - 1), xs.long().clamp(0, columns - 1)
    alive = draw() < density[at_row, at_column]
    squares = torch.where(alive, radii * radii, torch.full_like(radii, _NO_TREE))

    shape = (h * spacing, w * spacing)
    uneven = F.pad(rough[None, None], (0, shape[1] - columns, 0, shape[0] - rows), mode="replicate")[0, 0]
    # Squares in the last axis, (h, spacing, spacing, w): sums then run over long rows.
    ragged = uneven.reshape(h, spacing, w, spacing).transpose(2, 3).mul(0.3).clamp_(-0.3, 0.6).add_(1)
    best, cover, tones, hues = (torch.zeros(h, spacing, spacing, w) for _ in range(4))
    steps = torch.arange(spacing) + 0.5
    x = torch.arange(w) * spacing + steps[:, None]
    # One row of squares at a time keeps the working set in the cache.
    for row in range(h):
        y = (row * spacing + steps)[:, None, None]
        for dy in (0, 1, 2):
            for dx in (0, 1, 2):
                pick = (row + dy, slice(dx, dx + w))
                if not bool(alive[pick].any()):
                    continue
                far = ((y - ys[pick]) ** 2 + (x - xs[pick]) ** 2).div_(squares[pick])
                inside = far.mul_(ragged[row]).neg_().add_(1).clamp_min_(0)
                dome = inside.sqrt().mul_(0.55).add_(0.45).mul_(tops[pick])
                wins = (inside > 0).logical_and_(dome > best[row])
                torch.where(wins, dome, best[row], out=best[row])
                torch.maximum(cover[row], inside.mul_(4).clamp_max_(1), out=cover[row])
                torch.where(wins, tone[pick], tones[row], out=tones[row])
                torch.where(wins, hue[pick], hues[row], out=hues[row])
    fields = (field.transpose(2, 3).reshape(shape) for field in (best, cover, tones, hues))
    return Crowns(*(field[:rows, :columns] for field in fields))


def plant(canvas: Canvas, zones: Tensor, verge: Tensor, hedges: Tensor, dryness: float) -> None:
    """Plant woods, gardens, hedges, and shrubs below them.

    Args:
        canvas: drawn on.
        zones: of `plan_zones`.
        verge: where no trunk may stand, like on paved ground, bool (h, w).
        hedges: nearness of field borders, of `lay_fields`.
        dryness: 0 for lush land, 1 for dry land with fewer trees.
    """
    rows, columns = canvas.rows, canvas.columns
    density = _density(canvas, zones, verge, hedges, dryness)
    # Lumps of leaves about three pixels wide, and finer ones.
    rough = torch.randn(rows, columns, generator=canvas.generator)
    rough.add_(F.avg_pool2d(rough.roll((5, 9), (0, 1))[None, None], 3, stride=1, padding=1)[0, 0], alpha=3.0)
    rough.div_(rough.std())
    for layer in LAYERS:
        crowns = grow(density * layer.share, canvas.generator, layer, rough)
        first = canvas.mixture("dark canopy", "dull canopy", "canopy", "deep green canopy")
        second = canvas.mixture("canopy", "bright canopy", "canopy", "dull canopy", "lush grass")
        # Twigs and the ground show between the leaves: 12 % of a crown, by eye.
        first, second = (0.88 * leaves + 0.12 * canvas.palette["bark mulch"] for leaves in (first, second))
        for window in canvas.strips():
            _lay_crowns(canvas, window, crowns, (first, second), rough)


def _density(canvas: Canvas, zones: Tensor, verge: Tensor, hedges: Tensor, dryness: float) -> Tensor:
    """The probability of a tree (h, w)."""
    density = torch.zeros(canvas.rows, canvas.columns)
    chances = dict(CHANCES)
    chances[Zone.HOMES] *= canvas.rng.uniform(0.4, 2.2) * (1.2 - 0.8 * dryness)
    rows_of_trees = canvas.rng.choice((0.0, 0.05, 0.4, 0.95))
    # Trees stand in clumps; woods have few gaps.
    clump = F.avg_pool2d(canvas.grain[None, None], 9, stride=1, padding=4)[0, 0]
    for window in canvas.strips():
        strip = torch.zeros(window.shape)
        for zone, chance in chances.items():
            strip.add_(zone_cover(canvas, window, zones, zone), alpha=chance)
        wood = strip > 0.9
        strip.mul_((1 + 1.2 * clump[window.slices]).clamp_(0.1, 2.5))
        strip = torch.where(wood, strip.clamp_min(0.75), strip)
        strip = torch.maximum(strip, (hedges[window.slices] > 0.7) * rows_of_trees)
        strip[canvas.paved[window.slices] | verge[window.slices]] = 0
        density[window.slices] = strip
    return density


def _lay_crowns(
    canvas: Canvas, window: Window, crowns: Crowns, colours: tuple[Tensor, Tensor], rough: Tensor
) -> None:
    """Draw the crowns of a strip, mixed of two spectra (9,)."""
    height, cover, tones, hues = (getattr(crowns, field.name)[window.slices] for field in fields(crowns))
    if not bool((cover > 0).any()):
        return
    lumps = rough[window.slices]
    mix = (hues * hues + 0.12 * lumps).clamp_(0, 1)
    tone = (1 + 0.14 * tones + 0.12 * lumps).clamp_(0.35, 1.8)
    canvas.lay(window, cover, colours[0], other=colours[1], mix=mix, tone=tone)
    # One more row on each side makes strips fit together.
    low, high = max(0, window.top - 1), window.bottom + 1
    sun_factor = relief_factor(crowns.height[low:high] + rough[low:high] * 0.3, 0.6)
    # Light passes through leaves: even the shaded side isn't black.
    canvas.tilt(window, cover, sun_factor[window.top - low :][: window.shape[0]].clamp_min(0.4))
    level = canvas.height[window.slices]
    torch.maximum(level, height * (cover > 0.4), out=level)
