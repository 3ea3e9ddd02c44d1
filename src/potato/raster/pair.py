"""Reading pairs: opening and checking them, and reading windows and blocks."""

import contextlib
import math
import os
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from potato.core.draw import draw_pair, overview_step
from potato.core.notebook import THUMBNAIL_SIDE, Shown, View
from potato.core.resample import BICUBIC_REACH, enlarge_mask
from potato.core.sensors import RATIO
from potato.core.text import redact
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.errors import InputError, PairError
from potato.raster.coordinates import crs_name
from potato.raster.encoding import encode_png
from potato.raster.gdal_env import gdal, open_dataset
from potato.raster.image import CORNER_TOLERANCE, Image, mul_bands, pan_band


@dataclass(frozen=True)
class PairPixels:
    """The pixels of a window of a pair.

    Pixels outside an image are 0 and invalid, like masked ones.

    Attributes:
        pan: uint16 (4h, 4w).
        mul: uint16 (8, h, w), bands in the order of `core.sensors.BANDS`.
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


class Pair(Shown):
    """An open pan and mul of the same ground; a context manager, for the thread that opened it.

    Attributes:
        pan_path, mul_path: the paths as the caller gave them.
        pan, mul: the images, open as long as the pair is.
        row, column: the pixel of mul at pan's upper left corner; may lie outside mul.
        grid: the grid of pan.
        height, width: size in cells, counted from pan's upper left corner; the last may be partial.
        factor: pan pixels of the file along one pixel of this pair; 1 unless it was `reduced`.
    """

    def __init__(self, pan: Image, mul: Image, row: int, column: int) -> None:
        self.pan_path, self.mul_path = pan.path, mul.path
        self.pan, self.mul = pan, mul
        self.row, self.column = row, column
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
        self.pan.dataset.close()
        self.mul.dataset.close()

    def reopened(self) -> "Pair":
        """This pair with files of its own, for another thread.

        Raises:
            InputError: if a file can't be opened any more.
        """
        pan = self.pan.reopened()
        try:
            return Pair(pan, self.mul.reopened(), self.row, self.column)
        except InputError:
            pan.dataset.close()
            raise

    def read(self, window: PairWindow) -> PairPixels:
        """The pixels of a window, which may reach beyond the images.

        Raises:
            InputError: if a file can't be read there.
        """
        pan, pan_valid = self.pan.read(
            window.row * RATIO, window.column * RATIO, window.height * RATIO, window.width * RATIO
        )
        mul, mul_valid = self.mul.read(
            window.row + self.row, window.column + self.column, window.height, window.width
        )
        return PairPixels(pan[0], mul, pan_valid, mul_valid)

    def read_colour(self, window: PairWindow) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """Read mul on the grid of pan, for a pair reduced by a multiple of 4.

        Returns:
            Bands (8, 4h, 4w) in the order of `core.sensors.BANDS`, and which pixels are valid in
            both images, bool (4h, 4w).

        Raises:
            InputError: if a file can't be read there.
            ValueError: if the pair isn't reduced by a multiple of 4.
        """
        if self.factor % RATIO:
            raise ValueError(f"expected a pair reduced by a multiple of {RATIO}, found {self.factor}")
        mul = Image(self.mul_path, self.mul.dataset, self.mul.indexes, self.mul.step // RATIO)
        shape = window.height * RATIO, window.width * RATIO
        bands, valid = mul.read(
            (window.row + self.row) * RATIO, (window.column + self.column) * RATIO, *shape
        )
        return bands, valid & self.pan.read_mask(window.row * RATIO, window.column * RATIO, *shape)

    def reduced(self, factor: int) -> "Pair":
        """This pair `factor` times coarser: a pair like any other, of the same open files.

        Pixels are read from overviews where the files have them, as they usually do for powers of
        two. A cell is `factor` × `factor` of mul's pixels, counted from mul's corner as overviews
        are, so the first cell may begin outside pan. Partial pixels at the far edges are left out.

        Args:
            factor: 1 or more.

        Raises:
            ValueError: if `factor` isn't positive.
        """
        if factor < 1:
            raise ValueError(f"expected a factor of 1 or more, found {factor}")
        (row, above), (column, before) = divmod(self.row, factor), divmod(self.column, factor)
        (top, left), fine = self.pan.corner, self.pan.step * RATIO
        corner = top - above * fine, left - before * fine
        return Pair(self.pan.coarser(factor, corner), self.mul.coarser(factor), row, column)


def open_pair(pan: PathLike, mul: PathLike, *, driver: str | None = None) -> Pair:
    """Open a pair and check that it is one.

    Args:
        pan: a panchromatic image: one band of uint16, reflectance × 10,000. Anything that GDAL
            opens: a path, `https://…`, `s3://…`, `zip://…`, `/vsi…`, a VRT.
        mul: the 8 multispectral bands of the same ground, four times coarser. Bands are found by
            their names if the file names them, else by position. The image may begin and end
            elsewhere than pan, if each of its pixels covers 4 × 4 whole pixels of pan's grid.
        driver: the one format that the files may have, by GDAL's name of its driver; None for any.
            Files from strangers need one, since some formats, such as VRT, read further files.

    Raises:
        InputError: if a file can't be opened.
        BandError: if bands or data type aren't the expected ones.
        PairError: if the two differ in CRS or corners, aren't 4:1, or share no ground; the message
            says by how much.
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
    return Pair(pan_image, mul_image, row, column)


def _nest(pan: Any, mul: Any) -> tuple[int, int]:
    """Row and column of the mul pixel at pan's upper left corner.

    Raises:
        PairError: if pan and mul don't lie on one 4:1 grid, or share no ground.
    """
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
