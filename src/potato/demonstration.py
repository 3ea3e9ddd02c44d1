"""The demonstration: take a simulated pair or a real scene, sharpen it, and compare the two."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.color import delta_e_ok
from potato.core.draw import render_pan, render_upsampled, side_by_side
from potato.core.installation import extra_for
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, unrender
from potato.core.resample import BICUBIC_REACH, block_mean, fill_invalid
from potato.core.sensor_table import WORKSHOP
from potato.core.types import PathLike
from potato.core.windows import PairWindow, PixelWindow
from potato.errors import InputError
from potato.fusion.inputs import open_inputs
from potato.fusion.pipeline import Fused, fuse
from potato.model.weights import PREDICTOR
from potato.raster.atomic import make_folder, write_whole
from potato.raster.encoding import write_png
from potato.raster.layer import Reading
from potato.raster.output_files import check_folder, check_output
from potato.raster.pair import Pair
from potato.raster.pictures import read_picture
from potato.report.write import write_report

CID = "10300100DE300000"
"""A catalog ID in the right form that no satellite has used."""

SHIPPED = ("demo-pan.tif", "demo-ms.tif", "demo-truth.tif")
"""The pair in the package's assets and its truth, which `runs/make_demo_pair.py` made."""

SCENE = "LC08_L1TP_017051_20151205_20200908_02_T1"
"""The folder of a Landsat scene in the assets: a part of it, which `runs/make_landsat_scene.py`
compressed."""

SIZE, SEED = 2048, 8
"""Side of pan in pixels and seed of a pair that is simulated, if only the other one is given."""

MARK = "potato-demo.txt"
"""A file in the folder of a demonstration, by which the next one knows that it may replace it."""

COMPARISON_SIDE = 768
"""Side of the part that the comparison shows, in pan pixels."""

CHANGE_SIDE, CHANGE_ZOOM = 96, 4
"""Side in pixels of the place where weights change most, and by how much it is enlarged."""


@dataclass(frozen=True)
class Change:
    """What weights change on simulated ground, whose truth is known, against the bare predictor.

    Attributes:
        truth: the picture that a perfect sharpener would have made.
        predictor: the picture that the predictor makes without weights.
        drawing: a PNG of the place where weights change most, four times enlarged: the predictor's
            picture, the sharpened one, the truth.
        error: mean ΔE of the sharpened picture from the truth, in JND, in the part that the
            comparison shows.
        predictor_error: likewise of the predictor's picture.
    """

    truth: Path
    predictor: Path
    drawing: Path
    error: float
    predictor_error: float

    def __str__(self) -> str:
        """The lines that the command prints."""
        return (
            f"error against the simulated truth: {self.error:.3f} JND "
            f"({self.error / self.predictor_error:.3f} × the predictor's {self.predictor_error:.3f})\n"
            f"where weights change most, the predictor, the result and the truth, enlarged: {self.drawing}\n"
        )


@dataclass(frozen=True)
class Demonstration:
    """What `demo` wrote.

    Attributes:
        pan: the simulated panchromatic image; or the folder of the Landsat scene.
        mul: the simulated multispectral image; None for the Landsat scene.
        fused: the sharpened picture.
        comparison: a PNG of pan, enlarged mul and the sharpened picture, side by side at 1:1.
        report: an HTML page to inspect all three in a browser (`report.write_report`); if weights
            were named, it begins with their picture beside the predictor's, and has the truth.
        change: what the weights change; None for the Landsat scene.
    """

    pan: Path
    mul: Path | None
    fused: Fused
    comparison: Path
    report: Path
    change: Change | None = None

    def __str__(self) -> str:
        """The lines that the command prints."""
        source = (
            f"Landsat scene: {self.pan}" if self.mul is None else f"simulated pair: {self.pan} and {self.mul}"
        )
        return (
            f"{self.fused}\n{source}\n{self.change or ''}"
            f"pan, enlarged mul and result side by side: {self.comparison}\n"
            f"page to inspect them in a browser: {self.report}\n"
            "next, your own: potato fuse PAN MUL sharp.tif, or what a vendor delivered: "
            "potato fuse ORDER sharp.tif"
        )


@dataclass(frozen=True)
class _Source:
    """The pair that a demonstration sharpens, its truth, and the function that writes them."""

    name: str
    pan: Path
    mul: Path | None
    truth: Path | None
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
    output, comparison, report, bare, drawing = (
        folder / f"{source.name}-{ending}"
        for ending in ("sharp.tif", "comparison.png", "report.html", "predictor.tif", "change.png")
    )
    for path in (output, comparison, report, *source.files, *([bare, drawing] if source.truth else [])):
        make_folder(path.parent)
        check_output(path, overwrite, [weights])
    write_whole(folder / MARK, "potato demo made these files, and replaces them when it runs again.\n")
    source.write()
    pan, mul = source.pan, source.mul
    fused = fuse(pan, mul, output, weights=weights, device=device, overwrite=overwrite, progress=progress)
    with open_inputs(pan, mul, Reading(), folder) as pair:
        shown = _middle(pair)
        write_png(comparison, _compare(pair, shown, output).astype(np.uint8))
        part = shown.pixels(pair.ratio)
    change, pictures = None, [output]
    if source.truth is not None:
        fuse(pan, mul, bare, weights=PREDICTOR, device=device, overwrite=overwrite)
        change = _measure(bare, output, source.truth, part, drawing)
        pictures += [bare, source.truth] if weights is not None else []
    write_report(pictures, report, pair=(pan, mul), overwrite=overwrite)
    return Demonstration(pan, mul, fused, comparison, report, change)


def _landsat_scene(folder: Path) -> _Source:
    """The shipped scene, to be copied."""
    scene, copy = resources.files("potato") / "assets" / SCENE, folder / SCENE
    files = [file for file in scene.iterdir() if file.is_file()]

    def write() -> None:
        for file in files:
            write_whole(copy / file.name, file.read_bytes())

    return _Source(SCENE, copy, None, None, [copy / file.name for file in files], write)


def _simulated_pair(folder: Path, size: int | None, seed: int | None) -> _Source:
    """The shipped pair, or one of another size or seed."""
    pan, mul, truth = (folder / f"{CID}-{ending}.tif" for ending in ("pan", "ms", "truth"))
    write = _copy_pair
    if not (size is None and seed is None):
        with extra_for("a demonstration with --size or --seed"):
            from potato.simulation.pair_files import write_pair
        size, seed = SIZE if size is None else size, SEED if seed is None else seed
        write = functools.partial(write_pair, size=size, seed=seed)
    return _Source(CID, pan, mul, truth, (pan, mul, truth), lambda: write(pan, mul, truth))


def _copy_pair(*paths: Path) -> None:
    """Write the shipped pair and its truth."""
    for path, name in zip(paths, SHIPPED, strict=True):
        write_whole(path, (resources.files("potato") / "assets" / name).read_bytes())


def _middle(pair: Pair) -> PairWindow:
    """The part of a pair that the comparison shows."""
    side = min(COMPARISON_SIDE // pair.ratio, pair.height, pair.width)
    return PairWindow((pair.height - side) // 2, (pair.width - side) // 2, side, side)


def _compare(pair: Pair, shown: PairWindow, output: Path) -> NDArray[Any]:
    """Draw a part of pan, enlarged mul and the picture at 1:1, side by side."""
    pixels = pair.read(shown.padded(BICUBIC_REACH))
    inner = pixels.crop(BICUBIC_REACH, BICUBIC_REACH, shown.height, shown.width)
    # What lies outside the image would darken its border.
    reflectance, valid = counts_to_reflectance(pixels.mul)[None], pixels.mul_valid[None, None]
    filled = fill_invalid(reflectance, valid, BICUBIC_REACH)[0]
    return side_by_side(
        render_pan(counts_to_reflectance(inner.pan)),
        render_upsampled(filled, pair.sensor),
        read_picture(output, shown.pixels(pair.ratio))[:3],
    )


def _measure(bare: Path, output: Path, truth: Path, part: PixelWindow, drawing: Path) -> Change:
    """Measure two pictures in the look `natural` by the truth, and draw where they differ most."""
    pictures = [read_picture(path, part) for path in (bare, output, truth)]
    plain, sharp, true = (unrender(codes[:3], NATURAL) for codes in pictures)
    valid = pictures[0][3] > 0
    side, whole = CHANGE_SIDE, part.height // CHANGE_SIDE * CHANGE_SIDE
    changed = block_mean(np.where(valid, delta_e_ok(plain, sharp), 0)[:whole, :whole], side)
    row, column = (side * place for place in np.unravel_index(changed.argmax(), changed.shape))
    places = [codes[:3, row : row + side, column : column + side] for codes in pictures]
    enlarged = [place.repeat(CHANGE_ZOOM, 1).repeat(CHANGE_ZOOM, 2) for place in places]
    write_png(drawing, side_by_side(*enlarged).astype(np.uint8))
    errors = [float(delta_e_ok(one, true)[valid].mean()) for one in (sharp, plain)]
    return Change(truth, bare, drawing, *errors)
