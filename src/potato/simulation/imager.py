"""The imager: how pan and mul come out of a simulated ground."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.noise import power_noise
from potato.core.radiometry import counts_to_reflectance
from potato.core.resample import block_mean
from potato.core.sensors import SCALE, WAVELENGTHS, Sensor
from potato.engine.torch_threads import one_thread
from potato.simulation.artefacts import boost_mtf, displace_arrays, read_at, to_counts
from potato.simulation.detector import DisplacementField, sample
from potato.simulation.ground import Ground
from potato.simulation.land.basis import BASIS, mix_planes, plane_shares
from potato.simulation.land.texture import clouds, draw_seed, smoothstep
from potato.simulation.land.vehicles import draw_mover

FINE = 2
"""Pixels of the ground along a mul pixel in `observe_coarser`, which averages them."""

LEAST = 1 / SCALE
"""Reflectance of the lowest count. No pixel is darker, not even where too much haze was removed."""


@dataclass(frozen=True, slots=True)
class Imager:
    """All parameters of one pass of an imager.

    With the defaults, simulated pairs resemble a real WorldView-2 pair.

    Attributes:
        sensor: the sensor that the imager is of.
        shares: what it sees of the planes of ground, as `land.basis.plane_shares`; empty for those
            of the sensor.
        pan_blur: standard deviation of pan's point spread without the pixel's square, pan pixels.
        pan_mtf_boost: `amount` of `artefacts.boost_mtf` for pan: real pan rings a little.
        mul_blur: standard deviation of mul's point spread, the imager's own mul pixels.
        blur_factors: factors of `mul_blur` for each band, no two of which are equally soft; empty
            for factors of 1.
        mul_mtf_boost: `amount` for mul, at the imager's own pixels: real mul rings more.
        mul_fine_mtf_boost: `fine` for mul, which compensates the loss by pixels' squares.
        pitch: side of the imager's pixels, pan's and mul's, in pixels of the grids that they are
            resampled to by cubic convolution: the further from nadir, the larger. 1 means the
            grids' own pixels.
        phase: position of pan's pixels against its grid, (down, right), 0..1; mul's is random.
        displacement: (down, right) of the second array against the first, in mul pixels. Real pairs
            show 0.05 to 0.4.
        sides: the share of this displacement by which each band moves against pan: −½ in the first
            array and ½ in the second if pan lies in the middle. Empty for those of `array_sides`.
        jitter: standard deviation of the displacement's smooth variation over some 30 mul pixels,
            in mul pixels: relief, and the platform's own movement.
        local_shift_std: standard deviation of the displacement of patches of a few mul pixels,
            over a tenth of the scene, in mul pixels: things that move or stand out.
        parallax: (down, right) displacement by a metre of height, in mul pixels.
        time_lag: factor of the movement of `Ground.movers` between the arrays; 0 freezes them.
        haze: reflectance added at the wavelength of coastal, and less at longer ones.
        haze_slope: haze falls as wavelength to the power of minus this.
        haze_factors: factors of haze for each band, since it is removed from images band by band;
            empty for factors of 1.
        haze_beyond_red: share of their haze that red edge and NIR keep: after haze was removed, its
            remainders there and in visible light are hardly related.
        pan_haze: share of its haze that pan keeps.
        pan_calibration_gain: factor of pan alone: calibration isn't perfect.
        read_noise: standard deviation of pan's noise in the dark, reflectance.
        shot_noise: variance of pan's noise per reflectance.
        mul_noise: standard deviation of mul's noise, relative to pan's.
        noise_factors: factors of it for each band; empty for factors of 1.
        step: counts between two levels of the converter.
    """

    sensor: Sensor = BASIS
    shares: tuple[tuple[float, ...], ...] = ()
    pan_blur: float = 0.42
    pan_mtf_boost: float = 0.35
    mul_blur: float = 0.25
    blur_factors: tuple[float, ...] = ()
    mul_mtf_boost: float = 0.5
    mul_fine_mtf_boost: float = 2.0
    pitch: float = 1.17
    phase: tuple[float, float] = (0.3, 0.6)
    displacement: tuple[float, float] = (0.12, 0.08)
    sides: tuple[float, ...] = ()
    jitter: float = 0.05
    local_shift_std: float = 0.0
    parallax: tuple[float, float] = (0.002, 0.001)
    time_lag: float = 1.0
    haze: float = 0.015
    haze_slope: float = 1.6
    haze_factors: tuple[float, ...] = ()
    haze_beyond_red: float = 1.0
    pan_haze: float = 1.0
    pan_calibration_gain: float = 1.0
    read_noise: float = 6e-4
    shot_noise: float = 6e-6
    mul_noise: float = 0.5
    noise_factors: tuple[float, ...] = ()
    step: int = 3

    @property
    def band_sides(self) -> tuple[float, ...]:
        """`sides`, or those of the sensor's known arrays."""
        return self.sides or array_sides(self.sensor)

    @property
    def band_blurs(self) -> tuple[float, ...]:
        """Standard deviation of each band's point spread (n,), the imager's own mul pixels."""
        return tuple(self.mul_blur * factor for factor in self._each(self.blur_factors))

    @property
    def plane_haze(self) -> tuple[float, ...]:
        """Reflectance that haze adds to pan and to each band (1 + n,)."""
        coastal, visible = WAVELENGTHS["coastal"], self.sensor.visible
        pan, *bands = (
            self.haze * (WAVELENGTHS[name] / coastal) ** -self.haze_slope
            for name in ("pan", *self.sensor.bands)
        )
        shares = (1.0 if name in visible else self.haze_beyond_red for name in self.sensor.bands)
        uneven = (
            band * factor * share
            for band, factor, share in zip(bands, self._each(self.haze_factors), shares, strict=True)
        )
        return (self.pan_haze * pan, *uneven)

    def _each(self, factors: tuple[float, ...]) -> tuple[float, ...]:
        """A factor for each band."""
        return factors or (1.0,) * len(self.sensor.bands)

    def pan_counts(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Pan's reflectance, any shape, as counts: `artefacts.to_counts` with pan's noise."""
        return to_counts(image, self.read_noise, self.shot_noise, self.step, generator)

    def mul_counts(self, image: Tensor, generator: torch.Generator) -> Tensor:
        """Mul's reflectance (n, h, w) as counts: `artefacts.to_counts` with each band's noise."""
        counts = torch.empty(image.shape, dtype=torch.uint16)
        for own, band, factor in zip(counts, image, self._each(self.noise_factors), strict=True):
            level = self.mul_noise * factor
            noise = level * self.read_noise, level**2 * self.shot_noise
            own.copy_(to_counts(band, *noise, self.step, generator))
        return counts


def array_sides(sensor: Sensor) -> tuple[float, ...]:
    """`Imager.sides` by a sensor's known arrays, with pan between the two; 0 if none are known."""
    if not sensor.arrays:
        return (0.0,) * len(sensor.bands)
    return tuple(-0.5 if band in sensor.arrays[0] else 0.5 for band in sensor.bands)


IDEAL = Imager(
    pan_blur=0.0,
    pan_mtf_boost=0.0,
    mul_blur=0.0,
    mul_mtf_boost=0.0,
    mul_fine_mtf_boost=0.0,
    pitch=1.0,
    displacement=(0.0, 0.0),
    jitter=0.0,
    parallax=(0.0, 0.0),
    time_lag=0.0,
    haze=0.0,
    read_noise=0.0,
    shot_noise=0.0,
    step=1,
)
"""Means over squares, all bands at once, no haze, no noise."""


def displacement_field(rows: int, columns: int, imager: Imager, generator: torch.Generator) -> Tensor:
    """The displacement of the second array against the first, on flat ground.

    Args:
        rows: of mul.
        columns: of mul.
        imager: its displacement, jitter and local shifts.
        generator: source of jitter and local shifts.

    Returns:
        (2, rows, columns), down and right in mul pixels.
    """
    field = torch.tensor(imager.displacement)[:, None, None].expand(2, rows, columns).clone()
    if imager.jitter:
        field += imager.jitter * torch.stack([clouds(rows, columns, generator, 32.0) for _ in range(2)])
    if imager.local_shift_std:
        # All patches shift along one line, as along the flight or a road, by different amounts.
        turn = 2 * torch.pi * torch.rand((), generator=generator)
        way = torch.stack([torch.sin(turn), torch.cos(turn)])[:, None, None]
        strength = clouds(rows, columns, generator, 6.0, 1.0)
        patches = strength.sign() * smoothstep(strength.abs(), 1.5, 1.9)
        field += 2 * imager.local_shift_std * way * patches
    return field


def _scene_planes(ground: Ground, moments: Sequence[float], imager: Imager) -> Tensor:
    """Pan and bands of the ground through haze (1 + n, h, w), new, vehicles at their moments."""
    haze = torch.tensor(imager.plane_haze)
    shares = torch.tensor(imager.shares) if imager.shares else plane_shares(imager.sensor)
    planes = mix_planes(ground.planes, shares) + haze[:, None, None]
    for mover in ground.movers:
        # A vehicle may be drawn after planes are mixed, since it covers a share of all of them.
        colour, glass = (mix_planes(own, shares) for own in (mover.colour, mover.glass))
        draw_mover(planes, replace(mover, colour=colour, glass=glass), moments, haze)
    return planes.clamp_min_(LEAST)


@one_thread()
def truth(ground: Ground, imager: Imager = IDEAL) -> tuple[Tensor, Tensor]:
    """The result of a perfect sharpener: every band as if pan's own pixels had seen it.

    Args:
        ground: of `ground.make_ground`.
        imager: its haze is part of the truth, and so are pan's blur and MTF boost: a sharpener
            doesn't undo pan's point spread.

    Returns:
        pan (h, w) and the bands (n, h, w) at pan scale, reflectance, vehicles where pan sees them.
    """
    planes = _scene_planes(ground, [0.0] * (1 + len(imager.sensor.bands)), imager)
    planes = _sample_pan(planes, imager).clamp_min_(LEAST)
    return planes[0], planes[1:]


def _sample_pan(planes: Tensor, imager: Imager) -> Tensor:
    """Planes (n, h, w) at pan's pixels, the same shape."""
    blurs, boost = [imager.pan_blur] * len(planes), (imager.pan_mtf_boost, 0.0)
    return sample(list(planes), blurs, 1, None, boost, imager.pitch, imager.phase)


def _sample_mul(
    bands: Tensor, factor: int, imager: Imager, generator: torch.Generator, lean: Tensor | None = None
) -> Tensor:
    """The bands (n, h · factor, w · factor) at mul's pixels (n, h, w).

    `lean` is the displacement by height (2, h · factor, w · factor), in mul pixels; without it, no
    band is displaced.
    """
    height, width = (side // factor for side in bands.shape[1:])
    field = None if lean is None else displacement_field(height, width, imager, generator)
    mul = torch.empty(len(bands), height, width)
    blurs, sides = imager.band_blurs, imager.band_sides
    boost = (imager.mul_mtf_boost, imager.mul_fine_mtf_boost)
    for side in sorted(set(sides)):
        own = [index for index, each in enumerate(sides) if each == side]
        down, right = torch.rand(2, generator=generator).tolist()
        gaze = None if field is None or lean is None else _gaze(field, lean, side, factor)
        planes, softness = [bands[index] for index in own], [blurs[index] for index in own]
        mul[own] = sample(planes, softness, factor, gaze, boost, imager.pitch, (down, right))
    return mul


def _gaze(field: Tensor, lean: Tensor, side: float, factor: int) -> DisplacementField:
    """The displacement of one array, whose share is `side`, on flat ground and by height."""

    def displacement(rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        way = read_at(field, rows, columns, "bilinear")
        way = side * (way + read_at(lean, rows * factor, columns * factor, "nearest"))
        return way[0], way[1]

    return displacement


def _check_sides(ground: Ground, step: int) -> None:
    height, width = ground.pan.shape
    if height % step or width % step:
        raise ValueError(f"expected ground whose sides are multiples of {step}, found {height} × {width}")


@one_thread()
def observe(ground: Ground, generator: torch.Generator, imager: Imager) -> tuple[Tensor, Tensor]:
    """Image a ground.

    Args:
        ground: of `ground.make_ground`.
        generator: source of the noise.
        imager: what sees the ground.

    Returns:
        pan uint16 (h, w) and mul uint16 (n, h/r, w/r), counts of reflectance × 10,000, at least 1;
        r is the ratio of the sensor.

    Raises:
        ValueError: if the sides of the ground aren't multiples of r.
    """
    _check_sides(ground, imager.sensor.ratio)
    moments = [0.0, *(2 * side * imager.time_lag for side in imager.band_sides)]
    planes = _scene_planes(ground, moments, imager)
    pan = _sample_pan(planes[:1], imager)[0] * imager.pan_calibration_gain
    # A generator of their own: the positions of the arrays must not change the noise.
    own = torch.Generator().manual_seed(draw_seed(generator))
    lean = torch.tensor(imager.parallax)[:, None, None] * ground.height
    mul = _sample_mul(planes[1:], imager.sensor.ratio, imager, own, lean)
    return imager.pan_counts(pan, generator), imager.mul_counts(mul, generator)


@one_thread()
def observe_coarser(
    ground: Ground, generator: torch.Generator, imager: Imager, halved: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Image a ground at mul's scale, and make the pair coarser by Wald's protocol.

    The imager then leaves other traces: the effect of mul's pixels on detail is in the truth and
    hardly shows in the truth's box means, and pan is nearly ideal.

    Args:
        ground: of `ground.make_ground`. `FINE` of its pixels make one of mul.
        generator: source of the noise.
        imager: what sees the ground. Its displacements, in mul pixels of the result, are in the
            input and not in the truth, which is registered; vehicles stand still.
        halved: as if everything had been halved first: the ground's pixels are then those of the
            truth, and a fifth of the MTF boost is left.

    Returns:
        With f = FINE, or 1 if `halved`: pan uint16 (h/f, w/f) and mul uint16 (n, h/rf, w/rf),
        counts of reflectance × 10,000, at least 1, and the true bands (n, h/f, w/f), reflectance.

    Raises:
        ValueError: if the sides of the ground aren't multiples of rf.
    """
    ratio, fine = imager.sensor.ratio, 1 if halved else FINE
    _check_sides(ground, ratio * fine)
    planes = _scene_planes(ground, [0.0] * (1 + len(imager.sensor.bands)), imager)
    own = torch.Generator().manual_seed(draw_seed(generator))
    pan = (planes[0] if halved else block_mean(planes[0], 2)) * imager.pan_calibration_gain
    if halved:
        bands = boost_mtf(planes[1:], imager.mul_mtf_boost / 5, imager.mul_fine_mtf_boost / 5)
    else:
        bands = _sample_mul(planes[1:], fine, imager, own)
    bands = counts_to_reflectance(imager.mul_counts(bands, generator))
    height, width = (side // ratio for side in pan.shape)
    field = displacement_field(height, width, imager, own) * ratio
    field = F.interpolate(field[None], scale_factor=ratio, mode="bilinear", align_corners=False)[0]
    mul = block_mean(displace_arrays(bands, field, imager.band_sides) if bool(field.any()) else bands, ratio)
    return to_counts(pan, 0.0, 0.0, 1, generator), to_counts(mul, 0.0, 0.0, 1, generator), bands


@one_thread()
def ragged_mask(height: int, width: int, generator: torch.Generator, share: float = 0.1) -> Tensor:
    """A mask of valid pixels like that of an image cut off by the border of a strip.

    Args:
        height: rows.
        width: columns.
        generator: source of the random numbers.
        share: of invalid pixels, 0..1, exact to a few pixels.

    Returns:
        bool (height, width), True where valid: beyond a slanting border, wavy over hundreds of
        pixels and jagged by a few.

    Raises:
        ValueError: if `share` isn't in 0..1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share of 0..1, found {share}")
    turn = torch.rand((), generator=generator) * (2 * torch.pi)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None, :]
    way = rows * torch.sin(turn) + columns * torch.cos(turn)
    way = way + 2.0 * power_noise(max(2, height), max(2, width), generator, 1.5)[:height, :width]
    # Scan lines begin one to three pixels apart.
    way = way + torch.rand(height, 1, generator=generator) * 3
    cut = int(share * way.numel())
    return way > way.flatten().kthvalue(cut).values if cut else torch.ones_like(way, dtype=torch.bool)
