"""The vectorscope: the distribution of a picture's colours over hue and chroma.

The plane is Oklab's, with a to the right, b upwards and grey in the middle. Brightness is the
logarithm of the share of pixels, on one scale for all pictures; each place has its own hue.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.render import unrender
from potato.core.types import PathLike
from potato.errors import EmptyError, InputError
from potato.raster.atomic import write_whole
from potato.raster.gdal_env import gdal
from potato.raster.output_files import check_output, keep_inputs
from potato.viewing.blocks import BLOCK_SIDE, Block, bits_of, map_image_blocks
from potato.viewing.color_ops import screen_look
from potato.viewing.graticule import CHROMA_JND, FORMATS, check_matplotlib, draw_scope
from potato.viewing.reflectance import open_codes

MOST_CHROMA = 0.2
"""Default Oklab a and b at the rim. Roofs, lawns and water fit in; sRGB goes up to 0.32."""

BINS = 200
"""Bins along a and along b; between finer bins the colours of 8-bit codes leave gaps."""


@dataclass(frozen=True)
class Scope:
    """A vectorscope that was drawn.

    Attributes:
        output: the drawing.
        pixels: number of valid pixels.
        beyond: share of them outside the drawing, 0..1.
        a: mean of Oklab a, the colour cast of the picture between green and red.
        b: mean of Oklab b, the colour cast between blue and yellow.
    """

    output: Path
    pixels: int
    beyond: float
    a: float
    b: float

    def __str__(self) -> str:
        """The line that the command prints."""
        return f"{self.output}: {self.facts}"

    @property
    def facts(self) -> str:
        """The figures in words."""
        cast = math.hypot(self.a, self.b) / CHROMA_JND
        beyond = f", {100 * self.beyond:.2g}% outside of the drawing" if self.beyond else ""
        mean = f"mean a {self.a:+.4f}, b {self.b:+.4f} ({cast:.1f} JND from grey)"
        return f"{self.pixels:,} pixels, {mean}{beyond}"


def vectorscope(
    picture: PathLike,
    output: PathLike,
    *,
    max_chroma: float = MOST_CHROMA,
    workers: int | None = None,
    block: int = BLOCK_SIDE,
    overwrite: bool = False,
    progress: bool = False,
) -> Scope:
    """Draw the distribution of a picture's colours. Needs the extra `plots`.

    Args:
        picture: a finished picture of 8 or 16 bits and of any size; anything GDAL opens.
        output: the PNG or TIFF to write, by its suffix.
        max_chroma: Oklab a and b at the rim, 0.01 to 1.
        workers: number of threads that work on blocks; None for one per core.
        block: side of a block in pixels; changes no pixel of the drawing.
        overwrite: whether to replace an existing file.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError, BandError: if the picture or `max_chroma` can't be used.
        ExtraError: if matplotlib isn't installed.
        EmptyError: if the picture has no valid pixel.
        OutputError, OutputExists: if the drawing can't be written.
    """
    if not 0.01 <= max_chroma <= 1:
        raise InputError(f"expected a chroma at the rim between 0.01 and 1, found {max_chroma:g}")
    path = check_output(output, overwrite, [picture], list(FORMATS))
    suffix = path.suffix.lower() or next(iter(FORMATS))
    check_matplotlib("the vectorscope")
    counts = np.zeros((BINS, BINS), np.int64)
    sums, pixels = np.zeros(2), 0
    with gdal(), open_codes(picture) as image:
        keep_inputs(path, image.files)
        look = screen_look(bits_of(image))

        def work(block: Block) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
            colours = unrender(block.pixels[0].astype(np.float64), look)[:, block.valid[0]]
            return chroma_histogram(colours, max_chroma, BINS), colours[1:].sum(1), colours.shape[1]

        for _, found in map_image_blocks([image], work, workers, progress, block):
            counts += found[0]
            sums += found[1]
            pixels += found[2]
    if not pixels:
        raise EmptyError(f"{picture}: expected a picture with something valid in it, found nothing")
    a, b = (sums / pixels).tolist()
    scope = Scope(path, pixels, 1 - int(counts.sum()) / pixels, a, b)
    check_output(path, overwrite)
    write_whole(path, draw_scope(counts, pixels, (a, b), max_chroma, scope.facts, suffix))
    return scope


def chroma_histogram(oklab: NDArray[Any], max_chroma: float, bins: int) -> NDArray[np.int64]:
    """Count colours in bins of the plane of a and b.

    Args:
        oklab: (3, n).
        max_chroma: a and b at the rim; colours beyond it aren't counted.
        bins: number of bins along each side.

    Returns:
        (bins, bins): rows are b, columns are a, both rising.
    """
    places = np.floor((oklab[1:] + max_chroma) * (bins / (2 * max_chroma)))
    inside = ((places >= 0) & (places < bins)).all(0)
    column, row = places[:, inside].astype(np.int64)
    return np.bincount(row * bins + column, minlength=bins * bins).reshape(bins, bins)
