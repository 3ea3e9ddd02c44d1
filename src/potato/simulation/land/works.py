"""Land for work, shopping and sport: halls, car parks, containers, playing fields.

Sizes are in metres and shares are probabilities: plausible values, chosen by eye, but for the sizes
of playing fields, which are those of the sports.
"""

import math

import torch

from potato.simulation.land.buildings import build_hall
from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.roads import RoadField
from potato.simulation.land.shapes import Plot, ShapePixels
from potato.simulation.land.vehicles import CONTAINER_WIDTH, park_car, place_container

YARDS = (
    ("asphalt", "bleached asphalt"),
    ("old asphalt", "asphalt"),
    ("parking lot", "asphalt"),
    ("new asphalt", "parking lot"),
    ("bleached asphalt", "old concrete"),
    ("bridge deck", "old concrete"),
    ("asphalt", "parking lot"),
    ("old asphalt", "parking lot"),
    ("trodden dirt", "grey roof gravel"),
)
"""Pairs of surfaces that a yard is mixed of."""


def fill_works(canvas: Canvas, plots: list[Plot], field: RoadField) -> None:
    """Build on plots of the works zone: asphalt, a hall, a car park, containers and trailers.

    Roads must have been drawn: yards and buildings keep off them.
    """
    rng = canvas.rng
    for plot in plots:
        pad = canvas.footprint(plot)
        if pad is None:
            continue
        # A main road may cut through: the yard keeps 3 m off it.
        cover = pad.cover * (field.edge[pad.window.slices] > 3 * METRE)
        first, second = (canvas.mixture(name, spread=0.12) for name in rng.choice(YARDS))
        mix = (0.45 + 0.2 * canvas.noise(pad.window)).clamp(0, 1)
        tone = 1 + 0.06 * canvas.noise(pad.window)
        canvas.lay(pad.window, cover, first, other=second, mix=mix, tone=tone)
        canvas.pave(pad.window, cover)
        share = rng.choice((0.0, *(rng.uniform(0.35, 0.9) for _ in range(5))))
        low = -plot.length / 2 + 4 * METRE
        if share:
            length, width = plot.length * share - 6 * METRE, plot.width - rng.uniform(8, 26) * METRE
            slack = (plot.width - width) / 2 - 3 * METRE
            hall = plot.part(low + length / 2, rng.choice((-1, 0, 1)) * slack, length, width)
            if length > 10 * METRE and width > 10 * METRE and build_hall(canvas, hall):
                _place_trailers(canvas, plot, low, low + length)
                low += length + 6 * METRE
        if plot.length / 2 - low > 14 * METRE:
            if rng.random() < 0.82:
                _lay_car_park(canvas, pad, plot, low)
            else:
                _place_containers(canvas, plot, low)
        canvas.pave(pad.window, cover, solid=True)


def _place_trailers(canvas: Canvas, plot: Plot, low: float, high: float) -> None:
    """Leave trailers along an edge of the plot, from `low` to `high` along it, or none."""
    rng = canvas.rng
    if rng.random() < 0.5:
        return
    u = low + 4 * METRE
    while u < high - 4 * METRE:
        if rng.random() < 0.4:
            v, length = plot.width / 2 - 8 * METRE, rng.choice((8.0, 12.0, 13.6))
            place_container(canvas, plot.part(u, v, length * METRE, CONTAINER_WIDTH, math.pi / 2))
        u += 3.6 * METRE


def _place_containers(canvas: Canvas, plot: Plot, low: float) -> None:
    """Leave containers in loose rows, from `low` along the plot."""
    rng = canvas.rng
    v = -plot.width / 2 + 5 * METRE
    while v < plot.width / 2 - 5 * METRE:
        u = low + 4 * METRE
        while u < plot.length / 2 - 8 * METRE:
            if rng.random() < 0.55:
                turn, length = rng.gauss(0, 0.02), rng.choice((6.0, 12.2))
                box = plot.part(u + 6 * METRE, v, length * METRE, CONTAINER_WIDTH, turn)
                place_container(canvas, box)
            u += 13 * METRE
        v += rng.choice((2.7, 2.7, 9.0)) * METRE


def _lay_car_park(canvas: Canvas, pad: ShapePixels, plot: Plot, low: float) -> None:
    """Lay rows of bays with white lines, in pairs between aisles, from `low` along the plot."""
    rng = canvas.rng
    bay, depth, aisle = 2.6 * METRE, 5.0 * METRE, 6.5 * METRE
    high, half = plot.length / 2 - 2 * METRE, plot.width / 2 - 1.5 * METRE
    free = ~canvas.solid[pad.window.slices] & (pad.cover > 0.5) & (pad.u > low) & (pad.u < high)
    off = torch.remainder(pad.u - low, bay)
    lines = (0.65 - torch.minimum(off, bay - off)).clamp_(0, 1).mul_(0.4)
    full, v, second = rng.uniform(0.1, 0.9), -half, False
    while v + depth < half:
        row = lines * (free & (pad.v > v) & (pad.v < v + depth))
        canvas.lay(pad.window, row, canvas.palette["worn white paint"])
        busy = full * rng.uniform(0.4, 1.4)
        for k in range(int((high - low) / bay)):
            if rng.random() > busy:
                continue
            u = low + (k + 0.5) * bay + rng.gauss(0, 0.25)
            spot = plot.part(u, v + depth / 2 + rng.gauss(0, 0.5), 0, 0)
            y, x = int(spot.y), int(spot.x)
            inside = 0 <= y < canvas.rows and 0 <= x < canvas.columns
            if inside and not bool(canvas.solid[y, x]):
                park_car(canvas, spot.x, spot.y, plot.angle + rng.choice((0.5, 1.5)) * math.pi)
        v += depth + (0.3 if second else aisle)
        second = not second


def lay_pitch(canvas: Canvas, x: float, y: float, angle: float) -> None:
    """Lay a playing field or a pair of courts around (x, y), unless something solid is there."""
    rng = canvas.rng
    courts = rng.random() < 0.5
    long, wide = (36.0, 36.0) if courts else (rng.uniform(90, 105), rng.uniform(55, 65))
    plot = Plot(x, y, long * METRE, wide * METRE, angle)
    pitch = canvas.footprint(plot, margin=2)
    if pitch is None or not canvas.is_free(pitch.window, pitch.cover):
        return
    if courts:
        _lay_courts(canvas, pitch)
    else:
        _lay_field(canvas, pitch, plot)
    canvas.pave(pitch.window, pitch.cover, solid=True)


def _lay_courts(canvas: Canvas, pitch: ShapePixels) -> None:
    """Lay two tennis courts, 23.8 m by 11 m, side by side."""
    rng, palette = canvas.rng, canvas.palette
    around = rng.choice(("court green paint", "court red paint", "worn court green paint"))
    inner = rng.choice(("court green paint", "court blue paint", "sky blue paint", "worn red paint"))
    tone = 1 + 0.05 * canvas.noise(pitch.window)
    canvas.lay(pitch.window, pitch.cover, palette[around], tone=tone)
    across, along = 5.5 * METRE - (pitch.u.abs() - 9 * METRE).abs(), 11.9 * METRE - pitch.v.abs()
    play = across.clamp(0, 1) * along.clamp(0, 1) * pitch.cover
    canvas.lay(pitch.window, play, palette[inner], tone=tone)
    line = (0.8 - torch.minimum(torch.minimum(across.abs(), along.abs()), pitch.v.abs())).clamp(0, 1)
    outline = ((across > -1) & (along > -1)).float()
    canvas.lay(pitch.window, line * outline * 0.5, palette["worn white paint"])


def _lay_field(canvas: Canvas, pitch: ShapePixels, plot: Plot) -> None:
    """Lay a football field with its lines: a circle of 9.15 m, boxes 16.5 m deep and 40 m wide."""
    u, v, palette = pitch.u, pitch.v, canvas.palette
    names = ("turf", "bright turf") if canvas.rng.random() < 0.5 else ("sports lawn", "lush grass")
    first, second = (palette[name] for name in names)
    tone = 1 + 0.05 * canvas.noise(pitch.window)
    # Mown or rolled in stripes.
    stripes = (torch.sin(u * (math.pi / (5 * METRE))) * 4).clamp(-0.5, 0.5) + 0.5
    canvas.lay(pitch.window, pitch.cover, first, other=second, mix=stripes * 0.25, tone=tone)
    end, side = plot.length / 2 - 3 * METRE - u.abs(), plot.width / 2 - 3 * METRE - v.abs()
    inside = ((end > -1) & (side > -1)).float()
    ring = (torch.hypot(u, v) - 9.15 * METRE).abs()
    line = torch.minimum(torch.minimum(end.abs(), side.abs()), torch.minimum(u.abs(), ring))
    box = torch.maximum((end - 16.5 * METRE).abs(), v.abs() - 20 * METRE).clamp_min(0)
    paint = (0.9 - torch.minimum(line, box)).clamp(0, 1) * inside * 0.45 * pitch.cover
    canvas.lay(pitch.window, paint, palette["worn white paint"])
