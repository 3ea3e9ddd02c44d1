"""Training: sessions that go on after a kill, their steps, checkpoints and logs.

Importing this loads no torch, so that the help of `potato train` can read the defaults of
`TrainConfig`.
"""

import warnings
from typing import TYPE_CHECKING, Any

from potato.training.config import OLD_NAMES, TrainConfig

if TYPE_CHECKING:
    from potato.training.run import Trained, train

__all__ = ["Settings", "TrainConfig", "Trained", "train"]


def Settings(**options: Any) -> TrainConfig:  # noqa: N802  (a class in version 0.1)
    """`TrainConfig` by its name, and optionally the option names, of version 0.1."""
    warnings.warn("potato.training.Settings is now TrainConfig", DeprecationWarning, stacklevel=2)
    return TrainConfig(**{OLD_NAMES.get(name, name): value for name, value in options.items()})


def __getattr__(name: str) -> Any:
    if name in ("Trained", "train"):
        from potato.training import run

        return getattr(run, name)
    raise AttributeError(f"module 'potato.training' has no attribute {name!r}")
