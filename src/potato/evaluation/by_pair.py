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
from potato.evaluation.pair_windows import WINDOW, PairFiles, choose_region, map_windows, to_tensors
from potato.evaluation.protocols import Protocols, evaluate_window
from potato.evaluation.result import Charts, Evaluation, provenance
from potato.evaluation.tables import pair_sections
from potato.raster.gdal_env import gdal
from potato.raster.layer import Layer, Reading
from potato.raster.pair import PairPixels


@one_thread()
def evaluate_pair(
    pan: PathLike | Layer,
    mul: PathLike | Layer,
    methods: MethodSpec | None = None,
    *,
    reading: Reading | None = None,
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
        pan: the panchromatic image, as `open_pair` takes it.
        mul: the multispectral bands of the same ground.
        methods: the model and the baselines; None for every baseline and the shipped weights, or
            the predictor if they don't fit the sensor.
        reading: how to read the files, where they don't say it themselves.
        protocols: the protocols to run; None for all. Those that the sensor has no facts for are
            left out, and the result's notes say so.
        window: evaluate only (row, column, height, width) in pan pixels, multiples of the
            ratio; None for the whole.
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
    pair_files = PairFiles(pan, mul, reading)
    with gdal(), pair_files.open() as pair:
        sensor = pair.sensor
        protocols, left_out = (protocols or Protocols()).for_sensor(sensor)
        region = choose_region(
            pair, window, protocols.least(pair.ratio), "choose fewer --protocol or --halvings"
        )
        files = {"pan": pair.pan_path, "mul": pair.mul_path, "sensor": sensor.name}
        notes = (*pair.notes, *left_out)
    methods = (methods or MethodSpec()).for_sensor(sensor)
    names = [method.name for method in methods.methods]
    found, chart = {name: Findings() for name in names}, ErrorMap(region)
    work = functools.partial(_evaluate, methods if cluster is None else methods.for_workers(), protocols)
    results = map_windows(
        pair_files, region, sensor.ratio, work, workers=workers, cluster=cluster, progress=progress
    )
    evaluated = 0
    for place, result in results:
        if result is not None:
            evaluated += 1
            for whole, part in zip(found.values(), result[0], strict=True):
                whole.join(part)
            chart.put(place, result[1])
    if not evaluated:
        raise EmptyError(f"{files['pan']}: expected valid pixels to evaluate, found none")
    sections = pair_sections(found, protocols, sensor)
    first = sections[0]
    column = "mean" if "mean" in first.columns else "consistency"
    headline = first.rows[names[-1]][column]
    if math.isnan(headline):
        raise EmptyError(f"{files['pan']}: expected valid pixels away from borders and holes, found none")
    histograms = {name: one.first.total for name, one in found.items()}
    return Evaluation(
        "pair",
        {**files, "window": None if window is None else list(window)},
        provenance(methods.methods),
        sections,
        headline,
        f"{column} ΔE of {names[-1]}, {first.key}",
        {"windows": {"judged": evaluated, "side_in_pan_pixels": WINDOW}},
        Charts(first.title, histograms, chart.canvas, f"{names[-1]}, {first.key}"),
        notes,
    )


@one_thread()
def _evaluate(
    methods: MethodSpec, protocols: Protocols, pixels: PairPixels
) -> tuple[list[Findings], Tensor] | None:
    """Evaluate a window; None if nothing in it is valid."""
    if not (pixels.pan_valid.any() and pixels.mul_valid.any()):
        return None
    window = CompletePair.of_window(*to_tensors(pixels))
    return evaluate_window(methods.methods, window, protocols, methods.sensor)
