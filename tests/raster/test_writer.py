"""Pictures are whole or absent, and their bytes depend on their pixels alone."""

import hashlib
import os
import select
import signal
import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pairs
from potato.core.profiles import PROFILES
from potato.errors import OutputError, OutputExists
from potato.raster.coordinates import grid_at
from potato.raster.trial import check_place
from potato.raster.writer import Channels, create_picture, write_image

HEIGHT, WIDTH = 700, 600
GRID = grid_at(HEIGHT, WIDTH, 0.5)


def pixels(seed: int = 0) -> np.ndarray:
    """Random codes (4, HEIGHT, WIDTH); the upper left TIFF block is invalid."""
    codes = np.random.default_rng(seed).integers(1, 256, (4, HEIGHT, WIDTH), dtype=np.uint8)
    codes[3] = 255
    codes[:, :512, :512] = 0
    return codes


def write(path: Path, block: int, profile: str = "tiled", **options) -> str:
    """Write `pixels()` in blocks; returns a digest of the file."""
    codes = pixels()
    with create_picture(
        path, GRID, channels=Channels("uint8"), profile=PROFILES[profile], **options
    ) as picture:
        for row in range(0, HEIGHT, block):
            for column in range(0, WIDTH, block):
                part = codes[:, row : row + block, column : column + block]
                picture.put(row, column, part if part.any() else None, block)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(block=st.integers(40, 800))
def test_the_bytes_of_a_picture_do_not_depend_on_blocks(tmp_path, block):
    whole = write(tmp_path / "whole.tif", 1024, overwrite=True)
    assert write(tmp_path / "blocks.tif", block, overwrite=True) == whole
    assert np.array_equal(pairs.read(tmp_path / "blocks.tif"), pixels())


@pytest.mark.parametrize("profile", PROFILES)
def test_the_bytes_of_a_picture_do_not_depend_on_threads(tmp_path, profile):
    digests = {write(tmp_path / "a.tif", 100, profile, threads=n, overwrite=True) for n in (1, 2, 16, 16)}
    assert len(digests) == 1


@pytest.mark.parametrize("profile", PROFILES)
def test_a_picture_has_the_requested_place_tags_and_bands(tmp_path, profile):
    write(tmp_path / "a.tif", 512, profile, tags={"POTATO_LOOK": "natural"}, options={"compress": "LZW"})
    with rasterio.open(tmp_path / "a.tif") as file:
        assert (file.crs, file.transform) == (GRID.crs, GRID.transform)
        assert file.tags()["POTATO_LOOK"] == "natural"
        assert file.descriptions == ("red", "green", "blue", "alpha")
        assert file.profile["compress"].upper() == "LZW"
        assert file.block_shapes[0] == (512, 512)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.tif"]


@pytest.mark.parametrize("profile", PROFILES)
def test_an_error_leaves_the_target_unchanged(tmp_path, profile):
    path = tmp_path / "a.tif"
    path.write_text("before")
    with (
        pytest.raises(ZeroDivisionError),
        create_picture(
            path, GRID, channels=Channels("uint8"), profile=PROFILES[profile], overwrite=True
        ) as picture,
    ):
        picture.put(0, 0, pixels()[:, :512], 512)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == [path] and path.read_text() == "before"


@pytest.mark.parametrize("profile", PROFILES)
def test_an_unknown_creation_option_is_refused(tmp_path, profile):
    with pytest.raises(OutputError, match="COMPRES"):
        write(tmp_path / "a.tif", 512, profile, options={"COMPRES": "LZW"})
    assert not list(tmp_path.iterdir())


def test_a_target_that_appears_meanwhile_is_not_replaced(tmp_path):
    path = tmp_path / "a.tif"
    with (
        pytest.raises(OutputExists),
        create_picture(path, GRID, channels=Channels("uint8"), profile=PROFILES["tiled"]) as picture,
    ):
        path.write_text("somebody else's")
        picture.put(0, 0, None, HEIGHT)
    assert path.read_text() == "somebody else's"


def in_a_fork(work) -> str:
    """What a function returns in a forked child, or the message of its error."""
    here, there = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if not child:
        try:
            told = str(work())
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(there, told.encode())
        os._exit(0)
    os.close(there)
    with os.fdopen(here) as answer:
        ready = select.select([answer], [], [], 300)[0]
        if not ready:
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return answer.read() if ready else "nothing"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("profile", PROFILES)
def test_a_forked_child_writes_the_same_bytes(tmp_path, profile):
    digest = write(tmp_path / "a.tif", 512, profile, threads=4)
    assert in_a_fork(lambda: write(tmp_path / "b.tif", 512, profile, threads=4)) == digest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_that_was_forked_beside_a_writing_thread_says_why_it_cannot_write(tmp_path):
    profile = PROFILES["cog"]
    with create_picture(tmp_path / "a.tif", GRID, channels=Channels("uint8"), profile=profile) as picture:
        told = in_a_fork(lambda: write(tmp_path / "b.tif", 512))
        picture.put(0, 0, pixels(), HEIGHT)
    assert told.startswith("InputError: expected a process whose threads are its own") and "spawn" in told
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("ending", ["TFW=YES", "PROFILE=BASELINE"])
def test_files_that_creation_options_make_arrive_beside_the_picture(tmp_path, ending):
    name, value = ending.split("=")
    path = tmp_path / "a.b.tif"
    beside = tmp_path / {"TFW": "a.b.tfw", "PROFILE": "a.b.tif.aux.xml"}[name]
    write(path, 512, options={name: value})
    assert sorted(tmp_path.iterdir()) == sorted([path, beside]) and beside.stat().st_size
    with rasterio.open(path) as file:
        assert file.transform == GRID.transform
    beside.write_text("somebody else's")
    path.unlink()
    with pytest.raises(OutputExists, match=beside.name.replace(".", r"\.")):
        write(path, 512, options={name: value})
    assert beside.read_text() == "somebody else's" and not path.exists()


def test_what_described_a_picture_goes_with_it_when_it_is_replaced(tmp_path):
    write(tmp_path / "a.tif", 512)
    for ending in (".aux.xml", ".ovr", ".msk"):
        (tmp_path / f"a.tif{ending}").write_text("of the old one")
    (tmp_path / "a.tif.txt").write_text("a note")
    write(tmp_path / "a.tif", 512, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "a.tif.txt"]


@pytest.mark.parametrize("option", ["TARGET_SRS=EPSG:3857", "TILING_SCHEME=GoogleMapsCompatible"])
def test_a_picture_says_which_grid_its_file_got(tmp_path, option):
    name, value = option.split("=")
    with create_picture(
        tmp_path / "a.tif", GRID, channels=Channels("uint8"), profile=PROFILES["cog"], options={name: value}
    ) as picture:
        picture.put(0, 0, pixels(), HEIGHT)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert (picture.grid.height, picture.grid.width) == file.shape != (HEIGHT, WIDTH)
        assert picture.grid.transform == file.transform and picture.grid.crs == file.crs
        assert picture.share == pytest.approx((file.dataset_mask() > 0).mean())


@pytest.mark.parametrize(
    ("option", "profile", "needed"),
    [
        ("EXTENT=0,0,9,9", "cog", "TARGET_SRS"),
        ("RES=3", "cog", "TARGET_SRS"),
        ("WARP_RESAMPLING=CUBIC", "cog", "TARGET_SRS or TILING_SCHEME"),
        ("RESAMPLING=NEAREST", "cog", "TARGET_SRS or TILING_SCHEME"),
        ("ALIGNED_LEVELS=2", "cog", "TILING_SCHEME"),
        ("QUALITY=50", "cog", "COMPRESS=JPEG or COMPRESS=WEBP"),
        ("JPEG_QUALITY=50", "tiled", "COMPRESS=JPEG"),
    ],
)
def test_a_creation_option_that_gdal_would_ignore_is_refused(tmp_path, option, profile, needed):
    with pytest.raises(OutputError, match=f"expected {needed} with {option.partition('=')[0]},.*{option}"):
        write(tmp_path / "a.tif", 512, profile, options=dict([option.split("=")]))
    assert not list(tmp_path.iterdir())


WARPED = {"TARGET_SRS": "EPSG:32611"}
TILED = {"TILING_SCHEME": "GoogleMapsCompatible"}


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        (TILED | {"ALIGNED_LEVELS": "9"}, "at most 8192 pixels a side, found 131072 by ALIGNED_LEVELS"),
        (TILED | {"ALIGNED_LEVELS": "0"}, "a whole number from 1 for ALIGNED_LEVELS, found 0"),
        (TILED | {"ZOOM_LEVEL": "24"}, "at most 8192 pixels a side, found 89600 by ZOOM_LEVEL"),
        (TILED | {"ZOOM_LEVEL": "x"}, "a whole number from 0 for ZOOM_LEVEL, found x"),
        (WARPED | {"EXTENT": "0,0,1,1", "RES": "1e-9"}, "at most 8192 pixels a side, found 1e.09 by EXTENT"),
        (WARPED | {"EXTENT": "0,0,1,1", "RES": "nan"}, "a number above 0, .*found nan"),
        (WARPED | {"EXTENT": "1,1,0,0"}, "west,south,east,north for EXTENT, found 1,1,0,0"),
        (WARPED | {"RES": "3"}, "beside an EXTENT, for RES"),
    ],
)
def test_creation_options_make_no_picture_of_any_size(tmp_path, options, refusal):
    """GDAL would fill it for minutes, in which it hears no interruption."""
    with pytest.raises(OutputError, match=refusal):
        write(tmp_path / "a.tif", 512, "cog", options=options)
    assert not list(tmp_path.iterdir())


def test_creation_options_choose_the_ground_and_the_pixels(tmp_path):
    west, north = GRID.transform @ (100, 100)
    east, south = GRID.transform @ (500, 600)
    extent = {"EXTENT": f"{west},{south},{east},{north}", "RES": "1"}
    write(tmp_path / "a.tif", 512, "cog", options={"TARGET_SRS": str(GRID.crs), **extent})
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.bounds == (west, south, east, north) and file.res == (1, 1)
    for zoom in (16, 17):
        write(tmp_path / f"{zoom}.tif", 512, "cog", options=TILED | {"ZOOM_LEVEL": str(zoom)})
        with rasterio.open(tmp_path / f"{zoom}.tif") as file:
            assert file.tags(ns="TILING_SCHEME")["ZOOM_LEVEL"] == str(zoom)


ACROSS = grid_at(HEIGHT, WIDTH, 10, 735_000.0, 4_987_000.0, 32660)
"""A grid that the antimeridian crosses."""


@pytest.mark.parametrize(
    "option", ["TARGET_SRS=EPSG:4326", "TARGET_SRS=EPSG:3857", "TILING_SCHEME=GoogleMapsCompatible"]
)
def test_a_picture_is_not_torn_at_the_antimeridian(tmp_path, option):
    options = dict([option.split("=")])
    with (
        pytest.raises(OutputError, match=rf"{option}, found one that crosses it.*TARGET_SRS=EPSG:3832"),
        create_picture(
            tmp_path / "a.tif", ACROSS, channels=Channels("uint8"), profile=PROFILES["cog"], options=options
        ),
    ):
        pass
    assert not list(tmp_path.iterdir())
    check_place(tmp_path / "a.tif", ACROSS, {"TARGET_SRS": "EPSG:3832"})  # which the message recommends


@pytest.mark.parametrize("masked", [False, True])
def test_an_image_is_written_in_the_format_of_an_ard(tmp_path, masked):
    counts = np.random.default_rng(1).integers(1, 5000, (2, 300, 200), dtype=np.uint16)
    valid = np.zeros((300, 200), bool)
    valid[20:, :150] = True
    path = tmp_path / "x.tif"
    path.write_text("before")
    write_image(path, counts, valid if masked else None, grid_at(300, 200, 2.0), ("BAND_B", "BAND_G"))
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(), counts)
        assert file.descriptions == ("BAND_B", "BAND_G")
        assert file.nodatavals == ((None, None) if masked else (0, 0))
        assert np.array_equal(file.dataset_mask() > 0, valid if masked else np.ones_like(valid))
        assert file.overviews(1) and file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert list(tmp_path.iterdir()) == [path]


def test_an_image_that_cannot_be_written_is_an_output_error(tmp_path):
    counts = np.ones((1, 8, 8), np.uint16)
    with pytest.raises(OutputError, match="can't write there"):
        write_image(tmp_path / "no" / "x.tif", counts, None, grid_at(8, 8, 2.0), ("BAND_P",))
