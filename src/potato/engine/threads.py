"""Jobs in this process: in several threads with results in order, or one after another.

GDAL handles must not cross threads, so each reading thread opens files of its own, and writing
stays in the caller's thread. Worker threads only compute: the result can't depend on their number.
"""

import contextlib
import contextvars
import functools
import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from potato.engine.jobs import Executor, Item, Job, Lost, Reader, Result, attempt
from potato.errors import BlockError, PotatoError

Name = TypeVar("Name")


def available_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def readers_for(workers: int) -> int:
    """How many threads should read for so many workers.

    Decoding a pair takes about a quarter of the cores; with two threads the first block comes soon.
    """
    return max(min(workers, 2), 1 + workers // 4)


class Readers(Generic[Job, Item]):
    """Threads that read, each from files that it opens, and closes, itself.

    A context manager: at its end, jobs that have not begun are cancelled.

    Args:
        reader: opens files and yields `read(job) → item`; entered in each thread.
        count: the most threads; one starts with each of the first jobs.
    """

    def __init__(self, reader: Reader[Job, Item], count: int) -> None:
        self._reader, self._count = reader, count
        self._jobs: queue.SimpleQueue[tuple[Future[Item], Job] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            if thread.is_alive():  # not so if an interruption came while it started
                thread.join()

    def submit(self, job: Job) -> Future[Item]:
        """Read a job's item as soon as a thread is free; jobs begin in the order of submission."""
        future: Future[Item] = Future()
        self._jobs.put((future, job))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._serve, name=f"potato-reader-{len(self._threads)}")
            self._threads.append(thread)
            thread.start()
        return future

    def cancel(self) -> None:
        """Cancel the jobs that have not begun."""
        with contextlib.suppress(queue.Empty):
            while waiting := self._jobs.get_nowait():
                waiting[0].cancel()

    def _serve(self) -> None:
        """Read for jobs until told to end; a failure, also to open files, is that of the job."""
        try:
            with self._reader() as read:
                while waiting := self._jobs.get():
                    _settle(*waiting, read)
        except Exception as error:
            failure = error

            def fail(_: Job) -> Item:
                raise failure

            while waiting := self._jobs.get():
                _settle(*waiting, fail)


def _settle(future: Future[Item], job: Job, read: Callable[[Job], Item]) -> None:
    try:
        future.set_result(read(job))
    except Exception as error:
        future.set_exception(error)


def map_blocks(
    items: Iterable[tuple[Name, Item]],
    work: Callable[[Item], Result],
    workers: int,
    ahead: int,
    cancel: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Name, Result]]:
    """Work on items in threads; results come in the order of the items.

    Args:
        items: pairs of a name and the argument of `work`; pulled only as far as `ahead` allows.
        work: works on one item; runs in a thread, in a copy of the caller's context.
        workers: the number of threads.
        ahead: how many items may be waiting, at work, or finished and not yet taken; bounds memory.
        cancel: called at the end, before workers are waited for: ends what a worker may be waiting
            for, such as `Readers`.

    Yields:
        The name and the result of each item.

    Raises:
        PotatoError: the first failure in `work`, unchanged if it is one of Potato's own. Queued
            items are cancelled.
        BlockError: from any other first failure; names the item.
    """
    pending: deque[tuple[Name, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="potato")

    def take() -> tuple[Name, Result]:
        name, future = pending.popleft()
        try:
            return name, future.result()
        except PotatoError:
            raise
        except Exception as error:
            raise BlockError(f"the block at {name} failed: {error}") from error

    try:
        for name, item in items:
            pending.append((name, pool.submit(contextvars.copy_context().run, work, item)))
            if len(pending) >= ahead:
                yield take()
        while pending:
            yield take()
    finally:
        cancel()
        pool.shutdown(wait=True, cancel_futures=True)


class Threads(Executor):
    """Jobs in threads of this process; results come in the order of the jobs."""

    def threads_per_job(self, jobs: int) -> int:
        """One: the threads fill the cores by themselves."""
        return 1

    def _run(
        self, jobs: Iterable[Job], function: Callable[[Job], Result]
    ) -> Generator[tuple[Job, Result | Lost]]:
        work = functools.partial(attempt, function)
        yield from map_blocks(((job, job) for job in jobs), work, self.workers, 2 * self.workers)

    def _map(
        self, jobs: Iterable[Job], function: Callable[[Any], Result], reader: Reader[Job, Any] | None
    ) -> Generator[tuple[Job, Result]]:
        if reader is None:
            yield from map_blocks(((job, job) for job in jobs), function, self.workers, 2 * self.workers)
            return
        with Readers(reader, readers_for(self.workers)) as readers:
            items = ((job, readers.submit(job)) for job in jobs)
            work = functools.partial(_do_when_read, function)
            # Items that were read are large, so only one more is held than is at work.
            yield from map_blocks(items, work, self.workers, self.workers + 1, readers.cancel)


def _do_when_read(function: Callable[[Item], Result], item: Future[Item]) -> Result:
    return function(item.result())


class Serial(Executor):
    """Jobs one after another in the caller's thread."""

    def __init__(self) -> None:
        super().__init__(workers=1)

    def threads_per_job(self, jobs: int) -> int:
        """As many as there are cores: no other job is at work."""
        return available_cores()

    def _run(
        self, jobs: Iterable[Job], function: Callable[[Job], Result]
    ) -> Generator[tuple[Job, Result | Lost]]:
        yield from ((job, attempt(function, job)) for job in jobs)
