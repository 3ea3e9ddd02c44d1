"""The figures of a picture against its pair, and drawings of its colours."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.core.render import unrender
from potato.evaluation.findings import FullScale
from potato.evaluation.masks import CompletePair
from potato.evaluation.methods import Method
from potato.evaluation.protocols import Protocols, evaluate_window
from potato.report.layers import PairTensors
from potato.viewing.color_ops import screen_look
from potato.viewing.graticule import draw_density
from potato.viewing.scope import MAX_CHROMA, chroma_histogram

FULL_SCALE_ONLY = Protocols(halvings=(), displacements=(), literature=False)
"""The figures that need no truth."""

CHROMA_BINS = 192
"""Bins, and pixels, along each side of a drawing of chroma."""

CODE_BINS = 64
"""Bins of a histogram of the codes 0..255."""


def measure_full_scale(oklab: Tensor, valid: Tensor, pair: PairTensors) -> FullScale | None:
    """Measure a picture at full scale, where it and its pair are valid.

    Args:
        oklab: colours of the scene (3, 4h, 4w).
        valid: bool (4h, 4w).
        pair: the pair in the window of the picture.

    Returns:
        The figures, NaN if nothing could be measured; None if the window is too small.
    """
    if min(pair.mul.shape[1:]) < FULL_SCALE_ONLY.least:
        return None
    picture = Method("", lambda pan, mul: (oklab[None], None))
    window = CompletePair.of_window(pair.pan, pair.mul, pair.pan_valid & valid, pair.mul_valid)
    (found,), _ = evaluate_window([picture], window, FULL_SCALE_ONLY)
    return found.full_scale


def draw_chroma(codes: NDArray[np.uint8], valid: Tensor) -> NDArray[np.uint8]:
    """Draw how a picture's colours are distributed: a vectorscope without labels.

    Args:
        codes: uint8 (3, h, w).
        valid: bool (h, w), somewhere true.

    Returns:
        RGB (3, `CHROMA_BINS`, `CHROMA_BINS`): Oklab a to the right, b upwards, grey in the middle,
        `MAX_CHROMA` at the rim.
    """
    oklab = unrender(torch.from_numpy(codes)[:, valid][:, None], screen_look(8))[:, 0]
    counts = chroma_histogram(oklab, MAX_CHROMA, CHROMA_BINS).numpy()
    drawn = draw_density(counts, oklab.shape[1], MAX_CHROMA)
    return np.ascontiguousarray(drawn[::-1].transpose(2, 0, 1))


def count_codes(codes: NDArray[np.uint8], valid: Tensor) -> NDArray[np.float64]:
    """Histograms (3, `CODE_BINS`) of the channels: the share of valid pixels in each bin."""
    chosen = codes[:, valid.numpy()] // (256 // CODE_BINS)
    return np.stack([np.bincount(channel, minlength=CODE_BINS) / channel.size for channel in chosen])
