"""Where to compute."""

import torch

from potato.errors import InputError

__all__ = ["choose_device"]


def choose_device(name: str = "auto") -> torch.device:
    """The device of a name; `auto` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        InputError: if this machine has no such device.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except Exception as error:  # torch raises AssertionError, RuntimeError and others here
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"expected a device such as auto, cpu, cuda or mps, found {name}: {reason}"
        ) from error
    return device
