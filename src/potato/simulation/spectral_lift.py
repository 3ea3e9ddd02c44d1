"""Aerial photographs lifted to spectra: real shapes, with colours in 8 bands that a photograph doesn't hold.

A photograph tells where things are and how light they are; which spectra it was that gave its three colours,
nobody can say. So its colours are clustered, each cluster is given a measured spectrum, and every pixel is a
soft mixture of those near it, with the photograph's own lightness. That truth is as good as any other: what a
sharpener is to learn is how pan, mul and the colour belong together.
"""

import math
import random
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.color import linear_srgb_to_oklab, mul_to_oklab, srgb_decode
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.simulation.land.reflectances import Reflectance
from potato.simulation.land.spectra import canopy

CLUSTERS = 10
"""Colours of a photograph."""

SOFTNESS = 0.35
"""How far a colour reaches into its neighbours, relative to the mean distance of pixels from their own."""

CANDIDATES = 12
"""Spectra drawn for a cluster, of which the nearest in colour is taken."""

STRANGE = 0.4
"""Share of clusters at most that take any spectrum, so that rare paints lie on real shapes too."""

LUSH = 0.7
"""NDVI from which leaves are dense and green."""

BOUNCE = 0.85
"""Chance at most that light scattered by a leaf meets another, as `scenes.spectra.canopy` takes it."""

PRINTED = 0.2
"""Share of photographs whose leaves and shadows stay as light as they are printed."""

PLAIN = 0.12
"""Oklab chroma by lightness below which a spectrum isn't called colourful: soil, stone, dull leaves."""

VIVID = 0.16
"""The same above which it is vivid: paints, tarpaulins, tiles, pools."""

FROM_RGB = (
    # Red, green, blue's share in how a band follows a pixel's own deviation in colour.
    (0.25, 0.30, 0.45),  # pan
    (0.0, 0.0, 1.0),  # coastal
    (0.0, 0.0, 1.0),  # blue
    (0.0, 1.0, 0.0),  # green
    (0.5, 0.5, 0.0),  # yellow
    (1.0, 0.0, 0.0),  # red
    (0.8, 0.2, 0.0),  # red edge
    (0.4, 0.3, 0.3),  # NIR1
    (0.4, 0.3, 0.3),  # NIR2
)

RGB_BY_OKLAB = ((5.83, 2.38), (-2.24, 0.0), (-0.24, -6.48))
"""Derivatives of the logarithms of linear red, green and blue by Oklab's a / L and b / L, at grey."""

VARIETY = (
    # Ways in which spectra of one kind of surface differ, over pan and the bands: bluer, greener, redder than
    # NIR, and pan against all. Pan's share is about its mean over the visible bands.
    (-0.1, 0.9, 0.6, 0.1, -0.2, -0.5, -0.6, -0.7, -0.7),
    (0.1, -0.5, -0.2, 0.8, 0.4, -0.4, -0.1, 0.3, 0.3),
    (0.1, -0.1, -0.1, -0.1, 0.0, 0.1, 0.5, 1.0, 1.0),
    (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
)


@dataclass(frozen=True)
class Lifter:
    """Spectra to lift with.

    Attributes:
        spectra: (n, 9) pan and the bands, scaled so that each has the lightness of a reflectance of 1.
        colour: (n, 2) Oklab a and b of those.
        lightness: (n,) the cube of Oklab L before that, about the luminance.
        leafy: (n,) whether they are leaves.
        lush: (n,) and dense, green ones.
    """

    spectra: Tensor
    colour: Tensor
    lightness: Tensor
    leafy: Tensor
    lush: Tensor

    @classmethod
    def of(cls, surfaces: tuple[Reflectance, ...]) -> "Lifter":
        """A lifter with the spectra of a list."""
        spectra = torch.tensor([(surface.pan, *surface.bands) for surface in surfaces])
        oklab = _oklab(spectra)
        lightness = oklab[:, 0] ** 3
        leafy = torch.tensor([surface.kind == "vegetation" for surface in surfaces])
        red, infrared = spectra[:, 5], spectra[:, 7]
        lush = leafy & (infrared - red > LUSH * (infrared + red))
        return cls(spectra / lightness[:, None], oklab[:, 1:] / oklab[:, :1], lightness, leafy, lush)

    def plain(self, generator: torch.Generator) -> Tensor:
        """Any spectrum of no strong colour, pan and the bands (9,), 1 on average."""
        pool = torch.nonzero(self.colour.norm(dim=1) < PLAIN)[:, 0]
        spectrum = self.spectra[pool[torch.randint(len(pool), (), generator=generator)]]
        return spectrum / spectrum.mean()

    def rare(self, dice: random.Random) -> Tensor:
        """A surface that is no leaf, pan and the bands (9,), reflectance: half of the time a vivid one."""
        pool = ~self.leafy & (self.colour.norm(dim=1) > (VIVID if dice.random() < 0.5 else 0.0))
        index = dice.choice(torch.nonzero(pool)[:, 0].tolist())
        return self.spectra[index] * self.lightness[index] * math.exp(dice.gauss(0, 0.25))


def _oklab(spectra: Tensor) -> Tensor:
    """Oklab (n, 3) of spectra (n, 9)."""
    return mul_to_oklab(spectra[:, 1:].T[:, None])[:, 0].T


def lift(photograph: Tensor, lifter: Lifter, generator: torch.Generator) -> Tensor:
    """Give a photograph spectra.

    Args:
        photograph: sRGB uint8 (3, 2h, 2w). It is halved first: in JPEG its colours have half its resolution.
        lifter: the spectra.
        generator: which spectrum lies where, how light the whole is, and what varies from pixel to pixel.

    Returns:
        Reflectance (9, h, w): pan, then the bands.
    """
    rgb = block_mean(srgb_decode(photograph.float() / 255), 2)
    height, width = rgb.shape[1:]
    oklab = linear_srgb_to_oklab(rgb)
    labels = _labels(oklab, generator)
    members = labels.flatten(1)
    total = members.sum(1).clamp_min(1e-6)
    means = (members @ oklab.flatten(1).T) / total[:, None]
    chosen = _choose(means, lifter, generator)
    leafy, surfaces = lifter.leafy[chosen], lifter.spectra[chosen]
    printed = float(torch.rand((), generator=generator)) < PRINTED
    bounce = BOUNCE * float(torch.rand((), generator=generator))
    if not printed:
        leaves = canopy((surfaces * lifter.lightness[chosen][:, None]).T, bounce).T
        surfaces = torch.where(leafy[:, None], leaves / _oklab(leaves)[:, :1] ** 3, surfaces)

    # The soft mixture, then the lightness of the photograph under another exposure and contrast.
    spectra = (surfaces.T @ members).reshape(9, height, width)
    typical = (members.T @ means).T.reshape(3, height, width)
    spectra *= _own_colour(oklab, typical)
    spectra *= _variety(height, width, generator)
    light = _exposed(oklab[0], printed, generator)
    # Photographs print leaves lighter than they are: a canopy reflects 0.03 where soil does 0.1.
    darker = 0.35 + 0.5 * torch.rand((), generator=generator)
    if not printed:
        light = light * (1 - darker * members[leafy].sum(0).reshape(height, width))
    own = mul_to_oklab(spectra[1:])[0].clamp_min(0.05) ** 3
    return spectra.mul_(light / own)


def _labels(oklab: Tensor, generator: torch.Generator) -> Tensor:
    """Shares (k, h, w) of each cluster in each pixel: k-means, then a soft choice."""
    points = (oklab * torch.tensor([1.0, 2.0, 2.0])[:, None, None]).flatten(1).T
    sample = points[torch.randint(len(points), (1024,), generator=generator)]
    centres = sample[:CLUSTERS].clone()
    for _ in range(6):
        nearest = torch.cdist(sample, centres).argmin(1)
        one = F.one_hot(nearest, CLUSTERS).to(sample)
        count = one.sum(0)[:, None]
        centres = torch.where(count > 0, (one.T @ sample) / count.clamp_min(1), centres)
    # Clusters first: a softmax over the last of two axes that is ten long takes six times as long.
    squares = (centres**2).sum(1)[:, None] - 2 * centres @ points.T + (points**2).sum(1)
    nearest = squares.amin(0)
    width = SOFTNESS**2 * nearest.mean().clamp_min(1e-7)
    shares = squares.sub_(nearest).div_(-2 * width).exp_()
    return shares.div_(shares.sum(0)).reshape(CLUSTERS, *oklab.shape[1:])


def _choose(means: Tensor, lifter: Lifter, generator: torch.Generator) -> Tensor:
    """The number of a spectrum for each cluster (k,): leaves where it is green, else one of a like colour."""
    colour = means[:, 1:] / means[:, :1].clamp_min(0.1)
    # What is green enough differs from photograph to photograph: their colours aren't measured.
    green = colour[:, 0] < -0.012 + 0.012 * torch.randn((), generator=generator)
    chosen = []
    lush = float(torch.rand((), generator=generator)) ** 0.5
    # In most photographs next to none.
    share = STRANGE * float(torch.rand((), generator=generator)) ** 2
    for k in range(len(means)):
        strange = float(torch.rand((), generator=generator)) < share
        leaves = lifter.lush if float(torch.rand((), generator=generator)) < lush else lifter.leafy
        pool = torch.nonzero(leaves if green[k] and not strange else ~lifter.leafy)[:, 0]
        draw = pool[torch.randint(len(pool), (CANDIDATES,), generator=generator)]
        away = (lifter.colour[draw] - colour[k]).norm(dim=1)
        chosen.append(draw[0] if strange else draw[away.argmin()])
    return torch.stack(chosen)


def _own_colour(oklab: Tensor, typical: Tensor) -> Tensor:
    """By how much a pixel's bands differ (9, h, w) because its colour isn't quite that of its clusters."""
    shift = oklab[1:] / oklab[:1].clamp_min(0.1) - typical[1:] / typical[:1].clamp_min(0.1)
    change = torch.einsum("pc,chw->phw", torch.tensor(FROM_RGB) @ torch.tensor(RGB_BY_OKLAB), shift)
    return change.clamp_(-0.4, 0.4).exp_()


def _variety(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Factors (9, h, w): no two pixels of a surface have quite the same spectrum."""
    ways = torch.tensor(VARIETY)
    amount = torch.tensor([0.05, 0.03, 0.12, 0.03]) * torch.rand(4, generator=generator) * 2
    fields = torch.stack([power_noise(height, width, generator, 0.8) for _ in ways])
    return torch.einsum("wp,whv->phv", ways * amount[:, None], fields).clamp_(-0.5, 0.5).exp_()


def _exposed(lightness: Tensor, printed: bool, generator: torch.Generator) -> Tensor:
    """The luminance (h, w) of a photograph's Oklab L under another contrast and exposure.

    Photographs are printed for the eye: bright things are too bright and shadows not deep enough. So contrast
    is lowered, and then, unless `printed`, much of what the darkest pixels have is taken from all.
    """
    luminance = lightness.clamp_min(0.02) ** 3
    normal = torch.randn(2, generator=generator)
    middle = luminance.log().mean()
    contrast = 0.75 * torch.exp(0.25 * normal[0])
    exposed = torch.exp((luminance.log() - middle) * contrast)
    darkest = exposed.flatten().kthvalue(max(1, exposed.numel() // 200)).values
    share = 0.9 * torch.rand((), generator=generator).sqrt()
    if not printed:
        exposed -= share * darkest
    return exposed.mul_(torch.exp(0.45 * normal[1] - 2.35)).clamp_(0.002, 1.2)
