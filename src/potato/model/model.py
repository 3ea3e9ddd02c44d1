"""A sharpener as data: its sizes and its weights, from which every backend is made."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from potato.core.resample import BICUBIC_REACH
from potato.core.sensor_table import WORKSHOP
from potato.core.sensors import MOST_RATIO, Sensor
from potato.model.facts import (
    SLOPE_WINDOW,
    SOFT_REACH,
    SOFTNESS_WINDOW,
    WIDE_REACH,
    input_channels,
    output_channels,
)


@dataclass(frozen=True)
class Architecture:
    """The sizes of a sharpener; they travel in its checkpoint.

    Attributes:
        width: channels of each hidden layer.
        depth: number of 3 × 3 layers; 0 is the bare predictor, which serves any sensor.
        bands: the bands that the network reads, in their order.
        ratio: that of the pairs which the network reads.
        mul_sharpness: whether the network reads `features.mul_sharpness`.
    """

    width: int = 32
    depth: int = 4
    # Cards of version 0.1 lack these.
    bands: tuple[str, ...] = WORKSHOP.bands
    ratio: int = 4
    mul_sharpness: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", tuple(map(str, self.bands)))
        bounds = {"width": (1, 1024), "depth": (0, 64), "ratio": (2, MOST_RATIO)}
        for name, (least, most) in bounds.items():
            size = getattr(self, name)
            if not (isinstance(size, int) and least <= size <= most):
                raise ValueError(f"expected {name} {least}..{most}, found {size}")

    @property
    def inputs(self) -> dict[str, int]:
        """The channels of the network's input by name, in their order, and how many each has."""
        return input_channels(self.ratio, len(self.bands), self.mul_sharpness)

    @property
    def layers(self) -> dict[str, tuple[int, int, int, int]]:
        """The shape of each layer's weights by name: outputs, inputs, rows and columns."""
        hidden = [self.width] * (self.depth - 1)
        channels = (
            [sum(self.inputs.values()), *hidden, sum(output_channels(self.ratio).values())]
            if self.depth
            else []
        )
        return {
            f"layers.{number}.weight": (after, before, 3, 3)
            for number, (before, after) in enumerate(pairwise(channels))
        }

    def fits(self, sensor: Sensor) -> bool:
        """Whether a sharpener of these sizes can read pairs of a sensor."""
        return not self.depth or (self.bands == sensor.bands and self.ratio == sensor.ratio)


class Halos(NamedTuple):
    """Cells around a block, on every side, on which its result depends.

    Attributes:
        valid: those that must be known or filled.
        whole: those that the model reads; 0 means unknown beyond `valid`.
        read: those to read from the image, so that invalid ones within `valid` are filled as in the
            whole image.
    """

    valid: int
    whole: int
    read: int


def halos(architecture: Architecture, sensor: Sensor = WORKSHOP) -> Halos:
    """The halos of a sharpener of these sizes, for pairs of a sensor."""
    depth = architecture.depth
    # The regression reads as far as the enlargement of its result.
    valid = 2 * BICUBIC_REACH + depth if depth or sensor.pan_sees_infrared else BICUBIC_REACH
    # The wide context joins at the first layer, where the reach of the regression is used up.
    whole = valid - BICUBIC_REACH + WIDE_REACH if depth else valid
    return Halos(valid, whole, whole + valid)


_BANDS_VALID = 2 * BICUBIC_REACH + SOFT_REACH
_BANDS_WHOLE = 3 * BICUBIC_REACH + SLOPE_WINDOW + SOFTNESS_WINDOW + SOFT_REACH
BAND_HALOS = Halos(_BANDS_VALID, _BANDS_WHOLE, _BANDS_WHOLE + _BANDS_VALID)
"""The halos of `bands`: the enlargement reads slopes, slopes read statistics, and both read pan as
mul sees it, which depends on the softness of mul."""


@dataclass(frozen=True, eq=False)
class Model:
    """A sharpener as data.

    Attributes:
        architecture: its sizes.
        tensors: float32 weights of each layer by name, in the shapes of `Architecture.layers`.
        card: facts about its training, as its checkpoint has them.

    Raises:
        ValueError: if the tensors don't fit the architecture.
    """

    architecture: Architecture
    tensors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, repr=False)
    card: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        expected = self.architecture.layers
        if self.tensors.keys() != expected.keys():
            names = ", ".join(sorted(self.tensors)) or "none"
            raise ValueError(f"expected the tensors {', '.join(expected) or 'of no layer'}, found {names}")
        for name, tensor in self.tensors.items():
            if tensor.shape != expected[name]:
                raise ValueError(f"expected {name} of shape {expected[name]}, found {tensor.shape}")

    @cached_property
    def digest(self) -> str:
        """The first 16 hex digits of the SHA-256 of depth, width and tensors."""
        sizes = {"depth": self.architecture.depth, "width": self.architecture.width}
        digest = hashlib.sha256(json.dumps(sizes).encode())
        for name, tensor in sorted(self.tensors.items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(tensor, np.float32).tobytes())
        return digest.hexdigest()[:16]


class HasModel(Protocol):
    """A sharpener in another form, such as `network.Sharpener`, that can tell its model."""

    def model(self) -> Model:
        """The sharpener as data."""


def as_model(sharpener: Model | HasModel) -> Model:
    """The model of a sharpener in any form."""
    return sharpener if isinstance(sharpener, Model) else sharpener.model()
