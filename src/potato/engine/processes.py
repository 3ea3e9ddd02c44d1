"""Jobs in processes of this machine. A job that fails, or kills its worker, ends no other.

Each worker has one job at a time and a pipe of its own, so it is known which job a dead worker
died of. Executors of Python's library give up all their jobs when one worker dies.
"""

import contextlib
import functools
import signal
import sys
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection, wait
from typing import Any, Generic

from potato.engine.children import Child, ChildContext
from potato.engine.interrupts import AGAIN, Interruption
from potato.engine.jobs import Executor, Job, Lost, Result, attempt
from potato.engine.threads import available_cores

CLEANUP_SECONDS = 10.0
"""How long a worker may take to remove unfinished files when a run is interrupted."""

MOST_WORKERS = 60 if sys.platform == "win32" else 1024
"""Workers at once: Windows waits for 63 pipes."""

_END: Any = object()


class Processes(Executor):
    """Jobs in processes of this machine, each started when needed; results come as they finish.

    A job whose worker dies is done once more, alone: most die because memory ran out, often by the
    fault of another job.
    """

    def threads_per_job(self, jobs: int) -> int:
        """An equal share of the cores."""
        return max(1, available_cores() // max(1, min(self.workers, jobs)))

    def _run(
        self, jobs: Iterable[Job], function: Callable[[Job], Result]
    ) -> Generator[tuple[Job, Result | Lost]]:
        waiting, most = iter(jobs), min(self.workers, MOST_WORKERS)
        idle: list[_Worker[Job, Result]] = []
        busy: dict[Any, _Worker[Job, Result]] = {}
        again: list[Job] = []

        def give(job: Job, alone: bool = False) -> None:
            worker = idle.pop() if idle else _Worker(function)
            worker.give(job, alone)
            busy[worker.pipe] = worker

        try:
            while True:
                while not again and len(busy) < most and (job := next(waiting, _END)) is not _END:
                    give(job)
                if again and not busy:
                    _dismiss(idle, [])
                    idle.clear()
                    give(again.pop(), alone=True)
                if not busy:
                    return
                for pipe in wait(list(busy)):
                    worker = busy.pop(pipe)
                    done, result = worker.take()
                    if worker.alive:
                        idle.append(worker)
                    elif not worker.alone:
                        again.append(done)
                        continue
                    yield done, result
        finally:
            _dismiss(idle, list(busy.values()))


class _Worker(Generic[Job, Result]):
    """A process that does one job at a time.

    Attributes:
        pipe: carries jobs there and results back; also ready to read when the process has died.
        process: the process.
        alive: whether it can be given another job.
        alone: whether its job is one that another worker died of.
    """

    def __init__(self, function: Callable[[Job], Result]) -> None:
        self.pipe, other = ChildContext().Pipe()
        self.process = Child(target=_work, args=[other], daemon=True)
        self.process.start()
        other.close()
        # Not as an argument: if the process is dead already, `take` finds that out.
        with contextlib.suppress(OSError):
            self.pipe.send(function)
        self.alive, self.alone = True, False
        self._job: Job

    def give(self, job: Job, alone: bool) -> None:
        """Send a job to the process."""
        self._job, self.alone = job, alone
        # If the process is dead already, `take` finds that out.
        with contextlib.suppress(OSError):
            self.pipe.send(job)

    def take(self) -> tuple[Job, Result | Lost]:
        """The job with its result, as soon as it is there."""
        try:
            result: Result | Lost = self.pipe.recv()
            return self._job, result
        except (EOFError, OSError):
            self.alive = False
            self.pipe.close()
            self.process.join()
            return self._job, Lost(_cause_of_death(self.process.exitcode or 0), died=True)


def _cause_of_death(code: int) -> str:
    if code >= 0:
        return f"its worker ended with exit code {code}, also when it worked alone"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    return f"its worker was killed ({name}), also when it worked alone; " + (
        "is there too little memory?" if name == "SIGKILL" else "a fault in a library"
    )


def _dismiss(idle: list[_Worker[Any, Any]], busy: list[_Worker[Any, Any]]) -> None:
    """End workers: idle ones leave when their pipe closes, busy ones clean up first."""
    for worker in busy:
        worker.process.terminate()
    for worker in [*idle, *busy]:
        worker.pipe.close()
    for worker in [*idle, *busy]:
        worker.process.join(AGAIN + 1)
        if worker.process.is_alive():  # the signal may have been lost in a library
            worker.process.terminate()
            worker.process.join(CLEANUP_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.process.close()


def _work(pipe: Connection) -> None:
    """What a worker process runs: a function on jobs, both from the pipe, until it closes."""
    signal.signal(signal.SIGTERM, Interruption(functools.partial(SystemExit, 128 + signal.SIGTERM)))
    sys.unraisablehook = _show_lost
    try:
        function: Callable[[Any], Any] = pipe.recv()
        while True:
            pipe.send(attempt(function, pipe.recv()))
    except (EOFError, OSError):
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _show_lost(lost: "sys.UnraisableHookArgs") -> None:
    """Show an error that Python lost, unless it was to end this process, which comes again."""
    if not issubclass(lost.exc_type, SystemExit):
        sys.__unraisablehook__(lost)
