"""The tools: finished pictures or a mul in, pictures for people out, with their grid and mask.

Tools take pictures of 8 and 16 bits and of any size, and stream them. They work on the colours that
one sees: those of the scene in a flat picture, and those after the tone curve in a natural one.
"""

import math
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from potato.core.color import mul_to_oklab, srgb_decode
from potato.core.grade import PLAIN
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import (
    FLAT,
    NATURAL,
    Look,
    as_look,
    look_of,
    render,
    render_linear,
    threshold_of,
    unrender,
)
from potato.core.types import PathLike
from potato.errors import InputError
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import gdal
from potato.raster.image import Image
from potato.raster.layer import Reading, open_mul
from potato.raster.pictures import check_same_grid
from potato.viewing.blocks import (
    Block,
    OutputSpec,
    Rendered,
    ViewingSettings,
    WrittenPicture,
    bits_of,
    check_outputs,
    name_of,
    write_pictures,
)
from potato.viewing.color_ops import LIGHTNESS, at_lightness, exaggerated, gray_difference, screen_look
from potato.viewing.reflectance import open_codes

PLAIN_BANDS = ("red", "green", "blue")
"""The bands, 5, 3 and 2, that most viewers show as red, green and blue."""


def ab(
    picture: PathLike,
    output: PathLike,
    *,
    lightness: float = LIGHTNESS,
    chroma: float = 1.0,
    **settings: Unpack[ViewingSettings],
) -> WrittenPicture:
    """Show the hue and chroma of a picture alone: Oklab a and b, at constant L.

    Args:
        picture: a finished picture of 8 or 16 bits; anything GDAL opens.
        output: the GeoTIFF to write, with as many bits as the picture.
        lightness: L of every pixel, between 0 and 1.
        chroma: factor on a and b, 0 or more.
        **settings: `profile`, `creation_options`, `workers`, `block`, `overwrite`, `progress`
            (`ViewingSettings`).

    Raises:
        InputError, BandError: if the picture or a number can't be used.
        OutputError, OutputExists: if the output can't be written.
    """
    if not 0 < lightness < 1:
        raise InputError(f"expected a lightness between 0 and 1, found {lightness:g}")
    _check_factor(chroma)
    check_outputs([output], [picture], settings)
    with gdal(), open_codes(picture) as image:
        bits = bits_of(image)

        def work(block: Block) -> list[Rendered]:
            return [(_codes(at_lightness(_oklab(block, 0), lightness, chroma), bits), block.valid[0])]

        tags = _tags(image, f"ab --lightness {lightness:g} --chroma {chroma:g}")
        return write_pictures([image], [OutputSpec(output, image.grid, bits, tags)], work, **settings)[0]


def exaggerate(
    first: PathLike,
    second: PathLike,
    first_output: PathLike,
    second_output: PathLike,
    *,
    factor: float,
    **settings: Unpack[ViewingSettings],
) -> tuple[WrittenPicture, WrittenPicture]:
    """Multiply the difference between two pictures, so that it shows when one blinks between them.

    Each pixel moves away from the mean of both pictures, in Oklab. Where only one picture is valid,
    it stays as it is.

    Args:
        first: a finished picture of 8 or 16 bits; anything GDAL opens.
        second: a second picture on the grid of the first.
        first_output: the GeoTIFF to write of the first picture, with as many bits.
        second_output: the GeoTIFF to write of the second picture, with as many bits.
        factor: factor on the difference; 1 gives the pictures back, 0 their mean.
        **settings: `profile`, `creation_options`, `workers`, `block`, `overwrite`, `progress`
            (`ViewingSettings`).

    Raises:
        InputError, BandError, GridError: if the pictures or the factor can't be used.
        OutputError, OutputExists: if an output can't be written.
    """
    _check_factor(factor)
    check_outputs([first_output, second_output], [first, second], settings)
    with gdal(), open_codes(first) as one, open_codes(second) as two:
        check_same_grid(one, two)

        def work(block: Block) -> list[Rendered]:
            both = block.valid[0] & block.valid[1]
            pictures = exaggerated(_oklab(block, 0), _oklab(block, 1), 1 + (factor - 1) * both)
            return [
                (_codes(oklab, bits_of(image)), valid)
                for oklab, image, valid in zip(pictures, (one, two), block.valid, strict=True)
            ]

        call = f"exaggerate -e {factor:g} {name_of(one)} {name_of(two)}"
        outputs = [
            OutputSpec(output, _common_grid(image, other), bits_of(image), _tags(image, call))
            for output, image, other in ((first_output, one, two), (second_output, two, one))
        ]
        first_written, second_written = write_pictures([one, two], outputs, work, **settings)
    return first_written, second_written


def gray_diff(
    first: PathLike,
    second: PathLike,
    output: PathLike,
    *,
    factor: float = 1.0,
    **settings: Unpack[ViewingSettings],
) -> WrittenPicture:
    """Show the first picture minus the second around mid-grey, in Oklab, where both are valid.

    Args:
        first: a finished picture of 8 or 16 bits; anything GDAL opens.
        second: a second picture on the grid of the first.
        output: the GeoTIFF to write, with as many bits as the deeper picture.
        factor: factor on the difference; 1 shows a JND as a JND.
        **settings: `profile`, `creation_options`, `workers`, `block`, `overwrite`, `progress`
            (`ViewingSettings`).

    Raises:
        InputError, BandError, GridError: if the pictures or the factor can't be used.
        OutputError, OutputExists: if the output can't be written.
    """
    _check_factor(factor)
    check_outputs([output], [first, second], settings)
    with gdal(), open_codes(first) as one, open_codes(second) as two:
        check_same_grid(one, two)
        bits = max(bits_of(one), bits_of(two))

        def work(block: Block) -> list[Rendered]:
            oklab = gray_difference(_oklab(block, 0), _oklab(block, 1), factor)
            return [(_codes(oklab, bits), block.valid[0] & block.valid[1])]

        tags = {"POTATO_MADE_BY": f"gray-diff -e {factor:g} {name_of(one)} {name_of(two)}"}
        spec = OutputSpec(output, _common_grid(one, two), bits, tags)
        return write_pictures([one, two], [spec], work, **settings)[0]


def quick_contrast(
    picture: PathLike, output: PathLike, *, look: Look = NATURAL, **settings: Unpack[ViewingSettings]
) -> WrittenPicture:
    """Turn a flat picture into one for viewing.

    It becomes what `fuse` would have made in that look, to within 1 of 255. A grade that it has
    stays.

    Args:
        picture: a flat picture, best in 16 bits; anything GDAL opens.
        output: the GeoTIFF to write, with 8 bits.
        look: the look to give it, with a tone curve; another exposure or contrast by
            `core.render.adjust`.
        **settings: `profile`, `creation_options`, `workers`, `block`, `overwrite`, `progress`
            (`ViewingSettings`).

    Raises:
        InputError, BandError: if the picture can't be used, or its tags say that it isn't flat.
        OutputError, OutputExists: if the output can't be written.
    """
    check_outputs([output], [picture], settings)
    with gdal(), open_codes(picture) as image:
        known = image.dataset.tags()
        found = known.get("POTATO_LOOK", FLAT.name)
        if found != FLAT.name:
            raise InputError(
                f"{image.path}: expected a flat picture, found one in the {found} look, which has its tone "
                "curve already; fuse again with --look flat"
            )
        if look.exposure is None:
            raise InputError(f"expected a look with a tone curve, found {look.name}; choose another")
        given = look_of(known, bits_of(image)) or screen_look(bits_of(image))
        own = look if given.grade == PLAIN else look.graded(PLAIN)
        tags = _tags(image, "quick-contrast") | look.tags | given.grade.tags

        def work(block: Block) -> list[Rendered]:
            light = srgb_decode(block.pixels[0].astype(np.float32) / given.white)
            return [(render_linear(light, own, _threshold(block, look)), block.valid[0])]

        return write_pictures([image], [OutputSpec(output, image.grid, look.bits, tags)], work, **settings)[0]


def mul_to_rgb(
    mul: PathLike,
    output: PathLike,
    *,
    look: str | Look = "natural",
    plain: bool = False,
    reading: Reading | None = None,
    **settings: Unpack[ViewingSettings],
) -> WrittenPicture:
    """Show a mul in true colour, on its own grid.

    Args:
        mul: the multispectral image; anything GDAL opens.
        output: the GeoTIFF to write.
        look: `natural`, `clear` or `vivid` (8 bits, for viewing), `flat` (16 bits, colorimetric),
            or a `Look`.
        plain: whether to show three bands as red, green and blue, as most viewers do, instead of
            the colour that all visible bands give.
        reading: how to read the file, where it doesn't say it itself.
        **settings: `profile`, `creation_options`, `workers`, `block`, `overwrite`, `progress`
            (`ViewingSettings`).

    Raises:
        InputError, BandError: if the image can't be used.
        OutputError, OutputExists: if the output can't be written.
    """
    check_outputs([output], [mul], settings)
    chosen = as_look(look)
    with gdal(), open_mul(mul, reading) as (image, seen, _):
        red_green_blue = [seen.bands.index(name) for name in PLAIN_BANDS]

        def work(block: Block) -> list[Rendered]:
            bands, threshold = counts_to_reflectance(block.pixels[0]), _threshold(block, chosen)
            if plain:
                return [(render_linear(bands[red_green_blue], chosen, threshold), block.valid[0])]
            return [(render(mul_to_oklab(bands, seen), chosen, threshold), block.valid[0])]

        tags = {
            "POTATO_MUL": name_of(image),
            "POTATO_MADE_BY": "mul-to-rgb --plain" if plain else "mul-to-rgb",
            **chosen.tags,
        }
        spec = OutputSpec(output, image.grid, chosen.bits, tags)
        return write_pictures([image], [spec], work, **settings)[0]


def _check_factor(factor: float) -> None:
    if not (math.isfinite(factor) and factor >= 0):
        raise InputError(f"expected a factor of 0 or more, found {factor:g}")


def _common_grid(image: Image, other: Image) -> Grid:
    """The grid of an image, or of the other one if only that has a georeference."""
    return image.grid if image.grid.placed else other.grid


def _oklab(block: Block, n: int) -> NDArray[Any]:
    """The colours of the n-th picture, in float64, so that 16-bit codes survive the way back."""
    codes = block.pixels[n]
    return unrender(codes.astype(np.float64), screen_look(8 * codes.itemsize))


def _codes(oklab: NDArray[Any], bits: int) -> NDArray[Any]:
    return render(oklab, screen_look(bits))


def _threshold(block: Block, look: Look) -> NDArray[np.float32] | float:
    """The threshold of `fuse` at this place."""
    window = block.window
    return threshold_of(look, window.height, window.width, window.row, window.column)


def _tags(image: Image, call: str) -> dict[str, str]:
    """The tags that Potato gave a picture, and the call that changed it."""
    kept = {name: value for name, value in image.dataset.tags().items() if name.startswith("POTATO_")}
    return kept | {"POTATO_MADE_BY": call}
