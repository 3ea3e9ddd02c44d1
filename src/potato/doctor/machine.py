"""The machine: cores, memory, disk, open files."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from potato.doctor.finding import Finding
from potato.engine.threads import available_cores

MEMORY = 1_000_000_000
"""Bytes that `fuse` may need: 0.72 GB have been seen with the largest tiles, and something has to be left."""

DISK = 2_000_000_000
"""Bytes that a fused tile may need: 17,408² pixels in four bytes, before they are compressed."""

FILES = 256
"""Open files: of eight readers with two files each, and all that Python and torch hold open."""


def examine_machine() -> Iterator[Finding]:
    """Findings about the machine."""
    yield _cores()
    yield from _memory()
    yield from _disk()
    yield from _files()


def _cores() -> Finding:
    cores, quota = available_cores(), _quota()
    if quota is not None and quota < cores:
        return Finding(
            "cores",
            "note",
            f"{cores}, but this container may use the time of {quota:g}",
            f"give --workers {max(1, round(quota))} to commands that take it",
        )
    return Finding("cores", "fine", str(cores))


def _memory() -> Iterator[Finding]:
    free = _free_memory()
    if free is None:
        return
    if free < MEMORY:
        yield Finding(
            "memory",
            "wrong",
            f"{_size(free)} free, expected {_size(MEMORY)}",
            "close other programs, or give the container more; --workers 1 needs a little less",
        )
    else:
        yield Finding("memory", "fine", f"{_size(free)} free")


def _disk() -> Iterator[Finding]:
    folders = {"this folder": Path.cwd(), "the folder of temporary files": Path(tempfile.gettempdir())}
    for name, folder in folders.items():
        free = shutil.disk_usage(folder).free
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            found = f"nothing can be written to {name}, {folder}: {error.strerror}"
            yield Finding("disk", "note", found, "write elsewhere")
            continue
        if free < DISK:
            yield Finding(
                "disk",
                "wrong",
                f"{_size(free)} free in {name}, {folder}, expected {_size(DISK)}",
                "make room, or write elsewhere (TMPDIR names the folder of temporary files)",
            )
        else:
            yield Finding("disk", "fine", f"{_size(free)} free in {name}, {folder}")


def _files() -> Iterator[Finding]:
    try:
        import resource
    except ImportError:  # Windows
        return
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
    """Cores whose time a container may use (cgroup 2); None without a limit."""
    parts = _read("/sys/fs/cgroup/cpu.max").split()
    return int(parts[0]) / int(parts[1]) if len(parts) == 2 and parts[0] != "max" else None


def _free_memory() -> int | None:
    """Bytes that are free here, also by the limit of a container (cgroup 2); None where nobody tells."""
    free = []
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            free.append(1024 * int(line.split()[1]))
    limit, used = (_read(f"/sys/fs/cgroup/memory.{name}").strip() for name in ("max", "current"))
    if limit.isdigit() and used.isdigit():
        # What files occupy of it is given back when it is needed.
        facts = dict(line.split(maxsplit=1) for line in _read("/sys/fs/cgroup/memory.stat").splitlines())
        free.append(int(limit) - int(used) + int(facts.get("inactive_file", 0)))
    if not free and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        free.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(free, default=None)


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
