"""Figures and drawings of the pictures of a page: what can be said of each by its pair, and their colours."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from potato.core.render import Look, unrender
from potato.evaluation.findings import FullScale
from potato.evaluation.masks import CompletePair
from potato.evaluation.methods import Method
from potato.evaluation.protocols import Protocols, evaluate_window
from potato.report.layers import PairTensors
from potato.viewing.graticule import draw_density
from potato.viewing.scope import MAX_CHROMA, chroma_histogram

FULL = Protocols(halvings=(), displacements=(), literature=False)

BINS = 192
"""Along each side of a drawing of chroma."""


def judge_full(oklab: Tensor, valid: Tensor, pair: PairTensors) -> FullScale | None:
    """What can be said of a picture at full scale, where it and its pair are valid.

    Args:
        oklab: colours of the scene (3, 4h, 4w).
        valid: bool (4h, 4w).
        pair: of the same window.

    Returns:
        The figures, NaN where nothing could be judged; None if the window is too small.
    """
    if min(pair.mul.shape[1:]) < FULL.least:
        return None
    picture = Method("", lambda pan, mul: (oklab[None], None))
    window = CompletePair.of_window(pair.pan[None], pair.mul, pair.pan_valid & valid, pair.mul_valid)
    (found,), _ = evaluate_window([picture], window, FULL)
    return found.full_scale


def draw_chroma(codes: NDArray[np.uint8], valid: Tensor) -> NDArray[np.uint8]:
    """How often a picture has which chroma on a screen: as `darkroom.scope` draws it, without the graticule.

    Args:
        codes: uint8 (3, h, w).
        valid: bool (h, w), somewhere true.

    Returns:
        RGB (3, `BINS`, `BINS`): a to the right, b upwards, 0 in the middle, `MAX_CHROMA` at the
        rim.
    """
    colours = torch.from_numpy(codes)[:, valid][:, None]
    oklab = unrender(colours, Look("screen", 8))[:, 0]
    drawn = draw_density(chroma_histogram(oklab, MAX_CHROMA, BINS).numpy(), oklab.shape[1], MAX_CHROMA)
    return np.ascontiguousarray(drawn[::-1].transpose(2, 0, 1))


def count_codes(codes: NDArray[np.uint8], valid: Tensor, bins: int = 64) -> NDArray[np.float64]:
    """Histograms of a picture's channels: the share of valid pixels in each of `bins`, (3, bins)."""
    chosen = codes[:, valid.numpy()] // (256 // bins)
    return np.stack([np.bincount(channel, minlength=bins) / channel.size for channel in chosen])
