"""The sharpener: an exact predictor, and a small network that adds what it misses.

A change of shading multiplies all bands alike, and Oklab is homogeneous of degree 1/3. So scaling the
upsampled Oklab image of mul by cbrt(pan / upsampled block mean of pan) is multiplicative detail
injection, in the space in which the result is judged. That is the predictor.

The network works on cells, a quarter of the scale, where dense 3×3 convolutions keep the processor
busy. Cube roots go in, of which Oklab is made: how the 16 pan pixels of a cell differ from pan's enlarged
mean, how that mean and the bands differ from the cell's lightness, and its Oklab. How much of pan's detail
a colour takes differs from place to place, not least because haze lies in the visible bands more than in
pan. So two things go in that convolutions can't form:

- `surroundings`: the slopes of L, a and b on pan around the cell. (Such slopes sharpen by themselves:
  B. Aiazzi, L. Alparone, S. Baronti, A. Garzelli, "Context-driven fusion of high spatial and spectral
  resolution images based on oversampled multiresolution analysis", 2002.) And how much pan and L vary there.
- `outlook`, from further around: the darkest that pan and L become, which is how much haze there is. (As in
  P. S. Chavez, "An improved dark-object subtraction technique for atmospheric scattering correction of
  multispectral data", 1988.) And whether pan is as sharp as can be: as an instrument delivers it, it has
  little of the finest detail, and mul rings then; means of something finer have all of it, and don't.

Two things come out: by how much L, a and b take more or less of pan's detail than the predictor has it, and
a residual on each of the 16 pixels. Nothing in it has a bias. So the network, too, is homogeneous: k times
the light gives cbrt(k) times the Oklab, and what it learnt in the sun it knows in the shade.
(Networks without biases also meet noise that they weren't trained on more calmly: S. Mohan, Z. Kadkhodaie,
E. Simoncelli and C. Fernandez-Granda, "Robust and interpretable blind image denoising via bias-free
convolutional neural networks", 2020.)

Nothing is padded inside: a model takes `margin` cells more than its result on every side, and whoever calls
it brings them. Up to `radius` they must be there (`sharpen` fills outwards, `fusion` reads an apron); beyond
it, where only `outlook` goes, 0 stands for what isn't known.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from potato.core.color import mul_to_oklab, power
from potato.core.resample import BICUBIC_REACH, fill_invalid, from_cells, to_cells, upsample_cells
from potato.core.sensors import BANDS, RATIO

PIXELS = RATIO * RATIO
INPUTS = PIXELS + 1 + len(BANDS) + 3 + 7 + 3
OUTPUTS = 3 * PIXELS + 3
GAIN = 8.0
"""Differences are about so many times smaller than lightness, and a network learns best from equals."""

RATIO_LIMIT = float(PIXELS)
"""No pixel is more than so many times as bright as the mean of its cell."""

OUTLOOK = 16
"""How many cells around a cell `outlook` goes, on every side."""

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

    width: int = 32
    depth: int = 4

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 1024 and 0 <= self.depth <= 64):
            raise ValueError(f"expected width 1..1024 and depth 0..64, found {self.width} and {self.depth}")


class Sharpener(nn.Module):
    """The predictor and its network. Untrained, it is exactly the predictor.

    Attributes:
        architecture: its sizes.
        halo_valid: cells around a block, on every side, that must be known or filled.
        halo: cells around a block that it reads; those beyond `halo_valid` may be 0, which means unknown.
        read_halo: cells to read around a block, so that invalid ones in the halo are filled from beyond it.
    """

    def __init__(self, architecture: Architecture | None = None) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        width, depth = self.architecture.width, self.architecture.depth
        self.halo_valid = 2 * BICUBIC_REACH + depth if depth else BICUBIC_REACH
        # What `outlook` finds goes in at the first layer, where the cells of `surroundings` are used up.
        self.halo = self.halo_valid - BICUBIC_REACH + OUTLOOK if depth else self.halo_valid
        self.read_halo = self.halo + self.halo_valid
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
            pan: reflectance in cells (b, 16, h + 2·halo, w + 2·halo).
            mul: reflectance (b, 8, h + 2·halo, w + 2·halo).

        Returns:
            Oklab in cells (b, 48, h, w).
        """
        mean, oklab = pan.mean(1, keepdim=True), mul_to_oklab(mul)
        shading, pixels = _root(mean), _root(pan)
        depth = len(self.layers)
        if not depth:
            return predict(mean, pixels, oklab)[0]
        far = outlook(shading, pixels, oklab[:, :1])
        beyond = self.halo - self.halo_valid
        mean, shading, pixels, oklab, mul = (
            _trim(image, beyond) for image in (mean, shading, pixels, oklab, mul)
        )
        predicted, detail = predict(mean, pixels, oklab)
        near = surroundings(shading, pixels, oklab)
        shading, oklab, mul = (_trim(image, BICUBIC_REACH) for image in (shading, oklab, mul))
        lightness, chroma = oklab[:, :1], oklab[:, 1:]
        differences = [
            detail,
            shading - lightness,
            _root(mul) - lightness,
            2 * chroma,
            near.slopes * shading - oklab,
            near.spreads,
            far.darkest - torch.cat([shading, lightness], 1),
            far.doubt * lightness,
        ]
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
        gain = upsample_cells(gain / _trim(near.mean, depth).clamp_min(1e-2))
        inner = depth + BICUBIC_REACH
        result: Tensor = torch.add(
            _trim(predicted, inner), _trim(residual, BICUBIC_REACH), alpha=1 / (2 * GAIN)
        ).unflatten(1, (3, PIXELS))
        result.addcmul_(gain.unflatten(1, (3, PIXELS)), _trim(detail, inner).unsqueeze(1))
        return result.flatten(1, 2)


def _root(image: Tensor) -> Tensor:
    """Cube roots; 0 of what is below 0."""
    return power(image.clamp_min(0), 1 / 3)


def _darkest(image: Tensor, reach: int) -> Tensor:
    """The minimum of `image` (…, h + 2·reach, w + 2·reach) around each pixel: (…, h, w)."""
    for axis in (-1, -2):
        # Of windows that become twice as wide in each turn.
        side, full = 1, 2 * reach + 1
        while side < full:
            step = min(side, full - side)
            size = image.shape[axis] - step
            image = torch.minimum(image.narrow(axis, 0, size), image.narrow(axis, step, size))
            side += step
    return image


class Outlook(NamedTuple):
    """What `outlook` finds.

    Attributes:
        darkest: the least cube root of pan, and the least L (b, 2, h, w).
        doubt: how little fine detail of mul's is to be trusted (b, 1, h, w).
    """

    darkest: Tensor
    doubt: Tensor


def outlook(shading: Tensor, pixels: Tensor, lightness: Tensor) -> Outlook:
    """How dark it becomes within `OUTLOOK` cells, and how sharp pan is there.

    Args:
        shading: cube root of pan's mean (b, 1, h + 32, w + 32). What is 0 in any of the three isn't known,
            and doesn't count.
        pixels: cube roots of pan in cells (b, 16, h + 32, w + 32).
        lightness: L of mul (b, 1, h + 32, w + 32).
    """
    dark = torch.cat([shading, lightness], 1)
    # Nothing is darker than the cell itself where it isn't known.
    darkest = torch.minimum(_darkest(dark.masked_fill(dark <= 0, torch.inf), OUTLOOK), _trim(dark, OUTLOOK))
    return Outlook(darkest, doubt(sharpness(pixels)))


def doubt(sharpness: Tensor) -> Tensor:
    """How little fine colour and fine lightness that pan doesn't show are to be trusted, 0..1.

    Where pan lacks its finest detail, as an instrument delivers it, mul rings, is aliased and displaced.
    Where it has all of it, pan and mul are means of something finer, which is true in all it shows.

    Args:
        sharpness: of `sharpness`, any shape.

    Returns:
        1 below 0.76, 0 above 0.84, straight in between: of real pan, most lies below, and of means over
        4 × 4 pixels of it nearly all above.
    """
    return ((0.84 - sharpness) / 0.08).clamp(0, 1)


def sharpness(pixels: Tensor) -> Tensor:
    """How much finest detail pan has within `OUTLOOK` cells, by how much of what is twice as coarse.

    Args:
        pixels: cube roots of pan in cells (b, 16, h + 32, w + 32), 0 where not known.

    Returns:
        Amplitude of pan's chessboards of pixels by that of chessboards of 2 × 2 pixels (b, 1, h, w), 0..2: 1
        if the picture is as contrasty at one scale as at the other, 2 for white noise. 0.56 to 0.88 is found
        in real pan, 0.85 to 0.97 in means over 4 × 4 pixels of it.
    """
    coarse = pixels.unflatten(1, _QUARTERS).mean((2, 4)).diff(dim=1).diff(dim=2).flatten(1, 2).square()
    around = torch.cat([_chequered(pixels), coarse], 1)
    for side in ((2 * OUTLOOK + 1, 1), (1, 2 * OUTLOOK + 1)):
        around = F.avg_pool2d(around, side, 1)
    fine, coarse = around.split(1, 1)
    ratio: Tensor = fine / coarse.clamp_min(1e-12)
    return ratio.clamp_max(4).sqrt()


class Surroundings(NamedTuple):
    """What `surroundings` finds.

    Attributes:
        mean: of the cube root of pan's mean (b, 1, h, w).
        slopes: change of L, a and b by change of the cube root of pan (b, 3, h, w).
        spreads: standard deviations of the cube root of pan, and of L; those of pan inside a cell, in all and
            from pixel to pixel like a chessboard (b, 4, h, w).
    """

    mean: Tensor
    slopes: Tensor
    spreads: Tensor


def surroundings(shading: Tensor, pixels: Tensor, oklab: Tensor) -> Surroundings:
    """How Oklab goes with pan around each cell: least squares under a 5 × 5 binomial window.

    Args:
        shading: cube root of pan's mean (b, 1, h + 4, w + 4).
        pixels: cube roots of pan in cells (b, 16, h + 4, w + 4).
        oklab: of mul (b, 3, h + 4, w + 4).

    Returns:
        Where pan varies by less than `STEADINESS`, its slopes tend to those of the predictor, Oklab / pan.
    """
    squares = [shading * shading, oklab[:, :1] ** 2, *_inside(pixels)]
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
    deviation = pixels - pixels.mean(1, keepdim=True)
    return deviation.square().mean(1, keepdim=True), _chequered(pixels) / 4


def _chequered(pixels: Tensor) -> Tensor:
    """Mean square of what 2 × 2 pixels differ by across both ways, of cells (b, 16, h, w): (b, 1, h, w)."""
    steps: Tensor = pixels.unflatten(1, _QUARTERS).diff(dim=2).diff(dim=4).flatten(1, 4)
    return steps.square().mean(1, keepdim=True)


_QUARTERS = (2, 2, 2, 2)
"""The 4 × 4 pixels of a cell as halves, rows of them, halves and columns of them."""


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


def predict(mean: Tensor, pixels: Tensor, oklab: Tensor) -> tuple[Tensor, Tensor]:
    """The predictor on cells.

    Args:
        mean: of pan's reflectance (b, 1, h + 4, w + 4).
        pixels: cube roots of pan in cells (b, 16, h + 4, w + 4).
        oklab: Oklab of mul (b, 3, h + 4, w + 4).

    Returns:
        Oklab in cells (b, 48, h, w); and cube roots of pan less those of its enlarged mean (b, 16, h, w).
    """
    upsampled = upsample_cells(torch.cat([mean, oklab], 1))
    coarse, colour = upsampled[:, :PIXELS], upsampled[:, PIXELS:]
    # Bicubic interpolation undershoots beside bright pixels, down to nothing and below, where a ratio
    # would explode into speckle; half the darkest neighbour is a floor that plain ground never meets.
    floor = _darkest(mean, BICUBIC_REACH) * 0.5
    coarse = power(torch.maximum(coarse, floor).clamp_min_(1e-4), 1 / 3)
    pixels = _trim(pixels, BICUBIC_REACH)
    scale = (pixels / coarse).clamp_max_(RATIO_LIMIT ** (1 / 3)).unsqueeze(1)
    predicted = (colour.unflatten(1, (3, PIXELS)) * scale).flatten(1, 2)
    return predicted, pixels - coarse


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
    margin = [model.halo] * 4
    valid = F.pad(torch.ones_like(mul[:, :1], dtype=torch.bool), margin)
    cells, mul = F.pad(to_cells(pan), margin), F.pad(mul, margin)
    cells, mul = fill_pair(cells, mul, valid.expand_as(cells), valid, model.halo_valid)
    return from_cells(model(cells, mul))
