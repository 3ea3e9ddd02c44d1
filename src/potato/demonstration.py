"""The demonstration: take a simulated pair or a real scene, sharpen it, and compare the two."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.draw import render_pan, render_upsampled, side_by_side
from potato.core.installation import extra_for
from potato.core.radiometry import counts_to_reflectance
from potato.core.resample import BICUBIC_REACH, fill_invalid
from potato.core.sensor_table import WORKSHOP
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.errors import InputError
from potato.fusion.inputs import open_inputs
from potato.fusion.pipeline import Fused, fuse
from potato.raster.atomic import make_folder, write_whole
from potato.raster.encoding import write_png
from potato.raster.layer import Reading
from potato.raster.output_files import check_folder, check_output
from potato.raster.pictures import read_picture
from potato.report.write import write_report

CID = "10300100DE300000"
"""A catalog ID in the right form that no satellite has used."""

SHIPPED = ("demo-pan.tif", "demo-ms.tif")
"""The pair in the package's assets, which `runs/make_demo_pair.py` made."""

SCENE = "LC08_L1TP_017051_20151205_20200908_02_T1"
"""The folder of a Landsat scene in the assets: a part of it, which `runs/make_landsat_scene.py`
compressed."""

SIZE, SEED = 2048, 8
"""Side of pan in pixels and seed of a pair that is simulated, if only the other one is given."""

MARK = "potato-demo.txt"
"""A file in the folder of a demonstration, by which the next one knows that it may replace it."""

COMPARISON_SIDE = 768
"""Side of the part that the comparison shows, in pan pixels."""


@dataclass(frozen=True)
class Demonstration:
    """What `demo` wrote.

    Attributes:
        pan: the simulated panchromatic image; or the folder of the Landsat scene.
        mul: the simulated multispectral image; None for the Landsat scene.
        fused: the sharpened picture.
        comparison: a PNG of pan, enlarged mul and the sharpened picture, side by side at 1:1.
        report: an HTML page to inspect all three in a browser (`report.write_report`).
    """

    pan: Path
    mul: Path | None
    fused: Fused
    comparison: Path
    report: Path

    def __str__(self) -> str:
        """The lines that the command prints."""
        source = (
            f"Landsat scene: {self.pan}" if self.mul is None else f"simulated pair: {self.pan} and {self.mul}"
        )
        return (
            f"{self.fused}\n{source}\n"
            f"pan, enlarged mul and result side by side: {self.comparison}\n"
            f"page to inspect them in a browser: {self.report}\n"
            "next, your own: potato fuse PAN MUL sharp.tif, or what a vendor delivered: "
            "potato fuse ORDER sharp.tif"
        )


@dataclass(frozen=True)
class _Source:
    """The pair that a demonstration sharpens, and the function that writes it."""

    name: str
    pan: Path
    mul: Path | None
    files: Sequence[Path]
    write: Callable[[], None]


def demo(
    folder: PathLike = "demo-out",
    *,
    landsat: bool = False,
    weights: PathLike | None = None,
    size: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: bool = False,
) -> Demonstration:
    """Sharpen a simulated pair in the form of an ARD tile, and compare the result with it.

    The pair comes with the package, unless a size or a seed asks for another one. So does a part of
    a Landsat scene.

    Args:
        folder: folder for the pair and three results; created if it doesn't exist.
        landsat: sharpen the Landsat scene instead, as USGS delivers it: a folder with a file for
            each band, and metadata.
        weights: as `fuse` takes them.
        size: simulate a pair whose pan has this side in pixels, a multiple of 4, at least 256.
        seed: simulate a pair with this seed.
        device: `auto`, `cpu`, `cuda`, `cuda:1` or `mps`.
        overwrite: whether to replace files in a folder that no demonstration made.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if the size isn't allowed, or the Landsat scene is to have a size or a seed.
        ExtraError: if a pair is to be simulated, and the extra `workshop` isn't installed.
        OutputError, OutputExists: if the folder or a file can't be written.
        WeightsError: if the weights can't be used.
    """
    if landsat and not (size is None and seed is None):
        raise InputError("expected the Landsat scene, or the size or seed of a simulated pair, found both")
    if size is not None and (size < 256 or size % WORKSHOP.ratio):
        raise InputError(
            f"expected a size of at least 256 pan pixels that {WORKSHOP.ratio} divides, found {size}"
        )
    folder = check_folder(folder)
    overwrite = overwrite or (folder / MARK).is_file()
    source = _landsat_scene(folder) if landsat else _simulated_pair(folder, size, seed)
    output, comparison, report = (
        folder / f"{source.name}-{ending}" for ending in ("sharp.tif", "comparison.png", "report.html")
    )
    for path in (output, comparison, report, *source.files):
        make_folder(path.parent)
        check_output(path, overwrite, [weights])
    write_whole(folder / MARK, "potato demo made these files, and replaces them when it runs again.\n")
    source.write()
    pan, mul = source.pan, source.mul
    fused = fuse(pan, mul, output, weights=weights, device=device, overwrite=overwrite, progress=progress)
    write_png(comparison, _compare(pan, mul, output).astype(np.uint8))
    write_report([output], report, pair=(pan, mul), overwrite=overwrite)
    return Demonstration(pan, mul, fused, comparison, report)


def _landsat_scene(folder: Path) -> _Source:
    """The shipped scene, to be copied."""
    scene, copy = resources.files("potato") / "assets" / SCENE, folder / SCENE
    files = [file for file in scene.iterdir() if file.is_file()]

    def write() -> None:
        for file in files:
            write_whole(copy / file.name, file.read_bytes())

    return _Source(SCENE, copy, None, [copy / file.name for file in files], write)


def _simulated_pair(folder: Path, size: int | None, seed: int | None) -> _Source:
    """The shipped pair, or one of another size or seed."""
    pan, mul = folder / f"{CID}-pan.tif", folder / f"{CID}-ms.tif"
    write = _copy_pair
    if not (size is None and seed is None):
        with extra_for("a demonstration with --size or --seed"):
            from potato.simulation.pair_files import write_pair
        size, seed = SIZE if size is None else size, SEED if seed is None else seed
        write = functools.partial(write_pair, size=size, seed=seed)
    return _Source(CID, pan, mul, (pan, mul), lambda: write(pan, mul))


def _copy_pair(pan: Path, mul: Path) -> None:
    """Write the shipped pair."""
    for path, name in zip((pan, mul), SHIPPED, strict=True):
        write_whole(path, (resources.files("potato") / "assets" / name).read_bytes())


def _compare(pan: Path, mul: Path | None, output: Path) -> NDArray[Any]:
    """Draw the middle of pan, enlarged mul and the picture at 1:1, side by side."""
    with open_inputs(pan, mul, Reading(), output.parent) as pair:
        ratio, sensor = pair.ratio, pair.sensor
        side = min(COMPARISON_SIDE // ratio, pair.height, pair.width)
        window = PairWindow((pair.height - side) // 2, (pair.width - side) // 2, side, side)
        pixels = pair.read(window.padded(BICUBIC_REACH))
    inner = pixels.crop(BICUBIC_REACH, BICUBIC_REACH, side, side)
    # What lies outside the image would darken its border.
    reflectance, valid = counts_to_reflectance(pixels.mul)[None], pixels.mul_valid[None, None]
    filled = fill_invalid(reflectance, valid, BICUBIC_REACH)[0]
    return side_by_side(
        render_pan(counts_to_reflectance(inner.pan)),
        render_upsampled(filled, sensor),
        read_picture(output, window.pixels(ratio))[:3],
    )
