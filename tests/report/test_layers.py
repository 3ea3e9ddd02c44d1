"""The layers of a report: pixels, overviews, web tiles, invalid pixels."""

import numpy as np
import pytest

import pairs
from pages import data_of, picture_of, table
from pictures import noise, write_picture
from potato.core.color import mul_to_oklab
from potato.core.draw import PICTURE_BACKGROUND
from potato.core.render import NATURAL, unrender
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE
from potato.report.layers import scale_colours
from potato.report.write import write_report


def test_the_page_holds_every_pixel_of_the_window_unchanged(fused, tmp_path):
    _, pictures = fused
    report = write_report([pictures["natural"]], tmp_path / "a.html", window=(20, 36, 100, 90))
    data = data_of(report.output)
    codes = pairs.read(pictures["natural"])[:3]
    assert data["window"] == [20, 36, 100, 90] and data["size"] == [160, 160]
    assert np.array_equal(picture_of(data["layers"][0]["window"]), codes[:, 20:120, 36:126])
    around = data["layers"][0]["overview"]
    assert (around["step"], around["height"]) == (1, 160)
    assert np.abs(picture_of(around).astype(int) - codes).mean() < 8


def test_web_tiles_of_every_level_form_the_whole_picture(tmp_path):
    codes = noise((90, 120, 60), 530, 1201)
    report = write_report([write_picture(tmp_path / "a.tif", codes)], tmp_path / "a.html")
    part = data_of(report.output)["layers"][0]["window"]
    assert np.array_equal(picture_of(part), codes)
    assert [len(level) for level in part["levels"]] == [1, 1, 2]
    assert picture_of(part, 1).shape == (3, 265, 601) and picture_of(part, 0).shape == (3, 133, 301)
    assert np.allclose(picture_of(part, 0).mean((1, 2)), (90, 120, 60), atol=1)


def test_a_flat_picture_is_shown_in_the_natural_look(fused, tmp_path):
    _, pictures = fused
    report = write_report(list(pictures.values()), tmp_path / "a.html")
    natural, flat = (
        picture_of(layer["window"]).astype(int) for layer in data_of(report.output)["layers"][:2]
    )
    assert np.abs(natural - flat).max() <= 1
    assert "flat.tif: a flat picture, shown in the natural look." in report.notes


def test_a_pair_adds_layers_of_pan_and_enlarged_mul(fused, tmp_path):
    pair, pictures = fused
    report = write_report(
        [pictures["natural"]], tmp_path / "a.html", pair=(pair.pan, pair.mul), window=(40, 40, 80, 80)
    )
    assert report.layers[1:] == ("mul, enlarged", "pan", "difference: mul, enlarged")
    colour, pan = (layer["window"] for layer in data_of(report.output)["layers"][1:3])
    grey = pairs.read(pair.pan)[0, 40:120, 40:120] / SCALE
    shown = unrender(np.repeat(picture_of(pan), 3, 0), NATURAL)
    assert np.allclose(shown[0], np.cbrt(grey), atol=0.01)
    oklab = unrender(picture_of(colour), NATURAL)
    mul = pairs.read(pair.mul)[:, 10:30, 10:30].astype("float32") / SCALE
    assert abs(block_mean(oklab, WORKSHOP.ratio) - mul_to_oklab(mul, WORKSHOP)).mean() < 0.02
    overviews = [layer["overview"] for layer in data_of(report.output)["layers"][1:3]]
    assert [(part["row"], part["column"], part["step"], part["width"]) for part in overviews] == [
        (0, 0, 1, 160)
    ] * 2


def test_the_overview_of_a_pair_is_aligned_when_mul_begins_before_pan(tmp_path):
    """Mul begins a cell before pan, so its coarser cells begin before pan too."""
    mul = np.full((8, 401, 401), 500, "uint16")
    mul[:, 200:] = 3000
    pan = np.full((1600, 1600), 1000, "uint16")
    corner = pairs.CORNER @ pairs.Affine.translation(-4, -4) @ pairs.Affine.scale(4)
    ms = pairs.write(tmp_path / "ms.tif", mul, corner, names=pairs.BAND_NAMES)
    fine = pairs.write(tmp_path / "pan.tif", pan, names=("BAND_P",))
    picture = write_picture(tmp_path / "a.tif", np.full((3, 1600, 1600), 90, "uint8"))
    report = write_report([picture], tmp_path / "a.html", pair=(fine, ms), window=(800, 800, 64, 64))
    part = data_of(report.output)["layers"][1]["overview"]
    assert (part["step"], part["row"], part["column"]) == (2, -4, -4)
    codes = picture_of(part)[1].astype(int)
    column = codes[:, 400]
    edge = np.flatnonzero(column > (column.min() + column.max()) / 2)[0]
    assert edge * 4 - 4 == pytest.approx(399 * 4, abs=4), (
        "where mul's row 400 begins, less the cell before pan"
    )


def test_invalid_pixels_are_grey_and_not_counted(tmp_path):
    valid = np.ones((160, 160), bool)
    valid[:, :80] = False
    codes = noise((90, 120, 60), 160, 160)
    first = write_picture(tmp_path / "a.tif", codes, valid)
    second = write_picture(tmp_path / "b.tif", np.where(valid, codes, 255).astype("uint8"))
    report = write_report([first, second], tmp_path / "a.html")
    layers = data_of(report.output)["layers"]
    for layer in (layers[0], layers[2]):
        assert (picture_of(layer["window"])[..., :80] == PICTURE_BACKGROUND).all()
    assert (picture_of(layers[2]["window"])[..., 80:] == scale_colours(255)[0][:, None, None]).all()
    assert "a.tif: 50.0% of the window is invalid, shown in grey and not counted." in report.notes
    assert table(report.output, "Difference")["b.tif"][:3] == [0, 0, 0]


def test_the_colour_scale_of_differences_rises_in_lightness():
    lightness = 0.2126 * scale_colours(64).astype(float) @ np.array([1, 3.364, 0.34])
    assert (np.diff(lightness) > 0).all()
