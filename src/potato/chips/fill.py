"""Filling a folder with chips: an executor makes the missing ones, which are added in order."""

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from tqdm import tqdm

from potato.chips.folder import ChipFolder
from potato.engine.devices import one_thread
from potato.engine.jobs import Executor
from potato.errors import BlockError, ChipError, InputError

Item = TypeVar("Item")
Made = TypeVar("Made", bound="NewChip")


@dataclass(frozen=True)
class NewChip:
    """A chip that was made.

    Attributes:
        n: its number.
        data: the bytes of its file.
        row: its row of the manifest, without `n`, digest and plan.
    """

    n: int
    data: bytes
    row: dict[str, Any]


@dataclass(frozen=True)
class Filled:
    """The result of a command that makes chips.

    Attributes:
        folder: the folder of chips.
        made: number of chips that were made now.
        there: number of requested chips that were there already.
    """

    folder: Path
    made: int
    there: int

    def summary(self, verb: str, seconds: float) -> str:
        """One line: the folder, the number of chips that were `verb`, and the time it took."""
        there = f", {self.there} were there" if self.there else ""
        return f"{self.folder}: {self.made} chips {verb}{there} in {seconds:.1f} s"


@dataclass(frozen=True)
class _Job(Generic[Item]):
    """A missing chip, and what `work` makes it of."""

    n: int
    item: Item

    def __str__(self) -> str:
        return f"chip {self.n}"


def check_numbers(count: int, starting_from: int) -> None:
    """Refuse a count below 1 or a first number below 0.

    Raises:
        InputError: in these cases.
    """
    if count < 1 or starting_from < 0:
        raise InputError(f"expected 1 chip or more, from 0 or later, found {count} from {starting_from}")


def fill_folder(
    folder: ChipFolder,
    items: Iterable[tuple[int, Item]],
    work: Callable[[Item], Made],
    executor: Executor,
    *,
    total: int,
    progress: bool,
) -> Iterator[Made]:
    """Make the chips that a folder lacks and add them, in order.

    Args:
        folder: the open folder.
        items: numbers of chips, each with the argument of `work`.
        work: makes one chip. Processes and clusters pickle it.
        executor: runs `work`.
        total: number of items.
        progress: whether to draw a progress bar on stderr.

    Yields:
        Each new chip, once it is in the folder.

    Raises:
        PotatoError: errors of `work` and of the folder.
        ChipError: if a worker process dies.
    """
    bar = tqdm(total=total, unit="chip", disable=not progress)

    def missing() -> Iterator[_Job[Item]]:
        for n, item in items:
            if folder.has(n):
                bar.update()
            else:
                yield _Job(n, item)

    # Closed here, so that a run that ends early waits for its workers.
    with bar, one_thread(), closing(executor.map(missing(), functools.partial(_make, work))) as results:
        try:
            for _, chip in results:
                folder.put(chip.n, chip.row, chip.data)
                bar.update()
                yield chip
        except BlockError as error:
            raise ChipError(str(error)) from error


def _make(work: Callable[[Item], Made], job: _Job[Item]) -> Made:
    with one_thread():
        return work(job.item)
