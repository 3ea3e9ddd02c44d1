"""Judging by single surfaces, one by one: rare colours must come out as they are."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.engine.devices import one_thread
from potato.evaluation.methods import ALL, Contender, open_contenders
from potato.evaluation.protocols import BORDER
from potato.evaluation.result import Charts, Evaluation, Section, provenance
from potato.evaluation.statistics import Spread
from potato.model.network import Sharpener
from potato.simulation.land.reflectances import Reflectance, load_reflectances

PACKAGED = "packaged"
"""The name that stands for the list in the package."""

SIDE = 64
"""Pan pixels along the side of a field: 8 of border are left out."""

_ROUGHNESS = 0.15
"""Standard deviation of the logarithm of a textured field's shading."""

_TOGETHER = 32
"""Fields in a batch."""

_WORST = 10
"""Surfaces that are printed."""

_FIELDS = ("flat", "textured")

Path_ = str | os.PathLike[str]


@dataclass(frozen=True)
class Fields:
    """A field of every surface of a list.

    Attributes:
        pan: reflectance (n, 1, 4h, 4w).
        mul: reflectance (n, 8, h, w).
        truth: Oklab (n, 3, 4h, 4w).
    """

    pan: Tensor
    mul: Tensor
    truth: Tensor


def make_fields(surfaces: Sequence[Reflectance], textured: bool, side: int = SIDE) -> Fields:
    """Every surface as a field of its own, pan and mul in full agreement.

    Args:
        surfaces: n of them.
        textured: whether pixels are shaded, by the same 1/f noise of standard deviation 15 % for all, or
            all alike.
        side: pan pixels, a multiple of 4.
    """
    shading = torch.ones(1, 1, side, side)
    if textured:
        noise = power_noise(side, side, torch.Generator().manual_seed(0), 1.0)
        shading = (_ROUGHNESS * noise / noise.std()).exp()[None, None]
        shading = shading / shading.mean()
    pan = torch.tensor([one.pan for one in surfaces])[:, None, None, None] * shading
    bands = torch.tensor([one.bands for one in surfaces])[:, :, None, None]
    return Fields(pan, bands * block_mean(shading), mul_to_oklab(bands * shading))


def judge_fields(contender: Contender, surfaces: Sequence[Reflectance], textured: bool) -> Tensor:
    """Mean ΔE (n,) in JND of the field of every surface, 8 pixels of border left out; NaN where it fails."""
    found = []
    inside = (..., slice(BORDER, -BORDER), slice(BORDER, -BORDER))
    for start in range(0, len(surfaces), _TOGETHER):
        fields = make_fields(surfaces[start : start + _TOGETHER], textured)
        result = contender.make(fields.pan, fields.mul)[0]
        found.append(delta_e_ok(result, fields.truth)[inside].mean((-2, -1)))
    return torch.cat(found)


@one_thread()
def judge_surfaces(
    reflectances: Path_,
    *,
    weights: Path_ | Sharpener | None = None,
    baselines: Sequence[str] = ALL,
    device: str = "auto",
) -> Evaluation:
    """Judge a model and the baselines by every surface of a list, as a flat field and as a textured one.

    Args:
        reflectances: a list as `load_reflectances` reads; or `PACKAGED`.
        weights: as for `load_model`, or a model.
        baselines: as for `open_contenders`.
        device: as for `fuse`.

    Raises:
        InputError: if the list can't be read.
        WeightsError: if the weights can't be used.
    """
    surfaces = load_reflectances(None if os.fspath(reflectances) == PACKAGED else os.fspath(reflectances))
    contenders = open_contenders(weights, baselines, device)
    found = {
        one.name: {kind: judge_fields(one, surfaces, kind == "textured") for kind in _FIELDS}
        for one in contenders
    }
    name = contenders[-1].name
    worst = torch.stack([found[name][kind] for kind in _FIELDS]).nan_to_num(nan=torch.inf).amax(0)
    order = worst.argsort(descending=True, stable=True)[:_WORST].tolist()
    rows = {who: _summary(kinds) for who, kinds in found.items()}
    columns = tuple(f"{kind} {what}" for kind in _FIELDS for what in ("mean", "largest"))
    title = f"{len(surfaces)} surfaces of {'the packaged list' if reflectances == PACKAGED else reflectances}"
    each = {
        surface.name: {kind: float(found[name][kind][n]) for kind in _FIELDS}
        for n, surface in enumerate(surfaces)
    }
    headline = float(worst.max())
    return Evaluation(
        "reflectances",
        {"reflectances": str(reflectances), "count": len(surfaces)},
        provenance(contenders),
        (
            Section("surfaces", f"surfaces: ΔE in JND; {title}", columns, rows),
            Section(
                "worst",
                f"worst: ΔE of {name} in JND, by surface",
                _FIELDS,
                {surfaces[n].name: each[surfaces[n].name] for n in order},
            ),
        ),
        headline,
        f"largest ΔE of {name}",
        {
            "each": [
                {"name": surface.name, "kind": surface.kind}
                | {
                    kind: {one.name: float(found[one.name][kind][n]) for one in contenders}
                    for kind in _FIELDS
                }
                for n, surface in enumerate(surfaces)
            ]
        },
        Charts(
            f"textured fields, {title}", {who: _spread(kinds["textured"]) for who, kinds in found.items()}
        ),
    )


def _summary(kinds: Mapping[str, Tensor]) -> dict[str, float]:
    return {
        f"{kind} {what}": value
        for kind, values in kinds.items()
        for what, value in (("mean", float(values.mean())), ("largest", float(values.max())))
    }


def _spread(values: Tensor) -> Spread:
    spread = Spread()
    spread.add(values[~values.isnan()])
    return spread
