"""Mosaics of a delivery: the pictures of a CID in a zone, put together at the edges of their cells."""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from potato.ard.grid import intersect, quadkey_square
from potato.core.profiles import PROFILES
from potato.core.text import counted, redact
from potato.errors import InputError, PotatoError
from potato.fusion.delivery.manifest import Manifest, Record
from potato.fusion.delivery.plan import Job, Settings
from potato.fusion.delivery.stac import Seen, picture_bounds, picture_item
from potato.fusion.delivery.tile import file_digest, sweep
from potato.raster.atomic import write_whole
from potato.raster.mosaic import Layout, lay_out, picture_grid, write_mosaic, write_vrt

Kind = Literal["cog", "vrt"]


@dataclass(frozen=True)
class MosaicJob:
    """One mosaic to make.

    Attributes:
        name: `mosaic/zone/CID`.
        folder: of the delivery, absolute.
        kind: a picture of its own, or a VRT that names those of the tiles.
        seen: where its pictures come from.
        pictures: names of tiles, and the digests of their pictures.
        settings: of the delivery.
        overwrite: whether what is there already is to be replaced.
    """

    name: str
    folder: str
    kind: Kind
    seen: Seen
    pictures: tuple[tuple[str, str], ...]
    settings: Settings
    overwrite: bool = False

    @property
    def output(self) -> Path:
        """The file to write."""
        return Path(self.folder) / f"{self.name}.{'vrt' if self.kind == 'vrt' else 'tif'}"

    @property
    def signature(self) -> str:
        """16 hex digits that change with anything that changes the mosaic."""
        facts = [self.kind, self.settings.signature, self.pictures]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def plan_mosaics(jobs: Iterable[Job], manifest: Manifest, kind: Kind) -> list[MosaicJob]:
    """The mosaics of jobs whose tiles are done, one for each CID and zone."""
    groups: dict[tuple[int, str], list[Job]] = defaultdict(list)
    for job in jobs:
        row = manifest.rows.get(job.name)
        if row is not None and row.state == "done" and job.tile.zone is not None:
            groups[job.tile.zone, job.tile.cid].append(job)
    found = []
    for (zone, cid), group in sorted(groups.items()):
        name, tile = f"mosaic/{zone}/{cid}", group[0].tile
        found.append(
            MosaicJob(
                name,
                group[0].folder,
                kind,
                Seen(cid, tile.platform, tile.date, tile.datetime),
                tuple((job.name, manifest.rows[job.name].digest) for job in group),
                group[0].settings,
                overwrite=name in manifest.rows,
            )
        )
    return found


def make_mosaic(job: MosaicJob) -> Record:
    """Make a mosaic. Whatever goes wrong with it comes back in the record."""
    started = time.perf_counter()
    record = Record(job.name, "failed", job.signature, datetime=job.seen.datetime)
    try:
        record = _make(job, record)
    except PotatoError as error:
        record = replace(record, reason=redact(" ".join(str(error).split())))
    except OSError as error:
        record = replace(record, reason=redact(f"{job.output}: can't write there: {error.strerror or error}"))
    return replace(record, seconds=round(time.perf_counter() - started, 3))


def _make(job: MosaicJob, record: Record) -> Record:
    job.output.parent.mkdir(parents=True, exist_ok=True)
    sweep(job.output)
    cells, homeless = [], []
    for name, _ in job.pictures:
        path = str(Path(job.folder) / f"{name}.tif")
        cell = _cell(name, path)
        if cell is None:
            homeless.append(f"{name}: it lies on no cell of the grid")
        else:
            cells.append((path, cell))
    if not cells:
        raise InputError(f"expected pictures of cells, found none: {'; '.join(homeless)}")
    layout = lay_out(cells)
    valid = _write(job, layout)
    misfits = [one.removeprefix(f"{job.folder}/") for one in layout.misfits]
    left_out = [*homeless, *misfits]
    record = replace(
        record,
        state="done",
        reason=f"{counted(len(left_out), 'picture')} left out: {'; '.join(left_out)}" if left_out else "",
        file=f"{job.name}{job.output.suffix}",
        digest=file_digest(job.output),
        bytes=job.output.stat().st_size,
        width=layout.grid.width,
        height=layout.grid.height,
        valid=round(valid, 6),
        bbox=picture_bounds(layout.grid),
    )
    item = picture_item(
        record,
        layout.grid,
        job.seen,
        [f"../../{name}.json" for name, _ in job.pictures],
        look=job.settings.look,
        profile="vrt" if job.kind == "vrt" else job.settings.profile,
        weights=job.settings.weights_digest,
        collection=Path(job.folder).name,
    )
    write_whole(job.output.with_suffix(".json"), json.dumps(item, indent=2, ensure_ascii=False) + "\n")
    return record


def _write(job: MosaicJob, layout: Layout) -> float:
    """Write the file; returns the share of it that is valid, for a VRT that which its pictures cover."""
    settings = job.settings
    if job.kind == "vrt":
        write_vrt(job.output, layout)
        windows = [piece.window for piece in layout.pieces]
        covered = sum((bottom - top) * (right - left) for top, left, bottom, right in windows)
        return covered / (layout.grid.height * layout.grid.width)
    return write_mosaic(
        job.output,
        layout,
        profile=PROFILES[settings.profile],
        options=dict(settings.creation_options),
        tags={"POTATO_CID": job.seen.cid, "POTATO_WEIGHTS": settings.weights_digest, **settings.look.tags},
        overwrite=job.overwrite,
    )


def _cell(name: str, path: str) -> tuple[float, float, float, float] | None:
    """The cell that a picture is of."""
    grid = picture_grid(path)
    (west, north), (east, south) = (grid.transform @ (x, y) for x, y in ((0, 0), (grid.width, grid.height)))
    for below in (False, True):
        cell = quadkey_square(name.split("/")[1], below)
        if cell and intersect(cell, (west, south, east, north)):
            return cell
    return None
