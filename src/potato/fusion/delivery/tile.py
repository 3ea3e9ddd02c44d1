"""One tile: a job in, its picture and item on disk, a record out."""

import functools
import hashlib
import json
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

from potato.ard.inspection import metadata_mismatch
from potato.ard.item import FORMAT
from potato.core.profiles import PROFILES
from potato.core.text import redact
from potato.errors import InputError, OutputError, PotatoError, WeightsError
from potato.fusion.delivery.manifest import Record
from potato.fusion.delivery.plan import Job
from potato.fusion.delivery.stac import Seen, picture_bounds, picture_item
from potato.fusion.pipeline import Fused, FuseSettings, fuse_pair
from potato.model.network import Sharpener
from potato.model.weights import load_model, weights_digest
from potato.raster import Grid, Pair, Part, open_pair, part_of
from potato.raster.atomic import write_whole
from potato.raster.remote import bytes_moved, is_remote, remote_gdal, reset_bytes_moved, try_again

RETRIES = 3
"""How often GDAL asks again for a part of an image, after 1, 2 and 4 seconds or so."""


def fuse_tile(job: Job) -> Record:
    """Fuse a tile. Whatever goes wrong with it comes back in the record.

    What an earlier run left half written beside the picture is removed, so no other may be at work on it.
    """
    started = time.perf_counter()
    record = Record(job.name, "failed", job.settings.signature, datetime=job.tile.datetime)
    remote = is_remote(job.tile.pan or "") or is_remote(job.tile.mul or "")
    reset_bytes_moved()
    try:
        made = _fuse(job)
        if made is None:
            if job.overwrite:
                for old in (job.output, job.output.with_suffix(".json")):
                    old.unlink(missing_ok=True)
            record = replace(record, state="empty", reason="nothing of the area in it")
        else:
            record = _write_item(record, job, *made)
    except PotatoError as error:
        record = replace(record, reason=redact(" ".join(str(error).split())))
    except OSError as error:
        record = replace(record, reason=redact(f"{job.output}: can't write there: {error.strerror or error}"))
    return replace(
        record,
        seconds=round(time.perf_counter() - started, 3),
        moved=bytes_moved() if remote else None,
    )


def file_digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sweep(output: Path) -> None:
    """Remove what a run that was killed left half written."""
    for left in output.parent.glob(f".{output.stem}.*.partial"):
        try:
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
        except OSError as error:
            raise OutputError(f"{left}: can't remove what an earlier run left: {error.strerror}") from error


def _write_item(record: Record, job: Job, fused: Fused, grid: Grid) -> Record:
    """Write the item of a tile's picture; returns the record, complete."""
    record = replace(
        record,
        state="done",
        file=f"{job.name}.tif",
        digest=file_digest(job.output),
        bytes=job.output.stat().st_size,
        width=fused.width,
        height=fused.height,
        valid=round(fused.valid, 6),
        bbox=picture_bounds(grid),
    )
    tile = job.tile
    item = picture_item(
        record,
        grid,
        Seen(tile.cid, tile.platform, tile.date, tile.datetime, tile.clouds),
        [_address(tile.item, job.output.parent)],
        look=job.settings.look,
        profile=job.settings.profile,
        weights=job.settings.weights_digest,
        collection=Path(job.folder).name,
    )
    write_whole(job.output.with_suffix(".json"), json.dumps(item, indent=2, ensure_ascii=False) + "\n")
    return record


def _fuse(job: Job) -> tuple[Fused, Grid] | None:
    """Write the picture of a tile; None if there is nothing to write."""
    tile, settings = job.tile, job.settings
    model = _model(settings.weights, settings.weights_digest)
    job.output.parent.mkdir(parents=True, exist_ok=True)
    sweep(job.output)
    pan, mul = tile.pan or "", tile.mul or ""

    def attempt() -> tuple[Fused, Grid] | None:
        with remote_gdal(RETRIES), open_pair(pan, mul, driver=FORMAT) as pair:
            mismatch = metadata_mismatch(tile, pair.grid)
            if mismatch:
                raise InputError(f"not as its item says: {mismatch}")
            part = part_of(pair.grid, tile.grid_square if settings.crop_to_cell else None, settings.area)
            if part is None:
                return None
            return _write(job, model, pair, part), part.picture

    return try_again(attempt, (pan, mul), follow=job.follow_links)


def _write(job: Job, model: Sharpener, pair: Pair, part: Part) -> Fused:
    settings = job.settings
    options = dict(settings.creation_options)
    if "NUM_THREADS" in PROFILES[settings.profile].options:
        options.setdefault("NUM_THREADS", str(settings.threads))
    how = FuseSettings(
        look=settings.look,
        profile=settings.profile,
        creation_options=options,
        device=settings.device,
        workers=settings.threads,
        overwrite=job.overwrite,
    )
    return fuse_pair(pair, job.output, model, how, part)


@functools.lru_cache(maxsize=2)
def _model(weights: str | None, digest: str) -> Sharpener:
    """The model of a run, loaded once in each worker; WeightsError if it has become another."""
    model = load_model(weights)
    if weights_digest(model) != digest:
        raise WeightsError(
            f"{weights}: expected the weights that the run began with, found others; repeat the command"
        )
    return model


def _address(item: str, folder: Path) -> str:
    """Where an item is, seen from a folder."""
    if "://" in item:
        return redact(item)
    return Path(os.path.relpath(item, folder)).as_posix()
