"""Measures of a pass from its overviews: cloud, haze, water, variety and structure.

All refer to the pixels of overviews, which stand for 16 × 16 pixels of pan and 8 × 8 of mul.
Nothing here opens a file.
"""

import math
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from potato.core.sensors import SCALE, Sensor

AXES = ("seeing", "water", "interest")
"""The ratings of a pass, each from 0 (bad for training) to 4 (good)."""

HAZE_SPECTRUM = {
    "coastal": 1.0,
    "blue": 0.8,
    "green": 0.55,
    "yellow": 0.42,
    "red": 0.34,
    "rededge": 0.26,
    "rededge1": 0.26,
    "rededge2": 0.24,
    "nir": 0.2,
    "nir1": 0.2,
    "nir2": 0.17,
}
"""Path radiance in the bands, relative to coastal: about wavelength^−2.4."""

HAZE_PAN = 0.62
"""Path radiance in pan, relative to coastal."""

DARK_REDNESS = 0.5
"""Slope of coastal, or of blue, over red in the darkest land under a clear sky."""

HAZE_CLEAR = {"coastal": 0.003, "blue": 0.006}
"""Reflectance that the darkest land has in a sensor's first band beyond `DARK_REDNESS` × red under
a clear sky. For blue, from simulated passes and the real pair of WorldView-2: haze by blue differs
from that by coastal by 0.017 (root mean square)."""

HAZE_WHITE = 0.2
"""Haze, in coastal reflectance, that leaves no contrast; the loss grows with its square."""

CLASSES = (6, 6, 5)
"""Steps of greenness, lightness and redness, whose combinations are the classes of land cover."""

MANY_CLASSES = 40.0
"""Exponential of the entropy of classes that counts as full variety."""

STRONG_STRUCTURE = 0.25
"""Mean difference between neighbours, in the logarithm of pan, that counts as full structure."""


@dataclass(eq=False)
class Measures:
    """Sums over the tiles of a pass; `+` adds two of them.

    Attributes:
        valid: pixels with data.
        cloudy: valid pixels under cloud.
        clear: valid pixels well away from cloud.
        wet: clear pixels of water.
        haze: haze of each tile, in coastal reflectance, times its clear pixels.
        classes: pixels of clear land in each class of land cover.
        differences: on clear land, sum of the differences between neighbours in the logarithm of
            pan.
        neighbours: number of those pairs of neighbours.
    """

    valid: int = 0
    cloudy: int = 0
    clear: int = 0
    wet: int = 0
    haze: float = 0.0
    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(math.prod(CLASSES), np.int64))
    differences: float = 0.0
    neighbours: int = 0

    def __add__(self, other: "Measures") -> "Measures":
        """The measures of both together."""
        names = [one.name for one in fields(self)]
        return Measures(**{name: getattr(self, name) + getattr(other, name) for name in names})

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
        """Number of classes of land cover, on a logarithmic scale 0..1."""
        total = self.classes.sum()
        if not total:
            return 0.0
        shares = self.classes[self.classes > 0] / total
        entropy = -float((shares * np.log(shares)).sum())
        return min(1.0, entropy / math.log(MANY_CLASSES))

    @property
    def structure(self) -> float:
        """Strength of edges, 0..1."""
        if not self.neighbours:
            return 0.0
        return min(1.0, self.differences / self.neighbours / STRONG_STRUCTURE)


@dataclass(frozen=True, slots=True)
class Rating:
    """The rating of a pass; the fields are columns of `ratings.csv`.

    Attributes:
        cid: catalog ID.
        platform: the name of its sensor, such as `WV02`.
        first, last: dates of its tiles.
        zones: UTM zones, with spaces between.
        tiles: number of usable tiles.
        looked: number of these tiles that were read.
        reported: percent under cloud by the metadata; None if no item has the figure.
        clouds: percent under cloud in the overviews.
        haze: percent of contrast lost to haze.
        wet: percent of clear ground under water.
        variety, structure: 0..1, as in `Measures`.
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
        """The `quality_index` of the three ratings, 0..1."""
        return quality_index(self.seeing, self.water, self.interest)


def quality_index(seeing: float, water: float, interest: float) -> float:
    """One number from three ratings, 0..1: (water / 4)^½ · (interest / 4)² · max(0, seeing − 3).

    Interest counts most, water least; a pass with a seeing of 3 or less is worth nothing.

    >>> quality_index(4, 4, 4)
    1.0
    """
    return math.sqrt(water / 4) * (interest / 4) ** 2 * max(0.0, seeing - 3)


def rate(measures: Measures, reported: float | None) -> tuple[float, float, float]:
    """Rate seeing, water and interest, 0..4.

    A bad share s of the ground gives 4 · (1 − s^0.6): 4 for none, 3 for 0.1, 2 for 0.3, 1 for 0.6.

    - seeing: s = 1 − (1 − cloud)(1 − veil); cloud is the mean of the measured and the reported
      share.
    - water: s is the share of clear ground under water.
    - interest: 4 · √(variety · structure) of clear land.

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
    sensor: Sensor,
) -> Measures:
    """Measure the overviews of a tile.

    Args:
        pan: (h, w) counts.
        pan_valid: (h, w).
        mul: (n, h', w') counts.
        mul_valid: (h', w').
        sensor: the sensor, which has n bands. Water and plants are found by near infrared, so it
            sees that.
    """
    valid = int(mul_valid.sum())
    if not valid:
        return Measures()
    bands = (mul / SCALE).astype(np.float32)
    # Haze is measured where there is no cloud. Once it is subtracted, bright ground isn't mistaken
    # for cloud any more, nor shadow for water.
    clear = mul_valid & ~find_clouds(bands, mul_valid, sensor)
    haze = measure_haze(bands, clear & ~find_water(bands, clear, sensor), sensor)
    bands = (bands - haze * haze_spectrum(sensor)[:, None, None]).clip(0.001).astype(np.float32)
    cloudy = find_clouds(bands, mul_valid, sensor)
    # The soft edges of clouds would count as edges on the ground.
    clear = mul_valid & (box_mean(cloudy.astype(np.float32), 3) == 0)
    wet = find_water(bands, clear, sensor)
    land = clear & ~wet
    classes = np.bincount(cover_classes(bands, sensor)[land], minlength=math.prod(CLASSES))
    differences, neighbours = _differences(pan, pan_valid & _enlarge(land, pan.shape), haze * HAZE_PAN)
    seen = int(clear.sum())
    return Measures(
        valid=valid,
        cloudy=int(cloudy.sum()),
        clear=seen,
        wet=int(wet.sum()),
        haze=haze * seen,
        classes=classes.astype(np.int64),
        differences=differences,
        neighbours=neighbours,
    )


def haze_spectrum(sensor: Sensor) -> NDArray[np.float32]:
    """Path radiance in the bands of a sensor, relative to coastal: float32 (n,)."""
    return np.array([HAZE_SPECTRUM[band] for band in sensor.bands], np.float32)


def _planes(bands: NDArray[np.float32], sensor: Sensor, names: tuple[str, ...]) -> NDArray[np.float32]:
    """The bands of some names, in their order."""
    return bands[[sensor.bands.index(name) for name in names]]


def find_clouds(bands: NDArray[np.float32], valid: NDArray[np.bool_], sensor: Sensor) -> NDArray[np.bool_]:
    """Find cloud: bright, as bright in blue as in red, and wider than a roof.

    Args:
        bands: reflectance (n, h, w).
        valid: bool (h, w).
        sensor: the sensor.

    Returns:
        bool (h, w). Snow and salt count as cloud.
    """
    band = dict(zip(sensor.bands, bands, strict=True))
    visible, infrared = _planes(bands, sensor, sensor.visible), band[sensor.infrared[0]]
    white = (visible.max(0) - visible.min(0)) < 0.35 * visible.mean(0)
    bright = (band["blue"] > 0.18) & (band["blue"] - 0.5 * band["red"] > 0.08) & (infrared > 0.15)
    return valid & (box_mean((white & bright & valid).astype(np.float32), 4) > 0.5)


def find_water(bands: NDArray[np.float32], clear: NDArray[np.bool_], sensor: Sensor) -> NDArray[np.bool_]:
    """Find water: dark in the infrared, brighter in green, and wider than a shadow.

    Args:
        bands: reflectance (n, h, w).
        clear: bool (h, w), the ground to search.
        sensor: the sensor.

    Returns:
        bool (h, w).
    """
    band = dict(zip(sensor.bands, bands, strict=True))
    infrared = _planes(bands, sensor, sensor.infrared).max(0)
    visible = np.maximum(band["green"], band["blue"])
    wet = clear & (infrared < 0.12) & (visible > 1.4 * infrared)
    return clear & (box_mean(wet.astype(np.float32), 2) > 0.5)


def measure_haze(bands: NDArray[np.float32], land: NDArray[np.bool_], sensor: Sensor) -> float:
    """Haze, as the reflectance it adds to coastal, from the darkest land.

    Args:
        bands: reflectance (n, h, w).
        land: bool (h, w), the ground to search.
        sensor: the sensor.
    """
    dark = _planes(bands, sensor, sensor.visible).mean(0)[land]
    if not dark.size:
        return 0.0
    darkest = dark <= np.quantile(dark, 0.03)
    red, spectrum = sensor.bands.index("red"), haze_spectrum(sensor)
    excess = float((bands[0][land] - DARK_REDNESS * bands[red][land])[darkest].mean())
    added = float(spectrum[0] - DARK_REDNESS * spectrum[red])
    return max(0.0, excess - HAZE_CLEAR[sensor.bands[0]]) / added


def cover_classes(bands: NDArray[np.float32], sensor: Sensor) -> NDArray[np.int64]:
    """The class of land cover of each pixel, int64 (h, w): its greenness, lightness and redness."""
    blue, red, infrared = _planes(bands, sensor, ("blue", "red", sensor.infrared[0]))
    greenness = (infrared - red) / (infrared + red)
    lightness = np.sqrt(_planes(bands, sensor, sensor.visible).mean(0))
    redness = (red - blue) / (red + blue)
    steps = (
        np.clip((greenness + 0.1) / 1.0 * CLASSES[0], 0, CLASSES[0] - 1),
        np.clip(lightness / 0.7 * CLASSES[1], 0, CLASSES[1] - 1),
        np.clip((redness + 0.2) / 0.8 * CLASSES[2], 0, CLASSES[2] - 1),
    )
    first, second, third = (step.astype(np.int64) for step in steps)
    classes: NDArray[np.int64] = (first * CLASSES[1] + second) * CLASSES[2] + third
    return classes


def _differences(pan: NDArray[np.uint16], land: NDArray[np.bool_], haze: float) -> tuple[float, int]:
    """Sum and number of the differences between neighbours in the logarithm of pan."""
    light = np.log(np.maximum(pan.astype(np.float32) / SCALE - haze, 0.01))
    total, count = 0.0, 0
    for difference, both in (
        (np.abs(np.diff(light, axis=0)), land[1:] & land[:-1]),
        (np.abs(np.diff(light, axis=1)), land[:, 1:] & land[:, :-1]),
    ):
        total += float(difference[both].sum())
        count += int(both.sum())
    return total, count


def _enlarge(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask on a finer grid over the same ground, each pixel from the nearest."""
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.int64), old - 1)
        for new, old in zip(shape, mask.shape, strict=True)
    )
    larger: NDArray[np.bool_] = mask[rows][:, columns]
    return larger


def box_mean(field: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The mean over a square of 2·radius + 1 pixels a side; at the border, over the part inside."""

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.pad(values, radius + 1)[:-1, :-1].cumsum(0).cumsum(1)
        side = 2 * radius + 1
        lower, upper = sums[side:], sums[:-side]
        boxes: NDArray[np.float64] = lower[:, side:] - upper[:, side:] - lower[:, :-side] + upper[:, :-side]
        return boxes

    inside = total(np.ones(field.shape, np.float64))
    return (total(field.astype(np.float64)) / inside).astype(np.float32)
