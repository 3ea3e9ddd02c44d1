"""How this process returns freed memory: settings of glibc, ignored by other C libraries."""

import contextlib
import ctypes
import functools
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Parameters of glibc's mallopt: bytes free at the end of the heap from which they are returned;
size of blocks that are mapped one by one, and returned when they are freed; and their number."""

_LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Let this process keep freed memory for its next images.

    For processes that do nothing but simulate scenes. Glibc returns large blocks at once, and the
    kernel clears each page of the next ones, which takes ten times as long as their arithmetic.
    """
    _mallopt({_TRIM_THRESHOLD: _LARGEST, _MMAP_MAX: 0})


@functools.cache
def reuse_freed_memory() -> None:
    """Let a worker of Dask reuse freed memory about as glibc lets other processes.

    Dask starts workers with `MALLOC_TRIM_THRESHOLD_=65536`: every freed block goes back to the
    system and is fetched again for the next one, which takes as long as the sharpening.
    """
    _mallopt({_TRIM_THRESHOLD: 256 << 20, _MMAP_THRESHOLD: 32 << 20})


def _mallopt(settings: dict[int, int]) -> None:
    if sys.platform != "linux":
        return
    with contextlib.suppress(AttributeError):  # not glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in settings.items():
            mallopt(parameter, value)
