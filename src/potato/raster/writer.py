"""Writing pictures: GeoTIFFs that are whole or absent, the same bytes each time."""

import contextlib
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from potato.core.profiles import PANEL, TILE, Profile
from potato.errors import OutputError, OutputExists
from potato.raster.gdal_env import Grid, placeless, refusals


class Picture:
    """A picture being written: blocks come in, whole rows of tiles go out.

    Blocks come panel after panel (`profiles.PANEL` pixels wide), in each row after row, left to right.
    So the bytes of the file depend on its pixels alone, not on the blocks that they came in.

    Attributes:
        marks: a valid pixel (row, column) of every tile that has one.
    """

    def __init__(self, dataset: Any, bands: int, dtype: str, folder: Path) -> None:
        self._dataset = dataset
        self._folder = folder
        self._bands, self._dtype = bands, dtype
        self._left, self._top = 0, 0
        self._rows = self._empty(0)
        self.marks: list[tuple[int, int]] = []

    def put(self, row: int, column: int, pixels: NDArray[Any] | None, height: int) -> None:
        """Place pixels (bands, height, width), or nothing (None: 0), at (`row`, `column`).

        The part beyond the picture is cut off.
        """
        if column // PANEL * PANEL != self._left:
            self.finish()
            self._left, self._top = column // PANEL * PANEL, 0
            self._rows = self._empty(self._left)
        bottom = min(row + height, self._dataset.height)
        if bottom > self._top + self._rows.shape[1]:
            self._flush(row)
            more = bottom - self._top - self._rows.shape[1]
            self._rows = np.pad(self._rows, ((0, 0), (0, more), (0, 0)))
        if pixels is not None:
            left, right = column - self._left, min(column + pixels.shape[2], self._dataset.width) - self._left
            self._rows[:, row - self._top : bottom - self._top, left:right] = pixels[
                :, : bottom - row, : right - left
            ]

    def finish(self) -> None:
        """Write what is left."""
        self._flush(self._dataset.height)

    def _empty(self, left: int) -> NDArray[Any]:
        """The rows of a panel before there are any; `left` is its first column."""
        return np.zeros((self._bands, 0, min(PANEL, self._dataset.width - left)), self._dtype)

    def _flush(self, row: int) -> None:
        """Write the rows of tiles that end above `row`, or everything if it is the picture's last."""
        height = self._dataset.height
        complete = height if row >= height else row // TILE * TILE
        if complete <= self._top:
            return
        _check_space(self._folder, self._rows.nbytes)
        for top in range(self._top, complete, TILE):
            tall = min(TILE, height - top)
            tiles = self._rows[:, top - self._top : top - self._top + tall]
            self._dataset.write(tiles, window=Window(self._left, top, tiles.shape[2], tall))
            for left in range(0, tiles.shape[2], TILE):
                valid = tiles[-1, :, left : left + TILE]
                if valid.any():
                    row_in, column_in = np.unravel_index(valid.argmax(), valid.shape)
                    self.marks.append((top + int(row_in), self._left + left + int(column_in)))
        self._rows = self._rows[:, complete - self._top :].copy()
        self._top = complete


def check_output(output: str | os.PathLike[str], overwrite: bool) -> Path:
    """The path of an output, if it may be written.

    | there already | overwrite | result       |
    |---------------|-----------|--------------|
    | no            | either    | the path     |
    | a file        | yes       | the path     |
    | a file        | no        | OutputExists |
    | a folder      | either    | OutputError  |

    Raises:
        OutputExists, OutputError: as in the table; OutputError also if its folder is missing.
    """
    path = Path(output)
    if path.is_dir():
        raise OutputError(f"{path}: expected the name of a file to write, found a folder")
    if path.exists() and not overwrite:
        raise OutputExists(f"{path}: there is a file of this name already; choose another or use --overwrite")
    if not path.parent.is_dir():
        raise OutputError(
            f"{path}: expected an existing folder, found none at {path.parent}; create it first"
        )
    return path


@contextlib.contextmanager
def create_picture(
    output: str | os.PathLike[str],
    grid: Grid,
    *,
    dtype: str,
    profile: Profile,
    options: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Iterator[Picture]:
    """Write an RGBA GeoTIFF that is whole or absent.

    It grows in a hidden folder beside its target and takes its name when it is finished; on any failure
    the folder goes and the target stays as it was.

    Args:
        output: where to write.
        grid: size and place.
        dtype: `uint8` or `uint16`.
        profile: the format.
        options: GDAL creation options on top of the profile's.
        tags: metadata to set.
        overwrite: whether to replace a file.

    Yields:
        The picture to put blocks into.

    Raises:
        OutputError: if it can't be written, or an option is unknown to the driver.
        OutputExists: if a file is there and `overwrite` is off.
    """
    path = check_output(output, overwrite)
    chosen = {**profile.options, **{name.upper(): value for name, value in (options or {}).items()}}
    direct = profile.driver == "GTiff"
    # Between the two steps of a COG the pixels rest in a file that costs little time to write.
    staging = (
        chosen if direct else {"TILED": "YES", "BLOCKXSIZE": "512", "BLOCKYSIZE": "512", "BIGTIFF": "YES"}
    )
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{path.name}.", suffix=".partial", dir=path.parent
        ) as folder:
            whole = Path(folder) / path.name
            stage = whole if direct else Path(folder) / "stage.tif"
            with refusals(path):
                dataset = rasterio.open(
                    stage,
                    "w",
                    driver="GTiff",
                    height=grid.height,
                    width=grid.width,
                    count=4,
                    dtype=dtype,
                    crs=grid.crs,
                    transform=grid.transform if grid.placed else None,
                    PHOTOMETRIC="RGB",
                    ALPHA="NON-PREMULTIPLIED",
                    INTERLEAVE="PIXEL",
                    **{"SPARSE_OK": "YES", **staging},
                )
            try:
                dataset.colorinterp = [
                    ColorInterp.red,
                    ColorInterp.green,
                    ColorInterp.blue,
                    ColorInterp.alpha,
                ]
                dataset.descriptions = ("red", "green", "blue", "alpha")
                dataset.update_tags(**(tags or {}))
                picture = Picture(dataset, 4, dtype, Path(folder))
                yield picture
                with refusals(path):
                    picture.finish()
                    dataset.close()
            finally:
                dataset.close()
            if not direct:
                _check_space(Path(folder), 4 * grid.width * grid.height * np.dtype(dtype).itemsize)
                with refusals(path):
                    if not any(name.upper().startswith("OVERVIEW") for name in options or {}):
                        _build_overviews(stage, chosen["OVERVIEW_RESAMPLING"])
                    rasterio.shutil.copy(stage, whole, driver=profile.driver, **chosen)
            _check_whole(whole, path, picture.marks)
            check_output(path, overwrite)
            whole.replace(path)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{path}: can't write there: {error.strerror or error}") from error


def _build_overviews(stage: Path, resampling: str) -> None:
    """Give a file overviews down to one tile; the COG driver takes them over.

    Left to itself it makes the same ones, packed and unpacked again on the way, in three times the time.
    """
    # Threads for this alone: readers that have them can hang when a server fails half way (GDAL 3.10).
    with rasterio.Env(GDAL_NUM_THREADS="ALL_CPUS"), rasterio.open(stage, "r+") as dataset:
        levels = math.ceil(math.log2(max(dataset.width, dataset.height, TILE) / TILE))
        if levels:
            factors = [2**level for level in range(1, levels + 1)]
            dataset.build_overviews(factors, Resampling[resampling.lower()])


def _check_space(folder: Path, size: int) -> None:
    """Refuse to write `size` bytes where there is no room: a full disk is only a mutter to GDAL."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise OutputError(
            f"{folder.parent}: the disk is full: expected room for {size / 1e6:.0f} MB more, "
            f"found {free / 1e6:.0f} MB; free some and run again"
        )


def _check_whole(file: Path, path: Path, marks: Sequence[tuple[int, int]]) -> None:
    """Refuse a file that lacks a tile, or has one beyond its end; `path` is what the message calls it.

    A write that fails when GDAL closes the file (a full disk, a quota) raises nothing at all.
    """
    complaint = f"{path}: it could not be written in full; is the disk full?"
    size = file.stat().st_size
    try:
        with placeless(), rasterio.open(file) as dataset:
            tall, wide = dataset.block_shapes[0]
            for row, column in marks:
                start, length = (
                    int(
                        dataset.get_tag_item(f"BLOCK_{what}_{column // wide}_{row // tall}", "TIFF", bidx=1)
                        or 0
                    )
                    for what in ("OFFSET", "SIZE")
                )
                if not length or start + length > size:
                    raise OutputError(complaint)
    except RasterioError as error:
        raise OutputError(f"{complaint} ({error})") from error
