"""Writing PNG: pictures for people, without georeference."""

import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from potato.files import write_whole

__all__ = ["write_png"]


def write_png(path: str | os.PathLike[str], rgb: NDArray[np.uint8]) -> None:
    """Write a PNG, whole or absent, replacing what is there.

    Args:
        path: the file to write.
        rgb: codes (3, h, w).

    Raises:
        OutputError: if it can't be written.
    """
    _, height, width = rgb.shape
    with MemoryFile() as memory:
        # A picture for people has no place on Earth; rasterio warns of that.
        with (
            warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning),
            memory.open(driver="PNG", dtype="uint8", count=3, height=height, width=width) as file,
        ):
            file.write(rgb)
        write_whole(Path(path), memory.read())
