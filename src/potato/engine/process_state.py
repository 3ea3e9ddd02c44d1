"""Changes of the whole process, most of which end with the last call that needs them."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator


def load_less() -> None:
    """Let a process start sooner that runs nothing but Potato: for good, before it imports numpy.

    rasterio imports boto3 where it is installed, which takes as long as all else, though Potato
    finds credentials without it. OpenBLAS starts a thread for each core, and all of them wait
    busily at first; commands use the cores by threads and processes of their own.
    """
    sys.modules.setdefault("boto3", None)  # type: ignore[arg-type]  # as Python forbids an import
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class SharedChange:
    """A change of the process that the first of overlapping calls makes and the last one undoes.

    A context manager such as `warnings.catch_warnings` puts back whatever it found when it began.
    If calls in two threads overlap, the one that ends last therefore puts back the other one's
    change, which then stays for good. Here the calls are counted.
    """

    def __init__(self, change: Callable[[], contextlib.AbstractContextManager[object]]) -> None:
        """`change` makes the context manager that makes the change and undoes it."""
        self._change = change
        self._lock = threading.Lock()
        self._users = 0
        self._made = contextlib.ExitStack()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep the change at least while inside."""
        with self._lock:
            if not self._users:
                self._made.enter_context(self._change())
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._made.close()

    def _forget(self) -> None:
        """In a forked child, which has no other threads: undo the change that they needed."""
        self._lock = threading.Lock()
        self._users = 0
        self._made.close()
