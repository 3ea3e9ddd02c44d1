"""Simulated ground: a piece of suburb, town or country as pan and the 8 bands would see it."""

import math
import random
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from potato.core.color import mul_to_xyz
from potato.core.noise import power_noise
from potato.core.sensors import RATIO, VISIBLE
from potato.engine.devices import one_thread
from potato.simulation.artefacts import over_sharpen
from potato.simulation.land.canvas import METRE, Canvas
from potato.simulation.land.cover import lay_fields, lay_grass
from potato.simulation.land.homes import build_farms, lay_gardens, raise_houses
from potato.simulation.land.light import illuminate
from potato.simulation.land.roads import lay_roads, survey_roads
from potato.simulation.land.spectra import Palette, pan_beyond_red
from potato.simulation.land.trees import plant
from potato.simulation.land.vehicles import Mover, park, roll
from potato.simulation.land.water import lay_water, plan_shore
from potato.simulation.land.works import fill_works, lay_pitch
from potato.simulation.land.zoning import (
    STYLES,
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
"""Reflectance below which no pixel falls: there is always some light from around."""

BRIGHTEST = 1.5
"""Reflectance above which no pixel rises: glints are rarer than that matters."""


WARMTH = (0.0, -0.17, -0.14, -0.04, 0.05, 0.12, 0.05, -0.1, -0.1)
"""By which power of luminance pan and the bands grow beyond it: by 0.04 of L in Oklab's a and 0.07 in b. In a
real suburb both do so by 0.07 to 0.09 in all: soil and roofs are brighter than leaves, and shadows blue."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A scene without any instrument, at pan scale.

    Attributes:
        pan: apparent reflectance in the pan band (h, w), float32, 0.001..1.5.
        bands: the same in the 8 bands (8, h, w), in the order of `potato.core.sensors.BANDS`.
        height: metres above the ground (h, w).
        shade: share of shadow, 0..1 (h, w).
        movers: vehicles that move while the sensor looks. They aren't in `pan` and `bands`:
            `potato.simulation.imager.truth` puts them in.
        style: what kind of land it is.
    """

    pan: Tensor
    bands: Tensor
    height: Tensor
    shade: Tensor
    movers: tuple[Mover, ...]
    style: str

    @property
    def planes(self) -> Tensor:
        """Pan and the bands, new: (9, h, w)."""
        return torch.cat([self.pan[None], self.bands])


@one_thread()
def make_ground(
    height: int,
    width: int,
    generator: torch.Generator,
    style: str | None = None,
    palette: Palette | None = None,
) -> Ground:
    """Invent a piece of land.

    Args:
        height: pan pixels of half a metre, a multiple of 4, at least 64.
        width: the same.
        generator: where all randomness comes from; the same state gives the same land.
        style: "suburb", "town" or "country"; None leaves it to chance.
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
    if min(height, width) < LEAST_SIDE or height % RATIO or width % RATIO:
        raise ValueError(
            f"expected sides of {LEAST_SIDE} pan pixels or more, all multiples of {RATIO}, "
            f"found {height} × {width}"
        )
    if style is not None and style not in STYLES:
        raise ValueError(f"expected a style of {', '.join(STYLES)}, found {style!r}")
    palette = palette or Palette()
    dice = random.Random(int(torch.randint(1 << 62, (), generator=generator)))
    style = style or dice.choice(tuple(STYLES))
    square_km = height * width / (1000 * METRE) ** 2

    # Geography: nothing is drawn yet.
    heading, dryness = dice.uniform(0, math.pi), dice.random() ** 1.5
    count = max(int(dice.random() < 0.75), round(square_km * dice.uniform(0.8, 2.5)))
    mains = plan_main_roads(height, width, min(3, count), heading, dice, walks=style != "country")
    wet = 0.15 + 0.45 * min(1.0, square_km)
    shore = plan_shore(height, width, heading + dice.uniform(0.5, 1.2), wet, generator, dice)
    zones = plan_zones(height, width, style, mains, shore, generator)
    service, plots = plan_works(height, width, zones, heading, dice)
    streets = plan_homes(height, width, zones, heading + dice.choice((0, math.pi / 2)), dice)
    roads = [*streets, *service, *mains]
    field = survey_roads(height, width, roads)

    # From the ground up.
    canvas = Canvas(height, width, power_noise(height, width, generator, 0.85).clamp_(-3, 3))
    lay_grass(canvas, zones, dryness, generator, palette, dice)
    hedges = lay_fields(canvas, zones, heading, generator, palette, dice)
    lay_water(canvas, shore, generator, palette, dice)
    del shore
    houses = lay_gardens(canvas, zones, field, roads, palette, dice)
    lay_roads(canvas, field, roads, palette, dice)
    fill_works(canvas, plots, field, palette, dice)
    for _ in range(math.ceil(25 * square_km)):
        x, y = dice.uniform(0, width), dice.uniform(0, height)
        if zone_at(zones, x, y) == Zone.PARK:
            lay_pitch(canvas, x, y, heading + dice.choice((0, math.pi / 2)), palette, dice)
    raise_houses(canvas, houses, palette, dice)
    build_farms(canvas, zones, mains, palette, dice)
    for street in streets:
        for (x0, y0), (x1, y1) in pairwise(street.points):
            if dice.random() < 0.06:
                angle, off = math.atan2(y1 - y0, x1 - x0), dice.choice((-1, 1)) * (street.width / 2 - 2.2)
                park(canvas, x0 - off * math.sin(angle), y0 + off * math.cos(angle), angle, palette, dice)
    verge = field.edge < 2
    del field
    plant(canvas, zones, verge, hedges, dryness, generator, palette, dice)
    del hedges, verge

    movers = roll(mains, canvas.height, palette, dice)
    shade = illuminate(canvas)
    planes = canvas.planes
    # What no model holds: every pixel differs a little.
    planes.mul_(torch.randn(height, width, generator=generator).mul_(0.03).add_(1)).clamp_(DARKEST, BRIGHTEST)
    return Ground(planes[0], planes[1:], canvas.height, shade, movers, style)


@one_thread()
def crispen(ground: Ground, amount: float) -> Ground:
    """The same ground with crisper edges; vehicles that move stay as they are.

    Args:
        ground: any.
        amount: as `optics.over_sharpen` takes it.
    """
    planes = over_sharpen(ground.planes, amount).clamp_(DARKEST, BRIGHTEST)
    return replace(ground, pan=planes[0], bands=planes[1:])


@one_thread()
def mute(ground: Ground, colourfulness: float, spectrum: Tensor) -> Ground:
    """The same ground, with every surface nearer to one spectrum.

    A real town of dry soil and concrete has half or a third of the colour that photographs and invented land
    have, and nearly all of what varies in it varies in all bands alike. Its trees are as green as others.

    Args:
        ground: any.
        colourfulness: 0 leaves light and dark of that one spectrum, but for leaves; 1 changes nothing.
        spectrum: of pan and the bands (9,); how light it is doesn't matter.

    Returns:
        A new ground whose luminance Y is the same everywhere; vehicles that move stay as they are.
    """
    luminance = mul_to_xyz(ground.bands)[1]
    spectrum = spectrum[:, None, None] / mul_to_xyz(spectrum[1:, None, None])[1]
    muted = (1 - colourfulness) * (1 - _leaves(ground))
    planes = ground.planes
    planes.mul_(1 - muted).addcmul_(spectrum, muted * luminance)
    planes.clamp_(DARKEST, BRIGHTEST)
    return replace(ground, pan=planes[0], bands=planes[1:])


def _leaves(ground: Ground) -> Tensor:
    """How far a ground is leaves (h, w), 0..1, by its NDVI: none at 0.4, all from 0.7."""
    red, infrared = ground.bands[4], ground.bands[6]
    return ((infrared - red) / (infrared + red)).sub_(0.4).div_(0.3).clamp_(0, 1)


@one_thread()
def warm(ground: Ground, warmth: float) -> Ground:
    """The same ground, whose brighter places are redder and whose darker ones are bluer.

    Args:
        ground: any.
        warmth: 0 changes nothing; 1 is as much as `WARMTH` says.

    Returns:
        A new ground; vehicles that move stay as they are.
    """
    luminance = mul_to_xyz(ground.bands)[1].clamp_min(DARKEST)
    light = (luminance / luminance.log().mean().exp()).log_()
    planes = ground.planes
    planes.mul_(torch.exp(warmth * torch.tensor(WARMTH)[:, None, None] * light)).clamp_(DARKEST, BRIGHTEST)
    return replace(ground, pan=planes[0], bands=planes[1:])


@one_thread()
def vary_foliage(
    ground: Ground, amount: float, evenness: float, dimness: float, generator: torch.Generator
) -> Ground:
    """The same ground, whose leaves are dark in visible light and differ beyond red by themselves.

    Infrared light goes through leaves and comes back from those below. So it tells of how many there are,
    visible light of those on top and their shadows; on real canopies the one hardly follows the other, and
    most of what pan shows there lies beyond red.

    Args:
        ground: any.
        amount: standard deviation of the logarithm of what lies beyond red that nothing else explains.
        evenness: 0 leaves sun and shade beyond red as they are, 1 takes them away; below 0 deepens them.
        dimness: by what share leaves are darker in visible light.
        generator: where the randomness comes from.

    Returns:
        A new ground; vehicles that move stay as they are.
    """
    leaves = _leaves(ground)
    light = mul_to_xyz(ground.bands)[1].clamp_min(DARKEST).log()
    typical = (light * leaves).sum() / leaves.sum().clamp_min(1)
    # Crowns and groups of them: from leaf to leaf, all light varies alike.
    height, width = light.shape
    fields = [power_noise(height, width, generator, power) for power in (1.4, 2.0)]
    own = 0.75 * amount * (fields[0] + fields[1])
    beyond = ((evenness * (typical - light) + own) * leaves).clamp_(-1, 1).exp_()
    visible = 1 - dimness * leaves
    share = pan_beyond_red(ground.planes)
    pan = ground.pan * ((1 - share) * visible + share * beyond)
    bands = torch.cat([ground.bands[:VISIBLE] * visible, ground.bands[VISIBLE:] * beyond])
    return replace(ground, pan=pan.clamp_(DARKEST, BRIGHTEST), bands=bands.clamp_(DARKEST, BRIGHTEST))
