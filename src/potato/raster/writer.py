"""Writing images: GeoTIFFs that are whole or absent, and the same bytes each time."""

import contextlib
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from potato.core.profiles import TIFF_BLOCK, Profile
from potato.core.types import PathLike
from potato.engine.forks import LibraryThreads
from potato.engine.threads import available_cores
from potato.raster.atomic import staging_folder
from potato.raster.checked_files import CheckedFiles, checked_files
from potato.raster.coordinates import Grid
from potato.raster.finished import WHOLE, check_blocks, check_space, count_valid, grid_of, move_into_place
from potato.raster.gdal_env import gdal, refusals
from potato.raster.output_files import GEOTIFF, check_output
from potato.raster.overviews import Overviews, open_overviews, with_overviews
from potato.raster.trial import check_place, try_options

RGB = "red", "green", "blue"

_POOL = LibraryThreads()
"""GDAL's threads that compress."""

_STAGE = "stage.tif"
"""Name of the file whose pixels wait for a COG to be made of them."""


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

    def __init__(
        self, dataset: Any, grid: Grid, files: CheckedFiles, overviews: Overviews | None = None
    ) -> None:
        """`dataset` is open for writing among `files`, whose disk must have room for it."""
        self.grid = grid
        self.valid = 0
        self._dataset = dataset
        self._files = files
        self._overviews = overviews
        self._row = 0
        self._waiting: dict[tuple[int, int], NDArray[Any]] = {}
        self.marks: list[tuple[int, int]] = []

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
            self._write(row // TIFF_BLOCK * TIFF_BLOCK if row > self._row else self._dataset.height)
            self._row = row
        if pixels is None:
            return
        bottom = min(row + height, self._dataset.height)
        right = min(column + pixels.shape[2], self._dataset.width)
        for top in range(row // TIFF_BLOCK * TIFF_BLOCK, bottom, TIFF_BLOCK):
            for left in range(column // TIFF_BLOCK * TIFF_BLOCK, right, TIFF_BLOCK):
                rows = slice(max(top, row), min(top + TIFF_BLOCK, bottom))
                columns = slice(max(left, column), min(left + TIFF_BLOCK, right))
                part = pixels[:, _moved(rows, row), _moved(columns, column)]
                self._place(top, left, part, _moved(rows, top), _moved(columns, left))

    def finish(self) -> None:
        """Write what is left."""
        self._write(self._dataset.height)

    def _place(self, top: int, left: int, part: NDArray[Any], rows: slice, columns: slice) -> None:
        """Place a part of the TIFF block at (`top`, `left`): a view of it, if it is the whole."""
        dataset = self._dataset
        shape = min(TIFF_BLOCK, dataset.height - top), min(TIFF_BLOCK, dataset.width - left)
        if part.shape[1:] == shape:
            self._waiting[top, left] = part
            return
        if (top, left) not in self._waiting:
            self._waiting[top, left] = np.zeros((dataset.count, *shape), dataset.dtypes[0])
        self._waiting[top, left][:, rows, columns] = part

    def _write(self, end: int) -> None:
        """Write the TIFF blocks that begin above row `end`."""
        places = sorted(place for place in self._waiting if place[0] < end)
        blocks = [self._waiting.pop(place) for place in places]
        check_space(self._files.folder, sum(block.nbytes for block in blocks))
        averaged = self._overviews.average(blocks) if self._overviews else itertools.repeat(())
        for (top, left), pixels, levels in zip(places, blocks, averaged, strict=False):
            valid = pixels[-1]
            with self._files.uninterrupted():
                self._dataset.write(pixels, window=Window(left, top, valid.shape[1], valid.shape[0]))
                if self._overviews is not None:
                    self._overviews.put(top, left, levels)
            if count := int(np.count_nonzero(valid)):
                self.valid += count
                row, column = np.unravel_index(valid.argmax(), valid.shape)
                self.marks.append((top + int(row), left + int(column)))
        self._files.check()


def _moved(span: slice, start: int) -> slice:
    return slice(span.start - start, span.stop - start)


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
    # The driver makes overviews itself if the user asks for others than these.
    averaged = not direct and not any(name.startswith("OVERVIEW") for name in extra)
    with staging_folder(path) as folder, checked_files(folder) as files, _POOL.used() as alive:
        threads = (threads or available_cores()) if alive else 1
        # While a picture is compressed as it comes, most cores are busy making it. A thread of
        # GDAL's takes a third longer for a TIFF block than the calling thread itself.
        compressing = str(max(1, threads // 2 if direct else threads))
        chosen = {**_usual(channels, profile), "NUM_THREADS": compressing, **extra}
        check_place(path, grid, extra)
        for beside in check_creation(path, grid, channels, profile, extra):
            check_output(beside, overwrite)
        with contextlib.ExitStack() as opened:
            with refusals(path), files.uninterrupted():
                create = functools.partial(_create, files, channels)
                first = (WHOLE, grid, chosen) if direct else (_STAGE, grid, _staging(TIFF_BLOCK))
                dataset = create(*first)
                opened.enter_context(contextlib.closing(dataset))
                dataset.update_tags(**(tags or {}))
                overviews = None
                if averaged:
                    overviews = opened.enter_context(
                        open_overviews(
                            grid,
                            lambda name, coarse, side: create(name, coarse, _staging(side)),
                            channels.has_alpha,
                            threads,
                        )
                    )
            picture = Picture(dataset, grid, files, overviews)
            yield picture
            with refusals(path):
                picture.finish()
                with files.uninterrupted():
                    opened.close()
        if not direct:
            check_space(folder, channels.size(grid))
            with refusals(path), files.uninterrupted():
                source = with_overviews(files, _STAGE, grid) if averaged else _STAGE
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


def _staging(side: int) -> dict[str, str]:
    """Creation options of a file that holds pixels until a COG is made of them: quick to write."""
    sides = {"BLOCKXSIZE": str(side), "BLOCKYSIZE": str(side)}
    return {"TILED": "YES", **sides, "INTERLEAVE": "BAND", "BIGTIFF": "YES"}


def _create(
    files: CheckedFiles, channels: Channels, name: str, grid: Grid, options: Mapping[str, str]
) -> Any:
    """An empty GeoTIFF, open for writing."""
    dataset = files.create(
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
    channels.describe(dataset)
    return dataset


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
