import dataclasses
import shutil

import numpy as np
import pytest
import rasterio
from affine import Affine

import ards
import pairs
from fused_ards import OURS, SIDE_PIXELS, fuse_inline, names, write_joined_tiles
from potato import fuse
from potato.ard.grid import OVERLAP, SQUARE_SIDE, TILE_SIDE, quadkey_square
from potato.errors import InputError
from potato.fusion.ard.mosaic_jobs import picture_square
from potato.fusion.ard.plan import MosaicJob, PassFacts
from potato.raster.mosaic import lay_out


def test_the_signature_of_a_mosaic_changes_with_its_pictures():
    name = "mosaic/11/" + ards.CID
    job = MosaicJob(name, "/o", "cog", PassFacts(ards.CID, "WV02", ""), (("a", "1"), ("b", "2")), OURS)
    others = [{"kind": "vrt"}, {"pictures": (("a", "1"), ("b", "3"))}, {"pictures": (("a", "1"),)}]
    others.append({"settings": dataclasses.replace(OURS, profile="tiled")})
    signatures = [dataclasses.replace(job, **change).signature for change in ({}, *others)]
    assert len(set(signatures)) == len(signatures)
    assert dataclasses.replace(job, overwrite=True).signature == job.signature


def test_cropped_pictures_show_their_grid_squares(ard, tmp_path):
    made = fuse_inline(ard, tmp_path / "out", crop_to_square=True, mosaic="cog")
    for name in names(made.folder):
        with rasterio.open(made.folder / f"{name}.tif") as file:
            assert file.shape == (512, 512)
            bounds = file.bounds
            assert (bounds.left - ards.WEST) % SQUARE_SIDE == pytest.approx(
                0
            ) and bounds.right - bounds.left == SQUARE_SIDE
    plain = fuse_inline(ard, tmp_path / "plain", mosaic="cog")
    mosaic = f"mosaic/11/{ards.CID}.tif"
    # Dithering begins at the corner of each picture.
    assert np.abs(pairs.read(made.folder / mosaic).astype(int) - pairs.read(plain.folder / mosaic)).max() <= 1


def test_a_mosaic_equals_the_fused_whole_ground(tmp_path):
    pan, mul = write_joined_tiles(tmp_path / "ard")
    west, north = ards.corner(0, 0)
    place = Affine(TILE_SIDE / SIDE_PIXELS, 0, west, 0, -TILE_SIDE / SIDE_PIXELS, north)
    fine = pairs.write(tmp_path / "p.tif", pan, place)
    coarse = pairs.write(tmp_path / "m.tif", mul, place @ Affine.scale(4))
    # These tiles reach four mul pixels beyond their cells, real ones seventy: as far as the
    # predictor looks.
    options = {"look": "flat", "weights": "predictor"}
    fuse(fine, coarse, tmp_path / "whole.tif", **options)
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", mosaic="cog", **options)
    path = made.folder / "mosaic" / "11" / f"{ards.CID}.tif"
    whole = pairs.read(tmp_path / "whole.tif")[:, 16:-16, 16:-16].astype(int)
    assert np.abs(pairs.read(path) - whole).max() <= 1
    with rasterio.open(path) as file:
        assert file.bounds == (
            ards.WEST,
            ards.NORTH - 2 * SQUARE_SIDE,
            ards.WEST + 2 * SQUARE_SIDE,
            ards.NORTH,
        )
        assert file.overviews(1) and file.tags()["POTATO_CID"] == ards.CID
    fuse_inline(tmp_path / "ard", tmp_path / "out", mosaic="vrt", **options)
    assert np.array_equal(pairs.read(path.with_suffix(".vrt")), pairs.read(path))
    shutil.move(tmp_path / "out", tmp_path / "elsewhere")
    assert pairs.read(tmp_path / "elsewhere" / path.relative_to(tmp_path / "out").with_suffix(".vrt")).any()


@pytest.mark.parametrize("side", [100, 93])
def test_a_mosaic_has_no_seams_where_squares_are_no_whole_number_of_pixels(tmp_path, side):
    """Pixels differ across borders of grid squares as they do inside, and lie in their place."""
    pixel = TILE_SIDE / side / 4
    bend = 2 * np.pi / (11 * pixel)

    def ground(x, y):
        return 2000 + 800 * np.sin(bend * (x + 0.8 * y))

    for column, row in ((0, 0), (1, 0), (0, 1), (1, 1)):
        west, north = ards.corner(column, row)
        x, y = np.meshgrid(np.arange(4 * side) + 0.5, np.arange(4 * side) + 0.5)
        pan = ground(west + x * pixel - ards.WEST, north - y * pixel - ards.NORTH)
        mul = np.broadcast_to(pan.reshape(side, 4, side, 4).mean((1, 3)), (8, side, side))
        ards.write_tile(
            tmp_path / "ard", column, row, side=side, ground=(pan.astype("uint16"), mul.astype("uint16"))
        )
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", look="flat", mosaic="cog")
    with rasterio.open(made.folder / "mosaic" / "11" / f"{ards.CID}.tif") as file:
        codes, place = file.read().astype(float), file.transform
    size = round(SQUARE_SIDE / pixel)
    assert codes.shape == (4, 2 * size, 2 * size) and (codes[3] == 65535).all()
    for axis in (1, 2):
        steps = np.abs(np.diff(codes[1], axis=axis - 1)).mean(2 - axis)
        inside = np.delete(steps, size - 1)
        # Half a pixel of ground may be missing there.
        assert inside.max() < 1.1 * inside.mean() and steps[size - 1] < 1.5 * inside.mean()
    # Green is brightest where the ground is: so a square that is shifted shows.
    x, y = np.meshgrid(np.arange(2 * size) + 0.5, np.arange(2 * size) + 0.5)
    x, y = x * place.a + place.c - ards.WEST, place.f - y * place.a - ards.NORTH
    for rows in (slice(size), slice(size, None)):
        for columns in (slice(size), slice(size, None)):
            here = codes[1][rows, columns]
            shift = [
                np.corrcoef(here.ravel(), ground(x + dx * pixel, y + dy * pixel)[rows, columns].ravel())[0, 1]
                for dx, dy in ((0, 0), (0.6, 0), (-0.6, 0), (0, 0.6), (0, -0.6))
            ]
            assert shift[0] == max(shift)


@pytest.mark.parametrize("kind", ["cog", "vrt"])
def test_pictures_in_jpeg_are_joined_with_their_masks(tmp_path, kind):
    valid = np.ones((136, 136), bool)
    valid[:50, :75] = False
    for column in (0, 1):
        ards.write_tile(tmp_path / "ard", column, 0, valid=valid if column == 0 else None)
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", mosaic=kind, creation_options={"COMPRESS": "JPEG"})
    plain = fuse_inline(tmp_path / "ard", tmp_path / "plain", mosaic="vrt")
    ending = ".vrt" if kind == "vrt" else ".tif"
    with (
        rasterio.open(made.folder / "mosaic" / "11" / f"{ards.CID}{ending}") as file,
        rasterio.open(plain.folder / "mosaic" / "11" / f"{ards.CID}.vrt") as other,
    ):
        assert np.array_equal(file.dataset_mask(), other.dataset_mask())
        seen = other.dataset_mask() > 0
        assert not seen.all() and seen.any()
        difference = file.read((1, 2, 3)).astype(int) - other.read((1, 2, 3))
        assert np.abs(difference[:, seen]).mean() < 12


@pytest.mark.parametrize("option", ["target_srs", "TILING_SCHEME"])
def test_pictures_that_leave_the_grid_are_not_joined(tmp_path, option):
    with pytest.raises(InputError, match=f"found {option}; leave out --mosaic or --vrt"):
        fuse_inline(tmp_path / "ard", tmp_path / "out", mosaic="cog", creation_options={option: "x"})
    assert not (tmp_path / "out").exists()


def test_pictures_of_another_pixel_size_are_left_out_of_a_mosaic_and_named(tmp_path):
    ards.write_tile(tmp_path / "ard", 0, 0)
    ards.write_tile(tmp_path / "ard", 1, 0)
    ards.write_tile(tmp_path / "ard", 0, 1, side=100)
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", mosaic="cog")
    assert made.done == 3 and made.mosaics == 1 and made.complete
    name = sorted(names(made.folder))[-1]
    assert f"1 picture left out: {name}.tif: another pixel size" in made.notes[0]


def test_a_picture_outside_its_grid_square_is_left_out_of_a_mosaic_and_named(tmp_path):
    ards.write_tile(tmp_path / "ard", 0, 0)
    ards.write_tile(tmp_path / "ard", 1, 0, changes={"quadkey": "000000000000"})
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", mosaic="vrt")
    assert (made.done, made.mosaics) == (2, 1)
    assert (
        "1 picture left out: 11/000000000000/" in made.notes[0]
        and "on no square of the grid" in made.notes[0]
    )


@pytest.mark.parametrize("south", [False, True])
def test_a_picture_belongs_to_the_square_of_its_quadkey_in_both_hemispheres(tmp_path, south):
    quadkey = "301111102001" if south else "031311102001"
    west, _, _, north = quadkey_square(quadkey, south)
    place = Affine(100, 0, west - OVERLAP, 0, -100, north + OVERLAP)
    path = pairs.write(tmp_path / "x.tif", np.ones((1, 50, 50), np.uint16), place, names=("BAND_P",))
    assert picture_square(f"11/{quadkey}/2024-12-14/{ards.CID}", str(path)) == quadkey_square(quadkey, south)


def test_pictures_of_nearly_one_pixel_size_share_a_mosaic(tmp_path):
    for column, side in ((0, 272), (1, 273)):
        path = ards.write_tile(tmp_path / "ard", column, 0, side=side)
        (tmp_path / f"{column}.txt").write_text(str(path))
    made = fuse_inline(tmp_path / "ard", tmp_path / "out", mosaic="cog")
    with rasterio.open(made.folder / "mosaic" / "11" / f"{ards.CID}.tif") as file:
        assert file.shape == (1024, 2048) and (file.read(4) == 255).all()


@pytest.mark.parametrize("kind", ["cog", "vrt"])
def test_a_mosaic_is_made_again_when_tiles_are_added(ard, tmp_path, kind):
    root = shutil.copytree(ard, tmp_path / "ard")
    pan = sorted(root.rglob("*-pan.tif"))[0]
    whole = pan.read_bytes()
    pan.write_bytes(b"")
    less = fuse_inline(root, tmp_path / "out", mosaic=kind)
    assert (less.done, less.mosaics, len(less.failed)) == (3, 1, 1)
    pan.write_bytes(whole)
    more = fuse_inline(root, tmp_path / "out", mosaic=kind, retry_failed=True)
    assert (more.done, more.mosaics, more.complete) == (1, 1, True)
    before, after = less.folder / "mosaic", tmp_path / "fresh" / "mosaic"
    fuse_inline(root, after.parent, mosaic=kind)
    name = f"11/{ards.CID}.{'tif' if kind == 'cog' else 'vrt'}"
    assert (before / name).read_bytes() == (after / name).read_bytes()


def test_a_layout_refuses_pictures_that_show_nothing_of_their_square(fused):
    path = str(fused.folder / f"{names(fused.folder)[0]}.tif")
    with pytest.raises(InputError, match="show their squares"):
        lay_out([(path, (0.0, 0.0, SQUARE_SIDE, SQUARE_SIDE))])
    with pytest.raises(InputError, match="found none"):
        lay_out([])
    assert pytest.approx(156.25) == OVERLAP
