"""Child processes: they run no script again, and end with the process that they work for."""

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import wait
from types import ModuleType

from potato.engine.interrupts import INTERRUPTS
from potato.engine.process_state import SharedChange


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


def end_with_parent() -> None:
    """In a child process: end when the parent ends, and leave interruptions to it.

    Ctrl-C and the end of a terminal reach children, too; the parent then ends them in good order. A
    parent that is killed can't. The system closes its end of a pipe, on which a thread waits here.
    """
    for number in INTERRUPTS:
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    """End this process with its parent: nobody would take the result."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
