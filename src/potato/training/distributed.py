"""Processes that train one network, started by `torchrun`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

# Its functions keep the process group at the time of import as a default. The first optimizer would
# import it while ranks are joined, and threads of the kept group abort the process at its end.
import torch.distributed.nn.functional
from torch import Tensor

from potato.core.text import one_line
from potato.errors import SessionError

_PATIENCE = timedelta(minutes=30)
"""How long a process waits for another."""


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: its number, from 0.
        count: number of processes.
    """

    rank: int
    count: int

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of `tensor` over all processes, equal in each to the last bit.

        Raises:
            SessionError: if another process is gone.
        """
        if self.count == 1:
            return tensor
        total = tensor.clone()
        try:
            dist.all_reduce(total)
        except RuntimeError as error:
            raise SessionError(f"another process of this run is gone: {one_line(error, 160)}") from error
        return total

    def wait(self) -> None:
        """Wait until all processes are here."""
        nccl = dist.is_initialized() and dist.get_backend() == "nccl"
        device = torch.device("cuda", torch.cuda.current_device()) if nccl else torch.device("cpu")
        self.sum(torch.zeros(1, device=device))


ALONE = Ranks(0, 1)
"""A run of a single process."""


def world() -> tuple[int, int, int]:
    """Rank, count and number on this machine, from `torchrun`'s environment; 0, 1, 0 without it."""
    rank, count, local = (
        int(os.environ.get(name, alone))
        for name, alone in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
    )
    return rank, count, local


@contextmanager
def join_ranks(device: torch.device) -> Iterator[Ranks]:
    """Join the other processes of this run, if there are any, for the length of a `with`."""
    rank, count, _ = world()
    if count == 1:
        yield ALONE
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield Ranks(rank, count)
    finally:
        dist.destroy_process_group()
