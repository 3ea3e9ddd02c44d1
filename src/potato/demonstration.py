"""The demonstration: simulate a pair, sharpen it, and compare the result with the pair."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from potato.core.draw import render_pan, render_upsampled, side_by_side
from potato.core.radiometry import counts_to_reflectance
from potato.core.resample import BICUBIC_REACH
from potato.core.sensors import BAND_CODES, RATIO
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.errors import InputError
from potato.fusion.pipeline import Fused, fuse
from potato.raster import check_output, gdal, grid_at, open_pair, read_picture, write_image, write_png
from potato.raster.atomic import make_folder
from potato.report import write_report
from potato.simulation.ground import make_ground
from potato.simulation.imager import observe, ragged_mask
from potato.simulation.random_imager import random_imager

CID = "10300100DE300000"
"""A catalog ID in the right form that no satellite has used."""

COMPARISON_SIDE = 768
"""Side of the part that the comparison shows, in pan pixels."""


@dataclass(frozen=True)
class Demonstration:
    """What `demo` wrote.

    Attributes:
        pan: the generated panchromatic image.
        mul: the generated multispectral image.
        fused: the sharpened picture.
        comparison: a PNG of pan, enlarged mul and the sharpened picture, side by side at 1:1.
        report: an HTML page to inspect all three in a browser (`report.write_report`).
    """

    pan: Path
    mul: Path
    fused: Fused
    comparison: Path
    report: Path

    def __str__(self) -> str:
        """The lines that the command prints."""
        return (
            f"{self.fused}\n"
            f"simulated pair: {self.pan} and {self.mul}\n"
            f"pan, enlarged mul and result side by side: {self.comparison}\n"
            f"page to inspect them in a browser: {self.report}"
        )


def demo(
    folder: PathLike = "demo-out",
    *,
    weights: PathLike | None = None,
    size: int = 2048,
    seed: int = 8,
    device: str = "auto",
    overwrite: bool = False,
    progress: bool = False,
) -> Demonstration:
    """Simulate a pair in the form of an ARD tile, sharpen it, and compare the result with it.

    Args:
        folder: folder for five files; created if it doesn't exist.
        weights: a checkpoint file, or `predictor` for no network; None for the shipped weights.
        size: side of pan in pixels, a multiple of 4, at least 256.
        seed: seed of the simulated ground.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        overwrite: whether to replace the files of an earlier demonstration.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if the size isn't allowed.
        OutputError, OutputExists: if the folder or a file can't be written.
        WeightsError: if the weights can't be used.
    """
    if size < 256 or size % RATIO:
        raise InputError(f"expected a size of at least 256 pan pixels that {RATIO} divides, found {size}")
    folder = Path(folder)
    make_folder(folder)
    endings = ("pan.tif", "ms.tif", "sharp.tif", "comparison.png", "report.html")
    pan, mul, output, comparison, report = (folder / f"{CID}-{ending}" for ending in endings)
    for path in (pan, mul, output, comparison, report):
        check_output(path, overwrite)
    _write_pair(pan, mul, size, seed)
    fused = fuse(pan, mul, output, weights=weights, device=device, overwrite=overwrite, progress=progress)
    write_png(comparison, _compare(pan, mul, output).to(torch.uint8).numpy())
    write_report([output], report, pair=(pan, mul), overwrite=overwrite)
    return Demonstration(pan, mul, fused, comparison, report)


def _write_pair(pan: Path, mul: Path, size: int, seed: int) -> None:
    """Write a pair of a simulated town with a ragged edge, in the form of an ARD tile."""
    generator = torch.Generator().manual_seed(seed)
    ground = make_ground(size, size, generator, style="town")
    pan_counts, mul_counts = observe(ground, generator, random_imager(generator))
    valid = ragged_mask(size, size, generator, share=0.06)
    mul_valid = valid.reshape(size // RATIO, RATIO, size // RATIO, RATIO).any(3).any(1)
    fine = grid_at(size, size, 0.5)
    coarse = grid_at(size // RATIO, size // RATIO, 0.5 * RATIO)
    write_image(pan, (pan_counts.numpy() * valid.numpy())[None], valid.numpy(), fine, ("BAND_P",))
    write_image(mul, mul_counts.numpy() * mul_valid.numpy(), mul_valid.numpy(), coarse, BAND_CODES)


def _compare(pan: Path, mul: Path, output: Path) -> Tensor:
    """Draw the middle of pan, enlarged mul and the picture at 1:1, side by side."""
    with gdal(), open_pair(pan, mul) as pair:
        side = min(COMPARISON_SIDE // RATIO, pair.height, pair.width)
        window = PairWindow((pair.height - side) // 2, (pair.width - side) // 2, side, side)
        pixels = pair.read(window.padded(BICUBIC_REACH))
    inner = pixels.crop(BICUBIC_REACH, BICUBIC_REACH, side, side)
    return side_by_side(
        render_pan(counts_to_reflectance(inner.pan)),
        render_upsampled(counts_to_reflectance(pixels.mul)),
        torch.from_numpy(read_picture(output, window)[:3]),
    )
