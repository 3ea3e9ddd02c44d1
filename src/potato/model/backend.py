"""Backends: the same sharpening in native code for the CPU, and in torch for GPUs."""

import functools
from typing import Protocol

from potato.core.render import Look
from potato.core.types import Codes
from potato.model.model import HasModel, Model, as_model
from potato.raster import PairPixels


class Backend(Protocol):
    """What sharpens blocks; its methods may be called from many threads at once.

    Attributes:
        read_halo: cells to read around a block, on every side.
        block: the side of a block, in pan pixels, for which it works best.
        most_calls: how many calls at once it gains by; None for one per core.
    """

    read_halo: int
    block: int
    most_calls: int | None

    def fuse(self, pixels: PairPixels, look: Look, row: int = 0, column: int = 0) -> Codes | None:
        """Sharpen and render the pixels of a window that includes `read_halo`.

        Args:
            pixels: a window of h + 2·read_halo by w + 2·read_halo cells.
            look: the rendering.
            row: pan row of the picture at which the result begins; sets the phase of the dither.
            column: pan column of the picture at which the result begins; sets the phase likewise.

        Returns:
            RGBA codes (4, 4h, 4w), 0 where invalid, the four of a pixel together in memory; None if
            nothing is valid.
        """


def open_backend(model: Model | HasModel, device: str = "cpu") -> Backend:
    """The backend of a device, with a model.

    Args:
        model: from `load_model`, or a network.
        device: from `engine.devices.choose_device`.
    """
    return _opened(as_model(model), device)


# Web tiles ask for the backend of one model again and again.
@functools.lru_cache(maxsize=4)
def _opened(model: Model, device: str) -> Backend:
    if device == "cpu":
        from potato.model.native import NativeBackend

        return NativeBackend(model)
    from potato.model.gpu import GpuBackend

    return GpuBackend(model, device)
