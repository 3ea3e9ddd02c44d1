"""Counts to reflectance and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from potato.core.arrays import ArrayT, namespace
from potato.core.color import srgb_decode
from potato.core.sensors import SCALE
from potato.errors import BandError

MOST_SCALE = 1000
"""The largest scale, and the largest offset, of a calibration: far above any that is published."""


def counts_to_reflectance(counts: ArrayT) -> ArrayT:
    """Convert counts to reflectance.

    Args:
        counts: any shape and number type, in units of 1 / `SCALE`.

    Returns:
        float32 of that shape: 0..1, and above on specular targets and clouds.

    Example:
        >>> counts_to_reflectance(np.array([0, 2500], np.uint16)).tolist()
        [0.0, 0.25]
    """
    xp = namespace(counts)
    reflectance: ArrayT = xp.astype(counts, xp.float32) / SCALE
    return reflectance


def reflectance_to_counts(reflectance: Any, least: int = 0) -> NDArray[np.uint16]:
    """Convert reflectance to the nearest counts.

    Args:
        reflectance: an array, or a tensor on the CPU, of any shape.
        least: the smallest count to give; 1 keeps dark pixels apart from invalid ones, which are 0.

    Returns:
        uint16 of that shape, from `least` to 65,535.

    Example:
        >>> reflectance_to_counts(np.array([-0.1, 0.25, 9.0])).tolist()
        [0, 2500, 65535]
    """
    return np.round(np.asarray(reflectance) * SCALE).clip(least, 65_535).astype(np.uint16)


@dataclass(frozen=True)
class Calibration:
    """How the numbers of an image become reflectance: gain · number + offset, band by band.

    Attributes:
        gains: reflectance of one count, for each band that is read or for all.
        offsets: reflectance of count 0, likewise.
        product: what the reflectance is, for messages and metadata: `surface`, `toa`, `stated`; or
            `picture`, if gain · number + offset is an sRGB signal, whose light counts.

    Raises:
        BandError: if a gain isn't above 0, or a number is beyond `MOST_SCALE`.
    """

    gains: tuple[float, ...]
    offsets: tuple[float, ...]
    product: str

    def __post_init__(self) -> None:
        least = [0 < gain <= MOST_SCALE for gain in self.gains]
        if not all((*least, *(abs(offset) <= MOST_SCALE for offset in self.offsets))):
            raise BandError(
                f"expected a scale above 0 and an offset, both up to {MOST_SCALE:,}, found {self}"
            )

    def __str__(self) -> str:
        """Scale and offset, for messages."""
        return f"scale {_listed(self.gains)} and offset {_listed(self.offsets)}"

    def apply(self, numbers: NDArray[Any]) -> NDArray[np.uint16]:
        """The counts, in units of 1 / `SCALE`, of an image.

        Args:
            numbers: (n, h, w) of any type, as the file has them.

        Returns:
            uint16 (n, h, w), 0..65,535; NaN becomes 0.
        """
        shape = (-1, 1, 1)
        with np.errstate(over="ignore", invalid="ignore"):  # at invalid pixels
            reflectance = numbers.astype(np.float32)
            if self.product == DEVELOPED.product:
                gains, offsets = (np.array(each, np.float32) for each in (self.gains, self.offsets))
                reflectance = srgb_decode(reflectance * gains.reshape(shape) + offsets.reshape(shape))
                reflectance = reflectance * np.float32(SCALE) + np.float32(0.5)
            else:
                reflectance *= np.array(self.gains, np.float32).reshape(shape) * SCALE
                reflectance += np.array(self.offsets, np.float32).reshape(shape) * SCALE + np.float32(0.5)
        counts: NDArray[np.uint16] = np.nan_to_num(reflectance, copy=False).clip(0, 65_535).astype(np.uint16)
        return counts


def _listed(numbers: Sequence[float]) -> str:
    """Numbers for a message, each once."""
    return ", ".join(dict.fromkeys(f"{number:g}" for number in numbers))  # NaN equals no NaN


STORED = Calibration((1 / SCALE,), (0.0,), "surface")
"""The calibration of numbers that are counts of reflectance already."""

DEVELOPED = Calibration((1 / 255,), (0.0,), "picture")
"""The calibration of a picture of 8 bits that was developed for the eye."""
