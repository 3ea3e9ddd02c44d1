"""One door to every way of judging: figures out, and JSON and plots beside them if wanted."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from potato.errors import InputError
from potato.evaluation.by_chips import judge_chips
from potato.evaluation.by_pair import judge_pair
from potato.evaluation.by_pictures import judge_pictures
from potato.evaluation.by_registration import measure_registration
from potato.evaluation.by_surfaces import judge_surfaces
from potato.evaluation.findings import Protocols
from potato.evaluation.methods import ALL
from potato.evaluation.plots import draw_plots, plan_plots
from potato.evaluation.result import Evaluation
from potato.model.network import Sharpener
from potato.raster import check_output
from potato.raster.atomic import write_whole

Path_ = str | os.PathLike[str]


def evaluate(
    pan: Path_ | None = None,
    mul: Path_ | None = None,
    *,
    chips: Path_ | None = None,
    pictures: tuple[Path_, Path_] | None = None,
    registration: tuple[Path_, Path_] | None = None,
    reflectances: Path_ | None = None,
    weights: Path_ | Sharpener | None = None,
    baselines: Sequence[str] = ALL,
    protocols: Protocols | None = None,
    window: Sequence[int] | None = None,
    device: str = "auto",
    workers: int | None = None,
    cluster: str | None = None,
    json_file: Path_ | None = None,
    plots: Path_ | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Evaluation:
    """Judge a sharpener, a pair or two pictures; exactly one of the ways is to be asked for.

    Args:
        pan: with `mul`: judge by this pair, as `judge_pair` does.
        mul: the other half of the pair.
        chips: judge by the chips of this folder, as `judge_chips` does.
        pictures: compare these two, as `judge_pictures` does.
        registration: measure this pan and mul, as `measure_registration` does.
        reflectances: judge by the surfaces of this list, as `judge_surfaces` does.
        weights: of pair, chips and reflectances: as for `load_model`, or a model.
        baselines: of the same: names, or `("all",)`; the bare predictor is one.
        protocols: of a pair: what to judge by; None for everything.
        window: of a pair and of registration: (row, column, height, width) in pan pixels.
        device: as for `fuse`.
        workers: threads at work; changes no figure. None for one per core that this process may use.
        cluster: of pair, chips and registration: as for `open_cluster`; changes no figure either.
        json_file: where to write everything that was found; None for nowhere.
        plots: the folder for plots; None for none.
        overwrite: whether to replace files.
        progress: whether to draw a progress bar on stderr.

    Raises:
        InputError: if not exactly one way is asked for, an input can't be used, or plots are wanted and
            matplotlib isn't there.
        OutputError, OutputExists: if JSON or plots can't be written; that is found out before the work.
    """
    models: dict[str, Any] = {"weights": weights, "baselines": baselines, "device": device}
    running: dict[str, Any] = {"workers": workers, "progress": progress}
    shared: dict[str, Any] = {"cluster": cluster, **running}
    ways: dict[str, Callable[[], Evaluation]] = {}
    if pan is not None and mul is not None:
        ways["pair"] = lambda: judge_pair(pan, mul, protocols=protocols, window=window, **models, **shared)
    if chips is not None:
        ways["chips"] = lambda: judge_chips(chips, **models, **shared)
    if pictures is not None:
        ways["pictures"] = lambda: judge_pictures(*pictures, **running)
    if registration is not None:
        ways["registration"] = lambda: measure_registration(*registration, window=window, **shared)
    if reflectances is not None:
        ways["reflectances"] = lambda: judge_surfaces(reflectances, **models)
    if len(ways) != 1 or (pan is None) != (mul is None):
        raise InputError(
            "expected one of: pan and mul, chips, pictures, registration, reflectances; "
            f"found {' and '.join(ways) or 'none that is complete'}"
        )
    [(mode, judge)] = ways.items()
    target = None if json_file is None else check_output(json_file, overwrite)
    drawn = {} if plots is None else plan_plots(Path(plots), mode, overwrite)
    result = judge()
    if target is not None:
        write_whole(target, result.as_json())
    draw_plots(result, drawn)
    return result
