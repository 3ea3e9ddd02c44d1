"""Finishing a picture: the STAC item beside it, the record for the manifest, no partial files."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from potato.core.text import redact
from potato.errors import OutputError, PotatoError
from potato.fusion.delivery.manifest import Record
from potato.fusion.delivery.plan import MosaicJob, TileJob
from potato.fusion.delivery.stac import picture_bounds, picture_item
from potato.raster import Grid
from potato.raster.atomic import write_whole


def record_work(job: TileJob | MosaicJob, work: Callable[[Record], Record]) -> Record:
    """Do a job and record its outcome; a failure is recorded, not raised.

    Args:
        job: what to make.
        work: makes it, and completes the record that it is given.
    """
    started = time.perf_counter()
    record = Record(job.name, "failed", job.signature, datetime=job.source.datetime)
    try:
        job.output.parent.mkdir(parents=True, exist_ok=True)
        remove_partials(job.output)
        record = work(record)
    except PotatoError as error:
        record = replace(record, reason=redact(" ".join(str(error).split())))
    except OSError as error:
        record = replace(record, reason=redact(f"{job.output}: can't write there: {error.strerror or error}"))
    return replace(record, seconds=round(time.perf_counter() - started, 3))


def finish_picture(
    job: TileJob | MosaicJob,
    record: Record,
    grid: Grid,
    valid: float,
    *,
    sources: Sequence[str],
    profile: str,
) -> Record:
    """Write the item of a finished picture, and complete its record.

    Args:
        job: which made the picture.
        record: its record so far.
        grid: the grid of the picture.
        valid: share of its pixels that are valid, 0..1.
        sources: addresses of the items that it was made from, relative to its own or absolute.
        profile: `cog`, `tiled` or `vrt`.

    Raises:
        OutputError: if the item can't be written.
    """
    record = replace(
        record,
        state="done",
        file=f"{job.name}{job.output.suffix}",
        digest=_digest(job.output),
        bytes=job.output.stat().st_size,
        width=grid.width,
        height=grid.height,
        valid=round(valid, 6),
        bbox=picture_bounds(grid),
    )
    item = picture_item(
        record,
        grid,
        job.source,
        sources,
        settings=job.settings,
        profile=profile,
        collection=Path(job.folder).name,
    )
    write_whole(job.output.with_suffix(".json"), json_text(item))
    return record


def json_text(data: dict[str, Any]) -> str:
    """An object as the text of a JSON file."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def remove_partials(output: Path) -> None:
    """Remove what a killed run left beside a picture, at which no other run may be at work.

    Raises:
        OutputError: if something can't be removed.
    """
    for left in output.parent.glob(f".{output.stem}.*.partial"):
        try:
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
        except OSError as error:
            raise OutputError(f"{left}: can't remove what an earlier run left: {error.strerror}") from error


def _digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
