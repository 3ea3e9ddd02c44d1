"""The schedule of a run: the tiles of a plan, sorted by their records in the manifest."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from potato.ard.naming import tile_name
from potato.core.grade import Grade
from potato.core.sensors import Sensor
from potato.core.text import counted
from potato.errors import OutputExists
from potato.fusion.ard.manifest import Manifest, Record
from potato.fusion.ard.plan import PictureSettings, Plan, TileJob
from potato.model.weights import PREDICTOR, default_weights


@dataclass(frozen=True)
class Schedule:
    """The jobs of a run.

    Attributes:
        jobs: a job for every tile of the plan.
        todo: the jobs to do.
        there: the number of tiles that are done.
        empty: the number of tiles that have nothing of the area, as an earlier run found.
        failed: records of tiles that failed in an earlier run and are not tried again.
    """

    jobs: tuple[TileJob, ...]
    todo: tuple[TileJob, ...]
    there: int
    empty: int
    failed: tuple[Record, ...]

    @property
    def predicted(self) -> tuple[str, ...]:
        """Names of the sensors that no shipped weights fit, so that the predictor serves them."""
        served = {job.tile.sensor for job in self.jobs if job.settings.weights is None}
        return tuple(
            sorted(sensor.name for sensor in served if sensor and default_weights(sensor) == PREDICTOR)
        )


def make_schedule(
    plan: Plan,
    settings: Mapping[Sensor, PictureSettings],
    manifest: Manifest,
    grades: Mapping[str, Grade] = MappingProxyType({}),
    *,
    threads_per_job: Callable[[int], int],
    overwrite: bool = False,
    retry_failed: bool = False,
    follow_links: bool = False,
) -> Schedule:
    """Sort the tiles of a plan by their records in the manifest.

    | record              | made with these settings         | made with others                    |
    |---------------------|----------------------------------|-------------------------------------|
    | none                | to do                            |                                     |
    | started             | to do, replacing any file        | to do, replacing any file           |
    | done, file there    | there                            | to do if `overwrite`, else an error |
    | done, file missing  | to do, replacing any file        | to do, replacing any file           |
    | empty               | empty                            | to do, replacing any file           |
    | failed              | to do if `retry_failed`          | to do, replacing any file           |
    | failed, `transient` | to do, replacing any file        | to do, replacing any file           |
    | unusable            |                                  | to do, replacing any file           |

    Args:
        plan: the tiles.
        settings: for tiles of each sensor; `threads` is set here.
        manifest: of the output folder.
        grades: by CID, for passes that have one of their own.
        threads_per_job: the number of threads for each of so many jobs, from the executor.
        overwrite: whether to make pictures again that were made with other settings.
        retry_failed: whether to try tiles again that failed with these settings.
        follow_links: whether a server may redirect requests for images to another host.

    Raises:
        OutputExists: if pictures were made with other settings, and `overwrite` is off.
    """
    todo: list[tuple[int, bool]] = []
    failed: list[Record] = []
    stale: list[tuple[Record, PictureSettings]] = []
    there = empty = 0
    tiles = [(tile, tile.sensor) for tile in plan.tiles if tile.sensor]

    @functools.cache
    def own(sensor: Sensor, cid: str, threads: int = 1) -> PictureSettings:
        look = settings[sensor].look
        look = look.graded(grades[cid]) if cid in grades else look
        return replace(settings[sensor], look=look, threads=threads)

    for place, (tile, sensor) in enumerate(tiles):
        row = manifest.rows.get(tile_name(tile))
        same = row is not None and row.signature == own(sensor, tile.cid).signature
        if row is None or row.state == "started":
            todo.append((place, row is not None))
        elif row.state == "done" and manifest.holds(row):
            if same:
                there += 1
            else:
                stale.append((row, own(sensor, tile.cid)))
                todo.append((place, True))
        elif row.state == "empty" and same:
            empty += 1
        elif row.state == "failed" and same and not (retry_failed or row.transient):
            failed.append(row)
        else:
            todo.append((place, True))
    if stale and not overwrite:
        count, others = counted(len(stale), "picture"), _differences(*stale[0], manifest)
        raise OutputExists(
            f"{manifest.folder}: expected pictures of these weights and options, found {count} of others "
            f"({others}); use --overwrite to make them again, or choose another folder"
        )
    threads = threads_per_job(len(todo))
    folder = str(manifest.folder)
    jobs = tuple(
        TileJob(tile, folder, own(sensor, tile.cid, threads), follow_links=follow_links)
        for tile, sensor in tiles
    )
    chosen = tuple(replace(jobs[place], overwrite=replacing) for place, replacing in todo)
    return Schedule(jobs, chosen, there, empty, tuple(failed))


def _differences(stale: Record, settings: PictureSettings, manifest: Manifest) -> str:
    """Which settings differ, for people."""
    before = manifest.settings.get(stale.signature, {})
    told = [
        f"{name}: {_named(before.get(name))}, now {_named(value)}"
        for name, value in settings.facts.items()
        if before.get(name) != value
    ]
    return "; ".join(told) or "which isn't known"


def _named(value: Any) -> str:
    return "none" if value is None or value == {} else str(value)
