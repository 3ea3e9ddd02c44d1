"""Figures of the literature at full scale, without a truth: a result against its pan and mul.

All functions take images in one linear unit: `fused` (c, rh, rw), `mul` (c, h, w), `pan`
(1, rh, rw); and `valid`, bool (rh, rw), None if all pixels are. A mul pixel is valid where all its
pan pixels are; blocks that hold an invalid pixel are left out. Every figure is NaN if no block is
left. ValueError says which shapes don't fit.

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

from potato.core.mtf import degrade, mul_gains, pan_gains, reach
from potato.core.resample import block_mean
from potato.core.sensors import Sensor
from potato.core.types import check_mask
from potato.evaluation.metrics.block_statistics import universal_quality, whole_blocks
from potato.evaluation.metrics.reduced import q2n

BLOCK = 8
"""Side of a block in which Q is taken, in mul pixels; a block of pan covers the same ground."""

Q2N_BLOCK = 32
"""Side of a block in which Q2n is taken, in mul pixels."""


def d_lambda(fused: Tensor, mul: Tensor, block: int = BLOCK, valid: Tensor | None = None) -> float:
    """Spectral distortion: the change of the relations between bands.

    The mean over pairs of bands of |Q of the pair in the result − Q of the pair in mul|, where Q is
    the mean over blocks of the universal image quality index.

    Source: L. Alparone and others, "Multispectral and Panchromatic Data Fusion Assessment Without
    Reference", Photogrammetric Engineering & Remote Sensing 74 (2008), with exponent 1.

    Args:
        fused: (c, rh, rw), two bands or more.
        mul: (c, h, w).
        block: side of a block in mul pixels.
        valid: bool (rh, rw).

    Returns:
        0..1 or a little above; 0 is perfect.
    """
    ratio = _check(fused, mul, None, valid)
    fine, coarse = _quality(fused, block * ratio, valid), _quality(mul, block, _coarse(valid, ratio))
    change = (fine - coarse).abs()
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
        fused: (c, rh, rw).
        mul: (c, h, w).
        pan: (1, rh, rw).
        pan_low: pan at mul's scale (1, h, w), for example `resample.block_mean(pan, r)`.
        block: side of a block in mul pixels.
        valid: bool (rh, rw).

    Returns:
        0..1 or a little above; 0 is perfect.
    """
    ratio = _check(fused, mul, pan, valid)
    if pan_low.shape != (1, *mul.shape[1:]):
        raise ValueError(f"expected pan_low {(1, *mul.shape[1:])}, found {tuple(pan_low.shape)}")
    fine = _quality(torch.cat([fused, pan]), block * ratio, valid)
    coarse = _quality(torch.cat([mul, pan_low]), block, _coarse(valid, ratio))
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
    fused: Tensor, mul: Tensor, sensor: Sensor, block: int = Q2N_BLOCK, valid: Tensor | None = None
) -> float:
    """Spectral distortion by consistency: 1 − `q2n` of mul and the result at mul's scale.

    Source: M. M. Khan, L. Alparone, J. Chanussot, "Pansharpening Quality Assessment Using the
    Modulation Transfer Functions of Instruments", IEEE Transactions on Geoscience and Remote
    Sensing 47 (2009).

    Args:
        fused: (c, rh, rw).
        mul: (c, h, w).
        sensor: the sensor, whose `mtf.mul_gains` are used.
        block: side of a block in mul pixels.
        valid: bool (rh, rw). Mul pixels that an invalid pixel is blurred into are left out too.

    Returns:
        0..1; 0 is perfect.
    """
    ratio, gains = _check(fused, mul, None, valid), mul_gains(sensor)
    seen = degrade(fused[None], gains, ratio)[0]
    return 1 - q2n(seen, mul, block, _coarse(valid, ratio, reach(gains)))


def d_s_mtf(fused: Tensor, mul: Tensor, pan: Tensor, sensor: Sensor, valid: Tensor | None = None) -> float:
    """`d_s` with pan brought to mul's scale by a filter of the sensor's `mtf.pan_gains`.

    Where that filter would blur invalid pixels into pan, the block means of pan are taken instead.
    """
    ratio, gains = _check(fused, mul, pan, valid), pan_gains(sensor)
    low = degrade(pan[None], gains, ratio)[0]
    clear = _coarse(valid, ratio, reach(gains))
    if clear is not None:
        low = torch.where(clear, low, block_mean(pan, ratio))
    return d_s(fused, mul, pan, low, BLOCK, valid)


def hqnr(fused: Tensor, mul: Tensor, pan: Tensor, sensor: Sensor, valid: Tensor | None = None) -> float:
    """Hybrid quality with no reference: (1 − `d_lambda_khan`) · (1 − `d_s_mtf`); 1 is perfect.

    Source: B. Aiazzi and others, "Full scale assessment of pansharpening methods and data
    products", Proceedings of SPIE 9244 (2014).
    """
    spatial = d_s_mtf(fused, mul, pan, sensor, valid)
    return (1 - d_lambda_khan(fused, mul, sensor, valid=valid)) * (1 - spatial)


def cell_error(fused: Tensor, mul: Tensor, valid: Tensor | None = None) -> float:
    """How far the means of cells are from mul, the first property that Wald asks for.

    Args:
        fused: (c, rh, rw).
        mul: (c, h, w).
        valid: bool (rh, rw).

    Returns:
        Mean over bands of the mean difference by the mean of mul, in percent; 0 is perfect.
    """
    ratio = _check(fused, mul, None, valid)
    counted = _coarse(valid, ratio)
    means, truths = (
        image.flatten(1) if counted is None else image[:, counted]
        for image in (block_mean(fused, ratio), mul)
    )
    return float(100 * ((means - truths).abs().mean(1) / truths.mean(1)).mean())


def _quality(image: Tensor, side: int, valid: Tensor | None) -> Tensor:
    """Q of every two bands of an image (c, h, w), mean over blocks: (c, c); NaN without blocks."""
    total, count = torch.zeros(len(image), len(image), dtype=torch.float64, device=image.device), 0
    for blocks in whole_blocks(image, side, valid):
        total, count = total + universal_quality(blocks).sum(0), count + len(blocks)
    return total / count if count else total * torch.nan


def _coarse(valid: Tensor | None, ratio: int, cells: int = 0) -> Tensor | None:
    """Mul pixels that have no invalid pixel in them or up to `cells` away: bool (h, w)."""
    if valid is None:
        return None
    invalid = F.max_pool2d((~valid)[None].float(), ratio)
    return F.max_pool2d(invalid, 2 * cells + 1, stride=1, padding=cells)[0] == 0


def _check(fused: Tensor, mul: Tensor, pan: Tensor | None, valid: Tensor | None) -> int:
    """The ratio of images whose shapes fit each other."""
    channels, height, width = mul.shape if mul.ndim == 3 else (0, 0, 0)
    ratio = fused.shape[-1] // max(1, width)
    fine = (ratio * height, ratio * width)
    if not (channels and ratio) or fused.shape != (channels, *fine):
        pass
    elif pan is None or pan.shape == (1, *fine):
        check_mask(valid, *fine)
        return ratio
    found = [tuple(image.shape) for image in (fused, mul, pan) if image is not None]
    raise ValueError(f"expected fused (c, rh, rw), mul (c, h, w) and pan (1, rh, rw), found {found}")
