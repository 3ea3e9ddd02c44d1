"""The signals that interrupt a command: Ctrl-C, Ctrl-Break, `kill`, and the end of its terminal."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

NAMES = "SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"

INTERRUPTS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
"""Their numbers; Windows knows no SIGHUP, and no other system a SIGBREAK, which is Ctrl-Break."""

AGAIN = 3.0
"""Seconds after which another signal interrupts again, since the first may have been lost in a
library. Sooner ones belong to the first: `timeout` sends two, and people press Ctrl-C twice."""


SOON = 0.05
"""Seconds after which a signal comes again that came at a bad moment."""

UNBREAKABLE = "torch"
"""A package whose C++ code ends the process if an exception comes out of Python while it loads."""


class Interruption:
    """A handler of signals that raises KeyboardInterrupt, but not for each of many signals.

    Args:
        error: makes another exception to raise.
    """

    def __init__(self, error: Callable[[], BaseException] = KeyboardInterrupt) -> None:
        self._error = error
        self._raised = -math.inf

    @property
    def came(self) -> bool:
        """Whether there was a signal."""
        return self._raised > -math.inf

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Interrupt the main thread, unless it was just now; later, if it loads `UNBREAKABLE`."""
        if _is_loading(UNBREAKABLE, frame):
            again = threading.Timer(SOON, signal.raise_signal, [number])
            again.daemon = True
            again.start()
            return
        now = time.monotonic()
        if now - self._raised > AGAIN:
            self._raised = now
            raise self._error()


def _is_loading(package: str, frame: FrameType | None) -> bool:
    """Whether a frame, or one that called it, runs the body of a package's module."""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if module == package and frame.f_code.co_name == "<module>":
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def held_back() -> Iterator[list[int]]:
    """Let interruptions wait for the end of the `with`, where the usual handlers get them.

    For calls of a C library that calls Python itself: an exception that a handler raises there
    would be lost in the library. Outside the main thread, where no handler runs, nothing changes.

    Yields:
        A list to which the number of each signal that waits is added.
    """
    waiting: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield waiting
        return
    usual = {number: signal.getsignal(number) for number in INTERRUPTS}
    handlers = {number: handler for number, handler in usual.items() if callable(handler)}
    for number in handlers:
        signal.signal(number, lambda number, _: waiting.append(number))
    try:
        yield waiting
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in waiting[:1]:
            signal.raise_signal(number)
