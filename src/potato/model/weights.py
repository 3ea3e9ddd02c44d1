"""Checkpoints: written whole, and read safely whatever their origin; and those that are shipped.

A checkpoint is one safetensors file. Its header holds the *card*: JSON with the architecture and
facts about its training, such as origin and scores. A copy of the card, `NAME.json`, is written
beside it for people and never read. A `.pt` file that holds `{"card": <JSON text>, "state_dict":
<tensors>}` is read too, with `weights_only=True`. Neither kind of file can run code.

The package's assets hold several, each for one set of bands and one ratio, named for that set. The
architecture in a card says which sensors it fits.
"""

import dataclasses
import functools
import json
import os
import re
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_tensors

from potato.core.sensors import Sensor
from potato.core.text import one_line
from potato.core.types import PathLike
from potato.errors import ExtraError, WeightsError
from potato.model.model import Architecture, HasModel, Model, as_model
from potato.model.tensor_file import load_tensors
from potato.raster.atomic import write_whole
from potato.raster.output_files import check_output

DEFAULT = "worldview"
"""Name of the shipped weights that serve where no sensor is known."""

PREDICTOR = "predictor"
"""Name of the bare predictor, which needs no file."""

BEST = "best"
"""Name of the checkpoint of a session that does best on its test chips."""

SESSIONS = "sessions"
"""The folder in which `train` makes sessions unless it is told another."""

MOST_BYTES = 256 << 20
"""The largest checkpoint; shipped ones have 256 kB."""

EPOCH = re.compile("0|[1-9][0-9]{0,8}")
"""The number of an epoch, as the name of its checkpoint has it."""

Tensors = dict[str, NDArray[np.float32]]


def shipped_weights() -> dict[str, Path]:
    """The files of the shipped weights by their names."""
    return {file.stem: file for file in sorted(_assets().glob("*.safetensors"))}


def default_weights(sensor: Sensor) -> str:
    """The name of the weights that serve a sensor: shipped ones that fit it, or `PREDICTOR`.

    Raises:
        WeightsError: if shipped weights are damaged.
    """
    return next((name for name in shipped_weights() if load_model(name).architecture.fits(sensor)), PREDICTOR)


def portable_weights(name_or_path: PathLike | None) -> str | None:
    """Weights as another process can load them: names remain, and paths become absolute."""
    if name_or_path is None or name_or_path in (PREDICTOR, *shipped_weights()):
        return name_or_path and os.fspath(name_or_path)
    return str(find_checkpoint(name_or_path).absolute())


def load_model(name_or_path: PathLike | None = None, sensor: Sensor | None = None) -> Model:
    """Load a sharpener.

    Args:
        name_or_path: a checkpoint file; the name of shipped weights, such as `"worldview"`;
            `session/epoch` or `session` for a checkpoint that `train` made in the folder
            `sessions`; `"predictor"` for the bare predictor; or None for the `default_weights` of
            the sensor, those of WorldView-2 and -3 without one.
        sensor: the sensor whose pairs it is to read; None not to ask.

    Raises:
        WeightsError: if the file is missing, isn't a checkpoint, doesn't fit its card, holds NaN
            or infinity, or can't read pairs of the sensor.
        ExtraError: if it is a `.pt` file, and PyTorch isn't installed.
    """
    if name_or_path is None:
        name_or_path = DEFAULT if sensor is None else default_weights(sensor)
    if name_or_path == PREDICTOR:
        return Model(Architecture(depth=0), card={"name": PREDICTOR})
    shipped = shipped_weights()
    if name_or_path in shipped:
        model = _load_shipped(shipped[str(name_or_path)])
    else:
        model = _load(find_checkpoint(name_or_path))
    return model if sensor is None else check_fit(model, sensor)


def epochs_in(folder: Path) -> list[int]:
    """The epochs of a session, by the names of its checkpoints."""
    return sorted(int(file.stem) for file in folder.glob("*.safetensors") if EPOCH.fullmatch(file.stem))


def find_checkpoint(name_or_path: PathLike) -> Path:
    """The file of a checkpoint: as named, an epoch of a session, or the best of a session.

    Without test chips, a session has no best epoch, and its last one serves.

    Raises:
        WeightsError: if there is none.
    """
    path = Path(name_or_path)
    for place in (path, Path(SESSIONS, path)):
        last = [place / f"{epoch}.safetensors" for epoch in epochs_in(place)[-1:]]
        for file in (place, Path(f"{place}.safetensors"), place / f"{BEST}.safetensors", *last):
            if file.is_file():
                return file
    names = ", ".join(f"'{name}'" for name in shipped_weights())
    raise WeightsError(
        f"{path}: expected a checkpoint file, SESSION or SESSION/EPOCH of a session in {SESSIONS}, the "
        f"name of shipped weights ({names}) or '{PREDICTOR}', found no such file"
    )


def _assets() -> Path:
    return Path(str(resources.files("potato") / "assets"))


# To find the weights of a sensor, all are read.
@functools.cache
def _load_shipped(path: Path) -> Model:
    return _load(path)


def _load(path: Path) -> Model:
    card, tensors = _read(path)
    try:
        model = Model(Architecture(**card["architecture"]), tensors, card)
    except (KeyError, TypeError, ValueError) as error:
        reason = one_line(error)
        raise WeightsError(f"{path}: the tensors don't fit the architecture of its card: {reason}") from error
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise WeightsError(f"{path}: expected finite numbers, found NaN or infinity in {name}")
    return model


def check_fit(model: Model, sensor: Sensor) -> Model:
    """The model.

    Raises:
        WeightsError: if it can't read pairs of the sensor.
    """
    if model.architecture.fits(sensor):
        return model
    found = model.architecture
    raise WeightsError(
        f"expected weights for {sensor.title} ({', '.join(sensor.bands)}; {sensor.ratio}:1), found weights "
        f"for {', '.join(found.bands)}; {found.ratio}:1; leave the weights out, or take '{PREDICTOR}'"
    )


def save_model(model: Model | HasModel, path: PathLike, card: dict[str, Any] | None = None) -> None:
    """Write a checkpoint and its card, each whole or not at all.

    Args:
        model: the model, or a network, whose model is saved.
        path: a file whose name ends in `.safetensors`.
        card: JSON-ready facts about its training; the architecture is added.

    Raises:
        OutputError: if a file can't be written.
    """
    path, model = check_output(path, overwrite=True), as_model(model)
    full = {**(card or {}), "architecture": dataclasses.asdict(model.architecture)}
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in model.tensors.items()}
    text = json.dumps(full, sort_keys=True, ensure_ascii=False)
    write_whole(path, save_tensors(tensors, metadata={"card": text}))
    write_whole(path.with_suffix(".json"), json.dumps(full, indent=2, ensure_ascii=False) + "\n")


def _read(path: Path) -> tuple[dict[str, Any], Tensors]:
    """The card and the tensors of a checkpoint; the card is a JSON object, otherwise unchecked."""
    try:
        text, tensors = _read_pt(path) if path.suffix == ".pt" else _read_safetensors(path)
        card = json.loads(text)
        if not isinstance(card, dict):
            raise TypeError("its card isn't a JSON object")
    except (ExtraError, MemoryError):
        raise
    except Exception as error:  # a hostile file can make the readers raise anything
        reason = one_line(error, 200)
        raise WeightsError(
            f"{path}: expected a Potato checkpoint (.safetensors with a card, or .pt with tensors only), "
            f"found something else: {reason}"
        ) from error
    return card, tensors


def _read_safetensors(path: Path) -> tuple[str, Tensors]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MB")
    with safe_open(path, "np") as file:
        metadata = file.metadata() or {}
        if "card" not in metadata:
            raise SafetensorError("no card in its header")
        names = file.keys()  # not a dict
        return metadata["card"], {name: file.get_tensor(name).astype(np.float32) for name in names}


def _read_pt(path: Path) -> tuple[str, Tensors]:
    content = load_tensors(path, MOST_BYTES)
    try:
        tensors = {name: tensor.float().numpy() for name, tensor in content["state_dict"].items()}
        return content["card"], tensors
    except (AttributeError, KeyError, TypeError) as error:
        raise TypeError("no card with a state_dict of tensors") from error
