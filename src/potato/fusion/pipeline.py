"""Sharpening a pair of files into one picture, block by block."""

import dataclasses
import functools
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from potato.core.grade import Grade
from potato.core.installation import VERSION
from potato.core.notebook import Shown, View
from potato.core.profiles import TIFF_BLOCK, find_profile, panel_width
from potato.core.render import NATURAL, Look, as_look
from potato.core.sensors import CATALOG_ID, Sensor
from potato.core.text import file_name, valid_share
from potato.core.types import Codes, PathLike
from potato.core.windows import PairWindow, panels, split
from potato.engine.devices import choose_device
from potato.engine.progress import MEGAPIXELS, Progress, progress_bar
from potato.engine.threads import Readers, available_cores, map_blocks, readers_for
from potato.errors import InputError
from potato.fusion.align import align_pair, resampling_tags
from potato.fusion.grading import grade_pair
from potato.fusion.inputs import open_inputs
from potato.fusion.outputs import Output, as_names, choose_output, draw_output
from potato.fusion.part import choose_part
from potato.model.backend import Backend, open_backend
from potato.model.model import HasModel, Model, as_model
from potato.model.weights import load_model
from potato.raster.area import Part
from potato.raster.layer import Layer, Reading
from potato.raster.output_files import GEOTIFF, check_output, keep_inputs
from potato.raster.pair import Pair, PairPixels
from potato.raster.strips import PairStrips, Pixels, Strip, can_share, strip_reader
from potato.raster.writer import Picture, create_picture

BlockToRead = tuple[PairWindow, Callable[[], PairPixels] | None]
"""A block, and the function that waits for its pixels; None if the part doesn't touch it."""


@dataclass(frozen=True)
class FuseSettings:
    """How `fuse_pair` works, and what it writes.

    Attributes:
        look: the rendering of the picture.
        bands: names of bands to write instead of a picture, or `all`.
        composite: names of three bands to show as red, green and blue.
        profile: `cog` or `tiled`.
        creation_options: GDAL creation options on top of the profile's.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        workers: threads at work on blocks; None for one per core that this process may use.
        block: side of a block in pan pixels, a multiple of the pair's ratio; None for the
            backend's.
        overwrite: whether to replace a file.
        progress: whether to draw a progress bar on stderr; or a function of the share done.
        cid: catalog ID of the pass; None for the one in pan's name, if there is one.
    """

    look: Look = NATURAL
    bands: Sequence[str] = ()
    composite: Sequence[str] = ()
    profile: str = "cog"
    creation_options: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    workers: int | None = None
    block: int | None = None
    overwrite: bool = False
    progress: Progress = False
    cid: str | None = None


@dataclass(frozen=True)
class Fused(Shown):
    """A picture that `fuse` wrote.

    Attributes:
        output: the file that was written.
        width, height: size of the picture in pixels.
        valid: share of valid pixels, 0..1.
        seconds: time from opening the inputs to the finished file.
        peak_memory: largest size of this process so far in bytes; None where the system keeps no
            record.
        notes: what had to be guessed about the files, a line each.
    """

    output: Path
    width: int
    height: int
    valid: float
    seconds: float
    peak_memory: int | None
    notes: tuple[str, ...] = ()

    @property
    def speed(self) -> float:
        """Megapixels of pan per second."""
        return self.width * self.height / 1e6 / self.seconds

    def view(self) -> View:
        """The whole picture as a thumbnail, with its facts."""
        from potato.raster.encoding import encode_png

        facts = {
            "file": str(self.output),
            "size": f"{self.width} × {self.height} pixels, {self.valid:.1%} valid",
            "speed": f"{self.speed:.1f} Mpx/s in {self.seconds:.1f} s",
        }
        return View("Sharpened picture", facts, encode_png(draw_output(self.output)))

    def __str__(self) -> str:
        """What the command prints: a line, and one for each note."""
        memory = "" if self.peak_memory is None else f", peak memory {self.peak_memory / 1e6:.0f} MB"
        return (
            f"{self.output}: {self.width} × {self.height} pixels, {valid_share(self.valid)}; "
            f"{self.speed:.1f} Mpx/s in {self.seconds:.1f} s{memory}"
            + "".join(f"\nnote: {note}" for note in self.notes)
        )


def fuse(
    pan: PathLike | Layer,
    mul: PathLike | Layer | None,
    output: PathLike,
    *,
    sensor: Sensor | str | None = None,
    reading: Reading | None = None,
    bbox: Sequence[float] | None = None,
    aoi: PathLike | None = None,
    window: Sequence[int] | None = None,
    extent: str = "pan",
    align: bool = False,
    weights: PathLike | Model | HasModel | None = None,
    look: str | Look = "natural",
    grade: bool | PathLike | Grade = False,
    bands: str | Sequence[str] = (),
    composite: str | Sequence[str] = (),
    profile: str = "cog",
    creation_options: Mapping[str, str] | None = None,
    device: str = "auto",
    workers: int | None = None,
    block: int | None = None,
    overwrite: bool = False,
    progress: Progress = False,
) -> Fused:
    """Sharpen a pair of files into one picture in true colour, on the grid of pan.

    Memory is bounded whatever the size of the image. The file is whole or absent, and its bytes do
    not depend on `workers`.

    Args:
        pan: the panchromatic image, of one band. Anything that GDAL opens: a path, `https://…`,
            `s3://…`, `zip://…`, a VRT; or a `Layer`. Its numbers are reflectance × 10,000, unless
            the file states their scale and offset, the layer a calibration, or a vendor's metadata
            lie beside it. Or a delivery as a vendor makes it: a folder, a .zip or .tar, or a
            metadata file.
        mul: the multispectral image of the same ground, 1.5 to 7.5 times as coarse. Anything
            that GDAL opens; or a `Layer`; None if `pan` is a delivery.
        output: the GeoTIFF to write: red, green, blue and alpha (0 where either input is invalid);
            or bands.
        sensor: short for `Reading(sensor=…)`, and goes before that of `reading`.
        reading: how to read the files, where they don't say it themselves.
        bbox: west, south, east, north in degrees (WGS 84): read and show only the ground between
            these; west exceeds east across the antimeridian. None for the whole pair.
        aoi: a file of polygons, as `fusion.aoi.read_area` takes it: read and show only these. In
            place of `bbox`.
        window: row, column, height, width in pan pixels, multiples of the ratio: read and show only
            these. In place of `bbox`.
        extent: `pan` to show all of pan, transparent where mul ends; `intersection` to show only
            the ground that both have.
        align: whether to measure how far mul lies from where pan shows the ground, and move it
            there: each detector array by one displacement.
        weights: a checkpoint file; a name of shipped weights, such as `worldview`; `predictor` for
            the predictor without a network; a model or a network; None for the shipped weights of
            the sensor or, if it has none, the predictor.
        look: `natural`, `clear` or `vivid` (8 bits, for viewing), `flat` (16 bits, colorimetric),
            or a `Look`.
        grade: whether to measure black point and white point on the whole pair or delivery, and
            keep them in NAME.grade.json beside the output, where they are found again; or such a
            file; or a `core.grade.Grade`.
        bands: names of bands, one by one or with commas between, or `all`: writes these as
            reflectance × 10,000 in uint16 (0 where invalid) instead of a picture. Ratios of
            bands, averaged over a pixel of mul, are its own; brightness is within a few percent.
        composite: names of three bands, which the picture shows as red, green and blue; `nir`,
            `red` and `green` make vegetation red.
        profile: `cog` (Cloud Optimized GeoTIFF with overviews) or `tiled` (without overviews).
        creation_options: GDAL creation options on top of the profile's.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        workers: threads at work on blocks; None for one per core that this process may use.
        block: side of a block in pan pixels, a multiple of the ratio; None for about 512 on a CPU,
            and for what the memory of a GPU holds, up to 4,096. It does not show in the picture,
            though the last bit of a network's sums may differ.
        overwrite: whether to replace a file.
        progress: whether to draw a progress bar on stderr; or a function of the share done.

    Raises:
        InputError, PairError, BandError, DeliveryError: if the pair can't be used, or has no such
            bands.
        WeightsError: if the weights can't be used.
        OutputError, OutputExists: if the output can't be written.
        BlockError: if the work fails on a block.
    """
    check_output(output, overwrite, (pan, mul, weights, aoi), GEOTIFF)
    if isinstance(weights, str | os.PathLike):
        weights = load_model(weights)
    settings = FuseSettings(
        look=as_look(look),
        bands=as_names(bands),
        composite=as_names(composite),
        profile=profile,
        creation_options=creation_options or {},
        device=device,
        workers=workers,
        block=block,
        overwrite=overwrite,
        progress=progress,
    )
    reading = reading or Reading()
    if sensor is not None:
        reading = dataclasses.replace(reading, sensor=sensor)
    if grade is not False and (settings.bands or settings.composite):
        raise InputError("expected a grade with a picture in true colour, found one with bands")
    with open_inputs(pan, mul, reading, Path(output).parent) as pair:
        part = choose_part(pair, bbox=bbox, aoi=aoi, window=window, extent=extent)
        model = load_model(sensor=pair.sensor) if weights is None else as_model(weights)
        measured = grade_pair(pair, grade, Path(output).parent)
        if measured is not None:
            settings = dataclasses.replace(settings, look=settings.look.graded(measured))
        return fuse_pair(align_pair(pair) if align else pair, output, model, settings, part)


def fuse_pair(
    pair: Pair, output: PathLike, model: Model, settings: FuseSettings, part: Part | None = None
) -> Fused:
    """Sharpen an open pair, or a part of it, inside `raster.gdal`.

    Args:
        pair: from `open_pair`.
        output: the GeoTIFF to write.
        model: the sharpener.
        settings: how to work, and what to write.
        part: the part of the pair to show; only blocks that it touches are read. None for all.

    Raises:
        InputError: if the block's side is no multiple of the ratio, the device isn't there, or a
            file can't be read.
        OutputError, OutputExists: if the output can't be written.
        BlockError: if the work fails on a block.
    """
    started = time.perf_counter()
    keep_inputs(Path(output), pair.files)
    ratio = pair.ratio
    written = choose_output(pair.sensor, settings.look, settings.bands, settings.composite)
    if settings.block is not None and (settings.block < ratio or settings.block % ratio):
        raise InputError(f"expected a block of a multiple of {ratio} pan pixels, found {settings.block}")
    part = part or Part(pair.grid, ratio, PairWindow(0, 0, pair.height, pair.width))
    grid = part.picture
    backend = open_backend(model, pair.sensor, choose_device(settings.device, grid.width * grid.height))
    picture = create_picture(
        output,
        grid,
        channels=written.channels,
        profile=find_profile(settings.profile),
        options=settings.creation_options,
        tags=_tags(pair, settings, written, model.digest),
        threads=settings.workers,
        overwrite=settings.overwrite,
    )
    with picture as canvas:
        _fuse_blocks(pair, part, written, backend, settings, canvas)
    seconds = time.perf_counter() - started
    made = canvas.grid
    return Fused(Path(output), made.width, made.height, canvas.share, seconds, peak_memory(), pair.notes)


def _fuse_blocks(
    pair: Pair, part: Part, written: Output, backend: Backend, settings: FuseSettings, canvas: Picture
) -> None:
    """Put every block of a picture into its place.

    Readers decode strips, workers cut blocks out of them and sharpen them, and this thread writes.
    What is sharpened may be `ahead` of what is written by a row of blocks and two blocks a worker:
    together r = block · (1 + 2 · workers · block / width) rows of a panel. Its width is that of the
    picture, at most that of a panel. With the halos, and as strips are whole TIFF blocks, memory is
    about

        64 MB for GDAL + 5 · width · (r + block + 2,500) bytes read + 4 · width · (r + 512) made,

    the 512 rows for overviews of a COG; twice the last term with 16 bits, 2 · width · (r + 512) for
    each band instead; and what the workers themselves need.
    """
    region, grid = part.window.pixels(pair.ratio), part.picture
    block = (settings.block or backend.block) // pair.ratio * pair.ratio
    threads = settings.workers or available_cores()
    workers = min(threads, backend.most_calls or threads)
    width = min(panel_width(pair.ratio), grid.width)
    ahead = 2 * workers + max(1, TIFF_BLOCK // block) * -(-width // block)
    work = functools.partial(_fuse_block, backend, written, part)
    with (
        Readers(strip_reader(pair), readers_for(threads) if can_share(pair) else 1) as readers,
        progress_bar(grid.width * grid.height / 1e6, MEGAPIXELS, settings.progress) as bar,
    ):
        blocks = _request_blocks(pair, part, block // pair.ratio, written.halo(backend), readers.submit)
        for window, codes in map_blocks(blocks, work, workers, ahead, readers.cancel):
            at = window.pixels(pair.ratio)
            canvas.put(at.row - region.row, at.column - region.column, codes, at.height)
            bar.update(at.height * at.width / 1e6)


def _request_blocks(
    pair: Pair, part: Part, block: int, halo: int, submit: Callable[[Strip], Future[Pixels]]
) -> Iterator[tuple[PairWindow, BlockToRead]]:
    """The blocks of a part in the order of a picture, each with its pixels to come."""
    for panel in panels(part.window, panel_width(pair.ratio) // pair.ratio):
        windows = [window for row in split(panel, block) for window in row]
        touched = [part.touches(window) for window in windows]
        strips = PairStrips(
            pair, (window.padded(halo) for window in itertools.compress(windows, touched)), submit
        )
        for window, is_touched in zip(windows, touched, strict=True):
            yield window, (window, strips.request(window.padded(halo)) if is_touched else None)


def _fuse_block(backend: Backend, written: Output, part: Part, block: BlockToRead) -> Codes | None:
    """The codes of a block; None if nothing of it is valid, or the part doesn't touch it."""
    window, wait_for_pixels = block
    if wait_for_pixels is None:
        return None
    fine = window.pixels(part.ratio)
    codes = written.make(backend, wait_for_pixels(), fine.row, fine.column)
    if codes is not None and part.cells is not None:
        codes *= part.mask(window)
    return codes


def _tags(pair: Pair, settings: FuseSettings, written: Output, digest: str) -> dict[str, str]:
    """Where a picture comes from; without the time, so that the same input gives the same bytes."""
    pan, mul = map(file_name, (pair.pan_path, pair.mul_path))
    tags = {
        "TIFFTAG_SOFTWARE": f"potato {VERSION}",
        "POTATO_PAN": pan,
        "POTATO_MUL": mul,
        "POTATO_SENSOR": pair.sensor.name,
        "POTATO_WEIGHTS": digest,
        **written.tags,
        **resampling_tags(pair),
    }
    found = CATALOG_ID.search(pan)
    cid = settings.cid or (found and found.group())
    return {**tags, "POTATO_CID": cid} if cid else tags


def peak_memory() -> int | None:
    """The largest resident size of this process so far in bytes; None where no record is kept."""
    if sys.platform == "win32":
        return None
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
