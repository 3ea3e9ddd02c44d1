"""Robustness: sharpeners on inputs unlike those of training; figures should get worse gently."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from land_cover import Scene, make_scene
from potato.core.color import JND, delta_e_ok
from potato.core.sensors import Sensor
from potato.core.statistics import Histogram
from potato.evaluation.methods import Method
from potato.simulation.imager import Imager
from potato.simulation.land.basis import BASIS

_SPECKLE = 5.0
"""JND by which a pixel of speckle stands out of its neighbours more than in the truth."""


@dataclass(frozen=True)
class Trial:
    """One change of the input.

    Attributes:
        name: its row in the table.
        imager: changes the imager before it observes; haze changes the truth too.
        pan: factor of pan alone; the truth stays.
        light: factor of pan and mul; the truth changes with them.
    """

    name: str
    imager: Callable[[Imager], Imager] | None = None
    pan: float = 1.0
    light: float = 1.0

    def scene(self, index: int, size: int = 512, seed: int = 0, sensor: Sensor = BASIS) -> Scene:
        """A scene of `make_scene`, changed by this trial."""
        scene = make_scene(index, size, seed, self.imager, sensor)
        return replace(
            scene,
            pan=scene.pan * (self.pan * self.light),
            mul=scene.mul * self.light,
            # Oklab is homogeneous of degree 1/3.
            truth=scene.truth * self.light ** (1 / 3),
        )


def _noisy(imager: Imager) -> Imager:
    return replace(imager, read_noise=3 * imager.read_noise, shot_noise=9 * imager.shot_noise)


def _hazy(imager: Imager) -> Imager:
    return replace(imager, haze=0.1)


TRIALS = (
    Trial("as it is"),
    Trial("pan gain 0.85", pan=0.85),
    Trial("pan gain 1.15", pan=1.15),
    Trial("noise × 3", _noisy),
    Trial("haze of 0.1", _hazy),
    Trial("input × 0.5", light=0.5),
    Trial("input × 2", light=2.0),
    Trial("input × 6, much of it above 1", light=6.0),
)
"""The trials, one row each; a haze of 0.1 is twice the most of training's scenes."""


@dataclass
class Robustness:
    """The figures of one method in one trial.

    Attributes:
        difference: ΔE from the truth, JND, where the result is finite.
        broken: number of pixels that are NaN or infinite.
        specks: number of pixels of speckle.
        shadow: sums of the errors of a and b in shadow, and the number of these pixels.
    """

    difference: Histogram = field(default_factory=Histogram)
    broken: int = 0
    specks: int = 0
    shadow: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))

    def add(self, result: Tensor, scene: Scene) -> None:
        """Count one result, Oklab (1, 3, h, w)."""
        finite = torch.isfinite(result).all(1)[0]
        self.broken += int((~finite & scene.counted).sum())
        result = torch.where(finite, result, scene.truth)
        counted = scene.counted & finite
        self.difference.add(delta_e_ok(result, scene.truth)[0][counted])
        self.specks += int((speckle(result, scene.truth)[0] & counted).sum())
        shadow = counted & scene.land_cover["shadow"]
        off = (result - scene.truth)[0, 1:, shadow].double()
        self.shadow += torch.tensor([*off.sum(1).tolist(), float(shadow.sum())], dtype=torch.float64)

    def summary(self) -> dict[str, float]:
        """Mean ΔE in JND; broken pixels; specks in a million; colour shift in shadow, in JND."""
        a, b, count = self.shadow.tolist()
        drift = 2 * math.hypot(a, b) / count / JND if count else math.nan
        return {
            "mean": self.difference.mean,
            "NaN": self.broken,
            "speckle ppm": 1e6 * self.specks / max(1, self.difference.count),
            "drift in shadow": drift,
        }


def run_trial(
    methods: Sequence[Method],
    trial: Trial,
    scenes: int,
    size: int = 512,
    seed: int = 0,
    sensor: Sensor = BASIS,
) -> dict[str, Robustness]:
    """The figures of each method on so many scenes of a trial, by its name."""
    found = {method.name: Robustness() for method in methods}
    for index in range(scenes):
        scene = trial.scene(index, size, seed, sensor)
        for method in methods:
            found[method.name].add(method.sharpen(scene.pan, scene.mul)[0], scene)
    return found


def speckle(result: Tensor, truth: Tensor) -> Tensor:
    """Pixels that stand out of their neighbours, while the truth's pixels there don't.

    The distance of such a pixel from the median of the 3 × 3 pixels around it, channel by channel,
    is `_SPECKLE` JND more than the largest such distance of the truth in these 3 × 3 pixels.

    Args:
        result: Oklab (b, 3, h, w).
        truth: Oklab (b, 3, h, w).

    Returns:
        bool (b, h, w).
    """
    found, expected = (delta_e_ok(image, _median(image)) for image in (result, truth))
    expected = F.max_pool2d(expected[:, None], 3, stride=1, padding=1)[:, 0]
    return found > expected + _SPECKLE


def _median(image: Tensor) -> Tensor:
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    height, width = image.shape[-2:]
    near = [padded[..., y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return torch.stack(near).median(0).values
