"""Published values, metadata as real products have them, and listings."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from potato.deliveries.contents import list_contents
from potato.deliveries.delivery import is_delivery, open_delivery
from potato.deliveries.examine import examine_products, list_products
from potato.deliveries.markup import parse_xml
from potato.deliveries.maxar_constants import find_constants
from potato.deliveries.odl import parse_odl
from potato.deliveries.sunlight import earth_sun_distance, parse_time, reflectance_per_radiance
from potato.errors import DeliveryError
from potato.raster.coordinates import grid_at
from potato.raster.gdal_env import open_dataset
from potato.raster.header import read_header
from potato.raster.plain_file import write_plain
from potato.raster.vrt import Placed, VrtBand, build_vrt

LANDSAT = Path(os.environ.get("POTATO_DATA", "")) / "landsat8"

DISTANCES = {1: 0.98331, 91: 0.99926, 152: 1.01403, 182: 1.01667, 274: 1.00119, 319: 0.98916}
"""By day of the year: table 11.4 of the Landsat 7 Science Data Users Handbook (NASA)."""


@pytest.mark.parametrize(("day", "distance"), DISTANCES.items())
def test_the_distance_of_the_sun_is_that_of_the_handbook(day, distance):
    start = datetime(2001, 1, 1, 12, tzinfo=UTC).timestamp()
    time = datetime.fromtimestamp(start + 86_400 * (day - 1), UTC)
    assert earth_sun_distance(time) == pytest.approx(distance, abs=2e-4)


def test_the_distance_of_the_sun_is_that_of_published_examples():
    # T. Updike and C. Comp, "Radiometric Use of WorldView-2 Imagery", 2010, and the metadata of
    # the Landsat scene LC80170512015339LGN01.
    assert earth_sun_distance(datetime(2009, 10, 8, 18, 51, tzinfo=UTC)) == pytest.approx(0.998987, abs=1e-6)
    time = parse_time("2015-12-05T16:06:06.8773380Z"[:26] + "Z")
    assert time is not None and earth_sun_distance(time) == pytest.approx(0.9854780, abs=2e-5)


def test_a_white_ground_below_the_zenith_reflects_all_light():
    # Its radiance is E / π, and E d⁻² of the sun reaches it.
    assert reflectance_per_radiance(np.pi, 1, 90) == pytest.approx(1)
    assert reflectance_per_radiance(np.pi, 2, 30) == pytest.approx(8)


def test_counts_of_worldview_become_the_reflectance_of_the_vendor_s_formula():
    # absCalFactor 1.783568e-02, effectiveBandwidth 5.43e-02, sun 68.9° high, 400 counts in blue:
    # 1.002 · 400 · 0.3284656 − 9.835 = 121.814 W/(m² µm sr), of 2007.27 · 0.932954 / 1.00238 / π.
    gain, offset = find_constants("WV02")["BAND_B"].to_reflectance(1.783568e-02 / 5.43e-02, 1.00119, 68.9)
    assert 400 * gain + offset == pytest.approx(0.20484, abs=1e-5)


def test_constants_of_all_satellites_are_physical():
    """The sun is brightest in blue; adjustments of the calibration are small."""
    for satellite in ("WV02", "WV03", "WV04", "GE01", "QB02", "IK01", "IK02"):
        bands = find_constants(satellite)
        light = [bands[name].irradiance for name in ("BAND_B", "BAND_G", "BAND_R", "BAND_N")]
        assert light == sorted(light, reverse=True) and 1900 < light[0] < 2050
        assert all(0.85 < one.gain < 1.25 and -15 < one.offset <= 0 for one in bands.values())
    assert find_constants("WV01") == {}


IMD = """version = "28.3";
bandId = "MS1";
BEGIN_GROUP = BAND_B
\tabsCalFactor = 1.783568e-02;
END_GROUP = BAND_B
BEGIN_GROUP = IMAGE_1
\tsatId = "WV02";
\tTLCList = (
\t(0,  0.000000),
\t(6775,  1.355000)\t);
\tmeanSunEl =  68.9;
END_GROUP = IMAGE_1
END;
"""


def test_odl_is_read_as_gdal_reads_it(tmp_path):
    write_plain(tmp_path / "a.TIF", np.ones((1, 2, 2), np.uint16), grid_at(2, 2, 1.0))
    (tmp_path / "a.IMD").write_text(IMD)
    seen = read_header(str(tmp_path / "a.TIF"), "part").vendor
    own = parse_odl(IMD)
    names = ("bandId", "BAND_B.absCalFactor", "IMAGE_1.satId", "IMAGE_1.meanSunEl")
    assert [own[name] for name in names] == [seen[name] for name in names]
    assert "IMAGE_1.TLCList" in own


def test_times_as_vendors_write_them():
    assert parse_time("2018-10-01T02:26:04.585850Z") == datetime(2018, 10, 1, 2, 26, 4, 585850, UTC)
    assert parse_time("2021-08-20") == datetime(2021, 8, 20, tzinfo=UTC)
    assert parse_time("yesterday") is None


def test_xml_that_is_none(tmp_path):
    with pytest.raises(DeliveryError, match=r"a.XML: expected XML, found none .*; fetch it again"):
        parse_xml("<a>", "a.XML")


def test_metadata_find_files_in_any_case_but_only_below_their_folder(tmp_path):
    for name in ("a/x.TIL", "a/Part.tif", "b.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    contents = list_contents(tmp_path)
    assert contents.beside("a/x.TIL", "PART.TIF") == "a/Part.tif"
    assert contents.beside("a/x.TIL", "./part.tif") == "a/Part.tif"
    assert contents.beside("a/x.TIL", "../b.tif") is None
    assert is_delivery(tmp_path) and is_delivery("x.tar.gz") and not is_delivery("x.tif")


@pytest.mark.skipif(not LANDSAT.is_dir(), reason="needs POTATO_DATA")
def test_files_of_landsat_without_a_place_get_that_of_their_metadata():
    delivery = open_delivery(LANDSAT, calibrate="toa")
    assert delivery.sensor.name == "LC-BGRN" and delivery.date == "2015-12-05"
    with open_dataset(delivery.pan.name, "pan") as pan, open_dataset(delivery.mul.name, "mul") as mul:
        assert mul.crs.to_epsg() == pan.crs.to_epsg() == 32616
        # The lower left pixels have one centre, 558,000 and 1,368,990 m are those of the corners.
        assert mul.bounds.left + 15 == pan.bounds.left + 7.5 == 543_990
        assert mul.bounds.bottom + 15 == pan.bounds.bottom + 7.5 == 1_368_990
        assert mul.bounds.right - 15 == 558_000 and mul.bounds.top - 15 == 1_378_980
        blue = int(mul.read(1)[100, 100])
    assert delivery.mul.calibration is not None
    reflectance = blue * delivery.mul.calibration.gains[0] + delivery.mul.calibration.offsets[0]
    assert reflectance == pytest.approx((2e-5 * blue - 0.1) / 0.746015, abs=1e-5)


def test_a_vrt_has_the_masks_and_nodata_of_its_parts_and_holes_between_them(tmp_path):
    for name, value in (("a.tif", 5), ("b.tif", 6)):
        write_plain(tmp_path / name, np.full((1, 2, 2), value, np.uint16), grid_at(2, 2, 1.0))
    parts = [
        Placed(read_header(str(tmp_path / name), "part"), 0, left)
        for name, left in (("a.tif", 0), ("b.tif", 3))
    ]
    grid = grid_at(2, 5, 1.0)
    with open_dataset(build_vrt(grid, [VrtBand("BAND_P", parts, 1)]), "pan", "VRT") as vrt:
        assert vrt.descriptions == ("BAND_P",) and vrt.transform == grid.transform
        assert vrt.read(1).tolist() == [[5, 5, 0, 6, 6]] * 2


def test_products_are_listed_with_what_is_wrong(made, copied):
    listing = str(list_products(made("maxar")))
    line, count = listing.splitlines()
    assert line == (
        "052421600010_01_P001: WorldView-2, 2009-10-08, Standard LV2A, pan in 4 files, mul in 4 files, "
        "surface reflectance, haze of the whole product subtracted"
    )
    assert count == "1 product, 1 usable"
    folder = copied("maxar")
    part = next(folder.rglob("*M2AS_R2C2*.TIF"))
    part.write_bytes(part.read_bytes()[:-600])
    (examined,) = examine_products(folder)
    assert any("damaged or cut short" in fault or "can't open" in fault for fault in examined.faults)
    part.unlink()
    (examined,) = examine_products(folder)
    assert examined.delivery is None and part.name in examined.faults[-1]
    assert "can't be sharpened" in str(examined)


def test_orders_of_several_vendors_are_all_listed(made, tmp_path):
    for kind in ("maxar", "dimap", "landsat"):
        shutil.copytree(made(kind), tmp_path / kind)
    listing = list_products(tmp_path)
    assert [one.kind for one in listing.products if one.delivery] == ["landsat", "dimap", "maxar"]
    with pytest.raises(
        DeliveryError, match=r"expected one product, found LC08_.*; choose one \(--product NAME"
    ):
        open_delivery(tmp_path)
    assert open_delivery(tmp_path, product="P001").kind == "maxar"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("order.7z", r"unpack it, and name the folder \(order.7z\)"),
        ("PRS_L2D_STD.he5", r"export its pan and its bands as GeoTIFFs first \(PRS_L2D_STD.he5\)"),
        ("linked", "folders that are links aren't followed: name the one that linked leads to"),
    ],
)
def test_folders_without_images_are_told_where_these_may_be(made, tmp_path, name, said):
    if name == "linked":
        (tmp_path / name).symlink_to(made("maxar"))
    else:
        (tmp_path / name).write_bytes(b"data")
    with pytest.raises(DeliveryError, match=said):
        open_delivery(tmp_path)


def test_a_link_to_nothing_is_named(copied):
    folder = copied("maxar-flat")
    file = folder / "09OCT08_P001_MUL.IMD"
    file.unlink()
    file.symlink_to("gone.IMD")
    with pytest.raises(DeliveryError, match=r"can't read 09OCT08_P001_MUL\.IMD: a link to nothing"):
        open_delivery(folder)
