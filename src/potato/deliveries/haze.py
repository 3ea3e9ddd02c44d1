"""The light that the atmosphere adds, by the darkest objects of a product (P. S. Chavez, 1988)."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from potato.core.radiometry import counts_to_reflectance
from potato.core.sensors import WAVELENGTHS, Sensor
from potato.core.types import PathLike
from potato.errors import DeliveryError
from potato.raster.atomic import write_whole
from potato.raster.gdal_env import gdal, open_dataset
from potato.raster.layer import Layer, mul_image, pan_image
from potato.raster.samples import sample_pixels
from potato.raster.untrusted import read_small

DARKEST = 0.01
"""The reflectance that the darkest object is taken to have: few natural ones are black."""

SHARE = 0.001
"""Share of the sampled pixels that are darker than the darkest object: noise and shadows."""

MOST_HAZE = 0.15
"""The most haze in blue. A product without a dark object would be darkened too much."""

EXPONENT = -2
"""Power of the wavelength that the most haze follows: between a clear sky's (−4) and a very hazy
one's (−0.5)."""

FORMAT = "potato haze 1"
"""The format that the JSON names."""


def estimate_haze(layer: Layer, sensor: Sensor | None) -> dict[str, float]:
    """The haze of each band of an image: top-of-atmosphere reflectance of a black object.

    The sample is spread evenly over the whole image, whatever part of it is sharpened.

    Args:
        layer: with a calibration to top-of-atmosphere reflectance.
        sensor: that of a mul; None for a pan.

    Returns:
        0 or more by name of the band, never more than for a band of shorter wavelength.

    Raises:
        DeliveryError: if the sample has no valid pixel.
        InputError: if the image can't be read.
    """
    with gdal(), contextlib.closing(open_dataset(layer.name, "image", layer.driver)) as dataset:
        image = pan_image(layer, dataset) if sensor is None else mul_image(layer, dataset, sensor)[0]
        counts = sample_pixels(image)
    if not counts.size:
        raise DeliveryError(f"{layer.path}: expected valid pixels, found none; the image is empty")
    darkest = counts_to_reflectance(np.quantile(counts, SHARE, axis=1, method="lower"))
    bands = ("pan",) if sensor is None else sensor.bands
    return limit_haze(dict(zip(bands, (darkest - DARKEST).tolist(), strict=True)))


def limit_haze(haze: Mapping[str, float]) -> dict[str, float]:
    """Haze that air can cause: 0 or more, and less at longer wavelengths.

    Args:
        haze: of each band, as measured, in the order of their wavelengths.

    Example:
        >>> limit_haze({"blue": 0.3, "red": 0.02, "nir": 0.04})
        {'blue': 0.15, 'red': 0.02, 'nir': 0.02}
    """
    limited: dict[str, float] = {}
    least = MOST_HAZE
    for band, value in haze.items():
        most = MOST_HAZE * (WAVELENGTHS[band] / WAVELENGTHS["blue"]) ** EXPONENT
        least = max(0.0, min(value, most, least if limited else most))
        limited[band] = round(least, 5)
    return limited


def keep_haze(
    path: PathLike | None, product: str, bands: Sequence[str], estimate: Callable[[], dict[str, float]]
) -> dict[str, float]:
    """The haze of a product from a JSON file; estimated and kept there if the file isn't there.

    Args:
        path: the file; None to keep nothing.
        product: the product's name.
        bands: those whose haze is needed.
        estimate: called if the file isn't there; gives the haze by name of the band.

    Raises:
        DeliveryError: if the file is another product's, or damaged.
        OutputError: if it can't be written.
    """
    file = None if path is None else Path(path)
    if file is None:
        return estimate()
    if not file.exists():
        haze = estimate()
        write_whole(file, json.dumps({"format": FORMAT, "product": product, "haze": haze}, indent=2) + "\n")
        return haze
    damaged = DeliveryError(
        f"{file}: expected the haze of {', '.join(bands)} in {product}, found a damaged file; remove it"
    )
    try:
        data = json.loads(read_small(file))
        known = data["format"], data["product"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise damaged from error
    if known != (FORMAT, product):
        raise DeliveryError(f"{file}: expected the haze of {product}, found that of {known[1]}; remove it")
    try:
        kept = {band: float(data["haze"][band]) for band in bands}
    except (ArithmeticError, ValueError, LookupError, TypeError) as error:
        raise damaged from error
    if not all(0 <= haze < 1 for haze in kept.values()):
        raise damaged
    return kept
