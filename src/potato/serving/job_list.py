"""Jobs: areas to sharpen, one after the other, in a process of their own.

A job is a GeoJSON feature beside its picture, `NAME.geojson` and `NAME.tif`: its area is the
geometry, its state the properties. So the list outlives the server, and `fuse --aoi NAME.geojson`
makes the same picture again.
"""

import contextlib
import json
import math
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from potato.core.types import PathLike
from potato.engine.children import Child, ChildContext
from potato.errors import OutputError
from potato.raster.atomic import locked, make_folder, remove_partials, write_whole
from potato.raster.coordinates import Degrees, narrowest_bounds
from potato.raster.output_files import check_folder
from potato.serving.catalogue import plain_name
from potato.serving.job_process import Task, tiles_folder, work

FORMAT = "potato job 1"
"""What the JSON calls itself."""

LOCK = ".potato-serve.lock"
"""The file whose lock keeps two servers from one folder."""

MOST_WAITING = 100
"""Jobs that may wait; more would be a mistake."""

LARGEST = 4 << 20
"""Bytes of the JSON of a job."""

UNFINISHED = "waiting", "running"
"""States from which a job still goes on."""

CLEANUP_SECONDS = 10.0
"""How long a cancelled job may take to remove unfinished files."""

DIED = "its process died; is there too little memory?"

ENDED = "the server ended before it was done; ask for it again"


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        id: the stem of its files.
        state: `waiting`, `running`, `done`, `failed` or `cancelled`.
        area: a GeoJSON polygon.
        facts: what was asked for: pass, look, and so on.
        created: ISO 8601, UTC.
        progress: share that is done, 0..1.
        message: why it failed, in one line.
    """

    id: str
    state: str
    area: Mapping[str, Any]
    facts: Mapping[str, Any]
    created: str
    progress: float = 0.0
    message: str = ""

    @property
    def bounds(self) -> Degrees:
        """West, south, east, north of the area."""
        return narrowest_bounds(self.area["coordinates"][0])

    @property
    def feature(self) -> dict[str, Any]:
        """The GeoJSON feature that is kept."""
        own = {name: getattr(self, name) for name in ("id", "state", "created", "progress", "message")}
        properties = {"format": FORMAT, **own, **self.facts}
        return {"type": "Feature", "id": self.id, "geometry": self.area, "properties": properties}


def read_job(path: Path) -> Job | None:
    """The job that a file keeps; None if it is something else."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(LARGEST))
        facts = dict(data["properties"])
        if facts.pop("format") != FORMAT or facts.pop("id") != path.stem:
            return None
        own = {name: str(facts.pop(name)) for name in ("state", "created", "message")}
        progress = float(facts.pop("progress"))
        job = Job(path.stem, area=dict(data["geometry"]), facts=facts, progress=progress, **own)
        return job if all(map(math.isfinite, (*job.bounds, progress))) else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


class JobList:
    """The jobs of a folder, and the thread that has them done, one at a time.

    Args:
        folder: where pictures and jobs go; made if it isn't there.

    Raises:
        OutputError, OutputExists: if the folder can't be used, or another server uses it.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = check_folder(folder).absolute()
        make_folder(self.folder)
        self._stack = contextlib.ExitStack()
        refusal = OutputError(f"{folder}: another potato serve uses this folder; choose another (--output)")
        self._stack.enter_context(locked(self.folder / LOCK, refusal))
        self._change = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, Task] = {}
        self._process: BaseProcess | None = None
        self._closing = False
        remove_partials(self.folder)
        found = filter(None, map(read_job, self.folder.glob("*.geojson")))
        for job in sorted(found, key=lambda one: one.created):
            self._jobs[job.id] = job
            if job.state in UNFINISHED:
                shutil.rmtree(tiles_folder(self.folder / f"{job.id}.tif"), ignore_errors=True)
                self._keep(replace(job, state="cancelled", message=ENDED))
        self._thread = threading.Thread(target=self._work, name="potato-jobs", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Job]:
        """All jobs, the newest first."""
        with self._change:
            return iter(list(self._jobs.values())[::-1])

    def find(self, name: str) -> Job | None:
        """The job of an ID; None without one."""
        return self._jobs.get(name)

    def picture(self, name: str) -> Path | None:
        """The finished picture of a job by its ID; None without one."""
        job, path = self.find(name), self.folder / f"{name}.tif"
        return path if job is not None and job.state == "done" and path.is_file() else None

    def add(self, task: Task, area: Mapping[str, Any], facts: Mapping[str, Any], name: str) -> Job:
        """Add a job.

        Args:
            task: what to make; `area` and `output` are filled in here.
            area: a GeoJSON polygon.
            facts: what to keep with it.
            name: wanted for its files; made plain, and unique.

        Raises:
            OutputError: if too many wait, or the disk is full.
        """
        with self._change:
            waiting = sum(job.state == "waiting" for job in self._jobs.values())
            if waiting >= MOST_WAITING or self._closing:
                raise OutputError(f"expected at most {MOST_WAITING} jobs that wait; cancel some")
            name = self._free(name)
            path = self.folder / f"{name}.tif"
            job = Job(name, "waiting", area, facts, datetime.now(UTC).isoformat(timespec="seconds"))
            self._store(job)
            self._tasks[name] = replace(task, area=path.with_suffix(".geojson"), output=path)
            self._change.notify_all()
            return job

    def cancel(self, name: str) -> Job:
        """Cancel a job that waits or runs; others stay as they are. KeyError without one."""
        with self._change:
            job = self._jobs[name]
            if job.state in UNFINISHED:
                if job.state == "running" and self._process is not None:
                    self._process.terminate()
                self._tasks.pop(name, None)
                job = replace(job, state="cancelled")
                self._keep(job)
            return job

    def close(self) -> None:
        """End the job that runs, and the thread."""
        with self._change:
            self._closing = True
            for job in [one for one in self._jobs.values() if one.state in UNFINISHED]:
                self._keep(replace(job, state="cancelled", message=ENDED))
            if self._process is not None:
                self._process.terminate()
            self._change.notify_all()
        self._thread.join()
        self._stack.close()

    def _free(self, name: str) -> str:
        """A plain name that no file of the folder has."""
        plain = plain_name(name, "area")
        names = (plain if number == 1 else f"{plain}-{number}" for number in range(1, 1 << 20))
        return next(
            one
            for one in names
            if one not in self._jobs
            and not any((self.folder / f"{one}{ending}").exists() for ending in (".tif", ".geojson"))
        )

    def _store(self, job: Job) -> None:
        """Keep a job in its file; OutputError if that can't be written."""
        self._jobs[job.id] = job
        write_whole(self.folder / f"{job.id}.geojson", json.dumps(job.feature, indent=1) + "\n")

    def _keep(self, job: Job) -> None:
        """Keep a job, as well as the disk allows: the list goes on where it is full."""
        with contextlib.suppress(OutputError):
            self._store(job)

    def _work(self) -> None:
        """Do jobs until the end."""
        while (name := self._next()) is not None:
            try:
                pipe = self._begin(name)
            except OSError as error:
                self._update(name, state="failed", message=f"can't start its process: {error}")
            else:
                self._follow(name, pipe)

    def _next(self) -> str | None:
        """Wait for a job to do; None at the end."""
        with self._change:
            while not self._closing:
                for name, job in self._jobs.items():
                    if job.state == "waiting":
                        self._keep(replace(job, state="running"))
                        return name
                self._change.wait()
            return None

    def _begin(self, name: str) -> Any:
        """Start the process of a job; the result is the end of a pipe that receives its reports."""
        pipe, other = ChildContext().Pipe(duplex=False)
        with self._change, other:
            task = self._tasks.pop(name, None)
            if task is None:  # it was cancelled just now
                return pipe
            self._process = Child(target=work, args=(task, other))  # no daemon: it may have workers itself
            self._process.start()
        return pipe

    def _follow(self, name: str, pipe: Any) -> None:
        """Take what a process reports, until it ends."""
        told: float | str | None = 0.0
        with contextlib.suppress(EOFError, OSError):
            while isinstance(told := pipe.recv(), float):
                self._update(name, progress=round(told, 3))
        pipe.close()
        with self._change:
            process, self._process = self._process, None
        if process is not None:
            process.join(CLEANUP_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
        outcome = DIED if isinstance(told, float) else told
        if outcome is None:
            self._update(name, state="done", progress=1.0)
        else:
            self._update(name, state="failed", message=outcome)

    def _update(self, name: str, **changes: Any) -> None:
        """Change a job that runs; one that was cancelled meanwhile stays so, unless it is done."""
        with self._change:
            job = self._jobs[name]
            if job.state == "running" or changes.get("state") == "done":
                job = replace(job, **{"message": "", **changes})
                if "state" in changes:
                    self._keep(job)
                else:
                    self._jobs[name] = job
