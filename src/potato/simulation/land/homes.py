"""Land where people live: gardens, drives and houses along streets, and farms.

Sizes are in metres and shares are probabilities: plausible values, chosen by eye.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor

from potato.simulation.land.buildings import build_hall, build_house, dig_pool
from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.roads import RoadField
from potato.simulation.land.shapes import Plot, disc
from potato.simulation.land.vehicles import park_car
from potato.simulation.land.zoning import Road, Zone, zone_at

DRIVES = (
    "old concrete",
    "bridge deck",
    "concrete",
    "old asphalt",
    "new asphalt",
    "tan gravel",
    "brick driveway",
)
"""Surfaces of drives."""


def lay_gardens(canvas: Canvas, zones: Tensor, field: RoadField, roads: list[Road]) -> list[Plot]:
    """Draw lawns, hedges and drives along residential streets.

    Returns:
        The outlines of the houses to build there; the ridge runs along the length.
    """
    houses, rng = [], canvas.rng
    for road in roads:
        if not road.homes:
            continue
        pitch, setback = rng.uniform(16, 24) * METRE, rng.uniform(6, 10) * METRE
        for side in (-1, 1):
            left = rng.uniform(0.3, 1) * pitch
            for (x0, y0), (x1, y1) in pairwise(road.points):
                left -= math.dist((x0, y0), (x1, y1))
                if left > 0:
                    continue
                left += pitch * rng.uniform(0.95, 1.15)
                # Coordinates of the plot: u along the street, v away from it.
                front = Plot(x0, y0, pitch, 0, math.atan2(y1 - y0, x1 - x0))
                deep, half = rng.uniform(28, 34) * METRE, road.width / 2
                garden = front.part(0, side * (half + deep / 2), pitch - 1, deep)
                house = _outline(canvas, front, side, half + setback)
                if zone_at(zones, house.x, house.y) != Zone.HOMES or not _clear(field, house):
                    continue
                _lay_lawn(canvas, garden)
                if rng.random() < 0.25:
                    _lay_hedge(canvas, garden, side)
                _lay_drive(canvas, front, side, half, setback)
                if rng.random() < 0.96:
                    houses.append(house)
    return houses


def _outline(canvas: Canvas, front: Plot, side: int, off: float) -> Plot:
    """The outline of a house `off` pixels from the middle of the street, on one side."""
    rng = canvas.rng
    width, length = rng.uniform(7.5, 10.5) * METRE, rng.uniform(9.5, 14) * METRE
    u = -0.08 * front.length
    if rng.random() < 0.3:
        return front.part(u, side * (off + length / 2), length, width, math.pi / 2)
    jitter = rng.uniform(-1, 1) * METRE
    return front.part(u, side * (off + width / 2 + jitter), length, width, rng.gauss(0, 0.03))


def _clear(field: RoadField, plot: Plot) -> bool:
    """Whether a plot lies at least 2 m from every road."""
    rows, columns = field.edge.shape
    row, column = min(max(int(plot.y), 0), rows - 1), min(max(int(plot.x), 0), columns - 1)
    return float(field.edge[row, column]) > max(plot.length, plot.width) / 2 + 2 * METRE


def _lay_lawn(canvas: Canvas, plot: Plot) -> None:
    lawn, rng = canvas.footprint(plot), canvas.rng
    if lawn is None or rng.random() < 0.15:
        return
    green = canvas.mixture("lush grass", "grass", "thin grass", "sports lawn", spread=0.12)
    dry = canvas.mixture("weedy ground", "half dry grass", "trodden dirt", spread=0.12)
    mix = (rng.uniform(0.0, 0.5) + 0.25 * canvas.noise(lawn.window)).clamp(0, 1)
    tone = 1 + 0.06 * canvas.noise(lawn.window)
    canvas.lay(lawn.window, lawn.cover * 0.85, green, other=dry, mix=mix, tone=tone)


def _lay_hedge(canvas: Canvas, plot: Plot, side: int) -> None:
    """Draw a hedge between two gardens and one along the back, 0.9 m wide and 1.6 m high."""
    for line in (
        plot.part(plot.length / 2, side * plot.width * 0.15, 0.9 * METRE, plot.width * 0.7),
        plot.part(0.0, side * plot.width / 2, plot.length, 0.9 * METRE),
    ):
        hedge = canvas.footprint(line)
        if hedge is None or canvas.rng.random() < 0.3:
            continue
        tone = (0.9 + 0.25 * canvas.noise(hedge.window)).clamp_min(0.3)
        canvas.lay(hedge.window, hedge.cover * 0.9, canvas.palette["canopy"], tone=tone)
        canvas.raise_to(hedge.window, hedge.cover, 1.6)


def _lay_drive(canvas: Canvas, front: Plot, side: int, half: float, setback: float) -> None:
    """Draw a drive from the kerb, `half` pixels from the street's middle, perhaps with a car."""
    rng = canvas.rng
    long, wide = setback + rng.uniform(0, 6) * METRE, rng.choice((2.8, 3.2, 5.4)) * METRE
    plot = front.part(0.36 * front.length, side * (half + long / 2), wide, long)
    drive = canvas.footprint(plot)
    if drive is None:
        return
    tone = 0.9 + 0.06 * canvas.noise(drive.window)
    canvas.lay(drive.window, drive.cover, canvas.mixture(rng.choice(DRIVES), spread=0.15), tone=tone)
    canvas.pave(drive.window, drive.cover)
    if rng.random() < 0.6:
        spot = plot.part(rng.uniform(-0.2, 0.2) * wide, rng.uniform(-0.2, 0.3) * side * long, 0, 0)
        park_car(canvas, spot.x, spot.y, plot.angle + math.pi / 2 + rng.gauss(0, 0.03))


def build_houses(canvas: Canvas, houses: list[Plot]) -> None:
    """Build the houses of `lay_gardens`, with pools and sheds behind some."""
    rng = canvas.rng
    pools = rng.choice((0.03, 0.08, 0.2))
    for house in houses:
        build_house(canvas, house)
        for _ in range(2):
            reach, turn = rng.uniform(13, 18) * METRE, rng.uniform(0, 2 * math.pi)
            x, y = house.x + reach * math.cos(turn), house.y + reach * math.sin(turn)
            angle = house.angle + rng.choice((0, math.pi / 2))
            if rng.random() < pools:
                dig_pool(canvas, x, y, angle)
            elif rng.random() < 0.2:
                shed = Plot(x, y, rng.uniform(3, 6) * METRE, rng.uniform(2.5, 3.5) * METRE, angle)
                build_house(canvas, shed, extras=False)


def build_farms(canvas: Canvas, zones: Tensor, roads: list[Road]) -> None:
    """Put farms beside main roads where these run through fields."""
    rng = canvas.rng
    for road in roads:
        if not road.main:
            continue
        way = rng.uniform(10, 50)
        for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(road.points)):
            if index < way:
                continue
            way += rng.uniform(20, 70)
            angle, side = math.atan2(y1 - y0, x1 - x0), rng.choice((-1, 1))
            at_road = Plot(x0, y0, 0, 0, angle)
            yard = at_road.part(0, side * (road.width / 2 + 45 * METRE), 60 * METRE, 50 * METRE)
            if zone_at(zones, yard.x, yard.y) == Zone.FIELD:
                _build_farm(canvas, yard, side)


def _build_farm(canvas: Canvas, yard: Plot, side: int) -> None:
    """Build a yard, a lane to the road, a house and three barns."""
    rng = canvas.rng
    ground = disc(yard.x, yard.y, 30 * METRE, canvas.rows, canvas.columns)
    if ground is None:
        return
    noise = canvas.noise(ground.window)
    ragged = ((28 * METRE - torch.hypot(ground.u, ground.v)) / METRE / 3 + 2 * noise).clamp(0, 1)
    dirt = canvas.mixture("trodden dirt", "tan gravel", "weedy ground")
    canvas.lay(ground.window, ragged, dirt, tone=1 + 0.08 * noise)
    lane = canvas.footprint(yard.part(0, -side * 27 * METRE, 4 * METRE, 36 * METRE))
    if lane is not None:
        canvas.lay(lane.window, lane.cover, dirt)
        canvas.pave(lane.window, lane.cover)
    build_house(canvas, yard.part(-12 * METRE, 6 * METRE, 13 * METRE, 9 * METRE))
    for u, v in ((12, 12), (14, -12), (-10, -14)):
        long, wide = rng.uniform(14, 34) * METRE, rng.uniform(9, 15) * METRE
        barn = yard.part(u * METRE, v * METRE, long, wide, rng.choice((0, math.pi / 2)))
        (build_hall if rng.random() < 0.5 else build_house)(canvas, barn)
