"""A mul that lies beside pan is moved to where pan shows the ground."""

import numpy as np
import pytest
import rasterio
from affine import Affine

import pairs
from potato.core.displacement import displacement_map
from potato.core.sensor_table import WORLDVIEW_2
from potato.core.windows import PairWindow
from potato.errors import PairError
from potato.fusion.align import ALIGNED, align_pair
from potato.raster.pair import open_pair

ARRAYS = WORLDVIEW_2.array_places
SPECTRUM = np.array([0.5, 0.6, 0.9, 1, 1.1, 1.5, 2, 2.1])


def rough_ground(side, by):
    """A rough, periodic ground of pan pixels, moved exactly by pixels (down, right)."""
    y, x = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)
    noise = np.fft.fft2(np.random.default_rng(3).standard_normal((side, side)))
    noise *= np.exp(-80 * (x**2 + y**2) - 2j * np.pi * (y * by[0] + x * by[1]))
    ground = np.fft.ifft2(noise).real
    return np.clip(1500 + 400 * ground / ground.std(), 0, None)


def write_displaced(folder, by, side=64, place=(0, 0)):
    """A pair whose arrays show the ground `by` (down, right) pan pixels beside pan.

    Args:
        folder: where.
        by: for each array.
        side: of mul.
        place: where the file of mul says that it begins, in pan pixels.
    """
    mul = np.empty((8, side, side))
    for (down, right), bands in zip(by, ARRAYS, strict=True):
        moved = rough_ground(4 * side, (down, right)).reshape(side, 4, side, 4).mean((1, 3))
        mul[bands] = moved * SPECTRUM[bands][:, None, None]
    pan = rough_ground(4 * side, (0, 0))
    corner = pairs.CORNER @ Affine.translation(place[1], place[0]) @ Affine.scale(4)
    return pairs.Paths(
        pairs.write(folder / "p.tif", pan.round().astype("uint16")),
        pairs.write(folder / "m.tif", mul.round().astype("uint16"), corner, names=pairs.BAND_NAMES),
    )


@pytest.mark.parametrize(
    ("by", "place"),
    [
        (((1.3, -2.6), (1.1, -2.9)), (0, 0)),
        (((-13.5, 6.2), (-13.5, 6.2)), (0, 0)),
        # The file says where mul lies, half a pan pixel beside the cells, and is wrong by more.
        (((2.0, 0.7), (2.0, 0.7)), (0.5, 1.5)),
    ],
)
def test_each_array_shows_the_ground_where_pan_does(tmp_path, by, place):
    paths = write_displaced(tmp_path, by, place=place)
    with open_pair(paths.pan, paths.mul) as pair:
        aligned = align_pair(pair)
        pixels = aligned.read(PairWindow(8, 8, 48, 48))
        with aligned.reopened() as again:
            assert np.array_equal(again.read(PairWindow(8, 8, 48, 48)).mul, pixels.mul)
        around = (-9, -9, 80, 80)
        assert np.array_equal(aligned.mul.read_mask(*around), aligned.mul.read(*around)[1])
    ways = np.array([aligned.mul.ways[bands[0]] for bands in ARRAYS]) * 4
    assert abs(ways - by - np.array(place)).max() < 0.05
    for array in displacement_map(pixels.pan, pixels.mul, WORLDVIEW_2).arrays:
        assert max(map(abs, array.average)) * 4 < ALIGNED + 0.02  # a step of the search


def test_a_grid_of_pan_half_a_pixel_off_leaves_no_displacement(tmp_path):
    """As Landsat's: at 2:1, the middles of the first pixels of both images are one place."""
    fine = rough_ground(384, (0, 0))  # two pixels along one of pan's
    pan = fine.reshape(192, 2, 192, 2).mean((1, 3))
    mul = np.roll(fine, (1, 1), (0, 1)).reshape(96, 4, 96, 4).mean((1, 3)) * SPECTRUM[:4, None, None]
    corner = pairs.CORNER @ Affine.translation(-0.5, -0.5) @ Affine.scale(2)
    pairs.write(tmp_path / "p.tif", pan.round().astype("uint16"))
    pairs.write(
        tmp_path / "m.tif", mul.round().astype("uint16"), corner, names=["blue", "green", "red", "nir"]
    )
    with open_pair(tmp_path / "p.tif", tmp_path / "m.tif", sensor="LC-BGRN") as pair:
        pixels = pair.read(PairWindow(8, 8, 80, 80))
        assert pair.resampled == (-0.5, -0.5) and pair.ratio == 2
    for array in displacement_map(pixels.pan, pixels.mul, pair.sensor).arrays:
        assert len(array.found) == 16 and max(map(abs, array.average)) * 2 < 0.05


def test_the_picture_says_what_was_moved(tmp_path, run):
    paths = write_displaced(tmp_path, ((1, -2), (1, -2)), place=(0.5, 0))
    options = ("-w", "predictor", "--profile", "tiled")
    moved = run("fuse", paths.pan, paths.mul, tmp_path / "o.tif", *options, "--align")
    assert "note: mul aligned with pan: nir2, coastal, yellow, rededge lay -2.0" in moved.stdout
    with rasterio.open(tmp_path / "o.tif") as file:
        tags = file.tags()
    arrays = [[float(number) for number in way.split()] for way in tags["POTATO_MUL_ALIGNED"].split("; ")]
    assert abs(np.array(arrays) - (-2, 1.5)).max() < 0.05
    assert tags["POTATO_MUL_RESAMPLED"] == "+0.000 +0.500"


def test_a_mul_in_its_place_is_left_there(tmp_path):
    paths = write_displaced(tmp_path, ((0, 0), (0, 0)))
    with open_pair(paths.pan, paths.mul) as pair:
        aligned = align_pair(pair)
        assert aligned.mul is pair.mul and "left there" in aligned.notes[-1]


@pytest.mark.parametrize(
    ("by", "pan", "says"),
    [
        (
            ((24, 0), (24, 0)),
            None,
            "m.tif: expected mul within 16 pan pixels .* in 9 of 9 windows; check that",
        ),
        (((0, 0), (0, 0)), "flat", "found it in 0 windows of 32 mul pixels, fewer than 4; leave out --align"),
        (((0, 0), (0, 0)), "small", "at least 24 mul pixels along each side to align, found 64 × 20"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path, by, pan, says):
    paths = write_displaced(tmp_path, by)
    pixels = pairs.read(paths.pan)
    if pan == "flat":
        pairs.write(paths.pan, np.full_like(pixels, 3000))
    elif pan == "small":
        pairs.write(paths.pan, pixels[:, :80])
    with open_pair(paths.pan, paths.mul) as pair, pytest.raises(PairError, match=says):
        align_pair(pair)
