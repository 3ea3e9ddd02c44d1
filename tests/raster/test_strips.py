"""Blocks cut out of strips that several threads read equal windows read alone."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from rasterio._env import get_gdal_config

import pairs
from potato.core.windows import PairWindow, PixelWindow, split
from potato.engine.threads import Readers
from potato.errors import InputError
from potato.raster.gdal_env import gdal
from potato.raster.pair import open_pair
from potato.raster.strips import PairStrips, Strip, strip_reader

HEIGHT, WIDTH = 20, 24


def equal(one, other) -> bool:
    names = ("pan", "mul", "pan_valid", "mul_valid")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.mark.parametrize("block", [1, 3, 7, 20, 50])
@pytest.mark.parametrize("rows", [8, 32, 512])
def test_blocks_with_a_halo_equal_windows_read_alone(tmp_path, block, rows, monkeypatch):
    monkeypatch.setattr("potato.raster.strips.ROWS", rows)
    valid = np.random.default_rng(0).random((4 * HEIGHT, 4 * WIDTH)) > 0.2
    paths = pairs.write_pair(tmp_path, HEIGHT, WIDTH, valid=valid)
    windows = [window.padded(4) for row in split(PairWindow(0, 0, HEIGHT, WIDTH), block) for window in row]
    with (
        gdal(),
        open_pair(paths.pan, paths.mul) as pair,
        Readers(strip_reader(pair), 3) as readers,
    ):
        strips = PairStrips(pair, windows, readers.submit)
        for window, pixels in [(window, strips.request(window)) for window in windows]:
            assert equal(pixels(), pair.read(window))


def test_every_strip_is_read_once_and_only_where_blocks_need_it(tmp_path, monkeypatch):
    monkeypatch.setattr("potato.raster.strips.ROWS", 64)
    paths = pairs.write_pair(tmp_path, 48, WIDTH)
    asked: list[Strip] = []

    def submit(strip: Strip) -> Future:
        asked.append(strip)
        return Future()

    with gdal(), open_pair(paths.pan, paths.mul) as pair:
        windows = [PairWindow(2, 4, 18, 6), PairWindow(20, 8, 20, 6), PairWindow(40, 8, 4, 6)]
        strips = PairStrips(pair, windows, submit)
        for window in windows:
            strips.request(window)
    assert [strip.window for strip in asked if strip.is_pan] == [
        PixelWindow(8, 16, 56, 24),
        PixelWindow(64, 16, 64, 40),
        PixelWindow(128, 32, 48, 24),
    ]
    assert [strip.window for strip in asked if not strip.is_pan] == [PixelWindow(2, 4, 42, 10)]


def test_a_failure_of_a_reader_is_that_of_the_blocks_that_need_it(tmp_path):
    paths = pairs.write_pair(tmp_path, HEIGHT, WIDTH)
    window = PairWindow(0, 0, HEIGHT, WIDTH)
    with gdal(), open_pair(paths.pan, paths.mul) as pair, Readers(strip_reader(pair), 2) as readers:
        paths.mul.unlink()
        wait = PairStrips(pair, [window], readers.submit).request(window)
        with pytest.raises(InputError, match=r"x-ms\.tif"):
            wait()


def test_readers_have_the_options_of_the_thread_that_opened_the_pair(tmp_path):
    paths = pairs.write_pair(tmp_path, HEIGHT, WIDTH)
    found = []

    def open_in_thread() -> None:
        with rasterio.Env(POTATO_TEST="yes"), open_pair(paths.pan, paths.mul) as pair:
            reader = strip_reader(pair)

            def look() -> None:
                with reader():
                    found.append(get_gdal_config("POTATO_TEST"))
                found.append(get_gdal_config("POTATO_TEST"))

            with ThreadPoolExecutor(1) as pool:
                pool.submit(look).result()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(open_in_thread).result()
    assert found == ["yes", None]
