"""What a run has to do, what it would cost, and what came of it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from potato.ard import Broken
from potato.ard.naming import tile_name
from potato.core.sensors import RATIO
from potato.core.text import counted
from potato.errors import OutputExists
from potato.fusion.delivery.manifest import Manifest, Record
from potato.fusion.delivery.plan import Job, Plan, Settings, tile_grid
from potato.raster import part_of
from potato.raster.remote import is_remote

SPEED = 4e6
"""Pan pixels a second and core, until the manifest knows better (benchmarks/results/fuse.json)."""

BYTES_READ = 2.1
"""Bytes of a pair for each pan pixel, of a real one in DEFLATE."""

BYTES_WRITTEN = {8: 3.1, 16: 8.0}
"""Bytes of a picture for each pixel, overviews included, by the bits of its look; of the same pair, until the
manifest knows better."""


@dataclass(frozen=True)
class Agenda:
    """What there is to do.

    Attributes:
        jobs: every tile of the plan.
        todo: those that are to be fused.
        there: how many are done.
        empty: how many have nothing of the area, as an earlier run found.
        failed: those that failed in an earlier run and aren't tried again.
    """

    jobs: tuple[Job, ...]
    todo: tuple[Job, ...]
    there: int
    empty: int
    failed: tuple[Record, ...]


def make_agenda(
    plan: Plan,
    folder: Path,
    settings: Settings,
    manifest: Manifest,
    *,
    threads_per_job: Callable[[int], int],
    overwrite: bool = False,
    retry_failed: bool = False,
    follow_links: bool = False,
) -> Agenda:
    """Sort the tiles of a plan by what the manifest tells of them.

    | the manifest says      | with the same settings           | with others                         |
    |------------------------|----------------------------------|-------------------------------------|
    | nothing                | to do                            |                                     |
    | started                | to do, replacing what is there   | likewise                            |
    | done, and it is there  | there                            | to do if `overwrite`, else an error |
    | done, and it isn't     | to do, replacing what is there   | to do                               |
    | empty                  | empty                            | to do                               |
    | failed                 | to do if `retry_failed`          | to do                               |

    Each is to be fused in as many threads as `threads_per_job` says for so many jobs.

    Raises:
        OutputExists: if pictures were made with other settings, and `overwrite` is off.
    """
    todo: list[tuple[int, bool]] = []
    failed: list[Record] = []
    stale: list[Record] = []
    there = empty = 0
    for place, tile in enumerate(plan.tiles):
        row = manifest.rows.get(tile_name(tile))
        same = row is not None and row.signature == settings.signature
        if row is None or row.state == "started":
            todo.append((place, row is not None))
        elif row.state == "done" and manifest.holds(row):
            if same:
                there += 1
            else:
                stale.append(row)
                todo.append((place, True))
        elif row.state == "empty" and same:
            empty += 1
        elif row.state == "failed" and same and not retry_failed:
            failed.append(row)
        else:
            todo.append((place, True))
    if stale and not overwrite:
        count, others = counted(len(stale), "picture"), _differences(stale, manifest, settings)
        raise OutputExists(
            f"{folder}: expected pictures of these weights and options, found {count} of others ({others}); "
            "use --overwrite to make them again, or choose another folder"
        )
    settings = replace(settings, threads=threads_per_job(len(todo)))
    jobs = tuple(Job(tile, str(folder), settings, follow_links=follow_links) for tile in plan.tiles)
    return Agenda(
        jobs,
        tuple(replace(jobs[place], overwrite=replacing) for place, replacing in todo),
        there,
        empty,
        tuple(failed),
    )


def _differences(stale: Sequence[Record], manifest: Manifest, settings: Settings) -> str:
    """What is another than it was."""
    before = manifest.settings.get(stale[0].signature, {})
    told = [
        f"{name}: {_named(before.get(name))}, now {_named(value)}"
        for name, value in settings.facts.items()
        if before.get(name) != value
    ]
    return "; ".join(told) or "which isn't known"


def _named(value: Any) -> str:
    return "none" if value is None or value == {} else str(value)


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        tiles: names of those to fuse.
        there: how many are done.
        failed_before: how many failed in an earlier run and would not be tried again.
        pixels: of the pictures to make.
        bytes_read: about how much of the ARD would be read.
        bytes_written: about how much would be written.
        seconds: about how long it would take, if the network keeps up.
        left_out: how many tiles aren't wanted or can't be used, by the kind of reason.
        broken: what can't be understood in the ARD.
        lost: what can't be read now, but may be there.
        unknown: CIDs that were asked for and that no tile has.
    """

    tiles: tuple[str, ...]
    there: int
    failed_before: int
    pixels: int
    bytes_read: int
    bytes_written: int
    seconds: float
    left_out: dict[str, int]
    broken: tuple[Broken, ...]
    lost: tuple[Broken, ...]
    unknown: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everything could be looked at."""
        return not self.lost

    def __str__(self) -> str:
        """What the command prints."""
        first = f"{counted(len(self.tiles), 'tile')} to fuse{_also(self.there, 'already there')}"
        first += _also(self.failed_before, "failed before (--retry-failed tries them again)")
        if self.tiles:
            first += (
                f": {_quantity(self.pixels, 'px')}; about {_quantity(self.bytes_read, 'B')} to read, "
                f"{_quantity(self.bytes_written, 'B')} to write, {_duration(self.seconds)}"
            )
        return "\n".join([first, *self.tiles, *_remarks(self)])


@dataclass(frozen=True)
class Delivered:
    """What a run did.

    Attributes:
        folder: of the delivery.
        done: how many tiles were fused.
        there: how many were done before.
        empty: how many have nothing of the area.
        failed: tiles and mosaics that failed, now or before.
        mosaics: how many were made.
        pixels: of what was made.
        bytes: of what was made.
        seconds: how long it took.
        left_out: how many tiles aren't wanted or can't be used, by the kind of reason.
        broken: what can't be understood in the ARD.
        lost: what couldn't be read, but may be there.
        unknown: CIDs that were asked for and that no tile has.
        notes: what is to be known of some that are done.
    """

    folder: Path
    done: int
    there: int
    empty: int
    failed: tuple[Record, ...]
    mosaics: int
    pixels: int
    bytes: int
    seconds: float
    left_out: dict[str, int]
    broken: tuple[Broken, ...]
    lost: tuple[Broken, ...]
    unknown: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        folder: Path,
        plan: Plan,
        agenda: Agenda,
        tiles: Sequence[Record],
        mosaics: Sequence[Record],
        seconds: float,
    ) -> "Delivered":
        """Sum up a run."""
        every = [*tiles, *mosaics]
        made = [one for one in every if one.state == "done"]
        return cls(
            folder=folder,
            done=sum(one.state == "done" for one in tiles),
            there=agenda.there,
            empty=agenda.empty + sum(one.state == "empty" for one in tiles),
            failed=(*agenda.failed, *(one for one in every if one.state == "failed")),
            mosaics=sum(one.state == "done" for one in mosaics),
            pixels=sum(one.width * one.height for one in made),
            bytes=sum(one.bytes for one in made),
            seconds=seconds,
            left_out=plan.left_out,
            broken=plan.broken,
            lost=plan.lost,
            unknown=plan.unknown,
            notes=tuple(one.failure for one in made if one.reason),
        )

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        return not self.failed and not self.lost

    def __str__(self) -> str:
        """What the command prints."""
        mosaics = f", {counted(self.mosaics, 'mosaic')}" if self.mosaics else ""
        first = (
            f"{self.folder}: {counted(self.done, 'tile')} fused{mosaics}{_also(self.there, 'already there')}"
            f"{_also(self.empty, 'without anything of the area')}"
        )
        if self.pixels:
            first += (
                f"; {_quantity(self.pixels, 'px')}, {_quantity(self.bytes, 'B')} in {_duration(self.seconds)}"
            )
        failed = [f"failed: {one.failure}" for one in self.failed]
        if failed:
            failed.append("repeat the command with --retry-failed to try these again")
        return "\n".join([first, *_remarks(self), *self.notes, *failed])


def forecast(plan: Plan, agenda: Agenda, manifest: Manifest, workers: int) -> Forecast:
    """What an agenda would cost, by what the manifest tells of tiles that are done."""
    done = [row for row in manifest.rows.values() if row.state == "done" and row.seconds]
    known = sum(row.width * row.height for row in done)
    threads = agenda.todo[0].settings.threads if agenda.todo else 1
    speed = known / sum(row.seconds for row in done) if known else SPEED * threads
    bits = agenda.jobs[0].settings.look.bits if agenda.jobs else 8
    written = sum(row.bytes for row in done) / known if known else BYTES_WRITTEN[bits]
    parts = [_cost(job) for job in agenda.todo]
    pixels = sum(pixels for pixels, _ in parts)
    at_once = max(1, min(workers, len(parts)))
    return Forecast(
        tiles=tuple(job.name for job in agenda.todo),
        there=agenda.there,
        failed_before=len(agenda.failed),
        pixels=pixels,
        bytes_read=sum(size for _, size in parts),
        bytes_written=round(pixels * written),
        seconds=round(pixels / speed / at_once, 1),
        left_out=plan.left_out,
        broken=plan.broken,
        lost=plan.lost,
        unknown=plan.unknown,
    )


def _cost(job: Job) -> tuple[int, int]:
    """Pixels of a tile's picture, and about how many bytes are read for it."""
    grid = tile_grid(job.tile)
    if grid is None:
        return 0, 0
    part = part_of(grid, job.tile.grid_square if job.settings.crop_to_cell else None, job.settings.area)
    if part is None:
        return 0, 0
    shown = part.picture.height * part.picture.width
    touched = shown if part.cells is None else int(part.cells.sum()) * RATIO**2
    names = [name for name in (job.tile.pan, job.tile.mul) if name]
    if any(map(is_remote, names)):
        return shown, round(touched * BYTES_READ)
    share = min(1.0, touched / (grid.height * grid.width))
    return shown, round(share * sum(Path(name).stat().st_size for name in names))


def _also(count: int, what: str) -> str:
    return f", {count:,} {what}" if count else ""


def _remarks(result: Forecast | Delivered) -> list[str]:
    """What wasn't fused, and why."""
    lines = [f"left out: {counted(count, 'tile')}, {reason}" for reason, count in result.left_out.items()]
    if result.unknown:
        lines.append(f"no tile has these CIDs: {', '.join(result.unknown)}")
    lines += [f"broken: {one.item}: {one.reason}" for one in result.broken]
    return lines + [f"can't be read now: {one.item}: {one.reason}" for one in result.lost]


def _quantity(count: int, unit: str) -> str:
    for prefix, size in (("T", 1e12), ("G", 1e9)):
        if count >= size:
            return f"{count / size:.1f} {prefix}{unit}"
    return f"{count / 1e6:.1f} M{unit}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.1f} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
