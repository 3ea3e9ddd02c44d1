"""The batches of every step, made ahead by loader processes."""

import signal
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from potato.core.text import one_line
from potato.engine.children import ChildContext
from potato.engine.memory import keep_freed_memory
from potato.errors import SessionError
from potato.training.data import Batch, Samples
from potato.training.distributed import ALONE, Ranks

_AHEAD = 16
"""Chips that each loader process makes ahead, but at least two batches."""


def collate(samples: list[Batch]) -> Batch:
    """Several batches as one; `Samples` gives batches of one."""
    pan, mul, target, exposure, air, weight = (
        torch.cat(parts) for parts in zip(*(one[:6] for one in samples), strict=True)
    )
    sensors = tuple(sensor for one in samples for sensor in one.sensors)
    whole = all(one.whole for one in samples)
    skipped = sum(one.skipped for one in samples)
    problem = next((one.problem for one in samples if one.problem), "")
    return Batch(pan, mul, target, exposure, air, weight, sensors, whole, skipped, problem)


@dataclass(frozen=True)
class Places(Sampler[list[int]]):
    """The places of a process's samples, a list for each micro-batch, in the order of the steps.

    Attributes:
        first: number of the first step.
        last: number of the step after the last.
        batch_size: chips of a step in all processes together; `ranks.count` must divide it.
        micro_batch: largest number of chips in a batch.
        ranks: this process among those of the run.

    Raises:
        SessionError: if the processes can't share a step evenly.
    """

    first: int
    last: int
    batch_size: int
    micro_batch: int
    ranks: Ranks = ALONE

    def __post_init__(self) -> None:
        if self.batch_size % self.ranks.count:
            raise SessionError(
                f"expected a --batch-size that {self.ranks.count} processes divide, found {self.batch_size}"
            )

    @property
    def per_step(self) -> int:
        """Number of micro-batches that this process has in a step."""
        return -(-(self.batch_size // self.ranks.count) // self.micro_batch)

    def __iter__(self) -> Iterator[list[int]]:
        own = self.batch_size // self.ranks.count
        for step in range(self.first, self.last):
            start = step * self.batch_size + self.ranks.rank * own
            for low in range(0, own, self.micro_batch):
                yield list(range(start + low, start + min(low + self.micro_batch, own)))


def open_batches(
    samples: Samples, places: Places, workers: int = 0, pin: bool = False
) -> Generator[list[Batch], None, None]:
    """The micro-batches of each step.

    Args:
        samples: of the run.
        places: of this process's samples.
        workers: processes that make batches ahead; 0 makes each when it is needed.
        pin: whether to put them into pinned memory, from which CUDA copies while it computes.

    Yields:
        For each step, its micro-batches.

    Raises:
        SessionError: if a loader process dies, or chips can't be read.
    """
    loader = iter(_loader(samples, places, workers, pin))
    try:
        for _ in range(places.first, places.last):
            yield [_next(loader) for _ in range(places.per_step)]
    finally:
        # End the processes now, not when the garbage is collected.
        getattr(loader, "_shutdown_workers", lambda: None)()


@dataclass(frozen=True)
class _Caught(Dataset[Batch | SessionError]):
    """Samples, or why there is none: torch makes a traceback of what a loader process raises."""

    samples: Samples

    def __getitem__(self, place: int) -> Batch | SessionError:
        try:
            return self.samples[place]
        except SessionError as error:
            return error


def _collate(found: list[Batch | SessionError]) -> Batch | SessionError:
    batches = []
    for one in found:
        if isinstance(one, SessionError):
            return one
        batches.append(one)
    return collate(batches)


def _loader(samples: Samples, places: Places, workers: int, pin: bool) -> DataLoader[Batch | SessionError]:
    # A forked child would inherit locks held by threads that it doesn't have, and a fork server
    # would live on after the run.
    context = ChildContext() if workers else None
    return DataLoader(
        _Caught(samples),
        batch_sampler=places,
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=_start_worker if workers else None,
        multiprocessing_context=context,
        prefetch_factor=max(2, _AHEAD // places.micro_batch) if workers else None,
        pin_memory=pin,
    )


def _start_worker(number: int) -> None:
    """Leave interruptions to the main process, which saves the session; compute in one thread."""
    # `timeout` and Slurm send it to all processes of a run. This one ends after its batch.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    keep_freed_memory()
    torch.set_num_threads(1)


def _next(loader: Iterator[Batch | SessionError]) -> Batch:
    try:
        batch = next(loader)
    except (RuntimeError, OSError, EOFError) as error:  # EOF and resets if it died while it was sending
        reason = one_line(error, 200)
        raise SessionError(
            f"a loader process died or failed ({reason}); the last saved state is intact: "
            "the same command goes on from it, and --workers 0 needs the least memory"
        ) from error
    if isinstance(batch, SessionError):
        raise batch
    return batch
