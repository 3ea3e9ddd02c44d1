"""`train`: start a session or go on with it, until it has its epochs."""

import math
import shlex
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch

from potato.chips.chip import Chip
from potato.chips.scenes import list_photographs
from potato.core.band_sets import find_set
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import Sensor
from potato.core.text import counted
from potato.engine.devices import choose_device
from potato.errors import SessionError
from potato.model.model import Architecture
from potato.model.network import Sharpener
from potato.model.weights import BEST, load_model
from potato.raster.output_files import check_folder
from potato.training.checkpoints import Session, SessionOrigin, find_origin, start_network
from potato.training.config import TrainConfig
from potato.training.data import Batch, Samples, chip_paths, data_digest, first_chip
from potato.training.defaults import default_batch_size, default_micro_batch, default_workers
from potato.training.distributed import Ranks, join_ranks, world
from potato.training.loader import Places, open_batches
from potato.training.log import Bar, Curves, LogFile, Reporter, warn
from potato.training.loop import Run, Scores, run_epochs
from potato.training.score import score_batches
from potato.training.step import Learner

_SHOWN = 4
"""Test chips that pictures show."""

_TEST_SCENES = 16
"""Simulated test scenes of a run that learns from scenes and has no test chips."""

Say = Callable[[str], None]
"""Prints a line."""


@dataclass(frozen=True)
class Trained:
    """The result of `train`.

    Attributes:
        session: the session's folder.
        checkpoint: weights of the last epoch, or None if no epoch has ended.
        epochs: numbers of its epochs.
        steps: number of steps of the session so far.
        scores: of the last epoch: `loss` and `skipped`; with test chips `test` and `test_psnr`,
            beside `predictor`, `start` (before the first step), `best` and `best_epoch` of the
            session. ΔE in JND.
        seconds: duration of this run.
        best: weights that do best on the test chips; None if there are no test chips.
    """

    session: Path
    checkpoint: Path | None
    epochs: tuple[int, ...]
    steps: int
    scores: Scores
    seconds: float
    best: Path | None = None

    def __str__(self) -> str:
        """One line on the run."""
        return (
            f"{self.checkpoint or self.session}: {self.steps} steps in all, {self.seconds:.0f} s in this run"
        )


@dataclass(frozen=True)
class _Process:
    """This process's part in a run: its device, its rank, and its output on the terminal."""

    device: torch.device
    ranks: Ranks
    say: Say
    progress: bool


@dataclass(frozen=True)
class _Data:
    """The training and test data of a run."""

    samples: Samples
    tests: list[str]
    digest: str


def train(config: TrainConfig, *, progress: bool = False, say: Say | None = None) -> Trained:
    """Train a session until it has its epochs.

    A session that exists goes on from its last save. On one processor and with one number of
    threads, its weights come out exactly as if nothing had interrupted it. Processes that
    `torchrun` starts share the work of every step.

    Args:
        config: all options.
        progress: whether to show how far it is: a bar on a terminal, else a line now and then.
        say: prints the lines of the run; None for silence.

    Raises:
        SessionError: if the session can't start or go on; files that it saved before stay.
        WeightsError: if the weights to start from can't be used.
    """
    started = time.perf_counter()
    rank, _, local = world()
    device = torch.device(choose_device(config.device))
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", local)
    session = Session(check_folder(config.sessions) / config.session)
    say = say if say and rank == 0 else _say_nothing
    with join_ranks(device) as ranks, ExitStack() as stack:
        if ranks.first:
            stack.enter_context(session.open())
        process = _Process(device, ranks, say, progress and ranks.first)
        steps, scores = _train(config, session, process)
    epochs = tuple(session.epochs())
    checkpoint = session.folder / f"{epochs[-1]}.safetensors" if epochs else None
    best = session.folder / f"{BEST}.safetensors" if "best" in scores else None
    seconds = time.perf_counter() - started
    trained = Trained(session.folder, checkpoint, epochs, steps, scores, seconds, best)
    say(str(trained))
    for line in _advise(trained, config):
        say(line)
    return trained


def _advise(trained: Trained, config: TrainConfig) -> Iterator[str]:
    """Which checkpoint is the best, whether training helped, and what to do next."""
    scores, weights = trained.scores, trained.best or trained.checkpoint
    if trained.best:
        yield (
            f"best on the test chips: epoch {scores['best_epoch']:.0f}, {scores['best']:.3f} JND, kept as "
            f"{trained.best}"
        )
        if scores["best"] >= scores.get("start", math.inf):
            yield (
                f"no epoch did better than the {scores['start']:.3f} JND before the first step: take other "
                "chips, a lower --lr or more epochs, in a new session"
            )
    if weights:
        name = shlex.quote(str(weights))
        shown = load_model(weights).architecture.fits(WORKSHOP)
        yield f"to see it: potato {f'demo -w {name}' if shown else f'fuse PAN MUL sharp.tif -w {name}'}"
        yield f"to go on: repeat the command with --epochs {2 * config.epochs}"


def _train(config: TrainConfig, session: Session, process: _Process) -> tuple[int, Scores]:
    """Do this process's part: the session's number of steps and its scores."""
    ranks = process.ranks
    if config.batch_size is None:
        size = session.batch_size or default_batch_size(process.device, ranks.count)
        config = replace(config, batch_size=size)
    data = _list_data(config)
    learner, scores, origin = _learner(config, session, data, process)
    if ranks.first:
        _warn_of_shared(data)
    total = config.epochs * config.steps_per_epoch
    if learner.step >= total:
        done = counted(config.epochs, "epoch")
        process.say(f"{session.folder}: finished after {done}; to go on, ask for more with --epochs")
        return learner.step, scores
    test_chips, shown = _test_chips(config, data, ranks)
    scores = _test_start(learner, scores, origin, test_chips, process)
    save = partial(session.save, learner, config, origin, data.digest)
    if ranks.first and not learner.step:
        save(scores)
    batches = _open_batches(config, learner, data, process)
    reporters = _reporters(config, session, origin, learner.step, process)
    with ExitStack() as stack:
        for reporter in reporters:
            stack.callback(reporter.close)
        stack.callback(batches.close)
        run = Run(config, origin.first_epoch, test_chips, shown, reporters, save, ranks)
        scores = run_epochs(learner, batches, scores, run)
    return learner.step, scores


def _open_batches(
    config: TrainConfig, learner: Learner, data: _Data, process: _Process
) -> Generator[list[Batch], None, None]:
    """The batches of the steps that are left; prints their size."""
    device, ranks, size = process.device, process.ranks, data.samples.size
    micro = config.micro_batch or default_micro_batch(size, learner.model.architecture, device)
    micro = min(micro, max(1, config.chips_per_step // ranks.count))
    workers = default_workers(device) if config.workers is None else config.workers
    total = config.epochs * config.steps_per_epoch
    places = Places(learner.step, total, config.chips_per_step, micro, ranks)
    process.say(
        f"{counted(config.chips_per_step, 'chip')} in a step, {micro} at once, on {device}; "
        f"workers that read chips: {workers}"
    )
    return open_batches(data.samples, places, workers, pin=device.type == "cuda")


def _list_data(config: TrainConfig) -> _Data:
    """The chips, test chips and photographs that a config names.

    Raises:
        SessionError: if chips can't be read, or can't be mixed with scenes.
    """
    paths = chip_paths(config.chips) if config.chips else []
    tests = chip_paths(config.test_chips)[: config.test_length] if config.test_chips else []
    size, sensors = (config.size, config.size), config.scene_sensors
    if paths:
        chip = first_chip(paths)
        size, sensors = chip.size, _sensors_beside(chip, config)
    if size[0] != size[1] and config.scene_share:
        raise SessionError(f"expected square chips beside scenes, found {size[0]} × {size[1]} pixels")
    photographs = list_photographs(config.photographs) if config.scene_share else ()
    samples = Samples(
        tuple(paths),
        config.scene_share,
        size,
        config.seed,
        config.instrument,
        config.passes,
        photographs,
        sensors,
    )
    return _Data(samples, tests, data_digest([*paths, *photographs]))


def _sensors_beside(chip: Chip, config: TrainConfig) -> tuple[Sensor, ...]:
    """The sensors that see scenes beside chips such as this one.

    Raises:
        SessionError: if the config names others.
    """
    if config.sensor is None:
        own = find_set(chip.sensor)
        return own.sensors if own else (chip.sensor,)
    if not chip.sensor.fits(config.scene_sensors[0]):
        raise SessionError(
            f"{config.chips}: expected chips of {config.sensor}, found one of {chip.sensor.title}; "
            "leave --sensor out, or name other --chips"
        )
    return config.scene_sensors


def _learner(
    config: TrainConfig, session: Session, data: _Data, process: _Process
) -> tuple[Learner, Scores, SessionOrigin]:
    """A new learner, or the one that the session saved; its scores and origin."""
    exists = session.exists
    process.ranks.wait()  # The first process may write only after the others have looked for its files.
    if exists:
        saved = session.load(config, data.digest)
        network = Sharpener.of(saved.network, data.samples.sensors[0])
        learner = Learner.start(network, config, process.device)
        learner.restore(saved.learner)
        process.say(f"{session.folder}: going on after step {learner.step}")
        return learner, saved.scores, saved.origin
    origin = find_origin(config)
    network, story = start_network(origin, config, data.samples.sensors[0])
    process.say(f"{session.folder}: {story}")
    return Learner.start(network, config, process.device), {}, origin


def _test_start(
    learner: Learner,
    scores: Scores,
    origin: SessionOrigin,
    test_chips: Callable[[], Iterable[Batch]] | None,
    process: _Process,
) -> Scores:
    """The scores to go on with: of the predictor and, before the first step, of the network."""
    if test_chips is None:
        return scores

    def distance(network: Sharpener) -> float:
        return score_batches(network, test_chips(), process.device, process.ranks).delta_e

    predictor = distance(Sharpener(Architecture(depth=0)).eval().to(process.device))
    if learner.step:
        before = scores.get("predictor", predictor)
        # Devices round differently, but other chips differ by more than that.
        if math.isclose(predictor, before, rel_tol=1e-4):
            return {**scores, "predictor": before}
        if process.ranks.first:
            warn("the test chips aren't those of the epochs before, so the best of these is forgotten")
        return {"predictor": predictor}
    start, epoch = distance(learner.ema), origin.first_epoch - 1
    process.say(
        f"epoch {epoch}, before the first step: test {start:.3f} JND, that of the predictor {predictor:.3f}"
    )
    best = {} if origin.scratch else {"best": start, "best_epoch": epoch}
    return {"predictor": predictor, "start": start, **best}


def _test_chips(
    config: TrainConfig, data: _Data, ranks: Ranks
) -> tuple[Callable[[], Iterable[Batch]] | None, list[Batch]]:
    """A source of test chips or test scenes, or None; and those that pictures show."""
    samples, tests = data.samples, data.tests
    if tests:
        return partial(samples.held_out, tests, ranks=ranks), list(samples.held_out(tests[:_SHOWN]))
    if not config.scene_share:
        return None, []
    # A scene takes longer to simulate than to sharpen, so scenes are made once.
    scenes = list(samples.held_out((), _TEST_SCENES, ranks))
    return (lambda: scenes), scenes[:_SHOWN]


def _reporters(
    config: TrainConfig, session: Session, origin: SessionOrigin, step: int, process: _Process
) -> list[Reporter]:
    """The reporters of the first process; other processes have none."""
    if not process.ranks.first:
        return []
    done, within = divmod(step, config.steps_per_epoch)
    length, within = config.steps_per_epoch * config.chips_per_step, within * config.chips_per_step
    epochs = range(origin.first_epoch + done, origin.first_epoch + config.epochs)
    bar = Bar(length, within, epochs, process.say, process.progress)
    reporters: list[Reporter] = [LogFile(session.log, step), bar]
    if find_spec("tensorboard"):
        reporters.append(Curves(session.folder / "tensorboard", step))
    return reporters


def _warn_of_shared(data: _Data) -> None:
    """Warn if test chips are among the chips that the network learns from."""
    learnt = {Path(path).resolve() for path in data.samples.paths}
    shared = learnt & {Path(path).resolve() for path in data.tests}
    if shared:
        warn(
            f"{len(shared)} of {len(data.tests)} test chips are trained on too, so the test loss says "
            "nothing about ground that the network hasn't seen; name another folder with --test-chips"
        )


def _say_nothing(text: str) -> None:
    pass
