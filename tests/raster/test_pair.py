import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

import pairs
from potato.core.radiometry import Calibration
from potato.core.windows import PairWindow
from potato.errors import BandError, InputError
from potato.raster.gdal_env import gdal
from potato.raster.layer import Layer, Reading
from potato.raster.pair import open_pair

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


@pytest.mark.parametrize("how", ["alpha", "sidecar"])
def test_masks_are_heard_wherever_they_are(tmp_path, arrays, how):
    """GDAL itself ignores an alpha behind more than four bands."""
    pan, mul = arrays
    hole = np.zeros(mul.shape[1:], bool)
    hole[5:9, 7:12] = True
    mul = np.where(hole, 9, mul).astype("uint16")
    fine = pairs.write(tmp_path / "p.tif", pan)
    if how == "alpha":
        both = np.concatenate([mul, (~hole * 65_535).astype("uint16")[None]])
        coarse = pairs.write(tmp_path / "m.tif", both, COARSE, names=(*pairs.BAND_NAMES, "alpha"))
        with rasterio.open(coarse, "r+") as file:
            file.colorinterp = (*file.colorinterp[:-1], ColorInterp.alpha)
    else:
        coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(coarse, "r+") as file:
            file.write_mask(~hole)
        assert (tmp_path / "m.tif.msk").is_file()
    with gdal(), open_pair(fine, coarse) as pair, pair.reopened() as again:
        for each in (pair, again):
            assert np.array_equal(each.read(PairWindow(0, 0, 20, 24)).mul_valid, ~hole)


@pytest.mark.parametrize(("count", "mask"), [(9, True), (16, False)])
def test_bands_of_two_cameras_are_refused_with_what_to_do(tmp_path, arrays, count, mask):
    pan, mul = arrays
    many = np.resize(mul, (count, *mul.shape[1:]))
    if mask:
        many[-1] = 1
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", many, COARSE)
    for sensor in (None, "WV03"):
        with pytest.raises(BandError, match=rf"found {count} bands.*gdal_translate -b 1 -b 2"):
            open_pair(fine, coarse, sensor=sensor)
    rest = [f"other {number}" for number in range(count - 8)]
    with open_pair(
        fine, coarse, reading=Reading(band_order=(*pairs.BAND_NAMES, *rest), sensor="WV03")
    ) as pair:
        assert np.array_equal(pair.read(PairWindow(0, 0, 20, 24)).mul, mul)


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


def test_corners_a_hundredth_of_a_pixel_apart_are_accepted(tmp_path, arrays):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul, shifted(COARSE, 0.01, -0.01))
    open_pair(fine, coarse).close()


@pytest.mark.parametrize(
    ("bands", "names", "message"),
    [
        (3, None, r"found 3 bands \(none with a name\); name .*--band-order red,green,blue\)"),
        (1, None, "found 1 band; take the vendor's file with all bands"),
        (9, None, "found 9 bands"),
        (8, ("BAND_C", "BAND_B", "BAND_G", "?", "?", "?", "?", "?"), r"BAND_G, \?, \?"),
    ],
)
def test_missing_bands_are_refused_by_number_or_name(tmp_path, arrays, bands, names, message):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", np.resize(mul, (bands, *mul.shape[1:])), COARSE, names=names)
    with pytest.raises(BandError, match=message):
        open_pair(fine, coarse)


@pytest.mark.parametrize("known", [False, True])
def test_bands_of_a_named_sensor_are_all_there(tmp_path, arrays, known):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    names = ("BAND_C", "BAND_B", "BAND_G", "?", "?", "?", "?", "?") if known else None
    coarse = pairs.write(tmp_path / "m.tif", mul[: 8 if known else 5], COARSE, names=names)
    message = (
        "found none for yellow, red" if known else "expected the 8 bands of WorldView-3 .* found 5 bands"
    )
    with pytest.raises(BandError, match=message):
        open_pair(fine, coarse, sensor="WorldView-3")


def test_an_unknown_sensor_is_refused(tmp_path):
    paths = pairs.write_pair(tmp_path)
    with pytest.raises(InputError, match="expected a sensor that `potato sensors` lists, found WV9"):
        open_pair(paths.pan, paths.mul, sensor="WV9")


@pytest.mark.parametrize(
    ("kind", "scale", "offset"),
    [
        ("uint16", 1e-4, -0.1),
        ("uint16", 2e-5, 0),
        ("int16", 1e-4, 0.02),
        ("float32", 1, 0.5),
        ("uint8", 0.004, 0),
    ],
)
def test_the_scale_and_offset_of_a_file_lead_to_its_reflectance(tmp_path, arrays, kind, scale, offset):
    pan, mul = arrays
    names = []
    for name, pixels, transform in (("p", pan[None], FINE), ("m", mul, COARSE)):
        numbers = (pixels / 1e4 - offset) / scale
        whole = numbers if kind == "float32" else numbers.round().clip(0, np.iinfo(kind).max)
        names.append(
            pairs.write(
                tmp_path / f"{name}.tif",
                whole.astype(kind),
                transform,
                nodata=-1 if kind == "float32" else None,
            )
        )
        with rasterio.open(names[-1], "r+") as file:
            file.scales, file.offsets = [scale] * file.count, [offset] * file.count
    with open_pair(*names) as pair:
        pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
    assert pixels.mul.dtype == np.uint16
    step = max(1, round(scale * 1e4 / 2) + 1) if kind != "float32" else 1
    assert np.abs(pixels.mul.astype(int) - mul)[:, pixels.mul_valid].max() <= step
    assert np.abs(pixels.pan.astype(int) - pan)[pixels.pan_valid].max() <= step


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"dtype": "uint16", "limit": 2047}, "counts, none above 2,047"),
        ({"dtype": "uint16", "limit": 2047, "nbits": 11}, "counts of 11 bits"),
        ({"dtype": "uint8", "limit": 255}, "numbers of uint8"),
        ({"dtype": "float32", "limit": 1}, "numbers of float32"),
    ],
)
def test_numbers_that_nothing_calls_reflectance_are_refused(tmp_path, arrays, change, found):
    limit, kind = change.pop("limit"), change.pop("dtype")
    pan, mul = ((image / image.max() * limit).astype(kind) for image in arrays)
    fine = pairs.write(tmp_path / "p.tif", pan, **change)
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE, **change)
    with pytest.raises(BandError, match=f"expected reflectance × 10,000, found {found}; .*--scale"):
        open_pair(fine, coarse)
    # What the message advises works.
    stated = Calibration((1 / limit,), (0.0,), "stated")
    layers = (Layer(str(path), str(path), calibration=stated) for path in (fine, coarse))
    with open_pair(*layers) as pair:
        assert pair.read(PairWindow(0, 0, pair.height, pair.width)).pan.max() == 10_000


@pytest.mark.parametrize("kind", ["int16", "uint32", "int32"])
def test_whole_numbers_of_any_type_are_reflectance(tmp_path, arrays, kind):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan.astype(kind))
    coarse = pairs.write(tmp_path / "m.tif", mul.astype(kind), COARSE)
    with open_pair(fine, coarse) as pair:
        pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
    assert np.array_equal(pixels.mul, mul) and np.array_equal(pixels.pan, pan)


def test_pan_does_not_make_reflectance_of_the_counts_of_mul(tmp_path, arrays):
    """Some orders have pan in 12 bits, and mul in 11, as the Pléiades pairs of benchmarks."""
    pan, mul = (image / image.max() * most for image, most in zip(arrays, (4095, 2047), strict=True))
    paths = (
        pairs.write(tmp_path / "p.tif", pan.astype("uint16")),
        pairs.write(tmp_path / "m.tif", mul.astype("uint16"), COARSE),
    )
    with pytest.raises(BandError, match=r"m\.tif: .*found counts, none above 2,047"):
        open_pair(*paths)


@pytest.mark.parametrize(("most", "told"), [(4095, True), (4096, False)])
def test_numbers_of_12_bits_may_be_counts_and_the_pair_says_so(tmp_path, arrays, most, told):
    pan, mul = (image / image.max() * most for image in arrays)
    paths = (
        pairs.write(tmp_path / "p.tif", pan.astype("uint16")),
        pairs.write(tmp_path / "m.tif", mul.astype("uint16"), COARSE),
    )
    with open_pair(*paths) as pair:
        assert any("counts of 12 bits" in note for note in pair.notes) == told


def test_numbers_that_would_make_a_white_picture_are_refused(tmp_path, arrays):
    fine = pairs.write(tmp_path / "p.tif", arrays[0])
    coarse = pairs.write(tmp_path / "m.tif", (arrays[1] * 0.5 + 12_000).astype("uint16"), COARSE)
    with pytest.raises(BandError, match=r"m\.tif: .*found numbers of which half exceed 12,500; .*--scale"):
        open_pair(fine, coarse)


def test_dark_ground_is_reflectance_if_anything_is_brighter_than_counts(tmp_path, arrays):
    pan, mul = (image // 4 for image in arrays)
    mul[6, 3, 5] = 2100
    fine, coarse = pairs.write(tmp_path / "p.tif", pan), pairs.write(tmp_path / "m.tif", mul, COARSE)
    open_pair(fine, coarse).close()


def test_nodata_of_each_band_marks_invalid_pixels(tmp_path, arrays):
    pan, mul = arrays
    mul[:, :2], values = np.arange(1, 9)[:, None, None], tuple(range(1, 9))
    fine, coarse = pairs.write(tmp_path / "p.tif", pan), pairs.write(tmp_path / "m.tif", mul, COARSE)
    with open_pair(fine, Layer(str(coarse), str(coarse), nodata=values)) as pair:
        valid = pair.read(PairWindow(0, 0, pair.height, pair.width)).mul_valid
    assert not valid[:2].any() and valid[2:].all()


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
