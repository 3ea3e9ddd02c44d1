import contextlib
import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform

from potato.core.profiles import find_profile
from potato.errors import InputError
from potato.raster.coordinates import grid_at
from potato.raster.overviews import halve
from potato.raster.web_archive import write_web_archive
from potato.raster.web_mosaic import lay_out_web, write_web_mosaic, zoom_for, zoom_pixel
from potato.raster.writer import write_image

NORTH = 3_800_000.0
RED, GREEN = (200, 10, 20), (20, 180, 40)


def write(path: Path, colour, *, west=500_000.0, epsg=32611, side=200, pixel=10.0, hole=0) -> str:
    """A picture of one colour, invalid in its upper left corner."""
    codes = np.empty((4, side, side), np.uint8)
    codes[:3] = np.reshape(colour, (3, 1, 1))
    codes[3] = 255
    codes[:, :hole, :hole] = 0
    grid = grid_at(side, side, pixel, west, NORTH, epsg)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=side,
        width=side,
        count=4,
        dtype="uint8",
        crs=grid.crs,
        transform=grid.transform,
        photometric="RGB",
        alpha="YES",
    ) as file:
        file.write(codes)
    return str(path)


def mosaic(path: Path, pictures, **settings):
    layout = lay_out_web(pictures)
    share = write_web_mosaic(path, layout, profile=find_profile("tiled"), overwrite=True, **settings)
    with rasterio.open(path) as file:
        return layout, file.read(), share


def seen(layout, codes, epsg: int, x: float, y: float) -> tuple[int, ...]:
    """The codes at a place."""
    (across,), (down,) = transform(f"EPSG:{epsg}", layout.grid.crs, [x], [y])
    column, row = ~layout.grid.transform @ (across, down)
    return tuple(int(code) for code in codes[:, math.floor(row), math.floor(column)])


@pytest.mark.parametrize("pixel", [0.3, 0.5, 15.0])
def test_a_mosaic_is_about_as_fine_as_its_finest_picture_and_not_twice_as_fine(pixel):
    grid = grid_at(100, 100, pixel, north=NORTH)
    ground = zoom_pixel(zoom_for(grid)) * math.cos(math.radians(34.3))
    assert pixel / 2 < ground <= 1.11 * pixel


def test_the_first_picture_is_on_top_and_holes_show_those_below(tmp_path):
    top = write(tmp_path / "a.tif", RED, hole=50)
    below = write(tmp_path / "b.tif", GREEN, west=499_000)
    layout, codes, share = mosaic(tmp_path / "m.tif", [(top, None), (below, None)])
    assert seen(layout, codes, 32611, 500_900, NORTH - 900) == (*RED, 255)
    assert seen(layout, codes, 32611, 500_200, NORTH - 200) == (*GREEN, 255)
    assert seen(layout, codes, 32611, 499_500, NORTH - 900) == (*GREEN, 255)
    assert seen(layout, codes, 32611, 501_500, NORTH - 200) == (*RED, 255)
    assert seen(layout, codes, 32611, 499_500, NORTH + 500) == (0, 0, 0, 0)
    assert share == pytest.approx((codes[3] > 0).mean())
    assert set(np.unique(codes[3])) == {0, 255} and not codes[:3, codes[3] == 0].any()
    _, turned, _ = mosaic(tmp_path / "m.tif", [(below, None), (top, None)])
    assert seen(layout, turned, 32611, 500_900, NORTH - 900) == (*GREEN, 255)


def test_pictures_of_two_zones_meet_in_one(tmp_path):
    # 114° W is the border of zones 11 and 12: these lie on both sides of it.
    (west,), _ = transform("EPSG:4326", "EPSG:32611", [-114.005], [34.3])
    (east,), _ = transform("EPSG:4326", "EPSG:32612", [-113.995], [34.3])
    one = write(tmp_path / "a.tif", RED, west=west - 2000)
    other = write(tmp_path / "b.tif", GREEN, west=east, epsg=32612)
    layout, codes, _ = mosaic(tmp_path / "m.tif", [(one, None), (other, None)])
    assert seen(layout, codes, 32611, west - 1000, NORTH - 1000) == (*RED, 255)
    assert seen(layout, codes, 32612, east + 1000, NORTH - 1000) == (*GREEN, 255)


def test_ground_keeps_its_place(tmp_path):
    """Codes that are linear in easting and northing are found where they belong."""
    side = 200
    x, y = np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5)
    rgb = np.stack([50 + 0.5 * x, 50 + 0.5 * y, np.full_like(x, 9)]).round().astype(np.uint8)
    write_image(
        tmp_path / "a.tif", rgb, np.ones((side, side), bool), grid_at(side, side, 10.0, north=NORTH), "RGB"
    )
    layout, codes, _ = mosaic(tmp_path / "m.tif", [(str(tmp_path / "a.tif"), None)])
    for column, row in ((20, 30), (150, 90), (77, 180)):
        found = seen(layout, codes, 32611, 350_000 + 10 * column, NORTH - 10 * row)
        assert np.abs(np.subtract(found, (50 + 0.5 * column, 50 + 0.5 * row, 9, 255))).max() <= 1


def test_a_picture_is_cut_to_its_box(tmp_path):
    path = write(tmp_path / "a.tif", RED)
    box = (500_500.0, NORTH - 1500, 501_500.0, NORTH - 500)
    layout, codes, _ = mosaic(tmp_path / "m.tif", [(path, box)])
    assert seen(layout, codes, 32611, 500_520, NORTH - 520)[3] == 255
    assert seen(layout, codes, 32611, 500_480, NORTH - 520)[3] == 0
    assert (codes[3] > 0).sum() * (10 / 100) ** 2 == pytest.approx(
        (10 * 100 / zoom_pixel(layout.zoom) / math.cos(math.radians(34.3))) ** 2 / 100, rel=0.05
    )


def test_a_mosaic_has_the_same_bytes_for_any_number_of_threads(tmp_path):
    pictures = [
        (write(tmp_path / f"{n}.tif", RED, west=500_000 + 9000 * n, side=400), None) for n in range(2)
    ]
    found = []
    for threads in (1, 3):
        mosaic(tmp_path / "m.tif", pictures, threads=threads)
        found.append((tmp_path / "m.tif").read_bytes())
    assert found[0] == found[1]


def test_what_cannot_be_joined_is_named(tmp_path):
    good = write(tmp_path / "a.tif", RED)
    write_image(
        tmp_path / "b.tif", np.ones((3, 9, 9), np.uint16), None, grid_at(9, 9, 10.0, north=NORTH), "RGB"
    )
    layout = lay_out_web([(good, None), (str(tmp_path / "b.tif"), None)])
    assert layout.misfits == (f"{tmp_path / 'b.tif'}: pixels of uint16, not uint8 as the others",)
    with pytest.raises(InputError, match="found none"):
        lay_out_web([])
    far = (
        write(tmp_path / "c.tif", RED, epsg=32660, west=700_000),
        write(tmp_path / "d.tif", RED, epsg=32601, west=300_000),
    )
    with pytest.raises(InputError, match="one side of the antimeridian"):
        lay_out_web([(path, None) for path in far])


@pytest.fixture
def archived(tmp_path):
    pictures = [(write(tmp_path / "a.tif", RED, hole=120), None)]
    layout, codes, _ = mosaic(tmp_path / "m.tif", pictures)
    boxes = [piece.box for piece in layout.pieces]
    write_web_archive(tmp_path / "m.tif", tmp_path / "m.mbtiles", "mbtiles", layout.zoom, boxes)
    return layout, codes, boxes


def test_mbtiles_show_the_picture_in_its_place(archived, tmp_path):
    layout, codes, _ = archived
    with rasterio.open(tmp_path / "m.mbtiles") as file:
        assert file.driver == "MBTiles" and file.shape == codes.shape[1:]
        assert np.allclose(file.transform, layout.grid.transform, atol=1e-4)
        found = file.read()
        assert np.array_equal(found[3], codes[3])
        assert np.abs(found[:3, codes[3] > 0].astype(int) - codes[:3, codes[3] > 0]).max() <= 4
        assert file.overviews(1)[0] == 2
        coarse = file.read(out_shape=(4, file.height // 2, file.width // 2))
    assert np.array_equal(coarse[3] > 0, halve(codes)[3] > 0)


def test_every_web_tile_has_one_above_it_until_nothing_is_seen(archived, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "m.mbtiles")) as file:
        places = set(file.execute("SELECT zoom_level, tile_column, tile_row FROM tiles"))
        told = dict(file.execute("SELECT name, value FROM metadata"))
    levels = {zoom for zoom, _, _ in places}
    assert levels == set(range(int(told["minzoom"]), int(told["maxzoom"]) + 1))
    assert all((zoom - 1, x // 2, y // 2) in places for zoom, x, y in places if zoom > min(levels))
    assert told["format"] == "webp" and told["type"] == "overlay"


def test_pmtiles_hold_the_web_tiles_of_mbtiles(archived, tmp_path):
    reader = pytest.importorskip("pmtiles.reader", reason="needs the extra pmtiles")
    layout, _, boxes = archived
    for _ in range(2):
        write_web_archive(
            tmp_path / "m.tif", tmp_path / "m.pmtiles", "pmtiles", layout.zoom, boxes, overwrite=True
        )
    with contextlib.closing(sqlite3.connect(tmp_path / "m.mbtiles")) as file:
        tiles = {
            (z, x, 2**z - 1 - y): data
            for z, x, y, data in file.execute(
                "SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles"
            )
        }
    with (tmp_path / "m.pmtiles").open("rb") as file:
        source = reader.MmapSource(file)
        assert dict(reader.all_tiles(source)) == tiles
        header = reader.Reader(source).header()
    assert header["clustered"] and header["max_zoom"] == layout.zoom
    assert not list(tmp_path.glob(".*"))
