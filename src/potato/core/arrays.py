"""One code for numpy arrays and torch tensors, by the Python array API standard.

A function of arrays returns the kind of array that it is given. Torch isn't imported unless tensors
come in.
"""

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


def as_numpy(array: Any) -> NDArray[Any]:
    """A numpy array, or a tensor of any device as one."""
    return array if isinstance(array, np.ndarray) else np.asarray(array.detach().cpu())
