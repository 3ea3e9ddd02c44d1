"""Laws of web tiles: they show what `fuse` writes, and neighbours match."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.warp import transform

import ards
import pairs
from pictures import decode
from potato import fuse
from potato.ard.grid import TILE_SIDE
from potato.raster.layer import Reading
from potato.raster.web_mosaic import HALF_WORLD, WEB_TILE, zoom_of, zoom_pixel
from potato.serving.catalogue import Entry
from potato.serving.keeping import Cache, OpenFiles
from potato.serving.looks import Rendering, encode, show
from potato.serving.mercator import (
    box_around,
    grid_around,
    inside,
    project,
    projected,
    web_box,
    web_grid,
    within_world,
)
from potato.serving.opening import open_catalogue
from potato.serving.painter import Painter, Subject

ZOOM, COLUMN, ROW = 18, 70000, 100000
"""The web tile at the corner of the pair, whose pan has the pixels of that zoom."""


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> pairs.Paths:
    """A pair of 2 × 2 web tiles, on their pixels; a corner is invalid."""
    folder = tmp_path_factory.mktemp("pair")
    west, _, _, north = web_box(ZOOM, COLUMN, ROW)
    place = Affine(zoom_pixel(ZOOM), 0, west, 0, -zoom_pixel(ZOOM), north)
    y, x = np.mgrid[:512, :512]
    phases = np.linspace(0, 3, 8)[:, None, None]
    fine = 1500 + 600 * np.sin(x / 9 + phases) * np.cos(y / 11) + 500 * np.sin((x + 2 * y) / 37 - phases)
    fine[:, :60, :40] = 0
    coarse = fine.reshape(8, 128, 4, 128, 4).mean((2, 4))
    return pairs.Paths(
        pairs.write(folder / "x-pan.tif", fine.mean(0).astype("uint16"), place, crs="EPSG:3857"),
        pairs.write(
            folder / "x-ms.tif",
            coarse.astype("uint16"),
            place @ Affine.scale(4),
            crs="EPSG:3857",
            names=pairs.BAND_NAMES,
        ),
    )


@pytest.fixture(scope="module")
def painter(pair):
    names = [str(pair.pan), str(pair.mul)]
    with open_catalogue(names, Reading()) as catalogue:
        painter = Painter(catalogue, {"default": None, "predictor": "predictor"})
        yield painter
        painter.close()


@pytest.mark.parametrize("look", ["natural", "clear", "vivid"])
def test_on_the_pixels_of_pan_a_web_tile_has_the_codes_of_fuse(pair, painter, look, tmp_path):
    fuse(pair.pan, pair.mul, tmp_path / "out.tif", look=look)
    whole = pairs.read(tmp_path / "out.tif").astype(int)
    for right, down in ((0, 0), (1, 1)):
        codes = painter.web_tile(ZOOM, COLUMN + right, ROW + down, Subject())
        found = show(codes, Rendering(look), "sharp").astype(int)
        part = whole[:, down * WEB_TILE : (down + 1) * WEB_TILE, right * WEB_TILE : (right + 1) * WEB_TILE]
        assert np.array_equal(found[3], part[3])
        assert np.abs(found - part).max() <= 1


@pytest.mark.parametrize("view", ["sharp", "plain", "pan", "composite"])
@pytest.mark.parametrize("zoom", [19, 18, 17, 16])
def test_web_tiles_are_parts_of_one_picture(painter, view, zoom):
    """What is drawn at once equals what is drawn web tile by web tile: there are no seams."""
    shift = 2.0 ** (zoom - ZOOM)
    column, row = int(COLUMN * shift), int(ROW * shift)
    subject = Subject(view)
    west, _, _, north = web_box(zoom, column, row)
    _, south, east, _ = web_box(zoom, column + 1, row + 1)
    entries = painter.catalogue.within((west, south, east, north))
    whole = painter.draw(entries, grid_around((west, south, east, north), 2 * WEB_TILE), subject)
    tiles = [[painter.web_tile(zoom, column + i, row + j, subject) for i in (0, 1)] for j in (0, 1)]
    parts = np.concatenate([np.concatenate(line, 2) for line in tiles], 1)
    assert whole.any() and np.array_equal(parts[3], whole[3])
    assert np.abs(parts.astype(int) - whole).max() <= 0.002 * 65535


def test_tiles_of_an_ard_have_no_seam(tmp_path):
    """They share 4 cells on each side of their grid squares, and meet where both have context."""
    side, square = 136, 128
    pan, mul = pairs.ground(side, square + side, seed=3)
    for column in range(2):
        cells = slice(column * square, column * square + side)
        part = pan[:, 4 * cells.start : 4 * cells.stop], mul[:, :, cells]
        ards.write_tile(tmp_path / "ard", column, side=side, ground=part)
    pixel, (west, north) = TILE_SIDE / side, ards.corner(0, 0)
    place = Affine(pixel, 0, west, 0, -pixel, north)
    whole = pairs.Paths(
        pairs.write(tmp_path / "x-pan.tif", pan, place @ Affine.scale(0.25)),
        pairs.write(tmp_path / "x-ms.tif", mul, place, names=pairs.BAND_NAMES),
    )
    (lon,), (lat,) = transform("EPSG:32611", "EPSG:4326", [ards.WEST + 4850], [ards.NORTH - 2500])
    x, y = project(lon, lat)
    box = x - 800, y - 800, x + 800, y + 800
    drawn = []
    for names in ([str(tmp_path / "ard")], [str(whole.pan), str(whole.mul)]):
        with open_catalogue(names, Reading(sensor="WV02")) as catalogue:
            painter = Painter(catalogue, {"predictor": "predictor"})
            drawn.append(
                painter.draw(catalogue.within(box), grid_around(box, 256), Subject(weights="predictor"))
            )
            painter.close()
    assert drawn[0][3].all() and drawn[1][3].all()
    assert np.abs(drawn[0].astype(int) - drawn[1]).max() <= 0.002 * 65535


def test_ground_without_a_picture_is_transparent(painter):
    codes = painter.web_tile(ZOOM, 5, 5, Subject())
    for kind in ("png", "webp"):
        assert not decode(encode(show(codes, Rendering(), "sharp"), kind)).any()
    inside = painter.web_tile(ZOOM, COLUMN, ROW, Subject())
    assert not inside[:, :50, :30].any() and inside[3, 64:, 64:].all()


def test_views_and_weights_change_the_picture(painter):
    subjects = *map(Subject, ("sharp", "plain", "pan", "composite")), Subject(weights="predictor")
    drawn = [painter.web_tile(ZOOM, COLUMN + 1, ROW, subject) for subject in subjects]
    assert len({one.tobytes() for one in drawn}) == len(drawn)
    pan = drawn[2]
    assert np.array_equal(pan[0], pan[1]) and np.array_equal(pan[0], pan[2])


class TestRendering:
    CODES = np.stack([np.tile(np.arange(0, 65536, 257, dtype="uint16"), (4, 1))] * 4)
    CODES[3] = 65535

    def test_exposure_and_contrast_depend_on_nothing_but_the_pixel(self):
        whole = show(self.CODES, Rendering("clear", 1.0, 2.0), "sharp", 0, 0)
        part = show(self.CODES[:, 1:3, 100:], Rendering("clear", 1.0, 2.0), "sharp", 1, 100)
        assert np.array_equal(whole[:, 1:3, 100:], part)

    @pytest.mark.parametrize("look", ["natural", "clear", "vivid", "flat"])
    def test_exposure_brightens(self, look):
        means = [show(self.CODES, Rendering(look, stops), "sharp").mean() for stops in (-4, -1, 0, 1, 4)]
        assert means == sorted(means) and means[0] < means[2] < means[4]

    def test_contrast_leaves_mid_grey(self):
        grey = np.full((4, 1, 1), 65535, "uint16")
        grey[:3] = round(0.4613561 * 65535)  # sRGB signal of 18 %
        for contrast in (0.25, 1, 4):
            assert show(grey, Rendering("flat", 0, contrast), "sharp")[0, 0, 0] == pytest.approx(118, abs=1)
        light, dark = self.CODES[:, :, 200:], self.CODES[:, :, :100]
        for codes, way in ((light, 1), (dark, -1)):
            change = show(codes, Rendering("flat", 0, 2), "sharp").astype(int) - show(
                codes, Rendering("flat"), "sharp"
            )
            assert (way * change[:3] >= 0).all() and change[:3].any()

    def test_finished_pictures_are_left_alone(self):
        codes = np.random.default_rng(0).integers(0, 256, (4, 8, 8)).astype("uint8")
        codes[3] = 255
        assert np.array_equal(show(codes, Rendering("clear"), "picture"), codes)


class TestMercator:
    def test_web_tiles_of_a_zoom_fill_the_world(self):
        assert web_box(0, 0, 0) == (-HALF_WORLD, -HALF_WORLD, HALF_WORLD, HALF_WORLD)
        assert web_box(1, 1, 0) == (0, 0, HALF_WORLD, HALF_WORLD)
        assert web_grid(3, 2, 1).transform @ (WEB_TILE, WEB_TILE) == pytest.approx(
            (web_box(3, 2, 1)[2], web_box(3, 2, 1)[1])
        )

    def test_boxes_on_both_sides_of_the_antimeridian_lie_beside_each_other(self):
        west, south, east, north = box_around(
            [(HALF_WORLD - 9, 0, HALF_WORLD + 1, 5), (-HALF_WORLD, 2, 6 - HALF_WORLD, 8)]
        )
        assert (west, south, north) == (HALF_WORLD - 9, 0, 8) and east == pytest.approx(HALF_WORLD + 6)
        left, right = within_world(grid_around((west, south, east, north), 15))
        assert (left.width, right.width) == (9, 6) and right.transform.c == pytest.approx(-HALF_WORLD)
        assert len(within_world(grid_around((0, 0, 8, 8), 8))) == 1

    @pytest.mark.parametrize("middle", [0.0, 180.0])
    def test_neighbours_share_no_pixel_and_leave_none_out(self, middle):
        """Two rings that share a side, on both sides of a meridian."""
        rings = [
            projected(
                [
                    (at(lon), lat)
                    for lon, lat in ((west, 0), (west + 1, 0), (west + 1, 1), (west, 1), (west, 0))
                ]
            )
            for at in [lambda lon: (lon + middle + 180) % 360 - 180]
            for west in (-1, 0)
        ]
        x, y = project(middle, 0.5)
        masks = [inside(ring, grid_around((x - 3e4, y - 3e4, x + 3e4, y + 3e4), 64)) for ring in rings]
        assert (masks[0] ^ masks[1]).all() and masks[0][:, :32].all()

    def test_the_zoom_of_a_pixel_is_as_fine(self):
        for metres, latitude in ((0.5, 0), (0.3, 50), (15, -34)):
            zoom = zoom_of(metres, latitude)
            ground = zoom_pixel(zoom) * np.cos(np.radians(latitude))
            assert metres / 2.2 < ground < 1.1 * metres


def test_an_address_of_a_picture_has_no_path(painter):
    assert [Path(entry.id).name == entry.id for _, entry in painter.catalogue.entries] == [True]


def test_web_tiles_that_are_kept_are_those_used_last_in_so_many_bytes():
    cache, arrays = Cache(3 * 8), [np.full(8, number, np.uint8) for number in range(5)]
    for key in range(3):
        cache.put(key, arrays[key])
    assert cache.get(0) is arrays[0]
    cache.put(3, arrays[3])
    assert [key for key in range(4) if cache.get(key) is not None] == [0, 2, 3]
    cache.put(4, np.zeros(25, np.uint8))
    assert not any(cache.get(key) is not None for key in range(5)), "one that is too large isn't kept"


def test_files_stay_open_for_the_next_and_no_more_than_so_many():
    log = []

    def entry(name: str) -> Entry:
        @contextlib.contextmanager
        def opening():
            log.append(f"open {name}")
            yield name
            log.append(f"close {name}")

        return Entry(name, opening)

    files, first, second = OpenFiles(1), entry("a"), entry("b")
    for one in (first, first, second, second):
        with files.borrow(one) as opened:
            assert opened == one.id
    assert log == ["open a", "open b", "close a"]
    files.close()
    assert log[3:] == ["close b"]
