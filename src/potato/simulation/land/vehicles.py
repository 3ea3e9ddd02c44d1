"""Cars: parked ones on the canvas, moving ones kept aside, because the sensor sees them at three places."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.shapes import Local, rectangle
from potato.simulation.land.spectra import Palette
from potato.simulation.land.zoning import Road

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
"""Spectra of cars and how common they are, in percent or so."""


@dataclass(frozen=True, slots=True)
class Mover:
    """A vehicle that moves while the sensor looks.

    Attributes:
        x: of its centre when pan sees it, pixels.
        y: the same.
        dx: how far it moves from pan to the second array, pixels; from the first to pan as far.
        dy: the same.
        length: pixels.
        width: pixels.
        angle: of its length, radians from x towards y.
        colour: apparent reflectance (9,): pan, then the bands.
        glass: the same of its windows.
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


def car_colour(palette: Palette, dice: random.Random) -> Tensor:
    """A car's paint (9,)."""
    names, weights = zip(*CAR_COLOURS, strict=True)
    return palette.mixture(dice, dice.choices(names, weights)[0], spread=0.2)


def _glass(local: Local, length: float) -> Tensor:
    """What of a car are windows, seen from above: a wind screen and a smaller rear one."""
    front = 1 - ((local.u - 0.17 * length).abs() - 0.07 * length + 0.5).clamp(0, 1)
    rear = 1 - ((local.u + 0.33 * length).abs() - 0.05 * length + 0.5).clamp(0, 1)
    return torch.maximum(front, 0.8 * rear).mul_(local.cover).mul_(0.85)


def park(canvas: Canvas, x: float, y: float, angle: float, palette: Palette, dice: random.Random) -> None:
    """Leave a car on the canvas."""
    length, width = dice.gauss(4.5, 0.25) * METRE, dice.gauss(1.85, 0.07) * METRE
    local = rectangle(x, y, length, width, angle, canvas.rows, canvas.columns)
    if local is None:
        return
    canvas.lay(local.window, local.cover, car_colour(palette, dice))
    canvas.lay(local.window, _glass(local, length), palette["car black"])
    canvas.raise_to(local.window, local.cover, 1.4)


BOX_COLOURS = ("white container", "blue container", "red container", "green container", "orange container")
"""Spectra of containers and trailers."""


def stand_box(
    canvas: Canvas, x: float, y: float, angle: float, metres: float, palette: Palette, dice: random.Random
) -> None:
    """Leave a container or trailer on the canvas, `metres` long; nothing happens where something stands."""
    local = rectangle(x, y, metres * METRE, 2.5 * METRE, angle, canvas.rows, canvas.columns)
    if local is None or not canvas.is_free(local.window, local.cover):
        return
    colour = palette.mixture(dice, dice.choice(BOX_COLOURS), spread=0.2)
    canvas.lay(local.window, local.cover, colour, tone=1 + 0.05 * torch.cos(local.u * 2))
    canvas.raise_to(local.window, local.cover, 2.6)


def roll(
    roads: list[Road], height: Tensor, palette: Palette, dice: random.Random, spacing: float = 45.0
) -> tuple[Mover, ...]:
    """Put traffic on main roads.

    Args:
        roads: all roads; only main ones get traffic.
        height: of the scene, metres (h, w): nothing is put outside it or under trees.
        palette: colours.
        dice: where the randomness comes from.
        spacing: metres of road per vehicle, on average.

    Returns:
        Cars and some lorries, keeping to the right, up to 8 pixels on their way between two arrays.
    """
    movers = []
    for road in roads:
        speed, lane = dice.uniform(1, 8), 3.4 * METRE
        lanes = max(1, int(road.width / 2 / lane))
        for (x0, y0), (x1, y1) in pairwise(road.points) if road.main else ():
            way = math.dist((x0, y0), (x1, y1))
            if dice.random() > way / METRE / spacing:
                continue
            # Seen from above, right of the direction of travel is +90° where y runs down.
            forth = dice.choice((-1, 1))
            tx, ty = forth * (x1 - x0) / way, forth * (y1 - y0) / way
            off = (dice.randrange(lanes) + 0.5) * lane + dice.gauss(0, 0.5)
            x, y, pace = x0 - ty * off, y0 + tx * off, speed * dice.uniform(0.5, 1.2)
            row, column = int(y), int(x)
            inside = 0 <= row < height.shape[0] and 0 <= column < height.shape[1]
            if not inside or float(height[row, column]) > 2:
                continue
            lorry = dice.random() < 0.08
            length, width = (dice.uniform(8, 14), 2.5) if lorry else (dice.gauss(4.5, 0.25), 1.85)
            colour = palette["white container"] if lorry else car_colour(palette, dice)
            angle = math.atan2(ty, tx)
            movers.append(
                Mover(
                    x,
                    y,
                    tx * pace,
                    ty * pace,
                    length * METRE,
                    width * METRE,
                    angle,
                    colour,
                    palette["car black"],
                )
            )
    return tuple(movers)


def drive(planes: Tensor, mover: Mover, moments: Sequence[float], haze: Tensor) -> None:
    """Draw a moving car into a ground.

    Args:
        planes: pan and the bands (9, h, w); changed.
        mover: the vehicle.
        moments: when each of them looks: −1 for the first array, 0 for pan, 1 for the second.
        haze: reflectance to add to each (9,).
    """
    for moment in sorted(set(moments)):
        x, y = mover.x + moment * mover.dx, mover.y + moment * mover.dy
        local = rectangle(x, y, mover.length, mover.width, mover.angle, *planes.shape[1:])
        if local is None:
            continue
        glass = _glass(local, mover.length) if mover.length < 6 * METRE else None
        for index in [index for index, each in enumerate(moments) if each == moment]:
            view = planes[index][local.window.slices]
            view.lerp_(mover.colour[index] + haze[index], local.cover)
            if glass is not None:
                view.lerp_(mover.glass[index] + haze[index], glass)
