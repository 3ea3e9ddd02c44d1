"""Reading a pair in strips that several threads decode, and cutting blocks out of them.

A strip is whole rows of a file's own blocks, as wide as the blocks of work that need it, so nothing
is decoded twice, and a remote file is asked for few, long ranges.
"""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.session import DummySession

from potato.core.windows import PairWindow, PixelWindow
from potato.raster.image import Image
from potato.raster.pair import Pair, PairPixels

ROWS = 512
"""Least rows of pan in a strip; of mul, those of the same ground."""

Pixels = tuple[NDArray[Any], NDArray[np.bool_]]
"""Bands (n, h, w) of a window, and which pixels are valid (h, w)."""


@dataclass(frozen=True)
class Strip:
    """A job of a reader.

    Attributes:
        is_pan: whether it is a strip of pan; else of mul.
        window: where, in pixels of that image.
    """

    is_pan: bool
    window: PixelWindow


def strip_reader(pair: Pair) -> Callable[[], AbstractContextManager[Callable[[Strip], Pixels]]]:
    """A function that opens the files of a pair once more, for a thread, and yields `read(strip)`.

    Call this in the thread that opened the pair: GDAL keeps options for each thread.
    """
    return functools.partial(_open_strips, pair, dict(rasterio.env.getenv()) if rasterio.env.hasenv() else {})


@contextlib.contextmanager
def _open_strips(pair: Pair, options: Mapping[str, Any]) -> Iterator[Callable[[Strip], Pixels]]:
    with rasterio.Env(session=DummySession()):
        rasterio.env.setenv(**options)
        with pair.reopened() as own:

            def read(strip: Strip) -> Pixels:
                image, at = own.pan if strip.is_pan else own.mul, strip.window
                return image.read(at.row, at.column, at.height, at.width)

            yield read


def can_share(pair: Pair) -> bool:
    """Whether several threads can read a pair without decoding anything twice.

    Strips are rows of a file's own blocks in a GeoTIFF only. A VRT has blocks of its own, and some
    formats decode an image as a whole.
    """
    return all(image.dataset.driver == "GTiff" for image in (pair.pan, pair.mul))


class PairStrips:
    """The strips that some blocks of a pair need, each read once.

    Args:
        pair: the open pair.
        windows: the cells that the blocks need, with their halos, in rows from top to bottom.
        submit: has a strip read by another thread.
    """

    def __init__(
        self, pair: Pair, windows: Iterable[PairWindow], submit: Callable[[Strip], Future[Pixels]]
    ) -> None:
        self._row, self._column, self._ratio = pair.row, pair.column, pair.ratio
        both = [self._in_pixels(window) for window in windows]
        fine, coarse = [pan for pan, _ in both], [mul for _, mul in both]
        self._pan = _ImageStrips(pair.pan, ROWS, fine, lambda window: submit(Strip(True, window)))
        self._mul = _ImageStrips(
            pair.mul, ROWS // pair.ratio, coarse, lambda window: submit(Strip(False, window))
        )

    def request(self, window: PairWindow) -> Callable[[], PairPixels]:
        """Ask for a window's strips; strips above it are given up.

        Args:
            window: one of those that were announced; they come in their order.

        Returns:
            A function that waits for the strips, and returns the pixels: views, not to be changed.
        """
        in_pan, in_mul = self._in_pixels(window)
        fine, coarse = self._pan.request(in_pan), self._mul.request(in_mul)

        def pixels() -> PairPixels:
            (pan, pan_valid), (mul, mul_valid) = fine(), coarse()
            return PairPixels(pan[0], mul, pan_valid, mul_valid)

        return pixels

    def _in_pixels(self, window: PairWindow) -> tuple[PixelWindow, PixelWindow]:
        """A window in pixels of pan, and of mul."""
        row, column = window.row + self._row, window.column + self._column
        return window.pixels(self._ratio), PixelWindow(row, column, window.height, window.width)


class _ImageStrips:
    """The strips of one image."""

    def __init__(
        self,
        image: Image,
        rows: int,
        windows: Iterable[PixelWindow],
        submit: Callable[[PixelWindow], Future[Pixels]],
    ) -> None:
        """`rows` is the least height of a strip; for the others see `PairStrips`."""
        tall = image.dataset.block_shapes[image.indexes[0] - 1][0]
        self._rows = tall * -(-rows // tall)
        self._submit = submit
        self._needed: dict[int, PixelWindow] = {}
        for window in windows:
            for n in self._numbers(window):
                self._needed[n] = _hull(self._needed.get(n, window), window)
        self._asked: dict[int, tuple[PixelWindow, Future[Pixels]]] = {}

    def request(self, window: PixelWindow) -> Callable[[], Pixels]:
        numbers = self._numbers(window)
        for n in [n for n in self._asked if n < numbers[0]]:
            del self._asked[n]
        for n in numbers:
            if n not in self._asked:
                needed = self._needed[n]
                top, bottom = max(needed.row, n * self._rows), min(needed.bottom, (n + 1) * self._rows)
                strip = PixelWindow(top, needed.column, bottom - top, needed.width)
                self._asked[n] = strip, self._submit(strip)
        return functools.partial(_cut, window, [self._asked[n] for n in numbers])

    def _numbers(self, window: PixelWindow) -> range:
        return range(window.row // self._rows, -(-window.bottom // self._rows))


def _hull(one: PixelWindow, other: PixelWindow) -> PixelWindow:
    """The smallest rectangle that holds two."""
    top, left = min(one.row, other.row), min(one.column, other.column)
    return PixelWindow(top, left, max(one.bottom, other.bottom) - top, max(one.right, other.right) - left)


def _cut(window: PixelWindow, strips: Sequence[tuple[PixelWindow, Future[Pixels]]]) -> Pixels:
    """The pixels of a window: a view if one strip holds them, else a copy."""
    parts, masks = [], []
    for strip, future in strips:
        pixels, valid = future.result()
        rows = slice(max(window.row, strip.row) - strip.row, min(window.bottom, strip.bottom) - strip.row)
        columns = slice(window.column - strip.column, window.right - strip.column)
        parts.append(pixels[:, rows, columns])
        masks.append(valid[rows, columns])
    if len(parts) == 1:
        return parts[0], masks[0]
    return np.concatenate(parts, axis=1), np.concatenate(masks)
