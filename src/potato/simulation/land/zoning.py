"""The plan of a scene: zones of land use, roads and plots.

Sizes are in metres where `METRE` multiplies them, else in pixels. All were chosen by eye.
"""

import math
import random
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import torch
from torch import Tensor

from potato.simulation.land.canvas import METRE
from potato.simulation.land.shapes import Plot
from potato.simulation.land.texture import clouds

Point = tuple[float, float]

ZONE_SIDE = 8
"""Pixels along a square of the zone map."""

STEP = 12.0
"""Pixels from one point of a road to the next."""

LANE = 3.4 * METRE
"""Width of a lane, pixels; by eye."""


class Zone(IntEnum):
    """The use of land."""

    HOMES = 0
    WORKS = 1
    PARK = 2
    WOOD = 3
    FIELD = 4
    WATER = 5


STYLES: dict[str, tuple[float, float, float, float, float]] = {
    "suburb": (1.4, -0.2, -0.1, 0.5, -1.3),
    "town": (0.7, 1.0, -0.1, -0.2, -2.5),
    "country": (-0.9, -1.6, -1.4, 0.5, 1.3),
}
"""Bias of each zone but water, in their order, against noise of standard deviation 1; by eye."""


@dataclass(frozen=True, slots=True)
class Road:
    """A line of asphalt.

    Attributes:
        points: (x, y), `STEP` pixels apart.
        width: of the carriageway, pixels.
        main: whether it has lanes and traffic.
        homes: whether houses stand along it.
        walks: whether it has a kerb and concrete pavements.
    """

    points: tuple[Point, ...]
    width: float
    main: bool = False
    homes: bool = False
    walks: bool = False


def _trace(start: Point, heading: float, rows: int, columns: int, rng: random.Random) -> list[Point]:
    """A line of straight and bent stretches from a point until it leaves the scene by 80 pixels."""
    points: list[Point] = []
    (x, y), left, bend, margin = start, 0.0, 0.0, 80
    while -margin < x < columns + margin and -margin < y < rows + margin and len(points) < 4000:
        if left <= 0:
            left = rng.uniform(120, 500)
            bend = 0.0 if rng.random() < 0.5 else rng.choice((-1, 1)) / rng.uniform(350, 1500)
        x, y = x + STEP * math.cos(heading), y + STEP * math.sin(heading)
        heading += bend * STEP
        left -= STEP
        points.append((x, y))
    return points


def plan_main_roads(
    rows: int, columns: int, count: int, heading: float, rng: random.Random, walks: bool = False
) -> list[Road]:
    """Plan main roads right across the scene, 9 to 18 m wide.

    The first one has a direction of about `heading`, radians, and every other crosses it.
    """
    roads = []
    for k in range(count):
        start = rng.uniform(0.15, 0.85) * columns, rng.uniform(0.15, 0.85) * rows
        course = heading + (k % 2) * math.pi / 2 + rng.gauss(0, 0.25 if k else 0)
        back = _trace(start, course + math.pi, rows, columns, rng)
        points = [*reversed(back), start, *_trace(start, course, rows, columns, rng)]
        width = rng.choice((9.0, 11.0, 15.0, 18.0)) * METRE
        roads.append(Road(tuple(points), width, main=True, walks=walks))
    return roads


def plan_zones(
    rows: int, columns: int, style: str, roads: list[Road], shore: Tensor, generator: torch.Generator
) -> Tensor:
    """Plan land use.

    Args:
        rows: of the scene, pixels.
        columns: of the scene, pixels.
        style: a key of `STYLES`.
        roads: main roads; works gather along them, and woods keep off.
        shore: of `plan_shore`.
        generator: source of the random numbers.

    Returns:
        `Zone` numbers, int64, one for each square of `ZONE_SIDE` pixels.
    """
    h, w = math.ceil(rows / ZONE_SIDE), math.ceil(columns / ZONE_SIDE)
    score = torch.stack([clouds(h, w, generator, 12, 2.0) + bias for bias in STYLES[style]])
    points = [point for road in roads for point in road.points[::3]]
    if points:
        ys, xs = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
        grid = torch.stack([xs.flatten(), ys.flatten()], 1) * ZONE_SIDE
        distance = torch.cdist(grid, torch.tensor(points)).amin(1).reshape(h, w)
        score[Zone.WORKS] += 1.3 * torch.exp(-((distance / (80 * METRE)) ** 2))
        score[Zone.WOOD] -= 0.7 * torch.exp(-((distance / (30 * METRE)) ** 2))
    zones = score.argmax(0)
    wet = shore[::ZONE_SIDE, ::ZONE_SIDE][:h, :w] > -6 * METRE
    return torch.where(wet, torch.tensor(int(Zone.WATER)), zones)


def zone_at(zones: Tensor, x: float, y: float) -> int:
    """The `Zone` at a point, −1 outside the scene."""
    row, column = math.floor(y / ZONE_SIDE), math.floor(x / ZONE_SIDE)
    if not (0 <= row < zones.shape[0] and 0 <= column < zones.shape[1]):
        return -1
    return int(zones[row, column])


def _runs(line: list[Point], zones: Tensor, zone: Zone, least: int = 8) -> list[list[Point]]:
    """Stretches of a line in a zone or outside the scene, `least` points or more in the zone."""
    found: list[list[Point]] = [[]]
    counts = [0]
    for x, y in line:
        here = zone_at(zones, x, y)
        if here in (zone, -1):
            found[-1].append((x, y))
            counts[-1] += here == zone
        elif found[-1]:
            found.append([])
            counts.append(0)
    return [run for run, count in zip(found, counts, strict=True) if count >= least]


def plan_homes(rows: int, columns: int, zones: Tensor, heading: float, rng: random.Random) -> list[Road]:
    """Plan residential streets, about 7 m wide: a turned and bent grid, kept where there are homes.

    `heading` is the direction of the long streets, radians.
    """
    radius = math.hypot(rows, columns) / 2 + 200
    c, s = math.cos(heading), math.sin(heading)
    warp = rng.choice((0.0, 10.0, 25.0, 45.0))
    waves = [(rng.uniform(500, 1100), rng.uniform(0, 2 * math.pi)) for _ in range(4)]

    def place(u: float, v: float) -> Point:
        (l0, p0), (l1, p1), (l2, p2), (l3, p3) = waves
        du = warp * (math.sin(2 * math.pi * v / l0 + p0) + 0.5 * math.sin(2 * math.pi * u / l1 + p1))
        dv = warp * (math.sin(2 * math.pi * u / l2 + p2) + 0.5 * math.sin(2 * math.pi * v / l3 + p3))
        return columns / 2 + (u + du) * c - (v + dv) * s, rows / 2 + (u + du) * s + (v + dv) * c

    spacing, v, lines = rng.uniform(64, 80) * METRE, -radius, []
    v += rng.uniform(0, spacing)
    while v < radius:
        lines.append(v)
        v += spacing * rng.choice((1.0, 1.0, 1.05, 1.6))
    along = [-radius + k * STEP for k in range(int(2 * radius / STEP))]
    roads, walks = [], rng.random() < 0.75
    for v in lines:
        for run in _runs([place(u, v) for u in along], zones, Zone.HOMES):
            roads.append(Road(tuple(run), rng.uniform(6.0, 7.5) * METRE, homes=True, walks=walks))
    for first, second in pairwise(lines):
        u = -radius + rng.uniform(0, 200) * METRE
        while u < radius:
            count = max(2, int((second - first) / STEP) + 1)
            link = [place(u, first + (second - first) * k / (count - 1)) for k in range(count)]
            runs = _runs(link, zones, Zone.HOMES, 1)
            if runs and len(runs[0]) == count:
                roads.append(Road(tuple(link), rng.uniform(6.0, 7.0) * METRE, homes=True, walks=walks))
            u += rng.uniform(110, 260) * METRE
    return roads


def _near(x: float, y: float, plots: list[Plot]) -> bool:
    """Whether a point lies within some 35 m of one of the plots."""
    return any(
        math.hypot(x - plot.x, y - plot.y) < max(plot.length, plot.width) / 2 + 35 * METRE for plot in plots
    )


def plan_works(
    rows: int, columns: int, zones: Tensor, heading: float, rng: random.Random
) -> tuple[list[Road], list[Plot]]:
    """Plan service roads and plots for works: one or two rows of plots between parallel roads.

    `heading` is the direction of the roads, radians.

    Returns:
        Roads 8 m wide, and plots in the works zone that touch none of these roads.
    """
    radius = math.hypot(rows, columns) / 2 + 100
    c, s = math.cos(heading), math.sin(heading)

    def place(u: float, v: float) -> Point:
        return columns / 2 + u * c - v * s, rows / 2 + u * s + v * c

    breadth, gap = 8 * METRE, 8 * METRE
    across, u = [], -radius + rng.uniform(0, 120) * METRE
    while u < radius:
        across.append(u)
        u += rng.uniform(150, 320) * METRE
    lines = [[place(u, -radius + k * STEP) for k in range(int(2 * radius / STEP))] for u in across]
    plots, v = [], -radius + rng.uniform(0, 80) * METRE
    while v < radius:
        lines.append([place(-radius + k * STEP, v) for k in range(int(2 * radius / STEP))])
        v += breadth / 2 + gap
        for _ in range(rng.choice((1, 2, 2))):
            deep = rng.uniform(50, 95) * METRE
            for left, right in pairwise(across):
                u, end = left + breadth / 2 + gap, right - breadth / 2 - gap
                while end - u > 30 * METRE:
                    long = min(rng.uniform(45, 130) * METRE, end - u)
                    x, y = place(u + long / 2, v + deep / 2)
                    spots = [place(u + long * a, v + deep * b) for a in (0, 0.5, 1) for b in (0, 0.5, 1)]
                    kinds = [zone_at(zones, *spot) for spot in spots]
                    if kinds[4] == Zone.WORKS and Zone.WATER not in kinds and kinds.count(Zone.HOMES) < 3:
                        plots.append(Plot(x, y, long, deep, heading))
                    u += long + rng.uniform(2, 10) * METRE
            v += deep + rng.uniform(2, 8) * METRE
        v += gap
    runs = [run for line in lines for run in _runs(line, zones, Zone.WORKS, 6)]
    kept = [[point for point in run if _near(*point, plots)] for run in runs]
    return [Road(tuple(run), breadth) for run in kept if len(run) > 3], plots
