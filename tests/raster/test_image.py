"""Reading one image: bands, validity, coarser images, and two pictures on one grid."""

import shlex
import shutil
import subprocess

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

import pairs
from potato.core.windows import PixelWindow
from potato.errors import BandError, GridError, InputError
from potato.raster.encoding import write_png
from potato.raster.gdal_env import gdal, open_dataset
from potato.raster.image import Image, read_reduced
from potato.raster.layer import open_mul
from potato.raster.pictures import check_same_grid, open_picture, read_photograph, read_picture
from tiffs import big_tiff

CODES = np.random.default_rng(0).integers(1, 256, (3, 48, 64), dtype=np.uint8)


def write_picture(path, codes=CODES, **profile):
    return pairs.write(path, codes, photometric="RGB" if len(codes) == 3 else "MINISBLACK", **profile)


def test_bands_of_a_picture_are_found_by_colour_else_by_order(tmp_path):
    plain = write_picture(tmp_path / "plain.tif")
    swapped = pairs.write(tmp_path / "swapped.tif", CODES[::-1])
    with rasterio.open(swapped, "r+") as file:
        file.colorinterp = (ColorInterp.blue, ColorInterp.green, ColorInterp.red)
    for path in (plain, swapped):
        with open_picture(path) as image:
            codes, valid = image.read(0, 0, 48, 64)
        assert np.array_equal(codes, CODES) and valid.all()


@pytest.mark.parametrize("bands", [1, 2, 4, 8])
def test_a_picture_has_three_bands(tmp_path, bands):
    path = pairs.write(tmp_path / "a.tif", np.resize(CODES, (bands, 48, 64)), alpha="NO")
    hint = "mul-to-rgb" if bands > 3 else "convert it first"
    with pytest.raises(BandError, match=f"found {bands}; .*{hint}"), open_picture(path):
        pass


def test_a_picture_has_8_or_16_bits(tmp_path):
    path = pairs.write(tmp_path / "a.tif", CODES.astype("float32"))
    with pytest.raises(BandError, match="uint8 or uint16, found float32"), open_picture(path):
        pass


def test_a_mul_is_opened_without_its_pan(tmp_path):
    _, mul = pairs.ground(20, 24)
    with open_mul(pairs.write(tmp_path / "m.tif", mul[::-1], names=pairs.BAND_NAMES[::-1])) as opened:
        image, sensor, _ = opened
        assert sensor.title == "WorldView-2"
        assert np.array_equal(image.read(0, 0, 20, 24)[0], mul)


def test_pixels_outside_an_image_are_zero_and_invalid(tmp_path):
    with open_picture(write_picture(tmp_path / "a.tif")) as image:
        codes, valid = image.read(-2, -3, 53, 70)
        inside = np.zeros((53, 70), bool)
        inside[2:50, 3:67] = True
    assert np.array_equal(valid, inside)
    assert np.array_equal(codes[:, 2:50, 3:67], CODES) and not codes[:, ~inside].any()


def test_a_coarser_image_has_means_of_whole_groups_of_pixels(tmp_path):
    codes = np.kron(CODES[:, :11, :15], np.ones((4, 4), np.uint8))[:, :43, :59]
    with open_picture(write_picture(tmp_path / "a.tif", codes)) as image:
        small = image.coarser(4)
        assert (small.grid.height, small.grid.width) == (10, 14)
        assert small.grid.transform == image.grid.transform @ Affine.scale(4)
        assert np.array_equal(small.read(0, 0, 10, 14)[0], CODES[:, :10, :14])


@pytest.mark.parametrize(("side", "step"), [(64, 1), (63, 2), (16, 4), (1, 64)])
def test_an_overview_is_no_larger_than_the_given_side(tmp_path, side, step):
    with open_picture(write_picture(tmp_path / "a.tif", np.full((3, 64, 64), 7, np.uint8))) as image:
        codes, valid, found = read_reduced(image, side)
    assert found == step and codes.shape == (3, 64 // step, 64 // step)
    assert (codes == 7).all() and valid.all()


def test_a_window_of_a_picture_is_in_its_pixels(tmp_path):
    path = write_picture(tmp_path / "a.tif", np.concatenate([CODES, CODES[:1]]))
    assert np.array_equal(read_picture(path, PixelWindow(8, 12, 16, 20))[:3], CODES[:, 8:24, 12:32])


def test_a_photograph_has_three_bands_of_8_bits(tmp_path):
    write_png(tmp_path / "a.png", CODES)
    assert np.array_equal(read_photograph(tmp_path / "a.png"), CODES)
    with pytest.raises(InputError, match="found 1 of uint8"):
        read_photograph(pairs.write(tmp_path / "grey.tif", CODES[0]))
    with pytest.raises(InputError, match="found 3 of uint16"):
        read_photograph(pairs.write(tmp_path / "deep.tif", CODES.astype("uint16")))
    huge = {"sparse_ok": True, "tiled": True, "blockxsize": 512, "blockysize": 512}
    shape = {"driver": "GTiff", "dtype": "uint8", "count": 3, "height": 20_000, "width": 20_000}
    with rasterio.open(tmp_path / "huge.tif", "w", transform=pairs.CORNER, **shape, **huge):
        pass
    with pytest.raises(InputError, match="up to 100,000,000 pixels, found 20,000 × 20,000"):
        read_photograph(tmp_path / "huge.tif")
    with pytest.raises(InputError, match="can't open photograph"):
        read_photograph(tmp_path / "none.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transform": pairs.CORNER @ Affine.translation(0.05, -0.05)}, None),
        ({"transform": pairs.CORNER @ Affine.translation(2, 1)}, "corners up to 2 pixels apart"),
        ({"transform": pairs.CORNER @ Affine.scale(1.1)}, "corners up to 6.4 pixels apart"),
        ({"crs": "EPSG:32612"}, "one CRS, found EPSG:32611 and EPSG:32612"),
    ],
)
def test_pictures_on_two_grids_are_refused_with_the_difference(tmp_path, change, message):
    paths = write_picture(tmp_path / "a.tif"), write_picture(tmp_path / "b.tif", **change)
    with open_picture(paths[0]) as first, open_picture(paths[1]) as second:
        if message is None:
            check_same_grid(first, second)
        else:
            with pytest.raises(GridError, match=message):
                check_same_grid(first, second)


def test_the_command_of_the_message_brings_a_picture_onto_the_grid(tmp_path):
    if not shutil.which("gdalwarp"):
        pytest.skip("gdalwarp isn't installed")
    first = write_picture(tmp_path / "a.tif")
    second = write_picture(
        tmp_path / "b.tif", CODES[:, 4:], transform=pairs.CORNER @ Affine.translation(1, 2)
    )
    with open_picture(first) as one, open_picture(second) as two:
        with pytest.raises(GridError, match="warp one to the grid of the other first") as error:
            check_same_grid(one, two)
        command = shlex.split(str(error.value)[str(error.value).index("gdalwarp") :])
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        with open_picture(tmp_path / "b-on-grid.tif") as warped:
            check_same_grid(one, warped)


def test_pictures_without_a_place_need_one_size_only(tmp_path):
    write_png(tmp_path / "a.png", CODES)
    write_png(tmp_path / "b.png", CODES[:, 1:])
    with open_picture(write_picture(tmp_path / "a.tif")) as placed, open_picture(tmp_path / "a.png") as png:
        check_same_grid(placed, png)
        with open_picture(tmp_path / "b.png") as other, pytest.raises(GridError, match="one size"):
            check_same_grid(placed, other)


def test_a_nodata_value_that_no_pixel_can_have_marks_none(tmp_path):
    """A conversion from signed numbers leaves it in the tags."""
    strip = np.arange(256, dtype="<u2").tobytes()
    path = big_tiff(tmp_path / "a.tif", 16, 16, strip, (42113, 2, b"-9999\0"))
    with gdal(), open_dataset(str(path), "pan") as dataset:
        pixels, valid = Image(str(path), dataset, [1]).read(0, 0, 16, 16)
    assert np.array_equal(valid, pixels[0] > 0)
