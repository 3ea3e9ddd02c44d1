"""The instrument: how pan and mul come out of a simulated ground."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.core.sensors import BANDS, RATIO, SCALE, VISIBLE
from potato.engine.devices import one_thread
from potato.simulation.artefacts import SIDES, displace_arrays, over_sharpen, to_counts
from potato.simulation.detector import expose, read_at, spread
from potato.simulation.ground import Ground
from potato.simulation.land.texture import clouds, smoothstep
from potato.simulation.land.vehicles import drive

FINE = 2
"""Pixels of the ground along one of mul's in `observe_coarser`: mul needs something finer to see."""

LEAST = 1 / SCALE
"""No pixel is darker than the lowest count, not even where too much haze was taken away."""

WAVELENGTHS = (600, 427, 478, 546, 608, 659, 724, 833, 949)
"""Where pan and the bands lie, nm; pan as haze sees it."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """Everything about one look of the instrument.

    Attributes:
        pan_blur: standard deviation of pan's point spread besides the pixel's own square, in pan pixels.
        pan_sharpening: real pan rings a little: it is pan + this × (pan − its 3×3 binomial blur).
        mul_blur: the same as `pan_blur` of mul, in the instrument's own mul pixels.
        blur_factors: factors of that for each band: no two are equally soft.
        sharpening: real mul rings more; the same as `pan_sharpening` of mul, at its own pixels.
        fine_sharpening: and `fine` of `optics.over_sharpen`, which makes up for what pixels take away.
        pitch: size of the instrument's pixels, pan's and mul's, in pixels of the grids that they are
            delivered on, by cubic convolution: the further from nadir it looks, the larger. 1 means that they
            are the grid's.
        phase: where pan's pixels lie against its grid, (down, right), 0..1; mul's lie anywhere.
        displacement: (down, right) of the second array against the first, in mul pixels. Each goes half of
            the way, so pan lies in the middle. 0.05 to 0.4 is seen on real pairs.
        sway: standard deviation of what is added to that from place to place, smoothly over some 30 mul
            pixels, in mul pixels: relief, and the swaying platform.
        jolts: the same of patches of a few mul pixels in a tenth of the scene that lie elsewhere altogether,
            as things do that move or stand out.
        parallax: (down, right) by which a metre of height displaces the second array against the first.
        lag: how far vehicles move between the arrays, relative to the ground's `movers`; 0 freezes them.
        haze: reflectance added to coastal, and less to the others.
        haze_slope: it falls as wavelength to the power of minus this.
        haze_factors: factors of it for each band: haze is removed from images, band by band.
        haze_beyond_red: share of their part that red edge and NIR get: what is left of haze there, after it
            was removed, has little to do with what is left in visible light.
        pan_haze: share of its part that pan gets.
        pan_gain: factor of pan alone: calibration isn't perfect.
        read_noise: standard deviation of pan's noise in the dark, reflectance; mul has half of it.
        shot_noise: variance of pan's noise per reflectance; mul, of 16 times the area, has a quarter of it.
        step: reflectance × 10,000 between two levels of the converter.
    """

    pan_blur: float = 0.42
    pan_sharpening: float = 0.35
    mul_blur: float = 0.25
    blur_factors: tuple[float, ...] = (1.0,) * len(BANDS)
    sharpening: float = 0.5
    fine_sharpening: float = 2.0
    pitch: float = 1.17
    phase: tuple[float, float] = (0.3, 0.6)
    displacement: tuple[float, float] = (0.12, 0.08)
    sway: float = 0.05
    jolts: float = 0.0
    parallax: tuple[float, float] = (0.002, 0.001)
    lag: float = 1.0
    haze: float = 0.015
    haze_slope: float = 1.6
    haze_factors: tuple[float, ...] = (1.0,) * len(BANDS)
    haze_beyond_red: float = 1.0
    pan_haze: float = 1.0
    pan_gain: float = 1.0
    read_noise: float = 6e-4
    shot_noise: float = 6e-6
    step: int = 3


IDEAL = Sensor(
    pan_blur=0.0,
    pan_sharpening=0.0,
    mul_blur=0.0,
    sharpening=0.0,
    fine_sharpening=0.0,
    pitch=1.0,
    displacement=(0.0, 0.0),
    sway=0.0,
    parallax=(0.0, 0.0),
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
        Blur of pan ± a fifth, of mul 0.2 to 0.45, of each band by another 0.15; sharpening normal around 0.5
        with deviation 0.5 (pan 0.35 and 0.15), fine sharpening around 2.0 with 0.7, at least 0; pitch 1.05 to
        1.33, anywhere against the grid. Together they give mul's detail, against the box means of pan, a gain
        of 1.0 up to 0.12 cycles per pixel, 1.4 at 0.3 and 0.4 at 0.5, where most of it is aliased: as real.
        displacement normal with deviation 0.1 to 0.4 each way, sway and jolts up to 0.2 and 1, mostly less;
        parallax normal with deviation 0.004; haze −0.005 to 0.06, with a slope of −0.2 to 2, uneven
        by 0.15, of which pan gets 0.1 to 1 of its part and what lies beyond red 0.2 to 1; pan's gain
        normal around 1 with deviation 0.05; noise of 0.5 to 1.5 times the defaults.
    """
    uniform = torch.rand(15, generator=generator).tolist()
    normal = torch.randn(8, generator=generator).tolist()
    blur_factors, haze_factors = torch.exp(0.15 * torch.randn(2, len(BANDS), generator=generator)).tolist()
    plain = Sensor()
    far = 0.1 + 0.3 * uniform[11] ** 2
    return replace(
        base or plain,
        pan_blur=plain.pan_blur * (0.8 + 0.4 * uniform[0]),
        pan_sharpening=max(0.0, plain.pan_sharpening + 0.15 * normal[3]),
        mul_blur=0.2 + 0.25 * uniform[1],
        blur_factors=tuple(blur_factors),
        sharpening=max(0.0, plain.sharpening + 0.5 * normal[0]),
        fine_sharpening=max(0.0, plain.fine_sharpening + 0.7 * normal[7]),
        pitch=1.05 + 0.28 * uniform[9],
        phase=(uniform[12], uniform[13]),
        displacement=(far * normal[1], far * normal[2]),
        sway=0.2 * uniform[6],
        jolts=uniform[7] * uniform[8],
        parallax=(0.004 * normal[4], 0.004 * normal[5]),
        haze=0.065 * uniform[2] - 0.005,
        haze_slope=2.2 * uniform[10] - 0.2,
        haze_factors=tuple(haze_factors),
        haze_beyond_red=0.2 + 0.8 * uniform[14],
        pan_haze=0.1 + 0.9 * uniform[3],
        pan_gain=max(0.7, 1 + 0.05 * normal[6]),
        read_noise=plain.read_noise * (0.5 + uniform[4]),
        shot_noise=plain.shot_noise * (0.5 + uniform[5]),
    )


def sharpened_on_grid(sensor: Sensor, generator: torch.Generator) -> Sensor:
    """The same look if mul's pixels were the grid's, and sharpened there.

    Nothing is lost to resampling then, so edges ring from pixel to pixel. Products differ in that, and who
    has learnt to heal the one kind of edge doesn't heal the other.

    Returns:
        A sensor of pitch 1, whose sharpening is normal around 0.7 with deviation 0.4, at least 0.
    """
    amount = 0.7 + 0.4 * float(torch.randn((), generator=generator))
    return replace(sensor, pitch=1.0, sharpening=max(0.0, amount), fine_sharpening=0.0)


def displacement_field(rows: int, columns: int, sensor: Sensor, generator: torch.Generator) -> Tensor:
    """Where the second array sees flat ground, against the first.

    Args:
        rows: of mul.
        columns: of mul.
        sensor: its displacement, sway and jolts.
        generator: where sway and jolts come from.

    Returns:
        (2, rows, columns), down and right in mul pixels.
    """
    field = torch.tensor(sensor.displacement)[:, None, None].expand(2, rows, columns).clone()
    if sensor.sway:
        field += sensor.sway * torch.stack([clouds(rows, columns, generator, 32.0) for _ in range(2)])
    if sensor.jolts:
        # Patches all go one way, as along the flight or a road; how far differs.
        turn = 2 * torch.pi * torch.rand((), generator=generator)
        way = torch.stack([torch.sin(turn), torch.cos(turn)])[:, None, None]
        strength = clouds(rows, columns, generator, 6.0, 1.0)
        field += 2 * sensor.jolts * way * strength.sign() * smoothstep(strength.abs(), 1.5, 1.9)
    return field


def haze_of(sensor: Sensor) -> tuple[float, ...]:
    """What haze adds to pan and each band, reflectance."""
    coastal = WAVELENGTHS[1]
    pan, *bands = (sensor.haze * (length / coastal) ** -sensor.haze_slope for length in WAVELENGTHS)
    shares = [1.0] * VISIBLE + [sensor.haze_beyond_red] * (len(BANDS) - VISIBLE)
    uneven = (
        band * factor * share for band, factor, share in zip(bands, sensor.haze_factors, shares, strict=True)
    )
    return (sensor.pan_haze * pan, *uneven)


def _seen(ground: Ground, moments: Sequence[float], sensor: Sensor) -> Tensor:
    """Pan and the bands (9, h, w) of the ground, new, each with its vehicles at its moment."""
    planes = ground.planes
    haze = torch.tensor(haze_of(sensor))
    if bool(haze.any()):
        planes += haze[:, None, None]
    for mover in ground.movers:
        drive(planes, mover, moments, haze)
    return planes.clamp_min_(LEAST)


@one_thread()
def truth(ground: Ground, sensor: Sensor = IDEAL) -> tuple[Tensor, Tensor]:
    """What a perfect sharpener would return: every band as if pan's own pixels had seen it.

    Args:
        ground: of `potato.simulation.ground.make_ground`.
        sensor: its haze counts, which is part of what is there to be seen, and pan's blur and sharpening: to
            give back what pan's point spread took isn't a sharpener's business.

    Returns:
        pan (h, w) and the bands (8, h, w) at pan scale, reflectance, vehicles where pan sees them.
    """
    planes = _through_pan(_seen(ground, [0.0] * (1 + len(BANDS)), sensor), sensor).clamp_min_(LEAST)
    return planes[0], planes[1:]


def _through_pan(planes: Tensor, sensor: Sensor) -> Tensor:
    """Planes (n, h, w) at pan's pixels, the same shape."""
    seen = spread(planes, sensor.pitch, sensor.pan_blur * sensor.pitch)
    sharpening, size = (sensor.pan_sharpening, 0.0), (planes.shape[1], planes.shape[2])
    return expose(seen, 1, size, None, sharpening, sensor.pitch, sensor.phase)


def _through_mul(
    bands: Tensor, factor: int, sensor: Sensor, generator: torch.Generator, lean: Tensor | None = None
) -> Tensor:
    """The 8 bands (8, h · factor, w · factor) at mul's pixels (8, h, w); displaced, if things lean over.

    `lean` is what is displaced besides flat ground (2, h · factor, w · factor), in mul pixels.
    """
    height, width = (side // factor for side in bands.shape[1:])
    size = sensor.pitch * factor
    seen = torch.cat(
        [
            spread(band, size, sensor.mul_blur * softness * size, even=factor % 2 == 0)
            for band, softness in zip(bands.split(1), sensor.blur_factors, strict=True)
        ]
    )
    field = None if lean is None else displacement_field(height, width, sensor, generator)
    mul = torch.empty(len(bands), height, width)
    sharpening = (sensor.sharpening, sensor.fine_sharpening)
    for side in sorted(set(SIDES)):

        def displaced(rows: Tensor, columns: Tensor, side: float = side) -> tuple[Tensor, Tensor]:
            if field is None or lean is None:
                return torch.zeros_like(rows), torch.zeros_like(columns)
            way = read_at(field, rows, columns, "bilinear")
            way = side * (way + read_at(lean, rows * factor, columns * factor, "nearest"))
            return way[0], way[1]

        own = [index for index, each in enumerate(SIDES) if each == side]
        down, right = torch.rand(2, generator=generator).tolist()
        mul[own] = expose(
            seen[own], factor, (height, width), displaced, sharpening, sensor.pitch, (down, right)
        )
    return mul


def pan_counts(image: Tensor, sensor: Sensor, generator: torch.Generator) -> Tensor:
    """Reflectance in pan, any shape, as the converter gives it: `optics.to_counts` with pan's noise."""
    return to_counts(image, sensor.read_noise, sensor.shot_noise, sensor.step, generator)


def mul_counts(image: Tensor, sensor: Sensor, generator: torch.Generator) -> Tensor:
    """The same of mul, whose noise is less: see `Sensor`."""
    return to_counts(image, sensor.read_noise / 2, sensor.shot_noise / 4, sensor.step, generator)


@one_thread()
def observe(
    ground: Ground, generator: torch.Generator, sensor: Sensor | None = None
) -> tuple[Tensor, Tensor]:
    """Photograph a ground.

    Args:
        ground: of `potato.simulation.ground.make_ground`.
        generator: where the noise comes from.
        sensor: the instrument; None for `random_sensor` of the generator.

    Returns:
        pan uint16 (h, w) and mul uint16 (8, h/4, w/4), reflectance × 10,000, at least 1.
    """
    sensor = sensor or random_sensor(generator)
    planes = _seen(ground, [0.0, *(2 * side * sensor.lag for side in SIDES)], sensor)
    pan = _through_pan(planes[:1], sensor)[0] * sensor.pan_gain
    # Their own dice: how arrays lie is not to change the noise.
    own = torch.Generator().manual_seed(int(torch.randint(1 << 62, (), generator=generator)))
    mul = _through_mul(
        planes[1:], RATIO, sensor, own, torch.tensor(sensor.parallax)[:, None, None] * ground.height
    )
    return pan_counts(pan, sensor, generator), mul_counts(mul, sensor, generator)


@one_thread()
def observe_coarser(
    ground: Ground, generator: torch.Generator, sensor: Sensor | None = None, halved: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Photograph a ground at mul's scale, and make the pair coarser by Wald's protocol.

    What is left of an instrument then is different: what mul's pixels do to detail is in the truth, and
    hardly shows in box means of it; pan is as good as ideal.

    Args:
        ground: of `potato.simulation.ground.make_ground`. `FINE` of its pixels make one of mul.
        generator: where the noise comes from.
        sensor: the instrument; None for `random_sensor` of the generator. Its displacements, in mul pixels of
            the result, are in the input, not in the truth, which is registered; vehicles stand still.
        halved: as if everything had been halved first, too: then the ground's pixels are those of the truth,
            and a fifth of the sharpening is left.

    Returns:
        With f = FINE, or 1 if `halved`: pan uint16 (h/f, w/f) and mul uint16 (8, h/4f, w/4f), reflectance ×
        10,000, at least 1, and the true bands (8, h/f, w/f).
    """
    sensor = sensor or random_sensor(generator)
    planes = _seen(ground, [0.0] * (1 + len(BANDS)), sensor)
    own = torch.Generator().manual_seed(int(torch.randint(1 << 62, (), generator=generator)))
    fine = 1 if halved else FINE
    pan = block_mean(planes[:1], fine)[0] * sensor.pan_gain
    if halved:
        bands = over_sharpen(planes[1:], sensor.sharpening / 5, sensor.fine_sharpening / 5)
    else:
        bands = _through_mul(planes[1:], fine, sensor, own)
    bands = mul_counts(bands, sensor, generator).float() / SCALE
    height, width = (side // RATIO for side in pan.shape)
    field = displacement_field(height, width, sensor, own) * RATIO
    field = F.interpolate(field[None], scale_factor=RATIO, mode="bilinear", align_corners=False)[0]
    mul = block_mean(displace_arrays(bands, field) if bool(field.any()) else bands)
    return to_counts(pan, 0.0, 0.0, 1, generator), to_counts(mul, 0.0, 0.0, 1, generator), bands


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
