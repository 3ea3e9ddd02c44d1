"""Power spectra, for tests of random fields."""

from itertools import pairwise

import numpy as np


def slope(field):
    """The exponent of the power spectrum, from 4 cycles a side to a fifth of the sampling rate."""
    side = len(field)
    power = np.abs(np.fft.fft2(field - field.mean())) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    edges = np.geomspace(4 / side, 0.2, 12)
    means = [power[(low <= frequency) & (frequency < high)].mean() for low, high in pairwise(edges)]
    return np.polyfit(np.log(np.sqrt(edges[1:] * edges[:-1])), np.log(means), 1)[0]
