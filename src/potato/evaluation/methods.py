"""The methods to compare: a model, the bare predictor, classical sharpeners, GDAL's sharpener."""

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from potato.core.color import mul_to_oklab
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import Sensor
from potato.core.types import PathLike
from potato.engine.devices import choose_device
from potato.errors import InputError, WeightsError
from potato.evaluation.baselines import Baseline, make_baselines
from potato.evaluation.gdal_brovey import GDAL, gdal_pansharpen, has_gdal
from potato.model.bands import bands_out
from potato.model.model import Model, as_model
from potato.model.network import Sharpener, sharpen
from potato.model.weights import PREDICTOR, check_fit, load_model, portable_weights

ALL = ("all",)
"""Chooses every baseline that is installed."""

Sharpen = Callable[[Tensor, Tensor], Tensor]
"""A sharpener: pan (b, 1, rh, rw) and mul (b, n, h, w), reflectance, to Oklab (b, 3, rh, rw)."""


@dataclass(frozen=True)
class Method:
    """A sharpener with a name.

    Attributes:
        name: its row in the tables; unique among the methods of a run.
        sharpen: pan (b, 1, rh, rw) and mul (b, n, h, w), reflectance and all valid, to Oklab (b, 3,
            rh, rw), and a function that makes sharp bands (b, n, rh, rw) of them; None for none.
        digest: of its weights; "" without weights.
    """

    name: str
    sharpen: Callable[[Tensor, Tensor], tuple[Tensor, Callable[[], Tensor] | None]]
    digest: str = ""


@dataclass(frozen=True)
class MethodSpec:
    """The methods of a run by name; each process opens them for itself.

    Attributes:
        weights: as `load_model` takes them, or a network.
        baselines: names of `baseline_names` to compare with the model, or `ALL`.
        device: where models compute: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        digest: of the weights that a run began with; "" accepts any weights.
        sensor: the sensor whose pairs they sharpen.
    """

    weights: PathLike | Sharpener | None = None
    baselines: Sequence[str] = ALL
    device: str = "auto"
    digest: str = ""
    sensor: Sensor = WORKSHOP

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
        if isinstance(self.weights, Sharpener):
            model = check_fit(as_model(self.weights), self.sensor)
        else:
            model = load_model(self.weights, self.sensor)
        if model.architecture.depth == 0:
            chosen, name = [name for name in chosen if name != PREDICTOR], PREDICTOR
        else:
            name = Path(self.weights).stem if isinstance(self.weights, str | os.PathLike) else "potato"
            name = f"{name} (weights)" if name in chosen else name
        last = _of_model(name, model, self.sensor, device)
        if self.digest not in ("", last.digest):
            raise WeightsError(
                f"{self.weights}: expected the weights that the run began with, found others; "
                "repeat the command"
            )
        return [*(_of_name(name, self.sensor, device) for name in chosen), last]

    def for_sensor(self, sensor: Sensor) -> Self:
        """These methods for pairs of another sensor."""
        return self if sensor == self.sensor else dataclasses.replace(self, sensor=sensor)

    def for_workers(self) -> Self:
        """These methods for another process: absolute paths, and the digest of the weights."""
        weights = self.weights if isinstance(self.weights, Sharpener) else portable_weights(self.weights)
        baselines = tuple(method.name for method in self.methods[:-1])
        digest = self.methods[-1].digest
        return dataclasses.replace(self, weights=weights, baselines=baselines, digest=digest)


def baseline_names() -> tuple[str, ...]:
    """Installed baselines, in the order of the tables; the predictor is last."""
    return (*make_baselines(WORKSHOP), *((GDAL,) if has_gdal() else ()), PREDICTOR)


def as_sharpen(baseline: Baseline, sensor: Sensor) -> Sharpen:
    """A baseline as a sharpener: the colour of its bands, negative reflectance counting as 0."""

    def sharpen(pan: Tensor, mul: Tensor) -> Tensor:
        return mul_to_oklab(baseline(pan, mul).clamp_min(0), sensor)

    return sharpen


def _of_model(name: str, model: Model, sensor: Sensor, device: torch.device) -> Method:
    network = Sharpener.of(model, sensor).to(device)

    @torch.inference_mode()
    def run(pan: Tensor, mul: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
        pair = pan.to(device), mul.to(device)
        make = torch.inference_mode()(lambda: bands_out(network, *pair, sensor).cpu())
        return sharpen(network, *pair, sensor).cpu(), make

    return Method(name, run, model.digest)


def _of_name(name: str, sensor: Sensor, device: torch.device) -> Method:
    """A baseline by its name."""
    if name == PREDICTOR:
        return _of_model(name, load_model(PREDICTOR), sensor, device)
    baseline: Baseline = gdal_pansharpen if name == GDAL else make_baselines(sensor)[name]

    def run(pan: Tensor, mul: Tensor) -> tuple[Tensor, Callable[[], Tensor]]:
        bands = baseline(pan, mul)
        return as_sharpen(lambda *_: bands, sensor)(pan, mul), lambda: bands

    return Method(name, run)
