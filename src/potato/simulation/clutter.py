"""Clutter: small objects such as tarpaulins, awnings, containers and stalls, in any colour.

In a real town they cover a few pixels in a thousand, yet people search pictures for them. In mul,
an object so small looks like a colour fringe, and only pan can tell the two apart. A network
therefore has to see more of them than real towns have.
"""

import math

import numpy as np
import torch

from potato.engine.torch_threads import one_thread
from potato.simulation.ground import Ground
from potato.simulation.land.canvas import METRE
from potato.simulation.land.shapes import Plot, disc, rectangle
from potato.simulation.land.texture import draw_rng
from potato.simulation.spectral_lift import SpectralLibrary

SMALLEST, LARGEST = 0.6, 16.0
"""Metres along the shorter side; numbers fall as the square of size. By eye."""

IN_ROWS = 0.25
"""Share that stands in a row of similar objects, like containers and stalls; by eye."""

ROUND = 0.15
"""Share of the others that are discs; by eye."""

SHADY = 0.75
"""Share of the light that an object loses in full shadow; by eye."""


@one_thread()
def scatter_objects(
    ground: Ground, density: float, library: SpectralLibrary, generator: torch.Generator
) -> Ground:
    """Scatter objects, most of them small, over a ground.

    Args:
        ground: any.
        density: mean number of objects, or rows of them, per hectare; grounds differ.
        library: spectra: half of the objects are saturated, the others any surface but leaves.
        generator: source of the random numbers.

    Returns:
        A new ground; heights and moving vehicles stay as they are.
    """
    rng = draw_rng(generator)
    planes, (height, width) = ground.planes.clone(), ground.pan.shape
    # In numpy, which begins small sums sooner.
    pixels, shade = planes.numpy(), ground.shade.numpy()
    shady = bool(shade.any())
    hectares = height * width / (100 * METRE) ** 2
    for _ in range(round(rng.expovariate(1) * density * hectares)):
        size = SMALLEST / (1 - rng.random() * (1 - SMALLEST / LARGEST))
        x, y, angle = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, 2 * math.pi)
        long = size * rng.choice((1.0, 1.3, 2.0, 3.0, 5.0))
        count, gap = (
            (rng.randrange(3, 9), size * rng.uniform(1.05, 2.0)) if rng.random() < IN_ROWS else (1, 0.0)
        )
        colour = library.random_object(rng)
        for number in range(count):
            off = number * gap * METRE
            own = colour if rng.random() < 0.5 else library.random_object(rng)
            is_round = count == 1 and rng.random() < ROUND
            plot = Plot(
                x - off * math.sin(angle), y + off * math.cos(angle), long * METRE, size * METRE, angle
            )
            shape = (
                disc(plot.x, plot.y, plot.width / 2, height, width)
                if is_round
                else rectangle(plot, height, width)
            )
            if shape is not None:
                view = shape.window.slices
                light = own.numpy()[:, None, None]
                if shady:
                    light = light * (1 - np.float32(SHADY) * shade[view])
                seen = pixels[:, *view]
                seen += (light - seen) * shape.cover.numpy()
    return ground.with_planes(planes)
