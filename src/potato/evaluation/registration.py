"""Registration: moving the band arrays of a pair, each as one, to where pan sees the ground."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.resample import block_mean
from potato.core.sensors import Sensor
from potato.core.types import check_pair_shapes

LEAST_SIDE = 40
"""Mul pixels along the shorter side of the smallest image that `register_arrays` takes."""

GAUSS_NEWTON_ROUNDS = 6
"""Steps in which `register_arrays` finds a displacement."""

FIT_BORDER = 8
"""Mul pixels of border that `register_arrays` doesn't fit to: the shift theorem rings there."""

MIRRORED = 32
"""Most mirrored pixels around an image that `shift` moves, which keep its opposite sides apart."""


def register_arrays(pan: Tensor, mul: Tensor, sensor: Sensor) -> Tensor:
    """Move each band array, as one, to where pan sees the ground.

    For each array and image, `GAUSS_NEWTON_ROUNDS` times: its bands are fitted to the block
    means of pan (least squares, with a constant), a step is found that explains the remaining
    difference by the fit's slope, and the original bands are shifted by the sum of all steps.

    Args:
        pan: reflectance (b, 1, rh, rw), where r is the ratio.
        mul: reflectance (b, n, h, w), sides of at least `LEAST_SIDE`.
        sensor: whose bands they are.

    Returns:
        A new mul (b, n, h, w). Displacements beyond a pixel or two may not be found.

    Raises:
        ValueError: if the shapes don't fit each other or are too small.
    """
    check_pair_shapes(pan, mul)
    if min(mul.shape[-2:]) < LEAST_SIDE:
        raise ValueError(
            f"expected mul with sides of at least {LEAST_SIDE} to register, found {tuple(mul.shape)}"
        )
    registered = []
    for image, goal in zip(mul, block_mean(pan, pan.shape[-1] // mul.shape[-1])[:, 0], strict=True):
        ways = [_find_shift(goal, image[array]) for array in sensor.array_places]
        registered.append(shift_arrays(image, *ways, sensor=sensor))
    return torch.stack(registered)


def _find_shift(goal: Tensor, bands: Tensor) -> tuple[float, float]:
    """Pixels (down, right) that bring `bands` (n, h, w) onto `goal` (h, w)."""
    inside = (..., slice(FIT_BORDER, -FIT_BORDER), slice(FIT_BORDER, -FIT_BORDER))
    goal = goal.double()[inside].flatten()
    by = (0.0, 0.0)
    for _ in range(GAUSS_NEWTON_ROUNDS):
        moved = shift(bands.double(), by)
        columns = torch.stack([torch.ones_like(goal), *moved[inside].flatten(1)], 1)
        weights = torch.linalg.lstsq(columns, goal[:, None]).solution[:, 0]
        down, right = torch.gradient(torch.einsum("n,nhw->hw", weights[1:], moved))
        slopes = torch.stack([-down[inside].flatten(), -right[inside].flatten()], 1)
        step = torch.linalg.lstsq(slopes, (goal - columns @ weights)[:, None]).solution[:, 0]
        by = (by[0] + float(step[0]), by[1] + float(step[1]))
    return by


def shift_arrays(mul: Tensor, *ways: tuple[float, float], sensor: Sensor) -> Tensor:
    """Shift each array's bands of mul (…, n, h, w) by pixels (down, right); clamp below 0."""
    moved = mul.clone()
    for array, by in zip(sensor.array_places, ways, strict=True):
        if by != (0.0, 0.0):
            moved[..., array, :, :] = shift(mul[..., array, :, :], by).clamp_min(0)
    return moved


def shift(image: Tensor, by: tuple[float, float]) -> Tensor:
    """Move an image by a fraction of pixels, exactly for all frequencies that its grid can hold.

    By the Fourier shift theorem, with mirrored margins; overshoots at sharp edges.

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
    top, left = min(MIRRORED, height - 1), min(MIRRORED, width - 1)
    stack: Tensor = image.reshape(1, -1, height, width)
    padded = F.pad(stack, (left, left, top, top), mode="reflect")
    rows, columns = padded.shape[-2:]
    # The highest frequency of an even side has no sign, so a shift keeps its real part alone.
    down = torch.fft.fftfreq(rows, dtype=torch.float64, device=image.device)[:, None] * by[0]
    right = torch.fft.rfftfreq(columns, dtype=torch.float64, device=image.device) * by[1]
    turn = torch.polar(torch.ones_like(down + right), -2 * math.pi * (down + right))
    moved: Tensor = torch.fft.irfft2(torch.fft.rfft2(padded) * turn, s=(rows, columns))
    return moved[..., top : top + height, left : left + width].reshape(image.shape).to(image)
