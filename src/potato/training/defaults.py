"""Sizes of batches and numbers of processes where none are asked for."""

import os

import torch

from potato.engine.threads import available_cores
from potato.model.model import Architecture
from potato.training.config import BATCH_SIZE

CUDA_BATCH_SIZE = 32
"""Chips that a step on CUDA learns from. A GPU finishes fewer before the next calls reach it."""

MICRO_BATCH = 4
"""Chips computed at once where memory isn't asked, as on a CPU, which gains nothing from more."""

_PIXEL_BYTES = 128
"""Memory of a step for a pixel of pan, hidden layers apart: measured on a CPU, 143 to 161 in all
with 32 × 4, 64 × 4 and 32 × 8."""

_MEMORY_SHARE = 0.5
"""Share of a GPU's free memory that a step may fill; convolutions need some beside it."""

_MOST_WORKERS = 16
"""Loader processes of a training process; each makes about 100 chips of 512² a second."""


def default_batch_size(device: torch.device, processes: int = 1) -> int:
    """Chips that a step learns from: 1, or 32 on CUDA; more if the processes don't divide these.

    By small steps, a network learns more from as many chips, for little more time on a CPU:
    dev/LOG.md, "One chip in a step".
    """
    least = CUDA_BATCH_SIZE if device.type == "cuda" else BATCH_SIZE
    return -(-least // processes) * processes


def default_workers(device: torch.device) -> int:
    """Loader processes: 1 on a CPU; beside a GPU, all cores but one, shared by its processes."""
    if device.type == "cpu":
        return 1
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", 1))  # set by torchrun
    return min(_MOST_WORKERS, max(1, available_cores() // beside - 1))


def default_micro_batch(size: tuple[int, int], architecture: Architecture, device: torch.device) -> int:
    """Chips computed at once: 4, or on CUDA as many as half of the free memory holds.

    Args:
        size: height and width of a chip in pan pixels.
        architecture: of the network.
        device: where to compute.
    """
    if device.type != "cuda":
        return MICRO_BATCH
    return chips_in(torch.cuda.mem_get_info(device)[0], size, architecture)


def chips_in(free: int, size: tuple[int, int], architecture: Architecture) -> int:
    """Chips that can be computed at once, at least 1.

    Args:
        free: bytes of memory.
        size: height and width of a chip in pan pixels.
        architecture: of the network.
    """
    # Each hidden layer keeps a float32 for each channel of a cell.
    hidden = architecture.width * architecture.depth * 4 / architecture.ratio**2
    return max(1, int(_MEMORY_SHARE * free / (size[0] * size[1] * (_PIXEL_BYTES + hidden))))
