"""Where to compute: on the CPU, or on a GPU by way of PyTorch.

Nothing here loads PyTorch, which takes a second, unless this machine may have a GPU.
"""

import math
import platform
from importlib.util import find_spec
from pathlib import Path

from potato.core.installation import install_command
from potato.core.text import one_line
from potato.engine.threads import available_cores
from potato.errors import ExtraError, InputError

CPU = "cpu"

KINDS = ("cuda", "mps", "xpu")
"""Beginnings of PyTorch's names of GPUs."""

CPU_SPEED = 8e6
"""Pan pixels a second that a core sharpens, reading and writing included (docs/speed.md)."""

GPU_SPEED = 160e6
"""Pan pixels a second with a GPU, which waits for reading and writing (an H200 and 16 cores)."""

GPU_START = 4.5
"""Seconds until PyTorch and that GPU were ready: 3 for PyTorch, 1.5 for CUDA and its libraries."""

GPU_FILES = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg", "C:/Windows/System32/nvcuda.dll")
"""Files of which a machine with a GPU has one: NVIDIA's, AMD's, that of WSL, and of Windows."""


def choose_device(name: str = "auto", pixels: int | None = None) -> str:
    """The device of that name.

    Args:
        name: `cpu`, `cuda`, `cuda:1`, `mps`; or `auto`, the fastest that is there.
        pixels: how many pan pixels there are to sharpen, if that is the work: few are done sooner
            on the CPU than a GPU is ready.

    Returns:
        `cpu`, or the name of a device that PyTorch can use.

    Raises:
        InputError: if this machine has no such device.
        ExtraError: if the device needs PyTorch, which isn't installed.
    """
    if name == CPU:
        return CPU
    if name == "auto":
        if pixels is not None and pixels < gpu_pays_from():
            return CPU
        return next(iter(find_gpus()), CPU)
    expected = "expected a device such as auto, cpu, cuda or mps"
    if not name.startswith(KINDS):
        raise InputError(f"{expected}, found {name}")
    if find_spec("torch") is None:
        raise ExtraError(
            f"expected PyTorch for the device {name}, found none: {install_command('gpu')}", name="torch"
        )
    import torch

    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except Exception as error:  # torch raises AssertionError, RuntimeError and others here
        raise InputError(f"{expected}, found {name}: {one_line(error, 120)}") from error
    return str(device)


def gpu_pays_from() -> float:
    """The number of pan pixels from which a GPU is done before the CPU; infinite with many cores.

    A GPU computes sooner, but has to start, and doesn't speed up reading and writing.
    """
    gain = 1 / (CPU_SPEED * available_cores()) - 1 / GPU_SPEED
    return GPU_START / gain if gain > 0 else math.inf


def find_gpus() -> dict[str, str]:
    """The GPUs that PyTorch can use, the best first: each device's name, and its hardware's."""
    if not may_have_gpu() or find_spec("torch") is None:
        return {}
    import torch

    if torch.cuda.is_available():
        return {f"cuda:{n}": torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())}
    return {"mps": "Apple"} if torch.backends.mps.is_available() else {}


def may_have_gpu() -> bool:
    """Whether this machine shows a sign of a GPU; without one, PyTorch needn't be asked."""
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    return any(Path(file).exists() for file in GPU_FILES)
