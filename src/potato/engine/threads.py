"""Jobs in this process: in several threads with results in order, or one after another.

Reading and writing stay in the caller's thread, since GDAL handles must not cross threads. Other
threads only compute, so the result can't depend on their number.
"""

import contextlib
import contextvars
import functools
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from tqdm import tqdm

from potato.engine.jobs import Executor, Item, Job, Lost, Reader, Result, attempt
from potato.errors import BlockError, PotatoError

Name = TypeVar("Name")


def available_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_blocks(
    items: Iterable[tuple[Name, Item]], work: Callable[[Item], Result], workers: int, ahead: int
) -> Iterator[tuple[Name, Result]]:
    """Work on items in threads; results come in the order of the items.

    Args:
        items: pairs of a name and the argument of `work`; pulled only as far as `ahead` allows.
        work: works on one item; runs in a thread, in a copy of the caller's context.
        workers: the number of threads.
        ahead: how many items may be waiting, at work, or finished and not yet taken; bounds memory.

    Yields:
        The name and the result of each item.

    Raises:
        BlockError: from the first failure in `work`; names the item. Queued items are cancelled.
    """
    pending: deque[tuple[Name, Future[Result]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="potato")

    def take() -> tuple[Name, Result]:
        name, future = pending.popleft()
        try:
            return name, future.result()
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
        # Items that were read are large, so only one more is held than is at work.
        ahead = self.workers + 1 if reader else 2 * self.workers
        with _open_reader(reader) as read:
            try:
                items = ((job, read(job)) for job in jobs)
                yield from map_blocks(items, function, self.workers, ahead)
            except BlockError as error:
                if isinstance(error.__cause__, PotatoError):
                    raise error.__cause__ from None
                raise


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


@contextlib.contextmanager
def _open_reader(reader: Reader[Job, Any] | None) -> Iterator[Callable[[Job], Any]]:
    if reader is None:
        yield lambda job: job
    else:
        with reader() as read:
            yield read


def progress_bar(pixels: int, shown: bool) -> Any:
    """A progress bar on stderr, if `shown`, for so many pixels; update it by megapixels."""
    return tqdm(
        total=pixels / 1e6,
        unit="Mpx",
        bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} Mpx [{elapsed}<{remaining}, {rate_fmt}]",
        disable=not shown,
    )
