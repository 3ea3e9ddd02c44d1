"""Chips for tests, made of generated pairs."""

import numpy as np

import pairs
from potato.chips.wald import coarsen_pair
from potato.raster import PairPixels


def pixels(cells=64, seed=0, pan_valid=None, mul_valid=None):
    """Pixels of a generated pair."""
    pan, mul = pairs.ground(cells, cells, seed)
    everywhere = np.ones_like(pan, bool)
    return PairPixels(
        pan,
        mul,
        everywhere if pan_valid is None else pan_valid,
        everywhere[::4, ::4] if mul_valid is None else mul_valid,
    )


def a_chip(cells=8, seed=0):
    """A chip of `cells` × `cells` cells."""
    return coarsen_pair(pixels(8 * cells, seed))
