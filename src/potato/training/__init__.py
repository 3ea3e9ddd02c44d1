"""Training: a plain loop, its data, and sessions that survive being killed."""

from potato.training.config import Settings
from potato.training.run import Trained, train

__all__ = ["Settings", "Trained", "train"]
