"""The extension module that is built from the folder `native`."""

from typing import Any

from numpy.typing import NDArray

SETS: dict[str, int]

def sharpen(
    instruction_set: str,
    facts: NDArray[Any],
    kernels: tuple[NDArray[Any], ...],
    ratio: int,
    given: int,
    pan: NDArray[Any] | None,
    mul: NDArray[Any],
    pan_valid: NDArray[Any] | None,
    mul_valid: NDArray[Any] | None,
    look: tuple[int, float, float, float, tuple[float, float, float], tuple[float, float, float]],
    row_dither: NDArray[Any] | None,
    column_dither: NDArray[Any] | None,
    out: NDArray[Any] | None,
    workspace: NDArray[Any] | None,
    /,
) -> int: ...
def sharpen_bands(
    instruction_set: str,
    facts: NDArray[Any],
    band_facts: NDArray[Any],
    ratio: int,
    given: int,
    pan: NDArray[Any],
    mul: NDArray[Any],
    pan_valid: NDArray[Any] | None,
    mul_valid: NDArray[Any] | None,
    chosen: NDArray[Any],
    oklab: NDArray[Any] | None,
    out: NDArray[Any] | None,
    workspace: NDArray[Any] | None,
    /,
) -> int: ...
