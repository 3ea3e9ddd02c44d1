"""The run: an ARD in, a folder of pictures out, with a manifest of what came of every tile."""

import contextlib
import functools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from potato.core.render import LOOKS, Look
from potato.engine.executor import open_executor
from potato.engine.jobs import Executor, Lost
from potato.errors import InputError, OutputError
from potato.fusion.delivery.aoi import box_area, read_area
from potato.fusion.delivery.manifest import COLLECTION, Manifest, Record, open_manifest, read_manifest
from potato.fusion.delivery.mosaic_jobs import Kind, MosaicJob, make_mosaic, plan_mosaics
from potato.fusion.delivery.plan import Choice, Job, Settings, make_plan
from potato.fusion.delivery.schedule import Agenda, Delivered, Forecast, forecast, make_agenda
from potato.fusion.delivery.stac import picture_collection
from potato.fusion.delivery.tile import fuse_tile, sweep
from potato.model.weights import PREDICTOR, load_model, weights_digest
from potato.raster import Area
from potato.raster.atomic import write_whole

Path_ = str | os.PathLike[str]
AnyJob = TypeVar("AnyJob", Job, MosaicJob)


def fuse_ard(
    ard: Path_,
    output: Path_,
    *,
    cids: Sequence[str] = (),
    allow_list: Path_ | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    aoi: Path_ | None = None,
    dates: str | None = None,
    max_clouds: float = 100.0,
    mosaic: Kind | None = None,
    crop_to_cell: bool = False,
    weights: Path_ | None = None,
    look: str | Look = "natural",
    profile: str = "cog",
    creation_options: Mapping[str, str] | None = None,
    device: str = "auto",
    workers: int | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    retry_failed: bool = False,
    follow_links: bool = False,
    dry_run: bool = False,
    progress: bool = False,
) -> Delivered | Forecast:
    """Sharpen the tiles of an ARD into a folder that has the ARD's own tree.

    Every tile becomes `output/zone/quadkey/date/CID.tif` with a STAC item beside it, and a line in
    `output/manifest.jsonl`. A run that was cut short, however roughly, is finished by repeating it: what is
    done stays, and so does what failed, unless `retry_failed`. One bad tile never ends a run.

    Args:
        ard: a local folder, `s3://bucket/prefix`, or `https://…`, also of the event's collection.
        output: the folder of the delivery; made if it isn't there.
        cids: catalog IDs of the tiles that are wanted; none for all.
        allow_list: a text file of such, one a line.
        bbox: west, south, east and north in degrees; only what lies in it is read and shown.
        aoi: GeoJSON with polygons, in place of `bbox`.
        dates: a day, or `first/last`, `first/`, `/last`.
        max_clouds: percent of cloud that a tile may have; one that doesn't say is wanted.
        mosaic: `cog` or `vrt`: also put the tiles of each CID and zone together, at the edges of their cells.
        crop_to_cell: whether pictures show their cells alone, without what neighbours share.
        weights: as for `load_model`.
        look: `natural`, `flat`, or a `Look`.
        profile: `cog` or `tiled`.
        creation_options: GDAL creation options on top of the profile's.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        workers: processes, each with its share of the cores; None for one per core. 0 does without, in this
            process, where a crash ends the run.
        cluster: as for `open_cluster`; None for processes of its own.
        overwrite: whether to make pictures again that were made with other weights or options.
        retry_failed: whether to try tiles again that failed in an earlier run.
        follow_links: whether images may lie outside of the ARD, where an item says so or a server sends us,
            and symlinks of a folder lead out of it.
        dry_run: whether only to say what there is to do.
        progress: whether to draw a progress bar on stderr.

    Returns:
        What was done; with `dry_run`, what would be.

    Raises:
        ArdError: if there is no ARD, or nothing in it that is wanted.
        ClusterError: if the cluster can't be used, or is lost.
        InputError: if an option makes no sense.
        WeightsError: if the weights can't be used.
        OutputError, OutputExists: if the folder can't be used, or holds pictures made otherwise.
    """
    started = time.perf_counter()
    area = _area(bbox, aoi)
    choice = Choice.of(tuple(cids), allow_list, dates, max_clouds, area)
    source = os.fspath(ard)
    source = source if "://" in source else str(Path(source).absolute())
    folder = Path(output).absolute()
    _keep_apart(source, folder)
    name = None if weights is None else os.fspath(weights)
    settings = Settings(
        weights=name if name in (None, PREDICTOR) else str(Path(name).absolute()),
        weights_digest=weights_digest(load_model(name)),
        look=LOOKS[look] if isinstance(look, str) else look,
        profile=profile,
        creation_options=tuple(sorted((creation_options or {}).items())),
        crop_to_cell=crop_to_cell,
        area=area,
        device=device,
    )
    with open_executor(workers, None if dry_run else cluster, kind="processes") as executor:
        plan = make_plan(source, choice, follow_links=follow_links)
        agenda_of = functools.partial(
            make_agenda,
            plan,
            folder,
            settings,
            threads_per_job=executor.threads_per_job,
            overwrite=overwrite,
            retry_failed=retry_failed,
            follow_links=follow_links,
        )
        if dry_run:
            manifest = read_manifest(folder)
            return forecast(plan, agenda_of(manifest), manifest, executor.workers)
        with open_manifest(folder) as manifest:
            agenda = agenda_of(manifest)
            manifest.describe(settings.signature, settings.facts)
            try:
                tiles = list(_work(agenda.todo, manifest, fuse_tile, executor, progress))
                wanted = [] if mosaic is None else _mosaics(agenda, manifest, mosaic)
                mosaics = list(_work(wanted, manifest, make_mosaic, executor, progress))
            finally:
                _write_collection(manifest)
    return Delivered.of(folder, plan, agenda, tiles, mosaics, time.perf_counter() - started)


def _keep_apart(source: str, folder: Path) -> None:
    """Refuse a folder within the ARD: items of pictures are called like those that they are made from."""
    if "://" not in source:
        ard, out = os.path.realpath(source), os.path.realpath(folder)
        if os.path.commonpath([ard, out]) == ard:
            raise OutputError(
                f"{folder}: expected a folder outside of the ARD, found one within; choose another folder"
            )


def _area(bbox: tuple[float, float, float, float] | None, aoi: Path_ | None) -> Area | None:
    if bbox is not None and aoi is not None:
        raise InputError("expected a bbox or an area of interest, found both; give one")
    if bbox is not None:
        return box_area(*bbox)
    return None if aoi is None else read_area(aoi)


def _work(
    jobs: Sequence[AnyJob],
    manifest: Manifest,
    function: Callable[[AnyJob], Record],
    executor: Executor,
    progress: bool,
) -> Iterator[Record]:
    """Do jobs; the manifest hears of each before it begins and when it ends."""
    begun: dict[str, AnyJob] = {}

    def begin() -> Iterator[AnyJob]:
        for job in jobs:
            manifest.put(Record(job.name, "started", job.signature))
            begun[job.name] = job
            # What isn't there now is this run's own when it is: another worker's, which died of the job.
            yield job if job.output.exists() else replace(job, overwrite=True)

    unit = "tile" if function is fuse_tile else "mosaic"
    bar = tqdm(total=len(jobs), unit=unit, disable=not progress or not jobs)
    # Closed here, so that a run that ends early ends its workers.
    results = contextlib.closing(executor.run(begin(), function))
    try:
        with bar, results as outcomes:
            for job, record in outcomes:
                if isinstance(record, Lost):
                    record = Record(job.name, "failed", job.signature, reason=record.reason)
                manifest.put(record)
                del begun[job.name]
                bar.update()
                yield record
    finally:
        # Of workers that had no time to clean up.
        for job in begun.values():
            sweep(job.output)


def _mosaics(agenda: Agenda, manifest: Manifest, kind: Kind) -> list[MosaicJob]:
    """The mosaics that aren't there as they should be."""
    wanted = []
    for job in plan_mosaics(agenda.jobs, manifest, kind):
        row = manifest.rows.get(job.name)
        if row is None or row.state != "done" or row.signature != job.signature or not manifest.holds(row):
            wanted.append(job)
    return wanted


def _write_collection(manifest: Manifest) -> None:
    """Write the collection of all that is done, if it isn't there."""
    path = manifest.folder / COLLECTION
    collection = picture_collection(manifest.folder.name, manifest.rows.values())
    text = json.dumps(collection, indent=2, ensure_ascii=False) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text)
