"""Filling a folder: the chips that aren't there are made in threads and put there in order."""

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

from tqdm import tqdm

from potato.chips.folder import ChipFolder
from potato.engine.dask import Cluster
from potato.engine.devices import one_thread
from potato.engine.processes import Lost, run_jobs
from potato.engine.threads import available_cores, map_blocks
from potato.errors import BlockError, ChipError, InputError, PotatoError

Item = TypeVar("Item")
Made = TypeVar("Made", bound="NewChip")


@dataclass(frozen=True)
class NewChip:
    """A chip that was made.

    Attributes:
        n: its number.
        data: the bytes of its file.
        row: what the manifest is to tell of it.
    """

    n: int
    data: bytes
    row: dict[str, Any]


def check_numbers(count: int, starting_from: int) -> None:
    """Refuse to make no chips, or to begin before 0.

    Raises:
        InputError: in these cases.
    """
    if count < 1 or starting_from < 0:
        raise InputError(f"expected 1 chip or more, from 0 or later, found {count} from {starting_from}")


def fill_folder(
    folder: ChipFolder,
    items: Iterable[tuple[int, Item]],
    work: Callable[[Item], Made],
    *,
    total: int,
    workers: int | None,
    progress: bool,
    cluster: Cluster | None = None,
) -> Iterator[Made]:
    """Make the chips that aren't in a folder and put them there, in order, or as a cluster gives them.

    Args:
        folder: where they go.
        items: numbers of chips, and what to make them from.
        work: makes one; runs in threads, or is pickled for a cluster.
        total: how many items there are.
        workers: how many threads; None for one per core that this process may use.
        progress: whether to draw a progress bar on stderr.
        cluster: whose workers make them instead.

    Yields:
        Each chip that was made, when it is in the folder.

    Raises:
        PotatoError: what `work` or the folder raises.
    """
    threads = workers or available_cores()
    bar = tqdm(total=total, unit="chip", disable=not progress)

    def missing() -> Iterator[tuple[str, Item]]:
        for n, item in items:
            if folder.has(n):
                bar.update()
            else:
                yield f"chip {n}", item

    # Closed here, so that a run that ends early waits for its threads.
    done: Any = (
        closing(map_blocks(missing(), work, threads, 2 * threads))
        if cluster is None
        else closing(_elsewhere(missing(), work, cluster))
    )
    with bar, one_thread(), done as results:
        try:
            for _, chip in results:
                folder.put(chip.n, chip.row, chip.data)
                bar.update()
                yield chip
        except BlockError as error:
            # What went wrong has a message of its own.
            if isinstance(error.__cause__, PotatoError):
                raise error.__cause__ from error
            raise


def _elsewhere(
    items: Iterable[tuple[str, Item]], work: Callable[[Item], Made], cluster: Cluster
) -> Iterator[tuple[str, Made]]:
    """Make chips in the workers of a cluster; the first failure is raised here."""
    with closing(run_jobs(items, functools.partial(_make, work), 0, cluster)) as results:
        for (name, _), made in results:
            if isinstance(made, Lost):
                raise ChipError(f"{name}: {made.reason}")
            if isinstance(made, PotatoError):
                raise made
            yield name, made


def _make(work: Callable[[Item], Made], job: tuple[str, Item]) -> Made | PotatoError:
    """What comes of a job, at a worker. An error is handed over as it is, so that it stays of its kind."""
    try:
        with one_thread():
            return work(job[1])
    except PotatoError as error:
        return error
