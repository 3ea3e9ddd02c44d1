"""Where things go: zones of land use, and roads."""

import math
import random
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import torch
from torch import Tensor

from potato.simulation.land.canvas import METRE
from potato.simulation.land.texture import clouds

Point = tuple[float, float]

ZONE_CELL = 8
"""Pixels along a cell of the map of zones."""

STEP = 12.0
"""Pixels from one point of a road to the next."""


class Zone(IntEnum):
    """What land is used for."""

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
"""Bias of each zone but water, in the order of `Zone`, against noise of deviation 1."""


@dataclass(frozen=True, slots=True)
class Road:
    """A line of asphalt.

    Attributes:
        points: (x, y), `STEP` pixels apart.
        width: of the carriageway, pixels.
        main: whether it has lanes and traffic.
        homes: whether houses stand along it.
        walks: whether it has a kerb and walks of concrete.
    """

    points: tuple[Point, ...]
    width: float
    main: bool = False
    homes: bool = False
    walks: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """A turned rectangle of land: centre, sides and angle, pixels and radians."""

    x: float
    y: float
    length: float
    width: float
    angle: float


def _march(start: Point, heading: float, rows: int, columns: int, dice: random.Random) -> list[Point]:
    """A line of straight and bent stretches from a point until it leaves the scene."""
    points: list[Point] = []
    (x, y), left, bend, margin = start, 0.0, 0.0, 80
    while -margin < x < columns + margin and -margin < y < rows + margin and len(points) < 4000:
        if left <= 0:
            left = dice.uniform(120, 500)
            bend = 0.0 if dice.random() < 0.5 else dice.choice((-1, 1)) / dice.uniform(350, 1500)
        x, y = x + STEP * math.cos(heading), y + STEP * math.sin(heading)
        heading += bend * STEP
        left -= STEP
        points.append((x, y))
    return points


def plan_main_roads(
    rows: int, columns: int, count: int, heading: float, dice: random.Random, walks: bool = False
) -> list[Road]:
    """Lines right across the scene.

    Args:
        rows: of the scene, pixels.
        columns: of the scene, pixels.
        count: how many.
        heading: of the first, radians; every other crosses it.
        dice: where the randomness comes from.
        walks: whether people walk along them.

    Returns:
        Main roads, 9 to 18 m wide.
    """
    roads = []
    for k in range(count):
        start = dice.uniform(0.15, 0.85) * columns, dice.uniform(0.15, 0.85) * rows
        course = heading + (k % 2) * math.pi / 2 + dice.gauss(0, 0.25 if k else 0)
        back = _march(start, course + math.pi, rows, columns, dice)
        points = [*reversed(back), start, *_march(start, course, rows, columns, dice)]
        width = dice.choice((9.0, 11.0, 15.0, 18.0)) * METRE
        roads.append(Road(tuple(points), width, main=True, walks=walks))
    return roads


def plan_zones(
    rows: int, columns: int, style: str, roads: list[Road], shore: Tensor, generator: torch.Generator
) -> Tensor:
    """Land use.

    Args:
        rows: of the scene, pixels.
        columns: of the scene, pixels.
        style: a key of `STYLES`.
        roads: main roads: works gather along them.
        shore: distance from the shore into the water, pixels (rows, columns); negative on land.
        generator: where the randomness comes from.

    Returns:
        `Zone` numbers, int64, in cells of `ZONE_CELL` pixels.
    """
    h, w = math.ceil(rows / ZONE_CELL), math.ceil(columns / ZONE_CELL)
    score = torch.stack([clouds(h, w, generator, 12, 2.0) + bias for bias in STYLES[style]])
    points = [point for road in roads for point in road.points[::3]]
    if points:
        ys, xs = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
        grid = torch.stack([xs.flatten(), ys.flatten()], 1) * ZONE_CELL
        distance = torch.cdist(grid, torch.tensor(points)).amin(1).reshape(h, w)
        score[Zone.WORKS] += 1.3 * torch.exp(-((distance / (80 * METRE)) ** 2))
        score[Zone.WOOD] -= 0.7 * torch.exp(-((distance / (30 * METRE)) ** 2))
    zones = score.argmax(0)
    wet = shore[::ZONE_CELL, ::ZONE_CELL][:h, :w] > -6 * METRE
    return torch.where(wet, torch.tensor(int(Zone.WATER)), zones)


def zone_at(zones: Tensor, x: float, y: float) -> int:
    """The `Zone` at a point, −1 outside the scene."""
    row, column = math.floor(y / ZONE_CELL), math.floor(x / ZONE_CELL)
    if not (0 <= row < zones.shape[0] and 0 <= column < zones.shape[1]):
        return -1
    return int(zones[row, column])


def _runs(line: list[Point], zones: Tensor, zone: Zone, least: int = 8) -> list[list[Point]]:
    """The stretches of a line in a zone or outside the scene, at least so many points of them in the zone."""
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


def plan_homes(rows: int, columns: int, zones: Tensor, heading: float, dice: random.Random) -> list[Road]:
    """Residential streets: a grid that is turned and bent, kept where there are homes.

    Args:
        rows: of the scene, pixels.
        columns: of the scene, pixels.
        zones: see `plan_zones`.
        heading: of the long streets, radians.
        dice: where the randomness comes from.

    Returns:
        Streets about 7 m wide.
    """
    radius = math.hypot(rows, columns) / 2 + 200
    c, s = math.cos(heading), math.sin(heading)
    sway = dice.choice((0.0, 10.0, 25.0, 45.0))
    waves = [(dice.uniform(500, 1100), dice.uniform(0, 2 * math.pi)) for _ in range(4)]

    def place(u: float, v: float) -> Point:
        (l0, p0), (l1, p1), (l2, p2), (l3, p3) = waves
        du = sway * (math.sin(2 * math.pi * v / l0 + p0) + 0.5 * math.sin(2 * math.pi * u / l1 + p1))
        dv = sway * (math.sin(2 * math.pi * u / l2 + p2) + 0.5 * math.sin(2 * math.pi * v / l3 + p3))
        return columns / 2 + (u + du) * c - (v + dv) * s, rows / 2 + (u + du) * s + (v + dv) * c

    spacing, v, lines = dice.uniform(64, 80) * METRE, -radius, []
    v += dice.uniform(0, spacing)
    while v < radius:
        lines.append(v)
        v += spacing * dice.choice((1.0, 1.0, 1.05, 1.6))
    along = [-radius + k * STEP for k in range(int(2 * radius / STEP))]
    roads, walks = [], dice.random() < 0.75
    for v in lines:
        for run in _runs([place(u, v) for u in along], zones, Zone.HOMES):
            roads.append(Road(tuple(run), dice.uniform(6.0, 7.5) * METRE, homes=True, walks=walks))
    for first, second in pairwise(lines):
        u = -radius + dice.uniform(0, 200) * METRE
        while u < radius:
            count = max(2, int((second - first) / STEP) + 1)
            link = [place(u, first + (second - first) * k / (count - 1)) for k in range(count)]
            runs = _runs(link, zones, Zone.HOMES, 1)
            if runs and len(runs[0]) == count:
                roads.append(Road(tuple(link), dice.uniform(6.0, 7.0) * METRE, homes=True, walks=walks))
            u += dice.uniform(110, 260) * METRE
    return roads


def _near(x: float, y: float, plots: list[Plot]) -> bool:
    """Whether a point lies within some 35 m of one of the plots."""
    return any(
        math.hypot(x - plot.x, y - plot.y) < max(plot.length, plot.width) / 2 + 35 * METRE for plot in plots
    )


def plan_works(
    rows: int, columns: int, zones: Tensor, heading: float, dice: random.Random
) -> tuple[list[Road], list[Plot]]:
    """Service roads and plots for works and shops: two rows of plots between parallel roads.

    Args:
        rows: of the scene, pixels.
        columns: of the scene, pixels.
        zones: see `plan_zones`.
        heading: of the roads, radians.
        dice: where the randomness comes from.

    Returns:
        Roads about 8 m wide, and plots that lie in the zone of works and touch none of these roads.
    """
    radius = math.hypot(rows, columns) / 2 + 100
    c, s = math.cos(heading), math.sin(heading)

    def place(u: float, v: float) -> Point:
        return columns / 2 + u * c - v * s, rows / 2 + u * s + v * c

    breadth, gap = 8 * METRE, 8 * METRE
    across, u = [], -radius + dice.uniform(0, 120) * METRE
    while u < radius:
        across.append(u)
        u += dice.uniform(150, 320) * METRE
    lines = [[place(u, -radius + k * STEP) for k in range(int(2 * radius / STEP))] for u in across]
    plots, v = [], -radius + dice.uniform(0, 80) * METRE
    while v < radius:
        lines.append([place(-radius + k * STEP, v) for k in range(int(2 * radius / STEP))])
        v += breadth / 2 + gap
        for _ in range(dice.choice((1, 2, 2))):
            deep = dice.uniform(50, 95) * METRE
            for left, right in pairwise(across):
                u, end = left + breadth / 2 + gap, right - breadth / 2 - gap
                while end - u > 30 * METRE:
                    long = min(dice.uniform(45, 130) * METRE, end - u)
                    x, y = place(u + long / 2, v + deep / 2)
                    spots = [place(u + long * a, v + deep * b) for a in (0, 0.5, 1) for b in (0, 0.5, 1)]
                    kinds = [zone_at(zones, *spot) for spot in spots]
                    if kinds[4] == Zone.WORKS and Zone.WATER not in kinds and kinds.count(Zone.HOMES) < 3:
                        plots.append(Plot(x, y, long, deep, heading))
                    u += long + dice.uniform(2, 10) * METRE
            v += deep + dice.uniform(2, 8) * METRE
        v += gap
    runs = [run for line in lines for run in _runs(line, zones, Zone.WORKS, 6)]
    kept = [[point for point in run if _near(*point, plots)] for run in runs]
    return [Road(tuple(run), breadth) for run in kept if len(run) > 3], plots
