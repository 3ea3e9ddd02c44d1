"""Pictures through the block engine: read in blocks, changed in threads, written in order."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack

import numpy as np
from numpy.typing import NDArray

from potato.core.installation import VERSION
from potato.core.profiles import find_profile, panel_width
from potato.core.text import file_name, valid_share
from potato.core.types import Codes, PathLike
from potato.core.windows import PixelWindow, pixel_windows
from potato.engine.progress import MEGAPIXELS, progress_bar
from potato.engine.threads import available_cores, map_blocks
from potato.errors import OutputError
from potato.raster.coordinates import Grid
from potato.raster.image import Image
from potato.raster.output_files import check_output, keep_inputs
from potato.raster.writer import Channels, create_picture

BLOCK_SIDE = 512
"""Default side of a block in pixels: that of most files' TIFF blocks; it fits a core's caches."""

Rendered = tuple[NDArray[Any], NDArray[np.bool_]]
"""Codes (3, h, w), whole numbers, and validity (h, w)."""

Result = TypeVar("Result")


class ViewingSettings(TypedDict, total=False):
    """Keyword arguments that every tool takes on top of its own; all may be left out.

    Attributes:
        profile: `cog` (default) or `tiled`.
        creation_options: GDAL creation options, added to those of the profile.
        workers: number of threads that work on blocks; by default one per core.
        block: side of a block in pixels; changes no pixel of the result.
        overwrite: whether to replace an existing file.
        progress: whether to draw a progress bar on stderr.
    """

    profile: str
    creation_options: Mapping[str, str] | None
    workers: int | None
    block: int
    overwrite: bool
    progress: bool


@dataclass(frozen=True)
class Block:
    """The pixels of one or more images in one window.

    Attributes:
        window: the window.
        pixels: bands (n, h, w) of each image.
        valid: bool (h, w) of each image.
    """

    window: PixelWindow
    pixels: tuple[NDArray[Any], ...]
    valid: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True)
class OutputSpec:
    """A picture to write.

    Attributes:
        output: path of the GeoTIFF.
        grid: size and georeference.
        bits: 8 or 16 bits a channel.
        tags: metadata of the file.
    """

    output: PathLike
    grid: Grid
    bits: int
    tags: Mapping[str, str]


@dataclass(frozen=True)
class WrittenPicture:
    """A picture that was written.

    Attributes:
        output: path of the file.
        width: columns.
        height: rows.
        valid: share of valid pixels, 0..1.
    """

    output: Path
    width: int
    height: int
    valid: float

    def __str__(self) -> str:
        """The line that the command prints."""
        return f"{self.output}: {self.width} × {self.height} pixels, {valid_share(self.valid)}"


def map_image_blocks(
    images: Sequence[Image],
    work: Callable[[Block], Result],
    workers: int | None = None,
    progress: bool = False,
    block: int = BLOCK_SIDE,
) -> Iterator[tuple[PixelWindow, Result]]:
    """Call a function on each block of some images of one size, in bounded memory.

    Args:
        images: open; they are read in the calling thread only.
        work: the function; it runs in worker threads.
        workers: number of these threads; None for one per core.
        progress: whether to draw a progress bar on stderr.
        block: side of a block in pixels.

    Yields:
        Each window and the result of its block, in the order in which pictures are written.

    Raises:
        InputError: if a file is damaged.
        BlockError: if `work` fails.
    """
    grid = images[0].grid
    workers = workers or available_cores()
    windows = pixel_windows(grid.height, grid.width, block, panel_width())
    blocks = ((window, _read_block(images, window)) for window in windows)
    # Enough blocks to keep the workers busy while this thread writes a row of TIFF blocks.
    ahead = 2 * workers + -(-min(panel_width(), grid.width) // block)
    with progress_bar(grid.height * grid.width / 1e6, MEGAPIXELS, progress) as bar:
        for window, result in map_blocks(blocks, work, workers, ahead):
            yield window, result
            bar.update(window.height * window.width / 1e6)


def check_outputs(outputs: Sequence[PathLike], inputs: Sequence[PathLike], settings: ViewingSettings) -> None:
    """Check the outputs of a tool before it opens its inputs, as `check_output` does."""
    for output in outputs:
        check_output(output, settings.get("overwrite", False), inputs)


def write_pictures(
    images: Sequence[Image],
    outputs: Sequence[OutputSpec],
    work: Callable[[Block], Sequence[Rendered]],
    **settings: Unpack[ViewingSettings],
) -> tuple[WrittenPicture, ...]:
    """Make pictures from images of one size, all in one pass over the images.

    Args:
        images: open, inside `raster.gdal`.
        outputs: the pictures to write.
        work: renders a block for each output; called only where an image is valid.
        **settings: `profile`, `creation_options`, `workers`, `block`, `overwrite`, `progress`
            (`ViewingSettings`).

    Raises:
        InputError: if a file is damaged.
        OutputError, OutputExists: if a picture can't be written.
        BlockError: if `work` fails.
    """
    paths = [Path(spec.output).resolve() for spec in outputs]
    if len(set(paths)) < len(paths):
        raise OutputError(f"expected different names for the pictures to write, found {paths[0]} twice")
    inputs = [name for image in images for name in image.files]
    for path in paths:
        keep_inputs(path, inputs)
    with contextlib.ExitStack() as stack:
        pictures = [
            stack.enter_context(
                create_picture(
                    spec.output,
                    spec.grid,
                    channels=Channels(f"uint{spec.bits}"),
                    profile=find_profile(settings.get("profile", "cog")),
                    options=settings.get("creation_options"),
                    tags={"TIFFTAG_SOFTWARE": f"potato {VERSION}", **spec.tags},
                    overwrite=settings.get("overwrite", False),
                )
            )
            for spec in outputs
        ]
        rendered = map_image_blocks(
            images,
            functools.partial(_render, work, [spec.bits for spec in outputs]),
            settings.get("workers"),
            settings.get("progress", False),
            settings.get("block", BLOCK_SIDE),
        )
        for window, results in rendered:
            for n, codes in enumerate(results):
                pictures[n].put(window.row, window.column, codes, window.height)
    return tuple(
        WrittenPicture(Path(spec.output), made.grid.width, made.grid.height, made.share)
        for spec, made in zip(outputs, pictures, strict=True)
    )


def bits_of(image: Image) -> int:
    """Bits a channel of a picture."""
    return 8 * np.dtype(image.dtype).itemsize


def name_of(image: Image) -> str:
    """The file name of an image without its folder or address, fit for a tag."""
    return file_name(image.path)


def _read_block(images: Sequence[Image], window: PixelWindow) -> Block:
    parts = [image.read(window.row, window.column, window.height, window.width) for image in images]
    return Block(window, tuple(pixels for pixels, _ in parts), tuple(valid for _, valid in parts))


def _render(
    work: Callable[[Block], Sequence[Rendered]], bits: Sequence[int], block: Block
) -> list[Codes | None]:
    """RGBA codes (4, h, w) of a block for each output, or None where nothing is valid."""
    if not any(valid.any() for valid in block.valid):
        return [None] * len(bits)
    return [_rgba(*rendered, depth) for rendered, depth in zip(work(block), bits, strict=True)]


def _rgba(codes: NDArray[Any], valid: NDArray[np.bool_], bits: int) -> Codes | None:
    if not valid.any():
        return None
    result = np.empty((4, *valid.shape), f"uint{bits}")
    result[:3] = codes
    result[:3] *= valid
    np.multiply(valid, (1 << bits) - 1, out=result[3], casting="unsafe")
    return result
