"""Folders without metadata that we read: names and pixels tell pan, mul and bands."""

import shutil

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.enums import ColorInterp

import pairs
from potato import fuse
from potato.core.platforms import find_sensor, sensor_in_name
from potato.deliveries.delivery import open_delivery
from potato.deliveries.examine import list_products
from potato.deliveries.synthetic.scene import make_scene
from potato.errors import BandError, DeliveryError, InputError
from potato.raster.coordinates import grid_at
from potato.raster.layer import Reading
from potato.raster.plain_file import write_plain

SIDE = 32
NAMES = ("blue", "green", "red", "nir")

# File names as vendors give them. CBERS-4A: the catalogue of INPE. KOMPSAT-3A: ImageFileName in its
# Aux.xml. IKONOS: GDAL's reader_geo_eye. SkySat: Planet's page on its assets.
BAND_FILES = [
    ("CBERS_4A_WPM_20200730_209_139_L4_BAND{}.tif", "01234", "CBERS4A"),
    ("K3A_20210113132915_32047_00039626_L1G_{}.tif", "PBGRN", None),
    ("po_123456_{}_0000000.tif", ("pan", "blu", "grn", "red", "nir"), "four-band"),
    ("Scene {}.TIF", ("Pan", "Blue", "Green", "Red", "NIR"), "four-band"),
    ("scene_{}.tif", ("b5_pan", "b1_blue", "b2_green", "b3_red", "b4_nir"), "four-band"),
    ("scene_{}.tif", ("pan_b8", "blue_band2", "green_band3", "red_band4", "nir_band5"), "four-band"),
]


@pytest.fixture(scope="module")
def planes():
    """Pan and the four bands, as counts of reflectance."""
    scene = make_scene(find_sensor("GE01"), SIDE, 0)
    return [np.round(plane * 10_000).astype(np.uint16) for plane in (scene.pan, *scene.mul)]


def save(path, *bands, pixel=2.0, kind=np.uint16, names=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    stacked = np.stack(bands).astype(kind)
    write_plain(path, stacked, grid_at(stacked.shape[1], stacked.shape[2], pixel), names)


def save_pair(folder, planes, pan="pan.tif", mul="mul.tif", names=NAMES):
    save(folder / pan, planes[0], pixel=0.5)
    save(folder / mul, *planes[1:], names=names)
    return folder


@pytest.mark.parametrize(("pattern", "codes", "sensor"), BAND_FILES)
def test_a_file_for_each_band(tmp_path, planes, pattern, codes, sensor):
    for place, (code, plane) in enumerate(zip(codes, planes, strict=True)):
        save(tmp_path / "bands" / pattern.format(code), plane, pixel=2.0 if place else 0.5)
    delivery = open_delivery(tmp_path / "bands")
    assert delivery.parts == (1, 4) and delivery.sensor.bands == NAMES
    assert sensor in (None, delivery.sensor.name)
    named = delivery.sensor.name
    fuse(tmp_path / "bands", None, tmp_path / "bands.tif", sensor=named)
    fuse(save_pair(tmp_path / "two", planes), None, tmp_path / "two.tif", sensor=named)
    assert np.array_equal(pairs.read(tmp_path / "bands.tif"), pairs.read(tmp_path / "two.tif"))


def test_masks_pictures_and_hidden_files_are_no_pans_and_muls(tmp_path, planes):
    stem = "20200814_162132_ssc4_u0001"
    save_pair(tmp_path, planes, f"{stem}_panchromatic.tif", f"{stem}_analytic.tif", ())
    ones = np.ones_like(planes[0])
    save(tmp_path / f"{stem}_analytic_udm.tif", ones, kind=np.uint8)
    save(tmp_path / f"{stem}_panchromatic_udm2.tif", *[ones] * 8, pixel=0.5, kind=np.uint8)
    save(tmp_path / f"{stem}_pansharpened.tif", *[planes[0]] * 4, pixel=0.5)
    (tmp_path / f"._{stem}_analytic.tif").write_bytes(b"of macOS")
    (tmp_path / f"{stem}_metadata.json").write_text("{}")
    delivery = open_delivery(tmp_path)
    assert delivery.sensor.name == "SkySat" and delivery.parts == (1, 1)
    assert "by its name" not in delivery.notes and "SkySat" in delivery.notes[0]


def test_pan_and_mul_of_one_scale_leave_nothing_to_sharpen(tmp_path, planes):
    save(tmp_path / "panchromatic.tif", planes[1])
    save(tmp_path / "analytic.tif", *planes[1:], names=NAMES)
    with pytest.raises(DeliveryError, match=r"found them 1 times as wide in analytic\.tif .*nothing is left"):
        open_delivery(tmp_path)


def test_bytes_are_a_mul_if_there_is_no_other(tmp_path, planes):
    fine, *bands = (plane / 50 for plane in planes)
    save(tmp_path / "bytes" / "pan.tif", fine, pixel=0.5, kind=np.uint8)
    save(tmp_path / "bytes" / "mul.tif", *bands, kind=np.uint8, names=NAMES)
    with pytest.raises(BandError, match=r"found numbers of uint8; .*--scale 0\.0001"):
        fuse(tmp_path / "bytes", None, tmp_path / "o.tif", sensor="GE01")
    assert "pictures" in str(fuse(tmp_path / "bytes", None, tmp_path / "p.tif").notes)
    assert "pictures" in str(list_products(tmp_path / "bytes"))
    fuse(tmp_path / "bytes", None, tmp_path / "o.tif", reading=Reading(scale=(0.005,)))
    assert 40 < np.median(pairs.read(tmp_path / "o.tif")[:3]) < 220


@pytest.mark.parametrize(
    ("driver", "ending"),
    [("HFA", ".img"), ("ENVI", ".dat"), ("ENVI", ""), ("EHdr", ".bil"), ("PCIDSK", ".pix")],
)
def test_formats_of_other_software(tmp_path, planes, driver, ending):
    source = save_pair(tmp_path / "tif", planes)
    (tmp_path / "other").mkdir()
    for name in ("pan", "mul"):
        rasterio.shutil.copy(source / f"{name}.tif", tmp_path / "other" / f"{name}{ending}", driver=driver)
    fuse(source, None, tmp_path / "a.tif")
    fuse(tmp_path / "other", None, tmp_path / "b.tif", sensor="four-band")
    assert np.array_equal(pairs.read(tmp_path / "a.tif"), pairs.read(tmp_path / "b.tif"))


def test_a_format_that_is_named_alone(tmp_path, planes):
    source = save_pair(tmp_path / "tif", planes)
    (tmp_path / "vrt").mkdir()
    for name in ("pan", "mul"):
        rasterio.shutil.copy(source / f"{name}.tif", tmp_path / "vrt" / f"{name}.vrt", driver="VRT")
    with pytest.raises(DeliveryError, match="found none in 2 files; if they have another format, name pan"):
        open_delivery(tmp_path / "vrt")
    fuse(tmp_path / "vrt" / "pan.vrt", tmp_path / "vrt" / "mul.vrt", tmp_path / "o.tif")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_files_without_a_place_on_earth(tmp_path, planes):
    """Crops that were saved without their grid, as benchmarks share them."""
    source = save_pair(tmp_path / "placed", planes)
    (tmp_path / "bare").mkdir()
    for name in ("pan.tif", "mul.tif"):
        with rasterio.open(source / name) as file:
            pixels, names = file.read(), file.descriptions
        count, height, width = pixels.shape
        shape = {"count": count, "height": height, "width": width, "dtype": "uint16"}
        with rasterio.open(tmp_path / "bare" / name, "w", driver="GTiff", **shape) as file:
            file.write(pixels)
            file.descriptions = names
    fused = fuse(tmp_path / "bare", None, tmp_path / "bare.tif")
    fuse(source, None, tmp_path / "placed.tif")
    assert "their corners are taken for the same" in fused.notes[-1]
    assert np.array_equal(pairs.read(tmp_path / "bare.tif"), pairs.read(tmp_path / "placed.tif"))


RPB = """satId = "GF2";
bandId = "P";
SpecId = "RPC00B";
BEGIN_GROUP = IMAGE
	errBias = 1.0;
	errRand = 0.0;
	lineOffset = {half};
	sampOffset = {half};
	latOffset = 17.6;
	longOffset = -91.0;
	heightOffset = 100;
	lineScale = {half};
	sampScale = {half};
	latScale = 0.0007;
	longScale = 0.0007;
	heightScale = 500;
	lineNumCoef = (0,0,-1,0{zeros});
	lineDenCoef = (1,0,0,0{zeros});
	sampNumCoef = (0,1,0,0{zeros});
	sampDenCoef = (1,0,0,0{zeros});
END_GROUP = IMAGE
END;
"""


def save_with_model(folder, stem, planes):
    """A pan and a mul that lie on no map, with RPCs."""
    for name, bands in (("PAN1", planes[:1]), ("MSS1", planes[1:])):
        shape = {"count": len(bands), "height": len(bands[0]), "width": len(bands[0]), "dtype": "uint16"}
        with rasterio.open(folder / f"{stem}-{name}.tiff", "w", driver="GTiff", **shape) as file:
            file.write(np.stack(bands))
        text = RPB.format(half=len(bands[0]) / 2, zeros=",0" * 16)
        (folder / f"{stem}-{name}.rpb").write_text(text)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_images_with_a_model_alone_are_refused_with_the_commands_that_project_them(tmp_path, planes):
    """Level 1A of Gaofen has RPCs in `.rpb` files, and its names tell the satellite."""
    stem = "GF2_PMS1_W91.0_N17.6_20200510_L1A0004793969"
    save_with_model(tmp_path, stem, planes)
    with pytest.raises(DeliveryError, match=r"but RPCs; .*: gdalwarp -rpc .*PAN1-ortho.tif && gdalwarp .*"):
        open_delivery(tmp_path)
    # What the commands write keeps the name, which tells the sensor and the order of its bands.
    ortho = save_pair(tmp_path / "ortho", planes, f"{stem}-PAN1-ortho.tif", f"{stem}-MSS1-ortho.tif", ())
    fused = fuse(*sorted(ortho.iterdir(), reverse=True), tmp_path / "o.tif")
    assert fused.notes[0].startswith("took the file for one of Gaofen-2 by its name")


def test_the_satellite_in_the_name_of_a_file():
    for name, sensor in (
        ("CBERS_4A_WPM_20200730_209_139_L4_BAND1.tif", "CBERS4A"),
        ("20200814_162132_ssc4_u0001_analytic.tif", "SkySat"),
        ("IMG_PHR1A_MS_202108201553330_ORT_5888578101-2_R1C1.JP2", "PHR1A"),
        ("wv3-yard.tif", "WV03"),
        ("mul.tif", None),
        ("po_123456_bgrn_0000000.tif", None),
    ):
        found = sensor_in_name(name)
        assert (found and found.name) == sensor
    assert sensor_in_name("wv3.tif", 4).name == "WV-BGRN" and sensor_in_name("wv3.tif", 5) is None


def test_a_satellite_in_text_of_geoeye_is_read_by_gdal(tmp_path, planes):
    """The form of GDAL's own test of its reader (autotest/gcore/data/md_ge_metadata.txt)."""
    save_pair(tmp_path, planes, "po_1_pan_0000000.tif", "po_1_bgrn_0000000.tif", ())
    text = "==========\n\nSource Image Metadata\n\nNumber of Source Images: 1\n\nSensor: GeoEye-1\n"
    (tmp_path / "po_1_metadata.txt").write_text(text)
    assert open_delivery(tmp_path).sensor.name == "GE01"
    shutil.copy(tmp_path / "po_1_pan_0000000.tif", tmp_path / "po_2_pan_0000000.tif")
    assert "expected one pan" in str(list_products(tmp_path))


def save_three(folder, planes, *bands, names=(), alpha=False):
    """A pan and three bands of a mul, or three and alpha."""
    extra = [np.full_like(planes[1], 255)] * alpha
    save(folder / "pan.tif", planes[0], pixel=0.5)
    save(folder / "mul.tif", *[planes[1 + NAMES.index(band)] for band in bands], *extra, names=names)
    return folder


def test_three_bands_have_the_colours_of_any_four(tmp_path, planes):
    names = ("red", "green", "blue")
    delivery = open_delivery(save_three(tmp_path / "three", planes, *names, names=names))
    assert delivery.sensor.name == "three-band" and "any three bands" in delivery.notes[0]
    fuse(tmp_path / "three", None, tmp_path / "a.tif")
    save_three(tmp_path / "marked", planes, *names)
    with rasterio.open(tmp_path / "marked" / "mul.tif", "r+") as file:
        file.colorinterp = [ColorInterp[name] for name in names]
    fuse(tmp_path / "marked", None, tmp_path / "d.tif")
    told = Reading(band_order=names)
    fuse(save_three(tmp_path / "bare", planes, *names), None, tmp_path / "b.tif", reading=told)
    fuse(save_three(tmp_path / "alpha", planes, *names, alpha=True), None, tmp_path / "c.tif", reading=told)
    for other in ("b.tif", "c.tif", "d.tif"):
        assert np.array_equal(pairs.read(tmp_path / "a.tif"), pairs.read(tmp_path / other))


@pytest.mark.parametrize(
    ("bands", "names", "alpha", "said"),
    [
        (("red", "green", "blue"), (), False, r"found 3 bands \(none .*--band-order red,green,blue\)"),
        (("red", "green", "blue"), (), True, r"found 4 bands .*or red,green,blue if the fourth is alpha\)"),
        (("nir", "red", "green"), ("nir", "red", "green"), False, r"expected blue, green and red, of which"),
        (
            ("blue", "red"),
            ("blue", "red"),
            False,
            r"found 2 bands \(blue, red\); take the vendor's file with all",
        ),
    ],
)
def test_a_mul_of_few_bands_that_cannot_be_coloured(tmp_path, planes, bands, names, alpha, said):
    save_three(tmp_path, planes, *bands, names=names, alpha=alpha)
    for source in ((tmp_path, None), (tmp_path / "pan.tif", tmp_path / "mul.tif")):
        with pytest.raises(InputError, match=said):
            fuse(*source, tmp_path / "o.tif")


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("20220605_124027_64_2475_3B_AnalyticMS_8b.tif",), "PlanetScope has no pan, so nothing can sharpen"),
        (("T31TFJ_20210601T105031_B02_10m.tif",), "Sentinel-2 has no pan"),
        (("2011-05-05T112233_RE3_3A-NAC_6683383_149747.tif",), "RapidEye has no pan"),
        (("GF1_WFV2_E117.8_N36.9_20150101_L1A0000564539.tif",), "Gaofen's wide field camera has no pan"),
        (("UMBRA-05_pan.tif",), "Umbra is a radar, whose images have no colours"),
        (
            ("image_pansharpened.tif",),
            r"found no pan beside image_pansharpened.tif \(sharpened already\); order",
        ),
        (
            ("pan.tif", "image_visual.tif"),
            r"found no mul beside pan.tif, image_visual.tif \(sharpened already\)",
        ),
        (
            ("pan.tif", *(f"IMG-0{n}-ALAV2A.tif" for n in range(1, 5))),
            r"and 2 more; stack .*rio stack BLUE GREEN",
        ),
        (
            ("PAN.tif", *(f"BAND{n}.tif" for n in range(1, 5))),
            r"found 4 bands \(band1, band2, band3, band4\)",
        ),
        (("a_pan.tif", "b_pan.tif"), "expected one pan in .*found a_pan.tif, b_pan.tif; give pan and mul by"),
    ],
)
def test_folders_without_a_pair_are_told_what_they_lack(tmp_path, planes, names, said):
    for name in names:
        single = "pan" in name.lower() and "pansharpened" not in name
        bands = planes[:1] if single else planes[1:2] if len(names) > 2 else planes[1:]
        save(tmp_path / name, *bands, pixel=0.5 if single else 2.0)
    assert "1 product, 0 usable" in str(list_products(tmp_path))
    with pytest.raises(DeliveryError, match=said):
        open_delivery(tmp_path)


def test_numbered_files_are_the_bands_of_a_sensor_that_is_named(tmp_path, planes):
    for number, plane in enumerate(planes):
        save(tmp_path / f"BAND{number}.tif", plane, pixel=2.0 if number else 0.5)
    delivery = open_delivery(tmp_path, sensor=find_sensor("CBERS4A"))
    assert delivery.parts == (1, 4) and delivery.sensor.bands == NAMES
    assert open_delivery(tmp_path, band_order=NAMES).sensor.name == "four-band"


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_what_was_projected_beside_its_source_is_taken(tmp_path, planes):
    save_pair(tmp_path, planes, "GF2-PAN1-ortho.tif", "GF2-MSS1-ortho.tif", ())
    save_with_model(tmp_path, "GF2", planes)
    delivery = open_delivery(tmp_path)
    assert "ortho" in delivery.pan.name and "ortho" in delivery.mul.name


@pytest.mark.parametrize("ratio", [2, 3])
def test_any_files_may_have_any_ratio(tmp_path, planes, ratio):
    save(tmp_path / "pan.tif", planes[0][: SIDE * ratio, : SIDE * ratio], pixel=2.0 / ratio)
    save(tmp_path / "mul.tif", *planes[1:], names=NAMES)
    fuse(tmp_path, None, tmp_path / "a.tif")
    fuse(tmp_path / "pan.tif", tmp_path / "mul.tif", tmp_path / "b.tif")
    assert np.array_equal(pairs.read(tmp_path / "a.tif"), pairs.read(tmp_path / "b.tif"))


@pytest.mark.parametrize("folders", [("", ""), ("P", "M")])
def test_parts_of_an_image_are_one(tmp_path, planes, folders):
    for name, folder, stack, pixel in (
        ("PAN", folders[0], planes[:1], 0.5),
        ("MS", folders[1], planes[1:], 2.0),
    ):
        half = len(stack[0]) // 2
        (tmp_path / "parts" / folder).mkdir(parents=True, exist_ok=True)
        for row in (0, 1):
            for column in (0, 1):
                part = np.stack(stack)[:, row * half :, column * half :][:, :half, :half]
                place = grid_at(0, 0, pixel).transform @ (column * half, row * half)
                path = tmp_path / "parts" / folder / f"{name}_R{row + 1}C{column + 1}.tif"
                write_plain(path, part, grid_at(half, half, pixel, *place), NAMES if len(part) > 1 else ())
    assert open_delivery(tmp_path / "parts").parts == (4, 4)
    fuse(save_pair(tmp_path / "whole", planes), None, tmp_path / "a.tif")
    fuse(tmp_path / "parts", None, tmp_path / "b.tif")
    assert np.array_equal(pairs.read(tmp_path / "a.tif"), pairs.read(tmp_path / "b.tif"))


@pytest.mark.parametrize(
    "pattern",
    ["{}/pan.tif {}/ms.tif", "{}/x.tif {}/y.tif", "{}_PAN1.tif {}_MSS1.tif", "P/{}_P.tif M/{}_M.tif"],
)
def test_pairs_of_several_scenes_are_products(tmp_path, planes, pattern):
    for scene in ("20200101", "20210101"):
        save_pair(tmp_path / "in", planes, *pattern.format(scene, scene).split())
    assert [one.name for one in list_products(tmp_path / "in").products] == ["20200101", "20210101"]
    with pytest.raises(DeliveryError, match=r"found 20200101, 20210101; choose one \(--product NAME\)"):
        fuse(tmp_path / "in", None, tmp_path / "a.tif")
    fuse(tmp_path / "in", None, tmp_path / "a.tif", reading=Reading(product="20210101"))
    assert (tmp_path / "a.tif").exists()


def test_a_listing_refuses_what_fuse_refuses(tmp_path, planes):
    save_pair(tmp_path, [plane // 10 for plane in planes])
    with pytest.raises(BandError) as caught:
        fuse(tmp_path, None, tmp_path / "o.tif")
    assert "counts, none above 2,047" in str(caught.value)
    (product,) = list_products(tmp_path).products
    assert product.delivery is None and product.faults == (str(caught.value),)


def test_a_line_break_in_a_name_begins_no_line_of_a_listing(tmp_path):
    (tmp_path / "a\n1 product, 1 usable.IMD").write_text("BEGIN_GROUP = X\n")
    lines = str(list_products(tmp_path)).splitlines()
    assert [line for line in lines if line.startswith("1 product")] == ["1 product, 0 usable"]
