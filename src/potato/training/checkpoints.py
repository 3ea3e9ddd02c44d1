"""A session: a named, numbered sequence of checkpoints, and all that is needed to go on.

    sessions/NAME/
      0.safetensors  0.json     the mean weights after epoch 0, usable with --weights, and their card
      latest.safetensors  .json the mean weights at the last save, within an epoch too
      state.pt                  the learner: weights, their mean, optimizer, the place in the data
      log.jsonl                 a line for every fiftieth of an epoch and for every epoch
      pictures.png              test chips: pan, target, output, ΔE
      tensorboard/              the log as curves, where tensorboard is installed

Every file but the log is written beside its place and renamed into it, so that a kill at any moment leaves
the last one whole. Order makes them agree: an epoch's checkpoint first, then the state that has left it.
"""

import io
import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from potato.errors import OutputError, SessionError
from potato.model.network import Architecture, Sharpener
from potato.model.weights import load_model, save_model, weights_digest
from potato.raster.atomic import write_whole
from potato.training.config import Settings
from potato.training.step import Learner

SHIPPED_EPOCH = 63
"""The number that the weights in the package have among epochs."""

_FORMAT = 1


@dataclass(frozen=True)
class Origin:
    """Where a session starts from.

    Attributes:
        name: what it is called: `scratch`, `shipped/63`, or `session/epoch`.
        weights: the checkpoint to start from; None for the shipped one.
        scratch: whether there is none at all.
        first_epoch: the number of the session's first epoch.
    """

    name: str
    weights: Path | None
    scratch: bool
    first_epoch: int


def find_origin(settings: Settings) -> Origin:
    """Where settings say that a session starts.

    Raises:
        SessionError: if there is no such epoch.
    """
    if settings.load_epoch is not None:
        if settings.load_epoch != SHIPPED_EPOCH:
            raise SessionError(
                f"the package ships epoch {SHIPPED_EPOCH}, found --load-epoch {settings.load_epoch}; "
                "for an epoch of a session, say --load-from SESSION/EPOCH"
            )
        return Origin(f"shipped/{SHIPPED_EPOCH}", None, False, SHIPPED_EPOCH + 1)
    if settings.load_from is None:
        return Origin("scratch", None, True, 0)
    name, _, number = settings.load_from.rpartition("/")
    if not name or not number.isdigit():
        name, number = settings.load_from, ""
    folder = Path(settings.sessions) / name
    epochs = Session(folder).epochs()
    if not epochs or (number and int(number) not in epochs):
        there = f"it has {epochs[0]} to {epochs[-1]}" if epochs else "no finished epoch is there"
        raise SessionError(f"{folder}: expected a session with epoch {number or 'any'}; {there}")
    epoch = int(number or epochs[-1])
    return Origin(f"{name}/{epoch}", folder / f"{epoch}.safetensors", False, epoch + 1)


def start_network(origin: Origin, settings: Settings) -> tuple[Sharpener, str]:
    """The network that a new session starts with, and a line for people about it.

    Raises:
        SessionError: if settings ask for another size than what is loaded.
        WeightsError: if the weights can't be used.
    """
    model = None if origin.scratch else load_model(origin.weights)
    width, depth = settings.width, settings.depth
    if model is None or not model.architecture.depth:
        try:
            usual = Architecture()
            architecture = Architecture(width or usual.width, usual.depth if depth is None else depth)
            if not architecture.depth:
                raise ValueError("a network without layers has nothing to learn")
        except ValueError as error:
            raise SessionError(str(error)) from error
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            fresh = Sharpener(architecture)
        size = f"{architecture.width} × {architecture.depth}"
        if model is None:
            return fresh, f"starting from scratch: a network of {size} that equals the predictor"
        return fresh, (
            f"{origin.name} is the bare predictor, without a network: starting one of {size} that equals it"
        )
    own = _check_size(model, settings, origin.name)
    return model, f"starting from {origin.name}: {own.width} × {own.depth}, weights {weights_digest(model)}"


def _check_size(model: Sharpener, settings: Settings, name: str) -> Architecture:
    """The size of a network that is there; settings must not ask for another."""
    own = model.architecture
    width = own.width if settings.width is None else settings.width
    depth = own.depth if settings.depth is None else settings.depth
    if (width, depth) != (own.width, own.depth):
        raise SessionError(
            f"{name} is a network of {own.width} × {own.depth}, found --width {width} --depth {depth}: "
            "leave both out, or begin another session --from-scratch"
        )
    return own


def _is_origin(name: str, settings: Settings) -> bool:
    """Whether settings that may name an origin mean this one."""
    if settings.load_epoch is not None:
        return name == f"shipped/{settings.load_epoch}"
    if settings.load_from is not None:
        return settings.load_from in (name, name.rpartition("/")[0])
    return name == "scratch" or not settings.from_scratch


class Session:
    """The folder of a session.

    Attributes:
        folder: where it is.
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

    def epochs(self) -> list[int]:
        """Numbers of its checkpoints."""
        return sorted(int(path.stem) for path in self.folder.glob("*.safetensors") if path.stem.isdigit())

    @contextmanager
    def open(self) -> Iterator[None]:
        """Make the folder, and keep other processes from training in it for the length of a `with`.

        Raises:
            SessionError: if it can't be made, or another process is at it.
        """
        with self._writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            # A kernel's lock, not a file that is there: it goes with the process, however that ends.
            lock = (self.folder / ".lock").open("w")
        with lock:
            try:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # Windows
                pass
            except OSError as error:
                raise SessionError(f"{self.folder}: another process is training in it") from error
            yield

    def save(
        self, learner: Learner, settings: Settings, origin: Origin, data: str, scores: dict[str, Any]
    ) -> None:
        """Save everything; if the last step ended an epoch, its checkpoint too.

        Raises:
            SessionError: if it can't be written, or the weights aren't numbers; what was there stays.
        """
        learner.check()
        done, within = divmod(learner.step, settings.steps_per_epoch)
        card = {
            "name": f"{settings.session}, step {learner.step}",
            "description": f"trained in session {settings.session}, which started from {origin.name}",
            "origin": origin.name,
            "step": learner.step,
            "chips_seen": learner.step * settings.logical_batch,
            "data": data,
            "settings": settings.binding(),
            "code": metadata.version("potato"),
            "scores": scores,
        }
        with self._writing(self.folder):
            # A session that started from an epoch has that one too.
            if not within and (learner.step or not origin.scratch):
                epoch = origin.first_epoch + done - 1
                ended = {**card, "name": f"{settings.session}/{epoch}", "epoch": epoch}
                save_model(learner.mean, self.folder / f"{epoch}.safetensors", ended)
                card = ended
            save_model(learner.mean, self.folder / "latest.safetensors", card)
            content = {
                "format": _FORMAT,
                "settings": json.dumps(settings.binding(), sort_keys=True),
                "origin": origin.name,
                "first_epoch": origin.first_epoch,
                "data": data,
                "architecture": vars(learner.model.architecture).copy(),
                "scores": json.dumps(scores),
                "learner": learner.state(),
            }
            buffer = io.BytesIO()
            torch.save(content, buffer)
            write_whole(self.folder / "state.pt", buffer.getvalue())

    def load(self, settings: Settings, data: str) -> tuple[dict[str, Any], Sharpener, dict[str, Any], Origin]:
        """What `save` wrote: the learner's state, a network to put it in, the last scores, the origin.

        Raises:
            SessionError: if it can't be read, or belongs to other settings, weights or chips.
        """
        path = self.folder / "state.pt"
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']}")
            began, state = json.loads(content["settings"]), content["learner"]
            network = Sharpener(Architecture(**content["architecture"]))
            scores = json.loads(content["scores"])
            name, first_epoch = str(content["origin"]), int(content["first_epoch"])
        except (
            OSError,
            RuntimeError,
            ValueError,
            EOFError,
            KeyError,
            TypeError,
            pickle.UnpicklingError,
        ) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise SessionError(
                f"{path}: expected the state of a session, found {reason}; "
                f"another session can start from its last epoch with --load-from {self.folder.name}"
            ) from error
        other = [
            f"--{name.replace('_', '-')} {began.get(name)}, not {value}"
            for name, value in settings.binding().items()
            if began.get(name) != value
        ]
        if other:
            raise SessionError(
                f"{self.folder} began with {'; '.join(other)}: say the same to go on, "
                f"or begin another session with --load-from {self.folder.name}"
            )
        if content["data"] != data:
            raise SessionError(
                f"{self.folder}: its chips aren't those that it began with: "
                f"begin another session with --load-from {self.folder.name}"
            )
        if not _is_origin(name, settings):
            raise SessionError(
                f"{self.folder} is there already and started from {name}: leave out where to start to go on "
                "with it, or name another session"
            )
        _check_size(network, settings, str(self.folder))
        return state, network, scores, Origin(name, None, name == "scratch", first_epoch)

    @contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SessionError(f"{path}: can't write there: {error.strerror or error}") from error
        except OutputError as error:
            raise SessionError(
                f"{error}; what was saved before is intact, and the same command goes on from it"
            ) from error
