"""What overviews tell about a collect, as numbers: cloud, haze, water, variety and structure.

All of it is about the overviews' pixels, whatever they measure on the ground: about a tenth or a
twentieth of the resolution. Nothing here opens a file.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from potato.core.sensors import BANDS, SCALE

AXES = ("seeing", "water", "interest")
"""What is rated, each from 0 (bad to learn from) to 4 (good)."""

HAZE_SPECTRUM = np.array((1.0, 0.8, 0.55, 0.42, 0.34, 0.26, 0.2, 0.17), np.float32)
"""Path radiance in the bands, relative to coastal: about wavelength^−1.8."""

HAZE_PAN = 0.62
"""The same in pan."""

DARK_REDNESS = 0.5
HAZE_CLEAR = 0.003
"""The darkest land has `HAZE_CLEAR` + `DARK_REDNESS` × red in coastal under a clear sky."""

HAZE_WHITE = 0.2
"""Haze at which nothing would be left to see; the veil grows with its square."""

CLASSES = (6, 6, 5)
"""Classes of land cover are cells in three measures: greenness, lightness, redness."""

MANY_CLASSES = 40.0
"""Classes, as the exponential of their entropy, that count as full variety."""

STRONG_STRUCTURE = 0.25
"""Mean step between neighbours, as a logarithm of pan, that counts as full structure."""


@dataclass(eq=False)
class Measures:
    """Sums over the tiles of a collect; `+` pools two of them.

    Attributes:
        valid: pixels with data.
        cloudy: of those, under cloud.
        clear: of those, well away from cloud.
        wet: of the clear ones, water.
        haze: haze of each tile in reflectance of coastal × its clear pixels.
        classes: pixels of clear land in each class of land cover.
        steps: sum of the steps between neighbours in pan, and their number, on clear land.
    """

    valid: int = 0
    cloudy: int = 0
    clear: int = 0
    wet: int = 0
    haze: float = 0.0
    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(math.prod(CLASSES), np.int64))
    steps: tuple[float, int] = (0.0, 0)

    def __add__(self, other: "Measures") -> "Measures":
        """Both together."""
        return Measures(
            self.valid + other.valid,
            self.cloudy + other.cloudy,
            self.clear + other.clear,
            self.wet + other.wet,
            self.haze + other.haze,
            self.classes + other.classes,
            (self.steps[0] + other.steps[0], self.steps[1] + other.steps[1]),
        )

    @property
    def cloud_share(self) -> float:
        """Share of the ground under cloud, 0..1."""
        return self.cloudy / self.valid if self.valid else 0.0

    @property
    def veil(self) -> float:
        """Share of contrast that haze takes, 0..1."""
        return min(1.0, (self.haze / self.clear / HAZE_WHITE) ** 2) if self.clear else 0.0

    @property
    def water_share(self) -> float:
        """Share of the clear ground that is water, 0..1."""
        return self.wet / self.clear if self.clear else 0.0

    @property
    def variety(self) -> float:
        """How many classes of land cover there are, on a logarithmic scale 0..1."""
        total = self.classes.sum()
        if not total:
            return 0.0
        shares = self.classes[self.classes > 0] / total
        entropy = -float((shares * np.log(shares)).sum())
        return min(1.0, entropy / math.log(MANY_CLASSES))

    @property
    def structure(self) -> float:
        """How strong edges are, 0..1."""
        total, count = self.steps
        return min(1.0, total / count / STRONG_STRUCTURE) if count else 0.0


@dataclass(frozen=True, slots=True)
class Rating:
    """A collect and what it is worth.

    Attributes:
        cid: catalog ID.
        platform: `WV02` or `WV03`.
        first, last: its dates.
        zones: UTM zones, with spaces between.
        tiles: usable tiles.
        looked: of those, how many were looked at.
        reported: percent under cloud by the metadata; None if it doesn't say.
        clouds: percent under cloud as seen.
        haze: percent of contrast that haze takes.
        wet: percent of water.
        variety, structure: 0..1, see `Measures`.
        seeing, water, interest: 0..4.
    """

    cid: str
    platform: str
    first: str
    last: str
    zones: str
    tiles: int
    looked: int
    reported: float | None
    clouds: float
    haze: float
    wet: float
    variety: float
    structure: float
    seeing: float
    water: float
    interest: float

    @property
    def index(self) -> float:
        """See `quality_index`."""
        return quality_index(self.seeing, self.water, self.interest)


def quality_index(seeing: float, water: float, interest: float) -> float:
    """One number from three ratings, 0..1: (water / 4)^½ · (interest / 4)² · max(0, seeing − 3).

    Interest counts most, water least, and what can't be seen well (3 or less) is worth nothing.

    >>> quality_index(4, 4, 4)
    1.0
    """
    return math.sqrt(water / 4) * (interest / 4) ** 2 * max(0.0, seeing - 3)


def rate(measures: Measures, reported: float | None) -> tuple[float, float, float]:
    """Seeing, water and interest, 0..4.

    A share s that is bad gives 4 · (1 − s^0.6): none of it 4, 10 % 3, 30 % 2, 60 % 1.

    - seeing: s = 1 − (1 − cloud)(1 − veil); cloud is the mean of what is seen and what is reported.
    - water: s is the share of water in what can be seen.
    - interest: 4 · √(variety · structure), of land that can be seen.

    Args:
        measures: of the overviews.
        reported: share under cloud by the metadata, 0..1; None to go by the overviews alone.
    """
    cloud = measures.cloud_share if reported is None else (measures.cloud_share + reported) / 2
    obscured = 1 - (1 - cloud) * (1 - measures.veil)
    return (
        4 * (1 - obscured**0.6),
        4 * (1 - measures.water_share**0.6),
        4 * math.sqrt(measures.variety * measures.structure),
    )


def measure(
    pan: NDArray[np.uint16],
    pan_valid: NDArray[np.bool_],
    mul: NDArray[np.uint16],
    mul_valid: NDArray[np.bool_],
) -> Measures:
    """Measure the overviews of a tile.

    Args:
        pan: (h, w) counts.
        pan_valid: (h, w).
        mul: (8, h', w') counts.
        mul_valid: (h', w').
    """
    valid = int(mul_valid.sum())
    if not valid:
        return Measures()
    bands = (mul / SCALE).astype(np.float32)
    # Haze is judged where there is no cloud; once it is known, and taken away, neither bright
    # ground passes for cloud nor shadow for water.
    clear = mul_valid & ~find_clouds(bands, mul_valid)
    haze = estimate_haze(bands, clear & ~find_water(bands, clear))
    bands = (bands - haze * HAZE_SPECTRUM[:, None, None]).clip(0.001).astype(np.float32)
    cloudy = find_clouds(bands, mul_valid)
    # The soft edges of clouds would pass for edges on the ground.
    clear = mul_valid & (box_mean(cloudy.astype(np.float32), 3) == 0)
    wet = find_water(bands, clear)
    land = clear & ~wet
    classes = np.bincount(cover_classes(bands)[land], minlength=math.prod(CLASSES))
    steps = _steps(pan, pan_valid & _enlarge(land, pan.shape), haze * HAZE_PAN)
    seen = int(clear.sum())
    return Measures(
        valid, int(cloudy.sum()), seen, int(wet.sum()), haze * seen, classes.astype(np.int64), steps
    )


def find_clouds(bands: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where there is cloud: bright, as bright in the blue as in the red, and wider than a roof.

    Args:
        bands: reflectance (8, h, w).
        valid: (h, w).

    Returns:
        bool (h, w). Snow and salt look the same.
    """
    band = dict(zip(BANDS, bands, strict=True))
    visible = bands[:5]
    white = (visible.max(0) - visible.min(0)) < 0.35 * visible.mean(0)
    bright = (band["blue"] > 0.18) & (band["blue"] - 0.5 * band["red"] > 0.08) & (band["nir1"] > 0.15)
    return valid & (box_mean((white & bright & valid).astype(np.float32), 4) > 0.5)


def find_water(bands: NDArray[np.float32], clear: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where there is water: dark in the infrared, brighter in the green, and wider than a shadow.

    Args:
        bands: reflectance (8, h, w).
        clear: (h, w), where to look.

    Returns:
        bool (h, w).
    """
    band = dict(zip(BANDS, bands, strict=True))
    infrared = np.maximum(band["nir1"], band["nir2"])
    visible = np.maximum(band["green"], band["blue"])
    wet = clear & (infrared < 0.12) & (visible > 1.4 * infrared)
    return clear & (box_mean(wet.astype(np.float32), 2) > 0.5)


def estimate_haze(bands: NDArray[np.float32], land: NDArray[np.bool_]) -> float:
    """Haze, as the reflectance that it adds to coastal: what the darkest land shows in the blue.

    Args:
        bands: reflectance (8, h, w).
        land: (h, w), where to look.
    """
    dark = bands[:5].mean(0)[land]
    if not dark.size:
        return 0.0
    darkest = dark <= np.quantile(dark, 0.03)
    excess = float((bands[0][land] - DARK_REDNESS * bands[4][land])[darkest].mean())
    return max(0.0, excess - HAZE_CLEAR) / float(1 - DARK_REDNESS * HAZE_SPECTRUM[4])


def cover_classes(bands: NDArray[np.float32]) -> NDArray[np.int64]:
    """The class of land cover of each pixel, int (h, w): cells of greenness × lightness × redness."""
    blue, red, infrared = bands[1], bands[4], bands[6]
    greenness = (infrared - red) / (infrared + red)
    lightness = np.sqrt(bands[:5].mean(0))
    redness = (red - blue) / (red + blue)
    cells = (
        np.clip((greenness + 0.1) / 1.0 * CLASSES[0], 0, CLASSES[0] - 1),
        np.clip(lightness / 0.7 * CLASSES[1], 0, CLASSES[1] - 1),
        np.clip((redness + 0.2) / 0.8 * CLASSES[2], 0, CLASSES[2] - 1),
    )
    first, second, third = (cell.astype(np.int64) for cell in cells)
    classes: NDArray[np.int64] = (first * CLASSES[1] + second) * CLASSES[2] + third
    return classes


def _steps(pan: NDArray[np.uint16], land: NDArray[np.bool_], haze: float) -> tuple[float, int]:
    """The sum, and the number, of steps between neighbours in the logarithm of pan."""
    light = np.log(np.maximum(pan.astype(np.float32) / SCALE - haze, 0.01))
    total, count = 0.0, 0
    for step, both in (
        (np.abs(np.diff(light, axis=0)), land[1:] & land[:-1]),
        (np.abs(np.diff(light, axis=1)), land[:, 1:] & land[:, :-1]),
    ):
        total += float(step[both].sum())
        count += int(both.sum())
    return total, count


def _enlarge(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask on another grid over the same square, each pixel from the nearest."""
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.int64), old - 1)
        for new, old in zip(shape, mask.shape, strict=True)
    )
    larger: NDArray[np.bool_] = mask[rows][:, columns]
    return larger


def box_mean(field: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The mean over a square of 2·radius + 1 pixels; at the border, of what lies inside."""

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.pad(values, radius + 1)[:-1, :-1].cumsum(0).cumsum(1)
        side = 2 * radius + 1
        lower, upper = sums[side:], sums[:-side]
        boxes: NDArray[np.float64] = lower[:, side:] - upper[:, side:] - lower[:, :-side] + upper[:, :-side]
        return boxes

    inside = total(np.ones(field.shape, np.float64))
    return (total(field.astype(np.float64)) / inside).astype(np.float32)
