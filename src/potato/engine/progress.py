"""Progress on stderr: a bar on a terminal, elsewhere a line now and then."""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from potato.core.text import counted, duration

EVERY = 30.0
"""Seconds between lines."""

INTERVAL = "POTATO_PROGRESS_SECONDS"
"""Environment variable that sets other seconds, for programs that read the lines, such as QGIS."""

MEGAPIXELS = "Mpx"
"""The unit of pictures."""


Progress = bool | Callable[[float], None]
"""Whether to show progress; or a function to call with the share that is done, 0..1."""


def progress_bar(total: float, unit: str, progress: Progress) -> Any:
    """A context manager that shows progress; its `update` takes the units done since the last call.

    Args:
        total: units of the whole work.
        unit: a word such as `tile`, or `MEGAPIXELS`.
        progress: whether to show anything; or a function to call in its place.
    """
    if not progress or not total:
        return _Nothing()
    if not isinstance(progress, bool):
        return _Reported(total, progress)
    if not sys.stderr.isatty():
        return _Lines(total, unit)
    from tqdm import tqdm  # takes as long to load as a small picture to sharpen

    count = "{n:.0f}/{total:.0f} Mpx" if unit == MEGAPIXELS else "{n_fmt}/{total_fmt}"
    return tqdm(
        total=total,
        unit=unit,
        bar_format=f"{{l_bar}}{{bar}}| {count} [{{elapsed}}<{{remaining}}, {{rate_fmt}}]",
    )


class _Nothing(contextlib.AbstractContextManager["_Nothing"]):
    """Progress that isn't shown."""

    def __exit__(self, *error: object) -> None:
        """Nothing is to be done."""

    def update(self, done: float = 1) -> None:
        """Nothing is to be shown."""


class _Reported(contextlib.AbstractContextManager["_Reported"]):
    """Progress that a function is told."""

    def __init__(self, total: float, report: Callable[[float], None]) -> None:
        self._total, self._report, self._done = total, report, 0.0

    def __exit__(self, *error: object) -> None:
        """Nothing is to be done."""

    def update(self, done: float = 1) -> None:
        """Count what is done, and report its share."""
        self._done += done
        self._report(min(1.0, self._done / self._total))


class _Lines(contextlib.AbstractContextManager["_Lines"]):
    """Progress in lines, for logs."""

    def __init__(self, total: float, unit: str) -> None:
        self._total, self._unit, self._done = total, unit, 0.0
        self._every = _interval()
        self._started = self._told = time.monotonic()

    def __exit__(self, *error: object) -> None:
        """The result of the command is its last line."""

    def update(self, done: float = 1) -> None:
        """Count what is done, and print a line if the last is long ago."""
        self._done += done
        now = time.monotonic()
        if now - self._told < self._every or not self._done:
            return
        self._told = now
        taken = now - self._started
        left = taken * (self._total / self._done - 1)
        total = (
            f"{self._total:,.0f} Mpx" if self._unit == MEGAPIXELS else counted(round(self._total), self._unit)
        )
        print(
            f"potato: {self._done:,.0f} of {total}, {self._done / self._total:.0%}, "
            f"{duration(taken)} so far, about {duration(left)} left",
            file=sys.stderr,
            flush=True,
        )


def _interval() -> float:
    """Seconds between lines."""
    try:
        return float(os.environ.get(INTERVAL, EVERY))
    except ValueError:
        return EVERY
