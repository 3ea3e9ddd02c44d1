"""Fusing: a pair of files in, one sharp picture out."""

import copy
import functools
import itertools
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from potato.core.draw import draw_picture
from potato.core.notebook import THUMBNAIL_SIDE, Shown, View
from potato.core.profiles import PANEL, PROFILES, TIFF_BLOCK
from potato.core.render import LOOKS, Look, dither, render
from potato.core.sensors import RATIO, SCALE
from potato.core.text import redact
from potato.core.windows import PairWindow, panels, split
from potato.engine.devices import choose_device, one_thread
from potato.engine.threads import available_cores, map_blocks, progress_bar
from potato.errors import InputError
from potato.model.network import Sharpener, fill_pair
from potato.model.weights import load_model, weights_digest
from potato.raster import Pair, PairPixels, Part, check_output, create_picture, gdal, open_pair

BLOCK = 512
"""Default side of a block in pan pixels: small enough for the caches of a core."""

CID = re.compile(r"10[1-6][0-9A-F]{13}")

Path_ = str | os.PathLike[str]


@dataclass(frozen=True)
class Fused(Shown):
    """What `fuse` did.

    Attributes:
        output: the file that was written.
        width, height: its size in pixels.
        valid: the share of its pixels that are valid, 0..1.
        seconds: how long it took, from opening the inputs to the finished file.
        peak_memory: the largest size of this process so far in bytes, or None where the system
            doesn't tell.
    """

    output: Path
    width: int
    height: int
    valid: float
    seconds: float
    peak_memory: int | None

    @property
    def speed(self) -> float:
        """Megapixels of pan per second."""
        return self.width * self.height / 1e6 / self.seconds

    def view(self) -> View:
        """What a notebook shows: all of the picture, made small."""
        from potato.raster import encode_png, open_picture, read_overview

        with gdal(), open_picture(self.output) as image:
            codes, valid, _ = read_overview(image, THUMBNAIL_SIDE)
            drawn = draw_picture(codes, valid, image.dataset.tags())
        facts = {
            "file": str(self.output),
            "size": f"{self.width} × {self.height} pixels, {self.valid:.1%} valid",
            "speed": f"{self.speed:.1f} Mpx/s in {self.seconds:.1f} s",
        }
        return View("Sharpened picture", facts, encode_png(drawn))

    def __str__(self) -> str:
        """The one line that the command prints."""
        memory = "" if self.peak_memory is None else f", peak memory {self.peak_memory / 1e6:.0f} MB"
        share = "nothing valid in it: all masked" if self.valid == 0 else f"{self.valid:.0%} valid"
        return (
            f"{self.output}: {self.width} × {self.height} pixels, {share}; "
            f"{self.speed:.1f} Mpx/s in {self.seconds:.1f} s{memory}"
        )


def fuse(
    pan: Path_,
    mul: Path_,
    output: Path_,
    *,
    weights: Path_ | Sharpener | None = None,
    look: str | Look = "natural",
    profile: str = "cog",
    creation_options: Mapping[str, str] | None = None,
    device: str = "auto",
    workers: int | None = None,
    block: int = BLOCK,
    overwrite: bool = False,
    progress: bool = False,
) -> Fused:
    """Sharpen a pair of files into one picture in true colour, on the grid of pan.

    Memory is bounded whatever the size of the image. The file is the same, byte for byte, whatever
    `workers` is; it is there whole or not at all.

    Args:
        pan: the panchromatic image, as for `open_pair`.
        mul: the multispectral one.
        output: the GeoTIFF to write: red, green, blue and alpha (0 where either input is invalid).
        weights: as for `load_model`, or a model.
        look: `natural` (8 bits, toned for viewing), `flat` (16 bits, colorimetric), or a `Look`.
        profile: `cog` or `tiled`.
        creation_options: GDAL creation options on top of the profile's.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        workers: threads at work on blocks; None for one per core that this process may use.
        block: side of a block in pan pixels, a multiple of 4. Doesn't show in the result.
        overwrite: whether to replace a file.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError, PairError, BandError: if the pair can't be used.
        WeightsError: if the weights can't.
        OutputError, OutputExists: if the output can't be written.
        BlockError: if the work fails on a block.
    """
    if isinstance(look, str):
        look = LOOKS[look]
    check_output(output, overwrite)
    model = weights if isinstance(weights, Sharpener) else load_model(weights)
    with gdal(), open_pair(pan, mul) as pair:
        return fuse_pair(
            pair,
            output,
            model,
            look=look,
            profile=profile,
            creation_options=creation_options,
            device=device,
            workers=workers,
            block=block,
            overwrite=overwrite,
            progress=progress,
        )


def fuse_pair(
    pair: Pair,
    output: Path_,
    model: Sharpener,
    *,
    look: Look,
    part: Part | None = None,
    profile: str = "cog",
    creation_options: Mapping[str, str] | None = None,
    device: str = "auto",
    workers: int | None = None,
    block: int = BLOCK,
    overwrite: bool = False,
    progress: bool = False,
) -> Fused:
    """Sharpen an open pair, or a part of it, inside `raster.gdal`.

    Args:
        pair: from `open_pair`.
        output: the GeoTIFF to write.
        model: stays as it is.
        look: what to render.
        part: what to show of the pair; only blocks that it touches are read. None for all.
        profile: this and what follows: as for `fuse`.
        creation_options: see there.
        device: see there.
        workers: see there.
        block: see there.
        overwrite: see there.
        progress: see there.

    Raises:
        InputError, OutputError, BlockError: as `fuse` does.
    """
    started = time.perf_counter()
    if block < RATIO or block % RATIO:
        raise InputError(f"expected a block of a multiple of {RATIO} pan pixels, found {block}")
    workers = workers or available_cores()
    target = choose_device(device)
    digest = weights_digest(model)
    model = copy.deepcopy(model).to(target).to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub lacks it
    part = part or Part(pair.grid, PairWindow(0, 0, pair.height, pair.width))
    region, grid = part.window, part.picture
    picture = create_picture(
        output,
        grid,
        dtype=f"uint{look.bits}",
        profile=PROFILES[profile],
        options=creation_options,
        tags=_tags(pair, look, digest),
        overwrite=overwrite,
    )
    valid = 0
    work = functools.partial(_fuse_block, model, look, part)
    blocks = (
        (window, (window, pixels))
        for panel in panels(region, PANEL // RATIO)
        for window, pixels in _blocks(pair, part, panel, block // RATIO, model.apron)
    )
    # Enough to keep the workers busy while this thread writes a row of tiles or reads one of blocks.
    ahead = 2 * workers + max(1, TIFF_BLOCK // block) * -(-min(PANEL, grid.width) // block)
    bar = progress_bar(grid.width * grid.height, progress)
    with bar, picture as canvas, one_thread():
        for window, codes in map_blocks(blocks, work, workers, ahead):
            row, column = (window.row - region.row) * RATIO, (window.column - region.column) * RATIO
            canvas.put(row, column, codes, window.height * RATIO)
            if codes is not None:
                valid += int(np.count_nonzero(codes[3, : grid.height - row, : grid.width - column]))
            bar.update(window.height * window.width * RATIO * RATIO / 1e6)
    seconds = time.perf_counter() - started
    return Fused(
        Path(output), grid.width, grid.height, valid / (grid.width * grid.height), seconds, peak_memory()
    )


def _blocks(
    pair: Pair, part: Part, panel: PairWindow, block: int, apron: int
) -> Iterator[tuple[PairWindow, PairPixels | None]]:
    """The blocks of a panel; None in place of pixels, unread, where the part has nothing of them."""
    if part.cells is None:
        yield from pair.blocks(panel, block, apron)
        return
    for windows in split(panel, block):
        for touched, run in itertools.groupby(windows, part.touches):
            first, *rest = run
            if touched:
                last = rest[-1] if rest else first
                together = PairWindow(first.row, first.column, first.height, last.right - first.column)
                yield from pair.blocks(together, block, apron)
            else:
                yield from ((window, None) for window in (first, *rest))


def fuse_pixels(
    model: Sharpener, pixels: PairPixels, look: Look, row: int = 0, column: int = 0
) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """Sharpen the pixels of a window that brings the model's apron.

    Args:
        model: on the device that is to do the work.
        pixels: a window of h + 2·apron by w + 2·apron cells.
        look: what to render.
        row: pan row of the picture at which the result begins; sets the phase of the dither.
        column: its pan column.

    Returns:
        RGBA codes (4, 4h, 4w), 0 where invalid; None if nothing is valid.
    """
    height, width = (side - 2 * model.apron for side in pixels.mul_valid.shape)
    core = pixels.crop(model.apron, model.apron, height, width)
    alpha = core.pan_valid & np.repeat(np.repeat(core.mul_valid, RATIO, 0), RATIO, 1)
    if not alpha.any():
        return None
    device = next(iter(model.parameters()), torch.empty(0)).device
    with torch.inference_mode():
        pan = _tensor(_cells(pixels.pan).astype(np.float32)).to(device) / SCALE
        mul = torch.from_numpy(pixels.mul.astype(np.float32, order="C"))[None].to(device) / SCALE
        if not (pixels.pan_valid.all() and pixels.mul_valid.all()):
            pan_valid = _tensor(_cells(pixels.pan_valid)).to(device)
            mul_valid = torch.from_numpy(pixels.mul_valid.copy())[None, None].to(device)
            pan, mul = fill_pair(pan, mul, pan_valid, mul_valid, model.radius)
        beyond = model.apron - model.margin
        inner = (..., slice(beyond, -beyond), slice(beyond, -beyond))
        oklab = _in_rows(model(pan[inner], mul[inner]))
        threshold: torch.Tensor | float = 0.5
        if look.bits == 8:
            fine = dither(height * RATIO, width * RATIO, row, column).to(device)
            threshold = fine.view(height, RATIO, width, RATIO).transpose(1, 2).reshape(height, -1)
        codes = render(oklab, look, threshold).cpu().numpy().astype(f"uint{look.bits}")
    result = np.empty((4, height * RATIO, width * RATIO), codes.dtype)
    # Back to the rows and columns of the picture, four pixels as one number.
    fours = codes.view(f"u{RATIO * codes.itemsize}").reshape(3, height, width, RATIO)
    result[:3].view(fours.dtype).reshape(3, height, RATIO, width)[...] = fours.swapaxes(2, 3)
    result[:3] *= alpha
    np.multiply(alpha, look.white, out=result[3], casting="unsafe")
    return result


def _cells(image: NDArray[Any]) -> NDArray[Any]:
    """An image (4h, 4w) in cells (h, w, 16), the four pixels of a cell's row moved as one number."""
    height, width = (side // RATIO for side in image.shape)
    fours = image.view(f"u{RATIO * image.itemsize}").reshape(height, RATIO, width)
    return fours.swapaxes(1, 2).copy().view(image.dtype)


def _tensor(image: NDArray[Any]) -> torch.Tensor:
    """An image (h, w, c) as a tensor (1, c, h, w), its channels still last in memory."""
    return torch.from_numpy(image).movedim(-1, 0)[None]


def _in_rows(cells: torch.Tensor) -> torch.Tensor:
    """Cells (1, 16·c, h, w) as (c, h, 16·w): the pixels of each cell beside each other."""
    pixels: torch.Tensor = cells[0].unflatten(0, (-1, RATIO * RATIO)).permute(0, 2, 3, 1)
    return pixels.flatten(2)


def _fuse_block(
    model: Sharpener, look: Look, part: Part, block: tuple[PairWindow, PairPixels | None]
) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    window, pixels = block
    if pixels is None:
        return None
    codes = fuse_pixels(model, pixels, look, window.row * RATIO, window.column * RATIO)
    if codes is not None and part.cells is not None:
        codes *= part.mask(window)
    return codes


def _tags(pair: Pair, look: Look, digest: str) -> dict[str, str]:
    """What a reader of the file may want to know; no time, so that the same input gives the same bytes."""
    names = [redact(path).rstrip("/").rsplit("/", 1)[-1] for path in (pair.pan_path, pair.mul_path)]
    tags = {
        "TIFFTAG_SOFTWARE": f"potato {metadata.version('potato')}",
        "POTATO_PAN": names[0],
        "POTATO_MUL": names[1],
        "POTATO_WEIGHTS": digest,
        **look.tags,
    }
    cid = CID.search(names[0])
    if cid:
        tags["POTATO_CID"] = cid.group()
    return tags


def peak_memory() -> int | None:
    """The largest resident size of this process so far in bytes; None on systems that don't tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
