"""Files of sharp bands, and composites of three of them."""

import filecmp

import numpy as np
import pytest
import rasterio
import torch
from rasterio.enums import ColorInterp

import pairs
from potato import fuse, load_model
from potato.core.color import linear_srgb_to_oklab
from potato.core.render import FLAT, render
from potato.core.resample import enlarge_mask
from potato.core.sensor_table import WORLDVIEW_2
from potato.errors import BandError, InputError
from potato.model.bands import bands_out

PREDICTOR = load_model("predictor")


@pytest.fixture(scope="module")
def holed(tmp_path_factory) -> pairs.Paths:
    """A pair of 200 × 240 pan pixels with holes in both images."""
    folder = tmp_path_factory.mktemp("holed")
    pan, mul = pairs.ground(50, 60)
    pan[90:110, 40:60] = 0
    mul[:, 30, 7] = 0
    return pairs.Paths(
        pairs.write(folder / "pan.tif", pan),
        pairs.write(folder / "mul.tif", mul, pairs.CORNER @ rasterio.Affine.scale(4), names=pairs.BAND_NAMES),
    )


def bands_of(paths: pairs.Paths, output, bands="all", **settings) -> np.ndarray:
    fuse(paths.pan, paths.mul, output, bands=bands, overwrite=True, **settings)
    return pairs.read(output)


def test_a_file_of_bands_says_what_they_are(holed, tmp_path):
    counts = bands_of(holed, tmp_path / "o.tif")
    valid = (pairs.read(holed.pan)[0] > 0) & enlarge_mask(pairs.read(holed.mul)[0] > 0, 4)
    assert counts.dtype == np.uint16 and ((counts > 0) == valid).all()
    with rasterio.open(tmp_path / "o.tif") as file:
        assert file.descriptions == WORLDVIEW_2.bands
        assert set(file.scales) == {1e-4} and set(file.nodatavals) == {0}
        assert file.colorinterp[4] == ColorInterp.red and file.colorinterp[1] == ColorInterp.blue
        assert file.tags()["POTATO_SENSOR"] == "WV02" and "POTATO_LOOK" not in file.tags()
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (file.dataset_mask() > 0).tolist() == valid.tolist()


def test_the_file_holds_the_sharpened_tensor(pair, tmp_path, network):
    counts = bands_of(pair, tmp_path / "o.tif", weights=network, block=64)
    pan, mul = (
        torch.from_numpy(pairs.read(path).astype("float32"))[None] / 1e4 for path in (pair.pan, pair.mul)
    )
    with torch.inference_mode():
        expected = bands_out(network, pan, mul, WORLDVIEW_2)[0].numpy() * 1e4
    assert np.abs(counts - expected.clip(1, 65_535)).max() <= 1


@pytest.mark.parametrize("profile", ["cog", "tiled"])
def test_workers_and_blocks_do_not_show(holed, tmp_path, profile):
    how = {"weights": PREDICTOR, "profile": profile}
    whole = bands_of(holed, tmp_path / "whole.tif", block=512, **how)
    for workers in (1, 4):
        counts = bands_of(holed, tmp_path / f"{workers}.tif", block=64, workers=workers, **how)
        assert np.abs(counts - whole.astype(int)).max() <= 1
    assert filecmp.cmp(tmp_path / "1.tif", tmp_path / "4.tif", shallow=False)


def test_bands_are_chosen_by_any_of_their_names(holed, tmp_path, run):
    every = bands_of(holed, tmp_path / "o.tif", weights=PREDICTOR)
    result = run(
        "fuse", holed.pan, holed.mul, tmp_path / "b.tif", "-w", "predictor", "--bands", "nir, Red,BAND_G"
    )
    assert result.exit_code == 0, result.output
    assert np.array_equal(pairs.read(tmp_path / "b.tif"), every[[6, 4, 2]])
    with rasterio.open(tmp_path / "b.tif") as file:
        assert file.descriptions == ("nir1", "red", "green")


def test_a_composite_shows_three_bands_as_red_green_and_blue(holed, tmp_path, run):
    counts = bands_of(holed, tmp_path / "b.tif", ("nir1", "red", "green"), weights=PREDICTOR)
    path = tmp_path / "c.tif"
    how = "-w", "predictor", "--composite", "nir,red,green", "--look", "flat"
    assert run("fuse", holed.pan, holed.mul, path, *how).exit_code == 0
    codes = pairs.read(path).astype(int)
    valid = counts[0] > 0
    expected = render(linear_srgb_to_oklab(counts / 1e4), FLAT)
    assert np.abs(codes[:3] - expected)[:, valid].max() <= 1 and np.array_equal(codes[3] > 0, valid)
    with rasterio.open(path) as file:
        tags = file.tags()
        assert (tags["POTATO_COMPOSITE"], tags["POTATO_LOOK"]) == ("nir1,red,green", "flat")


def test_what_is_written_can_be_seen(holed, tmp_path):
    for what in ({"bands": "nir1,red,green"}, {"composite": "nir1,red,green"}, {}):
        made = fuse(holed.pan, holed.mul, tmp_path / "o.tif", weights=PREDICTOR, overwrite=True, **what)
        assert made.valid < 1 and made.view().png.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        ({"bands": "swir"}, BandError, r"coastal, blue, .*, nir2; found 'swir'"),
        ({"bands": "red,nir,red"}, BandError, "each band once"),
        ({"composite": "nir,red"}, BandError, "expected three bands"),
        ({"composite": "nir,red,"}, BandError, "expected three bands"),
        ({"composite": "nir,red,green", "bands": "all"}, InputError, "found both"),
    ],
)
def test_bands_that_are_not_there_are_refused(holed, tmp_path, what, error, says):
    with pytest.raises(error, match=says):
        fuse(holed.pan, holed.mul, tmp_path / "o.tif", **what)
    assert not list(tmp_path.iterdir())
