import numpy as np
import pytest
from affine import Affine

import pairs
from potato.core.windows import PairWindow
from potato.errors import BandError, InputError, PairError
from potato.raster import open_pair

FINE, COARSE = pairs.CORNER, pairs.CORNER @ Affine.scale(4)


def shifted(transform: Affine, x: float, y: float) -> Affine:
    """A transform whose corner is moved to the right and down, in its own pixels."""
    return transform @ Affine.translation(x, y)


@pytest.fixture
def arrays():
    return pairs.ground(20, 24)


def test_a_window_has_the_pixels_of_the_files(tmp_path, arrays):
    pan, mul = arrays
    paths = pairs.write_pair(tmp_path, 20, 24)
    with open_pair(paths.pan, paths.mul) as pair:
        pixels = pair.read(PairWindow(2, 3, 5, 7))
    assert np.array_equal(pixels.pan, pan[8:28, 12:40])
    assert np.array_equal(pixels.mul, mul[:, 2:7, 3:10])
    assert pixels.pan_valid.all() and pixels.mul_valid.all()


def test_pixels_outside_the_images_are_invalid(tmp_path):
    paths = pairs.write_pair(tmp_path, 20, 24)
    with open_pair(paths.pan, paths.mul) as pair:
        pixels = pair.read(PairWindow(-1, -2, 22, 28))
        nowhere = pair.read(PairWindow(100, 100, 2, 2))
    assert pixels.mul_valid.sum() == 20 * 24 and pixels.pan_valid.sum() == 80 * 96
    assert not pixels.mul_valid[0].any() and not pixels.mul_valid[:, :2].any()
    assert not nowhere.pan_valid.any() and not nowhere.mul.any()


def test_bands_are_found_by_name(tmp_path, arrays):
    pan, mul = arrays
    order = np.random.default_rng(1).permutation(8)
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(
        tmp_path / "m.tif", mul[order], COARSE, names=[pairs.BAND_NAMES[index] for index in order]
    )
    with open_pair(fine, coarse) as pair:
        assert np.array_equal(pair.read(PairWindow(0, 0, 20, 24)).mul, mul)


def test_bands_without_names_are_taken_by_position(tmp_path, arrays):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    with open_pair(fine, coarse) as pair:
        assert np.array_equal(pair.read(PairWindow(0, 0, 20, 24)).mul, mul)


@pytest.mark.parametrize("how", ["mask", "nodata", "zero"])
def test_validity_is_mask_then_nodata_then_zero(tmp_path, arrays, how):
    pan, mul = arrays
    hole = np.zeros(pan.shape, bool)
    hole[10:20, 30:50] = True
    pan, dark = pan.copy(), (5, 5)
    if how == "mask":
        pan[dark] = 0  # deep shadow, valid by the mask
        fine = pairs.write(tmp_path / "p.tif", pan, mask=~hole)
    elif how == "nodata":
        pan[hole] = 9999
        pan[dark] = 0
        fine = pairs.write(tmp_path / "p.tif", pan, nodata=9999)
    else:
        pan[hole] = 0
        fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    with open_pair(fine, coarse) as pair:
        assert np.array_equal(pair.read(PairWindow(0, 0, 20, 24)).pan_valid, ~hole)


def test_a_dark_band_alone_does_not_make_mul_invalid(tmp_path, arrays):
    pan, mul = arrays
    mul = mul.copy()
    mul[:, 3, 3] = 0
    mul[:5, 6, 6] = 0
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    with open_pair(fine, coarse) as pair:
        valid = pair.read(PairWindow(0, 0, 20, 24)).mul_valid
    assert not valid[3, 3] and valid.sum() == 20 * 24 - 1


def test_a_mul_larger_than_pan_is_read_at_pans_corner(tmp_path, arrays):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan[16:56, 20:84], shifted(FINE, 20, 16))
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    with open_pair(fine, coarse) as pair:
        assert (pair.height, pair.width) == (10, 16)
        assert np.array_equal(pair.read(PairWindow(0, 0, 10, 16)).mul, mul[:, 4:14, 5:21])


def test_a_mul_that_begins_inside_pan_leaves_the_rest_invalid(tmp_path, arrays):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul[:, 2:, 3:], shifted(COARSE, 3, 2))
    with open_pair(fine, coarse) as pair:
        pixels = pair.read(PairWindow(0, 0, 20, 24))
    assert np.array_equal(pixels.mul[:, 2:, 3:], mul[:, 2:, 3:])
    assert not pixels.mul_valid[:2].any() and not pixels.mul_valid[:, :3].any()


def test_a_pan_that_ends_inside_a_cell_is_read_to_its_end(tmp_path, arrays):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan[:78, :93])
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    with open_pair(fine, coarse) as pair:
        assert (pair.height, pair.width) == (20, 24)
        assert pair.read(PairWindow(0, 0, 20, 24)).pan_valid.sum() == 78 * 93


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crs": "EPSG:32612"}, "one CRS, found EPSG:32611 and EPSG:32612"),
        ({"transform": FINE @ Affine.scale(2)}, "4 times as large as pan's, found 2 × 2"),
        ({"transform": shifted(FINE, 2, 1) @ Affine.scale(4)}, r"off by \+2 pan pixels across and \+1 down"),
        ({"transform": shifted(COARSE, 500, 0)}, r"no ground in common: mul starts \+2000 pan pixels across"),
        ({"transform": COARSE @ Affine.rotation(1)}, "turned by"),
    ],
)
def test_images_that_are_no_pair_are_refused_with_the_difference(tmp_path, arrays, change, message):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul, **{"transform": COARSE, **change})
    with pytest.raises(PairError, match=message):
        open_pair(fine, coarse)


def test_corners_a_hundredth_of_a_pixel_apart_are_accepted(tmp_path, arrays):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul, shifted(COARSE, 0.01, -0.01))
    open_pair(fine, coarse).close()


@pytest.mark.parametrize(
    ("bands", "names", "message"),
    [
        (3, None, "expected the 8 bands .* found 3 bands"),
        (4, None, "found 4 bands"),
        (1, None, "found 1 band$"),
        (9, None, "found none for coastal"),
        (8, ("BAND_C", "BAND_B", "BAND_G", "?", "?", "?", "?", "?"), "found none for yellow, red"),
    ],
)
def test_missing_bands_are_refused_by_number_or_name(tmp_path, arrays, bands, names, message):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", np.resize(mul, (bands, *mul.shape[1:])), COARSE, names=names)
    with pytest.raises(BandError, match=message):
        open_pair(fine, coarse)


def test_other_data_types_than_uint16_are_refused(tmp_path, arrays):
    pan, mul = arrays
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    fine = pairs.write(tmp_path / "p.tif", (pan / 1e4).astype("float32"))
    with pytest.raises(BandError, match=r"expected uint16 .* found float32"):
        open_pair(fine, coarse)


def test_a_pan_of_several_bands_is_refused(tmp_path, arrays):
    _, mul = arrays
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    with pytest.raises(BandError, match="a pan image of 1 band, found 8"):
        open_pair(coarse, pairs.write(tmp_path / "n.tif", mul, COARSE))


def test_a_damaged_file_is_reported_by_name(tmp_path):
    paths = pairs.write_pair(tmp_path)
    paths.pan.write_bytes(paths.pan.read_bytes()[: paths.pan.stat().st_size // 2])
    with (
        pytest.raises(InputError, match=r"can't (read|open) .*x-pan.tif"),
        open_pair(paths.pan, paths.mul) as pair,
    ):
        pair.read(PairWindow(0, 0, 40, 40))
