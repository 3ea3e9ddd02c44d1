"""Rivers and lakes: where they are, and what they look like."""

import random

import torch
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.roads import survey_roads
from potato.simulation.land.spectra import Palette
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.land.zoning import Road, plan_main_roads

_DRY = -1000.0

WATERS = (
    ("lake", "dark pond"),
    ("dark pond", "lake"),
    ("green lake", "dark pond"),
    ("green lake", "lake"),
    ("silty river", "dark pond"),
    ("brown river", "dark pond"),
    ("brown river", "silty river"),
)
"""Spectra of the shallows and of the deep."""


def plan_shore(
    rows: int, columns: int, heading: float, share: float, generator: torch.Generator, dice: random.Random
) -> Tensor:
    """Where a river or a lake is, if there is one.

    Args:
        rows: of the scene, pixels.
        columns: of the scene, pixels.
        heading: about the direction of a river, radians.
        share: chance of water.
        generator: where the randomness comes from.
        dice: more of it.

    Returns:
        Distance from the shore into the water, pixels (rows, columns); negative on land.
    """
    if dice.random() > share:
        return torch.full((rows, columns), _DRY)
    wobble = clouds(rows, columns, generator, 16, 1.7)
    if dice.random() < 0.6:
        line = plan_main_roads(rows, columns, 1, heading, dice)[0]
        width = dice.choice((dice.uniform(4, 10), dice.uniform(10, 60))) * METRE
        field = survey_roads(rows, columns, [Road(line.points, width)], reach=40 * METRE)
        return (wobble * min(7.0, width / 5)).sub_(field.edge)
    level = clouds(rows, columns, generator, 64, 2.4)
    # As steep as the field itself is on average, so that the values are about pixels.
    return level.sub_(dice.uniform(0.8, 1.6)).mul_(150).add_(wobble, alpha=4)


def lay_water(
    canvas: Canvas, shore: Tensor, generator: torch.Generator, palette: Palette, dice: random.Random
) -> None:
    """Draw the water of `plan_shore` with its bank and some glint."""
    if not bool((shore > -8).any()):
        return
    earth = palette.mixture(dice, "wet loam", "trodden dirt", "reeds", "weedy ground")
    names = dice.choice(WATERS)
    shallow, deep = palette.mixture(dice, names[0], names[1]), palette.mixture(dice, names[1], names[0])
    slow, wind = dice.uniform(25, 80), clouds(canvas.rows, canvas.columns, generator, 32, 1.5)
    for window in canvas.bands():
        depth, grain = shore[window.slices], canvas.grain[window.slices]
        if not bool((depth > -8).any()):
            continue
        bank = smoothstep(depth + 1.5 * grain, -8, -1)
        canvas.lay(window, bank.mul_(0.8), earth, tone=1 + 0.08 * grain)
        streaks = canvas.turned(window, 33, 77)
        wet = smoothstep(depth, -1.0, 1.0)
        mix = (0.4 + depth / slow + 0.1 * streaks).clamp_(0, 1)
        canvas.lay(window, wet, shallow, other=deep, mix=mix, tone=1 + 0.03 * streaks)
        # The sky in the waves, and facets that mirror the sun: rare, bright, where the wind is.
        windy = smoothstep(wind[window.slices], -0.5, 2.0)
        sparkle = torch.randn(window.shape, generator=generator).sub_(3.2).clamp_min_(0).mul_(0.2)
        glint = (0.004 + 0.01 * windy) * (1 + 0.25 * streaks) + sparkle * windy
        rows, columns = window.slices
        canvas.planes[:, rows, columns] += (glint * wet).clamp_min_(0)
        canvas.pave(window, wet, solid=True)
