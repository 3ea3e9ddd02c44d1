"""Evaluation by a real pair: Wald's protocol twice, and full scale, where there is no truth."""

import functools
import math
from collections.abc import Sequence

from torch import Tensor

from potato.core.types import PathLike
from potato.engine.torch_threads import one_thread
from potato.errors import EmptyError
from potato.evaluation.error_map import ErrorMap
from potato.evaluation.findings import Findings
from potato.evaluation.masks import CompletePair
from potato.evaluation.methods import MethodSpec
from potato.evaluation.pair_windows import WINDOW, choose_region, map_windows, to_tensors
from potato.evaluation.protocols import Protocols, evaluate_window
from potato.evaluation.result import Charts, Evaluation, provenance
from potato.evaluation.tables import first_histogram, pair_sections
from potato.raster import PairPixels, gdal, open_pair


@one_thread()
def evaluate_pair(
    pan: PathLike,
    mul: PathLike,
    methods: MethodSpec | None = None,
    *,
    protocols: Protocols | None = None,
    window: Sequence[int] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Evaluation:
    """Compare a model and the baselines on a pair of files.

    The pair is evaluated in windows of at most `WINDOW` pan pixels, each as a pair of its own, so
    memory is bounded. No figure depends on `workers` or `cluster`. Invalid pixels, their
    surroundings and the borders of windows don't count.

    Args:
        pan: a panchromatic image: one band of uint16 reflectance × 10,000, from any file or address
            that GDAL reads.
        mul: the 8 multispectral bands of the same ground, four times coarser.
        methods: the model and the baselines; None for the shipped weights and every baseline.
        protocols: the protocols to run; None for all.
        window: evaluate only (row, column, height, width) in pan pixels, multiples of 4; None for
            the whole.
        workers: windows to work on at once; None for one per core that this process may use.
        cluster: `local`, or the address of a Dask scheduler, whose workers read and evaluate; None
            for threads of this process.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError, PairError, BandError, EmptyError: if the pair can't be used or is too small.
        WeightsError: if the weights can't be used.
        BlockError: if the work fails on a window.
        ClusterError: if the cluster can't be used, or is lost.
    """
    methods, protocols = methods or MethodSpec(), protocols or Protocols()
    names = [method.name for method in methods.methods]
    with gdal(), open_pair(pan, mul) as pair:
        region = choose_region(pair, window, protocols.least, "choose fewer --protocol or --halvings")
        files = {"pan": pair.pan_path, "mul": pair.mul_path}
    found, chart, evaluated = {name: Findings() for name in names}, ErrorMap(region), 0
    work = functools.partial(_evaluate, methods if cluster is None else methods.for_workers(), protocols)
    results = map_windows(pan, mul, region, work, workers=workers, cluster=cluster, progress=progress)
    for place, result in results:
        if result is not None:
            evaluated += 1
            for whole, part in zip(found.values(), result[0], strict=True):
                whole.join(part)
            chart.put(place, result[1])
    if not evaluated:
        raise EmptyError(f"{files['pan']}: expected valid pixels to evaluate, found none")
    sections = pair_sections(found, protocols)
    first = sections[0]
    column = "mean" if "mean" in first.columns else "consistency"
    headline = first.rows[names[-1]][column]
    if math.isnan(headline):
        raise EmptyError(f"{files['pan']}: expected valid pixels away from borders and holes, found none")
    histograms = {name: first_histogram(one, protocols) for name, one in found.items()}
    return Evaluation(
        "pair",
        {**files, "window": None if window is None else list(window)},
        provenance(methods.methods),
        sections,
        headline,
        f"{column} ΔE of {names[-1]}, {first.key}",
        {"windows": {"judged": evaluated, "side_in_pan_pixels": WINDOW}, "platform": protocols.platform},
        Charts(first.title, histograms, chart.canvas, f"{names[-1]}, {first.key}"),
    )


@one_thread()
def _evaluate(
    methods: MethodSpec, protocols: Protocols, pixels: PairPixels
) -> tuple[list[Findings], Tensor] | None:
    """Evaluate a window; None if nothing in it is valid."""
    if not (pixels.pan_valid.any() and pixels.mul_valid.any()):
        return None
    return evaluate_window(methods.methods, CompletePair.of_window(*to_tensors(pixels)), protocols)
