"""Ground of known reflectance, as a pan and a mul see it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from potato.core.sensors import WAVELENGTHS, Sensor
from potato.deliveries.haze import EXPONENT
from potato.raster.coordinates import Grid, grid_at

KNOTS = (420, 480, 550, 610, 660, 700, 740, 830, 960)
"""Wavelengths in nm at which the spectra below are given."""

SPECTRA = {
    "grass": (0.03, 0.035, 0.08, 0.06, 0.045, 0.12, 0.34, 0.45, 0.46),
    "soil": (0.08, 0.11, 0.17, 0.23, 0.26, 0.28, 0.30, 0.34, 0.38),
    "asphalt": (0.09, 0.10, 0.11, 0.12, 0.12, 0.13, 0.13, 0.14, 0.15),
    "tiles": (0.07, 0.09, 0.13, 0.24, 0.32, 0.34, 0.35, 0.37, 0.39),
    "concrete": (0.20, 0.24, 0.29, 0.32, 0.34, 0.35, 0.36, 0.38, 0.39),
    "water": (0.012, 0.012, 0.012, 0.011, 0.011, 0.01, 0.01, 0.01, 0.01),
}
"""Reflectance of a few surfaces, drawn by hand."""

HAZE = 0.06
"""Reflectance that the atmosphere adds in blue."""


@dataclass(frozen=True)
class Scene:
    """What a satellite sees above the atmosphere: reflectance, 0..1.

    Attributes:
        pan: float64 (rh, rw), for a sensor of ratio r.
        mul: float64 (n, h, w), bands in the order of the sensor's.
        haze: what the atmosphere added to each band.
    """

    pan: NDArray[np.float64]
    mul: NDArray[np.float64]
    haze: tuple[float, ...]


def make_scene(sensor: Sensor, side: int, seed: int, centred: bool = False) -> Scene:
    """Draw fields and houses, and look at them through haze.

    Args:
        sensor: whose bands and ratio the images have.
        side: pixels along a side of mul.
        seed: equal seeds give equal scenes.
        centred: whether a pixel of mul has the centre of one of pan's, for a sensor of ratio 2; pan
            then has a row and a column less, as Landsat's has.
    """
    random = np.random.default_rng(seed)
    ratio = sensor.ratio
    length = side * ratio - centred
    y, x = np.mgrid[0:length, 0:length]
    piece = 5 * ratio
    # Pieces of a skewed grid, so that edges aren't aligned with pixels.
    pieces = (y + x // 7) // piece * (2 * length // piece) + (x + y // 5) // piece
    kinds = random.integers(0, len(SPECTRA), pieces.max() + 1)[pieces]
    shade = 1 + 0.15 * np.sin(x / 5 + y / 9) * np.cos(y / 6) + random.uniform(-0.05, 0.05, (length, length))
    haze = tuple(HAZE * (WAVELENGTHS[band] / WAVELENGTHS["blue"]) ** EXPONENT for band in sensor.bands)
    spectra = np.array(list(SPECTRA.values()))
    fine = np.stack(
        [
            _at(spectra, WAVELENGTHS[band])[kinds] * shade + added
            for band, added in zip(sensor.bands, haze, strict=True)
        ]
    )
    weights = np.clip(sensor.pan_weights, 0, None)
    pan = np.tensordot(weights / weights.sum(), fine, 1)
    if centred:
        padded = np.pad(fine, ((0, 0), (1, 1), (1, 1)), mode="edge")
        down = padded[:, 1:-1:2] / 2 + (padded[:, :-2:2] + padded[:, 2::2]) / 4
        mul = down[:, :, 1:-1:2] / 2 + (down[:, :, :-2:2] + down[:, :, 2::2]) / 4
    else:
        mul = fine.reshape(len(fine), side, ratio, side, ratio).mean((2, 4))
    return Scene(pan, mul, haze)


def _at(spectra: NDArray[np.float64], wavelength: float) -> NDArray[np.float64]:
    """The reflectance of each spectrum at a wavelength."""
    return np.array([np.interp(wavelength, KNOTS, spectrum) for spectrum in spectra])


def cut_grid(grid: Grid, top: int, left: int, part: NDArray[np.uint16]) -> Grid:
    """The grid of a part (n, h, w) of an image, which begins at row `top` and column `left`."""
    west, north = grid.transform @ (left, top)
    return replace(grid_at(part.shape[1], part.shape[2], grid.transform.a, west, north), crs=grid.crs)
