"""Reporters of a run: JSON lines, curves, pictures, a progress bar."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from potato.core.text import duration
from potato.engine.progress import EVERY
from potato.errors import OutputError, SessionError
from potato.raster.atomic import write_whole, writing
from potato.raster.encoding import write_png
from potato.raster.json_lines import append_json_line, whole_lines

INTACT = "what was saved before is intact"
"""What the loss of a log leaves."""


@dataclass(frozen=True)
class Line:
    """A line of the log.

    Attributes:
        step: number of steps done.
        epoch: number of the epoch that the last of them belongs to.
        loss: mean ΔE since the last line, or of the whole epoch in its last line, JND.
        rate: learning rate of the last step.
        norm: norm of the last step's gradient.
        chips_per_second: since the last line, or in the whole epoch in its last line.
        skipped: number of chips, over the steps of `loss`, that couldn't be read.
        test: ΔE of the test chips in JND, in an epoch's last line if there are test chips.
        test_psnr: their PSNR, dB.
        predictor: ΔE of the bare predictor on them.
        start: ΔE, on them, of the network that the session started with.
        best: smallest ΔE, on them, of the session's epochs up to this one.
        ended: whether this is an epoch's last line.
    """

    step: int
    epoch: int
    loss: float
    rate: float
    norm: float
    chips_per_second: float
    skipped: int
    test: float | None = None
    test_psnr: float | None = None
    predictor: float | None = None
    start: float | None = None
    best: float | None = None
    ended: bool = False

    def __str__(self) -> str:
        """The line as the terminal shows it."""
        test = ""
        if self.test is not None and self.predictor:
            ratio = self.test / self.predictor
            test = f", test {self.test:.3f} JND ({ratio:.3f} × the predictor's {self.predictor:.3f})"
            if self.start is not None and self.test > self.start:
                test += f", worse than the {self.start:.3f} before the first step"
            elif self.test == self.best != self.start:
                test += ", the best so far"
        skipped = f", {self.skipped} chips skipped" if self.skipped else ""
        speed = f", {self.chips_per_second:.1f} chips/s"
        return f"epoch {self.epoch}: loss {self.loss:.3f} JND{test}{speed}{skipped}"


class Reporter:
    """Base of all reporters; it does nothing."""

    def step(self, chips: int) -> None:
        """A step on a number of chips is done."""

    def line(self, line: Line) -> None:
        """A line of the log is due."""

    def pictures(self, step: int, picture: Tensor) -> None:
        """An epoch's pictures, codes (3, h, w), are drawn."""

    def close(self) -> None:
        """The run is over."""


class LogFile(Reporter):
    """The log as JSON lines, and the last pictures beside it.

    A session that goes on drops the lines that were logged after its last save.
    """

    def __init__(self, path: Path, step: int) -> None:
        """Keep the lines of a log up to a step."""
        self.path = path
        kept = [text + b"\n" for _, text in whole_lines(path) if _step_of(text) <= step]
        write_whole(path, b"".join(kept))

    def line(self, line: Line) -> None:
        """Append the line."""
        facts = {name: value for name, value in asdict(line).items() if value is not None}
        try:
            append_json_line(self.path, {**facts, "time": round(time.time(), 1)})
        except OutputError as error:
            raise SessionError(f"{error}; {INTACT}") from error

    def pictures(self, step: int, picture: Tensor) -> None:
        """Write the pictures, over the last ones."""
        write_png(self.path.with_name("pictures.png"), picture.to(torch.uint8).cpu().numpy())


def _step_of(text: bytes) -> float:
    """The step of a line of the log; infinite for a damaged line."""
    try:
        return int(json.loads(text)["step"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return float("inf")


class Curves(Reporter):
    """TensorBoard: one run for a session, however often it was interrupted."""

    def __init__(self, folder: Path, step: int) -> None:
        """Go on with the curves of a folder after a step."""
        from torch.utils.tensorboard.writer import SummaryWriter

        self.folder = folder
        with self._writing():
            self.writer: Any = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def line(self, line: Line) -> None:
        """Add a point to each curve."""
        titles = {
            "loss": "loss/epoch" if line.ended else "loss/train",
            "rate": "learning rate",
            "norm": "gradient",
            "chips_per_second": "chips per second",
            "test": "loss/test",
            "test_psnr": "PSNR/test",
        }
        for name, title in titles.items():
            value = getattr(line, name)
            if value is not None:
                with self._writing():
                    self.writer.add_scalar(title, value, line.step)

    def pictures(self, step: int, picture: Tensor) -> None:
        """Add the pictures."""
        with self._writing():
            self.writer.add_image("test chips", picture.to(torch.uint8), step)
            self.writer.flush()

    def close(self) -> None:
        """Write buffered points."""
        with self._writing():
            self.writer.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Errors of writing as a `SessionError`; TensorBoard raises them some calls later."""
        try:
            with writing(self.folder):
                yield
        except OutputError as error:
            raise SessionError(f"{error}; {INTACT}") from error


class Bar(Reporter):
    """On a terminal a bar for each epoch, else a line now and then; and a line when one ends."""

    def __init__(self, chips: int, done: int, epochs: range, say: Callable[[str], None], shown: bool) -> None:
        """Begin the bar of an epoch.

        Args:
            chips: of an epoch.
            done: chips of the first of `epochs` that earlier runs have done.
            epochs: numbers of the epochs that are left.
            say: prints a line.
            shown: whether to show more than an epoch's end.
        """
        self.chips, self.say = chips, say
        self.disabled, self.lines = not (shown and sys.stderr.isatty()), shown and not sys.stderr.isatty()
        self.left, self.seen = chips * len(epochs) - done, 0
        self.started = self.told = time.monotonic()
        self.bar = self._new(epochs.start, done)

    def _new(self, epoch: int, done: int = 0) -> "tqdm[Any]":
        return tqdm(
            total=self.chips,
            initial=done,
            desc=f"epoch {epoch}",
            unit="chip",
            disable=self.disabled,
            leave=False,
        )

    def step(self, chips: int) -> None:
        """Move on."""
        self.seen += chips
        self.bar.update(chips)

    def line(self, line: Line) -> None:
        """Show the loss; print an epoch's last line and begin the next bar."""
        remaining = self._remaining()
        self.bar.set_postfix_str(f"loss {line.loss:.3f} JND{remaining}", refresh=False)
        if line.ended:
            self.bar.close()
            self.say(f"{line}{remaining}")
            self.bar = self._new(line.epoch + 1)
        elif self.lines and time.monotonic() - self.told >= EVERY:
            self.say(f"{line}{remaining}")
        else:
            return
        self.told = time.monotonic()

    def _remaining(self) -> str:
        """How long the session will still take, tests included; empty when it is over."""
        left = self.left - self.seen
        if left <= 0 or not self.seen:
            return ""
        taken = time.monotonic() - self.started
        return f", the session takes about {duration(taken / self.seen * left)} more"

    def close(self) -> None:
        """Remove the bar."""
        self.bar.close()


def warn(text: str) -> None:
    """Print a warning on stderr, past a progress bar; the run goes on."""
    tqdm.write(f"potato: warning: {text}", file=sys.stderr)
