"""The streaming engine: work on blocks in several threads, results in order.

Reading and writing stay in the caller's thread (GDAL handles never cross threads); only `work`, which
touches no file, runs in others. So nothing about the result can depend on how many there are.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from tqdm import tqdm

from potato.errors import BlockError

Name = TypeVar("Name")
Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_blocks(
    items: Iterable[tuple[Name, Item]], work: Callable[[Item], Result], workers: int, ahead: int
) -> Iterator[tuple[Name, Result]]:
    """Yield `(name, work(item))` for each of `items`, in their order.

    Args:
        items: names and what to work on; pulled only as far ahead as `ahead` allows.
        work: runs in `workers` threads.
        workers: how many threads.
        ahead: how many items may be waiting, at work, or finished and not yet taken; bounds memory.

    Yields:
        The name and the result of each item.

    Raises:
        BlockError: from the first failure in `work`, naming the block; what is queued is cancelled.
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
            pending.append((name, pool.submit(work, item)))
            if len(pending) >= ahead:
                yield take()
        while pending:
            yield take()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def progress_bar(pixels: int, shown: bool) -> Any:
    """A bar on stderr (or none) for work on so many pixels; what it is updated by is in megapixels."""
    return tqdm(
        total=pixels / 1e6,
        unit="Mpx",
        bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} Mpx [{elapsed}<{remaining}, {rate_fmt}]",
        disable=not shown,
    )
