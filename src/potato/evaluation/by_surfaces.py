"""Evaluation by single surfaces: rare colours must keep their colour."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from potato.core.color import delta_e_ok, mul_to_oklab
from potato.core.noise import power_noise
from potato.core.resample import block_mean
from potato.core.sensors import Sensor
from potato.core.statistics import Histogram
from potato.core.types import PathLike
from potato.engine.torch_threads import one_thread
from potato.evaluation.methods import Method, MethodSpec
from potato.evaluation.protocols import INSIDE
from potato.evaluation.result import Charts, Evaluation, Section, provenance
from potato.simulation.land.basis import BASIS, mix_planes, plane_shares
from potato.simulation.land.reflectances import Reflectance, load_reflectances

PACKAGED = "packaged"
"""The name that stands for the list in the package."""

SIDE = 64
"""Pan pixels along the side of a field, of which 8 on each side are border."""

_ROUGHNESS = 0.15
"""Standard deviation of the logarithm of a textured field's shading."""

_BATCH = 32
"""Fields that are sharpened together."""

_WORST = 10
"""Surfaces that are printed."""

_FIELDS = ("flat", "textured")


@dataclass(frozen=True)
class Fields:
    """A field of every surface of a list.

    Attributes:
        pan: reflectance (n, 1, rh, rw).
        mul: reflectance (n, bands, h, w).
        truth: Oklab (n, 3, rh, rw).
    """

    pan: Tensor
    mul: Tensor
    truth: Tensor


def make_fields(
    surfaces: Sequence[Reflectance], textured: bool, sensor: Sensor = BASIS, side: int = SIDE
) -> Fields:
    """A field of every surface, in which pan and mul agree exactly.

    Args:
        surfaces: n of them.
        textured: whether 1/f noise of standard deviation 15 %, one image for all fields, shades the
            pixels; otherwise a field is one colour.
        sensor: sees the fields.
        side: pan pixels, a multiple of the ratio.
    """
    shading = torch.ones(1, 1, side, side)
    if textured:
        noise = power_noise(side, side, torch.Generator().manual_seed(0), 1.0)
        shading = (_ROUGHNESS * noise / noise.std()).exp()[None, None]
        shading = shading / shading.mean()
    planes = torch.tensor([(one.pan, *one.bands) for one in surfaces]).T
    seen = mix_planes(planes, plane_shares(sensor)).T[:, :, None, None]
    pan, bands = seen[:, :1] * shading, seen[:, 1:]
    return Fields(pan, bands * block_mean(shading, sensor.ratio), mul_to_oklab(bands * shading, sensor))


def evaluate_fields(
    method: Method, surfaces: Sequence[Reflectance], textured: bool, sensor: Sensor = BASIS
) -> Tensor:
    """Mean ΔE (n,) in JND inside the border of every surface's field; NaN for a NaN result."""
    found = []
    for start in range(0, len(surfaces), _BATCH):
        fields = make_fields(surfaces[start : start + _BATCH], textured, sensor)
        result = method.sharpen(fields.pan, fields.mul)[0]
        found.append(delta_e_ok(result, fields.truth)[INSIDE].mean((-2, -1)))
    return torch.cat(found)


@one_thread()
def evaluate_surfaces(reflectances: PathLike, methods: MethodSpec | None = None) -> Evaluation:
    """Compare a model and the baselines on a flat and a textured field of every surface.

    Args:
        reflectances: a CSV file of reflectances, as `load_reflectances` reads it; or `PACKAGED`.
        methods: the model and the baselines; None for the shipped weights and every baseline.

    Raises:
        InputError: if the list can't be read.
        WeightsError: if the weights can't be used.
    """
    packaged = os.fspath(reflectances) == PACKAGED
    surfaces = load_reflectances(None if packaged else os.fspath(reflectances))
    spec = methods or MethodSpec()
    opened = spec.methods
    found = {
        kind: {one.name: evaluate_fields(one, surfaces, kind == "textured", spec.sensor) for one in opened}
        for kind in _FIELDS
    }
    model = opened[-1].name
    worst = torch.stack([found[kind][model] for kind in _FIELDS]).nan_to_num(nan=torch.inf).amax(0)
    order = worst.argsort(descending=True, stable=True)[:_WORST].tolist()
    title = f"{len(surfaces)} surfaces of {'the packaged list' if packaged else reflectances}"
    each: list[dict[str, dict[str, float]]] = [
        {kind: {name: float(values[n]) for name, values in found[kind].items()} for kind in _FIELDS}
        for n in range(len(surfaces))
    ]
    sections = (
        Section(
            "surfaces",
            f"surfaces: ΔE in JND; {title}",
            tuple(f"{kind} {figure}" for kind in _FIELDS for figure in ("mean", "largest")),
            {one.name: _summary({kind: found[kind][one.name] for kind in _FIELDS}) for one in opened},
        ),
        Section(
            "worst",
            f"worst: ΔE of {model} in JND, by surface",
            _FIELDS,
            {surfaces[n].name: {kind: each[n][kind][model] for kind in _FIELDS} for n in order},
        ),
    )
    return Evaluation(
        "reflectances",
        {"reflectances": str(reflectances), "count": len(surfaces)},
        provenance(opened),
        sections,
        float(worst.max()),
        f"largest ΔE of {model}",
        {
            "each": [
                {"name": surface.name, "kind": surface.kind, **figures}
                for surface, figures in zip(surfaces, each, strict=True)
            ]
        },
        Charts(
            f"textured fields, {title}",
            {name: _histogram(values) for name, values in found["textured"].items()},
        ),
    )


def _summary(fields: dict[str, Tensor]) -> dict[str, float]:
    return {
        f"{kind} {figure}": value
        for kind, values in fields.items()
        for figure, value in (("mean", float(values.mean())), ("largest", float(values.max())))
    }


def _histogram(values: Tensor) -> Histogram:
    histogram = Histogram()
    histogram.add(values[~values.isnan()])
    return histogram
