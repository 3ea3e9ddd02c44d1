"""One pass over simulated ground: its pixels before they are cut into tiles."""

import dataclasses
import random
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.ard.synthetic.collects import Collect
from potato.core.noise import power_noise
from potato.core.sensors import SCALE
from potato.engine.torch_threads import one_thread
from potato.simulation.ground import Ground, make_ground
from potato.simulation.imager import observe
from potato.simulation.land.basis import BASIS
from potato.simulation.land.spectra import Palette
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.random_imager import random_imager

PATCH = 1 << 23
"""The most pan pixels of ground that are simulated, at some 100 bytes each."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The pixels of a pass.

    Attributes:
        pan: uint16 counts (4h, 4w).
        mul: uint16 counts (n, h, w), bands in the order of the sensor's.
        valid: bool (h, w); the edge of the strip is ragged.
        cloudy: bool (h, w).
        wet: bool (h, w), water, under cloud or not.
        plain: bool (h, w), open land.
    """

    pan: NDArray[np.uint16]
    mul: NDArray[np.uint16]
    valid: NDArray[np.bool_]
    cloudy: NDArray[np.bool_]
    wet: NDArray[np.bool_]
    plain: NDArray[np.bool_]


@one_thread()
def simulate_pass(collect: Collect, height: int, width: int, seed: int, patch: int = PATCH) -> Pass:
    """Simulate the ground of a pass and take its images.

    Args:
        collect: the plan of the pass.
        height: pan pixels, a multiple of 4.
        width: pan pixels, a multiple of 4.
        seed: of everything random.
        patch: the most pan pixels of ground to simulate; ground beyond them is their mirror image.
    """
    generator = torch.Generator().manual_seed(seed)
    palette = Palette()
    tall = min(height, max(int(patch**0.5), patch // width) // BASIS.ratio * BASIS.ratio)
    wide = min(width, patch // tall // BASIS.ratio * BASIS.ratio)
    ground = make_ground(tall, wide, generator, collect.style, palette)
    rng = random.Random(seed)
    nowhere = torch.zeros(tall // BASIS.ratio, wide // BASIS.ratio, dtype=torch.bool)
    plain = wet = cloudy = nowhere
    if collect.plain:
        open_land = palette.mixture(rng, "dry grass", "pale soil", "half dry grass")
        ground, plain = _cover(ground, collect.plain, open_land, generator)
    if collect.water:
        ground, wet = _cover(ground, collect.water, palette.mixture(rng, "lake", "silty river"), generator)
    # Sharper than most imagers in training, since ratings depend on the detail that a pass shows.
    crisp = dataclasses.replace(random_imager(generator, collect.sensor or BASIS), pan_blur=0.33)
    imager = dataclasses.replace(crisp, haze=float(collect.haze), haze_slope=1.6, pan_haze=1.0)
    pan, mul = (image.to(torch.int32) for image in observe(ground, generator, imager))
    if collect.clouds:
        pan, mul, cloudy = _overcast(pan, mul, collect.clouds, generator)
    rows, columns = (
        _mirror(height // BASIS.ratio, tall // BASIS.ratio),
        _mirror(width // BASIS.ratio, wide // BASIS.ratio),
    )
    fine_rows, fine_columns = _mirror(height, tall), _mirror(width, wide)
    masks = (mask[rows][:, columns].numpy() for mask in (cloudy, wet, plain & ~wet))
    return Pass(
        pan[fine_rows][:, fine_columns].numpy().astype(np.uint16),
        mul[:, rows][:, :, columns].numpy().astype(np.uint16),
        _strip(height // BASIS.ratio, width // BASIS.ratio, generator),
        *masks,
    )


def _mirror(length: int, period: int) -> Tensor:
    """Indexes 0 … period − 1, period − 1 … 0, and so on, `length` of them."""
    index = torch.arange(length) % (2 * period)
    return torch.where(index < period, index, 2 * period - 1 - index)


def _share(field: Tensor, share: float) -> float:
    """The value that a share of a field exceeds."""
    return float(torch.quantile(field.flatten()[:: max(1, field.numel() // 100_000)], 1 - share))


def _cover(
    ground: Ground, share: float, spectrum: Tensor, generator: torch.Generator
) -> tuple[Ground, Tensor]:
    """Cover a share of the ground, in smooth shapes, with one material; also the covered cells."""
    height, width = ground.pan.shape
    field = clouds(height, width, generator, max(8, min(height, width) / 24), exponent=1.4)
    level = _share(field, share)
    cover = smoothstep(field, level - 0.02, level + 0.02)
    tone = 1 + 0.02 * power_noise(height, width, generator, 0.8)
    pairs = zip(ground.planes, spectrum.tolist(), strict=True)
    planes = torch.stack([plane + cover * (tone * value - plane) for plane, value in pairs])
    # Without vehicles, since only few roads are left.
    covered = dataclasses.replace(ground, planes=planes, movers=())
    return covered, cover[BASIS.ratio // 2 :: BASIS.ratio, BASIS.ratio // 2 :: BASIS.ratio] > 0.5


def _overcast(
    pan: Tensor, mul: Tensor, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Counts with clouds over a share of them, and the cloudy cells (h, w)."""
    height, width = mul.shape[1:]
    field = clouds(height, width, generator, max(4, min(height, width) / 32))
    level = _share(field, share)
    density = smoothstep(field, level - 0.25, level + 0.25)
    white = SCALE * (0.5 + 0.2 * (field - level).clamp(0, 3) + 0.02 * power_noise(height, width, generator))

    def veil(image: Tensor, density: Tensor, white: Tensor) -> Tensor:
        return (image + density * (white - image)).round_().clamp_(1, 65535).to(torch.int32)

    fine, fine_white = (
        torch.nn.functional.interpolate(plane[None, None], scale_factor=BASIS.ratio, mode="bilinear")[0, 0]
        for plane in (density, white)
    )
    return veil(pan, fine, fine_white), veil(mul, density, white), density > 0.5


def _strip(height: int, width: int, generator: torch.Generator) -> NDArray[np.bool_]:
    """The valid cells: all but a slanting, ragged sliver on the left."""
    jagged = 2 * torch.randn(height, generator=generator)
    edge = width * 0.05 * (0.5 + torch.arange(height) / height) + jagged
    return (torch.arange(width)[None, :] >= edge[:, None]).numpy()
