"""A write that fails once, at whatever moment, leaves no file behind that looks finished."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from potato.raster import checked_files as checked
from potato.raster.checked_files import checked_files

TESTS = Path(__file__).parents[1]
POSITIONS = 6

LOOP = """
import ctypes, hashlib, json, sys
from pathlib import Path
import numpy as np
from potato.core.profiles import PROFILES
from potato.core.windows import PairWindow
from potato.errors import DiskFullError, OutputError
from potato.raster.atomic import write_whole
from potato.raster.coordinates import grid_at
from potato.raster.web_archive import write_web_archive
from potato.raster.web_mosaic import zoom_pixel
from potato.raster.writer import Channels, create_picture, write_image

codes = np.random.default_rng(0).integers(1, 256, (4, 600, 530), dtype=np.uint8)
grid = grid_at(600, 530, 0.5)

def picture(path, profile):
    with create_picture(path, grid, channels=Channels("uint8"), profile=PROFILES[profile], threads=2) as made:
        made.put(0, 0, codes, 600)

source = Path(sys.argv[1]).with_suffix(".tif")
web = grid_at(512, 512, zoom_pixel(16), west=0.0, north=0.0, epsg=3857)
with create_picture(source, web, channels=Channels("uint8"), profile=PROFILES["tiled"]) as made:
    made.put(0, 0, codes[:, :512, :512], 512)

def archive(path):
    write_web_archive(source, path, "mbtiles", 16, [PairWindow(0, 0, 512, 512)], threads=2)

kinds = {
    "cog": lambda path: picture(path, "cog"),
    "tiled": lambda path: picture(path, "tiled"),
    "image": lambda path: write_image(path, codes[:1], codes[1] > 9, grid, ["BAND_P"]),
    "archive": archive,
    "text": lambda path: write_whole(path, "x" * 300_000),
}
fail_write = ctypes.CDLL(None).fail_write
folder, positions, codes_of_errors = Path(sys.argv[1]), int(sys.argv[2]), list(map(int, sys.argv[3:]))
path = folder / "a.tif"

def outcome(make, turn, code):
    # What came of it when the write of this turn failed.
    path.unlink(missing_ok=True)
    fail_write(turn, code)
    try:
        make(path)
    except OutputError as error:
        left = [file.name for file in folder.iterdir()]
        return f"{type(error).__name__}, left {left}" if left else type(error).__name__
    return "done"

found = {}
for kind, make in kinds.items():
    outcome(make, 0, 0)
    writes = fail_write(0, 0)
    turns = sorted({1 + n * (writes - 1) // (positions - 1) for n in range(positions)})
    found[kind] = [outcome(make, turn, code) for turn in turns for code in codes_of_errors]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """A library that lets a write fail."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    path = tmp_path_factory.mktemp("shim") / "failing_writes.so"
    source = TESTS / "failing_writes.c"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", path, source, "-ldl"], check=True)
    return path


def test_a_write_that_fails_once_is_an_error_and_leaves_nothing(tmp_path, shim):
    result = subprocess.run(
        [sys.executable, "-c", LOOP, tmp_path, str(POSITIONS), str(errno.ENOSPC), str(errno.EIO)],
        env={**os.environ, "LD_PRELOAD": str(shim)},
        capture_output=True,
        text=True,
        check=True,
    )
    for kind, outcomes in json.loads(result.stdout).items():
        turns = 1 if kind == "text" else POSITIONS
        assert outcomes == ["DiskFullError", "OutputError"] * turns, kind
    assert result.stderr == ""


def test_gdal_reads_and_writes_checked_files_of_any_name(tmp_path):
    folder = tmp_path / "a #1?;%20 ü"
    folder.mkdir()
    with checked_files(folder) as files:
        profile = {"dtype": "uint8", "count": 1, "height": 8, "width": 9, "crs": "EPSG:32611"}
        transform = rasterio.Affine(1, 0, 5, 0, -1, 5)
        with files.create("x.tif", driver="GTiff", transform=transform, **profile) as dataset:
            dataset.write(np.full((1, 8, 9), 7, np.uint8))
        files.copy("x.tif", "y.tif", "COG", COMPRESS="LZW")
    with rasterio.open(folder / "y.tif") as dataset:
        assert (dataset.read() == 7).all() and dataset.transform == transform
    assert sorted(file.name for file in folder.iterdir()) == ["x.tif", "y.tif"]


def test_an_interruption_ends_a_copy_soon(tmp_path, monkeypatch, capfd):
    """An exception in the middle of it would be lost in GDAL; waiting for its end takes long."""
    read, sizes = checked._CheckedFile.read, []

    def interrupted(file, size=-1):
        sizes.append(size)
        if len(sizes) == 20:
            signal.raise_signal(signal.SIGINT)
        return read(file, size)

    with checked_files(tmp_path) as files:
        place = rasterio.Affine(1, 0, 5, 0, -1, 5)
        shape = {"height": 2048, "width": 2048, "count": 1, "dtype": "uint8"}
        with files.create("x.tif", driver="GTiff", transform=place, tiled=True, **shape) as dataset:
            dataset.write(np.random.default_rng(0).integers(0, 255, (1, 2048, 2048), np.uint8))
        monkeypatch.setattr(checked._CheckedFile, "read", interrupted)
        with pytest.raises(KeyboardInterrupt), files.uninterrupted():
            files.copy("x.tif", "y.tif", "COG")
    assert 20 < len(sizes) < 60
    assert capfd.readouterr().err == ""
