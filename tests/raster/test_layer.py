"""What a file says of its bands, numbers and invalid pixels is heard, or refused by name."""

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.enums import ColorInterp

import pairs
from potato.core.radiometry import STORED
from potato.core.windows import PairWindow
from potato.errors import BandError
from potato.raster.layer import Layer, Reading
from potato.raster.pair import open_pair

COARSE = pairs.CORNER @ Affine.scale(4)
FOUR = ("red", "green", "blue", "nir")


@pytest.fixture
def images():
    return pairs.ground(12, 16)


def read(paths, **settings):
    """All of a pair."""
    with open_pair(*paths, **settings) as pair:
        return pair.read(PairWindow(0, 0, pair.height, pair.width))


def write_four(folder, images, names=None, colours=None, alpha=False):
    """A pair whose mul has the bands red, green, blue and near infrared."""
    pan, mul = images
    fine = pairs.write(folder / "p.tif", pan)
    coarse = pairs.write(folder / "m.tif", mul[[4, 2, 1, 6]], COARSE, names=names, photometric="MINISBLACK")
    colours = colours or ["gray", "undefined", "undefined", "undefined"]
    with rasterio.open(coarse, "r+") as file:
        file.colorinterp = [ColorInterp[name] for name in colours[: 4 - alpha]] + [ColorInterp.alpha] * alpha
    return fine, coarse


@pytest.mark.parametrize(
    ("names", "colours", "reading"),
    [
        (FOUR, None, Reading()),
        (None, FOUR, Reading()),
        (None, None, Reading(band_order=FOUR)),
        (None, FOUR, Reading(sensor="QB02")),
        (None, None, Reading(sensor="QB02", band_order=FOUR)),
    ],
)
@pytest.mark.parametrize("alpha", [False, True])
def test_bands_are_found_by_name_or_colour_though_one_is_marked_as_alpha(
    tmp_path, images, names, colours, reading, alpha
):
    if colours and alpha:
        pytest.skip("a band has one mark")
    found = read(write_four(tmp_path, images, names, colours, alpha), reading=reading)
    assert np.array_equal(found.mul, images[1][[1, 2, 4, 6]]) and found.mul_valid.all()


@pytest.mark.parametrize("alpha", [False, True])
def test_colours_that_contradict_the_order_of_a_sensor_are_refused(tmp_path, images, alpha):
    paths = write_four(tmp_path, images, None, ["red", "green", "blue", "undefined"], alpha)
    with pytest.raises(BandError, match=f"band 3 marked as blue; .* or --band-order {','.join(FOUR)}$"):
        read(paths, sensor="QB02")


def test_colours_that_agree_with_the_order_are_no_trouble(tmp_path, images):
    pan, mul = images
    coarse = pairs.write(tmp_path / "m.tif", mul, COARSE)
    with rasterio.open(coarse, "r+") as file:
        colours = dict(zip((4, 2, 1), ("red", "green", "blue"), strict=True))
        file.colorinterp = [ColorInterp[colours.get(band, "undefined")] for band in range(8)]
    assert np.array_equal(read((pairs.write(tmp_path / "p.tif", pan), coarse)).mul, mul)


@pytest.mark.parametrize("alpha", [False, True])
def test_marks_of_colour_alone_are_proposed_but_not_taken(tmp_path, images, alpha):
    """Software marks the first three of any bands."""
    paths = write_four(tmp_path, images, None, ["red", "green", "blue", "undefined"], alpha)
    with pytest.raises(BandError, match="--band-order " + ("blue,green" if alpha else "red,green,blue,nir")):
        read(paths)


def test_bands_that_no_sensor_has_are_left_out_and_the_pair_says_so(tmp_path, images):
    pan, mul = images
    names = ("swir1", "red", "rededge", "blue", "nir", "green")
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul[[7, 4, 5, 1, 6, 2]], COARSE, names=names)
    assert np.array_equal(read((fine, coarse)).mul, mul[[1, 2, 4, 6]])
    with open_pair(fine, coarse) as pair:
        assert "any four bands, and left out swir1, rededge; --sensor" in pair.notes[0]


WAVES = (427, 478, 546, 608, 659, 724, 833, 949)


@pytest.mark.parametrize(
    "form", ["Band {0} ({1} nm)", "{2:.3f} Micrometers", "{3}-{4} nm", "{2:.3f} µm", "tags", "envi"]
)
def test_bands_are_found_by_their_wavelengths(tmp_path, images, form):
    pan, mul = images
    fine, coarse = pairs.write(tmp_path / "p.tif", pan), tmp_path / "m.tif"
    names = [form.format(n, wave, wave / 1000, wave - 20, wave + 20) for n, wave in enumerate(WAVES, 1)]
    pairs.write(coarse, mul, COARSE, names=None if form in ("tags", "envi") else names)
    if form == "tags":
        with rasterio.open(coarse, "r+") as file:
            for index, wave in enumerate(WAVES, 1):
                file.update_tags(index, WAVELENGTH=wave, WAVELENGTH_UNITS="Nanometers")
    if form == "envi":
        rasterio.shutil.copy(coarse, tmp_path / "m.dat", driver="ENVI")
        coarse = tmp_path / "m.dat"
        header = tmp_path / "m.hdr"
        kept = header.read_text().split("band names")[0]
        header.write_text(f"{kept}wavelength units = nm\nwavelength = {{{', '.join(map(str, WAVES))}}}\n")
        coarse.with_name("m.dat.aux.xml").unlink(missing_ok=True)
    for settings in ({}, {"sensor": "GE01"}):
        assert np.array_equal(read((fine, coarse), **settings).mul, mul[[1, 2, 4, 6]])


def test_a_name_that_occurs_twice_is_told(tmp_path, images):
    paths = write_four(tmp_path, images, ("red", "green", "red", "nir"))
    with pytest.raises(BandError, match=r"found none for blue, and red twice; .*-order blue,green,red,nir"):
        read(paths, sensor="QB02")


@pytest.mark.parametrize("count", [5, 3])
def test_a_file_with_other_bands_than_its_sensor_is_refused(tmp_path, images, count):
    pan, mul = images
    paths = pairs.write(tmp_path / "p.tif", pan), pairs.write(tmp_path / "m.tif", mul[:count], COARSE)
    with pytest.raises(BandError, match="take these out" if count == 5 else "name the sensor"):
        read(paths, sensor="QB02")


@pytest.mark.parametrize("value", [0.1, -3.4e38, -9999.0, float("nan")])
@pytest.mark.parametrize("said", ["file", "option"])
def test_nodata_of_floats_are_the_floats_of_the_file(tmp_path, images, value, said):
    """A float of 32 bits isn't the number of 64 bits that its header and people write."""
    pan, mul = (image.astype("float32") / 10_000 for image in images)
    mul[:, :3] = value
    paths = (
        pairs.write(tmp_path / "p.tif", pan),
        pairs.write(tmp_path / "m.tif", mul, COARSE, nodata=value if said == "file" else None),
    )
    reading = Reading(scale=(1,), nodata=() if said == "file" else (value,))
    valid = read(paths, reading=reading).mul_valid
    assert not valid[:3].any() and valid[3:].all()


def test_a_mask_of_each_band_is_heard(tmp_path, images):
    pan, mul = images
    fine, coarse = pairs.write(tmp_path / "p.tif", pan), pairs.write(tmp_path / "m.tif", mul, COARSE)
    mask = np.ones(mul.shape[1:], "uint8") * 255
    mask[2:5, 3:7] = 0
    pairs.write(tmp_path / "mask.tif", mask, COARSE)
    with rasterio.open(coarse) as file:
        place = f"<SRS>{file.crs.to_wkt()}</SRS>"
    place += f"<GeoTransform>{', '.join(map(str, COARSE.to_gdal()))}</GeoTransform>"

    def source(name, band):
        file = f"<SourceFilename>{tmp_path / name}</SourceFilename><SourceBand>{band}</SourceBand>"
        return f"<SimpleSource>{file}</SimpleSource>"

    bands = "".join(
        f'<VRTRasterBand dataType="UInt16" band="{band}">{source("m.tif", band)}<MaskBand>'
        f'<VRTRasterBand dataType="Byte">{source("mask.tif", 1)}</VRTRasterBand></MaskBand></VRTRasterBand>'
        for band in range(1, 9)
    )
    whole = tmp_path / "m.vrt"
    whole.write_text(f'<VRTDataset rasterXSize="16" rasterYSize="12">{place}{bands}</VRTDataset>')
    assert np.array_equal(read((fine, whole)).mul_valid, mask > 0)


@pytest.mark.parametrize(
    ("scale", "offset"), [(0, 0), (-1e-4, 0), (float("nan"), 0), (1e308, 0), (1e-4, float("inf"))]
)
def test_scales_that_no_numbers_have_are_refused(tmp_path, images, scale, offset):
    paths = write_scaled(tmp_path, images, [scale] * 8, [offset] * 8)
    with pytest.raises(BandError, match=r"m\.tif: expected a scale above 0 .*--scale 0\.0001"):
        read(paths)
    assert np.array_equal(read(paths, reading=Reading(scale=(1e-4,))).mul, images[1])


@pytest.mark.parametrize("said", ["tags", "option"])
@pytest.mark.parametrize(
    ("scale", "found"),
    [(1e-300, "none above 0.001"), (1e-9, "none above 0.001"), (1, "half of them above 2")],
)
def test_a_scale_that_makes_a_picture_black_or_white_is_refused(tmp_path, images, scale, found, said):
    in_tags = [scale] * 8 if said == "tags" and scale != 1 else [0.9] * 8
    paths = write_scaled(tmp_path, images, in_tags, [0] * 8)
    reading = Reading(scale=(1e-4, *[scale] * 8) if said == "option" else ())
    with pytest.raises(BandError, match=rf"m\.tif: expected reflectance, found {found} by scale .*--scale 0"):
        read(paths, reading=reading)
    assert np.array_equal(read(paths, reading=Reading(scale=(1e-4,))).mul, images[1])


def test_scales_and_nodata_values_are_one_or_one_for_each_band(tmp_path, images):
    paths = write_scaled(tmp_path, images, [1e-4] * 8, [0] * 8)
    for name, value in (("scale", 1e-4), ("nodata", 7)):
        with pytest.raises(BandError, match=f"expected one {name}.*, or one for each of 8 bands, found 3"):
            read(paths, reading=Reading(**{name: (value,) * 4}))


def test_a_scaled_picture_without_a_valid_pixel_is_read(tmp_path, images):
    pan, mul = images
    paths = write_scaled(tmp_path, (pan, mul * 0), [1e-4] * 8, [0] * 8)
    assert not read(paths).mul_valid.any()


@pytest.mark.parametrize(
    ("kind", "value"),
    [("uint16", -9999), ("uint16", 1e300), ("int16", 0.5), ("uint16", np.nan), ("float32", 1e300)],
)
def test_a_nodata_value_that_the_numbers_can_not_have_is_refused(tmp_path, images, kind, value):
    pan, mul = (image.astype(kind) for image in images)
    paths = pairs.write(tmp_path / "p.tif", pan), pairs.write(tmp_path / "m.tif", mul, COARSE)
    with pytest.raises(BandError, match=f"p.tif: expected nodata values that {kind} has, found"):
        read(paths, reading=Reading(scale=(1e-4,), nodata=(value,)))
    assert read(paths, reading=Reading(scale=(1e-4,), nodata=(0, *[7] * 8))).pan_valid.all()


def test_a_scale_of_some_bands_is_refused(tmp_path, images):
    paths = write_scaled(tmp_path, images, [1e-4] * 5 + [1] * 3, [0] * 8)
    with pytest.raises(BandError, match="found none for band 6, 7, 8"):
        read(paths)


def write_scaled(folder, images, scales, offsets):
    """A pair whose mul states the scale and offset of each band."""
    pan, mul = images
    coarse = pairs.write(folder / "m.tif", mul, COARSE)
    with rasterio.open(coarse, "r+") as file:
        file.scales, file.offsets = scales, offsets
    return pairs.write(folder / "p.tif", pan), coarse


def test_the_scale_factor_of_an_envi_header_is_heard(tmp_path, images):
    pan, mul = images
    for name, pixels, place in (("p", pan[None], pairs.CORNER), ("m", mul, COARSE)):
        shape = {"count": len(pixels), "height": pixels.shape[1], "width": pixels.shape[2]}
        with rasterio.open(
            tmp_path / f"{name}.img",
            "w",
            driver="ENVI",
            crs="EPSG:32611",
            transform=place,
            dtype="uint16",
            **shape,
        ) as file:
            file.write(pixels // 2)
            file.descriptions = pairs.BAND_NAMES if name == "m" else ("BAND_P",)
        with (tmp_path / f"{name}.hdr").open("a") as header:
            header.write("reflectance scale factor = 5000\n")
    found = read((tmp_path / "p.img", tmp_path / "m.img"))
    assert np.abs(found.mul - (mul & ~np.uint16(1)).astype(int)).max() <= 1


def test_a_scale_is_heard_where_reflectance_is_expected(tmp_path, images):
    """As in an ARD, whose files hold reflectance × 10,000 by their specification."""
    fine, coarse = write_scaled(tmp_path, images, [5e-5] * 8, [0] * 8)
    layers = (Layer(str(path), str(path), calibration=STORED) for path in (fine, coarse))
    assert np.abs(read(layers).mul - images[1] / 2).max() <= 1


@pytest.mark.parametrize("stated", [False, True])
def test_counts_of_signed_numbers_are_refused_also_beside_a_scaled_pan(tmp_path, images, stated):
    pan, mul = (image // 4 for image in images)
    fine = pairs.write(tmp_path / "p.tif", pan.astype("int16"))
    coarse = pairs.write(tmp_path / "m.tif", mul.astype("int16"), COARSE)
    if stated:
        with rasterio.open(fine, "r+") as file:
            file.scales = [4e-4]
    with pytest.raises(BandError, match=r"m\.tif: .*found counts, none above 2,047"):
        read((fine, coarse))


def test_scales_and_nodata_values_are_in_the_order_of_the_file(tmp_path, images):
    """Whatever the order of the sensor's bands, the first of mul's numbers is of the first band."""
    pan, mul = images
    names = ("red", "green", "blue", "nir")
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul[:4], COARSE, names=names)
    own = (1e-4, 2e-4, 3e-4, 4e-4)
    plain = Reading(scale=(1e-4,), sensor="GE01")
    scaled = Reading(scale=(1e-4, *own), nodata=(0, *range(4)), sensor="GE01")
    before, after = (read((fine, coarse), reading=reading).mul for reading in (plain, scaled))
    expected = np.array([3, 2, 1, 4]).reshape(-1, 1, 1) * before.astype(int)
    assert np.array_equal(after, expected.clip(0, 65_535))
