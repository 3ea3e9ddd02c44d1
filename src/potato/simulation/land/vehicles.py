"""Vehicles: parked ones are drawn, moving ones are kept aside.

The imager sees a moving vehicle at several places: pan and the arrays look at different moments.

Sizes are in metres and shares are probabilities, all chosen by eye.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.shapes import Plot, ShapePixels, Window, rectangle
from potato.simulation.land.spectra import Palette
from potato.simulation.land.zoning import LANE, Road

CAR_COLOURS: tuple[tuple[str, float], ...] = (
    ("car white", 25),
    ("car silver", 18),
    ("car grey", 18),
    ("car black", 18),
    ("car blue", 8),
    ("car red", 8),
    ("tan paint", 3),
    ("car dark green", 2),
    ("safety yellow", 1),
    ("safety orange", 1),
    ("sky blue paint", 1),
)
"""Surfaces of cars and how common they are, about in percent; by eye."""

CONTAINER_COLOURS = tuple(f"{colour} container" for colour in ("white", "blue", "red", "green", "orange"))
"""Surfaces of containers and trailers."""

CONTAINER_WIDTH = 2.5 * METRE
"""Pixels: 2.5 m, about the 8 feet of ISO 668."""

TRAFFIC_SPACING = 45.0
"""Metres of main road per moving vehicle, on average; by eye."""


@dataclass(frozen=True, slots=True)
class Mover:
    """A vehicle that moves while the imager looks.

    Attributes:
        x: of its centre when pan sees it, pixels.
        y: of its centre when pan sees it, pixels.
        dx: its way right from pan's moment to the second array's, and from the first's to pan's.
        dy: its way down in these times, pixels.
        length: pixels.
        width: pixels.
        angle: direction of its length, radians from x towards y.
        colour: apparent reflectance (9,): pan, then the bands.
        glass: apparent reflectance of its windows (9,).
    """

    x: float
    y: float
    dx: float
    dy: float
    length: float
    width: float
    angle: float
    colour: Tensor
    glass: Tensor


def car_colour(palette: Palette, rng: random.Random) -> Tensor:
    """A car's paint (9,)."""
    names, weights = zip(*CAR_COLOURS, strict=True)
    return palette.mixture(rng, rng.choices(names, weights)[0], spread=0.2)


def _windows(local: ShapePixels, length: float) -> NDArray[np.float32]:
    """The share of each pixel that shows a car's windscreen or rear window."""
    u = local.u.numpy()
    front = 1 - (np.abs(u - np.float32(0.17 * length)) - np.float32(0.07 * length - 0.5)).clip(0, 1)
    rear = 1 - (np.abs(u + np.float32(0.33 * length)) - np.float32(0.05 * length - 0.5)).clip(0, 1)
    share: NDArray[np.float32] = np.maximum(front, np.float32(0.8) * rear)
    share *= np.float32(0.85) * local.cover.numpy()
    return share


def park_car(canvas: Canvas, x: float, y: float, angle: float) -> None:
    """Draw a car, about 4.5 m by 1.85 m and 1.4 m high."""
    length, width = canvas.rng.gauss(4.5, 0.25) * METRE, canvas.rng.gauss(1.85, 0.07) * METRE
    car = canvas.footprint(Plot(x, y, length, width, angle))
    if car is None:
        return
    canvas.lay(car.window, car.cover, car_colour(canvas.palette, canvas.rng))
    canvas.lay(car.window, torch.from_numpy(_windows(car, length)), canvas.palette["car black"])
    canvas.raise_to(car.window, car.cover, 1.4)


def place_container(canvas: Canvas, plot: Plot) -> None:
    """Draw a container or trailer, 2.6 m high, unless something solid is there."""
    box = canvas.footprint(plot)
    if box is None or not canvas.is_free(box.window, box.cover):
        return
    colour = canvas.mixture(canvas.rng.choice(CONTAINER_COLOURS), spread=0.2)
    canvas.lay(box.window, box.cover, colour, tone=1 + 0.05 * torch.cos(box.u * 2))
    canvas.raise_to(box.window, box.cover, 2.6)


def place_traffic(
    roads: list[Road], height: Tensor, palette: Palette, rng: random.Random
) -> tuple[Mover, ...]:
    """Put moving cars and some lorries on main roads, keeping to the right.

    They move up to 8 pixels between two arrays. None is placed outside the scene or where `height`,
    metres (h, w), shows a tree.
    """
    movers = []
    for road in roads:
        speed = rng.uniform(1, 8)
        lanes = max(1, int(road.width / 2 / LANE))
        for (x0, y0), (x1, y1) in pairwise(road.points) if road.main else ():
            way = math.dist((x0, y0), (x1, y1))
            if rng.random() > way / METRE / TRAFFIC_SPACING:
                continue
            # On the image, y runs down: right of the direction of travel is +90°.
            sign = rng.choice((-1, 1))
            tx, ty = sign * (x1 - x0) / way, sign * (y1 - y0) / way
            off = (rng.randrange(lanes) + 0.5) * LANE + rng.gauss(0, 0.5)
            x, y, pace = x0 - ty * off, y0 + tx * off, speed * rng.uniform(0.5, 1.2)
            row, column = int(y), int(x)
            inside = 0 <= row < height.shape[0] and 0 <= column < height.shape[1]
            if not inside or float(height[row, column]) > 2:
                continue
            lorry = rng.random() < 0.08
            length, width = (rng.uniform(8, 14), 2.5) if lorry else (rng.gauss(4.5, 0.25), 1.85)
            colour = palette["white container"] if lorry else car_colour(palette, rng)
            size, angle = (length * METRE, width * METRE), math.atan2(ty, tx)
            movers.append(Mover(x, y, tx * pace, ty * pace, *size, angle, colour, palette["car black"]))
    return tuple(movers)


def draw_mover(planes: Tensor, mover: Mover, moments: Sequence[float], haze: Tensor) -> None:
    """Draw a moving vehicle into a ground.

    Args:
        planes: pan and the bands of a sensor (n, h, w); changed.
        mover: the vehicle, its colours those that the sensor sees (n,).
        moments: when each plane is seen: −1 for the first array, 0 for pan, 1 for the second array.
        haze: reflectance to add to each plane (n,).
    """
    # In numpy, which begins small sums sooner.
    pixels = planes.numpy()
    paint, glass = ((own + haze).numpy()[:, None, None] for own in (mover.colour, mover.glass))
    for moment in sorted(set(moments)):
        x, y = mover.x + moment * mover.dx, mover.y + moment * mover.dy
        plot = Plot(x, y, mover.length, mover.width, mover.angle)
        seen = _seen(plot, *pixels.shape[1:])
        if seen is None:
            continue
        window, cover, windows = seen
        bands = [index for index, each in enumerate(moments) if each == moment]
        view = (bands, *window.slices)
        own = pixels[view]
        own += (paint[bands] - own) * cover
        own += (glass[bands] - own) * windows
        pixels[view] = own


@lru_cache(maxsize=1024)
def _seen(
    plot: Plot, height: int, width: int
) -> tuple[Window, NDArray[np.float32], NDArray[np.float32]] | None:
    """Where a vehicle is, and the shares of pixels that show it and its windows.

    Cached, since each pass over a ground shows the vehicles at the same places.
    """
    local = rectangle(plot, height, width)
    if local is None:
        return None
    cover = local.cover.numpy()
    # Lorries, longer than 6 m, show no windows from above.
    windows = _windows(local, plot.length) if plot.length < 6 * METRE else np.zeros_like(cover)
    return local.window, cover, windows
