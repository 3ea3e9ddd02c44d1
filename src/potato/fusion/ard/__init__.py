"""Sharpening a whole ARD: its tiles become a folder of pictures, by the thousand."""

from potato.fusion.ard.ard_run import fuse_ard
from potato.fusion.ard.summary import Forecast, FusedArd

__all__ = ["Forecast", "FusedArd", "fuse_ard"]
