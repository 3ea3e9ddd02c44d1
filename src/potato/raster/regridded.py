"""An image on another grid, resampled as it is read."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from potato.core.displacement import Way
from potato.core.shift import margin_of, nearest, sample_at
from potato.raster.image import Image

Positions = tuple[slice | list[int], NDArray[np.float64], NDArray[np.float64]]
"""Bands, and the rows and columns of the image at which to sample, from the middle of its first."""


class Regridded(Image):
    """An open image whose pixels lie on another grid.

    Attributes:
        place: the affine transform from columns and rows of this grid to those of the image itself,
            without rotation.
        ways: for each band how far the image shows the ground from where its grid says, (down,
            right) in pixels of the image; this grid shows it in its place. Empty for no distance.
        grid: size and place of this grid; as many pixels as the image has.
    """

    def __init__(self, image: Image, place: Affine, ways: Sequence[Way] = ()) -> None:
        vars(self).update(vars(image))
        self.place = place
        self.ways = tuple(ways)
        grid = self._file_grid()
        self.grid = dataclasses.replace(grid, transform=grid.transform @ place)

    def _view(self, dataset: Any, step: int, corner: tuple[int, int]) -> "Regridded":
        scale = Affine.scale(step / self.step)
        ways = [(down * self.step / step, right * self.step / step) for down, right in self.ways]
        return Regridded(super()._view(dataset, step, corner), ~scale @ self.place @ scale, ways)

    def read(self, row: int, column: int, height: int, width: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """A window, which may reach beyond the image, as `Image.read` gives it.

        A pixel is valid where the pixels of the image below its middle are.

        Raises:
            InputError: if the file can't be read there.
        """
        if not (height and width):
            return super().read(0, 0, height, width)
        places = self._positions(row, column, height, width)
        steps = self.place.e, self.place.a
        top, left, tall, wide = _around(places, margin_of(max(steps)))
        pixels, valid = super().read(top, left, tall, wide)
        moved = np.empty((len(pixels), height, width), pixels.dtype)
        seen = np.ones((height, width), np.bool_)
        ends = np.iinfo(pixels.dtype)
        for bands, rows, columns in places:
            part, good = sample_at(pixels[bands].astype(np.float32), valid, rows - top, columns - left, steps)
            part += np.float32(0.5)  # to the nearest whole number
            moved[bands] = part.clip(ends.min, ends.max, out=part)
            seen &= good
        return moved, seen

    def read_mask(self, row: int, column: int, height: int, width: int) -> NDArray[np.bool_]:
        """Which pixels of a window are valid, as `read` tells.

        Raises:
            InputError: if the file can't be read there.
        """
        seen = np.ones((height, width), np.bool_)
        if not (height and width):
            return seen
        places = self._positions(row, column, height, width)
        top, left, tall, wide = _around(places, 0)
        valid = super().read_mask(top, left, tall, wide)
        for _, rows, columns in places:
            seen &= valid[np.ix_(nearest(rows - top), nearest(columns - left))]
        return seen

    def _positions(self, row: int, column: int, height: int, width: int) -> list[Positions]:
        """Where the pixels of a window lie in the image, for bands that lie alike."""
        rows, columns = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
        rows += row + 0.5
        columns += column + 0.5
        rows, columns = self.place.e * rows + self.place.f - 0.5, self.place.a * columns + self.place.c - 0.5
        if len(set(self.ways)) < 2:
            down, right = self.ways[0] if self.ways else (0.0, 0.0)
            return [(slice(None), rows + down, columns + right)]
        return [
            ([band for band, its in enumerate(self.ways) if its == way], rows + way[0], columns + way[1])
            for way in dict.fromkeys(self.ways)
        ]


def _around(places: Sequence[Positions], margin: int) -> tuple[int, int, int, int]:
    """The window (row, column, height, width) of pixels that samples need."""
    rows, columns = (np.concatenate(lines) for lines in tuple(zip(*places, strict=True))[1:])
    (top, bottom), (left, right) = (
        (math.floor(line.min()) - margin, math.floor(line.max()) + margin + 2) for line in (rows, columns)
    )
    return top, left, bottom - top, right - left
