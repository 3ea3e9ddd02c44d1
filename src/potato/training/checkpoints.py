"""A session: a folder with numbered checkpoints and all that is needed to go on.

    sessions/NAME/
      0.safetensors, .json       averaged weights after epoch 0, usable with --weights; their card
      best.safetensors, .json    those of the epoch that does best on test chips
      latest.safetensors, .json  averaged weights at the last save, within an epoch too
      state.pt                   the learner: weights, their average, optimizer, place in the data
      log.jsonl                  a line for every fiftieth of an epoch and for every epoch
      pictures.png               test chips: pan, target, output, ΔE
      tensorboard/               the log as curves, where tensorboard is installed
      .lock                      held while a process trains in the session

Every file but the log is written beside its place and renamed into it, so a kill at any moment
leaves the last version whole. An epoch's checkpoint is written before the state that follows the
epoch, so no epoch that the state has left lacks its checkpoint.
"""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from potato.core.installation import VERSION
from potato.core.sensors import Sensor
from potato.core.text import one_line
from potato.errors import OutputError, SessionError
from potato.model.model import Architecture, Model
from potato.model.network import Sharpener
from potato.model.tensor_file import load_tensors
from potato.model.weights import (
    BEST,
    DEFAULT,
    EPOCH,
    MOST_BYTES,
    PREDICTOR,
    default_weights,
    epochs_in,
    load_model,
    save_model,
)
from potato.raster.atomic import locked, make_folder, remove_partials, write_whole
from potato.raster.output_files import check_folder
from potato.training.config import LATER, OLD_NAMES, TrainConfig
from potato.training.step import Learner

SHIPPED_EPOCH = 63
"""Number of the shipped weights among epochs."""

_FORMAT = 1
"""Version of the content of state.pt."""


@dataclass(frozen=True)
class SessionOrigin:
    """The start of a session.

    Attributes:
        name: `scratch`, `shipped/63`, or `session/epoch`.
        weights: the checkpoint to start from; None for the shipped weights of the sensor.
        first_epoch: number of the session's first epoch.
    """

    name: str
    weights: Path | None
    first_epoch: int

    @property
    def scratch(self) -> bool:
        """Whether the session started from a new network; `weights` means nothing then."""
        return self.name == "scratch"


@dataclass(frozen=True)
class Saved:
    """The content of a session's state.

    Attributes:
        learner: state of the learner.
        network: a network of its size, to put the state in.
        scores: of the last epoch.
        origin: of the session.
    """

    learner: dict[str, Any]
    network: Sharpener
    scores: dict[str, Any]
    origin: SessionOrigin


def find_origin(config: TrainConfig) -> SessionOrigin:
    """The origin that the options `load_epoch`, `load_from` and `from_scratch` name.

    Raises:
        SessionError: if there is no such epoch.
    """
    if config.load_epoch is not None:
        if config.load_epoch != SHIPPED_EPOCH:
            raise SessionError(
                f"the package ships epoch {SHIPPED_EPOCH}, found --load-epoch {config.load_epoch}; "
                "for an epoch of a session, say --load-from SESSION/EPOCH"
            )
        return SessionOrigin(f"shipped/{SHIPPED_EPOCH}", None, SHIPPED_EPOCH + 1)
    if config.load_from is None:
        return SessionOrigin("scratch", None, 0)
    name, _, number = config.load_from.rpartition("/")
    if not name or not EPOCH.fullmatch(number):
        name, number = config.load_from, ""
    folder = Path(config.sessions) / name
    epochs = Session(folder).epochs()
    if not epochs or (number and int(number) not in epochs):
        wanted = f"epoch {number}" if number else "a finished epoch"
        found = f"epochs {epochs[0]} to {epochs[-1]}" if epochs else "none"
        raise SessionError(f"{folder}: expected a session with {wanted}, found {found}")
    epoch = int(number or epochs[-1])
    return SessionOrigin(f"{name}/{epoch}", folder / f"{epoch}.safetensors", epoch + 1)


def start_network(origin: SessionOrigin, config: TrainConfig, sensor: Sensor) -> tuple[Sharpener, str]:
    """The network that a new session starts with, and a line to print about it.

    Args:
        origin: of the session.
        config: of the session.
        sensor: one whose bands and ratio the network is to read.

    Raises:
        SessionError: if `width`, `depth` or bands aren't those of the loaded network.
        WeightsError: if the weights can't be used.
    """
    model = None if origin.scratch else load_model(origin.weights or _shipped_for(sensor))
    if model is not None and model.architecture.depth:
        own = _check_size(model, config, origin.name)
        _check_bands(own, sensor, origin.name)
        text = f"starting from {origin.name}: {own.width} × {own.depth}, weights {model.digest}"
        return Sharpener.of(model, sensor), text
    default, depth = Architecture(), config.depth
    try:
        depth = default.depth if depth is None else depth
        width = config.width or default.width
        architecture = Architecture(width, depth, sensor.bands, sensor.ratio, mul_sharpness=True)
        if not architecture.depth:
            raise ValueError("a network without layers has nothing to learn")
    except ValueError as error:
        raise SessionError(str(error)) from error
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed)  # that of the CPU alone
        fresh = Sharpener(architecture, sensor)
    size = f"{architecture.width} × {architecture.depth}"
    if model is None:
        return fresh, f"starting from scratch: a network of {size} that equals the predictor"
    return fresh, (
        f"{origin.name} is the bare predictor, without a network: starting one of {size} that equals it"
    )


def _shipped_for(sensor: Sensor) -> str:
    """The shipped weights of a sensor; `DEFAULT` without any, whose bands will be refused."""
    name = default_weights(sensor)
    return DEFAULT if name == PREDICTOR else name


def _check_size(model: Model | Sharpener, config: TrainConfig, name: str) -> Architecture:
    """The size of a loaded network; refuses a `config` that asks for another."""
    own = model.architecture
    width = own.width if config.width is None else config.width
    depth = own.depth if config.depth is None else config.depth
    if (width, depth) != (own.width, own.depth):
        raise SessionError(
            f"{name} is a network of {own.width} × {own.depth}, found --width {width} --depth {depth}: "
            "leave both out, or begin another session --from-scratch"
        )
    return own


def _check_bands(architecture: Architecture, sensor: Sensor, name: str) -> None:
    """Refuse a network that can't read the chips."""
    if not architecture.fits(sensor):
        wanted, found = (f"{' '.join(one.bands)} ({one.ratio}:1)" for one in (architecture, sensor))
        raise SessionError(
            f"{name}: expected chips with the bands {wanted}, found {found}; start --from-scratch, "
            "or take other chips"
        )


class Session:
    """The folder of a session.

    Attributes:
        folder: its path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def log(self) -> Path:
        """The log, JSON lines."""
        return self.folder / "log.jsonl"

    @property
    def exists(self) -> bool:
        """Whether it has a state to go on from."""
        return (self.folder / "state.pt").exists()

    @property
    def batch_size(self) -> int | None:
        """The batch size that it began with; None if it doesn't exist.

        Raises:
            SessionError: if its state can't be read.
        """
        return int(self._read()[1]["batch_size"]) if self.exists else None

    def epochs(self) -> list[int]:
        """Numbers of its checkpoints."""
        return epochs_in(self.folder)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Make the folder, and keep other processes from training in it for the length of a `with`.

        Raises:
            SessionError: if it can't be made, or another process is training in it.
        """
        refusal = SessionError(f"{self.folder}: another process is training in it")
        with ExitStack() as stack:
            with self._writing():
                make_folder(check_folder(self.folder))
                stack.enter_context(locked(self.folder / ".lock", refusal))
            remove_partials(self.folder)
            yield

    def save(
        self, learner: Learner, config: TrainConfig, origin: SessionOrigin, data: str, scores: dict[str, Any]
    ) -> None:
        """Save everything; if the last step ended an epoch, its checkpoint too.

        Args:
            learner: to be saved.
            config: of the session.
            origin: of the session.
            data: digest of its chips and photographs.
            scores: of the last epoch.

        Raises:
            SessionError: if a file can't be written, or weights are NaN or infinite; the last save
                stays.
        """
        learner.check()
        done, within = divmod(learner.step, config.steps_per_epoch)
        card = {
            "name": f"{config.session}, step {learner.step}",
            "description": f"trained in session {config.session}, which started from {origin.name}",
            "origin": origin.name,
            "step": learner.step,
            "chips_seen": learner.step * config.chips_per_step,
            "data": data,
            "settings": config.binding(),
            "code": VERSION,
            "scores": scores,
        }
        content = {
            "format": _FORMAT,
            "settings": json.dumps(config.binding(), sort_keys=True),
            "origin": origin.name,
            "first_epoch": origin.first_epoch,
            "data": data,
            "architecture": vars(learner.model.architecture).copy(),
            "scores": json.dumps(scores),
            "learner": learner.state(),
        }
        with self._writing():
            # A session that started from an epoch has a checkpoint of that epoch too.
            if not within and (learner.step or not origin.scratch):
                epoch = origin.first_epoch + done - 1
                card = {**card, "name": f"{config.session}/{epoch}", "epoch": epoch}
                save_model(learner.ema, self.folder / f"{epoch}.safetensors", card)
                if scores.get("best_epoch") == epoch:
                    save_model(learner.ema, self.folder / f"{BEST}.safetensors", card)
            save_model(learner.ema, self.folder / "latest.safetensors", card)
            buffer = io.BytesIO()
            torch.save(content, buffer)
            write_whole(self.folder / "state.pt", buffer.getvalue())

    def load(self, config: TrainConfig, data: str) -> Saved:
        """Read the state that `save` wrote, in this version or in 0.1.

        Args:
            config: of the session; options that shape its weights must not have changed.
            data: digest of its chips and photographs, which must not have changed either.

        Raises:
            SessionError: if the state can't be read, or belongs to other options, weights or chips.
        """
        saved, began, began_data = self._read()
        other = [
            f"--{name.replace('_', '-')} {began.get(name)}, not {value}"
            for name, value in config.binding().items()
            if began.get(name) != value
        ]
        if other:
            raise SessionError(
                f"{self.folder} began with {'; '.join(other)}: repeat its options to go on, "
                f"or begin another session with --load-from {self.folder.name}"
            )
        if began_data != data:
            raise SessionError(
                f"{self.folder}: its chips aren't those that it began with: "
                f"begin another session with --load-from {self.folder.name}"
            )
        name = saved.origin.name
        if config.load_epoch is not None:
            same = name == f"shipped/{config.load_epoch}"
        elif config.load_from is not None:
            same = config.load_from in (name, name.rpartition("/")[0])
        else:
            same = name == "scratch" or not config.from_scratch
        if not same:
            raise SessionError(
                f"{self.folder} started from {name}: to go on with it, leave out --load-epoch, --load-from "
                "and --from-scratch; or name another session"
            )
        _check_size(saved.network, config, str(self.folder))
        return saved

    def _read(self) -> tuple[Saved, dict[str, Any], str]:
        """The state, the options that the session began with, and the digest of its data."""
        path = self.folder / "state.pt"
        try:
            content = load_tensors(path, MOST_BYTES)
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']}")
            saved = Saved(
                content["learner"],
                Sharpener(Architecture(**content["architecture"])),
                json.loads(content["scores"]),
                SessionOrigin(str(content["origin"]), None, int(content["first_epoch"])),
            )
            began = json.loads(content["settings"])
            began = LATER | {OLD_NAMES.get(option, option): value for option, value in began.items()}
            return saved, began, content["data"]
        except Exception as error:  # a damaged file can make the readers raise anything
            reason = one_line(error, 200)
            raise SessionError(
                f"{path}: expected the state of a session, found {reason}; "
                f"another session can start from its last epoch with --load-from {self.folder.name}"
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Errors of writing as a `SessionError`."""
        try:
            yield
        except OSError as error:
            raise SessionError(f"{self.folder}: can't write there: {error.strerror or error}") from error
        except OutputError as error:
            raise SessionError(
                f"{error}; what was saved before is intact, and the same command goes on from it"
            ) from error
