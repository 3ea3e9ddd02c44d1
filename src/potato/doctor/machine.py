"""Checks of the machine: cores, memory, disk, open files."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from potato.doctor.finding import Finding
from potato.engine.threads import available_cores

MEMORY = 600_000_000
"""Bytes of free memory for `fuse`: two cores took 0.4 GB for the largest tiles (docs/speed.md)."""

DISK = 2_000_000_000
"""Bytes of free disk for a fused tile: 17,408² pixels of four bytes, uncompressed, and more."""

FILES = 256
"""Open files: eight readers with two files each, and what Python keeps open."""


def examine_machine() -> Iterator[Finding]:
    """Check cores, memory, disk and the limit of open files."""
    yield _cores()
    yield from _memory()
    yield from _disk()
    yield from _files()


def _cores() -> Finding:
    cores, quota = available_cores(), _quota()
    if quota is not None and quota < cores:
        found = f"{cores}, but this container may use the time of {quota:g}"
        return Finding("cores", "note", found, f"use --workers {max(1, round(quota))} where a command has it")
    return Finding("cores", "fine", str(cores))


def _enough(subject: str, free: int, needed: int, where: str, remedy: str) -> Finding:
    found = f"{_gigabytes(free)} free{where}"
    if free < needed:
        return Finding(subject, "wrong", f"{found}, expected {_gigabytes(needed)}", remedy)
    return Finding(subject, "fine", found)


def _memory() -> Iterator[Finding]:
    free = _free_memory()
    if free is not None:
        remedy = "close other programs, or give the container more; --workers 1 needs a little less"
        yield _enough("memory", free, MEMORY, "", remedy)


def _disk() -> Iterator[Finding]:
    folders = {"this folder": Path.cwd(), "the folder of temporary files": Path(tempfile.gettempdir())}
    for name, folder in folders.items():
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            found = f"nothing can be written to {name}, {folder}: {error.strerror}"
            yield Finding("disk", "note", found, "write elsewhere")
            continue
        remedy = "make room, or write elsewhere (TMPDIR names the folder of temporary files)"
        yield _enough("disk", shutil.disk_usage(folder).free, DISK, f" in {name}, {folder}", remedy)


def _files() -> Iterator[Finding]:
    if sys.platform == "win32":  # has no such limit
        return
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        yield Finding("open files", "fine", "without limit")
    elif limit < FILES:
        yield Finding("open files", "wrong", f"{limit} at most, expected {FILES}", "ulimit -n 1024")
    else:
        yield Finding("open files", "fine", f"{limit} at most")


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _quota() -> float | None:
    """Cores that a container may keep busy, by its cgroup version 2; None without a limit."""
    parts = _read("/sys/fs/cgroup/cpu.max").split()
    return int(parts[0]) / int(parts[1]) if len(parts) == 2 and parts[0] != "max" else None


def _free_memory() -> int | None:
    """Bytes of free memory, within the limit of a container (cgroup 2); None if unknown."""
    free = []
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            free.append(1024 * int(line.split()[1]))
    limit, used = (_read(f"/sys/fs/cgroup/memory.{name}").strip() for name in ("max", "current"))
    if limit.isdecimal() and used.isdecimal():
        # The page cache of inactive files is released on demand.
        facts = dict(line.split(maxsplit=1) for line in _read("/sys/fs/cgroup/memory.stat").splitlines())
        free.append(int(limit) - int(used) + int(facts.get("inactive_file", 0)))
    if not free and sys.platform != "win32" and "SC_PHYS_PAGES" in os.sysconf_names:
        free.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(free, default=None)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
