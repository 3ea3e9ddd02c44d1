"""Encoding pictures without a place on Earth as PNG, JPEG and WebP, in memory and to files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from potato.core.types import PathLike
from potato.raster.atomic import write_whole
from potato.raster.gdal_env import gdal, placeless


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = 80) -> bytes:
    """Encode a picture (3, h, w) as JPEG, with GDAL's quality from 1 to 100."""
    return _encode(rgb, "JPEG", QUALITY=quality, WRITE_EXIF_METADATA="NO")


def encode_png(codes: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None) -> bytes:
    """Encode a picture as PNG, without loss.

    Args:
        codes: (3, h, w); (4, h, w) with alpha; or (1, h, w), which are grey, or numbers of colours
            in `palette`.
        palette: red, green and blue of each colour, (n, 3).
    """
    # Most pictures here are dithered: higher levels take four times as long and gain 1 %.
    return _encode(codes, "PNG", palette, ZLEVEL=1)


def encode_webp(codes: NDArray[np.uint8], quality: int = 85) -> bytes:
    """Encode a picture (3, h, w), or one with alpha (4, h, w), as WebP with a quality to 100."""
    return _encode(codes, "WEBP", QUALITY=quality)


def write_png(path: PathLike, rgb: NDArray[np.uint8]) -> None:
    """Write a PNG, whole or absent.

    Args:
        path: the file to write; replaced if it is there.
        rgb: codes (3, h, w).

    Raises:
        OutputError: if it can't be written.
    """
    write_whole(Path(path), encode_png(rgb))


def _encode(
    codes: NDArray[np.uint8], driver: str, palette: NDArray[np.uint8] | None = None, **options: Any
) -> bytes:
    count, height, width = codes.shape
    shape = {"dtype": "uint8", "count": count, "height": height, "width": width}
    with gdal(), MemoryFile() as memory:
        with placeless(), memory.open(driver=driver, **shape, **options) as file:
            file.write(codes)
            if palette is not None:
                file.write_colormap(1, {n: tuple(colour) for n, colour in enumerate(palette.tolist())})
        return bytes(memory.getbuffer())
