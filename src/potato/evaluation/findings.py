"""The protocols on one window of a pair that may have holes, for several sharpeners.

A pair larger than a window is judged window by window, each as a pair of its own, so that any size is
judged in the same memory. Figures are then over the pixels of all windows. Of those of the literature that
are no mean over pixels (ERGAS, Q8, SCC, SSIM, D_lambda, D_s), the mean over windows is taken, each as heavy
as what is judged of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

from potato.core.color import oklab_to_linear_srgb, srgb_encode
from potato.core.resample import block_mean, to_cells
from potato.core.sensors import RATIO
from potato.evaluation import metrics
from potato.evaluation.masks import complete_pair, inner
from potato.evaluation.methods import Contender
from potato.evaluation.metrics.reduced import SSIM_WINDOW
from potato.evaluation.protocols import (
    BORDER,
    FRINGE_REACH,
    Case,
    displaced_cases,
    full_maps,
    plain_case,
    register_arrays,
)
from potato.evaluation.statistics import Correlation, Difference, Mean, Spread

FULL = "full"
"""Key of what is found at full scale."""

_MOVED = 2
"""Mul pixels that registration may move what is invalid."""


def plain_key(halvings: int) -> str:
    """Key of the plain protocol after so many halvings."""
    return f"plain ds{halvings}"


def displaced_key(displacement: float) -> str:
    """Key of the displaced protocol by so many low-resolution mul pixels."""
    return f"displaced {displacement:g}"


@dataclass(frozen=True)
class Protocols:
    """What is to be judged.

    Attributes:
        halvings: of the plain protocol, one run for each.
        displacements: of the displaced protocol, one run for each.
        full: whether to judge at full scale.
        literature: whether to add the literature's figures to plain and full.
        platform: `WV02` or `WV03`: whose modulation transfer HQNR takes.
    """

    halvings: tuple[int, ...] = (0, 1)
    displacements: tuple[float, ...] = (0.0, 0.35, 0.6)
    full: bool = True
    literature: bool = True
    platform: str = "WV02"

    @property
    def least(self) -> int:
        """Cells along the side of the smallest pair that all of this can judge."""
        plain: list[int] = [(2 * BORDER + RATIO) * 2**halvings for halvings in self.halvings]
        return max([*plain, 40 if self.displacements else 0, 8])


@dataclass
class Findings:
    """What is found of one sharpener, over any number of windows.

    Attributes:
        differences: from the truth, by protocol.
        fringe: |high-pass of a| × 100, at full scale.
        detail: of the high-pass of L with that of pan's cube root, there.
        consistency: from the colour of mul, there.
        figures: of the literature, by protocol and name; PSNR as mean square error, for means of dB mean
            nothing.
    """

    differences: dict[str, Difference] = field(default_factory=dict)
    fringe: Spread = field(default_factory=Spread)
    detail: Correlation = field(default_factory=Correlation)
    consistency: Difference = field(default_factory=Difference)
    figures: dict[str, dict[str, Mean]] = field(default_factory=dict)

    def join(self, other: Self) -> None:
        """Count what was found in other windows."""
        for key, difference in other.differences.items():
            self.differences.setdefault(key, Difference()).join(difference)
        self.fringe.join(other.fringe)
        self.detail.join(other.detail)
        self.consistency.join(other.consistency)
        for key, means in other.figures.items():
            for name, mean in means.items():
                self.figures.setdefault(key, {}).setdefault(name, Mean()).join(mean)

    def note(self, key: str, figures: dict[str, float], weight: float) -> None:
        """Count one window's figures of the literature."""
        for name, value in figures.items():
            self.figures.setdefault(key, {}).setdefault(name, Mean()).add(value, weight)


def judge_window(
    contenders: Sequence[Contender],
    pan: Tensor,
    mul: Tensor,
    pan_valid: Tensor,
    mul_valid: Tensor,
    protocols: Protocols,
) -> tuple[list[Findings], Tensor]:
    """Judge sharpeners by one window of a pair.

    Args:
        contenders: whom to judge; the last is the one whose map is drawn.
        pan: reflectance (1, 4h, 4w).
        mul: reflectance (8, h, w). A protocol cuts off what its coarser grids can't hold, a few cells.
        pan_valid: bool (4h, 4w).
        mul_valid: bool (h, w). Where either is invalid, or a border's width from it, nothing is judged.
        protocols: what to judge.

    Returns:
        What is found of each contender; and a map of the last one's ΔE in the first protocol, on mul's
        grid or a coarser one, NaN where it isn't judged.
    """
    # Sharpeners that fit statistics of a whole image must see neither image without the other.
    seen = (to_cells(pan_valid[None, None].float()) > 0)[0]
    whole = mul_valid & seen.all(0)
    pan_valid, mul_valid = pan_valid & _enlarge(mul_valid), mul_valid & seen.any(0)
    pair = complete_pair(pan[None], mul[None], pan_valid[None, None], mul_valid[None, None])
    found = [Findings() for _ in contenders]
    drawn: Tensor | None = None
    for halvings in protocols.halvings:
        step, coarser = RATIO * 2**halvings, 2**halvings
        case = plain_case(_cut(pair[0], RATIO * step), _cut(pair[1], step), halvings)
        bands = block_mean(_cut(pair[1], step), coarser)
        judged = inner(block_mean(_cut(whole, step).float(), coarser) == 1, BORDER)
        for contender, findings in zip(contenders, found, strict=True):
            distance = _judge_plain(contender, findings, case, bands, judged, halvings, protocols.literature)
        drawn = _as_map(distance, judged) if drawn is None else drawn
    if protocols.displacements:
        judged = inner(_cut(whole, RATIO), BORDER, BORDER + _MOVED)
        trimmed, registered = _cut(pair[0], RATIO * RATIO), _cut(pair[1], RATIO)
        registered = register_arrays(trimmed, registered)
        for displacement in protocols.displacements:
            # In all directions by nothing is the same.
            cases = list(displaced_cases(trimmed, registered, displacement))[: None if displacement else 1]
            for contender, findings in zip(contenders, found, strict=True):
                difference = findings.differences.setdefault(displaced_key(displacement), Difference())
                for case in cases:
                    distance = difference.add(contender.make(case.pan, case.mul)[0], case.truth, judged[None])
            drawn = _as_map(distance, judged) if drawn is None else drawn
    if protocols.full:
        for contender, findings in zip(contenders, found, strict=True):
            distance, judged = _judge_full(contender, findings, pair, pan_valid, whole, protocols)
        drawn = _as_map(distance, judged) if drawn is None else drawn
    assert drawn is not None, "nothing to judge"
    return found, drawn


def _judge_plain(
    contender: Contender,
    findings: Findings,
    case: Case,
    bands: Tensor,
    judged: Tensor,
    halvings: int,
    literature: bool,
) -> Tensor:
    """One run of the plain protocol; ΔE (1, h, w) of every pixel."""
    key = plain_key(halvings)
    oklab, sharp = contender.make(case.pan, case.mul)
    distance = findings.differences.setdefault(key, Difference()).add(oklab, case.truth, judged[None])
    if literature:
        inside = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
        valid, pixels = judged[inside], float(judged.sum())
        findings.note(key, picture_figures(oklab[0][inside], case.truth[0][inside], valid), pixels)
        if sharp is not None:
            result, truth = sharp[0][inside], bands[0][inside]
            figures = {
                "SAM": metrics.sam(result, truth, valid=valid),
                "ERGAS": metrics.ergas(result, truth, valid=valid),
                "Q8": metrics.q2n(result, truth, valid=valid),
                "SCC": metrics.scc(result, truth, valid=valid),
            }
            findings.note(key, figures, pixels)
    return distance


def picture_figures(result: Tensor, truth: Tensor, valid: Tensor) -> dict[str, float]:
    """The literature's figures of Oklab images (3, h, w), taken of their sRGB signals as on a screen.

    Returns:
        `square`, the mean square error, which is PSNR without its logarithm; and `SSIM`.
    """
    first, second = (srgb_encode(oklab_to_linear_srgb(image).clamp(0, 1)) for image in (result, truth))
    decibel = metrics.psnr(first, second, valid=valid)
    wide = min(valid.shape) >= SSIM_WINDOW
    ssim = metrics.ssim(first, second, valid=valid) if wide else math.nan
    return {"square": 10 ** (-decibel / 10), "SSIM": ssim}


def _judge_full(
    contender: Contender,
    findings: Findings,
    pair: tuple[Tensor, Tensor],
    valid: Tensor,
    whole: Tensor,
    protocols: Protocols,
) -> tuple[Tensor, Tensor]:
    """One run at full scale; distance (1, h, w) from the colour of mul, and which cells count for it."""
    oklab, sharp = contender.make(*pair)
    maps = full_maps(oklab, *pair)
    # A high-pass is judged up to the image's edges, where it is mirrored, but not across holes.
    seen = inner(valid, 0, FRINGE_REACH)[None]
    findings.fringe.add(maps.fringe[seen])
    findings.detail.add(maps.lightness[seen], maps.shading[seen])
    judged = inner(whole, BORDER // RATIO)
    distance = findings.consistency.add(maps.coarse, maps.colour, judged[None])
    if protocols.literature and sharp is not None:
        images = (sharp[0], pair[1][0], pair[0][0])
        low = block_mean(pair[0][0])
        figures = {
            "D_lambda": metrics.d_lambda(*images[:2], valid=valid),
            "D_s": metrics.d_s(*images, low, valid=valid),
            "D_lambda K": metrics.d_lambda_khan(*images[:2], platform=protocols.platform, valid=valid),
            "D_s MTF": metrics.d_s_mtf(*images, platform=protocols.platform, valid=valid),
        }
        findings.note(FULL, figures, float(valid.sum()))
    return distance, judged


def _cut(image: Tensor, step: int) -> Tensor:
    """An image (…, h, w) without what its sides exceed multiples of `step` by."""
    return image[..., : image.shape[-2] // step * step, : image.shape[-1] // step * step]


def _enlarge(valid: Tensor) -> Tensor:
    """Cells (h, w) as pan pixels (4h, 4w)."""
    return valid.repeat_interleave(RATIO, 0).repeat_interleave(RATIO, 1)


def _as_map(distance: Tensor, judged: Tensor) -> Tensor:
    """ΔE (1, h, w) as a map (h, w), NaN where it isn't judged."""
    return torch.where(judged, distance[0], torch.full_like(distance[0], math.nan))
