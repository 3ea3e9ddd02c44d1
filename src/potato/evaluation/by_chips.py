"""Evaluation by a pool of chips, whose truth is known."""

import functools
import math
from collections.abc import Sequence
from pathlib import Path

from potato.chips.chip import Chip, load_chip
from potato.chips.folder import list_chips
from potato.core.full_scale import BORDER
from potato.core.resample import inner
from potato.core.types import PathLike
from potato.engine.executor import open_executor
from potato.engine.progress import progress_bar
from potato.engine.torch_threads import one_thread
from potato.errors import ChipError, EmptyError
from potato.evaluation.findings import Findings, picture_figures
from potato.evaluation.masks import complete_pair
from potato.evaluation.methods import Method, MethodSpec
from potato.evaluation.protocols import INSIDE
from potato.evaluation.result import Charts, Evaluation, provenance
from potato.evaluation.tables import difference_section, picture_section

CHIPS_KEY = "chips"
"""Key of the figures by chips."""


@one_thread()
def evaluate_chips(
    pool: PathLike,
    methods: MethodSpec | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Evaluation:
    """Compare a model and the baselines on every chip of a folder.

    Args:
        pool: a folder of chips `0.pt`, `1.pt`, …, such as `link_chips` makes, or of such folders.
        methods: the model and the baselines; None for the shipped weights and every baseline.
        workers: chips to work on at once; changes no figure. None for one per core.
        cluster: `local`, or the address of a Dask scheduler, whose workers load and evaluate the
            chips; changes no figure. None for threads of this process.
        progress: whether to draw a progress bar on stderr.

    Raises:
        ChipError: if there are no chips, one can't be read, or they are of several band sets.
        ClusterError: if the cluster can't be used, or is lost.
        EmptyError: if nothing in them is valid.
        WeightsError: if the weights can't be used.
    """
    folder = Path(pool).absolute()
    paths = list_chips(folder)
    methods = (methods or MethodSpec()).for_sensor(load_chip(paths[0]).sensor)
    found, means = {method.name: Findings() for method in methods.methods}, {}
    spec = methods if cluster is None else methods.for_workers()
    work = functools.partial(_evaluate_file, spec)
    bar = progress_bar(len(paths), "chip", progress)
    with open_executor(workers, cluster) as executor, bar:
        for path, result in executor.map(paths, work):
            for whole, part in zip(found.values(), result, strict=True):
                whole.join(part)
            place = path.relative_to(folder).with_suffix("").as_posix()
            means[place] = result[-1].difference(CHIPS_KEY).total.mean
            bar.update()
    rows, name = {name: one.difference(CHIPS_KEY) for name, one in found.items()}, list(found)[-1]
    if not rows[name].total.count:
        raise EmptyError(f"{pool}: expected chips with valid pixels to evaluate, found none")
    section = difference_section(CHIPS_KEY, f"{len(paths)} chips of {pool}", rows)
    return Evaluation(
        "chips",
        {"chips": str(pool), "count": len(paths)},
        provenance(methods.methods),
        (section, picture_section("literature", "literature: the same results", found, CHIPS_KEY)),
        rows[name].total.mean,
        f"mean ΔE of {name}",
        {"each": {number: mean for number, mean in means.items() if not math.isnan(mean)}},
        Charts(section.title, {name: one.total for name, one in rows.items()}),
    )


def evaluate_chip(methods: Sequence[Method], chip: Chip) -> list[Findings]:
    """The findings of each method on one chip; its border of 8 pixels doesn't count."""
    pan, mul, target = (tensor[None] for tensor in chip.tensors())
    pair = complete_pair(pan, mul, pan > 0, (mul > 0).any(1, keepdim=True))
    counted = inner(chip.valid[0], BORDER, 0)
    found = []
    for method in methods:
        oklab = method.sharpen(*pair)[0]
        findings = Findings()
        findings.difference(CHIPS_KEY).add(oklab, target, counted[None])
        if bool(counted.any()):
            figures = picture_figures(oklab[0][INSIDE], target[0][INSIDE], counted[INSIDE])
            findings.note(CHIPS_KEY, figures, float(counted.sum()))
        found.append(findings)
    return found


@one_thread()
def _evaluate_file(methods: MethodSpec, path: Path) -> list[Findings]:
    chip = load_chip(path)
    if not chip.sensor.fits(methods.sensor):
        raise ChipError(
            f"{path}: expected a chip with the bands of {methods.sensor.title}, as the first has, found one "
            f"of {chip.sensor.title}; evaluate each band set in a folder of its own"
        )
    return evaluate_chip(methods.for_sensor(chip.sensor).methods, chip)
