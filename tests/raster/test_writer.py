"""Pictures are whole or absent, and their bytes depend on their pixels alone."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pairs
from potato.core.profiles import PROFILES
from potato.errors import OutputError, OutputExists
from potato.raster import Channels, create_picture, grid_at, write_image

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
