"""Sharpening in torch, for GPUs: large blocks, moved there and back once."""

import numpy as np
import torch

from potato.core.radiometry import counts_to_reflectance
from potato.core.render import Look, render, threshold_of
from potato.core.resample import enlarge_mask, from_cells, to_cells
from potato.core.sensors import Sensor
from potato.core.types import Codes
from potato.model.model import Model
from potato.model.network import Sharpener, sharpen_cells
from potato.raster import PairPixels

LARGEST_BLOCK = 4096
"""Side of the largest block, in pan pixels: larger ones keep an H100 no busier."""

BYTES_A_PIXEL = 200
"""Memory that a block takes by pan pixel, all intermediate results counted: 150 to 170 on a CPU."""

IN_FLIGHT = 3
"""Blocks that may be on the device at once: copied there, computed, and copied back."""


class GpuBackend:
    """Sharpens blocks with torch, on any device that it knows.

    Attributes:
        read_halo: cells to read around a block.
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
        self.read_halo = network.read_halo
        self.block = block_for(_free_memory(self.device))

    def __str__(self) -> str:
        return f"{self.device}, PyTorch {torch.__version__}"

    def fuse(self, pixels: PairPixels, look: Look, row: int = 0, column: int = 0) -> Codes | None:
        """Sharpen and render the pixels of a window: `backend.Backend.fuse`."""
        halo = self.read_halo
        height, width = (side - 2 * halo for side in pixels.mul_valid.shape)
        core = pixels.crop(halo, halo, height, width)
        ratio = self._ratio
        alpha = core.pan_valid & enlarge_mask(core.mul_valid, ratio)
        if not alpha.any():
            return None
        with torch.inference_mode():
            pan = to_cells(self._reflectance(pixels.pan)[None, None], ratio)
            mul = self._reflectance(pixels.mul)[None]
            valid = None
            if not (pixels.pan_valid.all() and pixels.mul_valid.all()):
                fine, coarse = (
                    self._moved(mask)[None, None] for mask in (pixels.pan_valid, pixels.mul_valid)
                )
                valid = to_cells(fine.float(), ratio) > 0, coarse
            oklab = from_cells(sharpen_cells(self._network, pan, mul, valid, halo), ratio)[0]
            threshold = threshold_of(look, height * ratio, width * ratio, row, column)
            codes = render(oklab, look, threshold)
            result = torch.cat([codes, torch.full_like(codes[:1], look.white)]) * self._moved(alpha)
            # Of 16 bits, torch has signed integers alone.
            whole = result.to(torch.uint8 if look.bits == 8 else torch.int32).movedim(0, -1)
            found: Codes = whole.contiguous().cpu().numpy().astype(f"uint{look.bits}", copy=False)
        return np.moveaxis(found, -1, 0)

    def _moved(self, array: np.ndarray) -> torch.Tensor:
        """An array on the device."""
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _reflectance(self, counts: np.ndarray) -> torch.Tensor:
        """Counts, two bytes each on the way to the device, as reflectance there."""
        moved = self._moved(counts.view(np.int16)).to(torch.int32) & 0xFFFF
        return counts_to_reflectance(moved)


def block_for(free: int) -> int:
    """The side of a block, a multiple of 512 pan pixels, for a device with so many bytes free."""
    side = int((free / 2 / IN_FLIGHT / BYTES_A_PIXEL) ** 0.5) // 512 * 512
    return min(max(side, 512), LARGEST_BLOCK)


def _free_memory(device: torch.device) -> int:
    """Bytes that are free on a device; 4 GiB where it doesn't tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return 4 << 30
