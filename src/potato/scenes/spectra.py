"""The colours of a scene: reflectances of the packaged list, by name, as tensors."""

import math
import random
from collections.abc import Sequence

import torch
from torch import Tensor

from potato.reflectances import Reflectance, load_reflectances

__all__ = ["PLANES", "Palette"]

PLANES = 9
"""Pan, then the 8 bands: what a spectrum has here."""


OUTDOORS = {"soil": 0.6, "litter": 0.75, "vegetation": 0.85}
"""Factors for kinds that libraries measure sieved, flat or without gaps: fields are rougher and moister."""


class Palette:
    """Spectra by name, as they look out of doors.

    Args:
        reflectances: the list to take them from; None for the packaged one.
    """

    def __init__(self, reflectances: Sequence[Reflectance] | None = None) -> None:
        rows = load_reflectances() if reflectances is None else reflectances
        self._spectra = {
            row.name: torch.tensor((row.pan, *row.bands)) * OUTDOORS.get(row.kind, 1.0) for row in rows
        }

    def __getitem__(self, name: str) -> Tensor:
        """The spectrum (9,) called `name`: pan, then the 8 bands, reflectance 0..1."""
        return self._spectra[name]

    def mixture(self, dice: random.Random, *names: str, spread: float = 0.08) -> Tensor:
        """A spectrum somewhere between the named ones, a little brighter or darker.

        Args:
            dice: where the randomness comes from.
            *names: one or more surfaces; each gets a random share.
            spread: standard deviation of the logarithm of the brightness.

        Returns:
            float32 (9,).
        """
        shares = [dice.random() ** 2 + 1e-3 for _ in names]
        mixed = sum(
            (self[name] * share for name, share in zip(names, shares, strict=True)), torch.zeros(PLANES)
        )
        return mixed / sum(shares) * math.exp(dice.gauss(0, spread))
