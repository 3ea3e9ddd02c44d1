import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from rio_cogeo.cogeo import cog_validate

from potato import fuse
from potato.core.color import (
    JND,
    delta_e_ok,
    fit_gamut,
    gamut_share,
    linear_srgb_to_oklab,
    mul_to_oklab,
    oklab_to_linear_srgb,
    srgb_encode,
)
from potato.core.render import FLAT, NATURAL, Look, adjust, dither, render, unrender
from potato.errors import BandError, EmptyError, GridError, InputError, OutputError, OutputExists
from potato.viewing import scope, tools
from potato.viewing.color_ops import LIGHTNESS, MID_GREY, at_lightness, exaggerated, gray_difference

import pairs

SCREENS = {"uint8": Look("screen", 8), "uint16": Look("screen", 16)}
CORNERS = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]

# However busy the machine is.
laws = settings(max_examples=100, deadline=None)
unit = st.floats(0, 1)
rgb = st.tuples(unit, unit, unit)
anything = st.tuples(st.floats(-0.2, 1.2), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))


def pixel(*colour: float) -> torch.Tensor:
    return torch.tensor(colour, dtype=torch.float64).reshape(3, 1, 1)


def oklab(colour: tuple[float, float, float]) -> torch.Tensor:
    return linear_srgb_to_oklab(pixel(*colour))


def colours(height: int, width: int, dtype: str, seed: int = 0) -> np.ndarray:
    """Random codes (3, h, w), with the corners of the cube among them, and no pixel 0 in every band."""
    white = np.iinfo(dtype).max
    codes = np.random.default_rng(seed).integers(0, white + 1, (3, height, width)).astype(dtype)
    codes[:, 0, : len(CORNERS)] = np.array(CORNERS, dtype).T * white
    codes[2, (codes == 0).all(0)] = 1
    return codes


def ragged(height: int, width: int, slope: float = 0.4) -> np.ndarray:
    return np.arange(width)[None, :] < width * 0.9 - np.arange(height)[:, None] * slope


def write_rgba(path: Path, codes: np.ndarray, valid: np.ndarray, **profile) -> Path:
    alpha = (valid * np.iinfo(codes.dtype).max).astype(codes.dtype)
    pairs.write(path, np.concatenate([codes, alpha[None]]), photometric="RGB", alpha="yes", **profile)
    return path


def write_png(path: Path, codes: np.ndarray) -> Path:
    profile = {"driver": "PNG", "count": len(codes), "dtype": codes.dtype}
    with (
        pytest.warns(),
        rasterio.open(path, "w", height=codes.shape[1], width=codes.shape[2], **profile) as f,
    ):
        f.write(codes)
    return path


# Colours into the gamut.


@laws
@given(anything)
def test_what_is_out_of_the_gamut_keeps_its_hue_and_lightness(colour):
    before = pixel(*colour)
    after = fit_gamut(before)
    light = oklab_to_linear_srgb(after)
    # Oklab's own white is off sRGB's by 3e-4 of light.
    assert light.min() > -1e-3 and light.max() < 1 + 1e-3
    assert after[0] == before[0].clamp(0, 1)
    cross = before[1] * after[2] - before[2] * after[1]
    assert cross.abs() < 1e-9 and (before[1:] * after[1:]).sum() >= 0
    assert (after[1:].abs() <= before[1:].abs()).all()


@laws
@given(rgb)
def test_what_is_in_the_gamut_stays(colour):
    assert torch.equal(gamut_share(oklab(colour)), torch.ones(1, 1, dtype=torch.float64))
    assert (fit_gamut(oklab(colour)) - oklab(colour)).abs().max() < 1e-4


@pytest.mark.parametrize("hue", range(0, 360, 30))
def test_no_more_chroma_is_taken_than_must_be(hue):
    turn = math.radians(hue)
    wild = pixel(0.6, 0.4 * math.cos(turn), 0.4 * math.sin(turn))
    edge = oklab_to_linear_srgb(fit_gamut(wild))
    assert min(edge.min().item(), 1 - edge.max().item()) == pytest.approx(0, abs=1e-4)


def test_chroma_is_shown_where_the_gamut_is_widest():
    turn = torch.linspace(0, 2 * math.pi, 720, dtype=torch.float64)

    def room(lightness: float) -> float:
        ring = torch.stack([torch.full_like(turn, lightness), 0.5 * turn.cos(), 0.5 * turn.sin()])
        return 0.5 * gamut_share(ring[:, None]).min().item()

    assert room(LIGHTNESS) == pytest.approx(0.128, abs=1e-3)
    assert all(room(lightness / 100) < room(LIGHTNESS) for lightness in range(5, 100, 5) if lightness != 75)


# What is done to colours.


@laws
@given(rgb, rgb)
def test_exaggerating_by_one_changes_nothing(first, second):
    for made, was in zip(exaggerated(oklab(first), oklab(second), 1.0), (first, second), strict=True):
        assert delta_e_ok(made, oklab(was)).item() < 1e-2


@laws
@given(rgb, rgb, st.floats(0, 20))
def test_exaggerating_takes_both_alike(first, second, factor):
    one, two = exaggerated(oklab(first), oklab(second), factor)
    other, another = exaggerated(oklab(second), oklab(first), factor)
    assert torch.allclose(one, another, atol=1e-9) and torch.allclose(two, other, atol=1e-9)


@laws
@given(st.tuples(*[st.floats(0.3, 0.7)] * 3), st.tuples(*[st.floats(-1, 1)] * 3), st.floats(0, 4))
def test_differences_grow_by_the_factor_and_the_mean_stays(colour, change, factor):
    first = oklab(colour)
    second = first + 0.2 * JND * pixel(*change)
    one, two = exaggerated(first, second, factor)
    assert torch.allclose(one - two, factor * (first - second), atol=1e-9)
    assert torch.allclose(one + two, first + second, atol=1e-9)


@laws
@given(rgb, rgb, st.floats(0, 20))
def test_exchanged_pictures_give_the_mirrored_difference(first, second, factor):
    one = gray_difference(oklab(first), oklab(second), factor)
    two = gray_difference(oklab(second), oklab(first), factor)
    grey = pixel(MID_GREY, 0, 0)
    assert torch.allclose(one - grey, grey - two, atol=1e-9)
    for light in (oklab_to_linear_srgb(one), oklab_to_linear_srgb(two)):
        assert light.min() > -1e-3 and light.max() < 1 + 1e-3


@laws
@given(rgb, st.floats(0, 20))
def test_no_difference_is_grey(colour, factor):
    assert torch.equal(gray_difference(oklab(colour), oklab(colour), factor), pixel(MID_GREY, 0, 0))


def test_a_jnd_is_shown_as_a_jnd_on_the_side_of_the_first():
    dark, light = pixel(0.4, 0.01, 0.02), pixel(0.4 + JND, 0.01, 0.02)
    shown = gray_difference(light, dark)
    assert shown[0].item() == pytest.approx(MID_GREY + JND)
    assert delta_e_ok(shown, pixel(MID_GREY, 0, 0)).item() == pytest.approx(1)
    assert delta_e_ok(gray_difference(light, dark, 3), shown).item() == pytest.approx(2)


@laws
@given(rgb, st.floats(0.05, 0.95), st.floats(0, 5))
def test_only_chroma_is_left_at_constant_lightness(colour, lightness, chroma):
    shown, was = at_lightness(oklab(colour), lightness, chroma), oklab(colour)
    assert shown[0].item() == lightness
    assert (shown[1] * was[2] - shown[2] * was[1]).abs() < 1e-9
    assert torch.equal(at_lightness(was * pixel(0.5, 1, 1), lightness, chroma), shown)


def test_chroma_is_shown_as_it_is_and_multiplied():
    was = pixel(0.3, 0.02, -0.01)
    assert torch.equal(at_lightness(was), pixel(LIGHTNESS, 0.02, -0.01))
    assert torch.equal(at_lightness(was, chroma=2), pixel(LIGHTNESS, 0.04, -0.02))


# The tools on files.


@pytest.fixture
def two(tmp_path) -> tuple[Path, Path]:
    """An 8-bit and a 16-bit picture of one ground, with masks of different shape."""
    left = write_rgba(tmp_path / "a.tif", colours(150, 170, "uint8"), ragged(150, 170))
    right = write_rgba(tmp_path / "b.tif", colours(150, 170, "uint16", 1), ragged(150, 170)[::-1])
    return left, right


@pytest.mark.parametrize("kinds", [("uint8", "uint8"), ("uint16", "uint16"), ("uint8", "uint16")])
def test_exaggerating_files_by_one_gives_them_back(tmp_path, kinds):
    masks = ragged(90, 120), ragged(90, 120)[::-1]
    made = tmp_path / "1.tif", tmp_path / "2.tif"
    paths = [
        write_rgba(tmp_path / f"{n}{kind}.tif", colours(90, 120, kind, n), mask)
        for n, (kind, mask) in enumerate(zip(kinds, masks, strict=True))
    ]
    tools.exaggerate(*paths, *made, factor=1, profile="tiled")
    for path, output, mask in zip(paths, made, masks, strict=True):
        assert np.array_equal(pairs.read(output), pairs.read(path) * mask)


def test_exaggerated_files_are_the_exaggerated_tensors(two, tmp_path):
    tools.exaggerate(*two, tmp_path / "1.tif", tmp_path / "2.tif", factor=3, profile="tiled")
    images = [pairs.read(path) for path in two]
    both = (images[0][3] > 0) & (images[1][3] > 0)
    labs = [unrender(torch.from_numpy(i[:3].astype(float)), SCREENS[i.dtype.name]) for i in images]
    for n, expected in enumerate(exaggerated(*labs, 3)):
        written = pairs.read(tmp_path / f"{n + 1}.tif")
        assert written.dtype == images[n].dtype and np.array_equal(written[3], images[n][3])
        codes = render(expected, SCREENS[written.dtype.name]).numpy()
        assert np.array_equal(written[:3, both], codes[:, both])
        alone = (images[n][3] > 0) & ~both
        assert alone.any() and np.array_equal(written[:3, alone], images[n][:3, alone]), (
            "nothing to differ from"
        )


def test_a_difference_is_valid_where_both_are_and_mirrored_when_exchanged(two, tmp_path):
    one, other = tmp_path / "1.tif", tmp_path / "2.tif"
    tools.gray_diff(*two, one, factor=2, profile="tiled")
    tools.gray_diff(*two[::-1], other, factor=2, profile="tiled")
    first, second = pairs.read(one), pairs.read(other)
    valid = (pairs.read(two[0])[3] > 0) & (pairs.read(two[1])[3] > 0)
    assert first.dtype == np.uint16 and np.array_equal(first[3] > 0, valid)
    assert not first[:, ~valid].any()
    labs = [unrender(torch.from_numpy(i[:3].astype(float)), SCREENS["uint16"]) for i in (first, second)]
    # Next to black one code is half a JND.
    seen = torch.from_numpy(valid) & (torch.minimum(labs[0][0], labs[1][0]) > 0.1)
    off = (sum(labs) / 2 - pixel(MID_GREY, 0, 0)).abs()[:, seen]
    assert off.shape[1] > 1000 and off.max() < 0.05 * JND


def test_ab_has_one_lightness(two, tmp_path):
    for path, bits in zip(two, (8, 16), strict=True):
        tools.ab(path, tmp_path / "o.tif", lightness=0.6, overwrite=True, profile="tiled")
        made = pairs.read(tmp_path / "o.tif")
        valid = pairs.read(path)[3] > 0
        shown = unrender(torch.from_numpy(made[:3].astype(float)), Look("screen", bits))[0].numpy()
        assert made.dtype == f"uint{bits}" and np.array_equal(made[3] > 0, valid)
        assert np.abs(shown[valid] - 0.6).max() < {8: 0.2, 16: 1e-3}[bits] * JND


@pytest.fixture(scope="module")
def fused(tmp_path_factory) -> tuple[Path, Path, Path]:
    """A folder with a flat and a natural picture of one generated pair with a ragged mask."""
    folder = tmp_path_factory.mktemp("fused")
    valid = ragged(600, 640)
    valid[300:330, 40:90] = False
    paths = pairs.write_pair(folder, 150, 160, valid=valid)
    for look in ("flat", "natural"):
        fuse(paths.pan, paths.mul, folder / f"{look}.tif", look=look, profile="tiled")
    return folder, folder / "flat.tif", folder / "natural.tif"


def test_quick_contrast_is_the_natural_look_to_one_code(fused, tmp_path):
    _, flat, natural = fused
    tools.quick_contrast(flat, tmp_path / "o.tif", profile="tiled")
    made, expected = pairs.read(tmp_path / "o.tif"), pairs.read(natural)
    assert made.dtype == np.uint8 and np.array_equal(made[3], expected[3]) and not made[3].all()
    gap = np.abs(made.astype(int) - expected)
    assert gap.max() <= 1 and (gap > 0).mean() < 0.01, "dithered alike too"
    with rasterio.open(tmp_path / "o.tif") as ours, rasterio.open(natural) as theirs:
        tags = ours.tags()
        assert {**theirs.tags(), "POTATO_MADE_BY": tags["POTATO_MADE_BY"]} == tags


def test_quick_contrast_takes_exposure_and_contrast(fused, tmp_path, run):
    folder, flat, _ = fused
    look = adjust(NATURAL, 5, 1.8)
    fuse(folder / "x-pan.tif", folder / "x-ms.tif", tmp_path / "n.tif", look=look, profile="tiled")
    run("quick-contrast", flat, tmp_path / "o.tif", "--exposure", 5, "--contrast", 1.8, "--profile", "tiled")
    gap = np.abs(pairs.read(tmp_path / "o.tif").astype(int) - pairs.read(tmp_path / "n.tif"))
    assert gap.max() <= 1 and (gap > 0).mean() < 0.01


def test_quick_contrast_refuses_a_picture_that_has_its_curve(fused, tmp_path, run):
    result = run("quick-contrast", fused[2], tmp_path / "o.tif")
    assert result.exit_code == 1 and "expected a flat picture, found one in the natural look" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("look", ["natural", "flat"])
@pytest.mark.parametrize("plain", [True, False])
def test_mul_becomes_a_picture_on_its_own_grid(tmp_path, look, plain):
    _, bands = pairs.ground(90, 70)
    bands[:, 3:9, 4:7] = 0
    place = pairs.CORNER @ Affine.scale(4)
    order = [4, 2, 7, 0, 1, 3, 6, 5]
    names = [pairs.BAND_NAMES[n] for n in order]
    path = pairs.write(tmp_path / "m.tif", bands[order], place, names=names)
    tools.mul_to_rgb(path, tmp_path / "o.tif", look=look, plain=plain, profile="tiled")
    chosen = {"natural": NATURAL, "flat": FLAT}[look]
    threshold = dither(90, 70) if look == "natural" else 0.5
    mul = torch.from_numpy(bands.astype("float32")) / 1e4
    colour = linear_srgb_to_oklab(mul[[4, 2, 1]]) if plain else mul_to_oklab(mul)
    expected = render(colour, chosen, threshold).numpy()
    valid = bands.any(0)
    with rasterio.open(tmp_path / "o.tif") as file:
        made = file.read()
        assert file.transform == place and file.crs == "EPSG:32611"
        assert file.tags()["POTATO_LOOK"] == look and file.tags()["POTATO_MUL"] == "m.tif"
    assert made.dtype == f"uint{chosen.bits}" and np.array_equal(made[3] > 0, valid)
    assert np.abs(made[:3].astype(int) - expected)[:, valid].max() <= 1
    assert not made[:, ~valid].any()


def test_both_colours_of_a_grey_mul_are_the_same_grey(tmp_path):
    path = pairs.write(tmp_path / "m.tif", np.full((8, 20, 20), 1800, "uint16"), names=pairs.BAND_NAMES)
    for plain in (True, False):
        tools.mul_to_rgb(path, tmp_path / f"{plain}.tif", look="flat", plain=plain)
    level = srgb_encode(torch.tensor(0.18)).item() * 65535
    for plain in (True, False):
        assert np.abs(pairs.read(tmp_path / f"{plain}.tif")[:3] - level).max() < 65535 / 255


def every_tool(picture: Path, other: Path, folder: Path, **options) -> list[Path]:
    """Run the tools that take finished pictures; what they wrote."""
    folder.mkdir()
    names = ("ab", "exaggerated", "other", "difference", "toned")
    ab, one, two, grey, toned = outputs = [folder / f"{name}.tif" for name in names]
    tools.ab(picture, ab, **options)
    tools.exaggerate(picture, other, one, two, factor=2.5, **options)
    tools.gray_diff(picture, other, grey, **options)
    tools.quick_contrast(picture, toned, **options)
    return outputs


def test_neither_blocks_nor_panels_nor_workers_show(two, tmp_path, monkeypatch):
    whole = every_tool(*two, tmp_path / "whole", workers=1, profile="tiled")
    monkeypatch.setattr("potato.viewing.blocks.BLOCK", 37)
    monkeypatch.setattr("potato.viewing.blocks.PANEL", 64)
    monkeypatch.setattr("potato.raster.writer.PANEL", 64)
    monkeypatch.setattr("potato.raster.writer.TIFF_BLOCK", 64)
    for path, piece in zip(whole, every_tool(*two, tmp_path / "pieces", workers=3), strict=True):
        assert np.array_equal(pairs.read(path), pairs.read(piece)), path.name


def test_georeference_and_tags_are_kept(two, tmp_path):
    with rasterio.open(two[0], "r+") as file:
        file.update_tags(POTATO_CID="103001010A705C00", SOMETHING="else")
    for path in every_tool(*two, tmp_path / "made"):
        with rasterio.open(path) as file:
            assert file.crs == "EPSG:32611" and file.transform == pairs.CORNER
            assert [band.name for band in file.colorinterp] == ["red", "green", "blue", "alpha"]
            tags = file.tags()
            assert tags["TIFFTAG_SOFTWARE"].startswith("potato ") and "SOMETHING" not in tags
            assert ("POTATO_CID" in tags) == (path.stem in ("ab", "exaggerated", "toned"))
            assert str(tmp_path) not in str(tags)
    assert "exaggerate -e 2.5 a.tif b.tif" in str(rasterio.open(tmp_path / "made/other.tif").tags())


def test_pictures_of_any_make_are_read(tmp_path):
    codes, valid = colours(60, 80, "uint8"), ragged(60, 80)
    colour = [ColorInterp.blue, ColorInterp.red, ColorInterp.green]
    masked = pairs.write(tmp_path / "masked.tif", codes, mask=valid, photometric="RGB")
    turned = pairs.write(tmp_path / "turned.tif", codes[[2, 0, 1]] * valid)
    with rasterio.open(turned, "r+") as file:
        file.colorinterp = colour
    nodata = pairs.write(tmp_path / "nodata.tif", np.where(valid, codes, 7).astype("uint8"), nodata=7)
    alpha = write_rgba(tmp_path / "alpha.tif", codes, valid)
    stored = write_png(tmp_path / "a.png", np.concatenate([codes, 90 * valid[None].astype("uint8")]))
    for path in (masked, turned, nodata, alpha, stored):
        tools.exaggerate(path, path, tmp_path / "1.tif", tmp_path / "2.tif", factor=9, overwrite=True)
        made = pairs.read(tmp_path / "2.tif") if path != stored else read_placeless(tmp_path / "2.tif")
        assert np.array_equal(made[3] == 255, valid), path.name
        assert np.array_equal(made[:3], codes * valid), path.name


def read_placeless(path: Path) -> np.ndarray:
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        return pairs.read(path)


def test_a_picture_without_a_place_is_compared_by_size_and_gets_the_place_of_the_other(tmp_path):
    placed = pairs.write(tmp_path / "a.tif", colours(60, 80, "uint8"))
    stored = write_png(tmp_path / "b.png", colours(60, 80, "uint16", 1))
    for path in every_tool(stored, placed, tmp_path / "made")[1:4]:
        with rasterio.open(path) as file:
            assert file.crs == "EPSG:32611" and file.transform == pairs.CORNER
    tools.ab(stored, tmp_path / "o.tif")
    assert read_placeless(tmp_path / "o.tif").shape == (4, 60, 80)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"codes": colours(60, 81, "uint8")}, "80 × 60 and 81 × 60 pixels"),
        ({"crs": "EPSG:32612"}, "EPSG:32611 and EPSG:32612"),
        ({"transform": pairs.CORNER @ Affine.translation(3, 0)}, "up to 3 pixels apart"),
        ({"transform": pairs.CORNER @ Affine.scale(1.01)}, "up to 0.8 pixels apart"),
    ],
)
def test_pictures_of_different_grids_are_refused(tmp_path, run, change, complaint):
    codes = change.pop("codes", colours(60, 80, "uint8"))
    one = pairs.write(tmp_path / "a.tif", colours(60, 80, "uint8"))
    other = pairs.write(tmp_path / "b.tif", codes, **change)
    before = set(tmp_path.iterdir())
    for command, *outputs in (("exaggerate", "1.tif", "2.tif"), ("gray-diff", "3.tif")):
        result = run(command, one, other, *(tmp_path / output for output in outputs))
        assert result.exit_code == 1 and complaint in result.stderr and result.stderr.count("\n") == 1
    assert set(tmp_path.iterdir()) == before
    with pytest.raises(GridError):
        tools.gray_diff(one, other, tmp_path / "o.tif")


def test_float_noise_in_a_transform_is_not_another_grid(tmp_path):
    one = pairs.write(tmp_path / "a.tif", colours(60, 80, "uint8"))
    other = pairs.write(
        tmp_path / "b.tif", colours(60, 80, "uint8"), pairs.CORNER @ Affine.translation(0.01, 0)
    )
    tools.gray_diff(one, other, tmp_path / "o.tif")


@pytest.mark.parametrize(
    ("codes", "complaint"),
    [
        (np.ones((1, 20, 20), "uint8"), "3 bands (red, green, blue), found 1; convert it first"),
        (np.ones((8, 20, 20), "uint16"), "found 8; a mul becomes one by potato mul-to-rgb"),
        (np.ones((3, 20, 20), "float32"), "uint8 or uint16, found float32"),
    ],
)
def test_what_is_no_finished_picture_is_refused(tmp_path, codes, complaint):
    path = pairs.write(tmp_path / "a.tif", codes, photometric="MINISBLACK")
    with pytest.raises(BandError) as refused:
        tools.ab(path, tmp_path / "o.tif")
    assert complaint in str(refused.value)
    with pytest.raises(InputError, match="can't open picture"):
        tools.ab(tmp_path / "none.tif", tmp_path / "o.tif")
    with pytest.raises(BandError, match="expected the 8 bands"):
        tools.mul_to_rgb(pairs.write(tmp_path / "b.tif", np.ones((3, 20, 20), "uint16")), tmp_path / "o.tif")
    assert not (tmp_path / "o.tif").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("ab", "{a}", "{o}", "--lightness", "0"),
        ("ab", "{a}", "{o}", "--lightness", "nan"),
        ("ab", "{a}", "{o}", "--chroma", "-1"),
        ("gray-diff", "{a}", "{b}", "{o}", "-e", "nan"),
        ("exaggerate", "{a}", "{b}", "{o}", "{p}", "-e", "-2"),
        ("exaggerate", "{a}", "{b}", "{o}", "{p}", "-e", "inf"),
        ("exaggerate", "{a}", "{b}", "{o}", "{o}"),
        ("vectorscope", "{a}", "{o}.png", "--reach", "0"),
        ("vectorscope", "{a}", "{o}.png", "--reach", "nan"),
        ("vectorscope", "{a}", "{o}.jpg"),
    ],
)
def test_numbers_and_names_that_make_no_sense_are_refused(two, tmp_path, run, arguments):
    before = set(tmp_path.iterdir())
    places = {"a": two[0], "b": two[1], "o": tmp_path / "o.tif", "p": tmp_path / "p.tif"}
    result = run(*(argument.format(**places) for argument in arguments))
    assert result.exit_code == 1 and result.stderr.startswith("potato: ") and "expected" in result.stderr
    assert set(tmp_path.iterdir()) == before


def test_nothing_is_replaced_unasked_and_nothing_half_written(two, tmp_path):
    taken = tmp_path / "taken.tif"
    taken.write_text("mine")
    before = set(tmp_path.iterdir())
    for made in (
        lambda **s: tools.ab(two[0], taken, **s),
        lambda **s: tools.exaggerate(*two, tmp_path / "new.tif", taken, factor=2, **s),
        lambda **s: tools.exaggerate(*two, taken, tmp_path / "new.tif", factor=2, **s),
    ):
        with pytest.raises(OutputExists):
            made()
        with pytest.raises(OutputError, match="NOPE"):
            made(overwrite=True, creation_options={"NOPE": "1"})
        assert taken.read_text() == "mine" and set(tmp_path.iterdir()) == before
    tools.ab(two[0], taken, overwrite=True)
    assert pairs.read(taken).shape == (4, 150, 170)


def test_a_picture_may_be_replaced_by_what_is_made_of_it(two, tmp_path):
    tools.ab(two[0], tmp_path / "o.tif")
    tools.ab(two[0], two[0], overwrite=True)
    assert np.array_equal(pairs.read(two[0]), pairs.read(tmp_path / "o.tif"))


def test_a_damaged_picture_is_named(tmp_path, run):
    path = pairs.write(tmp_path / "a.tif", colours(300, 300, "uint8"))
    path.write_bytes(path.read_bytes()[:90_000])
    result = run("ab", path, tmp_path / "o.tif")
    assert result.exit_code == 1 and "damaged or cut short" in result.stderr and "a.tif" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_the_commands_say_what_they_did(two, tmp_path, run):
    a, b = two
    mul = pairs.write(tmp_path / "m.tif", pairs.ground(20, 20)[1], names=pairs.BAND_NAMES)
    calls = {
        "ab": (a, tmp_path / "ab.tif"),
        "exaggerate": (a, b, tmp_path / "e1.tif", tmp_path / "e2.tif", "-e", 2),
        "gray-diff": (a, b, tmp_path / "g.tif"),
        "quick-contrast": (a, tmp_path / "q.tif"),
        "mul-to-rgb": (mul, tmp_path / "r.tif", "--plain"),
    }
    for name, arguments in calls.items():
        result = run(name, *arguments, "--profile", "tiled", "-j", 2)
        assert result.exit_code == 0, result.output
        assert result.stdout.count("\n") == (2 if name == "exaggerate" else 1) and "% valid" in result.stdout
        assert run(name, *arguments).exit_code == 1, "there already"
        assert run(name, *arguments, "--overwrite", "-q").output == ""
        facts = json.loads(run(name, *arguments, "--overwrite", "--json").stdout)
        for fact in facts if name == "exaggerate" else [facts]:
            made = pairs.read(Path(fact["output"]))
            assert made.shape == (4, fact["height"], fact["width"])
            assert (made[3] > 0).mean() == pytest.approx(fact["valid"])
            assert cog_validate(fact["output"], strict=True)[0]


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("ab", "--lightness", 0.5),
        ("ab", "--chroma", 2),
        ("gray-diff", "-e", 3),
        ("exaggerate", "-e", 3),
        ("quick-contrast", "--contrast", 2),
        ("quick-contrast", "--exposure", 2),
    ],
)
def test_options_change_the_picture(two, tmp_path, run, command, option, value):
    inputs = two if command in ("exaggerate", "gray-diff") else two[:1]
    outputs = (tmp_path / "1.tif", *([tmp_path / "2.tif"] if command == "exaggerate" else []))
    pictures = []
    for extra in ((), (option, value)):
        assert run(command, *inputs, *outputs, *extra, "--overwrite", "-q").exit_code == 0
        pictures.append(pairs.read(outputs[0]))
    assert not np.array_equal(*pictures)


# The vectorscope.


def drawn(path: Path) -> np.ndarray:
    return read_placeless(path)[:3].astype(int)


@laws
@given(st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)), min_size=1, max_size=30))
def test_every_colour_is_counted_in_its_bin(places):
    points = torch.tensor(places, dtype=torch.float64).T
    counts = scope.chroma_histogram(torch.cat([torch.zeros_like(points[:1]), points]), 0.2, 40).numpy()
    edges = np.linspace(-0.2, 0.2, 41)
    # On the rim itself, to rounding, a colour may be counted or not.
    inside, touching = ((points.abs() < 0.2 + slack).all(0) for slack in (-1e-9, 1e-9))
    assert int(inside.sum()) <= counts.sum() <= int(touching.sum())
    for a, b in points[:, inside].T.tolist():
        column, row = (int(np.clip(np.searchsorted(edges, v, "right") - 1, 0, 39)) for v in (a, b))
        near = counts[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert near.sum() > 0


@pytest.mark.parametrize("ending", ["png", "tif", "TIFF"])
def test_colours_stand_at_their_hue_and_chroma(tmp_path, ending, run):
    warm, cold, other = (40_000, 30_000, 20_000), (20_000, 30_000, 40_000), (0, 65_535, 0)
    codes = np.zeros((3, 40, 60), "uint16")
    for n, colour in enumerate((warm, cold, other)):
        codes[:, :, 20 * n : 20 * n + 20] = np.array(colour)[:, None, None]
    valid = np.arange(60)[None].repeat(40, 0) < 40
    path, output = write_rgba(tmp_path / "a.tif", codes, valid), tmp_path / f"o.{ending}"
    facts = json.loads(run("vectorscope", path, output, "--json").stdout)
    points = unrender(torch.tensor([warm, cold], dtype=torch.float64).T[..., None], FLAT)[1:, :, 0]
    mean = points.mean(1).tolist()
    assert [facts["a"], facts["b"]] == pytest.approx(mean, abs=1e-9)
    assert facts["pixels"] == 1600 and facts["beyond"] == 0
    image = drawn(output)

    def at(a: float, b: float) -> np.ndarray:
        """The pixel there: the plane is 800 pixels wide, in a margin of 100."""
        return image[:, round(500 - b / 0.2 * 400), round(500 + a / 0.2 * 400)]

    (red, _, blue), (other_red, _, other_blue) = (at(*point) for point in points.T.tolist())
    assert red > blue + 60 and other_blue > other_red + 60
    assert (at(*mean) == 255).all(), "the cross of the mean"
    reddish, bluish = image[0] > image[2] + 60, image[2] > image[0] + 60
    assert reddish[:, 850:].any() and bluish[900:].any(), "the names of red and blue at their hues"


def test_the_reach_is_the_rim_and_what_lies_beyond_is_told(tmp_path, run):
    codes = np.full((3, 40, 50), 30_000, "uint16")
    codes[1, :10] = 10_000
    path = pairs.write(tmp_path / "a.tif", codes)
    pictures = []
    for reach, share in ((0.3, 0), (0.05, 0.25)):
        found = scope.vectorscope(path, tmp_path / "o.png", reach=reach, overwrite=True)
        assert found.beyond == share and ("25% outside" in str(found)) == bool(share)
        pictures.append(drawn(tmp_path / "o.png"))
    assert not np.array_equal(*pictures)


def test_the_drawing_is_the_same_whatever_the_blocks_and_workers(two, tmp_path, monkeypatch, run):
    for n, (block, workers) in enumerate(((512, 1), (41, 3))):
        monkeypatch.setattr("potato.viewing.blocks.BLOCK", block)
        assert run("vectorscope", two[1], tmp_path / f"{n}.png", "-j", workers, "-q").output == ""
    assert np.array_equal(drawn(tmp_path / "0.png"), drawn(tmp_path / "1.png"))


def test_a_scope_of_nothing_is_refused_and_nothing_replaced(two, tmp_path, run):
    empty = write_rgba(tmp_path / "e.tif", colours(30, 30, "uint8"), np.zeros((30, 30), bool))
    with pytest.raises(EmptyError, match="something valid"):
        scope.vectorscope(empty, tmp_path / "o.png")
    assert run("vectorscope", two[0], tmp_path / "o.png").exit_code == 0
    assert "--overwrite" in run("vectorscope", two[0], tmp_path / "o.png").stderr


def test_a_missing_library_is_named(two, tmp_path, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("vectorscope", two[0], tmp_path / "o.png")
    assert result.exit_code == 1 and "pip install 'potato[plots]'" in result.stderr
