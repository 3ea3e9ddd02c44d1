"""Encoding pictures for people, without georeference: PNG and JPEG, in memory and to files."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from potato.raster.atomic import write_whole
from potato.raster.gdal_env import gdal


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = 80) -> bytes:
    """A picture (3, h, w) as JPEG."""
    return _encode(rgb, "JPEG", QUALITY=quality, WRITE_EXIF_METADATA="NO")


def encode_png(codes: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None) -> bytes:
    """A picture as PNG, exactly.

    Args:
        codes: (3, h, w), or (1, h, w): grey, or numbers of colours.
        palette: those colours, (n, 3).
    """
    # Most pictures here are dithered: harder work takes four times as long and gains 1 %.
    return _encode(codes, "PNG", palette, ZLEVEL=1)


def write_png(path: str | os.PathLike[str], rgb: NDArray[np.uint8]) -> None:
    """Write a PNG, whole or absent, replacing what is there.

    Args:
        path: the file to write.
        rgb: codes (3, h, w).

    Raises:
        OutputError: if it can't be written.
    """
    write_whole(Path(path), encode_png(rgb))


def _encode(
    codes: NDArray[np.uint8], driver: str, palette: NDArray[np.uint8] | None = None, **options: Any
) -> bytes:
    count, height, width = codes.shape
    with gdal(), MemoryFile() as memory:
        # A picture for people has no place on Earth; rasterio warns of that.
        with (
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            memory.open(
                driver=driver, dtype="uint8", count=count, height=height, width=width, **options
            ) as file,
        ):
            file.write(codes)
            if palette is not None:
                file.write_colormap(1, {n: tuple(colour) for n, colour in enumerate(palette.tolist())})
        return bytes(memory.getbuffer())
