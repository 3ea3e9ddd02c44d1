"""The viewing tools on files, and their commands."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rio_cogeo.cogeo import cog_validate

import pairs
from pictures import colours, every_tool, ragged, write_rgba
from potato import fuse
from potato.core import profiles
from potato.core.color import (
    JND,
    linear_srgb_to_oklab,
    mul_to_oklab,
    srgb_encode,
)
from potato.core.render import FLAT, NATURAL, Look, adjust, dither, render, unrender
from potato.core.sensor_table import WORKSHOP
from potato.viewing import tools
from potato.viewing.color_ops import MID_GREY, exaggerated

SCREENS = {"uint8": Look("screen", 8), "uint16": Look("screen", 16)}


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


def test_exaggerated_files_equal_exaggerated_tensors_where_both_are_valid(two, tmp_path):
    tools.exaggerate(*two, tmp_path / "1.tif", tmp_path / "2.tif", factor=3, profile="tiled")
    images = [pairs.read(path) for path in two]
    both = (images[0][3] > 0) & (images[1][3] > 0)
    labs = [unrender(i[:3].astype(float), SCREENS[i.dtype.name]) for i in images]
    for n, expected in enumerate(exaggerated(*labs, 3)):
        written = pairs.read(tmp_path / f"{n + 1}.tif")
        assert written.dtype == images[n].dtype and np.array_equal(written[3], images[n][3])
        codes = render(expected, SCREENS[written.dtype.name])
        assert np.array_equal(written[:3, both], codes[:, both])
        alone = (images[n][3] > 0) & ~both
        assert alone.any() and np.array_equal(written[:3, alone], images[n][:3, alone]), (
            "nothing to differ from"
        )


def test_gray_diff_is_valid_where_both_are_and_mirrored_when_exchanged(two, tmp_path):
    one, other = tmp_path / "1.tif", tmp_path / "2.tif"
    tools.gray_diff(*two, one, factor=2, profile="tiled")
    tools.gray_diff(*two[::-1], other, factor=2, profile="tiled")
    first, second = pairs.read(one), pairs.read(other)
    valid = (pairs.read(two[0])[3] > 0) & (pairs.read(two[1])[3] > 0)
    assert first.dtype == np.uint16 and np.array_equal(first[3] > 0, valid)
    assert not first[:, ~valid].any()
    labs = [unrender(i[:3].astype(float), SCREENS["uint16"]) for i in (first, second)]
    # Next to black one code is half a JND.
    seen = valid & (np.minimum(labs[0][0], labs[1][0]) > 0.1)
    off = abs(sum(labs) / 2 - np.array([MID_GREY, 0, 0]).reshape(3, 1, 1))[:, seen]
    assert off.shape[1] > 1000 and off.max() < 0.05 * JND


def test_ab_has_constant_lightness(two, tmp_path):
    for path, bits in zip(two, (8, 16), strict=True):
        tools.ab(path, tmp_path / "o.tif", lightness=0.6, overwrite=True, profile="tiled")
        made = pairs.read(tmp_path / "o.tif")
        valid = pairs.read(path)[3] > 0
        shown = unrender(made[:3].astype(float), Look("screen", bits))[0]
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


def test_quick_contrast_equals_the_natural_look_within_one_code(fused, tmp_path):
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


def test_quick_contrast_refuses_a_natural_picture(fused, tmp_path, run):
    result = run("quick-contrast", fused[2], tmp_path / "o.tif")
    assert result.exit_code == 1 and "expected a flat picture, found one in the natural look" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("look", ["natural", "flat"])
@pytest.mark.parametrize("plain", [True, False])
def test_mul_to_rgb_renders_mul_on_its_own_grid(tmp_path, look, plain):
    _, bands = pairs.ground(90, 70)
    bands[:, 3:9, 4:7] = 0
    place = pairs.CORNER @ Affine.scale(4)
    order = [4, 2, 7, 0, 1, 3, 6, 5]
    names = [pairs.BAND_NAMES[n] for n in order]
    path = pairs.write(tmp_path / "m.tif", bands[order], place, names=names)
    tools.mul_to_rgb(path, tmp_path / "o.tif", look=look, plain=plain, profile="tiled")
    chosen = {"natural": NATURAL, "flat": FLAT}[look]
    threshold = dither(90, 70) if look == "natural" else 0.5
    mul = bands.astype("float32") / 1e4
    colour = linear_srgb_to_oklab(mul[[4, 2, 1]]) if plain else mul_to_oklab(mul, WORKSHOP)
    expected = render(colour, chosen, threshold)
    valid = bands.any(0)
    with rasterio.open(tmp_path / "o.tif") as file:
        made = file.read()
        assert file.transform == place and file.crs == "EPSG:32611"
        assert file.tags()["POTATO_LOOK"] == look and file.tags()["POTATO_MUL"] == "m.tif"
    assert made.dtype == f"uint{chosen.bits}" and np.array_equal(made[3] > 0, valid)
    assert np.abs(made[:3].astype(int) - expected)[:, valid].max() <= 1
    assert not made[:, ~valid].any()


def test_a_grey_mul_is_grey_with_and_without_plain(tmp_path):
    path = pairs.write(tmp_path / "m.tif", np.full((8, 20, 20), 2800, "uint16"), names=pairs.BAND_NAMES)
    for plain in (True, False):
        tools.mul_to_rgb(path, tmp_path / f"{plain}.tif", look="flat", plain=plain)
    level = srgb_encode(np.array(0.28)) * 65535
    for plain in (True, False):
        assert np.abs(pairs.read(tmp_path / f"{plain}.tif")[:3] - level).max() < 65535 / 255


def test_pixels_do_not_depend_on_blocks_panels_or_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "PANEL", profiles.TIFF_BLOCK)
    width = profiles.PANEL + 100
    valid = ragged(40, width)[:, ::-1]
    two = (
        write_rgba(tmp_path / "a.tif", colours(40, width, "uint8"), valid),
        write_rgba(tmp_path / "b.tif", colours(40, width, "uint16", 1), valid[::-1]),
    )
    whole = every_tool(*two, tmp_path / "whole", workers=1, profile="tiled")
    for path, piece in zip(whole, every_tool(*two, tmp_path / "pieces", workers=3, block=37), strict=True):
        assert np.array_equal(pairs.read(path), pairs.read(piece)), path.name


def test_commands_print_lines_json_or_nothing(two, tmp_path, run):
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
