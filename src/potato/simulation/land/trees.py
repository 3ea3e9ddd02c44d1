"""Trees: crowns on a jittered grid, drawn all at once, and where they stand."""

import math
import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.simulation.land.canvas import Canvas
from potato.simulation.land.cover import zone_cover
from potato.simulation.land.light import relief_factor
from potato.simulation.land.spectra import Palette
from potato.simulation.land.zoning import Zone

CHANCES = {
    Zone.HOMES: 0.3,
    Zone.WORKS: 0.07,
    Zone.PARK: 0.16,
    Zone.WOOD: 1.0,
    Zone.FIELD: 0.003,
    Zone.WATER: 0.5,
}
"""Chance of a tree in a cell of land that nothing else takes; by water it lines the bank."""


@dataclass(frozen=True, slots=True)
class Crowns:
    """A layer of trees seen from above.

    Attributes:
        height: metres (h, w), 0 where there is none.
        cover: 0..1 (h, w), soft at the rims.
        tone: a number of each tree, normal (h, w).
        hue: another, 0..1 (h, w).
    """

    height: Tensor
    cover: Tensor
    tone: Tensor
    hue: Tensor


def grow(
    density: Tensor,
    generator: torch.Generator,
    *,
    cell: int,
    radius: tuple[float, float],
    metres: tuple[float, float],
    rough: Tensor,
) -> Crowns:
    """Grow one tree in each cell of a grid, where the density has it.

    Args:
        density: chance of a tree (h, w), 0..1, read where the trunk stands.
        generator: where the randomness comes from.
        cell: pixels along a cell of the grid.
        radius: smallest and largest crown, pixels; at most 0.9 cells, because rims are uneven.
        metres: lowest and highest tree.
        rough: noise (h, w) of deviation 1 that makes rims uneven.

    Returns:
        The highest crown at each pixel.
    """
    rows, columns = density.shape
    h, w = math.ceil(rows / cell), math.ceil(columns / cell)

    def draw() -> Tensor:
        # One ring of cells more on each side, so that crowns lean in from outside.
        return torch.rand(h + 2, w + 2, generator=generator)

    ys = (torch.arange(-1, h + 1)[:, None] + 0.1 + 0.8 * draw()) * cell
    xs = (torch.arange(-1, w + 1)[None, :] + 0.1 + 0.8 * draw()) * cell
    size, tone, hue = draw(), torch.randn(h + 2, w + 2, generator=generator), draw()
    radii = radius[0] + (radius[1] - radius[0]) * size
    tops = metres[0] + (metres[1] - metres[0]) * (0.6 * size + 0.4 * draw())
    at_row, at_column = ys.long().clamp(0, rows - 1), xs.long().clamp(0, columns - 1)
    alive = draw() < density[at_row, at_column]

    shape = (h * cell, w * cell)
    best, cover, tones, hues = (torch.zeros(shape) for _ in range(4))
    uneven = F.pad(rough[None, None], (0, shape[1] - columns, 0, shape[0] - rows), mode="replicate")[0, 0]
    steps = torch.arange(cell) + 0.5
    # A band of cells at a time keeps the working set in the cache.
    for row in range(h):
        band = slice(row * cell, (row + 1) * cell)
        y = (row * cell + steps)[:, None, None]
        x = (torch.arange(w)[:, None] * cell + steps)[None]
        ragged = uneven[band].reshape(cell, w, cell).mul(0.3).clamp_(-0.3, 0.6).add_(1)
        views = [field[band].view(cell, w, cell) for field in (best, cover, tones, hues)]
        for dy in (0, 1, 2):
            for dx in (0, 1, 2):
                pick = (row + dy, slice(dx, dx + w))
                if not bool(alive[pick].any()):
                    continue
                r = radii[pick][None, :, None]
                far = ((y - ys[pick][None, :, None]) ** 2 + (x - xs[pick][None, :, None]) ** 2) / (r * r)
                inside = far.mul_(ragged).neg_().add_(1).mul_(alive[pick][None, :, None])
                dome = tops[pick][None, :, None] * (0.45 + 0.55 * inside.clamp_min(0).sqrt())
                rim = (inside * 4).clamp(0, 1)
                wins = (inside > 0) & (dome > views[0])
                views[0].copy_(torch.where(wins, dome, views[0]))
                torch.maximum(views[1], rim, out=views[1])
                views[2].copy_(torch.where(wins, tone[pick][None, :, None], views[2]))
                views[3].copy_(torch.where(wins, hue[pick][None, :, None], views[3]))
    return Crowns(*(field[:rows, :columns] for field in (best, cover, tones, hues)))


def plant(
    canvas: Canvas,
    zones: Tensor,
    kept: Tensor,
    hedges: Tensor,
    dryness: float,
    generator: torch.Generator,
    palette: Palette,
    dice: random.Random,
) -> None:
    """Plant woods, gardens, hedges, and shrubs below them.

    Args:
        canvas: drawn on.
        zones: see `plan_zones`.
        kept: where no trunk may stand besides what is paved, bool (h, w).
        hedges: nearness of field borders, see `lay_fields`.
        dryness: 0 for lush land, 1 for dry land with fewer trees.
        generator: where the randomness comes from.
        palette: colours.
        dice: more randomness.
    """
    rows, columns = canvas.rows, canvas.columns
    density = torch.zeros(rows, columns)
    chances = dict(CHANCES)
    chances[Zone.HOMES] *= dice.uniform(0.4, 2.2) * (1.2 - 0.8 * dryness)
    rows_of_trees = dice.choice((0.0, 0.05, 0.4, 0.95))
    # Trees stand in clumps; woods have few gaps.
    clump = F.avg_pool2d(canvas.grain[None, None], 9, stride=1, padding=4)[0, 0]
    for window in canvas.bands():
        band = torch.zeros(window.shape)
        for zone, chance in chances.items():
            band.add_(zone_cover(canvas, window, zones, zone), alpha=chance)
        wood = band > 0.9
        band.mul_((1 + 1.2 * clump[window.slices]).clamp_(0.1, 2.5))
        band = torch.where(wood, band.clamp_min(0.75), band)
        band = torch.maximum(band, (hedges[window.slices] > 0.7) * rows_of_trees)
        band[canvas.paved[window.slices] | kept[window.slices]] = 0
        density[window.slices] = band
    del clump
    # Lumps of leaves about three pixels wide, and finer ones.
    rough = torch.randn(rows, columns, generator=generator)
    rough.add_(F.avg_pool2d(rough.roll((5, 9), (0, 1))[None, None], 3, stride=1, padding=1)[0, 0], alpha=3.0)
    rough.div_(rough.std())
    layers = ((16, (6.0, 14.4), (5.0, 15.0), 1.0), (9, (2.5, 8.0), (2.0, 7.0), 0.8))
    for cell, radius, metres, share in layers:
        crowns = grow(density * share, generator, cell=cell, radius=radius, metres=metres, rough=rough)
        first = palette.mixture(dice, "dark canopy", "dull canopy", "canopy", "deep green canopy")
        second = palette.mixture(dice, "canopy", "bright canopy", "canopy", "dull canopy", "lush grass")
        # Between the leaves one sees twigs and the ground.
        first, second = (0.88 * leaves + 0.12 * palette["bark mulch"] for leaves in (first, second))
        for window in canvas.bands():
            height, cover, tones, hues, lumps = (
                field[window.slices]
                for field in (crowns.height, crowns.cover, crowns.tone, crowns.hue, rough)
            )
            if not bool((cover > 0).any()):
                continue
            mix = (hues * hues + 0.12 * lumps).clamp_(0, 1)
            tone = (1 + 0.14 * tones + 0.12 * lumps).clamp_(0.35, 1.8)
            canvas.lay(window, cover, first, other=second, mix=mix, tone=tone)
            # One row more on each side, so that bands fit together.
            low, high = max(0, window.top - 1), window.bottom + 1
            slope = relief_factor(crowns.height[low:high] + rough[low:high] * 0.3, 0.6)
            # Light leaks through leaves: even the far side isn't black.
            canvas.tilt(window, cover, slope[window.top - low :][: window.shape[0]].clamp_min(0.4))
            level = canvas.height[window.slices]
            torch.maximum(level, height * (cover > 0.4), out=level)
