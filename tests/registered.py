"""Texture, and pairs whose band arrays lie on pan or beside it."""

import numpy as np
import torch
from scipy import ndimage

from potato.core.sensor_table import WORLDVIEW_2
from potato.evaluation.registration import shift


def smooth_noise(*shape, sigma=2.0, seed=0):
    """Positive texture, smooth enough for its grid to hold it."""
    noise = np.random.default_rng(seed).normal(size=shape)
    blurred = ndimage.gaussian_filter(noise, (0,) * (len(shape) - 2) + (sigma, sigma), mode="mirror")
    return torch.from_numpy(0.2 + 0.04 * blurred / blurred.std()).float()


def pulled_apart(mul):
    """mul (b, 8, h, w) with each array moved in a direction of its own."""
    apart = mul.clone()
    for bands, by in zip(WORLDVIEW_2.array_places, ((0.3, -0.2), (-0.25, 0.1)), strict=True):
        apart[:, bands] = shift(mul[:, bands], by)
    return apart
