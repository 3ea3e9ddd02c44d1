"""Many independent jobs through worker processes. A job that fails, or kills its worker, ends no other.

What travels to a worker is small: names of files and settings, never an open dataset or pixels. Each worker
has one job at a time and a pipe of its own, so that one that dies says which job it died of; the executors of
Python's library give up all their jobs then.
"""

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from potato.core.text import redact
from potato.errors import BlockError, PotatoError

if TYPE_CHECKING:
    from potato.engine.dask import Cluster

Job = TypeVar("Job")
Result = TypeVar("Result")

PATIENCE = 10.0
"""Seconds that a worker has to clean up behind itself when a run is interrupted."""


@dataclass(frozen=True)
class Lost:
    """What comes in place of a result.

    Attributes:
        reason: what the job raised, or what its worker died of, in one line.
    """

    reason: str


def run_jobs(
    jobs: Iterable[Job], function: Callable[[Job], Result], workers: int, cluster: "Cluster | None" = None
) -> Generator[tuple[Job, Result | Lost]]:
    """Do jobs in worker processes; results come as they are ready.

    Args:
        jobs: what to do; small, to be pickled. Each is pulled when a worker is free for it.
        function: does one; from the top level of a module.
        workers: how many processes. 0 does everything in this process, where a crash is a crash.
        cluster: whose workers do it instead, however many these are.

    Yields:
        Each job with its result, or `Lost`. When the caller stops early, workers stop too.
    """
    if cluster is not None:
        yield from cluster.run(jobs, function)
        return
    if workers < 1:
        yield from ((job, attempt(function, job)) for job in jobs)
        return
    waiting = iter(jobs)
    idle: list[_Worker[Job, Result]] = []
    busy: dict[Any, _Worker[Job, Result]] = {}
    try:
        while True:
            while len(busy) < workers and (job := next(waiting, _END)) is not _END:
                worker = idle.pop() if idle else _Worker(function)
                worker.give(job)
                busy[worker.pipe] = worker
            if not busy:
                return
            for pipe in wait(list(busy)):
                worker = busy.pop(pipe)
                done, result = worker.take()
                if worker.alive:
                    idle.append(worker)
                yield done, result
    finally:
        _dismiss(idle, list(busy.values()))


_END: Any = object()


def ask_in_order(
    jobs: Iterable[Job], function: Callable[[Job], Result], cluster: "Cluster"
) -> Generator[tuple[Job, Result]]:
    """Have jobs done by a cluster; results come in the order of the jobs, since sums of floats depend on it.

    A result that is early waits here for its turn.

    Args:
        jobs: as for `run_jobs`.
        function: the same.
        cluster: whose workers do them.

    Raises:
        PotatoError: what the function raised of a job, as it is.
        BlockError: if it raised something else, or its worker died of the job.
    """
    early: dict[int, tuple[Job, Result]] = {}
    turn = 0
    with contextlib.closing(
        run_jobs(enumerate(jobs), functools.partial(_hand_over, function), 0, cluster)
    ) as results:
        for (place, job), found in results:
            if isinstance(found, PotatoError):
                raise found
            if isinstance(found, Lost):
                raise BlockError(f"the block at {job} failed: {found.reason}")
            early[place] = job, found
            while turn in early:
                yield early.pop(turn)
                turn += 1


def _hand_over(function: Callable[[Job], Result], numbered: tuple[int, Job]) -> Result | PotatoError:
    """What comes of a job. An error of ours is handed over as it is, so that it stays of its kind."""
    try:
        return function(numbered[1])
    except PotatoError as error:
        return error


class _Worker(Generic[Job, Result]):
    """A process that does one job at a time.

    Attributes:
        pipe: where its results come from; also ready when it died.
        alive: whether it can be given another job.
    """

    def __init__(self, function: Callable[[Job], Result]) -> None:
        # Not forked: neither torch's threads nor GDAL's survive that.
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(other, function), daemon=True)
        self.process.start()
        other.close()
        self.alive = True
        self._job: Job

    def give(self, job: Job) -> None:
        """Let it do a job."""
        self._job = job
        # If it is dead already, the next look at the pipe says so.
        with contextlib.suppress(OSError):
            self.pipe.send(job)

    def take(self) -> tuple[Job, Result | Lost]:
        """Its job and what came of it; waits."""
        try:
            result: Result | Lost = self.pipe.recv()
            return self._job, result
        except (EOFError, OSError):
            self.alive = False
            self.pipe.close()
            self.process.join()
            return self._job, Lost(_death(self.process.exitcode or 0))


def _death(code: int) -> str:
    """What a worker died of."""
    if code >= 0:
        return f"its worker ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"its worker was killed ({name}); " + (
        "is there too little memory? use fewer workers" if name == "SIGKILL" else "a fault in a library"
    )


def _dismiss(idle: list[_Worker[Any, Any]], busy: list[_Worker[Any, Any]]) -> None:
    """End workers: those with nothing to do find their pipe closed, others clean up behind themselves."""
    for worker in busy:
        worker.process.terminate()
    for worker in [*idle, *busy]:
        worker.pipe.close()
    for worker in [*idle, *busy]:
        worker.process.join(PATIENCE)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()


def attempt(function: Callable[[Job], Result], job: Job) -> Result | Lost:
    """What comes of a job; `Lost` if it raises."""
    try:
        return function(job)
    except Exception as error:
        return Lost(redact(f"{type(error).__name__}: {' '.join(str(error).split())}"))


def _work(pipe: Connection, function: Callable[[Any], Any]) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_follow_parent, daemon=True).start()
    try:
        while True:
            pipe.send(attempt(function, pipe.recv()))
    except (EOFError, OSError):
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _follow_parent() -> None:
    """Die with the run, however it died: nobody would record what comes of the job."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
