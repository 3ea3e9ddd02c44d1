"""One tile: a job in, its picture and item on disk, a record out."""

import functools
import os
from dataclasses import replace
from pathlib import Path

from potato.ard.inspection import open_checked_tile
from potato.core.sensors import Sensor
from potato.core.text import redact
from potato.engine.devices import choose_device
from potato.errors import WeightsError
from potato.fusion.ard.finish import files_of, finish_picture, record_work
from potato.fusion.ard.manifest import Record
from potato.fusion.ard.plan import TileJob
from potato.fusion.pipeline import Fused, FuseSettings, fuse_pair
from potato.model.model import Model
from potato.model.weights import load_model
from potato.raster.area import Part, part_of
from potato.raster.gdal_env import is_remote
from potato.raster.pair import Pair
from potato.raster.remote import bytes_moved, remote_gdal, reset_bytes_moved, try_again

RETRIES = 3
"""How often GDAL asks again for a part of an image, after about 1, 2 and 4 seconds."""


def fuse_tile(job: TileJob) -> Record:
    """Fuse a tile; a failure is recorded, not raised."""
    remote = is_remote(job.tile.pan or "") or is_remote(job.tile.mul or "")
    reset_bytes_moved()
    record = record_work(job, functools.partial(_fuse_and_finish, job))
    return replace(record, moved=bytes_moved() if remote else None)


def _fuse_and_finish(job: TileJob, record: Record) -> Record:
    fused = _fuse(job)
    if fused is None:
        if job.overwrite:
            for old in files_of(job):
                old.unlink(missing_ok=True)
        return replace(record, state="empty", reason="nothing of the area in it")
    sources = [_relative(job.tile.item, job.output.parent)]
    return finish_picture(job, record, fused.valid, sources=sources, profile=job.settings.profile)


def _fuse(job: TileJob) -> Fused | None:
    """Write the picture of a tile; None if the tile has nothing of the area."""
    tile, settings = job.tile, job.settings
    assert tile.sensor is not None
    model = _model(settings.weights, settings.weights_digest, tile.sensor)
    pan, mul = tile.pan or "", tile.mul or ""

    def attempt() -> Fused | None:
        with remote_gdal(RETRIES), open_checked_tile(tile) as pair:
            box = tile.grid_square if settings.crop_to_square else None
            part = part_of(pair.grid, pair.ratio, box, settings.area)
            if part is None:
                return None
            return _write(job, model, pair, part)

    return try_again(attempt, (pan, mul), follow=job.follow_links)


def _write(job: TileJob, model: Model, pair: Pair, part: Part) -> Fused:
    settings = job.settings
    how = FuseSettings(
        look=settings.look,
        profile=settings.profile,
        creation_options=dict(settings.creation_options),
        # Without the pixels of a tile: a worker gets the GPU ready once, for all its tiles.
        device=choose_device(settings.device),
        workers=settings.threads,
        overwrite=job.overwrite,
        cid=job.tile.cid,
    )
    return fuse_pair(pair, job.output, model, how, part)


@functools.lru_cache(maxsize=8)
def _model(weights: str | None, digest: str, sensor: Sensor) -> Model:
    """The model of a sensor, loaded once in each worker.

    Raises:
        WeightsError: if it isn't the one that the run began with.
    """
    model = load_model(weights, sensor)
    if model.digest != digest:
        raise WeightsError(
            f"{weights or 'shipped weights'}: expected the weights that the run began with, found others; "
            "repeat the command"
        )
    return model


def _relative(item: str, folder: Path) -> str:
    """The address of an item, relative to a folder if it is a file."""
    if "://" in item:
        return redact(item)
    return Path(os.path.relpath(item, folder)).as_posix()
