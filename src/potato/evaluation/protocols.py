"""Judging a sharpener against real pairs: three protocols, because any one alone misleads.

- `plain`: everything made coarser by 4 first, so that mul itself is the truth (Wald's protocol). What
  displaces the band arrays stands in the truth too, so this rewards fidelity, not healing.
- `displaced`: the same, but the truth is registered first and the input displaced on purpose.
- `full`: at full scale, where no truth exists: fringes, detail, and agreement with mul.

A sharpener is any function `(pan, mul) -> oklab` of reflectance tensors pan (b, 1, 4h, 4w) and mul
(b, 8, h, w), giving (b, 3, 4h, 4w). Every pixel must be valid. Figures depend on the band→XYZ matrix, so
compare sharpeners only under one.

Source of the first: L. Wald, T. Ranchin, M. Mangolini, "Fusion of satellite images of different
spatial resolutions: assessing the quality of resulting images" (1997).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.resample import block_mean
from potato.core.sensors import BANDS, FIRST_ARRAY, RATIO, SECOND_ARRAY

Sharpen = Callable[[Tensor, Tensor], Tensor]
"""A sharpener: pan (b, 1, 4h, 4w) and mul (b, 8, h, w) to Oklab (b, 3, 4h, 4w)."""

Colour = Callable[[Tensor], Tensor]
"""What gives mul (b, 8, h, w) its true Oklab (b, 3, h, w)."""

BORDER = 8
"""Pixels of the result's border that aren't judged: sharpeners lack context there."""

FRINGE_SIGMA = 4.0
"""σ of the Gaussian that parts coarse from fine, in pan pixels: one mul pixel."""

FRINGE_REACH = int(4 * FRINGE_SIGMA + 0.5)
"""Where that Gaussian is cut off, in pan pixels."""

DIRECTIONS = 8
"""Directions, evenly around the circle, in which `displaced` moves the arrays."""

MARGIN = 32
"""Mirrored pixels around an image that is shifted, so that its opposite sides don't meet."""


class Case(NamedTuple):
    """A coarser pair and the truth that belongs to it.

    Attributes:
        pan: reflectance (b, 1, h, w).
        mul: reflectance (b, 8, h/4, w/4).
        truth: Oklab (b, 3, h, w).
    """

    pan: Tensor
    mul: Tensor
    truth: Tensor


class FullMaps(NamedTuple):
    """What `full` condenses into figures, pixel by pixel.

    Attributes:
        fringe: |high-pass of Oklab a| × 100 (b, 4h, 4w).
        lightness: high-pass of L (b, 4h, 4w).
        shading: high-pass of the cube root of pan (b, 4h, 4w).
        coarse: the result averaged to mul's grid, Oklab (b, 3, h, w).
        colour: the colour of mul, Oklab (b, 3, h, w).
    """

    fringe: Tensor
    lightness: Tensor
    shading: Tensor
    coarse: Tensor
    colour: Tensor


@dataclass(frozen=True)
class FullScale:
    """What `full` finds.

    Attributes:
        fringe_mean: mean of |high-pass of Oklab a| × 100; lower means fewer magenta and green fringes.
        fringe_p99: its 99th percentile: cars and roof edges.
        detail: correlation (−1..1) of the high-pass of L with that of the cube root of pan.
        consistency: distance of the result, averaged to mul's grid, from the colour of mul, in JND. A
            healed fringe raises it a little, rightly.
    """

    fringe_mean: float
    fringe_p99: float
    detail: float
    consistency: float


def plain(
    sharpen: Sharpen, pan: Tensor, mul: Tensor, halvings: int = 0, colour: Colour = mul_to_oklab
) -> float:
    """Wald's protocol: sharpen box means by 4, compare with the colour of the original mul.

    Args:
        sharpen: the sharpener to judge.
        pan: reflectance (b, 1, 4h, 4w).
        mul: reflectance (b, 8, h, w); its sides must divide by 4 · 2^halvings.
        halvings: how often pan and mul are halved first, which sheds artefacts: 0 gives "ds0", 1 "ds1".
        colour: the colour of the truth; `sharpen` should use the same.

    Returns:
        Mean distance in JND, `BORDER` pixels of border left out; 0 is perfect.

    Raises:
        ValueError: if shapes don't fit each other or leave nothing to judge.
    """
    case = plain_case(pan, mul, halvings, colour)
    return _distance(sharpen(case.pan, case.mul), case.truth)


def plain_case(pan: Tensor, mul: Tensor, halvings: int = 0, colour: Colour = mul_to_oklab) -> Case:
    """What `plain` sharpens and holds the result against; arguments and errors as there."""
    _check_pair(pan, mul)
    for _ in range(halvings):
        pan, mul = block_mean(pan, 2), block_mean(mul, 2)
    return Case(block_mean(pan), block_mean(mul), colour(mul))


def displaced(
    sharpen: Sharpen, pan: Tensor, mul: Tensor, displacement: float, colour: Colour = mul_to_oklab
) -> float:
    """Like `plain` at ds0, with registered truth and an input whose band arrays are displaced.

    The truth is the colour of `register_arrays(pan, mul)`. From the same registered mul, `FIRST_ARRAY` is
    moved by +displacement / 2 and `SECOND_ARRAY` by −displacement / 2 before the box means by 4; the
    result is the mean over `DIRECTIONS` directions, 0°, 45°, … 315°. Pan stays. Real WorldView-3 pairs
    show about 0.35 at full scale, cars more.

    Args:
        sharpen: the sharpener to judge.
        pan: reflectance (b, 1, 4h, 4w).
        mul: reflectance (b, 8, h, w), sides at least 40 and divisible by 4.
        displacement: between the two arrays, in low-resolution mul pixels (4 of the given mul's).
        colour: the colour of the truth; `sharpen` should use the same.

    Returns:
        Mean distance in JND, `BORDER` pixels of border left out.

    Raises:
        ValueError: if shapes don't fit each other or leave nothing to judge.
    """
    cases = displaced_cases(pan, register_arrays(pan, mul), displacement, colour)
    return sum(_distance(sharpen(case.pan, case.mul), case.truth) for case in cases) / DIRECTIONS


def displaced_cases(
    pan: Tensor, registered: Tensor, displacement: float, colour: Colour = mul_to_oklab
) -> Iterator[Case]:
    """What `displaced` sharpens, and holds the results against: a case for each direction.

    Args:
        pan: as there.
        registered: of `register_arrays`, which takes time and is the same for every displacement.
        displacement: as there.
        colour: as there.
    """
    truth, coarse_pan = colour(registered), block_mean(pan)
    reach = displacement / 2 * RATIO
    for step in range(DIRECTIONS):
        angle = 2 * math.pi * step / DIRECTIONS
        y, x = reach * math.sin(angle), reach * math.cos(angle)
        moved = _shift_arrays(registered, (y, x), (-y, -x))
        yield Case(coarse_pan, block_mean(moved), truth)


def full(sharpen: Sharpen, pan: Tensor, mul: Tensor, colour: Colour = mul_to_oklab) -> FullScale:
    """What can be said at full scale, without a truth.

    Args:
        sharpen: the sharpener to judge.
        pan: reflectance (b, 1, 4h, 4w), sides above 16.
        mul: reflectance (b, 8, h, w).
        colour: the colour that the result is held against; `sharpen` should use the same.

    Returns:
        The four figures; `FullScale` says what they mean. Only consistency leaves out a border (2 pixels
        of mul). The averages for it are taken in Oklab.

    Raises:
        ValueError: if shapes don't fit each other or leave nothing to judge.
    """
    _check_pair(pan, mul)
    maps = full_maps(sharpen(pan, mul), pan, mul, colour)
    fringe = maps.fringe.flatten()
    return FullScale(
        fringe_mean=float(fringe.mean()),
        # Not torch.quantile, which refuses more than 16 million pixels.
        fringe_p99=float(fringe.kthvalue(math.ceil(0.99 * fringe.numel())).values),
        detail=float(torch.corrcoef(torch.stack([maps.lightness.flatten(), maps.shading.flatten()]))[0, 1]),
        consistency=_distance(maps.coarse, maps.colour, BORDER // RATIO),
    )


def full_maps(oklab: Tensor, pan: Tensor, mul: Tensor, colour: Colour = mul_to_oklab) -> FullMaps:
    """What `full` looks at, of a result that is there already.

    Args:
        oklab: what a sharpener made of the pair (b, 3, 4h, 4w).
        pan: as in `full`.
        mul: as in `full`.
        colour: as in `full`.
    """
    _check_pair(pan, mul)
    return FullMaps(
        fringe=100 * _high_pass(oklab[:, 1:2])[:, 0].abs(),
        lightness=_high_pass(oklab[:, :1])[:, 0],
        shading=_high_pass(pan.clamp_min(0) ** (1 / 3))[:, 0],
        coarse=block_mean(oklab),
        colour=colour(mul),
    )


def register_arrays(pan: Tensor, mul: Tensor) -> Tensor:
    """Move each of the two band arrays, as one, to where pan sees the ground.

    For each array and image: the array's four bands are fitted to the block means of pan (least squares,
    with a constant), the remaining difference is explained by the fit's slope (Gauss-Newton), the bands
    are shifted from the original by the sum so far, and so on for 6 rounds.

    Args:
        pan: reflectance (b, 1, 4h, 4w).
        mul: reflectance (b, 8, h, w), sides at least 40.

    Returns:
        A new mul (b, 8, h, w). Shifts beyond a pixel or two may not be found.

    Raises:
        ValueError: if shapes don't fit each other or are too small.
    """
    _check_pair(pan, mul)
    if min(mul.shape[-2:]) < 40:
        raise ValueError(f"expected mul with sides of at least 40 to register, found {tuple(mul.shape)}")
    registered = []
    for image, goal in zip(mul, block_mean(pan)[:, 0], strict=True):
        first, second = (_find_shift(goal, image[_indices(array)]) for array in (FIRST_ARRAY, SECOND_ARRAY))
        registered.append(_shift_arrays(image, first, second))
    return torch.stack(registered)


def shift(image: Tensor, by: tuple[float, float]) -> Tensor:
    """Move what is in an image by a fraction of pixels, exactly for what its grid can hold.

    The Fourier shift theorem, on the image with mirrored margins; overshoots at sharp edges.

    Args:
        image: (…, h, w), sides above 1.
        by: pixels (down, right).

    Returns:
        (…, h, w).

    Example:
        >>> ramp = torch.arange(64.0).expand(64, 64)
        >>> round(float(shift(ramp, (0, 0.5))[32, 32]), 2)
        31.5
    """
    height, width = image.shape[-2:]
    top, left = min(MARGIN, height - 1), min(MARGIN, width - 1)
    stack: Tensor = image.reshape(1, -1, height, width)
    padded = F.pad(stack, (left, left, top, top), mode="reflect")
    rows, columns = padded.shape[-2:]
    # The highest frequency of an even side has no sign, so a shift can't turn it; its real part is kept.
    down = torch.fft.fftfreq(rows, dtype=torch.float64, device=image.device)[:, None] * by[0]
    right = torch.fft.rfftfreq(columns, dtype=torch.float64, device=image.device) * by[1]
    turn = torch.polar(torch.ones_like(down + right), -2 * math.pi * (down + right))
    moved: Tensor = torch.fft.irfft2(torch.fft.rfft2(padded) * turn, s=(rows, columns))
    return moved[..., top : top + height, left : left + width].reshape(image.shape).to(image)


def _indices(array: tuple[str, ...]) -> list[int]:
    return [BANDS.index(name) for name in array]


def _shift_arrays(mul: Tensor, first: tuple[float, float], second: tuple[float, float]) -> Tensor:
    """Shift the bands of each array of mul (…, 8, h, w); reflectance stays at or above 0."""
    moved = mul.clone()
    for array, by in ((FIRST_ARRAY, first), (SECOND_ARRAY, second)):
        if by != (0.0, 0.0):
            moved[..., _indices(array), :, :] = shift(mul[..., _indices(array), :, :], by).clamp_min(0)
    return moved


def _find_shift(goal: Tensor, bands: Tensor) -> tuple[float, float]:
    """Pixels (down, right) that bring `bands` (n, h, w) onto `goal` (h, w)."""
    inside = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    goal = goal.double()[inside].flatten()
    by = (0.0, 0.0)
    for _ in range(6):
        moved = shift(bands.double(), by)
        columns = torch.stack([torch.ones_like(goal), *moved[inside].flatten(1)], 1)
        weights = torch.linalg.lstsq(columns, goal[:, None]).solution[:, 0]
        down, right = torch.gradient(torch.einsum("n,nhw->hw", weights[1:], moved))
        slopes = torch.stack([-down[inside].flatten(), -right[inside].flatten()], 1)
        step = torch.linalg.lstsq(slopes, (goal - columns @ weights)[:, None]).solution[:, 0]
        by = (by[0] + float(step[0]), by[1] + float(step[1]))
    return by


def _high_pass(image: Tensor) -> Tensor:
    """`image` (b, 1, h, w) less its Gaussian blur of `FRINGE_SIGMA`, cut off at 4 σ, borders mirrored."""
    radius = FRINGE_REACH
    if min(image.shape[-2:]) <= radius:
        raise ValueError(f"expected sides above {radius} pan pixels, found {tuple(image.shape)}")
    offsets = torch.arange(-radius, radius + 1).to(image)
    kernel = torch.exp(-0.5 * (offsets / FRINGE_SIGMA) ** 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(image, (radius, radius, radius, radius), mode="reflect")
    across = F.conv2d(padded, kernel[None, None, None, :])
    return image - F.conv2d(across, kernel[None, None, :, None])


def _distance(result: Tensor, truth: Tensor, border: int = BORDER) -> float:
    """Mean JND of two Oklab images inside their border."""
    if min(truth.shape[-2:]) <= 2 * border:
        raise ValueError(f"expected sides above {2 * border} to judge, found {tuple(truth.shape)}")
    return float(delta_e_ok(result, truth)[..., border:-border, border:-border].mean())


def _check_pair(pan: Tensor, mul: Tensor) -> None:
    height, width = mul.shape[-2:]
    if mul.ndim != 4 or mul.shape[1] != 8 or pan.shape != (mul.shape[0], 1, RATIO * height, RATIO * width):
        raise ValueError(
            f"expected pan (b, 1, 4h, 4w) and mul (b, 8, h, w), "
            f"found {tuple(pan.shape)} and {tuple(mul.shape)}"
        )
