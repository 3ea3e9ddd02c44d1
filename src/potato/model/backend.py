"""Backends: the same sharpening in native code for the CPU, and in torch for GPUs."""

import functools
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from potato.core.render import Look
from potato.core.sensors import Sensor
from potato.core.types import Codes
from potato.model.model import HasModel, Model, as_model
from potato.model.weights import check_fit
from potato.raster.pair import PairPixels


class Backend(Protocol):
    """A sharpener of blocks; its methods may be called from many threads at once.

    Attributes:
        read_halo: cells to read around a block, on every side.
        bands_halo: cells to read around a block whose bands are wanted.
        block: the side of a block, in pan pixels, for which it works best.
        most_calls: the most calls at once that make it faster; None for one per core.
    """

    read_halo: int
    bands_halo: int
    block: int
    most_calls: int | None

    def fuse(self, pixels: PairPixels, look: Look, row: int = 0, column: int = 0) -> Codes | None:
        """Sharpen and render the pixels of a window that includes `read_halo`.

        Args:
            pixels: a window of h + 2·read_halo by w + 2·read_halo cells, with the ratio r.
            look: the rendering.
            row: pan row of the picture at which the result begins; sets the phase of the dither.
            column: pan column of the picture at which the result begins; sets the phase likewise.

        Returns:
            RGBA codes (4, rh, rw), 0 where invalid; None if nothing is valid.
        """

    def fuse_bands(self, pixels: PairPixels, bands: Sequence[int]) -> NDArray[np.uint16] | None:
        """Sharpen bands of a window that includes `bands_halo`.

        Args:
            pixels: a window of h + 2·bands_halo by w + 2·bands_halo cells, with the ratio r.
            bands: their numbers among the sensor's, from 0.

        Returns:
            Counts of reflectance (bands, rh, rw): 0 where invalid, at least 1 elsewhere; None if
            nothing is valid.
        """


def open_backend(model: Model | HasModel, sensor: Sensor, device: str = "cpu") -> Backend:
    """The backend of a device, with a model for pairs of a sensor.

    Args:
        model: from `load_model`, or a network.
        sensor: that of the pair.
        device: from `engine.devices.choose_device`.

    Raises:
        WeightsError: if the model can't read pairs of the sensor.
    """
    return _opened(check_fit(as_model(model), sensor), sensor, device)


# Web tiles ask for the backend of one model again and again.
@functools.lru_cache(maxsize=4)
def _opened(model: Model, sensor: Sensor, device: str) -> Backend:
    if device == "cpu":
        from potato.model.native import NativeBackend

        return NativeBackend(model, sensor)
    from potato.model.gpu import GpuBackend

    return GpuBackend(model, device, sensor)
