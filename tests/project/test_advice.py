"""Commands that messages recommend: each is run here, and leads to what the message promises."""

import ast
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
import rasterio
from affine import Affine

import ards
import pairs
import potato
from potato.ard.naming import read_allow_list
from potato.cli import COMMANDS
from potato.cli import potato as group
from potato.core import advice
from potato.core.installation import DISTRIBUTION, reinstall_command
from potato.core.windows import PairWindow
from potato.deliveries.delivery import open_delivery
from potato.errors import BandError, DeliveryError, InputError, PairError
from potato.raster.gdal_env import open_dataset
from potato.raster.layer import Reading
from potato.raster.pair import open_pair
from potato.raster.pictures import open_picture

SOURCE = Path(potato.__file__).parent
TESTS = Path(__file__).parent.parent
COARSE = pairs.CORNER @ Affine.scale(4)

PROGRAMS = r"\b(gdal\w*(\.py)?|ogr\w+|rio|oty|pip|cut|aws|conda|apt|npm|python3?)\s+(?=-|install|[a-z]+-)"
"""How a command of another program begins."""

NAMED = r"(?:`|see |by )potato ([a-z]+(?:-[a-z]+)*)"
"""How a message names a command of ours."""

_NESTING = "raster/test_nesting.py::test"
ELSEWHERE = {
    "name_crs": f"{_NESTING}_a_mul_without_a_crs_is_refused_with_the_command_that_names_it",
    "warp_onto": f"{_NESTING}_another_grid_is_refused_with_the_command_that_mends_it",
    "warp_freely": f"{_NESTING}_images_with_rpcs_or_points_are_refused_with_the_commands_that_place_them",
}
"""Tests of other files that run an advice."""

tried: set[str] = set(ELSEWHERE)


def tries(*names: str) -> Callable[[Callable], Callable]:
    """Mark a test that runs the commands of these names."""

    def mark(test: Callable) -> Callable:
        tried.update(names)
        return test

    return mark


def run(command: str, folder: Path, source: str, target: str = "") -> None:
    """Run a command with its placeholders filled."""
    words = {"IN": source, "OUT": target, "IMAGE": source, "OUT.geojson": target}
    parts = [words.get(part, part) for part in shlex.split(command)]
    if not shutil.which(parts[0]):
        pytest.skip(f"{parts[0]} isn't installed")
    done = subprocess.run(parts, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def arrays():
    return pairs.ground(12, 16)


def all_of(pan: Path, mul: Path, **settings) -> np.ndarray:
    with open_pair(pan, mul, **settings) as pair:
        return pair.read(PairWindow(0, 0, pair.height, pair.width)).mul


@tries("TAKE_BANDS")
def test_bands_are_taken_out(tmp_path, arrays):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    many = pairs.write(tmp_path / "m.tif", np.concatenate([mul, mul // 2]), COARSE)
    with pytest.raises(BandError, match=re.escape(advice.TAKE_BANDS)):
        open_pair(fine, many)
    bands = " ".join(f"-b {band}" for band in range(1, 9))
    run(advice.TAKE_BANDS.replace("-b 1 -b 2 …", bands), tmp_path, "m.tif", "eight.tif")
    assert np.array_equal(all_of(fine, tmp_path / "eight.tif"), mul)


@tries("STACK")
def test_files_of_a_band_each_are_put_into_one(tmp_path, arrays):
    pan, mul = arrays
    folder = tmp_path / "order"
    folder.mkdir()
    fine = pairs.write(folder / "pan.tif", pan)
    for number, band in enumerate(mul[:4]):
        pairs.write(folder / f"IMG-{number}-U.tif", band[None], COARSE, names=())
    with pytest.raises(DeliveryError, match=re.escape(advice.STACK)):
        open_delivery(folder)
    command = advice.STACK
    for number, band in enumerate(("BLUE", "GREEN", "RED", "NIR")):
        command = command.replace(band, f"IMG-{number}-U.tif")
    run(command, folder, "", "mul.tif")
    order = Reading(band_order=("blue", "green", "red", "nir"))
    assert np.array_equal(all_of(fine, folder / "mul.tif", reading=order), mul[:4])


@tries("AS_FLOATS")
def test_numbers_of_other_types_become_floats(tmp_path, arrays):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul.astype("int64"), COARSE)
    with pytest.raises(BandError, match=re.escape(advice.AS_FLOATS)):
        open_pair(fine, coarse)
    run(advice.AS_FLOATS, tmp_path, "m.tif", "f.tif")
    assert np.array_equal(all_of(fine, tmp_path / "f.tif", reading=Reading(scale=(1e-4,))), mul)


@tries("AS_BYTES", "SHARES_AS_BYTES")
@pytest.mark.parametrize(("command", "white"), [(advice.AS_BYTES, 255), (advice.SHARES_AS_BYTES, 1)])
def test_pictures_of_floats_become_bytes(tmp_path, command, white):
    codes = np.random.default_rng(0).integers(1, 256, (3, 16, 16), dtype=np.uint8)
    path = pairs.write(tmp_path / "a.tif", (codes / 255 * white).astype("float32"))
    with pytest.raises(BandError, match=re.escape(command)), open_picture(path):
        pass
    run(command, tmp_path, "a.tif", "b.tif")
    with open_picture(tmp_path / "b.tif") as image:
        assert np.array_equal(image.read(0, 0, 16, 16)[0], codes)


@tries("IN_TILES")
def test_an_image_in_one_block_is_stored_in_tiles(tmp_path, monkeypatch):
    monkeypatch.setattr("potato.raster.untrusted.MOST_BLOCK", 150_000)
    pixels = np.full((300, 300), 3000, np.uint16)
    path = pairs.write(tmp_path / "a.tif", pixels, tiled=False, blockysize=300, blockxsize=300)
    with pytest.raises(InputError, match=re.escape(advice.IN_TILES)):
        open_dataset(str(path), "pan")
    run(advice.IN_TILES, tmp_path, "a.tif", "b.tif")
    with open_dataset(str(tmp_path / "b.tif"), "pan") as dataset:
        assert np.array_equal(dataset.read(1), pixels)


@tries("ADD_OVERVIEWS", "AS_COG")
@pytest.mark.parametrize(("command", "target"), [(advice.ADD_OVERVIEWS, "a.tif"), (advice.AS_COG, "b.tif")])
def test_images_get_overviews_and_blocks(tmp_path, command, target):
    pairs.write(tmp_path / "a.tif", np.full((1100, 1100), 3000, np.uint16), tiled=False)
    run(command, tmp_path, "a.tif", target)
    with rasterio.open(tmp_path / target) as file:
        assert file.overviews(1)
        assert target == "a.tif" or file.block_shapes[0][1] < 1100


@tries("GIVE_PLACE", "MOVE")
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("command", [advice.GIVE_PLACE, advice.MOVE])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_image_gets_its_place(tmp_path, arrays, command):
    pan, mul = arrays
    fine = pairs.write(tmp_path / "p.tif", pan)
    lost = command == advice.GIVE_PLACE
    place = Affine.identity() if lost else COARSE @ Affine.translation(500, 500)
    coarse = pairs.write(tmp_path / "m.tif", mul, place, crs=None if lost else "EPSG:32611")
    with pytest.raises(PairError, match=re.escape(command) if lost else "no ground in common"):
        open_pair(fine, coarse)
    edges = f"350000 3800000 {350_000 + 2 * 16} {3_800_000 - 2 * 12}"
    filled = command.replace("EPSG:CODE", "EPSG:32611").replace("WEST NORTH EAST SOUTH", edges)
    run(filled, tmp_path, "m.tif", "placed.tif")
    assert np.array_equal(all_of(fine, tmp_path / "placed.tif"), mul)


@tries("PROJECT")
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_image_with_rpcs_is_projected(tmp_path):
    one = {place: " ".join("1" if place == n else "0" for n in range(20)) for place in range(3)}
    offsets = {"HEIGHT": 100, "LAT": 34.3, "LONG": -118.6, "LINE": 32, "SAMP": 32}
    scales = {"HEIGHT": 500, "LAT": 0.001, "LONG": 0.001, "LINE": 32, "SAMP": 32}
    tags = {f"{name}_OFF": value for name, value in offsets.items()}
    tags |= {f"{name}_SCALE": value for name, value in scales.items()}
    tags |= {"LINE_NUM_COEFF": one[2], "SAMP_NUM_COEFF": one[1], "LINE_DEN_COEFF": one[0]}
    path = pairs.write(tmp_path / "a.tif", np.full((64, 64), 3000, np.uint16), Affine.identity(), crs=None)
    with rasterio.open(path, "r+") as file:
        file.update_tags(ns="RPC", SAMP_DEN_COEFF=one[0], **tags)
    filled = advice.PROJECT.replace("EPSG:CODE", "EPSG:32611").replace("SIZE", "4")
    run(filled, tmp_path, "a.tif", "b.tif")
    with rasterio.open(tmp_path / "b.tif") as file:
        assert file.crs == "EPSG:32611" and file.res == (4, 4) and (file.read(1) == 3000).mean() > 0.5


@tries("FIRST_COLUMN")
def test_a_table_becomes_an_allow_list(tmp_path):
    (tmp_path / "IN").write_text(f"cid,seeing\n{ards.CID},4.5\n")
    with pytest.raises(InputError, match=re.escape(advice.FIRST_COLUMN)):
        read_allow_list(tmp_path / "IN")
    subprocess.run(advice.FIRST_COLUMN, shell=True, cwd=tmp_path, check=True)
    assert ards.CID in read_allow_list(tmp_path / "OUT")


@tries("UPGRADE_RASTERIO", "RASTERIO_WHEELS")
def test_no_command_fetches_a_package_of_somebody_else():
    """Another project has the name `potato` on the index."""
    for command in (advice.UPGRADE_RASTERIO, advice.RASTERIO_WHEELS):
        program, verb, *rest = shlex.split(command)
        assert (program, verb) == ("pip", "install")
        assert {word for word in rest if not word.startswith("-")} == {"rasterio"}
    *_, place = shlex.split(reinstall_command())
    assert "/" in place or place == DISTRIBUTION


def texts() -> Iterator[tuple[Path, str]]:
    """Every text in the source that isn't a docstring; `{}` for what is filled in."""
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        inner = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        for node in ast.walk(tree):
            if id(node) in docs | inner:
                continue
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path, node.value
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
                yield path, "".join(map(str, parts))


def test_commands_of_other_programs_are_kept_in_one_module():
    homes = {SOURCE / "core" / name for name in ("advice.py", "installation.py")}
    found = {(path.name, text) for path, text in texts() if re.search(PROGRAMS, text) and path not in homes}
    assert not found


def test_each_of_them_is_tried():
    constants = {name for name in vars(advice) if name.isupper()}
    functions = {
        name
        for name, value in vars(advice).items()
        if getattr(value, "__module__", "") == advice.__name__ and not name.startswith("_")
    }
    assert tried == constants | functions
    for place in ELSEWHERE.values():
        path, _, name = place.partition("::")
        assert f"def {name}(" in (TESTS / path).read_text()


def test_options_and_commands_that_messages_name_exist():
    context = click.Context(group)
    commands = {name for section in COMMANDS.values() for name in section}
    options = {"--debug"}
    for name in commands:
        for parameter in group.get_command(context, name).params:
            options.update(parameter.opts)
    homes = {SOURCE / "core" / name for name in ("advice.py", "installation.py")}
    for path, text in texts():
        if re.fullmatch(r"potato [a-z]+ [0-9]+", text):  # the name of a format
            continue
        if path not in homes and path.parent.name != "cli":
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= options, (path.name, text)
            assert set(re.findall(NAMED, text)) <= commands, (path.name, text)
