"""In how many threads torch computes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_lock = threading.Lock()
_before = 0
"""Torch's number of threads before the first of the calls that are inside `one_thread` now."""

_inside = 0
"""The number of calls that are inside `one_thread` now, in all threads."""

_depth: ContextVar[int] = ContextVar("one_thread", default=0)
"""The number of those that this thread, or the one that it works for (`map_blocks`), is in."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in the calling thread alone; a context manager, also a decorator.

    For work that keeps the cores busy by itself, block beside block, and for work of many small
    steps, such as simulating a scene. Threads that meet after every small step gain little on an
    idle machine, and on a busy one they wait for each other: 47 s instead of 3 s have been
    measured. Sums also come out equal to the last bit.

    Torch keeps a number of threads for each thread that has computed, and one that new threads
    begin with. Overlapping calls are therefore counted: new threads begin with 1 while any call is
    inside, and each thread gets its own number back when its outermost call ends.
    """
    global _before, _inside
    with _lock:
        if not _inside:
            _before = torch.get_num_threads()
        _inside += 1
        torch.set_num_threads(1)
    _depth.set(_depth.get() + 1)
    try:
        yield
    finally:
        _depth.set(_depth.get() - 1)
        with _lock:
            _inside -= 1
            if not _inside or not _depth.get():
                torch.set_num_threads(_before)
            if _inside and not _depth.get():
                # New threads must still begin with 1. This thread can't set that and keep its own.
                other = threading.Thread(target=torch.set_num_threads, args=(1,))
                other.start()
                other.join()
