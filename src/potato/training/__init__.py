"""Training: sessions that go on after a kill, their steps, checkpoints and logs.

Importing this loads no torch, so that the help of `potato train` can read the defaults of
`TrainConfig`.
"""

from typing import TYPE_CHECKING, Any

from potato.training.config import TrainConfig

if TYPE_CHECKING:
    from potato.training.run import Trained, train

__all__ = ["Settings", "TrainConfig", "Trained", "train"]

Settings = TrainConfig
"""The name of `TrainConfig` in version 0.1."""


def __getattr__(name: str) -> Any:
    if name in ("Trained", "train"):
        from potato.training import run

        return getattr(run, name)
    raise AttributeError(f"module 'potato.training' has no attribute {name!r}")
