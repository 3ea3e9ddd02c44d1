"""Writing images: GeoTIFFs that are whole or absent, and the same bytes each time."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp

from potato.core.profiles import TIFF_BLOCK, Profile
from potato.core.types import PathLike
from potato.engine.forks import LibraryThreads
from potato.engine.threads import available_cores
from potato.raster.atomic import staging_folder
from potato.raster.checked_files import CheckedFiles, checked_files
from potato.raster.cog import image_options, join
from potato.raster.coordinates import Grid
from potato.raster.finished import WHOLE, check_blocks, check_space, count_valid, grid_of, move_into_place
from potato.raster.gdal_env import gdal, refusals
from potato.raster.output_files import GEOTIFF, check_output
from potato.raster.overviews import PlacedBlock, Size, halve_blocks, overview_grids, with_overviews
from potato.raster.trial import check_place, try_options

RGB = "red", "green", "blue"

_POOL = LibraryThreads()
"""GDAL's threads that compress."""

_STAGE = "stage.tif"
"""Name of an image that waits for a COG to be made of it."""

_QUICK = {
    "TILED": "YES",
    "BLOCKXSIZE": str(TIFF_BLOCK),
    "BLOCKYSIZE": str(TIFF_BLOCK),
    "INTERLEAVE": "BAND",
    "BIGTIFF": "YES",
}
"""Creation options of files that are quick to write, of which GDAL makes a COG."""

Halves = Callable[[Sequence[PlacedBlock]], Iterator[PlacedBlock]]
"""Makes, of some TIFF blocks, those parts of the next overview that show the same."""


@dataclass(frozen=True)
class Channels:
    """The bands of a file that is written.

    Attributes:
        dtype: `uint8` or `uint16`.
        names: their descriptions.
        scale: reflectance of one count; pixels of 0 are invalid. None for red, green, blue and
            alpha, which tells what is valid.
    """

    dtype: str
    names: tuple[str, ...] = (*RGB, "alpha")
    scale: float | None = None

    @property
    def has_alpha(self) -> bool:
        """Whether the last one is alpha."""
        return self.scale is None

    @property
    def creation_options(self) -> dict[str, str]:
        """Creation options by which GDAL knows what they are."""
        if self.has_alpha:
            return {"PHOTOMETRIC": "RGB", "ALPHA": "NON-PREMULTIPLIED"}
        return {"PHOTOMETRIC": "MINISBLACK"}

    def size(self, grid: Grid) -> int:
        """Bytes of their pixels on a grid, uncompressed."""
        return len(self.names) * grid.width * grid.height * np.dtype(self.dtype).itemsize

    def describe(self, dataset: Any) -> None:
        """Name the bands of a new dataset, and say what their numbers mean."""
        dataset.descriptions = self.names
        if set(self.names) >= set(RGB):
            meanings = {name: ColorInterp[name] for name in (*RGB, "alpha")}
            dataset.colorinterp = [meanings.get(name, ColorInterp.undefined) for name in self.names]
        if self.scale is not None:
            dataset.scales = (self.scale,) * len(self.names)


class Picture:
    """A picture being written: it takes blocks, and writes whole TIFF blocks.

    Blocks come panel after panel (`core.profiles.panel_width`), within a panel row after row,
    within a row from left to right. TIFF blocks are written once and in one order, so the bytes of
    the file depend on its pixels alone, not on the blocks that they came in.

    Attributes:
        grid: size and place; those of the finished file at the end, which creation options such as
            TARGET_SRS may change.
        valid: number of valid pixels that were written; of the finished file at the end.
        marks: row and column of one valid pixel in every TIFF block that has any.
    """

    def __init__(self, grid: Grid, files: CheckedFiles, sizes: Sequence[Size], halves: Halves) -> None:
        """Write among `files`, whose disk must have room.

        Args:
            grid: size and place.
            files: where the files of `sizes` lie.
            sizes: the picture itself, and the overviews that are made of it.
            halves: makes an overview of each of some TIFF blocks.
        """
        self.grid = grid
        self.valid = 0
        self.marks: list[tuple[int, int]] = []
        self._files = files
        self._sizes = sizes
        self._halves = halves
        self._row = 0
        self._right = 0

    @property
    def share(self) -> float:
        """The share of its pixels that are valid, 0..1."""
        return self.valid / (self.grid.height * self.grid.width)

    def put(self, row: int, column: int, pixels: NDArray[Any] | None, height: int) -> None:
        """Place a block; the part of it beyond the picture is cut off.

        Args:
            row: its first row.
            column: its first column.
            pixels: (bands, height, width), not to be changed afterwards; None for a block of zeros.
            height: its rows.
        """
        if row != self._row:
            # The TIFF blocks above a new row of blocks are complete; so is all above a new panel.
            self._write(row // TIFF_BLOCK * TIFF_BLOCK if row > self._row else self.grid.height)
            self._row = row
        if pixels is not None:
            self._sizes[0].place(row, column, pixels)
            self._right = max(self._right, column + pixels.shape[2])

    def finish(self) -> None:
        """Write what is left."""
        self._right = self.grid.width
        self._write(self.grid.height)

    def _write(self, end: int) -> None:
        """Write what is complete now that all pixels of the panel above row `end` are there."""
        for level, size in enumerate(self._sizes):
            blocks = size.take(functools.partial(self._is_complete, end, level))
            check_space(self._files.folder, sum(pixels.nbytes for _, _, pixels in blocks))
            coarser = self._sizes[level + 1 : level + 2]
            halves = [self._halves(blocks) for _ in coarser]  # made while the blocks are written
            for block in blocks:
                with self._files.uninterrupted():
                    size.write(block)
                if not level:
                    self._count(*block)
            for overview, parts in zip(coarser, halves, strict=True):
                for part in parts:
                    overview.place(*part)
        self._files.check()

    def _is_complete(self, end: int, level: int, top: int, left: int) -> bool:
        """Whether all pixels are there of a TIFF block of the picture, or of an overview."""
        bottom = min((top + TIFF_BLOCK) << level, self.grid.height)
        right = min((left + TIFF_BLOCK) << level, self.grid.width)
        # A panel is as wide as several TIFF blocks of the picture, but not always of an overview.
        return bottom <= end and (not level or right <= self._right)

    def _count(self, top: int, left: int, pixels: NDArray[Any]) -> None:
        """Count the valid pixels of a TIFF block of the picture, and keep the place of one."""
        valid = pixels[-1]
        if count := int(np.count_nonzero(valid)):
            self.valid += count
            row, column = np.unravel_index(valid.argmax(), valid.shape)
            self.marks.append((top + int(row), left + int(column)))


@contextlib.contextmanager
def create_picture(
    output: PathLike,
    grid: Grid,
    *,
    channels: Channels,
    profile: Profile,
    options: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> Iterator[Picture]:
    """Write a GeoTIFF of several bands that is whole or absent.

    The file grows in a hidden folder beside its target and takes its name when it is finished.
    After any failure the folder is gone and the target is as it was.

    Args:
        output: the file to write.
        grid: size and place.
        channels: what its bands are. A pixel is valid where the last of them isn't 0.
        profile: the format.
        options: GDAL creation options, which replace or add to those of the profile.
        tags: metadata of the file.
        threads: threads that compress; None for one per core that this process may use.
        overwrite: whether to replace a file.

    Yields:
        The picture to put blocks into.

    Raises:
        OutputError: if it can't be written, or the driver doesn't know an option.
        OutputExists: if there is such a file and `overwrite` is off.
    """
    path = check_output(output, overwrite, endings=GEOTIFF)
    extra = {name.upper(): value for name, value in (options or {}).items()}
    direct = profile.driver == "GTiff"
    # GDAL makes what the user's creation options ask for, and overviews if these are among it.
    joined = not direct and not extra
    averaged = not direct and not any(name.startswith("OVERVIEW") for name in extra)
    with staging_folder(path) as folder, checked_files(folder) as files, _POOL.used() as alive:
        threads = (threads or available_cores()) if alive else 1
        # While ZSTD compresses a picture as it comes, most cores are busy making it; a thread of
        # GDAL's takes a third longer for a TIFF block than the calling thread itself. DEFLATE is
        # slow enough to need all of them.
        compressing = str(max(1, threads // 2 if direct else threads))
        chosen = {**_usual(channels, profile), "NUM_THREADS": compressing, **extra}
        check_place(path, grid, extra)
        for beside in check_creation(path, grid, channels, profile, extra):
            check_output(beside, overwrite)
        grids = [grid, *(overview_grids(grid) if averaged else ())]
        names = [WHOLE] if direct else [f"size-{level}.tif" for level in range(len(grids))]
        written = chosen if direct else image_options(chosen) if joined else _QUICK
        with contextlib.ExitStack() as opened:
            with refusals(path), files.uninterrupted():
                datasets = [
                    opened.enter_context(contextlib.closing(_create(files, channels, name, size, written)))
                    for name, size in zip(names, grids, strict=True)
                ]
                channels.describe(datasets[0])
                datasets[0].update_tags(**(tags or {}))
            pool = opened.enter_context(ThreadPoolExecutor(threads, thread_name_prefix="potato-overviews"))
            halves = functools.partial(halve_blocks, pool, channels.has_alpha)
            picture = Picture(grid, files, [Size(dataset) for dataset in datasets], halves)
            yield picture
            with refusals(path):
                picture.finish()
                with files.uninterrupted():
                    opened.close()
        files.check()
        if joined:
            join(files, names, WHOLE)
        elif not direct:
            check_space(folder, channels.size(grid))
            with refusals(path), files.uninterrupted():
                source = with_overviews(files, names) if averaged else names[0]
                files.copy(source, WHOLE, profile.driver, **chosen)
        files.check()
        found = grid_of(folder / WHOLE)
        if found.transform == grid.transform:
            check_blocks(folder / WHOLE, path, picture.marks)
        else:
            picture.grid, picture.valid = found, count_valid(folder / WHOLE)
        move_into_place(folder, path, overwrite)


def check_creation(
    path: Path, grid: Grid, channels: Channels, profile: Profile, options: Mapping[str, str]
) -> list[Path]:
    """Refuse creation options that GDAL doesn't take, before a picture is made with them.

    Args:
        path: the picture to be made, for messages.
        grid: of that picture.
        channels: what its bands are.
        profile: the format.
        options: GDAL creation options, which replace or add to those of the profile.

    Returns:
        The files that they make beside it.

    Raises:
        OutputError: if GDAL refuses one; the message names them.
    """
    if not options:
        return []
    given = {name.upper(): value for name, value in options.items()}
    own = channels.creation_options if profile.driver == "GTiff" else {}
    wanted = {**own, **_usual(channels, profile), **given}
    return try_options(path, grid, channels.dtype, len(channels.names), profile.driver, wanted, given)


def _usual(channels: Channels, profile: Profile) -> dict[str, str]:
    """The creation options of a profile."""
    return {**profile.options, **({} if channels.has_alpha else profile.band_options)}


def _create(
    files: CheckedFiles, channels: Channels, name: str, grid: Grid, options: Mapping[str, str]
) -> Any:
    """An empty GeoTIFF, open for writing."""
    return files.create(
        name,
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=len(channels.names),
        dtype=channels.dtype,
        crs=grid.crs,
        transform=grid.transform if grid.placed else None,
        nodata=None if channels.has_alpha else 0,
        **{"SPARSE_OK": "YES", "INTERLEAVE": "PIXEL", **channels.creation_options, **options},
    )


def write_image(
    path: Path, pixels: NDArray[Any], valid: NDArray[np.bool_] | None, grid: Grid, names: Sequence[str]
) -> None:
    """Write an image as the ARD has them: a Cloud Optimized GeoTIFF, DEFLATE, with band names.

    Args:
        path: the file to write; replaced if it is there, whole or absent.
        pixels: (n, h, w), written as they are.
        valid: bool (h, w), the mask band; None for a file without one, whose nodata value is 0.
        grid: size and place.
        names: n band descriptions, such as BAND_P.

    Raises:
        OutputError: if it can't be written.
    """
    # Small images have small tiles, so that windows of them are read as those of large images are.
    tile = TIFF_BLOCK if max(grid.height, grid.width) > 2 * TIFF_BLOCK else TIFF_BLOCK // 4
    with (
        staging_folder(path) as folder,
        checked_files(folder) as files,
        refusals(path),
        gdal(),
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        files.uninterrupted(),
    ):
        with files.create(
            _STAGE,
            driver="GTiff",
            dtype=pixels.dtype,
            count=len(pixels),
            height=grid.height,
            width=grid.width,
            crs=grid.crs,
            transform=grid.transform,
            nodata=0 if valid is None else None,
            photometric="RGB" if tuple(names) == ("BAND_R", "BAND_G", "BAND_B") else "MINISBLACK",
        ) as file:
            file.write(pixels)
            file.descriptions = tuple(names)
            if valid is not None:
                file.write_mask(valid)
        options = {"COMPRESS": "DEFLATE", "LEVEL": "1", "PREDICTOR": "YES", "OVERVIEW_RESAMPLING": "AVERAGE"}
        files.copy(_STAGE, WHOLE, "COG", BLOCKSIZE=str(tile), **options)
        files.check()
        (folder / WHOLE).replace(path)
