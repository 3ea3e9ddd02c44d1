"""Buildings: houses with pitched roofs, large flat halls, swimming pools."""

import math
import random

import torch
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.light import slope_factor
from potato.simulation.land.shapes import Local, disc, rectangle
from potato.simulation.land.spectra import Palette
from potato.simulation.land.zoning import Plot

Roofs = tuple[tuple[tuple[str, ...], float], ...]

HOUSE_ROOFS: Roofs = (
    (("charcoal shingle", "black shingle", "greenish grey shingle"), 22),
    (("grey shingle", "greenish grey shingle", "mixed shingle"), 22),
    (("brown shingle", "dark brown shingle", "tan shingle"), 16),
    (("light grey shingle", "grey shingle"), 8),
    (("terracotta tile", "red clay tile", "dark terracotta tile"), 9),
    (("brown clay tile", "brown concrete tile", "mossy tile"), 8),
    (("red shingle", "rusty shingle"), 4),
    (("old wood shingle", "new wood shingle"), 3),
    (("white membrane", "dirty white roof"), 3),
    (("blue metal roof",), 1.2),
    (("navy roof",), 0.6),
    (("green metal roof", "dark green metal roof"), 1.4),
    (("bright red roof", "crimson roof"), 0.8),
)
"""Spectra mixed in one roof, and how common it is, in percent or so."""

HALL_ROOFS: Roofs = (
    (("white membrane", "dirty white roof"), 18),
    (("dirty white roof", "grey roof gravel"), 12),
    (("grey roof gravel", "brown roof gravel"), 20),
    (("grey membrane", "charcoal shingle"), 16),
    (("galvanised steel", "weathered zinc"), 12),
    (("tan gravel", "bridge deck"), 6),
    (("asphalt roof", "black shingle"), 6),
    (("cool white coating",), 3),
    (("blue metal roof",), 2),
    (("green metal roof", "mint roof"), 2),
    (("bright red roof", "maroon roof"), 1),
    (("pale blue roof",), 0.7),
    (("planted roof",), 0.7),
    (("greenhouse film",), 0.6),
)
"""The same for halls."""


def _pick(options: Roofs, dice: random.Random) -> tuple[str, ...]:
    return dice.choices([names for names, _ in options], [share for _, share in options])[0]


def _placed(canvas: Canvas, plot: Plot, margin: float = 0.0) -> Local | None:
    return rectangle(plot.x, plot.y, plot.length, plot.width, plot.angle, canvas.rows, canvas.columns, margin)


def within(plot: Plot, u: float, v: float, length: float, width: float, turn: float = 0.0) -> Plot:
    """A smaller rectangle in a plot's own coordinates: `u` along its length, `v` across, from its centre."""
    c, s = math.cos(plot.angle), math.sin(plot.angle)
    return Plot(plot.x + u * c - v * s, plot.y + u * s + v * c, length, width, plot.angle + turn)


def build_house(
    canvas: Canvas, plot: Plot, palette: Palette, dice: random.Random, wings: bool = True
) -> bool:
    """Put up a house with a pitched roof.

    Args:
        canvas: drawn on.
        plot: its outline; the ridge runs along the length.
        palette: colours.
        dice: where the randomness comes from.
        wings: whether it may have a wing, a chimney and so on.

    Returns:
        False if something stands there or it is out of sight; then nothing was drawn.
    """
    main = _placed(canvas, plot, margin=2)
    if main is None or not canvas.is_free(main.window, main.cover):
        return False
    names = _pick(HOUSE_ROOFS, dice)
    colours = palette.mixture(dice, *names, spread=0.15), palette.mixture(dice, *names, spread=0.15)
    hip, rise, eaves = dice.random() < 0.4, math.radians(dice.uniform(18, 38)), dice.uniform(2.8, 6.0)
    if wings and dice.random() < 0.5:
        side, shift = dice.choice((-1, 1)), dice.uniform(-0.25, 0.25) * plot.length
        width = plot.length * dice.uniform(0.35, 0.55)
        wing = within(
            plot, shift, side * plot.width * 0.4, plot.width * dice.uniform(0.8, 1.1), width, math.pi / 2
        )
        local = _placed(canvas, wing, margin=2)
        if local is not None and canvas.is_free(local.window, local.cover):
            _lay_roof(canvas, local, wing, hip, rise, eaves - 0.4, colours, dice)
    _lay_roof(canvas, main, plot, hip, rise, eaves, colours, dice)
    if wings:
        for _ in range(dice.randint(1, 4)):
            size = dice.uniform(0.5, 1.2) * METRE
            spot = dice.uniform(-0.4, 0.4) * plot.length, dice.uniform(-0.35, 0.35) * plot.width
            thing = dice.choice(("dark brick", "galvanised steel", "slate", "car silver"))
            _lay_detail(canvas, within(plot, *spot, size, size * dice.uniform(0.6, 1)), palette[thing])
        if dice.random() < 0.08:
            panels = within(plot, 0, -0.25 * plot.width, 0.5 * plot.length, 0.28 * plot.width)
            _lay_detail(canvas, panels, palette["solar panels"])
    return True


def _lay_roof(
    canvas: Canvas,
    local: Local,
    plot: Plot,
    hip: bool,
    rise: float,
    eaves: float,
    colours: tuple[Tensor, Tensor],
    dice: random.Random,
) -> None:
    u, v, window = local.u, local.v, local.window
    fall = plot.width / 2 - v.abs()
    right, left = (slope_factor(rise, plot.angle + turn) for turn in (math.pi / 2, -math.pi / 2))
    # Softened over a pixel at the ridge.
    side = (v + 0.5).clamp(0, 1)
    slope = side * right + (1 - side) * left
    if hip:
        ends = plot.length / 2 - u.abs()
        front, back = (slope_factor(rise, plot.angle + turn) for turn in (0.0, math.pi))
        at_end = (fall - ends + 0.5).clamp(0, 1)
        slope = slope * (1 - at_end) + torch.where(u > 0, front, back) * at_end
        fall = torch.minimum(fall, ends)
    noise = canvas.noise(window, dice.randrange(1 << 16))
    streaks = canvas.noise(window, dice.randrange(1 << 16)).mean(1, keepdim=True)
    mix = (0.5 + 0.3 * noise + 0.2 * streaks).clamp(0, 1)
    # Courses of tiles, and a pale or dark ridge.
    tone = 1 + 0.07 * noise + 0.04 * torch.sin(v * (2 * math.pi / 2.7))
    tone = tone + dice.uniform(-0.2, 0.25) * torch.exp(-(v * v))
    canvas.lay(window, local.cover, colours[0], other=colours[1], mix=mix, tone=tone)
    canvas.tilt(window, local.cover, slope)
    height = eaves + fall.clamp_min(0) / METRE * math.tan(rise)
    rows, columns = window.slices
    canvas.raise_to(window, local.cover, torch.maximum(height, canvas.height[rows, columns]))


def _lay_detail(canvas: Canvas, plot: Plot, colour: Tensor) -> Local | None:
    local = _placed(canvas, plot)
    if local is not None:
        canvas.lay(local.window, local.cover, colour)
    return local


def build_hall(canvas: Canvas, plot: Plot, palette: Palette, dice: random.Random) -> bool:
    """Put up a large building with one or several flat roofs; arguments and result as `build_house`."""
    outline = _placed(canvas, plot)
    if outline is None or not canvas.is_free(outline.window, outline.cover):
        return False
    parts, tall = [plot], dice.uniform(4.5, 9)
    if dice.random() < 0.6:
        # Parts of several ages: a main block and lower ones at its ends or along a side.
        cut = dice.uniform(0.45, 0.75)
        end = dice.choice((-1, 1))
        rest = plot.length * (1 - cut)
        back = dice.choice((0.0, dice.uniform(-0.2, 0.2))) * plot.width
        share = dice.choice((1.0, dice.uniform(0.45, 0.8)))
        parts = [
            within(plot, end * rest / 2, 0, plot.length * cut, plot.width),
            within(plot, -end * plot.length * cut / 2, back * (1 - share), rest, plot.width * share),
        ]
    for index, part in enumerate(parts):
        _lay_flat_roof(canvas, part, tall - index * dice.uniform(0.5, 3), palette, dice)
    return True


def _lay_flat_roof(canvas: Canvas, plot: Plot, tall: float, palette: Palette, dice: random.Random) -> None:
    local = _placed(canvas, plot, margin=2)
    if local is None:
        return
    names, window = _pick(HALL_ROOFS, dice), local.window
    colour, other = palette.mixture(dice, *names, spread=0.15), palette.mixture(dice, *names, spread=0.15)
    stains = (0.35 + 0.35 * canvas.noise(window, dice.randrange(1 << 16))).clamp(0, 1)
    tone, look = 1 + 0.05 * canvas.noise(window, dice.randrange(1 << 16)), dice.random()
    if look < 0.35:
        ribs = dice.uniform(1.6, 6) * METRE
        tone = tone + dice.uniform(0.03, 0.1) * torch.sin(local.u * (2 * math.pi / ribs))
    elif look < 0.65:
        # Sheets laid at different times.
        sheet = torch.floor(local.u / (dice.uniform(6, 20) * METRE))
        tone = tone + 0.07 * torch.sin(sheet * 12.9898) * torch.cos(sheet * 4.1)
    else:
        right, left = (slope_factor(0.1, plot.angle + turn) for turn in (math.pi / 2, -math.pi / 2))
        canvas.tilt(window, local.cover, torch.where(local.v > 0, right, left))
    canvas.lay(window, local.cover, colour, other=other, mix=stains, tone=tone)
    canvas.raise_to(window, local.cover, tall)
    # A parapet stands out and throws a thin shadow inwards.
    inset = torch.minimum(plot.length / 2 - local.u.abs(), plot.width / 2 - local.v.abs())
    rim = local.cover * (1.8 - inset).clamp(0, 1)
    if dice.random() < 0.7:
        edging = dice.choice(("bridge deck", "white membrane", "weathered zinc", names[0]))
        canvas.lay(window, rim * 0.7, palette[edging])
        canvas.raise_to(window, rim, tall + 0.8)
    _lay_machines(canvas, plot, tall, palette, dice)


def _lay_machines(canvas: Canvas, plot: Plot, tall: float, palette: Palette, dice: random.Random) -> None:
    """Air conditioners in rows, skylights and odd boxes."""
    things = ("galvanised steel", "white membrane", "aluminium", "slate", "weathered zinc", "car silver")
    spots: list[tuple[float, float, float]] = []
    if dice.random() < 0.4:
        v, size, gap = (
            dice.uniform(-0.3, 0.3) * plot.width,
            dice.uniform(1, 2.2) * METRE,
            dice.uniform(5, 12) * METRE,
        )
        u = -0.42 * plot.length
        while u < 0.42 * plot.length:
            spots.append((u, v, size))
            u += gap
    for _ in range(int(plot.length * plot.width / METRE**2 / dice.uniform(150, 500))):
        u, v = dice.uniform(-0.44, 0.44) * plot.length, dice.uniform(-0.4, 0.4) * plot.width
        spots.append((u, v, dice.uniform(0.8, 3.5) * METRE))
    for u, v, size in spots:
        box = _lay_detail(
            canvas, within(plot, u, v, size, size * dice.uniform(0.5, 1)), palette[dice.choice(things)]
        )
        if box is not None:
            canvas.raise_to(box.window, box.cover, tall + dice.uniform(0.3, 1.8))


def dig_pool(canvas: Canvas, x: float, y: float, angle: float, palette: Palette, dice: random.Random) -> bool:
    """Put a swimming pool with a paved rim into a garden.

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
    long, wide = dice.uniform(7, 11) * METRE, dice.uniform(4, 5.5) * METRE
    pad = rectangle(x, y, long + 3 * METRE, wide + 3 * METRE, angle, canvas.rows, canvas.columns)
    if pad is None or not canvas.is_free(pad.window, pad.cover):
        return False
    canvas.lay(
        pad.window, pad.cover, palette.mixture(dice, "concrete", "old concrete", "granite", "sandstone")
    )
    canvas.pave(pad.window, pad.cover, solid=True)
    water = rectangle(x, y, long, wide, angle, canvas.rows, canvas.columns)
    if dice.random() < 0.3:
        water = disc(x, y, wide * 0.6, canvas.rows, canvas.columns)
    if water is not None:
        names = ("pool 1 m", "pool 2 m") if dice.random() < 0.85 else ("green pool", "blue pool")
        mix = (0.5 + water.u / long).clamp(0, 1)
        tone = 1 + 0.05 * canvas.noise(water.window, dice.randrange(1 << 16))
        canvas.lay(water.window, water.cover, palette[names[0]], other=palette[names[1]], mix=mix, tone=tone)
    return True
