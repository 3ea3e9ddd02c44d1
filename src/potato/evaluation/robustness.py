"""What becomes of a sharpener when the input isn't what it learned from: it should get worse gently."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from potato.core.color import JND, delta_e_ok
from potato.evaluation.land_cover import JudgedScene, make_scene
from potato.evaluation.methods import Contender
from potato.evaluation.statistics import Spread
from potato.simulation.imager import Imager

_SPECKLE = 5.0
"""JND by which a pixel stands out of its neighbours more than in the truth, to be speckle."""


@dataclass(frozen=True)
class Trial:
    """One way of making the input strange.

    Attributes:
        name: as it stands in the table.
        sensor: what is done to the sensor before it looks; haze changes the truth with it.
        pan: factor of pan alone; the truth stays.
        light: factor of pan and mul; the truth becomes lighter with them.
    """

    name: str
    sensor: Callable[[Imager], Imager] | None = None
    pan: float = 1.0
    light: float = 1.0

    def scene(self, index: int, size: int = 512, seed: int = 0) -> JudgedScene:
        """Scene number `index` as this trial shows it."""
        scene = make_scene(index, size, seed, self.sensor)
        return replace(
            scene,
            pan=scene.pan * (self.pan * self.light),
            mul=scene.mul * self.light,
            # Oklab is homogeneous of degree 1/3.
            truth=scene.truth * self.light ** (1 / 3),
        )


def _noisy(sensor: Imager) -> Imager:
    return replace(sensor, read_noise=3 * sensor.read_noise, shot_noise=9 * sensor.shot_noise)


def _hazy(sensor: Imager) -> Imager:
    return replace(sensor, haze=0.1)


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
"""What is tried; haze of 0.1 is twice the most that scenes have."""


@dataclass
class Robustness:
    """What is found of one sharpener in one trial.

    Attributes:
        difference: from the truth, JND, where the result is a number.
        broken: pixels that are NaN or infinite.
        specks: pixels of speckle.
        shadow: sums of how far a and b are off in shadow, and how many pixels those are.
    """

    difference: Spread = field(default_factory=Spread)
    broken: int = 0
    specks: int = 0
    shadow: Tensor = field(default_factory=lambda: torch.zeros(3, dtype=torch.float64))

    def add(self, result: Tensor, scene: JudgedScene) -> None:
        """Count one result, Oklab (1, 3, h, w)."""
        sound = torch.isfinite(result).all(1)[0]
        self.broken += int((~sound & scene.judged).sum())
        result = torch.where(sound, result, scene.truth)
        judged = scene.judged & sound
        self.difference.add(delta_e_ok(result, scene.truth)[0][judged])
        self.specks += int((speckle(result, scene.truth)[0] & judged).sum())
        shadow = judged & scene.kinds["shadow"]
        off = (result - scene.truth)[0, 1:, shadow].double()
        self.shadow += torch.tensor([*off.sum(1).tolist(), float(shadow.sum())], dtype=torch.float64)

    def summary(self) -> dict[str, float]:
        """Mean ΔE; broken pixels; specks in a million; and the drift of colour in shadow, in JND."""
        a, b, count = self.shadow.tolist()
        drift = 2 * math.hypot(a, b) / count / JND if count else math.nan
        return {
            "mean": self.difference.mean,
            "NaN": self.broken,
            "speckle ppm": 1e6 * self.specks / max(1, self.difference.count),
            "drift in shadow": drift,
        }


def judge_trial(
    contenders: Sequence[Contender], trial: Trial, scenes: int, size: int = 512, seed: int = 0
) -> dict[str, Robustness]:
    """What each contender makes of so many scenes of a trial, by name."""
    found = {one.name: Robustness() for one in contenders}
    for index in range(scenes):
        scene = trial.scene(index, size, seed)
        for contender in contenders:
            found[contender.name].add(contender.make(scene.pan, scene.mul)[0], scene)
    return found


def speckle(result: Tensor, truth: Tensor) -> Tensor:
    """Pixels that stand out of their neighbours as nothing in the truth does.

    A pixel's distance from the median of the 3 × 3 pixels around it, channel by channel, is `_SPECKLE` JND
    more than the largest such distance in the truth within a pixel.

    Args:
        result: Oklab (b, 3, h, w).
        truth: the same shape.

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
