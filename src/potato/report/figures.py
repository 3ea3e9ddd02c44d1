"""The figures of a picture against its pair, and drawings of its colours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.full_scale import LEAST_CELLS, FullScale, FullScaleCounts, FullScaleWindow
from potato.core.render import unrender
from potato.core.resample import block_mean
from potato.report.layers import ShownPair
from potato.viewing.color_ops import screen_look
from potato.viewing.graticule import draw_density
from potato.viewing.scope import MOST_CHROMA, chroma_histogram

CHROMA_BINS = 192
"""Bins, and pixels, along each side of a drawing of chroma."""

CODE_BINS = 64
"""Bins of a histogram of the codes 0..255."""


def measure_full_scale(oklab: NDArray[Any], valid: NDArray[np.bool_], pair: ShownPair) -> FullScale | None:
    """Measure a picture at full scale, where it and its pair are valid.

    Args:
        oklab: colours of the scene (3, rh, rw).
        valid: bool (rh, rw).
        pair: the pair in the window of the picture.

    Returns:
        The figures, NaN if nothing could be measured; None if the window is too small.
    """
    if min(pair.mul.shape[1:]) < LEAST_CELLS:
        return None
    pan_valid, found = pair.pan_valid & pair.colour_valid & valid, FullScaleCounts()
    whole = block_mean(pan_valid.astype(np.float32), pair.sensor.ratio) == 1
    found.add(oklab, FullScaleWindow.of_pair(pair.pan[0], pair.mul, pan_valid, whole, pair.sensor))
    return found.figures


def draw_chroma(codes: NDArray[np.uint8], valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw how a picture's colours are distributed: a vectorscope without labels.

    Args:
        codes: uint8 (3, h, w).
        valid: bool (h, w), somewhere true.

    Returns:
        RGB (3, `CHROMA_BINS`, `CHROMA_BINS`): Oklab a to the right, b upwards, grey in the middle,
        `MOST_CHROMA` at the rim.
    """
    oklab = unrender(codes[:, valid][:, None], screen_look(8))[:, 0]
    counts = chroma_histogram(oklab, MOST_CHROMA, CHROMA_BINS)
    drawn = draw_density(counts, oklab.shape[1], MOST_CHROMA)
    return np.ascontiguousarray(drawn[::-1].transpose(2, 0, 1))


def count_codes(codes: NDArray[np.uint8], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Histograms (3, `CODE_BINS`) of the channels: the share of valid pixels in each bin."""
    chosen = codes[:, valid] // (256 // CODE_BINS)
    return np.stack([np.bincount(channel, minlength=CODE_BINS) / channel.size for channel in chosen])
