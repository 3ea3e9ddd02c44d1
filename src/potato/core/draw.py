"""Drawing for people: arrays in, codes of a picture out."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.arrays import ArrayT, namespace
from potato.core.color import SRGB_TO_XYZ, mul_to_oklab
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, Look, dither, look_of, render, unrender
from potato.core.resample import enlarge_mask, upsample
from potato.core.sensors import Sensor

GUTTER = 8
"""White pixels between two pictures."""

MAGENTA = (255.0, 0.0, 255.0)
"""The colour of invalid pixels, in codes."""

PRIMARIES = Sensor(
    name="composite",
    title="a composite",
    platforms=(),
    bands=("red", "green", "blue"),
    bands_to_xyz=tuple((x, y, z) for x, y, z in zip(*SRGB_TO_XYZ, strict=True)),
    pan_weights=(1 / 3, 1 / 3, 1 / 3),
)
"""A sensor whose bands are the primaries of sRGB."""

PICTURE = dataclasses.replace(PRIMARIES, name="picture", title="a picture")
"""The sensor of a picture that was developed for the eye, so that its colours remain."""

PAIR_BACKGROUND = 128
"""Grey code of invalid pixels in the drawing of a pair."""

PICTURE_BACKGROUND = 0x3A
"""Grey code of invalid pixels in the drawing of a picture, and of what surrounds it on a page."""


def overview_step(height: int, width: int, side: int) -> int:
    """By how much an image must be made coarser to fit into a square.

    Args:
        height: rows of the image.
        width: columns of the image.
        side: pixels along a side of the square.

    Returns:
        A power of two, because files hold overviews of these.
    """
    return 1 << max(0, math.ceil(math.log2(max(height, width) / side)))


def render_pan(pan: ArrayT, look: Look = NATURAL) -> ArrayT:
    """Render pan as a grey picture.

    Args:
        pan: reflectance (h, w).
        look: the rendering, whose grade gives it no hue.

    Returns:
        Codes float32 (3, h, w), whole numbers 0..`look.white`.
    """
    xp = namespace(pan)
    nothing = xp.zeros_like(pan)
    grey: ArrayT = xp.stack([xp.clip(pan, 0, None) ** (1 / 3), nothing, nothing])
    return render(grey, look.graded(look.grade.grey), dither(*pan.shape))


def render_upsampled(mul: ArrayT, sensor: Sensor, look: Look = NATURAL) -> ArrayT:
    """Render mul in true colour, enlarged to pan's scale with bicubic interpolation: no sharpening.

    Args:
        mul: reflectance (n, h + 4, w + 4), with `BICUBIC_REACH` pixels of halo on every side.
        sensor: the sensor; r is its ratio.
        look: the rendering.

    Returns:
        Codes float32 (3, rh, rw), whole numbers 0..`look.white`.
    """
    oklab = upsample(mul_to_oklab(mul, sensor), sensor.ratio)
    return render(oklab, look, dither(*oklab.shape[1:]))


def side_by_side(*pictures: ArrayT) -> ArrayT:
    """Join pictures (3, h, w) of one size in a row, with a white gutter between neighbours.

    Returns:
        float32 (3, h, …).
    """
    first = pictures[0]
    xp = namespace(first)
    gutter = xp.full((3, first.shape[1], GUTTER), 255.0, dtype=xp.float32, device=first.device)
    row = [piece for picture in pictures for piece in (gutter, xp.astype(picture, xp.float32))]
    joined: ArrayT = xp.concat(row[1:], axis=2)
    return joined


def draw_triple(
    images: tuple[ArrayT, ArrayT, ArrayT], valid: tuple[ArrayT, ArrayT, ArrayT], sensor: Sensor
) -> ArrayT:
    """Pan, mul and a target beside each other in the natural look; invalid pixels are magenta.

    Args:
        images: pan (1, rh, rw) and mul (n, h, w) in reflectance, Oklab (3, rh, rw).
        valid: bool, with the shapes of pan, of one band of mul, and of pan.
        sensor: the sensor, which has n bands and the ratio r.

    Returns:
        Codes float32 (3, rh + GUTTER, 3·(rw + GUTTER)), a white gutter below and right of each.
    """
    pan, mul, oklab = images
    xp, (_, height, width) = namespace(pan), pan.shape
    nothing = xp.zeros_like(pan)
    grey = xp.concat([pan ** (1 / 3), nothing, nothing])
    squares = enlarge_mask(mul_to_oklab(mul, sensor), sensor.ratio)
    shape = 3, height + GUTTER, 3 * (width + GUTTER)
    drawn: ArrayT = xp.full(shape, 255.0, dtype=pan.dtype, device=pan.device)
    magenta = xp.asarray(MAGENTA, dtype=pan.dtype, device=pan.device)[:, None, None]
    parts = zip(
        (grey, squares, oklab), (valid[0], enlarge_mask(valid[1], sensor.ratio), valid[2]), strict=True
    )
    for n, (image, good) in enumerate(parts):
        left = n * (width + GUTTER)
        drawn[:, :height, left : left + width] = xp.where(good, render(image, NATURAL), magenta)
    return drawn


def draw_pair(
    pan: NDArray[np.uint16],
    mul: NDArray[np.uint16],
    pan_valid: NDArray[np.bool_],
    mul_valid: NDArray[np.bool_],
    sensor: Sensor,
) -> NDArray[np.uint8]:
    """Draw pan and the colour of mul side by side in the natural look; invalid pixels are grey.

    Args:
        pan: counts (h, w).
        mul: counts (n, h, w), or (n, h/r + 4, w/r + 4), which is a mul with a halo of
            `BICUBIC_REACH` pixels and is enlarged.
        pan_valid: validity of pan (h, w).
        mul_valid: validity of mul's colour (h, w).
        sensor: the sensor, which has n bands and the ratio r.

    Returns:
        Codes (3, h, 2w + `GUTTER`).
    """
    bands = counts_to_reflectance(mul)
    if mul.shape[1:] == pan.shape:
        colour = render(mul_to_oklab(bands, sensor), NATURAL, dither(*pan.shape))
    else:
        colour = render_upsampled(bands, sensor)
    pictures = (
        np.where(valid, codes, np.float32(PAIR_BACKGROUND))
        for codes, valid in ((render_pan(counts_to_reflectance(pan)), pan_valid), (colour, mul_valid))
    )
    return side_by_side(*pictures).astype(np.uint8)


def draw_picture(
    codes: NDArray[Any],
    valid: NDArray[np.bool_],
    tags: Mapping[str, str],
    row: int = 0,
    column: int = 0,
    shown: Look | None = None,
) -> NDArray[np.uint8]:
    """Draw a finished picture for a screen: a flat one in a look, others as they are.

    Args:
        codes: uint8 or uint16 (3, h, w).
        valid: (h, w); invalid pixels become `PICTURE_BACKGROUND`.
        tags: those of the file, which name the look.
        row: row of the first pixel in the picture, on which dithering depends.
        column: column of the first pixel in the picture.
        shown: the look of a flat picture; None for the natural look, in the picture's own grade.

    Returns:
        Codes (3, h, w).
    """
    look = look_of(tags, 8 * codes.itemsize)
    if look is not None and look.exposure is None:
        shown = shown or NATURAL.graded(look.grade)
        height, width = valid.shape
        drawn = render(unrender(codes, look), shown, dither(height, width, row, column)).astype(np.uint8)
    else:
        drawn = codes if codes.itemsize == 1 else (codes // 257).astype(np.uint8)
    return np.where(valid, drawn, np.uint8(PICTURE_BACKGROUND))
