"""The predictor, and the context that the network reads but convolutions can't compute.

Two terms in all functions: *shading* is the cube root of pan's cell mean, *roots* are the cube
roots of the pan pixels of each cell, r² of them where r is the ratio of the pair.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.color import power
from potato.core.resample import BICUBIC_REACH, upsample_cells
from potato.model.facts import (
    GAIN_LIMIT,
    LEAST_MEAN,
    LEAST_ROOT,
    LEAST_SLOPE,
    RIDGE,
    SHARP_MUL,
    SHARP_PAN,
    SHARPNESS_LIMIT,
    SOFT_MUL,
    SOFT_PAN,
    UNDERSHOOT_LIMIT,
    WIDE_REACH,
    ratio_limit,
)


def root(image: Tensor) -> Tensor:
    """Cube roots; 0 for values below 0."""
    return power(image.clamp_min(0), 1 / 3)


def minimum(image: Tensor, reach: int) -> Tensor:
    """The minimum within `reach` of each pixel: (…, h + 2·reach, w + 2·reach) to (…, h, w)."""
    for axis in (-1, -2):
        # The window doubles in each turn.
        side, full = 1, 2 * reach + 1
        while side < full:
            step = min(side, full - side)
            size = image.shape[axis] - step
            image = torch.minimum(image.narrow(axis, 0, size), image.narrow(axis, step, size))
            side += step
    return image


def trim(image: Tensor, cells: int) -> Tensor:
    """Cut `cells` off every side of an image (…, h, w)."""
    return image[..., cells : image.shape[-2] - cells, cells : image.shape[-1] - cells]


def predict(mean: Tensor, roots: Tensor, oklab: Tensor) -> tuple[Tensor, Tensor]:
    """The predictor on cells.

    Args:
        mean: cell mean of pan's reflectance (b, 1, h + 4, w + 4).
        roots: (b, r², h + 4, w + 4).
        oklab: of mul (b, 3, h + 4, w + 4).

    Returns:
        Oklab in cells (b, 3r², h, w); and detail, roots less those of the enlarged mean
        (b, r², h, w).
    """
    pixels = roots.shape[1]
    ratio = math.isqrt(pixels)
    upsampled = upsample_cells(torch.cat([mean, oklab], 1), ratio)
    coarse, colour = upsampled[:, :pixels], upsampled[:, pixels:]
    floor = minimum(mean, BICUBIC_REACH) * UNDERSHOOT_LIMIT
    coarse = power(torch.maximum(coarse, floor).clamp_min_(LEAST_MEAN), 1 / 3)
    roots = trim(roots, BICUBIC_REACH)
    scale = (roots / coarse).clamp_max_(ratio_limit(ratio) ** (1 / 3)).unsqueeze(1)
    predicted = (colour.unflatten(1, (3, pixels)) * scale).flatten(1, 2)
    return predicted, roots - coarse


def predict_infrared(mean: Tensor, roots: Tensor, oklab: Tensor) -> Tensor:
    """The predictor on cells, for pan that sees near infrared.

    `predict` takes all of pan's detail for shading. Beside vegetation, much of it is a change of
    near infrared, which colour doesn't follow; `regression_gain` corrects for that.

    Args:
        mean: cell mean of pan's reflectance (b, 1, h + 8, w + 8).
        roots: (b, r², h + 8, w + 8).
        oklab: of mul (b, 3, h + 8, w + 8).

    Returns:
        Oklab in cells (b, 3r², h, w).
    """
    pixels = roots.shape[1]
    predicted, detail = predict(*(trim(image, BICUBIC_REACH) for image in (mean, roots, oklab)))
    enlarged = upsample_cells(torch.cat(regression_gain(root(mean), oklab), 1), math.isqrt(pixels))
    gain, limit = enlarged.unflatten(1, (4, pixels)).split([3, 1], 1)
    limit = limit.clamp_min(0)
    result: Tensor = predicted.unflatten(1, (3, pixels)) + gain * detail.unsqueeze(1).clamp(-limit, limit)
    return result.flatten(1, 2)


def regression_gain(shading: Tensor, oklab: Tensor) -> tuple[Tensor, Tensor]:
    """Correction of the predictor's injection gain by the regression of Oklab on shading.

    The regression is that of `local_regression`. Its slopes count by the share of what the
    predictor misses that they explain (a coefficient of determination): where colour and shading
    have little to do with each other, the predictor stays as it is.

    Args:
        shading: (b, 1, h + 4, w + 4).
        oklab: of mul (b, 3, h + 4, w + 4).

    Returns:
        The correction for L, a and b (b, 3, h, w); and the most detail to which it
            applies (b, 1, h, w).
    """
    squares = [shading * shading, oklab * oklab]
    means = binomial_mean(torch.cat([shading, oklab, oklab * shading, *squares], 1))
    mean, colour, product, shading_square, colour_square = means.split([1, 3, 3, 1, 3], 1)
    variance = (shading_square - mean * mean).clamp_min(0)
    proportional = colour / mean.clamp_min(LEAST_ROOT)
    # What the predictor misses, Oklab less `proportional` × shading, has the mean 0.
    covariance = product - proportional * shading_square
    missed = _weighted_sum(colour_square - proportional * (product + covariance))
    gain = covariance / (variance + RIDGE * mean * mean).clamp_min(1e-8)
    explained = _weighted_sum(gain * covariance)
    share = explained / torch.maximum(explained, missed).clamp_min(1e-12)
    return share * gain, GAIN_LIMIT * variance.sqrt()


def _weighted_sum(squares: Tensor) -> Tensor:
    """Sum over L, a and b of their squares (b, 3, h, w), a and b doubled as in `delta_e_ok`."""
    return squares[:, :1] + 4 * squares[:, 1:].sum(1, keepdim=True)


class WideContext(NamedTuple):
    """The result of `wide_context`.

    Attributes:
        darkest: the least shading and the least L within `WIDE_REACH` cells (b, 2, h, w).
        artefact_weight: the function of that name, of pan within `WIDE_REACH` cells (b, 1, h, w).
        mul_sharpness: the function of that name (b, 1, h, w).
    """

    darkest: Tensor
    artefact_weight: Tensor
    mul_sharpness: Tensor


def wide_context(shading: Tensor, roots: Tensor, lightness: Tensor) -> WideContext:
    """Haze and the sharpness of pan and mul within `WIDE_REACH` cells of each cell.

    Haze lies in the visible bands more than in pan. The darkest pixels around show how much there
    is (P. S. Chavez, "An improved dark-object subtraction technique for atmospheric scattering
    correction of multispectral data", 1988).

    Args:
        shading: (b, 1, h + 32, w + 32). In all three arguments 0 means unknown and is left out.
        roots: (b, r², h + 32, w + 32).
        lightness: L of mul (b, 1, h + 32, w + 32).
    """
    dark = torch.cat([shading, lightness], 1)
    # Where the cell itself is unknown the result is 0, as if nothing around were darker.
    darkest = torch.minimum(
        minimum(dark.masked_fill(dark <= 0, torch.inf), WIDE_REACH), trim(dark, WIDE_REACH)
    )
    return WideContext(darkest, artefact_weight(pan_sharpness(roots)), mul_sharpness(shading, lightness))


def artefact_weight(ratio: Tensor) -> Tensor:
    """Weight, 0 to 1, that fine detail in mul but not in pan is a sensor artefact.

    Pan from an instrument lacks its finest detail, and its mul rings, is aliased and displaced. Pan
    with all of its detail is a mean of finer pixels, as in Wald's protocol; then its mul is such a
    mean too, and its detail is true.

    Args:
        ratio: from `pan_sharpness`, any shape.

    Returns:
        1 below `SOFT_PAN`, 0 above `SHARP_PAN`, linear in between.
    """
    return _share_below(ratio, SOFT_PAN, SHARP_PAN)


def full_scale_weight(pan_ratio: Tensor, mul_ratio: Tensor) -> Tensor:
    """Weight, 0 to 1, that pan and mul are an instrument's, not means over finer pixels.

    Args:
        pan_ratio: from `pan_sharpness`, any shape.
        mul_ratio: from `mul_sharpness`, of the same shape.

    Returns:
        The larger of `artefact_weight` and its like for mul, between `SOFT_MUL` and `SHARP_MUL`.
    """
    return torch.maximum(artefact_weight(pan_ratio), _share_below(mul_ratio, SOFT_MUL, SHARP_MUL))


def _share_below(ratio: Tensor, low: float, high: float) -> Tensor:
    """1 below `low`, 0 above `high`, linear in between."""
    return ((high - ratio) / (high - low)).clamp(0, 1)


def pan_sharpness(roots: Tensor) -> Tensor:
    """Ratio of pan's finest detail to detail twice as coarse, within `WIDE_REACH` cells.

    Args:
        roots: (b, r², h + 32, w + 32), 0 where unknown.

    Returns:
        Amplitude of chessboards of pixels by that of chessboards of 2 × 2 pixels (b, 1, h, w),
        0..2: 1 for equal contrast at both scales, 2 for white noise. Real pan has 0.56 to 0.88,
        means over 4 × 4 pixels of it 0.85 to 0.97. 0 for ratios below 4, whose cells are too small
        for both (and pan of Landsat 8 is no softer than its means; dev/LOG.md).
    """
    squares = _squares(roots)
    if squares.shape[1] == 1:
        return torch.zeros_like(trim(roots[:, :1], WIDE_REACH))
    coarse = squares.mean((2, 4)).diff(dim=1).diff(dim=2).flatten(1, 2).square()
    powers = torch.cat([_chessboard_power(squares), coarse], 1)
    fine, coarse = _box_mean(powers, 2 * WIDE_REACH + 1).split(1, 1)
    ratio: Tensor = fine / coarse.clamp_min(1e-12)
    return ratio.clamp_max(SHARPNESS_LIMIT**2).sqrt()


def mul_sharpness(shading: Tensor, lightness: Tensor) -> Tensor:
    """How much of pan's finest detail mul has, against detail twice as coarse.

    The lens and the detectors of mul are softer than cell means of pan, so its finest detail is
    weaker than theirs. The slopes of L on shading tell by how much; haze and the bands that pan
    sees change both slopes alike, and noise of mul changes neither.

    Args:
        shading: (b, 1, h + 32, w + 32). In both arguments 0 means unknown and is left out.
        lightness: L of mul (b, 1, h + 32, w + 32).

    Returns:
        Slope at chessboards of cells by that at chessboards of 2 × 2 cells, within `WIDE_REACH`
        cells (b, 1, h, w), 0..2. Real mul has 0.2 to 0.85, means over 4 × 4 pixels of it 0.75 to
        1.15.
    """
    images = torch.cat([shading, lightness], 1)
    known = F.max_pool2d((images <= 0).any(1, keepdim=True).to(images.dtype), 4, 1) == 0
    squares = F.avg_pool2d(images, 2, 1)
    # Both lie in the middle of 4 × 4 cells.
    fine, coarse = _differences(trim(images, 1), 1), _differences(squares, 2)
    products = [board[:, :1] * board for board in (fine, coarse)]
    # So many 4 × 4 cells lie within reach.
    means = _box_mean(torch.cat(products, 1).masked_fill(~known, 0), 2 * WIDE_REACH - 2)
    squared, product, coarse_squared, coarse_product = means.split(1, 1)
    slope = product / squared.clamp_min(1e-12)
    coarse_slope = coarse_product / coarse_squared.clamp_min(1e-12)
    result: Tensor = (slope / coarse_slope.clamp_min(LEAST_SLOPE)).clamp(0, SHARPNESS_LIMIT)
    return result


def _box_mean(image: Tensor, side: int) -> Tensor:
    """Means over squares: (…, h + side − 1, w + side − 1) to (…, h, w)."""
    return F.avg_pool2d(F.avg_pool2d(image, (side, 1), 1), (1, side), 1)


def _differences(image: Tensor, step: int) -> Tensor:
    """Differences down and across of pixels that lie `step` apart: (…, h, w) less `step`."""
    down = image[..., step:, :] - image[..., :-step, :]
    return down[..., step:] - down[..., :-step]


class LocalRegression(NamedTuple):
    """The result of `local_regression`.

    Attributes:
        mean: of shading (b, 1, h, w).
        slopes: change of L, a and b by change of shading (b, 3, h, w).
        deviations: standard deviations of shading and of L; and of roots inside a cell, in all and
            from pixel to pixel like a chessboard (b, 4, h, w).
    """

    mean: Tensor
    slopes: Tensor
    deviations: Tensor


def local_regression(shading: Tensor, roots: Tensor, oklab: Tensor) -> LocalRegression:
    """Least squares of Oklab on shading around each cell, under a 5 × 5 binomial window.

    The slope is an injection gain (B. Aiazzi, L. Alparone, S. Baronti, A. Garzelli, "Context-driven
    fusion of high spatial and spectral resolution images based on oversampled multiresolution
    analysis", 2002).

    Args:
        shading: (b, 1, h + 4, w + 4).
        roots: (b, r², h + 4, w + 4).
        oklab: of mul (b, 3, h + 4, w + 4).

    Returns:
        The fit. Where pan's variance is small against `RIDGE`, slopes tend to the predictor's,
        Oklab / pan.
    """
    squares = [shading * shading, oklab[:, :1] ** 2, *_variances_in_cells(roots)]
    means = binomial_mean(torch.cat([shading, oklab, oklab * shading, *squares], 1))
    mean, colour, product, shading_square, lightness_square, inside = means.split([1, 3, 3, 1, 1, 2], 1)
    variance = (shading_square - mean * mean).clamp_min(0)
    ridge = RIDGE * mean * mean
    proportional = colour / mean.clamp_min(LEAST_ROOT)
    slopes = (product - colour * mean + ridge * proportional) / (variance + ridge).clamp_min(1e-8)
    lightness_variance = (lightness_square - colour[:, :1] ** 2).clamp_min(0)
    return LocalRegression(mean, slopes, torch.cat([variance, lightness_variance, inside], 1).sqrt())


def _variances_in_cells(roots: Tensor) -> tuple[Tensor, Tensor]:
    """Variances in cells (b, 1, h, w): of all pixels, and of chessboards of pixels alone."""
    deviation = roots - roots.mean(1, keepdim=True)
    return deviation.square().mean(1, keepdim=True), _chessboard_power(_squares(roots)) / 4


def _squares(roots: Tensor) -> Tensor:
    """Squares of 2 × 2 pixels in the middle of each cell: (b, r², h, w) to (b, n, 2, n, 2, h, w).

    There are n × n of them: 2 × 2, but one for ratios below 4.
    """
    ratio = math.isqrt(roots.shape[1])
    count = 2 if ratio >= 4 else 1
    middle = slice((ratio - 2 * count) // 2, (ratio + 2 * count) // 2)
    pixels = roots.unflatten(1, (ratio, ratio))[:, middle, middle]
    squares: Tensor = pixels.unflatten(2, (count, 2)).unflatten(1, (count, 2))
    return squares


def _chessboard_power(squares: Tensor) -> Tensor:
    """Mean square, in each cell, of squares differenced down and across (b, 1, h, w)."""
    steps: Tensor = squares.diff(dim=2).diff(dim=4).flatten(1, 4)
    return steps.square().mean(1, keepdim=True)


def binomial_mean(image: Tensor) -> Tensor:
    """Means under a 5 × 5 binomial window (1, 4, 6, 4, 1): (…, h + 4, w + 4) to (…, h, w)."""
    for axis in (-1, -2):
        for _ in range(2 * BICUBIC_REACH):
            size = image.shape[axis] - 1
            image = image.narrow(axis, 0, size) + image.narrow(axis, 1, size)
    return image / 16**2
