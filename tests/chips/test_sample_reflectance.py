import numpy as np
import pytest

import ards
import pairs
from potato.chips.sample_reflectance import get_reflectance, pair_of_stem, reflectance_row
from potato.core.sensor_table import GEOEYE_1
from potato.core.sensors import SCALE
from potato.errors import BandError, EmptyError, InputError
from potato.raster.coordinates import grid_to_lonlat, lonlat_to_grid, map_to_grid
from potato.raster.gdal_env import gdal
from potato.raster.pair import open_pair
from potato.simulation.land.reflectances import load_reflectances


@pytest.fixture
def stem(tmp_path):
    """A pair named as in an ARD, with a hole at cell (5, 6), and its pixels."""
    valid = np.ones((160, 160), bool)
    valid[20:24, 24:28] = False
    paths = pairs.write_pair(tmp_path, valid=valid)
    for path, ending in ((paths.pan, "-pan.tif"), (paths.mul, "-ms.tif")):
        path.rename(tmp_path / f"10300100A{ending}")
    return tmp_path / "10300100A"


def counts(surface):
    return [round(value * SCALE) for value in (surface.pan, *surface.bands)]


def expected(row, column):
    pan, mul = pairs.ground(40, 40)
    block = pan[4 * row : 4 * row + 4, 4 * column : 4 * column + 4].astype(int)
    return [int(np.floor(block.mean() + 0.5)), *mul[:, row, column].tolist()]


@pytest.mark.parametrize(("x", "y"), [(0, 0), (50, 71), (51.9, 68), (159, 159)])
def test_a_place_gives_the_reflectance_of_its_cell(stem, x, y):
    surface = get_reflectance(*pair_of_stem(stem), x, y)
    assert counts(surface) == expected(int(y) // 4, int(x) // 4)
    assert counts(get_reflectance(stem, None, x, y)) == counts(surface)


def test_pixels_map_and_lonlat_coordinates_agree(stem):
    with gdal(), open_pair(*pair_of_stem(stem)) as pair:
        grid = pair.grid
    easting, northing = grid.transform @ (50.5, 71.5)
    assert map_to_grid(grid, easting, northing) == pytest.approx((50.5, 71.5))
    longitude, latitude = grid_to_lonlat(grid, 50.5, 71.5)
    assert lonlat_to_grid(grid, longitude, latitude) == pytest.approx((50.5, 71.5), abs=1e-4)
    one = get_reflectance(stem, None, 50.5, 71.5)
    assert get_reflectance(stem, None, easting, northing, coordinates="map") == one
    assert get_reflectance(stem, None, longitude, latitude, coordinates="lonlat") == one
    # EPSG:32611: 350 km east and 3,800 km north in zone 11.
    assert longitude == pytest.approx(-118.63, abs=0.01) and latitude == pytest.approx(34.33, abs=0.01)


def test_default_names_and_notes(stem):
    surface = get_reflectance(stem, None, 50, 71)
    assert surface.name == "10300100A 48 68" and surface.kind == "paint"
    assert surface.note.startswith("10300100A at -118.6") and len(surface.note.split()) == 4
    assert (
        get_reflectance(stem, None, 50, 71, name="a blue, blue roof", kind="roof").name == "a blue, blue roof"
    )
    for ending in ("-pan.tif", "-ms.tif", ""):
        assert pair_of_stem(f"{stem}{ending}") == (f"{stem}-pan.tif", f"{stem}-ms.tif")


@pytest.mark.parametrize(
    ("place", "settings", "error", "words"),
    [
        ((160, 3), {}, InputError, "160 columns by 160 rows, found \\(160, 3\\)"),
        ((-0.1, 3), {}, InputError, "place in the image"),
        ((3, float("nan")), {}, InputError, "two numbers"),
        ((0, 0), {"coordinates": "lonlat"}, InputError, "which is column"),
        ((26, 21), {}, EmptyError, "expected valid pixels"),
        ((3, 3), {"kind": "cheese"}, InputError, "found cheese"),
        ((3, 3), {"name": " "}, InputError, "found an empty one"),
    ],
)
def test_impossible_places_are_refused(stem, place, settings, error, words):
    with pytest.raises(error, match=words):
        get_reflectance(stem, None, *place, **settings)


def test_a_pair_of_other_bands_is_refused(tmp_path):
    item = ards.write_tile(tmp_path, sensor=GEOEYE_1, side=34)
    with pytest.raises(BandError, match=r"-ms\.tif: expected the 8 bands of WorldView-2 .* found the 4 of"):
        get_reflectance(str(item).removesuffix(".json"), None, 3, 4)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"nothing-pan\.tif"):
        get_reflectance(tmp_path / "nothing", None, 1, 1)


def test_printed_lines_make_a_list_that_can_be_read(stem, tmp_path, run):
    first = run("get-reflectance", "--header", stem, 50, 71, "--name", "a roof, blue", "--kind", "roof")
    second = run("get-reflectance", f"{stem}-pan.tif", f"{stem}-ms.tif", 8, 9)
    assert first.exit_code == second.exit_code == 0, first.stderr + second.stderr
    assert first.stdout.count("\n") == 2 and second.stdout.count("\n") == 1
    (tmp_path / "own.csv").write_text(first.stdout + second.stdout)
    one, other = load_reflectances(tmp_path / "own.csv")
    assert (one.name, one.kind, counts(one)) == ("a roof, blue", "roof", expected(17, 12))
    assert counts(other) == expected(2, 2)
    assert reflectance_row(one) + "\n" == first.stdout.split("\n", 1)[1]


def test_the_command_takes_longitudes_west_of_greenwich(stem, run):
    note = get_reflectance(stem, None, 50, 71).note.split()
    result = run("get-reflectance", stem, note[2], note[3], "--lonlat")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.split(",")[2:11] == [str(value) for value in expected(17, 12)]
    plain = run("get-reflectance", stem, 350_025.25, 3_799_964.25, "--map")
    assert plain.stdout == result.stdout


def test_wrong_arguments_are_usage_errors(stem, run):
    assert run("get-reflectance", stem, 1).exit_code == 2
    assert run("get-reflectance", "a", "b", "c", 1, 2).exit_code == 2
    assert run("get-reflectance", "--lonlot", stem, 1, 2).exit_code == 2
    refused = run("get-reflectance", stem, 1000, 1000)
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1
