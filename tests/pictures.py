"""Finished pictures for tests."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

import pairs
from potato.viewing import tools

CORNERS = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
HOSTILE = "<img src=x onerror=alert(1)>\"'&amp;</script><script>alert(2)</script>"


def write_picture(path: Path, codes: np.ndarray, valid=None, tags=None, place=pairs.CORNER) -> Path:
    """Codes (3, h, w) as a finished picture, with an alpha if `valid` is given."""
    if valid is None:
        pairs.write(path, codes, place, photometric="RGB", alpha="NO")
    else:
        write_rgba(path, codes * valid, valid, transform=place)
    with rasterio.open(path, "r+") as file:
        file.update_tags(**(tags or {}))
    return path


def noise(colour: tuple[int, int, int], height: int, width: int, seed: int = 0) -> np.ndarray:
    """A colour with noise of some codes, as dithered pictures have it: uint8 (3, h, w)."""
    random = np.random.default_rng(seed)
    return (np.array(colour)[:, None, None] + random.integers(-8, 9, (3, height, width))).astype("uint8")


def decode(data: bytes) -> np.ndarray:
    """Codes (n, h, w) of a PNG or a JPEG; a palette is replaced by its colours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with MemoryFile(data) as memory, memory.open() as file:
            codes = file.read()
            if len(codes) == 1 and file.colorinterp[0] == rasterio.enums.ColorInterp.palette:
                colours = file.colormap(1)
                palette = np.array([colours[n][:3] for n in range(len(colours))], "uint8")
                codes = palette[codes[0]].transpose(2, 0, 1)
    return codes


def colours(height: int, width: int, dtype: str, seed: int = 0) -> np.ndarray:
    """Random codes (3, h, w) with the corners of the RGB cube; no pixel is 0 in every band."""
    white = np.iinfo(dtype).max
    codes = np.random.default_rng(seed).integers(0, white + 1, (3, height, width)).astype(dtype)
    codes[:, 0, : len(CORNERS)] = np.array(CORNERS, dtype).T * white
    codes[2, (codes == 0).all(0)] = 1
    return codes


def ragged(height: int, width: int, slope: float = 0.4) -> np.ndarray:
    """A mask with an oblique edge."""
    return np.arange(width)[None, :] < width * 0.9 - np.arange(height)[:, None] * slope


def write_rgba(path: Path, codes: np.ndarray, valid: np.ndarray, **profile) -> Path:
    """Write codes (3, h, w) with an alpha band."""
    alpha = (valid * np.iinfo(codes.dtype).max).astype(codes.dtype)
    pairs.write(path, np.concatenate([codes, alpha[None]]), photometric="RGB", alpha="yes", **profile)
    return path


def write_png(path: Path, codes: np.ndarray) -> Path:
    """Write a picture without a georeference."""
    profile = {"driver": "PNG", "count": len(codes), "dtype": codes.dtype}
    with (
        pytest.warns(),
        rasterio.open(path, "w", height=codes.shape[1], width=codes.shape[2], **profile) as f,
    ):
        f.write(codes)
    return path


def read_placeless(path: Path) -> np.ndarray:
    """Bands of a picture without a georeference."""
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        return pairs.read(path)


def every_tool(picture: Path, other: Path, folder: Path, **options) -> list[Path]:
    """Run the tools that take finished pictures; returns the files that they wrote."""
    folder.mkdir()
    names = ("ab", "exaggerated", "other", "difference", "toned")
    ab, one, two, grey, toned = outputs = [folder / f"{name}.tif" for name in names]
    tools.ab(picture, ab, **options)
    tools.exaggerate(picture, other, one, two, factor=2.5, **options)
    tools.gray_diff(picture, other, grey, **options)
    tools.quick_contrast(picture, toned, **options)
    return outputs
