"""Mosaics of an ARD's pictures: which are to be made, and how each is.

Those of a CID in a zone are joined at the edges of grid squares; `event_mosaic` has those of all.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from potato.ard.grid import intersect, quadkey_square
from potato.core.profiles import find_profile
from potato.errors import InputError
from potato.fusion.ard.event_mosaic import EVENT, event_job, without, write_event
from potato.fusion.ard.finish import finish_picture, record_work
from potato.fusion.ard.manifest import Manifest, Record
from potato.fusion.ard.plan import OF_EVENTS, Joining, MosaicJob, TileJob
from potato.fusion.ard.schedule import Schedule
from potato.raster.coordinates import Box
from potato.raster.header import read_header
from potato.raster.mosaic import Layout, lay_out, write_mosaic, write_vrt


def plan_mosaics(jobs: Iterable[TileJob], manifest: Manifest, joining: Joining) -> list[MosaicJob]:
    """The mosaics to make, unless they are there: of each CID and zone with pictures, or of all."""
    groups: dict[str, list[TileJob]] = defaultdict(list)
    for one in jobs:
        row = manifest.rows.get(one.name)
        if row is not None and row.state == "done":
            name = mosaic_name(one, joining)
            if name:
                groups[name].append(one)
    found = []
    for name, group in sorted(groups.items()):
        job = _mosaic_job(name, group, manifest, joining)
        row = manifest.rows.get(name)
        if row is None or row.state != "done" or row.signature != job.signature or not manifest.holds(row):
            found.append(replace(job, overwrite=row is not None))
    return found


def _mosaic_job(name: str, group: list[TileJob], manifest: Manifest, joining: Joining) -> MosaicJob:
    """The job of a mosaic of the pictures of some tiles."""
    if joining.of_events:
        return event_job(group, manifest, joining)
    assert joining.kind is not None
    return MosaicJob(
        name,
        group[0].folder,
        joining.kind,
        replace(group[0].source, clouds=None, view=_common_view(group)),
        tuple((one.name, manifest.rows[one.name].digest) for one in group),
        group[0].settings,
    )


def _common_view(jobs: Iterable[TileJob]) -> tuple[tuple[str, float], ...]:
    """The angles that all tiles of a pass have in common."""
    first, *others = (one.source.view for one in jobs)
    return tuple(angle for angle in first if all(angle in view for view in others))


def count_mosaics(schedule: Schedule, manifest: Manifest, joining: Joining) -> int:
    """How many mosaics are to be made once the tiles of a schedule are done."""
    if joining.kind is None:
        return 0
    new = {mosaic_name(job, joining) for job in schedule.todo} - {""}
    return len(new | {job.name for job in plan_mosaics(schedule.jobs, manifest, joining)})


def mosaic_name(job: TileJob, joining: Joining) -> str:
    """The name of the mosaic that a tile belongs to; empty if to none."""
    if joining.of_events:
        return EVENT
    return "" if job.tile.zone is None else f"mosaic/{job.tile.zone}/{job.tile.cid}"


def make_mosaic(job: MosaicJob) -> Record:
    """Make a mosaic; a failure is recorded, not raised."""
    make = _join_event if job.kind in OF_EVENTS else _make_and_finish
    return record_work(job, functools.partial(make, job))


def _join_event(job: MosaicJob, record: Record) -> Record:
    pictures = [str(Path(job.folder) / f"{name}.tif") for name, _ in job.pictures]
    squares = [picture_square(name, path) for (name, _), path in zip(job.pictures, pictures, strict=True)]
    return write_event(job, record, list(zip(pictures, squares, strict=True)))


def _make_and_finish(job: MosaicJob, record: Record) -> Record:
    squares, left_out = [], []
    for name, _ in job.pictures:
        path = str(Path(job.folder) / f"{name}.tif")
        square = picture_square(name, path)
        if square is None:
            left_out.append(f"{name}: it lies on no square of the grid")
        else:
            squares.append((path, square))
    if not squares:
        raise InputError(f"expected pictures of grid squares, found none: {'; '.join(left_out)}")
    layout = lay_out(squares)
    valid = _write(job, layout)
    left_out += [one.removeprefix(f"{job.folder}/") for one in layout.misfits]
    return finish_picture(
        job,
        replace(record, reason=without(left_out)),
        valid,
        sources=[f"../../{name}.json" for name, _ in job.pictures],
        profile="vrt" if job.kind == "vrt" else job.settings.profile,
    )


def _write(job: MosaicJob, layout: Layout) -> float:
    """Write the file; returns the share of valid pixels, of a VRT the share that pictures cover."""
    settings = job.settings
    if job.kind == "vrt":
        write_vrt(job.output, layout)
        windows = [piece.window for piece in layout.pieces]
        covered = sum((bottom - top) * (right - left) for top, left, bottom, right in windows)
        return covered / (layout.grid.height * layout.grid.width)
    return write_mosaic(
        job.output,
        layout,
        profile=find_profile(settings.profile),
        options=dict(settings.creation_options),
        tags={"POTATO_CID": job.source.cid, "POTATO_WEIGHTS": settings.weights_digest, **settings.look.tags},
        overwrite=job.overwrite,
        threads=settings.threads,
    )


def picture_square(name: str, path: str) -> Box | None:
    """The grid square of a picture by the quadkey in its name; None if the picture lies elsewhere.

    A quadkey is the same in both hemispheres; the place of the picture tells them apart.
    """
    grid = read_header(path, "picture").grid
    (west, north), (east, south) = (grid.transform @ (x, y) for x, y in ((0, 0), (grid.width, grid.height)))
    for below in (False, True):
        square = quadkey_square(name.split("/")[1], below)
        if square and intersect(square, (west, south, east, north)):
            return square
    return None
