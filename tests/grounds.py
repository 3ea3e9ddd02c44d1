"""Simple grounds and photographs for tests of the simulation."""

import torch

from potato.simulation.ground import Ground, make_ground
from potato.simulation.imager import IDEAL, observe
from potato.simulation.land.reflectances import load_reflectances
from potato.simulation.land.vehicles import Mover
from potato.simulation.photographs import lay_photographs
from potato.simulation.spectral_lift import SpectralLibrary

LIBRARY = SpectralLibrary.of(load_reflectances())


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat_ground(value: float = 0.2, side: int = 64, movers: tuple[Mover, ...] = ()) -> Ground:
    """Ground of uniform reflectance."""
    return Ground.flat(torch.full((9, side, side), value), movers, "flat")


def striped_ground(period: float, size: int = 256) -> Ground:
    """A sine along rows, alike in all bands; `period` in pan pixels."""
    wave = 0.3 + 0.1 * torch.cos(2 * torch.pi * (torch.arange(size) + 0.5) / period)
    return Ground.flat(wave.expand(9, size, size).clone(), (), "stripes")


def photograph(seed: int, size: int = 96) -> torch.Tensor:
    """Blobs in a few colours with some texture: uint8 (3, size, size)."""
    field = torch.nn.functional.interpolate(
        torch.rand(1, 3, 6, 6, generator=seeded(seed)), size=size, mode="bicubic"
    )[0]
    grain = 0.05 * torch.randn(1, size, size, generator=seeded(seed + 1))
    return ((0.2 + 0.5 * field.round() + grain).clamp(0, 1) * 255).to(torch.uint8)


def photographed_ground(side: int = 128) -> Ground:
    """A ground of several photographs of two sizes."""
    return lay_photographs(
        side, side, lambda rng: photograph(rng.randrange(99), rng.choice((64, 96))), LIBRARY, seeded(1)
    )


def town() -> Ground:
    """A small simulated town, 192 × 128 pan pixels."""
    return make_ground(192, 128, seeded(3), style="town")


def clean_chip(ground: Ground) -> tuple[torch.Tensor, torch.Tensor]:
    """A chip without any fault: counts of pan (1, h, w) and mul (8, h/4, w/4)."""
    pan, mul = observe(ground, seeded(1), IDEAL)
    return pan[None], mul
