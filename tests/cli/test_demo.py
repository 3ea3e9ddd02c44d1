import json
from importlib import resources

import click
import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rio_cogeo.cogeo import cog_validate

from pages import data_of
from potato import demo, open_pair, save_model
from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.draw import GUTTER
from potato.core.radiometry import counts_to_reflectance
from potato.core.render import NATURAL, unrender
from potato.core.resample import block_mean
from potato.core.windows import PairWindow
from potato.demonstration import CHANGE_SIDE, CHANGE_ZOOM, CID, SCENE, Demonstration
from potato.fusion.inputs import open_inputs
from potato.raster.layer import Reading


@pytest.fixture(scope="module")
def landsat(tmp_path_factory) -> Demonstration:
    """The demonstration of the shipped Landsat scene."""
    return demo(tmp_path_factory.mktemp("landsat") / "new", landsat=True)


@pytest.mark.parametrize("size", [None, 512])
def test_demo_writes_a_valid_pair_its_sharpened_picture_and_a_comparison(tmp_path, size):
    made = demo(tmp_path / "new" / "folder", size=size)
    open_pair(made.pan, made.mul).close()
    for path in (made.pan, made.mul, made.fused.output):
        assert cog_validate(path, strict=True)[0]
    with rasterio.open(made.pan) as pan, rasterio.open(made.mul) as mul:
        assert pan.nodata is None and mul.nodata is None
        assert mul.descriptions[5] == "BAND_RE"
        valid = pan.read_masks(1) > 0
        side = size or pan.height
    with rasterio.open(made.fused.output) as picture:
        alpha = picture.read(4)
    assert 0.8 < valid.mean() < 0.99, "a ragged edge is invalid"
    assert np.array_equal(alpha > 0, valid)
    with pytest.warns(NotGeoreferencedWarning), rasterio.open(made.comparison) as comparison:
        assert comparison.driver == "PNG" and (comparison.height, comparison.width) == (side, 3 * side + 16)
    assert str(made.comparison) in str(made) and str(made.fused.output) in str(made)


def test_weights_are_measured_against_the_truth_and_shown_beside_the_predictor(tmp_path, run):
    plain, named, bare = (
        demo(tmp_path / str(n), weights=weights) for n, weights in enumerate((None, "worldview", "predictor"))
    )
    assert plain.change.error < 0.7 * plain.change.predictor_error < 0.5, "JND"
    assert bare.change.error == bare.change.predictor_error == plain.change.predictor_error
    assert f"{plain.change.error:.3f} JND" in str(plain) and str(plain.change.drawing) in str(plain)
    shape = (3, CHANGE_ZOOM * CHANGE_SIDE, 3 * CHANGE_ZOOM * CHANGE_SIDE + 2 * GUTTER)
    for made in (plain, bare):
        with pytest.warns(NotGeoreferencedWarning), rasterio.open(made.change.drawing) as change:
            assert (change.count, change.height, change.width) == shape
            codes, side = change.read(), CHANGE_ZOOM * CHANGE_SIDE
        before, after = codes[..., :side], codes[..., side + GUTTER :][..., :side]
        assert np.array_equal(before, after) == (made is bare)
    start = [[layer["name"] for layer in data_of(made.report)["layers"]][:2] for made in (plain, named)]
    assert start == [
        [plain.fused.output.name, "mul, enlarged"],
        ["sharp.tif", "predictor.tif"],
    ]


@pytest.mark.parametrize("size", [None, 512])
def test_the_truth_is_that_of_the_pair(tmp_path, size):
    made = demo(tmp_path, size=size, weights="predictor")
    with rasterio.open(made.change.truth) as truth, rasterio.open(made.fused.output) as picture:
        assert (truth.transform, truth.crs) == (picture.transform, picture.crs)
        true, sharp = (file.read()[:, 256:, :256] for file in (truth, picture))
    assert np.array_equal(true[3], sharp[3])
    coarse = [block_mean(unrender(codes[:3], NATURAL), 16) for codes in (true, sharp)]
    assert delta_e_ok(*coarse).mean() < 0.25, "JND, of which the predictor leaves most at edges"


def test_the_page_is_opened_if_asked_for(tmp_path, run, monkeypatch):
    opened = []
    monkeypatch.setattr(click, "launch", opened.append)
    made = json.loads(run("demo", tmp_path / "demo", "--size", 256, "--open", "--json").stdout)
    page = tmp_path / "page.html"
    for more in ((), ("--open", "--overwrite")):
        assert run("report", made["fused"]["output"], "-o", page, *more).exit_code == 0
    assert opened == [made["report"], str(page)]


def test_one_seed_gives_identical_bytes_and_another_other_ground(tmp_path):
    pictures = [
        demo(tmp_path / str(number), size=256, seed=seed).fused.output.read_bytes()
        for number, seed in enumerate((1, 1, 2))
    ]
    assert pictures[0] == pictures[1] != pictures[2]


def test_options_change_the_demonstration(tmp_path, run, network):
    save_model(network, tmp_path / "net.safetensors")
    folder = tmp_path / "demo"
    base = ("demo", folder, "--size", 256, "--overwrite")

    def made(*options: object) -> bytes:
        result = run(*base, *options)
        assert result.exit_code == 0, result.output
        return next(folder.glob("*sharp.tif")).read_bytes()

    plain = made()
    assert made("--seed", 3) != plain != made("--weights", tmp_path / "net.safetensors")
    assert made("--device", "cpu") == plain
    assert run(*base, "--quiet").output == ""


def test_the_landsat_scene_is_sharpened_as_the_delivery_that_it_is(landsat):
    scene = resources.files("potato") / "assets" / SCENE
    shipped = {file.name: file.read_bytes() for file in scene.iterdir()}
    assert {file.name: file.read_bytes() for file in landsat.pan.iterdir()} == shipped
    assert "CC0" in shipped["README.txt"].decode() and sum(map(len, shipped.values())) < 1.6e6
    with rasterio.open(landsat.fused.output) as picture:
        assert (picture.width, picture.height, picture.crs.to_epsg()) == (935, 668, 32616)
        assert tuple(picture.transform)[:6] == (15, 0, 543_982.5, 0, -15, 1_379_002.5)
        assert picture.tags()["POTATO_SENSOR"] == "LC-BGRN" and (picture.read(4) == 255).all()
    notes = " ".join(landsat.fused.notes)
    assert "mul in 4 files, surface reflectance" in notes and "-0.5 pan pixels across and +0.5 down" in notes
    assert {"pan", "mul, enlarged"} <= {layer["name"] for layer in data_of(landsat.report)["layers"]}
    assert str(landsat.pan) in str(landsat) and landsat.mul is None


def test_the_command_report_takes_a_delivery(landsat, tmp_path, run):
    base = ("report", landsat.fused.output, "--window", 0, 0, 64, 64, "-o", tmp_path / "a.html")
    assert run(*base, "--delivery", landsat.pan).exit_code == 0
    assert "mul, enlarged" in {layer["name"] for layer in data_of(tmp_path / "a.html")["layers"]}
    assert run(*base, "--delivery", landsat.pan, "--pair", "pan", "mul").exit_code == 2


def test_colours_of_the_landsat_scene_are_those_of_its_ground_and_of_mul(landsat):
    with open_inputs(landsat.pan, None, Reading(), landsat.pan.parent) as pair:
        pixels, sensor = pair.read(PairWindow(0, 0, 334, 467)), pair.sensor
    with rasterio.open(landsat.fused.output) as picture:
        codes = picture.read((1, 2, 3))[:, :, :934]
    mul = counts_to_reflectance(pixels.mul)
    blue, green, red, nir = mul.transpose(1, 2, 0)[[240, 280, 248], [330, 410, 75]].T
    forest, lake, cloud = range(3)
    assert nir[forest] > 5 * red[forest] and 0.02 < green[forest] < 0.08 and green[forest] > blue[forest]
    assert nir[lake] < red[lake] < 0.06
    assert min(blue[cloud], green[cloud], red[cloud]) > 0.5
    colour = mul_to_oklab(mul, sensor)
    mean = block_mean(unrender(codes, NATURAL), 2)
    assert delta_e_ok(mean, colour).mean() < 0.2, "JND; rounding to 8 bits makes half of that"
    assert abs((mean - colour).mean((1, 2))).max() < 0.0005, "no cast: a hundredth of a JND"
    assert mean[1, 240, 330] < -0.008 and mean[2, 240, 330] > 0.02, "forest is green"
    assert np.hypot(*mean[1:, 248, 75]) < 0.02, "clouds are white"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--size", 258), "that 4 divides"),
        (("--landsat", "--seed", 3), "the size or seed of a simulated pair"),
    ],
)
def test_wrong_sizes_are_refused(tmp_path, run, options, says):
    run("demo", tmp_path, "--size", 256)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = run("demo", tmp_path, *options)
    assert result.exit_code == 1 and says in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_below_a_file_is_refused(tmp_path, run):
    (tmp_path / "file").write_text("")
    result = run("demo", tmp_path / "file" / "x")
    assert result.exit_code == 1 and "can't write there" in result.stderr


def test_a_demonstration_replaces_its_own_folder_and_no_other_files(tmp_path, run):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / f"{CID}-pan.tif").write_text("mine")
    refused = run("demo", tmp_path / "other", "--size", 256)
    assert refused.exit_code == 1 and "--overwrite" in refused.stderr
    assert (tmp_path / "other" / f"{CID}-pan.tif").read_text() == "mine"
    for _ in range(2):
        made = run("demo", tmp_path / "own", "--size", 256, "--weights", "predictor", "--json")
        assert made.exit_code == 0 and json.loads(made.stdout)["pan"].endswith("-pan.tif")
