"""A simulated pair as files, in the form of an ARD tile, and the picture of its truth."""

from pathlib import Path

import numpy as np
import torch

from potato.core.color import mul_to_oklab
from potato.core.profiles import find_profile
from potato.core.render import NATURAL, render
from potato.raster.coordinates import grid_at
from potato.raster.writer import Channels, create_picture, write_image
from potato.simulation.ground import make_ground
from potato.simulation.imager import observe, ragged_mask, truth
from potato.simulation.land.basis import BASIS
from potato.simulation.random_imager import random_imager

TRUTH_OPTIONS = {"OVERVIEWS": "NONE", "LEVEL": "9"}
"""Creation options of the truth, one of which comes with the package: small before quick."""


def write_pair(pan: Path, mul: Path, true: Path, size: int, seed: int) -> None:
    """Simulate a pair of a town with a ragged edge, and write it with its truth.

    Args:
        pan: the file of the panchromatic image; replaced if it is there.
        mul: the file of the multispectral image; replaced if it is there.
        true: the picture of a perfect sharpener (`imager.truth`), in the look `natural`; replaced
            if it is there.
        size: side of pan in pixels, a multiple of 4, at least 256.
        seed: of everything random.

    Raises:
        OutputError: if a file can't be written.
    """
    generator = torch.Generator().manual_seed(seed)
    ground = make_ground(size, size, generator, style="town")
    imager = random_imager(generator)
    pan_counts, mul_counts = observe(ground, generator, imager)
    valid = ragged_mask(size, size, generator, share=0.06)
    ratio = BASIS.ratio
    mul_valid = valid.reshape(size // ratio, ratio, size // ratio, ratio).any(3).any(1)
    fine = grid_at(size, size, 0.5)
    coarse = grid_at(size // ratio, size // ratio, 0.5 * ratio)
    write_image(pan, (pan_counts.numpy() * valid.numpy())[None], valid.numpy(), fine, ("BAND_P",))
    write_image(mul, mul_counts.numpy() * mul_valid.numpy(), mul_valid.numpy(), coarse, BASIS.codes)
    codes = render(mul_to_oklab(truth(ground, imager)[1], BASIS), NATURAL).numpy()
    rgba = np.concatenate([codes, NATURAL.white * np.ones_like(codes[:1])]) * valid.numpy()
    with create_picture(
        true,
        fine,
        channels=Channels("uint8"),
        profile=find_profile("cog"),
        options=TRUTH_OPTIONS,
        tags=NATURAL.tags,
        overwrite=True,
    ) as picture:
        picture.put(0, 0, rgba.astype(np.uint8), size)
