"""The run: an ARD in; a folder of pictures and a manifest of every tile's outcome out."""

import contextlib
import functools
import importlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from potato.core.grade import Grade
from potato.core.installation import extra_for
from potato.core.profiles import find_profile
from potato.core.render import Look, as_look
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.engine.dask import LOCAL
from potato.engine.devices import CPU, choose_device
from potato.engine.executor import open_executor
from potato.engine.jobs import Executor, Lost
from potato.engine.progress import Progress, progress_bar
from potato.errors import DiskFullError, InputError, OutputError
from potato.fusion.aoi import choose_area
from potato.fusion.ard.choice import Choice
from potato.fusion.ard.event_mosaic import event_room
from potato.fusion.ard.finish import clean_up, files_of, json_text
from potato.fusion.ard.manifest import COLLECTION, Manifest, Record, open_manifest, read_manifest
from potato.fusion.ard.mosaic_jobs import count_mosaics, make_mosaic, plan_mosaics
from potato.fusion.ard.pass_grades import grade_passes, kept_grades
from potato.fusion.ard.plan import (
    Joining,
    MosaicJob,
    MosaicKind,
    PictureSettings,
    Plan,
    TileJob,
    make_plan,
)
from potato.fusion.ard.schedule import Schedule, make_schedule
from potato.fusion.ard.stac import picture_collection
from potato.fusion.ard.summary import Forecast, FusedArd, forecast, quantity
from potato.fusion.ard.tile import fuse_tile
from potato.fusion.grading import as_given
from potato.model.weights import load_model, portable_weights
from potato.raster.atomic import write_whole
from potato.raster.coordinates import grid_at
from potato.raster.output_files import check_folder, keep_inputs
from potato.raster.writer import Channels, check_creation

AnyJob = TypeVar("AnyJob", TileJob, MosaicJob)


def fuse_ard(
    ard: PathLike,
    output: PathLike,
    *,
    cids: Sequence[str] = (),
    allow_list: PathLike | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    aoi: PathLike | None = None,
    dates: str | None = None,
    max_clouds: float = 100.0,
    mosaic: MosaicKind | None = None,
    order: Sequence[str] = (),
    crop_to_square: bool = False,
    weights: PathLike | None = None,
    look: str | Look = "natural",
    grade: bool | PathLike | Grade = False,
    profile: str = "cog",
    creation_options: Mapping[str, str] | None = None,
    device: str = "auto",
    workers: int | None = None,
    cluster: str | None = None,
    overwrite: bool = False,
    retry_failed: bool = False,
    follow_links: bool = False,
    dry_run: bool = False,
    progress: Progress = False,
    say: Callable[[str], None] | None = None,
) -> FusedArd | Forecast:
    """Sharpen the tiles of an ARD into a folder with the ARD's own tree.

    Every tile becomes `output/zone/quadkey/date/CID.tif` with a STAC item beside it and a line in
    `output/manifest.jsonl`. A bad tile doesn't end the run. Repeat the call to finish a run
    that was cut short, however it ended: pictures that are done stay, and so do failures, unless
    `retry_failed`.

    Args:
        ard: a local folder, `s3://bucket/prefix`, or `https://…`, also of an event's collection.
        output: the folder for the pictures; made if it isn't there; outside of the ARD.
        cids: catalog IDs of the tiles to fuse; empty for all.
        allow_list: a text file of catalog IDs, one a line; with `cids`, both must allow a tile.
        bbox: west, south, east and north in degrees; nothing outside is read or shown.
        aoi: a file of polygons, as `fusion.aoi.read_area` takes it; nothing outside of these is
            read or shown. In place of `bbox`.
        dates: a day, `first/last`, `first/` or `/last`; None for any.
        max_clouds: percent of cloud that a tile may have; a tile without that figure passes.
        mosaic: `cog` or `vrt`: also join the tiles of each CID and zone at the edges of their grid
            squares, as a picture of its own or as a VRT, which copies no pixels. `event`, `mbtiles`
            or `pmtiles`: also join all tiles in one picture in Web Mercator, the best pass on top.
        order: CIDs of a mosaic of all tiles, the best first; others follow, by their clouds, then
            the newest first.
        crop_to_square: whether pictures show their grid square alone, without the overlap that
            neighbouring tiles share.
        weights: a checkpoint file; a name of shipped weights, such as `worldview`; `predictor` for
            the predictor without a network; None for the shipped weights of each tile's sensor or,
            if it has none, the predictor. Tiles whose bands given weights don't read are left out.
        look: `natural`, `clear` or `vivid` (8 bits, for viewing), `flat` (16 bits, colorimetric),
            or a `Look`.
        grade: whether to measure black point and white point once for each pass, on overviews of
            its tiles, and keep them in `output/grade/CID.json`, where they are found again; or such
            a file, for all passes; or a `core.grade.Grade`.
        profile: `cog` (Cloud Optimized GeoTIFF with overviews) or `tiled` (without overviews).
        creation_options: GDAL creation options on top of the profile's.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        workers: worker processes, each with its share of the cores; None for one per core. 0 works
            in this process, where a crash ends the run. A GPU always has one process, with all
            cores: several would fight over its memory.
        cluster: `local`, or the address of a Dask scheduler, such as `tcp://10.0.0.1:8786`, whose
            workers then do the work; None for processes of this machine.
        overwrite: whether to make pictures again that were made with other weights or options.
        retry_failed: whether to try tiles again that failed in an earlier run.
        follow_links: whether links and symlinks may lead out of the ARD, and servers may redirect
            requests to other hosts.
        dry_run: whether only to say what there is to do.
        progress: whether to show progress on stderr: a bar on a terminal, else a line now and then;
            or a function that is called with the share of the tiles that is done, 0..1.
        say: called with a line for each tile and mosaic when it is done or has failed.

    Returns:
        What was done; with `dry_run`, what would be done.

    Raises:
        ArdError: if there is no ARD, or no tile of the choice in it.
        ClusterError: if the cluster can't be used, or is lost.
        InputError: if an option makes no sense, or pictures with a CRS or grid of their own
            (`TARGET_SRS`, `TILING_SCHEME`) are to be joined.
        WeightsError: if the weights can't be used.
        OutputError, OutputExists: if the folder can't be used, or has pictures made otherwise.
    """
    started = time.perf_counter()
    source, folder = os.fspath(ard), check_folder(output).absolute()
    joining = Joining(mosaic, tuple(cid.strip().upper() for cid in order))
    _check_joinable(joining, creation_options or {}, as_look(look))
    area = choose_area(bbox, aoi)
    model = load_model(weights)
    given = None if weights is None else model.architecture
    choice = Choice.of(tuple(cids), allow_list, dates, max_clouds, area, given)
    source = source if "://" in source else str(Path(source).absolute())
    _keep_apart(source, folder)
    settings = PictureSettings(
        weights=portable_weights(weights),
        weights_digest=model.digest,
        look=as_look(look) if isinstance(grade, bool) else as_look(look).graded(as_given(grade)),
        profile=find_profile(profile).name,
        creation_options=tuple(sorted((creation_options or {}).items())),
        crop_to_square=crop_to_square,
        area=area,
        device=device,
    )
    if cluster in (None, LOCAL):
        workers = _workers_for(device, workers)
    with open_executor(workers, None if dry_run else cluster, kind="processes") as executor:
        plan = make_plan(source, choice, follow_links=follow_links)
        _check_plan(plan, joining, settings, folder)
        schedule_by = functools.partial(
            make_schedule,
            settings={sensor: _settings_for(sensor, settings) for sensor in plan.sensors},
            threads_per_job=executor.threads_per_job,
            overwrite=overwrite,
            retry_failed=retry_failed,
            follow_links=follow_links,
        )
        if dry_run:
            manifest = read_manifest(folder)
            kept = kept_grades(plan, folder) if grade is True else {}
            schedule = schedule_by(plan, manifest=manifest, grades=kept)
            return _forecast(plan, schedule, manifest, executor, joining)
        with open_manifest(folder) as manifest:
            grades: dict[str, Grade] = {}
            if grade is True:
                plan, grades = grade_passes(plan, folder, executor, follow_links)
            schedule = schedule_by(plan, manifest=manifest, grades=grades)
            _keep_items(schedule)
            _check_room(_forecast(plan, schedule, manifest, executor, joining), folder, mosaic)
            manifest.put_faults(plan.faults)
            for each in {job.settings.signature: job.settings for job in schedule.jobs}.values():
                manifest.describe(each.signature, each.facts)
            tiles, mosaics = _fuse_all(schedule, manifest, executor, joining, progress, say)
    return FusedArd.of(folder, plan, schedule, tiles, mosaics, time.perf_counter() - started)


def _check_joinable(joining: Joining, creation_options: Mapping[str, str], look: Look) -> None:
    """Refuse to join pictures in a way that their format or place doesn't allow."""
    moved = [name for name in creation_options if name.upper() in ("TARGET_SRS", "TILING_SCHEME")]
    if joining.kind and moved:
        raise InputError(
            f"expected pictures in the ARD's own CRS to join, found {moved[0]}; leave out --mosaic or --vrt, "
            "or warp the mosaics afterwards (gdalwarp)"
        )
    if joining.kind in ("mbtiles", "pmtiles") and look.bits != 8:
        raise InputError(
            f"expected a look of 8 bits for web tiles, found {look.name}; choose natural, clear or vivid, "
            "or --mosaic event"
        )
    if joining.kind == "pmtiles":
        with extra_for("--mosaic pmtiles"):
            importlib.import_module("pmtiles")
    if joining.order and not joining.of_events:
        raise InputError("expected --mosaic event, mbtiles or pmtiles with --order, found none of them")


def _check_plan(plan: Plan, joining: Joining, settings: PictureSettings, folder: Path) -> None:
    """Refuse what would fail for every tile of a plan."""
    _check_order(joining, plan)
    _check_creation(plan, settings, folder)


def _check_order(joining: Joining, plan: Plan) -> None:
    """Refuse an order of CIDs that no tile has."""
    unknown = sorted(set(joining.order) - {cid.upper() for cid in plan.passes})
    if unknown:
        raise InputError(
            f"expected CIDs of tiles to fuse in --order, found {', '.join(unknown)}; potato ls lists them"
        )


def _check_creation(plan: Plan, settings: PictureSettings, folder: Path) -> None:
    """Refuse creation options by which no picture can be made, wherever it lies."""
    channels, profile = Channels(f"uint{settings.look.bits}"), find_profile(settings.profile)
    corners = {tile.epsg: (tile.bbox[0], tile.bbox[3]) for tile in plan.tiles if tile.bbox and tile.epsg}
    refusals = []
    for epsg, (west, north) in corners.items():
        try:
            grid = grid_at(1, 1, 0.5, west, north, epsg)
            check_creation(folder, grid, channels, profile, dict(settings.creation_options))
        except OutputError as error:
            refusals.append(error)
        else:
            return
    if refusals:
        raise refusals[0]


def _forecast(
    plan: Plan, schedule: Schedule, manifest: Manifest, executor: Executor, joining: Joining
) -> Forecast:
    """What a run would do, its mosaics included."""
    mosaics = count_mosaics(schedule, manifest, joining)
    room = event_room(schedule.jobs) if mosaics and joining.of_events else 0
    return forecast(plan, schedule, manifest, executor.workers, mosaics, room=room)


def _settings_for(sensor: Sensor, settings: PictureSettings) -> PictureSettings:
    """The settings for tiles of a sensor, with the digest of its weights."""
    return replace(settings, weights_digest=load_model(settings.weights, sensor).digest)


def _workers_for(device: str, wanted: int | None) -> int | None:
    """How many workers of this machine to open: at most one if a GPU computes."""
    on_gpu = choose_device(device) != CPU
    return 1 if on_gpu and wanted != 0 else wanted


def _keep_items(schedule: Schedule) -> None:
    """Refuse to replace items and images of the ARD, whatever their folders are called."""
    for job in schedule.todo:
        for file in filter(Path.exists, files_of(job)):
            keep_inputs(file, (job.tile.item, job.tile.pan, job.tile.mul))


def _check_room(wanted: Forecast, folder: Path, mosaic: MosaicKind | None) -> None:
    """Refuse to begin what the disk has no room for.

    Raises:
        DiskFullError: if it is smaller than the pictures, and the pixels of those at work.
    """
    size = wanted.bytes_written * (2 if mosaic == "cog" else 1) + wanted.bytes_staged
    free = shutil.disk_usage(folder).free
    if (wanted.tiles or wanted.mosaics) and free < size:
        raise DiskFullError(
            f"{folder}: expected room for about {quantity(size, 'B')}, found {quantity(free, 'B')}; "
            "make room, choose a larger disk, or take part of the ARD (--cid, --bbox, --aoi)"
        )


def _keep_apart(source: str, folder: Path) -> None:
    """Refuse a folder within the ARD: items of pictures have the names of the ARD's items."""
    if "://" not in source:
        ard, out = os.path.realpath(source), os.path.realpath(folder)
        if os.path.commonpath([ard, out]) == ard:
            raise OutputError(
                f"{folder}: expected a folder outside of the ARD, found one within; choose another folder"
            )


def _fuse_all(
    schedule: Schedule,
    manifest: Manifest,
    executor: Executor,
    joining: Joining,
    progress: Progress,
    say: Callable[[str], None] | None,
) -> tuple[list[Record], list[Record]]:
    """Make the pictures and the mosaics, and in any case the collection of all that is done."""
    try:
        tiles = list(_work(schedule.todo, manifest, fuse_tile, executor, progress, say))
        wanted = [] if joining.kind is None else plan_mosaics(schedule.jobs, manifest, joining)
        threads = executor.threads_per_job(len(wanted))
        mosaics = [replace(job, settings=replace(job.settings, threads=threads)) for job in wanted]
        return tiles, list(_work(mosaics, manifest, make_mosaic, executor, progress is True, say))
    finally:
        _write_collection(manifest)


def _work(
    jobs: Sequence[AnyJob],
    manifest: Manifest,
    function: Callable[[AnyJob], Record],
    executor: Executor,
    progress: Progress,
    say: Callable[[str], None] | None,
) -> Iterator[Record]:
    """Do jobs; the manifest gets a line when a job begins and when it ends."""
    begun: dict[str, AnyJob] = {}

    def begin() -> Iterator[AnyJob]:
        for job in jobs:
            manifest.put(Record(job.name, "started", job.signature))
            begun[job.name] = job
            # A file that appears from now on is this run's own, by a worker that died of the job.
            yield job if job.output.exists() else replace(job, overwrite=True)

    unit = "tile" if function is fuse_tile else "mosaic"
    bar = progress_bar(len(jobs), unit, progress)
    # Closed here, so that the workers of an interrupted run end before their files are removed.
    results = contextlib.closing(executor.run(begin(), function))
    try:
        with bar, results as outcomes:
            for job, record in outcomes:
                if isinstance(record, Lost):
                    if isinstance(record.error, DiskFullError):
                        raise record.error
                    record = Record(job.name, "failed", job.signature, record.reason, transient=record.died)
                manifest.put(record)
                del begun[job.name]
                bar.update()
                if say is not None:
                    say(str(record))
                yield record
    finally:
        # Workers that were killed could not clean up.
        for job in begun.values():
            clean_up(job)


def _write_collection(manifest: Manifest) -> None:
    """Write the collection of all that is done, unless the file has it already."""
    path = manifest.folder / COLLECTION
    text = json_text(picture_collection(manifest.folder.name, manifest.rows.values()))
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text)
