"""Files of few bytes that would become gigabytes are refused before GDAL opens them."""

import struct
import zipfile
import zlib

import numpy as np
import pytest
import rasterio.shutil

import pairs
from potato.errors import InputError
from potato.raster.gdal_env import gdal, open_dataset
from potato.raster.untrusted import check_header


def marker(code: int, body: bytes) -> bytes:
    return struct.pack(">HH", code, len(body) + 2) + body


def codestream(side, tile, components=1, code_block=4, precincts=b"", coc=b"") -> bytes:
    """A JPEG 2000 of square tiles, up to its first tile; `code_block` 4 means 64 × 64."""
    sizes = struct.pack(">HIIIIIIIIH", 0, side, side, 0, 0, tile, tile, 0, 0, components)
    levels = max(0, len(precincts) - 1)
    coding = bytes([levels, code_block, code_block, 0, 1]) + precincts
    style = struct.pack(">BBHB", bool(precincts), 0, 1, 0)
    own = marker(0xFF53, coc) if coc else b""
    start = b"\xff\x4f" + marker(0xFF51, sizes + b"\x0f\x01\x01" * components)
    return start + marker(0xFF52, style + coding) + own + b"\xff\x90"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


JP2 = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")


@pytest.mark.parametrize(
    "bomb",
    [
        codestream(65_535, 256, 8),
        codestream(2048, 128, 2000),
        codestream(65_536, 16_384, 4),
        codestream(200_000, 200_000, 8),
        codestream(40_000, 40_000, code_block=0),
        codestream(40_000, 40_000, precincts=b"\x11"),
        codestream(40_000, 40_000, coc=bytes([0, 0, 0, 0, 0, 0, 1])),
    ],
    ids=["tiles", "components", "large tiles", "one tile", "code blocks", "precincts", "component's own"],
)
@pytest.mark.parametrize("before", [b"", JP2 + struct.pack(">I4sQ", 1, b"uuid", 20) + b"abcd"])
def test_a_jpeg_2000_that_takes_too_much_memory_is_refused(tmp_path, bomb, before):
    path = tmp_path / "a.jp2"
    path.write_bytes(before + box(b"jp2c", bomb) if before else bomb)
    with pytest.raises(InputError, match=r"that takes 512 MB at most, found one .*gdal_translate"):
        check_header(str(path))


def test_a_bomb_in_an_archive_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/a.jp2", codestream(200_000, 200_000, 8))
    for name in (f"zip://{tmp_path}/a.zip!in/a.jp2", f"/vsizip/{tmp_path}/a.zip/in/a.jp2"):
        with pytest.raises(InputError, match="512 MB"):
            check_header(name)


@pytest.mark.parametrize(
    "usual",
    [
        codestream(40_000, 2048, 4),
        codestream(30_000, 1024, 8),
        codestream(20_000, 20_000, 3),
        codestream(10_980, 1024, precincts=b"\x77\x88\x88"),
        JP2 + struct.pack(">I4s", 0, b"jp2c") + codestream(5000, 1024),
    ],
)
def test_a_jpeg_2000_of_usual_tiles_passes(tmp_path, usual):
    path = tmp_path / "a.jp2"
    path.write_bytes(usual)
    check_header(str(path))


def test_a_real_jpeg_2000_and_a_real_png_are_opened(tmp_path):
    image = pairs.write(tmp_path / "a.tif", np.full((64, 64), 90, np.uint8))
    for name, driver in (("a.jp2", "JP2OpenJPEG"), ("a.png", "PNG")):
        rasterio.shutil.copy(image, tmp_path / name, driver=driver)
        with gdal(), open_dataset(str(tmp_path / name), "pan") as dataset:
            assert dataset.read().shape == (1, 64, 64)


@pytest.mark.parametrize(
    ("kind", "count", "size", "says"),
    [
        (b"zTXt", 17, None, "16 compressed texts"),
        (b"tEXt", 1, 200 << 20, "metadata of 16 MB at most, found 200 MB"),
        (b"tEXt", 5000, None, "4,096 pieces"),
    ],
)
def test_a_png_of_compressed_texts_is_refused(tmp_path, kind, count, size, says):
    text = b"k\0\0" + zlib.compress(bytes(1 << 20), 9)
    chunk = struct.pack(">I", size or len(text)) + kind + text + bytes(4)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk * count)
    with pytest.raises(InputError, match=says):
        check_header(str(path))
