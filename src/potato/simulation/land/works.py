"""Where people work, shop and play: halls, car parks, containers, playing fields."""

import math
import random

import torch

from potato.simulation.land.buildings import build_hall, within
from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.roads import RoadField
from potato.simulation.land.shapes import Local, rectangle
from potato.simulation.land.spectra import Palette
from potato.simulation.land.vehicles import park, stand_box
from potato.simulation.land.zoning import Plot

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
"""Pairs of spectra that a yard is mixed of."""


def fill_works(
    canvas: Canvas, plots: list[Plot], field: RoadField, palette: Palette, dice: random.Random
) -> None:
    """Build on plots: asphalt, a hall, a car park, boxes and trailers.

    Args:
        canvas: drawn on; roads must be solid already.
        plots: see `plan_works`.
        field: see `survey_roads`.
        palette: colours.
        dice: where the randomness comes from.
    """
    for plot in plots:
        pad = rectangle(plot.x, plot.y, plot.length, plot.width, plot.angle, canvas.rows, canvas.columns)
        if pad is None:
            continue
        rows, columns = pad.window.slices
        # A main road may cut through: keep off it and its verge.
        cover = pad.cover * (field.edge[rows, columns] > 3 * METRE)
        first, second = (palette.mixture(dice, name, spread=0.12) for name in dice.choice(YARDS))
        mix = (0.45 + 0.2 * canvas.noise(pad.window, dice.randrange(1 << 16))).clamp(0, 1)
        tone = 1 + 0.06 * canvas.noise(pad.window, dice.randrange(1 << 16))
        canvas.lay(pad.window, cover, first, other=second, mix=mix, tone=tone)
        canvas.pave(pad.window, cover)
        share = dice.choice((0.0, *(dice.uniform(0.35, 0.9) for _ in range(5))))
        low = -plot.length / 2 + 4 * METRE
        if share:
            length, width = plot.length * share - 6 * METRE, plot.width - dice.uniform(8, 26) * METRE
            slack = (plot.width - width) / 2 - 3 * METRE
            hall = within(plot, low + length / 2, dice.choice((-1, 0, 1)) * slack, length, width)
            if length > 10 * METRE and width > 10 * METRE and build_hall(canvas, hall, palette, dice):
                _lay_docks(canvas, plot, low, low + length, palette, dice)
                low += length + 6 * METRE
        if plot.length / 2 - low > 14 * METRE:
            if dice.random() < 0.82:
                _lay_car_park(canvas, pad, plot, low, palette, dice)
            else:
                _lay_boxes(canvas, plot, low, palette, dice)
        canvas.pave(pad.window, cover, solid=True)


def _lay_docks(
    canvas: Canvas, plot: Plot, low: float, high: float, palette: Palette, dice: random.Random
) -> None:
    """Trailers along an edge of the plot."""
    if dice.random() < 0.5:
        return
    u = low + 4 * METRE
    while u < high - 4 * METRE:
        if dice.random() < 0.4:
            spot = within(plot, u, plot.width / 2 - 8 * METRE, 0, 0)
            stand_box(
                canvas,
                spot.x,
                spot.y,
                plot.angle + math.pi / 2,
                dice.choice((8.0, 12.0, 13.6)),
                palette,
                dice,
            )
        u += 3.6 * METRE


def _lay_boxes(canvas: Canvas, plot: Plot, low: float, palette: Palette, dice: random.Random) -> None:
    """Stacks of containers in loose rows."""
    v = -plot.width / 2 + 5 * METRE
    while v < plot.width / 2 - 5 * METRE:
        u = low + 4 * METRE
        while u < plot.length / 2 - 8 * METRE:
            if dice.random() < 0.55:
                spot = within(plot, u + 6 * METRE, v, 0, 0)
                stand_box(
                    canvas,
                    spot.x,
                    spot.y,
                    plot.angle + dice.gauss(0, 0.02),
                    dice.choice((6.0, 12.2)),
                    palette,
                    dice,
                )
            u += 13 * METRE
        v += dice.choice((2.7, 2.7, 9.0)) * METRE


def _lay_car_park(
    canvas: Canvas, pad: Local, plot: Plot, low: float, palette: Palette, dice: random.Random
) -> None:
    """Rows of bays with white lines, in pairs between aisles."""
    bay, depth, aisle = 2.6 * METRE, 5.0 * METRE, 6.5 * METRE
    high, half = plot.length / 2 - 2 * METRE, plot.width / 2 - 1.5 * METRE
    rows, columns = pad.window.slices
    free = ~canvas.solid[rows, columns] & (pad.cover > 0.5) & (pad.u > low) & (pad.u < high)
    off = torch.remainder(pad.u - low, bay)
    lines = (0.65 - torch.minimum(off, bay - off)).clamp_(0, 1).mul_(0.4)
    full, v, second = dice.uniform(0.1, 0.9), -half, False
    while v + depth < half:
        canvas.lay(
            pad.window, lines * (free & (pad.v > v) & (pad.v < v + depth)), palette["worn white paint"]
        )
        busy = full * dice.uniform(0.4, 1.4)
        for k in range(int((high - low) / bay)):
            if dice.random() > busy:
                continue
            spot = within(
                plot, low + (k + 0.5) * bay + dice.gauss(0, 0.25), v + depth / 2 + dice.gauss(0, 0.5), 0, 0
            )
            row, column = int(spot.y), int(spot.x)
            inside = 0 <= row < canvas.rows and 0 <= column < canvas.columns
            if inside and not bool(canvas.solid[row, column]):
                park(canvas, spot.x, spot.y, plot.angle + dice.choice((0.5, 1.5)) * math.pi, palette, dice)
        v += depth + (0.3 if second else aisle)
        second = not second


def lay_pitch(
    canvas: Canvas, x: float, y: float, angle: float, palette: Palette, dice: random.Random
) -> bool:
    """Lay a playing field or a pair of courts, with lines.

    Args:
        canvas: drawn on.
        x: centre, pixels.
        y: centre, pixels.
        angle: radians from x towards y.
        palette: colours.
        dice: where the randomness comes from.

    Returns:
        False if something stands there; then nothing was drawn.
    """
    courts = dice.random() < 0.5
    long, wide = (36.0, 36.0) if courts else (dice.uniform(90, 105), dice.uniform(55, 65))
    plot = Plot(x, y, long * METRE, wide * METRE, angle)
    pitch = rectangle(x, y, plot.length, plot.width, angle, canvas.rows, canvas.columns, margin=2)
    if pitch is None or not canvas.is_free(pitch.window, pitch.cover):
        return False
    if courts:
        _lay_courts(canvas, pitch, palette, dice)
    else:
        _lay_field(canvas, pitch, plot, palette, dice)
    canvas.pave(pitch.window, pitch.cover, solid=True)
    return True


def _lay_courts(canvas: Canvas, pitch: Local, palette: Palette, dice: random.Random) -> None:
    around = dice.choice(("court green paint", "court red paint", "worn court green paint"))
    inner = dice.choice(("court green paint", "court blue paint", "sky blue paint", "worn red paint"))
    tone = 1 + 0.05 * canvas.noise(pitch.window, dice.randrange(1 << 16))
    canvas.lay(pitch.window, pitch.cover, palette[around], tone=tone)
    # Two tennis courts, 23.8 by 11 metres, side by side.
    across, along = 5.5 * METRE - (pitch.u.abs() - 9 * METRE).abs(), 11.9 * METRE - pitch.v.abs()
    play = across.clamp(0, 1) * along.clamp(0, 1) * pitch.cover
    canvas.lay(pitch.window, play, palette[inner], tone=tone)
    line = (0.8 - torch.minimum(torch.minimum(across.abs(), along.abs()), pitch.v.abs())).clamp(0, 1)
    outline = ((across > -1) & (along > -1)).float()
    canvas.lay(pitch.window, line * outline * 0.5, palette["worn white paint"])


def _lay_field(canvas: Canvas, pitch: Local, plot: Plot, palette: Palette, dice: random.Random) -> None:
    u, v = pitch.u, pitch.v
    names = ("turf", "bright turf") if dice.random() < 0.5 else ("sports lawn", "lush grass")
    tone = 1 + 0.05 * canvas.noise(pitch.window, dice.randrange(1 << 16))
    # Mown or rolled in stripes.
    stripes = (torch.sin(u * (math.pi / (5 * METRE))) * 4).clamp(-0.5, 0.5) + 0.5
    canvas.lay(
        pitch.window, pitch.cover, palette[names[0]], other=palette[names[1]], mix=stripes * 0.25, tone=tone
    )
    end, side = plot.length / 2 - 3 * METRE - u.abs(), plot.width / 2 - 3 * METRE - v.abs()
    inside = ((end > -1) & (side > -1)).float()
    ring = (torch.hypot(u, v) - 9.15 * METRE).abs()
    line = torch.minimum(torch.minimum(end.abs(), side.abs()), torch.minimum(u.abs(), ring))
    box = torch.maximum((end - 16.5 * METRE).abs(), v.abs() - 20 * METRE).clamp_min(0)
    line = torch.minimum(line, box)
    canvas.lay(
        pitch.window, (0.9 - line).clamp(0, 1) * inside * 0.45 * pitch.cover, palette["worn white paint"]
    )
