"""Functions for worker processes, which import them by name."""

import os
import signal
import time
from pathlib import Path
from typing import Any


def double(number: int) -> int:
    """Double a number; -1 raises, -2 kills the process, -3 ends it."""
    if number == -1:
        raise ValueError("a number that can't be doubled")
    if number == -2:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == -3:
        os._exit(7)
    return 2 * number


def wait(seconds: float) -> float:
    """Sleep; returns the seconds."""
    time.sleep(seconds)
    return seconds


def miss(name: str) -> str:
    """Raise an error of Potato's own."""
    from potato.errors import ChipError

    raise ChipError(f"{name}: nothing there")


def whoami(number: int) -> int:
    """The ID of the process at work."""
    return os.getpid()


def fault(rounds: int) -> int:
    """Count page faults while 8 MB are allocated and freed again and again."""
    import resource  # Linux alone

    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    before = faults()
    for _ in range(rounds):
        bytes(bytearray(8 << 20))
    return faults() - before


def die_once(name: str) -> str:
    """Make a file and kill the process; if the file is there, return its name."""
    _die_first(name)
    return name


def die_first_of_crowding(job: tuple[str, int]) -> list[str]:
    """Job 0 kills its first worker while others work; each job says which were at work with it."""
    folder, number = Path(job[0]), job[1]
    mark = folder / f"job {number}"
    mark.touch()
    if number == 0:
        _die_first(f"{folder}/died")
    time.sleep(0.02)
    found = sorted(path.name for path in folder.glob("job *"))
    mark.unlink()
    return found


def announce_and_wait(folder: str) -> None:
    """Make a file named by the process, and work for a very long time."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(3600)


def fuse_and_die(job):
    """Fuse a tile; kill the first worker that has done so, before it can return the record."""
    from potato.fusion.ard.tile import fuse_tile  # others need no torch

    record = fuse_tile(job)
    _die_first(f"{job.folder}/died")
    return record


def fuse_first_and_die(job):
    """Fuse the first tile; die of any other while its picture is being made."""
    from potato.fusion.ard.tile import fuse_tile

    if Path(f"{job.folder}/manifest.jsonl").read_text().count('"done"') == 0:
        return fuse_tile(job)
    job.output.parent.joinpath(f".{job.output.name}.abc.partial").mkdir(parents=True, exist_ok=True)
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def _die_first(name: str) -> None:
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def fuse_and_count_threads(job: Any) -> tuple[Any, int]:
    """Fuse a tile; its record, and how many threads more the process has afterwards."""
    from potato.fusion.ard.tile import fuse_tile

    before = _threads()
    return fuse_tile(job), _threads() - before


def _threads() -> int:
    """How many threads this process has (Linux)."""
    return len(list(Path("/proc/self/task").iterdir()))
