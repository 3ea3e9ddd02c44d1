"""Reading pairs: opening, checking, and taking windows and blocks out of them."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window

from potato.errors import BandError, InputError, PairError
from potato.raster.gdal import Grid, open_dataset
from potato.sensor import BAND_ALIASES, BANDS, RATIO
from potato.windows import PairWindow, split

__all__ = ["Image", "Pair", "PairPixels", "mul_bands", "open_pair", "pan_band"]

CORNER_TOLERANCE = 0.1
"""Pan pixels by which the corners of a pair may miss each other: float noise in transforms, not more."""


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
        has_mask: whether a mask band or alpha decides what is valid.
        invalid: else, the value that is invalid if every band has it.
    """

    def __init__(self, path: str, dataset: Any, indexes: Sequence[int]) -> None:
        self.path = path
        self.dataset = dataset
        self.indexes = list(indexes)
        flags = dataset.mask_flag_enums[self.indexes[0] - 1]
        self.has_mask = MaskFlags.per_dataset in flags
        nodata = dataset.nodatavals[self.indexes[0] - 1]
        self.invalid = 0 if nodata is None else nodata

    def read_valid(
        self, window: Window, pixels: NDArray[np.uint16] | None = None, shape: tuple[int, int] | None = None
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

    def read(
        self, row: int, column: int, height: int, width: int
    ) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """Bands (n, height, width) and validity (height, width); 0 and invalid outside the image."""
        top, left = max(row, 0), max(column, 0)
        bottom = min(row + height, self.dataset.height)
        right = min(column + width, self.dataset.width)
        pixels = np.zeros((len(self.indexes), height, width), np.uint16)
        valid = np.zeros((height, width), np.bool_)
        if top >= bottom or left >= right:
            return pixels, valid
        window = Window(left, top, right - left, bottom - top)
        try:
            inside = self.dataset.read(self.indexes, window=window)
            good = self.read_valid(window, inside)
        except RasterioError as error:
            cause = " ".join(str(error.__cause__ or error).split())
            raise InputError(
                f"can't read {self.path}, rows {top}–{bottom}, columns {left}–{right}: "
                f"the file is damaged or cut short, fetch it again ({cause})"
            ) from error
        place = (slice(top - row, bottom - row), slice(left - column, right - column))
        pixels[:, *place] = inside
        valid[place] = good
        return pixels, valid


class Pair:
    """An open pan and mul of the same ground. A context manager; not for use in several threads.

    Attributes:
        pan_path, mul_path: as they were given.
        grid: the grid of pan.
        height, width: size in cells, counted from pan's upper left corner; the last may be partial.
    """

    def __init__(self, pan_path: str, mul_path: str, pan: Image, mul: Image, row: int, column: int) -> None:
        self.pan_path, self.mul_path = pan_path, mul_path
        self._pan, self._mul = pan, mul
        self._row, self._column = row, column
        fine = pan.dataset
        self.grid = Grid(fine.height, fine.width, fine.crs, fine.transform)
        self.height = math.ceil(fine.height / RATIO)
        self.width = math.ceil(fine.width / RATIO)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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


def open_pair(pan: str | os.PathLike[str], mul: str | os.PathLike[str]) -> Pair:
    """Open a pair and check that it is one.

    Args:
        pan: a panchromatic image: one band of uint16 reflectance × 10,000. Anything GDAL opens: a path,
            `https://…`, `s3://…`, `zip://…`, `/vsi…`, a VRT.
        mul: the 8 multispectral bands of the same ground, four times coarser. Bands are found by their
            names where the file names them, else by position. It may reach beyond pan, or start elsewhere,
            if its pixels nest on pan's grid, 4 × 4 in one.

    Raises:
        InputError: if a file can't be opened.
        BandError: if bands or data type aren't the expected ones.
        PairError: if the two don't share CRS, ratio and corners, or no ground; says by how much.
    """
    pan_path, mul_path = os.fspath(pan), os.fspath(mul)
    if pan_path == mul_path:
        raise PairError(f"expected a pan and a mul, found the same file twice: {pan_path}")
    with contextlib.ExitStack() as stack:
        fine = stack.enter_context(contextlib.closing(open_dataset(pan_path, "pan")))
        coarse = stack.enter_context(contextlib.closing(open_dataset(mul_path, "mul")))
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
            f"expected pan and mul in one CRS, found {_crs_name(pan.crs)} and {_crs_name(mul.crs)}; "
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


def _crs_name(crs: Any) -> str:
    return crs.to_string()[:60] if crs else "none"
