"""Sharp bands: every band of mul at pan's scale, as reflectance.

Notable features:

- A band takes pan's shading as a ratio, which is exact where detail is shading: the same share of
  the light of all bands. What a band has beyond that (`_extra_slopes`) is a least-squares fit, kept
  as far as it explains the band.
- Pan is compared with what mul would see of it. How soft mul is, is measured on the pair itself
  (`_softness`): the gain of its optics isn't known for every sensor, and differs within an image.
- Cell means of the result are mul's, as nearly as a sharp picture allows: the change that
  sharpening makes to them is foreseen on cells and taken off in advance. Where mul is softer than
  cell means, the truth has other means. There, brightness is mainly such that mul would see its
  own in the result. Indices such as NDVI stay those of mul.
- With a network, the visible bands move towards its chroma by the least change that is likely for
  the spectra of ground, which removes fringes. Small changes, which are no fringes, mostly don't
  count, and neither does the network's luminance: all bands keep pan's shading.
- Everything but the last two steps is computed on cells. Nothing is padded inside:
  `sharpen_bands` fills, pads and crops, as `network.sharpen_cells` does.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from potato.core.arrays import constant_like
from potato.core.color import mul_to_xyz, oklab_to_xyz, xyz_to_bands
from potato.core.mtf import enlarged_taps, gaussian_taps
from potato.core.resample import BICUBIC_REACH, bicubic_phases, from_cells, to_cells, upsample_cells
from potato.core.sensors import Sensor
from potato.core.types import check_pair_shapes
from potato.model.facts import (
    CELL_SHARE,
    CHROMA_NOISE,
    LEAST_MEAN,
    RIDGE,
    SLOPE_WINDOW,
    SOFT_GAIN,
    SOFT_REACH,
    SOFTNESS_GAIN,
    SOFTNESS_RIDGE,
    SOFTNESS_START,
    SOFTNESS_WINDOW,
    UNDERSHOOT_LIMIT,
    ratio_limit,
)
from potato.model.features import binomial_mean, minimum, trim
from potato.model.model import BAND_HALOS, HasModel, Model
from potato.model.network import Sharpener, fill_pair, pad, sharpen_cells


def bands_out(model: Model | HasModel | None, pan: Tensor, mul: Tensor, sensor: Sensor) -> Tensor:
    """Sharpen all bands of a pair of tensors whose pixels are all valid.

    Args:
        model: from `load_model`, or a network; None or one without layers for none.
        pan: reflectance (b, 1, rh, rw), 0..1 and above on specular targets; r is the ratio.
        mul: reflectance (b, n, h, w).
        sensor: the sensor that saw the pair.

    Returns:
        Reflectance (b, n, rh, rw), at least `facts.LEAST_MEAN`.

    Raises:
        ValueError: if the shapes don't fit each other.

    Example:
        >>> from potato.core.sensor_table import GEOEYE_1
        >>> pan, mul = torch.full((1, 1, 32, 32), 0.25), torch.full((1, 4, 8, 8), 0.125)
        >>> bands_out(None, pan, mul, GEOEYE_1).mean().round(decimals=6).item()
        0.125
    """
    check_pair_shapes(pan, mul)
    network = None if model is None else Sharpener.of(model, sensor).to(pan.device)
    cells = to_cells(pan, sensor.ratio)
    return from_cells(sharpen_bands(network, cells, mul, sensor).flatten(1, 2), sensor.ratio)


def sharpen_bands(
    network: Sharpener | None,
    pan: Tensor,
    mul: Tensor,
    sensor: Sensor,
    valid: tuple[Tensor, Tensor] | None = None,
    given: int = 0,
) -> Tensor:
    """Fill invalid pixels, pad or crop to the halo, and sharpen all bands.

    Args:
        network: for the colour of visible bands; None, or one without layers, for none.
        pan: reflectance in cells (b, r², h + 2·given, w + 2·given).
        mul: reflectance (b, n, h + 2·given, w + 2·given).
        sensor: the sensor.
        valid: masks of both, bool, as `sharpen_cells` takes them; None if all is valid.
        given: cells around the result that pan and mul include: 0 for a whole image; as many as
            the model and `BAND_HALOS` read for a block of a larger one.

    Returns:
        Reflectance in cells (b, n, r², h, w), without meaning where pan or mul is invalid.
    """
    if valid is None:
        valid = torch.ones_like(pan, dtype=torch.bool), torch.ones_like(mul[:, :1], dtype=torch.bool)
    halos = BAND_HALOS
    outside = max(0, halos.valid - given)
    fine, coarse, pan_valid, mul_valid = (pad(image, outside) for image in (pan, mul, *valid))
    known = (pan_valid.any(1, keepdim=True) & mul_valid).to(pan)
    fine, coarse = fill_pair(fine, coarse, pan_valid, mul_valid, halos.valid)
    missing = halos.whole - max(given, halos.valid)
    fine, coarse, known = (pad(image, missing) for image in (fine, coarse, known))
    bands, least = sharp_bands(fine, coarse, known, sensor)
    if network is not None and network.layers:
        oklab = sharpen_cells(network, pan, mul, valid, given)
        bands = towards_colour(bands, oklab.unflatten(1, (3, -1)), sensor)
    return torch.maximum(bands, least).clamp_min(LEAST_MEAN)


def sharp_bands(pan: Tensor, mul: Tensor, known: Tensor, sensor: Sensor) -> tuple[Tensor, Tensor]:
    """Sharpen all bands on cells, without a network.

    Args:
        pan: reflectance in cells (b, r², h + 2·halo, w + 2·halo); r is the ratio, and the halo that
            of `BAND_HALOS`.
        mul: reflectance (b, n, h + 2·halo, w + 2·halo).
        known: 1 where a cell was measured; 0 where it was filled and counts in no statistics
            (b, 1, h + 2·halo, w + 2·halo).
        sensor: the sensor.

    Returns:
        Reflectance in cells (b, n, r², h, w); and the least that it may be, of that shape.
    """
    ratio, reach = sensor.ratio, BICUBIC_REACH
    fine = trim(pan, BAND_HALOS.whole)
    mean, mul, known = (trim(image, SOFT_REACH) for image in (pan.mean(1, keepdim=True), mul, known))
    soft = _soft_mean(pan, ratio)
    softness = _softness(mean, soft, mul, trim(known, reach), sensor)
    mean, soft, mul, known = (trim(image, reach + SOFTNESS_WINDOW) for image in (mean, soft, mul, known))
    seen = (mean + softness * (soft - mean)).clamp_min(LEAST_MEAN)
    extra = _extra_slopes(seen, mul, trim(known, reach))
    mean, mul, seen = (trim(image, SLOPE_WINDOW) for image in (mean, mul, seen))
    darkest = UNDERSHOOT_LIMIT * trim(minimum(mul, reach), reach)
    softness = trim(softness, SLOPE_WINDOW + reach)
    level, seen = _level(mean, seen, mul, extra, softness, sensor), trim(seen, reach)
    return _inject(fine, seen, level, extra, darkest, ratio)


def _soft_mean(pan: Tensor, ratio: int) -> Tensor:
    """Pan at mul's scale, by the Gaussian of `SOFT_GAIN`: (b, r², h + 4, w + 4) to (b, 1, h, w)."""
    taps = gaussian_taps(SOFT_GAIN, SOFT_REACH, ratio).reshape(-1, ratio)
    kernel = np.einsum("yp,xq->pqyx", taps, taps).reshape(1, ratio * ratio, len(taps), len(taps))
    return F.conv2d(pan, constant_like(kernel, pan))


def _weigh(image: Tensor, taps: NDArray[np.float64]) -> Tensor:
    """Weighted means of cells along both axes: (b, c, h + 4, w + 4) to (b, c, h, w)."""
    weights = constant_like(taps, image)
    for axis in (-1, -2):
        size = image.shape[axis] - 2 * BICUBIC_REACH
        image = torch.stack([tap * image.narrow(axis, i, size) for i, tap in enumerate(weights)]).sum(0)
    return image


def _known_mean(images: Tensor, known: Tensor, reach: int) -> Tensor:
    """Means of known cells within `reach`: (b, c, h + 2·reach, w + 2·reach) to (b, c, h, w)."""
    means = F.avg_pool2d(torch.cat([images * known, known], 1), 2 * reach + 1, 1)
    return means[:, :-1] / means[:, -1:].clamp_min(1e-6)


def _softness(mean: Tensor, soft: Tensor, mul: Tensor, known: Tensor, sensor: Sensor) -> Tensor:
    """How soft mul is: 0 as cell means of pan are, 1 as its mean under the Gaussian is.

    A regression of mul's fine detail on that of pan's cell means, and on what the Gaussian takes
    away from it.

    Args:
        mean: of pan (b, 1, h + 36, w + 36).
        soft: of pan, by `_soft_mean`, of that shape.
        mul: (b, n, h + 36, w + 36).
        known: (b, 1, h + 32, w + 32).
        sensor: the sensor.
    """
    weights = constant_like(np.array(sensor.pan_weights)[:, None, None], mul)
    images = torch.cat([mean, soft - mean, (mul * weights).sum(1, keepdim=True)], 1)
    detail = trim(images, BICUBIC_REACH) - binomial_mean(images)
    p, d, y = detail.split(1, 1)
    products = torch.cat([p * p, p * d, d * d, p * y, d * y], 1)
    pp, pd, dd, py, dy = _known_mean(products, known, SOFTNESS_WINDOW).split(1, 1)
    # Least squares of y on p and d, with a ridge that draws both slopes together. The determinant
    # is left out of both.
    ridge = SOFTNESS_RIDGE * dd
    slope = (dd + ridge) * py - (pd - ridge) * dy
    loss = (pp + ridge) * dy - (pd - ridge) * py
    share = torch.where(slope > 0, loss / slope, torch.ones_like(slope))
    return (SOFTNESS_GAIN * (share - SOFTNESS_START)).clamp(0, 1)


def _extra_slopes(seen: Tensor, mul: Tensor, known: Tensor) -> Tensor:
    """How much of pan's detail each band takes beyond its shading: the change of a slope.

    Args:
        seen: pan as mul sees it (b, 1, h + 20, w + 20).
        mul: (b, n, h + 20, w + 20).
        known: (b, 1, h + 16, w + 16).

    Returns:
        (b, n, h, w), reflectance of the band by reflectance of pan.
    """
    count = mul.shape[1]
    means = binomial_mean(torch.cat([seen, seen * seen, mul, mul * seen, mul * mul], 1))
    mean, square, band, product, band_square = means.split([1, 1, count, count, count], 1)
    variance = (square - mean * mean).clamp_min(0)
    covariance, slope = product - band * mean, band / mean
    excess = covariance - slope * variance
    # The variance of what shading leaves unexplained.
    rest = (band_square - band * band) - slope * (covariance + excess)
    pooled = _known_mean(torch.cat([excess, rest, variance], 1), known, SLOPE_WINDOW)
    excess, rest, variance = pooled.split([count, count, 1], 1)
    extra = excess / (variance + RIDGE * trim(mean, SLOPE_WINDOW) ** 2)
    # It is kept by the share of that variance which it explains.
    explained = extra * extra * variance
    kept: Tensor = extra * (explained / torch.maximum(rest, explained).clamp_min(1e-12))
    return kept


def _level(
    mean: Tensor, seen: Tensor, mul: Tensor, extra: Tensor, softness: Tensor, sensor: Sensor
) -> Tensor:
    """The image to enlarge in mul's place, so that cell means of the result are mul's.

    Where mul is soft, the brightness of cells is mainly such that mul would see its own.

    Args:
        mean: of pan (b, 1, h + 4, w + 4).
        seen: pan as mul sees it (b, 1, h + 4, w + 4).
        mul: (b, n, h + 4, w + 4).
        extra: from `_extra_slopes` (b, n, h, w).
        softness: from `_softness` (b, 1, h, w).
        sensor: the sensor.

    Returns:
        (b, n, h, w), reflectance.
    """

    def bright(bands: Tensor) -> Tensor:
        """What pan sees of bands."""
        light: Tensor = (bands * constant_like(weights, bands)).sum(1, keepdim=True)
        return light

    ratio, weights = sensor.ratio, np.array(sensor.pan_weights)[:, None, None]
    flat = _weigh(torch.cat([seen, mul], 1), bicubic_phases(ratio).mean(0))
    soft = _weigh(torch.cat([seen, bright(mul)], 1), enlarged_taps(SOFT_GAIN, SOFT_REACH, ratio))
    mean, seen, mul = (trim(image, BICUBIC_REACH) for image in (mean, seen, mul))
    change = mul - flat[:, 1:] - (extra + mul / seen) * (mean - flat[:, :1])
    light = bright(mul)
    flat = torch.cat([flat[:, :1], bright(flat[:, 1:])], 1)
    pan_seen, light_seen = (flat + softness * (soft - flat)).split(1, 1)
    wanted = light - light_seen - (bright(extra) + light / seen) * (seen - pan_seen)
    brighter = (wanted - bright(change)) / light.clamp_min(LEAST_MEAN)
    level: Tensor = mul + change + (1 - CELL_SHARE) * brighter * mul
    return level


def _inject(
    pan: Tensor, seen: Tensor, level: Tensor, extra: Tensor, darkest: Tensor, ratio: int
) -> tuple[Tensor, Tensor]:
    """Enlarge and add pan's detail.

    Args:
        pan: in cells (b, r², h, w).
        seen: pan as mul sees it (b, 1, h + 4, w + 4).
        level: from `_level` (b, n, h + 4, w + 4).
        extra: from `_extra_slopes`, of that shape.
        darkest: the least that may be enlarged (b, n, h, w): beside bright cells, the enlargement
            undershoots.
        ratio: pan pixels along a cell, r.

    Returns:
        (b, n, r², h, w), reflectance; and the least that it may be.
    """
    count = level.shape[1]
    fine = upsample_cells(torch.cat([seen, level, extra], 1), ratio).unflatten(1, (-1, ratio * ratio))
    floor = UNDERSHOOT_LIMIT * minimum(seen, BICUBIC_REACH)
    coarse = torch.maximum(fine[:, 0], floor).clamp_min(LEAST_MEAN)
    shading = (pan / coarse).clamp_max(ratio_limit(ratio))[:, None]
    bands: Tensor = fine[:, 1 : 1 + count] * shading + fine[:, 1 + count :] * (pan - coarse)[:, None]
    return bands, darkest[:, :, None] * shading


def towards_colour(bands: Tensor, oklab: Tensor, sensor: Sensor) -> Tensor:
    """Move the visible bands towards the chroma of a colour; their luminance stays.

    The larger the change is against `CHROMA_NOISE`, the larger is its share.

    Args:
        bands: reflectance (b, n, r², h, w).
        oklab: the colour (b, 3, r², h, w).
        sensor: the sensor.

    Returns:
        Reflectance (b, n, r², h, w).
    """
    own, goal = mul_to_xyz(bands.flatten(2, 3), sensor), oklab_to_xyz(oklab.flatten(2, 3))
    light, goal_light = (xyz[:, 1:2].clamp_min(LEAST_MEAN) for xyz in (own, goal))
    missing = goal * (light / goal_light) - own
    size = missing.square().sum(1, keepdim=True)
    share = size / (size + (CHROMA_NOISE * light) ** 2)
    change = torch.einsum("nk,bkhw->bnhw", constant_like(xyz_to_bands(sensor), bands), share * missing)
    moved: Tensor = bands + change.reshape(bands.shape)
    return moved
