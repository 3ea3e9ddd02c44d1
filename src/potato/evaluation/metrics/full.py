"""Figures of the literature at full scale, where there is no truth: a result against what it was made from.

`fused` is (c, 4h, 4w), `mul` (c, h, w), `pan` (1, 4h, 4w), all in one linear unit; `valid` is bool
(4h, 4w) of pan's pixels, a mul pixel being valid where all 16 are. Every figure is NaN where
nothing can be judged.

Two families. QNR asks whether relations between images at mul's scale still hold at pan's. HQNR
makes the result as coarse as mul first, so that its spectral half can be trusted more. Neither sees
what people see: a picture that copies mul without sharpening has a fair HQNR.

Where others differ: torchmetrics takes Q in Gaussian windows of 11 and adds a constant of float32's
resolution to its denominator, so its D_lambda, D_s and QNR of reflectance depend on the unit and
come out wrong in dark or flat places. sewar's Q multiplies means by the number of pixels as if they
were sums, so it hardly notices covariance, and its D_lambda, D_s and QNR mean nothing. The toolbox
of Vivone and others compares at pan's scale, with mul enlarged; here everything is on mul's own
grid, as published first.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.mtf import MUL_GAINS, PAN_GAINS, degrade, reach
from potato.core.resample import block_mean
from potato.core.sensors import RATIO
from potato.evaluation.metrics.block_statistics import universal_quality, whole_blocks
from potato.evaluation.metrics.reduced import q2n

BLOCK = 32
"""Side of the blocks in which Q is taken, in pixels of the image judged; at mul's scale the same
ground."""


def d_lambda(fused: Tensor, mul: Tensor, block: int = BLOCK, valid: Tensor | None = None) -> float:
    """Spectral distortion: how much the relations between bands have changed.

    The mean over pairs of bands of |Q of the pair in the result − Q of it in mul|, Q being the mean
    over blocks of the universal image quality index.

    Source: L. Alparone and others, "Multispectral and Panchromatic Data Fusion Assessment Without
    Reference", Photogrammetric Engineering & Remote Sensing 74 (2008), with exponent 1.

    Args:
        fused: (c, 4h, 4w), two bands or more.
        mul: (c, h, w).
        block: side of a block in pan pixels, a multiple of 4.
        valid: bool (4h, 4w); None for all. Blocks that hold an invalid pixel aren't judged.

    Returns:
        0..1 or a little above; 0 is perfect.

    Raises:
        ValueError: if shapes don't fit.
    """
    _check(fused, mul, None, valid, block)
    fine, coarse = _quality(fused, block, valid), _quality(mul, block // RATIO, _coarse(valid))
    channels = len(mul)
    return float((fine - coarse).abs().sum() / (channels * (channels - 1)))


def d_s(
    fused: Tensor,
    mul: Tensor,
    pan: Tensor,
    pan_low: Tensor,
    block: int = BLOCK,
    valid: Tensor | None = None,
) -> float:
    """Spatial distortion: how much the relation of each band to pan has changed.

    The mean over bands of |Q of the band and pan − Q of mul's band and pan made coarser|.

    Source: as `d_lambda`, with exponent 1.

    Args:
        fused: (c, 4h, 4w).
        mul: (c, h, w).
        pan: (1, 4h, 4w).
        pan_low: pan at mul's scale (1, h, w), for example `resample.block_mean(pan)`.
        block: side of a block in pan pixels, a multiple of 4.
        valid: bool (4h, 4w); None for all. Blocks that hold an invalid pixel aren't judged.

    Returns:
        0..1 or a little above; 0 is perfect.

    Raises:
        ValueError: if shapes don't fit.
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
    """Quality with no reference: (1 − `d_lambda`) · (1 − `d_s`), 1 is perfect; arguments as theirs."""
    spatial = d_s(fused, mul, pan, pan_low, block, valid)
    return (1 - d_lambda(fused, mul, block, valid)) * (1 - spatial)


def d_lambda_khan(
    fused: Tensor,
    mul: Tensor,
    platform: str = "WV02",
    block: int = BLOCK,
    valid: Tensor | None = None,
) -> float:
    """Spectral distortion by consistency: 1 − `q2n` of the result, as mul's bands would see it, against mul.

    Source: M. M. Khan, L. Alparone, J. Chanussot, "Pansharpening Quality Assessment Using the
    Modulation Transfer Functions of Instruments", IEEE Transactions on Geoscience and Remote
    Sensing 47 (2009).

    Args:
        fused: (8, 4h, 4w).
        mul: (8, h, w).
        platform: whose `mtf.MUL_GAINS`.
        block: side of a block, here in mul pixels.
        valid: bool (4h, 4w); None for all. Mul pixels into which an invalid one would be blurred
            aren't judged, nor blocks that hold one.

    Returns:
        0..1; 0 is perfect.

    Raises:
        ValueError: if shapes don't fit.
    """
    _check(fused, mul, None, valid, RATIO)
    gains = MUL_GAINS[platform]
    return 1 - q2n(degrade(fused[None], gains)[0], mul, block, _coarse(valid, reach(gains)))


def d_s_mtf(
    fused: Tensor, mul: Tensor, pan: Tensor, platform: str = "WV02", valid: Tensor | None = None
) -> float:
    """`d_s` with pan brought to mul's scale by a filter of its `mtf.PAN_GAINS`.

    Where invalid pixels would be blurred into it, the block means of pan are taken instead.
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
    """Hybrid quality with no reference: (1 − `d_lambda_khan`) · (1 − `d_s_mtf`), 1 is perfect.

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
    """Which mul pixels are wholly valid, and all others up to `cells` away: bool (h, w)."""
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
    if valid is not None and (valid.dtype != torch.bool or valid.shape != fine):
        raise ValueError(f"expected valid as bool {fine}, found {valid.dtype} {tuple(valid.shape)}")
    if block < RATIO or block % RATIO:
        raise ValueError(f"expected a block of pan pixels that {RATIO} divides, found {block}")
