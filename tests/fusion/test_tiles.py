"""Sharpening on demand: reduced pairs, windows, web tiles, and the server of docs/examples."""

import importlib.util
import json
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine
from rasterio.crs import CRS
from rasterio.transform import from_bounds
from rasterio.warp import transform

import ards
import pairs
import potato
import servers
from potato import fuse, open_pair, sharpen_onto, sharpen_window
from potato.core.color import mul_to_oklab
from potato.core.render import FLAT, dither, render
from potato.core.sensor_table import WORKSHOP
from potato.core.windows import PairWindow
from potato.model.model import Architecture
from potato.model.network import Sharpener
from potato.raster.coordinates import Grid, grid_at
from potato.raster.gdal_env import placeless
from potato.raster.writer import write_image

rio_tiler = pytest.importorskip("rio_tiler", reason="needs potato-pansharp[tiles]")
uvicorn = pytest.importorskip("uvicorn", reason="needs potato-pansharp[tiles]")

pytestmark = [
    # rasterio's and rio-tiler's own arithmetic with transforms.
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
    # titiler's viewer writes the CRS of web tiles for its library.
    pytest.mark.filterwarnings("ignore:You will likely lose important projection:UserWarning"),
]

MERCATOR = CRS.from_epsg(3857)
PREDICTOR = Sharpener(Architecture(depth=0)).eval()


def waves(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Pan and mul of smooth waves: resampling hardly changes them, and no place is like another."""
    y, x = np.mgrid[: 4 * rows, : 4 * columns]
    phases = np.linspace(0, 3, 8)[:, None, None]
    fine = 1500 + 600 * np.sin(x / 9 + phases) * np.cos(y / 11) + 500 * np.sin((x + 2 * y) / 37 - phases)
    coarse = fine.reshape(8, rows, 4, columns, 4).mean((2, 4))
    return fine.mean(0).astype("uint16"), coarse.astype("uint16")


@pytest.fixture(scope="module")
def ragged(tmp_path_factory) -> pairs.Paths:
    """A pair of COGs with overviews and masks: 768 × 1024, a corner of it invalid."""
    folder = tmp_path_factory.mktemp("ragged")
    pan, mul = waves(192, 256)
    valid = np.add.outer(np.arange(192), np.arange(256)) > 90
    fine = valid.repeat(4, 0).repeat(4, 1)
    paths = pairs.Paths(folder / "x-pan.tif", folder / "x-ms.tif")
    write_image(paths.pan, pan[None] * fine, fine, grid_at(768, 1024, 0.5), ("BAND_P",))
    write_image(paths.mul, mul * valid, valid, grid_at(192, 256, 2.0), WORKSHOP.codes)
    return paths


@pytest.fixture(scope="module")
def finished(ragged) -> Path:
    """The picture of that pair."""
    path = ragged.pan.with_name("fused.tif")
    fuse(ragged.pan, ragged.mul, path, weights=PREDICTOR)
    return path


@pytest.fixture(scope="module")
def example():
    """docs/examples/tiles.py."""
    path = Path(potato.__file__).parents[2] / "docs" / "examples" / "tiles.py"
    spec = importlib.util.spec_from_file_location("tiles_example", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    threads = torch.get_num_threads()
    spec.loader.exec_module(module)
    yield module
    torch.set_num_threads(threads)
    del sys.modules[spec.name]


def tile_at(reader, zoom: int, across: float = 0.6, down: float = 0.6):
    """The web tile of a place in a picture, by its shares of width and height."""
    x, y = reader.transform @ (reader.width * across, reader.height * down)
    (longitude,), (latitude,) = transform(reader.crs, "EPSG:4326", [x], [y])
    return reader.tms.tile(longitude, latitude, zoom)


class TestReducedPairs:
    @pytest.mark.parametrize("factor", [2, 3, 4, 8])
    def test_pixels_are_means_of_the_files(self, tmp_path, factor):
        pan, mul = pairs.ground(48, 72)
        paths = pairs.write_pair(tmp_path, 48, 72)
        with open_pair(paths.pan, paths.mul) as pair:
            small = pair.reduced(factor)
            pixels = small.read(PairWindow(0, 0, small.height, small.width))
        for found, image in ((pixels.pan, pan[None]), (pixels.mul, mul)):
            n, height, width = image.shape
            mean = image.reshape(n, height // factor, factor, width // factor, factor).mean((2, 4))
            assert found.reshape(mean.shape) == pytest.approx(mean, abs=0.51)
        assert pixels.pan_valid.all() and pixels.mul_valid.all()
        assert (small.height, small.width, small.factor) == (48 // factor, 72 // factor, factor)
        assert small.grid.transform == pairs.CORNER @ Affine.scale(factor)

    def test_pixels_come_from_overviews(self, ragged):
        with open_pair(ragged.pan, ragged.mul) as pair:
            small = pair.reduced(2)
            pixels = small.read(PairWindow(0, 0, small.height, small.width))
        with rasterio.open(ragged.pan, OVERVIEW_LEVEL=0) as overview:
            assert np.array_equal(pixels.pan, overview.read(1))
            assert np.array_equal(pixels.pan_valid, overview.read_masks(1) > 0)

    def test_masked_pixels_darken_nothing(self, ragged):
        with open_pair(ragged.pan, ragged.mul) as pair:
            pixels = pair.reduced(4).read(PairWindow(0, 0, 48, 64))
        assert 0 < pixels.pan_valid.mean() < 1
        assert pixels.pan[pixels.pan_valid].min() > 400 and pixels.mul[:, pixels.mul_valid].min() > 400

    @pytest.mark.parametrize("row, column", [(0, 0), (3, 5), (-3, 1)])
    def test_pan_and_mul_stay_aligned(self, tmp_path, row, column):
        """Where mul begins `row` cells above pan, and the files end in the middle of a pixel."""
        _, mul = waves(50, 60)
        fine = mul.mean(0).astype("uint16").repeat(4, 0).repeat(4, 1)
        top, left = max(row, 0), max(column, 0)
        paths = [
            pairs.write(
                tmp_path / "pan.tif",
                fine[4 * top :, 4 * left : -3],
                pairs.CORNER @ Affine.translation(4 * left, 4 * top),
            ),
            pairs.write(
                tmp_path / "mul.tif",
                mul[:, max(-row, 0) :],
                pairs.CORNER @ Affine.scale(4) @ Affine.translation(0, max(-row, 0)),
            ),
        ]
        with open_pair(*paths) as pair:
            assert (pair.row, pair.column) == (row, left)
            small = pair.reduced(2)
            pixels = small.read(PairWindow(0, 0, small.height, small.width))
            again = pair.reduced(4)
            assert again.grid == small.reduced(2).grid
        both = pixels.pan_valid & pixels.mul_valid.repeat(4, 0).repeat(4, 1)
        mean = pixels.mul.astype(float).mean(0).repeat(4, 0).repeat(4, 1)
        blocks = pixels.pan.reshape(small.height, 4, small.width, 4).mean((1, 3)).repeat(4, 0).repeat(4, 1)
        whole = both.reshape(small.height, 4, small.width, 4).all((1, 3)).repeat(4, 0).repeat(4, 1)
        assert whole.mean() > 0.8 and blocks[whole] == pytest.approx(mean[whole], abs=2)
        x, y = ~pairs.CORNER @ (small.grid.transform @ (0, 0))
        assert y == 4 * (top - row % 2) and x == 4 * (left - column % 2)

    def test_mul_has_the_scale_of_a_pair_reduced_by_4(self, tmp_path):
        paths = pairs.write_pair(tmp_path, 40, 40, valid=np.arange(160)[:, None] >= [16] * 160)
        _, mul = pairs.ground(40, 40)
        with open_pair(paths.pan, paths.mul) as pair:
            bands, valid = pair.reduced(4).read_colour(PairWindow(0, 1, 10, 9))
            assert np.array_equal(bands, mul[:, :, 4:])
            assert not valid[:4].any() and valid[4:].all()
            with pytest.raises(ValueError, match="multiple of 4"):
                pair.reduced(2).read_colour(PairWindow(0, 0, 1, 1))
            with pytest.raises(ValueError, match="factor of 1 or more"):
                pair.reduced(0)


class TestWindows:
    @pytest.mark.parametrize("look", ["natural", "flat"])
    def test_a_window_equals_what_fuse_writes_there(self, ragged, network, tmp_path, look):
        fuse(ragged.pan, ragged.mul, tmp_path / "out.tif", weights=network, look=look, block=256)
        whole = pairs.read(tmp_path / "out.tif")
        window = PairWindow(10, 20, 60, 50)
        with open_pair(ragged.pan, ragged.mul) as pair:
            rgb, mask = sharpen_window(pair, window, network, look)
        expected = whole[:, 40:280, 80:280]
        assert rgb.dtype == expected.dtype and rgb.shape == (3, 240, 200)
        assert np.array_equal(mask, expected[3] > 0) and 0 < mask.mean() < 1
        assert np.abs(rgb.astype(int) - expected[:3]).max() <= 1
        assert not rgb[:, ~mask].any()

    def test_pixels_outside_the_pair_are_invalid(self, ragged, network):
        with open_pair(ragged.pan, ragged.mul) as pair:
            rgb, mask = sharpen_window(pair, PairWindow(185, 250, 10, 10), network)
            assert mask[:28, :24].all() and mask.sum() == 28 * 24
            for factor, look, kind in ((1, "natural", "uint8"), (2, FLAT, "uint16"), (8, "flat", "uint16")):
                rgb, mask = sharpen_window(pair.reduced(factor), PairWindow(900, 0, 2, 3), network, look)
                assert not mask.any() and not rgb.any() and rgb.dtype == kind and rgb.shape == (3, 8, 12)

    def test_at_half_scale_the_halved_pair_is_sharpened(self, tmp_path, network):
        pan, mul = waves(48, 64)
        paths = (
            pairs.write(tmp_path / "p.tif", pan),
            pairs.write(tmp_path / "m.tif", mul, pairs.CORNER @ Affine.scale(4)),
        )
        half = [
            image.reshape(-1, image.shape[-2] // 2, 2, image.shape[-1] // 2, 2).mean((2, 4)) + 0.5
            for image in (pan, mul)
        ]
        halves = (
            pairs.write(tmp_path / "hp.tif", half[0].astype("uint16"), pairs.CORNER @ Affine.scale(2)),
            pairs.write(tmp_path / "hm.tif", half[1].astype("uint16"), pairs.CORNER @ Affine.scale(8)),
        )
        window = PairWindow(3, 4, 15, 20)
        with open_pair(*paths) as pair, open_pair(*halves) as other:
            found, _ = sharpen_window(pair.reduced(2), window, network, "flat")
            expected, _ = sharpen_window(other, window, network, "flat")
        assert np.array_equal(found, expected)

    @pytest.mark.parametrize("look, threshold", [("flat", None), ("natural", (16, 24))])
    def test_pairs_reduced_by_4_or_more_show_the_colour_of_mul(self, tmp_path, look, threshold):
        paths = pairs.write_pair(tmp_path, 40, 40)
        _, mul = pairs.ground(40, 40)
        with open_pair(paths.pan, paths.mul) as pair:
            found, mask = sharpen_window(pair.reduced(4), PairWindow(4, 6, 3, 2), PREDICTOR, look)
        oklab = mul_to_oklab(mul[:, 16:28, 24:32].astype("float32") / 10_000, WORKSHOP)
        expected = render(
            oklab, potato.core.render.LOOKS[look], 0.5 if threshold is None else dither(12, 8, *threshold)
        )
        assert mask.all() and np.abs(found - expected).max() <= (look == "flat")


class TestAnyGrid:
    def test_on_the_grid_of_pan_it_equals_the_window(self, ragged, network):
        window = PairWindow(40, 30, 25, 35)
        with open_pair(ragged.pan, ragged.mul) as pair:
            corner = pair.grid.transform @ Affine.translation(120, 160)
            found = sharpen_onto(pair, Grid(100, 140, pair.grid.crs, corner), network)
            expected = sharpen_window(pair, window, network)
        assert np.array_equal(found[1], expected[1])
        assert np.abs(found[0].astype(int) - expected[0]).max() <= 1

    def test_a_grid_outside_the_pair_is_empty(self, ragged):
        grids = [
            Grid(8, 9, MERCATOR, from_bounds(0, 0, 100, 100, 9, 8)),
            Grid(8, 9, CRS.from_epsg(32755), from_bounds(5e5, 5e6, 6e5, 6e6, 9, 8)),
            Grid(8, 9, CRS.from_epsg(3031), from_bounds(-1e5, -1e5, 1e5, 1e5, 9, 8)),
        ]
        with open_pair(ragged.pan, ragged.mul) as pair:
            for grid in grids:
                rgb, mask = sharpen_onto(pair, grid, PREDICTOR, "flat")
                assert rgb.shape == (3, 8, 9) and rgb.dtype == "uint16" and not rgb.any() and not mask.any()

    def test_a_grid_across_the_antimeridian_shows_both_sides(self, tmp_path):
        """The pair lies on 180° E, in the east of zone 60, and the grids on both sides of it."""
        (x,), (y,) = transform("EPSG:4326", "EPSG:32760", [180.0], [-16.5])
        place = Affine(0.5, 0, x - 40, 0, -0.5, y + 40)
        pan, mul = waves(40, 40)
        paths = (
            pairs.write(tmp_path / "p.tif", pan, place, crs="EPSG:32760"),
            pairs.write(tmp_path / "m.tif", mul, place @ Affine.scale(4), crs="EPSG:32760"),
        )
        half = 20037508.342789244
        (_,), (north,) = transform("EPSG:4326", "EPSG:3857", [179.0], [-16.5])
        with open_pair(*paths) as pair:
            west = Grid(64, 64, MERCATOR, from_bounds(half - 32, north - 16, half, north + 16, 64, 64))
            east = Grid(64, 64, MERCATOR, from_bounds(-half, north - 16, 32 - half, north + 16, 64, 64))
            degrees = CRS.from_epsg(4326)
            both = Grid(64, 64, degrees, from_bounds(179.9998, -16.5002, 180.0002, -16.4998, 64, 64))
            beyond = Grid(64, 64, degrees, from_bounds(-180, -16.5002, -179.9998, -16.4998, 64, 64))
            masks = [sharpen_onto(pair, grid, PREDICTOR)[1] for grid in (west, east, both, beyond)]
        assert all(mask.mean() > 0.9 for mask in masks)


class TestWebTiles:
    @pytest.mark.parametrize(
        "zoom, typical, most",
        # At full scale, the web tile and the picture of `fuse` differ by rounding and dither. At
        # half scale, and where mul stands for the result, resampling changes colours. The ground's
        # shortest waves are 4 pixels of zoom 14.
        [(21, 1, 3), (19, 1, 3), (18, 1, 4), (17, 1, 8), (16, 1, 8), (15, 2, 20), (14, 3, 20)],
    )
    def test_a_tile_equals_that_of_the_finished_picture(self, ragged, finished, example, zoom, typical, most):
        with (
            example.PairReader((str(ragged.pan), str(ragged.mul)), model=PREDICTOR) as ours,
            rio_tiler.io.Reader(str(finished)) as theirs,
        ):
            tile = tile_at(ours, zoom, 0.25, 0.3)
            found = ours.tile(*tile)
            expected = theirs.tile(
                *tile, indexes=(1, 2, 3), resampling_method="average", reproject_method="bilinear"
            )
            assert (ours.minzoom, ours.maxzoom) == (theirs.minzoom, theirs.maxzoom)
            assert ours.bounds == pytest.approx(theirs.bounds)
        assert found.bounds == expected.bounds and found.crs == expected.crs
        assert found.array.shape == expected.array.shape and found.array.dtype == expected.array.dtype
        ours, theirs = found.mask > 0, expected.mask > 0
        assert ours.any()
        edge = theirs.copy()
        for shift in (-2, -1, 1, 2):
            edge |= np.roll(theirs, shift, 0) | np.roll(theirs, shift, 1)
        inside = theirs.copy()
        for shift in (-2, -1, 1, 2):
            inside &= np.roll(theirs, shift, 0) & np.roll(theirs, shift, 1)
        assert not (ours & ~edge).any() and not (inside & ~ours).any()
        both = ours & inside if zoom > 14 else ours & theirs
        difference = np.abs(found.data.astype(int) - expected.data)[:, both]
        assert np.median(difference) <= typical and np.percentile(difference, 99) <= most, (
            np.median(difference),
            np.percentile(difference, 99),
        )

    def test_flat_web_tiles_have_16_bits(self, ragged, example):
        with example.PairReader((str(ragged.pan), str(ragged.mul)), look="flat") as reader:
            image = reader.tile(*tile_at(reader, 17))
            assert reader.info().dtype == "uint16"
        assert image.array.dtype == "uint16" and image.data.max() > 255

    def test_a_coarse_web_tile_reads_little(self, ragged, example):
        size = sum(path.stat().st_size for path in (ragged.pan, ragged.mul))
        sent = {}
        for zoom in (14, 16, 18):
            with servers.serve_folder(ragged.pan.parent) as server:
                names = (f"{server.url}{ragged.pan.name}", f"{server.url}{ragged.mul.name}")
                with example.PairReader(names, model=PREDICTOR) as reader:
                    reader.tile(*tile_at(reader, zoom))
                sent[zoom] = server.sent
        assert sent[14] < sent[16] and sent[14] < 0.25 * size, (sent, size)

    def test_parts_points_features_and_previews_equal_those_of_the_finished_picture(
        self, ragged, finished, example
    ):
        with (
            example.PairReader((str(ragged.pan), str(ragged.mul)), model=PREDICTOR) as ours,
            rio_tiler.io.Reader(str(finished)) as theirs,
        ):
            x, y = ours.transform @ (700.5, 500.5)
            (longitude,), (latitude,) = transform(ours.crs, "EPSG:4326", [x], [y])
            point, expected = (one.point(longitude, latitude) for one in (ours, theirs))
            assert point.array.tolist() == pytest.approx(expected.array.tolist()[:3], abs=3)
            with pytest.raises(rio_tiler.errors.PointOutsideBounds):
                ours.point(longitude + 1, latitude)
            box = (longitude - 1e-4, latitude - 1e-4, longitude + 1e-4, latitude + 1e-4)
            part = ours.part(box, max_size=64)
            assert (part.width, part.height) == (64, 64) and part.mask.all()
            triangle = {"type": "Polygon", "coordinates": [[box[:2], (box[2], box[1]), box[2:], box[:2]]]}
            feature = ours.feature(triangle, max_size=64)
            assert feature.mask[-1].all() and feature.mask[0, -1] and not feature.mask[0, :-1].any()
            assert ours.preview(max_size=128).array.shape == (3, 96, 128)
            assert set(ours.statistics(max_size=64)) == {"b1", "b2", "b3"}


@pytest.fixture(scope="module")
def site(tmp_path_factory, example):
    """The server of the example, over an ARD of one tile; gives its address and the tile."""
    root = tmp_path_factory.mktemp("ard")
    item = ards.write_tile(root)
    (item.parent / f"{ards.OTHER}-pan.tif").write_bytes(b"no image")
    server = uvicorn.Server(uvicorn.Config(example.app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POTATO_ARD", str(root))
        thread.start()
        while not server.started:
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", item.relative_to(root).with_suffix("").as_posix(), item
        server.should_exit = True
        thread.join()


def get(address: str) -> tuple[int, bytes]:
    """Status and body of an answer, without a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class TestServer:
    def test_the_server_and_its_tilejson_give_the_web_tile_of_the_reader(self, site, example):
        address, name, item = site
        status, body = get(f"{address}/WebMercatorQuad/tilejson.json?item={name}&tilesize=256")
        facts = json.loads(body)
        assert status == 200 and facts["data_type"] == "uint8" and facts["minzoom"] < facts["maxzoom"]
        pan, mul = (str(item.with_name(f"{ards.CID}-{kind}.tif")) for kind in ("pan", "ms"))
        with example.PairReader((pan, mul)) as reader:
            zoom = reader.maxzoom
            x, y, z = tile_at(reader, zoom, 0.01, 0.5)
            expected = reader.tile(x, y, z)
            west, _, _, north = reader.get_geographic_bounds(CRS.from_epsg(4326))
            assert facts["bounds"][0] == pytest.approx(west) and facts["bounds"][3] == pytest.approx(north)
        link = facts["tiles"][0].format(z=z, x=x, y=y)
        assert link.startswith(address)
        status, body = get(link)
        with rasterio.MemoryFile(body) as file, placeless(), file.open() as png:
            assert png.driver == "PNG" and png.shape == (256, 256)
            found = png.read()
        assert status == 200 and np.array_equal(found[3] > 0, expected.mask > 0)
        assert 0 < (found[3] > 0).mean() < 1 and np.array_equal(found[:3], expected.data)

    # Python's filters of warnings belong to all threads: one that leaves rio-tiler's own filter
    # takes it from another, whose harmless warning is an error here, and then "could not encode".
    @pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
    def test_tiles_made_at_once_equal_those_made_one_by_one(self, site, example):
        from concurrent.futures import ThreadPoolExecutor

        address, name, item = site
        pan, mul = (str(item.with_name(f"{ards.CID}-{kind}.tif")) for kind in ("pan", "ms"))
        with example.PairReader((pan, mul)) as reader:
            x, y, z = tile_at(reader, reader.maxzoom)
        links = [
            f"{address}/tiles/WebMercatorQuad/{z}/{x + i}/{y + j}.png?item={name}"
            for i in (-1, 0)
            for j in (-1, 0)
        ]
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(get, links))
        assert answers == [get(link) for link in links]
        assert all(body[16:24] == b"\0\0\1\0" * 2 for _, body in answers), "PNGs of 256 × 256"

    @pytest.mark.parametrize(
        "path, status",
        [
            ("tiles/WebMercatorQuad/18/0/0?item={item}", 404),  # elsewhere on Earth
            ("tiles/WebMercatorQuad/18/0/0?item={gone}", 404),
            ("tiles/WebMercatorQuad/18/0/0?item={broken}", 404),
            ("tiles/WebMercatorQuad/18/0/0", 422),
            ("info?item=../../etc/passwd", 422),
            ("info?item=11/031311102001/2024-12-14/../x", 422),
            ("info?item=https://example.com/x", 422),
            ("point/0,0?item={item}", 404),
            ("info?item={item}", 200),
            ("WebMercatorQuad/map.html?item={item}", 200),
        ],
    )
    def test_every_address_has_its_status(self, site, path, status):
        address, name, _ = site
        names = {
            "item": name,
            "gone": name.replace("2024", "2023"),
            "broken": name.replace(ards.CID, ards.OTHER),
        }
        found, body = get(f"{address}/{path.format(**names)}")
        assert found == status, body
        assert b"Traceback" not in body
