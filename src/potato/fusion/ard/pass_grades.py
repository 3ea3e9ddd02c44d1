"""The grades of an ARD's passes: each measured once over all of its tiles, and kept in a JSON."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from potato.ard.broken import Broken
from potato.ard.item import Tile
from potato.ard.overview import read_overview
from potato.core.grade import Grade, measure_grade
from potato.core.text import one_line, redact
from potato.core.windows import evenly
from potato.engine.jobs import Executor, Lost
from potato.errors import ArdError, InputError
from potato.fusion.ard.plan import Plan
from potato.fusion.grading import keep_grade, light_of, read_grade
from potato.raster.atomic import make_folder
from potato.raster.remote import try_again

GRADES = "grade"
"""The folder of the grades in the output folder; each has the name of its CID."""

SAMPLES = 16
"""The most tiles of a pass that are read, spread evenly over it."""

SIDE = 512
"""The most pixels along the overview of mul that is read of a tile: a tenth of its bytes."""

MOST_PIXELS = 50_000
"""The most pixels of a tile that are taken."""

Light = NDArray[np.float32]
"""Linear sRGB (3, k)."""


def kept_grades(plan: Plan, folder: Path) -> dict[str, Grade]:
    """Grades by CID that earlier runs kept in the output folder.

    Raises:
        InputError: if a file isn't a grade of its pass.
    """
    files = {cid: _file(folder, cid) for cid in plan.passes}
    return {cid: read_grade(file, cid) for cid, file in files.items() if file.exists()}


def grade_passes(
    plan: Plan, folder: Path, executor: Executor, follow_links: bool
) -> tuple[Plan, dict[str, Grade]]:
    """The grades of a plan's passes by CID, measured if they aren't kept in the output folder.

    Returns:
        The plan, with the tiles of passes that can't be measured now among those that are lost; and
        the grades.

    Raises:
        InputError: if a file isn't a grade of its pass.
        OutputError: if a grade can't be kept.
    """
    grades = kept_grades(plan, folder)
    chosen = {cid: evenly(tiles, SAMPLES) for cid, tiles in plan.passes.items() if cid not in grades}
    jobs = [tile for tiles in chosen.values() for tile in tiles]
    samples = dict(executor.run(jobs, functools.partial(_sample_tile, follow_links)))
    lost: dict[str, Broken] = {}
    for cid, tiles in chosen.items():
        # Their order must not depend on the executor.
        light, unread = _sort([samples[tile] for tile in tiles])
        if not light:
            lost[cid] = Broken(tiles[0].item, f"the grade of {cid} can't be measured: {unread[0]}")
            continue
        make_folder(folder / GRADES)
        measure = functools.partial(measure_grade, np.concatenate(light, 1))
        grades[cid] = keep_grade(_file(folder, cid), cid, measure)
    kept = tuple(tile for tile in plan.tiles if tile.cid not in lost)
    return replace(plan, tiles=kept, lost=(*plan.lost, *lost.values())), grades


def _file(folder: Path, cid: str) -> Path:
    return folder / GRADES / f"{cid}.json"


def _sort(samples: Sequence[Light | str | Lost]) -> tuple[list[Light], list[str]]:
    """Samples that have pixels, and why others have none."""
    light, unread = [], []
    for sample in samples:
        if isinstance(sample, Lost):
            unread.append(sample.reason)
        elif isinstance(sample, str):
            unread.append(sample)
        else:
            light.append(sample)
    return light, unread


def _sample_tile(follow_links: bool, tile: Tile) -> Light | str:
    """Light of pixels that are spread over a tile; or why there is none."""
    assert tile.mul is not None and tile.sensor is not None
    read = functools.partial(read_overview, tile.mul, tile.sensor, SIDE)
    try:
        mul = try_again(read, (tile.mul,), follow=follow_links)
    except (InputError, ArdError) as error:
        return redact(one_line(error))
    pixels = mul.pixels[:, mul.valid]
    if not pixels.size:
        return "no pixel is valid"
    return light_of(pixels[:, :: -(-pixels.shape[1] // MOST_PIXELS)], tile.sensor)
