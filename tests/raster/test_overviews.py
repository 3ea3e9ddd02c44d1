"""Overviews are means of valid pixels, whatever the size of a picture and its depth."""

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from potato.core.profiles import PROFILES
from potato.raster.coordinates import grid_at
from potato.raster.overviews import halve
from potato.raster.writer import Channels, create_picture


def ragged_picture(height: int, width: int, dtype: str) -> np.ndarray:
    """Random codes, invalid to the right of a slanting line."""
    white = np.iinfo(dtype).max
    codes = np.random.default_rng(0).integers(1, white, (4, height, width), dtype=dtype, endpoint=True)
    codes[3] = white
    codes[:, np.add.outer(0.3 * np.arange(height), np.arange(width)) > 0.8 * width] = 0
    return codes


def exact(codes: np.ndarray, step: int) -> np.ndarray:
    """Means of step × step pixels: of the valid ones for colours, of all for alpha."""
    rows, columns = (-(-side // step) for side in codes.shape[1:])
    room = ((0, 0), (0, rows * step - codes.shape[1]), (0, columns * step - codes.shape[2]))
    squares = np.pad(codes.astype(float), room).reshape(4, rows, step, columns, step)
    inside = np.pad(np.ones(codes.shape), room).reshape(squares.shape)[0].sum((1, 3))
    valid = squares[3] > 0
    result = (squares * valid).sum((2, 4)) / np.maximum(valid.sum((1, 3)), 1)
    result[3] = squares[3].sum((1, 3)) / inside
    return result


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(("height", "width"), [(2, 2), (40, 64), (31, 33), (1, 7)])
def test_half_a_picture_is_the_mean_of_its_valid_pixels(height, width, dtype):
    codes = ragged_picture(height, width, dtype)
    assert halve(codes).dtype == dtype
    assert np.abs(halve(codes) - exact(codes, 2)).max() <= 0.5


def test_half_of_bands_without_alpha_is_the_mean_of_what_is_not_0():
    counts = np.random.default_rng(0).integers(1, 65_535, (3, 41, 30), dtype="uint16")
    valid = np.random.default_rng(1).random((41, 30)) < 0.7
    found = halve(counts * valid, has_alpha=False)
    codes = np.concatenate([counts, np.full_like(counts[:1], 65_535)]) * valid
    expected = exact(codes, 2)[:3]
    assert np.abs(found - expected)[:, :20].max() <= 0.5 and np.array_equal(found > 0, expected > 0)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_overviews_of_a_cog_are_means_of_its_valid_pixels(tmp_path, dtype):
    height, width = 1100, 1300
    codes, path = ragged_picture(height, width, dtype), tmp_path / "a.tif"
    with create_picture(
        path, grid_at(height, width, 0.5), channels=Channels(dtype), profile=PROFILES["cog"]
    ) as picture:
        picture.put(0, 0, codes, height)
    with rasterio.open(path) as file:
        assert file.overviews(1) == [2, 4] and np.array_equal(file.read(), codes)
    for level, step in enumerate((2, 4)):
        with rasterio.open(path, overview_level=level) as file:
            made = file.read(window=Window(0, 0, 320, 275))
        # Each level rounds once. The far edge counts its pixels twice where sides are odd.
        whole = exact(codes[:, :1100, : 320 * step], step)[:, : made.shape[1]]
        valid = whole[3] == np.iinfo(dtype).max
        assert np.abs(made - whole)[:, valid].max() <= 0.5 * (level + 1)
        assert np.array_equal(made[3] > 0, whole[3] > 0)


def test_other_overviews_are_made_if_asked_for(tmp_path):
    codes, path = ragged_picture(1100, 1300, "uint8"), tmp_path / "a.tif"
    options = {"OVERVIEWS": "NONE"}
    grid, cog = grid_at(1100, 1300, 0.5), PROFILES["cog"]
    with create_picture(path, grid, channels=Channels("uint8"), profile=cog, options=options) as picture:
        picture.put(0, 0, codes, 1100)
    with rasterio.open(path) as file:
        assert file.overviews(1) == []


def test_overviews_of_bands_leave_out_invalid_pixels(tmp_path):
    counts = np.full((2, 520, 30), 900, "uint16")
    counts[:, ::2] = 0
    bands = Channels("uint16", ("red", "nir"), 1e-4)
    grid = grid_at(520, 30, 0.5)
    with create_picture(tmp_path / "a.tif", grid, channels=bands, profile=PROFILES["cog"]) as picture:
        picture.put(0, 0, counts, 520)
    with rasterio.open(tmp_path / "a.tif", overview_level=0) as file:
        assert file.shape == (260, 15) and (file.read() == 900).all()
