"""Dead leaves: shapes of every size that cover each other, in the colours of a list of reflectances.

Nothing lies like this anywhere, but no other ground shows so many colours, rare ones too, beside so many
others and with sharp edges at every scale. A picture of things that occlude one another has the statistics of
natural images if their sizes fall as a power.

Source: A. Lee, D. Mumford, J. Huang, "Occlusion models for natural images", IJCV 41 (2001).
"""

import math
import random

import numpy as np
import torch
from numpy.typing import NDArray

from potato.core.noise import power_noise
from potato.engine.devices import one_thread
from potato.simulation.ground import BRIGHTEST, DARKEST, Ground
from potato.simulation.land.spectra import PLANES, Palette
from potato.simulation.photographs import scatter_cars
from potato.simulation.spectral_lift import Lifter

FINE = 2
"""Fine pixels along the side of a pan pixel, whose mean it is: edges aren't jagged."""

COVERED = 3.0
"""Area of all shapes together, relative to the ground's."""

COLOURS = 24
"""Surfaces of one scene: things repeat."""


@one_thread()
def shed_leaves(
    height: int,
    width: int,
    lifter: Lifter,
    generator: torch.Generator,
    palette: Palette | None = None,
) -> Ground:
    """Let rectangles, discs and lines fall until the ground is covered.

    Args:
        height: pan pixels, a multiple of 4.
        width: the same.
        lifter: the spectra, each of which may come.
        generator: where all randomness comes from.
        palette: colours of cars; None for the packaged reflectances.

    Returns:
        The ground, flat, with cars that move anywhere on it.
    """
    dice = random.Random(int(torch.randint(1 << 62, (), generator=generator)))
    rows, columns = height * FINE, width * FINE
    labels = np.zeros((rows, columns), np.uint8)
    covered = 0.0
    while covered < COVERED * rows * columns:
        # Numbers fall as the square of size, from 2 pan pixels to a third of the scene; as its cube, they
        # would be truer to nature and ten times as many.
        small, large = 2.0 * FINE, max(rows, columns) / 3
        size = small / (1 - dice.random() * (1 - small / large))
        covered += _fall(labels, size, dice)
    numbers = torch.from_numpy(labels).int()
    chosen = torch.randint(len(lifter.spectra), (COLOURS,), generator=generator)
    brightness = lifter.lightness[chosen] * torch.exp(0.4 * torch.randn(COLOURS, generator=generator) - 0.3)
    contrast = 0.65 * torch.exp(0.25 * torch.randn((), generator=generator))
    middle = brightness.log().mean().exp()
    brightness = middle * (brightness / middle) ** contrast
    spectra = (lifter.spectra[chosen] * brightness[:, None]).clamp_max_(BRIGHTEST).T
    # Surfaces have textures of different strength, and all of it lies under one light.
    texture = power_noise(rows, columns, generator, 0.9)
    strength = 0.3 * torch.rand(COLOURS, generator=generator) ** 2
    light = texture.mul_(strength[numbers]).exp_()
    planes = spectra[:, numbers].mul_(light)
    planes = planes.reshape(PLANES, height, FINE, width, FINE).mean((2, 4)).clamp_(DARKEST, BRIGHTEST)
    flat = torch.zeros(height, width)
    movers = scatter_cars(height, width, palette or Palette(), dice)
    return Ground(planes[0], planes[1:], flat, flat, movers, "leaves")


def _fall(labels: NDArray[np.uint8], size: float, dice: random.Random) -> float:
    """Paint one shape about `size` fine pixels large with the number of a colour; its area."""
    x, y = dice.uniform(0, labels.shape[1]), dice.uniform(0, labels.shape[0])
    turn = dice.choice((0.0, dice.uniform(0, math.pi)))
    kind = dice.choices(("rectangle", "disc", "line"), (6, 2, 2))[0]
    long, broad = {
        "rectangle": (size, size * dice.uniform(0.4, 1)),
        "disc": (size, size),
        "line": (6 * size, max(1.0, size * 0.15)),
    }[kind]
    reach = math.hypot(long, broad) / 2 if kind != "disc" else long / 2
    top, bottom = max(0, int(y - reach)), min(labels.shape[0], int(y + reach) + 1)
    left, right = max(0, int(x - reach)), min(labels.shape[1], int(x + reach) + 1)
    if top >= bottom or left >= right:
        return 0.0
    down = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5 - y)
    across = np.arange(left, right, dtype=np.float32)[None, :] + np.float32(0.5 - x)
    u = across * math.cos(turn) + down * math.sin(turn)
    v = down * math.cos(turn) - across * math.sin(turn)
    if kind == "disc":
        inside = u * u + v * v <= (long / 2) ** 2
    else:
        inside = (np.abs(u) <= long / 2) & (np.abs(v) <= broad / 2)
    labels[top:bottom, left:right][inside] = dice.randrange(COLOURS)
    return float(inside.sum())
