"""The way of pictures through the block engine: read in blocks, worked on in threads, written in order."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.core.profiles import PANEL, PROFILES
from potato.core.text import redact
from potato.core.windows import PixelWindow, pixel_windows
from potato.engine.devices import one_thread
from potato.engine.threads import available_cores, map_blocks, progress_bar
from potato.errors import OutputError
from potato.raster import Grid, Image, create_picture

BLOCK = 512
"""Side of a block in pixels: a tile of most files, and small enough for the caches of a core."""

Codes = NDArray[np.uint8] | NDArray[np.uint16]
"""RGBA codes (4, h, w) of a block, 0 where invalid."""

Result = TypeVar("Result")


class Settings(TypedDict, total=False):
    """What every tool takes besides its own arguments; each may be left out.

    Attributes:
        profile: `cog` or `tiled`.
        creation_options: GDAL creation options on top of the profile's.
        workers: threads at work on blocks; None for one per core that this process may use.
        overwrite: whether to replace a file.
        progress: whether to draw a progress bar on stderr.
    """

    profile: str
    creation_options: Mapping[str, str] | None
    workers: int | None
    overwrite: bool
    progress: bool


@dataclass(frozen=True)
class Block:
    """The same piece of one or two images.

    Attributes:
        window: where it lies.
        pixels: of each image, (n, h, w).
        valid: of each image, bool (h, w).
    """

    window: PixelWindow
    pixels: tuple[NDArray[Any], ...]
    valid: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True)
class Print:
    """A picture to be made.

    Attributes:
        output: the GeoTIFF to write.
        grid: size and place.
        bits: 8 or 16 bits a channel.
        tags: metadata to set.
    """

    output: str | os.PathLike[str]
    grid: Grid
    bits: int
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Developed:
    """A picture that was made.

    Attributes:
        output: the file.
        width, height: its size in pixels.
        valid: the share of its pixels that are valid, 0..1.
    """

    output: Path
    width: int
    height: int
    valid: float

    def __str__(self) -> str:
        """The line that the command prints."""
        share = "nothing valid in it: all masked" if self.valid == 0 else f"{self.valid:.0%} valid"
        return f"{self.output}: {self.width} × {self.height} pixels, {share}"


def work_through(
    images: Sequence[Image], work: Callable[[Block], Result], workers: int | None, progress: bool
) -> Iterator[tuple[PixelWindow, Result]]:
    """Work on images of one size block by block, in bounded memory; results in the order of writing.

    Args:
        images: open, and used in this thread alone.
        work: what to do with each block, in other threads.
        workers: how many threads; None for one per core.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if a file is damaged.
        BlockError: if `work` fails.
    """
    grid = images[0].grid
    workers = workers or available_cores()
    blocks = (
        (window, _read_block(images, window))
        for window in pixel_windows(grid.height, grid.width, BLOCK, PANEL)
    )
    # Enough to keep the workers busy while this thread writes a row of tiles.
    ahead = 2 * workers + -(-min(PANEL, grid.width) // BLOCK)
    with progress_bar(grid.height * grid.width, progress) as bar, one_thread():
        for window, result in map_blocks(blocks, work, workers, ahead):
            yield window, result
            bar.update(window.height * window.width / 1e6)


def develop(
    images: Sequence[Image],
    prints: Sequence[Print],
    work: Callable[[Block], Sequence[tuple[Tensor, NDArray[np.bool_]]]],
    **settings: Unpack[Settings],
) -> tuple[Developed, ...]:
    """Make pictures of images of one size, all in one pass.

    Args:
        images: open, inside `raster.gdal`.
        prints: what to write.
        work: from a block to codes (3, h, w), whole numbers, and validity (h, w), of every print; called only
            where anything is valid.
        **settings: as `Settings` says.

    Raises:
        InputError: if a file is damaged.
        OutputError, OutputExists: if a picture can't be written.
        BlockError: if `work` fails.
    """
    places = [Path(each.output).resolve() for each in prints]
    if len(set(places)) < len(places):
        raise OutputError(f"expected different names for the pictures to write, found {places[0]} twice")
    with contextlib.ExitStack() as stack:
        canvases = [
            stack.enter_context(
                create_picture(
                    each.output,
                    each.grid,
                    dtype=f"uint{each.bits}",
                    profile=PROFILES[settings.get("profile", "cog")],
                    options=settings.get("creation_options"),
                    tags={"TIFFTAG_SOFTWARE": f"potato {metadata.version('potato')}", **each.tags},
                    overwrite=settings.get("overwrite", False),
                )
            )
            for each in prints
        ]
        valid = [0] * len(prints)
        expose = functools.partial(_expose, work, [each.bits for each in prints])
        results = work_through(images, expose, settings.get("workers"), settings.get("progress", False))
        for window, exposures in results:
            for n, codes in enumerate(exposures):
                canvases[n].put(window.row, window.column, codes, window.height)
                valid[n] += 0 if codes is None else int(np.count_nonzero(codes[3]))
    return tuple(
        Developed(
            Path(each.output), each.grid.width, each.grid.height, count / (each.grid.width * each.grid.height)
        )
        for each, count in zip(prints, valid, strict=True)
    )


def bits_of(image: Image) -> int:
    """Bits a channel of a picture."""
    return 8 * np.dtype(image.dtype).itemsize


def name_of(image: Image) -> str:
    """The bare name of an image's file, fit for a tag."""
    return redact(image.path).rstrip("/").rsplit("/", 1)[-1]


def _read_block(images: Sequence[Image], window: PixelWindow) -> Block:
    parts = [image.read(window.row, window.column, window.height, window.width) for image in images]
    return Block(window, tuple(pixels for pixels, _ in parts), tuple(valid for _, valid in parts))


def _expose(
    work: Callable[[Block], Sequence[tuple[Tensor, NDArray[np.bool_]]]], bits: Sequence[int], block: Block
) -> list[Codes | None]:
    """What `work` makes of a block as RGBA; None where nothing is valid."""
    if not any(valid.any() for valid in block.valid):
        return [None] * len(bits)
    with torch.inference_mode():
        return [_rgba(*made, depth) for made, depth in zip(work(block), bits, strict=True)]


def _rgba(codes: Tensor, valid: NDArray[np.bool_], bits: int) -> Codes | None:
    if not valid.any():
        return None
    result = np.empty((4, *valid.shape), f"uint{bits}")
    result[:3] = codes.numpy()
    result[:3] *= valid
    np.multiply(valid, (1 << bits) - 1, out=result[3], casting="unsafe")
    return result
