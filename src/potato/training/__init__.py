"""Training: a plain loop, its data, and sessions that survive being killed."""

from potato.training.run import Trained, train
from potato.training.settings import Settings

__all__ = ["Settings", "Trained", "train"]
