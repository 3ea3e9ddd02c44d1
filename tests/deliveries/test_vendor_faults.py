"""What is wrong with a delivery is said in one line, with what to do."""

import re
import shutil
import tarfile
import zipfile

import numpy as np
import pytest

from potato.core.platforms import find_sensor
from potato.deliveries.clearing import clear_haze
from potato.deliveries.delivery import find_products, open_delivery
from potato.deliveries.haze import FORMAT
from potato.errors import DeliveryError
from potato.raster.coordinates import grid_at
from potato.raster.plain_file import write_plain


def refused(folder, said, **options):
    with pytest.raises(DeliveryError, match=said) as caught:
        open_delivery(folder, **options)
    assert "\n" not in str(caught.value)


def edit(folder, pattern, old, new):
    """Replace a text in the files that match a pattern; they must have it."""
    files = list(folder.rglob(pattern))
    assert files
    for file in files:
        text = file.read_text()
        assert re.search(old, text), f"{old} isn't in {file}"
        file.write_text(re.sub(old, new, text))


def write_image(path, bands, side, pixel, names=(), kind=np.uint16):
    path.parent.mkdir(exist_ok=True)
    write_plain(path, np.full((bands, side, side), 3000, kind), grid_at(side, side, pixel), names)


BGRN = ("blue", "green", "red", "nir")


def test_a_folder_without_imagery(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing")
    refused(
        tmp_path,
        r"expected images \(.tif, .*ENVI\), found none in 1 file; if they have another .*, name pan and mul$",
    )


def test_archives_without_imagery_but_with_archives(tmp_path):
    for name, inner in (("inner.zip", "readme.txt"), ("outer.zip", "inner.zip")):
        (tmp_path / "readme.txt").write_text("nothing")
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.write(tmp_path / inner, inner)
    refused(
        tmp_path / "outer.zip", r"found none in 1 file; unpack it, and name the archive in it \(inner.zip\)$"
    )
    refused(tmp_path, f"found none in 3 files; name the archive in it: {tmp_path}/inner.zip$")


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [("MOST_FILES", 2, "more than 2 files"), ("MOST_METADATA", 9, "MB of metadata")],
)
def test_more_than_a_delivery_holds(tmp_path, monkeypatch, limit, most, said):
    monkeypatch.setattr(f"potato.deliveries.contents.{limit}", most)
    with tarfile.open(tmp_path / "order.tgz", "w:gz") as archive:
        for number in range(3):
            (tmp_path / f"{number}.txt").write_text("text")
            archive.add(tmp_path / f"{number}.txt", f"{number}.txt")
    refused(tmp_path / "order.tgz", said)


@pytest.mark.parametrize("lost", ["pan", "mul"])
def test_half_of_a_delivery(made, copied, lost):
    folder = copied("maxar")
    shutil.rmtree(next(folder.glob(f"*_{lost.upper()}")))
    refused(folder, f"expected a pan and a mul, found no {lost} beside .*; order pan and multispectral")


def test_two_pans(copied):
    folder = copied("maxar")
    pan = next(folder.glob("*_PAN"))
    shutil.copytree(pan, folder / "copy_of_PAN")
    refused(folder, "expected one pan in 052421600010_01_P001, found .*PAN.*, .*PAN.*IMD; give pan and mul")
    for name in ("a.tif", "b.tif"):
        write_image(folder.parent / "bare" / name, 1, 32, 0.5)
    write_image(folder.parent / "bare" / "mul.tif", 4, 8, 2.0, BGRN)
    refused(folder.parent / "bare", "expected one pan in bare, found a.tif, b.tif")


@pytest.mark.parametrize(
    ("kind", "pattern", "old", "new"),
    [
        ("maxar", "*-M2AS-*.IMD", "1030010003BF2E00", "1030010003BF2E01"),
        ("dimap", "DIM_*_MS_*.XML", "<IMAGING_TIME>16:06", "<IMAGING_TIME>16:07"),
    ],
)
def test_mul_of_another_pass(copied, kind, pattern, old, new):
    folder = copied(kind)
    edit(folder, pattern, old, new)
    refused(folder, "expected pan and mul of one pass, found .* and .*; put each product into a folder")


def test_mul_of_another_satellite(copied):
    folder = copied("maxar")
    edit(folder, "*-M2AS-*.IMD", "WV02", "WV03")
    refused(folder, "expected pan and mul of one satellite, found WV02 and WV03")


@pytest.mark.parametrize("kind", ["maxar", "dimap"])
def test_a_part_that_is_named_but_missing(copied, kind):
    folder = copied(kind)
    (lost,) = [file for file in folder.rglob("*R1C2*.TIF") if "P2AS" in file.name or "_P_" in file.name]
    lost.unlink()
    refused(folder, f"found no {re.escape(lost.name)}; fetch the delivery again, or leave a hole")
    delivery = open_delivery(folder, allow_missing=True)
    assert delivery.missing == (lost.name,) and delivery.parts == (3, 4)


def test_all_parts_of_an_image_missing(copied):
    folder = copied("maxar")
    for file in folder.rglob("*P2AS*.TIF"):
        file.unlink()
    refused(folder, "expected .*R1C1.*TIF.*found none of them; copy the whole folder", allow_missing=True)


@pytest.mark.parametrize("kind", ["maxar", "maxar-flat"])
def test_no_imd(copied, kind):
    folder = copied(kind)
    for file in folder.rglob("*.IMD"):
        file.unlink()
    refused(folder, r"expected .*IMD|MUL.TIF: expected the bands of a sensor that Potato knows, found")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (r"\tabsCalFactor.*\n", "", "absCalFactor and effectiveBandwidth of BAND_P, found none"),
        ("absCalFactor = .*", "absCalFactor = 0.0;", "BAND_P above 0, found 0 and"),
        (r"\tmeanSunEl.*\n", "", "expected meanSunEl, found none"),
        (r"\tfirstLineTime.*\n", "", "expected firstLineTime, found none"),
    ],
)
def test_an_imd_without_what_counts_need(copied, old, new, said):
    folder = copied("maxar")
    edit(folder, "*.IMD", old, new)
    refused(folder, f"{said}.*--calibrate none")
    assert open_delivery(folder, calibrate="none").mul.calibration is None


def test_a_dimap_without_what_counts_need(copied):
    folder = copied("dimap")
    edit(folder, "DIM_*.XML", "<VALUE>[0-9.]*<", "<VALUE>999<")
    refused(folder, "expected date, gain and irradiance of the band P.*--calibrate none")


def test_mtl_of_another_scene(copied):
    folder = copied("landsat")
    for file in folder.glob("*.TIF"):
        file.rename(file.with_name(file.name.replace("017051", "017052")))
    refused(folder, "expected the images of LC08_L1TP_017051.*found images of another .LC08_L1TP_017052")


def test_a_band_of_landsat_missing_but_the_coastal_one(copied):
    folder = copied("landsat")
    next(folder.glob("*_B1.TIF")).unlink()
    assert open_delivery(folder).sensor.bands == BGRN
    lost = next(folder.glob("*_B4.TIF"))
    lost.unlink()
    refused(folder, f"found no {lost.name}")


def test_level_2_without_its_pan(made):
    refused(made("landsat-2") / "L2SP", "found no pan beside .*MTL.txt; .*put the scene of level 1 beside it")


@pytest.mark.parametrize("names", [(), ("1", "2", "3", "4")])
def test_bands_in_unknown_order(tmp_path, names):
    write_image(tmp_path / "pan.tif", 1, 32, 0.5)
    write_image(tmp_path / "mul.tif", 4, 8, 2.0, names)
    refused(tmp_path, "mul.tif: expected the bands of a sensor that Potato knows, found .*; name the sensor")
    assert open_delivery(tmp_path, sensor=find_sensor("GE01")).mul.indexes == (1, 2, 3, 4)
    refused(tmp_path, "expected the bands of SPOT-6", sensor=find_sensor("SPOT6"))
    order = ("red", "green", "blue", "nir")
    assert open_delivery(tmp_path, band_order=order).mul.indexes == (3, 2, 1, 4)
    refused(tmp_path, "expected a name for each of the 4 bands of mul.tif, found 1 .red", band_order=["red"])


def test_mixed_ratios(copied):
    folder = copied("maxar")
    for file in folder.rglob("*P2AS*R*.TIF"):
        write_image(file, 1, 80, 0.6)
    refused(folder, "expected pixels of mul 4 times as wide|expected parts of one image")


def test_parts_of_different_products(copied):
    folder = copied("maxar")
    part = next(folder.rglob("*M2AS_R1C1*.TIF"))
    write_image(part, 8, 20, 2.4)
    refused(folder, "expected parts of one image, found 8 bands of uint16, .* in .*; put each product")


def test_an_unknown_satellite(copied):
    folder = copied("maxar")
    edit(folder, "*.IMD", "WV02", "XX77")
    refused(folder, "expected a satellite that Potato knows, found XX77; .*--sensor")


def test_products_that_are_finished_or_lie_on_no_map(copied):
    folder = copied("maxar")
    edit(folder, "*M2AS*.IMD", 'bandId = "Multi"', 'bandId = "BGRN"')
    refused(folder, "expected a pan and a mul, found no mul beside")
    edit(folder, "*M2AS*.IMD", 'bandId = "BGRN"', 'bandId = "Multi"')
    edit(folder, "*P2AS*.IMD", "LV2A", "LV1B")
    refused(folder, "is of level 1B, which lies on no map; .*orthority, or on flat ground: gdalwarp -rpc")


def test_a_sharpened_or_enhanced_product_of_maxar(copied):
    folder = copied("maxar")
    edit(folder, "*M2AS*.IMD", 'Algorithm = "None"', 'Algorithm = "UNB"')
    refused(folder, r"found no mul beside .*IMD \(sharpened already\).*")
    edit(folder, "*M2AS*.IMD", 'Algorithm = "UNB"', 'Algorithm = "None"')
    edit(folder, "*M2AS*.IMD", 'Enhancement = "Off"', 'Enhancement = "DRA"')
    refused(folder, r"is enhanced for display \(DRA\), which can't be undone; order the product without")


def test_an_image_of_another_format_than_its_name_says(copied):
    """A VRT names other files of this machine, which aren't the vendor's to read."""
    folder = copied("files")
    (folder / "pan.tif").write_text(
        "<VRTDataset rasterXSize='1' rasterYSize='1'><VRTRasterBand band='1' dataType='UInt16'/></VRTDataset>"
    )
    refused(folder, "can't open image .*pan.tif")


def test_display_products_of_airbus(copied):
    folder = copied("dimap")
    edit(folder, "DIM_*.XML", "BASIC", "DISPLAY")
    refused(folder, r"stretched for display \(DISPLAY\), .*; order the product with")


def test_metadata_that_define_entities(copied):
    folder = copied("dimap")
    edit(folder, "DIM_*_P_*.XML", "<Dimap_Document>", "<!DOCTYPE a [<!ENTITY b 'c'>]><Dimap_Document>")
    refused(folder, "found a document that defines entities")


def test_names_that_lead_out_of_the_folder(copied):
    folder = copied("maxar")
    part = next(folder.rglob("*P2AS_R1C1*.TIF"))
    part.rename(folder.parent / part.name)
    edit(folder, "*P2AS*.TIL", re.escape(part.name), f"../../{part.name}")
    refused(folder, f"found no ../../{part.name}")


def test_surface_reflectance_cannot_become_that_of_the_top_of_the_atmosphere(made):
    refused(
        made("landsat-2"), "found surface reflectance already; leave out --calibrate toa", calibrate="toa"
    )


def test_several_products_are_listed(made, tmp_path):
    for name in ("017051", "017052"):
        for file in made("landsat").iterdir():
            copy = tmp_path / name / file.name.replace("017051", name)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(file.read_bytes().replace(b"017051", name.encode()))
    assert [one.name for one in find_products(tmp_path)] == ["LC08_017051_20151205", "LC08_017052_20151205"]
    refused(tmp_path, "found LC08_017051_20151205, LC08_017052_20151205; choose one .--product NAME")
    assert open_delivery(tmp_path, product="LC08_017052_20151205").name == "LC08_017052_20151205"


def test_haze_kept_for_another_product(made, tmp_path):
    kept = tmp_path / "haze.json"
    clear_haze(open_delivery(made("dimap")), kept)
    delivery = open_delivery(made("maxar"))
    for said in (
        "expected the haze of 052421600010_01_P001, found that of PHR1A.*; remove it",
        "damaged file",
    ):
        with pytest.raises(DeliveryError, match=said):
            clear_haze(delivery, kept)
        kept.write_text("{}")


@pytest.mark.parametrize("value", ["NaN", "-1", "1e308", "1" + "0" * 400, "[" * 5000 + "]" * 5000])
def test_kept_haze_that_no_air_has(made, tmp_path, value):
    kept, delivery = tmp_path / "haze.json", open_delivery(made("maxar"))
    haze = ", ".join(f'"{band}": {value}' for band in ("pan", *delivery.sensor.bands))
    kept.write_text(f'{{"format": "{FORMAT}", "product": "{delivery.name}", "haze": {{{haze}}}}}')
    with pytest.raises(DeliveryError, match="found a damaged file; remove it"):
        clear_haze(delivery, kept)
