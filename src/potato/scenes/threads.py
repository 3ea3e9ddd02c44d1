"""One thread for work that is made of many small steps."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch work in the calling thread only, and restore its setting at the end; also a decorator.

    A scene is thousands of small operations. Threads that meet after each of them gain little on an idle
    machine, and on a busy one they wait for each other: 47 s in place of 3 have been seen. Sums also come
    out the same to the last bit, so a seed gives the same scene wherever it is made.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
