"""Distance of a model from the truth of chips: figures and pictures of sessions and `check`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from potato.core.color import delta_e_ok, oklab_to_linear_srgb, srgb_encode
from potato.core.draw import render_pan, side_by_side
from potato.core.render import NATURAL, dither, render
from potato.core.resample import from_cells, to_cells
from potato.model.network import Sharpener, sharpen_cells
from potato.training.data import Batch
from potato.training.distributed import ALONE, Ranks

BORDER = 8
"""Pixels along the border of a chip that don't count: a model lacks context there."""

_CROP = 256
"""Side of the part of a chip that pictures show, pan pixels."""

_WHITE_ERROR = 10.0
"""JND that an error map shows as white."""


@dataclass(frozen=True)
class Score:
    """Figures over the valid pixels of chips.

    Attributes:
        delta_e: mean ΔE_OK in JND; NaN if no pixel is valid.
        psnr: peak signal-to-noise ratio of the sRGB signals, dB; infinite if they are equal.
        pixels: number of valid pixels.
    """

    delta_e: float
    psnr: float
    pixels: int


def sharpen_chips(model: Sharpener, pan: Tensor, mul: Tensor) -> Tensor:
    """Sharpen as `fuse` does, invalid pixels and borders filled from their neighbours.

    Args:
        model: on the device of the tensors.
        pan: reflectance (b, 1, rh, rw), 0 where invalid; r is the ratio of the model's sensor.
        mul: reflectance (b, n, h, w), 0 in every band where invalid.

    Returns:
        Oklab (b, 3, rh, rw), without meaning where pan or mul is invalid.
    """
    ratio = model.sensor.ratio
    cells = to_cells(pan, ratio)
    valid = cells > 0, (mul > 0).any(1, keepdim=True)
    return from_cells(sharpen_cells(model, cells, mul, valid), ratio)


def sharpen_batch(model: Sharpener, batch: Batch, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Pan, the target and the output of a chip, sharpened for its own sensor, on `device`."""
    pan, mul, target = batch.floats(device)
    with torch.inference_mode():
        return pan, target, sharpen_chips(Sharpener.of(model, batch.sensors[0]), pan, mul)


def score_pixels(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sums of the differences of two Oklab images, `BORDER` left out.

    Args:
        output: (b, 3, h, w).
        target: of the shape of `output`; L is 0 where invalid.

    Returns:
        float64 (3,): ΔE_OK in JND, mean square difference of the three sRGB channels (0..1), and
        the number of valid pixels; and the ΔE (b, h, w) of every pixel, 0 where invalid.
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
    """The score of a model on chips, of which each process brings its share.

    Args:
        model: on `device`.
        batches: one chip each; their exposure and air aren't applied.
        device: where to compute.
        ranks: this process among those of the run.
    """
    total = torch.zeros(3, dtype=torch.float64)
    for batch in batches:
        _, target, output = sharpen_batch(model, batch, device)
        total += score_pixels(output, target)[0].cpu()
    sums = ranks.sum(total.to(device if device.type != "mps" else "cpu")).tolist()
    return to_score(*sums)


def to_score(distance: float, square: float, pixels: float) -> Score:
    """A score from the sums that `score_pixels` gives."""
    if not pixels:
        return Score(float("nan"), float("nan"), 0)
    psnr = float(-10 * torch.log10(torch.tensor(square / pixels, dtype=torch.float64)))
    return Score(distance / pixels, psnr, int(pixels))


def draw_oklab(oklab: Tensor, valid: Tensor) -> Tensor:
    """Codes 0..255 (3, h, w) of Oklab (3, h, w) in the natural look; 0 where invalid (1, h, w)."""
    codes = render(oklab.cpu(), NATURAL, dither(*oklab.shape[-2:]))
    return torch.where(valid.cpu(), codes, torch.zeros_like(codes))


def draw_chips(model: Sharpener, batches: Sequence[Batch], device: torch.device) -> Tensor:
    """A row of pictures for each chip: pan, target, output, and a map of ΔE (white is 10 JND).

    Args:
        model: on `device`.
        batches: one chip each.
        device: where to compute.

    Returns:
        Codes 0..255 (3, h, w), the middle of each chip.
    """
    rows = []
    for batch in batches:
        pan, target, output = sharpen_batch(model, batch, device)
        valid = target[0, :1] > 0
        distance = torch.where(valid[0], delta_e_ok(output, target)[0], torch.zeros_like(target[0, 0]))
        errors = (distance / _WHITE_ERROR).clamp(0, 1).mul(255).expand(3, -1, -1)
        looks = [draw_oklab(image[0], valid) for image in (target, output)]
        pieces = [render_pan(pan[0, 0].cpu()), *looks, errors.cpu()]
        rows.append(side_by_side(*(_middle(piece) for piece in pieces)))
    width = min(row.shape[2] for row in rows)
    return torch.cat([row[..., :width] for row in rows], 1)


def _middle(picture: Tensor) -> Tensor:
    height, width = picture.shape[-2:]
    side = min(_CROP, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[..., top : top + side, left : left + side]
