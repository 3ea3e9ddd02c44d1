"""Simulated ground: a piece of suburb, town or country in the planes of `land.basis`.

Numbers without a source were chosen by eye.
"""

import math
import random
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from potato.core.color import mul_to_xyz
from potato.core.noise import power_noise
from potato.engine.torch_threads import one_thread
from potato.simulation.artefacts import binomial, boost_mtf
from potato.simulation.land.basis import BASIS
from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.cover import lay_fields, lay_grass
from potato.simulation.land.homes import build_farms, build_houses, lay_gardens
from potato.simulation.land.light import illuminate
from potato.simulation.land.roads import RoadField, lay_roads, survey_roads
from potato.simulation.land.shapes import Plot
from potato.simulation.land.spectra import Palette, pan_beyond_red
from potato.simulation.land.texture import draw_rng
from potato.simulation.land.trees import plant
from potato.simulation.land.vehicles import Mover, park_car, place_traffic
from potato.simulation.land.water import lay_water, plan_shore
from potato.simulation.land.works import fill_works, lay_pitch
from potato.simulation.land.zoning import (
    STYLES,
    Road,
    Zone,
    plan_homes,
    plan_main_roads,
    plan_works,
    plan_zones,
    zone_at,
)

LEAST_SIDE = 64
"""Pan pixels along the side of the smallest scene."""

DARKEST = 0.001
"""Lowest reflectance of a pixel: there is always some light from things around."""

BRIGHTEST = 1.5
"""Highest reflectance of a pixel: brighter glints are too rare to matter."""

PIXEL_NOISE = 0.03
"""Standard deviation of the factor that each pixel's reflectance gets at the end."""

WARMTH = (0.0, -0.17, -0.14, -0.04, 0.05, 0.12, 0.05, -0.1, -0.1)
"""Powers of luminance that `warm` multiplies pan and the bands by. They make Oklab's a grow by 0.04
of L and b by 0.07; in a real suburb both grow by 0.07 to 0.09 in all, since soil and roofs are
brighter than leaves and shadows are blue."""

LEAFY = (0.4, 0.7)
"""NDVI up to which a surface has no leaves, and from which it is all leaves."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A scene before any imager sees it, at pan scale.

    Attributes:
        planes: apparent reflectance in pan and the 8 bands (9, h, w), in the order of
            `land.basis.BASIS`, float32, 0.001..1.5.
        height: metres above the ground (h, w).
        shade: share of shadow, 0..1 (h, w).
        movers: vehicles that move while the imager looks. They are not in `planes`:
            `imager.observe` and `imager.truth` draw them.
        style: the kind of land.
    """

    planes: Tensor
    height: Tensor
    shade: Tensor
    movers: tuple[Mover, ...]
    style: str

    @classmethod
    def flat(cls, planes: Tensor, movers: tuple[Mover, ...], style: str) -> "Ground":
        """A ground without height and shadow, of pan and the bands (9, h, w)."""
        level = torch.zeros(planes.shape[1:])
        return cls(planes, level, level, movers, style)

    @property
    def pan(self) -> Tensor:
        """Pan alone (h, w)."""
        return self.planes[0]

    @property
    def bands(self) -> Tensor:
        """The bands alone (8, h, w)."""
        return self.planes[1:]

    def with_planes(self, planes: Tensor) -> "Ground":
        """The ground with other planes (9, h, w), which are new and are clamped in place."""
        return replace(self, planes=planes.clamp_(DARKEST, BRIGHTEST))


@one_thread()
def make_ground(
    height: int,
    width: int,
    generator: torch.Generator,
    style: str | None = None,
    palette: Palette | None = None,
) -> Ground:
    """Draw a piece of land.

    Args:
        height: pan pixels of half a metre, at least 64.
        width: pan pixels of half a metre, at least 64.
        generator: source of all random numbers; the same state gives the same land.
        style: "suburb", "town" or "country"; None for a random one.
        palette: colours; None for the packaged reflectances.

    Returns:
        The land, lit by sun and sky.

    Raises:
        ValueError: if the size or the style isn't one of these.

    Example:
        >>> ground = make_ground(64, 64, torch.Generator().manual_seed(1))
        >>> tuple(ground.bands.shape)
        (8, 64, 64)
    """
    if min(height, width) < LEAST_SIDE:
        raise ValueError(f"expected sides of {LEAST_SIDE} pan pixels or more, found {height} × {width}")
    if style is not None and style not in STYLES:
        raise ValueError(f"expected a style of {', '.join(STYLES)}, found {style!r}")
    palette = palette or Palette()
    rng = draw_rng(generator)
    style = style or rng.choice(tuple(STYLES))
    plan = _make_plan(height, width, style, generator, rng)
    grain = power_noise(height, width, generator, 0.85).clamp_(-3, 3)
    canvas = Canvas(grain, palette, rng, generator)
    hedges = _build(canvas, plan)
    roads, zones, dryness, verge = plan.roads, plan.zones, plan.dryness, plan.field.edge < 2
    del plan  # large
    plant(canvas, zones, verge, hedges, dryness)
    del hedges, verge
    movers = place_traffic([road for road in roads if road.main], canvas.height, palette, rng)
    shade = illuminate(canvas)
    planes = canvas.planes
    noise = torch.randn(height, width, generator=generator).mul_(PIXEL_NOISE).add_(1)
    planes.mul_(noise).clamp_(DARKEST, BRIGHTEST)
    return Ground(planes, canvas.height, shade, movers, style)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The geography of a scene, as the functions of `land.zoning` and `plan_shore` plan it."""

    heading: float
    dryness: float
    roads: list[Road]
    plots: list[Plot]
    shore: Tensor
    zones: Tensor
    field: RoadField


def _make_plan(height: int, width: int, style: str, generator: torch.Generator, rng: random.Random) -> _Plan:
    heading, dryness = rng.uniform(0, math.pi), rng.random() ** 1.5
    area = _square_km(height, width)
    count = max(int(rng.random() < 0.75), round(area * rng.uniform(0.8, 2.5)))
    mains = plan_main_roads(height, width, min(3, count), heading, rng, walks=style != "country")
    wet = 0.15 + 0.45 * min(1.0, area)
    shore = plan_shore(height, width, heading + rng.uniform(0.5, 1.2), wet, generator, rng)
    zones = plan_zones(height, width, style, mains, shore, generator)
    service, plots = plan_works(height, width, zones, heading, rng)
    streets = plan_homes(height, width, zones, heading + rng.choice((0, math.pi / 2)), rng)
    roads = [*streets, *service, *mains]
    return _Plan(heading, dryness, roads, plots, shore, zones, survey_roads(height, width, roads))


def _square_km(height: int, width: int) -> float:
    return height * width / (1000 * METRE) ** 2


def _build(canvas: Canvas, plan: _Plan) -> Tensor:
    """Draw a scene from the ground up, but for trees; the nearness of field borders (h, w)."""
    rng = canvas.rng
    lay_grass(canvas, plan.zones, plan.dryness)
    hedges = lay_fields(canvas, plan.zones, plan.heading)
    lay_water(canvas, plan.shore)
    houses = lay_gardens(canvas, plan.zones, plan.field, plan.roads)
    lay_roads(canvas, plan.field, plan.roads)
    fill_works(canvas, plan.plots, plan.field)
    # 25 tries in each square kilometre, of which those in parks give playing fields.
    for _ in range(math.ceil(25 * _square_km(canvas.rows, canvas.columns))):
        x, y = rng.uniform(0, canvas.columns), rng.uniform(0, canvas.rows)
        if zone_at(plan.zones, x, y) == Zone.PARK:
            lay_pitch(canvas, x, y, plan.heading + rng.choice((0, math.pi / 2)))
    build_houses(canvas, houses)
    build_farms(canvas, plan.zones, plan.roads)
    for street in plan.roads:
        for (x0, y0), (x1, y1) in pairwise(street.points) if street.homes else ():
            if rng.random() < 0.06:
                angle, off = math.atan2(y1 - y0, x1 - x0), rng.choice((-1, 1)) * (street.width / 2 - 2.2)
                park_car(canvas, x0 - off * math.sin(angle), y0 + off * math.cos(angle), angle)
    return hedges


@one_thread()
def sharpen_edges(ground: Ground, amount: float) -> Ground:
    """Sharpen the edges of a ground, but for moving vehicles.

    Args:
        ground: any.
        amount: as `artefacts.boost_mtf` takes it.
    """
    return ground.with_planes(boost_mtf(ground.planes, amount)) if amount else ground


def soften(ground: Ground, rounds: int) -> Ground:
    """Soften a ground, but for moving vehicles: fields and sand have no sharp edges.

    Args:
        ground: any.
        rounds: how often the 3×3 binomial blur is applied, which has a standard deviation of √½
            pixels.
    """
    planes = ground.planes
    for _ in range(rounds):
        planes = binomial(planes)
    return ground.with_planes(planes)


@one_thread()
def desaturate(ground: Ground, saturation: float, spectrum: Tensor) -> Ground:
    """Move every surface but leaves nearer to one spectrum.

    A real town of dry soil and concrete has half or a third of the colour of photographs and
    simulated land, and nearly all of its variation is common to all bands. Its trees are green.

    Args:
        ground: any.
        saturation: 0 leaves one spectrum in light and dark; 1 changes nothing.
        spectrum: of pan and the bands (9,), of any brightness.

    Returns:
        A new ground with the same luminance Y at every pixel; moving vehicles stay as they are.
    """
    luminance = mul_to_xyz(ground.bands, BASIS)[1]
    spectrum = spectrum[:, None, None] / mul_to_xyz(spectrum[1:, None, None], BASIS)[1]
    replaced = (1 - saturation) * (1 - _leaves(ground))
    kept = ground.planes * (1 - replaced)
    return ground.with_planes(kept.addcmul_(spectrum, replaced * luminance))


def _leaves(ground: Ground) -> Tensor:
    """The share of leaves in each pixel (h, w), 0..1, from its NDVI."""
    red, infrared = (ground.bands[BASIS.bands.index(name)] for name in ("red", "nir1"))
    low, high = LEAFY
    return ((infrared - red) / (infrared + red)).sub_(low).div_(high - low).clamp_(0, 1)


@one_thread()
def warm(ground: Ground, warmth: float) -> Ground:
    """Make bright places redder and dark ones bluer.

    Args:
        ground: any.
        warmth: factor of `WARMTH`; 0 changes nothing.

    Returns:
        A new ground; moving vehicles stay as they are.
    """
    luminance = mul_to_xyz(ground.bands, BASIS)[1].clamp_min(DARKEST)
    light = (luminance / luminance.log().mean().exp()).log_()
    # A plane at a time fits the cache, and some have equal powers.
    factors = {power: (light * (warmth * power)).exp_() for power in set(WARMTH)}
    planes = torch.empty_like(ground.planes)
    for plane, before, power in zip(planes, ground.planes, WARMTH, strict=True):
        torch.mul(before, factors[power], out=plane)
    return ground.with_planes(planes)


@one_thread()
def vary_foliage(
    ground: Ground, amount: float, evenness: float, dimness: float, generator: torch.Generator
) -> Ground:
    """Make leaves darker in visible light, and vary them independently beyond red.

    Infrared light passes through leaves and comes back from those below, so it shows how many
    layers there are; visible light shows the top leaves and their shadows. On real canopies the two
    are hardly correlated, and most of the detail that pan shows there comes from beyond red.

    Args:
        ground: any.
        amount: standard deviation of the logarithm of the independent factor beyond red.
        evenness: share of sun and shade beyond red that is removed; below 0 deepens them.
        dimness: share that leaves lose in visible light.
        generator: source of the random numbers.

    Returns:
        A new ground; moving vehicles stay as they are.
    """
    leaves = _leaves(ground)
    light = mul_to_xyz(ground.bands, BASIS)[1].clamp_min(DARKEST).log()
    typical = (light * leaves).sum() / leaves.sum().clamp_min(1)
    # The factor varies by crowns and groups of them: within a crown all light varies alike.
    height, width = light.shape
    fields = [power_noise(height, width, generator, power) for power in (1.4, 2.0)]
    own = 0.75 * amount * (fields[0] + fields[1])
    beyond = ((evenness * (typical - light) + own) * leaves).clamp_(-1, 1).exp_()
    visible = 1 - dimness * leaves
    share = pan_beyond_red(ground.planes)
    planes = torch.empty_like(ground.planes)
    torch.mul(ground.pan, (1 - share) * visible + share * beyond, out=planes[0])
    torch.mul(ground.bands[: len(BASIS.visible)], visible, out=planes[1 : 1 + len(BASIS.visible)])
    torch.mul(ground.bands[len(BASIS.visible) :], beyond, out=planes[1 + len(BASIS.visible) :])
    return ground.with_planes(planes)
