"""Four protocols for evaluating sharpeners on pairs; any one alone misleads.

- plain: Wald's protocol. The pair is made coarser by its ratio first, so that mul itself is the
  truth. It shares any displacement of the band arrays, so this rewards fidelity, not healing.
- mtf: Wald's protocol, the pair made coarser by the sensor's modulation transfer, as the literature
  has it.
- displaced: Wald's protocol with a registered truth and displaced band arrays in the input.
- full: full scale, where no truth exists: fringes, noise, detail, and agreement with mul.

`evaluate_window` runs them with several methods on a window that may have holes. A larger pair is
evaluated window by window, so memory is bounded; figures are then over the pixels of all windows.
Figures of the literature that are no mean over pixels (ERGAS, Q2n, SCC, SSIM, D_lambda, D_s) are
averaged over windows, weighted by pixels. `plain`, `displaced` and `full` run a single protocol
with one sharpener on a whole, valid pair.

Figures depend on the matrix from bands to XYZ, so compare sharpeners only under one.

Source of Wald's protocol: L. Wald, T. Ranchin, M. Mangolini, "Fusion of satellite images of
different spatial resolutions: assessing the quality of resulting images" (1997).
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from potato.core.arrays import as_numpy
from potato.core.color import mul_to_oklab
from potato.core.full_scale import BORDER, LEAST_CELLS, FullScale, FullScaleWindow, fringes
from potato.core.mtf import mul_gains, reach
from potato.core.resample import block_mean, inner
from potato.core.sensors import Sensor
from potato.core.statistics import Difference
from potato.errors import InputError
from potato.evaluation.cases import Case, crop_to_multiple, displaced_cases, mtf_case, plain_case
from potato.evaluation.findings import Findings, band_figures, picture_figures, quality_figures
from potato.evaluation.masks import CompletePair
from potato.evaluation.methods import Method, Sharpen
from potato.evaluation.registration import LEAST_SIDE, register_arrays

MTF = "plain mtf"
"""Key of the protocol mtf."""

FULL = "full"
"""Key of the figures at full scale."""

INSIDE = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
"""Index of an image's pixels without that border."""

_MOVED = 2
"""Mul pixels that registration may move invalid pixels."""


@dataclass(frozen=True)
class Protocols:
    """The protocols to run.

    Attributes:
        halvings: how often the pair is halved before the plain protocol, one run for each number.
        displacements: mul pixels between the arrays in the displaced protocol, one run for each.
        full: whether to evaluate at full scale.
        mtf: whether to evaluate by modulation transfer.
        literature: whether to add the literature's figures to plain and full.
    """

    halvings: tuple[int, ...] = (0, 1)
    displacements: tuple[float, ...] = (0.0, 0.35, 0.6)
    full: bool = True
    literature: bool = True
    mtf: bool = True

    def for_sensor(self, sensor: Sensor) -> tuple[Self, tuple[str, ...]]:
        """Those that can run on pairs of a sensor, and why others are left out, a line each.

        Raises:
            InputError: if none can.
        """
        if not self.displacements or len(sensor.arrays) > 1:
            return self, ()
        unknown = f"two detector arrays, which aren't known of {sensor.title}"
        if not (self.halvings or self.full or self.mtf):
            raise InputError(f"protocol displaced: expected {unknown}; choose --protocol plain or full")
        return dataclasses.replace(self, displacements=()), (
            f"left out protocol displaced, since it moves {unknown}",
        )

    def least(self, ratio: int) -> int:
        """Cells along the shorter side of the smallest pair on which all of these can run."""
        plain: list[int] = [
            (2 * BORDER + ratio) * 2**halvings for halvings in (*self.halvings, *([0] if self.mtf else []))
        ]
        return max([*plain, LEAST_SIDE if self.displacements else 0, LEAST_CELLS])


def plain_key(halvings: int) -> str:
    """Key of the plain protocol at a number of halvings."""
    return f"plain ds{halvings}"


def displaced_key(displacement: float) -> str:
    """Key of the displaced protocol at a displacement in low-resolution mul pixels."""
    return f"displaced {displacement:g}"


def plain(sharpen: Sharpen, pan: Tensor, mul: Tensor, halvings: int = 0, *, sensor: Sensor) -> float:
    """Wald's protocol: sharpen block means by r, compare with the colour of the original mul.

    Args:
        sharpen: the sharpener.
        pan: reflectance (b, 1, rh, rw).
        mul: reflectance (b, n, h, w); cells beyond a multiple of r · 2^halvings are left out.
        halvings: how often pan and mul are halved first, which sheds artefacts.
        sensor: the sensor.

    Returns:
        Mean distance in JND without `BORDER` pixels of border; 0 is perfect.

    Raises:
        ValueError: if the shapes don't fit each other, or too little is left to compare.
    """
    return _mean(_evaluate_whole(sharpen, pan, mul, _only(halvings=(halvings,)), sensor), plain_key(halvings))


def displaced(sharpen: Sharpen, pan: Tensor, mul: Tensor, displacement: float, *, sensor: Sensor) -> float:
    """Wald's protocol with a registered truth and an input whose band arrays are displaced.

    The truth is the colour of `register_arrays(pan, mul, sensor)`. From this registered mul, the
    first array is moved by +displacement / 2 and the second by −displacement / 2 before the block
    means by r; the result is the mean over `DIRECTIONS` directions, 0°, 45°, … 315°. Pan stays.
    Real WorldView-3 pairs show about 0.35 at full scale, cars more.

    Args:
        sharpen: the sharpener.
        pan: reflectance (b, 1, rh, rw).
        mul: reflectance (b, n, h, w), sides of 40 or more; cells beyond a multiple of r are cut.
        displacement: between the two arrays, in low-resolution mul pixels (r of the given mul's).
        sensor: the sensor.

    Returns:
        Mean distance in JND without `BORDER` pixels of border; 0 is perfect.

    Raises:
        ValueError: if the shapes don't fit each other or are too small.
    """
    only = _only(displacements=(displacement,))
    return _mean(_evaluate_whole(sharpen, pan, mul, only, sensor), displaced_key(displacement))


def full(sharpen: Sharpen, pan: Tensor, mul: Tensor, *, sensor: Sensor) -> FullScale:
    """Figures at full scale, without a truth.

    Args:
        sharpen: the sharpener.
        pan: reflectance (b, 1, rh, rw), sides above 4r.
        mul: reflectance (b, n, h, w).
        sensor: the sensor.

    Returns:
        The figures. Consistency compares averages in Oklab and leaves out a border of `BORDER` pan
        pixels; the others count every pixel. Percentiles are exact to a thousandth.

    Raises:
        ValueError: if the shapes don't fit each other or are too small.
    """
    return _evaluate_whole(sharpen, pan, mul, _only(full=True), sensor).full_scale.figures


def evaluate_window(
    methods: Sequence[Method], pair: CompletePair, protocols: Protocols, sensor: Sensor
) -> tuple[list[Findings], Tensor]:
    """Run protocols with several methods on one window.

    Args:
        methods: the methods to evaluate.
        pair: the window. Each protocol leaves out the few cells that its coarser grids can't hold,
            and pixels within `BORDER` of an invalid one or of the window's edge.
        protocols: the protocols to run; at least one.
        sensor: the sensor of the pair.

    Returns:
        The findings of each method; and a map (h, w) of the last method's ΔE in the first protocol,
        on mul's grid or a coarser one, NaN where pixels don't count.

    Raises:
        ValueError: if mul hasn't the bands of the sensor.
    """
    if pair.mul.shape[1] != len(sensor.bands):
        found = tuple(pair.mul.shape)
        raise ValueError(f"expected mul as (b, {len(sensor.bands)}, h, w) for {sensor.title}, found {found}")
    run = _Run(methods, [Findings() for _ in methods], pair, protocols, sensor)
    maps = [run.plain(halvings) for halvings in protocols.halvings]
    if protocols.mtf:
        maps.append(run.mtf())
    if protocols.displacements:
        maps.append(run.displaced())
    if protocols.full:
        maps.append(run.full())
    return run.found, maps[0]


def _only(
    halvings: tuple[int, ...] = (), displacements: tuple[float, ...] = (), full: bool = False
) -> Protocols:
    return Protocols(halvings, displacements, full, literature=False, mtf=False)


def _evaluate_whole(
    sharpen: Sharpen, pan: Tensor, mul: Tensor, protocols: Protocols, sensor: Sensor
) -> Findings:
    method = Method("", lambda pan, mul: (sharpen(pan, mul), None))
    (found,), _ = evaluate_window([method], CompletePair.of_valid(pan, mul), protocols, sensor)
    return found


def _mean(found: Findings, key: str) -> float:
    if not found.differences[key].total.count:
        raise ValueError(f"expected sides above {2 * BORDER} to compare after coarsening, found fewer")
    return found.differences[key].total.mean


@dataclass(frozen=True)
class _Run:
    """Protocols run on one window: each adds to the findings, and returns the last method's map."""

    methods: Sequence[Method]
    found: list[Findings]
    pair: CompletePair
    protocols: Protocols
    sensor: Sensor

    def plain(self, halvings: int) -> Tensor:
        """The plain protocol at a number of halvings; the map is of ΔE."""
        ratio, coarser = self.pair.ratio, 2**halvings
        step = ratio * coarser
        pan, mul = crop_to_multiple(self.pair.pan, ratio * step), crop_to_multiple(self.pair.mul, step)
        case, bands = plain_case(pan, mul, self.sensor, halvings), block_mean(mul, coarser)
        whole = block_mean(crop_to_multiple(self.pair.whole, step).float(), coarser) == 1
        return self._against_truth(plain_key(halvings), case, bands, inner(whole, BORDER))

    def mtf(self) -> Tensor:
        """The protocol by modulation transfer; the map is of ΔE."""
        ratio = self.pair.ratio
        pan, mul = crop_to_multiple(self.pair.pan, ratio**2), crop_to_multiple(self.pair.mul, ratio)
        # Cells that were filled are blurred into others.
        gap = BORDER + ratio * reach(mul_gains(self.sensor))
        counted = inner(crop_to_multiple(self.pair.whole, ratio), BORDER, gap)
        return self._against_truth(MTF, mtf_case(pan, mul, self.sensor), mul, counted)

    def _against_truth(self, key: str, case: Case, bands: Tensor, counted: Tensor) -> Tensor:
        """Compare each method with a truth: its colour, and its bands (b, n, h, w)."""
        for method, findings in zip(self.methods, self.found, strict=True):
            oklab, make = method.sharpen(case.pan, case.mul)
            distance = _add(findings.difference(key), oklab, case.truth, counted)
            if self.protocols.literature:
                valid, pixels = counted[INSIDE], float(counted.sum())
                sharp = make() if make else None
                for n in range(len(oklab)):
                    figures = picture_figures(oklab[n][INSIDE], case.truth[n][INSIDE], valid)
                    if sharp is not None:
                        figures |= band_figures(sharp[n][INSIDE], bands[n][INSIDE], valid, self.pair.ratio)
                    findings.note(key, figures, pixels)
        return _as_map(distance, counted)

    def displaced(self) -> Tensor:
        """The displaced protocol, all displacements; the map is of the first one's ΔE."""
        ratio = self.pair.ratio
        counted = inner(crop_to_multiple(self.pair.whole, ratio), BORDER, BORDER + _MOVED)
        pan, mul = crop_to_multiple(self.pair.pan, ratio**2), crop_to_multiple(self.pair.mul, ratio)
        registered = register_arrays(pan, mul, self.sensor)
        maps = []
        for displacement in self.protocols.displacements:
            for case in displaced_cases(pan, registered, displacement, self.sensor):
                for method, findings in zip(self.methods, self.found, strict=True):
                    difference = findings.difference(displaced_key(displacement))
                    oklab = method.sharpen(case.pan, case.mul)[0]
                    distance = _add(difference, oklab, case.truth, counted)
            maps.append(_as_map(distance, counted))
        return maps[0]

    def full(self) -> Tensor:
        """Full scale; the map is of the distance from the colour of mul."""
        masks = as_numpy(self.pair.pan_valid), as_numpy(self.pair.whole)
        pairs = zip(as_numpy(self.pair.pan[:, 0]), as_numpy(self.pair.mul), strict=True)
        windows = [FullScaleWindow.of_pair(*pair, *masks, self.sensor) for pair in pairs]
        for method, findings in zip(self.methods, self.found, strict=True):
            oklab, make = method.sharpen(self.pair.pan, self.pair.mul)
            distances = [findings.full_scale.add(*one) for one in zip(as_numpy(oklab), windows, strict=True)]
            if self.protocols.literature and make:
                sharp = make()
                self._add_band_fringe(findings, sharp, windows)
                for images in zip(sharp, self.pair.mul, self.pair.pan, strict=True):
                    figures = quality_figures(*images, self.pair.pan_valid, self.sensor)
                    findings.note(FULL, figures, float(self.pair.pan_valid.sum()))
        return _as_map(torch.from_numpy(distances[0])[None], torch.from_numpy(windows[0].cells))

    def _add_band_fringe(self, findings: Findings, bands: Tensor, windows: Sequence[FullScaleWindow]) -> None:
        """Add the fringes of bands (b, n, rh, rw) in the colour that they have."""
        colours = as_numpy(mul_to_oklab(bands.clamp_min(0), self.sensor))
        for oklab, window in zip(colours, windows, strict=True):
            findings.band_fringe.add(fringes(oklab, window.ratio)[-1][window.fine])


def _add(difference: Difference, oklab: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
    """Add the pixels (h, w) that count, of every image of a batch; ΔE (b, h, w) of every pixel."""
    return difference.add(oklab, truth, counted.expand(len(truth), -1, -1))


def _as_map(distance: Tensor, counted: Tensor) -> Tensor:
    """ΔE (b, h, w) as a map (h, w) of the first image, NaN in pixels that don't count."""
    return torch.where(counted, distance[0], torch.full_like(distance[0], math.nan))
