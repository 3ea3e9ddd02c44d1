"""How this process returns freed memory."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's mallopt: bytes free at the end of the heap from which they are returned,
and number of blocks that are mapped one by one, and returned when they are freed."""

_LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Let this process keep freed memory for its next images; does nothing without glibc.

    For processes that do nothing but simulate scenes. Glibc returns large blocks at once, and the
    kernel clears each page of the next ones, which takes ten times as long as their arithmetic.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_TRIM_THRESHOLD, _LARGEST)
        mallopt(_MMAP_MAX, 0)
