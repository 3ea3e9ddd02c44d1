import numpy as np
import pytest
import torch

import pairs
from pictures import decode
from potato import fuse, open_pair
from potato.chips.chip import Chip
from potato.core.color import mul_to_oklab
from potato.core.notebook import Shown, View
from potato.core.render import NATURAL, render
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import SCALE

HOSTILE = "<script>alert(1)&"


@pytest.mark.parametrize("cells", [30, 100, 700])
def test_a_pair_shows_pan_and_the_colour_of_mul(tmp_path, cells):
    pair = pairs.write_pair(tmp_path, cells, cells)
    with open_pair(pair.pan, pair.mul) as opened:
        html, codes = opened._repr_html_(), decode(opened._repr_png_())
    assert "x-pan.tif" in html and f"{4 * cells} × {4 * cells}" in html
    side = codes.shape[1]
    assert codes.shape == (3, side, 2 * side + 8) and 80 <= side <= 320
    pan, colour = codes[..., :side].astype(int), codes[..., side + 8 :].astype(int)
    assert np.ptp(pan, axis=0).max() <= 1 < np.ptp(colour, axis=0).max()
    mul = torch.from_numpy(pairs.read(pair.mul).astype("float32")) / SCALE
    expected = render(mul_to_oklab(mul, WORKSHOP), NATURAL).mean((1, 2)).numpy()
    assert colour.mean((1, 2)) == pytest.approx(expected, abs=4)


def test_invalid_pixels_of_a_pair_are_grey(tmp_path):
    valid = np.ones((160, 160), bool)
    valid[:80] = False
    pair = pairs.write_pair(tmp_path, valid=valid)
    with open_pair(pair.pan, pair.mul) as opened:
        codes = decode(opened._repr_png_())
    assert (codes[:, :78, :158] == 128).all() and not (codes[:, 82:, :158] == 128).all()


@pytest.mark.parametrize("look", ["natural", "flat"])
def test_a_result_shows_its_picture_in_the_natural_look(pair, tmp_path, look):
    fused = fuse(pair.pan, pair.mul, tmp_path / f"{HOSTILE}.tif", weights="predictor", look=look)
    plain = fuse(pair.pan, pair.mul, tmp_path / "plain.tif", weights="predictor")
    html = fused._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;alert(1)&amp;" in html and "100.0% valid" in html
    shown = decode(fused._repr_png_()).astype(int)
    assert np.abs(shown - pairs.read(plain.output)[:3]).max() <= 1


def test_a_chip_shows_pan_mul_and_target():
    tensors = [torch.full(shape, 3000).to(torch.uint16) for shape in ((1, 32, 48), (8, 8, 12))]
    chip = Chip(*tensors, torch.full((3, 32, 48), 5000).to(torch.int16))
    assert "48 × 32" in chip._repr_html_() and "100.0%" in chip._repr_html_()
    assert decode(chip._repr_png_()).shape == (3, 40, 3 * 56)


def test_an_object_whose_files_are_missing_shows_its_repr(pair, tmp_path):
    opened = open_pair(pair.pan, pair.mul)
    opened.close()
    fused = fuse(pair.pan, pair.mul, tmp_path / "a.tif", weights="predictor")
    fused.output.unlink()
    for gone in (opened, fused):
        assert gone._repr_html_() is None and gone._repr_png_() is None
        assert repr(gone)


def test_facts_are_escaped_and_the_picture_is_optional():
    class Thing(Shown):
        def view(self) -> View:
            return View(HOSTILE, {HOSTILE: HOSTILE}, None)

    html = Thing()._repr_html_()
    assert html.count("&lt;script&gt;") == 3 and "<script>" not in html and "<img" not in html
    assert Thing()._repr_png_() is None
