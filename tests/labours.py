"""Functions for worker processes: they must be importable there."""

import os
import signal


def double(number: int) -> int:
    """Twice a number; -1 can't be doubled, -2 kills the process, -3 ends it."""
    if number == -1:
        raise ValueError("a number that can't be doubled")
    if number == -2:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == -3:
        os._exit(7)
    return 2 * number


def whoami(number: int) -> int:
    """The process at work."""
    return os.getpid()
