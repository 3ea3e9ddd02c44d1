"""The training loss: perceived distance from the truth, in just-noticeable differences (JND).

Every function gives a sum over valid pixels. Two terms beside ΔE count faults that people mind more
than ΔE says: colour fringes (`fringe_loss`) and ghosts of edges (`ghost_loss`). A third one counts
what a network changes of the predictor's colour where nothing marks a fault of the sensor.
`weighted_loss` adds the terms.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.color import JND, SATURATED
from potato.training.config import TrainConfig

SOFTNESS = 0.1
"""JND below which the loss turns from a cone into a bowl: a tenth of a visible difference."""

UNSATURATED = 0.1
"""Oklab chroma by lightness up to which a surface counts as unsaturated. A tenth of the pixels of
aerial photographs, vegetation left out, lie above it, and a hundredth above `SATURATED`."""

_LEAST_LIGHTNESS = 0.05
"""Least L that chroma is divided by."""

_LEAST_DETAIL = 1e-8
"""Oklab, far below what can be seen, that is added to fine detail at a right angle, since a bare
length has no derivative at 0."""


def weighted_loss(
    output: Tensor,
    target: Tensor,
    pan: Tensor,
    valid: Tensor,
    artefact_weight: Tensor,
    config: TrainConfig,
    predicted: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of sharpened cells.

    Args:
        output: Oklab in cells (b, 48, h, w).
        target: the truth, of the shape of `output`.
        pan: reflectance in cells (b, 16, h, w).
        valid: bool (b, 16, h, w).
        artefact_weight: 0..1 for each image (b,), on the CPU: how far `fringe_loss` and
            `ghost_loss` apply.
        config: its weights of the terms are read.
        predicted: the predictor's result, of the shape of `output`; None without `caution_weight`.

    Returns:
        Three scalars: the loss and ΔE alone, both in JND · pixels, and the number of valid pixels.
    """
    # (b, 3 · 16, h, w) as (b, 3, 16 · h, w): ΔE is of pixels, whatever their order.
    found, true = (image.reshape(len(image), 3, -1, image.shape[-1]) for image in (output, target))
    mask = (len(valid), 1, -1, valid.shape[-1])
    distance, count = delta_e_sum(found, true, valid.reshape(mask))
    loss = distance
    weight = artefact_weight.to(output.device, non_blocking=True)[:, None, None, None]
    if predicted is not None:
        recoloured = torch.cat([found[:, :1], predicted.reshape(found.shape)[:, 1:]], 1)
        changed, _ = delta_e_sum(found, recoloured, valid.reshape(mask), 1 - weight[:, 0])
        loss = loss + config.caution_weight * changed
    artefacts = bool(config.fringe_weight or config.ghost_weight) and bool((artefact_weight > 0).any())
    if not (config.saturated_weight or artefacts):
        return loss, distance, count
    unsaturated = unsaturated_mask(target)
    if config.saturated_weight:
        saturated = valid & (unsaturated < 0.5)
        loss = loss + config.saturated_weight * delta_e_sum(found, true, saturated.reshape(mask))[0]
    if artefacts:
        weight = weight * unsaturated
        loss = loss + config.fringe_weight * fringe_loss(output, target, valid, weight)
        loss = loss + config.ghost_weight * ghost_loss(output, target, pan, valid, weight)
    return loss, distance, count


def soft_delta_e(output: Tensor, target: Tensor) -> Tensor:
    """ΔE_OK (`color.delta_e_ok`) with a smooth bottom: √(ΔE² + s²) − s, s = `SOFTNESS`.

    The derivative of a bare distance is NaN at 0. This one is 0 where both agree, tends to ΔE − s
    far away, and is never steeper than ΔE.

    Args:
        output: Oklab (…, 3, h, w).
        target: of the shape of `output`.

    Returns:
        (…, h, w) in JND.

    Raises:
        ValueError: if the shapes differ or the channel axis isn't 3 long.
    """
    if output.shape != target.shape or output.ndim < 3 or output.shape[-3] != 3:
        raise ValueError(
            f"expected two Oklab images (…, 3, h, w) of one shape, "
            f"found {tuple(output.shape)} and {tuple(target.shape)}"
        )
    lightness, a, b = ((output - target) / JND).unbind(-3)
    return torch.sqrt(lightness**2 + 4 * (a**2 + b**2) + SOFTNESS**2) - SOFTNESS


def delta_e_sum(
    output: Tensor, target: Tensor, valid: Tensor, weight: Tensor | float = 1.0
) -> tuple[Tensor, Tensor]:
    """The sum of `soft_delta_e` over valid pixels, and their number.

    Args:
        output: Oklab (…, 3, h, w); values in invalid pixels, NaN included, change neither the sum
            nor its gradient.
        target: of the shape of `output`.
        valid: bool (…, 1, h, w).
        weight: of each pixel, 0..1; broadcasts against (…, h, w).

    Returns:
        Two scalars: JND · pixels, and pixels, which the weight doesn't change.

    Example:
        >>> grey = torch.full((3, 2, 2), 0.5)
        >>> [float(each) for each in delta_e_sum(grey, grey, torch.ones(1, 2, 2, dtype=torch.bool))]
        [0.0, 4.0]
    """
    # Cut out before the root: 0 × NaN would be NaN on the way back.
    distance = soft_delta_e(torch.where(valid, output, target), target)
    return (distance * weight).sum(), valid.sum()


def fringe_loss(output: Tensor, target: Tensor, valid: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Excess of fine chroma in the output over the truth's, summed over valid pixels.

    Band arrays that lie apart cause coloured fringes, and noise of bands causes coloured speckle.
    ΔE counts a fringe and a colour that is a little pale alike; people mind the fringe more. Only
    the excess counts: max(0, |fine chroma of the output| − |fine chroma of the truth|), where fine
    chroma is the vector (a, b) less its mean over 3 × 3 cells.

    Args:
        output: Oklab in cells (b, 48, h, w).
        target: the truth, of the shape of `output`.
        valid: bool (b, 16, h, w).
        weight: 0..1, broadcasts against `valid`.

    Returns:
        JND · pixels, a scalar; a and b count double, as in ΔE.
    """
    found, true = (image.unflatten(1, (3, -1))[:, 1:] for image in (output, target))
    return (_excess(found, true, valid) * weight).sum() * (2 / JND)


def ghost_loss(
    output: Tensor, target: Tensor, pan: Tensor, valid: Tensor, weight: Tensor | float = 1.0
) -> Tensor:
    """Excess of fine lightness that pan doesn't show over the truth's, summed over valid pixels.

    Mul rings and is aliased, so detail that a network copies from it appears as a ghost beside
    edges of pan. Only the excess counts, as in `fringe_loss`, here of L − k · cbrt(pan), where k is
    the mean L of the truth over the mean of cbrt(pan).

    Args:
        output: Oklab in cells (b, 48, h, w).
        target: the truth, of the shape of `output`.
        pan: reflectance in cells (b, 16, h, w).
        valid: bool (b, 16, h, w).
        weight: 0..1, broadcasts against `valid`.

    Returns:
        JND · pixels, a scalar.
    """
    pixels = valid.shape[1]
    shading = torch.where(valid, pan, torch.zeros_like(pan)).clamp_min(0) ** (1 / 3)
    lightness = torch.where(valid, target[:, :pixels], torch.zeros_like(pan))
    ratio = lightness.sum((1, 2, 3), keepdim=True) / shading.sum((1, 2, 3), keepdim=True).clamp_min(1e-6)
    followed = ratio * shading
    found, true = ((image - followed)[:, None] for image in (output[:, :pixels], lightness))
    return (_excess(found, true, valid) * weight).sum() / JND


def unsaturated_mask(target: Tensor) -> Tensor:
    """Weight, 0 to 1, of cells in which `fringe_loss` and `ghost_loss` apply.

    A saturated object of a few pixels looks like a fringe. If both losses counted there, the
    network would learn that such objects don't exist.

    Args:
        target: Oklab in cells (b, 48, h, w); 0 where invalid.

    Returns:
        (b, 1, h, w), by the most saturated pixel of a cell and the eight around: 1 if its chroma by
        lightness is at most `UNSATURATED`, 0 from `SATURATED` on, linear in between.
    """
    lightness, a, b = target.unflatten(1, (3, -1)).unbind(1)
    saturation = (torch.hypot(a, b) / lightness.clamp_min(_LEAST_LIGHTNESS)).amax(1, keepdim=True)
    saturated = ((saturation - UNSATURATED) / (SATURATED - UNSATURATED)).clamp(0, 1)
    return 1 - F.max_pool2d(saturated, 3, stride=1, padding=1)


def _excess(output: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Excess of the output's fine detail over the truth's.

    Args:
        output: one channel or more in cells (b, c, 16, h, w).
        target: of the shape of `output`.
        valid: bool (b, 16, h, w).

    Returns:
        max(0, |fine detail of the output| − |fine detail of the truth|) (b, 16, h, w), lengths of
        vectors of c channels; 0 where invalid.
    """
    found, true = (_fine_length(image, valid) for image in (output, target))
    return (found - true).clamp_min(0) * valid


def _fine_length(cells: Tensor, valid: Tensor) -> Tensor:
    """Length (b, 16, h, w) of channels (b, c, 16, h, w) less their means over 3 × 3 cells."""
    cells = torch.where(valid[:, None], cells, torch.zeros_like(cells))
    mean = F.avg_pool2d(cells.mean(2), 3, stride=1, padding=1, count_include_pad=False)
    fine = cells - mean[:, :, None]
    return (fine.square().sum(1) + _LEAST_DETAIL**2).sqrt()
