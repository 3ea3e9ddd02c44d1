"""The loop over epochs: train, log, test, draw, save."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from potato.engine.interrupts import AGAIN, INTERRUPTS
from potato.training.config import TrainConfig
from potato.training.data import Batch
from potato.training.distributed import Ranks
from potato.training.log import Line, Reporter, warn
from potato.training.score import draw_chips, score_batches
from potato.training.step import Learner, Step, Tally, train_step

LINES_PER_EPOCH = 50
"""Lines of the log in an epoch."""

Scores = dict[str, float]
"""Figures of the last epoch: `loss`, `skipped`, and with test chips `test` and `test_psnr`; and of
the session: `predictor`, `start` (before the first step), `best` and `best_epoch`."""

LASTING = ("predictor", "start", "best", "best_epoch")
"""Scores that outlast an epoch."""


@dataclass(frozen=True)
class Run:
    """The parts of a run beside its learner and its batches.

    Attributes:
        config: of the session.
        first_epoch: number of the session's first epoch.
        test_chips: gives this process's share of the test chips, once for each epoch; or None.
        shown: test chips for pictures.
        reporters: hear of every step, line and epoch.
        save: saves the learner with the scores; called by the first process only.
        ranks: this process among those of the run.
    """

    config: TrainConfig
    first_epoch: int
    test_chips: Callable[[], Iterable[Batch]] | None
    shown: Sequence[Batch]
    reporters: Sequence[Reporter]
    save: Callable[[Scores], None]
    ranks: Ranks


def run_epochs(learner: Learner, batches: Iterator[list[Batch]], scores: Scores, run: Run) -> Scores:
    """Train the steps of a session that are left.

    Args:
        learner: changed.
        batches: the micro-batches of each step that is left.
        scores: of the epoch before.
        run: the other parts.

    Returns:
        The scores of the last epoch.

    Raises:
        SessionError: if the loss is NaN or infinite, or raised by `run.save` and `batches`.
        KeyboardInterrupt: if the run was interrupted, after the current step was saved.
    """
    config = run.config
    length, total = config.steps_per_epoch, config.epochs * config.steps_per_epoch
    log_every = max(1, length // LINES_PER_EPOCH)
    warned, saved = False, time.monotonic()
    recent, whole = _Speed(), _Speed()
    with deferred_interrupts(run.ranks.count == 1) as interrupted:
        for batch in batches:
            step = train_step(learner, batch, config, total, run.ranks)
            recent.chips += config.chips_per_step
            whole.chips += config.chips_per_step
            for reporter in run.reporters:
                reporter.step(config.chips_per_step)
            if step.problem and not warned:
                warn(f"a chip was skipped, and others may be: {step.problem}")
                warned = True
            epoch = run.first_epoch + (learner.step - 1) // length
            ended = learner.step % length == 0
            if learner.step % log_every == 0 or ended:
                learner.settle()
                _log(run, _line(learner, step, learner.recent, epoch, recent.chips_per_second()))
                learner.recent, recent = Tally(), _Speed()
            if ended:
                scores = _end_epoch(learner, step, epoch, whole.chips_per_second(), scores, run)
                recent, whole = _Speed(), _Speed()
            due = time.monotonic() - saved >= 60 * config.save_every
            if run.ranks.first and (ended or due or interrupted()):
                run.save(scores)
                saved = time.monotonic()
            if interrupted():
                raise KeyboardInterrupt
    return scores


def _end_epoch(learner: Learner, step: Step, epoch: int, speed: float, before: Scores, run: Run) -> Scores:
    """Test, log and draw an epoch that has ended; returns its scores."""
    scores: Scores = {}
    device = learner.device
    if run.test_chips:
        score = score_batches(learner.ema, run.test_chips(), device, run.ranks)
        scores = {name: before[name] for name in LASTING if name in before}
        scores |= {"test": score.delta_e, "test_psnr": score.psnr}
        if score.delta_e < before.get("best", math.inf):
            scores |= {"best": score.delta_e, "best_epoch": epoch}
    scores |= {"loss": learner.epoch.loss, "skipped": learner.epoch.skipped}
    _log(run, _line(learner, step, learner.epoch, epoch, speed, scores))
    if run.shown and run.reporters:
        picture = draw_chips(learner.ema, run.shown, device)
        for reporter in run.reporters:
            reporter.pictures(learner.step, picture)
    learner.epoch = Tally()
    return scores


def _log(run: Run, line: Line) -> None:
    """Give a line to all reporters."""
    for reporter in run.reporters:
        reporter.line(line)


class _Speed:
    """Chips and the time that they took."""

    def __init__(self) -> None:
        self.started, self.chips = time.monotonic(), 0

    def chips_per_second(self) -> float:
        return self.chips / max(1e-9, time.monotonic() - self.started)


def _line(
    learner: Learner, step: Step, tally: Tally, epoch: int, speed: float, scores: Scores | None = None
) -> Line:
    """A line of the log; `scores` if it is the epoch's last."""
    found = scores or {}
    return Line(
        step=learner.step,
        epoch=epoch,
        loss=tally.loss,
        rate=step.rate,
        norm=learner.norm,
        chips_per_second=round(speed, 2),
        skipped=tally.skipped,
        test=found.get("test"),
        test_psnr=found.get("test_psnr"),
        predictor=found.get("predictor"),
        start=found.get("start"),
        best=found.get("best"),
        ended=scores is not None,
    )


@contextmanager
def deferred_interrupts(active: bool = True) -> Iterator[Callable[[], bool]]:
    """Let a step end before an interruption does; a signal that comes later still acts at once.

    `timeout` sends two signals, the second to the whole group of processes. Signals within `AGAIN`
    seconds are one interruption.

    Args:
        active: False where other processes wait for this one, so that signals act at once. Outside
            the main thread they always do.

    Yields:
        A function that tells whether a signal has come.
    """
    came = math.inf

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if time.monotonic() - came > AGAIN:
            raise KeyboardInterrupt
        came = min(came, time.monotonic())

    if not active or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    caught = [number for number in INTERRUPTS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in caught}
    try:
        yield lambda: came < math.inf
    except Exception as error:  # of a child that the signal ended, too
        if came < math.inf:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
