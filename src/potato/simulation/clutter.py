"""What is rare: tarpaulins, awnings, painted roofs, containers, stalls, in any colour that surfaces have.

Of a real town they are a few pixels in a thousand, and what its pictures are looked at for. Of something that
small, mul shows what it also shows of a fringe; the rest is for pan to tell. So a network has to meet more.
"""

import math
import random
from dataclasses import replace

import torch
from torch import Tensor

from potato.engine.devices import one_thread
from potato.simulation.ground import BRIGHTEST, DARKEST, Ground
from potato.simulation.land.canvas import METRE
from potato.simulation.land.shapes import disc, rectangle
from potato.simulation.spectral_lift import Lifter

SMALLEST, LARGEST = 0.6, 16.0
"""Metres along the shorter side; numbers fall as the square of size."""

IN_ROWS = 0.25
"""Share that doesn't stand alone but in a row of its like, as containers and stalls do."""

SHADY = 0.75
"""By what share things are darker in full shadow."""


@one_thread()
def strew(ground: Ground, density: float, lifter: Lifter, generator: torch.Generator) -> Ground:
    """The same ground with rare things lying about, mostly small.

    Args:
        ground: any.
        density: things, or rows of them, per hectare on average; every place has another number.
        lifter: spectra: half of the things are vivid, the others of any surface but leaves.
        generator: where the randomness comes from.

    Returns:
        A new ground; heights and vehicles that move stay as they are.
    """
    dice = random.Random(int(torch.randint(1 << 62, (), generator=generator)))
    planes, (height, width) = ground.planes, ground.pan.shape
    hectares = height * width / (100 * METRE) ** 2
    for _ in range(round(dice.expovariate(1) * density * hectares)):
        size = SMALLEST / (1 - dice.random() * (1 - SMALLEST / LARGEST))
        x, y, angle = dice.uniform(0, width), dice.uniform(0, height), dice.uniform(0, 2 * math.pi)
        long = size * dice.choice((1.0, 1.3, 2.0, 3.0, 5.0))
        count, gap = (
            (dice.randrange(3, 9), size * dice.uniform(1.05, 2.0)) if dice.random() < IN_ROWS else (1, 0.0)
        )
        colour = lifter.rare(dice)
        for number in range(count):
            off = number * gap * METRE
            _lay(
                planes,
                ground.shade,
                (x - off * math.sin(angle), y + off * math.cos(angle)),
                (long * METRE, size * METRE, angle),
                colour if dice.random() < 0.5 else lifter.rare(dice),
                round_=count == 1 and dice.random() < 0.15,
            )
    planes.clamp_(DARKEST, BRIGHTEST)
    return replace(ground, pan=planes[0], bands=planes[1:])


def _lay(
    planes: Tensor,
    shade: Tensor,
    centre: tuple[float, float],
    shape: tuple[float, float, float],
    colour: Tensor,
    round_: bool,
) -> None:
    """Lay one thing: a rectangle of a length, a width and an angle, or a disc as wide as that."""
    height, width = shade.shape
    local = (
        disc(*centre, shape[1] / 2, height, width) if round_ else rectangle(*centre, *shape, height, width)
    )
    if local is None:
        return
    view = (..., *local.window.slices)
    light = 1 - SHADY * shade[view]
    planes[view] = torch.lerp(planes[view], colour[:, None, None] * light, local.cover)
