"""The sharpener: an exact predictor, and a small network that adds what it misses.

A change of shading multiplies all bands alike, and Oklab is homogeneous of degree 1/3. So scaling the
upsampled Oklab image of mul by cbrt(pan / upsampled block mean of pan) is multiplicative detail
injection, in the space in which the result is judged. That is the predictor.

The network works on cells, a quarter of the scale, where dense 3×3 convolutions keep the processor
busy. Cube roots go in, of which Oklab is made: how the 16 pan pixels of a cell differ from pan's enlarged
mean, how that mean and the bands differ from the cell's lightness, and its Oklab. A residual on L, a and
b for each of the 16 pixels comes out. Nothing in it has a bias. So the network, too, is homogeneous: k
times the light gives cbrt(k) times the Oklab, and what it learnt in the sun it knows in the shade.
(Networks without biases also meet noise that they weren't trained on more calmly: S. Mohan, Z. Kadkhodaie,
E. Simoncelli and C. Fernandez-Granda, "Robust and interpretable blind image denoising via bias-free
convolutional neural networks", 2020.)

Nothing is padded inside: a model looks `radius` cells further than its result on every side, and
whoever calls it brings them (`sharpen` by filling outwards, `fusion` by reading an apron).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from potato.color import mul_to_oklab
from potato.resample import BICUBIC_REACH, fill_invalid, from_cells, to_cells, upsample_cells
from potato.sensor import BANDS, RATIO

__all__ = ["Architecture", "Sharpener", "fill_pair", "predict", "sharpen"]

PIXELS = RATIO * RATIO
INPUTS = PIXELS + 1 + len(BANDS) + 3
GAIN = 8.0
"""Differences are about so many times smaller than lightness, and a network learns best from equals."""

RATIO_LIMIT = float(PIXELS)
"""No pixel is more than so many times as bright as the mean of its cell."""


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
        self.radius = BICUBIC_REACH + depth
        channels = [INPUTS, *[width] * (depth - 1), 3 * PIXELS] if depth else []
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
        oklab = _trim(oklab, BICUBIC_REACH)
        lightness, chroma = oklab[:, :1], oklab[:, 1:]
        bands = _trim(mul, BICUBIC_REACH).clamp_min(0) ** (1 / 3)
        differences = torch.cat([detail, mean - lightness, bands - lightness, 2 * chroma], 1)
        inputs = torch.cat([differences.mul_(GAIN), lightness], 1).contiguous(
            memory_format=torch.channels_last
        )
        # Not bfloat16 on processors that have it: its sums would let blocks show (dev/LOG.md).
        half = pan.device.type in ("cuda", "mps") and not torch.is_grad_enabled()
        with torch.autocast(pan.device.type, torch.float16, enabled=half):
            hidden = inputs
            for layer in self.layers[:-1]:
                hidden = F.relu(layer(hidden), inplace=True)
            residual: Tensor = self.layers[-1](hidden)
        return _trim(predicted, depth) + residual / (2 * GAIN)


def _darkest(image: Tensor, reach: int) -> Tensor:
    """The minimum of `image` (…, h + 2·reach, w + 2·reach) around each pixel: (…, h, w)."""
    for axis in (-1, -2):
        size = image.shape[axis] - 2 * reach
        image = torch.stack([image.narrow(axis, start, size) for start in range(2 * reach + 1)]).amin(0)
    return image


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
    shading = _trim(pan, BICUBIC_REACH).clamp_min(0) ** (1 / 3)
    coarse = torch.maximum(coarse, floor).clamp_min_(1e-4).pow_(1 / 3)
    scale = (shading / coarse).clamp_max_(RATIO_LIMIT ** (1 / 3)).unsqueeze(1)
    predicted = (colour.unflatten(1, (3, PIXELS)) * scale).flatten(1, 2)
    return predicted, shading - coarse, _trim(mean, BICUBIC_REACH).clamp_min(0) ** (1 / 3)


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
