"""Sun and sky: sunlight on slopes, shadows, and the colour of shadow."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.simulation.land.canvas import METRE, Canvas

SUN_ELEVATION = math.radians(52)
"""Radians, as at a mid-morning overpass in the warm half of the year; by eye."""

SUN_AZIMUTH = math.radians(140)
"""Radians clockwise from north: in the south-east, so that shadows fall to the upper left."""

SKYLIGHT = (0.165, 0.27, 0.235, 0.19, 0.165, 0.15, 0.135, 0.12, 0.105)
"""Share of the light on open flat ground that comes from the sky: pan, then the bands; by eye."""

LONGEST_SHADOW = 40.0
"""Metres; no building or tree casts a longer one."""

SKY_LOST = 0.04
"""Share of the sky lost for every metre that things nearby are higher; by eye."""

_TOWARDS_SUN = (math.sin(SUN_AZIMUTH), -math.cos(SUN_AZIMUTH))
"""x, y of the horizontal direction towards the sun."""


def slope_factor(rise: float, direction: float) -> float:
    """Sunlight on a plane over sunlight on flat ground.

    Args:
        rise: slope, radians.
        direction: that the plane faces, radians from x towards y.

    Returns:
        At least 0.05, for light that comes from things around.
    """
    facing = math.cos(direction) * _TOWARDS_SUN[0] + math.sin(direction) * _TOWARDS_SUN[1]
    factor = math.cos(rise) + math.sin(rise) * facing / math.tan(SUN_ELEVATION)
    return max(0.05, factor)


def relief_factor(height: Tensor, strength: float) -> Tensor:
    """Sunlight on a height field in metres (h, w) over sunlight on flat ground, 0.15..1.9.

    `strength` is a factor of its slopes.
    """
    dx = torch.zeros_like(height)
    dy = torch.zeros_like(height)
    dx[:, 1:-1] = height[:, 2:] - height[:, :-2]
    dy[1:-1] = height[2:] - height[:-2]
    # A slope that faces the sun falls towards it.
    fall = (dx.mul_(_TOWARDS_SUN[0]).add_(dy.mul_(_TOWARDS_SUN[1]))).mul_(-METRE / 2 * strength)
    return fall.div_(torch.sqrt(1 + fall * fall)).div_(math.tan(SUN_ELEVATION)).add_(1).clamp_(0.15, 1.9)


def shadows(height: Tensor) -> Tensor:
    """Cast the shadows of a height field in metres (h, w).

    Returns:
        0 in the sun to 1 in shadow (h, w), with soft edges.
    """
    rows, columns = height.shape
    fall = math.tan(SUN_ELEVATION) / METRE
    ceiling = height
    step = 1.0
    # Doubling: after k rounds the ceiling is the largest height within 2^k pixels towards the sun,
    # less the descent of the ray on its way.
    while step < LONGEST_SHADOW * METRE:
        dx, dy = round(_TOWARDS_SUN[0] * step), round(_TOWARDS_SUN[1] * step)
        moved = torch.zeros_like(ceiling)
        target = (slice(max(0, -dy), rows - max(0, dy)), slice(max(0, -dx), columns - max(0, dx)))
        source = (slice(max(0, dy), rows + min(0, dy)), slice(max(0, dx), columns + min(0, dx)))
        moved[target] = ceiling[source]
        ceiling = torch.maximum(ceiling, moved.sub_(math.hypot(dx, dy) * fall))
        step *= 2
    hard = ceiling.sub(height).sub_(0.1).div_(0.4).clamp_(0, 1)
    # A 3×3 binomial blur makes half-shade, and softens the steps of the grid.
    soft = F.avg_pool2d(F.pad(hard[None, None], (1, 1, 1, 1), mode="replicate"), 2, stride=1)
    return F.avg_pool2d(soft, 2, stride=1)[0, 0]


def illuminate(canvas: Canvas) -> Tensor:
    """Turn reflectance of surfaces into apparent reflectance under sun and sky.

    Args:
        canvas: its planes are lit, according to its height and slopes.

    Returns:
        The share of shadow, 0..1 (h, w).
    """
    height = canvas.height
    shade = shadows(height)
    # Ground beside tall things sees less of the sky.
    coarse = F.avg_pool2d(height[None, None], 8, stride=8, ceil_mode=True)
    coarse = F.avg_pool2d(coarse, 3, stride=1, padding=1, count_include_pad=False)
    around = F.interpolate(coarse, scale_factor=8, mode="bilinear", align_corners=False)
    sky = around[0, 0, : canvas.rows, : canvas.columns].sub(height).clamp_(0, 12).mul_(-SKY_LOST).add_(1)
    sun = (1 - shade) * canvas.sun_factor
    for plane, share in zip(canvas.planes, SKYLIGHT, strict=True):
        plane.mul_((sun * (1 - share)).add_(sky, alpha=share))
    return shade
