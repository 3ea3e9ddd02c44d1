"""Small pairs of GeoTIFFs for tests: smooth ground with some detail in pan."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import torch
from affine import Affine

from potato.core.radiometry import counts_to_reflectance, reflectance_to_counts
from potato.core.resample import block_mean
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import Sensor

BAND_NAMES = ("BAND_C", "BAND_B", "BAND_G", "BAND_Y", "BAND_R", "BAND_RE", "BAND_N", "BAND_N2")
CORNER = Affine(0.5, 0, 350_000, 0, -0.5, 3_800_000)


@dataclass(frozen=True)
class Paths:
    pan: Path
    mul: Path


def ground(
    rows: int, columns: int, seed: int = 0, sensor: Sensor = WORKSHOP
) -> tuple[np.ndarray, np.ndarray]:
    """pan (r·rows, r·columns) and mul (n, rows, columns), uint16, every count at least 1."""
    random, ratio = np.random.default_rng(seed), sensor.ratio
    coarse = random.uniform(200, 4000, (len(sensor.bands), rows, columns))
    for _ in range(2):
        coarse = (coarse + np.roll(coarse, 1, 1) + np.roll(coarse, 1, 2)) / 3
    pan = np.kron(coarse.mean(0), np.ones((ratio, ratio)))
    pan *= random.uniform(0.7, 1.3, pan.shape)
    return pan.clip(1).astype("uint16"), coarse.clip(1).astype("uint16")


def write(
    path: Path, pixels: np.ndarray, transform: Affine = CORNER, *, names=None, mask=None, **profile
) -> Path:
    """Write (n, h, w) pixels; `mask` (h, w) becomes an internal mask band."""
    pixels = pixels[None] if pixels.ndim == 2 else pixels
    settings = {"crs": "EPSG:32611", "compress": "deflate", "tiled": True, "blockxsize": 64, "blockysize": 64}
    settings.update(profile)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=len(pixels),
            height=pixels.shape[1],
            width=pixels.shape[2],
            dtype=pixels.dtype,
            transform=transform,
            **settings,
        ) as file,
    ):
        file.write(pixels)
        if names:
            file.descriptions = names
        if mask is not None:
            file.write_mask(mask.astype("uint8") * 255)
    return path


def write_pair(folder: Path, rows: int = 40, columns: int = 40, seed: int = 0, valid=None) -> Paths:
    """A pair on disk; `valid` (4·rows, 4·columns) sets pan's other pixels to 0."""
    pan, mul = ground(rows, columns, seed)
    if valid is not None:
        pan = np.where(valid, pan, 0)
    return Paths(
        write(folder / "x-pan.tif", pan, names=("BAND_P",)),
        write(folder / "x-ms.tif", mul, CORNER @ Affine.scale(4), names=BAND_NAMES),
    )


def as_vrt(source: Path, path: Path) -> Path:
    """A VRT that shows the whole of an image."""
    rasterio.shutil.copy(source, path, driver="VRT")
    return path


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read()


def smooth_pair(rows: int, columns: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Reflectance pan (1, 1, 4h, 4w) and mul (1, 8, h, w) that show one ground, exactly."""
    random = torch.Generator().manual_seed(seed)
    fine = torch.rand(1, 8, rows * WORKSHOP.ratio + 32, columns * WORKSHOP.ratio + 32, generator=random)
    for _ in range(3):
        fine = torch.nn.functional.avg_pool2d(fine, 9, stride=1)
    fine = fine[..., : rows * WORKSHOP.ratio, : columns * WORKSHOP.ratio]
    fine = ((fine - 0.5) * 4 + 0.4).clamp(0.02, 1)
    return fine.mean(1, keepdim=True), block_mean(fine, WORKSHOP.ratio)


def write_reflectance(folder: Path, pan: torch.Tensor, mul: torch.Tensor, valid=None) -> Paths:
    """Tensors of a pair on disk; `valid` (4h, 4w) becomes pan's mask."""
    counts = [reflectance_to_counts(image[0]) for image in (pan, mul)]
    return Paths(
        write(folder / "pan.tif", counts[0], names=("BAND_P",), mask=valid),
        write(folder / "mul.tif", counts[1], CORNER @ Affine.scale(4), names=BAND_NAMES),
    )


def read_reflectance(paths: Paths) -> tuple[torch.Tensor, torch.Tensor]:
    """pan (1, 1, 4h, 4w) and mul (1, 8, h, w)."""
    counts = (torch.from_numpy(read(path).astype("int32"))[None] for path in (paths.pan, paths.mul))
    pan, mul = map(counts_to_reflectance, counts)
    return pan, mul
