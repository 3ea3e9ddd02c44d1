"""One code for numpy arrays and torch tensors, by the Python array API standard.

A function of arrays returns the kind of array that it is given. Torch isn't imported unless tensors
come in.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

ArrayT = TypeVar("ArrayT", NDArray[Any], "Tensor")
"""A numpy array or a torch tensor."""


def namespace(array: Any) -> Any:
    """The functions of the array API standard for a numpy array or a torch tensor.

    Example:
        >>> namespace(np.ones(2)) is np
        True
    """
    # Numpy 2 follows the standard by itself; its namespace in array_api_compat takes 0.1 s to load.
    if isinstance(array, np.ndarray | np.generic):
        return np
    from array_api_compat import torch

    return torch


def like(values: Any, array: ArrayT) -> ArrayT:
    """Values as an array of the kind, data type and device of another."""
    found: ArrayT = namespace(array).asarray(values, dtype=array.dtype, device=array.device)
    return found


def constant_like(values: NDArray[Any], array: ArrayT) -> ArrayT:
    """A small constant array, as `like` gives it; don't change it.

    A tensor is kept for each data type and device, since a copy to a GPU would wait for it.
    """
    if isinstance(array, np.ndarray):
        return np.asarray(values, dtype=array.dtype)
    kept: ArrayT = _constant(values.tobytes(), values.dtype.str, values.shape, array.dtype, array.device)
    return kept


@lru_cache(maxsize=256)
def _constant(data: bytes, kind: str, shape: tuple[int, ...], dtype: Any, device: Any) -> "Tensor":
    import torch

    # A tensor that is made in inference mode couldn't serve training later.
    with torch.inference_mode(False):
        return torch.tensor(np.frombuffer(data, kind).reshape(shape), dtype=dtype).to(device)


def as_numpy(array: Any) -> NDArray[Any]:
    """A numpy array, or a tensor of any device as one."""
    return array if isinstance(array, np.ndarray) else np.asarray(array.detach().cpu())
