"""The sharpener: an exact predictor, and a small network that adds what it misses.

A change of shading multiplies all bands alike, and Oklab is homogeneous of degree 1/3. So scaling the
upsampled Oklab image of mul by cbrt(pan / upsampled block mean of pan) is multiplicative detail
injection, in the space in which the result is judged. That is the predictor.

The network works on cells, a quarter of the scale, where dense 3×3 convolutions keep the processor
busy. Cube roots go in, of which Oklab is made: how the 16 pan pixels of a cell differ from pan's enlarged
mean, how that mean and the bands differ from the cell's lightness, and its Oklab. How much of pan's detail
a colour takes differs from place to place, not least because haze lies in the visible bands more than in
pan. So the slopes of L, a and b on pan around the cell go in as well: products, which convolutions can't
form. (Such slopes sharpen by themselves: B. Aiazzi, L. Alparone, S. Baronti, A. Garzelli, "Context-driven
fusion of high spatial and spectral resolution images based on oversampled multiresolution analysis", 2002.)
And how much pan varies inside cells, in all and from pixel to pixel: pan as an instrument delivers it has
next to nothing of the finest detail, and mul rings then; means of something finer have all of it, and don't.

Two things come out: by how much L, a and b take more or less of pan's detail than the predictor has it, and
a residual on each of the 16 pixels. Nothing in it has a bias. So the network, too, is homogeneous: k times
the light gives cbrt(k) times the Oklab, and what it learnt in the sun it knows in the shade.
(Networks without biases also meet noise that they weren't trained on more calmly: S. Mohan, Z. Kadkhodaie,
E. Simoncelli and C. Fernandez-Granda, "Robust and interpretable blind image denoising via bias-free
convolutional neural networks", 2020.)

Nothing is padded inside: a model looks `radius` cells further than its result on every side, and
whoever calls it brings them (`sharpen` by filling outwards, `fusion` by reading an apron).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from potato.color import mul_to_oklab, power
from potato.resample import BICUBIC_REACH, fill_invalid, from_cells, to_cells, upsample_cells
from potato.sensor import BANDS, RATIO

__all__ = ["Architecture", "Sharpener", "fill_pair", "predict", "sharpen"]

PIXELS = RATIO * RATIO
INPUTS = PIXELS + 1 + len(BANDS) + 3 + 7
OUTPUTS = 3 * PIXELS + 3
GAIN = 8.0
"""Differences are about so many times smaller than lightness, and a network learns best from equals."""

RATIO_LIMIT = float(PIXELS)
"""No pixel is more than so many times as bright as the mean of its cell."""

STEADINESS = 1e-3
"""Variance, relative to the square of the mean, of a pan that is as if it followed the predictor: where pan
hardly varies, noise must not decide what follows it."""


@dataclass(frozen=True)
class Architecture:
    """What is needed to build a `Sharpener`; it travels in the checkpoint.

    Attributes:
        width: channels of each hidden layer.
        depth: 3×3 layers at quarter scale; 0 is the bare predictor.
    """

    width: int = 48
    depth: int = 4

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 1024 and 0 <= self.depth <= 64):
            raise ValueError(f"expected width 1..1024 and depth 0..64, found {self.width} and {self.depth}")


class Sharpener(nn.Module):
    """The predictor and its network. Untrained, it is exactly the predictor.

    Attributes:
        architecture: its sizes.
        radius: how many cells beyond a cell it looks, on every side.
    """

    def __init__(self, architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        width, depth = self.architecture.width, self.architecture.depth
        self.radius = 2 * BICUBIC_REACH + depth if depth else BICUBIC_REACH
        channels = [INPUTS, *[width] * (depth - 1), OUTPUTS] if depth else []
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, bias=False) for before, after in pairwise(channels)
        )
        if depth:
            last = self.layers[-1]
            assert isinstance(last, nn.Conv2d)
            for weight in self.parameters():
                nn.init.kaiming_normal_(weight)
            nn.init.zeros_(last.weight)

    def forward(self, pan: Tensor, mul: Tensor) -> Tensor:
        """Sharpen cells.

        Args:
            pan: reflectance in cells (b, 16, h + 2·radius, w + 2·radius).
            mul: reflectance (b, 8, h + 2·radius, w + 2·radius).

        Returns:
            Oklab in cells (b, 48, h, w).
        """
        oklab = mul_to_oklab(mul)
        predicted, detail, mean = predict(pan, oklab)
        depth = len(self.layers)
        if not depth:
            return predicted
        context = surroundings(pan, oklab)
        oklab = _trim(oklab, BICUBIC_REACH)
        lightness, chroma = oklab[:, :1], oklab[:, 1:]
        bands = power(_trim(mul, BICUBIC_REACH).clamp_min(0), 1 / 3)
        followed = context.slopes * mean - oklab
        differences = [detail, mean - lightness, bands - lightness, 2 * chroma, followed, context.spreads]
        # Times 8 and divided by it, lightness is exactly what it was.
        inputs = torch.cat([*differences, lightness / GAIN], 1).mul_(GAIN)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        # Not bfloat16 on processors that have it: its sums would let blocks show (dev/LOG.md).
        half = pan.device.type in ("cuda", "mps") and not torch.is_grad_enabled()
        with torch.autocast(pan.device.type, torch.float16, enabled=half):
            hidden = inputs
            for layer in self.layers[:-1]:
                hidden = F.relu(layer(hidden), inplace=True)
            last = self.layers[-1]
            assert isinstance(last, nn.Conv2d)
            # One after the other: 51 channels together take as long as 64.
            residual, gain = (F.conv2d(hidden, part).float() for part in last.weight.split([3 * PIXELS, 3]))
        gain = upsample_cells(gain / _trim(context.mean, depth).clamp_min(1e-2))
        inner = depth + BICUBIC_REACH
        result: Tensor = torch.add(
            _trim(predicted, inner), _trim(residual, BICUBIC_REACH), alpha=1 / (2 * GAIN)
        ).unflatten(1, (3, PIXELS))
        result.addcmul_(gain.unflatten(1, (3, PIXELS)), _trim(detail, inner).unsqueeze(1))
        return result.flatten(1, 2)


def _darkest(image: Tensor, reach: int) -> Tensor:
    """The minimum of `image` (…, h + 2·reach, w + 2·reach) around each pixel: (…, h, w)."""
    for axis in (-1, -2):
        size = image.shape[axis] - 2 * reach
        image = torch.stack([image.narrow(axis, start, size) for start in range(2 * reach + 1)]).amin(0)
    return image


class Surroundings(NamedTuple):
    """What `surroundings` finds.

    Attributes:
        mean: of the cube root of pan (b, 1, h, w).
        slopes: change of L, a and b by change of the cube root of pan (b, 3, h, w).
        spreads: standard deviations of the cube root of pan, and of L; those of pan inside a cell, in all and
            from pixel to pixel like a chessboard (b, 4, h, w).
    """

    mean: Tensor
    slopes: Tensor
    spreads: Tensor


def surroundings(pan: Tensor, oklab: Tensor) -> Surroundings:
    """How Oklab goes with pan around each cell: least squares under a 5 × 5 binomial window.

    Args:
        pan: reflectance in cells (b, 16, h + 4, w + 4).
        oklab: of mul (b, 3, h + 4, w + 4).

    Returns:
        Where pan varies by less than `STEADINESS`, its slopes tend to those of the predictor, Oklab / pan.
    """
    shading = power(pan.mean(1, keepdim=True).clamp_min(0), 1 / 3)
    squares = [shading * shading, oklab[:, :1] ** 2, *_inside(power(pan.clamp_min(0), 1 / 3))]
    means = _binomial(torch.cat([shading, oklab, oklab * shading, *squares], 1))
    mean, colour, product, pan_square, square, inside = means.split([1, 3, 3, 1, 1, 2], 1)
    variance = (pan_square - mean * mean).clamp_min(0)
    steady = STEADINESS * mean * mean
    proportional = colour / mean.clamp_min(1e-2)
    slopes = (product - colour * mean + steady * proportional) / (variance + steady).clamp_min(1e-8)
    spreads = torch.cat([variance, (square - colour[:, :1] ** 2).clamp_min(0), inside], 1).sqrt()
    return Surroundings(mean, slopes, spreads)


def _inside(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Variances inside cells (b, 16, h, w), (b, 1, h, w) each: in all, and of chessboards of 2 × 2 pixels."""
    steps = pixels.unflatten(1, (2, 2, 2, 2)).diff(dim=2)  # halves, rows, halves, columns
    chequered = 0.5 * steps.diff(dim=4).flatten(1, 4)
    deviation = pixels - pixels.mean(1, keepdim=True)
    return deviation.square().mean(1, keepdim=True), chequered.square().mean(1, keepdim=True)


def _binomial(image: Tensor) -> Tensor:
    """Means under a 5 × 5 binomial window of `image` (…, h + 4, w + 4): (…, h, w)."""
    for axis in (-1, -2):
        for _ in range(2 * BICUBIC_REACH):
            size = image.shape[axis] - 1
            image = image.narrow(axis, 0, size) + image.narrow(axis, 1, size)
    return image / 256


def _trim(image: Tensor, cells: int) -> Tensor:
    """`image` (…, h, w) without `cells` on every side."""
    return image[..., cells : image.shape[-2] - cells, cells : image.shape[-1] - cells]


def predict(pan: Tensor, oklab: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The predictor on cells, and what else is known of pan then.

    Args:
        pan: reflectance in cells (b, 16, h + 4, w + 4).
        oklab: Oklab of mul (b, 3, h + 4, w + 4).

    Returns:
        Oklab in cells (b, 48, h, w); cube roots of pan less those of its enlarged mean (b, 16, h, w); and
        the cube root of its mean (b, 1, h, w).
    """
    mean = pan.mean(1, keepdim=True)
    upsampled = upsample_cells(torch.cat([mean, oklab], 1))
    coarse, colour = upsampled[:, :PIXELS], upsampled[:, PIXELS:]
    # Bicubic interpolation undershoots beside bright pixels, down to nothing and below, where a ratio
    # would explode into speckle; half the darkest neighbour is a floor that plain ground never meets.
    floor = _darkest(mean, BICUBIC_REACH) * 0.5
    shading = power(_trim(pan, BICUBIC_REACH).clamp_min(0), 1 / 3)
    coarse = power(torch.maximum(coarse, floor).clamp_min_(1e-4), 1 / 3)
    scale = (shading / coarse).clamp_max_(RATIO_LIMIT ** (1 / 3)).unsqueeze(1)
    predicted = (colour.unflatten(1, (3, PIXELS)) * scale).flatten(1, 2)
    return predicted, shading - coarse, power(_trim(mean, BICUBIC_REACH).clamp_min(0), 1 / 3)


def fill_pair(
    pan: Tensor, mul: Tensor, pan_valid: Tensor, mul_valid: Tensor, reach: int
) -> tuple[Tensor, Tensor]:
    """Give invalid pixels of a pair the colours of their valid neighbours, so that no rim appears.

    Args:
        pan: reflectance in cells (b, 16, h, w).
        mul: reflectance (b, 8, h, w).
        pan_valid: bool, in cells (b, 16, h, w).
        mul_valid: bool (b, 1, h, w).
        reach: how many cells far to fill; beyond it pixels become 0.

    Returns:
        pan and mul, new: valid pixels as they were; an invalid pan pixel has the mean of its cell,
        or where the cell has none, the cell's filled mean.
    """
    count = pan_valid.sum(1, keepdim=True)
    pan = torch.where(pan_valid, pan, torch.zeros_like(pan))
    mean = pan.sum(1, keepdim=True) / count.clamp_min(1)
    pan = torch.where(pan_valid, pan, fill_invalid(mean, count > 0, reach))
    return pan, fill_invalid(mul, mul_valid, reach)


def sharpen(model: Sharpener, pan: Tensor, mul: Tensor) -> Tensor:
    """Sharpen a pair of tensors, all of it valid.

    Args:
        model: from `load_model`.
        pan: reflectance (b, 1, 4h, 4w), 0..1 and above on specular targets.
        mul: reflectance (b, 8, h, w).

    Returns:
        Oklab (b, 3, 4h, 4w).

    Raises:
        ValueError: if the shapes don't fit each other.

    Example:
        >>> grey = sharpen(Sharpener(), torch.full((1, 1, 8, 8), 0.125), torch.full((1, 8, 2, 2), 0.125))
        >>> [round(abs(x), 3) for x in grey.mean((0, 2, 3)).tolist()]
        [0.5, 0.0, 0.0]
    """
    if (
        pan.ndim != 4
        or mul.ndim != 4
        or pan.shape[1] != 1
        or mul.shape[1] != len(BANDS)
        or pan.shape[0] != mul.shape[0]
        or pan.shape[2] != RATIO * mul.shape[2]
        or pan.shape[3] != RATIO * mul.shape[3]
    ):
        raise ValueError(
            "expected pan (b, 1, 4h, 4w) and mul (b, 8, h, w), "
            f"found {tuple(pan.shape)} and {tuple(mul.shape)}"
        )
    margin = [model.radius] * 4
    cells, mul = F.pad(to_cells(pan), margin), F.pad(mul, margin)
    valid = (
        F.pad(torch.ones_like(mul[:, :1, model.radius : -model.radius, model.radius : -model.radius]), margin)
        > 0
    )
    cells, mul = fill_pair(cells, mul, valid.expand_as(cells), valid, model.radius)
    return from_cells(model(cells, mul))
