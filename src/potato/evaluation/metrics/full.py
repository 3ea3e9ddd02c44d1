"""Figures of the literature at full scale, without a truth: a result against its pan and mul.

All functions take images in one linear unit: `fused` (c, 4h, 4w), `mul` (c, h, w), `pan`
(1, 4h, 4w); and `valid`, bool (4h, 4w), None if all pixels are. A mul pixel is valid where all its
16 pan pixels are; blocks that hold an invalid pixel are left out. Every figure is NaN if no block
is left. ValueError says which shapes don't fit.

There are two families. QNR asks whether relations between images at mul's scale still hold at
pan's. HQNR makes the result as coarse as mul first, which makes its spectral half more reliable.
Neither measures what people see: a picture that copies mul without sharpening has a fair HQNR.

Other packages differ. torchmetrics takes Q in Gaussian windows of 11 and adds a constant of
float32's resolution to its denominator, so its D_lambda, D_s and QNR of reflectance depend on the
unit and come out wrong in dark or flat places. sewar's Q multiplies means by the number of pixels
as if they were sums, so covariance hardly matters in its Q, and its D_lambda, D_s and QNR mean
nothing. The toolbox of Vivone and others compares at pan's scale, with mul enlarged; here
everything is on mul's own grid, as first published.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.mtf import MUL_GAINS, PAN_GAINS, degrade, reach
from potato.core.resample import block_mean
from potato.core.sensors import RATIO
from potato.core.types import check_mask
from potato.evaluation.metrics.block_statistics import universal_quality, whole_blocks
from potato.evaluation.metrics.reduced import q2n

BLOCK = 32
"""Side of a block in which Q is taken, in pan pixels; a block of mul covers the same ground."""


def d_lambda(fused: Tensor, mul: Tensor, block: int = BLOCK, valid: Tensor | None = None) -> float:
    """Spectral distortion: the change of the relations between bands.

    The mean over pairs of bands of |Q of the pair in the result − Q of the pair in mul|, where Q is
    the mean over blocks of the universal image quality index.

    Source: L. Alparone and others, "Multispectral and Panchromatic Data Fusion Assessment Without
    Reference", Photogrammetric Engineering & Remote Sensing 74 (2008), with exponent 1.

    Args:
        fused: (c, 4h, 4w), two bands or more.
        mul: (c, h, w).
        block: side of a block in pan pixels, a multiple of 4.
        valid: bool (4h, 4w).

    Returns:
        0..1 or a little above; 0 is perfect.
    """
    _check(fused, mul, None, valid, block)
    change = (_quality(fused, block, valid) - _quality(mul, block // RATIO, _coarse(valid))).abs()
    channels = len(mul)
    return float(change.sum() / (channels * (channels - 1)))


def d_s(
    fused: Tensor,
    mul: Tensor,
    pan: Tensor,
    pan_low: Tensor,
    block: int = BLOCK,
    valid: Tensor | None = None,
) -> float:
    """Spatial distortion: the change of the relation of each band to pan.

    The mean over bands of |Q of the result's band and pan − Q of mul's band and coarse pan|.

    Source: L. Alparone and others (2008), as for `d_lambda`, with exponent 1.

    Args:
        fused: (c, 4h, 4w).
        mul: (c, h, w).
        pan: (1, 4h, 4w).
        pan_low: pan at mul's scale (1, h, w), for example `resample.block_mean(pan)`.
        block: side of a block in pan pixels, a multiple of 4.
        valid: bool (4h, 4w).

    Returns:
        0..1 or a little above; 0 is perfect.
    """
    _check(fused, mul, pan, valid, block)
    if pan_low.shape != (1, *mul.shape[1:]):
        raise ValueError(f"expected pan_low {(1, *mul.shape[1:])}, found {tuple(pan_low.shape)}")
    fine = _quality(torch.cat([fused, pan]), block, valid)
    coarse = _quality(torch.cat([mul, pan_low]), block // RATIO, _coarse(valid))
    return float((fine - coarse)[:-1, -1].abs().mean())


def qnr(
    fused: Tensor,
    mul: Tensor,
    pan: Tensor,
    pan_low: Tensor,
    block: int = BLOCK,
    valid: Tensor | None = None,
) -> float:
    """Quality with no reference: (1 − `d_lambda`) · (1 − `d_s`) of the arguments; 1 is perfect."""
    spatial = d_s(fused, mul, pan, pan_low, block, valid)
    return (1 - d_lambda(fused, mul, block, valid)) * (1 - spatial)


def d_lambda_khan(
    fused: Tensor, mul: Tensor, platform: str = "WV02", block: int = BLOCK, valid: Tensor | None = None
) -> float:
    """Spectral distortion by consistency: 1 − `q2n` of mul and the result at mul's scale.

    Source: M. M. Khan, L. Alparone, J. Chanussot, "Pansharpening Quality Assessment Using the
    Modulation Transfer Functions of Instruments", IEEE Transactions on Geoscience and Remote
    Sensing 47 (2009).

    Args:
        fused: (8, 4h, 4w).
        mul: (8, h, w).
        platform: `WV02` or `WV03`, the satellite whose `mtf.MUL_GAINS` are used.
        block: side of a block, here in mul pixels.
        valid: bool (4h, 4w). Mul pixels that an invalid pixel is blurred into are left out too.

    Returns:
        0..1; 0 is perfect.
    """
    _check(fused, mul, None, valid, RATIO)
    gains = MUL_GAINS[platform]
    return 1 - q2n(degrade(fused[None], gains)[0], mul, block, _coarse(valid, reach(gains)))


def d_s_mtf(
    fused: Tensor, mul: Tensor, pan: Tensor, platform: str = "WV02", valid: Tensor | None = None
) -> float:
    """`d_s` with pan brought to mul's scale by a filter of the platform's `mtf.PAN_GAINS`.

    Where that filter would blur invalid pixels into pan, the block means of pan are taken instead.
    """
    _check(fused, mul, pan, valid, BLOCK)
    gains = PAN_GAINS[platform]
    low = degrade(pan[None], gains)[0]
    clear = _coarse(valid, reach(gains))
    if clear is not None:
        low = torch.where(clear, low, block_mean(pan))
    return d_s(fused, mul, pan, low, BLOCK, valid)


def hqnr(
    fused: Tensor, mul: Tensor, pan: Tensor, platform: str = "WV02", valid: Tensor | None = None
) -> float:
    """Hybrid quality with no reference: (1 − `d_lambda_khan`) · (1 − `d_s_mtf`); 1 is perfect.

    Source: B. Aiazzi and others, "Full scale assessment of pansharpening methods and data
    products", Proceedings of SPIE 9244 (2014).
    """
    spatial = d_s_mtf(fused, mul, pan, platform, valid)
    return (1 - d_lambda_khan(fused, mul, platform, valid=valid)) * (1 - spatial)


def _quality(image: Tensor, side: int, valid: Tensor | None) -> Tensor:
    """Q of every two bands of an image (c, h, w), mean over blocks: (c, c); NaN without blocks."""
    total, count = torch.zeros(len(image), len(image), dtype=torch.float64, device=image.device), 0
    for blocks in whole_blocks(image, side, valid):
        total, count = total + universal_quality(blocks).sum(0), count + len(blocks)
    return total / count if count else total * torch.nan


def _coarse(valid: Tensor | None, cells: int = 0) -> Tensor | None:
    """Mul pixels that have no invalid pixel in them or up to `cells` away: bool (h, w)."""
    if valid is None:
        return None
    invalid = F.max_pool2d((~valid)[None].float(), RATIO)
    return F.max_pool2d(invalid, 2 * cells + 1, stride=1, padding=cells)[0] == 0


def _check(fused: Tensor, mul: Tensor, pan: Tensor | None, valid: Tensor | None, block: int) -> None:
    channels, height, width = mul.shape if mul.ndim == 3 else (0, 0, 0)
    fine = (RATIO * height, RATIO * width)
    if not channels or fused.shape != (channels, *fine) or (pan is not None and pan.shape != (1, *fine)):
        found = [tuple(image.shape) for image in (fused, mul, pan) if image is not None]
        raise ValueError(f"expected fused (c, 4h, 4w), mul (c, h, w) and pan (1, 4h, 4w), found {found}")
    check_mask(valid, *fine)
    if block < RATIO or block % RATIO:
        raise ValueError(f"expected a block of pan pixels that {RATIO} divides, found {block}")
