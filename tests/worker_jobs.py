"""Functions for worker processes: they must be importable there."""

import os
import signal
import time


def double(number: int) -> int:
    """Twice a number; -1 can't be doubled, -2 kills the process, -3 ends it."""
    if number == -1:
        raise ValueError("a number that can't be doubled")
    if number == -2:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == -3:
        os._exit(7)
    return 2 * number


def wait(seconds: float) -> float:
    """The seconds that it took."""
    time.sleep(seconds)
    return seconds


def miss(name: str) -> str:
    """Nothing: an error of Potato's own."""
    from potato.errors import ChipError

    raise ChipError(f"{name}: nothing there")


def whoami(number: int) -> int:
    """The process at work."""
    return os.getpid()


def fault(rounds: int) -> int:
    """How many pages the system hands out for a block of 8 MB, freed and asked for again."""
    import resource  # Linux alone

    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    before = faults()
    for _ in range(rounds):
        bytes(bytearray(8 << 20))
    return faults() - before


def die_once(name: str) -> str:
    """The name of a file; the process that makes it is killed at once."""
    _die_first(name)
    return name


def fuse_and_die(job):
    """Fuse a tile; the first time, the worker is killed when the picture is there, and nobody knows yet."""
    from potato.fusion.delivery.tile import fuse_tile  # others need no torch

    record = fuse_tile(job)
    _die_first(f"{job.folder}/died")
    return record


def _die_first(name: str) -> None:
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
