"""Where people live: gardens, drives and houses along streets, and farms."""

import math
import random
from itertools import pairwise

import torch
from torch import Tensor

from potato.simulation.land.buildings import build_hall, build_house, dig_pool, within
from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.roads import RoadField
from potato.simulation.land.shapes import disc, rectangle
from potato.simulation.land.spectra import Palette
from potato.simulation.land.vehicles import park
from potato.simulation.land.zoning import Plot, Road, Zone, zone_at

DRIVES = (
    "old concrete",
    "bridge deck",
    "concrete",
    "old asphalt",
    "new asphalt",
    "tan gravel",
    "brick driveway",
)
"""Spectra of drives."""


def lay_gardens(
    canvas: Canvas, zones: Tensor, field: RoadField, roads: list[Road], palette: Palette, dice: random.Random
) -> list[Plot]:
    """Lay out lawns and drives along the streets.

    Args:
        canvas: drawn on.
        zones: see `plan_zones`.
        field: see `survey_roads`.
        roads: the same roads.
        palette: colours.
        dice: where the randomness comes from.

    Returns:
        The outlines of the houses to build there, ridge along the length.
    """
    houses = []
    for road in roads:
        if not road.homes:
            continue
        pitch, setback = dice.uniform(16, 24) * METRE, dice.uniform(6, 10) * METRE
        for side in (-1, 1):
            left = dice.uniform(0.3, 1) * pitch
            for (x0, y0), (x1, y1) in pairwise(road.points):
                left -= math.dist((x0, y0), (x1, y1))
                if left > 0:
                    continue
                left += pitch * dice.uniform(0.95, 1.15)
                # The plot's own axes: u along the street, v away from it.
                angle = math.atan2(y1 - y0, x1 - x0)
                front = Plot(x0, y0, pitch, 0, angle)
                deep, half = dice.uniform(28, 34) * METRE, road.width / 2
                garden = within(front, 0, side * (half + deep / 2), pitch - 1, deep)
                house = _outline(front, side, half + setback, dice)
                if zone_at(zones, house.x, house.y) != Zone.HOMES or not _clear(field, house):
                    continue
                _lay_lawn(canvas, garden, palette, dice)
                if dice.random() < 0.25:
                    _lay_hedge(canvas, garden, side, palette, dice)
                _lay_drive(canvas, front, side, half, setback, palette, dice)
                if dice.random() < 0.96:
                    houses.append(house)
    return houses


def _outline(front: Plot, side: int, off: float, dice: random.Random) -> Plot:
    width, length = dice.uniform(7.5, 10.5) * METRE, dice.uniform(9.5, 14) * METRE
    if dice.random() < 0.3:
        return within(front, -0.08 * front.length, side * (off + length / 2), length, width, math.pi / 2)
    jitter = dice.uniform(-1, 1) * METRE
    return within(
        front, -0.08 * front.length, side * (off + width / 2 + jitter), length, width, dice.gauss(0, 0.03)
    )


def _clear(field: RoadField, plot: Plot) -> bool:
    rows, columns = field.edge.shape
    row, column = min(max(int(plot.y), 0), rows - 1), min(max(int(plot.x), 0), columns - 1)
    return float(field.edge[row, column]) > max(plot.length, plot.width) / 2 + 2 * METRE


def _lay_lawn(canvas: Canvas, plot: Plot, palette: Palette, dice: random.Random) -> None:
    lawn = rectangle(plot.x, plot.y, plot.length, plot.width, plot.angle, canvas.rows, canvas.columns)
    if lawn is None or dice.random() < 0.15:
        return
    green = palette.mixture(dice, "lush grass", "grass", "thin grass", "sports lawn", spread=0.12)
    dry = palette.mixture(dice, "weedy ground", "half dry grass", "trodden dirt", spread=0.12)
    mix = (dice.uniform(0.0, 0.5) + 0.25 * canvas.noise(lawn.window, dice.randrange(1 << 16))).clamp(0, 1)
    tone = 1 + 0.06 * canvas.noise(lawn.window, dice.randrange(1 << 16))
    canvas.lay(lawn.window, lawn.cover * 0.85, green, other=dry, mix=mix, tone=tone)


def _lay_hedge(canvas: Canvas, plot: Plot, side: int, palette: Palette, dice: random.Random) -> None:
    """A hedge between two gardens and along the back."""
    for u, v, length, width in (
        (plot.length / 2, side * plot.width * 0.15, 0.9 * METRE, plot.width * 0.7),
        (0.0, side * plot.width / 2, plot.length, 0.9 * METRE),
    ):
        line = within(plot, u, v, length, width)
        hedge = rectangle(line.x, line.y, line.length, line.width, line.angle, canvas.rows, canvas.columns)
        if hedge is None or dice.random() < 0.3:
            continue
        noise = canvas.noise(hedge.window, dice.randrange(1 << 16))
        canvas.lay(
            hedge.window, hedge.cover * 0.9, palette["canopy"], tone=(0.9 + 0.25 * noise).clamp_min(0.3)
        )
        canvas.raise_to(hedge.window, hedge.cover, 1.6)


def _lay_drive(
    canvas: Canvas, front: Plot, side: int, half: float, setback: float, palette: Palette, dice: random.Random
) -> None:
    long, wide = setback + dice.uniform(0, 6) * METRE, dice.choice((2.8, 3.2, 5.4)) * METRE
    drive = within(front, 0.36 * front.length, side * (half + long / 2), wide, long)
    local = rectangle(drive.x, drive.y, drive.length, drive.width, drive.angle, canvas.rows, canvas.columns)
    if local is None:
        return
    tone = 0.9 + 0.06 * canvas.noise(local.window, dice.randrange(1 << 16))
    canvas.lay(local.window, local.cover, palette.mixture(dice, dice.choice(DRIVES), spread=0.15), tone=tone)
    canvas.pave(local.window, local.cover)
    if dice.random() < 0.6:
        spot = within(drive, dice.uniform(-0.2, 0.2) * wide, dice.uniform(-0.2, 0.3) * side * long, 0, 0)
        park(canvas, spot.x, spot.y, drive.angle + math.pi / 2 + dice.gauss(0, 0.03), palette, dice)


def raise_houses(canvas: Canvas, houses: list[Plot], palette: Palette, dice: random.Random) -> None:
    """Build the houses of `lay_gardens`, with pools and sheds behind some."""
    pools = dice.choice((0.03, 0.08, 0.2))
    for house in houses:
        build_house(canvas, house, palette, dice)
        for _ in range(2):
            reach, turn = dice.uniform(13, 18) * METRE, dice.uniform(0, 2 * math.pi)
            x, y = house.x + reach * math.cos(turn), house.y + reach * math.sin(turn)
            angle = house.angle + dice.choice((0, math.pi / 2))
            if dice.random() < pools:
                dig_pool(canvas, x, y, angle, palette, dice)
            elif dice.random() < 0.2:
                shed = Plot(x, y, dice.uniform(3, 6) * METRE, dice.uniform(2.5, 3.5) * METRE, angle)
                build_house(canvas, shed, palette, dice, wings=False)


def build_farms(
    canvas: Canvas, zones: Tensor, roads: list[Road], palette: Palette, dice: random.Random
) -> None:
    """Put farms beside main roads where they run through fields: a yard, a house, a few barns."""
    for road in roads:
        if not road.main:
            continue
        way = dice.uniform(10, 50)
        for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(road.points)):
            if index < way:
                continue
            way += dice.uniform(20, 70)
            angle, side = math.atan2(y1 - y0, x1 - x0), dice.choice((-1, 1))
            yard = within(
                Plot(x0, y0, 0, 0, angle), 0, side * (road.width / 2 + 45 * METRE), 60 * METRE, 50 * METRE
            )
            if zone_at(zones, yard.x, yard.y) != Zone.FIELD:
                continue
            ground = disc(yard.x, yard.y, 30 * METRE, canvas.rows, canvas.columns)
            if ground is None:
                continue
            noise = canvas.noise(ground.window, dice.randrange(1 << 16))
            ragged = ((28 * METRE - torch.hypot(ground.u, ground.v)) / METRE / 3 + 2 * noise).clamp(0, 1)
            dirt = palette.mixture(dice, "trodden dirt", "tan gravel", "weedy ground")
            canvas.lay(ground.window, ragged, dirt, tone=1 + 0.08 * noise)
            lane = within(yard, 0, -side * 27 * METRE, 4 * METRE, 36 * METRE)
            track = rectangle(
                lane.x, lane.y, lane.length, lane.width, lane.angle, canvas.rows, canvas.columns
            )
            if track is not None:
                canvas.lay(track.window, track.cover, dirt)
                canvas.pave(track.window, track.cover)
            build_house(canvas, within(yard, -12 * METRE, 6 * METRE, 13 * METRE, 9 * METRE), palette, dice)
            for u, v in ((12, 12), (14, -12), (-10, -14)):
                long, wide = dice.uniform(14, 34) * METRE, dice.uniform(9, 15) * METRE
                turn = dice.choice((0, math.pi / 2))
                barn = within(yard, u * METRE, v * METRE, long, wide, turn)
                (build_hall if dice.random() < 0.5 else build_house)(canvas, barn, palette, dice)
