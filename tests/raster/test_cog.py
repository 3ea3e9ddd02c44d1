"""A COG that is joined from TIFFs is like one that GDAL's driver makes of the same pixels."""

import dataclasses
import itertools
import math
import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

from potato.core.profiles import PROFILES
from potato.raster import cog
from potato.raster.coordinates import grid_at
from potato.raster.writer import Channels, create_picture

PICTURE = Channels("uint8")
DEEP_PICTURE = Channels("uint16")
BANDS = Channels("uint16", ("coastal", "red", "green", "blue", "nir"), 1e-4)

BY_GDAL = {"NUM_THREADS": "2"}
"""A creation option, so GDAL's driver makes the COG, and changes nothing in it."""


def codes(channels: Channels, height: int, width: int) -> np.ndarray:
    """Smooth codes, invalid to the right of a slanting line."""
    white = np.iinfo(channels.dtype).max
    wave = np.sin(np.add.outer(np.arange(height) / 50, np.arange(width) / 30))
    result = np.stack([(0.2 + 0.1 * n) * white * (1.5 + wave) / 2.5 for n in range(len(channels.names))])
    if channels.has_alpha:
        result[-1] = white
    return (result * (np.add.outer(0.3 * np.arange(height), np.arange(width)) < 0.8 * width)).astype(
        channels.dtype
    )


def write(
    path: Path, channels: Channels, height: int, width: int, panel: int | None = None, **settings
) -> Path:
    """Write a COG of `codes` by panels of a width."""
    pixels = codes(channels, height, width)
    with create_picture(
        path, grid_at(height, width, 0.5), channels=channels, profile=PROFILES["cog"], **settings
    ) as picture:
        for left in range(0, width, panel or width):
            for top in range(0, height, 300):
                part = pixels[:, top : top + 300, left : left + (panel or width)]
                picture.put(top, left, part if part.any() else None, 300)
    return path


def blocks(path: Path) -> list[tuple[int, int]]:
    """Place and size of each TIFF block in a file, those of the picture and of its overviews."""
    found = []
    with rasterio.open(path) as file:
        for level in range(1 + len(file.overviews(1))):
            overview = {"ovr": level - 1} if level else {}
            rows, columns = (math.ceil(side / 2**level / 512) for side in file.shape)
            for y, x in itertools.product(range(rows), range(columns)):
                names = (f"BLOCK_{what}_{x}_{y}" for what in ("OFFSET", "SIZE"))
                place, size = (int(file.get_tag_item(name, "TIFF", 1, **overview)) for name in names)
                found.append((place, size))
    return found


@pytest.mark.parametrize("channels", [PICTURE, DEEP_PICTURE, BANDS])
@pytest.mark.parametrize(("height", "width"), [(2100, 3001), (513, 40), (300, 400)])
def test_it_says_and_shows_what_that_of_gdal_does(tmp_path, channels, height, width):
    tags = {"POTATO_LOOK": "natural", "TIFFTAG_SOFTWARE": "potato"}
    made = write(tmp_path / "made.tif", channels, height, width, tags=tags)
    expected = write(tmp_path / "gdal.tif", channels, height, width, tags=tags, options=BY_GDAL)
    with rasterio.open(made) as a, rasterio.open(expected) as b:
        assert a.profile == b.profile and a.overviews(1) == b.overviews(1)
        assert a.tags() == b.tags() and a.tags(ns="IMAGE_STRUCTURE") == b.tags(ns="IMAGE_STRUCTURE")
        assert (a.descriptions, a.colorinterp, a.scales) == (b.descriptions, b.colorinterp, b.scales)
        assert a.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        levels = len(a.overviews(1))
        assert np.array_equal(a.read(), codes(channels, height, width))
    for level in range(levels):
        with (
            rasterio.open(made, overview_level=level) as a,
            rasterio.open(expected, overview_level=level) as b,
        ):
            assert a.profile == b.profile and a.nodatavals == b.nodatavals
            assert a.block_shapes == b.block_shapes and np.array_equal(a.read(), b.read())


def test_its_layout_is_that_of_gdal(tmp_path):
    made = write(tmp_path / "made.tif", PICTURE, 2100, 3001)
    expected = write(tmp_path / "gdal.tif", PICTURE, 2100, 3001, options=BY_GDAL)
    whole = made.read_bytes()
    assert whole[:8] == b"II*\0" + struct.pack("<I", 8 + len(cog._DESCRIPTION))
    assert whole[8 : 8 + len(cog._DESCRIPTION)] == expected.read_bytes()[8 : 8 + len(cog._DESCRIPTION)]
    for place, size in (found := blocks(made)):
        assert whole[place - 4 : place] == struct.pack("<I", size)
        assert whole[place + size : place + size + 4] == whole[place + size - 4 : place + size]
    # Every byte behind the tags belongs to one block.
    assert sum(size + 8 for _, size in found) == len(whole) - min(found)[0] + 4
    # They are the blocks that GDAL would have written, in the order in which it would have.
    sizes = ([size for _, size in sorted(blocks(path))] for path in (made, expected))
    assert next(sizes) == next(sizes)


@pytest.mark.parametrize("channels", [PICTURE, BANDS])
@pytest.mark.parametrize(("height", "width"), [(2100, 3001), (300, 400)])
def test_it_is_a_valid_cog(tmp_path, channels, height, width):
    is_valid, errors, warnings = cog_validate(write(tmp_path / "a.tif", channels, height, width), strict=True)
    assert is_valid and not errors and not warnings


def test_a_large_one_is_a_bigtiff(tmp_path, monkeypatch):
    small = write(tmp_path / "small.tif", PICTURE, 1100, 700)
    monkeypatch.setattr(cog, "_CLASSIC", dataclasses.replace(cog._CLASSIC, most=small.stat().st_size - 1))
    large = write(tmp_path / "large.tif", PICTURE, 1100, 700)
    assert small.read_bytes()[:4] == b"II*\0" and large.read_bytes()[:4] == b"II+\0"
    assert cog_validate(large, strict=True)[0]
    with rasterio.open(small) as a, rasterio.open(large) as b:
        assert a.tags() == b.tags() and a.transform == b.transform and np.array_equal(a.read(), b.read())
    assert [size for _, size in blocks(small)] == [size for _, size in blocks(large)]


@pytest.mark.parametrize("panel", [512, 1536, 2560])
def test_its_bytes_do_not_depend_on_the_panels_that_a_picture_comes_in(tmp_path, panel):
    whole = write(tmp_path / "whole.tif", PICTURE, 1700, 4500)
    assert write(tmp_path / "panels.tif", PICTURE, 1700, 4500, panel).read_bytes() == whole.read_bytes()


def test_invalid_blocks_are_there(tmp_path):
    """Not all readers of COGs know TIFFs that leave some out."""
    grid = grid_at(1100, 700, 0.5)
    with create_picture(tmp_path / "a.tif", grid, channels=PICTURE, profile=PROFILES["cog"]) as picture:
        picture.put(0, 0, None, 1100)
    assert len(blocks(tmp_path / "a.tif")) == 3 * 2 + 2 + 1
    assert all(size for _, size in blocks(tmp_path / "a.tif"))
    with rasterio.open(tmp_path / "a.tif") as file:
        assert not file.read().any() and file.overviews(1) == [2, 4]
