"""Lines for people who wait until a source is listed, which takes minutes for a large one."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

FIRST, LATER = 3.0, 20.0
"""Seconds until the first line, and between two."""


class Waiting:
    """Says every now and then how much of a source has been found; a context manager.

    Args:
        say: gets the lines; None to say nothing.
        name: of the source.

    Attributes:
        found: tiles so far.
    """

    def __init__(self, say: Callable[[str], None] | None, name: str) -> None:
        self.found = 0
        self._say, self._name = say, name
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="potato-waiting", daemon=True)

    def __enter__(self) -> Self:
        if self._say is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._say is not None:
            self._thread.join()

    def _tell(self) -> None:
        assert self._say is not None
        pause = FIRST
        while not self._ended.wait(pause):
            pause = LATER
            self._say(f"{self._name}: finding what there is, {self.found:,} tiles so far")
