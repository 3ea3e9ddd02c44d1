"""An image on another grid: waves of the ground lie where the file says, whatever is read."""

import contextlib

import numpy as np
import pytest
from affine import Affine

import pairs
from potato.raster.gdal_env import open_dataset
from potato.raster.image import Image
from potato.raster.regridded import Regridded

PLACES = [
    Affine.translation(0.125, -0.5),
    Affine.translation(-0.0925, 0.2) @ Affine.scale(1.0001),
    Affine.translation(0.4, 0.4) @ Affine.scale(0.9995, 1.0005),
    Affine.translation(0.3, -0.2) @ Affine.scale(0.8, 1.2),
]


def waves(x, y):
    """Counts of the ground at columns x and rows y, in pixels of a band."""
    return 2000 + 600 * np.cos(x / 1.7)[None] * np.cos(y / 2.1)[:, None] + 300 * np.sin(x / 9)[None]


@contextlib.contextmanager
def opened(folder, height=60, width=90, mask=None):
    counts = np.round(waves(np.arange(width) + 0.5, np.arange(height) + 0.5)).astype("uint16")
    counts = np.stack([counts, counts + 100])
    if mask is not None:
        counts[:, ~mask] = 65_535
    path = pairs.write(folder / "mul.tif", counts, mask=mask)
    with contextlib.closing(open_dataset(str(path), "mul")) as dataset:
        yield Image(str(path), dataset, [1, 2])


@pytest.mark.parametrize("place", PLACES)
def test_the_ground_is_shown_where_it_lies(tmp_path, place):
    with opened(tmp_path) as image:
        moved = Regridded(image, place)
        pixels, valid = moved.read(14, 14, 32, 62)
        assert moved.grid.transform == image.grid.transform @ place
    x, y = place.a * (np.arange(62) + 14.5) + place.c, place.e * (np.arange(32) + 14.5) + place.f
    assert valid.all() and pixels.dtype == np.uint16
    assert abs(pixels[0] - waves(x, y)).max() < 6  # a hundredth of the wave, and rounding
    assert abs(pixels[1] - pixels[0].astype(int) - 100).max() <= 1


@pytest.mark.parametrize("place", PLACES)
def test_windows_are_parts_of_the_whole_and_reach_beyond_it(tmp_path, place):
    mask = np.random.default_rng(0).uniform(0, 1, (60, 90)) > 0.02
    mask[20:30, 40:60] = False
    with opened(tmp_path, mask=mask) as image:
        moved = Regridded(image, place)
        whole, valid = moved.read(-20, -20, 100, 130)
        assert abs(valid.sum() * place.determinant / mask.sum() - 1) < 0.1 and whole[:, valid].max() < 4000
        y, x = (
            scale * (np.arange(count) - 19.5) + offset
            for scale, count, offset in ((place.e, 100, place.f), (place.a, 130, place.c))
        )
        assert not valid[(y < 0) | (y > 60)].any() and not valid[:, (x < 0) | (x > 90)].any()
        for row, column, height, width in ((-20, -5, 40, 40), (17, 35, 30, 21), (200, 0, 5, 5), (3, 3, 0, 9)):
            pixels, good = moved.read(row, column, height, width)
            assert pixels.shape == (2, height, width)
            assert np.array_equal(good, moved.read_mask(row, column, height, width))
            if row < 80:
                part = (slice(row + 20, row + 20 + height), slice(column + 20, column + 20 + width))
                assert np.array_equal(good, valid[part])
                assert abs(pixels[:, good] - whole[:, *part][:, good].astype(int)).max(initial=0) <= 1
            else:
                assert not good.any()


def test_a_coarser_image_keeps_its_place(tmp_path):
    with opened(tmp_path) as image:
        moved = Regridded(image, Affine.translation(0.5, -0.25))
        small = moved.coarser(2)
        assert small.grid.transform == moved.grid.transform @ Affine.scale(2)
        assert (small.grid.height, small.grid.width) == (30, 45)
        pixels, _ = small.read(8, 8, 10, 20)
        fine, _ = moved.read(16, 16, 20, 40)
    means = fine.reshape(2, 10, 2, 20, 2).mean((2, 4))
    assert abs(pixels - means).max() < 30


def test_a_thread_gets_files_of_its_own(tmp_path):
    with opened(tmp_path) as image:
        moved = Regridded(image, PLACES[0])
        own = moved.reopened()
        assert own.dataset is not moved.dataset
        assert np.array_equal(own.read(3, 4, 20, 20)[0], moved.read(3, 4, 20, 20)[0])
        own.dataset.close()
