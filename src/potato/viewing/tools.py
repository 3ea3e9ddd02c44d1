"""The tools: finished pictures (or a mul) in, pictures for eyes out, on the same ground with the same mask.

All take pictures of 8 and 16 bits and of any size, and stream them. What the colours of a picture mean (the
scene in a flat one, the screen in a natural one) is left as it is: tools work on the colours that one sees.
"""

import functools
import math
import os
from typing import Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.core.color import mul_to_oklab, srgb_decode
from potato.core.render import LOOKS, NATURAL, Look, dither, render, render_linear, unrender
from potato.core.sensors import BANDS, SCALE
from potato.errors import InputError
from potato.raster import Grid, Image, check_same_grid, gdal, open_mul, open_picture
from potato.viewing.blocks import Block, Developed, Print, Settings, bits_of, develop, name_of
from potato.viewing.color_ops import LIGHTNESS, at_lightness, exaggerated, gray_difference

PLAIN_BANDS = ("red", "green", "blue")
"""The bands that most viewers show as red, green and blue: 5, 3 and 2."""

Path_ = str | os.PathLike[str]
Made = tuple[Tensor, NDArray[np.bool_]]
"""Codes (3, h, w), and which pixels are valid."""


def ab(
    picture: Path_,
    output: Path_,
    *,
    lightness: float = LIGHTNESS,
    chroma: float = 1.0,
    **settings: Unpack[Settings],
) -> Developed:
    """Show the chroma of a picture alone, at constant lightness: Oklab a and b under one L.

    Args:
        picture: a finished picture, as for `raster.open_picture`.
        output: the GeoTIFF to write, of as many bits.
        lightness: the L that every pixel gets, between 0 and 1.
        chroma: what a and b are multiplied by.
        **settings: as `Settings` says.

    Raises:
        InputError, BandError: if the picture can't be used, or a number makes no sense.
        OutputError, OutputExists: if the output can't be written.
    """
    if not 0 < lightness < 1:
        raise InputError(f"expected a lightness between 0 and 1, found {lightness:g}")
    _check_factor(chroma)
    with gdal(), open_picture(picture) as image:
        bits = bits_of(image)

        def work(block: Block) -> list[Made]:
            return [(_codes(at_lightness(_oklab(block, 0), lightness, chroma), bits), block.valid[0])]

        tags = _tags(image, f"ab --lightness {lightness:g} --chroma {chroma:g}")
        return develop([image], [Print(output, image.grid, bits, tags)], work, **settings)[0]


def exaggerate(
    first: Path_,
    second: Path_,
    first_output: Path_,
    second_output: Path_,
    *,
    factor: float,
    **settings: Unpack[Settings],
) -> tuple[Developed, Developed]:
    """Make what differs between two pictures of the same ground `factor` times as large, for blinking.

    Each is moved away from the mean of both, in Oklab. Where only one is valid nothing differs, and it stays.

    Args:
        first: a finished picture, as for `raster.open_picture`.
        second: another on the same grid.
        first_output: the GeoTIFF to write of the first, of as many bits.
        second_output: that of the second.
        factor: 1 gives the pictures back, 0 their mean.
        **settings: as `Settings` says.

    Raises:
        InputError, BandError, GridError: if the pictures can't be used, or the factor makes no sense.
        OutputError, OutputExists: if an output can't be written.
    """
    _check_factor(factor)
    with gdal(), open_picture(first) as one, open_picture(second) as two:
        check_same_grid(one, two)

        def work(block: Block) -> list[Made]:
            both = torch.from_numpy(block.valid[0] & block.valid[1])
            pictures = exaggerated(_oklab(block, 0), _oklab(block, 1), 1 + (factor - 1) * both.double())
            return [
                (_codes(oklab, bits_of(image)), valid)
                for oklab, image, valid in zip(pictures, (one, two), block.valid, strict=True)
            ]

        call = f"exaggerate -e {factor:g} {name_of(one)} {name_of(two)}"
        prints = [
            Print(output, _place(image, other), bits_of(image), _tags(image, call))
            for output, image, other in ((first_output, one, two), (second_output, two, one))
        ]
        made = develop([one, two], prints, work, **settings)
    return made[0], made[1]


def gray_diff(
    first: Path_, second: Path_, output: Path_, *, factor: float = 1.0, **settings: Unpack[Settings]
) -> Developed:
    """Show the first picture less the second around mid-grey, in Oklab; valid where both are.

    Args:
        first: a finished picture, as for `raster.open_picture`.
        second: another on the same grid.
        output: the GeoTIFF to write, of as many bits as the picture that has more.
        factor: what the difference is multiplied by. With 1, a JND is shown as a JND.
        **settings: as `Settings` says.

    Raises:
        InputError, BandError, GridError: if the pictures can't be used, or the factor makes no sense.
        OutputError, OutputExists: if the output can't be written.
    """
    _check_factor(factor)
    with gdal(), open_picture(first) as one, open_picture(second) as two:
        check_same_grid(one, two)
        bits = max(bits_of(one), bits_of(two))

        def work(block: Block) -> list[Made]:
            oklab = gray_difference(_oklab(block, 0), _oklab(block, 1), factor)
            return [(_codes(oklab, bits), block.valid[0] & block.valid[1])]

        tags = {"POTATO_MADE_BY": f"gray-diff -e {factor:g} {name_of(one)} {name_of(two)}"}
        return develop([one, two], [Print(output, _place(one, two), bits, tags)], work, **settings)[0]


def quick_contrast(
    picture: Path_, output: Path_, *, look: Look = NATURAL, **settings: Unpack[Settings]
) -> Developed:
    """Put the tone curve on a finished flat picture: what `fuse --look natural` would have made, to 1 of 255.

    Args:
        picture: a flat picture, as for `raster.open_picture`; better in 16 bits.
        output: the GeoTIFF to write, of 8 bits.
        look: the natural look, or one with another exposure or contrast (`looks.adjust`).
        **settings: as `Settings` says.

    Raises:
        InputError, BandError: if the picture can't be used, or its tags say that it isn't flat.
        OutputError, OutputExists: if the output can't be written.
    """
    with gdal(), open_picture(picture) as image:
        tags = _tags(image, "quick-contrast") | look.tags
        was = image.dataset.tags().get("POTATO_LOOK", "flat")
        if was != "flat":
            raise InputError(
                f"{image.path}: expected a flat picture, found one in the {was} look, which has its tone "
                "curve already; fuse again with --look flat"
            )
        white = (1 << bits_of(image)) - 1

        def work(block: Block) -> list[Made]:
            light = srgb_decode(torch.from_numpy(block.pixels[0].astype("float32")) / white)
            return [(render_linear(light, look, _dither(block, look)), block.valid[0])]

        return develop([image], [Print(output, image.grid, look.bits, tags)], work, **settings)[0]


def mul_to_rgb(
    mul: Path_,
    output: Path_,
    *,
    look: str | Look = "natural",
    plain: bool = False,
    **settings: Unpack[Settings],
) -> Developed:
    """Show a mul in true colour, on its own grid.

    Args:
        mul: the multispectral image, as for `raster.open_mul`.
        output: the GeoTIFF to write.
        look: `natural` (8 bits, toned for viewing), `flat` (16 bits, colorimetric), or a `Look`.
        plain: whether to take three bands for red, green and blue, as most viewers do, in place of the colour
            that all visible bands give together.
        **settings: as `Settings` says.

    Raises:
        InputError, BandError: if the image can't be used.
        OutputError, OutputExists: if the output can't be written.
    """
    chosen = LOOKS[look] if isinstance(look, str) else look
    with gdal(), open_mul(mul) as image:

        def work(block: Block) -> list[Made]:
            bands = torch.from_numpy(block.pixels[0].astype("float32")) / SCALE
            threshold = _dither(block, chosen)
            if plain:
                three = bands[[BANDS.index(name) for name in PLAIN_BANDS]]
                return [(render_linear(three, chosen, threshold), block.valid[0])]
            return [(render(mul_to_oklab(bands), chosen, threshold), block.valid[0])]

        tags = {
            "POTATO_MUL": name_of(image),
            "POTATO_MADE_BY": "mul-to-rgb --plain" if plain else "mul-to-rgb",
            **chosen.tags,
        }
        return develop([image], [Print(output, image.grid, chosen.bits, tags)], work, **settings)[0]


def _check_factor(factor: float) -> None:
    if not (math.isfinite(factor) and factor >= 0):
        raise InputError(f"expected a factor of 0 or more, found {factor:g}")


def _place(image: Image, other: Image) -> Grid:
    """Where a picture lies; one without a place takes that of the other, whose pixels are the same."""
    return image.grid if image.grid.placed else other.grid


def _oklab(block: Block, n: int) -> Tensor:
    """The colours of the n-th picture, in doubles: 16 bits must come back as they were."""
    codes = block.pixels[n]
    return unrender(torch.from_numpy(codes.astype("float64")), _screen(8 * codes.itemsize))


def _codes(oklab: Tensor, bits: int) -> Tensor:
    return render(oklab, _screen(bits))


@functools.cache
def _screen(bits: int) -> Look:
    """Codes as the colours that a screen shows."""
    return Look("screen", bits)


def _dither(block: Block, look: Look) -> Tensor | float:
    """What `fuse` adds before it cuts codes to integers, at this place."""
    window = block.window
    return dither(window.height, window.width, window.row, window.column) if look.bits == 8 else 0.5


def _tags(image: Image, call: str) -> dict[str, str]:
    """What a picture knows of itself, and what was done to it."""
    kept = {name: value for name, value in image.dataset.tags().items() if name.startswith("POTATO_")}
    return kept | {"POTATO_MADE_BY": call}
