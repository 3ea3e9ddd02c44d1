"""A simulated pair as files, in the form of an ARD tile."""

from pathlib import Path

import torch

from potato.raster.coordinates import grid_at
from potato.raster.writer import write_image
from potato.simulation.ground import make_ground
from potato.simulation.imager import observe, ragged_mask
from potato.simulation.land.basis import BASIS
from potato.simulation.random_imager import random_imager


def write_pair(pan: Path, mul: Path, size: int, seed: int) -> None:
    """Simulate a pair of a town with a ragged edge, and write it.

    Args:
        pan: the file of the panchromatic image; replaced if it is there.
        mul: the file of the multispectral image; replaced if it is there.
        size: side of pan in pixels, a multiple of 4, at least 256.
        seed: of everything random.

    Raises:
        OutputError: if a file can't be written.
    """
    generator = torch.Generator().manual_seed(seed)
    ground = make_ground(size, size, generator, style="town")
    pan_counts, mul_counts = observe(ground, generator, random_imager(generator))
    valid = ragged_mask(size, size, generator, share=0.06)
    ratio = BASIS.ratio
    mul_valid = valid.reshape(size // ratio, ratio, size // ratio, ratio).any(3).any(1)
    fine = grid_at(size, size, 0.5)
    coarse = grid_at(size // ratio, size // ratio, 0.5 * ratio)
    write_image(pan, (pan_counts.numpy() * valid.numpy())[None], valid.numpy(), fine, ("BAND_P",))
    write_image(mul, mul_counts.numpy() * mul_valid.numpy(), mul_valid.numpy(), coarse, BASIS.codes)
