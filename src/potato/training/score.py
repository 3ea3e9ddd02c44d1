"""How far a model is from the truth of chips: what a session logs and `potato check` prints."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from potato.core.color import delta_e_ok, oklab_to_linear_srgb, srgb_encode
from potato.core.resample import from_cells, to_cells
from potato.model.network import Sharpener, sharpen_cells
from potato.training.data import Batch
from potato.training.distributed import ALONE, Ranks

BORDER = 8
"""Pixels along the border of a chip that aren't judged: a model lacks context there."""


@dataclass(frozen=True)
class Score:
    """What was found over the valid pixels of chips.

    Attributes:
        delta_e: mean ΔE_OK in JND; NaN if nothing was valid.
        psnr: peak signal-to-noise ratio of the sRGB signals, dB; infinite if they are equal.
        pixels: how many were judged.
        skipped: chips that couldn't be read.
    """

    delta_e: float
    psnr: float
    pixels: int
    skipped: int = 0


def sharpen_chips(model: Sharpener, pan: Tensor, mul: Tensor) -> Tensor:
    """Sharpen as `fuse` does, invalid pixels and borders filled from their neighbours.

    Args:
        model: on the device of the tensors.
        pan: reflectance (b, 1, 4h, 4w), 0 where invalid.
        mul: reflectance (b, 8, h, w), 0 in every band where invalid.

    Returns:
        Oklab (b, 3, 4h, 4w), without meaning where pan or mul is invalid.
    """
    cells = to_cells(pan)
    valid = cells > 0, (mul > 0).any(1, keepdim=True)
    return from_cells(sharpen_cells(model, cells, mul, valid))


def score_pixels(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of what two Oklab images differ by, `BORDER` left out.

    Args:
        output: (b, 3, h, w).
        target: the same shape; L is 0 where invalid.

    Returns:
        float64 (3,): ΔE_OK in JND, mean square of sRGB's three channels (0..1), and how many pixels are
        valid; and the ΔE (b, h, w) of every pixel, 0 where invalid.
    """
    valid = target[:, :1] > 0
    output = torch.where(valid, output, target)
    distance = delta_e_ok(output, target)
    first, second = (srgb_encode(oklab_to_linear_srgb(image).clamp(0, 1)) for image in (output, target))
    square = ((first - second) ** 2).mean(1)
    inner = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    sums = [image[inner].double().sum() for image in (distance, square, valid[:, 0])]
    return torch.stack(sums), distance


def score_batches(
    model: Sharpener, batches: Iterable[Batch], device: torch.device, ranks: Ranks = ALONE
) -> Score:
    """Judge a model by chips; with several processes, each brings its share.

    Args:
        model: on `device`.
        batches: chips as they are; exposure isn't applied.
        device: where to compute.
        ranks: which process this is.
    """
    total = torch.zeros(4, dtype=torch.float64)
    for batch in batches:
        total[3] += batch.skipped
        if not batch.pan.numel():
            continue
        pan, mul, target = batch.floats(device)
        with torch.inference_mode():
            total[:3] += score_pixels(sharpen_chips(model, pan, mul), target)[0].cpu()
    sums = ranks.sum(total.to(device if device.type != "mps" else "cpu")).tolist()
    return to_score(*sums)


def to_score(distance: float, square: float, pixels: float, skipped: float = 0) -> Score:
    """A score of the sums that `score_pixels` gives."""
    if not pixels:
        return Score(float("nan"), float("nan"), 0, int(skipped))
    psnr = float(-10 * torch.log10(torch.tensor(square / pixels, dtype=torch.float64)))
    return Score(distance / pixels, psnr, int(pixels), int(skipped))
