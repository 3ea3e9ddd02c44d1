"""Reading one image: a pan, a mul, a finished picture or a photograph."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from potato.core.draw import overview_step
from potato.core.sensors import BAND_ALIASES, BANDS, RATIO
from potato.core.text import counted
from potato.core.types import Codes, PathLike
from potato.core.windows import PairWindow
from potato.errors import BandError, GridError, InputError
from potato.raster.coordinates import Grid, crs_name
from potato.raster.gdal_env import gdal, gdal_reason, open_dataset, placeless

CORNER_TOLERANCE = 0.1
"""Pixels by which the corners of two grids may differ: float noise in their transforms."""

AVERAGE = Resampling.average
"""Without overviews, coarser pixels are means of valid ones, as those of overviews are."""

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


class Image:
    """One open image: some of its bands, and which of its pixels are valid.

    The dataset's mask band or alpha says which pixels are valid. Without either, a pixel is invalid
    if every band has the nodata value there, or 0 where the file names no nodata value.

    Attributes:
        path: the path as the caller gave it, for messages.
        dataset: the open dataset.
        indexes: GDAL's numbers of the bands that are read, from 1.
        step: pixels of the file along one pixel of this image; above 1, overviews are read.
        corner: row and column in the file at which this image begins.
        has_mask: whether a mask band or an alpha band says which pixels are valid.
        invalid: the value that marks invalid pixels where there is no mask.
        dtype: data type of the bands.
        grid: size and place of this image; a partial pixel at the far edges is left out.
    """

    def __init__(
        self, path: str, dataset: Any, indexes: Sequence[int], step: int = 1, corner: tuple[int, int] = (0, 0)
    ) -> None:
        self.path = path
        self.dataset = dataset
        self.indexes = list(indexes)
        self.step = step
        self.corner = corner
        flags = dataset.mask_flag_enums[self.indexes[0] - 1]
        self.has_mask = MaskFlags.per_dataset in flags
        nodata = dataset.nodatavals[self.indexes[0] - 1]
        self.invalid = 0 if nodata is None else nodata
        self.dtype: str = dataset.dtypes[self.indexes[0] - 1]
        row, column = corner
        self.grid = Grid(
            (dataset.height - row) // step,
            (dataset.width - column) // step,
            dataset.crs,
            dataset.transform @ Affine.translation(column, row) @ Affine.scale(step),
        )

    def coarser(self, factor: int, corner: tuple[int, int] = (0, 0)) -> "Image":
        """This image `factor` times coarser, beginning at row and column `corner` of the file."""
        return Image(self.path, self.dataset, self.indexes, self.step * factor, corner)

    def reopened(self) -> "Image":
        """This image with the file opened once more, for another thread.

        Raises:
            InputError: if it can't be opened any more.
        """
        dataset = open_dataset(self.dataset.name, "image", self.dataset.driver)
        return Image(self.path, dataset, self.indexes, self.step, self.corner)

    def read_valid(
        self, window: Window, pixels: NDArray[Any] | None = None, shape: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Find the valid pixels of a window; every reader asks here.

        Args:
            window: pixels of the file, all inside it.
            pixels: the window's bands (n, rows, columns), if they were read already.
            shape: rows and columns of the result, if it is to be coarser than the window.

        Returns:
            bool (rows, columns).
        """
        good: NDArray[np.bool_]
        if self.has_mask:
            good = self.dataset.read_masks(self.indexes[0], window=window, out_shape=shape) > 0
            return good
        if pixels is None:
            size = None if shape is None else (len(self.indexes), *shape)
            pixels = self.dataset.read(self.indexes, window=window, out_shape=size)
        good = (pixels != self.invalid).any(0)
        return good

    def read(self, row: int, column: int, height: int, width: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A window of the image, which may reach beyond it.

        Args:
            row: first row, in pixels of this image.
            column: first column.
            height: rows.
            width: columns.

        Returns:
            Bands (n, height, width), and which pixels are valid, bool (height, width). Pixels
            outside the image are 0 and invalid.

        Raises:
            InputError: if the file can't be read there.
        """
        rows, columns, window = self._inside(row, column, height, width)
        shape = rows.stop - rows.start, columns.stop - columns.start
        new = np.empty if shape == (height, width) else np.zeros
        pixels = new((len(self.indexes), height, width), self.dtype)
        valid = new((height, width), np.bool_)
        if all(shape):
            with self._explained(window):
                inside = pixels[:, rows, columns]
                self.dataset.read(self.indexes, window=window, out=inside, resampling=AVERAGE)
                valid[rows, columns] = self.read_valid(window, inside, shape)
        return pixels, valid

    def read_mask(self, row: int, column: int, height: int, width: int) -> NDArray[np.bool_]:
        """Which pixels of a window are valid, as `read` tells, without its bands if a mask tells.

        Raises:
            InputError: if the file can't be read there.
        """
        if not self.has_mask:
            return self.read(row, column, height, width)[1]
        rows, columns, window = self._inside(row, column, height, width)
        shape = rows.stop - rows.start, columns.stop - columns.start
        valid = np.zeros((height, width), np.bool_)
        if all(shape):
            with self._explained(window):
                valid[rows, columns] = self.read_valid(window, shape=shape)
        return valid

    def _inside(self, row: int, column: int, height: int, width: int) -> tuple[slice, slice, Window]:
        """The rows and columns of a window that this image has, and their place in the file."""
        step, (first_row, first_column) = self.step, self.corner
        top, left = max(row, -(first_row // step)), max(column, -(first_column // step))
        bottom = max(top, min(row + height, self.grid.height))
        right = max(left, min(column + width, self.grid.width))
        window = Window(
            left * step + first_column, top * step + first_row, (right - left) * step, (bottom - top) * step
        )
        return slice(top - row, bottom - row), slice(left - column, right - column), window

    @contextlib.contextmanager
    def _explained(self, window: Window) -> Iterator[None]:
        """Turn GDAL's error while a window is read into an InputError."""
        try:
            yield
        except RasterioError as error:
            raise InputError(
                f"can't read {self.path}, rows {window.row_off}–{window.row_off + window.height}, "
                f"columns {window.col_off}–{window.col_off + window.width}: "
                f"the file is damaged or cut short, fetch it again ({gdal_reason(error)})"
            ) from error


@contextlib.contextmanager
def open_picture(path: PathLike) -> Iterator[Image]:
    """Open a finished picture: red, green and blue in 8 or 16 bits, with or without mask or alpha.

    Args:
        path: anything that GDAL opens: a GeoTIFF, a PNG, a VRT; also `https://…`, `s3://…`, `zip://…`.

    Yields:
        The image with its bands red, green and blue. A half-transparent pixel is valid.

    Raises:
        InputError: if it can't be opened.
        BandError: if bands or data type aren't the expected ones.
    """
    name = os.fspath(path)
    with contextlib.closing(open_dataset(name, "picture")) as dataset:
        yield Image(name, dataset, _rgb_bands(name, dataset))


@contextlib.contextmanager
def open_mul(path: PathLike) -> Iterator[Image]:
    """Open a multispectral image by itself, its bands in the order of `core.sensors.BANDS`.

    Args:
        path: anything that GDAL opens.

    Yields:
        The image with its 8 bands.

    Raises:
        InputError: if it can't be opened.
        BandError: if bands or data type aren't the expected ones.
    """
    name = os.fspath(path)
    with contextlib.closing(open_dataset(name, "mul")) as dataset:
        yield Image(name, dataset, mul_bands(name, dataset))


def read_picture(path: PathLike, window: PairWindow) -> Codes:
    """The codes (4, 4h, 4w) of a window of a finished picture; the window lies inside it."""
    with gdal(), rasterio.open(path) as file:
        codes: Codes = file.read(
            window=Window(
                window.column * RATIO, window.row * RATIO, window.width * RATIO, window.height * RATIO
            )
        )
    return codes


def read_photograph(path: PathLike) -> NDArray[np.uint8]:
    """All of a picture without a place on Earth, such as a JPEG.

    Args:
        path: anything that GDAL opens.

    Returns:
        Its first three bands, uint8 (3, h, w).

    Raises:
        InputError: if it can't be read, or has fewer than three bands, or not of 8 bits.
    """
    with gdal(), placeless(), contextlib.closing(open_dataset(os.fspath(path), "photograph")) as file:
        if file.count < 3 or file.dtypes[0] != "uint8":
            raise InputError(
                f"{path}: expected a photograph of 3 bands of 8 bits, found {file.count} of {file.dtypes[0]}"
            )
        try:
            pixels: NDArray[np.uint8] = file.read((1, 2, 3))
        except RasterioError as error:
            raise InputError(f"{path}: can't read this photograph: {error}") from error
    return pixels


def read_overview(image: Image, side: int) -> tuple[NDArray[Any], NDArray[np.bool_], int]:
    """All of an image, made coarser by the smallest power of two by which it fits into a square.

    Args:
        image: open.
        side: pixels along a side of the square.

    Returns:
        Bands (n, h, w), validity, bool (h, w), and the power of two.

    Raises:
        InputError: if the file is damaged.
    """
    step = overview_step(image.grid.height, image.grid.width, side)
    small = image.coarser(step)
    return *small.read(0, 0, small.grid.height, small.grid.width), step


def check_same_grid(first: Image, second: Image) -> None:
    """Refuse two pictures that don't lie on one grid, pixel on pixel.

    If either has no place on Earth, such as a PNG, only the sizes are compared.

    Raises:
        GridError: if they differ; the message says by how much.
    """
    here, there = first.grid, second.grid
    names = f"{first.path} and {second.path}"
    if (here.height, here.width) != (there.height, there.width):
        raise GridError(
            f"expected two pictures of one size, found {here.width} × {here.height} and "
            f"{there.width} × {there.height} pixels in {names}; cut both to one grid first (gdalwarp -te -tr)"
        )
    if not (here.placed and there.placed):
        return
    if here.crs != there.crs:
        raise GridError(
            f"expected two pictures in one CRS, found {crs_name(here.crs)} and {crs_name(there.crs)} in "
            f"{names}; warp one to the grid of the other first (gdalwarp -t_srs -te -tr)"
        )
    step = ~here.transform @ there.transform
    corners = [(x, y) for x in (0, here.width) for y in (0, here.height)]
    miss = max(
        max(abs(end - start) for start, end in zip(corner, step @ corner, strict=True)) for corner in corners
    )
    if miss > CORNER_TOLERANCE:
        raise GridError(
            f"expected two pictures on one grid, found corners up to {miss:.3g} pixels apart in {names}; "
            "warp one to the grid of the other first (gdalwarp -te -tr)"
        )


def _count_bands(path: str, dataset: Any) -> list[int]:
    """Numbers of the bands that aren't alpha; BandError unless all are uint16."""
    indexes, kinds = _opaque_bands(dataset)
    if kinds != ["uint16"]:
        raise BandError(
            f"{path}: expected uint16 (reflectance × 10,000), found {', '.join(kinds)}; "
            "scale and convert it first, for example with gdal_translate -ot UInt16 -scale"
        )
    return indexes


def pan_band(path: str, dataset: Any) -> list[int]:
    """The number of a pan image's one band, in a list.

    Raises:
        BandError: if it has other bands, or isn't uint16.
    """
    indexes = _count_bands(path, dataset)
    if len(indexes) != 1:
        raise BandError(f"{path}: expected a pan image of 1 band, found {len(indexes)} bands")
    return indexes


def mul_bands(path: str, dataset: Any) -> list[int]:
    """Numbers of the 8 bands of a mul image, in the order of `BANDS`.

    Bands are found by their names (`BAND_ALIASES`); 8 bands without names are taken in their order.

    Raises:
        BandError: if bands are missing, only some are named, or they aren't uint16.
    """
    indexes = _count_bands(path, dataset)
    if len(indexes) < len(BANDS):
        raise BandError(
            f"{path}: expected the 8 bands of WorldView-2 or -3 ({', '.join(BANDS)}), "
            f"found {counted(len(indexes), 'band')}"
        )
    names = {(dataset.descriptions[index - 1] or "").strip().lower(): index for index in indexes}
    found = {band: names[alias] for band in BANDS for alias in (band, *BAND_ALIASES[band]) if alias in names}
    if not found and len(indexes) == len(BANDS):
        return indexes
    missing = [band for band in BANDS if band not in found]
    if missing:
        raise BandError(
            f"{path}: expected the names of all 8 bands or of none, found none for {', '.join(missing)}; "
            "give each band a description such as BAND_C, BAND_B, BAND_G, …"
        )
    return [found[band] for band in BANDS]


def _rgb_bands(path: str, dataset: Any) -> list[int]:
    """Numbers of red, green and blue, by colour interpretation, else in the order of the file."""
    indexes, kinds = _opaque_bands(dataset)
    if len(indexes) != len(RGB):
        raise BandError(
            f"{path}: expected a finished picture of 3 bands (red, green, blue), found {len(indexes)}; "
            + ("a mul becomes one by potato mul-to-rgb" if len(indexes) > len(RGB) else "convert it first")
        )
    if kinds not in (["uint8"], ["uint16"]):
        raise BandError(
            f"{path}: expected a finished picture of uint8 or uint16, found {', '.join(kinds)}; "
            "convert it first, for example with gdal_translate -ot UInt16 -scale"
        )
    found = dict(zip(dataset.colorinterp, dataset.indexes, strict=True))
    return [found[colour] for colour in RGB] if found.keys() >= set(RGB) else indexes


def _opaque_bands(dataset: Any) -> tuple[list[int], list[str]]:
    """Numbers of the bands that aren't alpha, and their data types, each once."""
    meanings = zip(dataset.indexes, dataset.colorinterp, strict=True)
    indexes = [index for index, meaning in meanings if meaning != ColorInterp.alpha]
    return indexes, sorted({dataset.dtypes[index - 1] for index in indexes})
