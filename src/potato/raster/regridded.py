"""An image on another grid of nearly its scale, resampled as it is read."""

import dataclasses
import math
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from potato.core.shift import MARGIN, nearest, sample
from potato.raster.image import Image


class Regridded(Image):
    """An open image whose pixels lie on another grid.

    Attributes:
        place: the affine transform from columns and rows of this grid to those of the image itself,
            without rotation, of scales near 1.
        grid: size and place of this grid; as many pixels as the image has.
    """

    def __init__(self, image: Image, place: Affine) -> None:
        super().__init__(
            image.path,
            image.dataset,
            image.indexes,
            calibration=image.calibration,
            nodata=image.nodata,
            step=image.step,
            corner=image.corner,
        )
        self.place = place
        self.grid = dataclasses.replace(image.grid, transform=image.grid.transform @ place)

    def _view(self, dataset: Any, step: int, corner: tuple[int, int]) -> "Regridded":
        scale = Affine.scale(step / self.step)
        return Regridded(super()._view(dataset, step, corner), ~scale @ self.place @ scale)

    def read(self, row: int, column: int, height: int, width: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A window, which may reach beyond the image, as `Image.read` gives it.

        A pixel is valid where the pixel of the image below its middle is.

        Raises:
            InputError: if the file can't be read there.
        """
        if not (height and width):
            return super().read(0, 0, height, width)
        rows, columns = self._positions(row, column, height, width)
        top, left = (math.floor(line[0]) - MARGIN for line in (rows, columns))
        bottom, right = (math.floor(line[-1]) + MARGIN + 2 for line in (rows, columns))
        pixels, valid = super().read(top, left, bottom - top, right - left)
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
        valid = super().read_mask(rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
        return valid[np.ix_(rows - rows[0], columns - columns[0])]

    def _positions(
        self, row: int, column: int, height: int, width: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where middles of rows and columns of a window lie, from the first middle of the image."""
        rows, columns = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
        rows += row + 0.5
        columns += column + 0.5
        return self.place.e * rows + self.place.f - 0.5, self.place.a * columns + self.place.c - 0.5
