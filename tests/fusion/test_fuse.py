import hashlib
import json
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import rasterio.vrt
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_validate

import pairs
from potato import Sharpener, fuse, open_pair, save_model, sharpen
from potato.core.color import srgb_encode
from potato.core.profiles import PANEL
from potato.core.render import FLAT, NATURAL, adjust, render
from potato.core.sensor_table import WORKSHOP
from potato.core.windows import PairWindow
from potato.errors import InputError
from potato.model.backend import open_backend
from potato.raster.gdal_env import gdal
from servers import serve_bucket, serve_folder


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ragged(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """A slanted, uneven valid area."""
    jitter = np.random.default_rng(seed).integers(0, 9, rows)[:, None]
    return np.arange(columns)[None, :] + jitter < columns * 0.8 - np.arange(rows)[:, None] * 0.3


@pytest.fixture(scope="module")
def broad(tmp_path_factory) -> pairs.Paths:
    """A pair of 232 × 300 pan pixels with a ragged invalid edge and a hole."""
    valid = ragged(232, 300)
    valid[100:110, 40:60] = False
    return pairs.write_pair(tmp_path_factory.mktemp("broad"), 58, 75, valid=valid)


@pytest.fixture(scope="module")
def whole(broad, network, tmp_path_factory) -> np.ndarray:
    """The flat picture of `broad`, made in one block."""
    path = tmp_path_factory.mktemp("whole") / "o.tif"
    fuse(broad.pan, broad.mul, path, weights=network, look="flat", profile="tiled", block=1024, workers=1)
    return pairs.read(path).astype(int)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(block=st.integers(1, 90).map(lambda cells: 4 * cells))
def test_block_size_changes_codes_by_at_most_one(block, broad, network, whole, tmp_path):
    path = tmp_path / "o.tif"
    fuse(
        broad.pan, broad.mul, path, weights=network, look="flat", profile="tiled", block=block, overwrite=True
    )
    assert np.abs(pairs.read(path).astype(int) - whole).max() <= 1


def test_panels_of_a_wide_picture_do_not_show(tmp_path, network):
    paths = pairs.write_pair(tmp_path, 140, PANEL // 4 + 60)
    fuse(paths.pan, paths.mul, tmp_path / "o.tif", weights=network, look="flat", profile="tiled", block=128)
    with gdal(), open_pair(paths.pan, paths.mul) as pair:
        pixels = pair.read(PairWindow(0, PANEL // 4 - 60, 140, 120).padded(network.read_halo))
    expected = open_backend(network, WORKSHOP).fuse(pixels, FLAT).astype(int)
    made = pairs.read(tmp_path / "o.tif")[:, :, PANEL - 240 :]
    assert made.shape == expected.shape and np.abs(made - expected).max() <= 1


@pytest.mark.parametrize("profile", ["cog", "tiled"])
def test_any_number_of_workers_gives_identical_bytes(broad, network, tmp_path, profile, monkeypatch):
    # Four strips of pan, and up to three threads that read them.
    monkeypatch.setattr("potato.raster.strips.ROWS", 64)
    digests = set()
    for workers in (1, 2, 5, 9, 9):
        path = tmp_path / "o.tif"
        fuse(
            broad.pan,
            broad.mul,
            path,
            weights=network,
            profile=profile,
            block=64,
            workers=workers,
            overwrite=True,
        )
        digests.add(digest(path))
    assert len(digests) == 1


@pytest.mark.parametrize("workers", [1, 9])
def test_damage_is_named_with_rows_and_columns(broad, network, tmp_path, workers):
    pan, data = tmp_path / "p.tif", bytearray(broad.pan.read_bytes())
    data[1000:40_000] = bytes(39_000)
    pan.write_bytes(data)
    place = r"rows \d+–\d+, columns \d+–\d+"
    with pytest.raises(InputError, match=rf"^can't read .*p\.tif, {place}: .*fetch it again"):
        fuse(pan, broad.mul, tmp_path / "o.tif", weights=network, block=64, workers=workers)
    assert list(tmp_path.iterdir()) == [pan]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("potato")]


def test_the_file_holds_the_sharpened_tensor(pair, network, tmp_path):
    path = tmp_path / "o.tif"
    fuse(pair.pan, pair.mul, path, weights=network, look="flat", block=64)
    pan, mul = (
        torch.from_numpy(pairs.read(name).astype("float32"))[None] / 1e4 for name in (pair.pan, pair.mul)
    )
    with torch.inference_mode():
        expected = render(sharpen(network, pan, mul)[0], FLAT).numpy()
    written = pairs.read(path).astype(int)
    assert np.abs(written[:3] - expected).max() <= 1
    assert (written[3] == 65535).all()


def test_pixels_are_valid_where_both_images_are(tmp_path, network):
    pan, mul = pairs.ground(20, 24)
    pan[5:9, 50:60] = 0
    mul[:, 10, 7] = 0
    valid = pan > 0
    valid[40:44, 28:32] = False
    fine = pairs.write(tmp_path / "p.tif", pan)
    coarse = pairs.write(tmp_path / "m.tif", mul, pairs.CORNER @ rasterio.Affine.scale(4))
    result = fuse(fine, coarse, tmp_path / "o.tif", weights=network, block=32)
    picture = pairs.read(tmp_path / "o.tif")
    assert np.array_equal(picture[3] == 255, valid)
    assert not picture[:, ~valid].any()
    assert result.valid == pytest.approx(valid.mean())


def test_an_invalid_edge_shows_no_rim(tmp_path, network):
    # Even ground must stay even up to the edge, though the file holds zeros beyond it.
    pan, mul = np.full((160, 160), 2000, "uint16"), np.full((8, 40, 40), 2000, "uint16")
    valid = ragged(160, 160)
    fine = pairs.write(tmp_path / "p.tif", np.where(valid, pan, 0).astype("uint16"))
    dead = ~valid.reshape(40, 4, 40, 4).any((1, 3))
    coarse = pairs.write(
        tmp_path / "m.tif", np.where(dead, 0, mul).astype("uint16"), pairs.CORNER @ rasterio.Affine.scale(4)
    )
    fuse(fine, coarse, tmp_path / "o.tif", weights=network, look="flat", block=48)
    picture = pairs.read(tmp_path / "o.tif")[:3, valid].astype(int)
    # A network may draw a pattern inside a cell, which must then be alike in every cell.
    rows, columns = np.nonzero(valid)
    for phase in range(16):
        of_phase = picture[:, (rows % 4) * 4 + columns % 4 == phase]
        assert np.ptp(of_phase, axis=1).max() <= 2


def test_a_picture_ends_where_pan_ends(tmp_path, network):
    pan, mul = pairs.ground(20, 24)
    fine = pairs.write(tmp_path / "p.tif", pan[:78, :93])
    coarse = pairs.write(tmp_path / "m.tif", mul, pairs.CORNER @ rasterio.Affine.scale(4))
    fuse(fine, coarse, tmp_path / "o.tif", weights=network, block=32)
    with rasterio.open(tmp_path / "o.tif") as file:
        assert (file.height, file.width) == (78, 93)
        assert file.transform == pairs.CORNER and file.crs == "EPSG:32611"
        assert (file.read(4) == 255).all()


def test_the_profiles_write_a_valid_cog_and_a_tiled_file(tmp_path):
    paths = pairs.write_pair(tmp_path, 300, 200)
    fuse(paths.pan, paths.mul, tmp_path / "cog.tif")
    valid, errors, warnings = cog_validate(tmp_path / "cog.tif", strict=True)
    assert valid and not errors and not warnings
    fuse(paths.pan, paths.mul, tmp_path / "tiled.tif", profile="tiled")
    with rasterio.open(tmp_path / "cog.tif") as cog, rasterio.open(tmp_path / "tiled.tif") as tiled:
        assert cog.overviews(1) == [2, 4] and tiled.overviews(1) == []
        assert cog.block_shapes[0] == tiled.block_shapes[0] == (512, 512)
        assert (cog.compression.name, tiled.compression.name) == ("deflate", "zstd")
        assert [band.name for band in cog.colorinterp] == ["red", "green", "blue", "alpha"]
        assert np.array_equal(cog.read(), tiled.read())
        small = cog.read(1, out_shape=(600, 400)).astype(int)
        full = cog.read(1).astype(float).reshape(600, 2, 400, 2).mean((1, 3))
        assert np.abs(small - full).max() <= 1, "overviews are averages"


def test_overviews_do_not_darken_at_an_invalid_edge(tmp_path):
    valid = ragged(1200, 800)
    pan, mul = np.full((1200, 800), 2000, "uint16"), np.full((8, 300, 200), 2000, "uint16")
    fine = pairs.write(tmp_path / "p.tif", np.where(valid, pan, 0).astype("uint16"))
    coarse = pairs.write(tmp_path / "m.tif", mul, pairs.CORNER @ rasterio.Affine.scale(4))
    fuse(fine, coarse, tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as file:
        small = file.read(out_shape=(4, 600, 400))
    assert np.ptp(small[0][small[3] > 0]) <= 2


def test_tags_name_inputs_weights_and_look(tmp_path, network):
    folder = tmp_path / "in"
    folder.mkdir()
    paths = pairs.write_pair(folder)
    pan = paths.pan.rename(folder / "103001010A705C00-pan.tif")
    fuse(pan, paths.mul, tmp_path / "o.tif", weights=network, look=adjust(NATURAL, exposure=4))
    with rasterio.open(tmp_path / "o.tif") as file:
        tags = file.tags()
        assert file.descriptions == ("red", "green", "blue", "alpha")
    assert tags["POTATO_PAN"] == "103001010A705C00-pan.tif" and tags["POTATO_CID"] == "103001010A705C00"
    assert tags["POTATO_MUL"] == "x-ms.tif" and len(tags["POTATO_WEIGHTS"]) == 16
    assert (tags["POTATO_LOOK"], tags["POTATO_EXPOSURE"], tags["POTATO_CONTRAST"]) == ("natural", "4", "1.35")
    assert tags["TIFFTAG_SOFTWARE"].startswith("potato ")
    assert not any("DATE" in name for name in tags) and str(tmp_path) not in str(tags)


def test_the_natural_look_is_the_flat_look_through_the_tone_curve(pair, tmp_path):
    fuse(pair.pan, pair.mul, tmp_path / "flat.tif", look="flat")
    fuse(pair.pan, pair.mul, tmp_path / "natural.tif", look="natural")
    from potato.core.color import linear_srgb_to_oklab, srgb_decode

    signal = torch.from_numpy(pairs.read(tmp_path / "flat.tif")[:3].astype("float32")) / 65535
    again = render(linear_srgb_to_oklab(srgb_decode(signal)), NATURAL).numpy()
    assert np.abs(again - pairs.read(tmp_path / "natural.tif")[:3]).max() <= 1


def test_reflectance_reads_back_from_a_flat_picture(tmp_path):
    grey = np.full((160, 160), 1800, "uint16")
    fine = pairs.write(tmp_path / "p.tif", grey)
    coarse = pairs.write(
        tmp_path / "m.tif", np.full((8, 40, 40), 1800, "uint16"), pairs.CORNER @ rasterio.Affine.scale(4)
    )
    fuse(fine, coarse, tmp_path / "o.tif", look="flat", weights="predictor")
    expected = srgb_encode(torch.tensor(0.18)).item() * 65535
    assert np.abs(pairs.read(tmp_path / "o.tif")[:3] - expected).max() < 120  # a fifth of an 8-bit step


def test_every_option_changes_the_result(pair, network, tmp_path, run):
    save_model(network, tmp_path / "net.safetensors")

    def made(*options: object) -> str:
        result = run("fuse", pair.pan, pair.mul, tmp_path / "o.tif", "--overwrite", *options)
        assert result.exit_code == 0, result.output
        return digest(tmp_path / "o.tif")

    plain = made()
    changed = [
        made("--weights", tmp_path / "net.safetensors"),
        made("--look", "flat"),
        made("--exposure", 5),
        made("--contrast", 2),
        made("--profile", "tiled"),
        made("--co", "COMPRESS=LZW"),
    ]
    assert len({plain, *changed}) == 7
    assert plain == made("--workers", 3) == made("--device", "cpu") == made("--quiet")
    # Sums of a network associate differently in other blocks, so a last bit may flip; the
    # predictor's don't.
    assert made("-w", "predictor") == made("-w", "predictor", "--block", 64)


def test_the_command_prints_size_speed_and_memory(pair, tmp_path, run):
    line, *notes = run("fuse", pair.pan, pair.mul, tmp_path / "a.tif").stdout.splitlines()
    assert "160 × 160 pixels, 100% valid" in line and "Mpx/s" in line and "MB" in line
    assert all(note.startswith("note: ") for note in notes)
    facts = json.loads(run("fuse", pair.pan, pair.mul, tmp_path / "b.tif", "--json").stdout)
    assert facts["output"] == str(tmp_path / "b.tif") and facts["width"] == 160 and facts["speed"] > 0
    assert run("fuse", pair.pan, pair.mul, tmp_path / "c.tif", "-q").output == ""


@pytest.fixture
def local(pair, tmp_path) -> np.ndarray:
    fuse(pair.pan, pair.mul, tmp_path / "local.tif")
    return pairs.read(tmp_path / "local.tif")


def test_images_are_read_over_http_by_ranges(pair, tmp_path, local):
    with serve_folder(tmp_path) as server:
        fuse(f"{server.url}{pair.pan.name}", f"{server.url}{pair.mul.name}", tmp_path / "o.tif")
        assert server.sent < 1.5 * (pair.pan.stat().st_size + pair.mul.stat().st_size)
        assert any(status == 206 for *_, status in server.requests)
    assert np.array_equal(pairs.read(tmp_path / "o.tif"), local)


@pytest.mark.parametrize("anonymous", [True, False])
def test_images_are_read_from_a_bucket(pair, tmp_path, local, anonymous, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with serve_bucket(pair.pan.parent) as bucket:
        monkeypatch.delenv("AWS_NO_SIGN_REQUEST")
        if not anonymous:
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        with gdal():
            assert rasterio.env.getenv().get("AWS_NO_SIGN_REQUEST") in (
                (True, "YES", "yes") if anonymous else (None,)
            )
        fuse(f"{bucket}/{pair.pan.name}", f"{bucket}/{pair.mul.name}", tmp_path / "o.tif")
    assert np.array_equal(pairs.read(tmp_path / "o.tif"), local)


def test_images_are_read_from_a_zip_and_a_vrt(pair, tmp_path, local):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.write(pair.mul, "m.tif")
    with rasterio.open(pair.pan) as pan, rasterio.vrt.WarpedVRT(pan) as warped:
        rasterio.shutil.copy(warped, tmp_path / "p.vrt", driver="VRT")
    fuse(tmp_path / "p.vrt", f"zip://{tmp_path}/m.zip!m.tif", tmp_path / "o.tif")
    assert np.array_equal(pairs.read(tmp_path / "o.tif"), local)


def test_a_window_sharpened_alone_equals_its_part_of_the_picture(broad, network, whole):
    with gdal(), open_pair(broad.pan, broad.mul) as pair:
        pixels = pair.read(PairWindow(10, 12, 8, 9).padded(network.read_halo))
    codes = open_backend(network, WORKSHOP).fuse(pixels, FLAT)
    assert np.abs(codes.astype(int) - whole[:, 40:72, 48:84]).max() <= 1


def test_a_given_model_stays_unchanged(pair, tmp_path):
    network = Sharpener()
    before = {name: (tensor.stride(), tensor.clone()) for name, tensor in network.state_dict().items()}
    fuse(pair.pan, pair.mul, tmp_path / "o.tif", weights=network)
    for name, tensor in network.state_dict().items():
        assert tensor.stride() == before[name][0] and torch.equal(tensor, before[name][1])
