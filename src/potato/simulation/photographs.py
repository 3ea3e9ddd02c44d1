"""Ground laid out of aerial photographs: real shapes and textures, lifted to spectra."""

import math
import random
from collections.abc import Callable

import torch
from torch import Tensor

from potato.engine.devices import one_thread
from potato.simulation.ground import BRIGHTEST, DARKEST, Ground
from potato.simulation.land.canvas import METRE
from potato.simulation.land.spectra import PLANES, Palette
from potato.simulation.land.vehicles import Mover, car_colour
from potato.simulation.spectral_lift import Lifter, lift

CARS = 6e-5
"""Moving cars per pan pixel: one in a patch of 128 × 128."""

Shelf = Callable[[random.Random], Tensor]
"""Gives a photograph, sRGB uint8 (3, h, w), chosen by dice."""


@one_thread()
def lay_photographs(
    height: int,
    width: int,
    shelf: Shelf,
    lifter: Lifter,
    generator: torch.Generator,
    palette: Palette | None = None,
) -> Ground:
    """Lay photographs side by side until the ground is covered, each turned and lifted by itself.

    Args:
        height: pan pixels, a multiple of 4.
        width: the same.
        shelf: where photographs come from; they are halved, so one of 256 pixels covers 128.
        lifter: spectra for them.
        generator: where all randomness comes from.
        palette: colours of cars; None for the packaged reflectances.

    Returns:
        The ground, flat, with cars that move anywhere on it.
    """
    dice = random.Random(int(torch.randint(1 << 62, (), generator=generator)))
    planes = torch.empty(PLANES, height, width)
    top = 0
    while top < height:
        left, tall = 0, height - top
        while left < width:
            photograph = shelf(dice)
            if dice.random() < 0.5:
                photograph = photograph.flip(-1)
            photograph = torch.rot90(photograph, dice.randrange(4), (-2, -1))
            rows, columns = (side // 2 * 2 for side in photograph.shape[1:])
            piece = lift(photograph[:, :rows, :columns], lifter, generator)[:, :tall, : width - left]
            # The first of a row says how tall the row is; a smaller one is laid twice.
            tall = piece.shape[1] if left == 0 else tall
            for offset in range(0, tall, piece.shape[1]):
                part = piece[:, : tall - offset]
                planes[:, top + offset : top + offset + part.shape[1], left : left + piece.shape[2]] = part
            left += piece.shape[2]
        top += tall
    planes.clamp_(DARKEST, BRIGHTEST)
    flat = torch.zeros(height, width)
    movers = scatter_cars(height, width, palette or Palette(), dice)
    return Ground(planes[0], planes[1:], flat, flat, movers, "photographs")


def scatter_cars(height: int, width: int, palette: Palette, dice: random.Random) -> tuple[Mover, ...]:
    """Moving cars anywhere, up to 8 pixels on their way between two arrays."""
    movers = []
    for _ in range(round(dice.expovariate(1) * CARS * height * width)):
        angle, pace = dice.uniform(0, 2 * math.pi), dice.uniform(0.5, 8)
        movers.append(
            Mover(
                x=dice.uniform(0, width),
                y=dice.uniform(0, height),
                dx=pace * math.cos(angle),
                dy=pace * math.sin(angle),
                length=dice.gauss(4.5, 0.4) * METRE,
                width=dice.gauss(1.85, 0.1) * METRE,
                angle=angle,
                colour=car_colour(palette, dice),
                glass=palette["car black"],
            )
        )
    return tuple(movers)
