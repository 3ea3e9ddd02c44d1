"""Classical sharpeners, the baselines of the literature: n bands in, n sharp bands out.

Each follows its published formula. Where pan stands for an intensity of mul, its mean and deviation
are matched at mul's scale. `brovey`, `gsa` and `awlp` take statistics of the whole image,
so the result in a window depends on the window.

All take pan (b, 1, rh, rw) and mul (b, n, h, w) in reflectance, every pixel valid, and return (b,
n, rh, rw), which may overshoot 0..1. The images of a batch don't affect each other. All raise
ValueError if the shapes don't fit.

The choice, and details that papers leave open, follow G. Vivone and others, "A Critical Comparison
Among Pansharpening Algorithms", IEEE Transactions on Geoscience and Remote Sensing 53 (2015).
"""

import functools
import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.mtf import degrade, mul_gains
from potato.core.resample import BICUBIC_REACH, block_mean, from_cells, upsample_cells
from potato.core.sensors import Sensor
from potato.core.types import check_pair_shapes

Baseline = Callable[[Tensor, Tensor], Tensor]
"""A classical sharpener: pan (b, 1, rh, rw) and mul (b, n, h, w) to sharp bands (b, n, rh, rw)."""

DARK = 1e-3
"""Least reflectance that is divided by; below it, the quotient would be noise over noise."""


def bicubic(pan: Tensor, mul: Tensor) -> Tensor:
    """Mul enlarged by cubic convolution with a = −0.75, as in the model; pan isn't used."""
    return _enlarge(mul, _ratio_of(pan, mul))


def brovey(pan: Tensor, mul: Tensor) -> Tensor:
    """Brovey's transform: each band times pan over the mean of all bands, pan matched to that mean.

    Source: A. R. Gillespie, A. B. Kahle, R. E. Walker, "Color enhancement of highly correlated
    images. II. Channel ratio and chromaticity transformation techniques", Remote Sensing of
    Environment 22 (1987).
    """
    ratio, coarse = _ratio_of(pan, mul), mul.mean(1, keepdim=True)
    matched = _match(pan, block_mean(pan, ratio), coarse)
    return _enlarge(mul, ratio) * _modulation(matched, _enlarge(coarse, ratio), ratio)


def gsa(pan: Tensor, mul: Tensor) -> Tensor:
    """Gram–Schmidt adaptive: adds pan's difference from a mix of bands, by each band's share.

    The intensity is the mix of bands, with a constant, that comes closest to the block means of pan
    (least squares). The share of a band is its covariance with the intensity over the intensity's
    variance. That mix of the result's bands is exactly pan.

    Source: B. Aiazzi, S. Baronti, M. Selva, "Improving Component Substitution Pansharpening Through
    Multivariate Regression of MS+Pan Data", IEEE Transactions on Geoscience and Remote Sensing 45
    (2007).
    """
    ratio = _ratio_of(pan, mul)
    means = mul.mean((2, 3), keepdim=True)
    columns, goal = (mul - means).flatten(2).mT.double(), block_mean(pan, ratio).flatten(2).mT.double()
    level = goal.mean(1, keepdim=True)
    # Where bands are flat or copies of each other, the smallest weights are taken.
    weights = torch.linalg.pinv(columns.mT @ columns, hermitian=True) @ (columns.mT @ (goal - level))
    enlarged = _enlarge(mul, ratio)
    mix = ((enlarged - means) * weights[..., None].to(pan)).sum(1, keepdim=True)
    intensity = mix + level[..., None].to(pan)
    apart = intensity - intensity.mean((2, 3), keepdim=True)
    variance = apart.square().mean((2, 3), keepdim=True)
    share = (apart * enlarged).mean((2, 3), keepdim=True) / variance
    sharp: Tensor = enlarged + torch.where(variance > 0, share, torch.ones_like(share)) * (pan - intensity)
    return sharp


def mtf_glp_hpm(pan: Tensor, mul: Tensor, gains: Sequence[float]) -> Tensor:
    """Generalised Laplacian pyramid with filters matched to the MTF, and high-pass modulation.

    Each enlarged band is multiplied by the ratio of pan to coarse pan: pan filtered by the band's
    own MTF, sampled at mul's scale and enlarged. Unlike in some implementations, pan isn't matched
    to the bands first: reflectances share their zero, and a gain and offset for a band that pan
    doesn't resemble cost more than they gain.

    Sources: B. Aiazzi and others, "MTF-tailored Multiscale Fusion of High-resolution MS and Pan
    Imagery", Photogrammetric Engineering & Remote Sensing 72 (2006); G. Vivone and others,
    "Contrast and Error-Based Fusion Schemes for Multispectral Image Pansharpening", IEEE Geoscience
    and Remote Sensing Letters 11 (2014).

    Args:
        pan: reflectance (b, 1, rh, rw).
        mul: reflectance (b, n, h, w).
        gains: the MTF gain of each band, as `mtf.mul_gains` has them.
    """
    ratio = _ratio_of(pan, mul)
    coarse = degrade(pan.expand(-1, mul.shape[1], -1, -1), gains, ratio)
    return _enlarge(mul, ratio) * _modulation(pan, _enlarge(coarse, ratio), ratio)


def awlp(pan: Tensor, mul: Tensor) -> Tensor:
    """Additive wavelet luminance proportional: pan's finest wavelets, by each band's brightness.

    Pan is matched to the mean of all bands. Its difference from rounds of the "à trous" transform
    with a B3 spline is added; each round doubles the scale, until it is mul's or coarser.

    Source: X. Otazu and others, "Introduction of Sensor Spectral Response Into Image Fusion
    Methods. Application to Wavelet-Based Methods", IEEE Transactions on Geoscience and Remote
    Sensing 43 (2005).
    """
    ratio, coarse = _ratio_of(pan, mul), mul.mean(1, keepdim=True)
    matched, enlarged = _match(pan, block_mean(pan, ratio), coarse), _enlarge(mul, ratio)
    smooth = matched
    for level in range(math.ceil(math.log2(ratio))):
        smooth = _smooth(smooth, 2**level)
    return enlarged + (matched - smooth) * _modulation(enlarged, _enlarge(coarse, ratio), ratio)


def make_baselines(sensor: Sensor) -> dict[str, Baseline]:
    """The classical sharpeners for pairs of a sensor, by name, the plainest first."""
    return {
        "bicubic": bicubic,
        "brovey": brovey,
        "gsa": gsa,
        "mtf-glp-hpm": functools.partial(mtf_glp_hpm, gains=mul_gains(sensor)),
        "awlp": awlp,
    }


def _ratio_of(pan: Tensor, mul: Tensor) -> int:
    """The ratio of a pair whose shapes fit each other."""
    check_pair_shapes(pan, mul)
    return pan.shape[-1] // mul.shape[-1]


def _enlarge(image: Tensor, ratio: int) -> Tensor:
    """(b, c, h, w) to (b, c, rh, rw), borders replicated."""
    return from_cells(upsample_cells(F.pad(image, (BICUBIC_REACH,) * 4, mode="replicate"), ratio), ratio)


def _match(image: Tensor, coarse: Tensor, goal: Tensor) -> Tensor:
    """Give `image` the gain and offset that match its means, `coarse`, to `goal`."""
    old, new = (plane.std((2, 3), keepdim=True) for plane in (coarse, goal))
    gain = torch.where(old > 0, new / old, torch.ones_like(old))
    return (image - coarse.mean((2, 3), keepdim=True)) * gain + goal.mean((2, 3), keepdim=True)


def _modulation(fine: Tensor, coarse: Tensor, ratio: int) -> Tensor:
    """Pixels by their cells; a pixel can't hold more light than the whole cell."""
    return (fine / coarse.clamp_min(DARK)).clamp(0, ratio**2)


def _smooth(image: Tensor, step: int) -> Tensor:
    """Convolve (b, 1, h, w) with a B3 spline, taps `step` pixels apart, borders replicated."""
    taps = (torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16).to(image)
    padded = F.pad(image, (2 * step,) * 4, mode="replicate")
    across = F.conv2d(padded, taps[None, None, None, :], dilation=step)
    return F.conv2d(across, taps[None, None, :, None], dilation=step)
