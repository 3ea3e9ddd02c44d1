"""Requests that have an area sharpened, and those for the pictures."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from starlette.exceptions import HTTPException

from potato.errors import OutputError
from potato.raster.area import Area, part_of
from potato.raster.coordinates import Box
from potato.serving.appearance import Contrast, LookName, Name, PassFilters, Stops, check_names
from potato.serving.catalogue import Entry, PassOrigin, Wanted
from potato.serving.job_list import Job, JobList
from potato.serving.job_process import Task
from potato.serving.looks import Rendering
from potato.serving.mercator import extent_of, grid_around, jumps, within_world
from potato.serving.painter import Painter, Subject

MOST_POINTS = 10_000
"""Points of an area; a person draws some."""

SAMPLES = 256
"""Pixels along an area in which it is asked which passes show it."""

Position = Annotated[list[FiniteFloat], Field(min_length=2, max_length=3)]
AreaRing = Annotated[list[Position], Field(min_length=4, max_length=MOST_POINTS)]


class Polygon(BaseModel):
    """A GeoJSON polygon (RFC 7946)."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["Polygon"]
    coordinates: Annotated[list[AreaRing], Field(min_length=1, max_length=100)]

    def continued(self) -> dict[str, Any]:
        """The polygon; where it jumps at the antimeridian, its longitudes go on beyond 180."""
        if not jumps(self.coordinates[0]):
            return self.model_dump()
        rings = [[[point[0] % 360, *point[1:]] for point in ring] for ring in self.coordinates]
        return {"type": self.type, "coordinates": rings}

    def as_area(self) -> Area:
        """As `raster` takes it."""
        rings = self.continued()["coordinates"]
        return Area((tuple(tuple((point[0], point[1]) for point in ring) for ring in rings),))


class Wish(PassFilters):
    """What a job is to make."""

    area: Polygon
    look: LookName = "natural"
    exposure: Stops = 0.0
    contrast: Contrast = 1.0
    weights: Name | None = None
    profile: Literal["cog", "tiled"] = "cog"
    name: Annotated[str | None, Field(max_length=80)] = None


def add_jobs(application: FastAPI, painter: Painter, jobs: JobList | None, follow_links: bool) -> None:
    """Add `/jobs` to an application; without a list of jobs, new ones are refused."""

    @application.get("/jobs")
    def every() -> list[dict[str, Any]]:
        return [] if jobs is None else [_describe(jobs, job) for job in jobs]

    @application.post("/jobs", status_code=202)
    def add(wish: Wish) -> dict[str, Any]:
        if jobs is None:
            raise HTTPException(409, "expected a folder for pictures, found none; start with --output DIR")
        check_names(painter, wish.collect, wish.weights)
        origin, mosaic = _choose(painter, wish)
        rendering = Rendering(wish.look, wish.exposure, wish.contrast)
        weights = painter.weights[wish.weights] if wish.weights else next(iter(painter.weights.values()))
        task = Task(origin, wish.wanted, rendering.adjusted(), weights, wish.profile, follow_links, mosaic)
        facts = wish.model_dump(by_alias=True, exclude={"area"})
        name = wish.name or wish.collect or "-".join(origin.cids[:1]) or painter.catalogue.title
        try:
            job = jobs.add(task, wish.area.continued(), facts, name)
        except OutputError as error:
            raise HTTPException(409, str(error)) from error
        return _describe(jobs, job)

    @application.delete("/jobs/{name}")
    def cancel(name: str) -> dict[str, Any]:
        if jobs is None or jobs.find(name) is None:
            raise HTTPException(404, "expected a job of /jobs, found another")
        return _describe(jobs, jobs.cancel(name))

    @application.get("/jobs/{name}/picture.tif")
    def picture(name: str) -> Response:
        path = None if jobs is None else jobs.picture(name)
        if path is None:
            raise HTTPException(404, "expected a job of /jobs that is done, found another")
        return FileResponse(path, media_type="image/tiff", filename=f"{name}.tif")


def _choose(painter: Painter, wish: Wish) -> tuple[PassOrigin, Literal["cog", "event"]]:
    """From what to make the picture: the passes that the map shows in the area, the best first."""
    ring = wish.area.coordinates[0]
    if any(abs(point[0]) > 360 or abs(point[1]) > 90 for point in ring):
        raise HTTPException(400, "expected an area in degrees of longitude and latitude, found other numbers")
    shown = _shown_passes(painter, wish.area.as_area(), extent_of(ring), wish.wanted)
    if not shown:
        raise HTTPException(400, "expected an area on ground that can be sharpened, found none of it there")
    first = shown[0][1]
    if any(origin.source != first.source or not origin.cids for _, origin in shown[1:]):
        names = ", ".join(painter.catalogue.owner(tiles[0]).id for tiles, _ in shown)
        raise HTTPException(
            400, f"expected an area of one source, found several: {names}; show one alone as A"
        )
    if not first.cids:
        return first, "cog"
    cids = tuple(dict.fromkeys(cid for _, origin in shown for cid in origin.cids))
    zones = {entry.zone for tiles, _ in shown for entry in tiles}
    return replace(first, cids=cids), "cog" if len(cids) == 1 and len(zones) == 1 else "event"


def _shown_passes(
    painter: Painter, area: Area, box: Box, wanted: Wanted
) -> list[tuple[Sequence[Entry], PassOrigin]]:
    """The passes that show ground of an area that those before them don't, and their origins.

    Args:
        painter: draws small pictures of the area, in which it is seen what each pass shows.
        area: the area.
        box: around it, in Web Mercator.
        wanted: what may be shown.
    """
    if box[0] == box[2] and box[1] == box[3]:
        return []
    parts = [part_of(grid, 1, area=area) for grid in within_world(grid_around(box, SAMPLES))]
    left = [(part.picture, part.cells) for part in parts if part is not None]
    found: list[tuple[Sequence[Entry], PassOrigin]] = []
    for tiles in painter.catalogue.by_pass(painter.catalogue.within(box, wanted)):
        origin = painter.catalogue.owner(tiles[0]).origin
        if origin is None:
            continue
        news = False
        for grid, bare in left:
            assert bare is not None
            seen = painter.draw(tiles, grid, Subject("plain"))[3] > 0
            news |= bool((seen & bare).any())
            bare &= ~seen
        found += [(tiles, origin)] if news else []
    return found


def _describe(jobs: JobList, job: Job) -> dict[str, Any]:
    path = jobs.picture(job.id)
    return {
        **job.facts,
        "id": job.id,
        "state": job.state,
        "progress": job.progress,
        "message": job.message,
        "created": job.created,
        "area": job.area,
        "bounds": job.bounds,
        "size": path.stat().st_size if path else None,
        "file": f"/jobs/{job.id}/picture.tif" if path else None,
    }
