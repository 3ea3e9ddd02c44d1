"""Reading pairs: opening, checking, and taking windows and blocks out of them."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from potato.core.draw import draw_pair, overview_step
from potato.core.notebook import THUMBNAIL_SIDE, Shown, View
from potato.core.resample import BICUBIC_REACH, enlarge_mask
from potato.core.sensors import BAND_ALIASES, BANDS, RATIO
from potato.core.text import redact
from potato.core.windows import PairWindow, split
from potato.errors import BandError, InputError, PairError
from potato.raster.encoding import encode_png
from potato.raster.gdal_env import Grid, gdal, open_dataset

CORNER_TOLERANCE = 0.1
"""Pan pixels by which the corners of a pair may miss each other: float noise in transforms, not more."""

AVERAGE = Resampling.average
"""What stands in for an overview that isn't there: the mean of the valid pixels, as overviews are made."""


@dataclass(frozen=True)
class PairPixels:
    """The pixels of a window of a pair; what lies outside an image is 0 and invalid.

    Attributes:
        pan: uint16 (4h, 4w).
        mul: uint16 (8, h, w), bands in the order of `sensor.BANDS`.
        pan_valid: bool (4h, 4w).
        mul_valid: bool (h, w).
    """

    pan: NDArray[np.uint16]
    mul: NDArray[np.uint16]
    pan_valid: NDArray[np.bool_]
    mul_valid: NDArray[np.bool_]

    def crop(self, row: int, column: int, height: int, width: int) -> "PairPixels":
        """A view of `height` × `width` cells from cell (`row`, `column`) of these pixels."""
        cells = (..., slice(row, row + height), slice(column, column + width))
        fine = (slice(row * RATIO, (row + height) * RATIO), slice(column * RATIO, (column + width) * RATIO))
        return PairPixels(self.pan[fine], self.mul[cells], self.pan_valid[fine], self.mul_valid[cells])

    def above(self, below: "PairPixels") -> "PairPixels":
        """These pixels with `below` joined at the lower edge."""
        join = np.concatenate
        return PairPixels(
            join([self.pan, below.pan]),
            join([self.mul, below.mul], axis=1),
            join([self.pan_valid, below.pan_valid]),
            join([self.mul_valid, below.mul_valid]),
        )


class Image:
    """One open image: some of its bands, and which of its pixels are valid.

    Validity is the dataset's mask band or alpha if it has one, else its nodata value, else 0 in every band.

    Attributes:
        path: as it was given, for messages.
        dataset: the open dataset.
        indexes: of the bands that are read.
        step: pixels of the file along one of these; above 1 they come from overviews, if there are any.
        corner: row and column in the file at which the first begins.
        has_mask: whether a mask band or alpha decides what is valid.
        invalid: else, the value that is invalid if every band has it.
        dtype: of the bands.
        grid: size and place; only whole pixels count.
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

    def read_valid(
        self, window: Window, pixels: NDArray[Any] | None = None, shape: tuple[int, int] | None = None
    ) -> NDArray[np.bool_]:
        """Which pixels of a window inside the image are valid: the one place that decides.

        Args:
            window: what to look at.
            pixels: its bands, if they were read already; a mask makes them needless.
            shape: rows and columns of the result, where the window is to be thinned out.
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
        """Bands (n, height, width) and validity (height, width); 0 and invalid outside the image."""
        step, (first_row, first_column) = self.step, self.corner
        top, left = max(row, -(first_row // step)), max(column, -(first_column // step))
        bottom, right = min(row + height, self.grid.height), min(column + width, self.grid.width)
        pixels = np.zeros((len(self.indexes), height, width), self.dtype)
        valid = np.zeros((height, width), np.bool_)
        if top >= bottom or left >= right:
            return pixels, valid
        shape = bottom - top, right - left
        window = Window(left * step + first_column, top * step + first_row, shape[1] * step, shape[0] * step)
        try:
            inside = self.dataset.read(
                self.indexes, window=window, out_shape=(len(self.indexes), *shape), resampling=AVERAGE
            )
            good = self.read_valid(window, inside, shape)
        except RasterioError as error:
            cause = " ".join(str(error.__cause__ or error).split())
            raise InputError(
                f"can't read {self.path}, rows {window.row_off}–{window.row_off + window.height}, "
                f"columns {window.col_off}–{window.col_off + window.width}: "
                f"the file is damaged or cut short, fetch it again ({cause})"
            ) from error
        place = (slice(top - row, bottom - row), slice(left - column, right - column))
        pixels[:, *place] = inside
        valid[place] = good
        return pixels, valid


class Pair(Shown):
    """An open pan and mul of the same ground. A context manager; not for use in several threads.

    Attributes:
        pan_path, mul_path: as they were given.
        grid: the grid of pan.
        height, width: size in cells, counted from pan's upper left corner; the last may be partial.
        factor: pan pixels of the file along one of these; 1 unless it was `reduced`.
    """

    def __init__(self, pan_path: str, mul_path: str, pan: Image, mul: Image, row: int, column: int) -> None:
        self.pan_path, self.mul_path = pan_path, mul_path
        self._pan, self._mul = pan, mul
        self._row, self._column = row, column
        self.grid = pan.grid
        self.factor = pan.step
        self.height = math.ceil(self.grid.height / RATIO)
        self.width = math.ceil(self.grid.width / RATIO)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pan(self) -> Image:
        """The pan image, open as long as the pair is."""
        return self._pan

    @property
    def images(self) -> tuple[Image, Image]:
        """Pan and mul, each with its dataset."""
        return self._pan, self._mul

    def view(self) -> View:
        """What a notebook shows."""
        small = self.reduced(overview_step(RATIO * self.height, RATIO * self.width, THUMBNAIL_SIDE))
        window = PairWindow(0, 0, small.height, small.width)
        pixels = small.read(window)
        if small.factor % RATIO:
            mul, valid = small.read(window.padded(BICUBIC_REACH)).mul, enlarge_mask(pixels.mul_valid)
        else:  # mul has as many pixels as are shown
            mul, valid = small.read_colour(window)
        size = f"{self.grid.width} × {self.grid.height} pixels of pan"
        paths = {"pan": redact(self.pan_path), "mul": redact(self.mul_path)}
        facts = paths | {"size": size, "CRS": crs_name(self.grid.crs)}
        return View("Pair", facts, encode_png(draw_pair(pixels.pan, mul, pixels.pan_valid, valid)))

    def close(self) -> None:
        """Close both files."""
        self._pan.dataset.close()
        self._mul.dataset.close()

    def read(self, window: PairWindow) -> PairPixels:
        """The pixels of any window, also one that reaches beyond the images.

        Raises:
            InputError: if a file can't be read there.
        """
        pan, pan_valid = self._pan.read(
            window.row * RATIO, window.column * RATIO, window.height * RATIO, window.width * RATIO
        )
        mul, mul_valid = self._mul.read(
            window.row + self._row, window.column + self._column, window.height, window.width
        )
        return PairPixels(pan[0], mul, pan_valid, mul_valid)

    def read_colour(self, window: PairWindow) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """Mul on the grid of pan, which it has by itself where a pair is reduced by 4 or more.

        Returns:
            Bands (8, 4h, 4w) in the order of `sensor.BANDS`, and where both images are valid (4h, 4w).

        Raises:
            InputError: if a file can't be read there.
            ValueError: if mul is coarser than that.
        """
        if self.factor % RATIO:
            raise ValueError(f"expected a pair reduced by a multiple of {RATIO}, found {self.factor}")
        mul = Image(self.mul_path, self._mul.dataset, self._mul.indexes, self._mul.step // RATIO)
        shape = window.height * RATIO, window.width * RATIO
        bands, valid = mul.read(
            (window.row + self._row) * RATIO, (window.column + self._column) * RATIO, *shape
        )
        return bands, valid & self._pan.read(window.row * RATIO, window.column * RATIO, *shape)[1]

    def reduced(self, factor: int) -> "Pair":
        """The same pair `factor` times coarser: a pair like any other, of the same open files.

        It is read through overviews where the files have them; a power of two finds them. Its cells are
        `factor` × `factor` of mul's pixels, counted from mul's corner as those of overviews are, so its
        corner may lie up to one of them outside of pan. At the far edges only whole pixels count.

        Raises:
            ValueError: if `factor` isn't positive.
        """
        if factor < 1:
            raise ValueError(f"expected a factor of 1 or more, found {factor}")
        (row, above), (column, before) = divmod(self._row, factor), divmod(self._column, factor)
        (top, left), fine = self._pan.corner, self._pan.step * RATIO
        corner = top - above * fine, left - before * fine
        pan = Image(self.pan_path, self._pan.dataset, self._pan.indexes, self._pan.step * factor, corner)
        mul = Image(self.mul_path, self._mul.dataset, self._mul.indexes, self._mul.step * factor)
        return Pair(self.pan_path, self.mul_path, pan, mul, row, column)

    def blocks(self, region: PairWindow, block: int, apron: int) -> Iterator[tuple[PairWindow, PairPixels]]:
        """A region of the pair in blocks, with margins, reading every row of the files once.

        Args:
            region: what to read.
            block: side of a block in cells.
            apron: cells of margin on every side of it.

        Yields:
            Each block's window, without its margin, and its pixels, with it (views, not to be changed).
        """
        above: PairPixels | None = None
        for windows in split(region, block):
            rows = PairWindow(windows[0].row, region.column, windows[0].height, region.width).padded(apron)
            if above is None:
                strip = self.read(rows)
            else:
                new = PairWindow(rows.row + 2 * apron, rows.column, rows.height - 2 * apron, rows.width)
                strip = above.above(self.read(new))
            for window in windows:
                side = window.padded(apron)
                yield window, strip.crop(0, side.column - rows.column, side.height, side.width)
            above = strip.crop(rows.height - 2 * apron, 0, 2 * apron, rows.width)


def open_pair(pan: str | os.PathLike[str], mul: str | os.PathLike[str], *, driver: str | None = None) -> Pair:
    """Open a pair and check that it is one.

    Args:
        pan: a panchromatic image: one band of uint16 reflectance × 10,000. Anything GDAL opens: a path,
            `https://…`, `s3://…`, `zip://…`, `/vsi…`, a VRT.
        mul: the 8 multispectral bands of the same ground, four times coarser. Bands are found by their
            names where the file names them, else by position. It may reach beyond pan, or start elsewhere,
            if its pixels nest on pan's grid, 4 × 4 in one.
        driver: GDAL's name of the format that a stranger's files must have, as for `open_dataset`.

    Raises:
        InputError: if a file can't be opened.
        BandError: if bands or data type aren't the expected ones.
        PairError: if the two don't share CRS, ratio and corners, or no ground; says by how much.
    """
    pan_path, mul_path = os.fspath(pan), os.fspath(mul)
    if pan_path == mul_path:
        raise PairError(f"expected a pan and a mul, found the same file twice: {pan_path}")
    with gdal(), contextlib.ExitStack() as stack:
        fine = stack.enter_context(contextlib.closing(open_dataset(pan_path, "pan", driver)))
        coarse = stack.enter_context(contextlib.closing(open_dataset(mul_path, "mul", driver)))
        pan_image = Image(pan_path, fine, pan_band(pan_path, fine))
        mul_image = Image(mul_path, coarse, mul_bands(mul_path, coarse))
        row, column = _nest(fine, coarse)
        stack.pop_all()
    return Pair(pan_path, mul_path, pan_image, mul_image, row, column)


def _colour_bands(path: str, dataset: Any) -> list[int]:
    """Indexes of the bands that aren't alpha, all uint16."""
    indexes = [
        index
        for index, meaning in zip(dataset.indexes, dataset.colorinterp, strict=True)
        if meaning != ColorInterp.alpha
    ]
    kinds = sorted({dataset.dtypes[index - 1] for index in indexes})
    if kinds != ["uint16"]:
        raise BandError(
            f"{path}: expected uint16 (reflectance × 10,000), found {', '.join(kinds)}; "
            "scale and convert it first, for example with gdal_translate -ot UInt16 -scale"
        )
    return indexes


def pan_band(path: str, dataset: Any) -> list[int]:
    """The index of the one band of a pan image, in a list; BandError if it has others."""
    indexes = _colour_bands(path, dataset)
    if len(indexes) != 1:
        raise BandError(f"{path}: expected a pan image of 1 band, found {len(indexes)} bands")
    return indexes


def mul_bands(path: str, dataset: Any) -> list[int]:
    """Indexes of the 8 bands in the order of `BANDS`, by name where the file names any; or BandError."""
    indexes = _colour_bands(path, dataset)
    if len(indexes) < len(BANDS):
        raise BandError(
            f"{path}: expected the 8 bands of WorldView-2 or -3 ({', '.join(BANDS)}), "
            f"found {len(indexes)} band{'s' if len(indexes) != 1 else ''}"
        )
    names = {(dataset.descriptions[index - 1] or "").strip().lower(): index for index in indexes}
    found = {band: names[alias] for band in BANDS for alias in BAND_ALIASES[band] if alias in names}
    if not found and len(indexes) == len(BANDS):
        return indexes
    missing = [band for band in BANDS if band not in found]
    if missing:
        raise BandError(
            f"{path}: expected the names of all 8 bands or of none, found none for {', '.join(missing)}; "
            "give each band a description such as BAND_C, BAND_B, BAND_G, …"
        )
    return [found[band] for band in BANDS]


def _nest(pan: Any, mul: Any) -> tuple[int, int]:
    """Row and column, in mul pixels, of pan's upper left corner in mul."""
    if pan.crs != mul.crs:
        raise PairError(
            f"expected pan and mul in one CRS, found {crs_name(pan.crs)} and {crs_name(mul.crs)}; "
            "reproject neither: ask for a pair delivered on one grid"
        )
    to_pan = ~pan.transform @ mul.transform
    size = max(mul.width, mul.height)
    drift = size * max(abs(to_pan.a - RATIO), abs(to_pan.e - RATIO), abs(to_pan.b), abs(to_pan.d))
    if drift > 4 * CORNER_TOLERANCE:
        raise PairError(
            f"expected mul pixels {RATIO} times as large as pan's, found {to_pan.a:.6g} × {to_pan.e:.6g}"
            + (f", turned by {to_pan.b:.3g} and {to_pan.d:.3g}" if to_pan.b or to_pan.d else "")
            + "; are these from one delivery?"
        )
    column, row = -to_pan.c / RATIO, -to_pan.f / RATIO
    miss_x, miss_y = (RATIO * (value - round(value)) for value in (column, row))
    if max(abs(miss_x), abs(miss_y)) > CORNER_TOLERANCE:
        raise PairError(
            "expected pan's corner to lie on a corner of a mul pixel, found it off by "
            f"{-miss_x:+.3g} pan pixels across and {-miss_y:+.3g} down "
            f"(corners {to_pan.c:+.4g} and {to_pan.f:+.4g} pan pixels apart)"
        )
    row, column = round(row), round(column)
    right, bottom = column + pan.width / RATIO, row + pan.height / RATIO
    if right <= 0 or bottom <= 0 or column >= mul.width or row >= mul.height:
        raise PairError(
            "expected pan and mul of the same ground, found no ground in common: mul starts "
            f"{to_pan.c:+.0f} pan pixels across and {to_pan.f:+.0f} down from pan, "
            f"which is {pan.width} × {pan.height}"
        )
    return row, column


def crs_name(crs: Any) -> str:
    """What to call a CRS in a message."""
    return crs.to_string()[:60] if crs else "none"
