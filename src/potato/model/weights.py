"""Checkpoints: written whole, and read safely whatever their origin.

A checkpoint is one safetensors file. Its header holds the *card*: JSON with the architecture and
facts about its training, such as origin and scores. A copy of the card, `NAME.json`, is written
beside it for people and never read. A `.pt` file that holds `{"card": <JSON text>, "state_dict":
<tensors>}` is read too, with `weights_only=True`. Neither kind of file can run code.
"""

import dataclasses
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from potato.core.types import PathLike
from potato.errors import WeightsError
from potato.model.network import Architecture, Sharpener
from potato.raster.atomic import write_whole

DEFAULT = "potato.safetensors"
"""File of the shipped checkpoint in the package's assets."""

PREDICTOR = "predictor"
"""Name of the bare predictor, which needs no file."""

State = dict[str, Tensor]


def load_model(name_or_path: PathLike | None = None) -> Sharpener:
    """Load a sharpener onto the CPU.

    Args:
        name_or_path: a checkpoint file, `"predictor"` for the bare predictor, or None for the
            shipped weights.

    Returns:
        The model, in evaluation mode.

    Raises:
        WeightsError: if the file is missing, isn't a checkpoint, doesn't fit its card, or holds NaN
            or infinity.
    """
    if name_or_path == PREDICTOR:
        return Sharpener(Architecture(depth=0)).eval()
    path = _resolve(name_or_path)
    card, state = _read(path)
    try:
        model = Sharpener(Architecture(**card["architecture"]))
        model.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"{path}: the tensors don't fit the architecture of its card: {reason}") from error
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"{path}: expected finite numbers, found NaN or infinity in {name}")
    return model.eval()


def load_card(name_or_path: PathLike | None = None) -> dict[str, Any]:
    """The card of a checkpoint.

    Args:
        name_or_path: a checkpoint file, `"predictor"` for the bare predictor, or None for the
            shipped weights.

    Raises:
        WeightsError: if the file is missing or isn't a checkpoint.
    """
    if name_or_path == PREDICTOR:
        return {"name": PREDICTOR, "architecture": dataclasses.asdict(Architecture(depth=0))}
    return _read(_resolve(name_or_path))[0]


def save_model(model: Sharpener, path: PathLike, card: dict[str, Any] | None = None) -> None:
    """Write a checkpoint and its card, each whole or not at all.

    Args:
        model: to be saved.
        path: a file whose name ends in `.safetensors`.
        card: JSON-ready facts about its training; the architecture is added.

    Raises:
        OutputError: if a file can't be written.
    """
    path = Path(path)
    full = {**(card or {}), "architecture": dataclasses.asdict(model.architecture)}
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    text = json.dumps(full, sort_keys=True, ensure_ascii=False)
    write_whole(path, save_tensors(state, metadata={"card": text}))
    write_whole(path.with_suffix(".json"), json.dumps(full, indent=2, ensure_ascii=False) + "\n")


def weights_digest(model: Sharpener) -> str:
    """The first 16 hex digits of the SHA-256 of a model's architecture and tensors."""
    digest = hashlib.sha256(json.dumps(dataclasses.asdict(model.architecture), sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _resolve(name_or_path: PathLike | None) -> Path:
    if name_or_path is None:
        return Path(str(resources.files("potato") / "assets" / DEFAULT))
    path = Path(name_or_path)
    if not path.is_file():
        raise WeightsError(
            f"{path}: expected a checkpoint file or the word '{PREDICTOR}', found no such file"
        )
    return path


def _read(path: Path) -> tuple[dict[str, Any], State]:
    """The card and the tensors of a checkpoint; the card is a JSON object, otherwise unchecked."""
    try:
        text, state = _read_pt(path) if path.suffix == ".pt" else _read_safetensors(path)
        card = json.loads(text)
        if not isinstance(card, dict):
            raise TypeError("its card isn't a JSON object")
    except Exception as error:  # a hostile file can make the readers raise anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise WeightsError(
            f"{path}: expected a Potato checkpoint (.safetensors with a card, or .pt with tensors only), "
            f"found something else: {reason}"
        ) from error
    return card, state


def _read_safetensors(path: Path) -> tuple[str, State]:
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        if "card" not in metadata:
            raise SafetensorError("no card in its header")
        return metadata["card"], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict)


def _read_pt(path: Path) -> tuple[str, State]:
    content = torch.load(path, map_location="cpu", weights_only=True)
    state = content["state_dict"]
    if not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise TypeError("its state_dict holds more than tensors")
    return content["card"], state
