"""The demonstration: invent a pair, sharpen it, and lay the result beside what went in."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from potato.core.draw import render_pan, render_upsampled, side_by_side
from potato.core.resample import BICUBIC_REACH
from potato.core.sensors import BAND_CODES, RATIO, SCALE
from potato.core.windows import PairWindow
from potato.errors import InputError, OutputError
from potato.fusion.pipeline import Fused, fuse
from potato.raster import check_output, gdal, grid_at, open_pair, read_picture, write_image, write_png
from potato.report import write_report
from potato.simulation.ground import make_ground
from potato.simulation.imager import observe, ragged_mask
from potato.simulation.random_imager import random_imager

CID = "10300100DE300000"
"""A catalog ID of the right form that no satellite has used."""

WINDOW = 768
"""Side of the piece that the comparison shows, in pan pixels."""


@dataclass(frozen=True)
class Demonstration:
    """What `demo` wrote.

    Attributes:
        pan: the generated panchromatic image.
        mul: the generated multispectral image.
        fused: the sharpened picture.
        comparison: a PNG of pan, enlarged colour and the sharpened picture, side by side at 1:1.
        report: a page on which they can be looked at closely, as of `report.write_report`.
    """

    pan: Path
    mul: Path
    fused: Fused
    comparison: Path
    report: Path

    def __str__(self) -> str:
        """What the command prints."""
        return (
            f"{self.fused}\n"
            f"the pair it was made from: {self.pan} and {self.mul}\n"
            f"pan, enlarged colour, sharpened, side by side: {self.comparison}\n"
            f"the same to look at closely, in a browser: {self.report}"
        )


def demo(
    folder: str | os.PathLike[str] = "demo-out",
    *,
    weights: str | os.PathLike[str] | None = None,
    size: int = 2048,
    seed: int = 8,
    device: str = "auto",
    overwrite: bool = False,
    progress: bool = False,
) -> Demonstration:
    """Generate an ARD tile pair, sharpen it, and draw the comparison.

    Args:
        folder: where to write five files; created if it isn't there.
        weights: as for `load_model`.
        size: side of pan in pixels, a multiple of 4, at least 256.
        seed: which ground to invent.
        device: as for `fuse`.
        overwrite: whether to replace the files of an earlier demonstration.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if the size can't be made.
        OutputError, OutputExists: if the folder or a file can't be written.
        WeightsError: if the weights can't be used.
    """
    if size < 256 or size % RATIO:
        raise InputError(f"expected a size of at least 256 pan pixels that {RATIO} divides, found {size}")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: can't make this folder: {error.strerror}") from error
    pan, mul, output, comparison, report = (
        folder / name
        for name in (
            f"{CID}-pan.tif",
            f"{CID}-ms.tif",
            f"{CID}-sharp.tif",
            f"{CID}-comparison.png",
            f"{CID}-report.html",
        )
    )
    for path in (pan, mul, output, comparison, report):
        check_output(path, overwrite)
    _write_pair(pan, mul, size, seed)
    fused = fuse(pan, mul, output, weights=weights, device=device, overwrite=overwrite, progress=progress)
    write_png(comparison, _compare(pan, mul, output).to(torch.uint8).numpy())
    write_report([output], report, pair=(pan, mul), overwrite=overwrite)
    return Demonstration(pan, mul, fused, comparison, report)


def _write_pair(pan: Path, mul: Path, size: int, seed: int) -> None:
    """A pair of a town with a ragged edge, in the form of the ARD."""
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
    """The middle of the pair and of the picture at 1:1 (3, WINDOW, 3 · WINDOW and gutters)."""
    with gdal(), open_pair(pan, mul) as pair:
        side = min(WINDOW // RATIO, pair.height, pair.width)
        window = PairWindow((pair.height - side) // 2, (pair.width - side) // 2, side, side)
        pixels = pair.read(window.padded(BICUBIC_REACH))
    reach = BICUBIC_REACH * RATIO
    inner = pixels.pan[reach:-reach, reach:-reach].astype("float32")
    return side_by_side(
        render_pan(torch.from_numpy(inner) / SCALE),
        render_upsampled(torch.from_numpy(pixels.mul.astype("float32")) / SCALE),
        torch.from_numpy(read_picture(output, window)[:3]),
    )
