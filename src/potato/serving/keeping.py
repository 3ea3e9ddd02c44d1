"""What is kept between requests, for those that follow: open files, and web tiles."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import ExitStack

from potato.core.types import Codes
from potato.serving.catalogue import Entry, Opened


class OpenFiles:
    """Entries that stay open after use, for the next that asks; each is used by one thread at once.

    Args:
        most: how many stay open; those that were used last.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: list[tuple[str, ExitStack, Opened]] = []
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def borrow(self, entry: Entry) -> Iterator[Opened]:
        """Open an entry, or take one that is idle; closed if its use fails."""
        with self._lock:
            place = next((at for at, idle in enumerate(self._idle) if idle[0] == entry.id), None)
            taken = None if place is None else self._idle.pop(place)
        if taken is None:
            assert entry.opening is not None
            stack = ExitStack()
            taken = entry.id, stack, stack.enter_context(entry.opening())
        try:
            yield taken[2]
        except BaseException:
            taken[1].close()
            raise
        with self._lock:
            self._idle.append(taken)
            surplus = self._idle[: -self._most]
            del self._idle[: -self._most]
        for _, stack, _ in surplus:
            stack.close()

    def close(self) -> None:
        """Close all that are idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, stack, _ in idle:
            stack.close()


class Cache:
    """Arrays by keys; those used last stay, up to a number of bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes
        self._arrays: OrderedDict[Hashable, Codes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Codes | None:
        """The array of a key; None if it isn't kept."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
            return self._arrays.get(key)

    def put(self, key: Hashable, array: Codes) -> None:
        """Keep an array."""
        with self._lock:
            if key not in self._arrays:
                self._arrays[key] = array
                self._room -= array.nbytes
            while self._room < 0:
                self._room += self._arrays.popitem(last=False)[1].nbytes
