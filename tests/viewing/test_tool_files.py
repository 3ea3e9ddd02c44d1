"""Which pictures the viewing tools read, refuse and replace."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import ColorInterp

import pairs
from pictures import colours, every_tool, ragged, read_placeless, write_png, write_rgba
from potato.errors import BandError, GridError, InputError, OutputError, OutputExists
from potato.viewing import tools


def test_outputs_keep_georeference_and_potato_tags(two, tmp_path):
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


def test_masks_nodata_alpha_and_band_order_are_understood(tmp_path):
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


def test_a_picture_without_georeference_takes_that_of_the_other(tmp_path):
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
def test_pictures_on_different_grids_are_refused(tmp_path, run, change, complaint):
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


def test_float_noise_in_a_transform_is_accepted(tmp_path):
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
def test_files_with_other_bands_or_types_are_refused(tmp_path, codes, complaint):
    path = pairs.write(tmp_path / "a.tif", codes, photometric="MINISBLACK")
    with pytest.raises(BandError) as refused:
        tools.ab(path, tmp_path / "o.tif")
    assert complaint in str(refused.value)
    with pytest.raises(InputError, match="can't open picture"):
        tools.ab(tmp_path / "none.tif", tmp_path / "o.tif")
    with pytest.raises(BandError, match="found 3 bands"):
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
        ("vectorscope", "{a}", "{o}.png", "--max-chroma", "nan"),
        ("vectorscope", "{a}", "{o}.jpg"),
    ],
)
def test_numbers_out_of_range_and_equal_names_are_refused(two, tmp_path, run, arguments):
    before = set(tmp_path.iterdir())
    places = {"a": two[0], "b": two[1], "o": tmp_path / "o.tif", "p": tmp_path / "p.tif"}
    result = run(*(argument.format(**places) for argument in arguments))
    if endless := {"nan", "inf"} & set(arguments):
        assert result.exit_code == 2 and f"expected a number, found {endless.pop()}" in result.stderr
    else:
        assert result.exit_code == 1 and result.stderr.startswith("potato: ") and "expected" in result.stderr
    assert set(tmp_path.iterdir()) == before


def test_existing_outputs_stay_unless_overwritten_by_a_complete_file(two, tmp_path):
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


def test_a_damaged_picture_is_named_and_leaves_no_output(tmp_path, run):
    path = pairs.write(tmp_path / "a.tif", colours(300, 300, "uint8"))
    path.write_bytes(path.read_bytes()[:90_000])
    result = run("ab", path, tmp_path / "o.tif")
    assert result.exit_code == 1 and "damaged or cut short" in result.stderr and "a.tif" in result.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]
