"""GDAL's own sharpener (weighted Brovey), as a process of its own, where it is installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.sensors import BAND_CODES, RATIO, SCALE
from potato.core.windows import PairWindow
from potato.errors import PotatoError
from potato.raster import grid_at, read_picture, write_image

GDAL = "gdal-pansharpen"
"""What the baseline is called."""

_GUTTER = 4
"""Cells around each of several images in one file: twice as far as a cubic resampling looks."""

_PROGRAM = "gdal_pansharpen.py"


def has_gdal() -> bool:
    """Whether it is installed."""
    return shutil.which(_PROGRAM) is not None


def gdal_pansharpen(pan: Tensor, mul: Tensor) -> Tensor:
    """Sharpen by way of files, with all of the program's defaults, which look no further than two cells.

    Args:
        pan: reflectance (b, 1, 4h, 4w), all valid.
        mul: reflectance (b, 8, h, w).

    Returns:
        Bands (b, 8, 4h, 4w), reflectance. Files hold uint16 counts, as deliveries do. Several images go
        through one file, so that two cells along the borders of each may differ a little from what it
        gives alone.

    Raises:
        PotatoError: if the program fails; says what it said.
    """
    if len(pan) == 1:
        return _sharpen_one(pan[0], mul[0])[None]
    # Starting the program takes longer than its work on a small image.
    pan, mul = (
        F.pad(image, [_GUTTER * scale] * 4, mode="replicate") for image, scale in ((pan, RATIO), (mul, 1))
    )
    sharp = _sharpen_one(*(torch.cat(list(image), -1) for image in (pan, mul)))
    inside = (..., slice(_GUTTER * RATIO, -_GUTTER * RATIO), slice(_GUTTER * RATIO, -_GUTTER * RATIO))
    return torch.stack(sharp.chunk(len(pan), -1))[inside]


def _sharpen_one(pan: Tensor, mul: Tensor) -> Tensor:
    rows, columns = mul.shape[-2:]
    fine, coarse = (
        grid_at(rows * scale, columns * scale, 2.0 / scale, west=0.0, north=0.0) for scale in (RATIO, 1)
    )
    with tempfile.TemporaryDirectory(prefix="potato-") as name:
        files = [Path(name) / f"{role}.tif" for role in ("pan", "mul", "sharp")]
        for path, image, grid, names in (
            (files[0], pan, fine, ("BAND_P",)),
            (files[1], mul, coarse, BAND_CODES),
        ):
            counts = (image * SCALE).round().clamp(0, 65_535).numpy().astype(np.uint16)
            write_image(path, counts, np.ones(counts.shape[1:], np.bool_), grid, names)
        process = subprocess.run(
            [_PROGRAM, "-q", *map(str, files)], capture_output=True, text=True, check=False
        )
        if process.returncode or not files[2].exists():
            said = " ".join(process.stderr.split())[-200:] or f"exit code {process.returncode}"
            raise PotatoError(f"{_PROGRAM} failed: {said}; leave it out with --baselines")
        codes = read_picture(files[2], PairWindow(0, 0, rows, columns))
    return torch.from_numpy(codes.astype(np.float32)) / SCALE
