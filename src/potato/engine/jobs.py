"""Jobs, their results and failures, and the interface of everything that runs jobs.

A job is small: a number, a name, a window, settings. It never holds pixels or an open file, so it
can travel to another process or another machine.
"""

import contextlib
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from potato.core.text import one_line, redact
from potato.errors import BlockError, PotatoError

Job = TypeVar("Job")
Item = TypeVar("Item")
Result = TypeVar("Result")

Reader = Callable[[], AbstractContextManager[Callable[[Job], Item]]]
"""Opens the files that jobs are read from, and yields the function that reads a job's item."""


@dataclass(frozen=True)
class Lost:
    """Stands in for the result of a job that failed.

    Attributes:
        reason: the exception that the job raised, or how its worker died, in one line.
        error: the exception itself, if it is one of Potato's own.
        died: whether its worker died, which says little about the job.
    """

    reason: str
    error: PotatoError | None = field(default=None, compare=False)
    died: bool = field(default=False, compare=False)


def attempt(function: Callable[[Job], Result], job: Job) -> Result | Lost:
    """The result of `function(job)`; `Lost` if it raises."""
    try:
        return function(job)
    except Exception as error:
        reason = redact(f"{type(error).__name__}: {one_line(error)}")
        return Lost(reason, error if isinstance(error, PotatoError) else None)


class Executor(ABC):
    """Runs many independent jobs at once; `open_executor` makes one and closes it.

    `run` and `map` begin when the first result is asked for, and pull a job only when there is room
    for it. When the executor or the generator is closed, jobs that have not begun never do.

    Args:
        workers: how many jobs to do at once.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._runs: list[Generator[Any]] = []

    @property
    def workers(self) -> int:
        """How many jobs are done at once."""
        return self._workers

    @abstractmethod
    def threads_per_job(self, jobs: int) -> int:
        """In how many threads each of so many jobs may compute, to fill the cores together."""

    def run(
        self, jobs: Iterable[Job], function: Callable[[Job], Result]
    ) -> Generator[tuple[Job, Result | Lost]]:
        """Do jobs; a job that fails ends no other.

        Args:
            jobs: the jobs. Processes and clusters pickle them.
            function: does one job. Processes and clusters pickle it: a function of a module, or a
                `functools.partial` of one.

        Yields:
            Each job with its result, or with `Lost`: threads in the order of the jobs, others as
            they finish.
        """
        return self._keep(self._run(jobs, function))

    def map(
        self,
        jobs: Iterable[Job],
        function: Callable[[Any], Result],
        reader: "Reader[Job, Any] | None" = None,
    ) -> Generator[tuple[Job, Result]]:
        """Do jobs in order; the first failure ends the run.

        Sums of floats depend on their order, so a result that is early waits for those before it.

        Args:
            jobs: the jobs. Processes and clusters pickle them.
            function: works on one job, or with `reader` on the item read for it. Pickled likewise.
            reader: opens files and yields `read(job) → item`; a generator function under
                `contextlib.contextmanager`, or a `functools.partial` of one. Threads work on items
                that other threads read, each of which opens the files once. In other kinds only
                jobs travel, and a worker opens the files itself, for each job.

        Yields:
            Each job with its result.

        Raises:
            PotatoError: an error of Potato's own that a job raised, unchanged.
            BlockError: if a job raised another exception, or its worker died; names the job.
        """
        return self._keep(self._map(jobs, function, reader))

    def close(self) -> None:
        """Stop every run that has not ended, and wait for jobs at work to end or be ended."""
        while self._runs:
            self._runs.pop().close()

    @abstractmethod
    def _run(
        self, jobs: Iterable[Job], function: Callable[[Job], Result]
    ) -> Generator[tuple[Job, Result | Lost]]: ...

    def _map(
        self, jobs: Iterable[Job], function: Callable[[Any], Result], reader: "Reader[Job, Any] | None"
    ) -> Generator[tuple[Job, Result]]:
        early: dict[int, tuple[Job, Result]] = {}
        turn = 0
        work = functools.partial(_do_numbered, function, reader)
        with contextlib.closing(self._run(enumerate(jobs), work)) as results:
            for (place, job), found in results:
                if isinstance(found, Lost):
                    raise found.error or BlockError(f"the block at {job} failed: {found.reason}")
                early[place] = job, found
                while turn in early:
                    yield early.pop(turn)
                    turn += 1

    def _keep(self, run: Generator[Any]) -> Generator[Any]:
        self._runs.append(run)
        return run


def _do_numbered(
    function: Callable[[Any], Result], reader: "Reader[Job, Any] | None", numbered: tuple[int, Job]
) -> Result:
    """Do a job of `map` in the process that it has travelled to."""
    _, job = numbered
    if reader is None:
        return function(job)
    with reader() as read:
        return function(read(job))
