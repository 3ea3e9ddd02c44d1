"""Forecast of a run, with its cost, and summary of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from potato.ard.broken import Broken
from potato.core.text import counted, duration, first_lines
from potato.engine.devices import CPU_SPEED
from potato.fusion.ard.choice import tile_grid
from potato.fusion.ard.manifest import Manifest, Record
from potato.fusion.ard.plan import Plan, TileJob
from potato.fusion.ard.schedule import Schedule
from potato.raster.area import part_of
from potato.raster.gdal_env import is_remote

BYTES_READ = 2.1
"""Bytes of a pair for each pan pixel, measured on a real pair in DEFLATE."""

BYTES_WRITTEN = {8: 3.1, 16: 8.0}
"""Bytes of a COG for each pixel, overviews included, by the bits of its look: measured on that
pair, and used until the manifest has measurements."""

STAGED = {8: 4 * 4 / 3, 16: 8 * 4 / 3}
"""Bytes of a pixel and its overviews before they are compressed, by the bits of its look."""


@dataclass(frozen=True)
class Forecast:
    """What a run would do.

    Attributes:
        tiles: names of the tiles to fuse.
        there: number of tiles that are done.
        failed_before: number of tiles that failed in an earlier run and would not be tried again.
        pixels: pixels of the pictures to make.
        bytes_read: about how much of the ARD would be read.
        bytes_written: about how much would be written.
        bytes_staged: about how much of the disk pictures at work need until they are finished, and
            a mosaic of all passes.
        seconds: about how long it would take if the network keeps up.
        left_out: number of tiles that were not chosen or can't be used, by the kind of reason.
        broken: items of the ARD that can't be understood.
        lost: items that can't be read now because the network or the server fails.
        unknown: chosen CIDs that no tile has.
        predicted: names of the sensors that no shipped weights fit.
        faults: what chosen tiles lack or why else they can't be sharpened, by their names.
        mosaics: number of mosaics to make.
    """

    tiles: tuple[str, ...]
    there: int
    failed_before: int
    pixels: int
    bytes_read: int
    bytes_written: int
    bytes_staged: int
    seconds: float
    left_out: dict[str, int]
    broken: tuple[Broken, ...]
    lost: tuple[Broken, ...]
    unknown: tuple[str, ...]
    predicted: tuple[str, ...]
    faults: dict[str, str]
    mosaics: int = 0

    @property
    def complete(self) -> bool:
        """Whether every item could be read."""
        return not self.lost

    def __str__(self) -> str:
        """The lines that the command prints."""
        first = f"{counted(len(self.tiles), 'tile')} to fuse{_also(self.there, 'already there')}"
        first += _also(self.failed_before, "failed before (--retry-failed tries them again)")
        first += f", {counted(self.mosaics, 'mosaic')} to make" if self.mosaics else ""
        if self.tiles:
            first += (
                f": {quantity(self.pixels, 'px')}; about {quantity(self.bytes_read, 'B')} to read, "
                f"{quantity(self.bytes_written, 'B')} to write, {duration(self.seconds)}"
            )
        return "\n".join([first, *first_lines(self.tiles), *_remarks(self)])


@dataclass(frozen=True)
class FusedArd:
    """What a run did.

    Attributes:
        folder: the output folder.
        done: number of tiles that were fused.
        there: number of tiles that were done before.
        empty: number of tiles that have nothing of the area.
        failed: records of tiles and mosaics that failed, now or before.
        mosaics: number of mosaics that were made.
        pixels: pixels of the pictures that were made.
        bytes: size of the files that were made.
        seconds: how long the run took.
        left_out: number of tiles that were not chosen or can't be used, by the kind of reason.
        broken: items of the ARD that can't be understood.
        lost: items that couldn't be read because the network or the server failed.
        unknown: chosen CIDs that no tile has.
        predicted: names of the sensors that no shipped weights fit.
        notes: remarks on pictures that are done.
        faults: what chosen tiles lack or why else they can't be sharpened, by their names.
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
    predicted: tuple[str, ...]
    notes: tuple[str, ...]
    faults: dict[str, str]

    @classmethod
    def of(
        cls,
        folder: Path,
        plan: Plan,
        schedule: Schedule,
        tiles: Sequence[Record],
        mosaics: Sequence[Record],
        seconds: float,
    ) -> "FusedArd":
        """Sum up a run by the records that it made."""
        every = [*tiles, *mosaics]
        made = [one for one in every if one.state == "done"]
        return cls(
            folder=folder,
            done=sum(one.state == "done" for one in tiles),
            there=schedule.there,
            empty=schedule.empty + sum(one.state == "empty" for one in tiles),
            failed=(*schedule.failed, *(one for one in every if one.state == "failed")),
            mosaics=sum(one.state == "done" for one in mosaics),
            pixels=sum(one.width * one.height for one in made),
            bytes=sum(one.bytes for one in made),
            seconds=seconds,
            left_out=plan.left_out,
            broken=plan.broken,
            lost=plan.lost,
            unknown=plan.unknown,
            predicted=schedule.predicted,
            notes=tuple(one.failure for one in made if one.reason),
            faults=plan.faults,
        )

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        return not self.failed and not self.lost

    def __str__(self) -> str:
        """The lines that the command prints."""
        mosaics = f", {counted(self.mosaics, 'mosaic')}" if self.mosaics else ""
        first = (
            f"{self.folder}: {counted(self.done, 'tile')} fused{mosaics}{_also(self.there, 'already there')}"
            f"{_also(self.empty, 'without anything of the area')}"
        )
        if self.pixels:
            first += (
                f"; {quantity(self.pixels, 'px')}, {quantity(self.bytes, 'B')} in {duration(self.seconds)}"
            )
        failed = [f"failed: {one.failure}" for one in self.failed]
        if failed:
            lasting = not all(one.transient for one in self.failed)
            failed.append(f"repeat the command{' with --retry-failed' if lasting else ''} to try these again")
        place = [f"mosaics: {self.folder / 'mosaic'}"] if self.mosaics else []
        return "\n".join([first, *place, *_remarks(self), *self.notes, *failed])


def forecast(
    plan: Plan,
    schedule: Schedule,
    manifest: Manifest,
    workers: int,
    mosaics: int = 0,
    speed: float = CPU_SPEED,
    room: int = 0,
) -> Forecast:
    """Estimate the cost of a schedule from the tiles that the manifest has measured.

    Args:
        plan: the tiles.
        schedule: the jobs.
        manifest: of the output folder.
        workers: jobs at work at once.
        mosaics: number of mosaics to make.
        speed: pan pixels a second and core, used if the manifest has no measurements.
        room: bytes of the disk that a mosaic of all passes takes while it is made.
    """
    done = [row for row in manifest.rows.values() if row.state == "done" and row.seconds]
    known = sum(row.width * row.height for row in done)
    threads = schedule.todo[0].settings.threads if schedule.todo else 1
    rate = known / sum(row.seconds for row in done) if known else speed * threads
    bits = schedule.jobs[0].settings.look.bits if schedule.jobs else 8
    written = sum(row.bytes for row in done) / known if known else BYTES_WRITTEN[bits]
    costs = [_cost(job) for job in schedule.todo]
    pixels = sum(pixels for pixels, _ in costs)
    at_once = max(1, min(workers, len(costs)))
    return Forecast(
        tiles=tuple(job.name for job in schedule.todo),
        there=schedule.there,
        failed_before=len(schedule.failed),
        pixels=pixels,
        bytes_read=sum(size for _, size in costs),
        bytes_written=round(pixels * written),
        bytes_staged=round(STAGED[bits] * sum(sorted((shown for shown, _ in costs), reverse=True)[:at_once]))
        + room,
        seconds=round(pixels / rate / at_once, 1),
        left_out=plan.left_out,
        broken=plan.broken,
        lost=plan.lost,
        unknown=plan.unknown,
        predicted=schedule.predicted,
        faults=plan.faults,
        mosaics=mosaics,
    )


def _cost(job: TileJob) -> tuple[int, int]:
    """Pixels of a tile's picture, and about how many bytes are read for it."""
    grid = tile_grid(job.tile)
    if grid is None:
        return 0, 0
    box = job.tile.grid_square if job.settings.crop_to_square else None
    part = part_of(grid, job.tile.sensor.ratio if job.tile.sensor else 1, box, job.settings.area)
    if part is None:
        return 0, 0
    shown = part.picture.height * part.picture.width
    touched = shown if part.cells is None else int(part.cells.sum()) * part.ratio**2
    names = [name for name in (job.tile.pan, job.tile.mul) if name]
    if any(map(is_remote, names)):
        return shown, round(touched * BYTES_READ)
    share = min(1.0, touched / (grid.height * grid.width))
    return shown, round(share * sum(Path(name).stat().st_size for name in names))


def _also(count: int, what: str) -> str:
    return f", {count:,} {what}" if count else ""


def _remarks(result: Forecast | FusedArd) -> list[str]:
    """Lines on tiles that were not fused."""
    lines = [f"left out: {counted(count, 'tile')}, {reason}" for reason, count in result.left_out.items()]
    lines += first_lines([f"can't be sharpened: {name}: {reason}" for name, reason in result.faults.items()])
    if result.predicted:
        lines.append(f"no weights fit {', '.join(result.predicted)} yet, so the predictor serves")
    if result.unknown:
        lines.append(f"no tile has these CIDs: {', '.join(result.unknown)}")
    lines += [f"broken: {one.item}: {one.reason}" for one in result.broken]
    return lines + [f"can't be read now: {one.item}: {one.reason}" for one in result.lost]


def quantity(count: int, unit: str) -> str:
    """A large number with its unit, such as 1.2 GB."""
    for prefix, size in (("T", 1e12), ("G", 1e9)):
        if count >= size:
            return f"{count / size:.1f} {prefix}{unit}"
    return f"{count / 1e6:.1f} M{unit}"
