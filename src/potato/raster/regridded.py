"""An image on another grid of nearly its scale, resampled as it is read."""

import math
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from potato.core.shift import MARGIN, nearest, sample
from potato.raster.coordinates import Grid
from potato.raster.image import Image


class Regridded:
    """An open image, read like an `Image`, whose pixels lie on another grid.

    Attributes:
        image: the image itself.
        place: the affine transform from columns and rows of this grid to those of the image,
            without rotation, of scales near 1.
        path, dataset, indexes, step, dtype: those of the image.
        grid: size and place of this grid; as many pixels as the image has.
    """

    def __init__(self, image: Image, place: Affine) -> None:
        self.image = image
        self.place = place
        self.path, self.dataset, self.indexes = image.path, image.dataset, image.indexes
        self.step, self.dtype = image.step, image.dtype
        own = image.grid
        self.grid = Grid(own.height, own.width, own.crs, own.transform @ place)

    def coarser(self, factor: int) -> "Regridded":
        """This image `factor` times coarser."""
        scale = Affine.scale(factor)
        return Regridded(self.image.coarser(factor), ~scale @ self.place @ scale)

    def finer(self, factor: int) -> "Regridded":
        """This image `factor` times finer, if it was made coarser by a multiple of that."""
        scale = Affine.scale(1 / factor)
        return Regridded(self.image.finer(factor), ~scale @ self.place @ scale)

    def reopened(self) -> "Regridded":
        """This image with the file opened once more, for another thread.

        Raises:
            InputError: if it can't be opened any more.
        """
        return Regridded(self.image.reopened(), self.place)

    def read(self, row: int, column: int, height: int, width: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A window, which may reach beyond the image, as `Image.read` gives it.

        A pixel is valid where the pixel of the image below its middle is.

        Raises:
            InputError: if the file can't be read there.
        """
        if not (height and width):
            return self.image.read(0, 0, height, width)
        rows, columns = self._positions(row, column, height, width)
        top, left = (math.floor(line[0]) - MARGIN for line in (rows, columns))
        bottom, right = (math.floor(line[-1]) + MARGIN + 2 for line in (rows, columns))
        pixels, valid = self.image.read(top, left, bottom - top, right - left)
        moved, seen = sample(pixels.astype(np.float32), valid, rows - top, columns - left)
        moved += np.float32(0.5)  # to the nearest whole number
        ends = np.iinfo(pixels.dtype)
        return moved.clip(ends.min, ends.max, out=moved).astype(pixels.dtype), seen

    def read_mask(self, row: int, column: int, height: int, width: int) -> NDArray[np.bool_]:
        """Which pixels of a window are valid, as `read` tells.

        Raises:
            InputError: if the file can't be read there.
        """
        if not (height and width):
            return np.zeros((height, width), np.bool_)
        rows, columns = map(nearest, self._positions(row, column, height, width))
        valid = self.image.read_mask(
            rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        )
        return valid[np.ix_(rows - rows[0], columns - columns[0])]

    def _positions(
        self, row: int, column: int, height: int, width: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where middles of rows and columns of a window lie, from the first middle of the image."""
        rows, columns = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
        rows += row + 0.5
        columns += column + 0.5
        return self.place.e * rows + self.place.f - 0.5, self.place.a * columns + self.place.c - 0.5
