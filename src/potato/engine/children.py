"""Child processes: they run no script again, and end with the process that they work for."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Collection, Iterator
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

from potato.engine.interrupts import INTERRUPTS
from potato.engine.process_state import SharedChange, load_less

LEFT_TO_PARENT = tuple(number for number in INTERRUPTS if number != signal.SIGTERM)
"""Signals that reach all processes of a terminal; the other one is how a parent ends a child."""

EVERY = 0.2
"""Seconds between looks at who the parent is, until `multiprocessing` knows it."""


def without_script() -> contextlib.AbstractContextManager[None]:
    """Start processes inside, which then don't run the script of this program again.

    `multiprocessing` lets each new process run it first. A script that isn't guarded by
    `if __name__ == "__main__":` would begin all its work once more there. Our processes need
    nothing of it, since they are sent functions and settings of Potato's modules.
    """
    return _WITHOUT_SCRIPT.held()


@contextlib.contextmanager
def _no_script() -> Iterator[None]:
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


_WITHOUT_SCRIPT = SharedChange(_no_script)


class Child(SpawnProcess):
    """A process that runs no script again, ends when its parent ends, and leaves signals to it.

    Ctrl-C and the end of a terminal reach children, too; the parent then ends them in good order. A
    parent that is killed can't: the child notices.

    It isn't forked: neither torch's threads nor GDAL's survive that.
    """

    def start(self) -> None:
        """Start it. Interruptions wait in it until it can ignore them."""
        with without_script(), blocked(INTERRUPTS):
            super().start()

    def __reduce__(self) -> tuple[Any, ...]:
        # `_begin` runs before the arguments are unpickled, which may import much.
        return _begin, (os.getpid(),), vars(self)


class ChildContext(SpawnContext):
    """Starts `Child` processes, for libraries that start processes themselves."""

    Process = Child  # which all contexts overwrite

    def __init__(self) -> None:
        with blocked(LEFT_TO_PARENT):  # also in Python's resource tracker, which begins here
            super().__init__()


def _begin(parent: int) -> Child:
    """In a new child process: follow the parent and leave interruptions to it."""
    for number in LEFT_TO_PARENT:
        signal.signal(number, signal.SIG_IGN)
    load_less()
    threading.Thread(target=_follow, args=[parent], daemon=True).start()
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPTS)
    return Child.__new__(Child)


def _follow(parent: int) -> None:
    """End this process with its parent: nobody would take the result."""
    while (known := multiprocessing.parent_process()) is None:
        # Orphans get another parent, but on Windows.
        if sys.platform != "win32" and os.getppid() != parent:
            os._exit(1)
        time.sleep(EVERY)
    # The system closes the parent's end of a pipe.
    wait([known.sentinel])
    os._exit(1)


@contextlib.contextmanager
def blocked(numbers: Collection[int]) -> Iterator[None]:
    """Let signals wait until the end, where the system can.

    In processes and threads that are started inside they wait until these unblock them.
    """
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker

    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        resource_tracker.ensure_running()  # which unblocks those that it ignores
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
