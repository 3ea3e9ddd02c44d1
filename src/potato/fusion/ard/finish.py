"""Finishing a picture: the STAC item beside it, the record for the manifest, no partial files."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from potato.core.text import one_line, redact
from potato.errors import DiskFullError, OutputError, PotatoError
from potato.fusion.ard.manifest import Record
from potato.fusion.ard.plan import MosaicJob, TileJob
from potato.fusion.ard.stac import THUMBNAIL, picture_bounds, picture_item
from potato.fusion.outputs import draw_output
from potato.raster.atomic import make_folder, remove_partials, write_whole
from potato.raster.encoding import encode_jpeg
from potato.raster.header import read_header


def record_work(job: TileJob | MosaicJob, work: Callable[[Record], Record]) -> Record:
    """Do a job and record its outcome; a failure is recorded, not raised.

    Args:
        job: what to make.
        work: makes it, and completes the record that it is given.

    Raises:
        DiskFullError: if the disk is full; other jobs would fail for it, too.
    """
    started = time.perf_counter()
    record = Record(job.name, "failed", job.signature, datetime=job.source.datetime)
    try:
        make_folder(job.output.parent)
        clean_up(job)
        record = work(record)
    except DiskFullError:
        raise
    except PotatoError as error:
        # The disk's fault, not the tile's. Errors of GDAL are OSErrors too, but have no number.
        disk = isinstance(error, OutputError) and getattr(error.__cause__, "errno", None) is not None
        record = replace(record, reason=redact(one_line(error)), transient=disk)
    except OSError as error:
        reason = redact(f"{job.output}: can't write there: {error.strerror or error}")
        record = replace(record, reason=reason, transient=True)
    return replace(record, seconds=round(time.perf_counter() - started, 3))


def finish_picture(
    job: TileJob | MosaicJob,
    record: Record,
    valid: float,
    *,
    sources: Sequence[str],
    profile: str,
    shown: Path | None = None,
) -> Record:
    """Write the item and the thumbnail of a finished picture, and complete its record.

    Both describe the file as it is: creation options may have given it another CRS or other bands.

    Args:
        job: which made the picture.
        record: its record so far.
        valid: share of its pixels that are valid, 0..1.
        sources: addresses of the items that it was made from, relative to its own or absolute.
        profile: `cog`, `tiled`, or the kind of a mosaic that is no GeoTIFF.
        shown: a GeoTIFF of the pixels, where GDAL may not read the picture itself.

    Raises:
        OutputError: if they can't be written.
    """
    shown = shown or job.output
    header = read_header(str(shown), "picture")
    grid = header.grid
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
        header,
        job.source,
        sources,
        settings=job.settings,
        profile=profile,
        collection=Path(job.folder).name,
    )
    _, item_file, thumbnail = files_of(job)
    write_whole(thumbnail, encode_jpeg(draw_output(shown)))
    write_whole(item_file, json_text(item))
    return record


def files_of(job: TileJob | MosaicJob) -> tuple[Path, Path, Path]:
    """The files of a picture: itself, its item and its thumbnail."""
    output = job.output
    return output, output.with_suffix(".json"), output.with_name(f"{output.stem}{THUMBNAIL}")


def json_text(data: dict[str, Any]) -> str:
    """An object as the text of a JSON file."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def clean_up(job: TileJob | MosaicJob) -> None:
    """Remove what a killed run left beside a picture."""
    for file in files_of(job):
        remove_partials(file.parent, file.name)


def _digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
