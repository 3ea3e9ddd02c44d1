"""Reflectance in the place of a picture: recognized, shown in the look of a picture, or refused."""

import json

import numpy as np
import pytest

import pairs
from pictures import colours, write_picture
from potato import fuse
from potato.core.color import mul_to_oklab
from potato.core.render import FLAT, LOOKS, NATURAL
from potato.core.resample import upsample
from potato.core.sensor_table import WORKSHOP
from potato.errors import BandError, InputError
from potato.raster.gdal_env import gdal
from potato.viewing import tools
from potato.viewing.reflectance import common_look, open_colours

RGB = [4, 2, 1]


@pytest.fixture
def files(tmp_path):
    """Pictures of a pair, and its enlarged mul as reflectance: of all bands, and of three."""
    paths = pairs.write_pair(tmp_path)
    pictures = {name: tmp_path / f"{name}.tif" for name in ("natural", "clear", "flat")}
    for name, path in pictures.items():
        fuse(paths.pan, paths.mul, path, weights="predictor", look=name, profile="tiled")
    wide = np.pad(pairs.read(paths.mul).astype("float32"), ((0, 0), (2, 2), (2, 2)), mode="edge")
    bands = upsample(wide, 4).clip(1).astype("uint16")
    every = pairs.write(tmp_path / "every.tif", bands, names=pairs.BAND_NAMES)
    three = pairs.write(tmp_path / "three.tif", bands[RGB], photometric="RGB")
    return paths, pictures, every, three


def difference(run, *pictures) -> float:
    found = json.loads(run("evaluate", "--pictures", *pictures, "--json").stdout)
    return found["headline"]["jnd"]


def test_reflectance_is_told_from_codes(files, tmp_path):
    _, pictures, every, three = files
    sixteen = write_picture(tmp_path / "codes.tif", colours(60, 60, "uint16"))
    found = {}
    for path in (*pictures.values(), every, three, sixteen):
        with gdal(), open_colours(path, WORKSHOP) as picture:
            found[path.stem] = picture.sensor and len(picture.sensor.bands)
            if path == every:
                numbers, _ = picture.image.read(0, 0, 8, 8)
                expected = mul_to_oklab(pairs.read(path)[:, :8, :8] / np.float32(1e4), WORKSHOP)
                assert np.abs(picture.scene(numbers) - expected).max() < 1e-6
    assert found == {"natural": None, "clear": None, "flat": None, "codes": None, "every": 8, "three": 3}


@pytest.mark.parametrize("look", ["natural", "clear", "flat"])
def test_a_picture_is_compared_with_reflectance_in_its_own_look(files, run, look):
    _, pictures, every, three = files
    apart = difference(run, pictures[look], every)
    # As codes they would be 20 JND apart, for want of a tone curve.
    assert apart < 8 and difference(run, pictures[look], three) < apart + 3
    assert difference(run, every, pictures[look]) == pytest.approx(apart)
    assert difference(run, every, every) == 0


def test_a_report_shows_reflectance_in_the_look_of_the_first_picture(files, tmp_path, run):
    paths, pictures, every, three = files
    page = ("-o", tmp_path / "a.html", "--pair", paths.pan, paths.mul, "--json")
    told = json.loads(run("report", pictures["clear"], every, three, *page).stdout)
    notes = " ".join(told["notes"])
    assert "every.tif: reflectance, shown in the clear look; the colour is that of all bands" in notes
    assert "three.tif: reflectance, shown in the clear look; red, green and blue count as" in notes


def test_the_common_look_is_that_of_the_first_toned_picture(files):
    _, pictures, every, _ = files
    with gdal(), open_colours(every) as bands, open_colours(pictures["clear"]) as clear:
        with open_colours(pictures["flat"]) as flat:
            assert common_look([bands, flat, clear]) == LOOKS["clear"]
            assert common_look([bands, flat]) == NATURAL and flat.look == FLAT
        assert common_look([bands]) == NATURAL


def test_tools_for_pictures_refuse_reflectance(files, tmp_path):
    *_, three = files
    with pytest.raises(InputError, match="expected a picture, found reflectance"):
        tools.ab(three, tmp_path / "o.tif")
    counts = pairs.write(tmp_path / "counts.tif", pairs.ground(20, 20)[1] // 8, names=pairs.BAND_NAMES)
    with gdal(), pytest.raises(BandError, match="counts"), open_colours(counts):
        pass
