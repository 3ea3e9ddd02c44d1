"""Figures of the literature against a truth.

All functions take result and truth as (c, h, w) in one linear unit, and `valid`, bool (h, w), None
if all pixels are. They return one number, NaN if nothing is left to compare. Invalid pixels are
never read. ValueError says which shapes don't fit.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.types import check_mask
from potato.evaluation.metrics.block_statistics import covariance, whole_blocks

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
"""Side and standard deviation of SSIM's Gaussian window, in pixels, by Wang and others."""

SSIM_K1, SSIM_K2 = 0.01, 0.03
"""Constants, by the peak, that keep SSIM's denominators from 0, by Wang and others."""

FLAT = 1e-7
"""Standard deviation by mean of a flat block, at most: less is the rounding of float32."""


def sam(result: Tensor, truth: Tensor, valid: Tensor | None = None) -> float:
    """Spectral angle between result and truth, which brightness doesn't affect.

    A black pixel has no spectrum, so it is left out; torchmetrics returns NaN for an image that
    holds one.

    Source: R. H. Yuhas, A. F. H. Goetz, J. W. Boardman, "Discrimination among semi-arid landscape
    endmembers using the Spectral Angle Mapper (SAM) algorithm" (1992).

    Args:
        result: (c, h, w).
        truth: (c, h, w).
        valid: bool (h, w).

    Returns:
        Mean angle over pixels, degrees; 0 is perfect.

    Example:
        >>> round(sam(torch.tensor([[[1.0]], [[1.0]]]), torch.tensor([[[2.0]], [[0.0]]])), 6)
        45.0
    """
    pixels, truths = _pixels(result, truth, valid)
    lengths = pixels.norm(dim=0) * truths.norm(dim=0)
    seen = lengths > 0
    cosine = (pixels * truths).sum(0)[seen] / lengths[seen]
    return float(cosine.clamp(-1, 1).acos().rad2deg().mean())


def ergas(result: Tensor, truth: Tensor, ratio: int, valid: Tensor | None = None) -> float:
    """Relative dimensionless global error (erreur relative globale adimensionnelle de synthèse).

    100 / `ratio` times the root of the mean over bands of (RMSE of the band / mean of its truth)².

    Source: L. Wald, "Quality of high resolution synthesised images: is there a simple criterion?"
    (2000).

    Args:
        result: (c, h, w).
        truth: (c, h, w).
        ratio: fine pixels along the side of a coarse one.
        valid: bool (h, w).

    Returns:
        0 is perfect; below about 3 counts as good.
    """
    pixels, truths = _pixels(result, truth, valid)
    relative = (pixels - truths).square().mean(1) / truths.mean(1).square()
    return float(100 / ratio * relative.mean().sqrt())


def q2n(result: Tensor, truth: Tensor, block: int = 32, valid: Tensor | None = None) -> float:
    """Hypercomplex quality Q2n: Q4 for four bands, Q8 for eight.

    A pixel's bands are the parts of one hypercomplex number. In each block, the index is the
    product of the correlation of these numbers, the agreement of their means, and that of their
    variances. As in the authors' own code, each band of a block is first scaled so that its truth
    has mean 1 and deviation 1, and missing bands up to a power of two are 0. Unlike in that code,
    incomplete blocks are left out, not mirrored, and bands whose truth is flat aren't scaled.

    Source: A. Garzelli, F. Nencini, "Hypercomplex Quality Assessment of Multi/Hyperspectral
    Images", IEEE Geoscience and Remote Sensing Letters 6 (2009).

    Args:
        result: (c, h, w).
        truth: (c, h, w).
        block: side of a block, pixels.
        valid: bool (h, w). Blocks that hold an invalid pixel are left out.

    Returns:
        Mean over blocks, 0..1; 1 is perfect.
    """
    _check(result, truth, valid)
    channels = len(truth)
    parts = 1 << (channels - 1).bit_length()
    table = _product_table(parts).to(truth.device)[:, :channels, :channels]
    total, count = 0.0, 0
    for blocks in whole_blocks(torch.cat([truth, result]), block, valid):
        mean, cov = blocks.mean(2), covariance(blocks)
        variance = cov.diagonal(dim1=1, dim2=2)
        variance = torch.where(variance > (FLAT * mean) ** 2, variance, torch.zeros_like(variance))
        true_mean, own_mean = mean.split(channels, 1)
        true_variance, own_variance = variance.split(channels, 1)
        scale = torch.where(true_variance > 0, true_variance, torch.ones_like(true_variance)).sqrt()
        # The product is bilinear, so bands' covariances give that of hypercomplex numbers.
        cross = cov[:, :channels, channels:] / (scale[:, :, None] * scale[:, None])
        correlated = torch.einsum("kij,nij->nk", table, cross).norm(dim=1)
        variances = ((true_variance + own_variance) / scale**2).sum(1)
        # The truth's mean is 1 in every part, also in missing ones.
        own = F.pad((own_mean - true_mean) / scale + 1, (0, parts - channels), value=1.0).norm(dim=1)
        bias = 2 * parts**0.5 * own / (parts + own**2)
        quality = bias * torch.where(variances > 0, 2 * correlated / variances, torch.ones_like(variances))
        total, count = total + float(quality.sum()), count + len(quality)
    return total / count if count else math.nan


def scc(result: Tensor, truth: Tensor, valid: Tensor | None = None) -> float:
    """Spatial correlation: whether edges and texture are where they should be.

    Both images are filtered by a 3 × 3 Laplacian (8 in the middle, −1 around); the result is their
    correlation over the whole image, mean over bands. This is Zhou's definition with the truth in
    pan's place, as is usual.

    Other packages define it differently. torchmetrics and sewar average the correlation in sliding
    windows of 8, count flat windows as 0 and pad windows at the border with zeros, so a perfect
    result can have less than 1. The toolbox of Vivone and others takes the cosine between
    magnitudes of Sobel gradients.

    Source: J. Zhou, D. L. Civco, J. A. Silander, "A wavelet transform method to merge Landsat TM
    and SPOT panchromatic data", International Journal of Remote Sensing 19 (1998).

    Args:
        result: (c, h, w), sides of at least 3.
        truth: (c, h, w).
        valid: bool (h, w). Pixels next to an invalid one or on the border are left out.

    Returns:
        −1..1; 1 is perfect. Bands whose truth has no detail are left out.
    """
    _check(result, truth, valid, least=3)
    seen = _whole_windows(valid, truth, 3)
    correlations = []
    for bands in zip(result, truth, strict=True):
        edges = torch.stack([_laplacian(band.double())[seen] for band in bands])
        edges = edges - edges.mean(1, keepdim=True)
        own, true = edges.norm(dim=1)
        if true > 0:
            correlations.append(float((edges[0] @ edges[1]) / (own * true)) if own > 0 else 0.0)
    return sum(correlations) / len(correlations) if correlations else math.nan


def psnr(result: Tensor, truth: Tensor, peak: float = 1.0, valid: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio of all bands together.

    Args:
        result: (c, h, w).
        truth: (c, h, w).
        peak: the value that counts as full scale.
        valid: bool (h, w).

    Returns:
        10 · log10(peak² / mean squared error), dB; infinite for a perfect result.
    """
    pixels, truths = _pixels(result, truth, valid)
    error = float((pixels - truths).square().mean())
    return 10 * math.log10(peak**2 / error) if error else math.inf


def ssim(result: Tensor, truth: Tensor, peak: float = 1.0, valid: Tensor | None = None) -> float:
    """Structural similarity, for each band separately.

    Over Gaussian windows of 11 × 11, σ 1.5, that lie inside the image and hold no invalid pixel; K1
    is 0.01 and K2 0.03. torchmetrics also counts windows over mirrored borders; sewar's window is
    square by default.

    Source: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image Quality Assessment: From
    Error Visibility to Structural Similarity", IEEE Transactions on Image Processing 13 (2004).

    Args:
        result: (c, h, w), sides of at least 11.
        truth: (c, h, w).
        peak: the value that counts as full scale.
        valid: bool (h, w).

    Returns:
        Mean over windows and bands, −1..1; 1 is perfect.
    """
    _check(result, truth, valid, least=SSIM_WINDOW)
    offsets = torch.arange(SSIM_WINDOW, dtype=torch.float64) - SSIM_WINDOW // 2
    kernel = torch.exp(-0.5 * (offsets / SSIM_SIGMA) ** 2)
    weights = (kernel / kernel.sum()).tolist()
    seen = _whole_windows(valid, truth, SSIM_WINDOW)
    for_means, for_variances = (SSIM_K1 * peak) ** 2, (SSIM_K2 * peak) ** 2
    similarities = []
    for bands in zip(result, truth, strict=True):
        x, y = (band.double() for band in bands)
        moments = (_window_means(image, weights) for image in (x, y, x * x, y * y, x * y))
        mean_x, mean_y, square_x, square_y, product = moments
        both, total = mean_x * mean_y, mean_x**2 + mean_y**2
        alike = (2 * both + for_means) * (2 * (product - both) + for_variances)
        similarity = alike / ((total + for_means) * (square_x + square_y - total + for_variances))
        similarities.append(similarity[seen].mean())
    return float(torch.stack(similarities).mean())


@cache
def _product_table(parts: int) -> Tensor:
    """Signs (k, i, j) of the products a_i b_j in part k of a · b*, for hypercomplex a and b.

    Halves are multiplied by the rule of the authors' code, a variant of Cayley's and Dickson's,
    down to real numbers: (a, b)(c, d) = (a c − d* b, a* d* + c b*).
    """
    table = torch.zeros(parts, parts, parts, dtype=torch.float64)
    for i, a in enumerate(torch.eye(parts, dtype=torch.float64)):
        for j, b in enumerate(torch.eye(parts, dtype=torch.float64)):
            table[:, i, j] = _multiply(a, _conjugate(b))
    return table


def _conjugate(number: Tensor) -> Tensor:
    return torch.cat([number[:1], -number[1:]])


def _multiply(first: Tensor, second: Tensor) -> Tensor:
    """The product of two hypercomplex numbers (parts,): real, complex, quaternions, octonions."""
    if len(first) == 1:
        return first * second
    (a, b), (c, d) = first.chunk(2), second.chunk(2)
    return torch.cat(
        [
            _multiply(a, c) - _multiply(_conjugate(d), b),
            _multiply(_conjugate(a), _conjugate(d)) + _multiply(c, _conjugate(b)),
        ]
    )


def _check(result: Tensor, truth: Tensor, valid: Tensor | None, least: int = 1) -> None:
    if truth.ndim != 3 or result.shape != truth.shape or min(truth.shape[-2:]) < least:
        raise ValueError(
            f"expected result and truth of one shape (c, h, w) with sides of at least {least}, "
            f"found {tuple(result.shape)} and {tuple(truth.shape)}"
        )
    check_mask(valid, *truth.shape[-2:])


def _pixels(result: Tensor, truth: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor]:
    """Valid pixels of both, float64 (c, n)."""
    _check(result, truth, valid)
    images = (image.flatten(1) if valid is None else image[:, valid] for image in (result, truth))
    first, second = (image.double() for image in images)
    return first, second


def _laplacian(image: Tensor) -> Tensor:
    """Nine times the difference of a pixel of (h, w) from the mean of 3 × 3: (h − 2, w − 2)."""
    return 9 * (image[1:-1, 1:-1] - _window_means(image, [1 / 3] * 3))


def _window_means(image: Tensor, weights: list[float]) -> Tensor:
    """Weighted means over all windows in `image` (h, w); torch convolves float64 slowly."""
    for axis in (0, 1):
        size = image.shape[axis] - len(weights) + 1
        total = image.narrow(axis, 0, size) * weights[0]
        for start, weight in enumerate(weights[1:], start=1):
            total.add_(image.narrow(axis, start, size), alpha=weight)
        image = total
    return image


def _whole_windows(valid: Tensor | None, image: Tensor, side: int) -> Tensor:
    """Windows of `side` pixels without an invalid pixel: bool (h − side + 1, w − side + 1)."""
    height, width = image.shape[-2:]
    if valid is None:
        return torch.ones(height - side + 1, width - side + 1, dtype=torch.bool, device=image.device)
    return F.max_pool2d((~valid)[None].float(), side, stride=1)[0] == 0
