"""Child processes that end with the process that they work for, whatever ends it."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait

from potato.engine.interrupts import INTERRUPTS


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
