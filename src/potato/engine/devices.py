"""Where torch computes, and in how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from potato.errors import InputError


def choose_device(name: str = "auto") -> torch.device:
    """The device of a name; `auto` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        InputError: if this machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except Exception as error:  # torch raises AssertionError, RuntimeError and others here
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"expected a device such as auto, cpu, cuda or mps, found {name}: {reason}"
        ) from error
    return device


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work in the calling thread only, and restore its setting at the end; also a decorator.

    For work that keeps the cores busy by itself, block beside block, and for work of many small steps: a
    scene is thousands of them. Threads that meet after each gain little on an idle machine, and on a busy one
    they wait for each other: 47 s in place of 3 have been seen. Sums also come out the same to the last bit.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
