"""One picture of an event: all passes and zones of an ARD in Web Mercator, the best on top.

Passes come in the order that was asked for, then by their clouds, to a whole percent, then the
newest first. A pixel shows the first pass that has data there, so every pixel is of one moment.
Within a pass, tiles meet at the edges of their grid squares, as in its own mosaic.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from potato.ard.item import Tile
from potato.ard.listing import reported_clouds
from potato.core.grade import PLAIN
from potato.core.profiles import find_profile
from potato.core.text import counted
from potato.fusion.ard.choice import tile_grid
from potato.fusion.ard.finish import finish_picture
from potato.fusion.ard.manifest import Manifest, Record
from potato.fusion.ard.plan import Joining, MosaicJob, PassFacts, PictureSettings, TileJob
from potato.fusion.ard.stac import day_span
from potato.fusion.ard.summary import BYTES_WRITTEN, STAGED
from potato.raster.area import part_of
from potato.raster.atomic import staging_folder
from potato.raster.coordinates import Box, grid_to_lonlat, ground_pixel
from potato.raster.web_archive import write_web_archive
from potato.raster.web_mosaic import lay_out_web, write_web_mosaic, zoom_for, zoom_pixel

EVENT = "mosaic/event"
"""The name of the mosaic."""


def rank_passes(jobs: Iterable[TileJob], order: Sequence[str] = ()) -> list[str]:
    """CIDs, the best first.

    Args:
        jobs: tiles of the passes.
        order: CIDs in capitals that come first.
    """
    passes = defaultdict(list)
    for job in jobs:
        passes[job.tile.cid].append(job.tile)

    def place(cid: str) -> tuple[int, float]:
        named = order.index(cid.upper()) if cid.upper() in order else len(order)
        clouds = reported_clouds(passes[cid])
        return named, math.inf if clouds is None else round(clouds)

    newest = sorted(passes, key=lambda cid: (max(_moment(tile) for tile in passes[cid]), cid), reverse=True)
    return sorted(newest, key=place)


def event_job(jobs: Sequence[TileJob], manifest: Manifest, joining: Joining) -> MosaicJob:
    """The job of a mosaic of tiles that are done."""
    assert joining.kind is not None
    ranks = {cid: rank for rank, cid in enumerate(rank_passes(jobs, joining.order))}
    ordered = sorted(jobs, key=lambda job: (ranks[job.tile.cid], job.name))
    platforms = {job.tile.platform for job in jobs}
    days = sorted(job.tile.date for job in jobs)
    span = min(_moment(job.tile) for job in jobs), max(_moment(job.tile, last=True) for job in jobs)
    source = PassFacts(
        "", platforms.pop() if len(platforms) == 1 else "", days[-1], cids=tuple(ranks), span=span
    )
    pictures = tuple((job.name, manifest.rows[job.name].digest) for job in ordered)
    return MosaicJob(
        EVENT,
        jobs[0].folder,
        joining.kind,
        source,
        pictures,
        _common_settings([job.settings for job in jobs]),
    )


def write_event(job: MosaicJob, record: Record, pictures: Sequence[tuple[str, Box | None]]) -> Record:
    """Write the mosaic, its item and its thumbnail; returns the completed record.

    Args:
        job: the mosaic.
        record: its record so far.
        pictures: paths, the best first, and their grid squares; None for one that lies on none.

    Raises:
        InputError: if a picture can't be read or there is none.
        OutputError: if the mosaic can't be written.
    """
    settings, layout = job.settings, lay_out_web(pictures)
    misfits = [one.removeprefix(f"{job.folder}/") for one in layout.misfits]
    record = replace(record, reason=without(misfits))
    sources = [f"../{name}.json" for name, _ in job.pictures]
    tags = {"POTATO_CIDS": " ".join(job.source.cids), "POTATO_WEIGHTS": settings.weights_digest}
    tags |= settings.look.tags
    if job.kind == "event":
        valid = write_web_mosaic(
            job.output,
            layout,
            profile=find_profile(settings.profile),
            options=dict(settings.creation_options),
            tags=tags,
            overwrite=job.overwrite,
            threads=settings.threads,
        )
        return finish_picture(job, record, valid, sources=sources, profile=settings.profile)
    assert job.kind in ("mbtiles", "pmtiles")
    with staging_folder(job.output) as folder:
        staged = folder / "event.tif"
        valid = write_web_mosaic(
            staged, layout, profile=find_profile("tiled"), tags=tags, threads=settings.threads
        )
        write_web_archive(
            staged,
            job.output,
            job.kind,
            layout.zoom,
            [piece.box for piece in layout.pieces],
            overwrite=job.overwrite,
            threads=settings.threads,
        )
        return finish_picture(job, record, valid, sources=sources, profile=job.kind, shown=staged)


def without(left_out: Sequence[str]) -> str:
    """A remark on pictures that a mosaic lacks; empty if it lacks none."""
    return f"{counted(len(left_out), 'picture')} left out: {'; '.join(left_out)}" if left_out else ""


def event_room(jobs: Iterable[TileJob]) -> int:
    """About how many bytes of the disk a mosaic of tiles takes while it is made.

    That is its file, and its pixels before they are compressed. Ground that several passes show
    counts once.
    """
    ground: dict[tuple[int | None, str], float] = defaultdict(float)
    zoom, latitude, bits = 0, 0.0, 8
    for job in jobs:
        grid, tile = tile_grid(job.tile), job.tile
        ratio = tile.sensor.ratio if tile.sensor else 1
        part = None if grid is None else part_of(grid, ratio, tile.grid_square, job.settings.area)
        if grid is None or part is None:
            continue
        square = part.picture.height * part.picture.width * ground_pixel(grid) ** 2
        ground[tile.zone, tile.quadkey] = max(square, ground[tile.zone, tile.quadkey])
        zoom, bits = max(zoom, zoom_for(grid)), job.settings.look.bits
        _, latitude = grid_to_lonlat(grid, 0, 0)
    pixels = sum(ground.values()) / (zoom_pixel(zoom) * math.cos(math.radians(latitude))) ** 2
    return round(pixels * (BYTES_WRITTEN[bits] + STAGED[bits]))


def _moment(tile: Tile, last: bool = False) -> str:
    """When a tile was taken: the first or the last moment that its item allows."""
    return tile.datetime or day_span(tile.date)[last]


def _common_settings(settings: Sequence[PictureSettings]) -> PictureSettings:
    """The settings of a mosaic: the weights of all sensors, and a grade only if all share it."""
    first = settings[0]
    look = first.look if len({each.look for each in settings}) == 1 else first.look.graded(PLAIN)
    weights = " ".join(sorted({each.weights_digest for each in settings}))
    return replace(first, look=look, weights_digest=weights)
