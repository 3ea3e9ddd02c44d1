"""The plain loop around `epochs.train_step`: log, judge, draw, save."""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import torch

from potato.model.network import Architecture, Sharpener
from potato.training.config import Settings
from potato.training.data import Batch
from potato.training.distributed import Ranks
from potato.training.log import Line, Reporter, draw_chips, warn
from potato.training.score import Score, score_batches
from potato.training.step import Learner, Step, Tally, train_step

_LINES = 50
"""Lines of the log in an epoch."""

Scores = dict[str, float]
"""Facts of the last epoch: `loss`, `skipped`, and with test chips `test`, `test_psnr`, `predictor`."""


@dataclass(frozen=True)
class Judge:
    """What a session is judged by.

    Attributes:
        batches: gives this process's share of the test chips, anew each time.
        shown: chips for pictures.
        device: where to compute.
        ranks: which process this is.
    """

    batches: Callable[[], Iterable[Batch]]
    shown: Sequence[Batch]
    device: torch.device
    ranks: Ranks

    def score(self, model: Sharpener) -> Score:
        """How far a model is from the truth."""
        return score_batches(model, self.batches(), self.device, self.ranks)

    def score_predictor(self) -> Score:
        """How far the bare predictor is."""
        return self.score(Sharpener(Architecture(depth=0)).eval().to(self.device))


def run_epochs(
    learner: Learner,
    batches: Iterator[list[Batch]],
    settings: Settings,
    first_epoch: int,
    scores: Scores,
    judge: Judge | None,
    reporter: Reporter,
    save: Callable[[Scores], None],
    ranks: Ranks,
) -> Scores:
    """Train what is left of a session.

    Args:
        learner: it learns.
        batches: what each step that is left learns from.
        settings: of the session.
        first_epoch: the number of its first epoch.
        scores: of the epoch before.
        judge: what it is judged by after each epoch, or None.
        reporter: what hears of it.
        save: saves the learner with the scores; called by the first process only.
        ranks: which process this is.

    Returns:
        The scores of the last epoch.

    Raises:
        SessionError: if the loss isn't a number, or what `save` and `batches` raise.
        KeyboardInterrupt: if it was interrupted, after the step at hand was saved.
    """
    length, total = settings.steps_per_epoch, settings.epochs * settings.steps_per_epoch
    every = max(1, length // _LINES)
    warned = False
    saved = time.monotonic()
    recent, epoch = _Clock(), _Clock()
    with deferred_interrupts(ranks.count == 1) as interrupted:
        for batch in batches:
            step = train_step(learner, batch, settings, total, ranks)
            recent.chips += settings.logical_batch
            epoch.chips += settings.logical_batch
            reporter.step(settings.logical_batch, step.loss)
            if step.problem and not warned:
                warn(f"a chip was skipped, and others may be: {step.problem}")
                warned = True
            ended = learner.step % length == 0
            number = first_epoch + (learner.step - 1) // length
            if learner.step % every == 0 or ended:
                reporter.line(_line(learner, step, learner.recent, number, recent.rate()))
                learner.recent, recent = Tally(), _Clock()
            if ended:
                speed = epoch.rate()
                scores = {**_judge(judge, learner, scores), **_facts(learner.epoch)}
                reporter.line(_line(learner, step, learner.epoch, number, speed, scores))
                if judge and judge.shown and ranks.first:
                    reporter.pictures(
                        number, learner.step, draw_chips(learner.mean, judge.shown, judge.device)
                    )
                learner.epoch, epoch, recent = Tally(), _Clock(), _Clock()
            due = time.monotonic() - saved >= 60 * settings.save_every
            if ranks.first and (ended or due or interrupted()):
                save(scores)
                saved = time.monotonic()
            if interrupted():
                raise KeyboardInterrupt
    return scores


class _Clock:
    """Chips and the time they took."""

    def __init__(self) -> None:
        self.started, self.chips = time.monotonic(), 0

    def rate(self) -> float:
        return self.chips / max(1e-9, time.monotonic() - self.started)


def _judge(judge: Judge | None, learner: Learner, scores: Scores) -> Scores:
    if judge is None:
        return {}
    # The predictor doesn't learn: once is enough.
    predictor = scores["predictor"] if "predictor" in scores else judge.score_predictor().delta_e
    score = judge.score(learner.mean)
    return {"test": score.delta_e, "test_psnr": score.psnr, "predictor": predictor}


def _facts(tally: Tally) -> Scores:
    return {"loss": tally.loss, "skipped": tally.skipped}


def _line(
    learner: Learner, step: Step, tally: Tally, epoch: int, speed: float, scores: Scores | None = None
) -> Line:
    found = scores or {}
    return Line(
        learner.step,
        epoch,
        tally.loss,
        step.rate,
        step.norm,
        round(speed, 2),
        tally.skipped,
        found.get("test"),
        found.get("test_psnr"),
        found.get("predictor"),
        scores is not None,
    )


@contextmanager
def deferred_interrupts(active: bool = True) -> Iterator[Callable[[], bool]]:
    """Let a step end before Ctrl-C or a polite kill does; a second one doesn't wait.

    Args:
        active: whether to do so; not where other processes wait for this one, nor outside the main thread.

    Yields:
        Whether one has come.
    """
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    if not active or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
