"""Deliveries: the tiles of an ARD sharpened into a folder of pictures, by the thousand."""

from potato.fusion.delivery.deliver import fuse_ard
from potato.fusion.delivery.summary import Delivered, Forecast

__all__ = ["Delivered", "Forecast", "fuse_ard"]
