"""Counts of every kind of delivery become the reflectance that they were made from."""

import contextlib
import json
import shutil
import tarfile
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest

from potato.core.platforms import find_sensor
from potato.core.sensors import WAVELENGTHS
from potato.deliveries.clearing import clear_haze
from potato.deliveries.delivery import open_delivery
from potato.deliveries.haze import MOST_HAZE, limit_haze
from potato.deliveries.odl import parse_odl
from potato.deliveries.synthetic.scene import make_scene
from potato.raster.coordinates import grid_at
from potato.raster.gdal_env import gdal, open_dataset
from potato.raster.layer import mul_image, pan_image
from potato.raster.pair import open_pair
from potato.raster.plain_file import write_plain

SIZE = 160

KINDS = [
    ("maxar", "WV02"),
    ("maxar", "WV03"),
    ("maxar", "QB02"),
    ("maxar", "WV04"),
    ("maxar-flat", "GE01"),
    ("maxar-flat", "IK02"),
    ("dimap", "PHR1A"),
    ("dimap", "SPOT6"),
    ("dimap", "PNEO3"),
    ("landsat", "LC08"),
    ("landsat", "LE07"),
    ("cbers", "CBERS4A"),
    ("kompsat", "K3A"),
    ("gaofen", "GF1"),
    ("files", "WV02"),
    ("bands", "PNEO3"),
    ("stac", "GE01"),
]

BARE = ("files", "bands", "stac")
"""Kinds whose files hold reflectance, and say nothing of it."""


def read(delivery):
    """Pan (h, w) and mul (n, h, w) as reflectance, and where they are valid."""
    found = []
    with gdal():
        for layer in (delivery.pan, delivery.mul):
            with contextlib.closing(open_dataset(layer.name, "layer", layer.driver)) as dataset:
                if layer is delivery.pan:
                    image = pan_image(layer, dataset)
                else:
                    image, *_ = mul_image(layer, dataset, delivery.sensor)
                pixels, valid = image.read(0, 0, image.grid.height, image.grid.width)
                found += [pixels / 10_000, valid]
    return found[0][0], found[2], found[1], found[3]


def scene_of(sensor):
    sensor = find_sensor(sensor)
    return make_scene(sensor, SIZE // sensor.ratio // 2 * 2, 0, centred=sensor.ratio == 2)


@pytest.mark.parametrize(("kind", "sensor"), KINDS)
def test_counts_become_the_reflectance_that_they_were_made_from(made, kind, sensor):
    delivery = open_delivery(made(kind, sensor), calibrate="none" if kind in BARE else "toa")
    truth = scene_of(sensor)
    pan, mul, pan_valid, mul_valid = read(delivery)
    assert pan_valid.all() and mul_valid.all()
    for layer, seen, true in ((delivery.pan, pan[None], truth.pan[None]), (delivery.mul, mul, truth.mul)):
        gains = layer.calibration.gains if layer.calibration else (1e-4,)
        # Half a count of the file, half a count of ours, and the error of the formula for the
        # distance of the sun, which is right to 0.00002.
        most = np.array(gains)[:, None, None] / 2 + 0.5e-4 + 4e-5 * true
        assert (np.abs(seen - true) <= most).all()


def test_haze_of_the_whole_product_is_found_and_subtracted(made):
    delivery = clear_haze(open_delivery(made("maxar", "WV02")))
    truth = scene_of("WV02")
    _, mul, _, _ = read(delivery)
    assert delivery.calibration == "surface reflectance, haze of the whole product subtracted"
    haze = np.array(truth.haze)[:, None, None]
    # Water, the darkest thing there, has between 0.008 and 0.015.
    assert np.abs(mul - (truth.mul - haze)).max() < 0.005


def test_haze_is_limited_and_falls_with_the_wavelength():
    bands = ("coastal", "blue", "green", "red", "nir")
    assert limit_haze(dict.fromkeys(bands, -0.1)) == dict.fromkeys(bands, 0)
    snow = list(limit_haze(dict.fromkeys(bands, 0.8)).values())
    assert snow == sorted(snow, reverse=True) and snow[1] == MOST_HAZE
    assert snow[3] == pytest.approx(MOST_HAZE * (WAVELENGTHS["red"] / WAVELENGTHS["blue"]) ** -2, abs=1e-4)
    rising = limit_haze({"blue": 0.05, "green": 0.08, "red": 0.02})
    assert list(rising.values()) == [0.05, 0.05, 0.02]


def test_the_second_level_of_landsat_keeps_its_values_and_takes_pan_of_the_first(made):
    delivery = clear_haze(open_delivery(made("landsat-2", "LC09")))
    truth = scene_of("LC09")
    pan, mul, _, _ = read(delivery)
    haze = np.array(truth.haze)[:, None, None]
    assert np.abs(mul - (truth.mul - haze)).max() < 1e-4
    assert delivery.level == "L2SP" and (truth.pan - pan).min() > 0.02


def test_parts_of_a_product_match_at_their_seams(copied, tmp_path):
    """What one run keeps, another uses, whichever parts it has; so pictures of both match."""
    folder, kept = copied("maxar", "WV02"), tmp_path / "haze.json"
    whole = read(clear_haze(open_delivery(folder), kept))
    assert set(json.loads(kept.read_text())["haze"]) == {"pan", *find_sensor("WV02").bands}
    for part in folder.rglob("*R1C1*.TIF"):
        part.unlink()
    rest = clear_haze(open_delivery(folder, allow_missing=True), kept)
    assert rest.missing and "2 files missing" in str(rest)
    for layer, pixel in ((rest.pan, 0.5), (rest.mul, 2.0)):
        with open_dataset(layer.name, "layer") as dataset:
            assert dataset.transform == grid_at(1, 1, pixel).transform
    for complete, partial in zip(whole, read(rest), strict=True):
        side = complete.shape[-1] // 2
        assert (complete[..., side:, :] == partial[..., side:, :]).all()
        assert (partial[..., :side, :side] == 0).all()


def test_reflectance_that_acomp_has_made_is_taken_as_it_is(copied):
    folder = copied("maxar-flat")
    for file in folder.glob("*.IMD"):
        file.write_text(file.read_text().replace('Enhancement = "Off"', 'Enhancement = "ACOMP"'))
    delivery = open_delivery(folder)
    assert set(delivery.mul.calibration.gains) == {1e-4} and set(delivery.mul.calibration.offsets) == {0.0}
    assert delivery.calibration == "surface reflectance"


def test_names_in_the_files_count_more_than_the_order_of_the_metadata(copied):
    folder = copied("maxar-flat")
    before = read(open_delivery(folder))
    path = folder / "09OCT08_P001_MUL.TIF"
    with open_dataset(str(path), "mul") as file:
        pixels = file.read()
    path.unlink()
    height, width = pixels.shape[1:]
    write_plain(path, pixels[::-1], grid_at(height, width, 2.0), ("BAND_N", "BAND_R", "BAND_G", "BAND_B"))
    for seen, true in zip(read(open_delivery(folder)), before, strict=True):
        assert (seen == true).all()


def test_metadata_in_xml_say_the_same(copied):
    folder = copied("maxar")
    before = read(open_delivery(folder))
    for file in folder.rglob("*.IMD"):
        root = ElementTree.Element("isd")
        values = ElementTree.SubElement(root, "IMD")
        for name, value in parse_odl(file.read_text()).items():
            parent, (*group, field) = values, name.upper().replace("IMAGE_1", "IMAGE").split(".")
            for tag in group:
                found = parent.find(tag)
                parent = ElementTree.SubElement(parent, tag) if found is None else found
            ElementTree.SubElement(parent, field).text = value
        file.with_suffix(".XML").write_bytes(ElementTree.tostring(root))
        file.unlink()
    for seen, true in zip(read(open_delivery(folder)), before, strict=True):
        assert (seen == true).all()


def test_a_reflectance_product_of_airbus_is_taken_as_it_is(copied):
    folder = copied("dimap")
    for file in folder.rglob("DIM_*.XML"):
        file.write_text(file.read_text().replace("BASIC", "REFLECTANCE"))
    delivery = open_delivery(folder)
    assert set(delivery.mul.calibration.gains) == {1e-4}
    assert delivery.calibration == "surface reflectance"


@pytest.mark.parametrize("kind", ["maxar", "dimap"])
@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_an_archive_is_read_like_the_folder_in_it(made, tmp_path, kind, ending):
    folder, path = made(kind), tmp_path / f"order.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*.*"):
                archive.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, folder.name)
    for seen, true in zip(read(open_delivery(path)), read(open_delivery(folder)), strict=True):
        assert (seen == true).all()


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("maxar", "**/*-P2AS-*.TIL"),
        ("maxar", "**/*-M2AS-*.IMD"),
        ("dimap", "**/DIM_*MS*.XML"),
        ("dimap", "VOL_*.XML"),
        ("maxar-flat", "*PAN.IMD"),
        ("landsat", "*_MTL.txt"),
    ],
)
def test_a_metadata_file_stands_for_its_product(made, kind, pattern):
    folder = made(kind)
    (file,) = folder.glob(pattern)
    for seen, true in zip(read(open_delivery(file)), read(open_delivery(folder)), strict=True):
        assert (seen == true).all()


def test_a_part_of_each_product_is_chosen_by_its_name(copied):
    folder = copied("maxar")
    for half in ("PAN", "MUL"):
        first = next(folder.glob(f"*_{half}"))
        second = shutil.copytree(first, folder / first.name.replace("P001", "P002"))
        for file in second.iterdir():
            text = file.read_bytes()
            if file.suffix != ".TIF":
                text = text.replace(b"P001", b"P002")
            file.unlink()
            (second / file.name.replace("P001", "P002")).write_bytes(text)
    assert open_delivery(folder, product="P002").name.endswith("P002")


def test_a_delivery_opens_as_a_pair(made):
    delivery = open_delivery(made("maxar"))
    with gdal(), open_pair(delivery.pan, delivery.mul, sensor=delivery.sensor) as pair:
        assert (pair.height, pair.width, pair.row, pair.column) == (SIZE // 4, SIZE // 4, 0, 0)
        assert pair.sensor.name == "WV02"
