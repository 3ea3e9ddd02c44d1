"""Reading one image of any kind: a pan, a mul, a finished picture."""

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.windows import Window

from potato.core.draw import overview_step
from potato.core.radiometry import Calibration
from potato.errors import InputError
from potato.raster.coordinates import Grid
from potato.raster.gdal_env import (
    GDAL_ERRORS,
    gdal_reason,
    is_remote,
    reopen_dataset,
)

AVERAGE = Resampling.average
"""Without overviews, coarser pixels are means of valid ones, as those of overviews are."""

WHOLE_NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
"""Data types that hold neither NaN nor infinity."""


class Image:
    """One open image: some of its bands, and which of its pixels are valid.

    The dataset's mask band or alpha says which pixels are valid; if each band has a mask, all of
    them. Without either, a pixel is invalid if every band has its nodata value there, or 0 where
    the file names none that its numbers can have. NaN is invalid too.

    Attributes:
        path: the path as the caller gave it, for messages.
        dataset: the open dataset.
        indexes: GDAL's numbers of the bands that are read, from 1.
        calibration: how the numbers of the file become counts; None to read them as they are.
        nodata: the values that mark invalid pixels, one for each band or one for all, in place of
            the file's own mask, alpha or nodata values; empty for the file's own.
        step: pixels of the file along one pixel of this image; above 1, overviews are read.
        corner: row and column in the file at which this image begins.
        has_mask: whether a mask band or an alpha band says which pixels are valid.
        dtype: data type of the pixels that are read.
        grid: size and place of this image; a partial pixel at the far edges is left out.
    """

    def __init__(
        self,
        path: str,
        dataset: Any,
        indexes: Sequence[int],
        *,
        calibration: Calibration | None = None,
        nodata: Sequence[float] = (),
    ) -> None:
        self.path = path
        self.dataset = dataset
        self.indexes = list(indexes)
        self.calibration = calibration
        self.nodata = tuple(nodata)
        self.step, self.corner = 1, (0, 0)
        self._alpha = None if nodata else _alpha_band(dataset, self.indexes)
        flags = dataset.mask_flag_enums[self.indexes[0] - 1]
        self._masks_each = not flags
        own_mask = not flags or (MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags)
        self.has_mask = not nodata and (self._alpha is not None or own_mask)
        self._invalid = _invalid_values(dataset, self.indexes, self.nodata)
        self._file_dtype: str = dataset.dtypes[self.indexes[0] - 1]
        self.dtype = "uint16" if calibration else self._file_dtype
        self.grid = self._file_grid()

    @property
    def files(self) -> list[str]:
        """Names of the local files that it is read from: masks, metadata, sources of a VRT."""
        return [] if is_remote(self.dataset.name) else list(self.dataset.files)

    def coarser(self, factor: int, corner: tuple[int, int] = (0, 0)) -> "Image":
        """This image `factor` times coarser, beginning at row and column `corner` of the file."""
        return self._view(self.dataset, self.step * factor, corner)

    def finer(self, factor: int) -> "Image":
        """The whole image `factor` times finer, if it was made coarser by a multiple of that."""
        return self._view(self.dataset, self.step // factor, (0, 0))

    def reopened(self) -> "Image":
        """This image with the file opened once more, for another thread.

        Raises:
            InputError: if it can't be opened any more.
        """
        return self._view(reopen_dataset(self.dataset), self.step, self.corner)

    def _view(self, dataset: Any, step: int, corner: tuple[int, int]) -> "Image":
        view = copy.copy(self)
        view.dataset, view.step, view.corner = dataset, step, corner
        view.grid = view._file_grid()
        return view

    def _file_grid(self) -> Grid:
        """The grid of the pixels of the file, from the corner on, by the step."""
        row, column = self.corner
        return Grid(
            (self.dataset.height - row) // self.step,
            (self.dataset.width - column) // self.step,
            self.dataset.crs,
            self.dataset.transform @ Affine.translation(column, row) @ Affine.scale(self.step),
        )

    def read_valid(
        self, window: Window, pixels: NDArray[Any] | None = None, shape: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Find the valid pixels of a window; every reader asks here.

        Args:
            window: pixels of the file, all inside it.
            pixels: the window's bands (n, rows, columns) as the file has them, if they were read
                already.
            shape: rows and columns of the result, if it is to be coarser than the window.

        Returns:
            bool (rows, columns).
        """
        good: NDArray[np.bool_]
        if pixels is None and not (self.has_mask and self._file_dtype in WHOLE_NUMBERS):
            size = None if shape is None else (len(self.indexes), *shape)
            pixels = self.dataset.read(self.indexes, window=window, out_shape=size)
        if self._alpha is not None:
            good = self.dataset.read(self._alpha, window=window, out_shape=shape) > 0
        elif self.has_mask:
            bands = self.indexes if self._masks_each else self.indexes[:1]
            size = None if shape is None else (len(bands), *shape)
            good = (self.dataset.read_masks(bands, window=window, out_shape=size) > 0).all(0)
        else:
            assert pixels is not None
            good = (pixels != self._invalid).any(0)
        if pixels is not None and self._file_dtype not in WHOLE_NUMBERS:
            good &= np.isfinite(pixels).all(0)
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
            inside = pixels[:, rows, columns]
            with self._explained(window):
                raw = np.empty(inside.shape, self._file_dtype) if self.calibration else inside
                self.dataset.read(self.indexes, window=window, out=raw, resampling=AVERAGE)
                valid[rows, columns] = self.read_valid(window, raw, shape)
            if self.calibration:
                inside[:] = self.calibration.apply(raw)
        return pixels, valid

    def read_mask(self, row: int, column: int, height: int, width: int) -> NDArray[np.bool_]:
        """Which pixels of a window are valid, as `read` tells, without its bands if a mask tells.

        Raises:
            InputError: if the file can't be read there.
        """
        if not self.has_mask:
            return Image.read(self, row, column, height, width)[1]
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
        except GDAL_ERRORS as error:
            raise InputError(
                f"can't read {self.path}, rows {window.row_off}–{window.row_off + window.height}, "
                f"columns {window.col_off}–{window.col_off + window.width}: "
                f"the file is damaged or cut short, fetch it again ({gdal_reason(error)})"
            ) from error


def read_reduced(image: Image, side: int) -> tuple[NDArray[Any], NDArray[np.bool_], int]:
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


def _alpha_band(dataset: Any, indexes: Sequence[int]) -> int | None:
    """GDAL's number of an alpha band that isn't read itself; its masks ignore one of many bands."""
    meanings = zip(dataset.indexes, dataset.colorinterp, strict=True)
    found = (index for index, meaning in meanings if meaning == ColorInterp.alpha)
    return next((index for index in found if index not in indexes), None)


def _invalid_values(dataset: Any, indexes: Sequence[int], nodata: Sequence[float]) -> NDArray[Any]:
    """The value (n, 1, 1), or one for all bands (), that marks an invalid pixel."""
    own = [0.0 if value is None else value for value in (dataset.nodatavals[n - 1] for n in indexes)]
    values, kind = np.array(nodata or own), np.dtype(dataset.dtypes[indexes[0] - 1])
    # In the type of the pixels, if it has these values: others take four times as long to compare,
    # and a float of 32 bits isn't the number of 64 bits that it was rounded from.
    if all(holds(kind, value) for value in values.tolist()):
        values = values.astype(kind)
    return values[0] if len(set(values.tolist())) == 1 else values[:, None, None]


def holds(kind: np.dtype[Any], value: float) -> bool:
    """Whether a type of numbers has a value; floats have any that isn't beyond their largest."""
    if kind.kind not in "iu":
        return not np.isfinite(value) or abs(value) <= float(np.finfo(kind).max)
    return bool(value % 1 == 0 and np.iinfo(kind).min <= value <= np.iinfo(kind).max)


def opaque_bands(dataset: Any) -> tuple[list[int], list[str]]:
    """Numbers of the bands that aren't alpha, and their data types, each once."""
    meanings = zip(dataset.indexes, dataset.colorinterp, strict=True)
    indexes = [index for index, meaning in meanings if meaning != ColorInterp.alpha]
    return indexes, sorted({dataset.dtypes[index - 1] for index in indexes})
