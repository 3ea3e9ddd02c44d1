"""Random imagers, which vary from pass to pass as real ones do."""

from dataclasses import replace

import torch

from potato.core.sensors import WAVELENGTHS, Sensor
from potato.simulation.imager import Imager
from potato.simulation.land.basis import BASIS, random_shares

BAND_VARIATION = 0.15
"""Standard deviation of the logarithm of each band's own factors of blur and haze."""

NOISE_VARIATION = 0.35
"""Standard deviation of the logarithm of each band's own factor of noise."""

TOGETHER = 0.5
"""Factor of displacements of sensors without known arrays: in real pairs of GeoEye-1, QuickBird,
IKONOS, Pléiades, SPOT-6 and Gaofen-2, visible bands lie within 0.1 mul pixels of each other."""

SOFTEST = 0.5
"""Standard deviation of the point spread that the softest mul has in addition, mul pixels."""

SOFTNESS = (0.1, 0.75)
"""Range of `softened`'s softness for sensors other than WorldView: those of measured pairs."""

SHORT = 450
"""Wavelength, nm, below which a band sees little light, and noise is stronger."""


def random_imager(generator: torch.Generator, sensor: Sensor = BASIS) -> Imager:
    """Make a random imager.

    Args:
        generator: source of the random numbers.
        sensor: the sensor that it is of. Where its arrays or its spectral responses are unknown,
            they are random.

    Returns:
        An imager that varies as real ones do, but for `time_lag` and `step`. Blur, pitch and MTF
        boost together give mul's detail, against the box means of pan, an MTF of 1.0 up to 0.12
        cycles per pixel, 1.4 at 0.3 and 0.4 at 0.5, where most of it is aliased. The largest
        displacements, local shifts and parallaxes are rare. Haze may be slightly negative:
        corrections remove too much of it. Pan of WorldView is as soft as it was measured; that of
        other sensors, which differ, may be sharp.
    """
    uniform = torch.rand(15, generator=generator).tolist()
    pan_blur, mul_blur, haze, pan_haze, read_noise, shot_noise = uniform[:6]
    jitter, local_shift, local_shift_scale, pitch, haze_slope = uniform[6:11]
    displacement_std, phase_down, phase_right, haze_beyond_red = uniform[11:]
    normal = torch.randn(8, generator=generator).tolist()
    mul_boost, down, right, pan_boost = normal[:4]
    parallax_down, parallax_right, calibration, mul_fine_boost = normal[4:]
    factors = torch.exp(BAND_VARIATION * torch.randn(2, len(sensor.bands), generator=generator)).tolist()
    blur_factors, haze_factors = map(tuple, factors)
    sides = () if sensor.arrays else random_sides(len(sensor.bands), generator)
    shares = random_shares(sensor, generator)
    noise_level = float(torch.rand((), generator=generator))
    least_blur = 0.8 if sensor.fits(BASIS) else 0.6
    apart = 1.0 if sensor.arrays else TOGETHER
    plain, far = Imager(sensor=sensor), apart * (0.1 + 0.35 * displacement_std**1.5)
    return replace(
        plain,
        shares=() if shares is None else tuple(map(tuple, shares.tolist())),
        pan_blur=plain.pan_blur * (least_blur + (1.2 - least_blur) * pan_blur),
        pan_mtf_boost=max(0.0, plain.pan_mtf_boost + 0.15 * pan_boost),
        mul_blur=0.2 + 0.25 * mul_blur,
        blur_factors=blur_factors,
        mul_mtf_boost=max(0.0, plain.mul_mtf_boost + 0.5 * mul_boost),
        mul_fine_mtf_boost=max(0.0, plain.mul_fine_mtf_boost + 0.7 * mul_fine_boost),
        pitch=1.05 + 0.28 * pitch,
        phase=(phase_down, phase_right),
        displacement=(far * down, far * right),
        sides=sides,
        jitter=apart * 0.2 * jitter,
        local_shift_std=apart * local_shift * local_shift_scale,
        parallax=(0.004 * parallax_down, 0.004 * parallax_right),
        haze=0.065 * haze - 0.005,
        haze_slope=2.2 * haze_slope - 0.2,
        haze_factors=haze_factors,
        haze_beyond_red=0.2 + 0.8 * haze_beyond_red,
        pan_haze=0.1 + 0.9 * pan_haze,
        pan_calibration_gain=max(0.7, 1 + 0.05 * calibration),
        read_noise=plain.read_noise * (0.5 + read_noise),
        shot_noise=plain.shot_noise * (0.5 + shot_noise),
        mul_noise=plain.mul_noise * (1 + noise_level**2),
        noise_factors=random_noise(sensor, generator),
    )


def random_noise(sensor: Sensor, generator: torch.Generator) -> tuple[float, ...]:
    """Random factors of each band's noise: in real pairs, coastal has up to thrice the others'."""
    factors = torch.exp(NOISE_VARIATION * torch.randn(len(sensor.bands), generator=generator))
    short = torch.tensor([WAVELENGTHS[band] < SHORT for band in sensor.bands])
    return tuple((factors * (1 + torch.rand((), generator=generator) * short)).tolist())


def random_sides(bands: int, generator: torch.Generator) -> tuple[float, ...]:
    """Random places of bands against pan, as `Imager.sides`.

    Satellites see their bands in one array beside pan's, in two, or in lines that follow each
    other, and pan before, after or between them. All three are equally likely.
    """
    kind = int(torch.randint(3, (), generator=generator))
    if kind == 0:
        return (0.5,) * bands
    if kind == 1:
        return tuple((torch.randint(2, (bands,), generator=generator) - 0.5).tolist())
    middle = 0.5 * torch.rand((), generator=generator) - 0.25
    return tuple((middle + torch.linspace(-0.5, 0.5, bands)).tolist())


def sharpened_on_grid(imager: Imager, generator: torch.Generator) -> Imager:
    """Give an imager mul pixels that are the grid's, and boost mul's MTF there.

    Resampling loses nothing then, so edges ring from pixel to pixel. Products differ in this, and a
    network that has only seen one kind of ringing doesn't remove the other.

    Returns:
        An imager of pitch 1; mul's MTF boost has mean 0.7 and standard deviation 0.4, cut off at 0.
    """
    amount = 0.7 + 0.4 * float(torch.randn((), generator=generator))
    return replace(imager, pitch=1.0, mul_mtf_boost=max(0.0, amount), mul_fine_mtf_boost=0.0)


def softened(imager: Imager, generator: torch.Generator) -> Imager:
    """Make mul of an imager softer by a random amount, as that of most sensors is.

    Mul of WorldView-2 rings. Against means of pan, detail of 0.37 cycles per pixel has 1.4 times
    the contrast there, half in WorldView-3, 0.8 in IKONOS, 0.5 in GeoEye-1 and QuickBird, 0.2 to
    0.3 in Pléiades, SPOT-6 and Gaofen-2.

    Returns:
        An imager with a wider point spread and less MTF boost of mul; for WorldView, `imager`.
    """
    if imager.sensor.fits(BASIS):
        return imager
    least, most = SOFTNESS
    softness = least + (most - least) * float(torch.rand((), generator=generator))
    left = (1 - softness) ** 2
    return replace(
        imager,
        mul_blur=imager.mul_blur + SOFTEST * softness,
        mul_mtf_boost=imager.mul_mtf_boost * left,
        mul_fine_mtf_boost=imager.mul_fine_mtf_boost * left,
    )
