"""One pass over simulated ground: its pixels before they are cut into tiles."""

import dataclasses
import itertools
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.ard.synthetic.collects import PassPlan
from potato.core.noise import power_noise
from potato.core.sensors import SCALE
from potato.engine.torch_threads import one_thread
from potato.simulation.ground import Ground, make_ground
from potato.simulation.imager import Imager, observe
from potato.simulation.land.basis import BASIS
from potato.simulation.land.spectra import Palette
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.random_imager import random_imager

RATIO = BASIS.ratio
"""Pan pixels along one side of a cell."""

PATCH = 1 << 23
"""The most pan pixels of ground that are simulated at once, at some 100 bytes each."""


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
def simulate_pass(
    collect: PassPlan, height: int, width: int, seed: int, patch: int = PATCH, repeat: bool = True
) -> Pass:
    """Simulate the ground of a pass and take its images.

    Args:
        collect: the plan of the pass.
        height: pan pixels, a multiple of 4.
        width: pan pixels, a multiple of 4.
        seed: of everything random.
        patch: the most pan pixels of ground to simulate at once.
        repeat: whether ground beyond these is their mirror image; else it is other ground, which
            begins at a straight line.
    """
    generator = torch.Generator().manual_seed(seed)
    tall = min(height, max(int(patch**0.5), patch // width) // RATIO * RATIO)
    wide = min(width, patch // tall // RATIO * RATIO)
    if repeat:
        seen = _simulate_patch(collect, tall, wide, seed, generator)
        pixels = _mirror(height, tall), _mirror(width, wide)
        coarse = _mirror(height // RATIO, tall // RATIO), _mirror(width // RATIO, wide // RATIO)
        places = (pixels, *[coarse] * 4)
        images = [image[..., rows, :][..., at] for image, (rows, at) in zip(seen, places, strict=True)]
    else:
        imager = _pass_imager(collect, generator)
        numbers = itertools.count(1)
        patches = [
            [
                _simulate_other(collect, down, across, seed, next(numbers), imager)
                for across in _parts(width, wide)
            ]
            for down in _parts(height, tall)
        ]
        images = [np.block([[seen[k] for seen in row] for row in patches]) for k in range(5)]
    pan, mul, *masks = images
    edge = torch.Generator().manual_seed(seed)
    return Pass(pan, mul, _strip(height // RATIO, width // RATIO, edge), *masks)


def _simulate_other(
    collect: PassPlan, height: int, width: int, seed: int, number: int, imager: Imager
) -> tuple[NDArray[Any], ...]:
    """A patch with a seed of its own, seen by the imager of its pass."""
    own = ((seed << 20) + number) % (1 << 63)
    return _simulate_patch(collect, height, width, own, torch.Generator().manual_seed(own), imager)


def _simulate_patch(
    collect: PassPlan,
    height: int,
    width: int,
    seed: int,
    generator: torch.Generator,
    imager: Imager | None = None,
) -> tuple[NDArray[Any], ...]:
    """The images of a patch of ground, as `Pass` has them, but for `valid`.

    Args:
        collect: the plan of the pass.
        height: pan pixels, a multiple of 4.
        width: pan pixels, a multiple of 4.
        seed: of materials.
        generator: of everything else random.
        imager: of the pass; None for a random one.
    """
    palette = Palette()
    ground = make_ground(height, width, generator, collect.style, palette)
    rng = random.Random(seed)
    nowhere = torch.zeros(height // RATIO, width // RATIO, dtype=torch.bool)
    plain = wet = cloudy = nowhere
    if collect.plain:
        open_land = palette.mixture(rng, "dry grass", "pale soil", "half dry grass")
        ground, plain = _cover(ground, collect.plain, open_land, generator)
    if collect.water:
        ground, wet = _cover(ground, collect.water, palette.mixture(rng, "lake", "silty river"), generator)
    # The sky is drawn before the image, whose draws depend on the bands of the sensor.
    sky = _sky(height // RATIO, width // RATIO, collect.clouds, generator) if collect.clouds else None
    imager = imager or _pass_imager(collect, generator)
    pan, mul = (image.to(torch.int32) for image in observe(ground, generator, imager))
    if sky:
        pan, mul, cloudy = _overcast(pan, mul, *sky)
    counts = (image.numpy().astype(np.uint16) for image in (pan, mul))
    return *counts, *(mask.numpy() for mask in (cloudy, wet, plain & ~wet))


def _pass_imager(collect: PassPlan, generator: torch.Generator) -> Imager:
    """A random imager, sharper than most in training, since ratings depend on a pass's detail."""
    crisp = dataclasses.replace(random_imager(generator, collect.sensor or BASIS), pan_blur=0.33)
    return dataclasses.replace(crisp, haze=float(collect.haze), haze_slope=1.6, pan_haze=1.0)


def _parts(length: int, most: int) -> list[int]:
    """Lengths of about `most` or less, in whole cells, that add up to a length."""
    count = -(-length // most)
    edges = [round(k * length / count / RATIO) * RATIO for k in range(count + 1)]
    return [end - start for start, end in itertools.pairwise(edges)]


def _mirror(length: int, period: int) -> NDArray[np.intp]:
    """Indexes 0 … period − 1, period − 1 … 0, and so on, `length` of them."""
    index = np.arange(length) % (2 * period)
    return np.where(index < period, index, 2 * period - 1 - index)


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
    return covered, cover[RATIO // 2 :: RATIO, RATIO // 2 :: RATIO] > 0.5


def _sky(height: int, width: int, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Clouds over a share of the cells: their density 0..1 and their counts, each (h, w)."""
    field = clouds(height, width, generator, max(4, min(height, width) / 32))
    level = _share(field, share)
    density = smoothstep(field, level - 0.25, level + 0.25)
    white = SCALE * (0.5 + 0.2 * (field - level).clamp(0, 3) + 0.02 * power_noise(height, width, generator))
    return density, white


def _overcast(pan: Tensor, mul: Tensor, density: Tensor, white: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Counts below the clouds of a sky, and the cloudy cells (h, w)."""

    def veil(image: Tensor, density: Tensor, white: Tensor) -> Tensor:
        return (image + density * (white - image)).round_().clamp_(1, 65535).to(torch.int32)

    fine, fine_white = (
        torch.nn.functional.interpolate(plane[None, None], scale_factor=RATIO, mode="bilinear")[0, 0]
        for plane in (density, white)
    )
    return veil(pan, fine, fine_white), veil(mul, density, white), density > 0.5


def _strip(height: int, width: int, generator: torch.Generator) -> NDArray[np.bool_]:
    """The valid cells: all but a slanting, ragged sliver on the left."""
    jagged = 2 * torch.randn(height, generator=generator)
    edge = width * 0.05 * (0.5 + torch.arange(height) / height) + jagged
    return (torch.arange(width)[None, :] >= edge[:, None]).numpy()
