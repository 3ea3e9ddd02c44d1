"""Ground of aerial photographs: real shapes and textures, lifted to spectra."""

import math
import random
from collections.abc import Callable

import torch
from torch import Tensor

from potato.engine.torch_threads import one_thread
from potato.simulation.ground import BRIGHTEST, DARKEST, Ground
from potato.simulation.land.basis import PLANES
from potato.simulation.land.canvas import METRE
from potato.simulation.land.spectra import Palette
from potato.simulation.land.texture import draw_rng
from potato.simulation.land.vehicles import Mover, car_colour
from potato.simulation.spectral_lift import SpectralLibrary, lift_spectra

CARS = 6e-5
"""Moving cars per pan pixel: about one in 128 × 128 pixels; by eye."""

PickPhotograph = Callable[[random.Random], Tensor]
"""Gives a random photograph, sRGB uint8 (3, h, w)."""


@one_thread()
def lay_photographs(
    height: int, width: int, pick: PickPhotograph, library: SpectralLibrary, generator: torch.Generator
) -> Ground:
    """Cover a ground with photographs, each with an orientation and spectra of its own.

    Args:
        height: pan pixels, a multiple of 4.
        width: pan pixels, a multiple of 4.
        pick: source of photographs, which are halved: one of 256 pixels covers 128.
        library: spectra for the photographs.
        generator: source of all random numbers.

    Returns:
        The ground, flat, with moving cars anywhere on it.
    """
    rng = draw_rng(generator)
    planes = torch.empty(PLANES, height, width)
    top = 0
    while top < height:
        left, tall = 0, height - top
        while left < width:
            photograph = pick(rng)
            if rng.random() < 0.5:
                photograph = photograph.flip(-1)
            photograph = torch.rot90(photograph, rng.randrange(4), (-2, -1))
            rows, columns = (side // 2 * 2 for side in photograph.shape[1:])
            lifted = lift_spectra(photograph[:, :rows, :columns], library, generator)
            piece = lifted[:, :tall, : width - left]
            # The first photograph sets the height of a row; lower ones are repeated.
            tall = piece.shape[1] if left == 0 else tall
            for offset in range(0, tall, piece.shape[1]):
                part = piece[:, : tall - offset]
                planes[:, top + offset : top + offset + part.shape[1], left : left + piece.shape[2]] = part
            left += piece.shape[2]
        top += tall
    planes.clamp_(DARKEST, BRIGHTEST)
    return Ground.flat(planes, scatter_cars(height, width, library.palette, rng), "photographs")


def scatter_cars(height: int, width: int, palette: Palette, rng: random.Random) -> tuple[Mover, ...]:
    """Moving cars anywhere, which move up to 8 pixels between two arrays."""
    movers = []
    for _ in range(round(rng.expovariate(1) * CARS * height * width)):
        angle, pace = rng.uniform(0, 2 * math.pi), rng.uniform(0.5, 8)
        movers.append(
            Mover(
                x=rng.uniform(0, width),
                y=rng.uniform(0, height),
                dx=pace * math.cos(angle),
                dy=pace * math.sin(angle),
                length=rng.gauss(4.5, 0.4) * METRE,
                width=rng.gauss(1.85, 0.1) * METRE,
                angle=angle,
                colour=car_colour(palette, rng),
                glass=palette["car black"],
            )
        )
    return tuple(movers)
