"""Reading pairs: opening and checking them, and reading windows and blocks."""

import contextlib
import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from potato.core.displacement import Way
from potato.core.draw import draw_pair, overview_step
from potato.core.notebook import THUMBNAIL_SIDE, Shown, View
from potato.core.resample import BICUBIC_REACH, enlarge_mask
from potato.core.sensors import Sensor
from potato.core.text import redact
from potato.core.types import PathLike
from potato.core.windows import PairWindow
from potato.errors import InputError, PairError
from potato.raster.band_finding import own_bands, sensor_of
from potato.raster.calibrating import check_numbers
from potato.raster.coordinates import crs_name
from potato.raster.encoding import encode_png
from potato.raster.gdal_env import gdal, open_dataset, understood
from potato.raster.image import Image
from potato.raster.layer import Layer, Reading, as_layer, mul_image, pan_image
from potato.raster.nesting import find_nesting
from potato.raster.regridded import Regridded


@dataclass(frozen=True)
class PairPixels:
    """The pixels of a window of a pair.

    Pixels outside an image are 0 and invalid, like masked ones.

    Attributes:
        pan: uint16 (rh, rw), where r is the ratio of the pair.
        mul: uint16 (n, h, w), bands in the order of the sensor's.
        pan_valid: bool (rh, rw).
        mul_valid: bool (h, w).
    """

    pan: NDArray[np.uint16]
    mul: NDArray[np.uint16]
    pan_valid: NDArray[np.bool_]
    mul_valid: NDArray[np.bool_]

    @property
    def ratio(self) -> int:
        """Pan pixels along a side of a cell."""
        return int(self.pan_valid.shape[0] // max(1, self.mul_valid.shape[0]))

    def crop(self, row: int, column: int, height: int, width: int) -> "PairPixels":
        """A view of `height` × `width` cells from cell (`row`, `column`) of these pixels."""
        ratio = self.ratio
        cells = (..., slice(row, row + height), slice(column, column + width))
        fine = (slice(row * ratio, (row + height) * ratio), slice(column * ratio, (column + width) * ratio))
        return PairPixels(self.pan[fine], self.mul[cells], self.pan_valid[fine], self.mul_valid[cells])


class Pair(Shown):
    """An open pan and mul of the same ground; a context manager, for the thread that opened it.

    Attributes:
        pan_path, mul_path: the paths as the caller gave them.
        pan, mul: the images, open as long as the pair is.
        sensor: the sensor; its ratio is that of the pair.
        notes: what had to be guessed about the files, a line each.
        product: the name of the product that they belong to.
        whole: mul of that product, if they are parts of it; else None.
        row, column: the pixel of mul at pan's upper left corner; may lie outside mul.
        grid: the grid of pan.
        height, width: size in cells, counted from pan's upper left corner; the last may be partial.
        factor: pan pixels of the file along one pixel of this pair; 1 unless it was `reduced`.
    """

    def __init__(
        self,
        pan: Image,
        mul: Image | Regridded,
        sensor: Sensor,
        row: int,
        column: int,
        notes: Sequence[str] = (),
    ) -> None:
        self.pan_path, self.mul_path = pan.path, mul.path
        self.pan, self.mul = pan, mul
        self.row, self.column = row, column
        self.grid = pan.grid
        self.factor = pan.step
        self.sensor = sensor
        self.notes = tuple(notes)
        self.product = Path(redact(mul.path)).stem
        self.whole: Layer | None = None
        self.height = math.ceil(self.grid.height / sensor.ratio)
        self.width = math.ceil(self.grid.width / sensor.ratio)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def ratio(self) -> int:
        """Pan pixels along a side of a cell."""
        return self.sensor.ratio

    @property
    def files(self) -> list[str]:
        """Names of the local files that it is read from."""
        return [name for image in (self.pan, self.mul) for name in image.files]

    @property
    def common(self) -> PairWindow:
        """The cells of the pair whose middles lie in mul; none, if the pair is off its ground."""
        image = self.mul.grid
        (left, top), (right, bottom) = (~self._place @ end for end in ((0, 0), (image.width, image.height)))
        (row, down), (column, across) = (
            (max(0, math.ceil(first - 0.5) - start), min(count, math.ceil(last - 0.5) - start))
            for first, last, start, count in (
                (top, bottom, self.row, self.height),
                (left, right, self.column, self.width),
            )
        )
        return PairWindow(row, column, max(0, down - row), max(0, across - column))

    @property
    def resampled(self) -> Way | None:
        """How far mul lies beside the cells, (down, right) in pan pixels; None if it nests."""
        if self._place == Affine.identity():
            return None
        right, down = ~self._place @ (0, 0)
        return down * self.ratio, right * self.ratio

    def moved_back(self, ways: Sequence[Way]) -> "Pair":
        """This pair with the bands of mul moved to where pan shows the ground; of the same files.

        Args:
            ways: for each band how far the file of mul shows the ground from where pan does, (down,
                right) in mul pixels.
        """
        moved = Regridded(self.mul, self._place, ways)
        return Pair(self.pan, moved, self.sensor, self.row, self.column, self.notes)

    def noted(self, note: str) -> "Pair":
        """This pair with one more note; of the same files."""
        return Pair(self.pan, self.mul, self.sensor, self.row, self.column, (*self.notes, note))

    @property
    def _place(self) -> Affine:
        """The transform from cells to pixels of mul, both counted from mul's corner."""
        return self.mul.place if isinstance(self.mul, Regridded) else Affine.identity()

    def view(self) -> View:
        """What a notebook shows."""
        small = self.reduced(overview_step(self.grid.height, self.grid.width, THUMBNAIL_SIDE))
        window = PairWindow(0, 0, small.height, small.width)
        pixels = small.read(window)
        if small.factor % self.ratio:
            mul = small.read(window.padded(BICUBIC_REACH)).mul
            valid = enlarge_mask(pixels.mul_valid, self.ratio)
        else:  # mul has as many pixels as are shown
            mul, valid = small.read_colour(window)
        size = f"{self.grid.width} × {self.grid.height} pixels of pan"
        paths = {"pan": redact(self.pan_path), "mul": redact(self.mul_path)}
        facts = paths | {"sensor": self.sensor.title, "size": size, "CRS": crs_name(self.grid.crs)}
        return View(
            "Pair", facts, encode_png(draw_pair(pixels.pan, mul, pixels.pan_valid, valid, self.sensor))
        )

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
            return Pair(pan, self.mul.reopened(), self.sensor, self.row, self.column)
        except InputError:
            pan.dataset.close()
            raise

    def read(self, window: PairWindow) -> PairPixels:
        """The pixels of a window, which may reach beyond the images.

        Raises:
            InputError: if a file can't be read there.
        """
        fine = window.pixels(self.ratio)
        pan, pan_valid = self.pan.read(fine.row, fine.column, fine.height, fine.width)
        mul, mul_valid = self.mul.read(
            window.row + self.row, window.column + self.column, window.height, window.width
        )
        return PairPixels(pan[0], mul, pan_valid, mul_valid)

    def read_colour(self, window: PairWindow) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
        """Read mul on the grid of pan, for a pair reduced by a multiple of its ratio r.

        Returns:
            Bands (n, rh, rw) in the order of the sensor's, and which pixels are valid in both
            images, bool (rh, rw).

        Raises:
            InputError: if a file can't be read there.
            ValueError: if the pair isn't reduced by a multiple of its ratio.
        """
        if self.factor % self.ratio:
            raise ValueError(f"expected a pair reduced by a multiple of {self.ratio}, found {self.factor}")
        at = window.pixels(self.ratio)
        row, column = self.row * self.ratio, self.column * self.ratio
        bands, valid = self.mul.finer(self.ratio).read(at.row + row, at.column + column, at.height, at.width)
        return bands, valid & self.pan.read_mask(at.row, at.column, at.height, at.width)

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
        (top, left), fine = self.pan.corner, self.pan.step * self.ratio
        corner = top - above * fine, left - before * fine
        return Pair(self.pan.coarser(factor, corner), self.mul.coarser(factor), self.sensor, row, column)


def open_pair(
    pan: PathLike | Layer,
    mul: PathLike | Layer,
    *,
    sensor: Sensor | str | None = None,
    reading: Reading | None = None,
    driver: str | None = None,
) -> Pair:
    """Open a pair and check that it is one.

    Args:
        pan: a panchromatic image of one band. Anything that GDAL opens: a path, `https://…`,
            `s3://…`, `zip://…`, `/vsi…`, a VRT; or a `Layer`. Its numbers are reflectance × 10,000,
            unless the file states their scale and offset, or the layer a calibration.
        mul: the multispectral bands of the same ground, 1.5 to 7.5 times as coarse. Bands are
            found by their names if the file names them, else by position. The image may begin and
            end elsewhere than pan. If its pixels don't cover whole pixels of pan's grid, it is
            resampled as it is read, and `Pair.notes` says so.
        sensor: short for `Reading(sensor=…)`, and goes before that of `reading`.
        reading: how to read the files, where they don't say it themselves.
        driver: the one format that the files may have, by GDAL's name of its driver; None for any.
            Files from strangers need one, since some formats, such as VRT, read further files.

    Raises:
        InputError: if a file can't be opened, or the sensor isn't known.
        BandError: if bands or data type aren't the expected ones.
        PairError: if the two differ in CRS, or in scale too little or too much, or share no ground;
            the message says by how much, and has the command that mends it.
    """
    reading = reading or Reading()
    if sensor is not None:
        reading = dataclasses.replace(reading, sensor=sensor)
    fine, coarse = reading.pan(as_layer(pan, driver)), reading.mul(as_layer(mul, driver))
    if (fine.name, fine.indexes) == (coarse.name, coarse.indexes):
        raise PairError(f"expected a pan and a mul, found the same file twice: {fine.path}")
    with gdal(), contextlib.ExitStack() as stack:
        pan_file = stack.enter_context(contextlib.closing(open_dataset(fine.name, "pan", fine.driver)))
        mul_file = stack.enter_context(contextlib.closing(open_dataset(coarse.name, "mul", coarse.driver)))
        with understood(f"{fine.path} and {coarse.path}"):
            one = pan_image(fine, pan_file)
            named = reading.sensor or sensor_of(pan_file, len(own_bands(mul_file)))
            other, found, guess = mul_image(coarse, mul_file, named)
            nesting = find_nesting(pan_file, mul_file, (fine.path, coarse.path))
        told = check_numbers(other, one, told=coarse.calibration is not None)
        stack.pop_all()
    nested = other if nesting.place is None else Regridded(other, nesting.place)
    notes = [*([guess] if guess else []), *told, *nesting.notes]
    found = dataclasses.replace(found, ratio=nesting.ratio)
    return Pair(one, nested, found, nesting.row, nesting.column, notes)
