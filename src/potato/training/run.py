"""The tool: start a session or go on with it, and train until it has its epochs."""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch

from potato.chips.scenes import list_photographs
from potato.engine.devices import choose_device
from potato.errors import SessionError
from potato.training.checkpoints import Origin, Session, find_origin, start_network
from potato.training.config import Settings
from potato.training.data import Batch, Samples, chip_size, data_digest, held_out, list_chips, open_batches
from potato.training.distributed import Ranks, join_ranks, world
from potato.training.log import Bar, Curves, JsonLines, Reporter, Reporters, warn
from potato.training.loop import Judge, Scores, run_epochs
from potato.training.step import Learner

_SHOWN = 4
"""Test chips that pictures show."""

_TEST_SCENES = 16
"""Simulated scenes to judge by, where no test chips are named and training is on scenes."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What `train` did.

    Attributes:
        session: the session's folder.
        checkpoint: the last epoch's weights, or None if no epoch was finished.
        epochs: numbers of its epochs.
        steps: how many steps the session has behind it.
        scores: of the last epoch: `loss`, `skipped`, and where there are test chips `test`, `test_psnr` and
            `predictor`; ΔE in JND.
        seconds: how long this run took.
    """

    session: Path
    checkpoint: Path | None
    epochs: tuple[int, ...]
    steps: int
    scores: Scores
    seconds: float

    def __str__(self) -> str:
        """The line that the command ends with."""
        return (
            f"{self.checkpoint or self.session}: {self.steps} steps in the session, {self.seconds:.0f} s now"
        )


def train(settings: Settings, *, progress: bool = False, say: Say | None = None) -> Trained:
    """Train a session until it has its epochs.

    A session that is there goes on where its last save left it, exactly: on the same processor and with as
    many threads, its weights come out as if nothing had interrupted it. Several processes that `torchrun`
    started share the work of every step.

    Args:
        settings: all that is to be known.
        progress: whether to draw a progress bar on stderr.
        say: where lines for people go; None for nowhere.

    Raises:
        SessionError: if the session can't start or go on; what it saved before stays.
        WeightsError: if the weights to start from can't be used.
    """
    started = time.perf_counter()
    rank, _, local = world()
    device = choose_device(settings.device)
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", local)
    session = Session(Path(settings.sessions) / settings.session)
    say = say if say and rank == 0 else _say_nothing
    with join_ranks(device) as ranks, ExitStack() as stack:
        if ranks.first:
            stack.enter_context(session.open())
        steps, scores = _train(settings, session, device, ranks, say, progress and ranks.first)
    epochs = tuple(session.epochs())
    checkpoint = session.folder / f"{epochs[-1]}.safetensors" if epochs else None
    trained = Trained(session.folder, checkpoint, epochs, steps, scores, time.perf_counter() - started)
    say(str(trained))
    return trained


def _train(
    settings: Settings,
    session: Session,
    device: torch.device,
    ranks: Ranks,
    say: Say,
    progress: bool,
) -> tuple[int, Scores]:
    """The run of this process; how many steps the session has now, and its scores."""
    paths = list_chips(settings.chips) if settings.chips else []
    tests = list_chips(settings.test_chips)[: settings.test_length] if settings.test_chips else []
    size = chip_size(paths) if paths else (settings.size, settings.size)
    if size[0] != size[1] and settings.share:
        raise SessionError(f"expected square chips beside scenes, found {size[0]} × {size[1]} pixels")
    photographs = list_photographs(settings.photographs) if settings.share else ()
    samples = Samples(
        tuple(paths),
        settings.share,
        size,
        settings.seed,
        settings.instrument,
        settings.passes,
        photographs,
    )
    data = data_digest([*paths, *photographs])
    learner, scores, origin = _learner(settings, session, data, device, ranks, say)
    if ranks.first:
        _warn_of_shared(paths, tests)
    total = settings.epochs * settings.steps_per_epoch
    if learner.step >= total:
        say(f"{session.folder}: all of its {settings.epochs} epochs are there; --epochs asks for more")
        return learner.step, scores
    judge = _judge(settings, tests, size, device, ranks, photographs)
    save = partial(session.save, learner, settings, origin, data)
    batches = open_batches(
        samples,
        learner.step,
        total,
        settings.logical_batch,
        settings.physical_batch,
        settings.workers,
        ranks,
    )
    reporter = _reporter(settings, session, origin, learner, ranks, say, progress)
    with closing(reporter), closing(batches):
        scores = run_epochs(
            learner, batches, settings, origin.first_epoch, scores, judge, reporter, save, ranks
        )
    return learner.step, scores


def _learner(
    settings: Settings,
    session: Session,
    data: str,
    device: torch.device,
    ranks: Ranks,
    say: Say,
) -> tuple[Learner, Scores, Origin]:
    """A new learner, or the one that the session saved."""
    there = session.exists
    ranks.wait()  # Only now may the first process write what the others have looked for.
    if there:
        state, network, scores, origin = session.load(settings, data)
        learner = Learner.start(network, settings, device)
        learner.restore(state)
        say(f"{session.folder}: going on after step {learner.step}")
        return learner, scores, origin
    origin = find_origin(settings)
    network, story = start_network(origin, settings)
    say(f"{session.folder}: {story}")
    learner = Learner.start(network, settings, device)
    if ranks.first:
        session.save(learner, settings, origin, data, {})
    return learner, {}, origin


def _judge(
    settings: Settings,
    tests: list[str],
    size: tuple[int, int],
    device: torch.device,
    ranks: Ranks,
    photographs: tuple[str, ...],
) -> Judge | None:
    if tests:
        shown = list(held_out(tests[:_SHOWN], 0, size, settings.seed))
        return Judge(lambda: held_out(tests, 0, size, settings.seed, ranks), _whole(shown), device, ranks)
    if not settings.share:
        return None
    # Scenes take longer to invent than to judge.
    scenes = list(held_out([], _TEST_SCENES, size, settings.seed, ranks, photographs))
    return Judge(lambda: scenes, scenes[:_SHOWN], device, ranks)


def _whole(batches: list[Batch]) -> list[Batch]:
    return [batch for batch in batches if batch.pan.numel()]


def _reporter(
    settings: Settings,
    session: Session,
    origin: Origin,
    learner: Learner,
    ranks: Ranks,
    say: Say,
    progress: bool,
) -> Reporters:
    if not ranks.first:
        return Reporters()
    done, within = divmod(learner.step, settings.steps_per_epoch)
    length = settings.steps_per_epoch * settings.logical_batch
    bar = Bar(length, within * settings.logical_batch, origin.first_epoch + done, say, progress)
    reporters: list[Reporter] = [JsonLines(session.log, learner.step), bar]
    if find_spec("tensorboard"):
        reporters.append(Curves(session.folder / "tensorboard", learner.step))
    return Reporters(reporters)


def _warn_of_shared(paths: list[str], tests: list[str]) -> None:
    shared = {Path(path).resolve() for path in paths} & {Path(path).resolve() for path in tests}
    if shared:
        warn(
            f"{len(shared)} of {len(tests)} test chips are trained on too, so the test loss says nothing "
            "about ground that the network hasn't seen; name another folder with --test-chips"
        )


def _say_nothing(text: str) -> None:
    pass
