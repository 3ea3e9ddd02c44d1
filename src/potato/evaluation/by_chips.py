"""Judging by a pool of chips, whose truth is known."""

import functools
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from potato.chips.chip import Chip, load_chip
from potato.chips.folder import chip_numbers
from potato.engine.dask import open_cluster
from potato.engine.devices import one_thread
from potato.engine.processes import ask_in_order
from potato.engine.threads import available_cores, map_blocks
from potato.errors import ChipError, EmptyError
from potato.evaluation.findings import Findings, picture_figures
from potato.evaluation.masks import complete_pair, inner
from potato.evaluation.methods import ALL, Contender, Lineup, open_contenders
from potato.evaluation.protocols import BORDER
from potato.evaluation.result import Charts, Evaluation, provenance
from potato.evaluation.statistics import Difference
from potato.evaluation.tables import difference_section, picture_section
from potato.model.network import Sharpener

CHIPS = "chips"
"""Key of what is found by chips."""

Path_ = str | os.PathLike[str]


def judge_chips(
    pool: Path_,
    *,
    weights: Path_ | Sharpener | None = None,
    baselines: Sequence[str] = ALL,
    device: str = "auto",
    workers: int | None = None,
    cluster: str | None = None,
    progress: bool = False,
) -> Evaluation:
    """Judge a model and the baselines by every chip of a folder.

    Args:
        pool: a folder of chips `0.pt`, `1.pt`, …, such as `link_chips` makes.
        weights: as for `load_model`, or a model.
        baselines: as for `open_contenders`.
        device: as for `fuse`.
        workers: threads at work on chips; changes no figure. None for one per core.
        cluster: as for `open_cluster`, whose workers load and judge the chips; changes no figure either.
        progress: whether to draw a progress bar on stderr.

    Raises:
        ChipError: if there are no chips, or one can't be read.
        ClusterError: if the cluster can't be used, or is lost.
        EmptyError: if nothing in them is valid.
        WeightsError: if the weights can't be used.
    """
    folder = Path(pool)
    try:
        numbers = chip_numbers(folder)
    except OSError as error:
        raise ChipError(f"{pool}: expected a folder of chips, can't list it: {error.strerror}") from error
    if not numbers:
        raise ChipError(f"{pool}: expected a folder of chips (0.pt, 1.pt, …), found none; see make-chips")
    contenders = open_contenders(weights, baselines, device)
    found, means = [Findings() for _ in contenders], []
    bar = tqdm(total=len(numbers), unit="chip", disable=not progress)
    with open_cluster(cluster, workers) as machines, bar, one_thread():
        if machines is None:
            workers = workers or available_cores()
            work = functools.partial(judge_chip, contenders)
            results = map_blocks(_load(folder, numbers), work, workers, 2 * workers)
        else:
            lineup = Lineup.of(contenders, weights, device)
            results = ask_in_order(
                numbers, functools.partial(_judge_elsewhere, folder.absolute(), lineup), machines
            )
        for number, result in results:
            for whole, part in zip(found, result, strict=True):
                whole.join(part)
            means.append((number, result[-1].differences[CHIPS].total.mean))
            bar.update()
    names = [one.name for one in contenders]
    rows = {name: one.differences[CHIPS] for name, one in zip(names, found, strict=True)}
    if not rows[names[-1]].total.count:
        raise EmptyError(f"{pool}: expected chips with valid pixels to judge, found none")
    section = difference_section(CHIPS, f"{len(numbers)} chips of {pool}", rows)
    return Evaluation(
        "chips",
        {"chips": str(pool), "count": len(numbers)},
        provenance(contenders),
        (section, picture_section("literature", "literature: the same results", names, found, CHIPS)),
        rows[names[-1]].total.mean,
        f"mean ΔE of {names[-1]}",
        {"each": {str(n): mean for n, mean in means if not math.isnan(mean)}},
        Charts(section.title, {name: one.total for name, one in rows.items()}),
    )


def judge_chip(contenders: Sequence[Contender], chip: Chip) -> list[Findings]:
    """What is found of each contender by one chip; its border of 8 pixels is left out."""
    pan, mul, target = (tensor[None] for tensor in chip.tensors())
    pair = complete_pair(pan, mul, pan > 0, (mul > 0).any(1, keepdim=True))
    judged = inner(chip.valid[0], BORDER, 0)
    inside = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    found = []
    for contender in contenders:
        oklab = contender.make(*pair)[0]
        findings = Findings({CHIPS: Difference()})
        findings.differences[CHIPS].add(oklab, target, judged[None])
        if bool(judged.any()):
            figures = picture_figures(oklab[0][inside], target[0][inside], judged[inside])
            findings.note(CHIPS, figures, float(judged.sum()))
        found.append(findings)
    return found


def _load(folder: Path, numbers: Sequence[int]) -> Iterator[tuple[int, Chip]]:
    for number in numbers:
        yield number, load_chip(folder / f"{number}.pt")


@one_thread()
def _judge_elsewhere(folder: Path, lineup: Lineup, number: int) -> list[Findings]:
    """Judge a chip, at a worker."""
    return judge_chip(lineup.contenders, load_chip(folder / f"{number}.pt"))
