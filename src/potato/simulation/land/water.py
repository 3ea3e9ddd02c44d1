"""Rivers and lakes: where they are, and how they look.

Sizes are in metres where `METRE` multiplies them, else in pixels. All were chosen by eye.
"""

import random

import torch
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.roads import survey_roads
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.land.zoning import Road, plan_main_roads

_DRY = -1000.0
"""Distance from the shore, pixels, where there is no water."""

WATERS = (
    ("lake", "dark pond"),
    ("dark pond", "lake"),
    ("green lake", "dark pond"),
    ("green lake", "lake"),
    ("silty river", "dark pond"),
    ("brown river", "dark pond"),
    ("brown river", "silty river"),
)
"""Surfaces of shallow and of deep water."""


def plan_shore(
    rows: int, columns: int, heading: float, share: float, generator: torch.Generator, rng: random.Random
) -> Tensor:
    """Plan a river or a lake, with a probability of `share`.

    Returns:
        Distance from the shore into the water, pixels (rows, columns); negative on land.
    """
    if rng.random() > share:
        return torch.full((rows, columns), _DRY)
    wobble = clouds(rows, columns, generator, 16, 1.7)
    if rng.random() < 0.6:
        line = plan_main_roads(rows, columns, 1, heading, rng)[0]
        width = rng.choice((rng.uniform(4, 10), rng.uniform(10, 60))) * METRE
        field = survey_roads(rows, columns, [Road(line.points, width)], reach=40 * METRE)
        return (wobble * min(7.0, width / 5)).sub_(field.edge)
    level = clouds(rows, columns, generator, 64, 2.4)
    # 150 is the inverse of the field's mean slope, so that its values are about pixels.
    return level.sub_(rng.uniform(0.8, 1.6)).mul_(150).add_(wobble, alpha=4)


def lay_water(canvas: Canvas, shore: Tensor) -> None:
    """Draw the water of `plan_shore` with its bank and some glint."""
    if not bool((shore > -8).any()):
        return
    earth = canvas.mixture("wet loam", "trodden dirt", "reeds", "weedy ground")
    names = canvas.rng.choice(WATERS)
    shallow, deep = canvas.mixture(*names), canvas.mixture(*reversed(names))
    slow, wind = canvas.rng.uniform(25, 80), clouds(canvas.rows, canvas.columns, canvas.generator, 32, 1.5)
    for window in canvas.strips():
        depth, grain = shore[window.slices], canvas.grain[window.slices]
        if not bool((depth > -8).any()):
            continue
        bank = smoothstep(depth + 1.5 * grain, -8, -1)
        canvas.lay(window, bank.mul_(0.8), earth, tone=1 + 0.08 * grain)
        streaks = canvas.rolled_grain(window, 33, 77)
        wet = smoothstep(depth, -1.0, 1.0)
        mix = (0.4 + depth / slow + 0.1 * streaks).clamp_(0, 1)
        canvas.lay(window, wet, shallow, other=deep, mix=mix, tone=1 + 0.03 * streaks)
        # Waves reflect the sky, reflectance 0.004 to 0.014; where there is wind, a few facets
        # (noise above 3.2 standard deviations) reflect the sun. By eye.
        windy = smoothstep(wind[window.slices], -0.5, 2.0)
        sparkle = torch.randn(window.shape, generator=canvas.generator).sub_(3.2).clamp_min_(0).mul_(0.2)
        glint = (0.004 + 0.01 * windy) * (1 + 0.25 * streaks) + sparkle * windy
        rows, columns = window.slices
        canvas.planes[:, rows, columns] += (glint * wet).clamp_min_(0)
        canvas.pave(window, wet, solid=True)
