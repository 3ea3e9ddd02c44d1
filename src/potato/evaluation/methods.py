"""Who is judged: our model, the predictor, the classical sharpeners, and GDAL's where it is installed."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from potato.engine.devices import choose_device
from potato.errors import InputError, WeightsError
from potato.evaluation.baselines import BASELINES, Baseline, as_sharpen
from potato.evaluation.gdal_brovey import GDAL, gdal_pansharpen, has_gdal
from potato.model.network import Sharpener, sharpen
from potato.model.weights import PREDICTOR, load_model, weights_digest

ALL = ("all",)
"""The choice of every baseline that there is."""


@dataclass(frozen=True)
class Contender:
    """A sharpener with a name.

    Attributes:
        name: as it stands in the table; unique in it.
        make: pan (b, 1, 4h, 4w) and mul (b, 8, h, w), reflectance and all valid, to Oklab (b, 3, 4h, 4w) and,
            of sharpeners that give bands, to those (b, 8, 4h, 4w); else None.
        digest: of its weights; "" without.
    """

    name: str
    make: Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]
    digest: str = ""


@dataclass(frozen=True)
class Lineup:
    """Contenders by name, for a worker elsewhere, which opens them itself.

    Attributes:
        weights: as for `open_contenders`; a path is absolute.
        baselines: names of those that were found here.
        device: as for `open_contenders`; `auto` is each worker's own choice.
        digest: of the weights that were found here.
    """

    weights: str | Sharpener | None
    baselines: tuple[str, ...]
    device: str
    digest: str

    @classmethod
    def of(
        cls, contenders: Sequence[Contender], weights: str | os.PathLike[str] | Sharpener | None, device: str
    ) -> "Lineup":
        """The line-up of contenders that were opened here, of these weights and on this device."""
        if isinstance(weights, str | os.PathLike) and weights != PREDICTOR:
            weights = str(Path(weights).absolute())
        names = tuple(one.name for one in contenders[:-1])
        return cls(weights, names, device, contenders[-1].digest)

    @functools.cached_property
    def contenders(self) -> list[Contender]:
        """They themselves, opened once.

        Raises:
            InputError, WeightsError: as `open_contenders`; also if the weights have become others.
        """
        found = open_contenders(self.weights, self.baselines, self.device)
        if found[-1].digest != self.digest:
            raise WeightsError(
                f"{self.weights}: expected the weights that the run began with, found others; "
                "repeat the command"
            )
        return found


def baseline_names() -> tuple[str, ...]:
    """The baselines that can be had here, in the order of the table; the predictor is the last."""
    names = [name.replace("_", "-") for name in BASELINES]
    return (*names, *((GDAL,) if has_gdal() else ()), PREDICTOR)


def open_contenders(
    weights: str | os.PathLike[str] | Sharpener | None = None,
    baselines: Sequence[str] = ALL,
    device: str = "auto",
) -> list[Contender]:
    """The baselines, in their own order, and at the end the model.

    Args:
        weights: as for `load_model`, or a model. The bare predictor isn't judged twice.
        baselines: of `baseline_names`; or `ALL`.
        device: where models work, as for `fuse`. Classical sharpeners work on the processor.

    Raises:
        InputError: if there is no such baseline, or no such device.
        WeightsError: if the weights can't be used.
    """
    known = baseline_names()
    unknown = [name for name in baselines if name not in (*known, *ALL)]
    if unknown:
        hint = " (it isn't installed)" if GDAL in unknown else ""
        raise InputError(f"expected baselines of {', '.join(known)}, found {', '.join(unknown)}{hint}")
    chosen = [name for name in known if name in baselines or set(ALL) <= set(baselines)]
    where = choose_device(device)
    found = [
        _of_model(name, load_model(PREDICTOR), where) if name == PREDICTOR else _of_bands(name)
        for name in chosen
    ]
    model = weights if isinstance(weights, Sharpener) else load_model(weights)
    if model.architecture.depth == 0:
        # The model is the predictor, which comes last anyhow.
        return [*(one for one in found if one.name != PREDICTOR), _of_model(PREDICTOR, model, where)]
    return [*found, _of_model(_name_of(weights, [one.name for one in found]), model, where)]


def _name_of(weights: str | os.PathLike[str] | Sharpener | None, taken: Sequence[str]) -> str:
    name = Path(weights).stem if isinstance(weights, str | os.PathLike) else "potato"
    return f"{name} (weights)" if name in taken else name


def _of_model(name: str, model: Sharpener, where: torch.device) -> Contender:
    digest = weights_digest(model)
    model = model.to(where)

    def make(pan: Tensor, mul: Tensor) -> tuple[Tensor, None]:
        with torch.inference_mode():
            return sharpen(model, pan.to(where), mul.to(where)).cpu(), None

    return Contender(name, make, digest)


def _of_bands(name: str) -> Contender:
    baseline: Baseline = gdal_pansharpen if name == GDAL else BASELINES[name.replace("-", "_")]

    def make(pan: Tensor, mul: Tensor) -> tuple[Tensor, Tensor]:
        bands = baseline(pan, mul)
        return as_sharpen(lambda *_: bands)(pan, mul), bands

    return Contender(name, make)
