"""The instrument: how pan and mul come out of a simulated ground."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from potato.devices import one_thread
from potato.noise import power_noise
from potato.optics import SIDES, over_sharpen, to_counts
from potato.scenes.ground import Ground
from potato.scenes.vehicles import drive
from potato.sensor import BANDS, RATIO

__all__ = ["IDEAL", "Sensor", "observe", "ragged_mask", "random_sensor", "truth"]

HAZE = (0.58, 1.0, 0.82, 0.63, 0.53, 0.47, 0.41, 0.34, 0.29)
"""What haze adds to pan and the bands when it adds 1 to coastal: about wavelength to the power −1.6."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """Everything about one look of the instrument.

    Attributes:
        pan_blur: standard deviation of pan's point spread besides the pixel's own square, in pan pixels.
        pan_sharpening: real pan rings a little: it is pan + this × (pan − its 3×3 binomial blur).
        mul_blur: the same as `pan_blur` of mul, in mul pixels.
        sharpening: real mul rings more; the same as `pan_sharpening` of mul, at its own pixels.
        displacement: (down, right) of the second array against the first, in mul pixels. Each goes half of
            the way, so pan lies in the middle. 0.05 to 0.4 is seen on real pairs.
        lag: how far vehicles move between the arrays, relative to the ground's `movers`; 0 freezes them.
        haze: reflectance added to coastal, less to the others (see `HAZE`).
        read_noise: standard deviation of pan's noise in the dark, reflectance; mul has half of it.
        shot_noise: variance of pan's noise per reflectance; mul, of 16 times the area, has a quarter of it.
        step: reflectance × 10,000 between two levels of the converter.
    """

    pan_blur: float = 0.35
    pan_sharpening: float = 0.3
    mul_blur: float = 0.35
    sharpening: float = 0.6
    displacement: tuple[float, float] = (0.12, 0.08)
    lag: float = 1.0
    haze: float = 0.015
    read_noise: float = 6e-4
    shot_noise: float = 6e-6
    step: int = 3


IDEAL = Sensor(
    pan_blur=0.0,
    pan_sharpening=0.0,
    mul_blur=0.0,
    sharpening=0.0,
    displacement=(0.0, 0.0),
    lag=0.0,
    haze=0.0,
    read_noise=0.0,
    shot_noise=0.0,
    step=1,
)
"""Means over squares, all bands at once, no haze, no noise."""


def random_sensor(generator: torch.Generator, base: Sensor | None = None) -> Sensor:
    """A look as they vary from pass to pass.

    Args:
        generator: where the randomness comes from.
        base: what to keep where nothing varies; None for the defaults.

    Returns:
        Blur ± a third; sharpening normal around 0.6 with deviation 0.45 (pan 0.3, 0.15), at least 0;
        displacement normal with deviation 0.15 each way; haze 0 to 0.05, mostly little; noise of 0.5 to
        1.5 times the defaults.
    """
    uniform = torch.rand(6, generator=generator).tolist()
    normal = torch.randn(4, generator=generator).tolist()
    plain = Sensor()
    return replace(
        base or plain,
        pan_blur=plain.pan_blur * (0.67 + 0.66 * uniform[0]),
        pan_sharpening=max(0.0, 0.3 + 0.15 * normal[3]),
        mul_blur=plain.mul_blur * (0.67 + 0.66 * uniform[1]),
        sharpening=max(0.0, 0.6 + 0.45 * normal[0]),
        displacement=(0.15 * normal[1], 0.15 * normal[2]),
        haze=0.05 * uniform[2] * uniform[3],
        read_noise=plain.read_noise * (0.5 + uniform[4]),
        shot_noise=plain.shot_noise * (0.5 + uniform[5]),
    )


def _taps(blur: float, shift: float, factor: int) -> tuple[list[int], list[float]]:
    """Where a pixel of `factor` times the size looks, from its first fine pixel on, and with which weights.

    A square of `factor` convolved with a Gaussian of deviation `blur`, moved by `shift`, in fine pixels.
    """
    reach = int(4 * blur + abs(shift) + 0.999)
    offsets = torch.arange(-reach, factor + reach)
    left = offsets.double() - shift
    if blur:
        # The smoothed square, read at the middle of each fine pixel.
        middle, scale = left + 0.5, blur * 2**0.5
        weight = torch.erf(middle / scale) - torch.erf((middle - factor) / scale)
    else:
        weight = torch.minimum(left + 1, torch.tensor(float(factor))) - left.clamp_min(0)
    weight = weight.clamp_min(0)
    weight = weight / weight.sum()
    kept = weight > 1e-5
    return offsets[kept].tolist(), weight[kept].tolist()


def _sample(plane: Tensor, blur: float, shift: tuple[float, float], factor: int) -> Tensor:
    """A plane (h, w) through the point spread, one value in `factor` × `factor`; borders are drawn out."""
    for axis in (0, 1):
        offsets, weights = _taps(blur, shift[axis], factor)
        size = plane.shape[axis]
        first = torch.arange(0, size, factor)
        total: Tensor | None = None
        for offset, weight in zip(offsets, weights, strict=True):
            part = plane.index_select(axis, (first + offset).clamp_(0, size - 1))
            total = part.mul_(weight) if total is None else total.add_(part, alpha=weight)
        assert total is not None
        plane = total
    return plane


def _seen(ground: Ground, index: int, moment: float, haze: float) -> Tensor:
    """Pan (0) or a band (1 to 8) of the ground with its vehicles at a moment, as a new plane."""
    plane = (ground.pan if index == 0 else ground.bands[index - 1]) + haze * HAZE[index]
    for mover in ground.movers:
        drive(plane, index, mover, moment, haze * HAZE[index])
    return plane


@one_thread()
def truth(ground: Ground, sensor: Sensor = IDEAL) -> tuple[Tensor, Tensor]:
    """What a perfect sharpener would return.

    Args:
        ground: of `potato.scenes.ground.make_ground`.
        sensor: only its haze counts: haze is part of what is there to be seen.

    Returns:
        pan (h, w) and the bands (8, h, w) at pan scale, reflectance, vehicles where pan sees them.
    """
    planes = [_seen(ground, index, 0.0, sensor.haze) for index in range(1 + len(BANDS))]
    return planes[0], torch.stack(planes[1:])


@one_thread()
def observe(
    ground: Ground, generator: torch.Generator, sensor: Sensor | None = None
) -> tuple[Tensor, Tensor]:
    """Photograph a ground.

    Args:
        ground: of `potato.scenes.ground.make_ground`.
        generator: where the noise comes from.
        sensor: the instrument; None for `random_sensor` of the generator.

    Returns:
        pan uint16 (h, w) and mul uint16 (8, h/4, w/4), reflectance × 10,000, at least 1.
    """
    sensor = sensor or random_sensor(generator)
    pan = _sample(_seen(ground, 0, 0.0, sensor.haze), sensor.pan_blur, (0.0, 0.0), 1)
    bands = []
    for index, side in enumerate(SIDES, start=1):
        down, right = (side * RATIO * way for way in sensor.displacement)
        plane = _seen(ground, index, 2 * side * sensor.lag, sensor.haze)
        # What is displaced downwards was read from above.
        bands.append(_sample(plane, sensor.mul_blur * RATIO, (-down, -right), RATIO))
    mul = torch.stack(bands)
    pan = over_sharpen(pan[None], sensor.pan_sharpening)[0]
    mul = over_sharpen(mul, sensor.sharpening)
    return (
        to_counts(pan, sensor.read_noise, sensor.shot_noise, sensor.step, generator),
        to_counts(mul, sensor.read_noise / 2, sensor.shot_noise / 4, sensor.step, generator),
    )


@one_thread()
def ragged_mask(height: int, width: int, generator: torch.Generator, share: float = 0.1) -> Tensor:
    """Where an image is valid that the border of a strip cuts off.

    Args:
        height: rows.
        width: columns.
        generator: where the randomness comes from.
        share: of the pixels that are invalid, 0..1, kept to a few pixels.

    Returns:
        bool (height, width), True where valid: beyond a slanting border, wavy over hundreds of pixels and
        jagged by a few.

    Raises:
        ValueError: if `share` isn't in 0..1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share of 0..1, found {share}")
    turn = torch.rand((), generator=generator) * (2 * torch.pi)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None, :]
    way = rows * torch.sin(turn) + columns * torch.cos(turn)
    way = way + 2.0 * power_noise(max(2, height), max(2, width), generator, 1.5)[:height, :width]
    # Scan lines begin a pixel or two apart.
    way = way + torch.rand(height, 1, generator=generator) * 3
    cut = int(share * way.numel())
    return way > way.flatten().kthvalue(cut).values if cut else torch.ones_like(way, dtype=torch.bool)
