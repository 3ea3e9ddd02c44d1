"""The methods to compare: a model, the bare predictor, classical sharpeners, GDAL's sharpener."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from potato.core.color import mul_to_oklab
from potato.core.types import PathLike
from potato.engine.devices import choose_device
from potato.errors import InputError, WeightsError
from potato.evaluation.baselines import BASELINES, Baseline
from potato.evaluation.gdal_brovey import GDAL, gdal_pansharpen, has_gdal
from potato.model.model import Model, as_model
from potato.model.network import Sharpener, sharpen
from potato.model.weights import PREDICTOR, load_model

ALL = ("all",)
"""Chooses every baseline that is installed."""

Sharpen = Callable[[Tensor, Tensor], Tensor]
"""A sharpener: pan (b, 1, 4h, 4w) and mul (b, 8, h, w), reflectance, to Oklab (b, 3, 4h, 4w)."""


@dataclass(frozen=True)
class Method:
    """A sharpener with a name.

    Attributes:
        name: its row in the tables; unique among the methods of a run.
        sharpen: pan (b, 1, 4h, 4w) and mul (b, 8, h, w), reflectance and all valid, to Oklab (b, 3,
            4h, 4w) and, if the method makes bands, to these (b, 8, 4h, 4w), else None.
        digest: of its weights; "" without weights.
    """

    name: str
    sharpen: Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]
    digest: str = ""


@dataclass(frozen=True)
class MethodSpec:
    """The methods of a run by name; each process opens them for itself.

    Attributes:
        weights: a checkpoint, `predictor`, a model, or None for the shipped weights.
        baselines: names of `baseline_names` to compare with the model, or `ALL`.
        device: where models compute: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        digest: of the weights that a run began with; "" accepts any weights.
    """

    weights: PathLike | Sharpener | None = None
    baselines: Sequence[str] = ALL
    device: str = "auto"
    digest: str = ""

    @functools.cached_property
    def methods(self) -> list[Method]:
        """The baselines, in the order of `baseline_names`, and the model last; opened once.

        The bare predictor isn't listed twice. Classical sharpeners compute on the CPU.

        Raises:
            InputError: if there is no such baseline, or no such device.
            WeightsError: if the weights can't be used, or aren't those that the run began with.
        """
        known = baseline_names()
        unknown = [name for name in self.baselines if name not in (*known, *ALL)]
        if unknown:
            hint = " (it isn't installed)" if GDAL in unknown else ""
            raise InputError(f"expected baselines of {', '.join(known)}, found {', '.join(unknown)}{hint}")
        chosen = [name for name in known if name in self.baselines or set(ALL) <= set(self.baselines)]
        device = torch.device(choose_device(self.device))
        model = self.weights if isinstance(self.weights, Sharpener) else load_model(self.weights)
        if model.architecture.depth == 0:
            chosen, name = [name for name in chosen if name != PREDICTOR], PREDICTOR
        else:
            name = Path(self.weights).stem if isinstance(self.weights, str | os.PathLike) else "potato"
            name = f"{name} (weights)" if name in chosen else name
        last = _of_model(name, model, device)
        if self.digest not in ("", last.digest):
            raise WeightsError(
                f"{self.weights}: expected the weights that the run began with, found others; "
                "repeat the command"
            )
        return [*(_of_name(name, device) for name in chosen), last]

    def for_workers(self) -> Self:
        """These methods for another process: absolute paths, and the digest of the weights."""
        weights = self.weights
        if isinstance(weights, str | os.PathLike) and weights != PREDICTOR:
            weights = str(Path(weights).absolute())
        baselines = tuple(method.name for method in self.methods[:-1])
        return type(self)(weights, baselines, self.device, self.methods[-1].digest)


def baseline_names() -> tuple[str, ...]:
    """Installed baselines, in the order of the tables; the predictor is last."""
    names = [name.replace("_", "-") for name in BASELINES]
    return (*names, *((GDAL,) if has_gdal() else ()), PREDICTOR)


def as_sharpen(baseline: Baseline) -> Sharpen:
    """A baseline as a sharpener: the colour of its bands, negative reflectance counting as 0."""

    def sharpen(pan: Tensor, mul: Tensor) -> Tensor:
        return mul_to_oklab(baseline(pan, mul).clamp_min(0))

    return sharpen


def _of_model(name: str, model: Model | Sharpener, device: torch.device) -> Method:
    network = Sharpener.of(model).to(device)

    def run(pan: Tensor, mul: Tensor) -> tuple[Tensor, None]:
        with torch.inference_mode():
            return sharpen(network, pan.to(device), mul.to(device)).cpu(), None

    return Method(name, run, as_model(model).digest)


def _of_name(name: str, device: torch.device) -> Method:
    """A baseline by its name."""
    if name == PREDICTOR:
        return _of_model(name, load_model(PREDICTOR), device)
    baseline: Baseline = gdal_pansharpen if name == GDAL else BASELINES[name.replace("-", "_")]

    def run(pan: Tensor, mul: Tensor) -> tuple[Tensor, Tensor]:
        bands = baseline(pan, mul)
        return as_sharpen(lambda *_: bands)(pan, mul), bands

    return Method(name, run)
