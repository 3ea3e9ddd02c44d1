"""Colours of a scene: the packaged reflectances by name, as tensors."""

import math
import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from potato.simulation.land.basis import PLANES
from potato.simulation.land.reflectances import Reflectance, load_reflectances

PAN_BEYOND_RED = (0.21, 0.0, 0.045)
"""Weights of red edge, NIR1 and NIR2 in pan: a regression of real WorldView-2 pan on bands."""

OUTDOORS = {"soil": 0.6, "litter": 0.75, "vegetation": 0.85}
"""Factors of kinds of surface that are rougher and moister outdoors than in samples; by eye."""


class Palette:
    """Spectra by name, as surfaces look outdoors.

    Args:
        reflectances: the list that holds them; None for the packaged list.
    """

    def __init__(self, reflectances: Sequence[Reflectance] | None = None) -> None:
        rows = load_reflectances() if reflectances is None else reflectances
        self._spectra = {
            row.name: torch.tensor((row.pan, *row.bands)) * OUTDOORS.get(row.kind, 1.0) for row in rows
        }

    def __getitem__(self, name: str) -> Tensor:
        """The spectrum of a surface (9,): pan, then the 8 bands, reflectance 0..1."""
        return self._spectra[name]

    def mixture(self, rng: random.Random, *names: str, spread: float = 0.08) -> Tensor:
        """A random mixture of named surfaces, a little brighter or darker.

        Args:
            rng: source of the random numbers.
            *names: one or more surfaces; each gets a random share.
            spread: standard deviation of the logarithm of the brightness.

        Returns:
            float32 (9,).
        """
        shares = [rng.random() ** 2 + 1e-3 for _ in names]
        # In numpy, which begins small sums sooner.
        mixed = np.zeros(PLANES, np.float32)
        for name, share in zip(names, shares, strict=True):
            mixed += self._spectra[name].numpy() * np.float32(share)
        mixed /= np.float32(sum(shares))
        mixed *= np.float32(math.exp(rng.gauss(0, spread)))
        return torch.from_numpy(mixed)


def pan_beyond_red(planes: Tensor) -> Tensor:
    """The share of pan (…), 0..0.8, that comes from beyond red, given pan and the bands (9, …)."""
    beyond = torch.tensordot(torch.tensor(PAN_BEYOND_RED), planes[6:], 1)
    share: Tensor = (beyond / planes[0].clamp_min(1e-4)).clamp(0, 0.8)
    return share


def canopy(leaves: Tensor, bounce: float) -> Tensor:
    """Reflectance of many layers of leaves.

    Light that one leaf scatters meets others, and dark leaves absorb more of it. So a canopy is
    darker than its leaves in visible light, and nearly as bright in the infrared.

    Args:
        leaves: reflectance of one leaf in pan and the bands (9, n); its transmittance is the same.
        bounce: recollision probability, 0..1: the chance that light scattered by a leaf meets
            another; about 0.5 to 0.8 in woods.

    Returns:
        (9, n): w (1 − p) / (1 − p w), where w is twice the reflectance, at most 0.95, and p is
        `bounce`. Pan is scaled like the mean of the visible bands and like red edge, weighted by
        what each side of red adds to it.

    Source: S. Smolander and P. Stenberg, "Simple parameterizations of the radiation budget of
    uniform broadleaved and coniferous canopies", Remote Sensing of Environment 94 (2005).
    """
    albedo = (2 * leaves).clamp_max(0.95)
    left = (1 - bounce) / (1 - bounce * albedo)
    beyond = pan_beyond_red(leaves)
    # Pan sees both sides of red: leaves are dark on one and bright on the other.
    left[0] = (1 - beyond) * left[1:6].mean(0) + beyond * left[6]
    return albedo * left
