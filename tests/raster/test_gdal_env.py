"""GDAL's settings are defaults, and what it merely logs while writing is an error."""

import contextlib
import logging
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio._env import get_gdal_config
from rasterio.errors import RasterioIOError

from potato.errors import InputError, OutputError
from potato.raster.coordinates import grid_at, grid_to_lonlat, lonlat_to_grid, map_to_grid
from potato.raster.gdal_env import DEFAULTS, gdal, open_dataset, refusals

OPTION = "GDAL_HTTP_MAX_RETRY"


def test_defaults_hold_only_inside_the_context(monkeypatch):
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    with gdal():
        assert {name: get_gdal_config(name) for name in DEFAULTS} == {
            name: int(value) if str(value).isdigit() else value for name, value in DEFAULTS.items()
        }
    assert get_gdal_config(OPTION) is None


def test_an_option_of_the_user_is_kept(monkeypatch):
    with rasterio.Env(**{OPTION: "7"}), gdal():
        assert int(get_gdal_config(OPTION)) == 7
    monkeypatch.setenv(OPTION, "9")
    with gdal():
        assert OPTION not in rasterio.env.getenv()


@pytest.mark.parametrize("signed", [False, True])
def test_requests_to_s3_are_signed_only_with_credentials(monkeypatch, tmp_path, signed):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AWS_NO_SIGN_REQUEST", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    if signed:
        monkeypatch.setenv("AWS_PROFILE", "mine")
    with gdal():
        assert ("AWS_NO_SIGN_REQUEST" in rasterio.env.getenv()) is not signed


def test_a_warning_while_writing_is_an_error():
    with pytest.raises(OutputError, match=r"^x.tif: GDAL refused: a warning$"), refusals(Path("x.tif")):
        logging.getLogger("rasterio._env").warning("CPLE_NotSupported in a warning")


def test_an_error_of_gdal_while_writing_is_an_output_error():
    with pytest.raises(OutputError, match=r"x\.tif: can't write it: no room"), refusals(Path("x.tif")):
        raise RasterioIOError("no room")


@pytest.mark.parametrize("character", [" ", "\t", '"', "<", ">", "`"])
def test_a_query_that_messages_could_not_leave_out_is_refused(character):
    with pytest.raises(InputError, match="expected a query without spaces") as refused:
        open_dataset(f"https://me:SECRET@127.0.0.1:9/a.tif?sig=A{character}SECRET", "pan")
    assert "SECRET" not in str(refused.value) and "https://127.0.0.1:9/a.tif: " in str(refused.value)


def test_a_file_of_another_format_than_the_given_one_is_refused(tmp_path):
    path = tmp_path / "a.vrt"
    path.write_text("<VRTDataset rasterXSize='1' rasterYSize='1'><VRTRasterBand band='1'/></VRTDataset>")
    open_dataset(str(path), "pan").close()
    with pytest.raises(InputError, match=f"can't open pan {path}"):
        open_dataset(str(path), "pan", "GTiff")


def test_grid_places_survive_a_round_trip_through_longitude_and_latitude():
    grid = grid_at(100, 200, 0.5)
    for x, y in ((0, 0), (200, 100), (12.25, 71.5)):
        assert lonlat_to_grid(grid, *grid_to_lonlat(grid, x, y)) == pytest.approx((x, y), abs=1e-3)
        assert map_to_grid(grid, *(grid.transform @ (x, y))) == pytest.approx((x, y))
    # The upper left corner lies west of the central meridian of zone 11, at −117°.
    longitude, latitude = grid_to_lonlat(grid, 0, 0)
    assert -119 < longitude < -117 and 34 < latitude < 35


def test_a_mask_and_names_that_lie_beside_a_local_file_are_read(tmp_path):
    path = tmp_path / "a.tif"
    grid = grid_at(2, 3, 0.5)
    profile = {"driver": "GTiff", "count": 1, "height": 2, "width": 3, "dtype": "uint16"}
    profile |= {"crs": grid.crs, "transform": grid.transform}
    mask = np.array([[255, 0, 255], [0, 0, 255]], np.uint8)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(path, "w", **profile) as file:
        file.write_mask(mask)
    band = "<PAMRasterBand band='1'><Description>BAND_P</Description></PAMRasterBand>"
    path.with_suffix(".tif.aux.xml").write_text(f"<PAMDataset>{band}</PAMDataset>")
    with gdal(), contextlib.closing(open_dataset(str(path), "pan")) as dataset:
        assert dataset.descriptions == ("BAND_P",)
        assert (dataset.read_masks(1) == mask).all()


@pytest.mark.parametrize(
    ("make", "found"),
    [(Path.mkdir, "it is a folder: name a file in it"), (Path.touch, "it is empty: fetch it")],
)
def test_a_folder_or_an_empty_file_is_named_as_such(tmp_path, make, found):
    make(tmp_path / "mul.tif")
    with pytest.raises(InputError, match=f"can't open mul .*mul.tif.*; {found}"):
        open_dataset(str(tmp_path / "mul.tif"), "mul")
