"""Several processes that train one network: what `torchrun` starts. Alone, everything here does nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist

# Its functions take the group of the moment as a default. Imported while ranks are joined, as the first
# optimizer would, they keep that group for good, and its threads abort the process where it ends.
import torch.distributed.nn.functional
from torch import Tensor

from potato.errors import SessionError


@dataclass(frozen=True)
class Ranks:
    """This process among its equals.

    Attributes:
        rank: its number, from 0; only 0 writes.
        count: how many there are.
    """

    rank: int
    count: int

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of `tensor` over all processes, the same to the last bit in each."""
        if self.count == 1:
            return tensor
        total = tensor.clone()
        try:
            dist.all_reduce(total)
        except RuntimeError as error:
            raise SessionError(
                f"another process of this run is gone: {' '.join(str(error).split())[:160]}"
            ) from error
        return total

    def wait(self) -> None:
        """Wait until all processes are here."""
        self.sum(torch.zeros(1, device=_device()))


ALONE = Ranks(0, 1)
"""A run of a single process."""


def world() -> tuple[int, int, int]:
    """Rank, count, and number on this machine, as `torchrun` tells them; 0, 1, 0 without it."""
    return tuple(int(os.environ.get(name, alone)) for name, alone in _NAMES)  # type: ignore[return-value]  # 3 names


_NAMES = (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))


@contextmanager
def join_ranks(device: torch.device) -> Iterator[Ranks]:
    """Meet the other processes of this run, if there are any, for the length of a `with`."""
    rank, count, _ = world()
    if count == 1:
        yield ALONE
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(backend, timeout=timedelta(minutes=30))
    try:
        yield Ranks(rank, count)
    finally:
        dist.destroy_process_group()


def _device() -> torch.device:
    """Where the processes' backend wants its tensors."""
    if dist.is_initialized() and dist.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
