"""Comparison of two finished pictures: how far apart they look."""

from collections.abc import Sequence

import torch
from torch import Tensor

from potato.core.installation import VERSION
from potato.core.render import NATURAL, Look
from potato.core.types import PathLike
from potato.core.windows import PixelWindow
from potato.errors import EmptyError
from potato.evaluation.error_map import ErrorMap
from potato.evaluation.findings import Findings, picture_figures
from potato.evaluation.result import Charts, Evaluation
from potato.evaluation.tables import difference_section, picture_section
from potato.raster.gdal_env import gdal
from potato.raster.pictures import check_same_grid
from potato.viewing.blocks import Block, map_image_blocks
from potato.viewing.reflectance import Colours, open_colours, sensor_of_pictures

_KEY = "pictures"


def evaluate_pictures(
    first: PathLike, second: PathLike, *, workers: int | None = None, progress: bool = False
) -> Evaluation:
    """Compare two pictures as a screen shows them: codes count as sRGB, whatever the look.

    Reflectance × 10,000, of red, green and blue or of all bands of the other's sensor, is first
    rendered in the look of the other.

    Args:
        first: red, green, blue in 8 or 16 bits, and a mask, an alpha or neither.
        second: another such picture on the same grid; it may have other bits.
        workers: threads at work on blocks; changes no figure. None for one per core.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError, BandError: if one isn't such a picture.
        GridError: if they don't lie on one grid.
        EmptyError: if no pixel is valid in both.
    """
    sensor = sensor_of_pictures((first, second))
    with gdal(), open_colours(first, sensor) as one, open_colours(second, sensor) as other:
        pictures = one, other
        check_same_grid(one.image, other.image)
        look = next((each.look for each in pictures if each.look is not None), NATURAL)
        grid = one.image.grid
        findings = Findings()
        chart = ErrorMap(PixelWindow(0, 0, grid.height, grid.width))

        def work(block: Block) -> tuple[Findings, Tensor] | None:
            return _compare(block, pictures, look)

        for window, result in map_image_blocks((one.image, other.image), work, workers, progress):
            if result is not None:
                findings.join(result[0])
                chart.put(window, result[1])
    difference = findings.difference(_KEY)
    if not difference.total.count:
        raise EmptyError(f"{first} and {second}: expected pixels that are valid in both, found none")
    name = "A against B"
    section = difference_section(_KEY, f"A {first}, B {second}", {name: difference}, predictor=False)
    return Evaluation(
        "pictures",
        {"first": str(first), "second": str(second)},
        {"potato": VERSION},
        (section, picture_section("literature", "literature: the same", {name: findings}, _KEY)),
        difference.total.mean,
        "mean ΔE",
        {"pixels": difference.total.count},
        Charts(section.title, {name: difference.total}, chart.canvas, name),
    )


def _compare(block: Block, pictures: Sequence[Colours], look: Look) -> tuple[Findings, Tensor] | None:
    """The findings of a block, and ΔE (h, w), NaN where either picture is invalid."""
    valid = torch.from_numpy(block.valid[0] & block.valid[1])
    if not bool(valid.any()):
        return None
    first, second = (
        torch.from_numpy(picture.screen(numbers, look))
        for numbers, picture in zip(block.pixels, pictures, strict=True)
    )
    findings = Findings()
    distance = findings.difference(_KEY).add(first, second, valid)
    findings.note(_KEY, picture_figures(first, second, valid), float(valid.sum()))
    return findings, torch.where(valid, distance, torch.nan)
