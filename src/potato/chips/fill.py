"""Filling a folder with chips: an executor makes the missing ones, which are added in order."""

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from potato.chips.chip import digest
from potato.chips.folder import ChipFolder, open_folder
from potato.core.types import PathLike
from potato.engine.jobs import Executor
from potato.engine.progress import progress_bar
from potato.engine.torch_threads import one_thread
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
        seconds: how long it took.
    """

    folder: Path
    made: int
    there: int
    seconds: float

    def __str__(self) -> str:
        """The one line that the command prints."""
        there = f", {self.there} were there" if self.there else ""
        return f"{self.folder}: {self.made} chips made{there} in {self.seconds:.1f} s"


@dataclass(frozen=True)
class _Job(Generic[Item]):
    """A missing chip, and what `work` makes it of."""

    n: int
    item: Item

    def __str__(self) -> str:
        return f"chip {self.n}"


def check_chip_numbers(count: int, starting_from: int) -> None:
    """Refuse a count below 1 or a first number below 0.

    Raises:
        InputError: in these cases.
    """
    if count < 1 or starting_from < 0:
        raise InputError(f"expected 1 chip or more, from 0 or later, found {count} from {starting_from}")


def fill_series(
    chip_dir: PathLike,
    facts: tuple[object, ...],
    numbers: range,
    work: Callable[[int], NewChip],
    executor: Executor,
    progress: bool,
) -> Filled:
    """Fill a folder with chips of a series, in which a chip depends on its number alone.

    Args:
        chip_dir: the folder; made if it isn't there.
        facts: everything that the series depends on.
        numbers: of the chips.
        work: makes the chip of a number. Processes pickle it.
        executor: runs `work`.
        progress: whether to draw a progress bar on stderr.

    Raises:
        PotatoError: errors of `work`, and those of `open_folder` and `fill_folder`.
    """
    started = time.perf_counter()
    items = ((n, n) for n in numbers)
    with open_folder(chip_dir, digest(repr(facts).encode())) as folder:
        chips = fill_folder(folder, items, work, executor, total=len(numbers), progress=progress)
        made = sum(1 for _ in chips)
    return Filled(Path(chip_dir), made, len(numbers) - made, time.perf_counter() - started)


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
    bar = progress_bar(total, "chip", progress)

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
