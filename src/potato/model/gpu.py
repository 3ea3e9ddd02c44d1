"""Sharpening in torch, for GPUs: large blocks, moved there and back once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from potato.core.radiometry import counts_to_reflectance
from potato.core.render import Look, dither_phases, fold_phases, render
from potato.core.resample import from_cells, to_cells
from potato.core.sensors import SCALE, Sensor
from potato.core.types import Codes
from potato.model.bands import sharpen_bands
from potato.model.model import BAND_HALOS, Model
from potato.model.network import Sharpener, sharpen_cells
from potato.raster.pair import PairPixels

LARGEST_BLOCK = 4096
"""Side of the largest block, in pan pixels: larger ones keep an H100 no busier."""

BYTES_A_PIXEL, BYTES_A_CELL = 120, 1280
"""Memory of a block with all intermediate results. It is set to more than twice what a CPU needs:
81 bytes a pixel for WorldView-2, and 173 for Landsat, whose cells have fewer pixels."""

IN_FLIGHT = 3
"""Blocks that may be on the device at once: copied there, computed, and copied back."""


class _Read(NamedTuple):
    """Arguments of `sharpen_cells` and `sharpen_bands`, and which pixels of the result are valid.

    The masks are None where all is valid.
    """

    pan: torch.Tensor
    mul: torch.Tensor
    valid: tuple[torch.Tensor, torch.Tensor] | None = None
    alpha: torch.Tensor | None = None


class GpuBackend:
    """Sharpens blocks with torch, on any device that it knows.

    Attributes:
        read_halo: cells to read around a block.
        bands_halo: cells to read around a block whose bands are wanted.
        block: the side of a block that fits into the memory of the device, in pan pixels.
        most_calls: enough that copies and computation overlap.
        device: where it computes.
    """

    most_calls: int | None = IN_FLIGHT

    def __init__(self, model: Model, device: str, sensor: Sensor) -> None:
        self._ratio = sensor.ratio
        self.device = torch.device(device)
        network = Sharpener.of(model, sensor).to(self.device)
        self._network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its stub lacks it
        self._sensor = sensor
        self.read_halo = network.read_halo
        self.bands_halo = max(self.read_halo, BAND_HALOS.read)
        self.block = block_for(_free_memory(self.device), sensor.ratio)

    def __str__(self) -> str:
        return f"{self.device}, PyTorch {torch.__version__}"

    def fuse(self, pixels: PairPixels, look: Look, row: int = 0, column: int = 0) -> Codes | None:
        """Sharpen and render the pixels of a window: `backend.Backend.fuse`."""
        read = self._read(pixels, self.read_halo)
        if read is None:
            return None
        with torch.inference_mode():
            oklab = from_cells(
                sharpen_cells(self._network, read.pan, read.mul, read.valid, self.read_halo), self._ratio
            )[0]
            height, width = oklab.shape[1:]
            threshold: torch.Tensor | float = 0.5
            if look.dithers:
                threshold = fold_phases(*map(self._moved, dither_phases(height, width, row, column)))
            codes = render(oklab, look, threshold)
            result = torch.cat([codes, torch.full_like(codes[:1], look.white)])
            if read.alpha is not None:
                result *= read.alpha
            # torch hardly supports unsigned integers of 16 bits.
            whole = result.to(torch.uint8 if look.bits == 8 else torch.int32)
            found: Codes = whole.cpu().numpy().astype(f"uint{look.bits}", copy=False)
        return found

    def fuse_bands(self, pixels: PairPixels, bands: Sequence[int]) -> NDArray[np.uint16] | None:
        """Sharpen bands of a window that includes `bands_halo`: `backend.Backend.fuse_bands`."""
        read = self._read(pixels, self.bands_halo)
        if read is None:
            return None
        with torch.inference_mode():
            cells = sharpen_bands(
                self._network, read.pan, read.mul, self._sensor, read.valid, self.bands_halo
            )[:, list(bands)]
            counts = from_cells(cells.flatten(1, 2), self._ratio)[0] * SCALE
            result = counts.clamp(1, 65_535).round()
            if read.alpha is not None:
                result *= read.alpha
            found: NDArray[np.uint16] = result.to(torch.int32).cpu().numpy().astype(np.uint16)
        return found

    def _read(self, pixels: PairPixels, halo: int) -> "_Read | None":
        """A window with a halo, on the device; None if nothing inside the halo is valid."""
        valid = alpha = None
        with torch.inference_mode():
            if not (pixels.pan_valid.all() and pixels.mul_valid.all()):
                fine, coarse = (
                    self._moved(mask)[None, None] for mask in (pixels.pan_valid, pixels.mul_valid)
                )
                valid = to_cells(fine.float(), self._ratio) > 0, coarse
                both = from_cells((valid[0] & coarse).float(), self._ratio)[0, 0] > 0
                edge = halo * self._ratio
                alpha = both[edge : both.shape[0] - edge, edge : both.shape[1] - edge]
                if not alpha.any():
                    return None
            pan = to_cells(self._reflectance(pixels.pan)[None, None], self._ratio)
            return _Read(pan, self._reflectance(pixels.mul)[None], valid, alpha)

    def _moved(self, array: np.ndarray) -> torch.Tensor:
        """An array on the device."""
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _reflectance(self, counts: np.ndarray) -> torch.Tensor:
        """Counts, two bytes each on the way to the device, as reflectance there."""
        moved = self._moved(counts.view(np.int16)).to(torch.int32) & 0xFFFF
        return counts_to_reflectance(moved)


def block_for(free: int, ratio: int) -> int:
    """The side of a block, a multiple of 512 pan pixels, for a device with so many bytes free."""
    pixels = free / 2 / IN_FLIGHT / (BYTES_A_PIXEL + BYTES_A_CELL / ratio**2)
    side = int(pixels**0.5) // 512 * 512
    return min(max(side, 512), LARGEST_BLOCK)


def _free_memory(device: torch.device) -> int:
    """Bytes that are free on a device; 4 GiB where it doesn't tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return 4 << 30
