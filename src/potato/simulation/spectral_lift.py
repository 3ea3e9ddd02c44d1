"""Spectral lift: aerial photographs turned into 8-band spectra.

A photograph shows where things are and how light they are, but not the spectra behind its three
colours. So its colours are clustered, each cluster gets a measured spectrum, and every pixel is a
soft mixture of the clusters near it, with the lightness of the photograph. The result need not be
the true spectra: a sharpener learns how pan, mul and colour belong together, and any consistent
spectra show that. Numbers without a source were chosen by eye.
"""

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from potato.core.color import SATURATED, linear_srgb_to_oklab, mul_to_oklab, srgb_decode
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.simulation.land.basis import BASIS
from potato.simulation.land.reflectances import Reflectance
from potato.simulation.land.spectra import Palette, canopy

CLUSTERS = 10
"""Colours of a photograph."""

SOFTNESS = 0.35
"""Reach of a cluster, relative to pixels' mean distance from the nearest."""

CANDIDATES = 12
"""Spectra drawn for a cluster, of which the nearest in colour is taken."""

ANY_SPECTRUM = 0.4
"""Largest share of clusters that take any spectrum: rare paints on real shapes."""

LUSH = 0.7
"""NDVI from which leaves count as dense and green."""

BOUNCE = 0.85
"""Largest recollision probability, as `land.spectra.canopy` takes it."""

PRINTED = 0.2
"""Share of photographs whose leaves and shadows stay as light as they are printed."""

NEUTRAL = 0.12
"""Oklab chroma over lightness of soil, stone and dull leaves at most."""

FROM_RGB = (
    # How a plane follows a pixel's own deviation in red, green and blue.
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
"""Derivatives of ln(linear red, green, blue) by Oklab's a / L and b / L, at grey."""

VARIETY = (
    # Ways in which spectra of one kind of surface differ, over pan and the bands: bluer, greener,
    # redder than NIR, and pan against all. Pan's share is about its mean over the visible bands.
    (-0.1, 0.9, 0.6, 0.1, -0.2, -0.5, -0.6, -0.7, -0.7),
    (0.1, -0.5, -0.2, 0.8, 0.4, -0.4, -0.1, 0.3, 0.3),
    (0.1, -0.1, -0.1, -0.1, 0.0, 0.1, 0.5, 1.0, 1.0),
    (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
)


@dataclass(frozen=True)
class SpectralLibrary:
    """Spectra to choose from.

    Attributes:
        palette: the surfaces by name.
        spectra: (n, 9) pan and the bands, each scaled to the lightness of a reflectance of 1.
        colour: (n, 2) Oklab a and b of `spectra`.
        lightness: (n,) cube of Oklab L before scaling, about the luminance.
        leafy: (n,) bool, whether they are vegetation.
        leaves: indices of vegetation.
        lush: indices of dense, green vegetation.
        bare: indices of all other surfaces than vegetation.
        neutral: indices of surfaces without strong colour.
        objects: as `bare`, as plain numbers.
        saturated: the saturated ones among `objects`.
    """

    palette: Palette
    spectra: Tensor
    colour: Tensor
    lightness: Tensor
    leafy: Tensor
    leaves: Tensor
    lush: Tensor
    bare: Tensor
    neutral: Tensor
    objects: tuple[int, ...]
    saturated: tuple[int, ...]

    @classmethod
    def of(cls, surfaces: tuple[Reflectance, ...]) -> "SpectralLibrary":
        """The library of a list of reflectances."""
        spectra = torch.tensor([(surface.pan, *surface.bands) for surface in surfaces])
        oklab = _oklab(spectra)
        lightness = oklab[:, 0] ** 3
        leafy = torch.tensor([surface.kind == "vegetation" for surface in surfaces])
        red, infrared = (spectra[:, 1 + BASIS.bands.index(name)] for name in ("red", "nir1"))
        is_lush = leafy & (infrared - red > LUSH * (infrared + red))
        colour = oklab[:, 1:] / oklab[:, :1]
        chroma = colour.norm(dim=1)
        objects, saturated = (
            tuple(torch.nonzero(~leafy & (chroma > least))[:, 0].tolist()) for least in (0.0, SATURATED)
        )
        scaled = spectra / lightness[:, None]
        leaves, lush, bare, neutral = (
            torch.nonzero(mask)[:, 0] for mask in (leafy, is_lush, ~leafy, chroma < NEUTRAL)
        )
        palette = Palette(surfaces)
        return cls(palette, scaled, colour, lightness, leafy, leaves, lush, bare, neutral, objects, saturated)

    def random_neutral(self, generator: torch.Generator) -> Tensor:
        """A random spectrum without strong colour, pan and the bands (9,), 1 on average."""
        spectrum = self.spectra[self.neutral[torch.randint(len(self.neutral), (), generator=generator)]]
        return spectrum / spectrum.mean()

    def random_object(self, rng: random.Random) -> Tensor:
        """The reflectance of a random object (9,), which is saturated in half of the cases."""
        index = rng.choice(self.saturated if rng.random() < 0.5 else self.objects)
        return self.spectra[index] * self.lightness[index] * math.exp(rng.gauss(0, 0.25))


def _oklab(spectra: Tensor) -> Tensor:
    """Oklab (n, 3) of spectra (n, 9)."""
    return mul_to_oklab(spectra[:, 1:].T[:, None], BASIS)[:, 0].T


def lift_spectra(photograph: Tensor, library: SpectralLibrary, generator: torch.Generator) -> Tensor:
    """Turn a photograph into spectra.

    Args:
        photograph: sRGB uint8 (3, 2h, 2w); halved, since JPEG stores colour at half resolution.
        library: the spectra.
        generator: source of all random numbers.

    Returns:
        Reflectance (9, h, w): pan, then the bands.
    """
    levels = srgb_decode(torch.arange(256) / 255)
    rgb = block_mean(levels.index_select(0, photograph.flatten().int()).reshape(photograph.shape), 2)
    height, width = rgb.shape[1:]
    oklab = linear_srgb_to_oklab(rgb)
    labels = _labels(oklab, generator)
    members = labels.flatten(1)
    total = members.sum(1).clamp_min(1e-6)
    means = (members @ oklab.flatten(1).T) / total[:, None]
    chosen = _choose(means, library, generator)
    leafy, surfaces = library.leafy[chosen], library.spectra[chosen]
    printed = float(torch.rand((), generator=generator)) < PRINTED
    bounce = BOUNCE * float(torch.rand((), generator=generator))
    if not printed:
        leaves = canopy((surfaces * library.lightness[chosen][:, None]).T, bounce).T
        surfaces = torch.where(leafy[:, None], leaves / _oklab(leaves)[:, :1] ** 3, surfaces)

    # The soft mixture, then the photograph's lightness under another exposure and contrast.
    spectra = (surfaces.T @ members).reshape(9, height, width)
    typical = (means.T @ members).reshape(3, height, width)
    spectra *= (_own_colour(oklab, typical) + _variety(height, width, generator)).exp_()
    light = _exposed(oklab[0], printed, generator)
    # Leaves are printed too light: a canopy reflects 0.03 where soil reflects 0.1.
    darker = 0.35 + 0.5 * torch.rand((), generator=generator)
    if not printed:
        light = light * (1 - darker * members[leafy].sum(0).reshape(height, width))
    own = mul_to_oklab(spectra[1:], BASIS)[0].clamp_min(0.05) ** 3
    return spectra.mul_(light / own)


def _labels(oklab: Tensor, generator: torch.Generator) -> Tensor:
    """Shares of the clusters in each pixel (k, h, w): k-means, then soft assignment."""
    points = (oklab * torch.tensor([1.0, 2.0, 2.0])[:, None, None]).flatten(1)
    sample = points[:, torch.randint(points.shape[1], (1024,), generator=generator)]
    centres, rows = sample[:, :CLUSTERS].T, sample.T.contiguous()
    for _ in range(6):
        squares = _squares(centres, sample)
        # By comparison, since argmin takes several times as long.
        own = (squares == squares.amin(0)).to(sample)
        count = own.sum(1)[:, None]
        centres = torch.where(count > 0, (own @ rows) / count.clamp_min(1), centres)
    # Clusters are the first axis: sums over a last axis of length ten take six times as long.
    squares = _squares(centres, points)
    nearest = squares.amin(0)
    width = SOFTNESS**2 * (nearest + (points**2).sum(0)).mean().clamp_min(1e-7)
    # Shares below e^−30 count for nothing, and denormal numbers take many times as long.
    shares = squares.sub_(nearest).div_(-2 * width).clamp_min_(-30).exp_()
    return shares.div_(shares.sum(0)).reshape(CLUSTERS, *oklab.shape[1:])


def _squares(centres: Tensor, points: Tensor) -> Tensor:
    """Squared distances of centres (k, 3) from points (3, n), but for the points' own squares."""
    return torch.addmm((centres**2).sum(1)[:, None], centres, points, alpha=-2)


def _choose(means: Tensor, library: SpectralLibrary, generator: torch.Generator) -> Tensor:
    """The index of a spectrum for each cluster (k,): of vegetation where it is green."""
    colour = means[:, 1:] / means[:, :1].clamp_min(0.1)
    # The limit of green differs from photograph to photograph: their colours aren't calibrated.
    green = colour[:, 0] < -0.012 + 0.012 * torch.randn((), generator=generator)
    draws = []
    lush = float(torch.rand((), generator=generator)) ** 0.5
    # In most photographs next to none.
    share = ANY_SPECTRUM * float(torch.rand((), generator=generator)) ** 2
    anything = []
    for is_green in green.tolist():
        anything.append(float(torch.rand((), generator=generator)) < share)
        leaves = library.lush if float(torch.rand((), generator=generator)) < lush else library.leaves
        pool = leaves if is_green and not anything[-1] else library.bare
        draws.append(pool[torch.randint(len(pool), (CANDIDATES,), generator=generator)])
    drawn = torch.stack(draws)
    nearest = (library.colour[drawn] - colour[:, None]).norm(dim=2).argmin(1)
    return drawn[torch.arange(len(means)), nearest.masked_fill(torch.tensor(anything), 0)]


def _own_colour(oklab: Tensor, typical: Tensor) -> Tensor:
    """Logarithms of factors (9, h, w) for the difference of a pixel's colour from its clusters'."""
    shift = oklab[1:] / oklab[:1].clamp_min(0.1) - typical[1:] / typical[:1].clamp_min(0.1)
    change = torch.einsum("pc,chw->phw", torch.tensor(FROM_RGB) @ torch.tensor(RGB_BY_OKLAB), shift)
    return change.clamp_(-0.4, 0.4)


def _variety(height: int, width: int, generator: torch.Generator) -> Tensor:
    """Logarithms of random factors (9, h, w): pixels of one surface differ in their spectra."""
    ways = torch.tensor(VARIETY)
    amount = torch.tensor([0.05, 0.03, 0.12, 0.03]) * torch.rand(4, generator=generator) * 2
    fields = torch.stack([power_noise(height, width, generator, 0.8) for _ in ways])
    return torch.einsum("wp,whv->phv", ways * amount[:, None], fields).clamp_(-0.5, 0.5)


def _exposed(lightness: Tensor, printed: bool, generator: torch.Generator) -> Tensor:
    """The luminance (h, w) of a photograph's Oklab L under another contrast and exposure.

    Photographs are printed for the eye, with bright things too bright and shadows too light. So
    contrast is lowered, and unless `printed`, much of the darkest pixels' luminance is subtracted
    from all.
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
