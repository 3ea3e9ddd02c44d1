"""A mul that doesn't nest on pan's grid: resampled, or refused with a command that mends it."""

import math
import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest
import rasterio
from affine import Affine
from click.testing import CliRunner
from rasterio.control import GroundControlPoint
from rasterio.rio.main import main_group
from rasterio.rpc import RPC

import pairs
from potato.core.windows import PairWindow
from potato.errors import PairError
from potato.raster.pair import open_pair

FINE, COARSE = pairs.CORNER, pairs.CORNER @ Affine.scale(4)
ROWS, COLUMNS = 24, 30


def ground(x, y):
    """Counts of the ground at x and y, in pan pixels."""
    return 5000 + 900 * np.cos(x / 9)[None] * np.cos(y / 8)[:, None]


def write(folder, to_pan=None, **mul_profile):
    """A pan of 96 × 120, and a mul that lies as `to_pan` says, in pan pixels, and is as large."""
    to_pan = to_pan or Affine.scale(4)
    pan = ground(np.arange(120) + 0.5, np.arange(96) + 0.5)
    x = to_pan.a * (np.arange(COLUMNS) + 0.5) + to_pan.c
    mul = np.repeat(ground(x, to_pan.e * (np.arange(ROWS) + 0.5) + to_pan.f)[None], 8, 0)
    profile = {"transform": FINE @ to_pan, "names": pairs.BAND_NAMES, **mul_profile}
    return pairs.Paths(
        pairs.write(folder / "p.tif", pan.round().astype("uint16")),
        pairs.write(folder / "m m.tif", mul.round().astype("uint16"), **profile),
    )


@pytest.mark.parametrize(
    ("to_pan", "note"),
    [
        (Affine.translation(0.5, 0.5) @ Affine.scale(4), r"\+0.5 pan pixels across and \+0.5 down$"),
        (Affine.translation(-2, 0) @ Affine.scale(4), r"-2 pan pixels across and \+0 down$"),
        (Affine.translation(4.37, -8.37) @ Affine.scale(3.998), "its pixels are 3.998 × 3.998 of pan's"),
        (Affine.translation(1.5, 1.5) @ Affine.scale(3), r"\+1.5 pan pixels across and \+1.5 down$"),
        (Affine.translation(0.1, 0) @ Affine.scale(2.01, 2), "2.01 × 2 of pan's"),
        (Affine.scale(1.5), "1.5 × 1.5 of pan's"),
        (Affine.translation(-3.3, 0.7) @ Affine.scale(2.5), "2.5 × 2.5 of pan's"),
        (Affine.scale(2.76), "2.76 × 2.76 of pan's"),  # ZY-3
        (Affine.scale(7.5), "7.5 × 7.5 of pan's"),  # THEOS
    ],
)
def test_a_mul_beside_the_grid_of_pan_is_resampled_and_the_pair_says_so(tmp_path, to_pan, note):
    paths = write(tmp_path, to_pan)
    with open_pair(paths.pan, paths.mul) as pair, pair.reopened() as again:
        window = PairWindow(0, 0, pair.height, pair.width)
        pixels = pair.read(window)
        assert np.array_equal(again.read(window).mul, pixels.mul)
    ratio = pair.ratio
    assert abs(ratio - to_pan.a) <= (0.5 if to_pan.a < 6.5 else 1.5) and re.search(note, pair.notes[-1])
    middles = [ratio * (np.arange(count) + 0.5) for count in (pair.width, pair.height)]
    inside = np.zeros(pixels.mul_valid.shape, bool)
    inside[5 : int(ROWS * to_pan.e / ratio) - 6, 5 : int(COLUMNS * to_pan.a / ratio) - 6] = True
    inside &= pixels.mul_valid
    assert inside.sum() > 70
    # A twentieth of a pan pixel is 5 counts where this ground is steepest.
    assert abs(pixels.mul - ground(*middles))[:, inside].max() < 5


def test_a_mul_on_the_grid_is_read_as_it_is(tmp_path):
    paths = write(tmp_path, Affine.translation(0.03, -0.03) @ Affine.scale(4))
    with open_pair(paths.pan, paths.mul) as pair:
        assert not pair.notes
        assert np.array_equal(pair.read(PairWindow(0, 0, ROWS, COLUMNS)).mul, pairs.read(paths.mul))


@pytest.mark.parametrize(
    ("crs", "notes"),
    [
        ("+proj=utm +zone=11 +ellps=WGS84 +units=m +no_defs", ()),
        (
            "EPSG:32611+5773",
            ("mul's CRS (WGS 84 / UTM zone 11N + EGM96 height) is taken for pan's (EPSG:32611)",),
        ),
        ("EPSG:6340", ("mul's CRS (EPSG:6340) is taken for pan's (EPSG:32611)",)),  # NAD83(2011)
    ],
)
def test_other_words_for_one_crs_are_the_same(tmp_path, crs, notes):
    paths = write(tmp_path, crs=crs)
    with open_pair(paths.pan, paths.mul) as pair:
        assert pair.notes == notes
        assert np.array_equal(pair.read(PairWindow(0, 0, ROWS, COLUMNS)).mul, pairs.read(paths.mul))


def run_remedy(error, folder):
    """Run the commands that a message gives."""
    if not shutil.which("gdalwarp"):
        pytest.skip("gdalwarp isn't installed")
    text = str(error.value)
    for command in text[text.index("gdalwarp -") :].split(" && "):
        subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)


def in_zone_12(folder):
    """The mul of `write`, lying where it does but told in the next zone of UTM."""
    west, north = rasterio.warp.transform("EPSG:32611", "EPSG:32612", [350_000], [3_800_000])
    turn = Affine.rotation(-3.4)  # about the convergence of meridians there
    there = Affine.translation(west[0], north[0]) @ turn @ Affine.scale(2, -2)
    return write(folder, crs="EPSG:32612", transform=there)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (in_zone_12, "one CRS, found EPSG:32611 and EPSG:32612"),
        (lambda folder: write(folder, Affine.scale(8, 4)), "found 8 × 4; warp"),
        (lambda folder: write(folder, Affine.scale(12)), "found 12 × 12; warp"),
        (lambda folder: write(folder, transform=COARSE @ Affine.rotation(1)), "turned by"),
    ],
)
def test_another_grid_is_refused_with_the_command_that_mends_it(tmp_path, make, found):
    paths = make(tmp_path)
    with pytest.raises(PairError, match=f"{found}.*-r lanczos '.*m m.tif' 'm m-on-pan.tif'$") as error:
        open_pair(paths.pan, paths.mul)
    run_remedy(error, tmp_path)
    with open_pair(paths.pan, tmp_path / "m m-on-pan.tif") as pair:
        pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
        assert not pair.notes and pixels.mul_valid.mean() > 0.15
    if make is in_zone_12:
        middles = [4 * (np.arange(count) + 0.5) for count in (COLUMNS, ROWS)]
        inside = pixels.mul_valid[4:-4, 4:-4]
        assert abs(pixels.mul - ground(*middles))[:, 4:-4, 4:-4][:, inside].max() < 60


@pytest.mark.parametrize(("crs", "named"), [(None, "none"), ('LOCAL_CS["site",UNIT["metre",1]]', "site")])
def test_a_mul_without_a_crs_is_refused_with_the_command_that_names_it(tmp_path, crs, named):
    paths = write(tmp_path, crs=crs)
    with pytest.raises(PairError, match=f"one CRS, found EPSG:32611 and {named}; .*: rio edit-info") as error:
        open_pair(paths.pan, paths.mul)
    result = CliRunner().invoke(main_group, shlex.split(str(error.value).split(": rio ")[1]))
    assert result.exit_code == 0
    open_pair(paths.pan, paths.mul).close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"crs": "EPSG:32633"}, "no ground in common: pan lies at 350000 3799952 350060 3800000 and mul at"),
        ({"transform": COARSE @ Affine.translation(500, 0)}, r"no ground in common: mul starts \+2000 pan"),
        (
            {"transform": Affine(2, 0, math.nan, 0, -2, 0)},
            r"m m.tif: expected a geotransform .*, found nan, 2",
        ),
        ({"transform": FINE}, "found 1 × 1; are these from one delivery, and pan first"),
    ],
)
def test_images_that_are_no_pair_are_refused_with_the_difference(tmp_path, change, message):
    paths = write(tmp_path, **change)
    with pytest.raises(PairError, match=message):
        open_pair(paths.pan, paths.mul)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_images_without_a_place_lie_on_each_other_if_their_sizes_fit(tmp_path):
    paths = unplaced(tmp_path)
    with open_pair(paths.pan, paths.mul) as pair:
        assert pair.ratio == 4 and "neither image has a place" in pair.notes[-1]
        assert np.array_equal(pair.read(PairWindow(0, 0, ROWS, COLUMNS)).mul, pairs.read(paths.mul))
    pairs.write(paths.pan, pairs.read(paths.pan)[0, :-1], Affine.identity(), crs=None)
    with pytest.raises(PairError, match=r"a place on Earth, found none in .*gdal_translate -a_srs"):
        open_pair(paths.pan, paths.mul)


def unplaced(folder):
    paths = write(folder)
    for path in (paths.pan, paths.mul):
        pixels = pairs.read(path)
        pairs.write(path, pixels, Affine.identity(), crs=None)
    return paths


def with_points(file, step):
    corners = [(row, column) for row in (0, file.height) for column in (0, file.width)]
    points = [
        GroundControlPoint(row, column, 350_000 + 0.5 * step * column, 3_800_000 - 0.5 * step * row, 0)
        for row, column in corners
    ]
    file.gcps = points, rasterio.CRS.from_epsg(32611)


def with_rpcs(file, step):
    def one(place):
        return [float(n == place) for n in range(20)]

    size = {"line_off": 48 / step, "line_scale": 48 / step, "samp_off": 60 / step, "samp_scale": 60 / step}
    place = {"lat_off": 34.3, "lat_scale": 24 / 111_320, "long_off": -118.6, "long_scale": 30 / 92_000}
    line = [-value for value in one(2)]
    file.rpcs = RPC(
        0,
        500,
        **place,
        **size,
        line_num_coeff=line,
        line_den_coeff=one(0),
        samp_num_coeff=one(1),
        samp_den_coeff=one(0),
    )


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("give", "kind"), [(with_points, "ground control points"), (with_rpcs, "RPCs")])
def test_images_with_rpcs_or_points_are_refused_with_the_commands_that_place_them(tmp_path, give, kind):
    paths = unplaced(tmp_path)
    for path, step in ((paths.pan, 1), (paths.mul, 4)):
        with rasterio.open(path, "r+") as file:
            give(file, step)
    with pytest.raises(PairError, match=f"found none in .* but {kind}; bring both onto one grid") as error:
        open_pair(paths.pan, paths.mul)
    assert ("-to RPC_DEM=FILE, or by orthority)" in str(error.value)) == (kind == "RPCs")
    run_remedy(error, tmp_path)
    with open_pair(tmp_path / "p-ortho.tif", tmp_path / "m m-ortho.tif") as pair:
        pixels = pair.read(PairWindow(0, 0, pair.height, pair.width))
        assert pair.ratio == 4 and pixels.mul_valid.sum() > 0.8 * ROWS * COLUMNS


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("lost", ["pan", "mul"])
@pytest.mark.parametrize(("give", "kind"), [(with_points, "ground control points"), (with_rpcs, "RPCs")])
def test_one_image_with_rpcs_or_points_is_brought_onto_the_map_of_the_other(tmp_path, lost, give, kind):
    paths = write(tmp_path)
    path, step = (paths.pan, 1) if lost == "pan" else (paths.mul, 4)
    pairs.write(path, pairs.read(path), Affine.identity(), crs=None, names=None)
    with rasterio.open(path, "r+") as file:
        give(file, step)
        file.descriptions = pairs.BAND_NAMES if lost == "mul" else [None]
    with pytest.raises(PairError, match=f"but {kind}; bring it onto the map .*-t_srs EPSG:32611") as error:
        open_pair(paths.pan, paths.mul)
    run_remedy(error, tmp_path)
    mended = tmp_path / f"{path.stem}-ortho.tif"
    with rasterio.open(mended) as file:
        assert file.crs == "EPSG:32611" and abs(file.res[0] / (0.5 * step) - 1) < 0.1
    if give is with_points:  # these RPCs lie a few kilometres away
        open_pair(*((mended, paths.mul) if lost == "pan" else (paths.pan, mended))).close()
