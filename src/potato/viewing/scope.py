"""The vectorscope: how often a picture has which chroma, in every direction of hue.

The plane is Oklab's, a to the right and b upwards, grey in the middle. The brightness of a place is the
logarithm of the share of pixels there, on a scale that is the same for every picture; its colour is the one
of its hue.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.core.render import Look, unrender
from potato.errors import EmptyError, InputError, OutputError
from potato.raster import check_output, gdal, open_picture
from potato.raster.atomic import write_whole
from potato.viewing.blocks import Block, bits_of, work_through
from potato.viewing.graticule import CHROMA_JND, FORMATS, check_matplotlib, draw_scope

REACH = 0.2
"""Default a and b at the rim: roofs, lawns and water fit in well; the corners of sRGB reach 0.32."""

BINS = 200
"""Bins along a and along b; codes of 8 bits leave gaps between finer ones."""


@dataclass(frozen=True)
class Scope:
    """What a vectorscope shows.

    Attributes:
        output: the drawing.
        pixels: how many valid pixels there are.
        beyond: the share of them outside of the drawing, 0..1.
        a, b: the mean of Oklab a and b: the cast of the picture.
    """

    output: Path
    pixels: int
    beyond: float
    a: float
    b: float

    def __str__(self) -> str:
        """The one line that the command prints."""
        return f"{self.output}: {self.facts}"

    @property
    def facts(self) -> str:
        """The figures in words."""
        cast = math.hypot(self.a, self.b) / CHROMA_JND
        beyond = f", {100 * self.beyond:.2g}% outside of the drawing" if self.beyond else ""
        mean = f"mean a {self.a:+.4f}, b {self.b:+.4f} ({cast:.1f} JND from grey)"
        return f"{self.pixels:,} pixels, {mean}{beyond}"


def vectorscope(
    picture: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    reach: float = REACH,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Scope:
    """Draw the density of a picture's chroma. Needs the extra `plots`.

    Args:
        picture: a finished picture, as for `raster.open_picture`, of any size.
        output: the PNG or TIFF to write, by its ending.
        reach: chroma at the rim.
        workers: threads at work on blocks; None for one per core that this process may use.
        overwrite: whether to replace a file.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError, BandError: if the picture or the reach can't be used, or matplotlib is missing.
        EmptyError: if nothing in it is valid.
        OutputError, OutputExists: if the drawing can't be written.
    """
    if not 0.01 <= reach <= 1:
        raise InputError(f"expected a reach between 0.01 and 1 of Oklab chroma, found {reach:g}")
    path = check_output(output, overwrite)
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"{path}: expected the name of a drawing to end in {', '.join(FORMATS)}")
    check_matplotlib("the vectorscope")
    counts = np.zeros((BINS, BINS), np.int64)
    sums, pixels = np.zeros(2), 0
    with gdal(), open_picture(picture) as image:
        look = Look("screen", bits_of(image))

        def work(block: Block) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
            with torch.inference_mode():
                oklab = unrender(torch.from_numpy(block.pixels[0].astype("float64")), look)
                colours = oklab[:, torch.from_numpy(block.valid[0])]
                return (
                    chroma_histogram(colours, reach, BINS).numpy(),
                    colours[1:].sum(1).numpy(),
                    colours.shape[1],
                )

        for _, (more, sums_more, pixels_more) in work_through([image], work, workers, progress):
            counts += more
            sums += sums_more
            pixels += pixels_more
    if not pixels:
        raise EmptyError(f"{picture}: expected a picture with something valid in it, found nothing")
    a, b = (sums / pixels).tolist()
    scope = Scope(path, pixels, 1 - int(counts.sum()) / pixels, a, b)
    check_output(path, overwrite)
    write_whole(path, draw_scope(counts, pixels, (a, b), reach, scope.facts, path.suffix.lower()))
    return scope


def chroma_histogram(oklab: Tensor, reach: float, bins: int) -> Tensor:
    """How many colours lie in each bin of the plane of a and b.

    Args:
        oklab: (3, n).
        reach: a and b at the rim; what lies beyond isn't counted.
        bins: along each side.

    Returns:
        int64 (bins, bins): rows are b, columns are a, both rising.
    """
    places = ((oklab[1:] + reach) * (bins / (2 * reach))).floor()
    inside = ((places >= 0) & (places < bins)).all(0)
    column, row = places[:, inside].long()
    return torch.bincount(row * bins + column, minlength=bins * bins).reshape(bins, bins)
