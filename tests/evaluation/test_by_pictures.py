"""Comparison of two finished pictures."""

import json

import numpy as np
import pytest

import pairs
from potato.core.color import JND


def write_picture(path, codes, alpha=None, dtype="uint8"):
    layers = [np.asarray(codes, dtype)]
    if alpha is not None:
        layers.append((alpha * np.iinfo(dtype).max).astype(dtype)[None])
    settings = {"photometric": "RGB"} | ({"alpha": "YES"} if alpha is not None else {})
    return pairs.write(path, np.concatenate(layers), **settings)


def flat_codes(colour, height=70, width=600):
    return np.ones((3, height, width)) * np.array(colour)[:, None, None]


def test_the_distance_of_flat_pictures_is_that_of_their_colours(run, tmp_path):
    from coloraide import Color

    colours = (120, 130, 90), (126, 128, 97)
    files = [write_picture(tmp_path / f"{n}.tif", flat_codes(colour)) for n, colour in enumerate(colours)]
    result = run("evaluate", "--pictures", *files, "-q", "--json")
    row = json.loads(result.stdout)["sections"]["pictures"]["rows"]["A against B"]
    lightness, a, b = (
        np.subtract(
            *(Color("srgb", [code / 255 for code in colour]).convert("oklab")[k] for colour in colours)
        )
        for k in range(3)
    )
    expected = np.sqrt(lightness**2 + 4 * a**2 + 4 * b**2) / JND
    assert row["mean"] == pytest.approx(expected, rel=2e-3)
    assert (row["median"], row["p95"]) == pytest.approx((expected, expected), rel=2e-3)
    assert row["L mean"] == pytest.approx(abs(lightness) / JND, rel=1e-2)
    square = np.mean([((x - y) / 255) ** 2 for x, y in zip(*colours, strict=True)])
    figures = json.loads(result.stdout)["sections"]["literature"]["rows"]["A against B"]
    assert figures["PSNR"] == pytest.approx(-10 * np.log10(square), abs=0.02)
    same = json.loads(run("evaluate", "--pictures", files[0], files[0], "-q", "--json").stdout)
    assert same["headline"]["jnd"] == 0


def test_pixels_valid_in_both_pictures_count_and_bits_may_differ(run, tmp_path):
    random = np.random.default_rng(0)
    codes = random.integers(0, 256, (3, 70, 600))
    alpha = np.ones((70, 600), bool)
    alpha[:, 200:] = False
    other = np.where(alpha, codes, 255 - codes)
    first = write_picture(tmp_path / "a.tif", codes)
    second = write_picture(tmp_path / "b.tif", other * 257, alpha, "uint16")
    found = json.loads(run("evaluate", "--pictures", first, second, "-q", "--json").stdout)
    assert found["pixels"] == 70 * 200 and found["headline"]["jnd"] < 1e-3
    small = write_picture(tmp_path / "c.tif", codes[:, :, :500])
    result = run("evaluate", "--pictures", first, small)
    assert result.exit_code == 1 and "one size" in result.stderr
    empty = write_picture(tmp_path / "d.tif", codes, np.zeros_like(alpha))
    assert "valid in both" in run("evaluate", "--pictures", first, empty).stderr


def test_a_dollar_in_a_name_begins_no_formula_in_a_plot(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # so that the title has the whole name
    write_picture(tmp_path / "$_$.tif", flat_codes((120, 130, 90)))
    result = run("evaluate", "--pictures", "$_$.tif", "$_$.tif", "--plots", "plots", "-q")
    assert result.exit_code == 0, result.stderr
