"""Buildings: houses with pitched roofs, large flat halls, swimming pools.

Sizes are in metres, and shares are probabilities. All were chosen by eye.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.light import slope_factor
from potato.simulation.land.shapes import Plot, ShapePixels, disc

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
"""Surfaces mixed in the roof of a house, and how common that roof is, about in percent; by eye."""

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
"""Surfaces mixed in the roof of a hall, and how common that roof is, about in percent; by eye."""


def _pick(roofs: Roofs, canvas: Canvas) -> tuple[str, ...]:
    return canvas.rng.choices([names for names, _ in roofs], [share for _, share in roofs])[0]


def build_house(canvas: Canvas, plot: Plot, extras: bool = True) -> bool:
    """Build a house with a pitched roof, whose ridge runs along the plot.

    With `extras`, it may have a wing, chimneys and solar panels. Returns False and draws nothing if
    something solid is there or the plot lies outside.
    """
    main, rng = canvas.footprint(plot, margin=2), canvas.rng
    if main is None or not canvas.is_free(main.window, main.cover):
        return False
    names = _pick(HOUSE_ROOFS, canvas)
    colours = canvas.mixture(*names, spread=0.15), canvas.mixture(*names, spread=0.15)
    hip, rise, eaves = rng.random() < 0.4, math.radians(rng.uniform(18, 38)), rng.uniform(2.8, 6.0)
    roof = _Roof(colours, hip, rise)
    if extras and rng.random() < 0.5:
        side, shift = rng.choice((-1, 1)), rng.uniform(-0.25, 0.25) * plot.length
        width = plot.length * rng.uniform(0.35, 0.55)
        length = plot.width * rng.uniform(0.8, 1.1)
        wing = plot.part(shift, side * plot.width * 0.4, length, width, math.pi / 2)
        footprint = canvas.footprint(wing, margin=2)
        if footprint is not None and canvas.is_free(footprint.window, footprint.cover):
            roof.lay(canvas, footprint, wing, eaves - 0.4)
    roof.lay(canvas, main, plot, eaves)
    if extras:
        for _ in range(rng.randint(1, 4)):
            size = rng.uniform(0.5, 1.2) * METRE
            u, v = rng.uniform(-0.4, 0.4) * plot.length, rng.uniform(-0.35, 0.35) * plot.width
            surface = rng.choice(("dark brick", "galvanised steel", "slate", "car silver"))
            _lay_detail(canvas, plot.part(u, v, size, size * rng.uniform(0.6, 1)), surface)
        if rng.random() < 0.08:
            panels = plot.part(0, -0.25 * plot.width, 0.5 * plot.length, 0.28 * plot.width)
            _lay_detail(canvas, panels, "solar panels")
    return True


@dataclass(frozen=True, slots=True)
class _Roof:
    """A pitched roof.

    Attributes:
        colours: the two spectra (9,) that it is mixed of.
        hip: whether the ends slope, too.
        rise: slope of its planes, radians.
    """

    colours: tuple[Tensor, Tensor]
    hip: bool
    rise: float

    def lay(self, canvas: Canvas, footprint: ShapePixels, plot: Plot, eaves: float) -> None:
        """Lay the roof on a plot, with its eaves at so many metres."""
        u, v, window, rng = footprint.u, footprint.v, footprint.window, canvas.rng
        fall = plot.width / 2 - v.abs()
        right, left = (slope_factor(self.rise, plot.angle + turn) for turn in (math.pi / 2, -math.pi / 2))
        # The ridge is one pixel soft.
        side = (v + 0.5).clamp(0, 1)
        sun_factor = side * right + (1 - side) * left
        if self.hip:
            ends = plot.length / 2 - u.abs()
            front, back = (slope_factor(self.rise, plot.angle + turn) for turn in (0.0, math.pi))
            at_end = (fall - ends + 0.5).clamp(0, 1)
            sun_factor = sun_factor * (1 - at_end) + torch.where(u > 0, front, back) * at_end
            fall = torch.minimum(fall, ends)
        noise = canvas.noise(window)
        streaks = canvas.noise(window).mean(1, keepdim=True)
        mix = (0.5 + 0.3 * noise + 0.2 * streaks).clamp(0, 1)
        # Courses of tiles, and a pale or dark ridge.
        tone = 1 + 0.07 * noise + 0.04 * torch.sin(v * (2 * math.pi / 2.7))
        tone = tone + rng.uniform(-0.2, 0.25) * torch.exp(-(v * v))
        canvas.lay(window, footprint.cover, self.colours[0], other=self.colours[1], mix=mix, tone=tone)
        canvas.tilt(window, footprint.cover, sun_factor)
        height = eaves + fall.clamp_min(0) / METRE * math.tan(self.rise)
        canvas.raise_to(window, footprint.cover, torch.maximum(height, canvas.height[window.slices]))


def _lay_detail(canvas: Canvas, plot: Plot, surface: str) -> ShapePixels | None:
    footprint = canvas.footprint(plot)
    if footprint is not None:
        canvas.lay(footprint.window, footprint.cover, canvas.palette[surface])
    return footprint


def build_hall(canvas: Canvas, plot: Plot) -> bool:
    """Build a large building with one or two flat roofs.

    Returns False and draws nothing if something solid is there or the plot lies outside.
    """
    outline, rng = canvas.footprint(plot), canvas.rng
    if outline is None or not canvas.is_free(outline.window, outline.cover):
        return False
    parts, tall = [plot], rng.uniform(4.5, 9)
    if rng.random() < 0.6:
        # Two ages: a main block and a lower part at one end.
        cut = rng.uniform(0.45, 0.75)
        end = rng.choice((-1, 1))
        rest = plot.length * (1 - cut)
        back = rng.choice((0.0, rng.uniform(-0.2, 0.2))) * plot.width
        share = rng.choice((1.0, rng.uniform(0.45, 0.8)))
        parts = [
            plot.part(end * rest / 2, 0, plot.length * cut, plot.width),
            plot.part(-end * plot.length * cut / 2, back * (1 - share), rest, plot.width * share),
        ]
    for index, part in enumerate(parts):
        _lay_flat_roof(canvas, part, tall - index * rng.uniform(0.5, 3))
    return True


def _lay_flat_roof(canvas: Canvas, plot: Plot, tall: float) -> None:
    footprint, rng = canvas.footprint(plot, margin=2), canvas.rng
    if footprint is None:
        return
    names, window = _pick(HALL_ROOFS, canvas), footprint.window
    colour, other = canvas.mixture(*names, spread=0.15), canvas.mixture(*names, spread=0.15)
    stains = (0.35 + 0.35 * canvas.noise(window)).clamp(0, 1)
    tone, kind = 1 + 0.05 * canvas.noise(window), rng.random()
    if kind < 0.35:
        ribs = rng.uniform(1.6, 6) * METRE
        tone = tone + rng.uniform(0.03, 0.1) * torch.sin(footprint.u * (2 * math.pi / ribs))
    elif kind < 0.65:
        # Sheets laid at different times. The factors make their tones irregular.
        sheet = torch.floor(footprint.u / (rng.uniform(6, 20) * METRE))
        tone = tone + 0.07 * torch.sin(sheet * 12.9898) * torch.cos(sheet * 4.1)
    else:
        right, left = (slope_factor(0.1, plot.angle + turn) for turn in (math.pi / 2, -math.pi / 2))
        canvas.tilt(window, footprint.cover, torch.where(footprint.v > 0, right, left))
    canvas.lay(window, footprint.cover, colour, other=other, mix=stains, tone=tone)
    canvas.raise_to(window, footprint.cover, tall)
    # A parapet rises 0.8 m above the roof and casts a thin shadow inwards.
    inset = torch.minimum(plot.length / 2 - footprint.u.abs(), plot.width / 2 - footprint.v.abs())
    rim = footprint.cover * (1.8 - inset).clamp(0, 1)
    if rng.random() < 0.7:
        edging = rng.choice(("bridge deck", "white membrane", "weathered zinc", names[0]))
        canvas.lay(window, rim * 0.7, canvas.palette[edging])
        canvas.raise_to(window, rim, tall + 0.8)
    _lay_machines(canvas, plot, tall)


def _lay_machines(canvas: Canvas, plot: Plot, tall: float) -> None:
    """Lay air conditioners in a row, skylights and single boxes on a roof `tall` metres high."""
    rng = canvas.rng
    surfaces = ("galvanised steel", "white membrane", "aluminium", "slate", "weathered zinc", "car silver")
    spots: list[tuple[float, float, float]] = []
    if rng.random() < 0.4:
        v, size = rng.uniform(-0.3, 0.3) * plot.width, rng.uniform(1, 2.2) * METRE
        gap = rng.uniform(5, 12) * METRE
        u = -0.42 * plot.length
        while u < 0.42 * plot.length:
            spots.append((u, v, size))
            u += gap
    # One box for every 150 to 500 square metres.
    for _ in range(int(plot.length * plot.width / METRE**2 / rng.uniform(150, 500))):
        u, v = rng.uniform(-0.44, 0.44) * plot.length, rng.uniform(-0.4, 0.4) * plot.width
        spots.append((u, v, rng.uniform(0.8, 3.5) * METRE))
    for u, v, size in spots:
        box = _lay_detail(canvas, plot.part(u, v, size, size * rng.uniform(0.5, 1)), rng.choice(surfaces))
        if box is not None:
            canvas.raise_to(box.window, box.cover, tall + rng.uniform(0.3, 1.8))


def dig_pool(canvas: Canvas, x: float, y: float, angle: float) -> None:
    """Put a swimming pool with a paved rim around (x, y), unless something solid is there."""
    rng = canvas.rng
    long, wide = rng.uniform(7, 11) * METRE, rng.uniform(4, 5.5) * METRE
    rim = canvas.footprint(Plot(x, y, long + 3 * METRE, wide + 3 * METRE, angle))
    if rim is None or not canvas.is_free(rim.window, rim.cover):
        return
    paving = canvas.mixture("concrete", "old concrete", "granite", "sandstone")
    canvas.lay(rim.window, rim.cover, paving)
    canvas.pave(rim.window, rim.cover, solid=True)
    water = canvas.footprint(Plot(x, y, long, wide, angle))
    if rng.random() < 0.3:
        water = disc(x, y, wide * 0.6, canvas.rows, canvas.columns)
    if water is not None:
        names = ("pool 1 m", "pool 2 m") if rng.random() < 0.85 else ("green pool", "blue pool")
        shallow, deep = (canvas.palette[name] for name in names)
        mix = (0.5 + water.u / long).clamp(0, 1)
        canvas.lay(
            water.window,
            water.cover,
            shallow,
            other=deep,
            mix=mix,
            tone=1 + 0.05 * canvas.noise(water.window),
        )
