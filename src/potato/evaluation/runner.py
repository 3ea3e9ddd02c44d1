"""`evaluate`: every mode of evaluation, with JSON and plots if asked."""

from collections.abc import Callable, Sequence

from potato.core.types import PathLike
from potato.errors import InputError
from potato.evaluation.by_chips import evaluate_chips
from potato.evaluation.by_pair import evaluate_pair
from potato.evaluation.by_pictures import evaluate_pictures
from potato.evaluation.by_registration import measure_registration
from potato.evaluation.by_surfaces import evaluate_surfaces
from potato.evaluation.methods import ALL, MethodSpec
from potato.evaluation.plots import draw_plots, plan_plots
from potato.evaluation.protocols import Protocols
from potato.evaluation.result import Evaluation
from potato.model.network import Sharpener
from potato.raster.atomic import write_whole
from potato.raster.layer import Layer, Reading
from potato.raster.output_files import check_output


def evaluate(
    pan: PathLike | Layer | None = None,
    mul: PathLike | Layer | None = None,
    *,
    chips: PathLike | None = None,
    pictures: tuple[PathLike, PathLike] | None = None,
    registration: tuple[PathLike | Layer, PathLike | Layer] | None = None,
    reflectances: PathLike | None = None,
    reading: Reading | None = None,
    weights: PathLike | Sharpener | None = None,
    baselines: Sequence[str] = ALL,
    protocols: Protocols | None = None,
    window: Sequence[int] | None = None,
    device: str = "auto",
    workers: int | None = None,
    cluster: str | None = None,
    json_file: PathLike | None = None,
    plots: PathLike | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Evaluation:
    """Evaluate sharpeners, compare two pictures, or measure a pair.

    Name exactly one of five inputs: a pair (`pan` and `mul`), `chips`, `pictures`, `registration`
    or `reflectances`. Each has a function of its own: `evaluate_pair`, `evaluate_chips`,
    `evaluate_pictures`, `measure_registration` and `evaluate_surfaces`.

    Args:
        pan: evaluate on this panchromatic image and `mul`, as `open_pair` takes them.
        mul: the multispectral bands of the same ground.
        chips: evaluate on the chips `0.pt`, `1.pt`, … of this folder.
        pictures: compare these two finished pictures, which lie on one grid.
        registration: measure how far the band arrays of this pair (pan, mul) lie from pan.
        reflectances: evaluate on every surface of this CSV file, or of the package's own list for
            `"packaged"`.
        reading: pair, registration: how to read the files, where they don't say it themselves.
        weights: pair, chips, reflectances: a checkpoint, a name of shipped weights such as
            `worldview`, `predictor` for the bare predictor, or a model; None for the shipped
            weights of the sensor or, if it has none, the predictor.
        baselines: pair, chips, reflectances: names of methods to compare with the weights, of
            `bicubic`, `brovey`, `gsa`, `mtf-glp-hpm`, `awlp`, `gdal-pansharpen` (if installed) and
            `predictor`; or `("all",)`.
        protocols: pair: the protocols to run; None for all.
        window: pair, registration: evaluate only (row, column, height, width) in pan pixels,
            multiples of the ratio; None for the whole pair.
        device: pair, chips, reflectances: where models compute (`auto`, `cpu`, `cuda`, `cuda:N`,
            `mps`).
        workers: all but reflectances: windows, chips or blocks to work on at once; changes no
            figure. None for one per core that this process may use.
        cluster: pair, chips, registration: `local`, or the address of a Dask scheduler whose
            workers do the work; changes no figure. None for threads of this process.
        json_file: where to write all figures; None for nowhere.
        plots: the folder for plots, which need matplotlib; None for none.
        overwrite: whether files that exist are replaced.
        progress: whether to draw a progress bar on stderr.

    Returns:
        The tables, the headline and the data of plots.

    Raises:
        InputError: if not exactly one mode is chosen, an input can't be used, or matplotlib, which
            plots need, isn't installed.
        PairError, BandError, GridError, ChipError, EmptyError: if the images can't be used.
        WeightsError: if the weights can't be used.
        ClusterError: if the cluster can't be used, or is lost.
        OutputError, OutputExists: if JSON or plots can't be written; checked before the work.
    """
    methods = MethodSpec(weights, baselines, device)
    modes: dict[str, Callable[[], Evaluation]] = {}
    if pan is not None and mul is not None:
        modes["pair"] = lambda: evaluate_pair(
            pan,
            mul,
            methods,
            reading=reading,
            protocols=protocols,
            window=window,
            workers=workers,
            cluster=cluster,
            progress=progress,
        )
    if chips is not None:
        modes["chips"] = lambda: evaluate_chips(
            chips, methods, workers=workers, cluster=cluster, progress=progress
        )
    if pictures is not None:
        modes["pictures"] = lambda: evaluate_pictures(*pictures, workers=workers, progress=progress)
    if registration is not None:
        modes["registration"] = lambda: measure_registration(
            *registration,
            reading=reading,
            window=window,
            workers=workers,
            cluster=cluster,
            progress=progress,
        )
    if reflectances is not None:
        modes["reflectances"] = lambda: evaluate_surfaces(reflectances, methods)
    if len(modes) != 1 or (pan is None) != (mul is None):
        raise InputError(
            "expected one of: pan and mul, chips, pictures, registration, reflectances; "
            f"found {' and '.join(modes) or 'none that is complete'}"
        )
    [(mode, run)] = modes.items()
    inputs = (pan, mul, *(pictures or ()), *(registration or ()), reflectances, weights)
    target = None if json_file is None else check_output(json_file, overwrite, inputs)
    files = {} if plots is None else plan_plots(plots, mode, overwrite, inputs)
    result = run()
    if target is not None:
        write_whole(target, result.as_json())
    draw_plots(result, files)
    return result
