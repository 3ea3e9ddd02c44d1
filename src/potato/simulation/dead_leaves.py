"""Dead leaves: shapes of every size that occlude each other, in measured colours.

No real ground looks like this, but none shows so many colours, rare ones included, side by side and
with sharp edges at every scale. An image of objects that occlude one another has the statistics
of natural images if the sizes of the objects follow a power law.

Source: A. Lee, D. Mumford, J. Huang, "Occlusion models for natural images", IJCV 41 (2001). Numbers
without a source were chosen by eye.
"""

import math
import random

import numpy as np
import torch
from numpy.typing import NDArray

from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.engine.torch_threads import one_thread
from potato.simulation.ground import BRIGHTEST, DARKEST, Ground
from potato.simulation.land.basis import PLANES
from potato.simulation.land.texture import draw_rng
from potato.simulation.photographs import scatter_cars
from potato.simulation.spectral_lift import SpectralLibrary

FINE = 2
"""Fine pixels along the side of a pan pixel, which is their mean: edges are not jagged."""

COVERED = 3.0
"""Area of all shapes together over the area of the ground."""

COLOURS = 24
"""Surfaces in one scene, fewer than shapes: surfaces recur in real scenes."""


@one_thread()
def lay_dead_leaves(height: int, width: int, library: SpectralLibrary, generator: torch.Generator) -> Ground:
    """Drop rectangles, discs and lines until they cover the ground.

    Args:
        height: pan pixels, a multiple of 4.
        width: pan pixels, a multiple of 4.
        library: the spectra, all equally likely.
        generator: source of all random numbers.

    Returns:
        The ground, flat, with moving cars anywhere on it.
    """
    rng = draw_rng(generator)
    rows, columns = height * FINE, width * FINE
    labels = np.zeros((rows, columns), np.uint8)
    covered = 0.0
    while covered < COVERED * rows * columns:
        # Numbers fall as the square of size, from 2 pan pixels to a third of the scene. The cube
        # would be truer to nature, with ten times as many shapes.
        small, large = 2.0 * FINE, max(rows, columns) / 3
        size = small / (1 - rng.random() * (1 - small / large))
        covered += _drop(labels, size, rng)
    numbers = torch.from_numpy(labels).int()
    chosen = torch.randint(len(library.spectra), (COLOURS,), generator=generator)
    brightness = library.lightness[chosen] * torch.exp(0.4 * torch.randn(COLOURS, generator=generator) - 0.3)
    contrast = 0.65 * torch.exp(0.25 * torch.randn((), generator=generator))
    middle = brightness.log().mean().exp()
    brightness = middle * (brightness / middle) ** contrast
    spectra = (library.spectra[chosen] * brightness[:, None]).clamp_max_(BRIGHTEST).T
    # One texture of light lies over the whole ground; surfaces take it at different strengths.
    texture = power_noise(rows, columns, generator, 0.9)
    strength = 0.3 * torch.rand(COLOURS, generator=generator) ** 2
    light = texture.mul_(strength[numbers]).exp_()
    planes = spectra.index_select(1, numbers.flatten()).reshape(PLANES, rows, columns).mul_(light)
    planes = block_mean(planes, 2).clamp_(DARKEST, BRIGHTEST)
    return Ground.flat(planes, scatter_cars(height, width, library.palette, rng), "leaves")


def _drop(labels: NDArray[np.uint8], size: float, rng: random.Random) -> float:
    """Paint a shape of about `size` fine pixels with the number of a colour; returns its area."""
    x, y = rng.uniform(0, labels.shape[1]), rng.uniform(0, labels.shape[0])
    turn = rng.choice((0.0, rng.uniform(0, math.pi)))
    kind = rng.choices(("rectangle", "disc", "line"), (6, 2, 2))[0]
    long, broad = {
        "rectangle": (size, size * rng.uniform(0.4, 1)),
        "disc": (size, size),
        "line": (6 * size, max(1.0, size * 0.15)),
    }[kind]
    c, s = (math.copysign(max(abs(part), 1e-9), part) for part in (math.cos(turn), math.sin(turn)))
    reach = long / 2 if kind == "disc" else (long * abs(s) + broad * abs(c)) / 2
    top, bottom = max(0, int(y - reach)), min(labels.shape[0], int(y + reach) + 1)
    down = np.arange(top, bottom) + (0.5 - y)
    # A row of a convex shape is one run of pixels.
    if kind == "disc":
        right = np.sqrt((reach * reach - down * down).clip(0))
        left = -right
    else:
        # |across · c + down · s| ≤ long / 2 and |down · c − across · s| ≤ broad / 2.
        slant, steep = down * (-s / c), down * (c / s)
        half_long, half_broad = long / 2 / abs(c), broad / 2 / abs(s)
        left = np.maximum(slant - half_long, steep - half_broad)
        right = np.minimum(slant + half_long, steep + half_broad)
    width, colour = labels.shape[1], rng.randrange(COLOURS)
    starts = np.ceil(left + (x - 0.5)).clip(0, width).astype(int)
    stops = (np.floor(right + (x + 0.5))).clip(0, width).astype(int)
    for row, start, stop in zip(range(top, bottom), starts.tolist(), stops.tolist(), strict=True):
        labels[row, start:stop] = colour
    return float((stops - starts).clip(0).sum())
