"""Images that a stranger made to harm: refused in one line, before GDAL reads them."""

import os
import zlib

import numpy as np
import pytest
import rasterio

import pairs
from potato.errors import InputError
from potato.raster.gdal_env import gdal, open_dataset
from potato.raster.untrusted import read_small
from tiffs import LONG, LONG8, SHORT, big_tiff

ELSEWHERE = "/vsicurl/http://127.0.0.1:9/other.tif"
VRT = (
    '<VRTDataset rasterXSize="64" rasterYSize="64">'
    '<Metadata><MDI key="INTERNAL_MASK_FLAGS_1">2</MDI></Metadata>'
    '<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
    f"<SourceFilename>{ELSEWHERE}</SourceFilename><SourceBand>1</SourceBand>"
    "</SimpleSource></VRTRasterBand></VRTDataset>"
)


@pytest.fixture
def image(tmp_path):
    return pairs.write(tmp_path / "a.tif", np.full((128, 128), 3000, np.uint16))


def pixels(path, driver="GTiff"):
    with gdal(), open_dataset(str(path), "pan", driver) as dataset:
        return dataset.read(1, out_shape=(16, 16))


def test_a_plain_file_from_a_stranger_is_opened(tmp_path):
    strip = np.full(16 * 16, 7, "<u2").tobytes()
    assert (pixels(big_tiff(tmp_path / "a.tif", 16, 16, strip)) == 7).all()


@pytest.mark.parametrize(
    ("tags", "claims", "says"),
    [
        ([(42112, 2, b"<GDALMetadata/>")], {42112: 200 << 20}, "tags of 16 MB at most, found 200 MB"),
        ([(42112, 2, b'<Item name="a">1</Item>' * 20_001)], {}, "20,000 items of metadata at most"),
        ([(65_000, SHORT, (1,))] * 200_000, {}, "4,096 tags at most, found 200,0"),
        ([(273, LONG8, (16,))], {273: 1 << 40}, "tags of 64 MB at most"),
    ],
)
def test_tags_that_take_too_much_time_or_memory_are_refused(tmp_path, tags, claims, says):
    path = big_tiff(tmp_path / "a.tif", 16, 16, bytes(512), *tags, claims=claims)
    with pytest.raises(InputError, match=says):
        pixels(path, None)


def test_a_huge_image_in_one_compressed_block_is_refused(tmp_path):
    strip = zlib.compress(bytes(1 << 20))
    shape = (256, LONG, (16_000,)), (257, LONG, (16_000,)), (278, LONG, (16_000,)), (259, SHORT, (8,))
    path = big_tiff(tmp_path / "a.tif", 16_000, 16_000, strip, *shape)
    with pytest.raises(InputError, match=r"blocks of 64 MB at most, found one of 488 MB.*-co TILED=YES"):
        pixels(path, None)


@pytest.mark.parametrize("items", [20_001, 1])
def test_metadata_beside_an_image_are_bounded(image, items):
    beside = image.with_name("a.tif.aux.xml")
    beside.write_text("<PAMDataset><Metadata>" + '<MDI key="a">1</MDI>' * items + "</Metadata></PAMDataset>")
    if items == 1:
        assert pixels(image, None).all()
    else:
        with pytest.raises(InputError, match="20,000 items"):
            pixels(image, None)


def test_a_named_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    with pytest.raises(InputError, match="expected a file, found a named pipe"):
        pixels(tmp_path / "a.tif", None)


@pytest.mark.parametrize("name", ["a.tif.msk", "A.TIF.AUX.XML", "a.imd", "DIM_b.XML"])
def test_a_named_pipe_beside_an_image_is_not_opened(image, name):
    """Reading would wait for a writer, since GDAL opens whatever has such a name."""
    os.mkfifo(image.with_name(name))
    with pytest.raises(InputError, match=f"{name}: expected a file, found a named pipe"):
        pixels(image, None)


def test_a_named_pipe_that_has_nothing_to_do_with_an_image_does_not_matter(image):
    os.mkfifo(image.with_name("queue"))
    assert pixels(image, None).all()


def test_the_name_of_a_file_beside_an_image_does_not_matter(image):
    (image.parent / os.fsdecode(b"a\xff.xml")).touch()
    assert pixels(image, None).all()


def test_small_files_are_read_up_to_their_limit(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"x" * 100)
    assert read_small(path, 100) == b"x" * 100
    with pytest.raises(InputError, match="at most, found more"):
        read_small(path, 99)


def test_a_name_that_no_library_takes_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a name in UTF-8"):
        pixels(tmp_path / os.fsdecode(b"\xff.tif"))


@pytest.mark.parametrize("ending", [".msk", ".MSK", ".ovr"])
def test_what_lies_beside_a_strangers_image_leads_nowhere_else(image, ending):
    image.with_name(f"a.tif{ending}").write_text(VRT)
    with pytest.raises(InputError, match=rf"can't open pan .*a\.tif{ending}"):
        pixels(image)


def test_overviews_named_by_a_tag_of_a_stranger_are_refused(image):
    with rasterio.open(image, "r+") as file:
        file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=ELSEWHERE)
    with pytest.raises(InputError, match="found a tag that names others"):
        pixels(image)


def test_a_link_beside_a_strangers_image_stays_in_its_folder(image, tmp_path):
    (tmp_path / "other").mkdir()
    secret = pairs.write(tmp_path / "other" / "b.tif", np.zeros((128, 128), np.uint8))
    image.with_name("a.tif.msk").symlink_to(secret)
    with pytest.raises(InputError, match="found a link that leads elsewhere"):
        pixels(image)


def test_overviews_beside_an_image_are_read(image):
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(image, "r+") as file:
        file.build_overviews([2, 4])
    assert image.with_name("a.tif.ovr").is_file()
    with gdal(), open_dataset(str(image), "pan", "GTiff") as dataset:
        assert dataset.overviews(1) == [2, 4]
