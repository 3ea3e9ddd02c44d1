"""GDAL's own sharpener (weighted Brovey), run as a separate program where it is installed."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.radiometry import counts_to_reflectance, reflectance_to_counts
from potato.core.types import check_pair_shapes
from potato.core.windows import PairWindow
from potato.errors import PotatoError
from potato.raster.coordinates import grid_at
from potato.raster.pictures import read_picture
from potato.raster.writer import write_image

GDAL = "gdal-pansharpen"
"""The baseline's name."""

PROGRAM = "gdal_pansharpen.py"
"""The file that GDAL installs."""

_GUTTER = 4
"""Cells around each of several images in one file; the program reads two cells far."""


def has_gdal() -> bool:
    """Whether GDAL's sharpener is installed."""
    return shutil.which(PROGRAM) is not None


def gdal_pansharpen(pan: Tensor, mul: Tensor) -> Tensor:
    """Sharpen by the program, through files and with its defaults.

    Args:
        pan: reflectance (b, 1, rh, rw), all valid.
        mul: reflectance (b, n, h, w).

    Returns:
        Bands (b, n, rh, rw), reflectance. The files hold uint16 counts, as deliveries do. Several
        images go through one file, so two cells along the borders of each may differ a little from
        its result alone.

    Raises:
        PotatoError: if the program fails; quotes its message.
    """
    check_pair_shapes(pan, mul)
    ratio = pan.shape[-1] // mul.shape[-1]
    if len(pan) == 1:
        return _sharpen_one(pan[0], mul[0])[None]
    # Starting the program takes longer than its work on a small image.
    pan, mul = (
        F.pad(image, [_GUTTER * scale] * 4, mode="replicate") for image, scale in ((pan, ratio), (mul, 1))
    )
    sharp = _sharpen_one(*(torch.cat(list(image), -1) for image in (pan, mul)))
    margin = _GUTTER * ratio
    inside = (..., slice(margin, -margin), slice(margin, -margin))
    return torch.stack(sharp.chunk(len(pan), -1))[inside]


def _sharpen_one(pan: Tensor, mul: Tensor) -> Tensor:
    (rows, columns), ratio = mul.shape[-2:], pan.shape[-1] // mul.shape[-1]
    with tempfile.TemporaryDirectory(prefix="potato-") as name:
        files = [Path(name) / f"{role}.tif" for role in ("pan", "mul", "sharp")]
        for path, image, scale in zip(files[:2], (pan, mul), (ratio, 1), strict=True):
            grid = grid_at(rows * scale, columns * scale, 2.0 / scale, west=0.0, north=0.0)
            valid = np.ones(image.shape[1:], np.bool_)
            names = [f"band {number}" for number in range(1, len(image) + 1)]
            write_image(path, reflectance_to_counts(image), valid, grid, names)
        process = subprocess.run(
            [PROGRAM, "-q", *map(str, files)], capture_output=True, text=True, check=False
        )
        if process.returncode or not files[2].exists():
            reason = " ".join(process.stderr.split())[-200:] or f"exit code {process.returncode}"
            raise PotatoError(f"{PROGRAM} failed: {reason}; leave it out with --baselines")
        window = PairWindow(0, 0, rows, columns).pixels(ratio)
        return torch.from_numpy(counts_to_reflectance(read_picture(files[2], window)))
