"""The part of a pair that a picture shows."""

import json
import math

import numpy as np
import pytest
import rasterio
from affine import Affine

import pairs
from potato import fuse
from potato.core.windows import PairWindow
from potato.errors import InputError
from potato.fusion.part import choose_part
from potato.raster.coordinates import grid_to_lonlat
from potato.raster.pair import open_pair

MAKING = ("-w", "predictor", "--look", "flat", "--profile", "tiled")


def box(grid, row, column, height, width):
    """West, south, east, north of a window's corners: about the degrees that hold it."""
    corners = [grid_to_lonlat(grid, x, y) for x in (column, column + width) for y in (row, row + height)]
    return tuple(ends(axis) for ends in (min, max) for axis in zip(*corners, strict=True))


def write_aoi(folder, ring):
    shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    (folder / "a.geojson").write_text(json.dumps(shape))
    return folder / "a.geojson"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A pair whose mul begins 2 cells farther in and ends 3 before pan, and its picture."""
    folder = tmp_path_factory.mktemp("whole")
    pan, mul = pairs.ground(40, 44)
    paths = pairs.Paths(
        pairs.write(folder / "p.tif", pan),
        pairs.write(
            folder / "m.tif",
            mul[:, 2:37, 1:],
            pairs.CORNER @ Affine.scale(4) @ Affine.translation(1, 2),
            names=pairs.BAND_NAMES,
        ),
    )
    fuse(paths.pan, paths.mul, folder / "o.tif", weights="predictor", look="flat", profile="tiled")
    return paths, pairs.read(folder / "o.tif").astype(int)


def test_parts_are_cut_from_the_picture_of_the_whole(whole, tmp_path, run):
    paths, codes = whole
    with open_pair(paths.pan, paths.mul) as pair:
        grid = pair.grid
    bbox = box(grid, 40, 60, 48, 80)
    middle = [grid_to_lonlat(grid, *at) for at in ((60, 40), (140, 60), (90, 88))]
    asked = {
        "window": (["--window", 40, 60, 48, 80], (40, 60, 48, 80)),
        "edge": (["--window", 140, 160, 20, 16], (140, 160, 20, 16)),
        "intersection": (["--extent", "intersection"], (8, 4, 140, 172)),
        "both": (["--extent", "intersection", "--window", 0, 0, 40, 40], (8, 4, 32, 36)),
        "bbox": (["--bbox", *bbox], None),
        "aoi": (["--aoi", write_aoi(tmp_path, middle)], None),
    }
    for name, (options, place) in asked.items():
        path = tmp_path / f"{name}.tif"
        made = run("fuse", paths.pan, paths.mul, path, *MAKING, *options)
        assert made.exit_code == 0, made.output
        with rasterio.open(path) as file:
            found = file.read().astype(int)
            column, row = (round(value) for value in ~grid.transform @ (file.transform.c, file.transform.f))
        if place is not None:
            assert (row, column, *found.shape[1:]) == place, name
        part = codes[:, row : row + found.shape[1], column : column + found.shape[2]]
        shown = found[3] > 0
        assert abs(found - part)[:, shown].max() <= 1 and not found[:, ~shown].any(), name
        if place is not None:
            assert np.array_equal(shown, part[3] > 0), name
        assert shown.all() == (name in ("window", "intersection", "both")), name
        # Degrees are slanted on the map: the ground asked for is in, and little more.
        area = {"bbox": 48 * 80, "aoi": (80 * 48 - 30 * 20) / 2}.get(name)
        assert area is None or area * 0.9 < shown.sum() < area * 1.1 + 200, name


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"window": (0, 0, 0, 8)}, "inside the 160 rows and 176 columns of pan, found 0 0 0 8"),
        ({"window": (152, 0, 16, 8)}, "inside the 160 rows"),
        ({"window": (2, 5, 4, 4)}, "whole mul pixels, 4 × 4 of pan, found 2 5 4 4; 0 4 8 8 holds it"),
        (
            {"window": (0, 0, 8, 8), "extent": "intersection"},
            "expected a window inside the pair, found nothing",
        ),
        ({"bbox": (0, 0, 1, 1)}, r"expected a bbox inside the pair.*lies between -118\.6.* 34\.3"),
        ({"bbox": (math.nan, 0, 1, 1)}, "expected west, south, east and north in degrees"),
        ({"bbox": (350_000, 3_799_000, 350_100, 3_800_000)}, "in degrees"),
        ({"bbox": (0, 0, 1, 1), "window": (0, 0, 8, 8)}, "found two; give one"),
        ({"bbox": (0, 0, 1, 1), "aoi": "a.geojson"}, "found both; give one"),
        ({"extent": "mul"}, "an extent of pan or intersection, found mul"),
    ],
)
def test_a_part_without_ground_is_refused(whole, asked, says):
    paths, _ = whole
    with open_pair(paths.pan, paths.mul) as pair:
        if "intersection" in asked.values():
            pair.row, pair.column = -20, -20
        with pytest.raises(InputError, match=says):
            choose_part(pair, **asked)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_pair_without_a_crs_has_windows_but_no_degrees(tmp_path):
    pan, mul = pairs.ground(12, 16)
    pairs.write(tmp_path / "p.tif", pan, Affine.identity(), crs=None)
    pairs.write(tmp_path / "m.tif", mul, Affine.identity(), crs=None)
    with open_pair(tmp_path / "p.tif", tmp_path / "m.tif") as pair:
        with pytest.raises(InputError, match=r"with a CRS, .*, found none; choose the part by --window"):
            choose_part(pair, bbox=(0, 0, 1, 1))
        assert choose_part(pair, window=(8, 4, 8, 12)).window == PairWindow(2, 1, 2, 3)
