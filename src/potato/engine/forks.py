"""What doesn't survive a fork: threads, and locks that other threads held.

A process that `os.fork` made, or `multiprocessing` by its method "fork", has one thread alone.
"""

import contextlib
import os
import threading
from collections.abc import Iterator

from potato.errors import InputError


class LibraryThreads:
    """Knows whether the threads of a library, made at its first use, exist in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None
        self._users = 0
        self._spoilt = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    @contextlib.contextmanager
    def used(self) -> Iterator[bool]:
        """Use the pool while inside.

        Yields:
            Whether its threads are there: not in a child that was forked off after its first use.

        Raises:
            InputError: if this process was forked while another thread used the pool.
        """
        if self._spoilt:
            raise InputError(
                "expected a process whose threads are its own, found one that was forked while a thread "
                'was writing a picture; start processes by the methods "spawn" or "forkserver"'
            )
        with self._lock:
            self._owner = self._owner or os.getpid()
            self._users += 1
        try:
            yield self._owner == os.getpid()
        finally:
            with self._lock:
                self._users -= 1

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._spoilt = self._spoilt or self._users > 0
        self._users = 0
